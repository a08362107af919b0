"""The ingest jobs: what runs, what waits, what failed and why; retry and cancel."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from lamm.addresses import addressed, without_blanks
from lamm.job_rows import JobRow, for_rows, job_rows
from scenes import services
from scenes.filters import IngestJobFilterSet
from scenes.models import ACTIVE_INGEST_STATES, IngestJob, IngestKind, IngestState
from scenes.selectors import CappedCount, capped_count

ROWS = 50
ACTIVE_ROWS = 25
REFRESH_SECONDS = 2
# Database keys have at most 19 digits.
KEY_DIGITS = 18


@dataclass(frozen=True)
class StateChoice:
    """A state that jobs can be filtered by, with how many there are."""

    value: str
    label: str
    count: CappedCount
    chosen: bool


@dataclass(frozen=True)
class Listing:
    """A part of the jobs, newest first, and the keys that the pages before and after it start from."""

    rows: list[JobRow]
    newer: int | None
    older: int | None


@require_safe
@permission_required("scenes.view_ingestjob", raise_exception=True)
def jobs(request: HttpRequest) -> HttpResponse:
    parameters = without_blanks(request.GET)
    context = _context(parameters)
    if not request.htmx:  # type: ignore[attr-defined]
        template = "pages/jobs.html"
    else:
        template = "parts/_jobs_live.html" if request.htmx.trigger == "refresh" else "parts/_jobs.html"  # type: ignore[attr-defined]
    context["polled"] = template == "parts/_jobs_live.html"
    return addressed(request, render(request, template, context), parameters)


@permission_required("scenes.change_ingestjob", raise_exception=True)
@require_POST
def retry(request: HttpRequest, job_id: int) -> HttpResponse:
    job = get_object_or_404(IngestJob, pk=job_id)
    queued = services.retry_ingest(job=job, by=request.user)  # type: ignore[arg-type]
    messages.success(request, f"Job {queued.pk} is queued: {queued.scene.name}.")
    return _back(request)


@permission_required("scenes.change_ingestjob", raise_exception=True)
@require_POST
def cancel(request: HttpRequest, job_id: int) -> HttpResponse:
    job = services.cancel_ingest(job=get_object_or_404(IngestJob, pk=job_id), by=request.user)  # type: ignore[arg-type]
    state = job.get_state_display().lower()
    messages.success(request, f"Job {job.pk} is {state}: {job.scene.name}.")
    return _back(request)


def _back(request: HttpRequest) -> HttpResponse:
    """To the list as it was: the form tells its query, which is read and written anew."""
    query = without_blanks(QueryDict(request.POST.get("back", ""))).urlencode()
    return redirect(f"{reverse('jobs')}?{query}" if query else reverse("jobs"))


def _context(parameters: QueryDict) -> dict[str, Any]:
    chosen = [state for state in parameters.getlist("state") if state in IngestState.values]
    unknown = [state for state in parameters.getlist("state") if state not in IngestState.values]
    filtered = _filtered(parameters)
    counts = {state: capped_count(filtered.filter(state=state)) for state in IngestState}
    apart = not chosen  # what is under way stands apart unless a state was asked for
    first = not {"before", "after"} & set(parameters)
    under_way = _under_way(filtered) if apart and first else []
    listing = _listing(filtered, chosen or [s for s in IngestState if s not in ACTIVE_INGEST_STATES], parameters)
    shown_active = bool(under_way) or any(row.job.active for row in listing.rows)
    active = sum(counts[state].value for state in ACTIVE_INGEST_STATES)
    return {
        "parameters": parameters,
        "filters": parameters.dict(),
        "filtered": bool({"state", "kind", "search"} & set(parameters)),
        "states": [StateChoice(s.value, str(s.label), counts[s], s.value in chosen) for s in IngestState],
        "kinds": IngestKind.choices,
        "problems": [f"There is no state called “{state}”." for state in unknown],
        "under_way": under_way,
        "running": counts[IngestState.RUNNING],
        "waiting": counts[IngestState.QUEUED],
        "waiting_more": max(0, active - len(under_way)) if apart and first else 0,
        "listing": listing,
        "apart": apart,
        "refreshing": shown_active,
        "refresh_seconds": REFRESH_SECONDS,
        "none_at_all": not (shown_active or listing.rows) and not IngestJob.objects.exists(),
    }


def _filtered(parameters: QueryDict) -> QuerySet[IngestJob]:
    """The jobs that match all filters but the state's, whose choices show counts of their own."""
    others = parameters.copy()
    others.pop("state", None)
    return IngestJobFilterSet(others, queryset=IngestJob.objects.order_by("-pk")).qs


def _under_way(filtered: QuerySet[IngestJob]) -> list[JobRow]:
    """Running jobs first, then those that wait, in the order in which they were asked for."""
    active = filtered.filter(state__in=ACTIVE_INGEST_STATES).order_by("-state", "pk")
    return job_rows(for_rows(active)[:ACTIVE_ROWS])


def _listing(filtered: QuerySet[IngestJob], states: list[Any], parameters: QueryDict) -> Listing:
    """A keyset page: it costs the same however far back it lies, and new jobs shift nothing."""
    found = for_rows(filtered.filter(state__in=states))
    before, after = _key(parameters, "before"), _key(parameters, "after")
    if after is not None:
        rows = list(found.filter(pk__gt=after).order_by("pk")[: ROWS + 1])
        more, rows = len(rows) > ROWS, rows[:ROWS][::-1]
        return Listing(job_rows(rows), rows[0].pk if more else None, rows[-1].pk if rows else after + 1)
    if before is not None:
        found = found.filter(pk__lt=before)
    rows = list(found.order_by("-pk")[: ROWS + 1])
    more, rows = len(rows) > ROWS, rows[:ROWS]
    newer = (rows[0].pk if rows else before - 1) if before is not None else None
    return Listing(job_rows(rows), newer, rows[-1].pk if more else None)


def _key(parameters: QueryDict, name: str) -> int | None:
    text = parameters.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= KEY_DIGITS else None
