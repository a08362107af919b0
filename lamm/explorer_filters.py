"""The explorer's filter panel and the chips of what is filtered: which filters there are and what they say."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.http import QueryDict

from lamm.explorer_rules import rules_in_words
from lamm.templatetags.formatting import byte_size, compact_number, duration
from scenes.filters.conditions import INGEST_CHOICES
from scenes.models import Drive, LabelingStatus, PositionState, Priority, Scene, Tag

YES_NO = {"true": "Yes", "false": "No"}
SUGGESTIONS = 300
TAG_MODES = (
    ("tag", "All", "Scenes that have all of these tags"),
    ("tag_any", "Any", "Scenes that have any of these tags"),
    ("tag_none", "None", "Scenes that have none of these tags"),
)


def _plain(value: float) -> str:
    return f"{value:.3g}"


def _day(value: float) -> str:
    return f"{datetime.fromtimestamp(value).astimezone():%Y-%m-%d}"


@dataclass(frozen=True)
class Section:
    """One foldable part of the panel, named as its column.

    `kind` is values (any number of them), one (a single value), tags (all, any, none), range (two numbers) or days.
    `parameter` is the name in the address, for ranges without their ends; `words` draws a number of a range;
    `scale` is how many units of the stored number one unit of the field is, for example 1e6 bytes in a megabyte.
    """

    name: str
    label: str
    kind: str
    parameter: str
    labels: dict[str, str] | None = None
    words: Callable[[float], str] = _plain
    unit: str = ""
    scale: float = 1
    counted: bool = True

    @property
    def ends(self) -> tuple[str, str]:
        low, high = ("after", "before") if self.kind == "days" else ("min", "max")
        return f"{self.parameter}_{low}", f"{self.parameter}_{high}"

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names that it has in an address."""
        if self.kind in ("range", "days"):
            return self.ends
        return tuple(name for name, *_ in TAG_MODES) if self.kind == "tags" else (self.parameter,)

    def label_of(self, value: str) -> str:
        return (self.labels or {}).get(value, value)


def _choices(choices: Iterable[tuple[Any, Any]]) -> dict[str, str]:
    return {str(value): str(label) for value, label in choices}


SECTIONS = (
    Section("status", "Labeling status", "values", "status", _choices(LabelingStatus.choices)),
    Section("tag", "Tags", "tags", "tag"),
    Section("max_uncertainty", "Max frame uncertainty", "range", "max_uncertainty"),
    Section("mean_uncertainty", "Avg. frame uncertainty", "range", "mean_uncertainty"),
    Section("source_model", "Uncertainty source model", "values", "source_model"),
    Section("captured", "Date captured", "days", "captured", words=_day),
    Section("drive", "Drive", "values", "drive"),
    Section("labeler", "Labeler", "values", "labeler"),
    Section("class", "Classes present", "values", "class"),
    Section("used_in_training", "Used in training", "one", "used_in_training", YES_NO),
    Section("position", "GPS position", "values", "position", _choices(PositionState.choices)),
    Section("duration", "Duration", "range", "duration", words=duration, unit="s"),
    Section("points", "Points", "range", "points", words=compact_number),
    Section("frames", "Frames", "range", "frames", words=compact_number),
    Section("size", "Size", "range", "size", words=byte_size, unit="MB", scale=1e6),
    Section("priority", "Priority", "values", "priority", _choices(Priority.choices)),
    Section("due", "Due", "days", "due", words=_day, counted=False),
    Section("overdue", "Overdue", "one", "overdue", YES_NO, counted=False),
    Section("ingest", "Ingest", "values", "ingest", _choices(INGEST_CHOICES)),
    Section("thumbnail", "Has a picture", "one", "thumbnail", YES_NO, counted=False),
)
BY_NAME = {section.name: section for section in SECTIONS}
HISTOGRAMS = tuple(s.name for s in SECTIONS if s.kind in ("range", "days") and s.counted)
FACETS = tuple(s.name for s in SECTIONS if s.kind not in ("range", "days") and s.counted)


