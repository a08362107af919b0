"""PLY files: every encoding read back as written, other elements walked over, peers agree."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from scenes.clouds import ply
from scenes.clouds.cloud import CloudError
from scenes.clouds.ply_header import ENCODINGS
from scenes.tests.clouds.samples import shared_file

CODES = ("i1", "u1", "i2", "u2", "i4", "u4", "f4", "f8")
FACES = "element face 3\nproperty uchar group\nproperty list uchar int vertex_indices\nproperty float area\n"
XYZ = "element vertex 2\nproperty float x\nproperty float y\nproperty float z\nproperty ushort label\n"
POINTS = np.array([(1, 2, 3, 7), (4.5, 5, -6, 65535)], [(axis, "<f4") for axis in "xyz"] + [("label", "<u2")])


@st.composite
def structured_arrays(draw: st.DrawFn) -> npt.NDArray[np.void]:
    """Points with x, y, z and further fields of every type, at least one point finite."""
    names = ["x", "y", "z", *draw(st.lists(st.sampled_from(["label", "ring", "größe", "t"]), unique=True))]
    codes = [draw(st.sampled_from(CODES[-2:] if name in "xyz" else CODES)) for name in names]
    dtype = np.dtype([(name, "<" + code) for name, code in zip(names, codes, strict=True)])
    points = np.empty(draw(st.integers(1, 20)), dtype)
    for name in names:
        points[name] = draw(arrays(dtype[name], len(points)))
    for axis in "xyz":
        points[axis][0] = 1.5
    return points


@given(structured_arrays(), st.sampled_from(ENCODINGS))
def test_files_read_back_as_written(points: npt.NDArray[np.void], encoding: str) -> None:
    cloud = ply.read(ply.write(points, encoding=encoding))
    assert cloud.points.dtype == points.dtype
    assert cloud.encoding == encoding
    for name in cloud.names:
        np.testing.assert_array_equal(cloud.points[name], points[name])


@given(structured_arrays(), st.sampled_from(ENCODINGS))
def test_a_peer_reads_the_same_arrays(points: npt.NDArray[np.void], encoding: str) -> None:
    plyfile = pytest.importorskip("plyfile")
    # The peer takes ASCII names only.
    names = [name for name in points.dtype.names or () if name.isascii()]
    points = points[names].astype([(name, points.dtype[name]) for name in names])
    data = ply.write(points, encoding=encoding)
    peer = plyfile.PlyData.read(io.BytesIO(data))["vertex"].data
    for name in names:
        np.testing.assert_array_equal(peer[name], ply.read(data).points[name])


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_files_of_a_peer_are_read_with_their_faces_left_out(encoding: str) -> None:
    plyfile = pytest.importorskip("plyfile")
    faces = np.empty(200, [("vertex_indices", "O"), ("flag", "u1")])
    for place in range(200):
        faces["vertex_indices"][place] = np.arange(3 + place % 3 * (place > 90), dtype=np.int32)
    faces["flag"] = 1
    order = {"ascii": "=", "binary_little_endian": "<", "binary_big_endian": ">"}[encoding]
    for first in (True, False):
        vertex = plyfile.PlyElement.describe(POINTS, "vertex")
        face = plyfile.PlyElement.describe(faces, "face", len_types={"vertex_indices": "u1"})
        elements = [face, vertex] if first else [vertex, face]
        file = io.BytesIO()
        plyfile.PlyData(elements, text=encoding == "ascii", byte_order=order).write(file)
        np.testing.assert_array_equal(ply.read(file.getvalue()).points, POINTS)


def face_bytes(order: str, lengths: tuple[int, ...]) -> bytes:
    """Three faces: group, list of indices, area."""
    return b"".join(
        bytes([9, length]) + np.arange(length, dtype=f"{order}i4").tobytes() + np.array(2.5, f"{order}f4").tobytes()
        for length in lengths
    )


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("lengths", [(3, 3, 3), (3, 4, 3), (0, 0, 255), (1, 0, 2)])
def test_binary_faces_may_come_before_and_after_the_points(order: str, lengths: tuple[int, ...]) -> None:
    name = "little" if order == "<" else "big"
    body = POINTS.astype([(field, POINTS.dtype[field].newbyteorder(order)) for field in POINTS.dtype.names])
    faces = face_bytes(order, lengths)
    start = f"ply\nformat binary_{name}_endian 1.0\ncomment made by hand\n"
    before = (start + FACES + XYZ + "end_header\n").encode() + faces + body.tobytes()
    after = (start + XYZ + FACES + "end_header\n").encode() + body.tobytes() + faces
    for data in (before, after):
        cloud = ply.read(data)
        np.testing.assert_array_equal(cloud.points, POINTS)
        assert cloud.points.dtype == POINTS.dtype
        with pytest.raises(CloudError, match=r"more than the file has|can not fit"):
            ply.read(data[:-1])
        with pytest.raises(CloudError, match="bytes follow the declared elements"):
            ply.read(data + b"12")


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 200)), min_size=1, max_size=8))
def test_runs_of_faces_of_any_length_are_walked_over(runs: list[tuple[int, int]]) -> None:
    lengths = [length for length, repeats in runs for _ in range(repeats)]
    faces = face_bytes("<", tuple(lengths))
    header = (FACES.replace("face 3", f"face {len(lengths)}") + XYZ + "end_header\n").encode()
    data = b"ply\nformat binary_little_endian 1.0\n" + header + faces + POINTS.tobytes()
    np.testing.assert_array_equal(ply.read(data).points, POINTS)
    with pytest.raises(CloudError, match=r"more than the file has|can not fit"):
        ply.read(data[:-1])


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("tail", ["", "\n", "\n\n"])
def test_ascii_faces_may_come_before_and_after_the_points(end: str, tail: str) -> None:
    rows, faces = "1 2 3 7\n4.5 5 -6 65535\n", "9 3 0 1 2 2.5\n9 0 2.5\n9 1 0 2.5\n"
    start = "ply\nformat ascii 1.0\nobj_info scanned\n"
    before = start + FACES + XYZ + "end_header\n" + faces + rows + tail
    after = start + XYZ + FACES + "end_header\n" + rows + faces + tail
    for text in (before, after):
        np.testing.assert_array_equal(ply.read(text.replace("\n", end).encode()).points, POINTS)


def test_old_and_sized_names_of_types_are_the_same() -> None:
    names = ["int8", "uint8", "int16", "uint16", "int32", "uint32", "float32", "float64"]
    classic = ["char", "uchar", "short", "ushort", "int", "uint", "float", "double"]
    for types in (names, classic):
        fields = "".join(f"property {type_} f{place}\n" for place, type_ in enumerate(types))
        header = f"ply\nformat ascii 1.0\nelement vertex 1\n{fields}" + "".join(
            f"property double {axis}\n" for axis in "xyz"
        )
        cloud = ply.read((header + "end_header\n-1 255 -2 65535 -3 4294967295 0.5 0.1 1 2 3\n").encode())
        assert [cloud.points.dtype[place].str.lstrip("<|") for place in range(8)] == list(CODES)
        assert cloud.points[0].tolist()[:8] == (-1, 255, -2, 65535, -3, 4294967295, 0.5, 0.1)


def test_large_coordinates_stay_exact() -> None:
    points = np.array([(412345.678901, 5412345.678901, 115.25)], [(axis, "<f8") for axis in "xyz"])
    for encoding in ENCODINGS:
        np.testing.assert_array_equal(ply.read(ply.write(points, encoding=encoding)).points, points)


@pytest.mark.parametrize(
    ("dtype", "reason"),
    [
        ([("x", "<i8")], "no type for int64"),
        ([("x", "<f4", (2,))], "no field of several elements"),
        ([("a b", "<f4")], "is not one word"),
    ],
)
def test_what_ply_can_not_hold_is_not_written(dtype: Any, reason: str) -> None:
    with pytest.raises(CloudError, match=reason):
        ply.write(np.zeros(1, dtype))
    with pytest.raises(CloudError, match="encoding 'zip' is unknown"):
        ply.write(POINTS, encoding="zip")


@pytest.mark.parametrize("name", ["cloud-ascii.ply", "cloud-binary.ply"])
def test_real_files_have_the_points_of_the_manifest(name: str) -> None:
    cloud = ply.read(shared_file(f"ouster-lidar__ouster-sdk/tests/clouds/{name}"), name=name)
    assert cloud.points.dtype == np.dtype([(axis, "<f4") for axis in "xyz"])
    assert cloud.points.tolist() == [(1, 2, 3)]
