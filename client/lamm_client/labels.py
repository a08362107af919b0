"""Ontologies, and tables that bring their classes to the ids that a model is trained on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from lamm_client.errors import LammError

IGNORE_INDEX = 255
Classes = npt.NDArray[np.uint8]
# To other classes: by the name or index of each class, or as one id per class in the order of the indices.
Ids = Mapping[str | int, int | None] | npt.ArrayLike
Unmatched = Literal["refuse", "ignore"]


@dataclass(frozen=True)
class SemanticClass:
    """A class: `index` is what is stored per point; files of its source use `raw_ids`; `ignored`: not in metrics."""

    index: int
    name: str
    colour: str
    ignored: bool
    raw_ids: tuple[int, ...] = ()


@dataclass(frozen=True)
class Ontology:
    """A named list of classes, ordered by their indices."""

    name: str
    classes: tuple[SemanticClass, ...]

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Ontology:
        """From what the API tells."""
        classes = (SemanticClass(**{**one, "raw_ids": tuple(one["raw_ids"])}) for one in told["classes"])
        return cls(told["name"], tuple(sorted(classes, key=lambda one: one.index)))

    @property
    def names(self) -> list[str]:
        """Names of the classes in the order of their indices."""
        return [one.name for one in self.classes]

    def __getitem__(self, key: str | int) -> SemanticClass:
        """A class by its name or index. Raises LammError."""
        for one in self.classes:
            if key in (one.name, one.index):
                return one
        raise LammError(f"{self.name} has no class {key!r}. It has: {', '.join(self.names)}.")


def mapping_table(
    source: Ontology,
    to: Ontology | Ids | None = None,
    *,
    ignore_index: int = IGNORE_INDEX,
    unmatched: Unmatched = "refuse",
) -> Classes:
    """What becomes of each class index, uint8 of shape (256,): `table[labels]` maps an array of labels.

    To an ontology: each class to the class of the same name. To a mapping: by name or index, None for the ignore index.
    To an array: one id per class. To nothing: indices stay. Classes that are ignored in `source`, or in the ontology
    that is mapped to, become `ignore_index`, unless a mapping or an array says otherwise; so do indices that no class
    has. A class that is not ignored and has no counterpart is refused by name, or ignored if `unmatched` says so.

    Raises LammError.
    """
    ids = _ids(source, to)
    missing = [one.name for one in source.classes if one.index not in ids and not one.ignored]
    if missing and unmatched == "refuse":
        raise LammError(
            f"Nothing is said of {', '.join(missing)} of {source.name}. Map them, or pass unmatched='ignore' to ignore "
            "their points."
        )
    table = np.full(256, checked_id(ignore_index), np.uint8)
    for index, made in ids.items():
        if made is not None:
            table[index] = checked_id(made)
    return table


def _ids(source: Ontology, to: Ontology | Ids | None) -> dict[int, int | None]:
    """By index of a class of `source`: its id, None for the ignore index; nothing for one without a counterpart."""
    if to is None or isinstance(to, Ontology):
        goal = {one.name: None if one.ignored else one.index for one in (to or source).classes}
        return {one.index: goal[one.name] for one in source.classes if one.name in goal and not one.ignored}
    if isinstance(to, Mapping):
        return {source[key].index: made for key, made in to.items()}
    found = np.asarray(to)
    if found.shape != (len(source.classes),) or found.dtype.kind not in "iu":
        raise LammError(
            f"{source.name} has {len(source.classes)} classes; give as many whole numbers, not an array of the shape "
            f"{found.shape} and the type {found.dtype}."
        )
    return {one.index: int(made) for one, made in zip(source.classes, found, strict=True)}


def checked_id(made: int) -> int:
    """An id as it fits a byte. Raises LammError."""
    if not 0 <= int(made) <= 255:
        raise LammError(f"{made} is no id of a class: they are 0 to 255.")
    return int(made)
