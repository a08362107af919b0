"""A PointCloud2 message in CDR is decoded exactly, or refused with the member that is wrong."""

from __future__ import annotations

import contextlib
import struct
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from mcap_ros2._dynamic import generate_dynamic

from scenes.clouds.cloud import CloudError, Limits, PointCloud
from scenes.clouds.point_cloud2 import cloud_of, message_of
from scenes.tests.clouds.allocation import at_most
from scenes.tests.clouds.mcap_samples import DATATYPES, DEFINITION, SCHEMA, cdr, message, points_of

MESSAGE = cdr(message())


def decoded(content: SimpleNamespace, limits: Limits = Limits()) -> PointCloud:  # noqa: B008
    return cloud_of(message_of(cdr(content), limits=limits), limits=limits)


def test_a_message_is_decoded_with_its_header_and_points() -> None:
    parts = message_of(MESSAGE)
    assert (parts.stamp_ns, parts.frame_id, parts.is_dense) == (1_700_000_000_000_000_005, "lidar", True)
    cloud = cloud_of(parts)
    np.testing.assert_array_equal(cloud.points, points_of())
    assert (cloud.width, cloud.height, cloud.names) == (5, 1, ("x", "y", "z", "intensity"))


def test_the_members_are_those_a_peer_library_reads() -> None:
    ours, peer = message_of(MESSAGE), generate_dynamic(SCHEMA, DEFINITION)[SCHEMA](MESSAGE)
    assert [(each.name, each.offset, each.datatype, each.count) for each in ours.fields] == [
        (each.name, each.offset, each.datatype, each.count) for each in peer.fields
    ]
    assert (ours.width, ours.height, ours.point_step, ours.row_step) == (
        peer.width,
        peer.height,
        peer.point_step,
        peer.row_step,
    )
    assert bytes(ours.data) == bytes(peer.data)


records = st.lists(st.tuples(st.sampled_from(sorted(DATATYPES)), st.integers(1, 3), st.integers(0, 4)), max_size=4)


@st.composite
def clouds(draw: st.DrawFn) -> np.ndarray[Any, np.dtype[np.void]]:
    """Points with float or integer coordinates, further fields of any type, gaps, and either byte order."""
    order = draw(st.sampled_from("<>"))
    kinds = [("xyz"[axis], draw(st.sampled_from(["f4", "f8", "i4"])), 1, 0) for axis in range(3)]
    kinds += [(f"field {place}", *entry) for place, entry in enumerate(draw(records))]
    names, formats, offsets, end = [], [], [], 0
    for name, kind, count, gap in kinds:
        element = np.dtype(order + kind)
        names.append(name)
        formats.append(element if count == 1 else (element, (count,)))
        offsets.append(end + gap)
        end += gap + element.itemsize * count
    layout = {"names": names, "formats": formats, "offsets": offsets, "itemsize": end + draw(st.integers(0, 3))}
    points = np.zeros((draw(st.integers(1, 4)), draw(st.integers(1, 6))), np.dtype(layout))
    for name in names:
        values = draw(
            hnp.arrays(
                points.dtype[name].base,
                points[name].shape,
                elements={"allow_nan": False} if points.dtype[name].base.kind == "f" else None,
            )
        )
        points[name] = values
    for axis in "xyz":
        points[axis][0, 0] = 1
    return points


@settings(max_examples=150, deadline=None)
@given(points=clouds())
def test_round_trip_of_any_fields_gaps_rows_and_byte_order(points: Any) -> None:
    cloud = decoded(message(points))
    assert (cloud.height, cloud.width) == points.shape
    assert cloud.names == points.dtype.names
    for name in cloud.names:
        assert cloud.points.dtype[name].base.byteorder in "=<|"
        np.testing.assert_array_equal(cloud.points[name], points[name].reshape(-1, *points.dtype[name].shape))


def test_the_padding_of_rows_is_left_out() -> None:
    points = points_of(6).reshape(2, 3)
    data = b"".join(row.tobytes() + b"PADDING." for row in points)
    cloud = decoded(message(points, row_step=3 * 16 + 8, data=data))
    np.testing.assert_array_equal(cloud.points, points.reshape(-1))
    assert cloud.is_organised


def test_invalid_points_stay_where_they_are() -> None:
    points = points_of(4)
    points["x"][1:3] = np.nan
    cloud = decoded(message(points, is_dense=False))
    assert cloud.finite().tolist() == [True, False, False, True]


def test_drivers_that_leave_row_step_or_count_0_are_understood() -> None:
    fields = message().fields
    for each in fields:
        each.count = 0
    cloud = decoded(message(row_step=0, fields=fields))
    np.testing.assert_array_equal(cloud.points, points_of())


