"""A simulated drive is repeatable, its labels are exact, and its poses, times and positions agree."""

from datetime import UTC, datetime, timedelta, timezone
from math import asin, cos, radians, sin, sqrt
from typing import Any

import numpy as np
import pytest

from scenes.simulator.classes import CLASS_NAMES, SemanticClass
from scenes.simulator.drive import Drive, plan_drive, simulate_drive
from scenes.simulator.primitives import Primitives, local_offset
from scenes.simulator.sensor import POINT, SENSORS, Sensor
from scenes.simulator.world import ENVIRONMENTS, Environment

FEW = {"frames": 4, "columns": 450}
NOISE = 6 * Sensor().range_noise


@pytest.fixture(scope="module")
def drive() -> Drive:
    return plan_drive(frames=30, columns=900)


def in_world(frame: Any, label: int) -> Any:
    points = frame.points[frame.points["label"] == label]
    local = np.stack([points["x"], points["y"], points["z"]], axis=1).astype(np.float64)
    return local @ frame.pose[:3, :3].T + frame.pose[:3, 3]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_same_seed_gives_the_same_bytes(environment: Environment) -> None:
    one, other = (list(simulate_drive(environment=environment, **FEW)) for _ in range(2))
    assert [frame.points.tobytes() for frame in one] == [frame.points.tobytes() for frame in other]
    assert [frame.timestamp_ns for frame in one] == [frame.timestamp_ns for frame in other]
    np.testing.assert_array_equal([frame.pose for frame in one], [frame.pose for frame in other])


def test_a_frame_does_not_depend_on_the_frames_made_before_it() -> None:
    last = list(simulate_drive(**FEW))[-1]
    assert plan_drive(**FEW).frame(3).points.tobytes() == last.points.tobytes()


def test_another_seed_gives_another_drive() -> None:
    one, other = (plan_drive(seed=seed, **FEW).frame(0) for seed in (7, 8))
    assert one.points.tobytes() != other.points.tobytes()


def test_points_have_the_promised_fields_and_ranges(drive: Drive) -> None:
    points = drive.frame(0).points
    assert points.dtype == POINT
    assert len(points) > 30_000
    distance = np.sqrt(sum(points[axis].astype(np.float64) ** 2 for axis in "xyz"))
    assert distance.max() < 121
    assert distance.min() > 1
    assert 0 < points["intensity"].min() <= points["intensity"].max() <= 1
    assert (np.diff(points["time"]) >= 0).all()
    assert 0 <= points["time"].min() <= points["time"].max() < 0.1
    assert set(np.unique(points["label"]).tolist()) <= set(CLASS_NAMES)


@pytest.mark.parametrize("sensor", SENSORS)
def test_all_64_rings_return_points_at_their_elevation(sensor: str) -> None:
    points = plan_drive(sensor=sensor, **FEW).frame(0).points
    assert np.unique(points["ring"]).tolist() == list(range(64))
    elevation = np.arctan2(points["z"], np.hypot(points["x"], points["y"]))
    np.testing.assert_allclose(elevation, SENSORS[sensor].elevations[points["ring"]], atol=1e-5)


def test_columns_turn_clockwise_from_behind(drive: Drive) -> None:
    points = drive.frame(0).points
    azimuth = np.arctan2(points["y"], points["x"])
    np.testing.assert_allclose(azimuth, np.pi - 2 * np.pi * (points["time"] / 0.1 + 0.5 / 900), atol=1e-4)


def test_a_city_frame_shows_what_a_city_has(drive: Drive) -> None:
    seen = set()
    for index in (0, 15, 29):
        seen |= set(np.unique(drive.frame(index).points["label"]).tolist())
    expected = {
        SemanticClass.ROAD, SemanticClass.SIDEWALK, SemanticClass.BUILDING, SemanticClass.CAR,
        SemanticClass.POLE,
        SemanticClass.VEGETATION, SemanticClass.TRUNK, SemanticClass.TRAFFIC_SIGN, SemanticClass.MOVING_CAR,
        SemanticClass.MOVING_PERSON,
    }  # fmt: skip
    assert expected <= seen


def test_road_points_lie_on_the_road(drive: Drive) -> None:
    road = in_world(drive.frame(10), SemanticClass.ROAD)
    assert len(road) > 1000
    assert np.abs(road[:, 2]).max() < NOISE
    assert not drive.world.ground.raised(road[:, 0], road[:, 1]).mean() > 0.01  # type: ignore[attr-defined]


@pytest.mark.parametrize("label", [SemanticClass.CAR, SemanticClass.MOVING_CAR, SemanticClass.POLE])
def test_points_of_an_object_lie_inside_its_shapes(drive: Drive, label: SemanticClass) -> None:
    frame = drive.frame(10)
    places = in_world(frame, label)
    assert len(places) > 20
    x, y = frame.pose[:2, 3]
    shapes = drive.world.shapes_at(1.0, float(x), float(y), 120)
    assert _inside_any(shapes[shapes["label"] == label], places).all()


