"""One batch of an evaluation: the next frames of the next scenes, in a constant number of queries.

Called in a transaction that holds the evaluation's lock.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from django.db.models import Exists, F, OuterRef

from datasets.models import Item
from experiments.binary_rows import BYTES, INTEGER, SHORT, write_rows
from experiments.evaluating import Pair, SceneFacts, Terms, frame_sums, scene_sums
from experiments.models import FramePrediction, FrameSums, LabelChoice, RunEvaluation, SceneSums
from scenes.clouds.cloud import CloudError
from scenes.models import Frame, FrameLabels, FrameState, LabelSet

SCENES_AT_ONCE = 16
FRAMES_AT_ONCE = 96
MISSING_KEPT = 200
# What a copied row takes over from the evaluation that it was computed for.
COPIED = (
    "scene_id", "frame_id", "split", "points", "correct", "confusion", "bands", "confidence", "uncertainty",
    "predictions_digest", "labels_digest", "inputs",
)  # fmt: skip
COLUMNS = {
    "evaluation_id": INTEGER,
    "scene_id": INTEGER,
    "frame_id": INTEGER,
    "points": SHORT,
    "correct": SHORT,
} | dict.fromkeys(
    ("split", "confusion", "bands", "confidence", "uncertainty", "predictions_digest", "labels_digest", "inputs"), BYTES
)
# What of the frames, their predictions and their files is read; of large batches the rest would take most of the time.
FILES = ("classes", "confidence", "uncertainty", "frame__display", "frame__cloud")
STORED = ("digest", "storage", "path")
FRAME = ("scene", "index", "name", "root", "format", "point_count", "finite_count", "octree_index")
READ = (
    "scene", *(f"frame__{name}" for name in FRAME), *(f"{file}__{name}" for file in FILES for name in STORED),
)  # fmt: skip


def evaluate_some(evaluation: RunEvaluation) -> int | None:
    """Evaluate the next frames, and roll up the scenes that are whole with them.

    Returns how many frames were handled, those that can't be compared included; None when no scene is left.
    """
    items = _next_items(evaluation)
    if not items:
        return None
    terms = Terms.of(evaluation)
    label_sets = _label_sets(evaluation, items)
    pairs, whole = _next_pairs(evaluation, items, label_sets)
    made = list(_sums(terms, pairs))
    _write(made)
    return len(pairs) + _roll_up(terms, whole, label_sets, made)


def _next_items(evaluation: RunEvaluation) -> list[Item]:
    """Scenes that are not rolled up yet: one of many frames, or a few of few."""
    done = SceneSums.objects.filter(evaluation=evaluation.pk, scene=OuterRef("scene"))
    items = Item.objects.filter(version=evaluation.dataset_version_id, split__in=evaluation.splits)
    chosen, frames = [], 0
    for item in items.filter(~Exists(done)).order_by("scene_id").select_related("scene")[:SCENES_AT_ONCE]:
        chosen.append(item)
        frames += item.scene.frame_count
        if frames >= FRAMES_AT_ONCE:
            break
    return chosen


def _next_pairs(
    evaluation: RunEvaluation, items: Sequence[Item], label_sets: dict[int, int]
) -> tuple[list[Pair], list[Item]]:
    """The next frames that can be compared, and the scenes of which none is left after them."""
    scenes = [item.scene_id for item in items]
    known = FrameSums.objects.filter(evaluation=evaluation.pk, frame=OuterRef("frame"))
    sets = list(label_sets.values())
    true = FrameLabels.objects.filter(label_set__in=sets, frame=OuterRef("frame"), point_count=OuterRef("point_count"))
    given = FramePrediction.objects.filter(
        Exists(true),
        ~Exists(known),
        prediction_set__run=evaluation.run_id,
        scene__in=scenes,
        frame__state=FrameState.READY,
        frame__point_count=F("point_count"),
    )
    ordered = given.order_by("scene_id", "frame__index").select_related(*FILES).only(*READ)
    rows = list(ordered[: FRAMES_AT_ONCE + 1])
    chosen, beyond = rows[:FRAMES_AT_ONCE], rows[FRAMES_AT_ONCE:]
    labels = FrameLabels.objects.filter(label_set__in=sets, frame__in=[row.frame_id for row in chosen]).order_by()
    columns = ("frame", *(f"classes__{name}" for name in STORED))
    by_frame = {row.frame_id: row for row in labels.select_related("classes").only(*columns)}
    splits = {item.scene_id: item.split for item in items}
    pairs = [Pair(row.frame, splits[row.scene_id], row, by_frame[row.frame_id]) for row in chosen]
    return pairs, [item for item in items if not beyond or item.scene_id < beyond[0].scene_id]


def _label_sets(evaluation: RunEvaluation, items: Sequence[Item]) -> dict[int, int]:
    """By scene id: the label set to compare with, in the evaluation's ontology."""
    sets = LabelSet.objects.filter(ontology=evaluation.ontology_id).order_by("pk")
    if evaluation.labels == LabelChoice.NEWEST:
        newest = sets.filter(scene__in=[item.scene_id for item in items])
        return dict(newest.values_list("scene_id", "pk"))  # ascending: the last one stays
    return dict(sets.filter(pk__in=[item.label_set_id for item in items]).values_list("scene_id", "pk"))


