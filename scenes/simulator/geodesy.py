"""Latitude and longitude of places near an origin."""

from dataclasses import dataclass
from math import cos, pi, radians, sin, sqrt

WGS84_SEMI_MAJOR_AXIS = 6_378_137.0
WGS84_ECCENTRICITY_SQUARED = 6.694_379_990_14e-3


@dataclass(frozen=True)
class Origin:
    """A named place: latitude and longitude in degrees (WGS 84), altitude in metres."""

    name: str
    latitude: float
    longitude: float
    altitude: float


ORIGINS: dict[str, Origin] = {
    "urban": Origin("Theaterstrasse, Aachen", 50.7722, 6.0905, 173.0),
    "highway": Origin("A4 near Aachen", 50.8030, 6.1560, 190.0),
}


def metres_per_degree(latitude: float) -> tuple[float, float]:
    """Metres per degree of latitude and of longitude at a latitude in degrees.

    From the radii of curvature of the WGS 84 ellipsoid: meridian M = a (1 - e^2) / w^3 and prime vertical N
    = a / w with w = sqrt(1 - e^2 sin^2 latitude); a degree is pi/180 M northwards and pi/180 N
    cos(latitude) eastwards.
    """
    w = sqrt(1 - WGS84_ECCENTRICITY_SQUARED * sin(radians(latitude)) ** 2)
    meridian = WGS84_SEMI_MAJOR_AXIS * (1 - WGS84_ECCENTRICITY_SQUARED) / w**3
    prime_vertical = WGS84_SEMI_MAJOR_AXIS / w
    return meridian * pi / 180, prime_vertical * cos(radians(latitude)) * pi / 180


def position(origin: Origin, east: float, north: float, up: float = 0.0) -> tuple[float, float, float]:
    """Latitude, longitude (degrees) and altitude (metres) of a place given in metres from the origin.

    The plane that touches the Earth at the origin stands for its surface; at 10 km the error is some metres.
    """
    per_latitude, per_longitude = metres_per_degree(origin.latitude)
    return (
        origin.latitude + north / per_latitude,
        origin.longitude + east / per_longitude,
        origin.altitude + up,
    )
