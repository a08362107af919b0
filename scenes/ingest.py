"""The work of ingestion: takes pending frames of a job through hash, check, statistics and display chunk.

Any number of workers may run `work` for the same job. A frame is claimed for a short lease before it is touched;
when its worker dies, the lease runs out and another worker takes the frame. Everything is idempotent: files are
content-addressed, and a frame's facts are written in one transaction at its end.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, QuerySet
from django.utils import timezone

from scenes import labelling, storage
from scenes.audit import save_audited
from scenes.clouds import tiles
from scenes.clouds.beside import NS_PER_SECOND, RELATIVE_NS
from scenes.clouds.cloud import CloudError
from scenes.field_scales import measured_scales
from scenes.frame_reading import ReadFrame, is_streamed, quarantine, read_frame, read_original
from scenes.label_files import LabelFile
from scenes.models import Frame, FrameState, IngestJob, IngestState, Ontology, Scene, StoredFile
from scenes.recordings import SUFFIX as RECORDING_SUFFIX
from scenes.recordings import expand, is_recording
from scenes.selectors import scene_bounds, scene_rollup
from scenes.thumbnails import render_filmstrip, render_label_thumbnail, render_thumbnail

RULE_CANDIDATES = 5
FILES = ["cloud", "display", "octree_index", "octree_order"]
FACTS = [
    *FILES, "state", "problem", "claimed_at", "point_count", "finite_count", "lower_bound", "upper_bound",
    "range_max", "intensity_min", "intensity_max", "fields", "warnings",
]  # fmt: skip


def work(job_id: int, *, go_on: Callable[[], bool] = lambda: True) -> bool:
    """Handle frames of the job until none is left to claim or `go_on` says stop.

    Returns whether the job needs another call: frames are left that this call did not handle.
    """
    if not _start(job_id):
        return False
    rule: tiles.IntensityRule | None = None
    with storage.BackgroundWrites() as writes:
        while go_on():
            frames = _claim(job_id)
            if not frames:
                return not _finish(job_id)
            alive = _keep_alive(job_id, frames)
            if is_recording(frames[0]):
                expand(frames[0], alive=alive)
                continue
            if rule is None:
                rule = _intensity_rule(Scene.objects.get(ingest_jobs=job_id))
            read = [read_frame(frame, rule, alive=alive, save=writes.save) for frame in frames]
            writes.settle()
            _write(job_id, read)
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


def _keep_alive(job_id: int, frames: list[Frame]) -> Callable[[], None]:
    """What a long read calls every now and then, so that neither its claim nor its job looks abandoned."""
    renewed = time.monotonic()

    def alive() -> None:
        nonlocal renewed
        if time.monotonic() - renewed > settings.INGEST_LEASE_SECONDS / 4:
            Frame.objects.filter(pk__in=[frame.pk for frame in frames]).update(claimed_at=timezone.now())
            _beat(job_id)
            renewed = time.monotonic()

    return alive


def _claim(job_id: int) -> list[Frame]:
    """Take the next frames of an active job under a lease; a frame that keeps killing workers is quarantined."""
    lease = timedelta(seconds=settings.INGEST_LEASE_SECONDS)
    with transaction.atomic(), connection.cursor() as cursor:
        # A claim that a power cut takes back costs nothing: it need not wait for the disk.
        cursor.execute("SET LOCAL synchronous_commit = off")
        frames = list(
            Frame.objects.claimable(lease)
            .filter(scene__ingest_jobs=job_id, scene__ingest_jobs__state=IngestState.RUNNING)
            .exclude(Exists(_earlier_recording()))
            .select_related("cloud")
            .select_for_update(skip_locked=True, of=("self",))
            .order_by("index")[: settings.INGEST_BATCH_FRAMES]
        )
        frames = _recordings_in_turn(frames)
        worn_out = [frame for frame in frames if frame.attempts >= settings.INGEST_MAX_ATTEMPTS]
        for frame in worn_out:
            quarantine(frame, _gave_up(frame))
        Frame.objects.bulk_update(worn_out, ["state", "problem", "claimed_at"])
        Frame.objects.filter(pk__in=[frame.pk for frame in frames], state=FrameState.PENDING).update(
            claimed_at=timezone.now(), attempts=F("attempts") + 1
        )
    return [frame for frame in frames if frame.state == FrameState.PENDING] or (_claim(job_id) if worn_out else [])


def _recordings_in_turn(frames: list[Frame]) -> list[Frame]:
    """A recording alone, or the frames before the next one: what it holds takes its place before others follow."""
    first = next((place for place, frame in enumerate(frames) if is_recording(frame)), len(frames))
    return frames[: max(first, 1)]


def _earlier_recording() -> QuerySet[Frame]:
    return Frame.objects.filter(
        scene=OuterRef("scene"),
        index__lt=OuterRef("index"),
        state=FrameState.PENDING,
        name__iendswith=RECORDING_SUFFIX,
    )


def _gave_up(frame: Frame) -> CloudError:
    return CloudError(
        f"the worker died {frame.attempts} times while it read this frame",
        remedy="Look at the worker's log and the machine's memory, then retry the job.",
        file=frame.name,
    )


def _intensity_rule(scene: Scene) -> tiles.IntensityRule:
    """How intensity is scaled for display: decided once by the scene's first readable frame, whoever comes first."""
    if scene.intensity_rule is None:
        rule = next(filter(None, map(_rule_of, scene.frames.order_by("index")[:RULE_CANDIDATES])), None)
        Scene.objects.filter(pk=scene.pk, intensity_rule=None).update(intensity_rule=rule)
        return rule or tiles.IntensityRule.NONE
    return tiles.IntensityRule(scene.intensity_rule)


