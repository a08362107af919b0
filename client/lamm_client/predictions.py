"""What a model says of frames, in the form in which the server keeps it, checked so that mistakes show at once."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lamm_client.errors import LammError
from lamm_client.frames import Frame
from lamm_client.labels import Classes, Ontology

MAGIC = b"LPB1"
KINDS = {"classes": "index", "confidence": "npy", "uncertainty": "npy"}
FIELDS = ("classes", "confidence", "uncertainty")
BLOCK = 256 * 1024
FRAMES_A_CALL, BYTES_A_CALL = 64, 16 * 1024**2
# A probability next to 0 or 1 may lie beyond it by rounding.
ROUNDING = 1e-4
# What the server takes beyond the ends of a measure: the rounding of float16.
TOLERANCE = 1e-3
Numbers = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Prediction:
    """A frame's arrays as they are kept and sent.

    Attributes:
        frame: its id on the server.
        parts: bytes of the classes (uint8, one a point) and of confidence and uncertainty (.npy; empty where none is).
        replace: whether they may take the place of others.
    """

    frame: int
    parts: tuple[bytes, bytes, bytes]
    replace: bool = False

    @property
    def facts(self) -> dict[str, Any]:
        """What the journal notes of it, beside the copy of its bytes."""
        digests = [hashlib.sha256(part).hexdigest() if part else "" for part in self.parts]
        sizes = [len(part) for part in self.parts]
        return {"frame": self.frame, "sizes": sizes, "digests": digests, "replace": self.replace}


def prediction_of(
    frame: Frame | int,
    classes: npt.ArrayLike,
    confidence: npt.ArrayLike | None = None,
    uncertainty: npt.ArrayLike | None = None,
    *,
    ontology: Ontology | None = None,
    declared: Mapping[str, Any] | None = None,
    replace: bool = False,
) -> Prediction:
    """Check arrays of one value per point, in the order of the frame's file, and bring them into their kept form.

    `classes` are whole numbers: indices of the ontology's classes, or, for a frame of a mapped dataset, the ids that
    the dataset maps them to, which are mapped back. Raises LammError that names the frame and what is wrong.
    """
    number = frame if isinstance(frame, int) else frame.id
    if number is None:
        raise LammError(f"{frame!r} is not on the server as it was frozen, so that nothing can be logged for it.")
    named = f"frame {frame}" if isinstance(frame, int) else repr(frame)
    points = None if isinstance(frame, int) else frame.known_points
    table = None if isinstance(frame, int) else frame.table
    known = ontology or (None if isinstance(frame, int) else frame.ontology)
    indices = _indices(np.asarray(classes), table, known, named)
    _check_count(len(indices), points, "classes", named)
    sure = _numbers(confidence, len(indices), "confidence", named)
    unsure = _numbers(uncertainty, len(indices), "uncertainty", named)
    if sure is not None:
        sure = _probabilities(sure, named)
    if unsure is not None:
        _check_ends(unsure, declared or {}, named)
    parts = (indices.tobytes(), *(b"" if one is None else npy_bytes(one) for one in (sure, unsure)))
    return Prediction(number, (parts[0], parts[1], parts[2]), replace)


def _check_count(count: int, points: int | None, what: str, named: str) -> None:
    if points is not None and count != points:
        raise LammError(
            f"{named} has {points:,} points, there are {count:,} {what}. Give one per point, in file order."
        )


def _indices(given: npt.NDArray[Any], table: Classes | None, ontology: Ontology | None, named: str) -> Classes:
    if given.ndim != 1 or given.dtype.kind not in "iu":
        raise LammError(
            f"{named}: classes have the shape {given.shape} and the type {given.dtype}. Give a whole number per point."
        )
    if given.size and not (given.min() >= 0 and given.max() <= 255):
        raise LammError(f"{named}: classes go from {given.min()} to {given.max()}; indices of classes are 0 to 255.")
    indices = given.astype(np.uint8)
    if table is not None:
        indices = _mapped_back(indices, table, ontology, named)
    if ontology is not None:
        unknown = sorted(set(np.unique(indices).tolist()) - {one.index for one in ontology.classes})
        if unknown:
            raise LammError(
                f"{named}: {ontology.name} has no class {unknown[0]}. It has {len(ontology.classes)} classes."
            )
    return indices


def _mapped_back(given: Classes, table: Classes, ontology: Ontology | None, named: str) -> Classes:
    """The indices that a dataset maps to these ids. Raises LammError for an id that stands for no class, or several."""
    if ontology is None:
        raise LammError(f"{named}: its dataset has no ontology to map classes back to.")
    found = np.zeros(256, np.uint8)
    for made in np.unique(given).tolist():
        found[made] = back(made, table, ontology, named).index
    return found[given]


def back(made: int, table: Classes, ontology: Ontology, named: str) -> Any:
    """The one class that is mapped to an id; of ignored classes the first: what is ignored does not count anyway."""
    meant = [one for one in ontology.classes if table[one.index] == made]
    if len(meant) > 1 and all(one.ignored for one in meant):
        return meant[0]
    if len(meant) == 1:
        return meant[0]
    ignored = [one for one in meant if one.ignored]
    if not meant:
        raise LammError(f"{named}: no class of {ontology.name} is mapped to {made}. Predict ids that labels have.")
    names = ", ".join(one.name for one in meant if not one.ignored)
    also = " beside ignored ones" if ignored else ""
    raise LammError(
        f"{named}: {made} stands for {names}{also} of {ontology.name}, so that it can't be mapped back. "
        "Log the indices of the ontology instead, for the frame's id: run.log_prediction(frame.id, ...)."
    )


def _numbers(given: npt.ArrayLike | None, points: int, what: str, named: str) -> Numbers | None:
    if given is None:
        return None
    values = np.asarray(given)
    if values.dtype.kind != "f" or values.ndim != 1:
        raise LammError(
            f"{named}: {what} has the type {values.dtype} and the shape {values.shape}. Give one float a point."
        )
    _check_count(len(values), points, f"values of {what}", named)
    return values if values.dtype.itemsize in (2, 4) else values.astype(np.float32)


def _probabilities(values: Numbers, named: str) -> Numbers:
    if not (np.all(values >= -ROUNDING) and np.all(values <= 1 + ROUNDING)):
        raise LammError(
            f"{named}: confidence goes from {values.min():g} to {values.max():g}. Give probabilities, 0 to 1."
        )
    return np.clip(values, 0, 1)


def _check_ends(values: Numbers, declared: Mapping[str, Any], named: str) -> None:
    if np.isinf(values).any():
        raise LammError(f"{named}: some uncertainty is infinite. Write NaN where there is none.")
    low, high = declared.get("low"), declared.get("high")
    scored = values[~np.isnan(values)]
    if low is None or high is None or not len(scored):
        return
    slack = TOLERANCE * (high - low)
    if scored.min() < low - slack or scored.max() > high + slack:
        raise LammError(
            f"{named}: uncertainty goes from {scored.min():g} to {scored.max():g}, "
            f"{declared.get('measure')} was declared from {low:g} to {high:g}."
        )


def npy_bytes(values: Numbers) -> bytes:
    """A .npy file, version 1.0, little endian, padded to 64 bytes: the same bytes as the server keeps."""
    little = np.ascontiguousarray(values, values.dtype.newbyteorder("<"))
    said = f"{{'descr': '<f{little.dtype.itemsize}', 'fortran_order': False, 'shape': ({len(little)},), }}"
    padded = said + " " * (-(10 + len(said) + 1) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(padded)) + padded.encode() + little.tobytes()


def too_many(facts: list[dict[str, Any]]) -> bool:
    """Whether so many predictions are more than one call should carry, or say something of a frame twice."""
    frames = {one["frame"] for one in facts}
    return (
        len(frames) < len(facts) or len(facts) > FRAMES_A_CALL or sum(sum(one["sizes"]) for one in facts) > BYTES_A_CALL
    )


class BatchBody:
    """The body of a batch: header, then the copies of the frames; from its beginning whenever it is asked for."""

    def __init__(self, predictions: list[tuple[dict[str, Any], Path]], *, replace: bool) -> None:
        frames = [
            {"frame": facts["frame"], **dict(zip(FIELDS, facts["sizes"], strict=True))} for facts, _ in predictions
        ]
        header = json.dumps({"frames": frames, "kinds": KINDS, "replace": replace}).encode()
        self.start = MAGIC + struct.pack("<I", len(header)) + header
        self.paths = [path for _, path in predictions]
        self.length = len(self.start) + sum(sum(facts["sizes"]) for facts, _ in predictions)

    def __iter__(self) -> Iterator[bytes]:
        yield self.start
        for path in self.paths:
            with path.open("rb") as file:
                while block := file.read(BLOCK):
                    yield block


def not_there(facts: Iterable[dict[str, Any]], known: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Of predictions in their order, those that the server has not kept with the same bytes."""
    kept = {one["frame"]: [one[field] for field in FIELDS] for one in known}
    return [one for one in facts if kept.get(one["frame"]) != one["digests"]]
