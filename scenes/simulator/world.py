"""A seeded world to drive through: what stands still, what moves, and the way of the recording vehicle."""

from dataclasses import dataclass, field
from typing import Literal, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

from scenes.simulator.city import City
from scenes.simulator.ground import GroundHits
from scenes.simulator.motorway import Motorway
from scenes.simulator.primitives import Primitives, footprint_distance, joined
from scenes.simulator.raycast import RayGrid
from scenes.simulator.route import Route, city_route, motorway_route
from scenes.simulator.traffic import Vehicle, city_traffic, motorway_traffic

Environment = Literal["urban", "highway"]
ENVIRONMENTS: tuple[Environment, ...] = get_args(Environment)
Floats = NDArray[np.float64]


class DescribedGround(Protocol):
    """A ground that can be hit by rays and tells its class and reflectivity."""

    def cast(self, grid: RayGrid, limit: float) -> Floats:
        """See `raycast.Ground`."""
        ...

    def describe(self, x: Floats, y: Floats, z: Floats, rho: Floats, fall: Floats) -> GroundHits:
        """See `ground.StreetGround.describe`."""
        ...


class World(Protocol):
    """What a drive needs of a world. Metres, seconds since the start; x east, y north, z up from the road
    surface.
    """

    @property
    def ground(self) -> DescribedGround: ...

    @property
    def route(self) -> Route: ...

    def shapes_at(self, time: float, x: float, y: float, reach: float) -> Primitives:
        """All shapes within `reach` metres of (x, y) at `time`."""
        ...


@dataclass(frozen=True)
class UrbanWorld:
    """City streets with parked and moving vehicles and people on the sidewalks."""

    city: City
    route: Route
    traffic: list[Vehicle] = field(repr=False)

    @property
    def ground(self) -> DescribedGround:
        """Carriageways, kerbs and blocks."""
        return self.city.ground

    def shapes_at(self, time: float, x: float, y: float, reach: float) -> Primitives:
        """See `World.shapes_at`."""
        blocks = self.city.blocks_near(x, y, reach)
        walkers = [walker.at(time) for block in blocks for walker in block.walkers]
        moving = [vehicle.at(time) for vehicle in self.traffic]
        return _near(joined([*(block.still for block in blocks), *walkers, *moving]), x, y, reach)


@dataclass(frozen=True)
class HighwayWorld:
    """A motorway with traffic in both directions."""

    motorway: Motorway
    route: Route
    traffic: list[Vehicle] = field(repr=False)

    @property
    def ground(self) -> DescribedGround:
        """Carriageways and grass."""
        return self.motorway.ground

    def shapes_at(self, time: float, x: float, y: float, reach: float) -> Primitives:
        """See `World.shapes_at`."""
        moving = [vehicle.at(time) for vehicle in self.traffic]
        return _near(joined([self.motorway.still_near(x, reach), *moving]), x, y, reach)


def _near(shapes: Primitives, x: float, y: float, reach: float) -> Primitives:
    return shapes[footprint_distance(shapes, x, y) <= reach]


def build_world(seed: int, environment: Environment, duration: float) -> World:
    """The world of a seed with a route of at least `duration` seconds; the same arguments always give the
    same world.

    Raises ValueError for an unknown environment, a negative seed or a negative duration.
    """
    if seed < 0 or duration < 0:
        raise ValueError(f"seed and duration must not be negative, got {seed} and {duration}")
    if environment == "urban":
        city = City(seed)
        route = city_route(city, duration)
        return UrbanWorld(city, route, city_traffic(city, route, duration))
    if environment == "highway":
        motorway = Motorway(seed)
        route = motorway_route(motorway, duration)
        return HighwayWorld(motorway, route, motorway_traffic(motorway, route, duration))
    raise ValueError(f"environment {environment!r} is not known; choose one of {', '.join(ENVIRONMENTS)}")
