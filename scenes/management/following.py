"""`--wait`: what a command shows while workers handle the jobs that it queued."""

import time
from collections.abc import Iterator, Sequence

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from scenes.models import ACTIVE_INGEST_STATES, IngestJob, IngestState
from scenes.selectors import job_progress

POLL_SECONDS = 0.3
# With more jobs than this, one bar counts jobs instead of a bar per scene that counts frames.
BARS = 20
PROBLEMS_SHOWN = 20
IDS_AT_ONCE = 1000


def follow_all(command: BaseCommand, jobs: Sequence[IngestJob]) -> None:
    """Show progress until all jobs have ended, with their results. Raises CommandError when one did not succeed."""
    if len(jobs) > BARS:
        failed = _follow_together(command, jobs)
    else:
        failed = sum(_follow(command, job) != IngestState.DONE for job in jobs)
    if failed:
        raise CommandError(f"{failed} of {len(jobs)} jobs did not succeed; the words are above.")


def _follow(command: BaseCommand, job: IngestJob) -> str:
    with tqdm(total=job_progress([job])[job.pk].total or None, unit="frame", desc=job.scene.name) as bar:
        while True:
            job.refresh_from_db()
            progress = job_progress([job])[job.pk]
            bar.total = progress.total or None
            bar.update(progress.handled - bar.n)
            if not job.active:
                break
            time.sleep(POLL_SECONDS)
    _report(command, job)
    return job.state


def _follow_together(command: BaseCommand, jobs: Sequence[IngestJob]) -> int:
    """Follow many jobs with one bar; returns how many did not succeed, after naming them."""
    ids = [job.pk for job in jobs]
    with tqdm(total=len(ids), unit="job") as bar:
        while active := sum(1 for _ in _with_states(ids, ACTIVE_INGEST_STATES)):
            bar.update(len(ids) - active - bar.n)
            time.sleep(POLL_SECONDS)
        bar.update(len(ids) - bar.n)
    failed = list(_with_states(ids, [IngestState.FAILED, IngestState.CANCELLED]))
    for job in failed[:PROBLEMS_SHOWN]:
        _report(command, job)
    return len(failed)


def _with_states(ids: list[int], states: list[IngestState]) -> Iterator[IngestJob]:
    for start in range(0, len(ids), IDS_AT_ONCE):
        part = IngestJob.objects.filter(pk__in=ids[start : start + IDS_AT_ONCE], state__in=states)
        yield from part.select_related("scene")


def _report(command: BaseCommand, job: IngestJob) -> None:
    scene = job.scene
    scene.refresh_from_db()
    points = f"{scene.frame_count:,} frames, {scene.point_count:,} points"
    command.stdout.write(f"{scene.name}: {job.get_state_display().lower()}, {points}. {job.problem}".rstrip())
    for frame in scene.frames.exclude(problem="")[:PROBLEMS_SHOWN]:
        command.stderr.write(f"  {frame.problem}")
