"""What may be done with experiments and runs: verbs, keyword-only, one transaction each, the actor passed as `by`."""

from experiments.services.claiming import claim_run, give_back, sweep_silent_runs
from experiments.services.creating import Created, create_run, use_dataset, version_named
from experiments.services.experiments import (
    archive_experiment,
    change_experiment,
    create_experiment,
    ensure_experiment,
    restore_experiment,
)
from experiments.services.filing import remove_artifact, save_artifact
from experiments.services.measuring import MetricBatch, Recorded, record_metrics
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

__all__ = [
    "Created",
    "MetricBatch",
    "Recorded",
    "archive_experiment",
    "archive_run",
    "beat",
    "change_experiment",
    "change_tags",
    "claim_run",
    "create_experiment",
    "create_run",
    "describe_run",
    "ensure_experiment",
    "finish_run",
    "give_back",
    "record_environment",
    "record_inputs",
    "record_metrics",
    "record_parameters",
    "remove_artifact",
    "remove_tags",
    "restore_experiment",
    "restore_run",
    "resume_run",
    "save_artifact",
    "set_tags",
    "start_run",
    "sweep_silent_runs",
    "use_dataset",
    "version_named",
]
