"""`manage.py ingest PATH...`: folders of point clouds become scenes."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.exceptions import SuspiciousFileOperation, ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.dateparse import parse_date, parse_datetime

from scenes.clouds.cloud import CloudError
from scenes.clouds.trees import TREE_KINDS, TreeScene
from scenes.management.following import follow_all
from scenes.models import IngestJob
from scenes.services import IngestWishes, ingest_root_sequence, ingest_sequence, ingest_tree_scene
from scenes.sources import Sequence, find_in_root, find_sequences, find_tree
from scenes.storage import root_named, root_of


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


@contextmanager
def clear_words(place: Path | None = None) -> Iterator[None]:
    """What is refused inside the block ends the command with its words, the place in front."""
    try:
        yield
    except (CloudError, OSError, SuspiciousFileOperation, ValidationError) as error:
        words = "; ".join(error.messages) if isinstance(error, ValidationError) else str(error)
        raise CommandError(f"{place}: {words}" if place else words) from error


class Command(BaseCommand):
    help = "Turn folders of point clouds into scenes: a folder makes one scene, a tree one per folder with clouds."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="a folder, a tree or one file")
        parser.add_argument("--scene", help="the scene's ID (default: the folder's name); for one folder only")
        parser.add_argument("--drive", default="", help="the drive (log) these scenes belong to")
        parser.add_argument("--tag", action="append", default=[], help="a tag; may be given several times")
        parser.add_argument("--captured-at", type=capture_time, help="when the capture began, ISO 8601")
        parser.add_argument("--rate", type=frame_rate, help="frames per second, when no times.txt lies beside")
        parser.add_argument("--format", default="", help="what .bin files hold: kitti or nuscenes")
        parser.add_argument(
            "--labels-in",
            default="",
            metavar="ONTOLOGY",
            help="the clouds have a label field, in this; with --tree: the tree's labels are in this",
        )
        parser.add_argument("--topic", default="", help="which topic of a recording holds the clouds")
        parser.add_argument("--tree", choices=TREE_KINDS, help="the path is a dataset of this layout, labels included")
        parser.add_argument("--sweeps", action="store_true", help="with --tree nuscenes: the frames between key frames")
        parser.add_argument("--root", help="the paths are folders below this root of LAMM_ROOTS, and stay there")
        parser.add_argument("--in-place", action="store_true", help="leave the files where they are (LAMM_ROOTS)")
        parser.add_argument("--wait", action="store_true", help="show progress until the frames are in")

    def handle(self, *args: Any, **options: Any) -> None:
        wishes = IngestWishes(
            drive=options["drive"],
            tags=tuple(options["tag"]),
            captured_at=options["captured_at"],
            rate_hz=options["rate"],
            format=options["format"],
            topic=options["topic"],
            field_ontology=options["labels_in"],
        )
        with clear_words():
            jobs = self._jobs(wishes, options)
        if options["wait"]:
            follow_all(self, jobs)
        else:
            self.stdout.write("Keep the files where they are until the jobs are done (--wait shows progress).")

    def _jobs(self, wishes: IngestWishes, options: dict[str, Any]) -> list[IngestJob]:
        if options["root"]:
            return self._register_below_root(wishes, options)
        if options["tree"]:
            return self._register_trees(wishes, options)
        return self._register_folders(wishes, options)

    def _register_folders(self, wishes: IngestWishes, options: dict[str, Any]) -> list[IngestJob]:
        sequences = self._find(options["paths"], options["scene"])
        return [self._register(sequence, wishes, options["in_place"]) for sequence in sequences]

    def _register_below_root(self, wishes: IngestWishes, options: dict[str, Any]) -> list[IngestJob]:
        with clear_words():
            root = root_named(options["root"])
            found = [sequence for path in options["paths"] for sequence in find_in_root(root, path.as_posix())]
            if options["scene"] and len(found) == 1:
                found = [replace(found[0], name=options["scene"])]
            jobs = [ingest_root_sequence(sequence=sequence, wishes=wishes, by=None) for sequence in found]
        for job, sequence in zip(jobs, found, strict=True):
            self.stdout.write(f"{sequence.name}: {len(sequence.frames)} files, job {job.pk} queued.")
        return jobs

    def _register_trees(self, wishes: IngestWishes, options: dict[str, Any]) -> list[IngestJob]:
        if options["scene"]:
            raise CommandError("--scene can't be used with --tree: the tree names its scenes.")
        return [
            self._register_tree_scene(root, scene, wishes, options["in_place"])
            for root in options["paths"]
            for scene in self._scenes_of(root, options)
        ]

    def _scenes_of(self, root: Path, options: dict[str, Any]) -> list[TreeScene]:
        with clear_words(root):
            return find_tree(root, options["tree"], sweeps=options["sweeps"])

    def _register_tree_scene(self, root: Path, scene: TreeScene, wishes: IngestWishes, in_place: bool) -> IngestJob:
        with clear_words(root):
            wishes = replace(wishes, root=root_of(root)) if in_place else wishes
            job = ingest_tree_scene(root=root, scene=scene, wishes=wishes, by=None)
        self.stdout.write(f"{scene.name}: {len(scene.frames)} frames, job {job.pk} queued.")
        for path in scene.missing:
            self.stderr.write(f"  {path} is declared and not there; the frame is left out.")
        return job

    def _find(self, paths: list[Path], scene: str | None) -> list[Sequence]:
        with clear_words():
            sequences = [sequence for path in paths for sequence in find_sequences(path)]
        if scene is None:
            return sequences
        if len(sequences) != 1:
            raise CommandError(f"--scene names one scene, but {len(sequences)} folders hold clouds. Leave it out.")
        only = sequences[0]
        return [replace(only, name=scene)]

    def _register(self, sequence: Sequence, wishes: IngestWishes, in_place: bool) -> IngestJob:
        with clear_words(sequence.folder):
            wishes = replace(wishes, root=root_of(sequence.folder)) if in_place else wishes
            job = ingest_sequence(sequence=sequence, wishes=wishes, by=None)
        self.stdout.write(f"{sequence.name}: {len(sequence.frames)} files, job {job.pk} queued.")
        return job
