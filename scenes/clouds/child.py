"""Native code of a foreign library, run in a child process with limits of memory and time.

A damaged file can make a native reader crash, allocate without end or never return. Here that ends a child
process and becomes a CloudError; the process that asked goes on. The child is a plain subprocess, because a
Celery worker is daemonic and may not use multiprocessing. Its points come back through a pipe as blocks of raw
bytes, each after one line of JSON that says type and number: nothing the child sends is ever unpickled, and a
pipe keeps both sides in bounded memory, however large the file is.
"""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import IO, Any, BinaryIO

import numpy as np
import numpy.typing as npt

from scenes.clouds.cloud import CloudError

# What a child calls: (path of the source, parameters) -> blocks of points, or CloudError.
Reader = Callable[..., Iterator[npt.NDArray[Any]]]

CHECKOUT = Path(__file__).resolve().parents[2]
ROOMS = ("scenes.clouds.", "scenes.tests.clouds.")
# What a child may know of its surroundings: where libraries are, and nothing that is secret.
KEPT_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "HOME", "LANG", "LC_ALL", "TMPDIR")
# Each thread of a numeric library reserves address space, which counts against the limit.
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS"), "1")
MAX_LINE_BYTES = 64 * 1024
PIPE_BYTES = 1024 * 1024
MAX_COMPLAINT_BYTES = 1024 * 1024
NUMBERS = "iufb"
DAMAGED = "The file is damaged or not what it says: copy or export it again."
TOO_LARGE = "Split the file, or raise the limit if the file is known to be good."


@dataclass(frozen=True)
class ChildLimits:
    """What a child may use.

    Attributes:
        memory_bytes: address space, libraries included (RLIMIT_AS).
        cpu_seconds: processor time (RLIMIT_CPU).
        seconds: time that the parent waits for the child in all; time the parent spends on what it got is
            not counted.
        block_bytes: the largest single block of points.
    """

    memory_bytes: int = 2 * 1024**3
    cpu_seconds: int = 900
    seconds: float = 900.0
    block_bytes: int = 256 * 1024**2


DEFAULT_CHILD_LIMITS = ChildLimits()


def blocks(
    reader: str,
    source: bytes | memoryview | Path,
    *,
    limits: ChildLimits = DEFAULT_CHILD_LIMITS,
    parameters: dict[str, Any] | None = None,
) -> Generator[npt.NDArray[Any], None, None]:
    """The blocks of points that `reader` finds in `source`, read in a child process, one at a time.

    `reader` is "module:function" of this package; it is called with the path of the source and `parameters`
    (which JSON can hold). Closing the iterator early ends the child.

    Raises CloudError as the reader raised it; and when the child is killed by a signal, uses more than
    `limits`, fails otherwise or sends what is not a block of numbers.
    """
    with _opened(source) as file, tempfile.TemporaryFile() as complaints:
        child = _Child(_start(reader, file, complaints, limits, parameters or {}), complaints, limits)
        try:
            yield from child.blocks()
        finally:
            child.end()


@contextmanager
def _opened(source: bytes | memoryview | Path) -> Iterator[BinaryIO]:
    """The source as an open file, so that the child needs no right to its path and no copy in its memory."""
    if isinstance(source, Path):
        with source.open("rb") as file:
            yield file
        return
    with _memory_file() as memory:
        memory.write(source)
        memory.flush()
        memory.seek(0)
        yield memory


def _memory_file() -> BinaryIO:
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("cloud"), "w+b")
    return tempfile.TemporaryFile("w+b")


def _start(
    reader: str, file: BinaryIO, complaints: IO[bytes], limits: ChildLimits, parameters: dict[str, Any]
) -> subprocess.Popen[bytes]:
    order = json.dumps({"reader": reader, "limits": asdict(limits), "parameters": parameters})
    kept = {name: os.environ[name] for name in KEPT_ENVIRONMENT if name in os.environ}
    return subprocess.Popen(
        [sys.executable, "-m", "scenes.clouds.child", str(file.fileno()), order],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=complaints,
        bufsize=0,
        pipesize=PIPE_BYTES,
        cwd=CHECKOUT,
        env=kept | ONE_THREAD,
        pass_fds=(file.fileno(),),
    )


