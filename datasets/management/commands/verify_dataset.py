"""`manage.py verify_dataset NAME@v2`: reads every file of a frozen version again and names what is not as it was."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from datasets.models import DatasetVersion, Verification, VerificationState
from datasets.selectors import version_named
from datasets.services import verify
from scenes.errors import ConflictError


class Command(BaseCommand):
    help = (
        "Hash every file of a frozen dataset version again and compare with its manifest. Exit code 1 on a difference."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("version", metavar="NAME@v2", help="the version, as its page is headed")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            version = version_named(options["version"])
        except DatasetVersion.DoesNotExist as error:
            raise CommandError(f"There is no version {options['version']}. Write it as NAME@v2.") from error
        verification = self._verified(version)
        for one in verification.problems:
            place = " ".join(filter(None, [one["scene"], one["frame"]]))
            self.stdout.write(f"{place or version}: {one['problem']} (sha256 {one['file']})")
        if verification.state != VerificationState.SOUND:
            raise CommandError(f"{version}: {verification.problem_count:,} differences from what was frozen.")
        self.stdout.write(
            f"{version}: {verification.done:,} scenes and {verification.file_count:,} files are what they were,"
            f" digest {version.digest}."
        )

    def _verified(self, version: DatasetVersion) -> Verification:
        with tqdm(total=version.items.count(), unit="scene", desc=f"verifying {version}") as bar:
            try:
                return verify(version=version, by=None, on_scenes=bar.update)
            except ConflictError as error:
                raise CommandError(str(error)) from error
