"""Start a new training run: what it is to train is written down, queued, and taken by a trainer's worker."""

import shlex
from typing import Any, cast

from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.cache import patch_cache_control
from django.views.decorators.http import require_http_methods, require_safe

from datasets.models import DatasetVersion, VersionState
from experiments import services
from experiments.models import Experiment, Run, RunStatus
from experiments.selectors import architectures_in_use, keys_in_use
from lamm.errors import domain_status, words
from lamm.run_form import RunForm, blank_form, form_of_run, read_form, wishes_of
from lamm.training_runs import run_page
from scenes.errors import DomainError

ADD_RUN = "experiments.add_run"
MOST_OPTIONS, REFRESH_SECONDS = 200, 3
# Placeholders that the worker fills in with facts of the run (lamm_client worker).
USUAL_COMMAND = "python train.py"


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required(ADD_RUN, raise_exception=True)
def run_new(request: HttpRequest) -> HttpResponse:
    """The form, filled in from a run with ?from=7; with ?run=7 how the queued run is taken."""
    if request.method == "POST":
        return _create(request)
    number = _number(request.GET.get("run", ""))
    if number is not None:
        run = get_object_or_404(Run.objects.for_listing(), pk=number)
        return _shown(request, "pages/run_new.html", waiting_context(request, run))
    source = _number(request.GET.get("from", ""))
    form = form_of_run(get_object_or_404(Run, pk=source)) if source is not None else blank_form(request.GET)
    return _shown(request, "pages/run_new.html", _form_context(form))


def _create(request: HttpRequest) -> HttpResponse:
    form = read_form(request.POST)
    try:
        made = services.create_run(
            wishes=wishes_of(form), by=cast(User, request.user), idempotency_key=request.POST.get("once", "")[:200]
        )
    except DomainError as error:
        form.problem, form.problem_field = words(error), str(error.facts.get("field", ""))
        context = _form_context(form)
        return _shown(request, "pages/run_new.html", context, status=domain_status(error) or 400)
    query = QueryDict(mutable=True)
    query.update({"run": str(made.run.pk), "command": form.command})
    return HttpResponseRedirect(f"{reverse('run-new')}?{query.urlencode()}")


@require_safe
@permission_required(ADD_RUN, raise_exception=True)
def state(request: HttpRequest, run_id: int) -> HttpResponse:
    """How it stands with a queued run: whether a worker has taken it."""
    run = get_object_or_404(Run.objects.for_listing(), pk=run_id)
    return _shown(request, "parts/_run_waiting.html", waiting_context(request, run))


def waiting_context(request: HttpRequest, run: Run) -> dict[str, Any]:
    """A queued run with the command that takes it, and how many runs are ahead of it."""
    given = request.GET.get("command", "").strip() or run.command or USUAL_COMMAND
    ahead = Run.objects.filter(status=RunStatus.QUEUED, archived_at=None, pk__lt=run.pk)
    same = ahead.filter(experiment=run.experiment_id)
    return {
        "made": run,
        "url": run_page(run.pk),
        "given": given,
        "commands": commands(run, given, request.build_absolute_uri("/").rstrip("/")),
        "ahead": same[:100].count() if run.status == RunStatus.QUEUED else 0,
        "waiting": run.status == RunStatus.QUEUED,
        "refresh_seconds": REFRESH_SECONDS,
    }


def commands(run: Run, command: str, server: str) -> list[tuple[str, str]]:
    """What a trainer types, as (what it does, shell lines): the worker takes the queued run and runs the command."""
    worker = f"python -m lamm_client worker --once --experiment {shlex.quote(run.experiment.name)}"
    environment = f"export LAMM_URL={shlex.quote(server)}\nexport LAMM_TOKEN=…"
    return [
        ("Once on a machine: server and token", environment),
        ("Take this run and train", f"{worker} --command {command}"),
    ]


def _form_context(form: RunForm) -> dict[str, Any]:
    versions = DatasetVersion.objects.filter(state=VersionState.FROZEN).select_related("dataset")
    versions = versions.defer("certificate", "statistics", "drawn").order_by("dataset__name", "-number")
    experiments = Experiment.objects.filter(archived_at=None).order_by("-pk").values_list("name", flat=True)
    return {
        "form": form,
        "datasets": [f"{one.dataset.name}@v{one.number}" for one in versions[:MOST_OPTIONS]],
        "experiments": experiments[:MOST_OPTIONS],
        "architectures": architectures_in_use(most=MOST_OPTIONS),
        "known": keys_in_use(most=MOST_OPTIONS),
    }


def _number(text: str) -> int | None:
    digits = text.strip().lower().removeprefix("run-")
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 19 else None


def _shown(request: HttpRequest, template: str, context: dict[str, Any], status: int = 200) -> HttpResponse:
    response = render(request, template, context, status=status)
    patch_cache_control(response, private=True, no_store=True)
    return response
