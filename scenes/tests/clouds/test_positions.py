"""gps.csv is read strictly; a position that means nothing has its reason."""

from __future__ import annotations

import math

import pytest

from scenes.clouds.cloud import CloudError
from scenes.clouds.positions import Position, position_problem, read_positions


def test_positions_by_frame_with_altitude() -> None:
    text = "\ufeffFrame, Latitude, Longitude, Altitude\n0,49.01,8.43,115.5\n\n7,49.02,8.44,\n"
    assert read_positions(text) == [
        Position(0, None, 49.01, 8.43, 115.5),
        Position(7, None, 49.02, 8.44, None),
    ]


def test_positions_by_time_in_any_column_order() -> None:
    assert read_positions("longitude,time,latitude\r\n8.43,0.5,49.01\r\n") == [Position(None, 0.5, 49.01, 8.43, None)]


@pytest.mark.parametrize("cells", [",", "nan,nan", "NaN,"])
def test_a_missing_position_is_kept_as_nan(cells: str) -> None:
    (position,) = read_positions(f"frame,latitude,longitude\n3,{cells}\n")
    assert position.frame == 3
    assert position_problem(position.latitude, position.longitude) == "the position is not a number (NaN)"


@pytest.mark.parametrize(
    ("text", "reason", "column"),
    [
        ("", "line 1 names no column 'latitude'", "latitude"),
        ("frame,latitude\n", "line 1 names no column 'longitude'", "longitude"),
        ("latitude,longitude\n", "needs one of the columns time and frame", "time"),
        ("time,frame,latitude,longitude\n", "needs one of the columns time and frame", "time"),
        ("frame,latitude,longitude,speed\n", "unknown column 'speed'", "speed"),
        ("frame,latitude,latitude,longitude\n", "names the column 'latitude' twice", "latitude"),
        ("frame,latitude,longitude\n0,1,2\n1,1\n", "line 3 has 2 columns, the header 3", ""),
        ("frame,latitude,longitude\n0,north,2\n", "line 2 is not a number: 'north'", "latitude"),
        ("frame,latitude,longitude\n-1,1,2\n", "line 2 has no frame number: '-1'", "frame"),
        ("frame,latitude,longitude\n1.5,1,2\n", "line 2 has no frame number: '1.5'", "frame"),
        ("time,latitude,longitude\n,1,2\n", "line 2 is not a number: ''", "time"),
        ("time,latitude,longitude\nnan,1,2\n", "line 2 is not a number: 'nan'", "time"),
        ('frame,latitude,longitude\n0,"1"x,2\n', "line 2 is not CSV", ""),
    ],
)
def test_bad_positions_are_refused_by_line_and_column(text: str, reason: str, column: str) -> None:
    with pytest.raises(CloudError, match=reason) as caught:
        read_positions(text, name="gps.csv")
    assert (caught.value.file, caught.value.field) == ("gps.csv", column)


@pytest.mark.parametrize(
    ("latitude", "longitude", "reason"),
    [
        (math.nan, 8.4, "the position is not a number (NaN)"),
        (49.0, math.nan, "the position is not a number (NaN)"),
        (90.001, 8.4, "latitude 90.001 is outside -90..90 degrees"),
        (-math.inf, 8.4, "latitude -inf is outside -90..90 degrees"),
        (49.0, -180.5, "longitude -180.5 is outside -180..180 degrees"),
        (0.0, 0.0, "the position is (0, 0), which a receiver reports without a fix"),
        (-1e-6, 9e-7, "the position is (0, 0), which a receiver reports without a fix"),
    ],
)
def test_each_meaningless_position_has_its_own_reason(latitude: float, longitude: float, reason: str) -> None:
    assert position_problem(latitude, longitude) == reason


@pytest.mark.parametrize(
    ("latitude", "longitude"), [(49.0, 8.4), (0.0, 8.4), (5.6, 0.0), (-90, 180), (90, -180), (2e-6, 0)]
)
def test_a_good_position_has_no_problem(latitude: float, longitude: float) -> None:
    assert position_problem(latitude, longitude) is None
