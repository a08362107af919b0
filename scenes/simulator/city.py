"""A city without an end: a grid of streets, and each block between them furnished from a seed of its own."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from scenes.simulator import buildings, objects
from scenes.simulator.classes import SemanticClass
from scenes.simulator.ground import (
    KERB_HEIGHT,
    LANE_WIDTH,
    PARKING_WIDTH,
    SIDEWALK_WIDTH,
    StreetAxis,
    StreetGround,
)
from scenes.simulator.primitives import Primitives, joined, placed

STREETS = 161  # per direction; the grid reaches about seven kilometres each way from its middle
MIDDLE = STREETS // 2
_AXIS_SEEDS = {"x": 1, "y": 2}
_BLOCK_SEED = 3


def street_axis(seed: int, axis: str, pitch: tuple[float, float]) -> StreetAxis:
    """The parallel streets of one direction, the middle one at 0, the next `pitch` (least, most) metres
    away.
    """
    rng = np.random.default_rng([seed, _AXIS_SEEDS[axis]])
    centres = np.cumsum(rng.uniform(*pitch, STREETS))
    lanes = np.where(rng.random(STREETS) < 0.4, 2, 1)
    half_widths = lanes * LANE_WIDTH + PARKING_WIDTH
    return StreetAxis(centres - centres[MIDDLE], half_widths, rng.random(STREETS) < 0.4)


@dataclass(frozen=True)
class Side:
    """One side of a block, seen from the street: `start` is its left end, `heading` points along it to the
    right.

    The block lies to the left of the heading, so +y of a part placed by `place` points away from the
    street.
    """

    start: tuple[float, float]
    heading: float
    length: float
    verge: bool

    def place(
        self, part: Primitives, along: float, inward: float, *, turn: float = 0.0, raised: bool = True
    ) -> Primitives:
        """`part` at a distance along the kerb and inward of it (negative: on the street), turned against
        the heading.
        """
        cosine, sine = np.cos(self.heading), np.sin(self.heading)
        x = self.start[0] + along * cosine - inward * sine
        y = self.start[1] + along * sine + inward * cosine
        return placed(part, float(x), float(y), self.heading + turn, z=KERB_HEIGHT if raised else 0.0)


@dataclass(frozen=True)
class Walker:
    """A person who walks to and fro along one side of a block, or stands when `speed` is 0."""

    side: Side
    standing: Primitives = field(repr=False)
    begin: float
    inward: float
    speed: float
    reach: float

    def at(self, time: float) -> Primitives:
        """The person at `time` seconds."""
        if self.speed == 0:
            return self.side.place(self.standing, self.begin, self.inward, turn=self.begin)
        way = self.speed * time + self.begin
        turns, along = divmod(way, self.reach)
        returning = int(turns) % 2 == 1
        walking = objects.striding(self.standing, float(np.sin(way * 4.2)))
        walking["label"] = SemanticClass.MOVING_PERSON
        return self.side.place(
            walking,
            4 + (self.reach - along if returning else along),
            self.inward,
            turn=np.pi if returning else 0.0,
        )


@dataclass(frozen=True)
class Block:
    """What stands on and around one block, and who walks there."""

    still: Primitives
    walkers: tuple[Walker, ...]


class City:
    """The streets of a seed and, made on demand, the blocks between them."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.ground = StreetGround(street_axis(seed, "x", (72, 105)), street_axis(seed, "y", (62, 90)))
        self._blocks: dict[tuple[int, int], Block] = {}

    def blocks_near(self, x: float, y: float, reach: float) -> list[Block]:
        """The blocks that come within `reach` metres of a place, in a fixed order."""
        columns, rows = (
            range(max(int(np.searchsorted(axis.centres, at - reach)) - 1, 0),
                  min(int(np.searchsorted(axis.centres, at + reach)), STREETS - 1))
            for axis, at in ((self.ground.across_x, x), (self.ground.across_y, y))
        )  # fmt: skip
        return [self.block(column, row) for column in columns for row in rows]

    def block(self, column: int, row: int) -> Block:
        """The block east of street `column` and north of street `row`."""
        found = self._blocks.get((column, row))
        if found is None:
            found = self._blocks[column, row] = self._build(column, row)
        return found

    def _build(self, column: int, row: int) -> Block:
        rng = np.random.default_rng([self.seed, _BLOCK_SEED, column, row])
        sides = self._sides(column, row)
        park = rng.random() < 0.1
        parts = list(_park(rng, sides) if park else _houses(rng, sides))
        for side in sides:
            parts.extend(_furniture(rng, side))
            parts.extend(_parked(rng, side))
        walkers = tuple(walker for side in sides for walker in _walkers(rng, side))
        return Block(joined(parts), walkers)

    def _sides(self, column: int, row: int) -> list[Side]:
        across_x, across_y = self.ground.across_x, self.ground.across_y
        west = float(across_x.centres[column] + across_x.half_widths[column])
        east = float(across_x.centres[column + 1] - across_x.half_widths[column + 1])
        south = float(across_y.centres[row] + across_y.half_widths[row])
        north = float(across_y.centres[row + 1] - across_y.half_widths[row + 1])
        return [
            Side((west, south), 0.0, east - west, bool(across_y.verges[row])),
            Side((east, south), np.pi / 2, north - south, bool(across_x.verges[column + 1])),
            Side((east, north), np.pi, east - west, bool(across_y.verges[row + 1])),
            Side((west, north), -np.pi / 2, north - south, bool(across_x.verges[column])),
        ]


