"""The work of ingestion: takes pending frames of a job through hash, check, statistics and display chunk.

Any number of workers may run `work` for the same job. A frame is claimed for a short lease before it is touched;
when its worker dies, the lease runs out and another worker takes the frame. Everything is idempotent: files are
content-addressed, and a frame's facts are written in one transaction at its end.
"""

import logging
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from scenes import storage
from scenes.audit import save_audited
from scenes.clouds import tiles
from scenes.clouds.cloud import DEFAULT_LIMITS, CloudError, PointCloud
from scenes.clouds.formats import format_for
from scenes.clouds.statistics import summarise
from scenes.models import Frame, FrameState, IngestJob, IngestState, Scene, StoredFile
from scenes.selectors import scene_bounds, scene_rollup
from scenes.thumbnails import render_thumbnail

logger = logging.getLogger(__name__)
NS_PER_SECOND = 1_000_000_000
RULE_CANDIDATES = 5
FACTS = [
    "state", "problem", "claimed_at", "cloud", "display", "point_count", "finite_count", "lower_bound",
    "upper_bound", "range_max", "intensity_min", "intensity_max", "fields", "warnings",
]  # fmt: skip


@dataclass(frozen=True)
class WorkedFrame:
    """What became of a frame: its facts, and the bytes that are stored for it."""

    frame: Frame
    original: storage.StoredBytes | None
    display: storage.StoredBytes | None


def work(job_id: int, *, go_on: Callable[[], bool] = lambda: True) -> bool:
    """Handle frames of the job until none is left to claim or `go_on` says stop.

    Returns whether the job needs another call: frames are left that this call did not handle.
    """
    if not _start(job_id):
        return False
    rule = _intensity_rule(Scene.objects.get(ingest_jobs=job_id))
    while go_on():
        frames = _claim(job_id)
        if not frames:
            return not _finish(job_id)
        _write([_ingest(frame, rule) for frame in frames])
        _beat(job_id)
    return True


def _start(job_id: int) -> bool:
    """Mark the job running. False when it has ended or is gone, so that a late wake-up does nothing."""
    with transaction.atomic():
        job = IngestJob.objects.select_for_update().filter(pk=job_id).first()
        if job is None or not job.active:
            return False
        if job.state == IngestState.QUEUED:
            job.state, job.started_at = IngestState.RUNNING, timezone.now()
            job.attempts += 1
            save_audited(job, by=None, reason="A worker took the job")
        _beat(job_id)
    return True


def _beat(job_id: int) -> None:
    IngestJob.objects.filter(pk=job_id).update(heartbeat_at=timezone.now())


def _claim(job_id: int) -> list[Frame]:
    """Take the next frames of an active job under a lease; a frame that keeps killing workers is quarantined."""
    lease = timedelta(seconds=settings.INGEST_LEASE_SECONDS)
    with transaction.atomic():
        frames = list(
            Frame.objects.claimable(lease)
            .filter(scene__ingest_jobs=job_id, scene__ingest_jobs__state=IngestState.RUNNING)
            .select_related("cloud")
            .select_for_update(skip_locked=True, of=("self",))
            .order_by("index")[: settings.INGEST_BATCH_FRAMES]
        )
        worn_out = [frame for frame in frames if frame.attempts >= settings.INGEST_MAX_ATTEMPTS]
        for frame in worn_out:
            _quarantine(frame, _gave_up(frame))
        Frame.objects.bulk_update(worn_out, ["state", "problem", "claimed_at"])
        Frame.objects.filter(pk__in=[frame.pk for frame in frames], state=FrameState.PENDING).update(
            claimed_at=timezone.now(), attempts=F("attempts") + 1
        )
    return [frame for frame in frames if frame.state == FrameState.PENDING] or (_claim(job_id) if worn_out else [])


def _gave_up(frame: Frame) -> CloudError:
    return CloudError(
        f"the worker died {frame.attempts} times while it read this frame",
        remedy="Look at the worker's log and the machine's memory, then retry the job.",
        file=frame.name,
    )


def _quarantine(frame: Frame, error: Exception) -> None:
    frame.state, frame.problem, frame.claimed_at = FrameState.QUARANTINED, str(error), None


def _ingest(frame: Frame, rule: tiles.IntensityRule) -> WorkedFrame:
    """One frame: the original is stored before anything else, so that even a bad one stays re-readable."""
    try:
        data = _read_original(frame)
    except (OSError, CloudError) as error:
        _quarantine(frame, error if isinstance(error, CloudError) else _unreadable(frame, error))
        return WorkedFrame(frame, None, None)
    original = storage.save_bytes(data, storage=storage.ORIGINALS)
    try:
        display = _read_facts(frame, data, rule)
    except CloudError as error:
        _quarantine(frame, error)
        return WorkedFrame(frame, original, None)
    frame.state, frame.problem, frame.claimed_at = FrameState.READY, "", None
    return WorkedFrame(frame, original, display)


def _read_original(frame: Frame) -> bytes:
    if frame.cloud is not None:
        return frame.cloud.read()
    return Path(frame.source).read_bytes()


