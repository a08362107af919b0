"""Moving vehicles: each keeps its lane and its speed, so where it is follows from the time alone.

Candidates fill the lanes at random. One that would ever come into the way of the recording vehicle or of a
candidate taken before it is left out, which is how crossings stay free of collisions without any signals.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from scenes.simulator import objects
from scenes.simulator.city import City
from scenes.simulator.classes import MOVING, SemanticClass
from scenes.simulator.ground import LANE_WIDTH, PARKING_WIDTH, StreetAxis
from scenes.simulator.motorway import Motorway
from scenes.simulator.primitives import Primitives, placed
from scenes.simulator.route import Route

Floats = NDArray[np.float64]
Lane = Callable[[Floats], tuple[Floats, Floats, Floats]]  # way along the lane -> x, y, heading
_TRAFFIC_SEED = 7
_STEP = 0.2
_SIGHT = 170.0  # metres; what happens farther away is never seen, so it is not checked


@dataclass(frozen=True)
class Vehicle:
    """A vehicle on a lane: at `begin` + `speed` * time metres along it."""

    parts: Primitives = field(repr=False)
    lane: Lane = field(repr=False)
    begin: float
    speed: float
    length: float

    def track(self, times: Floats) -> Floats:
        """x, y, heading at each time, shape (T, 3)."""
        return np.stack(self.lane(self.begin + self.speed * times), axis=1)

    def at(self, time: float) -> Primitives:
        """The vehicle's shapes at `time` seconds, in the world."""
        x, y, heading = self.track(np.array([time]))[0].tolist()
        return placed(self.parts, x, y, heading)


def city_traffic(city: City, route: Route, duration: float) -> list[Vehicle]:
    """Cars, buses, lorries and cyclists on the streets that the route comes near."""
    rng = np.random.default_rng([city.seed, _TRAFFIC_SEED])
    return _without_conflicts(_city_candidates(rng, city, route, duration), route, duration)


def motorway_traffic(motorway: Motorway, route: Route, duration: float) -> list[Vehicle]:
    """Cars and lorries in both directions; the right-hand lane is the slowest."""
    rng = np.random.default_rng([motorway.seed, _TRAFFIC_SEED])
    return _without_conflicts(_motorway_candidates(rng, motorway, route, duration), route, duration)


def _city_candidates(rng: np.random.Generator, city: City, route: Route, duration: float) -> Iterator[Vehicle]:
    low, high = route.places.min(axis=0) - 130, route.places.max(axis=0) + 130
    for number, axis in enumerate((city.ground.across_x, city.ground.across_y)):
        across, along = (low[number], high[number]), (low[1 - number], high[1 - number])
        for street in np.flatnonzero((axis.centres > across[0]) & (axis.centres < across[1])):
            for direction in (1, -1):
                yield from _street_candidates(rng, axis, int(street), number, direction, along, duration)


def _street_candidates(
    rng: np.random.Generator,
    axis: StreetAxis,
    street: int,
    number: int,
    direction: int,
    extent: tuple[float, float],
    duration: float,
) -> Iterator[Vehicle]:
    """Vehicles of one direction of a street, all of a lane at one speed; a few cyclists beside the parked
    cars.
    """
    centre, half_width = float(axis.centres[street]), float(axis.half_widths[street])
    edge = half_width - PARKING_WIDTH
    side = direction if number == 0 else -direction  # keeping right: east of a northbound centre, south of an eastbound
    for lane in range(round(edge / LANE_WIDTH)):
        speed = float(rng.uniform(7.5, 10.5))
        line = _straight(centre + side * (lane + 0.5) * LANE_WIDTH, number, direction)
        begin, end = (extent[0], extent[1]) if direction == 1 else (-extent[1], -extent[0])
        way = begin - speed * duration + float(rng.uniform(0, 30))
        while way < end:
            yield _vehicle(rng, line, way, speed)
            way += float(rng.uniform(16, 60))
    speed = float(rng.uniform(3.8, 5.5))
    line = _straight(centre + side * (edge - 0.5), number, direction)
    for way in rng.uniform(begin - speed * duration, end, 2 + int((end - begin) / 160)):
        yield Vehicle(_moving(objects.cyclist(rng)), line, float(way), speed, 1.8)


