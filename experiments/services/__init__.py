"""What may be done with experiments and runs: verbs, keyword-only, one transaction each, the actor passed as `by`."""

from experiments.services.claiming import claim_run, give_back, sweep_silent_runs
from experiments.services.creating import Created, create_run, use_dataset, version_named
from experiments.services.declaring import declare_predictions, withdraw_predictions
from experiments.services.evaluating import recompute, start_evaluation
from experiments.services.experiments import (
    archive_experiment,
    change_experiment,
    create_experiment,
    ensure_experiment,
    restore_experiment,
)
from experiments.services.filing import remove_artifact, save_artifact
from experiments.services.measuring import MetricBatch, Recorded, record_metrics
from experiments.services.predicting import (
    GivenPrediction,
    LateArray,
    RecordedPredictions,
    record_predictions,
)
from experiments.services.recording import (
    change_tags,
    record_environment,
    record_inputs,
    record_parameters,
    remove_tags,
    set_tags,
)
from experiments.services.running import (
    archive_run,
    beat,
    describe_run,
    finish_run,
    restore_run,
    resume_run,
    start_run,
)
from experiments.services.sets import Outcome, archive_runs, restore_runs, tag_runs
from experiments.services.viewing import change_run_view, remove_run_view, save_run_view, set_run_preferences

__all__ = [
    "Created",
    "GivenPrediction",
    "LateArray",
    "MetricBatch",
    "Outcome",
    "Recorded",
    "RecordedPredictions",
    "archive_experiment",
    "archive_run",
    "archive_runs",
    "beat",
    "change_experiment",
    "change_run_view",
    "change_tags",
    "claim_run",
    "create_experiment",
    "create_run",
    "declare_predictions",
    "describe_run",
    "ensure_experiment",
    "finish_run",
    "give_back",
    "recompute",
    "record_environment",
    "record_inputs",
    "record_metrics",
    "record_parameters",
    "record_predictions",
    "remove_artifact",
    "remove_run_view",
    "remove_tags",
    "restore_experiment",
    "restore_run",
    "restore_runs",
    "resume_run",
    "save_artifact",
    "save_run_view",
    "set_run_preferences",
    "set_tags",
    "start_evaluation",
    "start_run",
    "sweep_silent_runs",
    "tag_runs",
    "use_dataset",
    "version_named",
    "withdraw_predictions",
]
