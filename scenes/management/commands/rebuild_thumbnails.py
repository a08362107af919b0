"""`manage.py rebuild_thumbnails SCENE...`: Draws the pictures of scenes again."""

from scenes.management.queueing import QueueJobsCommand
from scenes.models import IngestKind


class Command(QueueJobsCommand):
    help = "Draw the pictures of scenes again."
    kind = IngestKind.THUMBNAILS
