"""The experiment tracker: every run in one list that is queried, sorted, grouped and compared with a baseline."""

from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import quote

from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from experiments.models import Run, RunPreferences
from experiments.run_addresses import SHOWING, filters_of
from experiments.run_figures import FIGURES, figure_keys
from experiments.run_listing import NEWEST, RunListing, matching, run_listing
from experiments.run_orders import order_of
from lamm.addresses import addressed, without_blanks
from lamm.run_columns import DENSITIES, STANDARD, Layout, choices, chosen_figures, layout
from lamm.run_filters import chips, language, query_problem, selects, statuses
from lamm.run_groups import GROUPINGS, RunGroup, run_groups
from lamm.run_rows import RunRow, run_rows
from lamm.run_views import run_preferences, run_view_menu

ROWS_CHOICES = (25, 50, 100)
USUAL_ROWS = 25
EXPORTS = (("csv", "CSV"), ("jsonl", "JSON Lines"), ("parquet", "Parquet"))
KEY_HELP = (
    (("/",), "To the query"),
    (("Ctrl", "Space"), "Complete the word in the query"),
    (("j", "k"), "Next and previous run"),
    (("Enter",), "Open the run"),
    (("x",), "Select the run, or take it out"),
    (("Shift", "a"), "Select the page, or nothing of it"),
    (("b",), "Make the run the baseline, or take that back"),
    (("m",), "Compare what is selected"),
    (("e",), "Archive what is selected"),
    (("t",), "Tag what is selected"),
    (("]", "["), "Next and previous page"),
    (("c",), "Columns"),
    (("d",), "Row height"),
    (("v",), "Saved views"),
    (("n",), "New training run"),
    (("?",), "This list"),
    (("Esc",), "Leave a field or a dialog; select nothing"),
)


@dataclass(frozen=True)
class Look:
    """How an address is shown to a person: the columns and all that is not a filter."""

    parameters: QueryDict
    person: User
    preferences: RunPreferences
    layout: Layout

    @property
    def sort(self) -> str:
        return self.parameters.get("sort", NEWEST)

    @property
    def rows(self) -> int:
        return next((size for size in ROWS_CHOICES if str(size) == self.parameters.get("rows")), USUAL_ROWS)

    @property
    def group(self) -> str:
        asked = self.parameters.get("group", "")
        return asked if asked in GROUPINGS else ""

    @property
    def row_context(self) -> dict[str, Any]:
        """What parts/_run_row.html needs beside the row: said once, not once a row."""
        others = self.parameters.copy()
        for name in ("baseline", "after", "before"):
            others.pop(name, None)
        kept = others.urlencode()
        here = self.parameters.urlencode()
        said = {"parameters": self.parameters, "layout": self.layout, "here_quoted": quote(here, safe="")}
        return said | {"without_baseline": f"?{kept}&" if kept else "?", "runs_url": reverse("runs")}

    def writable(self, runs: list[Run]) -> frozenset[int]:
        """The runs of these that the person may describe and tag (services.access.check_writer)."""
        if self.person.has_perm("experiments.change_run"):
            return frozenset(run.pk for run in runs)
        if not self.person.has_perm("experiments.add_run"):
            return frozenset()
        return frozenset(run.pk for run in runs if self.person.pk in (run.started_by_id, run.claimed_by_id))

    def drawn(self, runs: list[Run], baseline: Run | None) -> list[RunRow]:
        everyone = [*runs, *([baseline] if baseline else [])]
        return run_rows(runs, self.layout, baseline=baseline, writable=self.writable(everyone))


def look(request: HttpRequest, parameters: QueryDict) -> Look:
    """How this person sees this address; two queries."""
    person = cast(User, request.user)
    preferences = run_preferences(person)
    figures = figure_keys(chosen_figures(parameters, preferences))
    return Look(parameters, person, preferences, layout(parameters, preferences, figures))


@require_safe
@permission_required("experiments.view_run", raise_exception=True)
def runs(request: HttpRequest) -> HttpResponse:
    parameters = without_blanks(request.GET)
    whole = not request.htmx  # type: ignore[attr-defined]
    shown = look(request, parameters)
    context = results_context(request, shown)
    if whole:
        context |= _frame(shown)
    response = render(request, "pages/runs.html" if whole else "parts/_runs_results.html", context)
    return addressed(request, response, parameters)


