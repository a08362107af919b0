"""Promote a run: choose the model, the artifact, and say what is new. One form, one click."""

from typing import Any, cast

from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db.models import Exists, OuterRef
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from experiments.evaluation_selectors import latest_evaluation
from experiments.models import Artifact, Run, RunStatus
from lamm.errors import domain_status, words
from lamm.model_steps import tags_of
from lamm.pages.model_version import card
from lamm.run_artifacts import model_artifact
from registry import selectors, services
from registry.models import ModelKind, RegisteredModel
from registry.services.permissions import REGISTER
from registry.services.registering import CARD
from scenes.errors import DomainError

RUNS_OFFERED, ARTIFACTS_OFFERED, MODELS_OFFERED = 50, 200, 200


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required(REGISTER, raise_exception=True)
def model_promote(request: HttpRequest) -> HttpResponse:
    given = request.POST if request.method == "POST" else request.GET
    number = given.get("run", "").removeprefix("run-")
    if not (number.isascii() and number.isdigit() and len(number) < 19):
        return render(request, "pages/model_promote.html", {"runs": _offered_runs()})
    run = get_object_or_404(Run.objects.for_listing(), pk=int(number))
    problem, status = "", 200
    if request.method == "POST":
        try:
            return redirect(card(_registered(request, run)))
        except (DomainError, ValidationError) as error:
            problem, status = words(error), domain_status(error) or 400
    return render(request, "pages/model_promote.html", _form(run) | {"given": given, "problem": problem}, status=status)


def _registered(request: HttpRequest, run: Run) -> Any:
    given = request.POST
    return services.register_version(
        model=given.get("model", ""),
        run=run,
        artifact_path=given.get("artifact", ""),
        label=given.get("label", ""),
        tags=tags_of(given),
        card={name: given.get(name, "") for name in CARD if name in given},
        by=cast(User, request.user),
    )


def _form(run: Run) -> dict[str, Any]:
    models = RegisteredModel.objects.filter(kind=ModelKind.SINGLE).order_by("name")
    artifacts = list(run.artifacts.select_related("file").order_by("path")[:ARTIFACTS_OFFERED])
    likely = model_artifact(artifacts)
    return {
        "run": run,
        "evaluation": latest_evaluation(run),
        "artifacts": artifacts,
        "likely": likely.path if likely else "",
        "models": models.values_list("name", flat=True)[:MODELS_OFFERED],
        "registered": selectors.versions_of_runs([run.pk])[run.pk],
    }


def _offered_runs() -> list[Run]:
    """The newest runs that have something to promote."""
    left_something = Exists(Artifact.objects.filter(run=OuterRef("pk")))
    runs = Run.objects.for_listing().filter(left_something, archived_at=None).exclude(status=RunStatus.QUEUED)
    return list(runs.order_by("-pk")[:RUNS_OFFERED])
