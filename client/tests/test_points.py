"""Original files as arrays: the same numbers as the server's readers give."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from django.conf import settings

import lamm_client as lamm
from lamm_client import points
from scenes.clouds import kitti, nuscenes, pcd

REAL_DATA = settings.BASE_DIR.parent / "shared" / "data"
FIELDS = [("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("intensity", "<f4"), ("ring", "<u2"), ("time", "<f8")]


@pytest.fixture
def cloud() -> np.ndarray:
    random = np.random.default_rng(7)
    made = np.zeros(500, FIELDS)
    for name in ("x", "y", "z", "time"):
        made[name] = random.normal(0, 20, 500)
    made["intensity"], made["ring"] = random.random(500), random.integers(0, 64, 500)
    made["x"][17] = np.nan
    return made


@pytest.mark.parametrize("encoding", ["binary", "ascii"])
def test_a_pcd_has_all_its_fields(cloud: np.ndarray, tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "000000.pcd"
    path.write_bytes(pcd.write(cloud, encoding=encoding))
    found = points.read(path, name=path.name)
    assert found is not None
    assert found.dtype.names == cloud.dtype.names
    for name in cloud.dtype.names or ():
        np.testing.assert_allclose(found[name], cloud[name], rtol=1e-6)


def test_a_compressed_pcd_is_left_to_the_server(cloud: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / "000000.pcd"
    path.write_bytes(pcd.write(cloud, encoding="binary_compressed"))
    assert points.read(path, name=path.name) is None


@pytest.mark.parametrize(("kind", "write"), [("kitti", kitti.write), ("nuscenes", nuscenes.write)])
def test_records_without_a_header_are_read_as_declared(
    cloud: np.ndarray, tmp_path: Path, kind: str, write: object
) -> None:
    path = tmp_path / "000000.bin"
    path.write_bytes(write(cloud))  # type: ignore[operator]
    found = points.read(path, name=path.name, declared=kind)
    assert found is not None
    for name in found.dtype.names or ():
        np.testing.assert_array_equal(found[name], cloud[name].astype(np.float32))


def test_a_file_that_ends_early_is_refused_by_name(cloud: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / "000000.pcd"
    path.write_bytes(pcd.write(cloud, encoding="binary")[:-40])
    with pytest.raises(lamm.LammError, match=r"000000\.pcd: 500 points of"):
        points.read(path, name=path.name)


def test_what_is_no_pcd_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "000000.pcd"
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(lamm.LammError, match="no DATA line"):
        points.read(path, name=path.name)


def test_positions_are_a_table_of_metres(cloud: np.ndarray) -> None:
    found = points.positions(cloud)
    assert (found.shape, found.dtype) == ((500, 3), np.float32)
    np.testing.assert_array_equal(found[:, 2], cloud["z"])


@pytest.mark.skipif(not REAL_DATA.is_dir(), reason="the real clouds are not on this machine")
def test_real_pcd_files_read_as_on_the_server() -> None:
    compared = 0
    for path in sorted(REAL_DATA.rglob("*.pcd"))[:40]:
        try:
            expected = pcd.read(path.read_bytes(), name=path.name).points
        except ValueError:
            continue  # the server refuses it, so no client ever sees it
        found = points.read(path, name=path.name)
        if found is None:
            continue
        assert found.dtype.names == expected.dtype.names, path.name
        for name in found.dtype.names or ():
            np.testing.assert_array_equal(found[name], expected[name], err_msg=f"{path.name} {name}")
        compared += 1
    assert compared > 3


@pytest.mark.parametrize(
    "fields",
    [
        [("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("intensity", "<f4")],
        [("ring", "u1"), ("x", "<f8"), ("y", "<f8"), ("z", "<f8")],
        [("x", "<f4"), ("z", "<f4"), ("y", "<f4")],
        [("x", "<f4"), ("y", "<f8"), ("z", "<f4")],
        [("x", "<i4"), ("y", "<i4"), ("z", "<i4")],
    ],
)
@pytest.mark.parametrize("step", [1, 3])
def test_positions_are_the_three_fields_however_they_lie(fields: list[tuple[str, str]], step: int) -> None:
    cloud = np.zeros(60, fields)
    for number, axis in enumerate("xyz"):
        cloud[axis] = np.arange(60) + 100 * number
    cloud.flags.writeable = False
    found = points.positions(cloud[::step])
    np.testing.assert_array_equal(found, np.stack([cloud[axis][::step] for axis in "xyz"], axis=1))
    single = all(cloud.dtype[axis] == np.float32 for axis in "xyz")
    assert (found.dtype, found.shape) == (np.float32 if single else np.float64, (len(cloud[::step]), 3))
    found[:] = 0  # it is the caller's own
