"""Reads across the models of this app."""

from dataclasses import dataclass

from django.db.models import Count, Max, Min, Q, QuerySet, Sum

from scenes.models import Frame, FrameState, IngestJob, Scene

COUNT_CAP = 1000


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
class IngestProgress:
    """How far an ingest job is: frames in, frames quarantined, frames altogether."""

    ready: int
    quarantined: int
    total: int

    @property
    def handled(self) -> int:
        return self.ready + self.quarantined


def ingest_progress(job: IngestJob) -> IngestProgress:
    counts = job.scene.frames.aggregate(
        ready=Count("id", filter=Q(state=FrameState.READY)),
        quarantined=Count("id", filter=Q(state=FrameState.QUARANTINED)),
        total=Count("id"),
    )
    return IngestProgress(**counts)


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
