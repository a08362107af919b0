"""One frame's file: kept by its hash, checked, counted, and encoded for display.

A frame is held in memory whole; a cloud of many millions of points (LAS, LAZ) streams through hash, statistics and
octree in memory that does not grow with it.
"""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Protocol

from django.conf import settings

from scenes import storage
from scenes.clouds import las, octree, tiles
from scenes.clouds.cloud import IDENTITY_VIEWPOINT, CloudError, PointCloud
from scenes.clouds.gathered import GatheredStatistics
from scenes.clouds.statistics import CloudStatistics, summarise
from scenes.models import Frame, FrameState
from scenes.storage import StoredBytes

COPY_BYTES = 1 << 20
STREAMED_SUFFIXES = (".las", ".laz")
Files = dict[str, StoredBytes]
Alive = Callable[[], None]


class Save(Protocol):
    """Keeps bytes under their hash in a storage."""

    def __call__(self, data: bytes, *, storage: str) -> StoredBytes: ...


@dataclass(frozen=True)
class ReadFrame:
    """What became of a frame: its facts, and the stored bytes by the column that will point at them."""

    frame: Frame
    files: Files = field(default_factory=dict)


def read_frame(
    frame: Frame, rule: tiles.IntensityRule, *, alive: Alive = lambda: None, save: Save = storage.save_bytes
) -> ReadFrame:
    """Read a frame and fill in its facts; a bad one is quarantined with its problem.

    The original is kept before anything else, so that even a bad one stays re-readable. `alive` is called before
    each frame and now and then while a large file is worked on; `save` keeps the bytes of small ones.
    """
    alive()
    files: Files = {"cloud": frame.cloud.as_bytes()} if frame.cloud else {}
    try:
        if is_streamed(frame):
            _stream(frame, rule, files, alive)
        else:
            _read_whole(frame, rule, files, alive, save)
        frame.state, frame.problem, frame.claimed_at = FrameState.READY, "", None
    except CloudError as error:
        quarantine(frame, error)
    except OSError as error:
        quarantine(frame, unreadable(frame, error))
    return ReadFrame(frame, files)


def quarantine(frame: Frame, error: CloudError) -> None:
    frame.state, frame.problem, frame.claimed_at = FrameState.QUARANTINED, str(error), None


def read_original(frame: Frame) -> bytes:
    """The bytes of a frame's file, from where they are now. Raises OSError when they can't be read."""
    with _open_original(frame) as file:
        return file.read()


def _open_original(frame: Frame) -> IO[bytes]:
    if frame.cloud is not None:
        return frame.cloud.open()
    if frame.root:
        return storage.open_in_place(frame.source, root=frame.root)
    return Path(frame.source).open("rb")


def unreadable(frame: Frame, error: OSError) -> CloudError:
    return CloudError(
        f"the file can't be read: {error.strerror or error}",
        remedy="Put it back where it was, or give the worker the right to read it, then retry the job.",
        file=frame.source or frame.name,
    )


def _read_whole(frame: Frame, rule: tiles.IntensityRule, files: Files, alive: Alive, save: Save) -> None:
    data = read_original(frame)
    if "cloud" not in files:
        files["cloud"] = _keep(frame, data, save)
    cloud = frame.decode(data)
    _fill_facts(frame, summarise(cloud))
    chunk = tiles.encode(cloud, rule=rule)
    if octree.needed(len(cloud), coarse=chunk.coarse):
        _keep_octree(iter([(cloud.positions(), cloud.intensity())]), rule, files, alive)
    else:
        files["display"] = save(chunk.data, storage=storage.DERIVED)


def _keep(frame: Frame, data: bytes, save: Save) -> StoredBytes:
    """Keep a frame's original, or only know it by its hash where it stays in place."""
    if frame.root:
        return storage.known_in_place([data], path=frame.source, root=frame.root)
    return save(data, storage=storage.ORIGINALS)


def is_streamed(frame: Frame) -> bool:
    """Whether the file is too large to be read at once, and of a kind that can be read in pieces."""
    if not frame.name.lower().endswith(STREAMED_SUFFIXES):
        return False
    try:
        with _open_original(frame) as file:
            return file.seek(0, 2) > settings.INGEST_STREAM_BYTES
    except OSError:
        return False  # the whole read says what is wrong


def _stream(frame: Frame, rule: tiles.IntensityRule, files: Files, alive: Alive) -> None:
    if "cloud" not in files:
        files["cloud"] = _keep_stream(frame, alive)
    statistics = GatheredStatistics()
    with on_disk(frame, alive) as path:
        _keep_octree(_placed(statistics.passing(las.chunks(path)), alive), rule, files, alive)
    _fill_facts(frame, statistics.result())


def _keep_stream(frame: Frame, alive: Alive) -> StoredBytes:
    with _open_original(frame) as file:
        if frame.root:
            return storage.known_in_place(_pieces(file, alive), path=frame.source, root=frame.root)
        return storage.save_stream(_pieces(file, alive), storage=storage.ORIGINALS)


def _pieces(file: IO[bytes], alive: Alive) -> Iterator[bytes]:
    while piece := file.read(COPY_BYTES):
        alive()
        yield piece


def _placed(clouds: Iterator[PointCloud], alive: Alive) -> Iterator[octree.Chunk]:
    for cloud in clouds:
        alive()
        yield cloud.positions(), cloud.intensity()


@contextmanager
def on_disk(frame: Frame, alive: Alive) -> Iterator[Path]:
    """The frame's file as a path on this machine under its own name, copied from a remote storage for as long."""
    with tempfile.TemporaryDirectory(dir=scratch_folder()) as folder:
        path = Path(folder) / Path(frame.name).name
        with _open_original(frame) as file:
            here = getattr(file, "name", None)
            if isinstance(here, str) and Path(here).is_file():
                path.symlink_to(Path(here).resolve())
            else:
                with path.open("wb") as copy:
                    copy.writelines(_pieces(file, alive))
        yield path


def clouds_of(frame: Frame, alive: Alive = lambda: None) -> Iterator[PointCloud]:
    """The frame's kept cloud: whole, or in pieces in file order when it is too large for that.

    Raises CloudError when it can't be read, OSError when it is gone.
    """
    if not is_streamed(frame):
        yield frame.read_cloud()
        return
    with on_disk(frame, alive) as path:
        for points in las.chunks(path):
            alive()
            yield PointCloud(points, len(points), 1, IDENTITY_VIEWPOINT, "chunk")


def _keep_octree(chunks: Iterator[octree.Chunk], rule: tiles.IntensityRule, files: Files, alive: Alive) -> None:
    with tempfile.TemporaryDirectory(dir=scratch_folder()) as folder:
        built = octree.build(chunks, folder=Path(folder), rule=rule or None)
        for column, path in (
            ("display", built.data),
            ("octree_index", built.index_file),
            ("octree_order", built.order),
        ):
            with path.open("rb") as file:
                files[column] = storage.save_stream(_pieces(file, alive), storage=storage.DERIVED)


def scratch_folder() -> Path:
    """Where large temporary files go: the data folder's disk, because the system's may live in memory."""
    folder = Path(settings.DATA_DIR) / "scratch"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _fill_facts(frame: Frame, facts: CloudStatistics) -> None:
    frame.point_count, frame.finite_count = facts.points, facts.finite
    frame.lower_bound, frame.upper_bound = list(facts.minimum), list(facts.maximum)
    frame.range_max = facts.range_maximum
    frame.intensity_min, frame.intensity_max = facts.intensity_minimum, facts.intensity_maximum
    frame.fields = [asdict(one) for one in facts.fields]
    frame.warnings = list(facts.warnings)
