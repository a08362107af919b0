"""Evaluations: how uncertain a model, run or ensemble is on a dataset split, sent frame by frame.

    with connection.evaluation("Urban@v2", name="ensemble-v2", measure="mutual_information", normalised=True) as scores:
        for frame in connection.dataset("Urban@v2")["val"]:
            scores.log_members(frame, (softmax(member(frame)) for member in members))

The same script started again goes on with its draft: what has arrived is not counted twice.
"""

from __future__ import annotations

import io
import json
import math
import operator
import struct
import threading
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

from lamm_client.background import Pipeline
from lamm_client.errors import LammError
from lamm_client.frames import Frame
from lamm_client.transport import Transport
from lamm_client.uncertainty import aggregate, measure_of
from lamm_client.values import plain

BINARY = "application/vnd.lamm.scores"
MAGIC = b"LAMMSC01"
FRAMES_A_CALL = 20_000


class Evaluation:
    """A draft that takes scores, until it is finished. Several threads may use it.

    Attributes:
        facts: what the server says of it: "id", "definition", "low", "high" and so on.
    """

    def __init__(self, transport: Transport, facts: dict[str, Any], *, replace: bool = False) -> None:
        self.facts = facts
        self._transport, self._replace = transport, replace
        self._lock = threading.Lock()
        self._waiting: dict[int, tuple[float, float]] = {}

    def __repr__(self) -> str:
        return f"<evaluation {self.id}: {self.facts['title']}, {self.facts['definition']}>"

    @property
    def id(self) -> int:
        return int(self.facts["id"])

    def log(self, frame: Frame | int, score: float, iou: float | None = None) -> None:
        """Log the score of a frame, which is one of a dataset or the id of a frame. NaN: it was not scored.

        Sent in batches; `flush` and `finish` send the rest. Raises LammError, when a batch is refused the one that
        names the frame.
        """
        with self._lock:
            self._waiting[_number(frame)] = (float(score), math.nan if iou is None else float(iou))
            full = len(self._waiting) >= FRAMES_A_CALL
        if full:
            self.flush()

    def log_members(self, frame: Frame | int, members: Iterable[npt.ArrayLike], *, points: bool = False) -> float:
        """Log the score of a frame from its members' probabilities, each (points, classes); returns the score.

        They are reduced here, one member after the other. With `points` the value of each point is sent, too, as
        16-bit floats, so that the viewer shows where in the frame the ensemble is unsure.
        """
        values = measure_of(members, self.facts["measure"], normalised=self.facts["normalised"])
        if points:
            return self.log_points(frame, values)
        score = aggregate(values, self.facts["aggregator"], threshold=self.facts["threshold"])
        self.log(frame, score)
        return score

    def log_points(self, frame: Frame | int, values: npt.ArrayLike) -> float:
        """Send the value of each point of a frame, in the order of its file; returns the score that the server found.

        NaN for points without. float16 and float32 are sent as they are, others as float16.
        """
        given = np.asarray(values)
        kept = given if given.dtype in (np.float16, np.float32) else given.astype(np.float16)
        file = io.BytesIO()
        np.save(file, kept, allow_pickle=False)
        address = f"api/evaluations/{self.id}/points/{_number(frame)}/"
        parameters = {"replace": "true"} if self._replace else {}
        headers = {"Content-Type": "application/octet-stream"}
        told = self._transport.request("PUT", address, content=file.getvalue(), params=parameters, headers=headers)
        score = told.json()["aggregates"][self.facts["aggregator"]]
        return math.nan if score is None else float(score)

    def log_scene(self, scene: int, scores: npt.ArrayLike, ious: npt.ArrayLike | None = None) -> None:
        """Send the scores of all frames of a scene at once, in playing order; NaN for frames without."""
        self.log_scenes([scene], [scores], None if ious is None else [ious])

    def log_scenes(
        self, scenes: Sequence[int], scores: Sequence[npt.ArrayLike], ious: Sequence[npt.ArrayLike] | None = None
    ) -> None:
        """Send the scores of many scenes in one call: the fastest way in."""
        vectors = [np.asarray(one, "<f4") for one in scores]
        shares = None if ious is None else [np.asarray(one, "<f4") for one in ious]
        if len(vectors) != len(scenes) or (shares is not None and list(map(len, shares)) != list(map(len, vectors))):
            raise LammError("Give one vector for each scene, and as many ious as scores.")
        lengths = np.array([len(one) for one in vectors], "<i4")
        parts = [np.array(scenes, "<i8"), lengths, *vectors, *(shares or ())]
        self._send("scenes", len(scenes), parts, ious=ious is not None)

    def flush(self) -> None:
        """Send what waits. Raises LammError; what was refused or did not arrive waits on."""
        with self._lock:
            waiting = dict(self._waiting)
        if not waiting:
            return
        scores = np.array(list(waiting.values()), "<f4")
        parts = [np.array(list(waiting), "<i8"), scores[:, 0].copy()]
        with_ious = bool((~np.isnan(scores[:, 1])).any())
        if with_ious:
            parts.append(scores[:, 1].copy())
        self._send("frames", len(waiting), parts, ious=with_ious)
        with self._lock:
            self._waiting = {frame: told for frame, told in self._waiting.items() if waiting.get(frame) is not told}

    def progress(self) -> dict[str, Any]:
        """How many scenes and frames are scored, of those there are."""
        found: dict[str, Any] = self._transport.get(f"api/evaluations/{self.id}/progress/")
        return found

    def finish(self) -> dict[str, Any]:
        """Send the rest and finish: the server stores all numbers, and nothing changes any more. The whole evaluation.

        An older one of the same model, dataset split and definition is superseded.
        """
        self.flush()
        self.facts = self._transport.post(f"api/evaluations/{self.id}/finish/", repeatable=True)
        return self.facts

    def __enter__(self) -> Evaluation:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Finished when all went well; else it stays a draft, with which the script goes on when started again."""
        if fault is None:
            self.finish()

    def _send(self, kind: str, count: int, parts: Sequence[npt.NDArray[Any]], *, ious: bool) -> None:
        header = json.dumps({"kind": kind, "count": count, "ious": ious, "replace": self._replace}).encode()
        body = b"".join([MAGIC, struct.pack("<I", len(header)), header, *(one.tobytes() for one in parts)])
        address = f"api/evaluations/{self.id}/scores/"
        self._transport.request("POST", address, repeatable=True, content=body, headers={"Content-Type": BINARY})


def _number(frame: Frame | int) -> int:
    number = frame.id if isinstance(frame, Frame) else operator.index(frame)
    if number is None:
        raise LammError(f"{frame} is not on the server as it was frozen, so it can't be scored.")
    return number


def open_evaluation(transport: Transport, dataset: str, *, replace: bool = False, **wishes: Any) -> Evaluation:
    """Make an evaluation, or go on with the draft that the same wishes made before. Raises LammError."""
    body = {"dataset": dataset, **plain(wishes)}
    return Evaluation(transport, transport.post("api/evaluations/", body, repeatable=True), replace=replace)


class Evaluates:
    """The part of a run that is evaluated for its uncertainty."""

    _pipeline: Pipeline

    def evaluation(self, dataset: str, **wishes: Any) -> Evaluation:
        """An evaluation of this run on a dataset split; wishes as those of `Connection.evaluation`.

        Raises LammError, also as long as the server could not be asked for the run's number.
        """
        if self._pipeline.run is None:
            raise LammError("The run has no number yet: the server is away. Evaluate when it is back.")
        return open_evaluation(self._pipeline.transport, dataset, run=self._pipeline.run, **wishes)
