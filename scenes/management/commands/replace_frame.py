"""`manage.py replace_frame SCENE FRAME FILE`: gives a quarantined frame a better file."""

from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from scenes.clouds.cloud import CloudError
from scenes.errors import ConflictError
from scenes.management.following import follow_all
from scenes.models import Frame, IngestJob
from scenes.services import replace_frame


class Command(BaseCommand):
    help = "Replace the file of a quarantined frame and queue its ingestion."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("scene", help="the scene's ID")
        parser.add_argument("frame", help="the frame's name, as the scene's page shows it")
        parser.add_argument("file", type=Path, help="the better file; its bytes are copied")
        parser.add_argument("--wait", action="store_true", help="show progress until the frame is in")

    def handle(self, *args: Any, **options: Any) -> None:
        frame = Frame.objects.filter(scene__name=options["scene"], name=options["frame"]).first()
        if frame is None:
            raise CommandError(f"There is no frame {options['frame']} in a scene {options['scene']}.")
        job = _replaced(frame, options["file"])
        self.stdout.write(f"{frame.name}: replaced, job {job.pk} queued.")
        if options["wait"]:
            follow_all(self, [job])


def _replaced(frame: Frame, file: Path) -> IngestJob:
    try:
        return replace_frame(frame=frame, data=file.read_bytes(), name=_name_for(frame, file), by=None)
    except OSError as error:
        raise CommandError(f"{file} can't be read: {error.strerror}") from error
    except (CloudError, ConflictError, ValidationError) as error:
        words = "; ".join(error.messages) if isinstance(error, ValidationError) else str(error)
        raise CommandError(words) from error


def _name_for(frame: Frame, file: Path) -> str:
    """The frame keeps its name unless the better file is of another kind."""
    return frame.name if file.suffix.lower() == Path(frame.name).suffix.lower() else file.name
