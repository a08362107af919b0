"""What is done to runs from the tracker: archive, restore and tag what is selected; edit notes and tags in place."""

import json
from collections.abc import Callable
from typing import Any, cast

from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_http_methods, require_POST

from experiments import services
from experiments.models import Run
from experiments.services import Outcome
from lamm.addresses import without_blanks
from lamm.errors import domain_status, words
from lamm.pages.runs import baseline_of, look
from scenes.errors import DomainError, RefusedError

ADD_RUN = "experiments.add_run"
SHOWN_REFUSALS = 5


def given_runs(text: str) -> list[int]:
    """Numbers of runs as "1,2,3". Raises RefusedError for what is none."""
    numbers = [word.strip().removeprefix("run-") for word in text.split(",") if word.strip()]
    wrong = next((word for word in numbers if not (word.isascii() and word.isdigit() and len(word) < 19)), None)
    if wrong is not None:
        raise RefusedError(f"“{wrong[:40]}” is no number of a run.")
    if not numbers:
        raise RefusedError("No run is selected. Tick the boxes of some.")
    return list(dict.fromkeys(map(int, numbers)))


def given_tags(text: str) -> dict[str, str]:
    """Tags as people write them: "night, team=perception"."""
    parts = [part.strip() for part in text.replace("\n", ",").split(",")]
    pairs = [part.partition("=") for part in parts if part]
    return {key.strip(): value.strip() for key, _, value in pairs}


def _archive(runs: list[int], by: User, given: QueryDict) -> Outcome:
    return services.archive_runs(runs=runs, by=by)


def _restore(runs: list[int], by: User, given: QueryDict) -> Outcome:
    return services.restore_runs(runs=runs, by=by)


def _tag(runs: list[int], by: User, given: QueryDict) -> Outcome:
    tags, gone = given_tags(given.get("tags", "")), given_tags(given.get("remove", ""))
    if not tags and not gone:
        raise RefusedError("Write at least one tag, as night or team=perception.")
    return services.tag_runs(runs=runs, by=by, tags=tags, remove=gone)


ACTIONS: dict[str, tuple[Callable[[list[int], User, QueryDict], Outcome], str, str]] = {
    "archive": (_archive, "archived", "restore"),
    "restore": (_restore, "restored", "archive"),
    "tag": (_tag, "tagged", ""),
}


@require_POST
@permission_required(ADD_RUN, raise_exception=True)
def bulk(request: HttpRequest, action: str) -> HttpResponse:
    """Do something to the runs named by `runs`; what became of it, with the way back, goes beside the list."""
    if action not in ACTIONS:
        raise Http404(f"There is no action {action}.")
    work, done, undo = ACTIONS[action]
    context: dict[str, Any] = {"done": done, "undo": undo}
    status = 200
    try:
        outcome = work(given_runs(request.POST.get("runs", "")), cast(User, request.user), request.POST)
        refusals = list(outcome.refused.values())
        context |= {"outcome": outcome, "refusals": refusals[:SHOWN_REFUSALS]}
        context |= {"more_refusals": len(refusals) - SHOWN_REFUSALS, "changed": ",".join(map(str, outcome.done))}
    except DomainError as error:
        context["problem"], status = words(error), domain_status(error) or 400
    response = render(request, "parts/_runs_said.html", context, status=status)
    if status == 200:
        response["HX-Trigger"] = json.dumps({"runs:changed": {"action": action}})
    return response


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required(ADD_RUN, raise_exception=True)
def edit(request: HttpRequest, run_id: int, what: str) -> HttpResponse:
    """Notes or tags of a run in their cell: the form, and after it the row as it is then."""
    if what not in ("notes", "tags"):
        raise Http404(f"{what} can't be edited here.")
    run = get_object_or_404(Run.objects.for_listing(), pk=run_id)
    text = run.notes if what == "notes" else ", ".join(str(tag).replace(" = ", "=") for tag in run.tags.all())
    here = (request.POST if request.method == "POST" else request.GET).get("here", "")
    context = {"run": run, "what": what, "text": text, "here": here}
    if request.method != "POST":
        return render(request, "parts/_run_edit.html", context)
    given = request.POST.get("text", "")
    try:
        _write(run, what, given, cast(User, request.user))
    except DomainError as error:
        context |= {"text": given, "problem": words(error)}
        return render(request, "parts/_run_edit.html", context, status=domain_status(error) or 400)
    return _row(request, run_id, here)


def _write(run: Run, what: str, text: str, by: User) -> None:
    if what == "notes":
        services.describe_run(run=run, by=by, notes=text.strip())
        return
    wanted = given_tags(text)
    gone = [tag.key for tag in run.tags.all() if tag.key not in wanted]
    services.change_tags(run=run, tags=wanted, remove=gone, by=by)


def _row(request: HttpRequest, run_id: int, here: str) -> HttpResponse:
    """The row as the address `here` shows it."""
    shown = look(request, without_blanks(QueryDict(here)))
    run = get_object_or_404(Run.objects.for_listing().select_related("parent"), pk=run_id)
    rows = shown.drawn([run], baseline_of(shown.parameters))
    row = next(row for row in rows if row.run.pk == run_id)
    return render(request, "parts/_run_row.html", shown.row_context | {"row": row})
