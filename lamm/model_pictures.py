"""The picture of where a version comes from: scenes, dataset versions, runs, models, evaluations, left to right."""

from dataclasses import dataclass, field

from django.db.models import Count
from django.urls import reverse

from datasets.models import DatasetVersion, Item
from experiments.models import Run, RunEvaluation
from experiments.selectors import lineage
from lamm.training_runs import run_page
from registry.models import ModelVersion

WIDTH, HEIGHT, STEP, LANE, MARGIN = 138, 46, 164, 58, 6
MOST_IN_A_COLUMN = 6
COLUMNS = ("Scenes", "Dataset versions", "Runs", "Models", "Ensemble", "Evaluations")
SCENES, DATASETS, RUNS, MODELS, ENSEMBLE, EVALUATIONS = range(6)
LONGEST_NAME = 17


@dataclass
class Node:
    """A thing at its place; `key` is what ways name it by. Coordinates in pixels, set when all nodes are there."""

    key: str
    column: int
    name: str
    words: str
    url: str
    current: bool = False
    x: int = 0
    y: int = 0

    @property
    def short(self) -> str:
        return self.name if len(self.name) <= LONGEST_NAME else f"{self.name[: LONGEST_NAME - 1]}…"

    @property
    def middle(self) -> int:
        return self.y + HEIGHT // 2


@dataclass
class ModelLineage:
    """Nodes, the ways between them as SVG paths, and the heads of the columns with their x."""

    nodes: list[Node] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    heads: list[tuple[str, int]] = field(default_factory=list)
    hidden: int = 0
    width: int = 0
    height: int = 0


class _Drawing:
    """Collects nodes and ways; a column that is full takes no more."""

    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}
        self.ways: list[tuple[str, str]] = []
        self.hidden = 0

    def add(self, node: Node) -> None:
        if node.key in self.nodes:
            return
        if sum(one.column == node.column for one in self.nodes.values()) >= MOST_IN_A_COLUMN:
            self.hidden += 1
            return
        self.nodes[node.key] = node

    def join(self, start: str, end: str) -> None:
        if (start, end) not in self.ways:
            self.ways.append((start, end))


def model_lineage(version: ModelVersion) -> ModelLineage:
    """The picture of a version; the number of queries grows with the runs that its runs were resumed from only."""
    drawing = _Drawing()
    members = list(version.members.all())
    _add_model(drawing, version, current=True, column=ENSEMBLE if members else MODELS)
    runs: list[tuple[Run | None, str]] = [(version.run, f"model-{version.pk}")] if version.run else []
    for member in members:
        if member.version is not None:
            _add_model(drawing, member.version)
            drawing.join(f"model-{member.version_id}", f"model-{version.pk}")
            if member.version.run_id:
                runs.append((member.version.run, f"model-{member.version_id}"))
        elif member.run is not None:
            runs.append((member.run, f"model-{version.pk}"))
    for run, model in runs:
        _add_run(drawing, run, model)
    if version.run is not None:
        for parent in lineage(version.run, most=3):
            _add_run(drawing, parent, f"run-{version.run.pk}")
    _add_datasets(drawing)
    _add_evaluations(drawing, version)
    return _placed(drawing)


def _add_model(drawing: _Drawing, version: ModelVersion, *, current: bool = False, column: int = MODELS) -> None:
    url = reverse("model-version", args=[version.model.name, version.label])
    words = f"{version.label} · {version.get_stage_display()}"
    drawing.add(Node(f"model-{version.pk}", column, version.model.name, words, url, current))


def _add_run(drawing: _Drawing, run: Run | None, end: str) -> None:
    if run is None:
        return
    key = f"run-{run.pk}"
    drawing.add(Node(key, RUNS, str(run), run.architecture or run.get_status_display(), run_page(run.pk)))
    drawing.join(key, end)
    if run.dataset_version_id:
        drawing.join(f"dataset-{run.dataset_version_id}", key)


def _add_datasets(drawing: _Drawing) -> None:
    """The dataset versions that ways begin at, and how many scenes they hold. Two queries."""
    ids = {int(start.removeprefix("dataset-")) for start, _ in drawing.ways if start.startswith("dataset-")}
    versions = DatasetVersion.objects.filter(pk__in=ids).select_related("dataset")
    counts = dict(Item.objects.filter(version__in=ids).order_by().values_list("version").annotate(n=Count("pk")))
    for one in versions.defer("certificate", "statistics", "drawn").order_by("pk"):
        url = reverse("dataset", args=[one.dataset.name, one.number])
        drawing.add(Node(f"dataset-{one.pk}", DATASETS, str(one), one.get_state_display(), url))
        scenes = counts.get(one.pk, 0)
        name, key = f"{scenes:,} scene{'' if scenes == 1 else 's'}", f"scenes-{one.pk}"
        drawing.add(Node(key, SCENES, name, f"of {one}", f"{reverse('builder', args=[one.pk])}"))
        drawing.join(key, f"dataset-{one.pk}")


def _add_evaluations(drawing: _Drawing, version: ModelVersion) -> None:
    """The server's evaluations of the version's run that count now. One query."""
    if version.run_id is None:
        return
    rows = RunEvaluation.objects.filter(run=version.run_id, current=True, state="done")
    rows = rows.select_related("dataset_version__dataset").defer("missing", "dataset_version__certificate")
    for one in rows.order_by("-pk")[: MOST_IN_A_COLUMN + 1]:
        rate = "no mIoU" if one.miou is None else f"mIoU {one.miou:.3f}"
        url = run_page(version.run_id)
        key = f"evaluation-{one.pk}"
        words = f"{rate} · {', '.join(one.splits)}"
        drawing.add(Node(key, EVALUATIONS, str(one.dataset_version), words, f"{url}?tab=evaluation" if url else ""))
        drawing.join(f"model-{version.pk}", key)


def _placed(drawing: _Drawing) -> ModelLineage:
    """Columns side by side, each in the middle of the height; empty ones at the ends are left out."""
    columns = [[node for node in drawing.nodes.values() if node.column == index] for index in range(len(COLUMNS))]
    used = [index for index, nodes in enumerate(columns) if nodes]
    tallest = max(len(nodes) for nodes in columns)
    head = 22
    for rank, index in enumerate(used):
        start = head + MARGIN + (tallest - len(columns[index])) * LANE // 2
        for place, node in enumerate(columns[index]):
            node.x, node.y = MARGIN + rank * STEP, start + place * LANE
    found = ModelLineage(list(drawing.nodes.values()), hidden=drawing.hidden)
    found.paths = [
        _way(drawing.nodes[start], drawing.nodes[end])
        for start, end in drawing.ways
        if start in drawing.nodes and end in drawing.nodes
    ]
    found.heads = [(COLUMNS[index], MARGIN + rank * STEP) for rank, index in enumerate(used)]
    found.width = 2 * MARGIN + (len(used) - 1) * STEP + WIDTH
    found.height = head + 2 * MARGIN + (tallest - 1) * LANE + HEIGHT
    return found


def _way(start: Node, end: Node) -> str:
    """From the right side of one node to the left of another; within a column beside it."""
    if start.column == end.column:
        side = start.x + WIDTH
        bend = side + 20
        return f"M{side} {start.middle} C{bend} {start.middle} {bend} {end.middle} {side} {end.middle}"
    begin = start.x + WIDTH
    half = (begin + end.x) // 2
    return f"M{begin} {start.middle} C{half} {start.middle} {half} {end.middle} {end.x} {end.middle}"
