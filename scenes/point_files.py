"""The points of a frame as a .npy file with all fields, for readers that do not know the format of its original."""

import hashlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import IO, Any, cast

import numpy as np
import numpy.typing as npt
from numpy.lib.format import open_memmap

from scenes.clouds.cloud import PointCloud
from scenes.errors import ConflictError
from scenes.frame_reading import clouds_of, scratch_folder
from scenes.models import Frame


@dataclass(frozen=True)
class PointsFile:
    """An open temporary file, which is gone once it is closed; its bytes follow from the frame's original alone."""

    file: IO[bytes]
    size: int
    sha256: bytes


def points_file(frame: Frame) -> PointsFile:
    """Structured array of shape (n,), little endian, without padding, in the order and with the fields of the original.

    Large clouds stream through, in memory that does not grow with them. Raises CloudError when the original can't be
    read, FileNotFoundError when it is gone, and ConflictError when it has other points than were counted.
    """
    clouds = clouds_of(frame)
    first = next(clouds)
    file = tempfile.NamedTemporaryFile(dir=scratch_folder(), suffix=".npy")  # noqa: SIM115 - the answer closes it
    try:
        kept = open_memmap(file.name, "w+", _packed(first.points.dtype), (frame.point_count,))
        _fill(kept, chain([first], clouds), frame)
        kept.flush()
        digest = hashlib.file_digest(file, "sha256").digest()
        size = file.tell()
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return PointsFile(cast(IO[bytes], file), size, digest)


def _fill(kept: npt.NDArray[Any], clouds: Iterator[PointCloud], frame: Frame) -> None:
    count = 0
    for cloud in clouds:
        if count + len(cloud) > len(kept):
            break
        part = kept[count : count + len(cloud)]
        for name in part.dtype.names or ():
            part[name] = cloud.points[name]
        count += len(cloud)
    else:
        if count == len(kept):
            return
    raise ConflictError(
        f"Frame {frame.name} has other points than the {len(kept)} that were counted.",
        remedy="Read the scene again: POST /api/scenes/ID/reingest/.",
    )


def _packed(dtype: np.dtype[Any]) -> np.dtype[Any]:
    fields = [(name, dtype[name].newbyteorder("<")) for name in dtype.names or ()]
    return np.dtype(fields)
