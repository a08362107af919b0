"""manage.py rebuild_uncertainty: what stands on scenes is written again from the evaluations; --check compares only."""

from itertools import islice
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from uncertainty import services

SHOWN = 20


class Command(BaseCommand):
    help = "Write the uncertainty of all scenes again from the evaluations that count; --check compares only."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="tell which scenes say something else; fails if any do"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["check"]:
            self._check()
            return
        looked = changed = 0
        for scenes, written in services.rebuild_uncertainty():
            looked, changed = looked + scenes, changed + written
        self.stdout.write(f"{looked:,} scenes looked at, {changed:,} changed.")

    def _check(self) -> None:
        found = services.uncertainty_differences()
        for one in (first := list(islice(found, SHOWN))):
            self.stdout.write(f"{one.name} ({one.scene}) says {one.said}, its evaluations say {one.counts}.")
        more = len(first) + sum(1 for _ in found)
        if more:
            raise CommandError(f"{more:,} scenes differ. Mend them: manage.py rebuild_uncertainty")
        self.stdout.write("Every scene says what its evaluations say.")
