"""Addresses of evaluations of runs for the walk over all routes: a finished one of the walked run."""

import re

from django.utils import timezone

from datasets.models import DatasetVersion
from experiments.models import EvaluationState, Run, RunEvaluation
from scenes.models import Ontology

RUN_EVALUATIONS = "api/^run-evaluations/"
PARTS = ("figures", "breakdown", "scenes", "frames", "confusion", "diff")
RUN_EVALUATION_DECISIONS = {
    "runevaluation-list": {"GET": "experiments.view_run", "POST": "experiments.add_run"},
    "runevaluation-detail": "experiments.view_run",
    "runevaluation-recompute": "experiments.add_run",
    **{f"runevaluation-{part}": "experiments.view_run" for part in PARTS},
}
PARAMETERS = {
    "breakdown/": "?by=split",
    "frames/": "?scene=1",
    "confusion/": "?truth=0&predicted=0",
    "diff/": "?other={number}",
}


def run_evaluation_address(pattern: str, run: Run) -> str:
    """The address for a pattern of the evaluations of runs."""
    number = a_walked_evaluation(run).pk
    filled = re.sub(r"\(\?P<pk>[^)]*\)", str(number), pattern).replace("^", "").replace("$", "").replace("\\Z", "")
    parameters = next((given for part, given in PARAMETERS.items() if filled.endswith(part)), "")
    return f"/{filled}{parameters.format(number=number)}"


def a_walked_evaluation(run: Run) -> RunEvaluation:
    found = RunEvaluation.objects.filter(run=run, state=EvaluationState.DONE).first()
    if found is not None:
        return found
    ontology = Ontology.objects.get(name="SemanticKITTI")
    now = timezone.now()
    return RunEvaluation.objects.create(
        run=run, dataset_version=DatasetVersion.objects.first(), ontology=ontology, splits=["val"], class_count=20,
        state=EvaluationState.DONE, started_at=now, finished_at=now,
    )  # fmt: skip
