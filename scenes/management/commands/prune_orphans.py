"""`manage.py prune_orphans`: removes stored files that nothing refers to."""

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from scenes.services import prune_orphans


class Command(BaseCommand):
    help = "Remove stored files that no row refers to, and bytes without a row. Files in place are left alone."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="say what would go and remove nothing")
        parser.add_argument(
            "--older-than", type=float, default=24.0, metavar="HOURS", help="only what is older (default: 24, least: 1)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with tqdm(unit="file", desc="looking") as bar:
                report = prune_orphans(
                    by=None,
                    dry_run=options["dry_run"],
                    older_than=timedelta(hours=options["older_than"]),
                    on_file=lambda name: bar.update(),
                )
        except ValueError as error:
            raise CommandError(str(error)) from error
        if options["dry_run"]:
            for name in report.names:
                self.stdout.write(f"  {name}")
        verb = "would go" if options["dry_run"] else "removed"
        self.stdout.write(f"{report.rows:,} rows and {report.files:,} files ({report.bytes:,} bytes) {verb}.")
