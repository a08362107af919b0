"""Town houses: walls with rows of windows, gabled or stepped tops, balconies. Metres; facade towards -y,
street below it.
"""

import numpy as np

from scenes.simulator.classes import SemanticClass as Class
from scenes.simulator.primitives import FACADE, Primitives, block, joined

STOREY = 3.1
WINDOW_PITCH = 2.4
_WALLS = (0.3, 0.42, 0.55, 0.7)


def house(rng: np.random.Generator, width: float, depth: float, storeys: int) -> Primitives:
    """A house whose facade is the line y = 0 from -width/2 to width/2 and whose body reaches to y = depth."""
    eaves = STOREY * storeys + 0.5
    wall = float(rng.choice(_WALLS))
    top = _gable if rng.random() < 0.55 else _stepped
    parts = [*top(rng, width, depth, eaves, wall)]
    parts.append(block((0, 0.0), (width / 2, 0.18), (eaves - 0.25, eaves + 0.05), Class.BUILDING, 0.5))
    parts.append(block((0, 0.0), (width / 2 - 0.02, 0.06), (0, 0.7), Class.BUILDING, 0.2))
    if rng.random() < 0.4:
        parts.extend(_balconies(rng, width, storeys, wall))
    return joined(parts)


def _gable(rng: np.random.Generator, width: float, depth: float, eaves: float, wall: float) -> list[Primitives]:
    ridge = eaves + depth / 2 * float(rng.uniform(0.55, 0.95))
    slope = depth / 2 / (ridge - eaves)
    chimney = block(
        (float(rng.uniform(-0.3, 0.3)) * width, depth * 0.55),
        (0.4, 0.3),
        (eaves, ridge + 0.9),
        Class.BUILDING,
        0.25,
    )
    return [_body(width, depth, (0, ridge), wall, slopes=(0, 0, slope), eaves=eaves), chimney]


def _stepped(rng: np.random.Generator, width: float, depth: float, eaves: float, wall: float) -> list[Primitives]:
    back = float(rng.uniform(1.6, 2.8))
    upper = block(
        (0, (depth + back) / 2),
        (width / 2 - 0.6, (depth - back) / 2),
        (eaves, eaves + STOREY),
        Class.BUILDING,
        wall,
        surface=FACADE,
    )
    return [_body(width, depth, (0, eaves), wall), upper]


def _body(width: float, depth: float, heights: tuple[float, float], wall: float, **roof: object) -> Primitives:
    return block((0, depth / 2), (width / 2, depth / 2), heights, Class.BUILDING, wall, surface=FACADE, **roof)


def _balconies(rng: np.random.Generator, width: float, storeys: int, wall: float) -> list[Primitives]:
    place = float(rng.uniform(-0.25, 0.25)) * width
    half = float(rng.uniform(1.0, 1.6))
    return [
        block((place, -0.55), (half, 0.55), (floor * STOREY + 0.2, floor * STOREY + 1.25), Class.BUILDING, wall)
        for floor in range(1, storeys)
    ]
