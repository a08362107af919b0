"""A spinning multi-beam LiDAR: its rays, what it detects, and what it makes of it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenes.simulator.classes import SemanticClass
from scenes.simulator.primitives import Primitives
from scenes.simulator.raycast import Floats, RayGrid, cast
from scenes.simulator.surfaces import Returns, describe
from scenes.simulator.weather import Weather
from scenes.simulator.world import DescribedGround

POINT = np.dtype(
    [
        ("x", "<f4"),
        ("y", "<f4"),
        ("z", "<f4"),
        ("intensity", "<f4"),
        ("ring", "<u2"),
        ("time", "<f4"),
        ("label", "<u4"),
    ]
)
Points = NDArray[Any]  # structured, dtype POINT, shape (N,)


@dataclass(frozen=True)
class Sensor:
    """A LiDAR on the roof of a car.

    lowest, highest: elevations in degrees of the outermost of `beams` beams. focus: 0 for evenly spaced
    beams, else how much denser than elsewhere they lie around 2 degrees below the horizon. columns: firings
    per turn. height: metres above the road. reach: metres. near: metres, closer returns are discarded.
    range_noise: standard deviation in metres. threshold: the least power reflectivity / r^2 that is
    detected half of the time. base_dropout: chance to miss any return. roof_*: metres, the part of the
    car's roof below the sensor that hides the ground (behind, ahead and to each side of it).
    """

    beams: int = 64
    columns: int = 1800
    lowest: float = -24.8
    highest: float = 2.0
    focus: float = 0.0
    height: float = 1.73
    reach: float = 120.0
    near: float = 1.2
    range_noise: float = 0.018
    threshold: float = 9e-6
    base_dropout: float = 0.004
    roof_drop: float = 0.26
    roof_behind: float = 0.95
    roof_ahead: float = 0.3
    roof_aside: float = 0.5

    def __post_init__(self) -> None:
        if not (1 <= self.beams <= 512 and 8 <= self.columns <= 8192):
            raise ValueError(f"beams must be 1 to 512 and columns 8 to 8192, got {self.beams} and {self.columns}")

    @property
    def elevations(self) -> Floats:
        """Elevation of each beam in radians, ring 0 the lowest, shape (beams,)."""
        fine = np.linspace(self.lowest, self.highest, 2001)
        density = 1 + self.focus * np.exp(-(((fine + 2.0) / 5.0) ** 2))
        share = np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) / 2)])
        return np.radians(np.interp(np.linspace(0, share[-1], self.beams), share, fine))

    @property
    def azimuths(self) -> Floats:
        """Azimuth of each column in the sensor's frame, radians: from behind, clockwise seen from above.
        Shape (columns,).
        """
        return np.pi - 2 * np.pi * (np.arange(self.columns) + 0.5) / self.columns

    def rays(self, place: tuple[float, float], heading: float, rng: np.random.Generator) -> RayGrid:
        """The rays of one turn from above `place` (x, y) with the car facing `heading` radians."""
        size = (self.beams, self.columns)
        return RayGrid(
            origin=np.array([*place, self.height]),
            first_azimuth=float(self.azimuths[0]) + heading,
            azimuth_step=-2 * np.pi / self.columns,
            columns=self.columns,
            slopes=np.tan(self.elevations),
            depth_draw=rng.standard_exponential(size, np.float32),
            opacity_draw=rng.random(size, np.float32),
        )


# `wide` is the default because beams up to 15 degrees show whole house fronts, `hdl64` their lowest metres.
SENSORS: dict[str, Sensor] = {
    "wide": Sensor(lowest=-25.0, highest=15.0, focus=1.5),
    "hdl64": Sensor(),
}


def scan(
    sensor: Sensor,
    weather: Weather,
    shapes: Primitives,
    ground: DescribedGround,
    place: tuple[float, float],
    heading: float,
    period: float,
    rng: np.random.Generator,
) -> Points:
    """One turn of the sensor as points in its own frame (x ahead, y left, z up), in firing order.

    The world stands still during the turn and all points are given for one pose, as in recordings whose
    motion was compensated; `time` is the offset of the firing from the start of the turn in seconds.
    """
    grid = sensor.rays(place, heading, rng)
    returns = describe(grid, cast(grid, shapes, ground=ground, limit=sensor.reach), shapes, ground)
    kept = ~_behind_roof(sensor, returns) & (returns.range > sensor.near) & (returns.range <= sensor.reach)
    reflected = _reflected(returns, weather)
    kept &= _detected(sensor, weather, returns, reflected, rng)
    distance = returns.range + rng.normal(0, 1, len(kept)) * _range_deviation(sensor, weather, returns)
    intensity = np.clip(reflected * (1 + rng.normal(0, 0.06, len(kept))), 0.001, 1)
    size = (sensor.beams, sensor.columns)
    field, strength, label = np.full(size, np.inf), np.zeros(size), np.zeros(size, np.uint16)
    at = returns.beam[kept], returns.column[kept]
    field[at], strength[at], label[at] = distance[kept], intensity[kept], returns.label[kept]
    _add_scatter(sensor, weather, field, strength, label, rng)
    return _points(sensor, field, strength, label, period)


def _reflected(returns: Returns, weather: Weather) -> Floats:
    """Share of the light that comes back, before distance: rough surfaces keep a quarter of it at grazing
    incidence.
    """
    wet = np.where(returns.level, 1 - weather.wet_road, 1.0)
    diffuse = 0.25 * wet + 0.75 * returns.cosine
    glass = np.where(returns.glass, 0.3, 1.0)
    return returns.reflectivity * diffuse * wet * glass * np.exp(-2 * weather.extinction * returns.range)


def _detected(
    sensor: Sensor, weather: Weather, returns: Returns, reflected: Floats, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """A smooth step around the threshold power; windows let most of the light through."""
    power = weather.window * np.maximum(reflected, 1e-12) / returns.range**2
    chance = (1 - sensor.base_dropout) / (1 + (sensor.threshold / power) ** 3)
    chance = np.where(returns.glass, chance * 0.45, chance)
    return rng.random(len(chance)) < chance * (1 - weather.lost)


def _range_deviation(sensor: Sensor, weather: Weather, returns: Returns) -> Floats:
    """Standard deviation in metres; grass is uneven, so its returns spread more."""
    rough = np.where(returns.label == SemanticClass.TERRAIN, 0.03, 0.0)
    return np.hypot(sensor.range_noise * weather.noise, rough)


def _behind_roof(sensor: Sensor, returns: Returns) -> NDArray[np.bool_]:
    """Whether the car's own roof is in the way of a ray."""
    slope = np.tan(sensor.elevations)[returns.beam]
    rho = np.where(slope < 0, sensor.roof_drop / np.maximum(-slope, 1e-9), np.inf)
    azimuth = sensor.azimuths[returns.column]
    with np.errstate(invalid="ignore"):
        ahead, aside = rho * np.cos(azimuth), np.abs(rho * np.sin(azimuth))
    return (slope < 0) & (ahead > -sensor.roof_behind) & (ahead < sensor.roof_ahead) & (aside < sensor.roof_aside)


