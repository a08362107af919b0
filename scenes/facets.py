"""What stands beside the filters: how many scenes each value would leave, and how numbers are spread.

A facet leaves its own parameter out, so that its values can be compared. Up to SMALL scenes are counted exactly;
of more, the values are those that occur most among the NEWEST ones, each counted by an index up to a cap.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from django.contrib.auth.models import User
from django.db import connection
from django.db.models import Count, F, Func, Q, QuerySet
from django.db.models.expressions import RawSQL
from django.http import QueryDict

from scenes.filters import SceneFilterSet
from scenes.filters.conditions import INGEST_CHOICES, class_labels, in_ingest_state, links_of
from scenes.models import (
    Drive,
    LabelingStatus,
    PositionState,
    Priority,
    Scene,
    SceneTag,
    Tag,
)
from scenes.selectors import COUNT_CAP, CappedCount

SMALL = 2000
NEWEST = 500
MOST_VALUES = 40
SAMPLE = 20_000
RANGES = {
    "duration": "duration_seconds",
    "points": "point_count",
    "frames": "frame_count",
    "size": "size_bytes",
    "max_uncertainty": "max_frame_uncertainty",
    "mean_uncertainty": "mean_frame_uncertainty",
    "captured": "captured_at",
}


@dataclass(frozen=True)
class Facet:
    """One value of a filter, as its parameter and in words: how many scenes it would leave, is it chosen."""

    value: str
    label: str
    count: CappedCount
    chosen: bool


@dataclass(frozen=True)
class Histogram:
    """How a column's values are spread: `counts[i]` scenes from edges[i] to edges[i + 1], the last edge included.

    `captured` is in seconds since 1970-01-01 UTC. `sampled`: evenly spaced scenes were counted, not all. Without any
    value both lists are empty.
    """

    column: str
    edges: list[float]
    counts: list[int]
    sampled: bool


@dataclass(frozen=True)
class Source:
    """Where a facet's values come from.

    `grouped(ids)` gives each key with its count among these scenes, `condition(key)` the scenes with it, `words(keys)`
    the (value, label) by key. `keys` are all there can be, None when the scenes tell.
    """

    grouped: Callable[[list[int]], Iterable[tuple[Any, int]]]
    condition: Callable[[Any], Q]
    words: Callable[[list[Any]], dict[Any, tuple[str, str]]]
    keys: list[Any] | None = None


def facets(parameters: QueryDict, names: Iterable[str]) -> dict[str, list[Facet]]:
    """By name of SOURCES: the values worth offering, most frequent first, those of a fixed list in its order.

    Chosen values are always there. Raises KeyError for other names. At most four queries a name and one for all.
    """
    filterset = SceneFilterSet(parameters, queryset=Scene.objects.all())
    newest: dict[frozenset[str], list[int]] = {}
    asked = [_asked(filterset, name, SOURCES[name], newest) for name in names]
    large = [one for one in asked if one.counts is None]
    counts = iter(capped_counts([rows for one in large for rows in _narrowed(filterset, one)]))
    capped = {one.name: {key: next(counts) for key in one.keys} for one in large}
    return {one.name: _told(one, capped.get(one.name, {})) for one in asked}


@dataclass(frozen=True, eq=False)
class Asked:
    """A facet to be told: its keys, and how often each occurs when that is known already."""

    name: str
    source: Source
    without: list[str]
    chosen: list[Any]
    keys: list[Any]
    counts: dict[Any, int] | None


def _asked(filterset: SceneFilterSet, name: str, source: Source, newest: dict[frozenset[str], list[int]]) -> Asked:
    """Up to SMALL scenes are counted at once; `newest` keeps the scenes of facets that leave the same ones."""
    # Of tags and classes all chosen ones must be there, so the others are counted among the scenes that have these.
    without = [] if name in ("tag", "class") else [name]
    left = frozenset(filterset.asked()) - set(without)
    if left not in newest:
        found = filterset.matching(without=without).order_by("-pk")
        newest[left] = list(found.values_list("pk", flat=True)[: SMALL + 1])
    ids = newest[left]
    small = len(ids) <= SMALL
    counts = dict(source.grouped(ids if small else ids[:NEWEST])) if small or source.keys is None else {}
    chosen = _chosen(filterset.asked().get(name))
    return Asked(name, source, without, chosen, _offered(source, counts, chosen), counts if small else None)


def _chosen(asked: Any) -> list[Any]:
    """What a parameter holds, as keys: choices that are numbers come as texts, a flag alone."""
    if asked is None or isinstance(asked, bool):
        return [] if asked is None else [asked]
    return [int(value) if isinstance(value, str) and value.isdigit() else value for value in asked]


def _offered(source: Source, counts: dict[Any, int], chosen: list[Any]) -> list[Any]:
    if source.keys is not None:
        return source.keys
    frequent = sorted(counts, key=lambda key: -counts[key])[:MOST_VALUES]
    return [*chosen, *(key for key in frequent if key not in chosen)]


def _told(asked: Asked, capped: dict[Any, CappedCount]) -> list[Facet]:
    counts = asked.counts
    told = capped if counts is None else {key: CappedCount(counts.get(key, 0), capped=False) for key in asked.keys}
    words = asked.source.words(asked.keys)
    keys = [key for key in asked.keys if key in words]
    if asked.source.keys is None:
        keys.sort(key=lambda key: (-told[key].value, words[key][1]))
    return [Facet(*words[key], told[key], key in asked.chosen) for key in keys]


def _by_ids(rows: QuerySet[Any], column: str, ids: list[int]) -> QuerySet[Any]:
    """Rows by the ids of their scenes, which travel as one array."""
    return rows.order_by().filter(**{f"{column}__in": RawSQL("SELECT unnest(%s::bigint[])", [ids])})


def _narrowed(filterset: SceneFilterSet, asked: Asked) -> list[QuerySet[Any]]:
    """The scenes that each key leaves; by links of tags alone where these can tell."""
    found = filterset.matching(without=asked.without)
    narrowed: list[QuerySet[Any]] = []
    for key in asked.keys:
        links = None
        if asked.name in ("status", "tag"):
            links = filterset.tag_links(without=asked.without, **{asked.name: key})
        narrowed.append(found.filter(asked.source.condition(key)) if links is None else links)
    return narrowed


def capped_counts(querysets: Sequence[QuerySet[Any]], cap: int = COUNT_CAP) -> list[CappedCount]:
    """The sizes of many sets, each counted no further than the cap, in one statement."""
    if not querysets:
        return []
    parts: list[str] = []
    parameters: list[Any] = []
    for rows in querysets:
        if rows.query.is_empty():
            parts.append("SELECT 0")
            continue
        text, values = rows.order_by().values_list("pk")[: cap + 1].query.sql_with_params()
        parts.append(f"SELECT count(*) FROM ({text}) AS found")  # noqa: S608 - written by the ORM
        parameters.extend(values)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(f'({part})' for part in parts)}", parameters)
        found = cursor.fetchone()
    return [CappedCount(min(count, cap), count > cap) for count in found]


def _column(field: str) -> Callable[[list[int]], Iterable[tuple[Any, int]]]:
    """Scenes by the values of a column, those without one left out."""

    def grouped(ids: list[int]) -> Iterable[tuple[Any, int]]:
        filled = _by_ids(Scene.objects.all(), "pk", ids).filter(**{f"{field}__isnull": False})
        return [(key, n) for key, n in filled.values_list(field).annotate(n=Count("pk")) if key != ""]

    return grouped


def _grouped_tags(ids: list[int]) -> Iterable[tuple[Any, int]]:
    links = _by_ids(SceneTag.objects.all(), "content_object_id", ids)
    return links.values_list("tag_id").annotate(n=Count("pk"))


def _grouped_classes(ids: list[int]) -> Iterable[tuple[Any, int]]:
    each = _by_ids(Scene.objects.all(), "pk", ids).annotate(each=Func(F("class_ids"), function="unnest"))
    keys, counts = np.unique(list(each.values_list("each", flat=True)), return_counts=True)
    return zip(keys.astype(int).tolist(), counts.tolist(), strict=True)


def _grouped_ingest(ids: list[int]) -> Iterable[tuple[Any, int]]:
    states = {state: Count("pk", filter=in_ingest_state(state)) for state, _ in INGEST_CHOICES}
    return _by_ids(Scene.objects.all(), "pk", ids).aggregate(**states).items()


def _choices(pairs: Iterable[tuple[Any, Any]]) -> Callable[[list[Any]], dict[Any, tuple[str, str]]]:
    words = {key: (str(key).lower() if isinstance(key, bool) else str(key), str(label)) for key, label in pairs}
    return lambda keys: {key: words[key] for key in keys}


def _named(rows: Callable[[], QuerySet[Any]], name: str) -> Callable[[list[Any]], dict[Any, tuple[str, str]]]:
    def words(keys: list[Any]) -> dict[Any, tuple[str, str]]:
        return {pk: (said, said) for pk, said in rows().order_by().filter(pk__in=keys).values_list("pk", name)}

    return words


FLAGS = [(True, "Yes"), (False, "No")]
SOURCES: dict[str, Source] = {
    "status": Source(
        _column("status"), lambda key: Q(status=key), _choices(LabelingStatus.choices), list(LabelingStatus.values)
    ),
    "tag": Source(_grouped_tags, lambda key: Q(pk__in=links_of([key])), _named(lambda: Tag.objects.all(), "name")),
    "labeler": Source(
        _column("labeler_id"), lambda key: Q(labeler=key), _named(lambda: User.objects.all(), "username")
    ),
    "drive": Source(_column("drive_id"), lambda key: Q(drive=key), _named(lambda: Drive.objects.all(), "name")),
    "position": Source(
        _column("position_state"),
        lambda key: Q(position_state=key),
        _choices(PositionState.choices),
        list(PositionState.values),
    ),
    "used_in_training": Source(
        _column("used_in_training"), lambda key: Q(used_in_training=key), _choices(FLAGS), [True, False]
    ),
    "class": Source(_grouped_classes, lambda key: Q(class_ids__contains=[key]), _named(class_labels, "label")),
    "source_model": Source(
        _column("uncertainty_source"),
        lambda key: Q(uncertainty_source=key),
        lambda keys: {key: (key, key) for key in keys},
    ),
    "ingest": Source(_grouped_ingest, in_ingest_state, _choices(INGEST_CHOICES), [key for key, _ in INGEST_CHOICES]),
    "priority": Source(
        _column("priority"), lambda key: Q(priority=key), _choices(Priority.choices), list(Priority.values)
    ),
}


def histogram(parameters: QueryDict, column: str, bins: int = 40) -> Histogram:
    """How a column of RANGES is spread over the scenes that match, its own range left out; up to four queries.

    Raises KeyError for another column.
    """
    field = RANGES[column]
    filterset = SceneFilterSet(parameters, queryset=Scene.objects.all())
    filled = filterset.matching(without=[column]).filter(**{f"{field}__isnull": False})
    values = _numbers(filled.values_list(field, flat=True)[: SAMPLE + 1])
    sampled = len(values) > SAMPLE
    if sampled:
        spaced = _numbers(filled.filter(pk__in=_spaced_ids()).values_list(field, flat=True))
        values = spaced if len(spaced) else values
        ends = (
            filled.order_by(field)[:1].values_list(field, flat=True),
            filled.order_by(f"-{field}")[:1].values_list(field, flat=True),
        )
        values = np.concatenate([_numbers(ends[0]), _numbers(ends[1]), values])
    if not len(values):
        return Histogram(column, [], [], sampled=False)
    counts, edges = np.histogram(values, bins=bins)
    return Histogram(column, edges.tolist(), counts.tolist(), sampled)


def _spaced_ids() -> RawSQL:
    """About SAMPLE ids, evenly spaced over all scenes, whichever of them exist."""
    text = """
        SELECT generate_series(low, high, greatest(1, (high - low) / %s))
        FROM (SELECT min(id) AS low, max(id) AS high FROM scenes_scene) AS ends
    """
    return RawSQL(text, [SAMPLE])  # noqa: S611 - nothing of a request is in it


def _numbers(values: Iterable[Any]) -> np.ndarray:
    """As float64 (n,); moments as seconds since 1970-01-01 UTC."""
    return np.array([value.timestamp() if isinstance(value, datetime) else value for value in values], dtype=np.float64)