@dataclass(frozen=True)
class PanelSection:
    """A section with what is chosen in it: `chosen` are (parameter, value), `low` and `high` the ends of a range."""

    section: Section
    chosen: list[tuple[str, str]]

    @property
    def low(self) -> str:
        return dict(self.chosen).get(self.section.ends[0], "")

    @property
    def high(self) -> str:
        return dict(self.chosen).get(self.section.ends[1], "")

    @property
    def low_shown(self) -> str:
        """The lower end in the unit of its field."""
        return self._scaled(self.low)

    @property
    def high_shown(self) -> str:
        return self._scaled(self.high)

    def _scaled(self, value: str) -> str:
        try:
            return f"{float(value) / self.section.scale:.12g}" if self.section.scale != 1 else value
        except ValueError:
            return value

    @property
    def options(self) -> list[tuple[str, str, bool]]:
        """The values of a section that is not counted: value, label, chosen."""
        values = {value for _, value in self.chosen}
        return [(value, label, value in values) for value, label in (self.section.labels or {}).items()]


def panel(parameters: QueryDict) -> list[PanelSection]:
    """The sections with what the address says of each. No query."""
    return [
        PanelSection(section, [(name, value) for name in section.parameters for value in parameters.getlist(name)])
        for section in SECTIONS
    ]


@dataclass(frozen=True)
class Chip:
    """An active filter in words; `query` is the address without it."""

    key: str
    label: str
    text: str
    query: str


def chips(parameters: QueryDict) -> list[Chip]:
    """What is filtered, one chip a value, one for both ends of a range."""
    found = []
    said = parameters.dict()
    if said.get("search"):
        found.append(Chip("search", "Search", str(said["search"]), without(parameters, "search")))
    for entry in panel(parameters):
        found += (
            _range_chips(parameters, entry)
            if entry.section.kind in ("range", "days")
            else _value_chips(parameters, entry)
        )
    if parameters.get("area"):
        found.append(Chip("area", "Place", "inside the box on the map", without(parameters, "area")))
    if said.get("rules"):
        found.append(Chip("rules", "Rules", rules_in_words(str(said["rules"])), without(parameters, "rules")))
    return found


def _value_chips(parameters: QueryDict, entry: PanelSection) -> list[Chip]:
    section = entry.section
    words = {"tag_any": "Any tag of", "tag_none": "Not tagged", "tag": "Tag"}
    return [
        Chip(name, words.get(name, section.label), section.label_of(value), without_value(parameters, name, value))
        for name, value in entry.chosen
    ]


def _range_chips(parameters: QueryDict, entry: PanelSection) -> list[Chip]:
    if not entry.chosen:
        return []
    section, low, high = entry.section, entry.low, entry.high
    low, high = (_said(section, value) for value in (low, high))
    text = f"{low} \N{EN DASH} {high}" if low and high else f"at least {low}" if low else f"at most {high}"
    if section.kind == "days" and not (low and high):
        text = f"since {low}" if low else f"until {high}"
    return [Chip(section.parameter, section.label, text, without(parameters, *section.ends))]


def _said(section: Section, value: str) -> str:
    """A number of the address as people write it; what is no number stays as it is."""
    if section.kind == "days" or not value:
        return value
    try:
        return section.words(float(value))
    except (ValueError, OverflowError):
        return value


def without(parameters: QueryDict, *names: str) -> str:
    """The query of these parameters without some, and without the page."""
    left = parameters.copy()
    for name in (*names, "page"):
        left.pop(name, None)
    query = left.urlencode()
    return f"?{query}" if query else ""


def without_value(parameters: QueryDict, name: str, value: str) -> str:
    """The query of these parameters without one value of a repeated one, and without the page."""
    left = parameters.copy()
    left.setlist(name, [other for other in left.getlist(name) if other != value])
    return without(left)


def names_to_suggest(section: str) -> list[str]:
    """The first few hundred names of a section whose values may also be typed; any other may be typed, too."""
    match section:
        case "tag":
            return list(Tag.objects.order_by("name").values_list("name", flat=True)[:SUGGESTIONS])
        case "drive":
            return list(Drive.objects.order_by("name").values_list("name", flat=True)[:SUGGESTIONS])
        case "labeler":
            labelers = User.objects.filter(pk__in=Scene.objects.values("labeler")).order_by("username")
            return list(labelers.values_list("username", flat=True)[:SUGGESTIONS])
        case _:
            return []
