"""Exact ray casting of a spinning LiDAR against upright shapes.

All rays of a frame start at one point and form a grid of beams (elevations) x columns (azimuths). A ray is
followed by its horizontal distance rho: it is at origin + rho * (cos azimuth, sin azimuth, tan elevation).
In this form an upright wall bounds rho per column only and a level face per beam only, so a box costs two
short vectors and one outer maximum. Each shape is tried against the rectangle of the grid it can cover and
nothing else.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from scenes.simulator.primitives import CYLINDER, ELLIPSOID, Primitives, footprint_distance, local_offset

Floats = NDArray[np.float64]
GROUND, MISS = -1, -2
_TINY = 1e-12


@dataclass(frozen=True)
class RayGrid:
    """Rays of one frame.

    origin: (3,) metres, world. first_azimuth and azimuth_step: radians, world, counter-clockwise from +x;
    the columns cover exactly one turn. slopes: (B,) tangents of the elevations, ascending. depth_draw: (B,
    C) exponential draws with mean 1 and opacity_draw: (B, C) uniform draws in [0, 1): the chance of each
    ray, drawn once, so the result does not depend on the order of shapes.
    """

    origin: Floats
    first_azimuth: float
    azimuth_step: float
    columns: int
    slopes: Floats
    depth_draw: NDArray[np.floating[Any]]
    opacity_draw: NDArray[np.floating[Any]]

    @property
    def azimuths(self) -> Floats:
        """World azimuth of each column, radians, shape (C,)."""
        return np.arange(self.columns, dtype=np.float64) * self.azimuth_step + self.first_azimuth


class Ground(Protocol):
    """What the caster needs to know of the ground."""

    def cast(self, grid: RayGrid, limit: float) -> Floats:
        """Horizontal distance to the ground, (B, C); inf where a ray meets none within `limit` metres."""
        ...


@dataclass(frozen=True)
class Hits:
    """First hit of every ray: horizontal distance (B, C) in metres, inf for none, and shape index (B, C),
    GROUND or MISS.
    """

    rho: Floats
    index: NDArray[np.int32]


def cast(
    grid: RayGrid,
    shapes: Primitives,
    *,
    ground: Ground | None = None,
    limit: float = 120.0,
    cull: bool = True,
) -> Hits:
    """The nearest hit of every ray among `shapes` and the ground within `limit` metres of horizontal
    distance.

    `cull=False` tries every shape against every ray: slow, and equal in result (the tests hold one against
    the other).
    """
    shape = (len(grid.slopes), grid.columns)
    rho = np.full(shape, np.inf) if ground is None else ground.cast(grid, limit)
    index = np.where(np.isfinite(rho), np.int32(GROUND), np.int32(MISS))
    caster = _Caster(grid, rho, index)
    for number, window, near in _windows(grid, shapes, limit) if cull else _everything(grid, shapes):
        caster.test(shapes[number], number, window, near)
    rho[rho > limit] = np.inf
    index[~np.isfinite(rho)] = MISS
    return Hits(rho, index)


Window = tuple[slice, slice]


def _everything(grid: RayGrid, shapes: Primitives) -> Iterator[tuple[int, Window, float]]:
    for number in range(len(shapes)):
        yield number, (slice(None), slice(None)), 0.0


def _windows(grid: RayGrid, shapes: Primitives, limit: float) -> Iterator[tuple[int, Window, float]]:
    """The parts of the grid that each shape can cover, nearest shapes first so that they hide the rest."""
    near = footprint_distance(shapes, *grid.origin[:2])
    first, count = _column_spans(grid, shapes, near)
    low, high = _beam_spans(grid, shapes, near)
    for number in np.argsort(near, kind="stable").tolist():
        if near[number] > limit or low[number] >= high[number]:
            continue
        beams = slice(int(low[number]), int(high[number]))
        for columns in _wrapped(int(first[number]), int(count[number]), grid.columns):
            yield number, (beams, columns), float(near[number])


def _wrapped(first: int, count: int, columns: int) -> Iterator[slice]:
    if count >= columns:
        yield slice(0, columns)
        return
    first %= columns
    yield slice(first, min(first + count, columns))
    if first + count > columns:
        yield slice(0, first + count - columns)


def _column_spans(grid: RayGrid, shapes: Primitives, near: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First column and number of columns between the outermost corners of each footprint; all columns from
    inside it.
    """
    east, north = shapes["x"] - grid.origin[0], shapes["y"] - grid.origin[1]
    cosine, sine = np.cos(shapes["yaw"]), np.sin(shapes["yaw"])
    centre = np.arctan2(north, east)
    offsets = []
    for length_sign, width_sign in ((1, 1), (1, -1), (-1, 1), (-1, -1)):
        along, across = length_sign * shapes["half_length"], width_sign * shapes["half_width"]
        corner = np.arctan2(north + sine * along + cosine * across, east + cosine * along - sine * across)
        offsets.append((corner - centre + np.pi) % (2 * np.pi) - np.pi)
    ends = np.array([(centre + bound - grid.first_azimuth) / grid.azimuth_step for bound in _extremes(offsets)])
    first = np.floor(ends.min(axis=0)).astype(np.int64)
    count = np.ceil(ends.max(axis=0)).astype(np.int64) - first + 1
    return first, np.where(near > 1e-6, count, grid.columns)


