"""What weather and light do to a LiDAR, as a few physical terms.

The sensor brings its own light, so night changes next to nothing: no sunlight reaches the detector, so
false returns are fewer and the range noise is slightly lower. Rain and fog weaken the light on its way
(Beer-Lambert, two-way factor exp(-2 extinction r)), send some of it back from drops near the sensor; rain
wets the sensor's window, and leaves water on the road, which mirrors light away instead of scattering it.
The figures are model constants of plausible size, not measurements of one sensor.
"""

from dataclasses import dataclass


def extinction_of_visibility(metres: float) -> float:
    """Extinction coefficient per metre at a meteorological visibility (Koschmieder: 3.912 / V, contrast
    threshold 2 %).
    """
    return 3.912 / metres


@dataclass(frozen=True)
class Weather:
    """Conditions of a drive.

    extinction: per metre, one way. scatter: chance per ray that a drop near the sensor returns its light.
    scatter_range: metres, mean distance of such returns. wet_road: 0..1, share of the diffuse reflection of
    level ground that a film of water takes away. noise: factor on the range noise. window: 0..1, share of
    the light that a wet or dirty sensor window lets through, both ways. lost: share of the rays that drops
    on the window bend away. false_returns: chance per ray of a return from background light.
    """

    name: str
    extinction: float = 0.0
    scatter: float = 0.0
    scatter_range: float = 5.0
    wet_road: float = 0.0
    noise: float = 1.0
    window: float = 1.0
    lost: float = 0.0
    false_returns: float = 0.0


WEATHERS: dict[str, Weather] = {
    weather.name: weather
    for weather in (
        Weather("clear", extinction=extinction_of_visibility(23_000), false_returns=4e-5),
        Weather("night", extinction=extinction_of_visibility(23_000), noise=0.9, false_returns=4e-6),
        Weather(
            "rain",
            extinction=extinction_of_visibility(900),
            scatter=0.022,
            scatter_range=6.0,
            wet_road=0.7,
            noise=1.6,
            window=0.4,
            lost=0.05,
            false_returns=2e-5,
        ),
        Weather(
            "fog",
            extinction=extinction_of_visibility(140),
            scatter=0.09,
            scatter_range=9.0,
            wet_road=0.15,
            noise=1.4,
            window=0.8,
            lost=0.01,
            false_returns=1e-5,
        ),
    )
}


def weather_named(name: str) -> Weather:
    """The weather of that name. Raises ValueError with the known names for another."""
    try:
        return WEATHERS[name]
    except KeyError:
        raise ValueError(f"weather {name!r} is not known; choose one of {', '.join(WEATHERS)}") from None
