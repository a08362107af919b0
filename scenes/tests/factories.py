"""Stories for tests: `a_drive_folder(tmp_path, frames=3)` lies on disk, `a_ready_scene()` is in LAMM."""

import tempfile
from pathlib import Path

import numpy as np

from scenes import ingest, services, sources
from scenes.clouds import pcd
from scenes.models import IngestJob, LabelSet, Scene

POINT = np.dtype([("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("intensity", "<f4")])


def a_cloud(*, points: int = 500, seed: int = 0) -> np.ndarray:
    """A street-like cloud: ground rings around the sensor and a wall; structured (points,) x y z intensity."""
    random = np.random.default_rng(seed)
    cloud = np.zeros(points, POINT)
    angle, distance = random.uniform(0, 2 * np.pi, points), random.uniform(2, 40, points)
    cloud["x"], cloud["y"] = distance * np.cos(angle), distance * np.sin(angle)
    cloud["z"] = np.where(distance > 30, random.uniform(-1.7, 8, points), -1.7)
    cloud["intensity"] = random.uniform(0, 1, points)
    return cloud


def a_pcd(**cloud: int) -> bytes:
    return pcd.write(a_cloud(**cloud))


def a_drive_folder(parent: Path, *, name: str = "city-drive-01", frames: int = 3, points: int = 500) -> Path:
    """A folder of binary PCD frames, 000000.pcd and on, each with other points."""
    folder = parent / name
    folder.mkdir(parents=True)
    for index in range(frames):
        (folder / f"{index:06d}.pcd").write_bytes(a_pcd(points=points, seed=index))
    return folder


def a_queued_job(folder: Path, *, by=None, **wishes) -> IngestJob:
    """The folder registered as a scene; no worker has touched it."""
    (sequence,) = sources.find_sequences(folder)
    return services.ingest_sequence(sequence=sequence, wishes=services.IngestWishes(**wishes), by=by)


def an_ingested_scene(folder: Path, *, by=None, **wishes) -> Scene:
    """The folder as a scene whose ingest job has ended, worked on in this process."""
    job = a_queued_job(folder, by=by, **wishes)
    ingest.work(job.pk)
    return Scene.objects.get(pk=job.scene_id)


def labels_of(cloud: np.ndarray) -> np.ndarray:
    """SemanticKITTI ids of a cloud of `a_cloud`: road (40), and building (50) above it; uint32 (points,)."""
    return np.where(cloud["z"] > -1.0, 50, 40).astype("<u4")


def a_label_folder(parent: Path, *, name: str = "labels", frames: int = 3, points: int = 500) -> Path:
    """SemanticKITTI labels of the frames of `a_drive_folder`, 000000.label and on."""
    folder = parent / name
    folder.mkdir(parents=True)
    for index in range(frames):
        labels = labels_of(a_cloud(points=points, seed=index))
        (folder / f"{index:06d}.label").write_bytes(labels.tobytes())
    return folder


def add_labels(scene: Scene, folder: Path, *, kind: str = "semantic-kitti", by=None, **wishes) -> LabelSet:
    """The label files of the folder as the scene's next version, in SemanticKITTI."""
    files = services.match_files(scene=scene, path=folder, kind=kind).files
    ontology = services.ontology_named("SemanticKITTI")
    return services.add_label_set(scene=scene, ontology=ontology, kind=kind, files=files, by=by, **wishes)


def a_labelled_scene(*, name: str = "city-drive-01", frames: int = 2, points: int = 500, by=None, **wishes) -> Scene:
    """A ready scene with its first version of labels, in SemanticKITTI."""
    services.sync_shipped_ontologies(by=None)
    scene = a_ready_scene(name=name, frames=frames, points=points, **wishes)
    with tempfile.TemporaryDirectory() as place:
        folder = a_label_folder(Path(place), frames=frames, points=points)
        add_labels(scene, folder, by=by)
    return Scene.objects.get(pk=scene.pk)


def a_ready_scene(*, name: str = "city-drive-01", frames: int = 1, points: int = 200, **wishes) -> Scene:
    with tempfile.TemporaryDirectory() as place:
        return an_ingested_scene(a_drive_folder(Path(place), name=name, frames=frames, points=points), **wishes)