class _Child:
    """The parent's end of one child."""

    def __init__(self, process: subprocess.Popen[bytes], complaints: IO[bytes], limits: ChildLimits) -> None:
        assert process.stdout is not None
        self.process = process
        self.pipe = process.stdout
        self.complaints = complaints
        self.limits = limits
        self.patience = limits.seconds
        self.ready = select.poll()
        self.ready.register(self.pipe, select.POLLIN | select.POLLHUP)

    def blocks(self) -> Iterator[npt.NDArray[Any]]:
        while "end" not in (message := self._message()):
            if "error" in message:
                raise _error(message["error"])
            block = np.empty(*_declared(message, self.limits))
            self._fill(block.view(np.uint8).data)
            yield block

    def end(self) -> None:
        """Make sure that the child is gone."""
        self.process.kill()
        self.process.wait()
        self.pipe.close()

    def _message(self) -> dict[str, Any]:
        line = bytearray()
        byte = bytearray(1)
        while not line.endswith(b"\n"):
            if len(line) > MAX_LINE_BYTES:
                raise CloudError("the reader in its child process sent nonsense", DAMAGED)
            self._fill(memoryview(byte))
            line += byte
        try:
            message = json.loads(line)
        except ValueError as error:
            raise CloudError("the reader in its child process sent nonsense", DAMAGED) from error
        return message if isinstance(message, dict) else {}

    def _fill(self, target: memoryview) -> None:
        while len(target):
            self._wait()
            received = os.readv(self.pipe.fileno(), [target])
            if not received:
                raise self._death()
            target = target[received:]

    def _wait(self) -> None:
        started = time.monotonic()
        answered = self.ready.poll(max(0.0, self.patience) * 1000)
        self.patience -= time.monotonic() - started
        if not answered:
            raise CloudError(f"reading took longer than {self.limits.seconds:g} s", TOO_LARGE)

    def _death(self) -> CloudError:
        """Why the pipe ended before the reader said so."""
        try:
            code = self.process.wait(timeout=max(1.0, self.patience))
        except subprocess.TimeoutExpired:
            code = 0
        complaint = self._complaint()
        if -code == signal.SIGXCPU:
            return CloudError(f"reading used more than {self.limits.cpu_seconds} s of processor", TOO_LARGE)
        if "MemoryError" in complaint or "memory allocation" in complaint or "bad_alloc" in complaint:
            return CloudError(f"reading needs more than {self.limits.memory_bytes} bytes of memory", TOO_LARGE)
        how = f"was killed by signal {-code} ({_signal_name(-code)})" if code < 0 else "failed"
        return CloudError(f"the reader {how}" + (f": {complaint}" if complaint else ""), DAMAGED)

    def _complaint(self) -> str:
        """The last line the child wrote to its error output, without Rust's advice, shortened."""
        self.complaints.seek(max(0, self.complaints.seek(0, os.SEEK_END) - 4096))
        lines = self.complaints.read().decode(errors="replace").split("\n")
        said = (line.strip()[:200] for line in reversed(lines) if not line.startswith("note: "))
        return next(filter(None, said), "")


def _declared(message: dict[str, Any], limits: ChildLimits) -> tuple[int, np.dtype[Any]]:
    """Number and type of the points of the next block, checked before they get memory."""
    try:
        count = int(message["count"])
        described = message["dtype"]
        fields = [(name, kind, tuple(shape)) for name, kind, shape in described]
        dtype: np.dtype[Any] = np.dtype(fields or np.uint8)
    except (KeyError, TypeError, ValueError) as error:
        raise CloudError("the reader in its child process sent nonsense", DAMAGED) from error
    if any(field[0].base.kind not in NUMBERS for field in (dtype.fields or {}).values()):
        raise CloudError("the reader in its child process sent nonsense", DAMAGED)
    if count < 0 or count * dtype.itemsize > limits.block_bytes:
        raise CloudError(f"a block of {count} x {dtype.itemsize} bytes exceeds the limit", TOO_LARGE)
    return count, dtype


def _error(parts: Any) -> CloudError:
    reason, remedy, field = (str(part)[:1000] for part in parts)
    return CloudError(reason, remedy, field)


def _signal_name(number: int) -> str:
    return signal.Signals(number).name if number in set(signal.Signals) else "unknown"


def main(arguments: list[str]) -> int:
    """The child: set its own limits, call the reader, send its blocks. Returns the exit code."""
    descriptor, order = arguments[0], json.loads(arguments[1])
    _limit(ChildLimits(**order["limits"]))
    # Libraries print warnings to the standard output: the blocks get a pipe of their own.
    with os.fdopen(os.dup(1), "wb", buffering=0) as pipe:
        os.dup2(2, 1)
        try:
            for block in _reader(order["reader"])(f"/dev/fd/{descriptor}", **order["parameters"]):
                _send(pipe, block)
        except CloudError as error:
            _say(pipe, {"error": [error.reason, error.remedy, error.field]})
        else:
            _say(pipe, {"end": True})
    return 0


def _limit(limits: ChildLimits) -> None:
    wanted = {
        resource.RLIMIT_AS: limits.memory_bytes,
        resource.RLIMIT_CPU: limits.cpu_seconds,
        resource.RLIMIT_FSIZE: MAX_COMPLAINT_BYTES,
        resource.RLIMIT_CORE: 0,
    }
    for kind, value in wanted.items():
        hard = resource.getrlimit(kind)[1]
        allowed = value if hard == resource.RLIM_INFINITY else min(value, hard)
        # The hard processor limit kills a reader that ignores the soft one's signal.
        slack = 1 if kind == resource.RLIMIT_CPU and allowed == value else 0
        resource.setrlimit(kind, (allowed, allowed + slack))


def _reader(name: str) -> Reader:
    module, function = name.split(":")
    if not module.startswith(ROOMS):
        raise CloudError(f"{name!r} is not a reader of this package", "Call one of scenes.clouds.")
    reader: Reader = getattr(import_module(module), function)
    return reader


def _send(pipe: BinaryIO, block: npt.NDArray[Any]) -> None:
    names = block.dtype.names or ()
    fields = [(name, block.dtype[name].base.str, block.dtype[name].shape) for name in names]
    packed = np.ascontiguousarray(block, fields or np.uint8)
    _say(pipe, {"dtype": fields, "count": len(packed)})
    _write(pipe, packed.view(np.uint8).data)


def _say(pipe: BinaryIO, message: dict[str, Any]) -> None:
    _write(pipe, memoryview(json.dumps(message).encode() + b"\n"))


def _write(pipe: BinaryIO, data: memoryview) -> None:
    while len(data):
        data = data[pipe.write(data) :]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
