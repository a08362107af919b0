"""Down-sampling keeps one mean point for each occupied voxel, whatever the coordinates are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from scenes.clouds.cloud import CloudError
from scenes.clouds.downsample import voxel_downsample
from scenes.tests.clouds.samples import street


def expected(positions: np.ndarray, size: float) -> np.ndarray:
    """The same by a dictionary of cells."""
    cells: dict[tuple[int, ...], list[np.ndarray]] = {}
    lowest = positions.min(axis=0)
    for point in positions:
        cell = tuple(int(number) for number in ((point - lowest) / size).astype(np.int64))
        cells.setdefault(cell, []).append(point - lowest)
    return np.array([np.mean(cells[cell], axis=0) + lowest for cell in sorted(cells)])


@settings(max_examples=100, deadline=None)
@given(
    positions=hnp.arrays(
        np.float64, st.tuples(st.integers(1, 40), st.just(3)), elements=st.floats(-100, 100, width=32)
    ),
    size=st.sampled_from([0.1, 0.5, 3.0, 1000.0]),
)
def test_each_occupied_voxel_gives_the_mean_of_its_points(positions: np.ndarray, size: float) -> None:
    np.testing.assert_allclose(voxel_downsample(positions, size), expected(positions, size), atol=1e-9)


def test_a_street_gets_thinner_and_stays_in_its_bounds() -> None:
    positions = street()
    thin = voxel_downsample(positions, 1.0)
    assert thin.dtype == np.float32
    assert 100 < len(thin) < len(positions) / 4
    assert (thin.min(axis=0) >= positions.min(axis=0) - 1e-4).all()
    assert (thin.max(axis=0) <= positions.max(axis=0) + 1e-4).all()


def test_a_stray_far_point_does_not_disturb_the_others() -> None:
    positions = np.array([[0, 0, 0], [0.01, 0, 0], [1, 1, 1], [1e9, -1e9, 1e9]])
    near = voxel_downsample(positions[:3], 0.1)
    far = voxel_downsample(positions, 0.1)
    assert len(near) == 2
    assert len(far) == 3
    np.testing.assert_allclose(far[:2], near, atol=1e-6)


def test_map_coordinates_keep_their_millimetres() -> None:
    offset = np.array([500_000.0, 5_000_000.0, 300.0])
    local = street(n=1000).astype(np.float64)
    np.testing.assert_allclose(
        voxel_downsample(local + offset, 50.0) - offset, voxel_downsample(local, 50.0), atol=1e-6
    )


def test_points_that_are_not_finite_are_left_out() -> None:
    positions = np.array([[0, 0, 0], [np.nan, 0, 0], [0, np.inf, 0]])
    assert voxel_downsample(positions, 1).tolist() == [[0, 0, 0]]
    assert voxel_downsample(positions[1:], 1).shape == (0, 3)
    assert voxel_downsample(positions[:0], 1).shape == (0, 3)


@pytest.mark.parametrize("size", [0, -1, float("nan"), float("inf")])
def test_an_impossible_size_is_refused(size: float) -> None:
    with pytest.raises(CloudError, match="the voxel size is"):
        voxel_downsample(street(), size)


def test_a_size_too_small_for_the_extent_is_refused() -> None:
    with pytest.raises(CloudError, match=r"the cloud is .* voxels wide.*Give a larger size"):
        voxel_downsample(np.array([[0.0, 0, 0], [1e9, 0, 0]]), 1e-9)
