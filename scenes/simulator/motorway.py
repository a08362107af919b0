"""A motorway without an end: carriageways, guard rails, posts, gantries, noise barriers, slopes and woods,
in pieces of 60 m.
"""

from collections.abc import Iterator

import numpy as np

from scenes.simulator import objects
from scenes.simulator.classes import SemanticClass as Class
from scenes.simulator.ground import MotorwayGround
from scenes.simulator.primitives import Primitives, block, cylinder, joined, placed

PIECE = 60.0
_PIECE_SEED = 5
_OFFSET = 1 << 20  # keeps the seeds of pieces at negative x non-negative


class Motorway:
    """The motorway of a seed and, made on demand, what stands along it."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.ground = MotorwayGround()
        self._pieces: dict[int, Primitives] = {}

    def still_near(self, x: float, reach: float) -> Primitives:
        """All that stands within `reach` metres ahead of or behind x."""
        first, last = int((x - reach) // PIECE), int((x + reach) // PIECE)
        return joined([self.piece(number) for number in range(first, last + 1)])

    def piece(self, number: int) -> Primitives:
        """What stands between x = number * PIECE and the next piece."""
        found = self._pieces.get(number)
        if found is None:
            found = self._pieces[number] = joined(list(self._build(number)))
        return found

    def place(self, part: Primitives, x: float, offset: float, *, turn: float = 0.0) -> Primitives:
        """`part` at x, `offset` metres to the left of the centre line, turned against its direction."""
        at = np.array(x)
        heading, centre = float(self.ground.heading(at)), float(self.ground.centre(at))
        return placed(part, x - offset * np.sin(heading), centre + offset * np.cos(heading), heading + turn)

    def _build(self, number: int) -> Iterator[Primitives]:
        rng = np.random.default_rng([self.seed, _PIECE_SEED, number + _OFFSET])
        start, paved = number * PIECE, self.ground.paved
        for x in np.arange(start + 6, start + PIECE, 12):
            for offset in (0.9, -0.9, paved + 0.6, -paved - 0.6):
                yield self.place(objects.guard_rail(12.2), float(x), offset)
        for x in (start + 5, start + 55):
            for side in (1, -1):
                post = cylinder((0, 0), 0.07, (0, 1.05), Class.POLE, 0.9)
                yield self.place(post, x, side * (paved + 0.15))
        for side in (1, -1):
            yield from self._verge(rng, start, side)
        if number % 9 == 2:
            yield from self._gantry(start + 30)
        if number % 14 == 6:
            yield from self._bridge(start + 20)

    def _verge(self, rng: np.random.Generator, start: float, side: int) -> Iterator[Primitives]:
        """Beyond the shoulder: a noise barrier, or a grass slope with woods, or single trees."""
        paved, kind = self.ground.paved, rng.random()
        if kind < 0.3:
            for x in np.arange(start + 3, start + PIECE, 6):
                wall = block((0, 0), (3.05, 0.08), (0, float(rng.choice([3.4, 3.6]))), Class.FENCE, 0.3)
                post = block((3, 0), (0.1, 0.14), (0, 3.8), Class.FENCE, 0.35)
                yield self.place(joined([wall, post]), float(x), side * (paved + 3))
        elif kind < 0.65:
            height = float(rng.uniform(2, 4.5))
            for x in np.arange(start + 10, start + PIECE, 20):
                slope = block((0, 0), (11, 9), (0, height), Class.TERRAIN, 0.36, slopes=(0, 0, 1.8))
                yield self.place(slope, float(x), side * (paved + 13))
        for _ in range(int(rng.integers(5, 14))):
            plant = objects.tree(rng, float(rng.uniform(1.1, 2.0))) if rng.random() < 0.6 else objects.bush(rng, 1.8)
            yield self.place(plant, float(start + rng.uniform(0, PIECE)), side * float(paved + rng.uniform(9, 45)))
        if rng.random() < 0.25:
            yield self.place(objects.sign(rng), float(start + rng.uniform(10, 50)), side * (paved + 1.8), turn=np.pi)

    def _gantry(self, x: float) -> Iterator[Primitives]:
        """A sign gantry across both carriageways."""
        half = self.ground.paved + 1.4
        parts = [cylinder((0, side * half), 0.2, (0, 7.2), Class.POLE, 0.45) for side in (1, -1)]
        parts.append(block((0, 0), (0.25, half), (6.6, 7.1), Class.POLE, 0.45))
        for offset, turn in ((7.5, 1), (-7.5, -1)):
            parts.append(block((turn * 0.35, offset), (0.04, 3.4), (5.3, 8.2), Class.TRAFFIC_SIGN, 1.0))
        yield self.place(joined(parts), x, 0.0)

    def _bridge(self, x: float) -> Iterator[Primitives]:
        """A road bridge over the motorway on walls and a middle pier."""
        half = self.ground.paved + 4
        yield self.place(
            joined(
                [
                    block((0, 0), (5, half + 12), (5.4, 6.6), Class.OTHER_STRUCTURE, 0.35),
                    block((0, 0), (4, 0.5), (0, 5.4), Class.OTHER_STRUCTURE, 0.35),
                    *[block((0, side * (half + 6)), (5, 6), (0, 5.4), Class.OTHER_STRUCTURE, 0.35) for side in (1, -1)],
                    *[
                        block((end * 4.9, 0), (0.05, half + 12), (6.6, 7.6), Class.FENCE, 0.4, opacity=0.6)
                        for end in (1, -1)
                    ],
                ]
            ),
            x,
            0.0,
        )