def _unreadable(frame: Frame, error: OSError) -> CloudError:
    return CloudError(
        f"the file can't be read: {error.strerror or error}",
        remedy="Put it back where it was, or give the worker the right to read it, then retry the job.",
        file=frame.source or frame.name,
    )


def _read_facts(frame: Frame, data: bytes, rule: tiles.IntensityRule) -> storage.StoredBytes:
    cloud = _read_cloud(frame, data)
    _fill_statistics(frame, cloud)
    chunk = tiles.encode(cloud, rule=rule)
    return storage.save_bytes(chunk.data, storage=storage.DERIVED)


def _read_cloud(frame: Frame, data: bytes) -> PointCloud:
    return format_for(frame.name).read(data, name=frame.name, limits=DEFAULT_LIMITS)


def _intensity_rule(scene: Scene) -> tiles.IntensityRule:
    """How intensity is scaled for display: decided once by the scene's first readable frame, whoever comes first."""
    if scene.intensity_rule is None:
        rule = next(filter(None, map(_rule_of, scene.frames.order_by("index")[:RULE_CANDIDATES])), None)
        Scene.objects.filter(pk=scene.pk, intensity_rule=None).update(intensity_rule=rule)
        return rule or tiles.IntensityRule.NONE
    return tiles.IntensityRule(scene.intensity_rule)


def _rule_of(frame: Frame) -> tiles.IntensityRule | None:
    """None when the frame can't be read (its own turn says why) or has no intensity to go by."""
    try:
        return tiles.intensity_rule(_read_cloud(frame, _read_original(frame)).intensity()) or None
    except (OSError, CloudError):
        return None


def _fill_statistics(frame: Frame, cloud: PointCloud) -> None:
    facts = summarise(cloud)
    frame.point_count, frame.finite_count = facts.points, facts.finite
    frame.lower_bound, frame.upper_bound = list(facts.minimum), list(facts.maximum)
    frame.range_max = facts.range_maximum
    frame.intensity_min, frame.intensity_max = facts.intensity_minimum, facts.intensity_maximum
    frame.fields = [asdict(field) for field in facts.fields]
    frame.warnings = list(facts.warnings)


def _write(worked: list[WorkedFrame]) -> None:
    """The facts of a batch in one transaction: its files' rows first, then the frames that point at them."""
    with transaction.atomic():
        files = _stored_files([bytes_ for w in worked for bytes_ in (w.original, w.display) if bytes_])
        for item in worked:
            if item.original:
                item.frame.cloud = files[item.original.digest, item.original.storage]
            if item.display:
                item.frame.display = files[item.display.digest, item.display.storage]
        Frame.objects.bulk_update([item.frame for item in worked], FACTS)


def _stored_files(stored: Iterable[storage.StoredBytes]) -> dict[tuple[str, str], StoredFile]:
    rows = [StoredFile(digest=s.digest, size=s.size, storage=s.storage) for s in stored]
    StoredFile.objects.bulk_create(rows, ignore_conflicts=True)
    found = StoredFile.objects.filter(digest__in={row.digest for row in rows})
    return {(row.digest, row.storage): row for row in found}


def _finish(job_id: int) -> bool:
    """Roll up and end the job once no frame is pending. False while another worker still holds frames."""
    with transaction.atomic():
        job = IngestJob.objects.select_for_update().get(pk=job_id)
        if not job.active:
            return True
        if job.scene.frames.filter(state=FrameState.PENDING).exists():
            return False
        roll_up(job.scene, reason=f"Ingest job {job.pk}")
        job.finish(*_outcome(job))
        save_audited(job, by=None, reason="All frames are handled")
    return True


def _outcome(job: IngestJob) -> tuple[IngestState, str]:
    scene = job.scene
    if scene.frame_count == 0:
        return IngestState.FAILED, "No frame could be read. The frames below say why."
    if scene.quarantined_count:
        return IngestState.DONE, f"{scene.quarantined_count} frames are quarantined. They say why."
    return IngestState.DONE, ""


def roll_up(scene: Scene, *, reason: str) -> None:
    """Write the scene's counts, sizes, bounds, duration and thumbnail from its frames. Idempotent."""
    rollup = scene_rollup(scene)
    first, last = rollup.pop("first_ns"), rollup.pop("last_ns")
    for name, value in rollup.items():
        setattr(scene, name, value)
    scene.duration_seconds = None if first is None or last is None else (last - first) / NS_PER_SECOND
    scene.lower_bound, scene.upper_bound = scene_bounds(scene)
    scene.thumbnail = _thumbnail(scene)
    save_audited(scene, by=None, reason=reason)


def _thumbnail(scene: Scene) -> StoredFile | None:
    picture = render_thumbnail(scene)
    if picture is None:
        return None
    stored = storage.save_bytes(picture, storage=storage.DERIVED)
    return _stored_files([stored])[stored.digest, stored.storage]


def set_frame_times(scene: Scene, times_ns: list[int]) -> None:
    """Give the scene's frames their times, in playing order; used when a job is registered."""
    frames: list[Any] = list(scene.frames.order_by("index"))
    for frame, time_ns in zip(frames, times_ns, strict=True):
        frame.timestamp_ns = time_ns
    Frame.objects.bulk_update(frames, ["timestamp_ns"], batch_size=1000)
