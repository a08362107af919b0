"""Curves drawn on the server, for reports that stand alone: from kept points to the paths of an SVG. Pure."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from experiments.charts import Curve

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 720, 260, 62, 14, 12, 30
COLOURS = 10
Place = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Line:
    """One curve: its name, its path in the units of the picture, and which of the ten colours it has."""

    name: str
    path: str
    colour: int
    last: float | None


@dataclass(frozen=True)
class Tick:
    """A mark of an axis: where, in the units of the picture, and what is written there."""

    at: float
    words: str


@dataclass(frozen=True)
class Drawing:
    title: str
    lines: list[Line]
    across: list[Tick]
    up: list[Tick]
    mark: float | None
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    top: int = TOP
    bottom: int = HEIGHT - BOTTOM


def drawing(title: str, curves: Sequence[Curve], mark: int | None = None) -> Drawing | None:
    """Curves over their steps on one scale; None where no value is finite. Gaps stay where values are not finite."""
    kept = [curve for curve in curves if len(curve.step) and np.isfinite(curve.value).any()]
    if not kept:
        return None
    steps = np.concatenate([curve.step for curve in kept]).astype(np.float64)
    values = np.concatenate([curve.value[np.isfinite(curve.value)] for curve in kept])
    across, up = _axis(steps.min(), steps.max()), _axis(values.min(), values.max())
    x = _scale(across[0], across[1], LEFT, WIDTH - RIGHT)
    y = _scale(up[0], up[1], HEIGHT - BOTTOM, TOP)
    lines = [
        Line(curve.series.key, _path(x(curve.step.astype(np.float64)), y(curve.value)), place % COLOURS,
             curve.series.last_value)
        for place, curve in enumerate(kept)
    ]  # fmt: skip
    marked = float(x(np.array([mark]))[0]) if mark is not None and across[0] <= mark <= across[1] else None
    return Drawing(title, lines, _ticks(across, x), _ticks(up, y), marked)


def _axis(low: float, high: float) -> tuple[float, float, float]:
    """The ends of an axis at round numbers, and the distance of its marks: 1, 2 or 5 times a power of ten."""
    if high <= low:
        span = abs(low) or 1.0
        low, high = low - span / 2, high + span / 2
    rough = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
    return math.floor(low / step) * step, math.ceil(high / step) * step, step


def _scale(low: float, high: float, begin: float, end: float) -> Place:
    def place(values: np.ndarray) -> np.ndarray:
        return np.round(begin + (values - low) / (high - low) * (end - begin), 1)

    return place


def _ticks(axis: tuple[float, float, float], place: Place) -> list[Tick]:
    low, high, step = axis
    values = low + step * np.arange(round((high - low) / step) + 1)
    return [Tick(float(at), _words(float(value), step)) for value, at in zip(values, place(values), strict=True)]


def _words(value: float, step: float) -> str:
    if abs(value) >= 1e6 or 0 < step < 1e-4:
        return f"{value:.3g}"
    return f"{value:,.{max(0, -math.floor(math.log10(step)))}f}"


def _path(x: np.ndarray, y: np.ndarray) -> str:
    parts, pen = [], "M"
    for across, up in zip(x.tolist(), y.tolist(), strict=True):
        if not math.isfinite(up):
            pen = "M"
            continue
        parts.append(f"{pen}{across:g} {up:g}")
        pen = "L"
    return "".join(parts)
