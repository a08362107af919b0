"""The tab of a run's page that shows its evaluation, and the steps that begin one."""

from typing import Any, cast

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.cache import patch_cache_control
from django.views.decorators.http import require_POST, require_safe

from experiments import evaluation_selectors as selectors
from experiments.models import EvaluationRule, Run, RunEvaluation
from experiments.services import evaluating
from experiments.services.access import ADD_RUN
from lamm.errors import words
from lamm.run_evaluations import (
    BY,
    DIFF_SHOWN,
    SHOWN,
    Choice,
    cell_of,
    chosen,
    class_lines,
    confused_frames,
    frame_lines,
    is_active,
    label_sets,
    matrix,
    newest_state,
    part_lines,
    scene_rows,
    seen_classes,
    viewer_address,
)
from scenes.errors import DomainError

VIEW_RUN = "experiments.view_run"
PARAMETERS = {
    "rule", "split", "slice", "tag", "show", "by", "order", "page", "cell", "scene", "against",
}  # fmt: skip
REFRESH_SECONDS = 2


def evaluation_facts(run: Run) -> dict[str, Any]:
    """What the head of the page says of the newest finished evaluation; one query."""
    evaluation = selectors.latest_evaluation(run)
    return {"evaluation": evaluation, "contamination": selectors.contamination(evaluation) if evaluation else None}


def evaluation_context(
    given: QueryDict, run: Run, evaluation: RunEvaluation | None, other: Run | None
) -> dict[str, Any]:
    """Everything that the tab shows; a constant number of queries, whatever the size of the evaluation."""
    pending = newest_state(run)
    context = state_context(run, pending) | {"predictions": getattr(run, "predictions", None), "rules": EvaluationRule}
    if evaluation is None:
        return context
    choice = chosen(given)
    figures = selectors.figures(evaluation, rule=choice.rule, split=choice.split, slice=choice.slice, tag=choice.tag)
    cell = cell_of(given.get("cell", ""), len(figures.iou))
    judged = [one for one in seen_classes(figures) if not one["ignored"]]
    indices = [one["index"] for one in judged]
    rows, more = scene_rows(evaluation, choice, indices, run)
    diff = diff_context(evaluation, other, choice) if other else {}
    return context | diff | {
        "choice": choice,
        "clear_tag": choice.address(tag=""),
        "cell_address": choice.address(page=choice.page),
        "scene_address": choice.address(page=choice.page),
        "scope_address": choice.address(tag=""),
        "figures": figures,
        "rule_name": EvaluationRule(figures.rule).label,
        "classes": class_lines(figures, diff["diff"].delta if diff.get("diff") else ()),
        "matrix": matrix(figures, choice.show),
        "shown": [(name, label, f"?{choice.address(show=name)}#matrix") for name, label in SHOWN.items()],
        "by": [(name, label, f"?{choice.address(by=name)}#parts") for name, label in BY.items()],
        "parts": part_lines(evaluation, choice),
        "rows": rows,
        "pages": _pages(choice, more),
        "orders": _orders(choice, judged),
        "slices": list(evaluation.dataset_version.slices.values_list("name", flat=True)[:100]),
        "mismatches": selectors.mismatches(evaluation),
        "outdated_words": selectors.outdated_sentence(evaluation),
        **_drill(given, evaluation, cell, choice, indices, figures),
    }  # fmt: skip


def _drill(
    given: QueryDict,
    evaluation: RunEvaluation,
    cell: tuple[int, int] | None,
    choice: Choice,
    indices: list[int],
    figures: selectors.Figures,
) -> dict[str, Any]:
    """What is opened of the whole: the frames of one cell, the frames of one scene."""
    found: dict[str, Any] = {"cell": cell, "opened": None}
    if cell:
        names = {one["index"]: one["name"] for one in figures.classes}
        found["cell_names"] = [names.get(index, f"class {index}") for index in cell]
        found["cell_points"] = int(figures.confusion[cell])
        found["doors"] = confused_frames(evaluation, cell, choice.scope)
    scene = given.get("scene", "")
    if scene.isascii() and scene.isdigit() and len(scene) < 19:
        found["opened"] = int(scene)
        found["frames"] = frame_lines(evaluation, int(scene), choice.rule, indices)
    return found


