"""Stories for tests of exports: `a_recorded_version()` is frozen, of scenes with real files and all beside them."""

import tarfile
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import numpy as np
from django.contrib.auth.models import User

from datasets.models import DatasetVersion
from datasets.tests.test_freezing import frozen
from scenes import ingest, services, sources
from scenes.clouds import kitti, pcd
from scenes.label_files import LabelFile
from scenes.models import LabelSet, Scene
from scenes.tests.factories import a_cloud, an_ingested_scene, labels_of

BEGAN = 1_772_352_000_123_456_789  # 2026-03-01, to the nanosecond
STEP = 100_000_001
WIDE = np.dtype([("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("intensity", "<f4"), ("ring", "<u2"), ("time", "<f8")])


def times(count: int) -> list[int]:
    return [BEGAN + STEP * number for number in range(count)]


def poses(count: int) -> list[list[float]]:
    turned = [(np.cos(a), np.sin(a)) for a in 0.1 * np.arange(count)]
    return [[c, -s, 0.0, 1.5 * n, s, c, 0.0, n / 3, 0.0, 0.0, 1.0, 1.73] for n, (c, s) in enumerate(turned)]


def beside(folder: Path, count: int) -> None:
    """A file of times, of poses and of positions for `count` frames."""
    lines = [
        f"{datetime.fromtimestamp(time // 10**9, UTC):%Y-%m-%d %H:%M:%S}.{time % 10**9:09d}" for time in times(count)
    ]
    (folder / "timestamps.txt").write_text("\n".join(lines))
    (folder / "poses.txt").write_text("\n".join(" ".join(map(repr, map(float, row))) for row in poses(count)))
    rows = [f"{number},{48.1 + number / 1e4!r},{11.5 + number / 1e4!r}" for number in range(count)]
    (folder / "gps.csv").write_text("\n".join(["frame,latitude,longitude", *rows]))


def a_kitti_scene(place: Path, name: str, frames: int = 3) -> Scene:
    """KITTI .bin frames, .label files with instance numbers."""
    folder = place / name
    folder.mkdir(parents=True)
    files = {}
    for index in range(frames):
        cloud = a_cloud(points=400 + index, seed=index + 10)
        (folder / f"{index:06d}.bin").write_bytes(kitti.write(cloud))
        packed = labels_of(cloud) | (np.arange(len(cloud), dtype="<u4") % 7 << 16)
        files[f"{index:06d}.bin"] = LabelFile.of_bytes(packed.astype("<u4").tobytes(), name=f"{index:06d}.label")
    beside(folder, frames)
    scene = an_ingested_scene(folder, format="kitti", drive=f"drive of {name}")
    add(scene, "semantic-kitti", files)
    return scene


def a_pcd_scene(place: Path, name: str, frames: int = 2, *, bare: bool = False) -> Scene:
    """PCD frames with a ring and a time of each point, labels as .npy; `bare`: no times, poses, positions, labels."""
    folder = place / name
    folder.mkdir(parents=True)
    files = {}
    for index in range(frames):
        cloud = a_wide_cloud(index)
        (folder / f"{index:06d}.pcd").write_bytes(pcd.write(cloud))
        data = BytesIO()
        np.save(data, labels_of(cloud).astype("<i8"))
        files[f"{index:06d}.pcd"] = LabelFile.of_bytes(data.getvalue(), name=f"{index:06d}.npy")
    if not bare:
        beside(folder, frames)
    scene = an_ingested_scene(folder, drive=f"drive of {name}")
    if not bare:
        add(scene, "npy", files)
    return scene


def a_wide_cloud(index: int) -> np.ndarray:
    narrow = a_cloud(points=300 + index, seed=index)
    cloud = np.zeros(len(narrow), WIDE)
    for field in narrow.dtype.names:
        cloud[field] = narrow[field]
    cloud["ring"], cloud["time"] = np.arange(len(cloud)) % 32, np.arange(len(cloud)) / 1e4
    return cloud


def add(scene: Scene, kind: str, files: dict) -> LabelSet:
    ontology = services.ontology_named("SemanticKITTI")
    return services.add_label_set(scene=scene, ontology=ontology, kind=kind, files=files, by=None)


def a_recorded_version(place: Path, by: User, *, bare: bool = False) -> DatasetVersion:
    """Two scenes of two drives in two splits; `bare` adds one without anything beside its frames."""
    services.sync_shipped_ontologies(by=None)
    made = [a_kitti_scene(place, "alpha"), a_pcd_scene(place, "beta")]
    made += [a_pcd_scene(place, "bare", bare=True)] if bare else []
    return frozen(made, by, train_percent=50, val_percent=50, test_percent=0)


def as_tree(root: Path, kind: str, **wishes: str) -> list[Scene]:
    """What our own ingestion makes of an exported tree, in the order of the names."""
    found = []
    for scene in sources.find_tree(root, kind):
        job = services.ingest_tree_scene(root=root, scene=scene, wishes=services.IngestWishes(**wishes), by=None)
        ingest.work(job.pk)
        job.refresh_from_db()
        assert (job.state, job.problem) == ("done", "")
        found.append(Scene.objects.get(pk=job.scene_id))
    return found


def tree(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def unpacked(archive: bytes) -> dict[str, bytes]:
    """Files of a tar archive by path; every one has the fixed owner, mode and time."""
    with tarfile.open(fileobj=BytesIO(archive)) as opened:
        members = opened.getmembers()
        assert {(one.uid, one.gid, one.uname, one.mode, one.mtime) for one in members} == {(0, 0, "", 0o644, 315532800)}
        return {one.name: opened.extractfile(one).read() for one in members}
