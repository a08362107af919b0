"""Addresses of runs for the walk over all routes: rows that the visitor owns, and the parameters that reads need."""

import re

from django.contrib.auth.models import User

from experiments.models import Artifact, Experiment, MetricSeries, Run
from scenes import storage
from scenes.models import StoredFile

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
    **{f"metric-{part}": "experiments.view_run" for part in ("list", "chart", "history", "keys")},
}
PARAMETERS = {"metrics/chart/": "?run={run}&key=loss", "metrics/history/": "?run={run}&key=loss"}


def run_address(pattern: str, person: User | None) -> str:
    """The address for a pattern of runs, experiments or metrics; nothing for others."""
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
    Run.objects.update(started_by=owner)
    return run
