"""A simulated drive: a sequence of LiDAR frames with labels, poses, times and GPS positions."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from scenes.simulator.geodesy import ORIGINS, Origin, position
from scenes.simulator.sensor import SENSORS, Points, Sensor, scan
from scenes.simulator.weather import Weather, weather_named
from scenes.simulator.world import Environment, World, build_world

DEFAULT_START = datetime(2026, 5, 4, 9, 12, tzinfo=UTC)
_FRAME_SEED = 8
_NANOSECONDS = 1_000_000_000


@dataclass(frozen=True)
class SimulatedFrame:
    """One turn of the sensor.

    points: structured array (N,) of dtype `sensor.POINT`: x, y, z in metres in the sensor's frame (x ahead,
    y left, z up), intensity 0..1, ring (0 the lowest beam), time in seconds from the start of the turn,
    label (a SemanticKITTI class id). timestamp_ns: UTC nanoseconds since 1970 of the start of the turn.
    pose: (4, 4) float64, sensor to world (x east, y north, z up, metres from the origin). position:
    latitude and longitude in degrees, altitude of the sensor in metres.
    """

    index: int
    points: Points = field(repr=False)
    timestamp_ns: int
    pose: NDArray[np.float64] = field(repr=False)
    position: tuple[float, float, float]


@dataclass(frozen=True)
class Drive:
    """A drive whose frames can be made in any order and in several processes: each depends on the seed and
    its index only.
    """

    seed: int
    frames: int
    rate: float
    weather: Weather
    sensor: Sensor
    start: datetime
    origin: Origin
    world: World = field(repr=False)

    def frame(self, index: int) -> SimulatedFrame:
        """Frame `index`, 0 to frames - 1. Raises IndexError for any other."""
        if not 0 <= index < self.frames:
            raise IndexError(f"frame {index} does not exist; the drive has frames 0 to {self.frames - 1}")
        time = index / self.rate
        x, y, heading = self.world.route.at(time)
        shapes = self.world.shapes_at(time, x, y, self.sensor.reach)
        rng = np.random.default_rng([self.seed, _FRAME_SEED, index])
        points = scan(self.sensor, self.weather, shapes, self.world.ground, (x, y), heading, 1 / self.rate, rng)
        return SimulatedFrame(
            index=index,
            points=points,
            timestamp_ns=self._start_ns + round(index * _NANOSECONDS / self.rate),
            pose=_pose(x, y, self.sensor.height, heading),
            position=position(self.origin, x, y, self.sensor.height),
        )

    @property
    def _start_ns(self) -> int:
        # Integer arithmetic: a float of nanoseconds since 1970 is only good to a quarter of a microsecond.
        since = self.start - datetime(1970, 1, 1, tzinfo=UTC)
        return (since.days * 86_400 + since.seconds) * _NANOSECONDS + since.microseconds * 1000


def _pose(x: float, y: float, z: float, heading: float) -> NDArray[np.float64]:
    pose = np.eye(4)
    pose[:2, :2] = [[np.cos(heading), -np.sin(heading)], [np.sin(heading), np.cos(heading)]]
    pose[:3, 3] = x, y, z
    return pose


def plan_drive(
    *,
    seed: int = 7,
    frames: int = 60,
    rate: float = 10.0,
    environment: Environment = "urban",
    weather: str | Weather = "clear",
    sensor: str | Sensor = "wide",
    beams: int = 64,
    columns: int = 1800,
    start: datetime = DEFAULT_START,
    origin: Origin | None = None,
) -> Drive:
    """A drive, planned but not yet simulated; see `simulate_drive` for the arguments and errors."""
    if frames < 1 or not 0 < rate < 1e6:
        raise ValueError(f"frames must be at least 1 and rate positive, got {frames} and {rate}")
    if start.tzinfo is None:
        raise ValueError(f"start {start.isoformat()} has no time zone; add one, for UTC a trailing Z")
    if isinstance(sensor, str):
        if sensor not in SENSORS:
            raise ValueError(f"sensor {sensor!r} is not known; choose one of {', '.join(SENSORS)}")
        sensor = replace(SENSORS[sensor], beams=beams, columns=columns)
    world = build_world(seed, environment, frames / rate)
    return Drive(
        seed=seed,
        frames=frames,
        rate=rate,
        weather=weather_named(weather) if isinstance(weather, str) else weather,
        sensor=sensor,
        start=start,
        origin=origin or ORIGINS[environment],
        world=world,
    )


def simulate_drive(
    *,
    seed: int = 7,
    frames: int = 60,
    rate: float = 10.0,
    environment: Environment = "urban",
    weather: str | Weather = "clear",
    sensor: str | Sensor = "wide",
    beams: int = 64,
    columns: int = 1800,
    start: datetime = DEFAULT_START,
    origin: Origin | None = None,
) -> Iterator[SimulatedFrame]:
    """The frames of a seeded drive; the same arguments give the same bytes.

    rate: frames per second. environment: `urban` or `highway`. weather: a name of `weather.WEATHERS` or a
    Weather. sensor: `wide` (-25 to 15 degrees), `hdl64` (-24.8 to 2 degrees), or a Sensor, whose own beams
    and columns then count. start: with a time zone. origin: the place of the world's (0, 0), by default one
    per environment.

    Raises ValueError for anything unknown or out of range, before the first frame.
    """
    drive = plan_drive(
        seed=seed, frames=frames, rate=rate, environment=environment, weather=weather,
        sensor=sensor, beams=beams, columns=columns, start=start, origin=origin,
    )  # fmt: skip
    return (drive.frame(index) for index in range(drive.frames))
