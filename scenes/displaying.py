"""Per-point values of a frame in the order in which its points are drawn.

Everything per point is stored once, in the order of the frame's file, and permuted when it is read: a new prediction
never rewrites geometry. Which points of a frame are drawn follows from its cloud. Where some are left out, because
their position is not finite, that is computed from the original and remembered by the original's hash, a bit a point,
in this process: nothing is stored twice, and reading a frame again costs a few milliseconds.
"""

import threading
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from scenes.clouds import overlays, tiles
from scenes.clouds.npy import read_array
from scenes.clouds.octree_index import OctreeIndex, chunk_bytes, read_index
from scenes.errors import ConflictError, MissingError, RefusedError
from scenes.frame_reading import clouds_of
from scenes.models import Frame, FrameState, StoredFile

Values = npt.NDArray[Any]
REMEMBERED_MASKS, REMEMBERED_INDEXES, REMEMBERED_FIELDS, REMEMBERED_ARRAYS = 1024, 16, 4, 4
# More points than a viewer asks for at once; a larger slice would only cost memory.
MOST_POINTS = 2_000_000
LABEL_AGAIN = "Label or score this frame again: its file was replaced since."
_reading = threading.Lock()


def displayed(frame: Frame) -> Frame:
    """The frame itself, when it can be drawn. Raises MissingError, and ConflictError while it is quarantined."""
    if frame.state == FrameState.QUARANTINED:
        raise ConflictError(
            f"Frame {frame.name} is quarantined: {frame.problem}",
            remedy="Replace the frame's file, or read it again once it is mended.",
        )
    if frame.state != FrameState.READY or frame.display is None or frame.cloud is None:
        raise MissingError(f"Frame {frame.name} is not read yet.", remedy="Wait for its ingest job, or retry the job.")
    return frame


def ordered_digest(content: str, order: str) -> str:
    """What names per-point values as they are displayed: the hash of the values, and that of what orders them.

    Both shortened: 128 bits of the one, 64 of the other.
    """
    return content[:32] + order[:16]


def order_digest(frame: Frame) -> str:
    """The hash of what the display order of a frame follows from. Raises as `displayed` does."""
    file = displayed(frame).octree_order or frame.display
    return file.digest if file else ""


def octree_of(frame: Frame) -> OctreeIndex:
    """The index of a big frame's octree. Raises MissingError for a frame that is one chunk."""
    index = displayed(frame).octree_index
    if index is None:
        raise MissingError(f"Frame {frame.name} is one chunk and has no octree.", remedy="Load its display chunk.")
    return _index(index.digest, index.pk)


@lru_cache(REMEMBERED_INDEXES)
def _index(digest: str, file_id: int) -> OctreeIndex:
    return read_index(StoredFile.objects.get(pk=file_id).read())


def node_bytes(frame: Frame, offset: int, length: int) -> bytes:
    """A run of whole nodes of the octree's data file, or the prefix that a viewer asks for first.

    Raises RefusedError for any other slice: an address exists only where the index has nodes.
    """
    index = octree_of(frame)
    starts = index.rows["offset"].astype(np.int64)
    counts = index.rows["count"].astype(np.int64)
    ends = starts + np.where(counts, tiles.HEADER.size + tiles.RECORD_BYTES * counts, 0)
    whole = length > 0 and bool((starts[counts > 0] == offset).any()) and bool((ends == offset + length).any())
    if not whole and not _is_prefix(index, offset, length):
        raise RefusedError(
            f"Bytes {offset} to {offset + length} are no whole nodes of frame {frame.name}.",
            remedy="Take offsets and lengths from the octree's index.",
        )
    if length > chunk_bytes(MOST_POINTS) and length > int((ends - starts).max()):
        raise RefusedError(f"{length} bytes are asked for at once.", remedy="Ask for fewer nodes.")
    return _range(frame.display, offset, length)


def _is_prefix(index: OctreeIndex, offset: int, length: int) -> bool:
    """Whether a slice is a first request that ends between two records of a first node larger than it."""
    counts = index.rows["count"]
    first = int(counts[np.flatnonzero(counts)[0]])
    records, rest = divmod(length - tiles.HEADER.size, tiles.RECORD_BYTES)
    return offset == 0 and rest == 0 and 0 < records <= first


def order_bytes(frame: Frame, first: int, count: int) -> bytes:
    """The indices in the cloud of `count` points of an octree's data file from number `first`: uint32 each."""
    index = octree_of(frame)
    _check_slice(first, count, index.points, frame)
    return _range(frame.octree_order, 4 * first, 4 * count)


def _range(file: StoredFile | None, offset: int, length: int) -> bytes:
    if file is None:
        raise MissingError("The octree has no such file.", remedy="Build the display files again.")
    data = file.read_range(offset, length)
    if len(data) != length:
        raise ConflictError(f"The stored file {file} ends early.", remedy="Build the display files again.")
    return data


