"""One registered model: its versions, what is in Production and was, aliases, gates, promotions."""

from datetime import datetime
from typing import Any

from django.contrib.auth.decorators import permission_required
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_safe

from datasets.models import DatasetVersion, Split, VersionState
from lamm.pages.models import LOOK, rows_of
from registry import selectors
from registry.models import Alias, Gate, GateKind, ModelVersion, PromotionRequest, RegisteredModel, Stage
from scenes.models import Scene

VERSIONS_SHOWN, MOVES_SHOWN, ALIAS_MOVES_SHOWN, REQUESTS_SHOWN, DATASETS_SHOWN = 100, 50, 20, 20, 100
SCENES_OFFERED = 200


def model_named(name: str) -> RegisteredModel:
    return get_object_or_404(RegisteredModel.objects.select_related("created_by"), name=name)


@require_safe
@permission_required(LOOK, raise_exception=True)
def model(request: HttpRequest, name: str) -> HttpResponse:
    found = model_named(name)
    versions = ModelVersion.objects.for_listing().defer("metrics").filter(model=found).order_by("-number")
    rows = rows_of(versions[:VERSIONS_SHOWN])
    gates = list(_gates(found))
    context: dict[str, Any] = {
        "model": found,
        "rows": rows,
        "production": next((row.version for row in rows if row.version.stage == Stage.PRODUCTION), None),
        "previous": _previous(found),
        "aliases": Alias.objects.filter(model=found).select_related("version", "moved_by"),
        "alias_moves": _alias_moves(found),
        "gates": [gate for gate in gates if gate.retired_at is None],
        "retired": [gate for gate in gates if gate.retired_at is not None],
        "requests": _requests(found),
        "moves": selectors.transitions_of(found).defer("version__metrics", "request__version__metrics")[:MOVES_SHOWN],
    }
    context |= _asked_moment(found, request.GET.get("at", ""))
    if request.user.has_perm("registry.change_gate"):
        context |= gate_choices(request.GET.get("dataset", ""))
    return render(request, "pages/model.html", context)


def _previous(model: RegisteredModel) -> ModelVersion | None:
    """The version that a roll back would bring back."""
    stack = selectors.production_stack(model)
    if len(stack) < 2:
        return None
    return ModelVersion.objects.select_related("model").defer("metrics").get(pk=stack[-2])


def _gates(model: RegisteredModel) -> QuerySet[Gate]:
    rows = Gate.objects.filter(model=model).select_related("dataset_version__dataset", "created_by", "retired_by")
    large = [f"dataset_version__{name}" for name in ("certificate", "statistics", "drawn")]
    return rows.defer(*large).prefetch_related("scene_links__scene").order_by("-pk")[:100]


def _requests(model: RegisteredModel) -> QuerySet[PromotionRequest]:
    rows = PromotionRequest.objects.filter(version__model=model).defer("version__metrics")
    return rows.select_related("version__model", "asked_by", "decided_by").order_by("-pk")[:REQUESTS_SHOWN]


def _alias_moves(model: RegisteredModel) -> list[Any]:
    """Where aliases pointed, the newest first: rows of their history."""
    rows = Alias.history.filter(model_id=model.pk).select_related("history_user")
    return list(rows.order_by("-history_date", "-history_id")[:ALIAS_MOVES_SHOWN])


def _asked_moment(model: RegisteredModel, text: str) -> dict[str, Any]:
    """Which version was in Production at the moment that `at` names; nothing when none is named."""
    if not text:
        return {}
    try:
        at: datetime | None = parse_datetime(text)
    except ValueError:
        at = None
    if at is None:
        return {"at": text, "at_problem": "Give a day and a time, such as 2026-11-23T14:00."}
    at = at if timezone.is_aware(at) else timezone.make_aware(at)
    return {"at": text, "at_moment": at, "at_version": selectors.in_production_at(model, at)}


def gate_choices(chosen: str) -> dict[str, Any]:
    """What a new gate can ask for: frozen versions; of the one that is chosen its slices, classes and scenes."""
    versions = DatasetVersion.objects.filter(state=VersionState.FROZEN).select_related("dataset", "ontology")
    versions = versions.defer("certificate", "statistics", "drawn").order_by("-pk")[:DATASETS_SHOWN]
    offered = list(versions)
    dataset = next((one for one in offered if str(one.pk) == chosen), None)
    told: dict[str, Any] = {"datasets": offered, "dataset": dataset, "kinds": GateKind.choices, "splits": Split.choices}
    if dataset is not None:
        scenes = Scene.objects.filter(dataset_items__version=dataset).order_by("name")
        told |= {
            "slices": dataset.slices.order_by("name"),
            "classes": dataset.ontology.classes.filter(ignored=False).order_by("index") if dataset.ontology else [],
            "scenes": scenes.values_list("pk", "name")[:SCENES_OFFERED],
        }
    return told
