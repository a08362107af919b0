"""What stands above every tab of a run's page: who it is, how it does, what it came from, what can be done with it."""

from collections.abc import Sequence
from typing import Any

from django.contrib.auth.models import User
from django.shortcuts import get_object_or_404

from experiments.models import MetricSeries, Run, RunStatus
from experiments.services.access import ADD_RUN, CHANGE_RUN
from lamm.run_artifacts import model_of
from lamm.run_evaluation_tab import evaluation_facts
from lamm.run_lineage import page_of
from lamm.run_metrics import final_metrics
from lamm.templatetags.formatting import rough_duration

REFRESH_SECONDS = 5


def run_at(run_id: int) -> Run:
    """A run with all that its page shows of it and of what it comes from; two queries."""
    related = ["experiment", "started_by", "claimed_by", "dataset_version__dataset", "environment", "predictions",
               "parent", "resumed_from"]  # fmt: skip
    large = [f"dataset_version__{name}" for name in ("statistics", "drawn")]
    large += ["parent__failure", "resumed_from__failure"]
    found = Run.objects.select_related(*related).defer(*large).prefetch_related("tags")
    return get_object_or_404(found, pk=run_id)


def header(run: Run, series: Sequence[MetricSeries], person: User) -> dict[str, Any]:
    """The context of parts/_run_head.html; two queries beside what came with the run."""
    tags = {tag.key: tag.value for tag in run.tags.all()}
    version = run.dataset_version
    return {
        "run": run,
        "tags": list(run.tags.all()),
        "told": final_metrics(series),
        "model": model_of(run, tags),
        "certificate": version.certificate if version and not version.is_draft else None,
        "live": not run.ended,
        "progress": progress(run),
        "refresh_seconds": REFRESH_SECONDS,
        **evaluation_facts(run),
        **ways(run, person),
    }


def ways(run: Run, person: User) -> dict[str, Any]:
    """What this person may do with the run, and where; addresses are "" while the site has no such page."""
    own = person.pk in (run.started_by_id, run.claimed_by_id) and person.has_perm(ADD_RUN)
    may_write = own or person.has_perm(CHANGE_RUN)
    promote = page_of("model-promote") if person.has_perm("registry.add_modelversion") else ""
    clone = page_of("run-new") if person.has_perm(ADD_RUN) else ""
    return {
        "may_archive": may_write and run.ended and not run.archived,
        "may_restore": may_write and run.archived,
        "may_kill": may_write and not run.ended and not run.archived,
        "clone": f"{clone}?from={run.pk}" if clone else "",
        "compare": page_of("runs-compare"),
        "runs": page_of("runs"),
        "promote": f"{promote}?run={run.pk}" if promote and run.status == RunStatus.COMPLETED else "",
    }


def progress(run: Run) -> dict[str, Any] | None:
    """How far an active run is, and how long it will take at its speed so far; None while it does not say."""
    if run.ended or not run.steps_total or run.steps_done is None:
        return None
    share = min(1.0, run.steps_done / run.steps_total)
    seconds = run.duration.total_seconds() if run.duration else 0.0
    moves = run.status == RunStatus.RUNNING and share > 0 and seconds > 1
    left = rough_duration(seconds * (1 - share) / share) if moves else ""
    return {"done": run.steps_done, "total": run.steps_total, "percent": 100 * share, "left": left}
