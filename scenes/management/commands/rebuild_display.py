"""`manage.py rebuild_display SCENE...`: Makes the display files of scenes again from their stored originals."""

from scenes.management.queueing import QueueJobsCommand
from scenes.models import IngestKind


class Command(QueueJobsCommand):
    help = "Make the display files of scenes again from their stored originals."
    kind = IngestKind.DISPLAY
