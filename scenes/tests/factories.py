"""Stories for tests: `a_drive_folder(tmp_path, frames=3)` lies on disk, `a_ready_scene()` is in LAMM."""

import tempfile
from pathlib import Path

import numpy as np

from scenes import ingest, services, sources
from scenes.clouds import pcd
from scenes.models import IngestJob, Scene

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


def a_ready_scene(*, name: str = "city-drive-01", frames: int = 1, points: int = 200, **wishes) -> Scene:
    with tempfile.TemporaryDirectory() as place:
        return an_ingested_scene(a_drive_folder(Path(place), name=name, frames=frames, points=points), **wishes)
