"""Vehicles, people, plants and street furniture, each at the origin, facing +x, standing on z = 0. Metres
throughout.
"""

import numpy as np

from scenes.simulator.classes import SemanticClass as Class
from scenes.simulator.primitives import GLASS, PAINT, Primitives, block, cylinder, ellipsoid, joined

RUBBER, METAL, WINDOW, SKIN, CLOTH, BARK, LEAF, RETROREFLECTIVE = 0.06, 0.45, 0.08, 0.4, 0.3, 0.25, 0.45, 1.0


def car(rng: np.random.Generator) -> Primitives:
    """A saloon, an estate car or a small van: body, bonnet, glazed cabin, wheels, plates."""
    length, width, height = rng.uniform(3.9, 4.9), rng.uniform(1.72, 1.9), rng.uniform(1.42, 1.62)
    half, wide, waist = length / 2, width / 2, rng.uniform(0.82, 0.95)
    van = rng.random() < 0.18
    estate = rng.random() < 0.4
    paint = float(rng.choice([0.08, 0.25, 0.45, 0.6, 0.75]))
    height += 0.45 * van
    bonnet = 0.55 if van else rng.uniform(0.85, 1.15)
    boot = 0.05 if van or estate else rng.uniform(0.35, 0.7)
    cabin_half = (length - bonnet - boot) / 2
    glazed = joined(
        [
            block(
                ((boot - bonnet) / 2, 0), (cabin_half, wide - 0.04), (waist, height), Class.CAR, WINDOW,
                surface=GLASS, slopes=(0.9 if not van else 0.5, 0.25 if estate or van else 0.8, 0.22),
            ),
            block(
                ((boot - bonnet) / 2 - 0.1, 0), (cabin_half - 0.75, wide - 0.22),
                (height - 0.03, height + 0.02),
                Class.CAR, paint, surface=PAINT,
            ),
        ]
    )  # fmt: skip
    body = block(
        (0, 0), (half, wide), (0.22, waist), Class.CAR, paint,
        surface=PAINT, slopes=(0.9, 0.5, 0.35), eaves=waist - 0.16,
    )  # fmt: skip
    plates = [block((sign * half, 0), (0.02, 0.26), (0.42, 0.53), Class.CAR, RETROREFLECTIVE) for sign in (1, -1)]
    return joined([body, glazed, *_wheels(half * 0.62, wide, 0.31, Class.CAR), *plates])


def _wheels(axle: float, wide: float, radius: float, label: Class) -> list[Primitives]:
    # An axle is one box across the car: its inner part is hidden, and rays still pass between the axles.
    return [block((x, 0), (radius, wide - 0.02), (0, 2 * radius), label, RUBBER) for x in (axle, -axle)]


def truck(rng: np.random.Generator) -> Primitives:
    """A lorry: cab with a windscreen, box body on a frame, three axles."""
    body, wide, height = rng.uniform(5.5, 7.5), 1.25, rng.uniform(3.3, 3.9)
    half = (body + 2.2) / 2
    reflectivity = float(rng.choice([0.3, 0.55, 0.8]))
    return joined(
        [
            block((half - 0.95, 0), (0.95, wide - 0.05), (0.55, 2.9), Class.TRUCK, 0.5,
                  surface=PAINT, slopes=(0.25, 0, 0), eaves=1.6),
            block((-1.1, 0), (body / 2, wide), (1.05, height), Class.TRUCK, reflectivity),
            block((-0.3, 0), (half - 0.4, 0.5), (0.6, 1.05), Class.TRUCK, 0.15),
            *_wheels(half - 1.3, wide, 0.48, Class.TRUCK),
            block((-half + 1.6, 0), (0.48, wide - 0.02), (0, 0.96), Class.TRUCK, RUBBER),
        ]
    )  # fmt: skip


def bus(rng: np.random.Generator) -> Primitives:
    """A city bus with a band of windows."""
    half, wide = rng.uniform(5.4, 6.0), 1.27
    paint = float(rng.uniform(0.35, 0.7))
    return joined(
        [
            block((0, 0), (half, wide), (0.3, 1.15), Class.BUS, paint, surface=PAINT),
            block((0, 0), (half - 0.03, wide - 0.04), (1.15, 2.35), Class.BUS, WINDOW, surface=GLASS),
            block((0, 0), (half, wide), (2.35, 3.05), Class.BUS, paint, surface=PAINT),
            *[
                block((x, sign * (wide - 0.03)), (0.09, 0.05), (1.1, 2.4), Class.BUS, paint)
                for x in np.arange(-half + 0.6, half, 1.5)
                for sign in (1, -1)
            ],
            *_wheels(half * 0.55, wide + 0.01, 0.48, Class.BUS),
        ]
    )


def person(rng: np.random.Generator) -> Primitives:
    """A standing person: two legs, two arms, torso, head."""
    height = rng.uniform(1.55, 1.92)
    hip, shoulder = 0.5 * height, 0.82 * height
    cloth = float(rng.uniform(0.1, 0.6))
    limbs = [cylinder((0, sign * 0.1), 0.085, (0, hip), Class.PERSON, CLOTH) for sign in (1, -1)] + [
        cylinder((0, sign * 0.25), 0.055, (hip * 0.95, shoulder), Class.PERSON, cloth) for sign in (1, -1)
    ]
    torso = ellipsoid((0, 0), (0.17, 0.25), (hip - 0.12, shoulder + 0.08), Class.PERSON, cloth)
    head = ellipsoid((0, 0), (0.11, 0.09), (height - 0.26, height), Class.PERSON, SKIN)
    return joined([*limbs, torso, head])


