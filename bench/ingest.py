"""How fast frames go in, against reading and hashing the same files.

    python -m bench.ingest [--frames 100] [--points 120000] [--profile] [--json]

The frames are made here, seeded: binary PCD, x y z intensity, 64 rings over ground and facades. The database, the files
and the worker's code are the real ones, in a data folder of their own that is thrown away. The limit: reading the same
files and hashing them with sha256, one process. Figures are medians of several passes where a pass is short.
"""

from __future__ import annotations

import cProfile
import hashlib
import multiprocessing
import pstats
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from bench.figures import Figure, arguments, at_least, at_most, report
from bench.installation import throw_away_installation

PASSES = 7


def write_frames(folder: Path, frames: int, points: int) -> list[Path]:
    from scenes.clouds import pcd

    random = np.random.default_rng(7)
    folder.mkdir(parents=True)
    paths = []
    for index in range(frames):
        cloud = np.zeros(points, [(name, "<f4") for name in ("x", "y", "z", "intensity")])
        angle = np.linspace(0, 2 * np.pi * 64, points, dtype=np.float32)
        distance = np.repeat(np.geomspace(3, 80, 64), -(-points // 64))[:points] + random.normal(0, 0.02, points)
        cloud["x"], cloud["y"] = distance * np.cos(angle), distance * np.sin(angle)
        cloud["z"] = np.where(np.abs(cloud["y"]) > 12, random.uniform(-1.7, 8, points), -1.7)
        cloud["intensity"] = random.random(points)
        path = folder / f"{index:06d}.pcd"
        path.write_bytes(pcd.write(cloud))
        paths.append(path)
    return paths


def read_and_hash(paths: list[Path]) -> float:
    started = time.perf_counter()
    for path in paths:
        hashlib.sha256(path.read_bytes()).hexdigest()
    return time.perf_counter() - started


def median_seconds(work: Callable[[], object]) -> float:
    taken = []
    for _ in range(PASSES):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def queue(folder: Path) -> int:
    """The folder as a scene with a queued job; no worker is told."""
    from scenes import services, sources

    (sequence,) = sources.find_sequences(folder)
    return services.ingest_sequence(sequence=sequence, wishes=services.IngestWishes(), by=None).pk


def work(job_id: int) -> None:
    from scenes import ingest

    while ingest.work(job_id):
        time.sleep(0.01)


def _child(job_id: int, ready: multiprocessing.synchronize.Barrier) -> None:
    import django

    django.setup()
    from django.db import connection

    connection.ensure_connection()
    ready.wait()
    work(job_id)


def seconds_with(processes: int, job_id: int) -> float:
    """The time from all processes being ready until the job has ended."""
    context = multiprocessing.get_context("spawn")
    ready = context.Barrier(processes + 1)
    children = [context.Process(target=_child, args=(job_id, ready)) for _ in range(processes)]
    for child in children:
        child.start()
    ready.wait()
    started = time.perf_counter()
    for child in children:
        child.join()
    return time.perf_counter() - started


def frame_figures(path: Path) -> list[Figure]:
    """What one frame costs: reading PCD binary against np.fromfile, ascii and compressed, the picture."""
    from scenes.clouds import pcd, thumbnail

    cloud = pcd.read(path.read_bytes())
    ascii_, compressed = path.with_suffix(".ascii"), path.with_suffix(".lzf")
    ascii_.write_bytes(pcd.write(cloud, encoding="ascii"))
    compressed.write_bytes(pcd.write(cloud, encoding="binary_compressed"))
    plain = median_seconds(lambda: np.fromfile(path, np.uint8)) * 1000
    positions = cloud.positions()
    return [
        at_most("pcd binary", median_seconds(lambda: pcd.read(path.read_bytes())) * 1000, "ms", plain, 1.2),
        at_most("pcd binary_compressed", median_seconds(lambda: pcd.read(compressed.read_bytes())) * 1000, "ms", 19, 1),
        at_most("pcd ascii", median_seconds(lambda: pcd.read(ascii_.read_bytes())) * 1000, "ms", 220, 1),
        at_most("thumbnail", median_seconds(lambda: thumbnail.render(positions)) * 1000, "ms", 50, 1),
    ]


def measure(frames: int, points: int, folder: Path, *, profile: bool) -> list[Figure]:
    one, two = write_frames(folder / "one", frames, points), write_frames(folder / "two", frames, points)
    read_and_hash(one)  # the files come from memory in every figure
    limit = frames / min(read_and_hash(one) for _ in range(3))
    profiler = cProfile.Profile()
    job = queue(folder / "one")
    if profile:
        profiler.runcall(work, job)
        pstats.Stats(profiler, stream=sys.stderr).sort_stats("tottime").print_stats(18)
        return []
    single = frames / seconds_with(1, job)
    double = len(two) / seconds_with(2, queue(folder / "two"))
    return [
        at_least("frames, one process", single, "frames/s", limit, 0.4),
        at_least("frames, two processes", double, "frames/s", single, 1.7),
        *frame_figures(one[0]),
    ]


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--points", type=int, default=120_000)
    parser.add_argument("--profile", action="store_true", help="say what takes the time, instead of figures")
    options = parser.parse_args()
    with throw_away_installation(ingesting=True) as folder:
        figures = measure(options.frames, options.points, folder, profile=options.profile)
    report(figures, as_json=options.json)


if __name__ == "__main__":
    main()
