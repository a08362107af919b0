"""The base of commands that queue the same job for many scenes."""

from typing import Any, ClassVar

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import QuerySet

from scenes.management.following import follow_all
from scenes.models import IngestKind, Scene
from scenes.services import queue_jobs


class QueueJobsCommand(BaseCommand):
    """Queues a job of `kind` for the named scenes or for all; with --wait it shows the progress."""

    kind: ClassVar[IngestKind]

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("scenes", nargs="*", metavar="SCENE", help="scene IDs, as the explorer shows them")
        parser.add_argument("--all", action="store_true", help="every scene")
        parser.add_argument("--wait", action="store_true", help="show progress until the jobs are done")

    def handle(self, *args: Any, **options: Any) -> None:
        queued = queue_jobs(scenes=_wanted(options["scenes"], options["all"]), kind=self.kind, by=None)
        self.stdout.write(f"{self.kind.label}: {queued}")
        if options["wait"]:
            follow_all(self, queued.jobs)


def _wanted(names: list[str], everything: bool) -> "QuerySet[Scene, int]":
    """The ids of the scenes that were asked for. Raises CommandError for none, or for a name that is not there."""
    if everything == bool(names):
        raise CommandError("Name the scenes, or say --all, one of the two.")
    scenes = Scene.objects.order_by("pk")
    if names:
        scenes = scenes.filter(name__in=names)
        unknown = sorted(set(names) - set(scenes.values_list("name", flat=True)))
        if unknown:
            raise CommandError(f"There is no scene called {', '.join(unknown)}. The explorer lists the names.")
    return scenes.values_list("pk", flat=True)
