"""Addresses of the tracker for the walk over all routes, and who may use them."""

import re

from experiments.models import Run, RunView

TRACKER = ("runs/list/", "runs/new/")
TRACKER_DECISIONS = {
    "runs": "experiments.view_run",
    **{f"run-list-{part}": "experiments.view_run" for part in ("rows", "sparklines", "keys", "export", "preferences")},
    **{f"run-list-view-{step}": "experiments.view_run" for step in ("save", "edit", "change", "remove")},
    **{f"run-list-{step}": "experiments.add_run" for step in ("bulk", "edit")},
    **{f"run-new{part}": "experiments.add_run" for part in ("", "-state")},
}


def tracker_address(pattern: str, run: Run) -> str:
    """The address with the number of the walked run, or of a view of whoever started it."""
    filled = pattern.replace("<str:action>", "tag").replace("<str:what>", "tags").replace("<str:form>", "csv")
    if "<int:view_id>" in filled:
        view, _ = RunView.objects.get_or_create(owner=run.started_by, name="walked")
        filled = filled.replace("<int:view_id>", str(view.pk))
    return "/" + re.sub(r"<int:run_id>", str(run.pk), filled)
