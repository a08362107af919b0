"""Bad PLY files: each refused with a reason, and none makes the reader allocate what it only declares."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenes.clouds import ply
from scenes.clouds.cloud import CloudError, Limits
from scenes.tests.clouds.samples import outcome

HEADER = """ply
format ascii 1.0
element vertex 2
property float x
property float y
property float z
property uchar label
end_header
"""
ROWS = "1 2 3 4\n5 6 7 8\n"
LIST = "property list uchar int indices\n"


def changed(old: str, new: str, rows: str = ROWS) -> bytes:
    """The file with one stretch of its header replaced."""
    assert old in HEADER
    return (HEADER.replace(old, new, 1) + rows).encode()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "the file is empty"),
        (b"plywood\n", "does not begin with 'ply'"),
        (HEADER.replace("\n", "\r").encode(), "bare carriage return"),
        (HEADER.encode()[:-3], "end_header line is missing: the file ends inside the header"),
        (b"ply\n" + b"comment\n" * 20_000, "there is none in the first 65536 bytes"),
        (changed("format ascii 1.0\n", ""), "the format line is 'element vertex 2'"),
        (changed("ascii 1.0", "ascii 2.0"), "the format line is 'format ascii 2.0'"),
        (changed("ascii", "binary_middle_endian"), "the format 'binary_middle_endian' is unknown"),
        (changed("vertex 2", "vertex -2"), "the count '-2' of element vertex is not a whole number"),
        (changed("vertex 2", "vertex 1e3"), "the count '1e3'"),
        (changed("vertex 2", "vertex " + "9" * 30), "is not a whole number"),
        (changed("vertex 2", "vertex 0", ""), "no points: the header declares 0"),
        (changed("element vertex", "element point"), "there is no element 'vertex'"),
        (changed("property float z", "property float w"), "there is no property 'z'"),
        (changed("property float z", "property quad z"), "the type 'quad' is unknown"),
        (changed("property uchar label", "property uchar x"), "the property 'x' is declared twice"),
        (changed("property uchar label", "property uchar"), "is no property"),
        (changed("property uchar label", "property uchar \x07"), "holds control characters"),
        (changed("property uchar label\n", LIST), "a list inside vertex"),
        (changed("property uchar label\n", "property list float int a\n"), "a list is counted in float"),
        (changed("element vertex 2", "element vertex 2\nelement vertex 2"), "is declared twice"),
        (changed("end_header", "element face 1\nend_header"), "the element 'face' has no property"),
        (changed("end_header", "colour red\nend_header"), "unknown header line 'colour red'"),
        (changed("vertex 2", "vertex 3"), "can not fit|the data ends 1 rows before the last of the 3"),
        (changed("vertex 2", "vertex 1"), "rows follow the declared elements"),
        (changed("", "", "1.5 2.5 3.5 4\n5 6 7\n"), "point 2 has 3 numbers where vertex needs 4"),
        (changed("", "", "1 2 3 4\n5 six 7 8\n"), "point 2 has 'six', which is not a float32"),
        (changed("", "", "1 2 3 4\n5 6 7 256\n"), "point 2 has '256', which is not a uint8"),
        (changed("", "", "1 2 3 4\n\n5 6 7 8\n"), "rows follow|1 rows hold points"),
        (changed("", "", "1 2 3 40\n5 6 7 8"), "the last row ends in '8' without a line end, as if cut"),
        (changed("", "", "nan 2 3 4\n5 inf 7 8\n"), "no point has a finite position"),
    ],
)
def test_a_bad_file_is_refused_by_name(data: bytes, reason: str) -> None:
    with pytest.raises(CloudError, match=reason) as caught:
        ply.read(data, name="drive/7.ply")
    assert caught.value.file == "drive/7.ply"
    assert caught.value.remedy


def test_the_refused_property_is_the_field_of_the_error() -> None:
    with pytest.raises(CloudError) as caught:
        ply.read(changed("property uchar label\n", LIST))
    assert caught.value.field == "indices"


@pytest.mark.parametrize("encoding", ["ascii", "binary_little_endian"])
@pytest.mark.parametrize("element", ["vertex", "face"])
def test_a_declared_size_is_held_against_the_file_before_memory_is_allocated(encoding: str, element: str) -> None:
    text = HEADER.replace("ascii", encoding)
    if element == "vertex":
        text = text.replace("vertex 2", "vertex 150000000")
    else:
        text = text.replace("element vertex", f"element face 99999999999\n{LIST}element vertex")
    tracemalloc.start()
    with pytest.raises(CloudError, match="can not fit into"):
        ply.read((text + ROWS).encode())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_000_000


def test_a_cut_last_number_is_seen_at_the_end_of_a_long_file_too() -> None:
    rows = "1.125 2.25 3.5 200\n" * 20_000
    data = (HEADER.replace("vertex 2", "vertex 20000") + rows).encode()
    assert len(ply.read(data)) == len(ply.read(data[:-1])) == 20_000
    with pytest.raises(CloudError, match="the last row ends in '20' without a line end"):
        ply.read(data[:-2])


def test_points_beyond_the_limit_are_refused() -> None:
    with pytest.raises(CloudError, match="2 points exceed the limit of 1 points"):
        ply.read((HEADER + ROWS).encode(), limits=Limits(max_points=1))


def test_a_list_that_lies_about_its_length_is_refused() -> None:
    text = HEADER.replace("ascii", "binary_little_endian").replace(
        "element vertex", "element face 1\nproperty list int int indices\nelement vertex"
    )
    for length, reason in ((2_000_000_000, "more than the file has"), (-1, "a list holds -1 numbers")):
        with pytest.raises(CloudError, match=reason):
            ply.read(text.encode() + length.to_bytes(4, "little", signed=True) + bytes(40))


@given(st.data())
def test_a_damaged_file_is_read_or_refused(data: st.DataObject) -> None:
    encoding = data.draw(st.sampled_from(["ascii", "binary_little_endian", "binary_big_endian"]))
    text = HEADER.replace("ascii", encoding).replace("element vertex", f"element face 1\n{LIST}element vertex")
    body = b"1 5\n" + ROWS.encode() if encoding == "ascii" else b"\x01\x05\x00\x00\x00" + bytes(26)
    file = bytearray(text.encode() + body)
    for _ in range(data.draw(st.integers(0, 4))):
        file[data.draw(st.integers(0, len(file) - 1))] = data.draw(st.integers(0, 255))
    file = file[: data.draw(st.integers(0, len(file)))]
    result = outcome(lambda: ply.read(bytes(file), name="a.ply"))
    assert result.file == "a.ply" if isinstance(result, CloudError) else len(result) >= 1
