"""How fast, and in how much memory, the display octree is built.

    python -m bench.octree [--points 2000000] [--json]

The cloud is made here, seeded: streets with facades, float32 positions and intensities, 16 bytes a point,
which is what "decoded size" means. The build runs in a process of its own, which reads the cloud in chunks
from disk, so that its peak memory is its own. The limit, in the same run: reading the same file, sorting the
Morton codes of its points as one array, and writing as many bytes as the octree has.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from bench.figures import Figure, arguments, report
from scenes.clouds import octree
from scenes.clouds.octree_cells import DEPTH, codes_of, cube_around

POINT_BYTES = 16
CHUNK_POINTS = 500_000
SPEED_TARGET = 1_500_000
MEMORY_TARGET = 4.0
# A build holds a block and a batch whatever the size of the cloud; below this, in bytes, nothing is said.
WORKING_SET = 256e6


def write_cloud(path: Path, points: int) -> None:
    """Streets 40 m apart with ground, facades and trees, as seen along a drive; height by chance."""
    random = np.random.default_rng(7)
    extent = 40.0 * max(1.0, (points / 2e5) ** 0.5)
    with path.open("wb") as file:
        for start in range(0, points, CHUNK_POINTS):
            count = min(CHUNK_POINTS, points - start)
            chunk = random.random((count, 4), np.float32) * np.array([extent, extent, 0.1, 1], np.float32)
            facade = random.random(count) < 0.4
            chunk[facade, 0] = np.round(chunk[facade, 0] / 40) * 40
            chunk[facade, 2] = random.random(np.count_nonzero(facade), np.float32) * 12
            tree = random.random(count) < 0.1
            chunk[tree, :3] += random.normal(0, 1.5, (np.count_nonzero(tree), 3)).astype(np.float32)
            file.write(chunk.data)


def read_cloud(path: Path) -> Iterator[octree.Chunk]:
    """The cloud in chunks."""
    with path.open("rb") as file:
        while len(rows := np.fromfile(file, "<f4", CHUNK_POINTS * 4)):
            points = rows.reshape(-1, 4)
            yield points[:, :3], points[:, 3]


def build_in_this_process(cloud: Path, folder: Path) -> dict[str, float]:
    """Build, and say what it took."""
    started, cpu = time.perf_counter(), time.process_time()
    built = octree.build(read_cloud(cloud), folder=folder)
    return {
        "seconds": time.perf_counter() - started,
        "cpu": time.process_time() - cpu,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024),
        "nodes": len(built.index),
        "levels": int(built.index.rows["level"].max()) + 1,
        "bytes": built.index.data_bytes,
    }


def build_in_a_child(cloud: Path, folder: Path) -> dict[str, float]:
    """Build in a process of its own."""
    command = [sys.executable, "-m", "bench.octree", "--child", str(cloud), str(folder)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    answer: dict[str, float] = json.loads(done.stdout)
    return answer


def limit_seconds(cloud: Path, folder: Path) -> float:
    """Reading the points, one sort of all their codes, writing 12 bytes a point."""
    started = time.perf_counter()
    points = np.fromfile(cloud, "<f4").reshape(-1, 4)
    columns = points[:, :3].T
    cube = cube_around(columns.min(axis=1).astype(np.float64), columns.max(axis=1).astype(np.float64))
    np.sort(codes_of(columns, cube, DEPTH))
    with (folder / "limit").open("wb") as file:
        for _ in range(12):
            file.write(bytes(len(points)))
    return time.perf_counter() - started


def measure(points: int) -> tuple[list[Figure], dict[str, float]]:
    """The figures for a cloud of `points` points."""
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_cloud(folder / "cloud", points)
        # Built first: a new process starts with the peak of the one that starts it.
        built = build_in_a_child(folder / "cloud", folder)
        limit = points / limit_seconds(folder / "cloud", folder)
    speed = points / built["seconds"]
    decoded = points * POINT_BYTES
    memory = built["peak"] / decoded
    fits = memory <= MEMORY_TARGET or built["peak"] <= WORKING_SET
    return [
        Figure("octree.speed", speed, "points/s", limit, speed / limit, SPEED_TARGET, speed >= SPEED_TARGET),
        Figure("octree.peak_memory", built["peak"], "bytes", decoded, memory, MEMORY_TARGET, fits),
    ], built


def main() -> None:
    """Print the figures, as a table or as JSON lines."""
    parser = arguments(__doc__)
    parser.add_argument("--points", type=int, default=2_000_000)
    parser.add_argument("--child", nargs=2, metavar=("CLOUD", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(build_in_this_process(*map(Path, options.child))))
        return
    figures, built = measure(options.points)
    if not options.json:
        print(f"{options.points:,} points, {os.cpu_count()} cores; built in {built['seconds']:.2f} s wall,")
        print(f"{built['cpu']:.2f} s CPU; {built['nodes']:.0f} nodes on {built['levels']:.0f} levels")
    report(figures, as_json=options.json)


if __name__ == "__main__":
    main()
