"""What runs predict as overlays: each run with predictions for a scene is a source, and its uncertainty another."""

from collections.abc import Sequence

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import F, Q

from experiments.models import FramePrediction, Run, UncertaintyMeasure
from experiments.prediction_selectors import PredictedScene, prediction_sets_of_scene
from lamm.overlays import CLASSES, PREDICTION, UNCERTAINTY, OverlaySource, Sources, ontology_facts
from scenes.models import FrameState, Ontology, Scene

CLASSES_PREFIX, UNCERTAINTY_PREFIX = "predictions:", "uncertainty:"
PERMISSION = "experiments.view_run"
# The newest runs come; older ones by their address only. Long scenes offer fewer, but always the newest two.
MOST_RUNS, FEWEST_RUNS, MOST_FRAMES = 30, 2, 100_000
Digests = dict[int, dict[int, str]]
Problems = dict[int, dict[int, str]]


def prediction_sources(scene: Scene, *, key: str = "", frame: int | None = None) -> list[OverlaySource]:
    """The newest runs that predict in a scene, in eight queries whatever their number; with `key` that run alone."""
    run = _run_of(key)
    if key and not run:
        return []
    if frame is not None:
        return _of_frame(scene, key, run, frame)
    found = prediction_sets_of_scene(scene.pk, run=run, most=MOST_RUNS + 1)
    shown = _bounded(found)
    sources = Sources(_sources(scene, shown))
    if len(shown) < len(found):
        sources.left_out = (
            f"Only the newest {len(shown)} of the runs that predict this scene. Open an older one from its page."
        )
    return sources


def _run_of(key: str) -> int | None:
    """The number of the run in a key; 0 for a key of another provider."""
    if not key:
        return None
    prefix, _, number = key.partition(":")
    own = f"{prefix}:" in (CLASSES_PREFIX, UNCERTAINTY_PREFIX) and number.isascii() and number.isdigit()
    return int(number) if own and len(number) < 19 else 0


def _bounded(found: Sequence[PredictedScene]) -> list[PredictedScene]:
    shown: list[PredictedScene] = []
    frames = 0
    for one in found[:MOST_RUNS]:
        frames += one.frames
        if len(shown) >= FEWEST_RUNS and frames > MOST_FRAMES:
            break
        shown.append(one)
    return shown


def _sources(scene: Scene, shown: list[PredictedScene]) -> list[OverlaySource]:
    if not shown:
        return []
    used = {one.predictions.ontology_id for one in shown}
    ontologies = Ontology.objects.prefetch_related("classes").in_bulk(used)
    facts = {pk: ontology_facts(ontology) for pk, ontology in ontologies.items()}
    ready = scene.frames.filter(state=FrameState.READY).count()
    classes, uncertainty, problems = _digests(scene, shown)
    counts = _counts(scene, shown)
    predicted = [
        OverlaySource(
            key=f"{CLASSES_PREFIX}{one.run.pk}",
            kind=CLASSES,
            role=PREDICTION,
            title=title(one.run),
            ontology=facts[one.predictions.ontology_id],
            digests=classes[one.predictions.pk],
            missing=max(0, ready - len(classes[one.predictions.pk])),
            counts=counts[one.predictions.pk],
            problems=problems[one.predictions.pk],
            permission=PERMISSION,
        )
        for one in shown
    ]
    unsure = [one for one in shown if one.with_uncertainty]
    return predicted + [_unsure(one, uncertainty, problems, ready) for one in unsure]


def _unsure(one: PredictedScene, uncertainty: Digests, problems: Problems, ready: int) -> OverlaySource:
    declared = one.predictions
    return OverlaySource(
        key=f"{UNCERTAINTY_PREFIX}{one.run.pk}",
        kind=UNCERTAINTY,
        role=UNCERTAINTY,
        title=f"{title(one.run)}, {UncertaintyMeasure(declared.measure).label.lower()}",
        low=declared.low,
        high=declared.high,
        unit=declared.unit,
        digests=uncertainty[declared.pk],
        missing=max(0, ready - len(uncertainty[declared.pk])),
        problems=problems[declared.pk],
        encoding="npy",
        permission=PERMISSION,
    )


def title(run: Run) -> str:
    """What a run is called in a list of overlays: run-7 · RandLA-Net."""
    said = run.architecture or run.name
    return f"{run} · {said}" if said else str(run)


FITTING = Q(point_count=F("frame__point_count")) | ~Q(frame__state=FrameState.READY)


def _digests(scene: Scene, shown: list[PredictedScene]) -> tuple[Digests, Digests, Problems]:
    """By prediction set: the digests of each frame's classes and uncertainty, and why some do not fit any more."""
    classes: Digests = {one.predictions.pk: {} for one in shown}
    uncertainty: Digests = {one.predictions.pk: {} for one in shown}
    problems: Problems = {one.predictions.pk: {} for one in shown}
    rows = FramePrediction.objects.filter(scene=scene, prediction_set__in=classes).order_by()
    # A row for each run and not for each frame: tens of thousands of small rows take longer than all the rest.
    columns = {
        "frames": ArrayAgg("frame_id"),
        "files": ArrayAgg("classes__digest"),
        "unsure": ArrayAgg("uncertainty__digest"),
    }
    for pk, frames, files, unsure in rows.filter(FITTING).values_list("prediction_set_id").annotate(**columns):
        classes[pk] = dict(zip(frames, files, strict=True))
        uncertainty[pk] = {frame: file for frame, file in zip(frames, unsure, strict=True) if file}
    others = rows.exclude(FITTING).values_list("prediction_set_id", "frame_id", "point_count", "frame__point_count")
    for pk, frame, predicted, points in others:
        problems[pk][frame] = mismatch(predicted, points)
    return classes, uncertainty, problems


def _counts(scene: Scene, shown: list[PredictedScene]) -> dict[int, dict[int, list[int]]]:
    """By prediction set and big frame: its points by class index. The viewer never holds all points of these."""
    counts: dict[int, dict[int, list[int]]] = {one.predictions.pk: {} for one in shown}
    rows = FramePrediction.objects.filter(scene=scene, prediction_set__in=counts, frame__octree_index__isnull=False)
    for pk, frame, found in rows.order_by().values_list("prediction_set_id", "frame_id", "class_counts"):
        counts[pk][frame] = found
    return counts


def _of_frame(scene: Scene, key: str, run: int | None, frame: int) -> list[OverlaySource]:
    """The one source that bytes are asked of, with one frame and without its ontology: one query."""
    unsure = key.startswith(UNCERTAINTY_PREFIX)
    digest = "uncertainty__digest" if unsure else "classes__digest"
    facts = (digest, "point_count", "frame__point_count", "prediction_set__low", "prediction_set__high")
    rows = FramePrediction.objects.filter(prediction_set__run=run or 0, scene=scene, frame=frame).values_list(*facts)
    digests, problems = {}, {}
    low = high = None
    for found, predicted, points, low, high in rows:  # noqa: B007 - one row at most
        if predicted != points:
            problems[frame] = mismatch(predicted, points)
        elif found:
            digests[frame] = found
    return [
        OverlaySource(
            key,
            kind=UNCERTAINTY if unsure else CLASSES,
            role=UNCERTAINTY if unsure else PREDICTION,
            title=f"run-{run}",
            low=low if unsure else None,
            high=high if unsure else None,
            digests=digests,
            problems=problems,
            encoding="npy" if unsure else "u8",
            permission=PERMISSION,
        )
    ]


def mismatch(predicted: int, points: int) -> str:
    return f"{predicted:,} predicted points do not fit the {points:,} points of the frame: predict its present file."