def _houses(rng: np.random.Generator, sides: list[Side]) -> Iterator[Primitives]:
    """Rows of houses along all four sides; the first and third side own the corners."""
    storeys = int(rng.integers(2, 6))
    depth = float(rng.uniform(9.5, 12.5))
    for number, side in enumerate(sides):
        setback = SIDEWALK_WIDTH + float(rng.choice([0.05, 0.05, 2.2, 3.5]))
        corner = SIDEWALK_WIDTH + (0.3 if number % 2 == 0 else depth + 5.0)
        along = corner
        while side.length - corner - along > 7:
            width = min(float(rng.uniform(8, 17)), side.length - corner - along)
            if rng.random() < 0.14:
                yield from _gap(rng, side, along, width, setback)
            else:
                floors = int(np.clip(storeys + rng.integers(-1, 2), 1, 6))
                house = buildings.house(rng, width - 0.06, depth, floors)
                yield side.place(house, along + width / 2, setback + float(rng.choice([0, 0, 0.25])))
                yield from _front_garden(rng, side, along, width, setback)
            along += width


def _gap(rng: np.random.Generator, side: Side, along: float, width: float, setback: float) -> Iterator[Primitives]:
    """A yard between two houses: a fence or hedge on the street and a tree behind."""
    middle = along + width / 2
    border = objects.fence(width - 0.4, 1.6) if rng.random() < 0.5 else objects.hedge(width - 0.4, 1.4)
    yield side.place(border, middle, setback)
    yield side.place(objects.tree(rng, 1.1), middle, setback + 5)


def _front_garden(
    rng: np.random.Generator, side: Side, along: float, width: float, setback: float
) -> Iterator[Primitives]:
    if setback < SIDEWALK_WIDTH + 1:
        return
    border = (
        objects.hedge(width - 1.6, float(rng.uniform(0.7, 1.3)))
        if rng.random() < 0.5
        else objects.fence(width - 1.6, 1.0)
    )
    yield side.place(border, along + width / 2 + 0.7, SIDEWALK_WIDTH + 0.4)
    for place in rng.uniform(1, width - 1, int(rng.integers(0, 3))):
        yield side.place(objects.bush(rng, 0.8), along + float(place), setback - 0.8)


def _park(rng: np.random.Generator, sides: list[Side]) -> Iterator[Primitives]:
    """Trees and bushes at random, a hedge around with an opening in the middle of each side."""
    front, deep = sides[0], sides[1].length
    for _ in range(int(front.length * deep / 110)):
        along, inward = rng.uniform(6, front.length - 6), rng.uniform(6, deep - 6)
        plant = objects.tree(rng, rng.uniform(0.9, 1.6)) if rng.random() < 0.7 else objects.bush(rng)
        yield front.place(plant, along, inward)
    for side in sides:
        half = side.length / 2 - 6
        for middle in (4 + half / 2, side.length - 4 - half / 2):
            yield side.place(objects.hedge(half, 1.1), middle, SIDEWALK_WIDTH + 0.5)


def _furniture(rng: np.random.Generator, side: Side) -> Iterator[Primitives]:
    """Lamp posts, street trees, signs, traffic lights and bollards along the kerb."""
    inward = 0.75
    lamps = np.arange(rng.uniform(8, 14), side.length - 6, 26.0)
    for along in lamps:
        yield side.place(objects.lamp_post(float(rng.uniform(6.5, 8.0))), float(along), inward * 0.7, turn=-np.pi / 2)
    if side.verge or rng.random() < 0.3:
        for along in np.arange(rng.uniform(7, 11), side.length - 7, rng.uniform(8.5, 13)):
            if np.min(np.abs(lamps - along), initial=9.0) > 2.2 and rng.random() < 0.9:
                yield side.place(objects.tree(rng, float(rng.uniform(0.8, 1.1))), float(along), inward)
    for along in rng.uniform(9, side.length - 9, int(rng.integers(1, 3))):
        yield side.place(objects.sign(rng), float(along), 0.45, turn=np.pi * int(rng.integers(0, 2)))
    yield side.place(objects.traffic_light(), side.length - 1.2, 0.5, turn=np.pi)
    if rng.random() < 0.4:
        for along in np.arange(3.0, 8.0, 1.2):
            yield side.place(objects.bollard(), float(along), 0.3)


def _parked(rng: np.random.Generator, side: Side) -> Iterator[Primitives]:
    """Cars, and now and then a lorry, parked along the kerb clear of the crossings."""
    fill = rng.uniform(0.6, 0.95)
    along = 10.0
    while along < side.length - 12:
        long_one = rng.random() < 0.012
        if rng.random() < fill:
            vehicle = objects.truck(rng) if long_one else objects.car(rng)
            inward = -1.15 + float(rng.normal(0, 0.07)) - 0.15 * long_one
            yield side.place(vehicle, along + 4.5 * long_one, inward, turn=float(rng.normal(0, 0.02)), raised=False)
        along += 11.5 if long_one else float(rng.uniform(5.4, 6.3))


def _walkers(rng: np.random.Generator, side: Side) -> Iterator[Walker]:
    for _ in range(int(rng.poisson(side.length / 15))):
        speed = 0.0 if rng.random() < 0.2 else float(rng.uniform(0.9, 1.6))
        reach = side.length - 8
        begin = float(rng.uniform(0, reach if speed == 0 else 2 * reach))
        inward = float(rng.uniform(1.75, SIDEWALK_WIDTH - 0.35))
        yield Walker(side, objects.person(rng), begin, inward, speed, reach)
