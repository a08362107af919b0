"""How fast predictions become numbers: the counting kernel, whole evaluations, and figures from sums.

    python -m bench.evaluation [--frames 100] [--points 120000] [--sums 10000] [--json]

One frame's confusion is held against 3 ms, and its bytes a second against a copy in memory. The evaluation of frames,
with labels, predictions, confidence and range bands, is held against reading the same files. Figures of a slice, a tag
and a range band, and the frames behind a cell, come from the sums of many frames, 40 a scene.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from bench.figures import Figure, arguments, at_least, at_most, report
from bench.installation import throw_away_installation

PASSES = 7
CLASSES = 20
SCENE_FRAMES = 40
DISTINCT = 16


def timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def best(work: Callable[[], object], passes: int = PASSES) -> float:
    return min(timed(work) for _ in range(passes))


def classes_of(points: int, seed: int) -> tuple[Any, Any]:
    """True and predicted classes of a frame, uint8: runs of 14 of the classes, a tenth taken for one of six others."""
    random = np.random.default_rng(seed)
    there = random.permutation(CLASSES)[:14]
    truth = np.repeat(random.choice(there, points // 30 + 1), 30)[:points].astype(np.uint8)
    predicted = truth.copy()
    wrong = random.random(points) < 0.1
    predicted[wrong] = (truth[wrong] + random.integers(1, 7, int(wrong.sum()))) % CLASSES
    return truth, predicted


def kernel_figures(points: int) -> list[Figure]:
    from experiments import metrics

    truth, predicted = classes_of(points, 1)
    taken = best(lambda: metrics.confusion(truth, predicted, CLASSES), 30)
    large = np.random.default_rng(0).integers(0, 255, 50_000_000).astype(np.uint8)
    copied = len(large) / best(large.copy)
    return [
        at_most(f"confusion of {points:,} points", taken * 1000, "ms", 3 * max(points, 1) / 120_000, 1),
        at_least("the kernel against a copy in memory", 2 * points / taken / 1e6, "MB/s", copied / 1e6, 0.3),
    ]


def save(data: bytes) -> Any:
    from scenes import storage
    from scenes.models import StoredFile

    return StoredFile.objects.row_for(storage.save_bytes(data, storage=storage.DERIVED))


def frame_files(points: int, seed: int) -> dict[str, Any]:
    """The stored files of a frame: what is drawn, true classes, predicted classes and confidence."""
    from experiments.prediction_arrays import kept_numbers
    from scenes.clouds import pcd, tiles
    from scenes.clouds.cloud import DEFAULT_LIMITS
    from scenes.clouds.formats import format_for

    random = np.random.default_rng(seed)
    cloud = np.zeros(points, [("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("intensity", "<f4")])
    angle, distance = random.uniform(0, 2 * np.pi, points), random.gamma(2, 12, points) + 1
    cloud["x"], cloud["y"] = distance * np.cos(angle), distance * np.sin(angle)
    cloud["z"] = random.uniform(-2, 3, points)
    data = pcd.write(cloud)
    read = format_for("a.pcd").read(data, name="a.pcd", limits=DEFAULT_LIMITS)
    truth, predicted = classes_of(points, seed)
    return {
        "cloud": save(data),
        "display": save(tiles.encode(read).data),
        "labels": save(truth.tobytes()),
        "classes": save(predicted.tobytes()),
        "confidence": save(kept_numbers(random.random(points).astype(np.float16))),
    }


def make_run(frames: int, points: int) -> tuple[Any, list[dict[str, Any]]]:
    """A run with predictions for labelled scenes of 40 frames, all for validation; and the files of each frame."""
    from django.contrib.auth.models import User

    from experiments import services
    from experiments.models import FramePrediction
    from experiments.wishes import RunWishes
    from scenes.models import Frame, FrameLabels, LabelSet, Ontology, Scene

    person = User.objects.create_superuser("bench")
    ontology = Ontology.objects.create(name="bench")
    for index in range(CLASSES):
        ontology.classes.create(index=index, name=f"class {index}", colour="#00ff00", ignored=index == 0)
    kinds = [frame_files(points, seed) for seed in range(min(DISTINCT, frames))]
    run = services.create_run(wishes=RunWishes(experiment="bench"), by=person).run
    predictions = services.declare_predictions(run=run, ontology=ontology, by=person)
    used, pinned = [], {}
    for start in range(0, frames, SCENE_FRAMES):
        count = min(SCENE_FRAMES, frames - start)
        scene = Scene.objects.create(name=f"bench-{start:06d}", frame_count=count)
        pinned[scene.pk] = LabelSet.objects.create(scene=scene, version=1, ontology=ontology, kind="npy")
        for index in range(count):
            files = kinds[(start + index) % len(kinds)]
            frame = Frame.objects.create(
                scene=scene, index=index, name=f"{index:06d}.pcd", state="ready", cloud=files["cloud"],
                display=files["display"], point_count=points, finite_count=points,
            )  # fmt: skip
            FrameLabels.objects.create(
                label_set=pinned[scene.pk], frame=frame, classes=files["labels"], point_count=points
            )
            FramePrediction.objects.create(
                prediction_set=predictions, scene=scene, frame=frame, classes=files["classes"],
                confidence=files["confidence"], point_count=points, recorded_by=person, recorded_at=run.created_at,
            )  # fmt: skip
            used.append(files)
    freeze(run, pinned)
    return run, used


def freeze(run: Any, pinned: dict[int, Any]) -> None:
    """A version that pins these label sets, frozen, as the run's."""
    from django.utils import timezone

    from datasets.models import Dataset, DatasetVersion, Item
    from experiments.models import Run

    version = DatasetVersion.objects.create(dataset=Dataset.objects.create(name="bench"), number=1)
    Item.objects.bulk_create(
        Item(version=version, scene_id=scene, split="val", label_set=label_set) for scene, label_set in pinned.items()
    )
    facts = {"state": "frozen", "frozen_at": timezone.now(), "digest": "0" * 64, "manifest": save(b"{}")}
    DatasetVersion.objects.filter(pk=version.pk).update(**facts)
    Run.objects.filter(pk=run.pk).update(dataset_version=version, validation_splits=["val"], train_splits=["train"])


