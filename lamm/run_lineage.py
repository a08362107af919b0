"""Where a run comes from and what came of it, as a picture of boxes that lead to their pages."""

from dataclasses import dataclass

from django.urls import NoReverseMatch, reverse

from experiments.models import Run
from lamm.training_runs import run_page
from registry.selectors import versions_of_runs

BOX_WIDTH, BOX_HEIGHT, COLUMN, ROW, MARGIN = 178, 48, 236, 62, 12
MOST_IN_COLUMN = 12


@dataclass(frozen=True)
class Box:
    """Something of the lineage at its place: what it is, its name, a second line, its page ("" without one)."""

    kind: str
    name: str
    words: str
    url: str
    x: int
    y: int

    @property
    def middle(self) -> int:
        return self.y + BOX_HEIGHT // 2


@dataclass(frozen=True)
class Picture:
    boxes: list[Box]
    paths: list[str]
    width: int
    height: int
    more: int


@dataclass(frozen=True)
class Named:
    """What a box says, before it has a place."""

    kind: str
    name: str
    words: str
    url: str


def lineage_of(run: Run, *, see_models: bool = False) -> Picture:
    """Left what the run was made of, right what was made of it; four queries, at most 12 boxes in a column."""
    left = _sources(run)
    right, more = _results(run, see_models)
    rows = max(len(left), len(right), 1)
    boxes = [*_column(left, 0, rows), *_column([_run(run, "this")], 1, rows), *_column(right, 2, rows)]
    middle = boxes[len(left)]
    paths = [_way(box, middle) for box in boxes[: len(left)]] + [_way(middle, box) for box in boxes[len(left) + 1 :]]
    columns = 3 if right else 2
    width = 2 * MARGIN + (columns - 1) * COLUMN + BOX_WIDTH
    return Picture(boxes, paths, width, 2 * MARGIN + (rows - 1) * ROW + BOX_HEIGHT, more)


def _sources(run: Run) -> list[Named]:
    found = []
    version = run.dataset_version
    if version:
        url = reverse("dataset", args=[version.dataset.name, version.number])
        found.append(Named("dataset", str(version), f"trains on {', '.join(run.train_splits)}", url))
    if run.parent:
        found.append(_run(run.parent, "parent"))
    if run.resumed_from and run.resumed_from_id != run.parent_id:
        found.append(_run(run.resumed_from, "resumed from"))
    return found


def _results(run: Run, see_models: bool) -> tuple[list[Named], int]:
    children = list(run.children.defer("failure").order_by("-pk")[: MOST_IN_COLUMN + 1])
    resumed = list(run.resumptions.exclude(parent=run).defer("failure").order_by("-pk")[: MOST_IN_COLUMN + 1])
    found = [*(_run(one, "child") for one in children), *(_run(one, "resumes it") for one in resumed)]
    found = [*_predictions(run), *(_models(run) if see_models else []), *found]
    return found[:MOST_IN_COLUMN], max(0, len(found) - MOST_IN_COLUMN)


def _predictions(run: Run) -> list[Named]:
    made = getattr(run, "predictions", None)
    if made is None:
        return []
    words = f"{made.frame_count:,} frames"
    return [Named("predictions", "Predictions", words, f"{run_page(run.pk)}?tab=evaluation")]


def _models(run: Run) -> list[Named]:
    """The registered model versions that the run made."""
    found = versions_of_runs([run.pk]).get(run.pk, [])
    return [
        Named(
            "model", str(one), f"model · {one.get_stage_display()}", page_of("model-version", one.model.name, one.label)
        )
        for one in found[:MOST_IN_COLUMN]
    ]


def _run(run: Run, what: str) -> Named:
    words = " · ".join(filter(None, ["" if what == "this" else what, run.architecture or run.name]))
    return Named(what if what == "this" else "run", str(run), words, run_page(run.pk))


def _column(named: list[Named], column: int, rows: int) -> list[Box]:
    top = MARGIN + (rows - len(named)) * ROW // 2
    return [
        Box(one.kind, one.name, one.words[:28], one.url, MARGIN + column * COLUMN, top + place * ROW)
        for place, one in enumerate(named)
    ]


def _way(begin: Box, end: Box) -> str:
    x = begin.x + BOX_WIDTH
    bend = (end.x - x) // 2
    return f"M{x} {begin.middle}C{x + bend} {begin.middle} {x + bend} {end.middle} {end.x} {end.middle}"


def page_of(route: str, *arguments: object) -> str:
    """The address of a page that a later release of the site may have; "" without it."""
    try:
        return reverse(route, args=arguments)
    except NoReverseMatch:
        return ""