def _extremes(values: list[Floats]) -> tuple[Floats, Floats]:
    return np.min(values, axis=0), np.max(values, axis=0)


def _beam_spans(grid: RayGrid, shapes: Primitives, near: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Range of beams that can meet each shape, from the slopes to its lowest and highest point at its
    nearest and farthest.
    """
    far = near + 2 * np.hypot(shapes["half_length"], shapes["half_width"]) + _TINY
    close = np.maximum(near, _TINY)
    rise, fall = shapes["top"] - grid.origin[2], shapes["bottom"] - grid.origin[2]
    steepest = rise / np.where(rise > 0, close, far)
    deepest = fall / np.where(fall < 0, close, far)
    return np.searchsorted(grid.slopes, deepest - 1e-9), np.searchsorted(grid.slopes, steepest + 1e-9, side="right")


class _Caster:
    """Narrows the hits of a frame, one shape after the other."""

    def __init__(self, grid: RayGrid, rho: Floats, index: NDArray[np.int32]) -> None:
        self.grid, self.rho, self.index = grid, rho, index
        self.cosines, self.sines = np.cos(grid.azimuths), np.sin(grid.azimuths)
        self.slopes = _not_zero(grid.slopes)
        self.flatness = 1 / np.sqrt(1 + grid.slopes**2)  # horizontal part of a metre along the ray

    def test(self, shape: Any, number: int, window: Window, near: float) -> None:
        best = self.rho[window]
        if (best <= near).all():
            return
        enter, leave = self._interval(shape, window)
        if shape["free_path"] > 0:
            enter = enter + shape["free_path"] * self.flatness[window[0], None] * self.grid.depth_draw[window]
        hit = (enter <= leave) & (enter < best)
        if shape["opacity"] < 1:
            hit &= self.grid.opacity_draw[window] < shape["opacity"]
        np.copyto(best, enter, where=hit)
        np.copyto(self.index[window], np.int32(number), where=hit)

    def _interval(self, shape: Any, window: Window) -> tuple[Floats, Floats]:
        """Horizontal distances at which each ray of the window enters and leaves the shape; enter > leave
        for a miss.
        """
        beams, columns = window
        ahead, left = self._directions(shape, columns)
        along, across = (float(offset) for offset in local_offset(shape, *self.grid.origin[:2]))
        if shape["shape"] == ELLIPSOID:
            return self._ellipsoid(shape, self.slopes[beams], ahead, left, along, across)
        if shape["shape"] == CYLINDER:
            enter, leave = _ellipse(ahead / shape["half_length"], left / shape["half_width"], along, across, shape)
        else:
            front, back = _slab(along, ahead, shape["half_length"])
            right, other = _slab(across, left, shape["half_width"])
            enter, leave = np.maximum(front, right), np.minimum(back, other)
        middle = (shape["top"] + shape["bottom"]) / 2
        lower, upper = _slab(self.grid.origin[2] - middle, self.slopes[beams], shape["top"] - middle)
        enter, leave = np.maximum(enter, lower[:, None]), np.minimum(leave, upper[:, None])
        self._lean(shape, self.slopes[beams, None], (ahead, left), (along, across), enter, leave)
        return np.maximum(enter, 0, out=enter), leave

    def _directions(self, shape: Any, columns: slice) -> tuple[Floats, Floats]:
        cosine, sine = np.cos(shape["yaw"]), np.sin(shape["yaw"])
        ahead = self.cosines[columns] * cosine + self.sines[columns] * sine
        left = self.sines[columns] * cosine - self.cosines[columns] * sine
        return _not_zero(ahead), _not_zero(left)

    def _lean(
        self,
        shape: Any,
        slopes: Floats,
        directions: tuple[Floats, Floats],
        offset: tuple[float, float],
        enter: Floats,
        leave: Floats,
    ) -> None:
        """Cut the interval by each leaning face: sign * position + slope * (height - eaves) <= extent."""
        height = self.grid.origin[2] - shape["eaves"]
        for axis, sign, lean in ((0, 1, "front"), (0, -1, "rear"), (1, 1, "side"), (1, -1, "side")):
            slope = float(shape[lean])
            if slope == 0:
                continue
            half = float(shape["half_length"] if axis == 0 else shape["half_width"])
            rate = sign * directions[axis] + slope * slopes
            rate = _not_zero(rate)
            bound = (half - sign * offset[axis] - slope * height) / rate
            np.copyto(enter, np.maximum(enter, bound), where=rate < 0)
            np.copyto(leave, np.minimum(leave, bound), where=rate > 0)

    def _ellipsoid(
        self, shape: Any, slopes: Floats, ahead: Floats, left: Floats, along: float, across: float
    ) -> tuple[Floats, Floats]:
        radius = (shape["top"] - shape["bottom"]) / 2
        height = (self.grid.origin[2] - (shape["top"] + shape["bottom"]) / 2) / radius
        rise = slopes[:, None] / radius
        ahead, left = ahead / shape["half_length"], left / shape["half_width"]
        along, across = along / shape["half_length"], across / shape["half_width"]
        return _roots(
            ahead**2 + left**2 + rise**2,
            ahead * along + left * across + rise * height,
            along**2 + across**2 + height**2 - 1,
        )


def _not_zero(rate: Floats) -> Floats:
    """The rates with those too small to divide by replaced; a parallel face then lies very far away."""
    return np.where(np.abs(rate) < _TINY, _TINY, rate)


def _slab(position: float, rate: Floats, half: float) -> tuple[Floats, Floats]:
    """Where position + rho * rate lies in [-half, half]."""
    one, other = (-half - position) / rate, (half - position) / rate
    return np.minimum(one, other), np.maximum(one, other)


def _ellipse(ahead: Floats, left: Floats, along: float, across: float, shape: Any) -> tuple[Floats, Floats]:
    along, across = along / shape["half_length"], across / shape["half_width"]
    return _roots(ahead**2 + left**2, ahead * along + left * across, along**2 + across**2 - 1)


def _roots(square: Floats, half_linear: Floats, constant: float) -> tuple[Floats, Floats]:
    """Both roots of square * rho^2 + 2 * half_linear * rho + constant; a miss gives (inf, -inf)."""
    discriminant = half_linear**2 - square * constant
    root = np.sqrt(np.maximum(discriminant, 0))
    enter = np.where(discriminant > 0, np.maximum((-half_linear - root) / square, 0), np.inf)
    return enter, np.where(discriminant > 0, (-half_linear + root) / square, -np.inf)
