"""Addresses of runs for the walk over all routes: rows that the visitor owns, and the parameters that reads need."""

import re

from django.contrib.auth.models import User
from django.utils import timezone

from experiments.models import Artifact, Experiment, FramePrediction, MetricSeries, PredictionSet, Run
from lamm.tests.run_evaluation_addresses import (
    RUN_EVALUATION_DECISIONS,
    RUN_EVALUATIONS,
    run_evaluation_address,
)
from lamm.tests.run_page_addresses import PAGE, RUN_PAGE_DECISIONS, run_page_address
from lamm.tests.tracker_addresses import TRACKER, TRACKER_DECISIONS, tracker_address
from scenes import storage
from scenes.models import Frame, Ontology, StoredFile

# Who may use the routes of runs (test_routes.DECISIONS). Which run is decided by its owner.
RUN_DECISIONS = {
    "experiment-list": {"GET": "experiments.view_experiment", "POST": "experiments.add_experiment"},
    "experiment-detail": {"GET": "experiments.view_experiment", "PATCH": "experiments.add_experiment"},
    **{f"experiment-{step}": "experiments.add_experiment" for step in ("archive", "restore")},
    "run-list": {"GET": "experiments.view_run", "POST": "experiments.add_run"},
    "run-detail": {"GET": "experiments.view_run", "PATCH": "experiments.add_run"},
    "run-environment": {"GET": "experiments.view_run", "POST": "experiments.add_run"},
    **{f"run-{part}": "experiments.add_run" for part in ("metrics", "parameters", "tags", "inputs", "heartbeat")},
    **{f"run-{step}": "experiments.add_run" for step in ("start", "finish", "resume", "archive", "restore", "dataset")},
    **{f"run-{step}": "experiments.add_run" for step in ("claim", "give-back")},
    "run-artifacts": "experiments.view_run",
    "run-artifact": {
        "GET": "experiments.view_run",
        "PUT": "experiments.add_run",
        "DELETE": "experiments.add_run",
    },
    "run-predictions": {
        "GET": "experiments.view_run",
        "PUT": "experiments.add_run",
        "DELETE": "experiments.add_run",
    },
    **{f"run-{part}": "experiments.add_run" for part in ("prediction-frames", "predictions-known")},
    **{f"prediction{part}": "experiments.view_run" for part in ("-list", "-detail", "set-list", "set-detail", "-file")},
    **{f"metric-{part}": "experiments.view_run" for part in ("list", "chart", "history", "keys")},
    **RUN_PAGE_DECISIONS,
    **TRACKER_DECISIONS,
    **RUN_EVALUATION_DECISIONS,
}
PARAMETERS = {"metrics/chart/": "?run={run}&key=loss", "metrics/history/": "?run={run}&key=loss"}

PREDICTIONS = ("api/^predictions/", "api/^prediction-sets/", "files/predictions/")


def prediction_address(pattern: str, run: Run) -> str:
    """The address of the walked run's prediction of a frame, or of all of them."""
    row = FramePrediction.objects.select_related("classes").get(prediction_set__run=run)
    number = row.prediction_set_id if "sets" in pattern else row.pk
    filled = re.sub(r"\(\?P<pk>[^)]*\)|<int:prediction_id>", str(number), pattern).replace("<str:part>", "classes")
    filled = filled.replace("<str:digest>", row.classes.digest)
    return "/" + filled.replace("^", "").replace("$", "").replace("\\Z", "")


def run_address(pattern: str, person: User | None) -> str:
    """The address for a pattern of runs, experiments or metrics; nothing for others."""
    if pattern.startswith(TRACKER):
        return tracker_address(pattern, Run.objects.select_related("started_by").get(pk=a_walked_run(person).pk))
    if pattern.startswith((PAGE, "files/runs/")):
        return run_page_address(pattern, a_walked_run(person))
    if pattern.startswith(RUN_EVALUATIONS):
        return run_evaluation_address(pattern, a_walked_run(person))
    if pattern.startswith(PREDICTIONS):
        return prediction_address(pattern, a_walked_run(person))
    if not pattern.startswith(("api/^runs", "api/runs", "api/^experiments", "api/^metrics")):
        return ""
    run = a_walked_run(person)
    number = run.experiment_id if "experiments" in pattern else run.pk
    filled = re.sub(r"\(\?P<pk>[^)]*\)|<int:run_id>", str(number), pattern).replace("<path:path>", "a.txt")
    filled = filled.replace("^", "").replace("$", "").replace("\\Z", "")
    parameters = next((given for part, given in PARAMETERS.items() if part in filled), "")
    return f"/{filled}{parameters.format(run=run.pk)}"


def a_walked_run(person: User | None) -> Run:
    """The one run of the walk, now of this person, with a metric and an artifact."""
    owner = person or User.objects.get(username="owner")
    experiment, _ = Experiment.objects.get_or_create(name="walked")
    Experiment.objects.filter(pk=experiment.pk).update(created_by=owner)
    run = Run.objects.first()
    if run is None:
        run = Run.objects.create(experiment=experiment, started_by=owner, status="queued")
        MetricSeries.objects.create(run=run, key="loss")
        kept = StoredFile.objects.row_for(storage.save_bytes(b"walked", storage=storage.ORIGINALS))
        Artifact.objects.create(run=run, path="a.txt", file=kept)
        a_walked_prediction(run, kept)
    Run.objects.update(started_by=owner)
    return run


def a_walked_prediction(run: Run, kept: StoredFile) -> None:
    """A frame that the run predicts."""
    frame = Frame.objects.order_by("pk").first()
    ontology = Ontology.objects.order_by("pk").first()
    predictions = PredictionSet.objects.create(run=run, ontology=ontology, declared_by=run.started_by)
    facts = {"scene": frame.scene, "frame": frame, "classes": kept, "point_count": 6}
    predictions.frames.create(recorded_by=run.started_by, recorded_at=timezone.now(), **facts)
