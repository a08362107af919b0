"""The card of one version: what it is for, what it shows, what it was made of, and whether it may be promoted."""

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.decorators import permission_required
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from datasets.models import DatasetVersion, VersionState
from experiments.models import FramePrediction, SceneSums
from lamm.model_pictures import model_lineage
from lamm.pages.models import LOOK
from registry import selectors
from registry.compatibility import fits
from registry.models import ModelVersion, PromotionRequest, RequestState, Stage
from uncertainty.selectors import evaluations_of_version

SCENES_SHOWN, DATASETS_SHOWN, REQUESTS_SHOWN, EVALUATIONS_SHOWN = 12, 8, 20, 8


@dataclass(frozen=True)
class PredictedScene:
    """A scene that the version's run has predictions for, worst first, with the way to see them."""

    name: str
    url: str
    frames: int
    miou: float | None


def version_at(name: str, label: str) -> ModelVersion:
    rows = selectors.versions_with_aliases(ModelVersion.objects.for_listing())
    return get_object_or_404(rows.select_related("run__started_by"), model__name=name, label=label)


def card(version: ModelVersion) -> str:
    return reverse("model-version", args=[version.model.name, version.label])


@require_safe
@permission_required(LOOK, raise_exception=True)
def model_version(request: HttpRequest, name: str, label: str) -> HttpResponse:
    version = version_at(name, label)
    requests = list(_requests(version))
    verdicts = selectors.verdicts(requests)
    others = ModelVersion.objects.filter(model=version.model).defer("metrics").order_by("-number")
    context: dict[str, Any] = {
        "version": version,
        "model": version.model,
        "metrics": version.metrics,
        "panels": [(one, verdicts[one.pk]) for one in requests if one.open],
        "decided": [(one, verdicts[one.pk]) for one in requests if not one.open],
        "others": others.exclude(pk=version.pk)[:50],
        "production": others.filter(stage=Stage.PRODUCTION).first(),
        "lineage": model_lineage(version),
        "moves": version.transitions.select_related("version", "person", "request__version").order_by("-at", "-id"),
        "memberships": version.ensemble_memberships.select_related("ensemble__model")[:20],
        "fits": _fits(version),
        "targets": _targets(version, requests),
    }
    if request.user.has_perm("uncertainty.view_evaluation"):
        context["evaluations"] = evaluations_of_version(version, most=EVALUATIONS_SHOWN)
    if request.user.has_perm("scenes.view_scene"):
        context["scenes"] = predicted_scenes(version)
    return render(request, "pages/model_version.html", context)


def _requests(version: ModelVersion) -> Any:
    people = ["asked_by", "decided_by", "compared_with__model", "version__model"]
    rows = version.promotion_requests.select_related(*people).defer("compared_with__metrics", "version__metrics")
    return rows.order_by("-pk")[:REQUESTS_SHOWN]


def _targets(version: ModelVersion, requests: list[PromotionRequest]) -> list[tuple[str, str]]:
    """The stages that may be asked for now."""
    if version.archived or version.stage == Stage.PRODUCTION:
        return []
    asked = {one.target for one in requests if one.state == RequestState.OPEN}
    above = [Stage.PRODUCTION] if version.stage == Stage.STAGING else [Stage.PRODUCTION, Stage.STAGING]
    return [(stage.value, stage.label) for stage in above if stage not in asked]


def _fits(version: ModelVersion) -> Any:
    """How the version's ontology fits the newest frozen dataset versions."""
    if version.ontology is None:
        return []
    frozen = DatasetVersion.objects.filter(state=VersionState.FROZEN).select_related("dataset", "ontology")
    frozen = frozen.defer("certificate", "statistics", "drawn").order_by("-pk")[:DATASETS_SHOWN]
    return fits(version.ontology, list(frozen))


def predicted_scenes(version: ModelVersion) -> list[PredictedScene]:
    """The scenes with predictions of the version's run, those with the smallest mIoU first; two queries."""
    if version.run_id is None:
        return []
    frames = FramePrediction.objects.filter(prediction_set__run=version.run_id).order_by()
    counted = frames.values_list("scene_id", "scene__name").annotate(frames=Count("pk"))[:500]
    sums = SceneSums.objects.filter(evaluation=version.metrics.get("evaluation"))
    mious = dict(sums.values_list("scene_id", "miou"))
    found = [
        PredictedScene(name, _prediction_url(pk, version.run_id), count, mious.get(pk)) for pk, name, count in counted
    ]
    found.sort(key=lambda one: (one.miou is None, one.miou or 0, one.name))
    return found[:SCENES_SHOWN]


def _prediction_url(scene_id: int, run_id: int) -> str:
    return f"{reverse('scene', args=[scene_id])}?colour=classes:predictions:{run_id}"
