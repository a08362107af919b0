"""The builder's right side: the staged scenes of a version, its figures, and whether something changed since."""

from dataclasses import dataclass
from hashlib import sha256
from math import ceil
from typing import Any

from django.db.models import Count, F, Max, Prefetch, Q, QuerySet, Sum
from django.http import QueryDict
from django.urls import reverse

from datasets import selectors
from datasets.filters import ItemFilterSet
from datasets.models import DatasetVersion, Item, Split
from datasets.services.permissions import BUILD, FREEZE
from lamm.dataset_figures import by_split, class_bars, segments, tag_bars
from lamm.overlays import Person
from scenes.models import Scene
from scenes.selectors import CappedCount, capped_count

ROWS = 25
# Larger drafts are drawn when somebody asks for it, not after each change.
DRAWN_AT_ONCE = 20_000
POLL_SECONDS = 4
TABS = {"scenes": "Scenes", "statistics": "Statistics", "slices": "Slices"}
OWN = frozenset({"staged_tab", "staged_search", "staged_split", "staged_sort", "staged_page"})
SORTS = {
    "name": ("scene__name",),
    "split": ("split", "scene__name"),
    "drive": (F("scene__drive__name").asc(nulls_last=True), "id"),
    "frames": ("scene__frame_count", "id"),
    "points": ("scene__point_count", "id"),
    "captured": (F("scene__captured_at").asc(nulls_last=True), "id"),
}
HEADINGS = (("name", "Scene"), ("split", "Split"), ("drive", "Drive"), ("frames", "Frames"), ("points", "Points"))


@dataclass(frozen=True)
class Builder:
    """What every part of the builder's page asks for: the version, whether it is open to this person, and why not."""

    version: DatasetVersion
    open: bool
    may_freeze: bool
    reason: str
    staged_ids: frozenset[int] = frozenset()
    matching: str = ""


def builder_of(
    version: DatasetVersion, person: Person, *, scenes: list[Scene] | None = None, matching: str = ""
) -> Builder:
    """One query when `scenes` of the left side are given: which of them are staged."""
    reason = _reason(version, person)
    ids = [scene.pk for scene in scenes or []]
    held = version.items.filter(scene__in=ids).values_list("scene_id", flat=True) if ids else []
    return Builder(version, not reason, person.has_perm(FREEZE), reason, frozenset(held), matching)


def _reason(version: DatasetVersion, person: Person) -> str:
    """Why nothing can be changed here; "" where it can."""
    if not version.is_draft:
        return f"{version} is {version.get_state_display().lower()}. Nothing of it changes any more."
    return "" if person.has_perm(BUILD) else "Your account may look at datasets, not build them."