def _rule_of(frame: Frame) -> tiles.IntensityRule | None:
    """None when the frame can't be read (its own turn says why) or has no intensity to go by."""
    if is_recording(frame) or is_streamed(frame):
        return None
    try:
        return tiles.intensity_rule(frame.decode(read_original(frame)).intensity()) or None
    except (OSError, CloudError):
        return None


def _write(job_id: int, read: list[ReadFrame]) -> None:
    """The facts of a batch in one transaction: its files' rows first, then the frames that point at them."""
    with transaction.atomic():
        rows = StoredFile.objects.rows_for([kept for item in read for kept in item.files.values()])
        for item in read:
            for column in FILES:
                kept = item.files.get(column)
                setattr(item.frame, column, rows[kept] if kept else None)
        # An upsert of rows that are all there: a tenth of what bulk_update's CASE expressions cost.
        frames = [item.frame for item in read]
        Frame.objects.bulk_create(frames, update_conflicts=True, unique_fields=["id"], update_fields=FACTS)
        _beat(job_id)


def _finish(job_id: int) -> bool:
    """Roll up and end the job once no frame is pending. False while another worker still holds frames."""
    with transaction.atomic():
        job = IngestJob.objects.select_for_update().get(pk=job_id)
        if not job.active:
            return True
        if job.scene.frames.filter(state=FrameState.PENDING).exists():
            return False
        refused = _add_labels(job)
        job.scene = roll_up(job.scene, reason=f"Ingest job {job.pk}")
        state, problem = _outcome(job)
        job.finish(state, f"{problem} {refused}".strip())
        save_audited(job, by=None, reason="All frames are handled")
    return True


def _add_labels(job: IngestJob) -> str:
    """The first labels of a scene from the files that a declared tree named. Returns why they were refused."""
    if not job.labels or job.scene.label_sets.exists():
        return ""
    ready = set(job.scene.frames.filter(state=FrameState.READY).values_list("name", flat=True))
    kind = job.labels["kind"]
    beat = partial(_beat, job.pk)
    try:
        files = {name: LabelFile.at(Path(path)) for name, path in job.labels.get("files", {}).items() if name in ready}
        table = labelling.ClassTable.of(_ontology(job.labels["ontology"]))
        checked = labelling.check(
            scene=job.scene, table=table, kind=kind, files=files, accept_unknown=False, progress=beat
        )
        labelling.write(scene=job.scene, table=table, kind=kind, checked=checked, by=job.requested_by, note="")
    except CloudError as error:
        return f"The labels were refused: {error}"
    return ""


def _ontology(name: str) -> Ontology:
    found = Ontology.objects.filter(name=name).first()
    if found is None:
        raise CloudError(f"there is no ontology {name!r} any more", "Add the labels by manage.py ingest_labels.")
    return found


def _outcome(job: IngestJob) -> tuple[IngestState, str]:
    scene = job.scene
    if scene.frame_count == 0:
        return IngestState.FAILED, "No frame could be read; each frame of the scene says why."
    if scene.quarantined_count:
        return IngestState.DONE, f"{scene.quarantined_count} frames are quarantined; each says why."
    return IngestState.DONE, ""


def roll_up(scene: Scene, *, reason: str) -> Scene:
    """Write the scene's counts, sizes, bounds, duration and pictures from its frames. Idempotent.

    Returns the scene as it is now: it is read again under a lock, so that what people changed meanwhile stays.
    """
    pictures = {"thumbnail": _kept(render_thumbnail(scene)), "filmstrip": _kept(render_filmstrip(scene))}
    rollup = scene_rollup(scene)
    first, last = rollup.pop("first_ns"), rollup.pop("last_ns")
    bounds, scales = scene_bounds(scene), measured_scales(scene, with_large=True)
    with transaction.atomic():
        scene = Scene.objects.select_for_update().get(pk=scene.pk)
        for name, value in (rollup | pictures).items():
            setattr(scene, name, value)
        if scene.captured_at is None and first is not None and first >= RELATIVE_NS:
            scene.captured_at = datetime.fromtimestamp(first // 1000 / 1e6, UTC)
        scene.duration_seconds = None if first is None or last is None else (last - first) / NS_PER_SECOND
        scene.lower_bound, scene.upper_bound = bounds
        scene.field_scales = scales
        scene.label_thumbnail = _kept(render_label_thumbnail(scene))  # under the lock: labels may be coming in
        save_audited(scene, by=None, reason=reason)
    return scene


def _kept(picture: bytes | None) -> StoredFile | None:
    if picture is None:
        return None
    return StoredFile.objects.row_for(storage.save_bytes(picture, storage=storage.DERIVED))
