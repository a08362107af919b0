"""Frames of a frozen dataset version: points, labels and facts, each fetched when it is looked at."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import Any, TypeVar, overload

import numpy as np
import numpy.typing as npt

from lamm_client import fetching
from lamm_client import points as originals
from lamm_client.cache import Cache
from lamm_client.errors import DamagedError, LammError, NotFoundError, UnreachableError
from lamm_client.labels import Classes, Ontology
from lamm_client.points import Points
from lamm_client.transport import Transport

AHEAD, THREADS = 32, 4
Read = TypeVar("Read")


@dataclass(frozen=True)
class Source:
    """Where frames come from, and what is done to their labels.

    Attributes:
        version: the dataset version, such as "Urban_Night_Scenes@v2".
        addresses: templates of the addresses of "cloud", "points" and "labels".
        table: what becomes of each class index, uint8 of shape (256,); None leaves labels as they are.
        ontology: of the labels, before they are mapped; None where there are none.
    """

    version: str
    transport: Transport
    cache: Cache
    addresses: dict[str, str]
    table: Classes | None = None
    ontology: Ontology | None = None


@dataclass(frozen=True)
class SceneFrames:
    """The frames of one scene, in playing order.

    Attributes:
        id: of the scene on the server.
        listed: of each frame its name, the sha256 of its original, and that of its class indices or None.
        facts: columns of what else is known of the frames.
        places: where each frame is in these columns; None: it is not on the server as it was frozen.
    """

    id: int
    name: str
    split: str
    listed: list[list[str | None]]
    facts: dict[str, list[Any]]
    places: Sequence[int | None] = field(repr=False)

    def __len__(self) -> int:
        return len(self.listed)


class Frame:
    """One point cloud of a dataset. Its file is fetched when it is needed first; what was read stays with the object.

    Attributes:
        id: of the frame on the server; None when the server has it no longer as it was frozen.
        name: of its original file.
        scene: name of its scene; `scene_id` is its id.
        split: train, val or test.
        index: its place in its scene, bad frames counted.
        cloud_digest: sha256 of the original file; `labels_digest` that of the class indices, or None.
        timestamp_ns: since 1970, or None.
        pose: the sensor in the world, float64 of shape (3, 4) in metres, or None.
        latitude, longitude: WGS 84 degrees, or None.
    """

    def __init__(self, source: Source, scene: SceneFrames, number: int) -> None:
        self._source, self._scene = source, scene
        self._place = scene.places[number]
        name, cloud, labels = scene.listed[number]
        self.name, self.cloud_digest, self.labels_digest = str(name), str(cloud), labels
        self.scene, self.scene_id, self.split = scene.name, scene.id, scene.split
        index = self._fact("index")
        self.id: int | None = self._fact("frame")
        self.index: int = number if index is None else index
        self.timestamp_ns: int | None = self._fact("timestamp_ns")
        self.latitude: float | None = self._fact("latitude")
        self.longitude: float | None = self._fact("longitude")

    def __repr__(self) -> str:
        return f"<Frame {self.scene}/{self.name} of {self._source.version}, {self.split}>"

    def __len__(self) -> int:
        """How many points it has."""
        count = self._fact("points")
        return len(self.points) if count is None else int(count)

    @property
    def known_points(self) -> int | None:
        """How many points the server says that it has; None when it says nothing."""
        count = self._fact("points")
        return None if count is None else int(count)

    @property
    def ontology(self) -> Ontology | None:
        """Of the labels of its dataset, before they are mapped; None when there are none."""
        return self._source.ontology

    @property
    def table(self) -> Classes | None:
        """What its labels are mapped by, uint8 of shape (256,), or None; see Dataset.mapped."""
        return self._source.table

    @cached_property
    def points(self) -> Points:
        """Every field of the original file, a structured array of shape (n,) that can't be written to."""
        return self._read(self._points)

    @cached_property
    def positions(self) -> npt.NDArray[np.float32] | npt.NDArray[np.float64]:
        """x, y, z in metres, shape (n, 3): float64 when the file has them so, else float32."""
        return originals.positions(self.points)

    @cached_property
    def labels(self) -> Classes | None:
        """The class of each point, uint8 of shape (n,): its index in the ontology, or what the dataset maps it to.

        None for a frame without labels.
        """
        if self.labels_digest is None:
            return None
        found = self._read(self._classes)
        return found if self._source.table is None else self._source.table[found]

    @property
    def pose(self) -> npt.NDArray[np.float64] | None:
        row_major = self._fact("pose")
        return None if row_major is None else np.array(row_major, np.float64).reshape(3, 4)

    @property
    def size(self) -> int:
        """Bytes of its files on the server, as far as they are known."""
        labels = 0 if self.labels_digest is None else (self._fact("points") or 0)
        return int(self._fact("bytes") or 0) + int(labels)

    def is_local(self) -> bool:
        """Whether all its files are on this machine, so that reading it asks nobody."""
        cache = self._source.cache
        if self.labels_digest is not None and cache.find(self.labels_digest) is None:
            return False
        original = cache.find(self.cloud_digest) if self._is_readable() else None
        if original is not None and not originals.is_compressed(original, self.name, self._format()):
            return True
        decoded = cache.noted(self._decoded_name())
        return decoded is not None and cache.find(decoded) is not None

    def fetch(self) -> None:
        """Bring its files to this machine, the digests checked. Raises LammError."""
        self._named(self._fetch)

    def _fact(self, name: str) -> Any:
        return None if self._place is None else self._scene.facts[name][self._place]

    def _read(self, read: Callable[[], Read]) -> Read:
        """What is read of a file; one that another process removed to make room is fetched again."""
        try:
            return self._named(read)
        except FileNotFoundError:
            return self._named(read)

    def _named(self, work: Callable[[], Read]) -> Read:
        """The result of some work; what goes wrong names this frame."""
        try:
            return work()
        except UnreachableError as error:
            raise UnreachableError(
                f"{self!r} is not in the cache {self._source.cache.folder}, and the server can't be asked: {error} "
                "Download the dataset while it can: dataset.download()."
            ) from error
        except NotFoundError as error:
            error.args = (f"{self!r}: {error} If its scene was read again since, open the dataset with refresh=True.",)
            raise

    def _fetch(self) -> None:
        if not self._is_readable() or originals.is_compressed(self._original(), self.name, self._format()):
            self._decoded()
        if self.labels_digest is not None:
            self._labels_file()

    def _points(self) -> Points:
        if self._is_readable():
            found = originals.read(self._original(), name=self.name, declared=self._format())
            if found is not None:
                return found
        decoded: Points = np.load(self._decoded(), mmap_mode="r", allow_pickle=False)
        return decoded

    def _classes(self) -> Classes:
        found: Classes = np.fromfile(self._labels_file(), np.uint8)
        if len(found) != len(self.points):
            raise DamagedError(f"{self!r} has {len(self.points)} points and {len(found)} labels. Tell a curator.")
        return found

    def _original(self) -> Path:
        return self._file("cloud", "frame", self.cloud_digest)

    def _labels_file(self) -> Path:
        return self._file("labels", "labels", str(self.labels_digest))

    def _file(self, kind: str, row: str, digest: str) -> Path:
        source = self._source
        found = source.cache.find(digest)
        if found is not None:
            return found
        return source.cache.get(digest, fetching.original(source.transport, self._address(kind, row, digest), digest))

    def _decoded(self) -> Path:
        """What the server made of an original in a format that this package does not read."""
        source, name = self._source, self._decoded_name()
        digest = source.cache.noted(name)
        found = source.cache.find(digest) if digest else None
        address = self._address("points", "frame", self.cloud_digest) if found is None else ""
        return found or fetching.decoded(source.cache, source.transport, address, name)

    def _address(self, kind: str, row: str, digest: str) -> str:
        number = self._fact(row)
        if number is None:
            raise LammError(
                f"{self!r} is not on the server as it was frozen. Ask a curator to verify {self._source.version}; if "
                "it was mended meanwhile, open the dataset with refresh=True."
            )
        return self._source.addresses[kind].replace(f"{{{row}}}", str(number)).replace("{digest}", digest)

    def _decoded_name(self) -> str:
        return f"{self.cloud_digest}.npy"

    def _format(self) -> str:
        return self._fact("format") or ""

    def _is_readable(self) -> bool:
        return originals.readable(self.name, self._format())


