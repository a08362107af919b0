"""LAS and LAZ: every field survives, as a peer library reads it, whole or in chunks."""

from __future__ import annotations

import io
from pathlib import Path

import laspy
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scenes.clouds import las
from scenes.clouds.cloud import CloudError, PointCloud
from scenes.tests.clouds.las_samples import VERSIONS, las_data, las_file
from scenes.tests.clouds.samples import NO_SHARED_DATA, SHARED_DATA, manifest, shared_file

REAL = [row for row in manifest() if row["path"].endswith((".las", ".laz"))]


def assert_same(cloud: PointCloud, peer: laspy.LasData, renamed: dict[str, str] | None = None) -> None:
    """Every field of the peer's cloud is there with equal values; x, y, z are its scaled coordinates."""
    names = {*peer.point_format.dimension_names} - {"X", "Y", "Z"} | {"x", "y", "z"}
    found = {(renamed or {}).get(name, name) for name in cloud.names}
    assert found == names
    for name in cloud.names:
        np.testing.assert_array_equal(cloud.points[name], np.array(peer[(renamed or {}).get(name, name)]), name)


@pytest.mark.parametrize("compressed", [False, True], ids=["las", "laz"])
@pytest.mark.parametrize("point_format", range(11))
def test_every_field_of_every_point_format_survives(point_format: int, compressed: bool) -> None:
    file = las_file(las_data(point_format), compressed=compressed)
    cloud = las.read(file, name="a.las")
    assert_same(cloud, laspy.read(io.BytesIO(file)))
    assert cloud.points["x"].dtype == cloud.points["y"].dtype == np.float64
    container = "laz" if compressed else "las"
    assert cloud.encoding == f"{container} {VERSIONS[point_format]} point format {point_format}"
    assert (cloud.width, cloud.height) == (100, 1)


@settings(max_examples=40, deadline=None)
@given(
    point_format=st.integers(0, 10),
    n=st.integers(1, 300),
    seed=st.integers(0, 2**32),
)
def test_las_round_trip(point_format: int, n: int, seed: int) -> None:
    file = las_file(las_data(point_format, n, seed=seed))
    assert_same(las.read(file), laspy.read(io.BytesIO(file)))


@settings(max_examples=8, deadline=None)
@given(point_format=st.integers(0, 10), n=st.integers(1, 300), seed=st.integers(0, 2**32))
def test_laz_round_trip(point_format: int, n: int, seed: int) -> None:
    file = las_file(las_data(point_format, n, seed=seed), compressed=True)
    assert_same(las.read(file), laspy.read(io.BytesIO(file)))


def test_classification_has_the_bits_of_its_point_format() -> None:
    old, new = las_data(3, 256), las_data(7, 256)
    new.classification = np.arange(256)
    old.classification = np.arange(256) % 32
    old.synthetic = np.arange(256) % 2
    assert las.read(las_file(new)).points["classification"].tolist() == list(range(256))
    points = las.read(las_file(old)).points
    assert points["classification"].tolist() == list(np.arange(256) % 32)
    assert points["synthetic"].tolist() == list(np.arange(256) % 2)


@pytest.mark.parametrize("compressed", [False, True], ids=["las", "laz"])
@pytest.mark.parametrize("point_format", [0, 3, 7])
def test_extra_bytes_survive_under_their_names(point_format: int, compressed: bool) -> None:
    data = las_data(point_format, extras=point_format in (0,))
    data.add_extra_dims([laspy.ExtraBytesParams("Height", "int32", scales=np.array([0.5]), offsets=np.zeros(1))])
    data["Height"] = np.arange(100)
    file = las_file(data, compressed=compressed)
    cloud = las.read(file)
    assert_same(cloud, laspy.read(io.BytesIO(file)))
    assert cloud.points["Height"].tolist() == list(range(100))
    if point_format == 0:
        assert cloud.points["normal"].shape == (100, 3)
        assert cloud.points["Amplitude"].dtype == np.float64