def _sums(terms: Terms, pairs: Sequence[Pair]) -> Iterator[FrameSums]:
    """The sums of frames; those that the superseded evaluation has from the same inputs are taken over."""
    known = {}
    if terms.evaluation.supersedes_id and pairs:
        before = FrameSums.objects.filter(evaluation=terms.evaluation.supersedes_id)
        rows = before.filter(frame__in=[pair.frame.pk for pair in pairs]).order_by()
        known = {row.frame_id: row for row in rows}
    for pair in pairs:
        found = known.get(pair.frame.pk)
        if found is not None and found.inputs == pair.inputs(terms) and found.split == pair.split:
            yield FrameSums(evaluation=terms.evaluation, **{name: getattr(found, name) for name in COPIED})
        else:
            yield _computed(pair, terms)


def _write(made: Sequence[FrameSums]) -> None:
    rows = ([_written(getattr(row, name)) for name in COLUMNS] for row in made)
    write_rows(FrameSums._meta.db_table, COLUMNS, rows)


def _written(value: int | str | bytes | memoryview) -> int | bytes:
    if isinstance(value, str):
        return value.encode()
    return value if isinstance(value, int) else bytes(value)


def _computed(pair: Pair, terms: Terms) -> FrameSums:
    try:
        return frame_sums(pair, terms)
    except (OSError, ValueError) as error:
        where = f"frame {pair.frame.name} of scene {pair.frame.scene_id}"
        raise CloudError(
            f"{where} can't be evaluated: {error}", "Record its prediction or its labels again."
        ) from error


def _roll_up(terms: Terms, items: Sequence[Item], label_sets: dict[int, int], made: Sequence[FrameSums]) -> int:
    """Write the sums of scenes whose frames are all handled; returns how many of these can't be compared.

    `made` are the sums of frames that this batch wrote: only those of earlier ones are read.
    """
    if not items:
        return 0
    evaluation = terms.evaluation
    rows: dict[int, list[FrameSums]] = defaultdict(list)
    ids = [item.scene_id for item in items]
    earlier = FrameSums.objects.filter(evaluation=evaluation.pk, scene__in=ids).order_by()
    for row in [*earlier.exclude(frame__in=[row.frame_id for row in made]), *made]:
        rows[row.scene_id].append(row)
    missing = _missing(evaluation, ids, label_sets)
    rolled = []
    for item in items:
        counts = Counter(why for _, why in missing[item.scene_id])
        facts = SceneFacts(item.scene_id, item.split, label_sets.get(item.scene_id), **counts)
        rolled.append(scene_sums(terms, facts, rows[item.scene_id]))
    SceneSums.objects.bulk_create(rolled)
    _name_missing(evaluation, items, missing)
    return sum(map(len, missing.values()))


def _missing(
    evaluation: RunEvaluation, scenes: Sequence[int], label_sets: dict[int, int]
) -> dict[int, list[tuple[str, str]]]:
    """By scene id: (name, why) of the frames that were not compared, in playing order."""
    sums = FrameSums.objects.filter(evaluation=evaluation.pk, frame=OuterRef("pk"))
    given = FramePrediction.objects.filter(prediction_set__run=evaluation.run_id, frame=OuterRef("pk"))
    true = FrameLabels.objects.filter(label_set__in=list(label_sets.values()), frame=OuterRef("pk"))
    frames = Frame.objects.filter(~Exists(sums), scene__in=scenes, state=FrameState.READY).order_by("scene_id", "index")
    found: dict[int, list[tuple[str, str]]] = defaultdict(list)
    columns = ("scene_id", "name", "given", "true")
    for scene, name, predicted, labelled in frames.annotate(given=Exists(given), true=Exists(true)).values_list(
        *columns
    ):
        why = "without_prediction" if not predicted else "not_fitting" if labelled else "without_labels"
        found[scene].append((name, why))
    return found


def _name_missing(evaluation: RunEvaluation, items: Sequence[Item], missing: dict[int, list[tuple[str, str]]]) -> None:
    named = [
        {"scene": item.scene.name, "frame": frame, "why": why.replace("_", " ")}
        for item in items
        for frame, why in missing[item.scene_id]
    ]
    if named and len(evaluation.missing) < MISSING_KEPT:
        evaluation.missing = [*evaluation.missing, *named][:MISSING_KEPT]
        RunEvaluation.objects.filter(pk=evaluation.pk).update(missing=evaluation.missing)