def test_a_big_endian_encapsulation_is_read() -> None:
    header = b"\0\0\0\0" + struct.pack(">iI", 3, 4) + struct.pack(">I", 2) + b"l\0" + b"\0\0"
    sizes = struct.pack(">II", 1, 1) + struct.pack(">I", 3)
    fields = b""
    for place, name in enumerate(b"xyz"):
        fields += struct.pack(">I", 2) + bytes([name, 0]) + b"\0\0" + struct.pack(">IB3xI", 4 * place, 7, 1)
    body = b"\0\0\0\0" + struct.pack(">III", 12, 12, 12) + np.array([1, 2, 3], "<f4").tobytes() + b"\1"
    parts = message_of(header + sizes + fields + body)
    assert parts.stamp_ns == 3_000_000_004
    assert cloud_of(parts).positions().tolist() == [[1, 2, 3]]


def changed_field(place: int, **members: Any) -> list[SimpleNamespace]:
    fields = message().fields
    vars(fields[place]).update(members)
    return fields


REFUSED = {
    "no points": (message(width=0, data=b"", row_step=0), "no points: the message declares 0"),
    "a point step beyond the data": (message(point_step=2**31), "rows of 10737418240 bytes are declared"),
    "width too large": (message(width=6), "1 rows of 96 bytes are declared, the data has 80"),
    "height too large": (message(height=2), "2 rows of 80 bytes are declared, the data has 80"),
    "a size bomb": (message(width=2**32 - 1, height=2**32 - 1), "points of 16 bytes exceed the limit"),
    "rows shorter than their points": (message(height=2, row_step=40), "exceeds the row step of 40"),
    "data cut": (message(data=bytes(79)), "80 bytes are declared, the data has 79"),
    "data too long": (message(data=bytes(81)), "80 bytes are declared, the data has 81"),
    "point step 0": (message(point_step=0), "1 rows of 0 bytes are declared, the data has 80"),
    "a field beyond the point": (
        message(fields=changed_field(3, offset=13)),
        r"exceed the point step of 16.*\(field intensity\)",
    ),
    "a count bomb": (message(fields=changed_field(3, count=2**32 - 1)), r"4294967295 x 4 bytes .*\(field intensity\)"),
    "datatype 0": (message(fields=changed_field(3, datatype=0)), r"datatype 0 is unknown.*\(field intensity\)"),
    "datatype 9": (message(fields=changed_field(3, datatype=9)), "datatype 9 is unknown"),
    "no z": (message(fields=changed_field(2, name="height")), "no field 'z'"),
    "no fields": (message(fields=[]), "no field 'x'"),
    "a field twice": (message(fields=changed_field(3, name="x")), r"declared twice \(field x\)"),
    "x of two": (message(fields=changed_field(0, count=2)), r"more than one element \(field x\)"),
    "all NaN": (message(np.full(3, np.nan, points_of().dtype)), "no point has a finite position"),
}


@pytest.mark.parametrize(("content", "reason"), REFUSED.values(), ids=REFUSED)
def test_a_message_that_contradicts_itself_is_refused(content: SimpleNamespace, reason: str) -> None:
    with pytest.raises(CloudError, match=reason):
        decoded(content)


@pytest.mark.parametrize("length", range(0, len(MESSAGE), 7))
def test_a_message_cut_anywhere_is_refused(length: int) -> None:
    with pytest.raises(CloudError, match=r"the message begins|the message ends|fields are more than the message"):
        message_of(MESSAGE[:length])


@pytest.mark.parametrize("start", [b"\0\3\0\0", b"\0\7\0\0", b"\1\0\0\0", b"RAW!"])
def test_another_encapsulation_is_refused(start: bytes) -> None:
    with pytest.raises(CloudError, match="is not plain CDR"):
        message_of(start + MESSAGE[4:])


def test_a_number_of_fields_that_can_not_be_is_refused_before_they_are_read() -> None:
    place = 4 + 8 + 4 + len("lidar\0") + 2 + 8
    assert struct.unpack_from("<I", MESSAGE, place)[0] == 4
    with at_most(100_000), pytest.raises(CloudError, match="4294967295 fields are more than"):
        message_of(MESSAGE[:place] + b"\xff\xff\xff\xff" + MESSAGE[place + 4 :])


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_any_damage_is_a_cloud_or_a_named_error(data: st.DataObject) -> None:
    damaged = bytearray(MESSAGE)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, 140))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(CloudError):
        cloud_of(message_of(bytes(damaged)))
