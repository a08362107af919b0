"""`manage.py ingest PATH...`: folders of point clouds become scenes."""

import argparse
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.dateparse import parse_date, parse_datetime
from tqdm import tqdm

from scenes.clouds.cloud import CloudError
from scenes.models import IngestJob, IngestState
from scenes.selectors import ingest_progress
from scenes.services import IngestWishes, ingest_sequence
from scenes.sources import Sequence, find_sequences

POLL_SECONDS = 0.3


def capture_time(text: str) -> datetime:
    """A date or date and time in ISO 8601; UTC when no offset is given."""
    try:
        moment = parse_datetime(text)
        day = parse_date(text) if moment is None else None
    except ValueError:
        moment = day = None
    if moment is None and day is not None:
        moment = datetime(day.year, day.month, day.day)  # noqa: DTZ001 - gets its zone below
    if moment is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no date. Write it as 2026-05-04 or 2026-05-04T09:12:00Z.")
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def frame_rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not 0 < rate <= 100_000:
        raise argparse.ArgumentTypeError(f"{text!r} is no frame rate. Write frames per second, such as 10.")
    return rate


class Command(BaseCommand):
    help = "Turn folders of point clouds into scenes: a folder makes one scene, a tree one per folder with clouds."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="a folder, a tree or one file")
        parser.add_argument("--scene", help="the scene's ID (default: the folder's name); for one folder only")
        parser.add_argument("--drive", default="", help="the drive (log) these scenes belong to")
        parser.add_argument("--tag", action="append", default=[], help="a tag; may be given several times")
        parser.add_argument("--captured-at", type=capture_time, help="when the capture began, ISO 8601")
        parser.add_argument("--rate", type=frame_rate, help="frames per second, when no times.txt lies beside")
        parser.add_argument("--wait", action="store_true", help="show progress until the frames are in")

    def handle(self, *args: Any, **options: Any) -> None:
        sequences = self._find(options["paths"], options["scene"])
        wishes = IngestWishes(
            drive=options["drive"],
            tags=tuple(options["tag"]),
            captured_at=options["captured_at"],
            rate_hz=options["rate"],
        )
        jobs = [self._register(sequence, wishes) for sequence in sequences]
        if options["wait"]:
            self._wait(jobs)
        else:
            self.stdout.write("Keep the files where they are until the jobs are done (--wait shows progress).")

    def _find(self, paths: list[Path], scene: str | None) -> list[Sequence]:
        try:
            sequences = [sequence for path in paths for sequence in find_sequences(path)]
        except CloudError as error:
            raise CommandError(str(error)) from error
        if scene is None:
            return sequences
        if len(sequences) != 1:
            raise CommandError(f"--scene names one scene, but {len(sequences)} folders hold clouds. Leave it out.")
        only = sequences[0]
        return [Sequence(scene, only.folder, only.frames, only.times, only.positions)]

    def _register(self, sequence: Sequence, wishes: IngestWishes) -> IngestJob:
        try:
            job = ingest_sequence(sequence=sequence, wishes=wishes, by=None)
        except (CloudError, ValidationError) as error:
            words = "; ".join(error.messages) if isinstance(error, ValidationError) else str(error)
            raise CommandError(f"{sequence.folder}: {words}") from error
        self.stdout.write(f"{sequence.name}: {len(sequence.frames)} files, job {job.pk} queued.")
        return job

    def _wait(self, jobs: list[IngestJob]) -> None:
        failed = [job for job in jobs if self._follow(job) != IngestState.DONE]
        if failed:
            raise CommandError(f"{len(failed)} of {len(jobs)} jobs did not succeed; the words are above.")

    def _follow(self, job: IngestJob) -> str:
        progress = ingest_progress(job)
        with tqdm(total=progress.total, unit="frame", desc=job.scene.name) as bar:
            while True:
                progress = ingest_progress(job)
                bar.update(progress.handled - bar.n)
                job.refresh_from_db()
                if not job.active:
                    break
                time.sleep(POLL_SECONDS)
        self._report(job)
        return job.state

    def _report(self, job: IngestJob) -> None:
        scene = job.scene
        scene.refresh_from_db()
        points = f"{scene.frame_count:,} frames, {scene.point_count:,} points"
        self.stdout.write(f"{scene.name}: {job.get_state_display().lower()}, {points}. {job.problem}".rstrip())
        for frame in scene.frames.exclude(problem="")[:20]:
            self.stderr.write(f"  {frame.problem}")
