"""The ground of a city has two levels with a kerb between; paint shines."""

import numpy as np
import pytest

from scenes.simulator.classes import SemanticClass
from scenes.simulator.ground import ASPHALT, KERB_HEIGHT, PAINT_MARK, MotorwayGround, StreetAxis, StreetGround
from scenes.simulator.primitives import PRIMITIVE
from scenes.simulator.raycast import cast
from scenes.tests.simulator.rays import hit_points, ray_grid

AXIS = StreetAxis(np.array([-100.0, 0.0, 100.0]), np.array([5.0, 5.0, 5.0]), np.array([False, False, False]))
GROUND = StreetGround(AXIS, AXIS)
# From the middle of a street that runs north, half way between two crossings.
ORIGIN = (0.0, 50.0, 1.73)


def test_a_ray_along_the_street_ends_on_the_road() -> None:
    hits = cast(ray_grid(origin=ORIGIN, elevations=np.array([-5.0])), np.empty(0, PRIMITIVE), ground=GROUND, limit=80)
    assert hits.rho[0, 90] == pytest.approx(1.73 / np.tan(np.radians(5)))


def test_a_ray_across_the_street_ends_on_the_raised_sidewalk() -> None:
    hits = cast(ray_grid(origin=ORIGIN, elevations=np.array([-12.0])), np.empty(0, PRIMITIVE), ground=GROUND, limit=80)
    assert hits.rho[0, 0] == pytest.approx((1.73 - KERB_HEIGHT) / np.tan(np.radians(12)))


def test_a_ray_between_the_two_levels_ends_on_the_face_of_the_kerb() -> None:
    elevation = -np.degrees(np.arctan((1.73 - KERB_HEIGHT / 2) / 5.0))
    grid = ray_grid(origin=ORIGIN, elevations=np.array([elevation]))
    hits = cast(grid, np.empty(0, PRIMITIVE), ground=GROUND, limit=80)
    assert hits.rho[0, 0] == pytest.approx(5.0)
    assert hits.rho[0, 180] == pytest.approx(5.0)


def test_every_ground_hit_is_on_the_road_on_a_block_or_on_a_kerb() -> None:
    grid = ray_grid(origin=(1.0, 12.0, 1.73), elevations=np.linspace(-25, -1.5, 60), columns=720)
    places, _ = hit_points(grid, cast(grid, np.empty(0, PRIMITIVE), ground=GROUND, limit=80))
    x, y, z = places.T
    raised = GROUND.raised(x, y)
    on_road, on_block = np.abs(z) < 1e-6, np.abs(z - KERB_HEIGHT) < 1e-6
    kerb = np.minimum(np.abs(AXIS.beyond_kerb(x)), np.abs(AXIS.beyond_kerb(y))) < 1e-6
    assert (on_road & ~raised | on_block & raised | kerb).all()
    assert (kerb & ~on_road & ~on_block).any()


def test_no_ray_at_or_above_the_horizon_meets_the_ground() -> None:
    for ground in (GROUND, MotorwayGround()):
        grid = ray_grid(elevations=np.array([0.0, 5.0]))
        assert np.isinf(ground.cast(grid, 120.0)).all()


def test_street_classes_follow_from_the_distance_to_the_kerb() -> None:
    x = np.array([0.3, 6.0, 30.0, 5.0])
    z = np.array([0.0, KERB_HEIGHT, KERB_HEIGHT, KERB_HEIGHT / 2])
    found = GROUND.describe(x, np.full(4, 50.0), z, np.full(4, 10.0), np.full(4, -1.7))
    assert found.label.tolist() == [
        SemanticClass.ROAD, SemanticClass.SIDEWALK, SemanticClass.TERRAIN, SemanticClass.SIDEWALK,
    ]  # fmt: skip


def test_zebra_crossings_are_brighter_than_asphalt() -> None:
    x, y = np.linspace(-4, 4, 81), np.full(81, 7.5)
    found = GROUND.describe(x, y, np.zeros(81), np.full(81, 10.0), np.full(81, -1.7))
    assert set(found.reflectivity.tolist()) == {ASPHALT, PAINT_MARK}


def test_motorway_lanes_lie_between_grass() -> None:
    ground = MotorwayGround()
    x = np.full(3, 400.0)
    y = ground.centre(x) + np.array([0.0, 8.0, 25.0])
    found = ground.describe(x, y, np.zeros(3), np.full(3, 10.0), np.full(3, -1.7))
    assert found.label.tolist() == [SemanticClass.TERRAIN, SemanticClass.ROAD, SemanticClass.TERRAIN]
