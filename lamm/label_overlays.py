"""Ground truth as overlays: every version of a scene's labels is a source, the newest first."""

from collections.abc import Iterable

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import F, Q

from lamm.overlays import CLASSES, TRUTH, OverlaySource, ontology_facts
from scenes.models import FrameLabels, FrameState, LabelSet, Ontology, Scene

PREFIX = "labels:"
# Older versions are left out once the newer ones have so many frames together; the newest two always come.
MOST_FRAMES = 100_000
FEWEST_VERSIONS = 2


def label_sources(scene: Scene, *, key: str = "", frame: int | None = None) -> list[OverlaySource]:
    """The label sets of a scene that can be compared with each other, in seven queries whatever their number."""
    if key and frame is not None:
        return _one(scene, key, frame)
    sets = list(_recent(scene.label_sets.order_by("-version")))
    if not sets:
        return []
    used = {label_set.ontology_id for label_set in sets}
    ontologies = Ontology.objects.prefetch_related("classes").in_bulk(used)
    ready = scene.frames.filter(state=FrameState.READY).count()
    digests, problems = _digests(sets)
    counts = _counts(sets)
    return [
        OverlaySource(
            key=f"{PREFIX}{label_set.pk}",
            kind=CLASSES,
            role=TRUTH,
            title=f"Labels v{label_set.version}" + ("" if place == 0 else " (earlier)"),
            ontology=ontology_facts(ontologies[label_set.ontology_id]),
            digests=digests[label_set.pk],
            missing=max(0, ready - len(digests[label_set.pk])),
            counts=counts[label_set.pk],
            problems=problems[label_set.pk],
        )
        for place, label_set in enumerate(sets)
    ]


def _recent(sets: Iterable[LabelSet]) -> Iterable[LabelSet]:
    frames = 0
    for place, label_set in enumerate(sets):
        frames += label_set.frame_count
        if place >= FEWEST_VERSIONS and frames > MOST_FRAMES:
            return
        yield label_set


def _digests(sets: list[LabelSet]) -> tuple[dict[int, dict[int, str]], dict[int, dict[int, str]]]:
    """By label set: the digest of each frame's labels, and why labels do not fit their frame any more."""
    digests: dict[int, dict[int, str]] = {label_set.pk: {} for label_set in sets}
    problems: dict[int, dict[int, str]] = {label_set.pk: {} for label_set in sets}
    rows = FrameLabels.objects.filter(label_set__in=digests).order_by()
    fitting = Q(point_count=F("frame__point_count")) | ~Q(frame__state=FrameState.READY)
    # A row for each version and not for each frame: tens of thousands of small rows take longer than all the rest.
    columns = {"frame_ids": ArrayAgg("frame_id"), "files": ArrayAgg("classes__digest")}
    for label_set, frames, files in rows.filter(fitting).values_list("label_set_id").annotate(**columns):
        digests[label_set] = dict(zip(frames, files, strict=True))
    others = rows.exclude(fitting).values_list("label_set_id", "frame_id", "point_count", "frame__point_count")
    for label_set, frame, labelled, points in others:
        problems[label_set][frame] = mismatch(labelled, points)
    return digests, problems


def _counts(sets: list[LabelSet]) -> dict[int, dict[int, list[int]]]:
    """By label set and big frame: its points by class index. The viewer never holds all points of these."""
    counts: dict[int, dict[int, list[int]]] = {label_set.pk: {} for label_set in sets}
    big = FrameLabels.objects.filter(label_set__in=counts, frame__octree_index__isnull=False).order_by()
    for label_set, frame, found in big.values_list("label_set_id", "frame_id", "class_counts"):
        counts[label_set][frame] = found
    return counts


def _one(scene: Scene, key: str, frame: int) -> list[OverlaySource]:
    """The one label set that bytes are asked of, with one frame and without its ontology: one query."""
    number = key.removeprefix(PREFIX)
    if not key.startswith(PREFIX) or not number.isascii() or not number.isdigit() or len(number) > 18:
        return []
    facts = ("classes__digest", "point_count", "frame__point_count")
    rows = FrameLabels.objects.filter(label_set=int(number), label_set__scene=scene, frame=frame).values_list(*facts)
    digests, problems = {}, {}
    for digest, labelled, points in rows:
        if labelled == points:
            digests[frame] = digest
        else:
            problems[frame] = mismatch(labelled, points)
    return [OverlaySource(key, CLASSES, TRUTH, "Labels", digests=digests, problems=problems)]


def mismatch(labelled: int, points: int) -> str:
    return f"{labelled:,} labels do not fit the {points:,} points of the frame: label the scene again."
