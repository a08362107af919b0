"""The shapes a simulated world is made of, as rows of one NumPy structured array.

Every shape stands upright: its footprint is turned by `yaw` about the vertical axis and it reaches from
`bottom` to `top`. That restriction is what makes ray casting cheap (see `raycast`).

- BLOCK: a box of `half_length` x `half_width`. Above `eaves` its front (+length), rear (-length) and both
  sides may lean inwards by a slope in metres per metre: gabled roofs, windscreens, embankments.
- CYLINDER: elliptic, capped, radii `half_length` and `half_width`.
- ELLIPSOID: semi-axes `half_length`, `half_width` and (top - bottom) / 2.

`opacity` is the share of rays that the surface stops (fences). `free_path` > 0 makes the shape a cloud of
leaves: a ray enters and is stopped after an exponentially distributed way with this mean in metres, or
passes through.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

BLOCK, CYLINDER, ELLIPSOID = 0, 1, 2
PLAIN, FACADE, GLASS, PAINT = 0, 1, 2, 3

PRIMITIVE = np.dtype(
    [
        ("shape", "u1"),
        ("surface", "u1"),
        ("label", "u2"),
        ("reflectivity", "f4"),
        ("opacity", "f8"),
        ("free_path", "f8"),
        ("x", "f8"),
        ("y", "f8"),
        ("yaw", "f8"),
        ("half_length", "f8"),
        ("half_width", "f8"),
        ("bottom", "f8"),
        ("top", "f8"),
        ("eaves", "f8"),
        ("front", "f8"),
        ("rear", "f8"),
        ("side", "f8"),
    ]
)

Primitives = NDArray[Any]  # structured, dtype PRIMITIVE, shape (N,)
Point = tuple[float, float]


def _row(
    shape: int,
    centre: Point,
    half: Point,
    heights: Point,
    label: int,
    reflectivity: float,
    *,
    yaw: float = 0.0,
    surface: int = PLAIN,
    opacity: float = 1.0,
    free_path: float = 0.0,
    slopes: tuple[float, float, float] = (0.0, 0.0, 0.0),
    eaves: float | None = None,
) -> Primitives:
    bottom, top = heights
    start = bottom if eaves is None else eaves
    row = (
        shape,
        surface,
        label,
        reflectivity,
        opacity,
        free_path,
        *centre,
        yaw,
        *half,
        bottom,
        top,
        start,
        *slopes,
    )
    return np.array([row], PRIMITIVE)


def block(centre: Point, half: Point, heights: Point, label: int, reflectivity: float, **more: Any) -> Primitives:
    """A box: centre (x, y), half (length, width), heights (bottom, top), all in metres.

    `more`: yaw (radians), surface, opacity, free_path, slopes (front, rear, side), eaves.
    """
    return _row(BLOCK, centre, half, heights, label, reflectivity, **more)


def cylinder(centre: Point, radius: float, heights: Point, label: int, reflectivity: float, **more: Any) -> Primitives:
    """An upright capped cylinder."""
    return _row(CYLINDER, centre, (radius, radius), heights, label, reflectivity, **more)


def ellipsoid(centre: Point, half: Point, heights: Point, label: int, reflectivity: float, **more: Any) -> Primitives:
    """An ellipsoid that fills the box of `half` (length, width) and `heights` (bottom, top)."""
    return _row(ELLIPSOID, centre, half, heights, label, reflectivity, **more)


def joined(parts: Sequence[Primitives]) -> Primitives:
    """All parts in one array; an empty array when there are none."""
    return np.concatenate(parts) if parts else np.empty(0, PRIMITIVE)


def placed(
    parts: Primitives, x: float, y: float, yaw: float = 0.0, *, z: float = 0.0, label: int | None = None
) -> Primitives:
    """A copy of `parts`, turned about the origin by `yaw` (radians), then moved by (x, y, z); `label`
    replaces all labels.
    """
    moved = parts.copy()
    cosine, sine = np.cos(yaw), np.sin(yaw)
    moved["x"] = x + cosine * parts["x"] - sine * parts["y"]
    moved["y"] = y + sine * parts["x"] + cosine * parts["y"]
    moved["yaw"] += yaw
    for height in ("bottom", "top", "eaves"):
        moved[height] += z
    if label is not None:
        moved["label"] = label
    return moved


def footprint_distance(shapes: Primitives, x: float, y: float) -> NDArray[np.float64]:
    """Distance in metres from a point to the oriented rectangle around each footprint; 0 inside. Shape
    (N,).
    """
    along, across = local_offset(shapes, x, y)
    outside = (
        np.maximum(np.abs(along) - shapes["half_length"], 0),
        np.maximum(np.abs(across) - shapes["half_width"], 0),
    )
    return np.hypot(*outside)


def local_offset(
    shapes: Primitives, x: float | NDArray[np.float64], y: float | NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A point (or one per shape) in the shapes' own frames: along their length and across it, metres."""
    cosine, sine = np.cos(shapes["yaw"]), np.sin(shapes["yaw"])
    east, north = x - shapes["x"], y - shapes["y"]
    return cosine * east + sine * north, cosine * north - sine * east