def test_an_extra_field_with_the_name_of_a_standard_one_is_numbered() -> None:
    data = las_data(3)
    data.add_extra_dims([laspy.ExtraBytesParams("Xtensity", "uint8")])
    data["Xtensity"] = np.arange(100)
    file = las_file(data).replace(b"Xtensity", b"withheld")
    cloud = las.read(file)
    assert cloud.points["withheld_2"].tolist() == list(range(100))
    np.testing.assert_array_equal(cloud.points["withheld"], data.withheld)


def test_extra_bytes_that_nothing_describes_survive_as_bytes() -> None:
    data = las_data(1)
    data.add_extra_dims([laspy.ExtraBytesParams("four", "uint32")])
    data["four"] = np.arange(100)
    file = las_file(data).replace(b"LASF_Spec", b"SomeoneXs")
    extra = las.read(file).points["ExtraBytes"]
    assert extra.shape == (100, 4)
    assert np.ascontiguousarray(extra).view("<u4").ravel().tolist() == list(range(100))


@pytest.mark.parametrize("compressed", [False, True], ids=["las", "laz"])
@pytest.mark.parametrize("points_per_chunk", [1, 7, 33, 100, 1000])
def test_chunks_are_the_cloud_in_its_order(points_per_chunk: int, compressed: bool, tmp_path: Path) -> None:
    path = tmp_path / "облако.las"
    path.write_bytes(las_file(las_data(7, 33), compressed=compressed))
    parts = list(las.chunks(path, points_per_chunk=points_per_chunk))
    assert [len(part) for part in parts[:-1]] == [points_per_chunk] * (len(parts) - 1)
    np.testing.assert_array_equal(np.concatenate(parts), las.read(path.read_bytes()).points)


@pytest.mark.parametrize("compressed", [False, True], ids=["las", "laz"])
def test_a_file_of_several_compressed_chunks_is_whole(compressed: bool, tmp_path: Path) -> None:
    path = tmp_path / "big.laz"
    path.write_bytes(las_file(las_data(3, 120_001), compressed=compressed))
    cloud = las.read(path.read_bytes())
    assert_same(cloud, laspy.read(path))
    assert sum(len(part) for part in las.chunks(path, points_per_chunk=50_000)) == 120_001


def test_the_header_alone_is_read_from_bytes_and_from_a_path(tmp_path: Path) -> None:
    path = tmp_path / "a.laz"
    path.write_bytes(las_file(las_data(7), compressed=True))
    header = las.read_header(path)
    assert header == las.read_header(path.read_bytes())
    assert (header.version, header.point_format, header.points) == ((1, 4), 7, 100)
    assert header.is_compressed
    assert header.scale == (0.001, 0.01, 0.1)
    assert header.offset == (500_000.0, 4_000_000.0, -10.0)


def test_extended_records_after_the_points_are_allowed() -> None:
    data = las_data(7)
    data.evlrs = laspy.vlrs.vlrlist.VLRList([laspy.VLR("someone", 7, "notes", b"x" * 100)])
    file = las_file(data)
    assert len(las.read(file)) == 100


@pytest.mark.skipif(not REAL, reason=NO_SHARED_DATA)
@pytest.mark.parametrize("row", REAL, ids=[row["path"].rsplit("/", 1)[-1] for row in REAL])
def test_every_real_file_is_read_with_its_numbers_or_refused_with_a_reason(row: dict[str, str]) -> None:
    file = shared_file(row["path"])
    if not row["points"]:
        with pytest.raises(CloudError, match="Point14 in compression version 4 is not supported"):
            las.read(file, name=row["path"])
        return
    cloud = las.read(file, name=row["path"])
    assert len(cloud) == int(row["points"])
    assert_same(cloud, laspy.read(io.BytesIO(file)))
    fields = set(row["fields"].split()[1:]) - {"X", "Y", "Z"}
    assert fields <= set(cloud.names)
    chunks = list(las.chunks(SHARED_DATA / row["path"], points_per_chunk=400))
    np.testing.assert_array_equal(np.concatenate(chunks), cloud.points)
