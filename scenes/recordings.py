"""Recordings: files that hold many frames. Each cloud message becomes a frame; its bytes are kept as recorded.

The recording itself stays where it is: it may hold hours of camera pictures that are no business of LAMM.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath

from django.db import transaction
from django.db.models import F

from scenes import storage
from scenes.clouds import mcap
from scenes.clouds.cloud import CloudError
from scenes.frame_reading import Alive, on_disk, quarantine, unreadable
from scenes.models import Frame, Scene, StoredFile

SUFFIX = ".mcap"
ROWS_AT_ONCE = 1000


@dataclass(frozen=True)
class RecordedCloud:
    """One message: its place in the recording, when it was taken, and its kept bytes."""

    number: int
    timestamp_ns: int
    topic: str
    kept: storage.StoredBytes


def is_recording(frame: Frame) -> bool:
    return frame.name.lower().endswith(SUFFIX)


def expand(recording: Frame, *, alive: Alive) -> None:
    """Put the frames that a recording holds in its place, pending, in the order of their times.

    A recording that is damaged further on gives the frames before the damage and stays behind, quarantined with
    its problem; so does one that can't be read at all.
    """
    found: list[RecordedCloud] = []
    problem: CloudError | None = None
    try:
        with on_disk(recording, alive) as path:
            for cloud in _clouds(mcap.frames(path, topic=recording.topic or None, name=recording.name), alive):
                found.append(cloud)
        if not found:
            problem = CloudError("the recording holds no message of a point cloud", "Check what was recorded.")
    except CloudError as error:
        problem = error
    except OSError as error:
        problem = unreadable(recording, error)
    _replace(recording, sorted(found, key=lambda one: one.timestamp_ns), problem)


def _clouds(frames: Iterator[mcap.Frame], alive: Alive) -> Iterator[RecordedCloud]:
    for number, frame in enumerate(frames):
        alive()
        kept = storage.save_bytes(frame.data, storage=storage.ORIGINALS)
        yield RecordedCloud(number, frame.timestamp_ns, frame.topic, kept)


def _replace(recording: Frame, found: list[RecordedCloud], problem: CloudError | None) -> None:
    with transaction.atomic():
        Scene.objects.select_for_update().get(pk=recording.scene_id)
        if not Frame.objects.filter(pk=recording.pk).exists():
            return  # another worker was faster after this one's lease had run out
        later = Frame.objects.filter(scene=recording.scene_id, index__gt=recording.index)
        if problem is None:
            recording.delete()
            later.update(index=F("index") + len(found) - 1)
        else:
            later.update(index=F("index") + len(found))
            recording.index += len(found)
            quarantine(recording, problem)
            recording.save()
        _insert(recording, found, recording.index - (len(found) if problem else 0))


def _insert(recording: Frame, found: list[RecordedCloud], first: int) -> None:
    files = StoredFile.objects.rows_for([cloud.kept for cloud in found]) if found else {}
    stem = PurePath(recording.name).stem
    rows = [
        Frame(
            scene_id=recording.scene_id,
            index=first + place,
            name=f"{stem}-{cloud.number:06d}.pointcloud2",
            source=recording.source,
            topic=cloud.topic,
            timestamp_ns=cloud.timestamp_ns,
            cloud=files[cloud.kept],
        )
        for place, cloud in enumerate(found)
    ]
    Frame.objects.bulk_create(rows, batch_size=ROWS_AT_ONCE)
