"""How fast a frozen dataset is read by trainers, and taken out as files.

    python -m bench.datasets [--frames 100] [--points 120000] [--json]

What trainers read through lamm_client is bench.client, run here on the same data: cached frames, cold download, two
workers. The exports stand beside the least that such a copy costs, measured in the same run: the same files read,
hashed and written by hand; as an archive, hashed and joined; as SemanticKITTI, decoded, put into KITTI's records and
written with their labels. Medians of several passes.
"""

from __future__ import annotations

import hashlib
import logging
import shutil
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from bench import client
from bench.figures import Figure, arguments, at_least, report
from bench.installation import throw_away_installation

PASSES = 3
PLAIN, ARCHIVE, KITTI = 0.5, 0.5, 0.5


def stored() -> list[tuple[Path, Path]]:
    """Cloud and label file of each frame, where they are kept."""
    from scenes.models import FrameLabels

    rows = FrameLabels.objects.select_related("frame__cloud", "original").order_by("frame__index")
    files = [(row.frame.cloud, row.original) for row in rows]
    found = [(cloud.local_path(), labels.local_path()) for cloud, labels in files if cloud and labels]
    return [(cloud, labels) for cloud, labels in found if cloud and labels]


def copied(file: Path, target: Path) -> None:
    data = file.read_bytes()
    hashlib.sha256(data).hexdigest()
    target.write_bytes(data)


def copy_by_hand(files: list[tuple[Path, Path]], folder: Path) -> None:
    folder.mkdir()
    for number, (cloud, labels) in enumerate(files):
        copied(cloud, folder / f"{number}.pcd")
        copied(labels, folder / f"{number}.label")


def join_by_hand(files: list[tuple[Path, Path]], folder: Path) -> None:
    folder.mkdir()
    with (folder / "joined").open("wb") as joined:
        for pair in files:
            for file in pair:
                data = file.read_bytes()
                hashlib.sha256(data).hexdigest()
                joined.write(data)


def convert_by_hand(files: list[tuple[Path, Path]], folder: Path, dtype: np.dtype[Any]) -> None:
    folder.mkdir()
    for number, (cloud, labels) in enumerate(files):
        data = cloud.read_bytes()
        hashlib.sha256(data).hexdigest()
        points = np.frombuffer(data, dtype, offset=data.index(b"DATA binary\n") + 12)
        made = np.empty((len(points), 4), np.float32)
        for column, name in enumerate(("x", "y", "z", "intensity")):
            made[:, column] = points[name]
        (folder / f"{number}.bin").write_bytes(made.tobytes())
        copied(labels, folder / f"{number}.label")


def export_figures(folder: Path) -> list[Figure]:
    """Megabytes of originals and labels a second, of each way out."""
    from datasets.selectors import version_named
    from datasets.services import exporting
    from scenes.models import Frame

    version, files = version_named(f"{client.NAME}@v1"), stored()
    dtype = Frame.objects.order_by("index")[0].read_cloud().points.dtype
    megabytes = sum(file.stat().st_size for pair in files for file in pair) / 1e6
    wishes: dict[str, Any] = {"version": version, "by": None}

    def figure(name: str, ours: Callable[[Path], object], least: Callable[[Path], object], target: float) -> Figure:
        taken: list[float] = []
        limit: list[float] = []
        for number in range(PASSES):
            for times, task in ((taken, ours), (limit, least)):
                place = folder / f"{name}-{number}-{len(taken)}-{len(limit)}"
                times.append(client.seconds(lambda task=task, place=place: task(place)))  # type: ignore[misc]
                shutil.rmtree(place) if place.is_dir() else place.unlink()
        speeds = [megabytes / statistics.median(times) for times in (taken, limit)]
        return at_least(name, speeds[0], "MB/s", speeds[1], target)

    return [
        figure(
            "export as plain folders",
            lambda place: exporting.export_to_folder(form="plain", folder=place, **wishes),
            lambda place: copy_by_hand(files, place),
            PLAIN,
        ),
        figure(
            "export as an archive",
            lambda place: exporting.export_to_archive(form="plain", path=place, **wishes),
            lambda place: join_by_hand(files, place),
            ARCHIVE,
        ),
        figure(
            "export as SemanticKITTI",
            lambda place: exporting.export_to_folder(form="semantic-kitti", folder=place, **wishes),
            lambda place: convert_by_hand(files, place, dtype),
            KITTI,
        ),
    ]


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--points", type=int, default=120_000)
    parser.add_argument("--passes", type=int, default=3, help="cold downloads")
    options = parser.parse_args()
    logging.getLogger("httpx").setLevel(logging.WARNING)
    with throw_away_installation(ingesting=True) as folder:
        figures = [*client.measure(options, folder), *export_figures(folder)]
    report(figures, as_json=options.json)


if __name__ == "__main__":
    main()
