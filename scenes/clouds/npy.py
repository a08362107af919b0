"""NumPy's .npy files: the header is checked before the data is touched, and pickles are never loaded."""

from __future__ import annotations

import io
import math
import tokenize
import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy_format

from scenes.clouds.cloud import CloudError

# The header of an array of one dimension takes about a hundred bytes; NumPy pads it to 64.
MOST_HEADER_BYTES = 4096
READERS = {(1, 0): npy_format.read_array_header_1_0, (2, 0): npy_format.read_array_header_2_0}
SAVE_AGAIN = "Save it again with numpy.save, as a plain array."
# What the parser of the header, which is a Python literal, raises for bytes that are none.
NOT_A_HEADER = (ValueError, TypeError, SyntaxError, MemoryError, RecursionError, tokenize.TokenError)


def read_array(
    data: bytes | memoryview, *, kinds: str, what: str, points: int, most_bytes: int = 8
) -> npt.NDArray[Any]:
    """The array of shape (points,) of a .npy file, in native byte order, without a copy where possible.

    `kinds` are the accepted kinds of types ("i", "u", "f"), `most_bytes` the widest, `what` names the content
    in errors. Raises CloudError when the file is no such array, or longer or shorter than its header says.
    """
    dtype, shape, start = _header(data)
    if dtype.hasobject or dtype.kind not in kinds or dtype.itemsize > most_bytes:
        raise CloudError(f"the {what} have the type {str(dtype)[:60]}", _wanted(kinds, most_bytes), what)
    if shape != (points,):
        raise CloudError(
            f"the {what} have the shape {shape}, the cloud has {points} points",
            "They belong to another cloud, or must be flattened: one value per point, in file order.",
            what,
        )
    declared = math.prod(shape) * dtype.itemsize
    if len(data) - start != declared:
        raise CloudError(f"the header declares {declared} bytes, the file holds {len(data) - start}", SAVE_AGAIN, what)
    return np.frombuffer(data, dtype, points, start).astype(dtype.newbyteorder("="), copy=False)


def _wanted(kinds: str, most_bytes: int) -> str:
    words = {"i": "signed integers", "u": "unsigned integers", "f": "floats"}
    return f"Save them as {' or '.join(words[kind] for kind in kinds)} of at most {most_bytes} bytes."


def _header(data: bytes | memoryview) -> tuple[np.dtype[Any], tuple[int, ...], int]:
    """Type, shape and where the data begins."""
    file = io.BytesIO(bytes(data[:MOST_HEADER_BYTES]))
    try:
        reader = READERS.get(npy_format.read_magic(file))
        if reader is None:
            raise CloudError("the version of the .npy file is unknown", SAVE_AGAIN)
        with warnings.catch_warnings():
            # NumPy warns of headers that Python 2 wrote, and reads them.
            warnings.simplefilter("ignore")
            shape, _, dtype = reader(file, max_header_size=MOST_HEADER_BYTES)
    except CloudError:
        raise
    except NOT_A_HEADER as error:
        raise CloudError("the file is no .npy file, or its header is damaged", SAVE_AGAIN) from error
    return dtype, shape, file.tell()