def evaluation_figures(run: Any, used: list[dict[str, Any]]) -> tuple[Any, list[Figure]]:
    from experiments import services
    from experiments.models import RunEvaluation
    from experiments.services import evaluating

    def read() -> None:
        for files in used:
            for name in ("display", "labels", "classes", "confidence"):
                files[name].read()

    reading = best(read, 3)
    started = services.start_evaluation(run=run, by=None)
    taken = timed(lambda: evaluating.work(started.pk))
    evaluation = RunEvaluation.objects.get(pk=started.pk)
    if evaluation.frame_count != len(used):
        raise SystemExit(f"Not every frame was evaluated: {evaluation.failure}")
    again = services.start_evaluation(run=run, by=None, rule="nuscenes")
    copied = timed(lambda: evaluating.work(again.pk))
    frames = len(used)
    return evaluation, [
        at_least(f"evaluate {frames:,} frames", frames / taken, "frames/s", frames / reading, 0.6),
        at_most("a frame, all that is computed", 1000 * taken / frames, "ms", 1000 * reading / frames, 10),
        at_most("the same under another rule", copied, "s", taken, 1),
    ]


def make_sums(evaluation: Any, frames: int) -> Any:
    """An evaluation of many scenes of 40 frames, its sums taken from those that were computed."""
    from datasets.models import Dataset, DatasetVersion, Item, Slice, SliceItem
    from experiments.models import FrameSums, RunEvaluation, SceneSums
    from scenes.models import Frame, Scene, SceneTag, Tag

    names = (f"sums-{number:06d}" for number in range(max(1, frames // SCENE_FRAMES)))
    scenes = Scene.objects.bulk_create([Scene(name=name, frame_count=SCENE_FRAMES) for name in names], batch_size=5000)
    cloud = Frame.objects.exclude(cloud=None)[0].cloud
    rows = Frame.objects.bulk_create(
        [
            Frame(scene=scene, index=index, name=f"{index:06d}.pcd", state="ready", cloud=cloud)
            for scene in scenes
            for index in range(SCENE_FRAMES)
        ],
        batch_size=5000,
    )
    version = DatasetVersion.objects.create(dataset=Dataset.objects.create(name="sums"), number=1)
    items = Item.objects.bulk_create([Item(version=version, scene=scene, split="val") for scene in scenes])
    half = Slice.objects.create(version=version, name="half")
    SliceItem.objects.bulk_create([SliceItem(slice=half, item=item) for item in items[::2]])
    tag = Tag.objects.create(name="night", slug="night")
    SceneTag.objects.bulk_create([SceneTag(tag=tag, content_object=scene) for scene in scenes[::2]])
    large = RunEvaluation.objects.get(pk=evaluation.pk)
    large.pk, large.dataset_version, large.current, large.state, large.finished_at = (
        None,
        version,
        True,
        "running",
        None,
    )
    large.save()
    by_scene = list(SceneSums.objects.filter(evaluation=evaluation))
    by_frame = list(FrameSums.objects.filter(evaluation=evaluation))
    copies = [copy(by_scene[place % len(by_scene)], large, scene_id=row.pk) for place, row in enumerate(scenes)]
    SceneSums.objects.bulk_create(copies, batch_size=1000)
    frame_rows = (
        copy(by_frame[place % len(by_frame)], large, scene_id=row.scene_id, frame_id=row.pk)
        for place, row in enumerate(rows)
    )
    FrameSums.objects.bulk_create(frame_rows, batch_size=2000)
    RunEvaluation.objects.filter(pk=large.pk).update(state="done", finished_at=evaluation.finished_at)
    analyse()
    return RunEvaluation.objects.get(pk=large.pk)


def copy(row: Any, evaluation: Any, **facts: int) -> Any:
    kept = {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields if field.name != "id"}
    return type(row)(**kept | {"evaluation_id": evaluation.pk} | facts)


def analyse() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("ANALYZE experiments_scenesums, experiments_framesums, scenes_scenetag, datasets_sliceitem")


def sums_figures(evaluation: Any, frames: int) -> list[Figure]:
    from experiments import evaluation_selectors as selectors

    def median(work: Callable[[], object]) -> float:
        work()
        return 1000 * statistics.median(timed(work) for _ in range(PASSES))

    share = max(frames, SCENE_FRAMES) / 100_000
    cases: list[tuple[str, Callable[[], object], float]] = [
        ("the whole", lambda: selectors.figures(evaluation), 200),
        ("a slice", lambda: selectors.figures(evaluation, slice="half"), 200),
        ("a tag under another rule", lambda: selectors.figures(evaluation, tag="night", rule="nuscenes"), 200),
        ("a range band", lambda: selectors.figures(evaluation, range_band=1), 200),
        ("50 scenes, worst first", lambda: selectors.scene_figures(evaluation), 100),
        ("the frames behind a cell", lambda: selectors.frames_with_confusion(evaluation, truth=1, predicted=2), 100),
    ]
    found = [at_most(f"{name}, {frames:,} frames", median(work), "ms", limit, 1) for name, work, limit in cases]
    diff = timed(lambda: selectors.evaluation_diff(evaluation, evaluation))
    return [*found, at_most(f"diff of two, {frames:,} frames", diff, "s", 10 * share + 1, 1)]


def measure(frames: int, points: int, sums: int) -> list[Figure]:
    from unittest.mock import patch

    with patch("experiments.services.evaluating.wake"):  # this process is the worker
        figures = kernel_figures(points)
        run, used = make_run(frames, points)
        evaluation, found = evaluation_figures(run, used)
        return [*figures, *found, *sums_figures(make_sums(evaluation, sums), sums)]


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--points", type=int, default=120_000)
    parser.add_argument("--sums", type=int, default=10_000, help="frames that figures are summed of")
    options = parser.parse_args()
    with throw_away_installation():
        figures = measure(options.frames, options.points, options.sums)
    report(figures, as_json=options.json)


if __name__ == "__main__":
    main()
