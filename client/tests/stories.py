"""Stories for tests of reading: a frozen version of real frames on a real server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from django.contrib.auth.models import Group, User

from datasets import services as datasets
from datasets.models import DatasetVersion
from datasets.selectors import certificate
from scenes import services
from scenes.clouds import pcd, ply_writer
from scenes.models import Scene
from scenes.tests.factories import a_cloud, a_label_folder, add_labels, an_ingested_scene

NAME = "Urban_Night_Scenes"
POINTS = 300


def a_curator() -> User:
    services.sync_roles()
    person, _ = User.objects.get_or_create(username="carla")
    person.groups.set(Group.objects.filter(name="curator"))
    return person


def cloud_of(index: int) -> np.ndarray:
    """The points of frame `index` of every scene made here."""
    return a_cloud(points=POINTS, seed=index)


def classes_of(index: int) -> np.ndarray:
    """The class indices in SemanticKITTI of frame `index`: road is 9, building 13."""
    return np.where(cloud_of(index)["z"] > -1.0, 13, 9).astype(np.uint8)


def a_scene(folder: Path, name: str, *, labelled: bool = True, suffixes: tuple[str, ...] = ("pcd", "pcd")) -> Scene:
    """A scene of one frame for each suffix: pcd, ply, and lzf for a PCD whose points are compressed."""
    drive = folder / name
    drive.mkdir(parents=True)
    for index, suffix in enumerate(suffixes):
        write = {
            "pcd": pcd.write,
            "ply": ply_writer.write,
            "lzf": lambda cloud: pcd.write(cloud, encoding="binary_compressed"),
        }[suffix]
        (drive / f"{index:06d}.{suffix.replace('lzf', 'pcd')}").write_bytes(write(cloud_of(index)))
    scene = an_ingested_scene(drive, drive=f"drive of {name}", rate_hz=10)
    if labelled:
        services.sync_shipped_ontologies(by=None)
        add_labels(scene, a_label_folder(folder / f"{name}-labels", frames=len(suffixes), points=POINTS))
    return scene


def frozen(scenes: list[Scene], *, splits: dict[str, str] | None = None, name: str = NAME) -> DatasetVersion:
    """A frozen version of the scenes; `splits` says where scenes belong, by name, else all are for training."""
    by = a_curator()
    draft = datasets.create_dataset(name=name, by=by)
    datasets.add_scenes(version=draft, scenes=[scene.pk for scene in scenes], by=by)
    for scene in scenes:
        split = (splits or {}).get(scene.name, "train")
        datasets.set_split(version=draft, scenes=[scene.pk], split=split, by=by)
    datasets.draw_splits(version=draft, by=by)
    warnings = [one["name"] for one in certificate(DatasetVersion.objects.get(pk=draft.pk))["warnings"]]
    return datasets.freeze(version=draft, acknowledged=warnings, by=by)


def a_dataset(folder: Path, **wishes: Any) -> DatasetVersion:
    """Urban_Night_Scenes@v1: three scenes of two frames, two to train with and one to validate with."""
    scenes = [a_scene(folder, name, **wishes) for name in ("a-night", "b-night", "c-noon")]
    return frozen(scenes, splits={"c-noon": "val"})
