"""What the server's evaluation of a run says, as its page shows it: classes, confusion, scenes, doors to points."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import numpy as np
from django.urls import reverse

from experiments import evaluation_selectors as selectors
from experiments.models import ACTIVE_EVALUATION_STATES, EvaluationRule, Run, RunEvaluation, SceneSums
from experiments.models.evaluations import EvaluationState
from scenes.errors import RefusedError
from scenes.models import Scene

SCENES_ON_A_PAGE, FRAMES_SHOWN, DIFF_SHOWN, SHADES = 25, 50, 25, 10
SHOWN = {"row": "Rows: of the true points", "column": "Columns: of the predicted points", "count": "Counts"}
BY = {"range": "Range", "tag": "Tag", "slice": "Slice", "split": "Split"}


@dataclass(frozen=True)
class Choice:
    """What an address chooses of an evaluation: the rule, the scenes that are meant, and how they are shown."""

    rule: str = ""
    split: str = ""
    slice: str = ""
    tag: str = ""
    show: str = "row"
    by: str = "range"
    order: str = "worst"
    page: int = 1

    @property
    def scope(self) -> dict[str, str]:
        return {"split": self.split, "slice": self.slice, "tag": self.tag}

    def address(self, **changed: Any) -> str:
        """The query of the tab with some things chosen otherwise; what is usual is left out."""
        usual = Choice()
        given = {name: getattr(self, name) for name in self.__dataclass_fields__} | {"page": 1} | changed
        kept = {name: value for name, value in given.items() if value != getattr(usual, name, "")}
        return urlencode({"tab": "evaluation", **kept})


def chosen(given: Any) -> Choice:
    """The choice that a query makes. Raises RefusedError for a word that there is not."""
    known = {"rule": ["", *EvaluationRule.values], "show": list(SHOWN), "by": list(BY)}
    words = {name: given.get(name, "") for name in ("rule", "split", "slice", "tag", "show", "by", "order", "page")}
    choice = {name: text[:100] for name, text in words.items() if text and name != "page"}
    for name, values in known.items():
        if name in choice and choice[name] not in values:
            raise RefusedError(f"{name}: {choice[name][:40]!r} is unknown. Use {', '.join(filter(None, values))}.")
    page = words["page"] or "1"
    if not (page.isascii() and page.isdigit() and 0 < int(page[:9]) < 100_000 and len(page) < 9):
        raise RefusedError(f"page: {page[:20]!r} is no number of a page.", field="page")
    return Choice(**choice, page=int(page))


def newest_state(run: Run) -> RunEvaluation | None:
    """The newest evaluation of a run, if it is under way or failed; one query."""
    newest = RunEvaluation.objects.filter(run=run.pk).select_related("dataset_version__dataset", "started_by").defer(
        "missing", "dataset_version__certificate", "dataset_version__statistics", "dataset_version__drawn"
    ).order_by("-pk").first()  # fmt: skip
    return newest if newest is not None and newest.state != EvaluationState.DONE else None


def is_active(evaluation: RunEvaluation | None) -> bool:
    return evaluation is not None and evaluation.state in ACTIVE_EVALUATION_STATES


@dataclass(frozen=True)
class ClassLine:
    """A class with its rates and its true points; `other` is the same of another run, where one is compared."""

    index: int
    name: str
    colour: str
    ignored: bool
    iou: float | None
    precision: float | None
    recall: float | None
    support: int
    gained: float | None = None


def shown_classes(figures: selectors.Figures) -> list[dict[str, Any]]:
    """The classes that occur, truly or as a prediction, or that are judged; in the order of their index."""
    size = len(figures.iou)
    seen = figures.confusion.sum(axis=0) + figures.confusion.sum(axis=1)
    return [one for one in figures.classes if one["index"] < size and (seen[one["index"]] or not one["ignored"])]


def class_lines(figures: selectors.Figures, delta: Sequence[float | None] = ()) -> list[ClassLine]:
    return [
        ClassLine(
            one["index"],
            one["name"],
            one["colour"],
            one["ignored"],
            figures.iou[one["index"]],
            figures.precision[one["index"]],
            figures.recall[one["index"]],
            int(figures.confusion[one["index"]].sum()),
            delta[one["index"]] if one["index"] < len(delta) else None,
        )
        for one in shown_classes(figures)
    ]


@dataclass(frozen=True)
class Cell:
    """Points of a class that were predicted as a class. `share` is of their row or column, `shade` 0..10 follows it."""

    truth: int
    predicted: int
    count: int
    share: float | None
    shade: int
    words: str

    @property
    def right(self) -> bool:
        return self.truth == self.predicted


@dataclass(frozen=True)
class MatrixRow:
    entry: dict[str, Any]
    total: int
    cells: list[Cell]


@dataclass(frozen=True)
class Matrix:
    classes: list[dict[str, Any]]
    rows: list[MatrixRow]


def seen_classes(figures: selectors.Figures) -> list[dict[str, Any]]:
    """The classes that occur, truly or as a prediction."""
    seen = figures.confusion.sum(axis=0) + figures.confusion.sum(axis=1)
    return [one for one in figures.classes if one["index"] < len(seen) and seen[one["index"]]]


def matrix(figures: selectors.Figures, show: str) -> Matrix:
    """The confusion as a table: rows are true classes, columns predicted ones; shares of rows unless of columns."""
    classes = seen_classes(figures)
    indices = [one["index"] for one in classes]
    counts = figures.confusion[np.ix_(indices, indices)]
    totals = counts.sum(axis=0)[None, :] if show == "column" else counts.sum(axis=1)[:, None]
    shares = np.divide(counts, totals, out=np.full(counts.shape, np.nan), where=totals > 0)
    rows = []
    for place, one in enumerate(classes):
        cells = [
            _cell(one, other, int(counts[place, at]), float(shares[place, at]), show)
            for at, other in enumerate(classes)
        ]
        rows.append(MatrixRow(one, int(counts[place].sum()), cells))
    return Matrix(classes, rows)


def _cell(truth: dict[str, Any], predicted: dict[str, Any], count: int, share: float, show: str) -> Cell:
    known = None if share != share else share
    # The square root lets rare confusions be seen beside the large ones.
    shade = 0 if not known else max(1, round(SHADES * known**0.5))
    of = f"predicted {predicted['name']}" if show == "column" else f"true {truth['name']}"
    told = "" if known is None else f", {100 * known:.2f} % of all {of}"
    words = f"{truth['name']} predicted as {predicted['name']}: {count:,} points{told}"
    return Cell(truth["index"], predicted["index"], count, known, shade, words)


def viewer_address(
    scene: int, run: int, label_set: int | None, *, frame: int | None = None, only: tuple[int, int] | None = None
) -> str:
    """Where the scene page shows a run's errors against the labels that were used, at a frame, or only one kind."""
    asked: dict[str, Any] = {} if frame is None else {"frame_id": frame}
    if label_set is not None:
        asked["colour"] = f"error:labels:{label_set}~predictions:{run}"
    if only is not None:
        asked["only"] = f"{only[0]},{only[1]}"
    return f"{reverse('scene', args=[scene])}?{urlencode(asked, safe=':~,')}"


