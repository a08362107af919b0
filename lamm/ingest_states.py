"""What the last ingest job of a scene means to somebody who looks at the scene."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Count, Q

from scenes.models import ACTIVE_INGEST_STATES, Frame, FrameState, IngestJob, IngestKind, IngestState


@dataclass(frozen=True)
class IngestNote:
    """The unfinished or failed ingestion of a scene: `handled` of `total` frames are in or quarantined."""

    job: IngestJob
    handled: int
    total: int

    @property
    def active(self) -> bool:
        return self.job.active

    @property
    def counts_frames(self) -> bool:
        """Whether the frames that are still pending say how far the job is."""
        return self.job.kind in (IngestKind.INGEST, IngestKind.REINGEST)

    @property
    def task(self) -> str:
        """What the job does: Ingest, or what else its kind is called."""
        return "Ingest" if self.job.kind == IngestKind.INGEST else str(self.job.get_kind_display())

    @property
    def words(self) -> str:
        match self.job.state:
            case IngestState.QUEUED:
                return "Waiting for a worker"
            case IngestState.RUNNING if self.counts_frames:
                return f"{self.handled:,} of {self.total:,} frames"
            case IngestState.RUNNING:
                return f"{self.task}, running"
            case IngestState.FAILED:
                return f"{self.task} failed"
            case _:
                return f"{self.task} cancelled"

    @property
    def remedy(self) -> str:
        """What a person can do about it."""
        match self.job.state:
            case IngestState.QUEUED:
                return "It starts as soon as a worker is free. If it does not, check that a worker runs."
            case IngestState.RUNNING if not self.counts_frames:
                return "The page shows the new files when the job is done."
            case IngestState.RUNNING:
                return "The counts and the picture appear when the last frame is in."
            case IngestState.FAILED:
                return f"{self.job.problem} Open the scene to see each frame's problem and retry.".strip()
            case _:
                return "Ingest the same folder again to bring in the frames that are left."


def ingest_notes(scene_ids: Iterable[int]) -> dict[int, IngestNote]:
    """By scene id: the note of each scene whose last job is not done. One query, two when a job is active."""
    latest = (
        IngestJob.objects.filter(scene_id__in=list(scene_ids))
        .order_by("scene_id", "-created_at", "-id")
        .distinct("scene_id")
    )
    unfinished = [job for job in latest if job.state != IngestState.DONE]
    counts = _frame_counts([job.scene_id for job in unfinished if job.state in ACTIVE_INGEST_STATES])
    return {job.scene_id: IngestNote(job, *counts.get(job.scene_id, (0, 0))) for job in unfinished}


def _frame_counts(scene_ids: list[int]) -> dict[int, tuple[int, int]]:
    """By scene id: how many frames are handled, and how many there are."""
    if not scene_ids:
        return {}
    counted = (
        Frame.objects.filter(scene_id__in=scene_ids)
        .order_by()
        .values("scene_id")
        .annotate(handled=Count("id", filter=~Q(state=FrameState.PENDING)), total=Count("id"))
    )
    return {row["scene_id"]: (row["handled"], row["total"]) for row in counted}
