"""Good PCD files are read whole, whatever their dialect; what is written is read back."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from scenes.clouds import pcd
from scenes.clouds.cloud import CloudError, PointCloud
from scenes.tests.clouds.samples import (
    NO_SHARED_DATA,
    THREE_POINTS,
    THREE_ROWS,
    ascii_file,
    cloud_of,
    manifest,
    pcd_file,
    shared_file,
)

ENCODINGS = ["ascii", "binary", "binary_compressed"]
ELEMENTS = ["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f4", "f8"]
REAL_FILES = [line for line in manifest() if line["format"].startswith("pcd")]
# Files that are broken or hold no positions, and a word of the reason they are refused for.
REFUSED = {
    "ascii_empty.pcd": "the file is empty",
    "ascii_invalid_header.pcd": "not a PCD header",
    "ascii_with_empty_points.pcd": "no points",
    "brisk_descriptors_gt.pcd": "holds no positions",
}


@st.composite
def structured_arrays(draw: st.DrawFn) -> np.ndarray[Any, Any]:
    coordinate = draw(st.sampled_from(["f4", "f8", "i4"]))
    extra = draw(st.lists(st.tuples(st.sampled_from(ELEMENTS), st.integers(1, 4)), max_size=5))
    dtype: list[Any] = [(axis, coordinate) for axis in "xyz"]
    dtype += [
        (f"f{place}", type_, (count,)) if count > 1 else (f"f{place}", type_)
        for place, (type_, count) in enumerate(extra)
    ]
    size = draw(st.integers(1, 20))
    points = np.zeros(size, dtype)
    for name in points.dtype.names or ():
        field = points[name]
        points[name] = draw(hnp.arrays(field.dtype, field.shape))
    for axis in "xyz":
        points[axis][0] = 1  # at least one finite position, or the cloud is refused
    return points


@given(points=structured_arrays(), encoding=st.sampled_from(ENCODINGS))
def test_every_field_survives_writing_and_reading(points: np.ndarray[Any, Any], encoding: str) -> None:
    cloud = pcd.read(pcd.write(points, encoding=encoding))
    assert cloud.encoding == encoding
    assert cloud.names == points.dtype.names
    for name in cloud.names:
        assert cloud.points.dtype[name] == points.dtype[name]
        np.testing.assert_array_equal(cloud.field(name), points[name])


@given(data=st.binary(max_size=300))
def test_arbitrary_bytes_are_refused_and_never_crash(data: bytes) -> None:
    with pytest.raises(CloudError):
        pcd.read(data)


@given(place=st.integers(0, 400), value=st.integers(0, 255), encoding=st.sampled_from(ENCODINGS))
def test_a_flipped_byte_is_read_or_refused_but_never_crashes(place: int, value: int, encoding: str) -> None:
    data = bytearray(pcd.write(cloud_of(np.arange(30, dtype="f4").reshape(10, 3)), encoding=encoding))
    data[place % len(data)] = value
    try:
        cloud = pcd.read(bytes(data))
    except CloudError:
        return
    assert len(cloud) == cloud.width * cloud.height


@given(keep=st.integers(0, 10_000), encoding=st.sampled_from(ENCODINGS))
def test_a_file_cut_anywhere_before_its_last_number_is_refused(keep: int, encoding: str) -> None:
    data = pcd.write(cloud_of(np.linspace(1, 2, 30, dtype="f4").reshape(10, 3)), encoding=encoding)
    end = len(data) - (len(b" 2.00000000\n") if encoding == "ascii" else 1)
    with pytest.raises(CloudError):
        pcd.read(data[: keep % end])


@pytest.mark.parametrize("line", REAL_FILES, ids=lambda line: line["path"])
def test_each_real_file_gives_its_count_or_is_refused_with_the_reason(line: dict[str, str]) -> None:
    data = shared_file(line["path"])
    name = line["path"].rsplit("/", 1)[-1]
    if name in REFUSED:
        with pytest.raises(CloudError, match=REFUSED[name]) as caught:
            pcd.read(data, name=name)
        assert caught.value.file == name
        return
    cloud = pcd.read(data, name=name)
    assert len(cloud) == int(line["points"])
    assert line["format"].split()[1] == cloud.encoding
    if "organised" in line["format"]:
        assert line["format"].endswith(f"{cloud.width}x{cloud.height}")


def test_the_real_files_are_there() -> None:
    if not REAL_FILES:
        pytest.skip(NO_SHARED_DATA)
    assert len(REAL_FILES) > 60


@pytest.mark.parametrize(
    "data",
    [
        pcd_file(COUNT=None),
        pcd_file(VIEWPOINT=None, VERSION=".5"),
        pcd_file(VERSION=None),
        pcd_file(POINTS=None),
        pcd_file(WIDTH=None, HEIGHT=None),
        pcd_file().replace(b"FIELDS", b"COLUMNS"),
        pcd_file().replace(b"DATA binary", b"data Binary"),
        b"# a comment \xff\n\n" + pcd_file(),
        pcd_file(b"").replace(b"\n", b"\r\n") + THREE_POINTS,
        pcd_file(THREE_POINTS + bytes(4000)),
        pcd_file(THREE_POINTS + b"\n"),
        pcd_file(THREE_POINTS + b"\r\n"),
        ascii_file(),
        ascii_file(THREE_ROWS.rstrip()),
        ascii_file(THREE_ROWS.replace(b"\n", b"\r\n")),
        ascii_file(b"\n" + THREE_ROWS.replace(b" ", b"\t  ") + b"\n\n"),
    ],
)
def test_dialects_in_the_wild_are_read(data: bytes) -> None:
    cloud = pcd.read(data)
    np.testing.assert_array_equal(cloud.positions(), [[1, 2, 3], [5, 6, 7], [9, 10, 11]])
    np.testing.assert_array_equal(cloud.field("intensity"), [4, 8, 12])


def test_ascii_integers_stay_exact() -> None:
    biggest = np.iinfo(np.uint64).max
    data = ascii_file(
        f"1 2 3 {biggest} 9007199254740993\n".encode(),
        FIELDS="x y z stamp offset", SIZE="4 4 4 8 8", TYPE="F F F U I", COUNT=None, WIDTH="1", POINTS="1",
    )  # fmt: skip
    point = pcd.read(data).points[0]
    assert int(point["stamp"]) == biggest
    assert int(point["offset"]) == 9007199254740993


def test_ascii_nan_is_an_invalid_point() -> None:
    cloud = pcd.read(ascii_file(b"nan NaN nan 0\n1 2 3 4\n-nan inf 1 0\n"))
    np.testing.assert_array_equal(cloud.finite(), [False, True, False])


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_padding_is_dropped_and_the_fields_after_it_stay_right(encoding: str) -> None:
    layout = {
        "FIELDS": "x y z _ label _",
        "SIZE": "4 4 4 1 2 1",
        "TYPE": "F F F U U U",
        "COUNT": "1 1 1 3 1 2",
    }
    rows = [struct.pack("<3f3BH2B", row, row + 1, row + 2, 9, 9, 9, 500 + row, 8, 8) for row in range(3)]
    if encoding == "ascii":
        body = b"".join(b"%d %d %d 9 9 9 %d 8 8\n" % (row, row + 1, row + 2, 500 + row) for row in range(3))
    else:
        body = b"".join(rows)
    if encoding == "binary_compressed":
        body = _compressed(np.frombuffer(body, "<f4,<f4,<f4,3u1,<u2,2u1"))
    cloud = pcd.read(pcd_file(body, DATA=encoding, **layout))
    assert cloud.names == ("x", "y", "z", "label")
    np.testing.assert_array_equal(cloud.field("label"), [500, 501, 502])
    np.testing.assert_array_equal(cloud.positions()[:, 2], [2, 3, 4])


def _compressed(points: np.ndarray[Any, Any]) -> bytes:
    from imagecodecs import lzf_encode

    raw = b"".join(points[name].tobytes() for name in points.dtype.names or ())
    stream = lzf_encode(raw)
    return struct.pack("<II", len(stream), len(raw)) + stream


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_an_organised_cloud_and_its_viewpoint_survive(encoding: str) -> None:
    flat = cloud_of(np.arange(24, dtype="f4").reshape(8, 3))
    viewpoint = (1.5, -2.0, 0.1, 0.0, 1.0, 0.0, 0.0)
    cloud = pcd.read(pcd.write(PointCloud(flat.points, 4, 2, viewpoint, "binary"), encoding=encoding))
    assert (cloud.width, cloud.height, cloud.viewpoint) == (4, 2, viewpoint)
    assert cloud.is_organised


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_memoryview_is_read_as_bytes_are(encoding: str) -> None:
    data = pcd.write(cloud_of(np.arange(6, dtype="f4").reshape(2, 3)), encoding=encoding)
    np.testing.assert_array_equal(pcd.read(memoryview(data)).points, pcd.read(data).points)


def test_binary_points_are_a_view_of_the_file() -> None:
    data = pcd_file()
    assert np.shares_memory(pcd.read(data).points, np.frombuffer(data, np.uint8))


@pytest.mark.parametrize(("stored", "given"), [("f4", "f4"), ("f8", "f8"), ("i4", "f8")])
def test_positions_keep_the_precision_of_the_file(stored: str, given: str) -> None:
    cloud = cloud_of(np.array([[5_403_547, 2, 3]], stored))
    assert cloud.positions().dtype == np.dtype(given)
    np.testing.assert_array_equal(cloud.positions(), [[5_403_547, 2, 3]])


def test_writing_what_pcd_has_no_type_for_is_refused_by_field() -> None:
    cloud = cloud_of(np.ones((1, 3), "f4"), half=np.ones(1, "f2"))
    with pytest.raises(CloudError, match=r"no type for float16.*field half"):
        pcd.write(cloud)


def test_writing_an_unknown_encoding_is_refused() -> None:
    with pytest.raises(CloudError, match="encoding 'zip' is unknown"):
        pcd.write(cloud_of(np.ones((1, 3), "f4")), encoding="zip")


def test_writing_a_field_name_with_white_space_is_refused() -> None:
    with pytest.raises(CloudError, match="white space"):
        pcd.write(cloud_of(np.ones((1, 3), "f4"), **{"two words": np.ones(1, "f4")}))


def test_big_endian_arrays_are_written_little_endian() -> None:
    points = cloud_of(np.array([[1, 2, 3]], ">f4")).points
    np.testing.assert_array_equal(pcd.read(pcd.write(points)).positions(), [[1, 2, 3]])