class Split(Sequence[Frame]):
    """Frames in a fixed order: scenes by name, each in playing order. A slice of it is a Split, too.

    Iterating fetches what comes next in the background, so that the network is not waited for; files go to the cache,
    so that memory holds one frame. It travels to other processes, forked or spawned.
    """

    def __init__(
        self,
        source: Source,
        name: str,
        scenes: Sequence[SceneFrames],
        order: range | npt.NDArray[np.int64] | None = None,
    ) -> None:
        self.name = name
        self._source, self._scenes = source, scenes
        self._ends = list(accumulate(map(len, scenes)))
        self._order = range(self._ends[-1] if self._ends else 0) if order is None else order

    def __repr__(self) -> str:
        return f"<{self._source.version} {self.name}: {len(self)} frames>"

    def __len__(self) -> int:
        return len(self._order)

    @overload
    def __getitem__(self, number: int) -> Frame: ...

    @overload
    def __getitem__(self, number: slice) -> Split: ...

    def __getitem__(self, number: int | slice) -> Frame | Split:
        if isinstance(number, slice):
            return Split(self._source, self.name, self._scenes, self._order[number])
        place = int(self._order[number])
        scene = bisect_right(self._ends, place)
        return Frame(self._source, self._scenes[scene], place - (self._ends[scene - 1] if scene else 0))

    def __iter__(self) -> Iterator[Frame]:
        return self.frames()

    def frames(self, *, ahead: int = AHEAD, threads: int = THREADS) -> Iterator[Frame]:
        """The frames in order; the files of up to `ahead` next ones are fetched meanwhile by this many threads."""
        return fetched_ahead((self[number] for number in range(len(self))), ahead=ahead, threads=threads)

    def take(self, numbers: npt.ArrayLike) -> Split:
        """The frames with these numbers, in this order. Raises IndexError."""
        chosen = np.asarray(numbers, np.int64)
        return Split(self._source, self.name, self._scenes, np.asarray(self._order, np.int64)[chosen])

    def epoch(self, number: int, *, seed: int = 0) -> Split:
        """All frames in another order, the same for the same seed and number of the epoch."""
        return self.take(np.random.default_rng([seed, number]).permutation(len(self)))

    def share(self, index: int, count: int) -> Split:
        """Part `index` of `count`: every `count`-th frame, so that parts differ by one frame at most.

        Raises LammError when there is no such part.
        """
        if not 0 <= index < count:
            raise LammError(f"There is no part {index} of {count}: parts count from 0.")
        return self[index::count]

    def scenes(self) -> list[str]:
        """Names of the scenes of these frames, each once, in order."""
        return list(dict.fromkeys(self[number].scene for number in range(len(self))))


def fetched_ahead(frames: Iterable[Frame], *, ahead: int, threads: int) -> Iterator[Frame]:
    """Frames in their order, each with its files on this machine, while those of the next are fetched."""
    pool = ThreadPoolExecutor(max(1, threads), thread_name_prefix="lamm-fetch")
    coming: deque[tuple[Frame, Future[None] | None]] = deque()
    try:
        for frame in frames:
            coming.append((frame, None if frame.is_local() else pool.submit(frame.fetch)))
            if len(coming) > ahead:
                yield _arrived(*coming.popleft())
        while coming:
            yield _arrived(*coming.popleft())
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _arrived(frame: Frame, coming: Future[None] | None) -> Frame:
    if coming is not None:
        coming.result()
    return frame
