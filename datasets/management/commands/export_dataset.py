"""`manage.py export_dataset NAME@v2 --format semantic-kitti --to FOLDER`: a frozen version as files."""

import time
from argparse import RawDescriptionHelpFormatter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from datasets.exports import formats, places
from datasets.models import DatasetVersion, ExportFormat
from datasets.selectors import version_named
from datasets.services import exporting
from scenes.errors import DomainError

MIB = 1024**2


class Command(BaseCommand):
    help = "Write a frozen dataset version as files. The same version gives the same bytes, whenever it is done."

    def add_arguments(self, parser: CommandParser) -> None:
        told = "\n".join(f"  {one.key:18}{one.summary}" for one in formats.DESCRIBED.values())
        parser.formatter_class = RawDescriptionHelpFormatter
        parser.epilog = f"Formats:\n{told}"
        parser.add_argument("version", metavar="NAME@v2", help="the version, as its page is headed")
        parser.add_argument("--format", required=True, choices=ExportFormat.values)
        where = parser.add_mutually_exclusive_group(required=True)
        where.add_argument("--to", type=Path, metavar="FOLDER", help="a folder that is missing or empty")
        where.add_argument("--archive", type=Path, metavar="FILE.tar", help="one tar archive")
        where.add_argument("--place", help=f"a name of LAMM_EXPORTS, on a share or in a bucket: {places.told_names()}")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            version = version_named(options["version"])
        except DatasetVersion.DoesNotExist as error:
            raise CommandError(f"There is no version {options['version']}. Write it as NAME@v2.") from error
        began = time.monotonic()
        frames = version.statistics.get("total", {}).get("frames", 0)
        silent = options["verbosity"] == 0 or formats.is_single(options["format"])
        with tqdm(total=frames or None, unit="frame", desc=str(version), disable=silent) as bar:
            size = self._written(version, options, lambda done: bar.update(done - bar.n))
        passed = max(time.monotonic() - began, 1e-6)
        where = options["to"] or options["archive"] or f"{options['place']}:{formats.name(version, options['format'])}"
        self.stdout.write(
            f"{version} as {options['format']} in {where}: {size:,} bytes, {size / passed / MIB:,.0f} MiB/s."
        )

    def _written(self, version: DatasetVersion, options: dict[str, Any], on_frames: Callable[[int], object]) -> int:
        wishes = {"version": version, "form": options["format"], "by": None, "on_frames": on_frames}
        try:
            if options["to"]:
                return exporting.export_to_folder(folder=options["to"], **wishes)
            if options["archive"]:
                return exporting.export_to_archive(path=options["archive"], **wishes)
            return exporting.export_to_place(place=options["place"], **wishes)
        except (DomainError, OSError) as error:
            raise CommandError(str(error)) from error
