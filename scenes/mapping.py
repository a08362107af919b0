"""Where the scenes that a query finds were recorded: tracks of a few, start points of more, clusters of many."""

from dataclasses import dataclass, field
from typing import Any

from django.db import connection
from django.db.models import Count, F, Max, Min, Q, QuerySet
from django.db.models.functions import Floor
from django.http import QueryDict

from scenes.filters import SceneFilterSet
from scenes.filters.conditions import within
from scenes.models import PositionState, Scene
from scenes.selectors import CappedCount, capped_count

Area = tuple[float, float, float, float]  # west, south, east, north in degrees (WGS 84)
Place = tuple[float, float]  # latitude, longitude

MOST_TRACKS, MOST_POINTS, MOST_SAMPLED = 200, 2000, 50_000
TRACK_POINTS = 48


@dataclass
class MappedScene:
    """A scene with its way in playing order: at least its start and its end."""

    id: int
    name: str
    status: str
    way: list[Place]


@dataclass(frozen=True)
class Cluster:
    """Scenes that start in one cell, at the middle of their start points."""

    latitude: float
    longitude: float
    count: int


@dataclass(frozen=True)
class SceneMap:
    """What a map shows of the scenes that match.

    `located` and `missing` count the matching scenes with and without a usable position; an `area` of the query does
    not change `missing`: a scene without a position lies in no area. `extent` holds what is shown. `sampled` tells
    that the clusters count only the first scenes of very many.
    """

    located: CappedCount
    missing: CappedCount
    extent: Area | None
    scenes: list[MappedScene] = field(default_factory=list)
    clusters: list[Cluster] = field(default_factory=list)
    sampled: bool = False


def scene_map(parameters: QueryDict, *, view: Area | None, cell: float) -> SceneMap:
    """The scenes that `parameters` find and that start in `view` (None: everywhere); many as clusters.

    A cluster is a cell of `cell` degrees. At most seven queries. A filter that is refused finds nothing.
    """
    matching = SceneFilterSet(parameters, queryset=Scene.objects.all()).matching()
    located = matching.filter(position_state=PositionState.KNOWN)
    there, missing = capped_count(located), _missing(parameters)
    seen = located.filter(within(view)) if view else located
    rows = list(seen.order_by("-pk").values_list(*STARTS)[: MOST_POINTS + 1])
    if len(rows) > MOST_POINTS:
        clusters, extent, sampled = _clusters(seen, cell)
        return SceneMap(there, missing, extent, clusters=clusters, sampled=sampled)
    scenes = [MappedScene(pk, name, status, [(a, b), (c, d)]) for pk, name, status, a, b, c, d in rows]
    if len(scenes) <= MOST_TRACKS:
        _add_ways(scenes)
    return SceneMap(there, missing, _extent([place for scene in scenes for place in scene.way]), scenes=scenes)


STARTS = ("pk", "name", "status", "start_latitude", "start_longitude", "end_latitude", "end_longitude")


def _missing(parameters: QueryDict) -> CappedCount:
    anywhere = parameters.copy()
    anywhere.pop("area", None)
    matching = SceneFilterSet(anywhere, queryset=Scene.objects.all()).matching()
    return capped_count(matching.filter(~Q(position_state=PositionState.KNOWN)))


def _clusters(seen: QuerySet[Scene], cell: float) -> tuple[list[Cluster], Area | None, bool]:
    first = Scene.objects.filter(pk__in=seen.order_by("-pk").values("pk")[: MOST_SAMPLED + 1])
    cells: list[Any] = list(
        first.order_by()
        .annotate(row=Floor(F("start_latitude") / cell), column=Floor(F("start_longitude") / cell))
        .values("row", "column")
        .annotate(
            count=Count("pk"), south=Min("start_latitude"), north=Max("start_latitude"),
            west=Min("start_longitude"), east=Max("start_longitude"),
        )
    )  # fmt: skip
    clusters = [
        Cluster((one["south"] + one["north"]) / 2, (one["west"] + one["east"]) / 2, one["count"]) for one in cells
    ]
    corners = [(one[a], one[b]) for one in cells for a, b in (("south", "west"), ("north", "east"))]
    return clusters, _extent(corners), sum(one["count"] for one in cells) > MOST_SAMPLED


def _extent(places: list[Place]) -> Area | None:
    if not places:
        return None
    latitudes, longitudes = [place[0] for place in places], [place[1] for place in places]
    return min(longitudes), min(latitudes), max(longitudes), max(latitudes)


WAYS = """
    SELECT frame.scene_id, frame.latitude, frame.longitude
    FROM (SELECT id, frame_count FROM scenes_scene WHERE id = ANY(%(scenes)s)) AS scene
    CROSS JOIN LATERAL (
        SELECT DISTINCT (step * greatest(scene.frame_count - 1, 0) / %(steps)s)::int AS index
        FROM generate_series(0, %(steps)s) AS step
    ) AS picked
    JOIN scenes_frame AS frame ON frame.scene_id = scene.id AND frame.index = picked.index
    WHERE frame.latitude IS NOT NULL AND frame.longitude IS NOT NULL
    ORDER BY frame.scene_id, frame.index
"""


def _add_ways(scenes: list[MappedScene]) -> None:
    """Evenly spaced frames of each scene, found by their index: long and short scenes cost the same."""
    ways: dict[int, list[Place]] = {}
    with connection.cursor() as cursor:
        cursor.execute(WAYS, {"scenes": [scene.id for scene in scenes], "steps": TRACK_POINTS - 1})
        for scene_id, latitude, longitude in cursor.fetchall():
            ways.setdefault(scene_id, []).append((latitude, longitude))
    for scene in scenes:
        way = ways.get(scene.id, [])
        scene.way = way if len(way) > 1 else scene.way
