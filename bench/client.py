"""How fast a trainer reads a frozen dataset through lamm_client.

    python -m bench.client [--frames 100] [--points 120000] [--json]

A scene with labels is ingested by the worker's code, frozen as a dataset, and served by granian with the permission
check of every request. Three figures, each beside its limit of the same run: frames that are in the cache, against the
same files read and decoded by hand; a cold download, digests checked and files written, against plain GETs of the same
addresses by as many threads that keep nothing; and two processes that read their shares, as a data loader's workers do,
against one. Medians of several passes.
"""

from __future__ import annotations

import http.client
import logging
import multiprocessing
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from bench.figures import Figure, arguments, at_least, report
from bench.ingest import queue, work, write_frames
from bench.installation import throw_away_installation
from bench.viewer import serving

sys.path.insert(0, str(Path(__file__).parent.parent / "client"))

import lamm_client as lamm
from lamm_client.cache import Cache

PASSES, THREADS, ROUNDS = 5, 4, 5
NAME = "Bench"
CACHED, COLD, SHARED = 0.7, 0.5, 1.0


def make_dataset(folder: Path, frames: int, points: int) -> None:
    """A labelled scene, frozen as Bench@v1."""
    from django.contrib.auth.models import User

    from datasets import services as datasets
    from datasets.models import DatasetVersion
    from datasets.selectors import certificate
    from scenes import services
    from scenes.label_files import LabelFile
    from scenes.models import Scene

    paths = write_frames(folder, frames, points)
    work(queue(folder))
    services.sync_shipped_ontologies(by=None)
    random = np.random.default_rng(7)
    files = {
        path.name: LabelFile.of_bytes(random.choice([40, 50, 70], points).astype("<u4").tobytes(), name="labels")
        for path in paths
    }
    scene, ontology = Scene.objects.get(name=folder.name), services.ontology_named("SemanticKITTI")
    services.add_label_set(scene=scene, ontology=ontology, kind="semantic-kitti", files=files, by=None)
    by = User.objects.create_superuser("bench")
    draft = datasets.create_dataset(name=NAME, by=by)
    datasets.add_scenes(version=draft, scenes=Scene.objects.all(), by=by)
    datasets.set_split(version=draft, scenes=Scene.objects.all(), split="train", by=by)
    datasets.draw_splits(version=draft, by=by)
    warnings = [one["name"] for one in certificate(DatasetVersion.objects.get(pk=draft.pk))["warnings"]]
    datasets.freeze(version=draft, acknowledged=warnings, by=by)


def token() -> str:
    from django.contrib.auth.models import User

    from scenes.models import TokenScope
    from scenes.services.tokens import make_token

    return make_token(by=User.objects.get(), name="bench", days=7, scope=TokenScope.READ)[1]


def seconds(task: Callable[[], object]) -> float:
    started = time.perf_counter()
    task()
    return time.perf_counter() - started


def read_frames(frames: lamm.Split) -> None:
    """What a trainer takes of each frame."""
    for frame in frames:
        consume(frame.positions, frame.points["intensity"], frame.labels)


def consume(positions: Any, intensity: Any, labels: Any) -> None:
    if not len(positions) == len(intensity) == len(labels) or np.isnan(intensity.sum()):
        raise SystemExit("A frame is not what was written.")


def read_by_hand(files: Sequence[tuple[Path, Path]], dtype: np.dtype[Any]) -> None:
    """The same of the same files, by code that knows what is in them."""
    for cloud, labels in files:
        data = cloud.read_bytes()
        points = np.frombuffer(data, dtype, offset=data.index(b"DATA binary\n") + 12)
        positions = np.empty((len(points), 3), np.float32)
        for column, axis in enumerate("xyz"):
            positions[:, column] = points[axis]
        consume(positions, points["intensity"], np.fromfile(labels, np.uint8))


def cached_figure(train: lamm.Split, cache: Cache) -> Figure:
    files = [(cache.path(train[n].cloud_digest), cache.path(str(train[n].labels_digest))) for n in range(len(train))]
    dtype = train[0].points.dtype
    taken, least = [], []
    for _ in range(PASSES):
        taken.append(seconds(lambda: read_frames(train)))
        least.append(seconds(lambda: read_by_hand(files, dtype)))
    speed, limit = (len(train) / statistics.median(times) for times in (taken, least))
    return at_least("cached frames", speed, "frames/s", limit, CACHED)


def plain_gets(port: int, key: str, addresses: Sequence[str]) -> None:
    """GETs by threads with a connection each; what comes is dropped."""

    def part(own: Sequence[str]) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        for address in own:
            connection.request("GET", address, headers={"Authorization": f"Bearer {key}"})
            answer = connection.getresponse()
            while answer.read(1 << 17):
                pass
            if answer.status != 200:
                raise SystemExit(f"GET {address} answers {answer.status}.")

    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(part, [addresses[first::THREADS] for first in range(THREADS)]))


def cold_figure(connection: lamm.Connection, port: int, key: str, folder: Path, passes: int) -> Figure:
    """Megabytes a second of a download into an empty cache."""
    first = connection.dataset(f"{NAME}@v1", cache=folder / "warm")
    frames = [first["train"][number] for number in range(len(first["train"]))]
    addresses = [
        address
        for frame in frames
        for address in (
            frame._address("cloud", "frame", frame.cloud_digest),
            frame._address("labels", "labels", str(frame.labels_digest)),
        )
    ]
    taken, least, size = [], [], 0
    for number in range(passes):
        dataset = connection.dataset(f"{NAME}@v1", cache=folder / f"cold-{number}")
        started = time.perf_counter()
        size = dataset.download(workers=THREADS).bytes
        taken.append(time.perf_counter() - started)
        least.append(seconds(lambda: plain_gets(port, key, addresses)))
    speed, limit = (size / statistics.median(times) / 1e6 for times in (taken, least))
    return at_least("cold download", speed, "MB/s", limit, COLD)


def shares_figure(train: lamm.Split) -> Figure:
    """Frames a second of worker processes that read their shares of a cached split, start included."""

    train = train.take(np.tile(np.arange(len(train)), ROUNDS))

    def workers(count: int) -> None:
        fork = multiprocessing.get_context("fork")
        own = [fork.Process(target=read_frames, args=(train.share(index, count),)) for index in range(count)]
        for process in own:
            process.start()
        for process in own:
            process.join()
            if process.exitcode:
                raise SystemExit("A worker failed.")

    one, two = [], []
    for _ in range(PASSES):
        one.append(seconds(lambda: workers(1)))
        two.append(seconds(lambda: workers(2)))
    speed, limit = (len(train) / statistics.median(times) for times in (two, one))
    return at_least("two workers against one", speed, "frames/s", limit, SHARED)


def measure(options: Any, folder: Path) -> list[Figure]:
    make_dataset(folder / "drive", options.frames, options.points)
    key = token()
    server = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", "{port}"]
    with serving(*server, "lamm.wsgi:application") as port:
        connection = lamm.connect(f"http://127.0.0.1:{port}", key)
        cold = cold_figure(connection, port, key, folder, options.passes)
        cache = Cache(folder / "cold-0")
        train = connection.dataset(f"{NAME}@v1", cache=cache)["train"]
        return [cached_figure(train, cache), cold, shares_figure(train)]


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--points", type=int, default=120_000)
    parser.add_argument("--passes", type=int, default=3, help="cold downloads")
    options = parser.parse_args()
    logging.getLogger("httpx").setLevel(logging.WARNING)
    with throw_away_installation(ingesting=True) as folder:
        figures = measure(options, folder)
    report(figures, as_json=options.json)


if __name__ == "__main__":
    main()
