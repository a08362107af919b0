"""The page of one scene: its picture, every known fact, its frames, ingest jobs and history."""

from dataclasses import dataclass
from typing import Any, cast

from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import User
from django.core.paginator import Paginator
from django.db.models import Count, Max, Min, Q, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from lamm.history import LIMIT, scene_history
from lamm.ingest_states import ingest_notes
from lamm.label_facts import label_facts
from lamm.scene_associations import associations
from lamm.scene_files import labels_of_frames, reference
from lamm.tables import page_numbers
from lamm.templatetags.formatting import extent
from lamm.work_rows import workflow_facts
from scenes.models import Frame, FrameState, LabelSet, Scene

FRAMES_ON_A_PAGE = 100
JOBS_SHOWN = 20
REFRESH_SECONDS = 3
TABS = {
    "facts": "Facts",
    "labels": "Labels",
    "history": "History",
    "comments": "Comments",
    "frames": "Frames",
    "associations": "Associations",
}
# Parameters of the table of frames: an address with one of them and no tab means that table.
FRAMES_PARAMETERS = ("frames", "page")
MAY_COMMENT = "scenes.add_comment"


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
    facts = label_facts(shown)
    context = {
        "scene": shown,
        "tabs": TABS,
        "tab": _tab(request),
        "page_facts": _page_facts(request, shown, bool(ingest and ingest.active)),
        "may_comment": request.user.has_perm(MAY_COMMENT),
        "ingest": ingest,
        "bounds": list(zip(shown.lower_bound or [], shown.upper_bound or [], strict=True)),
        "extents": extent(shown.lower_bound, shown.upper_bound),
        "refresh_seconds": REFRESH_SECONDS,
        "jobs": shown.ingest_jobs.select_related("requested_by")[:JOBS_SHOWN],
        "history": history,
        "history_goes_on": history_goes_on,
        "history_limit": LIMIT,
        "associations": associations(shown, request.user),
        **facts,
        **workflow_facts(shown, cast(User, request.user)),
        **_frames(request, shown, facts["label_set"]),
    }
    return render(request, "pages/scene.html", context)


def _tab(request: HttpRequest) -> str:
    """The chosen tab of the panel."""
    wanted = request.GET.get("tab", "")
    if wanted in TABS:
        return wanted
    return "frames" if any(name in request.GET for name in FRAMES_PARAMETERS) else "facts"


def _page_facts(request: HttpRequest, shown: Scene, ingesting: bool) -> dict[str, Any]:
    """What the page's script starts from: addresses, and what this person may do."""
    return {
        "scene": shown.pk,
        "name": shown.name,
        "playback": reverse("scene-playback", args=[shown.pk]),
        "frameFiles": reverse("frame-files", args=[0]),
        "comments": "/api/comments/",
        "person": request.user.get_username(),
        "mayComment": request.user.has_perm(MAY_COMMENT),
        "ingesting": ingesting,
        "framesOnAPage": FRAMES_ON_A_PAGE,
    }


def _frames(request: HttpRequest, shown: Scene, label_set: LabelSet | None) -> dict[str, Any]:
    facts = _frame_facts(shown)
    choices = _state_choices(request.GET.get("frames", ""), facts)
    chosen = next(choice for choice in choices if choice.chosen)
    frames = shown.frames.select_related("cloud").order_by("index")
    if chosen.value:
        frames = frames.filter(state=chosen.value)
    paginator = Paginator(frames, FRAMES_ON_A_PAGE)
    paginator.count = chosen.count  # counted already, with everything else
    page = paginator.get_page(request.GET.get("page"))
    rows = list(page.object_list)
    labelled = labels_of_frames(label_set, rows)
    for frame in rows:
        frame.shown_labels = labelled.get(frame.pk)  # type: ignore[attr-defined]
        frame.reference = reference(frame.cloud)  # type: ignore[attr-defined]
    page.object_list = rows
    return {
        "facts": facts,
        "state_choices": choices,
        "frames": page,
        "page_numbers": page_numbers(page.number, paginator.num_pages),
        "point_fields": _point_fields(rows),
        "shared_warnings": shared_warnings(rows),
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
