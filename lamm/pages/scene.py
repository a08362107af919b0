"""The page of one scene: its picture, every known fact, its frames, ingest jobs and history."""

from dataclasses import dataclass
from typing import Any, cast

from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import User
from django.core.paginator import Paginator
from django.db.models import Count, Max, Min, Q, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from lamm.history import LIMIT, scene_history
from lamm.ingest_states import ingest_notes
from lamm.label_facts import label_facts
from lamm.tables import page_numbers
from lamm.templatetags.formatting import extent
from lamm.work_rows import workflow_facts
from scenes.models import Frame, FrameState, Scene

FRAMES_ON_A_PAGE = 100
JOBS_SHOWN = 20
REFRESH_SECONDS = 3


@dataclass(frozen=True)
class StateChoice:
    """A choice above the frames: one state, or all of them when `value` is empty."""

    value: str
    label: str
    count: int
    chosen: bool


@require_safe
@permission_required("scenes.view_scene", raise_exception=True)
def scene(request: HttpRequest, scene_id: int) -> HttpResponse:
    shown = get_object_or_404(Scene.objects.for_listing(), pk=scene_id)
    ingest = ingest_notes([shown.pk]).get(shown.pk)
    history, history_goes_on = scene_history(shown)
    context = {
        "scene": shown,
        "ingest": ingest,
        "bounds": list(zip(shown.lower_bound or [], shown.upper_bound or [], strict=True)),
        "extents": extent(shown.lower_bound, shown.upper_bound),
        "refresh_seconds": REFRESH_SECONDS,
        "jobs": shown.ingest_jobs.select_related("requested_by")[:JOBS_SHOWN],
        "history": history,
        "history_goes_on": history_goes_on,
        "history_limit": LIMIT,
        **label_facts(shown),
        **workflow_facts(shown, cast(User, request.user)),
        **_frames(request, shown),
    }
    return render(request, "pages/scene.html", context)


def _frames(request: HttpRequest, shown: Scene) -> dict[str, Any]:
    facts = _frame_facts(shown)
    choices = _state_choices(request.GET.get("frames", ""), facts)
    chosen = next(choice for choice in choices if choice.chosen)
    frames = shown.frames.select_related("cloud").order_by("index")
    if chosen.value:
        frames = frames.filter(state=chosen.value)
    paginator = Paginator(frames, FRAMES_ON_A_PAGE)
    paginator.count = chosen.count  # counted already, with everything else
    page = paginator.get_page(request.GET.get("page"))
    return {
        "facts": facts,
        "state_choices": choices,
        "frames": page,
        "page_numbers": page_numbers(page.number, paginator.num_pages),
        "point_fields": _point_fields(list(page.object_list)),
        "shared_warnings": shared_warnings(list(page.object_list)),
    }


def _frame_facts(shown: Scene) -> dict[str, Any]:
    """Counts by state, first time (ns), points, bytes, longest range (m) and intensities, in one query.

    Counted from the frames, so that the page is right while the scene is still being ingested.
    """
    ready = Q(state=FrameState.READY)
    states = {state.value: Count("id", filter=Q(state=state)) for state in FrameState}
    return shown.frames.aggregate(
        **states,
        total=Count("id"),
        start_ns=Min("timestamp_ns"),
        point_count=Sum("point_count", filter=ready, default=0),
        size_bytes=Sum("cloud__size", filter=ready, default=0),
        finite_count=Sum("finite_count", filter=ready),
        range_max=Max("range_max", filter=ready),
        intensity_min=Min("intensity_min", filter=ready),
        intensity_max=Max("intensity_max", filter=ready),
    )


def _state_choices(wanted: str, facts: dict[str, Any]) -> list[StateChoice]:
    chosen = wanted if wanted in FrameState.values else ""
    states = [
        StateChoice(value, label, facts[value], value == chosen)
        for value, label in FrameState.choices
        if facts[value] or value == chosen
    ]
    return [StateChoice("", "All", facts["total"], not chosen), *states]


def _point_fields(frames: list[Frame]) -> list[dict[str, Any]]:
    """Name, dtype and count of each field of the points, from the first frame that was read."""
    return next((frame.fields for frame in frames if frame.fields), [])


def shared_warnings(frames: list[Frame]) -> list[str]:
    """The warnings that every readable frame carries: said once above the table instead of in each row."""
    readable = [frame.warnings for frame in frames if frame.state == FrameState.READY]
    if len(readable) < 2:
        return []
    return [warning for warning in readable[0] if all(warning in others for others in readable)]