def _check_slice(first: int, count: int, points: int, frame: Frame) -> None:
    if not 0 < count <= MOST_POINTS or first + count > points:
        raise RefusedError(
            f"Points {first} to {first + count} are no slice of the {points} displayed points of frame {frame.name}.",
            remedy=f"Ask for 1 to {MOST_POINTS:,} of them.",
        )


def kept_indices(frame: Frame) -> npt.NDArray[np.uint32] | None:
    """Index in the file of each point with a finite position, ascending; None when no point was left out."""
    displayed(frame)
    if frame.cloud is None or frame.finite_count == frame.point_count:
        return None
    bits = _finite_bits(frame.cloud.digest, frame.pk)
    return np.flatnonzero(np.unpackbits(bits, count=frame.point_count)).astype(np.uint32)


@lru_cache(REMEMBERED_MASKS)
def _finite_bits(digest: str, frame_id: int) -> npt.NDArray[np.uint8]:
    frame = Frame.objects.select_related("cloud").get(pk=frame_id)
    return np.packbits(np.concatenate([cloud.finite() for cloud in clouds_of(frame)]))


def in_display_order(frame: Frame, values: Values, first: int | None = None, count: int | None = None) -> Values:
    """Per-point `values` in file order, shape (points,), as the displayed points need them.

    The whole frame, or `count` points from number `first`: of an octree in the order of its data file, without
    reading the order of the others. Raises ConflictError when the values are not as many as the frame's points,
    RefusedError for a slice that is none.
    """
    displayed(frame)
    if len(values) != frame.point_count:
        raise ConflictError(
            f"{len(values)} values do not fit the {frame.point_count} points of frame {frame.name}.",
            remedy=LABEL_AGAIN,
        )
    points = frame.finite_count if frame.octree_index is None else octree_of(frame).points
    start, length = (0, points) if first is None or count is None else (first, count)
    _check_slice(start, length, points, frame)
    if frame.octree_order is not None:
        return values[np.frombuffer(_range(frame.octree_order, 4 * start, 4 * length), "<u4")]
    kept = kept_indices(frame)
    own = values if kept is None else values[kept]
    return own[tiles.stride_order(points)[start : start + length]]


def stored_values(file: StoredFile, *, encoding: str, points: int) -> Values:
    """The values of a stored array in file order, shape (points,); on this machine they are mapped, not read.

    `encoding`: "u8", one byte each; "npy", a NumPy file of floats; "float32", little endian without a header. What
    the values may be was checked when they were stored. Raises ConflictError when they are not `points`.
    """
    path = file.local_path()
    data = np.memmap(path, np.uint8, "r") if path and file.size else _remote_bytes(file.digest, file.pk)
    try:
        if encoding == "npy":
            return read_array(data.data, kinds="f", what="values", points=points, most_bytes=4)
        values = data if encoding == "u8" else data.view("<f4")
    except ValueError as error:  # CloudError, too: stored once, so the frame has changed and not the array
        raise ConflictError(f"The stored array does not fit: {error}", remedy=LABEL_AGAIN) from error
    if len(values) != points:
        raise ConflictError(
            f"The stored array holds {len(values)} values, the frame has {points} points.", remedy=LABEL_AGAIN
        )
    return values


@lru_cache(REMEMBERED_ARRAYS)
def _remote_bytes(digest: str, file_id: int) -> npt.NDArray[np.uint8]:
    return np.frombuffer(StoredFile.objects.get(pk=file_id).read(), np.uint8)


def field_values(frame: Frame, name: str) -> Values:
    """A field of the frame's cloud in file order, shape (points,); times count from the frame's first.

    Raises MissingError when the cloud has no such field of one number a point.
    """
    cloud = displayed(frame).cloud
    if cloud is None or name not in scalar_field_names(frame):
        raise MissingError(
            f"Frame {frame.name} has no field {name[:80]!r} to colour by.",
            remedy=f"It has: {', '.join(scalar_field_names(frame)) or 'none'}.",
        )
    with _reading:  # the pieces of a big cloud are asked for at once, and reading it whole once is enough
        return _field(cloud.digest, frame.pk, name)


@lru_cache(REMEMBERED_FIELDS)
def _field(digest: str, frame_id: int, name: str) -> Values:
    frame = Frame.objects.select_related("cloud").get(pk=frame_id)
    values = np.concatenate([cloud.field(name) for cloud in clouds_of(frame)])
    return overlays.relative(values) if overlays.is_relative(name) else values


def scalar_field_names(frame: Frame) -> list[str]:
    """The fields of a frame that can colour its points, by what was noted when it was read."""
    return [
        field["name"]
        for field in frame.fields
        if field["count"] == 1 and overlays.is_scalar(field["name"], np.dtype(field["dtype"]))
    ]


def overlay_bytes(values: Values, scale: tuple[float, float] | None) -> bytes:
    """Values in display order as one byte each: as they are without a scale, else quantised between its ends."""
    if scale is None:
        return values.astype(np.uint8, copy=False).tobytes()
    return overlays.quantise_uncertainty(values, *scale).tobytes()
