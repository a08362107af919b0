"""What can be drawn over a scene's points, and along its time: sources that providers name.

A provider is a function named in settings.OVERLAY_PROVIDERS:

    def label_sources(scene: Scene, *, key: str = "", frame: int | None = None) -> list[OverlaySource]

It answers with all its sources of the scene, or with `Sources` that say what was left out; given `key` alone, it has to
have that source if there is one; given `key` and `frame`, which a request for bytes does, it may leave out its other
sources, the ontology and the digests of other frames. Arrays are stored once, in the order of the frame's
file; a source names them by their sha256. A score provider (settings.SCORE_PROVIDERS) takes the scene and the ids of
its frames in playing order. A provider that fails is logged and told of; the others go on.
"""

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy.typing as npt
from django.conf import settings
from django.contrib.auth.models import AnonymousUser, User
from django.utils.module_loading import import_string

from scenes.errors import MissingError
from scenes.models import Frame, Ontology, Scene

logger = logging.getLogger(__name__)
CLASSES, UNCERTAINTY = "classes", "uncertainty"
TRUTH, PREDICTION = "truth", "prediction"
Person = User | AnonymousUser
MOST_ALSO = 8


@dataclass(frozen=True)
class OverlaySource:
    """One array per point and frame that can colour a scene: a version of labels, predictions of a run, a measure.

    Attributes:
        key: names it within the scene and in addresses, such as "labels:12".
        kind: "classes" (a class index per point) or "uncertainty" (a number between `low` and `high`).
        role: "truth", "prediction" or "uncertainty".
        ontology: {"id", "name", "classes": [{"index", "name", "colour", "ignored"}]} of a source of classes.
        low, high, unit: the ends of the colour scale, fixed over the scene, of a source of uncertainty.
        digests: by frame id the sha256 of the stored array.
        missing: ready frames that have none.
        counts: by id of a frame that comes in parts (an octree), its points by class index, as counted when stored.
        problems: by frame id, why a frame that should have an array has none that fits.
        encoding: how arrays are stored: "u8", "npy" (float16 or float32) or "float32".
        computed: gives a frame's array, uint8 or float (points,) in file order, where none is stored; `digests` then
            hold a sha256 of all that it follows from.
        permission: what a person needs to see it.
    """

    key: str
    kind: str
    role: str
    title: str
    ontology: dict[str, Any] | None = None
    low: float | None = None
    high: float | None = None
    unit: str = ""
    digests: dict[int, str] = field(default_factory=dict)
    missing: int = 0
    counts: dict[int, list[int]] = field(default_factory=dict)
    problems: dict[int, str] = field(default_factory=dict)
    encoding: str = "u8"
    computed: Callable[[Frame], npt.NDArray[Any]] | None = None
    permission: str = "scenes.view_framelabels"

    @property
    def scale(self) -> tuple[float, float] | None:
        """The ends of the colour scale; None for classes, which are sent as they are."""
        if self.kind == CLASSES or self.low is None or self.high is None:
            return None
        return (self.low, self.high) if self.low < self.high else (self.low, self.low + 1.0)


class Sources(list[OverlaySource]):
    """The answer of a provider that offers only some; `left_out` says in a sentence which, and how to see others."""

    left_out = ""


@dataclass(frozen=True)
class ScoreSeries:
    """A score for each frame of a scene, by playing position; None where a frame was not scored.

    `overlay` is the key of the source that shows the points behind the scores; "" when there is none, so that a frame
    is coloured as a whole; None leaves it to the viewer.
    """

    key: str
    title: str
    measure: str
    unit: str
    low: float
    high: float
    values: list[float | None]
    iou: list[float | None] | None = None
    permission: str = "scenes.view_scene"
    overlay: str | None = None


@dataclass(frozen=True)
class Offer:
    """The sources of a scene, sentences about failed providers, and about what others left out."""

    sources: list[OverlaySource]
    troubles: list[str]
    left_out: list[str]


def overlay_sources(scene: Scene, person: Person, *, also: Sequence[str] = ()) -> Offer:
    """The sources that the person may see, in the order of the providers; those with the keys `also` in any case."""
    left_out: list[str] = []
    found, troubles = _asked(settings.OVERLAY_PROVIDERS, scene, left_out=left_out)
    for key in also[:MOST_ALSO]:
        if all(source.key != key for source in found):
            more, _ = _asked(settings.OVERLAY_PROVIDERS, scene, key=key)
            found += [source for source in more if source.key == key]
    return Offer([source for source in found if person.has_perm(source.permission)], troubles, left_out)


def overlay_source(frame: Frame, key: str) -> OverlaySource:
    """The source with this key, as far as it concerns this frame. Raises MissingError without one."""
    found, troubles = _asked(settings.OVERLAY_PROVIDERS, frame.scene, key=key, frame=frame.pk)
    source = next((source for source in found if source.key == key), None)
    if source is None:
        raise MissingError(
            f"The scene has no overlay {key[:80]!r}.", remedy=" ".join(troubles) or "Load the scene again."
        )
    return source


def score_series(scene: Scene, frames: Sequence[int], person: Person) -> tuple[list[ScoreSeries], list[str]]:
    """The scores along the frames with these ids, in playing order, and sentences about failed providers."""
    found, troubles = _asked(settings.SCORE_PROVIDERS, scene, frames)
    fitting = [series for series in found if _fits(series, len(frames))]
    troubles += [f"The scores “{one.title}” are not as many as the frames." for one in found if one not in fitting]
    return [series for series in fitting if person.has_perm(series.permission)], troubles


def _fits(series: ScoreSeries, frames: int) -> bool:
    return len(series.values) == frames and (series.iou is None or len(series.iou) == frames)


def _asked(
    names: Sequence[str], *given: Any, left_out: list[str] | None = None, **wishes: Any
) -> tuple[list[Any], list[str]]:
    """What all providers answer together, and a sentence about each that failed."""
    found: list[Any] = []
    troubles = []
    for name in names:
        try:
            answer = import_string(name)(*given, **wishes)
            found += answer
            if left_out is not None and isinstance(answer, Sources) and answer.left_out:
                left_out.append(answer.left_out)
        except Exception:
            logger.exception("The provider %s failed.", name)
            troubles.append(f"{name.rpartition('.')[2]} can't be shown: it failed. The server's log says why.")
    return found, troubles


def ontology_facts(ontology: Ontology) -> dict[str, Any]:
    """An ontology as a source of classes carries it."""
    classes = [
        {"index": entry.index, "name": entry.name, "colour": entry.colour, "ignored": entry.ignored}
        for entry in ontology.classes.all()
    ]
    return {"id": ontology.pk, "name": ontology.name, "classes": classes}


def without_nan(values: Sequence[float | None]) -> list[float | None]:
    """JSON has no NaN: a frame without a score is null."""
    return [None if value is None or math.isnan(value) else value for value in values]
