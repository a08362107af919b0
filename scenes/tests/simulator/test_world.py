"""Worlds are drivable: nothing stands in the way, things move smoothly, routes keep to physics."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scenes.simulator.city import MIDDLE, City
from scenes.simulator.geodesy import Origin, metres_per_degree, position
from scenes.simulator.ground import SIDEWALK_WIDTH
from scenes.simulator.primitives import footprint_distance
from scenes.simulator.route import CITY_SPEED, MOTORWAY_SPEED
from scenes.simulator.world import ENVIRONMENTS, Environment, UrbanWorld, build_world


@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.parametrize("seed", [0, 1, 7])
def test_nothing_stands_or_drives_in_the_way(environment: Environment, seed: int) -> None:
    world = build_world(seed, environment, 30)
    for time in np.arange(0, 30, 1.5).tolist():
        x, y, _ = world.route.at(time)
        shapes = world.shapes_at(time, x, y, 20)
        low = shapes[shapes["bottom"] < 1.7]
        assert footprint_distance(low, x, y).min(initial=20) > 0.6


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**31), st.sampled_from(ENVIRONMENTS))
def test_routes_cover_the_drive_at_a_sane_speed_and_turn_rate(seed: int, environment: Environment) -> None:
    route = build_world(seed, environment, 60).route
    assert route.times[-1] >= 60
    track = np.array([route.at(time) for time in np.arange(0, 60, 0.1)])
    speed = np.hypot(*np.diff(track[:, :2], axis=0).T) / 0.1
    assert speed.max() < 1.05 * (CITY_SPEED if environment == "urban" else MOTORWAY_SPEED)
    assert speed.min() > 2
    assert np.abs(np.diff(track[:, 2])).max() < np.radians(10)


def test_a_route_that_is_too_short_says_so() -> None:
    world = build_world(1, "urban", 5)
    with pytest.raises(ValueError, match="make it longer"):
        world.route.at(1e6)


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_moving_vehicles_go_at_their_own_speed_along_their_heading(environment: Environment) -> None:
    world = build_world(7, environment, 10)
    vehicles = world.traffic  # type: ignore[attr-defined]
    assert len(vehicles) > 10
    for vehicle in vehicles:
        track = vehicle.track(np.array([3.0, 3.1]))
        step = track[1, :2] - track[0, :2]
        assert np.linalg.norm(step) == pytest.approx(vehicle.speed * 0.1, rel=0.05)
        heading = np.array([np.cos(track[0, 2]), np.sin(track[0, 2])])
        assert step @ heading == pytest.approx(np.linalg.norm(step), rel=0.01)


def test_vehicles_in_sight_never_drive_through_each_other() -> None:
    world = build_world(7, "urban", 12)
    assert isinstance(world, UrbanWorld)
    times = np.arange(0, 12, 0.25)
    tracks = np.array([vehicle.track(times) for vehicle in world.traffic])[..., :2]
    own = np.array([world.route.at(time)[:2] for time in times.tolist()])
    seen = np.linalg.norm(tracks - own, axis=-1) < 120
    apart = np.linalg.norm(tracks[:, None] - tracks[None], axis=-1)
    apart[~(seen[:, None] & seen[None])] = np.inf
    apart[np.diag_indices(len(tracks))] = np.inf
    assert np.isfinite(apart).any()
    assert apart.min() > 2.2


def test_people_walk_smoothly_and_stay_on_their_sidewalk() -> None:
    city = City(7)
    people = [person for block in city.blocks_near(0, 0, 60) for person in block.walkers]
    assert len(people) > 10
    for person in people:
        before, after = (person.at(time)["x"].mean() for time in (4.0, 4.1))
        assert abs(after - before) < 0.35
        place = person.at(4.0)
        inside = min(
            float(city.ground.across_x.beyond_kerb(place["x"]).min()),
            float(city.ground.across_y.beyond_kerb(place["y"]).min()),
        )
        assert 0 < inside < SIDEWALK_WIDTH


def test_a_block_is_the_same_whichever_way_one_comes() -> None:
    one, other = City(5), City(5)
    other.block(MIDDLE + 3, MIDDLE)
    assert one.block(MIDDLE, MIDDLE).still.tobytes() == other.block(MIDDLE, MIDDLE).still.tobytes()


def test_negative_seeds_are_refused() -> None:
    with pytest.raises(ValueError, match="must not be negative"):
        build_world(-1, "urban", 5)


def test_degrees_have_their_published_lengths() -> None:
    # WGS 84: 110.574 km and 111.320 km at the equator, 111.132 km and 78.847 km at 45 degrees.
    assert metres_per_degree(0) == pytest.approx((110_574, 111_320), abs=1)
    assert metres_per_degree(45) == pytest.approx((111_132, 78_847), abs=1)


def test_the_origin_is_its_own_position() -> None:
    origin = Origin("somewhere", 50.0, 6.0, 100.0)
    assert position(origin, 0, 0, 1.73) == (50.0, 6.0, 101.73)
    assert position(origin, 0, 1000)[0] > 50.0
    assert position(origin, 1000, 0)[1] > 6.0