@dataclass(frozen=True)
class SceneRow:
    """An evaluated scene with what the explorer knows of it; `ious` are those of the shown classes."""

    figures: selectors.SceneFigures
    scene: Scene | None
    ious: list[float | None]
    viewer: str


def scene_rows(
    evaluation: RunEvaluation, choice: Choice, indices: Sequence[int], run: Run
) -> tuple[list[SceneRow], bool]:
    """A page of the evaluated scenes in their order, and whether there are more; three queries."""
    offset = (choice.page - 1) * SCENES_ON_A_PAGE
    found = selectors.scene_figures(
        evaluation, **choice.scope, order=choice.order, offset=offset, limit=SCENES_ON_A_PAGE + 1
    )
    shown = found[:SCENES_ON_A_PAGE]
    known = Scene.objects.for_listing().in_bulk([one.scene for one in shown])
    rows = [
        SceneRow(
            one,
            known.get(one.scene),
            [one.iou[index] if index < len(one.iou) else None for index in indices],
            viewer_address(one.scene, run.pk, one.label_set),
        )
        for one in shown
    ]
    return rows, len(found) > SCENES_ON_A_PAGE


@dataclass(frozen=True)
class FrameDoor:
    """A frame with points of a wanted kind, and where they are seen."""

    name: str
    index: int
    scene: str
    points: int
    url: str


