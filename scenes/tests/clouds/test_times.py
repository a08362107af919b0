"""Times of frames from files of dates and from file names; two frames never share one."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenes.clouds.cloud import CloudError
from scenes.clouds.times import read_timestamps, times_from_names
from scenes.tests.clouds.samples import manifest

NANOSECONDS = {"seconds": 10**9, "milliseconds": 10**6, "microseconds": 10**3, "nanoseconds": 1}


@pytest.mark.parametrize(
    ("name", "unit", "nanoseconds"),
    [
        ("1603960637314759526.pcd", "nanoseconds", 1603960637314759526),
        (
            "n015-2018-07-24-11-22-45+0800__LIDAR_TOP__1532402927647951.pcd.bin",
            "microseconds",
            1532402927647951000,
        ),
        ("drive/frame_1532402927647.ply", "milliseconds", 1532402927647000000),
        ("1532402927.pcd", "seconds", 1532402927000000000),
        ("1532402927_1532402928.pcd", "seconds", 1532402928000000000),
    ],
)
def test_the_unit_follows_from_the_digits(name: str, unit: str, nanoseconds: int) -> None:
    instants = times_from_names([name])
    assert instants is not None
    assert (instants.unit, instants.nanoseconds.tolist()) == (unit, [nanoseconds])


@given(
    st.sampled_from(sorted(NANOSECONDS)),
    st.lists(st.integers(10**18, 2**63 - 1), min_size=1, unique=True).map(sorted),
)
def test_times_written_into_names_come_back(unit: str, times: list[int]) -> None:
    ticks = sorted({time // NANOSECONDS[unit] for time in times})
    instants = times_from_names([f"лидар-{tick}.pcd" for tick in ticks])
    assert instants is not None
    assert instants.unit == unit
    assert instants.nanoseconds.tolist() == [tick * NANOSECONDS[unit] for tick in ticks]


@pytest.mark.parametrize(
    "names",
    [
        [],
        ["000000.bin", "000001.bin"],
        ["0000000010.bin"],
        ["20180724112245.pcd"],
        ["frame7.pcd"],
        ["9999999999999999999.pcd"],
        ["1532402927/7.pcd"],
    ],
)
def test_names_that_only_count_hold_no_time(names: list[str]) -> None:
    assert times_from_names(names) is None


@pytest.mark.parametrize(
    ("names", "file", "reason"),
    [
        (["1532402927.pcd", "2.pcd"], "2.pcd", "no time in its name, other frames have seconds"),
        (["1.pcd", "1532402927.pcd"], "1.pcd", "no time in its name"),
        (["1532402927.pcd", "1532402928000.pcd"], "1532402928000.pcd", "milliseconds in its name"),
        (["1532402927.pcd", "b1532402927.pcd"], "b1532402927.pcd", "the same time as the frame before, 15"),
        (["1532402928.pcd", "1532402927.pcd"], "1532402927.pcd", "earlier than the frame before"),
    ],
)
def test_mixed_equal_and_unsorted_times_are_refused_by_frame(names: list[str], file: str, reason: str) -> None:
    with pytest.raises(CloudError, match=reason) as caught:
        times_from_names(names)
    assert (caught.value.file, caught.value.field) == (file, "time")


def test_seconds_start_at_the_first_frame_and_keep_the_nanoseconds() -> None:
    instants = times_from_names(["1603960637314959526.pcd", "1603960637314959527.pcd", "1603960638314959526.pcd"])
    assert instants is not None
    np.testing.assert_array_equal(instants.seconds, [0, 1e-9, 1])
    assert instants.start == datetime(2020, 10, 29, 8, 37, 17, 314959, UTC)


def test_timestamps_of_kitti_raw_keep_the_nanoseconds() -> None:
    instants = read_timestamps("2011-09-26 13:02:25.951199337\r\n2011-09-26 13:02:26.05\n2011-09-26T13:02:27Z\n\n")
    assert instants.nanoseconds.tolist() == [1317042145951199337, 1317042146050000000, 1317042147000000000]
    assert instants.unit == "nanoseconds"


@given(st.lists(st.integers(-(10**9), 9 * 10**9), min_size=1, unique=True).map(sorted), st.integers(0, 999_999_999))
def test_timestamps_read_back_as_written(seconds: list[int], nanoseconds: int) -> None:
    lines = [f"{datetime.fromtimestamp(second, UTC):%Y-%m-%d %H:%M:%S}.{nanoseconds:09d}" for second in seconds]
    read = read_timestamps("\n".join(lines)).nanoseconds.tolist()
    assert read == [second * 10**9 + nanoseconds for second in seconds]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "the file holds no time"),
        ("2011-09-26 13:02:25\nnoon\n", "line 2 is not a date and time: 'noon'"),
        ("2011-13-26 13:02:25\n", "line 1 is not a date and time"),
        ("9999-01-01 13:02:25\n", "line 1 is not a date and time"),
        ("2011-09-26 13:02:25.1234567890\n", "line 1 is not a date and time"),
        ("2011-09-26 13:02:25\n\n2011-09-26 13:02:26\n", "line 2 is not a date and time: ''"),
        ("2011-09-26 13:02:25\n2011-09-26 13:02:25\n", "line 2 is not later than the line before"),
    ],
)
def test_bad_timestamps_are_refused_by_line(text: str, reason: str) -> None:
    with pytest.raises(CloudError, match=reason) as caught:
        read_timestamps(text, name="velodyne_points/timestamps.txt")
    assert caught.value.file == "velodyne_points/timestamps.txt"


def test_the_real_drive_has_its_times_in_its_names() -> None:
    names = [line["path"] for line in manifest() if line["kind"] == "derived-labelled-sequence"]
    if not names:
        pytest.skip("the manifest of the real point clouds is not there")
    instants = times_from_names(names)
    assert instants is not None
    assert (instants.unit, len(instants.seconds)) == ("nanoseconds", len(names))
    assert np.diff(instants.seconds).min() == pytest.approx(0.1, abs=0.01)