def _straight(across: float, number: int, direction: int) -> Lane:
    heading = (np.pi / 2 if number == 0 else 0.0) + (np.pi if direction < 0 else 0.0)

    def lane(way: Floats) -> tuple[Floats, Floats, Floats]:
        fixed, moving = np.full_like(way, across), direction * way
        return (
            (fixed, moving, np.full_like(way, heading)) if number == 0 else (moving, fixed, np.full_like(way, heading))
        )

    return lane


def _vehicle(rng: np.random.Generator, lane: Lane, begin: float, speed: float, heavy: float = 0.1) -> Vehicle:
    if rng.random() < heavy:
        parts, length = (objects.bus(rng), 11.5) if rng.random() < 0.5 else (objects.truck(rng), 9.0)
    else:
        parts, length = objects.car(rng), 4.6
    return Vehicle(_moving(parts), lane, begin, speed, length)


def _moving(parts: Primitives) -> Primitives:
    parts["label"] = MOVING[SemanticClass(int(parts["label"][0]))]
    return parts


def _motorway_candidates(
    rng: np.random.Generator, motorway: Motorway, route: Route, duration: float
) -> Iterator[Vehicle]:
    ground = motorway.ground
    begin, end = float(route.places[0, 0]) - 150, float(route.places[-1, 0]) + 150
    for direction in (1, -1):
        for lane in range(ground.lanes):
            speed = (37.0, 31.0, 24.0)[lane]
            line = _curved(motorway, -direction * (ground.inner_edge + (lane + 0.5) * ground.lane_width), direction)
            first, last = (begin, end) if direction == 1 else (-end, -begin)
            way = first - speed * duration + float(rng.uniform(0, 40))
            while way < last:
                yield _vehicle(rng, line, way, speed, heavy=(0.0, 0.08, 0.5)[lane])
                way += float(rng.uniform(24, 85))


def _curved(motorway: Motorway, offset: float, direction: int) -> Lane:
    def lane(way: Floats) -> tuple[Floats, Floats, Floats]:
        x = direction * way
        heading = motorway.ground.heading(x)
        east, north = x - offset * np.sin(heading), motorway.ground.centre(x) + offset * np.cos(heading)
        return east, north, heading + (0.0 if direction > 0 else np.pi)

    return lane


def _without_conflicts(candidates: Iterator[Vehicle], route: Route, duration: float) -> list[Vehicle]:
    """The candidates, in order, that stay clear of the route and of those taken before, at every step of
    the drive.
    """
    times = np.arange(0, duration + _STEP, _STEP)
    own = np.array([route.at(min(time, float(route.times[-1]))) for time in times.tolist()])
    taken, tracks, lengths = [], [own], [7.0]
    for vehicle in candidates:
        track = vehicle.track(times)
        seen = np.hypot(track[:, 0] - own[:, 0], track[:, 1] - own[:, 1]) < _SIGHT
        if not seen.any():
            continue
        others = np.array([other[seen] for other in tracks])
        if not _meets(track[seen], vehicle.length, others, np.array(lengths)):
            taken.append(vehicle)
            tracks.append(track)
            lengths.append(vehicle.length)
    return taken


def _meets(track: Floats, length: float, others: Floats, lengths: Floats) -> bool:
    """Whether a track (T, 3) ever comes into the way of any of `others` (N, T, 3)."""
    gap = (length + lengths[:, None]) / 2 + 2.0
    east, north = others[..., 0] - track[:, 0], others[..., 1] - track[:, 1]
    for heading in (track[:, 2], others[..., 2]):
        along = np.abs(np.cos(heading) * east + np.sin(heading) * north)
        across = np.abs(np.cos(heading) * north - np.sin(heading) * east)
        if ((along < gap) & (across < 2.3)).any():
            return True
    return False