def results_context(request: HttpRequest, shown: Look) -> dict[str, Any]:
    """What parts/_runs_results.html shows."""
    parameters = shown.parameters
    problem = query_problem(parameters.get("query", ""))
    baseline = baseline_of(parameters)
    listing, groups, more = _grouped(shown) if shown.group else (_listed(shown), [], False)
    rows = shown.drawn(listing.runs, baseline)
    by_run = {row.run.pk: row for row in rows}
    for group in groups:
        group.rows = [by_run[run.pk] for run in group.runs]
    found = chips(parameters)
    return {
        **shown.row_context,
        "url": reverse("runs"),
        "listing": listing,
        "count": listing.count,
        "rows": rows,
        "groups": groups,
        "more_groups": more,
        "grouping": GROUPINGS.get(shown.group),
        "groupings": [(name, way.label, name == shown.group) for name, way in GROUPINGS.items()],
        "headings": headings(shown.layout, listing.sort),
        "baseline": baseline,
        "chips": found,
        "cleared": _cleared(parameters),
        "query_problem": problem,
        "problems": [] if problem else listing.problems,
        "view_menu": run_view_menu(shown.person, parameters),
        "exports": EXPORTS,
        "densities": DENSITIES,
        "rows_choices": ROWS_CHOICES,
        "rows_chosen": shown.rows,
        "newest": newest_id(shown, listing),
        "none_at_all": not rows and not found and not Run.objects.exists(),
    }


def _listed(shown: Look) -> RunListing:
    parameters = shown.parameters
    return run_listing(
        filters_of(parameters),
        sort=shown.sort,
        after=parameters.get("after", ""),
        before=parameters.get("before", ""),
        rows=shown.rows,
        figures=shown.layout.figures,
    )


def _grouped(shown: Look) -> tuple[RunListing, list[RunGroup], bool]:
    found, problems = matching(filters_of(shown.parameters))
    sort = shown.sort
    order = order_of(sort.removeprefix("-"), shown.layout.figures)
    if order is None:
        sort, order = NEWEST, order_of("id")
    assert order is not None
    groups: list[RunGroup] = []
    more = False
    if not problems:
        descending = sort.startswith("-")
        groups, more = run_groups(found, shown.group, order, descending=descending, parameters=shown.parameters)
    return (
        RunListing([run for group in groups for run in group.runs], found.count, sort, problems=problems),
        groups,
        more,
    )


def baseline_of(parameters: QueryDict) -> Run | None:
    """The run that others are held against, in up to two queries."""
    number = parameters.get("baseline", "").removeprefix("run-")
    if not (number.isascii() and number.isdigit() and len(number) < 19):
        return None
    return Run.objects.for_listing().select_related("parent").filter(pk=int(number)).first()


def newest_id(shown: Look, listing: RunListing) -> int | None:
    """The newest run of a first page of newest runs: what comes after it is new. None on other pages."""
    first = listing.sort == NEWEST and not listing.previous and not shown.group and not listing.problems
    return max((run.pk for run in listing.runs), default=0) if first else None


@dataclass(frozen=True)
class Heading:
    """A column's head: `next_sort` is the order that a click asks for, `state` what aria-sort says."""

    column: Any
    next_sort: str
    state: str


def headings(shown: Layout, sort: str) -> list[Heading]:
    found = []
    for column in shown.columns:
        up, down = column.sort, f"-{column.sort}"
        state = "none" if sort not in (up, down) else "ascending" if sort == up else "descending"
        first, second = (down, up) if column.greatest_first else (up, down)
        found.append(Heading(column, second if sort == first else first, state))
    return found


def _cleared(parameters: QueryDict) -> str:
    """The address of all runs in the present look."""
    kept = parameters.copy()
    for name in (set(kept) - SHOWING) | {"after", "before"}:
        kept.pop(name, None)
    return f"{reverse('runs')}?{kept.urlencode()}" if kept else reverse("runs")


def _frame(shown: Look) -> dict[str, Any]:
    """What stays on the page while the list changes: the filter bar and the dialogs."""
    figures = [
        (figure, shown.preferences.figures.get(figure.name, ""), shown.layout.figures[figure.name][0])
        for figure in FIGURES.values()
    ]
    return {
        "selects": selects(shown.parameters),
        "statuses": statuses(shown.parameters),
        "language": language(),
        "column_choices": choices(shown.layout),
        "standard_columns": STANDARD,
        "figures": figures,
        "key_help": KEY_HELP,
    }
