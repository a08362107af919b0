"""`manage.py import_labels NAME@v2 PATH --kind semantic-kitti`: labels made elsewhere on an exported version."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from datasets import imports
from datasets.models import DatasetVersion
from datasets.selectors import version_named
from datasets.services import import_labels
from datasets.services.importing import Imported
from scenes.clouds.cloud import CloudError
from scenes.errors import DomainError

MOST_NAMED = 20


class Command(BaseCommand):
    help = (
        "Labels that were made on an exported dataset version become new versions of its scenes' labels, all or none. "
        "Files lie where the export has them; a release of Segments.ai is one JSON file."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("version", metavar="NAME@v2", help="the version that was exported")
        parser.add_argument("path", type=Path, metavar="PATH", help="the folder of the tree, or the release file")
        parser.add_argument("--kind", required=True, choices=imports.KINDS, help="how the labels lie in their files")
        parser.add_argument("--tree", default="", choices=["", *imports.TREES], help="the layout, without EXPORT.json")
        parser.add_argument("--ontology", default="", help="what the labels are in (default: that of the version)")
        parser.add_argument(
            "--accept-unknown", action="store_true", help="take raw ids the ontology lacks as class 0, ignored"
        )
        parser.add_argument("--note", default="", help="a word on where these labels come from")
        parser.add_argument("--dry-run", action="store_true", help="check everything, write nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            version = version_named(options["version"])
        except DatasetVersion.DoesNotExist as error:
            raise CommandError(f"There is no version {options['version']}. Write it as NAME@v2.") from error
        wishes = {name: options[name] for name in ("kind", "tree", "ontology", "accept_unknown", "note", "dry_run")}
        with tqdm(unit="frame", desc=str(version), disable=options["verbosity"] == 0) as bar:
            try:
                done = import_labels(
                    version=version, path=options["path"], by=None, on_frame=lambda: _step(bar), **wishes
                )
            except (CloudError, DomainError) as error:
                raise CommandError(str(error)) from error
        self._report(done, dry_run=options["dry_run"])

    def _report(self, done: Imported, *, dry_run: bool) -> None:
        would = "would get" if dry_run else "got"
        self.stdout.write(
            f"{len(done.scenes):,} scenes {would} new labels, {len(done.unchanged):,} have the same already;"
            f" {done.frames:,} frames, {done.points:,} points checked."
        )
        for label_set in done.made[:MOST_NAMED]:
            self.stdout.write(f"  {label_set.scene.name}: labels v{label_set.version}")


def _step(bar: "tqdm[Any]") -> None:
    bar.update()