def confused_frames(evaluation: RunEvaluation, cell: tuple[int, int], scope: dict[str, str]) -> list[FrameDoor]:
    """The frames with the most points of a cell, most first, each a door to exactly these points."""
    truth, predicted = cell
    found = selectors.frames_with_confusion(evaluation, truth=truth, predicted=predicted, most=FRAMES_SHOWN, **scope)
    sets = label_sets(evaluation, {one.scene for one in found})
    run = evaluation.run_id
    return [
        FrameDoor(
            one.frame_name, one.index, one.scene_name, one.points,
            viewer_address(one.scene, run, sets.get(one.scene), frame=one.frame, only=cell),
        )
        for one in found
    ]  # fmt: skip


def label_sets(evaluation: RunEvaluation, scenes: set[int]) -> dict[int, int | None]:
    """By scene id: the label set that the evaluation used; one query."""
    rows = SceneSums.objects.filter(evaluation=evaluation.pk, scene__in=scenes).order_by()
    return dict(rows.values_list("scene_id", "label_set_id"))


@dataclass(frozen=True)
class FrameLine:
    figures: selectors.FrameFigures
    ious: list[float | None]
    url: str


def frame_lines(evaluation: RunEvaluation, scene: int, rule: str, indices: Sequence[int]) -> list[FrameLine]:
    """The frames of a scene, worst first, each a door to its errors; three queries."""
    sets = label_sets(evaluation, {scene})
    found = selectors.frame_figures(evaluation, scene, rule=rule)
    found.sort(key=lambda one: (one.miou is None, one.miou, one.index))
    return [
        FrameLine(
            one,
            [one.iou[index] if index < len(one.iou) else None for index in indices],
            viewer_address(scene, evaluation.run_id, sets.get(scene), frame=one.frame),
        )
        for one in found[:FRAMES_SHOWN]
    ]


@dataclass(frozen=True)
class PartLine:
    """The figures of a range band, tag, slice or split, and where the tab shows it alone."""

    name: str
    figures: selectors.Figures
    url: str


def part_lines(evaluation: RunEvaluation, choice: Choice) -> list[PartLine]:
    """The figures by what is chosen; three queries."""
    found = selectors.figures_by(evaluation, choice.by, rule=choice.rule, split=choice.split)
    chosen_by = choice.by if choice.by in ("tag", "slice", "split") else ""
    return [
        PartLine(name, figures, f"?{choice.address(**{chosen_by: name})}" if chosen_by else "")
        for name, figures in found
    ]


def cell_of(text: str, size: int) -> tuple[int, int] | None:
    """A cell in an address, "3,5": truth and prediction. Raises RefusedError for anything else."""
    if not text:
        return None
    parts = text.split(",")
    numbers = [int(part) for part in parts if part.isascii() and part.isdigit() and len(part) < 4]
    if len(parts) != 2 or len(numbers) != 2 or max(numbers) >= size:
        raise RefusedError(f"cell: {text[:20]!r} is no cell. Write two class indices, such as 3,5.", field="cell")
    return numbers[0], numbers[1]