def stamp(version: DatasetVersion) -> str:
    """Changes with everything that the staging area shows of the version itself. Two queries."""
    items = version.items.aggregate(
        count=Count("pk"), last=Max("pk"), sum=Sum("pk"), said=Count("pk", filter=~Q(fixed_split="")),
        **{split: Count("pk", filter=Q(split=split)) for split in Split.values},
        **{f"fixed_{split}": Count("pk", filter=Q(fixed_split=split)) for split in Split.values},
    )  # fmt: skip
    slices = version.slices.aggregate(count=Count("pk"), last=Max("pk"))
    told = [version.state, version.plan_number, version.notes, version.drawn.get("plan"), *items.values()]
    return sha256(repr([*told, *slices.values()]).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Staged:
    """A page of the staged scenes. `query` is the part of the address that says which page of what."""

    items: list[Item]
    count: CappedCount
    page: int
    last_page: int
    sort: str
    headings: list[tuple[str, str, str, str]]

    @property
    def previous_page(self) -> int:
        return self.page - 1

    @property
    def next_page(self) -> int:
        return self.page + 1


def staged(version: DatasetVersion, parameters: QueryDict) -> Staged:
    """The staged scenes that match the search and the split of the address, sorted. At most four queries."""
    found = ItemFilterSet(_item_filters(parameters), queryset=version.items.all()).qs
    search = parameters.get("staged_search", "")
    if search:
        found = found.filter(Q(scene__name__icontains=search) | Q(scene__drive__name__icontains=search))
    count = capped_count(found)
    last = max(1, ceil(count.value / ROWS))
    page = min(_number(parameters.get("staged_page", "")), last)
    sort = parameters.get("staged_sort", "")
    rows = list(_sorted(found, sort)[(page - 1) * ROWS : page * ROWS])
    return Staged(rows, count, page, last, sort, _headings(sort))


def _item_filters(parameters: QueryDict) -> QueryDict:
    given = QueryDict(mutable=True)
    if parameters.get("staged_split") in Split.values:
        given["split"] = parameters.get("staged_split", "")
    return given


def _number(text: str) -> int:
    return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 7 else 1


def _sorted(items: QuerySet[Item], sort: str) -> QuerySet[Item]:
    rows = items.prefetch_related(Prefetch("scene", queryset=Scene.objects.for_listing()))
    order = SORTS.get(sort.removeprefix("-"))
    if order is None:
        return rows.order_by("-id")
    ordered = rows.order_by(*order)
    return ordered.reverse() if sort.startswith("-") else ordered


def _headings(sort: str) -> list[tuple[str, str, str, str]]:
    """Name, words, the sort that a click asks for, and how it is sorted now."""
    found = []
    for name, words in HEADINGS:
        first, second = (f"-{name}", name) if name in ("frames", "points") else (name, f"-{name}")
        now = "ascending" if sort == name else "descending" if sort == f"-{name}" else "none"
        found.append((name, words, second if sort == first else first, now))
    return found


def figures(version: DatasetVersion) -> dict[str, Any]:
    """The figures of the summary and of the tab of statistics; at most four queries."""
    statistics = selectors.statistics(version)
    return {
        "statistics": statistics,
        "total": statistics["total"],
        "splits": by_split(statistics),
        "bar": segments({name: counts["scenes"] for name, counts in statistics["splits"].items()}),
        "classes": class_bars(statistics),
        "tags": tag_bars(statistics),
        "explanations": version.drawn.get("explanations", []),
    }


def live(builder: Builder, parameters: QueryDict) -> dict[str, Any]:
    """Everything of the staging area that changes by itself, in a constant number of queries."""
    version = builder.version
    tab = parameters.get("staged_tab", "")
    shown = figures(version)
    scenes = shown["total"]["scenes"]
    current = selectors.splits_are_current(version)
    query = own_query(parameters)
    return shown | {
        "builder": builder,
        "version": version,
        "stamp": stamp(version),
        "poll_seconds": POLL_SECONDS,
        "tabs": TABS,
        "tab": tab if tab in TABS else "scenes",
        "staged_query": query,
        "staged_parameters": query,
        "staged": staged(version, parameters) if tab not in ("statistics", "slices") else None,
        "staged_url": reverse("builder-staged", args=[version.pk]),
        "slices": slice_rows(version) if tab == "slices" else [],
        "split_choices": Split.choices,
        "current": current,
        "drawing": builder.open and not current and 0 < scenes <= DRAWN_AT_ONCE,
        "staged_search": parameters.get("staged_search", ""),
        "staged_split": parameters.get("staged_split", ""),
    }


@dataclass(frozen=True)
class SliceRow:
    """A slice with its size."""

    pk: int
    name: str
    rule: str
    scenes: int
    digest: str


def slice_rows(version: DatasetVersion) -> list[SliceRow]:
    """The slices of a version, by name; a query for each rule of a draft."""
    sizes = selectors.sizes_of_slices(version)
    return [
        SliceRow(one.pk, one.name, one.rule, sizes.get(one.pk, 0), one.digest)
        for one in version.slices.order_by("name")
    ]


def own_query(parameters: QueryDict) -> QueryDict:
    """The part of an address that belongs to the staging area."""
    own = QueryDict(mutable=True)
    for name in sorted(OWN & set(parameters)):
        own[name] = parameters.get(name, "")
    return own


def without_own(parameters: QueryDict) -> QueryDict:
    """The part of an address that belongs to the explorer on the left."""
    left = parameters.copy()
    for name in OWN & set(left):
        left.pop(name)
    return left
