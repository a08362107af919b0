"""Pictures of a data card: where versions come from, and where scenes begin. Both are drawn as SVG by templates."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, cos, radians

from django.db.models import Count, F
from django.db.models.functions import Mod

from datasets.models import DatasetVersion
from datasets.selectors import LineageVersion
from scenes.models import PositionState

STEP, LANE, NODE_WIDTH, NODE_HEIGHT, MARGIN = 156, 64, 120, 44, 10
MOST_VERSIONS = 200
MOST_POINTS = 2000
MAP_WIDTH, MAP_HEIGHT, MAP_MARGIN = 640, 360, 24
METRES_PER_DEGREE = 111_320.0


@dataclass(frozen=True)
class Node:
    """A version at its place in the picture."""

    version: LineageVersion
    number: int
    x: int
    y: int

    @property
    def middle(self) -> int:
        return self.y + NODE_HEIGHT // 2


@dataclass(frozen=True)
class Lineage:
    """Nodes from left to right in the order of their numbers, and the way from each parent as an SVG path."""

    nodes: list[Node]
    paths: list[str]
    width: int
    height: int
    older: int


def lineage_picture(versions: Sequence[LineageVersion]) -> Lineage:
    """The first child goes on in its parent's lane, every other one in a lane of its own."""
    shown = versions[-MOST_VERSIONS:]
    lanes: dict[int, int] = {}
    continued: set[int] = set()
    nodes: dict[int, Node] = {}
    paths = []
    for place, version in enumerate(shown):
        parent = version.parent_id if version.parent_id in lanes else None
        if parent is None or parent in continued:
            lane = max(lanes.values(), default=-1) + 1
        else:
            lane = lanes[parent]
            continued.add(parent)
        lanes[version.id] = lane
        number = int(version.name.rpartition("v")[2])
        node = Node(version, number, MARGIN + place * STEP, MARGIN + lane * LANE)
        nodes[version.id] = node
        if parent is not None:
            paths.append(_way(nodes[parent], node))
    width = 2 * MARGIN + max(0, len(shown) - 1) * STEP + NODE_WIDTH
    height = 2 * MARGIN + max(lanes.values(), default=0) * LANE + NODE_HEIGHT
    return Lineage(list(nodes.values()), paths, width, height, len(versions) - len(shown))


def _way(parent: Node, child: Node) -> str:
    begin, bend = parent.x + NODE_WIDTH, 18
    curve = f"C{begin + bend} {parent.middle} {begin + bend} {child.middle} {begin + 2 * bend} {child.middle}"
    return f"M{begin} {parent.middle} {curve} H{child.x}"


@dataclass(frozen=True)
class Spot:
    """Where a scene begins, in the units of the picture."""

    x: float
    y: float
    name: str
    split: str
    scene_id: int


@dataclass(frozen=True)
class StartMap:
    """Start points in a plane about their middle, north up, with a bar that says how many metres it is long."""

    spots: list[Spot]
    located: int
    bar_width: float
    bar_words: str
    width: int = MAP_WIDTH
    height: int = MAP_HEIGHT


def start_map(version: DatasetVersion) -> StartMap | None:
    """The start points of at most 2000 scenes, evenly taken by their ids; None where no scene has one. Two queries."""
    placed = version.items.filter(scene__position_state=PositionState.KNOWN, scene__start_latitude__isnull=False)
    located = placed.aggregate(count=Count("pk"))["count"]
    if not located:
        return None
    every = ceil(located / MOST_POINTS)
    if every > 1:
        placed = placed.annotate(rest=Mod(F("pk"), every)).filter(rest=0)
    columns = ("scene__start_latitude", "scene__start_longitude", "scene__name", "split", "scene_id")
    rows = list(placed.order_by("pk").values_list(*columns)[: MOST_POINTS + 1])
    return _drawn(rows, located) if rows else None


def _drawn(rows: Sequence[tuple[float, float, str, str, int]], located: int) -> StartMap:
    latitudes, longitudes = [row[0] for row in rows], _without_a_jump([row[1] for row in rows])
    middle = (min(latitudes) + max(latitudes)) / 2
    narrow = max(0.01, cos(radians(middle)))
    # A single place is drawn a hundred metres wide.
    height = max(max(latitudes) - min(latitudes), 100 / METRES_PER_DEGREE)
    width = max((max(longitudes) - min(longitudes)) * narrow, 100 / METRES_PER_DEGREE)
    scale = min((MAP_WIDTH - 2 * MAP_MARGIN) / width, (MAP_HEIGHT - 2 * MAP_MARGIN) / height)
    centre = (min(longitudes) + max(longitudes)) / 2
    spots = [
        Spot(
            round(MAP_WIDTH / 2 + (longitude - centre) * narrow * scale, 1),
            round(MAP_HEIGHT / 2 - (latitude - middle) * scale, 1),
            name,
            split or "none",
            scene,
        )
        for longitude, (latitude, _, name, split, scene) in zip(longitudes, rows, strict=True)
    ]
    metres = round_length(120 / scale * METRES_PER_DEGREE)
    words = f"{metres / 1000:g} km" if metres >= 1000 else f"{metres:g} m"
    return StartMap(spots, located, round(metres / METRES_PER_DEGREE * scale, 1), words)


def _without_a_jump(longitudes: list[float]) -> list[float]:
    """Across the date line the eastern half goes on beyond 180 degrees."""
    if max(longitudes) - min(longitudes) <= 180:
        return longitudes
    return [longitude + 360 if longitude < 0 else longitude for longitude in longitudes]


def round_length(metres: float) -> float:
    """The largest 1, 2 or 5 times a power of ten that is not longer."""
    power = 1.0
    while power * 10 <= metres:
        power *= 10
    while power > metres:
        power /= 10
    return max(factor * power for factor in (1, 2, 5) if factor * power <= metres)