def _inside_any(shapes: Primitives, places: Any) -> Any:
    inside = np.zeros(len(places), bool)
    for shape in shapes:
        along, across = local_offset(shape, places[:, 0], places[:, 1])
        beside = (np.abs(along) < shape["half_length"] + NOISE) & (np.abs(across) < shape["half_width"] + NOISE)
        inside |= beside & (places[:, 2] > shape["bottom"] - NOISE) & (places[:, 2] < shape["top"] + NOISE)
    return inside


def test_the_cars_own_roof_hides_the_road_close_behind(drive: Drive) -> None:
    points = drive.frame(0).points
    near = np.hypot(points["x"], points["y"]) < 5
    assert (near & (points["x"] > 2) & (np.abs(points["y"]) < 1)).any()
    assert not (near & (points["x"] < -2) & (np.abs(points["y"]) < 1) & (points["label"] == 40)).any()


def _real(points: Any) -> Any:
    return points[points["label"] != SemanticClass.UNLABELED]


def _mean_range(points: Any) -> float:
    return float(np.sqrt(sum(points[axis].astype(np.float64) ** 2 for axis in "xyz")).mean())


@pytest.mark.parametrize("weather", ["rain", "fog"])
def test_rain_and_fog_take_points_and_range_and_add_scatter(weather: str) -> None:
    clear, wet = (plan_drive(weather=name, **FEW).frame(1).points for name in ("clear", weather))
    assert len(_real(wet)) < 0.96 * len(_real(clear))
    assert _mean_range(_real(wet)) < _mean_range(_real(clear))
    scatter = wet[wet["label"] == SemanticClass.UNLABELED]
    assert len(scatter) > 200
    assert np.median(np.hypot(scatter["x"], scatter["y"])) < 12


def test_rain_takes_the_wet_road_first() -> None:
    clear, wet = (plan_drive(weather=name, environment="highway", **FEW).frame(1).points for name in ("clear", "rain"))
    lost = {
        label: 1 - (wet["label"] == label).sum() / (clear["label"] == label).sum()
        for label in (SemanticClass.ROAD, SemanticClass.FENCE)
    }
    assert lost[SemanticClass.ROAD] > 2 * max(lost[SemanticClass.FENCE], 0.01)


def test_night_is_like_day_for_a_sensor_that_brings_its_own_light() -> None:
    day, night = (plan_drive(weather=name, **FEW).frame(1).points for name in ("clear", "night"))
    assert len(night) == pytest.approx(len(day), rel=0.01)


def test_painted_marks_are_brighter_than_the_road(drive: Drive) -> None:
    points = drive.frame(25).points
    road = points["intensity"][(points["label"] == SemanticClass.ROAD) & (np.hypot(points["x"], points["y"]) < 12)]
    assert np.quantile(road, 0.995) > 4 * np.median(road)


def test_timestamps_run_from_the_start_at_the_rate() -> None:
    start = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    frames = list(simulate_drive(start=start, rate=4.0, frames=3, columns=90))
    assert frames[0].timestamp_ns == int(start.timestamp()) * 1_000_000_000
    assert np.diff([frame.timestamp_ns for frame in frames]).tolist() == [250_000_000, 250_000_000]


def test_the_same_instant_in_another_zone_gives_the_same_timestamps() -> None:
    start = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    east = start.astimezone(timezone(timedelta(hours=2)))
    one, other = (plan_drive(start=at, frames=1, columns=90).frame(0) for at in (start, east))
    assert one.timestamp_ns == other.timestamp_ns
    assert timedelta(microseconds=one.timestamp_ns / 1000) + datetime(1970, 1, 1, tzinfo=UTC) == start


def haversine(one: Any, other: Any) -> float:
    """Great-circle distance in metres on a sphere of the Earth's mean radius."""
    (lat1, lon1), (lat2, lon2) = (tuple(map(radians, place[:2])) for place in (one, other))
    chord = sin((lat2 - lat1) / 2) ** 2 + cos(lat1) * cos(lat2) * sin((lon2 - lon1) / 2) ** 2
    return 2 * 6_371_008.8 * asin(sqrt(chord))


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_gps_positions_are_as_far_apart_as_the_poses(environment: Environment) -> None:
    first, *_, last = simulate_drive(environment=environment, frames=40, rate=2.0, columns=45)
    metres = float(np.linalg.norm(last.pose[:3, 3] - first.pose[:3, 3]))
    assert metres > 50
    assert haversine(first.position, last.position) == pytest.approx(metres, rel=0.006)


@pytest.mark.parametrize(
    "wrong",
    [
        {"weather": "hail"}, {"environment": "sea"}, {"sensor": "sonar"}, {"frames": 0}, {"rate": 0.0},
        {"rate": float("nan")}, {"seed": -1},
        {"columns": 2}, {"beams": 0}, {"start": datetime(2026, 1, 1)},  # noqa: DTZ001
    ],
)  # fmt: skip
def test_wrong_arguments_are_refused_before_the_first_frame(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"choose one of|must|at least|time zone"):
        simulate_drive(**wrong)


def test_a_frame_beyond_the_end_is_refused() -> None:
    with pytest.raises(IndexError, match="frames 0 to 3"):
        plan_drive(**FEW).frame(4)
