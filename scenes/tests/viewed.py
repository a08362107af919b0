"""A scene with everything that the viewer must cope with: left-out points, an octree, fields, and labels."""

import tempfile
from pathlib import Path

import numpy as np

from scenes import services
from scenes.clouds import pcd
from scenes.models import LabelSet, Scene
from scenes.tests.factories import add_labels, an_ingested_scene, labels_of

POINT = np.dtype(
    [("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("intensity", "<f4"), ("ring", "<u2"), ("time", "<f8"), ("rgb", "<f4")]
)
POINTS = 700
START = 1_700_000_000.0
# Frames of the scene: one plain, one with points left out, one that goes through the octree.
PLAIN, HOLED, STRAY = range(3)


def a_viewed_cloud(frame: int, *, points: int = POINTS) -> np.ndarray:
    """The cloud of a frame, structured (points,): rings 0..15, times over 0.1 s from the frame's own start."""
    random = np.random.default_rng(frame)
    cloud = np.zeros(points, POINT)
    angle, distance = random.uniform(0, 2 * np.pi, points), random.uniform(2, 40, points)
    cloud["x"], cloud["y"] = distance * np.cos(angle), distance * np.sin(angle)
    cloud["z"] = random.uniform(-2, 6, points)
    cloud["intensity"] = random.uniform(0, 1, points)
    cloud["ring"] = np.arange(points) % 16
    cloud["time"] = START + frame + np.linspace(0, 0.1, points)
    if frame == HOLED:
        cloud["x"][::7] = np.nan
    if frame == STRAY:
        cloud["x"][17] = 40_000.0
    return cloud


def a_viewed_folder(parent: Path, *, name: str = "viewed") -> Path:
    folder = parent / name
    folder.mkdir(parents=True)
    for frame in (PLAIN, HOLED, STRAY):
        (folder / f"{frame:06d}.pcd").write_bytes(pcd.write(a_viewed_cloud(frame)))
    return folder


def a_viewed_scene(*, name: str = "viewed", labelled: bool = True, **wishes) -> Scene:
    """The three frames, ready, with a first version of labels of each."""
    with tempfile.TemporaryDirectory() as place:
        scene = an_ingested_scene(a_viewed_folder(Path(place), name=name), **wishes)
    if labelled:
        label_again(scene)
    return Scene.objects.get(pk=scene.pk)


def label_again(scene: Scene, *, shift: float = 0.0, frames: tuple[int, ...] = (PLAIN, HOLED, STRAY)) -> LabelSet:
    """Another version of labels: road, and building above a height that `shift` moves."""
    services.sync_shipped_ontologies(by=None)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "labels"
        folder.mkdir()
        for frame in frames:
            cloud = a_viewed_cloud(frame)
            cloud["z"] -= shift
            (folder / f"{frame:06d}.label").write_bytes(labels_of(cloud).tobytes())
        return add_labels(scene, folder)


def classes_of(frame: int, *, shift: float = 0.0) -> np.ndarray:
    """The class indices of SemanticKITTI that `label_again` gives a frame, uint8 in file order."""
    return np.where(a_viewed_cloud(frame)["z"] - shift > -1.0, 13, 9).astype(np.uint8)
