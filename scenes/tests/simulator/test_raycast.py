"""Rays meet shapes where geometry says they do, whatever is skipped on the way."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scenes.simulator.primitives import (
    BLOCK,
    CYLINDER,
    PRIMITIVE,
    block,
    cylinder,
    ellipsoid,
    joined,
    local_offset,
    placed,
)
from scenes.simulator.raycast import MISS, cast
from scenes.tests.simulator.rays import hit_points, ray_grid

LEVEL = np.array([0.0])


def test_a_box_ahead_is_met_at_its_front_face() -> None:
    hits = cast(ray_grid(elevations=LEVEL), block((10, 0), (2, 3), (0, 4), 50, 0.5))
    assert hits.rho[0, 0] == pytest.approx(8.0)
    assert hits.rho[0, 10] == pytest.approx(8.0 / np.cos(np.radians(10)))
    assert hits.index[0, 90] == MISS


def test_a_turned_box_is_met_at_its_edge() -> None:
    hits = cast(ray_grid(elevations=LEVEL), block((10, 0), (2, 2), (0, 4), 50, 0.5, yaw=np.pi / 4))
    assert hits.rho[0, 0] == pytest.approx(10 - 2 * np.sqrt(2))


def test_the_top_of_a_low_box_is_met_from_above() -> None:
    grid = ray_grid(elevations=np.array([-10.0]))
    hits = cast(grid, block((6, 0), (4, 2), (0, 0.73), 10, 0.5))
    assert hits.rho[0, 0] == pytest.approx(1.0 / np.tan(np.radians(10)))


def test_a_cylinder_is_met_at_its_radius_and_its_cap() -> None:
    post = cylinder((0, 5), 0.5, (0, 1.0), 80, 0.5)
    hits = cast(ray_grid(origin=(0, 0, 0.5), elevations=LEVEL), post)
    assert hits.rho[0, 90] == pytest.approx(4.5)
    steep = cast(ray_grid(origin=(0, 0, 5.9), elevations=np.array([-45.0])), post)
    assert steep.rho[0, 90] == pytest.approx(4.9)


def test_a_sphere_is_met_at_its_radius_along_a_climbing_ray() -> None:
    grid = ray_grid(origin=(0, 0, 0), elevations=np.array([0.0, 45.0]))
    hits = cast(grid, ellipsoid((10, 0), (2, 2), (8, 12), 70, 0.5))
    assert hits.index[0, 0] == MISS
    assert hits.rho[1, 0] * np.sqrt(2) == pytest.approx(10 * np.sqrt(2) - 2)


def test_a_gabled_roof_is_met_on_its_slope() -> None:
    roof = block((0, 10), (5, 4), (0, 8), 50, 0.5, slopes=(0, 0, 1.0), eaves=4.0)
    hits = cast(ray_grid(origin=(0, 0, 0), elevations=np.degrees(np.arctan([0.5, 0.7, 0.9]))), roof)
    assert hits.rho[0, 90] == pytest.approx(6.0)
    assert hits.rho[1, 90] == pytest.approx(2 / (1 - 0.7))  # y - 10 = -(4 - (z - 4)) where z = 0.7 y
    assert hits.index[2, 90] == MISS


def test_the_nearest_of_two_shapes_is_met_whatever_their_order() -> None:
    near, far = block((10, 0), (1, 1), (0, 4), 50, 0.5), block((20, 0), (1, 5), (0, 4), 50, 0.5)
    for shapes, first in ((joined([near, far]), 0), (joined([far, near]), 1)):
        hits = cast(ray_grid(elevations=LEVEL), shapes)
        assert hits.index[0, 0] == first
        assert hits.rho[0, 0] == pytest.approx(9.0)
        assert hits.index[0, 8] == 1 - first


def test_nothing_beyond_the_limit_is_met() -> None:
    hits = cast(ray_grid(elevations=LEVEL), block((60, 0), (1, 9), (0, 4), 50, 0.5), limit=50)
    assert (hits.index == MISS).all()


def test_a_shape_that_spans_the_first_column_is_met_on_both_sides_of_it() -> None:
    hits = cast(ray_grid(elevations=LEVEL), block((10, 0), (1, 3), (0, 4), 50, 0.5))
    assert np.isfinite(hits.rho[0, [-10, -1, 0, 1, 10]]).all()


def test_leaves_stop_rays_at_any_depth_and_let_some_pass() -> None:
    crown = ellipsoid((10, 0), (2, 2), (-0.27, 3.73), 70, 0.5, free_path=2.0)
    rho = cast(ray_grid(elevations=LEVEL, columns=7200), crown).rho[0, :200]
    assert np.isinf(rho).any()
    assert np.ptp(rho[np.isfinite(rho)]) > 2


def test_a_fence_stops_about_its_share_of_rays() -> None:
    fence = block((10, 0), (0.02, 8), (0, 3), 51, 0.5, opacity=0.6)
    stopped = np.isfinite(cast(ray_grid(elevations=LEVEL, columns=36000), fence).rho[0, :3000])
    assert 0.55 < stopped.mean() < 0.65


numbers = st.floats(0.2, 6.0)


@st.composite
def shapes(draw: st.DrawFn) -> Any:
    """A few shapes of all kinds around the origin, none of them around the sensor."""
    parts = []
    for _ in range(draw(st.integers(1, 7))):
        half = draw(numbers), draw(numbers)
        bottom = draw(st.floats(-3, 4))
        heights = (bottom, bottom + draw(numbers))
        kind = draw(st.sampled_from([block, cylinder, ellipsoid]))
        if kind is cylinder:
            part = cylinder((0, 0), half[0], heights, 80, 0.5)
        elif kind is block:
            slopes = draw(st.sampled_from([(0, 0, 0), (0.5, 0.0, 0.0), (0.3, 0.8, 0.2), (0, 0, 1.0)]))
            part = block((0, 0), half, heights, 50, 0.5, slopes=slopes, eaves=sum(heights) / 2)
        else:
            part = ellipsoid((0, 0), half, heights, 70, 0.5, free_path=draw(st.sampled_from([0.0, 0.4])))
        angle, away = draw(st.floats(-3.2, 3.2)), draw(st.floats(9.5, 60))
        parts.append(placed(part, away * np.cos(angle), away * np.sin(angle), draw(st.floats(-3.2, 3.2))))
    return joined(parts)


@settings(max_examples=60, deadline=None)
@given(shapes(), st.integers(0, 99))
def test_skipping_what_cannot_be_met_changes_nothing(world: Any, seed: int) -> None:
    grid = ray_grid(seed=seed)
    culled, brute = cast(grid, world), cast(grid, world, cull=False)
    np.testing.assert_allclose(culled.rho, brute.rho, rtol=0, atol=1e-9)
    differs = culled.index != brute.index
    assert not differs.any() or np.isfinite(culled.rho[differs]).all()  # only exact ties may differ


@settings(max_examples=60, deadline=None)
@given(shapes())
def test_hits_lie_on_the_surface_of_what_was_hit(world: Any) -> None:
    world["free_path"] = 0
    grid = ray_grid()
    places, index = hit_points(grid, cast(grid, world))
    met = world[index]
    along, across = local_offset(met, places[:, 0], places[:, 1])
    outside = _outside(met, along, across, places[:, 2])
    np.testing.assert_allclose(outside, 0, atol=1e-6)


def _outside(met: Any, along: Any, across: Any, z: Any) -> Any:
    """A measure that is 0 on the surface, negative within and positive outside."""
    length, width = along / met["half_length"], across / met["half_width"]
    middle, half = (met["top"] + met["bottom"]) / 2, (met["top"] - met["bottom"]) / 2
    level = (z - middle) / half
    lift = z - met["eaves"]
    leans = [
        np.where(met[name] > 0, place + met[name] * lift - extent, -np.inf)
        for name, place, extent in (
            ("front", along, met["half_length"]),
            ("rear", -along, met["half_length"]),
            ("side", np.abs(across), met["half_width"]),
        )
    ]
    box = np.max([np.abs(length) - 1, np.abs(width) - 1, np.abs(level) - 1, *leans], axis=0)
    tube = np.maximum(length**2 + width**2 - 1, np.abs(level) - 1)
    ball = length**2 + width**2 + level**2 - 1
    return np.select([met["shape"] == BLOCK, met["shape"] == CYLINDER], [box, tube], ball)


def test_an_empty_world_has_no_hits() -> None:
    assert (cast(ray_grid(), np.empty(0, PRIMITIVE)).index == MISS).all()
