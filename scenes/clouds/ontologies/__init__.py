"""Ontologies: which classes points have, in which colours, and which raw ids of label files they stand for.

Those that ship are the JSON files of this folder; `parse_ontology` reads and checks any other of their form.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from scenes.clouds.cloud import CloudError, naming

# The ground that points are drawn on, in the viewer and in thumbnails.
DARK_GROUND = "#0b0d12"
# Contrast ratio of WCAG 2.1 for graphical objects.
LEAST_CONTRAST = 3.0
# Distance in CIE 1976 L*a*b* below which two colours are easily taken for each other in small dots.
LEAST_DISTANCE = 12.0
MOST_CLASSES = 65_536
LARGEST_ID = 2**32 - 1
COLOUR = re.compile(r"#[0-9a-f]{6}")
# Linear sRGB to CIE XYZ (IEC 61966-2-1), rows divided by the D65 white point.
TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
) / np.array([[0.95047], [1.0], [1.08883]])


@dataclass(frozen=True)
class SemanticClass:
    """One class: its index in predictions and metrics, name, colour "#rrggbb", and the raw ids it merges.

    Points of an ignored class do not count in any metric.
    """

    index: int
    name: str
    colour: str
    ignored: bool
    raw_ids: tuple[int, ...]


@dataclass(frozen=True)
class Ontology:
    """A set of classes. `key` is its permanent name, `source` says where it was published."""

    key: str
    name: str
    description: str
    source: str
    classes: tuple[SemanticClass, ...]

    @property
    def raw_to_index(self) -> dict[int, int]:
        """The index of the class of each raw id: the table of `labels.map_labels`."""
        return {raw: entry.index for entry in self.classes for raw in entry.raw_ids}

    @property
    def unknown_index(self) -> int:
        """The index that unknown raw ids get: the first ignored class. Raises CloudError without any."""
        for entry in self.classes:
            if entry.ignored:
                return entry.index
        raise CloudError(f"the ontology {self.name!r} has no ignored class", "Add one for points without a label.")


def load_shipped() -> list[Ontology]:
    """The ontologies that ship, by key."""
    paths = sorted(Path(__file__).parent.glob("*.json"))
    return [parse_ontology(path.stem, path.read_text(encoding="utf-8")) for path in paths]


def parse_ontology(key: str, text: str) -> Ontology:
    """The checked ontology of a JSON text.

    Raises CloudError, with `key` as its file and the name of the class as its field, when the text is no JSON
    of this form, when an index, a name or a raw id is used twice or out of range, and when colours are alike
    or hard to see on a dark ground.
    """
    try:
        ontology = _ontology(key, json.loads(text))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise CloudError(
            f"the text is no ontology: {type(error).__name__} {error}",
            "It has name, description, source and classes of index, name, colour, ignored and raw_ids.",
            file=key,
        ) from error
    with naming(key):
        _check(ontology)
    return ontology


def _ontology(key: str, value: Mapping[str, Any]) -> Ontology:
    if not value["classes"]:
        raise ValueError("no classes")
    classes = tuple(_class(**entry) for entry in value["classes"])
    return Ontology(key, str(value["name"]), str(value["description"]), str(value["source"]), classes)


def _class(*, index: int, name: str, colour: str, ignored: bool, raw_ids: list[int]) -> SemanticClass:
    if not (isinstance(ignored, bool) and isinstance(name, str) and isinstance(colour, str)):
        raise TypeError(f"ignored is true or false, name and colour are texts, in class {name!r}")
    if not all(type(number) is int for number in (index, *raw_ids)):
        raise TypeError(f"index and raw_ids are whole numbers, in class {name!r}")
    return SemanticClass(index, name, colour, ignored, tuple(raw_ids))


def _check(ontology: Ontology) -> None:
    classes = ontology.classes
    _check_unique("index", (entry.index for entry in classes))
    _check_unique("name", (entry.name for entry in classes))
    _check_unique("raw id", (raw for entry in classes for raw in entry.raw_ids))
    for entry in classes:
        if not 0 <= entry.index < MOST_CLASSES:
            raise CloudError(f"the index {entry.index} is outside 0..{MOST_CLASSES - 1}", "Correct it.", entry.name)
        if not all(0 <= raw <= LARGEST_ID for raw in entry.raw_ids):
            raise CloudError(f"a raw id is outside 0..{LARGEST_ID}", "Correct it.", entry.name)
        if not COLOUR.fullmatch(entry.colour):
            raise CloudError(f"the colour {entry.colour[:20]!r} is not #rrggbb", "Correct it.", entry.name)
        if contrast(entry.colour, DARK_GROUND) < LEAST_CONTRAST:
            raise CloudError(f"the colour {entry.colour} is too dark to see", "Choose a lighter one.", entry.name)
    for one, other in combinations(classes, 2):
        if distance(one.colour, other.colour) < LEAST_DISTANCE:
            raise CloudError(
                f"its colour {one.colour} and {other.colour} of {other.name!r} look alike",
                "Choose another.",
                one.name,
            )


def _check_unique(what: str, values: Iterable[int | str]) -> None:
    for value, count in Counter(values).items():
        if count > 1:
            raise CloudError(f"the {what} {value!r} is used {count} times", "Use each once.", str(value)[:40])


def contrast(colour: str, ground: str) -> float:
    """Contrast ratio of two colours "#rrggbb", 1..21 (WCAG 2.1)."""
    lighter, darker = sorted((_xyz(colour)[1], _xyz(ground)[1]), reverse=True)
    return float((lighter + 0.05) / (darker + 0.05))


def distance(one: str, other: str) -> float:
    """Distance of two colours "#rrggbb" in CIE 1976 L*a*b*."""
    return float(np.linalg.norm(_lab(one) - _lab(other)))


def _xyz(colour: str) -> npt.NDArray[np.float64]:
    """CIE XYZ relative to the white point, so that Y is the relative luminance."""
    encoded = np.array([int(colour[start : start + 2], 16) for start in (1, 3, 5)]) / 255
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    relative: npt.NDArray[np.float64] = TO_XYZ @ linear
    return relative


def _lab(colour: str) -> npt.NDArray[np.float64]:
    relative = _xyz(colour)
    small = relative * (29 / 6) ** 2 / 3 + 4 / 29
    x, y, z = np.where(relative > (6 / 29) ** 3, np.cbrt(relative), small)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])
