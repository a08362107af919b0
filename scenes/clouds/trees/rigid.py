"""Rigid motions as a place and a quaternion."""

from __future__ import annotations

from scenes.clouds.cloud import Viewpoint

Vector = tuple[float, float, float]
Quaternion = tuple[float, float, float, float]
# Translation (x, y, z) in metres and rotation (w, x, y, z) of length 1.
Pose = tuple[Vector, Quaternion]


def combined(outer: Pose, inner: Pose) -> Viewpoint:
    """The motion `inner` and then `outer`, as (tx, ty, tz, qw, qx, qy, qz)."""
    (place, turn), (inner_place, inner_turn) = outer, inner
    x, y, z = turned(inner_place, turn)
    return (place[0] + x, place[1] + y, place[2] + z, *product(turn, inner_turn))


def turned(vector: Vector, turn: Quaternion) -> Vector:
    """`vector` turned by the quaternion `turn`: q v q*."""
    w, x, y, z = turn
    _, *result = product(product(turn, (0.0, *vector)), (w, -x, -y, -z))
    return result[0], result[1], result[2]


def product(one: Quaternion, other: Quaternion) -> Quaternion:
    """The Hamilton product of two quaternions (w, x, y, z)."""
    a, b, c, d = one
    e, f, g, h = other
    return (
        a * e - b * f - c * g - d * h,
        a * f + b * e + c * h - d * g,
        a * g - b * h + c * e + d * f,
        a * h + b * g - c * f + d * e,
    )