def _pages(choice: Choice, more: bool) -> dict[str, str]:
    before = f"?{choice.address(page=choice.page - 1)}#scenes" if choice.page > 1 else ""
    return {"before": before, "after": f"?{choice.address(page=choice.page + 1)}#scenes" if more else ""}


def _orders(choice: Choice, judged: list[dict[str, Any]]) -> dict[str, Any]:
    """Where a click on a heading leads: the other end by mIoU, a class worst first."""
    other = "best" if choice.order == "worst" else "worst"
    by_class = [
        (one, f"?{choice.address(order='class:{}'.format(one['index']))}#scenes",
         choice.order == f"class:{one['index']}")
        for one in judged
    ]  # fmt: skip
    return {"miou": f"?{choice.address(order=other)}#scenes", "classes": by_class}


def diff_context(evaluation: RunEvaluation, other: Run, choice: Choice) -> dict[str, Any]:
    """What changed from another run to this one, on the frames that both were evaluated on."""
    theirs = selectors.latest_evaluation(other)
    if theirs is None:
        return {"other": other, "theirs": None}
    diff = selectors.evaluation_diff(theirs, evaluation, most=DIFF_SHOWN, rule=choice.rule)
    lists = [
        ("fixed", "Fixed", "circle-check", diff.fixed, diff.fixed_count),
        ("broken", "Broken", "circle-alert", diff.broken, diff.broken_count),
        ("hard", "Still hard", "target", diff.still_hard, diff.still_hard_count),
    ]
    sets = label_sets(evaluation, {one.scene for _, _, _, frames, _ in lists for one in frames})
    told = [
        (kind, title, icon, count,
         [(one, viewer_address(one.scene, evaluation.run_id, sets.get(one.scene), frame=one.frame)) for one in frames])
        for kind, title, icon, frames, count in lists
    ]  # fmt: skip
    before, after = diff.miou
    gained = None if before is None or after is None else after - before
    return {"other": other, "theirs": theirs, "diff": diff, "diff_lists": told, "gained": gained}


def state_context(run: Run, pending: RunEvaluation | None) -> dict[str, Any]:
    return {
        "run": run,
        "pending": pending,
        "pending_active": is_active(pending),
        "pending_percent": 100 * pending.frames_done / pending.frames_total if pending and pending.frames_total else 0,
        "evaluation_refresh": REFRESH_SECONDS,
    }


@require_safe
@permission_required(VIEW_RUN, raise_exception=True)
def evaluation_live(request: HttpRequest, run_id: int) -> HttpResponse:
    """How far the evaluation is; when it has ended, the browser is told to load the tab again."""
    run = get_object_or_404(Run, pk=run_id)
    pending = newest_state(run)
    response = render(request, "parts/_run_evaluation_state.html", state_context(run, pending))
    if not is_active(pending):
        response["HX-Refresh"] = "true"
    patch_cache_control(response, private=True, no_store=True)
    return response


@permission_required(ADD_RUN, raise_exception=True)
@require_POST
def evaluate(request: HttpRequest, run_id: int) -> HttpResponse:
    """Begin an evaluation of the run, or compute its newest one again on what is there now."""
    run = get_object_or_404(Run, pk=run_id)
    person = cast(User, request.user)
    try:
        newest = selectors.latest_evaluation(run)
        if newest is not None and request.POST.get("again"):
            evaluating.recompute(evaluation=newest, by=person)
        else:
            splits = request.POST.getlist("splits") or run.validation_splits or ["val"]
            rule = request.POST.get("rule", "") or EvaluationRule.MMDET3D
            evaluating.start_evaluation(run=run, by=person, splits=splits, rule=rule)
    except (DomainError, ValidationError) as error:
        messages.error(request, words(error))
    return redirect(f"{reverse('run', args=[run_id])}?tab=evaluation")
