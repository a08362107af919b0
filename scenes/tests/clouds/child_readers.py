"""Readers for the tests of the child process: each behaves well or badly in one way."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from scenes.clouds.cloud import CloudError

Blocks = Iterator[npt.NDArray[Any]]


def echo(path: str, *, size: int) -> Blocks:
    """The bytes of the source, `size` at a time."""
    data = np.frombuffer(Path(path).read_bytes(), np.uint8)
    for start in range(0, len(data), size):
        yield data[start : start + size]


def structured(path: str) -> Blocks:
    """Two blocks of fields, one of them of several elements, the second block empty."""
    dtype = np.dtype({"names": ["x", "n"], "formats": ["<f8", ("<u2", (2,))], "offsets": [4, 12], "itemsize": 20})
    points = np.zeros(3, dtype)
    points["x"], points["n"] = [1.5, np.nan, -2], [[1, 2], [3, 4], [5, 6]]
    yield points
    yield points[:0]


def environment(path: str) -> Blocks:
    yield np.frombuffer("\n".join(os.environ).encode(), np.uint8)


def prints(path: str) -> Blocks:
    os.write(1, b"a library's warning\n")
    print("another", flush=True)  # noqa: T201
    yield np.zeros(1, np.uint8)


def refuses(path: str) -> Blocks:
    raise CloudError("the points are blue", "Paint them.", "colour")
    yield


def raises(path: str) -> Blocks:
    raise ValueError("no such thing")
    yield


def dies(path: str, *, number: int) -> Blocks:
    yield np.zeros(1, np.uint8)
    os.kill(os.getpid(), number)
    time.sleep(60)


def leaves(path: str) -> Blocks:
    yield np.zeros(1, np.uint8)
    sys.stdout.flush()
    os._exit(0)


def allocates(path: str, *, size: int) -> Blocks:
    yield np.ones(size, np.uint8)


def sleeps(path: str) -> Blocks:
    time.sleep(3600)
    yield np.zeros(1, np.uint8)


def computes(path: str) -> Blocks:
    while True:
        np.arange(100_000).sum()
    yield


def objects(path: str) -> Blocks:
    """What could only come back as a pickle."""
    yield np.array([None], dtype=object)


def lies(path: str, *, line: str) -> Blocks:
    """Write `line` past the protocol, into the pipe itself."""
    for descriptor in range(3, 16):
        try:
            if os.readlink(f"/proc/self/fd/{descriptor}").startswith("pipe:"):
                os.write(descriptor, line.encode() + b"\n")
        except OSError:
            continue
    yield np.zeros(1, np.uint8)
