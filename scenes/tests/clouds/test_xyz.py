"""Plain text clouds: checked line by line, read by open3d in a child, held against the line count."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scenes.clouds import child, xyz
from scenes.clouds.cloud import CloudError, Limits

XYZ = b"1 2 3\n4.5 -5 6e1\n"
PTS = b"2\n1 2 3 -20 255 0 1\n4 5 6 30 1 2 3\n"


@cache
def missing() -> str:
    """Why open3d can not be loaded in a child here; empty when it can."""
    try:
        xyz.read(XYZ, kind=".xyz")
    except CloudError as error:
        if "can not be loaded" not in error.reason:
            raise
        return str(error)
    return ""


@pytest.fixture
def open3d() -> None:
    if missing():
        pytest.skip(missing())


@pytest.mark.usefixtures("open3d")
@pytest.mark.parametrize(
    ("name", "text", "fields"),
    [
        ("a.xyz", XYZ, {"x": [1, 4.5], "y": [2, -5], "z": [3, 60]}),
        ("облако 1.XYZ", b"\r\n 1\t2  3 \r\n\r\n4.5 -5 6e1", {"x": [1, 4.5], "y": [2, -5], "z": [3, 60]}),
        ("a.xyz", b"500000.123456 5400000.654321 nan\n1 2 3\n", {"y": [5400000.654321, 2], "z": [np.nan, 3]}),
        ("a.xyzn", b"1 2 3 0 0 1\n", {"x": [1], "normal_x": [0], "normal_z": [1]}),
        ("a.xyzrgb", b"1 2 3 0.5 0 1\n", {"z": [3], "red": [0.5], "green": [0], "blue": [1]}),
        ("a.pts", PTS, {"x": [1, 4], "intensity": [-20, 30], "red": [255, 1], "blue": [1, 3]}),
        ("a.pts", b"1\n1 2 3 7\n", {"z": [3], "intensity": [7]}),
        ("a.pts", b"1\n500000.123456 2 3\n", {"x": [500000.123456]}),
        ("a.pts", b"1\n1 2 3 10 20 30\n", {"red": [10], "green": [20], "blue": [30]}),
    ],
)
def test_every_column_survives(name: str, text: bytes, fields: dict[str, list[float]]) -> None:
    cloud = xyz.XyzFormat().read(text, name=name, limits=Limits())
    for field, values in fields.items():
        np.testing.assert_array_equal(cloud.points[field], values, field)


@pytest.mark.usefixtures("open3d")
@settings(max_examples=5, deadline=None)
@given(n=st.integers(1, 200), seed=st.integers(0, 1000), kind=st.sampled_from(sorted(xyz.LAYOUTS)))
def test_round_trip(n: int, seed: int, kind: str) -> None:
    columns = 3 if kind == ".xyz" else 6
    table = np.random.default_rng(seed).uniform(0, 1000, (n, columns))
    table[:, 3:] = np.round(table[:, 3:] / 4)
    head = f"{n}\n" if kind == ".pts" else ""
    text = head + "".join(" ".join(f"{number:.17g}" for number in row) + "\n" for row in table)
    cloud = xyz.read(text.encode(), kind=kind)
    found = np.stack([cloud.points[name].astype(float) for name in cloud.names], axis=1)
    np.testing.assert_array_equal(found[:, :3], table[:, :3])
    if kind != ".xyzrgb":
        np.testing.assert_array_equal(found, table)


REFUSED = {
    "an empty file": (".xyz", b"", "no line of numbers"),
    "only blank lines": (".xyz", b"\n \n", "no line of numbers"),
    "a word": (".xyz", b"1 2 3\n1 two 3\n", "row 2 holds 'two', which is no number"),
    "half a number": (".xyz", b"1 2 3x\n", "row 1 holds '3x', which is no number"),
    "only an exponent": (".xyz", b"1 2 e5\n", "row 1 holds 'e5', which is no number"),
    "commas": (".xyz", b"1,2,3\n", "a line has 1 numbers, .xyz has 3"),
    "too few columns": (".xyz", b"1 2\n", "a line has 2 numbers, .xyz has 3"),
    "too many columns": (".xyz", b"1 2 3 4\n", "a line has 4 numbers, .xyz has 3"),
    "a short row": (".xyz", b"1 2 3\n4 5\n", "row 2 has 2 numbers, the first has 3"),
    "a comment": (".xyz", b"# my cloud\n1 2 3\n", "row 1 holds '#', which is no number"),
    "binary data": (".xyz", bytes(range(256)), "a line has"),
    "no normals": (".xyzn", b"1 2 3\n", "a line has 3 numbers, .xyzn has 6"),
    "fewer points than promised": (".pts", b"5\n1 2 3\n", "declares '5' points, 1 lines follow"),
    "more points than promised": (".pts", b"1\n1 2 3\n4 5 6\n", "declares '1' points, 2 lines follow"),
    "a promise bomb": (".pts", b"99999999999999999999999\n1 2 3\n", "1 lines follow"),
    "no promise": (".pts", b"1 2 3\n4 5 6\n", "declares '1 2 3' points"),
    "only a promise": (".pts", b"0\n", "no line of numbers"),
    "an unknown kind": (".txt", XYZ, r"the kind '\.txt' is unknown"),
}


@pytest.mark.parametrize(("kind", "text", "reason"), REFUSED.values(), ids=REFUSED)
def test_bad_text_is_refused_before_open3d_sees_it(
    kind: str, text: bytes, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child, "blocks", lambda *args, **named: pytest.fail("open3d was asked"))
    with pytest.raises(CloudError, match=reason) as caught:
        xyz.read(text, kind=kind, name="bad")
    assert caught.value.file == "bad"


def test_too_many_points_are_refused() -> None:
    with pytest.raises(CloudError, match="2 points exceed the limit of 1"):
        xyz.read(XYZ, kind=".xyz", limits=Limits(max_points=1))


def answer(monkeypatch: pytest.MonkeyPatch, *blocks: np.ndarray) -> None:
    """Let the child answer with `blocks`."""

    def answered(*args: Any, **named: Any) -> Iterator[np.ndarray]:
        yield from blocks

    monkeypatch.setattr(child, "blocks", answered)


@pytest.mark.parametrize("number", [0, 1, 3])
def test_another_number_of_points_than_lines_is_refused(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, np.ones(number, xyz.POSITION))
    with pytest.raises(CloudError, match=f"open3d found {number} points in 2 lines"):
        xyz.read(XYZ, kind=".xyz")


def test_other_fields_than_the_lines_have_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, np.ones(2, xyz.POSITION + xyz.NORMAL))
    with pytest.raises(CloudError, match="other fields than the file has"):
        xyz.read(XYZ, kind=".xyz")


def test_a_cloud_without_a_finite_position_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    points = np.ones(1, xyz.POSITION)
    points["x"] = np.nan
    answer(monkeypatch, points)
    with pytest.raises(CloudError, match="no point has a finite position"):
        xyz.read(b"nan 1 1\n", kind=".xyz")


def test_a_machine_without_its_system_libraries_gets_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "open3d", None)
    with pytest.raises(CloudError, match=r"open3d can not be loaded .*apt-get install libgl1 libegl1 libx11-6"):
        next(xyz.read_in_child("nothing", kind=".xyz", columns=3))
