"""Stories of evaluations: `an_evaluation(run)` is a finished one of what the run predicts."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from django.utils import timezone

from datasets.models import Dataset, DatasetVersion, Item, Slice, SliceItem
from experiments import services
from experiments.models import Run, RunEvaluation
from experiments.services import evaluating
from experiments.tests.prediction_stories import predict, truth_of, wrong_by
from experiments.tests.stories import a_person, a_run
from scenes import storage
from scenes.models import Drive, Scene, StoredFile
from scenes.tests.factories import a_label_folder, a_labelled_scene, add_labels


def a_pinned_version(
    name: str = "Urban", *, slices: dict[str, Sequence[Scene]] | None = None, **splits: Sequence[Scene]
) -> DatasetVersion:
    """A frozen version of these scenes by split that pins the newest labels of each."""
    dataset, _ = Dataset.objects.get_or_create(name=name)
    version = DatasetVersion.objects.create(dataset=dataset, number=dataset.versions.count() + 1)
    items = {}
    for split, scenes in splits.items():
        for scene in scenes:
            newest = scene.label_sets.order_by("-version").first()
            items[scene.pk] = Item.objects.create(version=version, scene=scene, split=split, label_set=newest)
    for word, scenes in (slices or {}).items():
        row = Slice.objects.create(version=version, name=word)
        for scene in scenes:
            SliceItem.objects.create(slice=row, item=items[scene.pk])
    manifest = StoredFile.objects.row_for(storage.save_bytes(b"{}", storage=storage.ORIGINALS))
    facts = {"state": "frozen", "frozen_at": timezone.now(), "digest": "0" * 64, "manifest": manifest}
    DatasetVersion.objects.filter(pk=version.pk).update(**facts, frozen_by=a_person("fred", "curator"))
    return DatasetVersion.objects.select_related("dataset").get(pk=version.pk)


def a_scene_of(drive: str, *, name: str, frames: int = 2, points: int = 500) -> Scene:
    """A labelled scene of a drive."""
    scene = a_labelled_scene(name=name, frames=frames, points=points)
    Scene.objects.filter(pk=scene.pk).update(drive=Drive.objects.get_or_create(name=drive)[0])
    return Scene.objects.get(pk=scene.pk)


def a_run_on(version: DatasetVersion, **wishes: Any) -> Run:
    return a_run(dataset=f"{version.dataset.name}@v{version.number}", **wishes)


def predict_wrongly(run: Run, scene: Scene, share: float = 0.1, **given: Any) -> list[np.ndarray]:
    """Store the truth with a share of each frame's points given class 1; returns what was predicted."""
    classes = wrong_by(truth_of(scene), share)
    predict(run, scene, classes, **given)
    return classes


def an_evaluation(run: Run, **wishes: Any) -> RunEvaluation:
    """Started and worked on in this process until it ended."""
    started = services.start_evaluation(run=run, by=run.started_by, **wishes)
    evaluating.work(started.pk)
    return RunEvaluation.objects.get(pk=started.pk)


def label_again(scene: Scene, folder: Any, *, frames: int = 2, points: int = 500) -> None:
    """The same labels once more, as the scene's next version."""
    add_labels(scene, a_label_folder(folder, frames=frames, points=points))
