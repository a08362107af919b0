"""`manage.py verify_files`: reads every stored file again and says which are not what they were."""

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Sum
from tqdm import tqdm

from scenes.models import Scene, StoredFile
from scenes.references import files_of_scene
from scenes.services import files_to_verify, verify_files


class Command(BaseCommand):
    help = "Hash every stored file again and compare. Exit code 1 and a list when something is damaged."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--scene", help="only the files of this scene")
        parser.add_argument("--older-than", type=float, metavar="DAYS", help="skip what was verified in these days")

    def handle(self, *args: Any, **options: Any) -> None:
        days = options["older_than"]
        files = files_to_verify(
            files=_chosen(options["scene"]), older_than=None if days is None else timedelta(days=days)
        )
        count, size = files.count(), files.aggregate(bytes=Sum("size", default=0))["bytes"]
        damaged = 0
        with tqdm(total=size, unit="B", unit_scale=True, desc="verifying") as bar:
            for found in verify_files(files=files, on_bytes=bar.update):
                damaged += 1
                bar.clear()
                self.stdout.write(str(found))
        if damaged:
            raise CommandError(f"{damaged:,} of {count:,} files are damaged. Put the true bytes back from a backup.")
        self.stdout.write(f"{count:,} files are what they were.")


def _chosen(name: str | None) -> Any:
    if name is None:
        return StoredFile.objects.all()
    scene = Scene.objects.filter(name=name).first()
    if scene is None:
        raise CommandError(f"There is no scene called {name}. The explorer lists the names.")
    return files_of_scene(scene)
