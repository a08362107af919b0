"""The numbers of a frame."""

from __future__ import annotations

import json
import math
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from scenes.clouds.cloud import CloudError, PointCloud
from scenes.clouds.statistics import FieldSummary, summarise
from scenes.tests.clouds.samples import cloud_of, street

FINITE = st.floats(-1e308, 1e308, allow_subnormal=False)


def test_bounds_ranges_and_intensity_of_a_known_cloud() -> None:
    cloud = cloud_of(np.array([[3, 4, 0], [0, 0, -2], [1, 2, 2]], "f4"), intensity=np.array([0.5, 0.25, 1.0], "f4"))
    numbers = summarise(cloud)
    assert (numbers.points, numbers.finite) == (3, 3)
    assert (numbers.minimum, numbers.maximum) == ((0, 0, -2), (3, 4, 2))
    assert (numbers.range_minimum, numbers.range_maximum) == (2, 5)
    assert numbers.range_mean == pytest.approx(10 / 3)
    assert (numbers.intensity_minimum, numbers.intensity_maximum) == (0.25, 1.0)
    assert numbers.warnings == ()


def test_points_without_a_position_are_counted_and_otherwise_ignored() -> None:
    positions = np.ones((200, 3), "f4")
    positions[:5, 1] = np.nan
    positions[5, 2] = -np.inf
    numbers = summarise(cloud_of(positions))
    assert (numbers.points, numbers.finite) == (200, 194)
    assert numbers.maximum == (1, 1, 1)
    assert numbers.warnings == ("3 % of the points (6 of 200) have no finite position",)


def test_no_finite_position_is_refused() -> None:
    with pytest.raises(CloudError, match="no point has a finite position"):
        summarise(cloud_of(np.full((4, 3), np.nan)))


def test_a_stray_point_is_told_with_its_distance() -> None:
    positions = street()
    positions[7] = (12_000, 0, 0)
    (warning,) = summarise(cloud_of(positions)).warnings
    assert warning == "a stray point lies 12 km from the middle of the cloud"


def test_several_stray_points_are_counted() -> None:
    positions = street()
    positions[:3] = (0, -40_000, 0)
    (warning,) = summarise(cloud_of(positions)).warnings
    assert warning.startswith("3 stray points lie up to 40 km")


def test_a_wide_map_in_utm_coordinates_has_no_stray_points() -> None:
    random = np.random.default_rng(1)
    positions = random.uniform((500_000, 5_400_000, 200), (504_000, 5_403_000, 400), (5000, 3))
    assert summarise(cloud_of(positions)).warnings == ()


def test_pulses_without_an_echo_are_told() -> None:
    positions = street()
    positions[:2] = 0
    assert summarise(cloud_of(positions)).warnings[0].startswith("2 points lie exactly at (0, 0, 0)")


def test_single_precision_utm_coordinates_keep_their_range() -> None:
    numbers = summarise(cloud_of(np.array([[512_700.875, 5_403_547.5, 295.25]], "f4")))
    assert numbers.range_maximum == pytest.approx(math.hypot(512_700.875, 5_403_547.5, 295.25), rel=1e-12)


def test_intensity_ignores_nan_and_is_absent_without_a_field() -> None:
    positions = np.ones((3, 3), "f4")
    with_nan = summarise(cloud_of(positions, intensity=np.array([np.nan, 7, 3], "f4")))
    assert (with_nan.intensity_minimum, with_nan.intensity_maximum) == (3, 7)
    all_nan = summarise(cloud_of(positions, intensity=np.full(3, np.nan, "f4")))
    assert all_nan.intensity_maximum is None
    assert summarise(cloud_of(positions)).intensity_minimum is None


def test_intensity_is_found_under_its_other_names() -> None:
    cloud = cloud_of(np.ones((2, 3), "f4"), Reflectivity=np.array([9, 200], "u1"))
    assert summarise(cloud).intensity_maximum == 200


def test_fields_are_listed_in_file_order_with_type_and_count() -> None:
    points = np.ones(2, [("x", "<f4"), ("y", "<f4"), ("z", "<f8"), ("rgb", "u1", (3,))])
    cloud = PointCloud(points, 2, 1, (0, 0, 0, 1, 0, 0, 0), "binary")
    assert summarise(cloud).fields == (
        FieldSummary("x", "float32", 1),
        FieldSummary("y", "float32", 1),
        FieldSummary("z", "float64", 1),
        FieldSummary("rgb", "uint8", 3),
    )


@given(hnp.arrays("f8", st.tuples(st.integers(1, 30), st.just(3)), elements=FINITE))
def test_every_number_is_finite_and_within_its_bounds(positions: np.ndarray) -> None:
    numbers = summarise(cloud_of(positions))
    if np.abs(positions).max() < 1e307:
        json.dumps(asdict(numbers), allow_nan=False)
        assert numbers.range_minimum <= numbers.range_mean * (1 + 1e-9)
        assert numbers.range_mean <= numbers.range_maximum * (1 + 1e-9)
    assert numbers.minimum == tuple(positions.min(axis=0))
    assert numbers.maximum == tuple(positions.max(axis=0))