def striding(standing: Primitives, stride: float) -> Primitives:
    """A copy of a standing `person` whose legs and arms swing apart along x; `stride` in -1..1."""
    walking = standing.copy()
    walking["x"][:4] += stride * np.array([0.24, -0.24, -0.17, 0.17])
    return walking


def cyclist(rng: np.random.Generator) -> Primitives:
    """A person on a bicycle, all one class as in SemanticKITTI."""
    cloth = float(rng.uniform(0.15, 0.7))
    wheels = [block((x, 0), (0.33, 0.02), (0, 0.66), Class.BICYCLIST, 0.3, opacity=0.45) for x in (0.52, -0.52)]
    frame = block((0, 0), (0.5, 0.025), (0.45, 0.85), Class.BICYCLIST, METAL, opacity=0.5)
    rider = [cylinder((0.02, sign * 0.11), 0.08, (0.3, 0.95), Class.BICYCLIST, CLOTH) for sign in (1, -1)] + [
        ellipsoid((0.08, 0), (0.22, 0.23), (0.85, 1.5), Class.BICYCLIST, cloth),
        ellipsoid((0.2, 0), (0.12, 0.1), (1.46, 1.72), Class.BICYCLIST, SKIN),
    ]
    return joined([*wheels, frame, *rider])


def tree(rng: np.random.Generator, size: float = 1.0) -> Primitives:
    """A broad-leaved tree: trunk, a main crown and smaller clumps around it, all of leaves a ray may pass."""
    clear, spread = rng.uniform(2.0, 2.9) * size, rng.uniform(1.5, 2.4) * size
    height = clear + spread * rng.uniform(1.7, 2.4)
    middle = (clear + height) / 2
    trunk = cylinder((0, 0), rng.uniform(0.12, 0.22) * size, (0, middle), Class.TRUNK, BARK)
    crown = [_leaves((0, 0), spread * 0.8, (clear, height), 0.55)]
    for angle in rng.uniform(0, 2 * np.pi) + np.arange(5) * 2 * np.pi / 5:
        away, radius = spread * rng.uniform(0.4, 0.7), spread * rng.uniform(0.45, 0.65)
        level = rng.uniform(clear + radius * 0.7, max(height - radius * 1.1, clear + radius))
        centre = (away * float(np.cos(angle)), away * float(np.sin(angle)))
        crown.append(_leaves(centre, radius, (level - radius * 0.8, level + radius * 0.8), 0.4))
    return joined([trunk, *crown])


def _leaves(centre: tuple[float, float], radius: float, heights: tuple[float, float], free_path: float) -> Primitives:
    return ellipsoid(centre, (radius, radius), heights, Class.VEGETATION, LEAF, free_path=free_path)


def bush(rng: np.random.Generator, size: float = 1.0) -> Primitives:
    """A low clump of leaves."""
    radius, height = rng.uniform(0.6, 1.2) * size, rng.uniform(0.8, 1.6) * size
    return _leaves((0, 0), radius, (-0.3, height), 0.3)


def hedge(length: float, height: float) -> Primitives:
    """A clipped hedge along x."""
    return block((0, 0), (length / 2, 0.35), (0, height), Class.VEGETATION, LEAF, free_path=0.12)


def fence(length: float, height: float) -> Primitives:
    """A picket fence along x: rails and posts, with pickets that stop most rays."""
    posts = [
        block((float(x), 0), (0.05, 0.05), (0, height + 0.08), Class.FENCE, METAL)
        for x in np.linspace(-length / 2, length / 2, max(2, round(length / 2.5)))
    ]
    return joined([block((0, 0), (length / 2, 0.02), (0.08, height), Class.FENCE, 0.35, opacity=0.6), *posts])


def guard_rail(length: float) -> Primitives:
    """A steel guard rail along x, on posts every 4 m."""
    posts = [
        block((float(x), 0), (0.05, 0.05), (0, 0.6), Class.FENCE, METAL) for x in np.arange(-length / 2, length / 2, 4)
    ]
    return joined([block((0, 0), (length / 2 + 0.1, 0.08), (0.45, 0.78), Class.FENCE, METAL), *posts])


def lamp_post(height: float = 7.5, arm: float = 1.6) -> Primitives:
    """A lamp post whose arm reaches along +x."""
    return joined(
        [
            cylinder((0, 0), 0.09, (0, height), Class.POLE, METAL),
            block((arm / 2, 0), (arm / 2, 0.04), (height - 0.12, height), Class.POLE, METAL),
            block((arm, 0), (0.35, 0.14), (height - 0.2, height + 0.02), Class.POLE, METAL),
        ]
    )


def traffic_light() -> Primitives:
    """A traffic light; its signal head faces +x."""
    return joined(
        [
            cylinder((0, 0), 0.07, (0, 3.6), Class.POLE, METAL),
            block((0.14, 0), (0.12, 0.16), (2.5, 3.5), Class.TRAFFIC_SIGN, 0.1),
        ]
    )


def sign(rng: np.random.Generator) -> Primitives:
    """A traffic sign on a pole; its plate faces +x."""
    size, top = rng.uniform(0.28, 0.4), rng.uniform(2.5, 3.0)
    plate = block((0.06, 0), (0.015, size), (top - 2 * size, top), Class.TRAFFIC_SIGN, RETROREFLECTIVE)
    return joined([cylinder((0, 0), 0.04, (0, top + 0.05), Class.POLE, METAL), plate])


def bollard() -> Primitives:
    """A knee-high post."""
    return cylinder((0, 0), 0.06, (0, 0.9), Class.POLE, METAL)
