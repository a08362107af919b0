"""What the open sections of the filter panel show: values with their counts, and histograms to brush."""

import calendar
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.http import QueryDict
from django.utils import timezone

from lamm.explorer_filters import BY_NAME, Section, names_to_suggest
from scenes.facets import RANGES, SOURCES, Histogram, facets, histogram
from scenes.selectors import CappedCount

BAR_HEIGHT = 40.0
LOWEST_BAR = 1.5
SUGGESTED = ("tag", "drive", "labeler")


@dataclass(frozen=True)
class Value:
    """A value of a section; `parameter` is the one that it is chosen by, "" when it is not."""

    value: str
    label: str
    count: CappedCount | None
    parameter: str


@dataclass(frozen=True)
class SectionValues:
    section: Section
    values: list[Value]
    suggestions: list[str]


@dataclass(frozen=True)
class Bar:
    """A bar in units of the picture: `top` from above, `height` from there to the ground."""

    top: float
    height: float
    title: str


@dataclass(frozen=True)
class Chart:
    """A histogram as parts/_histogram.html draws it: `edges` has one more than `bars`, `words` one for each edge."""

    section: Section
    bars: list[Bar]
    edges: list[float]
    words: list[str]
    sampled: bool

    @property
    def low(self) -> str:
        return self.words[0]

    @property
    def high(self) -> str:
        return self.words[-1]


def section_values(parameters: QueryDict, names: Iterable[str]) -> list[SectionValues]:
    """The values of these sections, those of other names left out."""
    known = [name for name in names if name in SOURCES and name in BY_NAME]
    found = facets(parameters, known)
    return [_values(parameters, BY_NAME[name], found[name]) for name in known]


def charts(parameters: QueryDict, names: Iterable[str]) -> list[Chart]:
    """The histograms of these sections, those of other names left out."""
    return [_chart(BY_NAME[name], histogram(parameters, name)) for name in names if name in RANGES and name in BY_NAME]


def _values(parameters: QueryDict, section: Section, found: Iterable) -> SectionValues:
    chosen = {value.lower(): name for name in section.parameters for value in parameters.getlist(name)}
    values = [Value(each.value, each.label, each.count, chosen.pop(each.value.lower(), "")) for each in found]
    # What is chosen stays in sight, and so in the form, even where nothing has it.
    given = {value.lower(): value for name in section.parameters for value in parameters.getlist(name)}
    left = [Value(given[key], section.label_of(given[key]), None, name) for key, name in chosen.items()]
    return SectionValues(section, [*left, *values], names_to_suggest(section.name) if section.name in SUGGESTED else [])


def _chart(section: Section, found: Histogram) -> Chart:
    edges = [_shown_seconds(edge) for edge in found.edges] if section.kind == "days" else found.edges
    words = [section.words(edge) for edge in found.edges]
    most = max(found.counts, default=0)
    bars = []
    for index, count in enumerate(found.counts):
        height = max(LOWEST_BAR, BAR_HEIGHT * count / most) if count else 0.0
        title = f"{words[index]} \N{EN DASH} {words[index + 1]}: {count:,}"
        bars.append(Bar(round(BAR_HEIGHT - height, 2), round(height, 2), title))
    return Chart(section, bars, edges, words, found.sampled)


def _shown_seconds(moment: float) -> float:
    """Seconds as the site's clock shows them, so that a browser in another time zone names the same days."""
    local = timezone.localtime(datetime.fromtimestamp(moment, tz=timezone.get_default_timezone()))
    return calendar.timegm(local.timetuple())
