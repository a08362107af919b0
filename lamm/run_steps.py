"""What people do with a run, and the files that belong to its page: configuration, patch, pictures."""

from collections.abc import Callable
from functools import wraps
from typing import cast

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST, require_safe

from experiments import services
from experiments.models import Artifact, Run
from experiments.services.access import ADD_RUN
from lamm.errors import words
from lamm.run_artifacts import PICTURE_BYTES, beginning, picture_type
from lamm.run_configuration import as_json, as_yaml, configuration_document, environment_of
from lamm.run_header import run_at
from scenes.errors import DomainError
from scenes.views.answers import matches, stored, unchanged

VIEW_RUN = "experiments.view_run"
Work = Callable[[HttpRequest, Run, User], str]


def step(work: Work) -> Callable[..., HttpResponseBase]:
    """A form's view: POST only. `work` returns what to say; a refusal is said instead. Both lead back to the run."""

    @wraps(work)
    def view(request: HttpRequest, run_id: int) -> HttpResponseBase:
        run = get_object_or_404(Run, pk=run_id)
        try:
            messages.success(request, work(request, run, cast(User, request.user)))
        except (DomainError, ValidationError) as error:
            messages.error(request, words(error))
        return redirect("run", run_id)

    return permission_required(ADD_RUN, raise_exception=True)(require_POST(view))


@step
def archive(request: HttpRequest, run: Run, person: User) -> str:
    services.archive_run(run=run, by=person)
    return f"{run} is archived: lists leave it out. Restore it here."


@step
def restore(request: HttpRequest, run: Run, person: User) -> str:
    services.restore_run(run=run, by=person)
    return f"{run} is restored."


@step
def kill(request: HttpRequest, run: Run, person: User) -> str:
    services.finish_run(run=run, by=person, status="killed")
    return f"{run} is killed. Its script is told with its next sign of life."


@require_safe
@permission_required(VIEW_RUN, raise_exception=True)
def configuration_file(request: HttpRequest, run_id: int, form: str) -> HttpResponse:
    """Everything that another run needs to do the same, as a file: form is json or yaml."""
    if form not in ("json", "yaml"):
        raise Http404("A configuration is written as json or yaml.")
    run = run_at(run_id)
    document = configuration_document(run)
    body = as_json(document) if form == "json" else as_yaml(document)
    return _attached(body, f"application/{form}", f"{run}.{form}")


@require_safe
@permission_required(VIEW_RUN, raise_exception=True)
def patch_file(request: HttpRequest, run_id: int) -> HttpResponse:
    """The uncommitted changes of a run, whole, as `git apply` takes them."""
    run = run_at(run_id)
    return _attached(environment_of(run).diff, "text/x-patch", f"{run}.patch")


def _attached(body: str, kind: str, name: str) -> HttpResponse:
    response = HttpResponse(body, content_type=f"{kind}; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "private, no-cache"
    return response


@require_safe
@permission_required(VIEW_RUN, raise_exception=True)
def picture(request: HttpRequest, run_id: int, artifact_id: int, digest: str) -> HttpResponseBase:
    """An artifact that is a picture by its own bytes, to be drawn; anything else is not shown here.

    Should somebody open the address itself, nothing in it may run, and no browser may take it for something else.
    """
    artifact = get_object_or_404(Artifact.objects.select_related("file"), pk=artifact_id, run=run_id)
    if matches(request, digest) and artifact.file.digest == digest:
        return unchanged(digest)
    kind = picture_type(beginning(artifact.file, 16))
    if not kind or artifact.file.size > PICTURE_BYTES:
        raise Http404("This artifact is no picture that can be shown.")
    response = stored(request, artifact.file, digest, media_type=kind)
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Disposition"] = "inline"
    return response
