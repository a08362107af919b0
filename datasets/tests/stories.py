"""Stories for tests of datasets: `some_scenes(10, drives=3)` are in LAMM, `a_frozen_version(scenes)` is frozen."""

import hashlib
from datetime import UTC, datetime, timedelta

from django.contrib.auth.models import Group, User

from datasets import services
from datasets.models import DatasetVersion
from scenes import services as scene_services
from scenes import storage
from scenes.models import Drive, Frame, FrameLabels, FrameState, LabelSet, Ontology, PositionState, Scene, StoredFile

START = datetime(2026, 3, 1, 8, tzinfo=UTC)
CLASS_COUNTS = [0, 500, 300, 100]


def a_person(name: str = "carla", role: str = "curator") -> User:
    scene_services.sync_roles()
    person = User.objects.create_user(name)
    person.groups.add(Group.objects.get(name=role))
    return person


def stored(data: bytes) -> StoredFile:
    return StoredFile.objects.row_for(storage.save_bytes(data, storage=storage.ORIGINALS))


def some_scenes(count: int = 4, *, drives: int = 2, frames: int = 2, labels: bool = True, name: str = "scene") -> list:
    """Scenes with stored files in their frames; a drive a day, 11 km apart; labels in an ontology of three classes."""
    made = []
    for number in range(count):
        drive = number % drives
        row, _ = Drive.objects.get_or_create(
            name=f"drive-{drive}", defaults={"date": (START + timedelta(drive)).date()}
        )
        scene = Scene(
            name=f"{name}-{number:03d}",
            drive=row,
            captured_at=START + timedelta(days=drive, minutes=number),
            duration_seconds=20.0,
            frame_count=frames,
            point_count=1000 * frames,
            size_bytes=10 * frames,
            position_state=PositionState.KNOWN,
            start_latitude=48.0 + drive / 10,
            start_longitude=11.0,
            end_latitude=48.0 + drive / 10,
            end_longitude=11.0 + number / 1000,
        )
        scene.save()
        _frames(scene, frames)
        if labels:
            label(scene)
        made.append(scene)
    return made


def _frames(scene: Scene, count: int) -> None:
    for index in range(count):
        cloud = stored(f"cloud {scene.name} {index}".encode())
        Frame.objects.create(
            scene=scene, index=index, name=f"{index:06d}.pcd", state=FrameState.READY, cloud=cloud, point_count=1000
        )


def an_ontology(name: str = "Three classes") -> Ontology:
    ontology, made = Ontology.objects.get_or_create(name=name)
    if made:
        for index, word in enumerate(["nothing", "ground", "car", "person"]):
            ontology.classes.create(index=index, name=word, colour="#00ff00", ignored=index == 0)
    return ontology


def label(scene: Scene, *, ontology: Ontology | None = None, counts: list[int] | None = None) -> LabelSet:
    """The next version of the scene's labels."""
    version = scene.label_sets.count() + 1
    ontology = ontology or an_ontology()
    frames = list(scene.frames.order_by("index"))
    label_set = LabelSet.objects.create(
        scene=scene, version=version, ontology=ontology, kind="npy", frame_count=len(frames),
        class_counts=counts or CLASS_COUNTS,
    )  # fmt: skip
    for frame in frames:
        classes = stored(f"classes {scene.name} {frame.name} v{version}".encode())
        FrameLabels.objects.create(label_set=label_set, frame=frame, classes=classes, point_count=1000)
    return label_set


def a_draft(scenes: list[Scene], *, by: User, name: str = "Urban_Night_Scenes", **plan: object) -> DatasetVersion:
    version = services.create_dataset(name=name, by=by)
    services.add_scenes(version=version, scenes=[scene.pk for scene in scenes], by=by)
    return services.set_plan(version=version, plan={"seed": 7, **plan}, by=by)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