def _add_scatter(
    sensor: Sensor,
    weather: Weather,
    field: Floats,
    strength: Floats,
    label: NDArray[np.uint16],
    rng: np.random.Generator,
) -> None:
    """Returns of drops, which hide what lies behind them, and of background light, which show where nothing
    else does.
    """
    drop = sensor.near + rng.exponential(weather.scatter_range, field.shape)
    wet = (rng.random(field.shape) < weather.scatter) & (drop < np.minimum(field, sensor.reach))
    false = (rng.random(field.shape) < weather.false_returns) & ~np.isfinite(field)
    anywhere = rng.uniform(sensor.near, sensor.reach, field.shape)
    field[wet], field[false] = drop[wet], anywhere[false]
    strength[wet | false] = rng.uniform(0.001, 0.06, int((wet | false).sum()))
    label[wet | false] = SemanticClass.UNLABELED


def _points(sensor: Sensor, field: Floats, strength: Floats, label: NDArray[np.uint16], period: float) -> Points:
    column, beam = np.nonzero(np.isfinite(field).T)
    distance, elevation, azimuth = field[beam, column], sensor.elevations[beam], sensor.azimuths[column]
    points = np.empty(len(distance), POINT)
    points["x"] = distance * np.cos(elevation) * np.cos(azimuth)
    points["y"] = distance * np.cos(elevation) * np.sin(azimuth)
    points["z"] = distance * np.sin(elevation)
    points["intensity"], points["label"] = strength[beam, column], label[beam, column]
    points["ring"], points["time"] = beam, column * (period / sensor.columns)
    return points
