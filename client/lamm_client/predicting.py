"""What a run says of frames: declared once, then logged frame by frame like everything else."""

from __future__ import annotations

import logging
from typing import Any

import numpy.typing as npt

from lamm_client.background import Pipeline
from lamm_client.errors import LammError, NotFoundError
from lamm_client.frames import Frame
from lamm_client.labels import Ontology
from lamm_client.predictions import prediction_of
from lamm_client.sending import AWAY, ask
from lamm_client.spooling import Entry

log = logging.getLogger("lamm_client")


class Predicts:
    """The part of a run that logs predictions."""

    _pipeline: Pipeline
    _declared: dict[str, Any] | None = None
    _asked = False

    def declare_predictions(
        self,
        ontology: Ontology | str,
        measure: str = "",
        unit: str = "",
        low: float | None = None,
        high: float | None = None,
    ) -> None:
        """Say in which ontology the run predicts, and what its uncertainty per point measures.

        `measure` is predictive_entropy, mutual_information, expected_entropy (unit "nats" or "normalised"),
        variation_ratio, disagreement, variance or custom; no value goes beyond `low` and `high`, which follow from the
        measure but for custom ones. Raises RefusedError and ConflictError when the server refuses; one that is away is
        told later.
        """
        self._check_open()
        name = ontology.name if isinstance(ontology, Ontology) else ontology
        said = {"ontology": name, "measure": measure, "unit": unit, "low": low, "high": high}
        told = None
        if self._pipeline.run is not None:
            try:
                told = self._told("PUT", json=said)
            except AWAY as error:
                log.warning("What is predicted is declared when the server is back: %s", error)
        if told is None:
            self._put({"declaration": said})
        self._declared = told or said

    def log_prediction(
        self,
        frame: Frame | int,
        classes: npt.ArrayLike,
        confidence: npt.ArrayLike | None = None,
        uncertainty: npt.ArrayLike | None = None,
        *,
        replace: bool = False,
    ) -> None:
        """Log what the model says of each point of a frame, in the order of its file; NumPy arrays or CPU tensors.

        `frame` is one of a dataset, or the id of a frame. `classes` are indices of the ontology's classes; for a frame
        of a mapped dataset the ids that it maps them to. `confidence` is the probability of the predicted class,
        `uncertainty` what `declare_predictions` said, NaN for none. What was logged before with the same values is not
        sent again; other values for a frame are refused unless `replace` is said.

        Copied to the spool at once and sent in the background. Raises LammError for what does not fit the frame or
        can't be mapped back.
        """
        self._check_open()
        declared = self._declaration(frame)
        if uncertainty is not None and not declared.get("measure"):
            raise LammError(
                "What does uncertainty measure? Say it first: "
                'run.declare_predictions("SemanticKITTI", measure="predictive_entropy").'
            )
        known = None if isinstance(frame, int) else frame.ontology
        if known is not None and known.name != declared["ontology"]:
            if frame.table is not None:  # type: ignore[union-attr]
                raise LammError(
                    f"The run predicts in {declared['ontology']}, the dataset is labelled in {known.name}: its ids "
                    "can't be mapped back. Log indices of the declared ontology, for the frame's id."
                )
            known = None
        made = prediction_of(
            frame, classes, confidence, uncertainty, ontology=known, declared=declared, replace=replace
        )
        copy = self._pipeline.open().journal.keep_bytes(made.parts)
        self._put({"predictions": [{**made.facts, "copy": copy}]})

    def _declaration(self, frame: Frame | int) -> dict[str, Any]:
        """What was declared here or by another process of this run; else the ontology of the frame's dataset."""
        if self._declared is None and not self._asked and self._pipeline.run is not None:
            self._asked = True
            try:
                self._declared = self._told("GET")
            except (NotFoundError, *AWAY):
                pass  # nobody said it yet, or it can't be heard now
        if self._declared is None:
            ontology = None if isinstance(frame, int) else frame.ontology
            if ontology is None:
                raise LammError('In which ontology? Say it first: run.declare_predictions("SemanticKITTI").')
            self.declare_predictions(ontology)
        assert self._declared is not None
        return self._declared

    def _told(self, method: str, **options: Any) -> dict[str, Any]:
        claim = self._pipeline.header.get("claim")
        headers = {"Run-Claim": claim} if claim and method != "GET" else {}
        address = f"api/runs/{self._pipeline.run}/predictions/"
        told: dict[str, Any] = ask(self._pipeline.transport, method, address, headers=headers, **options).json()
        return told

    def _check_open(self) -> None:
        raise NotImplementedError

    def _put(self, entry: Entry) -> None:
        raise NotImplementedError
