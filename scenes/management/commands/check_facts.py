"""`manage.py check_facts [--mend]`: derived facts of scenes held against what they follow from."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from scenes.facts import DERIVED, mend, scene_id_ranges, wrong_scenes

MOST_NAMED = 10


class Command(BaseCommand):
    help = "Compare tag links, search texts and classes present with what they follow from; --mend derives them again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--mend", action="store_true", help="write what is wrong again")

    def handle(self, *args: Any, **options: Any) -> None:
        left = 0
        for fact in DERIVED:
            wrong = []
            for first, last in scene_id_ranges():
                found = wrong_scenes(fact, first, last)
                if found and options["mend"]:
                    mend(fact, found)
                wrong += found
            left += 0 if options["mend"] else len(wrong)
            self.stdout.write(f"{fact.name}: {self._words(wrong, mended=options['mend'])}")
        if left:
            raise CommandError("Derived facts are wrong. Run it with --mend.")

    @staticmethod
    def _words(wrong: list[int], *, mended: bool) -> str:
        if not wrong:
            return "as they should be"
        some = ", ".join(map(str, wrong[:MOST_NAMED])) + (", …" if len(wrong) > MOST_NAMED else "")
        return f"{len(wrong):,} scenes {'mended' if mended else 'are wrong'} ({some})"
