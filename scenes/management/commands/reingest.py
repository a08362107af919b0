"""`manage.py reingest SCENE...`: Reads every frame of scenes again from its stored original."""

from scenes.management.queueing import QueueJobsCommand
from scenes.models import IngestKind


class Command(QueueJobsCommand):
    help = "Read every frame of scenes again from its stored original, and count and roll up anew."
    kind = IngestKind.REINGEST
