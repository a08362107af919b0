"""Stories for tests: a street with two classes, a frozen dataset to be held against, runs with known figures.

Every evaluated scene has 100 points of each class; a run gets `right` of each, so that the IoU of both is
right / (2 - right): 0.9 gives 0.818, 0.8 gives 0.667, 0.6 gives 0.429.
"""

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.contrib.auth.models import User
from django.utils import timezone

from datasets.models import Dataset, DatasetVersion, Item, Slice, SliceItem
from experiments import services as run_services
from experiments.evaluation_selectors import figures
from experiments.metrics import to_records
from experiments.models import Experiment, Run, RunEvaluation, SceneSums
from experiments.tests.stories import a_person
from registry import services
from registry.models import Gate, GateKind, ModelVersion, PromotionRequest, Stage
from scenes import storage
from scenes.models import Ontology, Scene, StoredFile

MODEL = "production-classifier"
POINTS = 100


@dataclass
class World:
    """People who know nothing of each other, and what they work with."""

    engineer: User
    approver: User
    other: User
    ontology: Ontology
    dataset: DatasetVersion
    scenes: dict[str, Scene]


def a_world() -> World:
    """Erik proposes, Anna and Otto approve. Test@v1 validates on noon and night (the slice night)."""
    ontology = Ontology.objects.create(name="Street")
    for index, name in enumerate(("void", "road", "car")):
        ontology.classes.create(index=index, name=name, colour="#336699", ignored=not index, raw_ids=[index])
    scenes = {name: Scene.objects.create(name=name) for name in ("noon", "night", "trained")}
    people = [a_person(name, role) for name, role in (("erik", "engineer"), ("anna", "approver"), ("otto", "approver"))]
    return World(*people, ontology, a_dataset("Test", ontology, scenes), scenes)


def a_dataset(name: str, ontology: Ontology, scenes: dict[str, Scene]) -> DatasetVersion:
    """A frozen version, made a row at a time while it is a draft."""
    version = DatasetVersion.objects.create(dataset=Dataset.objects.create(name=name), number=1, ontology=ontology)
    items = {
        key: Item.objects.create(version=version, scene=scene, split="train" if key == "trained" else "val")
        for key, scene in scenes.items()
    }
    if "night" in items:
        night = Slice.objects.create(version=version, name="night")
        SliceItem.objects.create(slice=night, item=items["night"])
    manifest = StoredFile.objects.row_for(storage.save_bytes(b"{}", storage=storage.ORIGINALS))
    facts = {"state": "frozen", "frozen_at": timezone.now(), "digest": "0" * 64, "manifest": manifest}
    DatasetVersion.objects.filter(pk=version.pk).update(frozen_by=a_person("fred", "curator"), **facts)
    return DatasetVersion.objects.select_related("dataset").get(pk=version.pk)


def a_trained_run(world: World, *, weights: bytes = b"weights", path: str = "checkpoints/best.pt", **facts: Any) -> Run:
    """A run that has ended, with one artifact."""
    experiment, _ = Experiment.objects.get_or_create(name="street")
    now = timezone.now()
    told = {"status": "completed", "started_at": now, "finished_at": now, "architecture": "RandLA-Net"}
    run = Run.objects.create(experiment=experiment, started_by=world.engineer, dataset_version=world.dataset, **told)
    if path:
        log_artifact(run, path, weights, world.engineer)
    if facts:
        Run.objects.filter(pk=run.pk).update(**facts)
        run.refresh_from_db()
    return run


def log_artifact(run: Run, path: str, content: bytes, by: User) -> None:
    run_services.save_artifact(run=run, path=path, stream=io.BytesIO(content), length=len(content), by=by)


def evaluate(
    run: Run,
    world: World,
    *,
    right: float | dict[str, float] = 0.9,
    confidence: float | None = None,
    contamination: str = "clean",
    outdated: str = "",
) -> RunEvaluation:
    """The server's evaluation of the run on Test@v1, with the share of right points by scene.

    `confidence` is that of every point.
    """
    facts: dict[str, Any] = {"run": run, "dataset_version": world.dataset, "ontology": world.ontology}
    RunEvaluation.objects.filter(run=run).update(current=False)
    told = RunEvaluation.objects.create(
        **facts, splits=["val"], class_count=3, contamination=contamination, state="running", started_at=timezone.now()
    )
    if contamination == "contaminated":
        told.trained_scenes, told.trained_drives = 1, 1
    shares = right if isinstance(right, dict) else dict.fromkeys(("noon", "night"), right)
    for name, share in shares.items():
        hits = round(share * POINTS)
        counts = np.array([[0, 0, 0], [0, hits, POINTS - hits], [0, POINTS - hits, hits]], np.int64)
        SceneSums.objects.create(
            evaluation=told,
            scene=world.scenes[name],
            split="val",
            frames=1,
            points=2 * POINTS,
            correct=2 * hits,
            confusion=to_records(counts),
            peaks=to_records(counts),
            confidence=_confidence(confidence, 2 * POINTS, 2 * hits),
        )
    found = figures(told)
    told.miou, told.accuracy, told.ece = found.miou, found.accuracy, found.ece
    told.state, told.finished_at, told.scene_count = "done", timezone.now(), len(shares)
    told.outdated_reason, told.outdated_at = outdated, timezone.now() if outdated else None
    told.save()
    return told


def _confidence(confidence: float | None, points: int, right: int) -> bytes:
    if confidence is None:
        return b""
    sums = np.zeros((15, 3))
    sums[min(14, int(confidence * 15))] = points, confidence * points, right
    return sums.tobytes()


def a_version(world: World, *, right: float = 0.9, model: str = MODEL, **wishes: Any) -> ModelVersion:
    """A version of a run of its own, evaluated with `right` of its points right."""
    run = a_trained_run(world, weights=f"{model} {right} {ModelVersion.objects.count()}".encode())
    evaluate(run, world, right=right)
    return services.register_version(model=model, run=run, by=world.engineer, **wishes)


def a_gate(world: World, version: ModelVersion, kind: str = GateKind.MINIMUM_IOU, **wishes: Any) -> Gate:
    given = {"threshold": 0.7, "dataset_version": world.dataset} | wishes
    return services.add_gate(model=version.model, kind=kind, by=world.approver, **given)


def ask(world: World, version: ModelVersion, **wishes: Any) -> PromotionRequest:
    return services.request_promotion(version=version, by=world.engineer, **wishes)


def promote(world: World, version: ModelVersion) -> ModelVersion:
    """Straight to Production, as two people do it."""
    services.approve(request=ask(world, version), by=world.approver)
    return now(version)


def now(version: ModelVersion) -> ModelVersion:
    """The version as it is in the database."""
    return ModelVersion.objects.select_related("model").get(pk=version.pk)


def stages(version: ModelVersion) -> dict[str, str]:
    """Label and stage of every version of the model."""
    return dict(ModelVersion.objects.filter(model=version.model).order_by("number").values_list("label", "stage"))


DEVELOPMENT, STAGING, PRODUCTION = Stage.DEVELOPMENT, Stage.STAGING, Stage.PRODUCTION
