"""Ingest jobs as people follow them: how far, how fast, how much longer, and whether a worker is alive."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from scenes.models import IngestJob, IngestKind, IngestState
from scenes.selectors import JobProgress, job_progress

# Before this a speed would be a guess.
SPEED_AFTER_SECONDS = 1.0
RETRIED_STATES = (IngestState.FAILED, IngestState.CANCELLED)


@dataclass(frozen=True)
class JobRow:
    """A job with its progress at one moment. Speeds are in frames per second, times in seconds."""

    job: IngestJob
    progress: JobProgress
    superseded: bool
    now: datetime

    @property
    def counts_frames(self) -> bool:
        return self.progress.total > 0

    @property
    def seconds(self) -> float | None:
        """How long the job has been worked on."""
        if self.job.started_at is None:
            return None
        return ((self.job.finished_at or self.now) - self.job.started_at).total_seconds()

    @property
    def handled(self) -> int:
        return self.progress.total if self.job.state == IngestState.DONE else self.progress.handled

    @property
    def speed(self) -> float | None:
        """None while there is too little to go by, and when nobody works on the job any more."""
        if self.stalled:
            return None
        long_enough = self.seconds and (self.job.finished_at or self.seconds >= SPEED_AFTER_SECONDS)
        return self.handled / self.seconds if long_enough and self.handled and self.seconds else None

    @property
    def seconds_left(self) -> float | None:
        if self.job.state != IngestState.RUNNING or not self.speed:
            return None
        return (self.progress.total - self.handled) / self.speed

    @property
    def silence(self) -> float | None:
        """How long ago a worker gave a sign."""
        beat = self.job.heartbeat_at
        return None if beat is None else max(0.0, (self.now - beat).total_seconds())

    @property
    def stalled(self) -> bool:
        running = self.job.state == IngestState.RUNNING
        return running and (self.silence or 0) > settings.INGEST_LEASE_SECONDS

    @property
    def quarantined(self) -> int:
        return self.progress.quarantined if self.job.kind != IngestKind.THUMBNAILS else 0

    @property
    def can_retry(self) -> bool:
        """The scene's last job, when it left something to do."""
        left = self.job.state in RETRIED_STATES or (self.job.state == IngestState.DONE and self.quarantined > 0)
        return left and not self.superseded

    @property
    def can_cancel(self) -> bool:
        return self.job.active


def for_rows(jobs: QuerySet[IngestJob]) -> QuerySet[IngestJob]:
    """Jobs with everything that their rows show, but for the progress, in one query."""
    later = IngestJob.objects.filter(scene=OuterRef("scene"), pk__gt=OuterRef("pk"))
    return jobs.select_related("scene__thumbnail", "requested_by").annotate(superseded=Exists(later))


def job_rows(jobs: Iterable[IngestJob]) -> list[JobRow]:
    """The rows of jobs from `for_rows`; their progress in one query."""
    jobs, now = list(jobs), timezone.now()
    progress = job_progress(jobs)
    return [JobRow(job, progress[job.pk], bool(getattr(job, "superseded", False)), now) for job in jobs]
