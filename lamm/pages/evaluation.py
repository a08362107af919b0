"""One evaluation: every number with its definition, how scores are spread, and the frames and scenes behind them."""

from dataclasses import dataclass
from typing import Any, cast

from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from experiments.models import Run
from lamm.addresses import addressed, without_blanks
from lamm.evaluation_links import explorer_address, frame_address
from lamm.evaluation_words import AGGREGATOR_SENTENCES, MEASURE_WORDS
from lamm.training_runs import run_page
from uncertainty.models import Evaluation
from uncertainty.selectors import RankedScene, TopFrame, progress, ranked_scenes, top_frames

SCENES = 25
TOP_CHOICES = (10, 25, 100)


@dataclass(frozen=True)
class FrameRow:
    place: int
    frame: TopFrame
    url: str


@dataclass(frozen=True)
class SceneRow:
    """A ranked scene, and the address of its most uncertain frame."""

    ranked: RankedScene
    url: str


@require_safe
@permission_required("uncertainty.view_evaluation", raise_exception=True)
def evaluation(request: HttpRequest, evaluation_id: int) -> HttpResponse:
    rows = Evaluation.objects.select_related(
        "run", "model_version__model", "dataset_version__dataset", "created_by", "finished_by"
    )
    large = [f"dataset_version__{name}" for name in ("certificate", "statistics", "drawn")]
    found = get_object_or_404(rows.defer("run__failure", *large), pk=evaluation_id)
    parameters = without_blanks(request.GET)
    context = {"evaluation": found, "parameters": parameters} | _scenes(found, parameters.get("after", ""))
    if request.htmx:  # type: ignore[attr-defined]
        return addressed(request, render(request, "parts/_evaluation_scenes.html", context), parameters)
    context |= _whole(found, parameters.get("top", ""), cast(User, request.user))
    return render(request, "pages/evaluation.html", context)


def _whole(found: Evaluation, top: str, person: User) -> dict[str, Any]:
    most = int(top) if top in map(str, TOP_CHOICES) else TOP_CHOICES[0]
    frames = top_frames(found, most)
    members = Run.objects.filter(uncertainty_memberships__evaluation=found)
    listed = members.order_by("uncertainty_memberships__position").only("pk", "name", "architecture")
    return {
        "frames": [
            FrameRow(place, one, frame_address(found, one.scene_id, one.position))
            for place, one in enumerate(frames, start=1)
        ],
        "with_iou": any(one.iou is not None for one in frames),
        "top": most,
        "top_choices": [choice for choice in TOP_CHOICES if choice < len(found.top_frames) * 2.5],
        "members": [(run, run_page(run.pk)) for run in listed],
        "run_url": run_page(found.run_id) if found.run_id else None,
        "explorer_url": explorer_address(found),
        "measure_words": MEASURE_WORDS[found.measure],
        "aggregator_sentence": AGGREGATOR_SENTENCES[found.aggregator],
        "score_range": found.score_range,
        "progress": progress(found) if found.is_draft else None,
        "picture": _picture(found) if found.histogram else None,
        "may_write": _may_write(found, person),
    }


def _may_write(found: Evaluation, person: User) -> bool:
    own = found.created_by_id == person.pk and person.has_perm("uncertainty.add_evaluation")
    return own or person.has_perm("uncertainty.change_evaluation")


def _picture(found: Evaluation) -> dict[str, Any]:
    """The histogram with the two numbers that are marked in it, for static/js/pages/evaluation.js."""
    return {
        **found.histogram,
        "mean": found.mean,
        "p95": found.p95,
        "definition": found.definition,
        "frames": found.frame_count,
    }


def _scenes(found: Evaluation, after: str) -> dict[str, Any]:
    """A page of the scenes by rank, keyset."""
    start = int(after) if after.isascii() and after.isdigit() and len(after) < 10 else 0
    ranked = ranked_scenes(found, after=start, most=SCENES + 1) if not found.is_draft else []
    shown = ranked[:SCENES]
    return {
        "scenes": [SceneRow(one, frame_address(found, one.scene.pk, one.argmax)) for one in shown],
        "after": start,
        "before": max(0, start - SCENES),
        "next": shown[-1].rank if len(ranked) > SCENES else None,
    }
