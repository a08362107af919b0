"""The way of the recording vehicle: a line through the world and the speed along it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scenes.simulator.city import MIDDLE, STREETS, City
from scenes.simulator.ground import LANE_WIDTH
from scenes.simulator.motorway import Motorway

Floats = NDArray[np.float64]
SAMPLE = 0.25
CITY_SPEED, MOTORWAY_SPEED = 9.0, 30.0
SIDEWAYS, SPEED_UP, SLOW_DOWN = 2.2, 1.4, 1.8
LANE_OFFSET = LANE_WIDTH / 2
_ROUTE_SEED = 6
_EAST_NORTH_WEST_SOUTH = ((1, 0), (0, 1), (-1, 0), (0, -1))


@dataclass(frozen=True)
class Route:
    """A drivable line: places (N, 2) in metres, headings (N,) in radians without jumps, times (N,) in
    seconds from the start.
    """

    places: Floats
    headings: Floats
    times: Floats

    def at(self, time: float) -> tuple[float, float, float]:
        """x, y in metres and heading in radians at a time in seconds. Raises ValueError beyond the end of
        the route.
        """
        if not 0 <= time <= self.times[-1]:
            raise ValueError(f"the route covers 0 to {self.times[-1]:.1f} s, not {time:.1f} s; make it longer")
        x, y = (float(np.interp(time, self.times, self.places[:, axis])) for axis in (0, 1))
        return x, y, float(np.interp(time, self.times, self.headings))


def city_route(city: City, duration: float) -> Route:
    """A route of at least `duration` seconds: straight on, left or right at each crossing, by the city's
    seed.
    """
    length = CITY_SPEED * duration + 30
    points = _crossings(city, length)
    return _timed(_rounded(points), CITY_SPEED)


def motorway_route(motorway: Motorway, duration: float) -> Route:
    """A route of at least `duration` seconds eastwards in the middle lane."""
    ground = motorway.ground
    x = np.arange(0, MOTORWAY_SPEED * duration + 60, SAMPLE)
    offset = -(ground.inner_edge + 1.5 * ground.lane_width)
    heading = ground.heading(x)
    line = np.stack([x - offset * np.sin(heading), ground.centre(x) + offset * np.cos(heading)], axis=1)
    return _timed(line, MOTORWAY_SPEED)


def _crossings(city: City, length: float) -> list[tuple[float, float]]:
    """Corner points of the lane line, starting some 32 m before a crossing near the middle of the grid."""
    rng = np.random.default_rng([city.seed, _ROUTE_SEED])
    streets = [MIDDLE, MIDDLE]  # the crossing ahead: street across x, street across y
    heading = int(rng.integers(0, 4))
    here = _lane_corner(city, streets, heading, heading)
    ahead = _EAST_NORTH_WEST_SOUTH[heading]
    points = [(here[0] - 32 * ahead[0], here[1] - 32 * ahead[1])]
    travelled = 0.0
    while travelled < length:
        turn = heading if _at_edge(streets) is None and rng.random() < 0.5 else _turned(streets, heading, rng)
        corner = _lane_corner(city, streets, heading, turn)
        if turn != heading:
            travelled += float(np.hypot(corner[0] - points[-1][0], corner[1] - points[-1][1]))
            points.append(corner)
        heading = turn
        step = _EAST_NORTH_WEST_SOUTH[heading]
        streets = [streets[0] + step[0], streets[1] + step[1]]
        last = _lane_corner(city, streets, heading, heading)
        if travelled + float(np.hypot(last[0] - points[-1][0], last[1] - points[-1][1])) >= length:
            return [*points, last]
    return points


def _at_edge(streets: list[int]) -> int | None:
    return next((axis for axis in (0, 1) if not 3 < streets[axis] < STREETS - 4), None)


def _turned(streets: list[int], heading: int, rng: np.random.Generator) -> int:
    """Left or right; at the edge of the grid whichever leads back to its middle."""
    choices = [(heading + 1) % 4, (heading - 1) % 4]
    edge = _at_edge(streets)
    if edge is None:
        return int(rng.choice(choices))
    return min(choices, key=lambda turn: _distance_to_middle(streets, turn))


def _distance_to_middle(streets: list[int], heading: int) -> int:
    step = _EAST_NORTH_WEST_SOUTH[heading]
    return sum(abs(street + move - MIDDLE) for street, move in zip(streets, step, strict=True))


def _lane_corner(city: City, streets: list[int], arriving: int, leaving: int) -> tuple[float, float]:
    """Where the lane of the arriving direction meets the lane of the leaving one; traffic keeps right."""
    x, y = city.ground.across_x.centres[streets[0]], city.ground.across_y.centres[streets[1]]
    for heading in {arriving, leaving}:
        east, north = _EAST_NORTH_WEST_SOUTH[heading]
        x, y = x + LANE_OFFSET * north, y - LANE_OFFSET * east
    return float(x), float(y)


def _rounded(points: list[tuple[float, float]], radius: float = 8.0) -> Floats:
    """The polyline as samples, its right-angled corners replaced by arcs."""
    corners = np.array(points)
    pieces, begin = [], corners[0]
    for before, corner, after in zip(corners[:-2], corners[1:-1], corners[2:], strict=True):
        arriving, leaving = _unit(corner - before), _unit(after - corner)
        entry, centre = corner - radius * arriving, corner - radius * arriving + radius * leaving
        angle = np.linspace(0, np.pi / 2, round(radius * np.pi / 2 / SAMPLE))[:, None]
        pieces.extend(
            [
                _line(begin, entry),
                centre - radius * np.cos(angle) * leaving + radius * np.sin(angle) * arriving,
            ]
        )
        begin = corner + radius * leaving
    samples = np.concatenate([*pieces, _line(begin, corners[-1])])
    apart = np.linalg.norm(np.diff(samples, axis=0), axis=1) > 1e-6
    return samples[np.concatenate([[True], apart])]


def _unit(vector: Floats) -> Floats:
    return vector / np.linalg.norm(vector)


def _line(begin: Floats, end: Floats) -> Floats:
    count = max(2, int(np.linalg.norm(end - begin) / SAMPLE))
    return np.linspace(begin, end, count)


def _timed(places: Floats, cruise: float) -> Route:
    """Speed bounded by sideways acceleration in bends, by braking ahead of them and by speeding up after
    them.
    """
    steps = np.diff(places, axis=0)
    lengths = np.linalg.norm(steps, axis=1)
    headings = np.unwrap(np.arctan2(steps[:, 1], steps[:, 0]))
    headings = np.concatenate([headings, headings[-1:]])
    smooth = np.convolve(np.pad(headings, 6, mode="edge"), np.ones(13) / 13, mode="valid")
    curvature = np.abs(np.gradient(smooth)) / np.concatenate([lengths, lengths[-1:]])
    allowed = np.minimum(cruise, np.sqrt(SIDEWAYS / np.maximum(curvature, 1e-9)))
    speed = _reachable(allowed, lengths, SPEED_UP)
    speed = _reachable(speed[::-1], lengths[::-1], SLOW_DOWN)[::-1]
    durations = lengths / ((speed[1:] + speed[:-1]) / 2)
    return Route(places, smooth, np.concatenate([[0.0], np.cumsum(durations)]))


def _reachable(allowed: Floats, lengths: Floats, acceleration: float) -> Floats:
    speeds = [float(allowed[0])]
    for limit, length in zip(allowed[1:].tolist(), lengths.tolist(), strict=True):
        speeds.append(min(limit, (speeds[-1] ** 2 + 2 * acceleration * length) ** 0.5))
    return np.array(speeds)
