"""A native reader that crashes, hangs or eats memory ends its child process and nothing else."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from scenes.clouds import child
from scenes.clouds.child import ChildLimits
from scenes.clouds.cloud import CloudError

LIMITS = ChildLimits(memory_bytes=1024**3, cpu_seconds=30, seconds=60)


def run(
    reader: str, source: bytes | Path = b"", limits: ChildLimits = LIMITS, **parameters: Any
) -> list[npt.NDArray[Any]]:
    name = f"scenes.tests.clouds.child_readers:{reader}"
    return list(child.blocks(name, source, limits=limits, parameters=parameters))


@pytest.mark.parametrize("from_file", [False, True])
def test_the_source_reaches_the_child_and_its_blocks_come_back(from_file: bool, tmp_path: Path) -> None:
    data = np.random.default_rng(1).bytes(3_000_001)
    path = tmp_path / "облако 1.bin"
    path.write_bytes(data)
    blocks = run("echo", path if from_file else data, size=1_000_000)
    assert [len(block) for block in blocks] == [1_000_000] * 3 + [1]
    assert b"".join(block.tobytes() for block in blocks) == data


def test_fields_come_back_with_their_types_and_shapes() -> None:
    points, empty = run("structured")
    assert points.dtype == np.dtype([("x", "<f8"), ("n", "<u2", (2,))]) == empty.dtype
    np.testing.assert_array_equal(points["x"], [1.5, np.nan, -2])
    np.testing.assert_array_equal(points["n"], [[1, 2], [3, 4], [5, 6]])
    assert len(empty) == 0


def test_what_a_library_prints_is_not_taken_for_points() -> None:
    (block,) = run("prints")
    assert block.tolist() == [0]


def test_the_child_knows_no_secret_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "not for the child")
    (names,) = run("environment")
    assert "SECRET_KEY" not in names.tobytes().decode().split("\n")


def test_a_refusal_of_the_reader_comes_back_as_it_was() -> None:
    with pytest.raises(CloudError) as caught:
        run("refuses")
    assert (caught.value.reason, caught.value.remedy, caught.value.field) == (
        "the points are blue",
        "Paint them.",
        "colour",
    )


@pytest.mark.parametrize("number", [signal.SIGABRT, signal.SIGSEGV, signal.SIGKILL])
def test_a_reader_that_is_killed_is_an_error_that_names_the_signal(number: signal.Signals) -> None:
    with pytest.raises(CloudError, match=rf"was killed by signal {number.value} \({number.name}\)"):
        run("dies", number=number.value)


def test_a_reader_that_fails_is_an_error_with_its_last_word() -> None:
    with pytest.raises(CloudError, match="the reader failed: ValueError: no such thing"):
        run("raises")


def test_a_reader_that_leaves_early_is_an_error() -> None:
    with pytest.raises(CloudError, match="the reader failed"):
        run("leaves")


def test_a_reader_that_allocates_too_much_is_refused_and_the_parent_is_unharmed() -> None:
    with pytest.raises(CloudError, match=f"needs more than {LIMITS.memory_bytes} bytes of memory"):
        run("allocates", size=4 * 1024**3)
    assert run("echo", b"still here", size=100)[0].tobytes() == b"still here"


def test_a_block_larger_than_the_limit_is_refused_before_it_gets_memory() -> None:
    with pytest.raises(CloudError, match="a block of 2000 x 1 bytes exceeds the limit"):
        run("allocates", limits=replace(LIMITS, block_bytes=1999), size=2000)


def test_a_reader_that_never_answers_is_ended() -> None:
    with pytest.raises(CloudError, match=r"took longer than 0\.5 s"):
        run("sleeps", limits=replace(LIMITS, seconds=0.5))


def test_a_reader_that_computes_without_end_is_ended() -> None:
    with pytest.raises(CloudError, match="used more than 1 s of processor"):
        run("computes", limits=replace(LIMITS, cpu_seconds=1))


def test_an_iterator_closed_early_ends_its_child(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[subprocess.Popen[bytes]] = []
    popen = subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen", lambda *args, **named: _kept(started, popen(*args, **named)))
    blocks = child.blocks("scenes.tests.clouds.child_readers:echo", bytes(50_000_000), parameters={"size": 1_000_000})
    assert len(next(blocks)) == 1_000_000
    assert started[0].poll() is None
    blocks.close()
    assert started[0].returncode == -signal.SIGKILL


def _kept(kept: list[Any], value: Any) -> Any:
    kept.append(value)
    return value


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="the test finds the pipe in /proc")
@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("not json", "sent nonsense"),
        ("[]", "sent nonsense"),
        ("{}", "sent nonsense"),
        (json.dumps({"dtype": [["x", "|O", []]], "count": 1}), "sent nonsense"),
        (json.dumps({"dtype": [["x", "<M8[s]", []]], "count": 1}), "sent nonsense"),
        (json.dumps({"dtype": [["x", "<f8", [100000000]]], "count": 1000}), "exceeds the limit"),
        (json.dumps({"dtype": [], "count": -1}), "exceeds the limit"),
        (json.dumps({"dtype": [], "count": 10**15}), "exceeds the limit"),
        ("x" * 70_000, "sent nonsense"),
    ],
)
def test_a_child_that_breaks_the_protocol_is_refused(line: str, reason: str) -> None:
    with pytest.raises(CloudError, match=reason):
        run("lies", line=line)


def test_objects_are_never_accepted() -> None:
    with pytest.raises(CloudError):
        run("objects")


def test_only_readers_of_this_package_can_be_called() -> None:
    with pytest.raises(CloudError, match="is not a reader of this package"):
        list(child.blocks("os:listdir", b""))


def test_neither_child_nor_formats_load_the_framework_or_a_foreign_reader() -> None:
    code = (
        "import sys, scenes.clouds.child, scenes.clouds.formats\n"
        "loaded = {name.split('.')[0] for name in sys.modules}\n"
        "print(sorted(loaded & {'django', 'celery', 'lazrs', 'laspy', 'mcap', 'zstandard', 'lz4', 'open3d'}))"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=child.CHECKOUT, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_a_daemonic_process_may_use_it() -> None:
    code = (
        "import multiprocessing as m\n"
        "from scenes.clouds import child\n"
        "def work(queue):\n"
        "    blocks = child.blocks('scenes.tests.clouds.child_readers:echo', b'abc', parameters={'size': 9})\n"
        "    queue.put([block.tobytes() for block in blocks])\n"
        "context = m.get_context('fork')\n"
        "queue = context.Queue()\n"
        "process = context.Process(target=work, args=(queue,), daemon=True)\n"
        "process.start(); print(queue.get(timeout=60)); process.join()\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=child.CHECKOUT, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[b'abc']"
