"""Reads across the models of this app."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import User
from django.db.models import Count, F, Max, Min, Prefetch, Q, QuerySet, Sum

from scenes.models import (
    Comment,
    ExplorerPreferences,
    Frame,
    FrameLabels,
    FrameState,
    IngestJob,
    IngestKind,
    SavedView,
    Scene,
    Upload,
)

COUNT_CAP = 1000
COMMENTS_SHOWN, STATES_SHOWN = 100, 200


@dataclass(frozen=True)
class CappedCount:
    """A count that stops at a cap, so that it costs the same on a million rows: `1000+` when capped."""

    value: int
    capped: bool

    def __str__(self) -> str:
        return f"{self.value:,}+" if self.capped else f"{self.value:,}"


def capped_count(queryset: QuerySet, cap: int = COUNT_CAP) -> CappedCount:
    found = queryset.order_by()[: cap + 1].count()
    return CappedCount(min(found, cap), found > cap)


@dataclass(frozen=True)
class JobProgress:
    """How far an ingest job is: frames handled of those it has to handle, and the scene's quarantined frames.

    `total` is 0 for a job that does not go through frames, such as a rebuild of pictures.
    """

    handled: int
    total: int
    quarantined: int


def job_progress(jobs: Iterable[IngestJob]) -> dict[int, JobProgress]:
    """By job id: how far each job is, for any number of jobs in one query."""
    jobs = list(jobs)
    counted = (
        Frame.objects.filter(scene_id__in={job.scene_id for job in jobs})
        .order_by()
        .values_list("scene_id")
        .annotate(
            pending=Count("id", filter=Q(state=FrameState.PENDING)),
            quarantined=Count("id", filter=Q(state=FrameState.QUARANTINED)),
        )
    )
    by_scene = {scene_id: (pending, quarantined) for scene_id, pending, quarantined in counted} if jobs else {}
    return {job.pk: _progress(job, *by_scene.get(job.scene_id, (0, 0))) for job in jobs}


def _progress(job: IngestJob, pending: int, quarantined: int) -> JobProgress:
    if job.kind == IngestKind.THUMBNAILS:
        return JobProgress(0, 0, quarantined)
    # Frames that came in after the job was queued are handled by it as well.
    total = max(job.planned_frames, pending)
    return JobProgress(total - pending, total, quarantined)


def scene_rollup(scene: Scene) -> dict[str, int | None]:
    """Counts, sizes and time span of a scene's frames, in one query."""
    ready = Q(state=FrameState.READY)
    rollup: dict[str, int | None] = scene.frames.aggregate(
        frame_count=Count("id", filter=ready),
        quarantined_count=Count("id", filter=Q(state=FrameState.QUARANTINED)),
        point_count=Sum("point_count", filter=ready, default=0),
        size_bytes=Sum("cloud__size", filter=ready, default=0),
        first_ns=Min("timestamp_ns", filter=ready),
        last_ns=Max("timestamp_ns", filter=ready),
    )
    return rollup


def scene_bounds(scene: Scene) -> tuple[list[float] | None, list[float] | None]:
    """The smallest box around all points of the ready frames: (x, y, z) lower and upper, in the frames' metres."""
    ready = scene.frames.filter(state=FrameState.READY, lower_bound__isnull=False)
    names = [(f"{side}_{axis}", side, axis) for side in ("lower", "upper") for axis in range(3)]
    extremes = ready.aggregate(
        **{name: (Min if side == "lower" else Max)(f"{side}_bound__{axis}") for name, side, axis in names}
    )
    lower = [extremes[f"lower_{axis}"] for axis in range(3)]
    upper = [extremes[f"upper_{axis}"] for axis in range(3)]
    return (None, None) if None in lower else (lower, upper)


def thumbnail_frame(scene: Scene) -> Frame | None:
    """The frame whose picture stands for the scene: the ready one in the middle of the playing order."""
    ready = scene.frames.filter(state=FrameState.READY).select_related("cloud").order_by("index")
    count = ready.count()
    return ready[count // 2] if count else None


def labels_to_draw(scene: Scene) -> FrameLabels | None:
    """The labels whose picture stands for the scene: of the middle frame of the newest label set."""
    newest = scene.label_sets.order_by("-version").first()
    if newest is None:
        return None
    labelled = newest.frames.select_related("frame__cloud", "classes", "label_set__ontology").order_by("frame__index")
    return labelled[newest.frame_count // 2]


def uploads_of(person: User) -> QuerySet[Upload]:
    """The uploads that a person may touch: their own, all for a superuser; with the totals of their files."""
    found = Upload.objects.select_related("owner", "job").annotate(
        file_count=Count("files"),
        complete_count=Count("files", filter=Q(files__file__isnull=False)),
        size_bytes=Sum("files__size", default=0),
        received_bytes=Sum("files__received", default=0),
    )
    return found if person.is_superuser else found.filter(owner=person)


MOST_VIEWS_LISTED = 300


def explorer_preferences(user: User) -> ExplorerPreferences:
    """What a person chose for the explorer, in one query; the usual choices for who has not chosen yet."""
    found = ExplorerPreferences.objects.filter(user=user).select_related("default_view").first()
    return found or ExplorerPreferences(user=user)


def saved_views_of(user: User) -> QuerySet[SavedView]:
    """The views that a person may open: their own and those that others share."""
    return SavedView.objects.filter(Q(owner=user) | Q(shared=True)).select_related("owner")


def comment_threads(scene: Scene, *, most: int = COMMENTS_SHOWN) -> tuple[list[Comment], bool]:
    """The threads of a scene, open ones first, then the newest, each with its `replies`; and whether there are more.

    Two queries. People and frames are loaded with them.
    """
    people = ("author", "resolved_by", "frame")
    replies = Prefetch("replies", Comment.objects.select_related("author").order_by("id"))
    threads = scene.comments.threads().select_related(*people).prefetch_related(replies)
    found = list(threads.order_by(F("resolved_at").desc(nulls_first=True), "-id")[: most + 1])
    return found[:most], len(found) > most


@dataclass(frozen=True)
class CommentState:
    """A state that a comment was in."""

    at: datetime
    by: str | None
    door: str
    reason: str
    text: str
    resolved: bool


def comment_history(comment: Comment) -> list[CommentState]:
    """The states of a comment, the newest first, in one query."""
    rows = comment.history.select_related("history_user").order_by("-history_date", "-history_id")[:STATES_SHOWN]
    return [
        CommentState(
            at=row.history_date,
            by=row.history_user.get_username() if row.history_user else None,
            door=row.door,
            reason=row.history_change_reason or "",
            text=row.text,
            resolved=row.resolved_at is not None,
        )
        for row in rows
    ]
