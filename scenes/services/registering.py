"""From what comes in to rows: the scene, its drive, tags, pending frames and their times."""

from collections.abc import Mapping
from collections.abc import Sequence as Rows
from dataclasses import dataclass, field
from datetime import datetime

from django.contrib.auth.models import User

from scenes.audit import save_audited
from scenes.clouds.beside import NS_PER_SECOND, RELATIVE_NS, Beside, read_beside
from scenes.clouds.positions import position_problem
from scenes.models import ACTIVE_INGEST_STATES, Drive, Frame, FrameState, PositionState, Scene, StoredFile

Actor = User | None


@dataclass(frozen=True)
class IngestWishes:
    """What the person who ingests wants the scene to be.

    `rate_hz`: frames per second, for clouds without times. `format`: the declared kind of files that do not say it
    themselves. `topic`: which topic of a recording holds the clouds. `root`: alias of the root below which the files
    stay in place; empty to copy them. `field_ontology`: name of the ontology that a label field of the clouds is in.
    """

    drive: str = ""
    tags: tuple[str, ...] = ()
    captured_at: datetime | None = None
    rate_hz: float | None = None
    format: str = ""
    topic: str = ""
    root: str = ""
    field_ontology: str = ""


@dataclass(frozen=True)
class IncomingFrame:
    """A frame's file: on this machine (`source`, with `root` when it stays there) or stored already (`file`)."""

    name: str
    source: str = ""
    root: str = ""
    file: StoredFile | None = None


@dataclass(frozen=True)
class IncomingScene:
    """A scene to be: its frames in playing order, and the small files beside them, by name.

    `told`: what is known of the frames already, one to one, where a declared tree tells it.
    """

    name: str
    origin: str
    frames: Rows[IncomingFrame]
    beside: Mapping[str, bytes] = field(default_factory=dict)
    told: Beside | None = None


def register(*, incoming: IncomingScene, wishes: IngestWishes, by: Actor) -> Scene:
    """Write scene, drive, tags, frames and times; nothing is changed while a job of the scene is active."""
    scene = _scene_for(incoming, wishes, by)
    if not scene.ingest_jobs.filter(state__in=ACTIVE_INGEST_STATES).exists():
        _register_frames(scene, incoming, wishes)
        _describe(scene, incoming, wishes, by)
    return scene


def _scene_for(incoming: IncomingScene, wishes: IngestWishes, by: Actor) -> Scene:
    drive = _drive_named(wishes.drive, by) if wishes.drive else None
    scene = Scene.objects.select_for_update().filter(name=incoming.name).first() or Scene(name=incoming.name)
    scene.drive = drive or scene.drive
    scene.captured_at = wishes.captured_at or scene.captured_at
    scene.full_clean(exclude=["thumbnail", "labeler"])
    save_audited(scene, by=by, reason=f"Ingested from {incoming.origin}")
    scene.tags.add(*wishes.tags)
    return scene


def _drive_named(name: str, by: Actor) -> Drive:
    drive = Drive.objects.filter(name=name).first()
    if drive is None:
        drive = Drive(name=name)
        drive.full_clean()
        save_audited(drive, by=by, reason="Named while ingesting")
    return drive


def _register_frames(scene: Scene, incoming: IncomingScene, wishes: IngestWishes) -> None:
    """New files become pending frames after those that are there; quarantined ones get another try."""
    known = {frame.name: frame for frame in scene.frames.all()}
    _try_again(known, incoming, wishes)
    new = [frame for frame in incoming.frames if frame.name not in known]
    first = max((frame.index for frame in known.values()), default=-1) + 1
    rows = [
        Frame(
            scene=scene,
            index=first + n,
            name=frame.name,
            source=frame.source,
            root=frame.root,
            format=wishes.format,
            topic=wishes.topic,
            cloud=frame.file,
        )
        for n, frame in enumerate(new)
    ]
    Frame.objects.bulk_create(rows, batch_size=1000)


def _try_again(known: dict[str, Frame], incoming: IncomingScene, wishes: IngestWishes) -> None:
    retried = []
    for arriving in incoming.frames:
        frame = known.get(arriving.name)
        if frame is not None and frame.state == FrameState.QUARANTINED:
            frame.state, frame.problem, frame.attempts = FrameState.PENDING, "", 0
            frame.cloud, frame.source, frame.root = arriving.file, arriving.source, arriving.root
            frame.format, frame.topic = wishes.format or frame.format, wishes.topic or frame.topic
            retried.append(frame)
    columns = ["state", "problem", "attempts", "cloud", "source", "root", "format", "topic"]
    Frame.objects.bulk_update(retried, columns, batch_size=1000)


def _describe(scene: Scene, incoming: IncomingScene, wishes: IngestWishes, by: Actor) -> None:
    """Give frames their times, poses and places, and the scene its date and track."""
    known = {frame.name: frame for frame in scene.frames.order_by("index")}
    frames = [known[frame.name] for frame in incoming.frames] if incoming.told else list(known.values())
    told = incoming.told or read_beside(incoming.beside, [frame.name for frame in frames])
    times = told.times_ns or _times_by_rate(len(frames), wishes.rate_hz)
    for n, time_ns in enumerate(_absolute(times, scene)):
        frames[n].timestamp_ns = time_ns
    for n, pose in enumerate(told.poses or []):
        frames[n].pose = pose
    for n, place in enumerate(told.places or []):
        if place and position_problem(*place) is None:
            frames[n].latitude, frames[n].longitude = place
    if times or told.poses or told.places:
        Frame.objects.bulk_update(frames, ["timestamp_ns", "pose", "latitude", "longitude"], batch_size=1000)
    if told.track is not None or scene.position_state != PositionState.KNOWN:
        record_positions(scene=scene, positions=told.track or [], by=by)


def _times_by_rate(count: int, rate_hz: float | None) -> list[int]:
    return [round(n * NS_PER_SECOND / rate_hz) for n in range(count)] if rate_hz else []


def record_positions(*, scene: Scene, positions: Rows[tuple[float, float]], by: Actor) -> None:
    """Take the start and end position (degrees, WGS 84) from a track.

    NaN, (0, 0) and positions that are not on Earth count as missing: the scene is then `unusable` and keeps the
    reason. A scene without any position is `missing`.
    """
    problems = [position_problem(*position) for position in positions]
    good = [p for p, problem in zip(positions, problems, strict=True) if problem is None]
    reasons = sorted({problem for problem in problems if problem})
    scene.position_problem = "; ".join(reasons)[:300]
    if good:
        (scene.start_latitude, scene.start_longitude), (scene.end_latitude, scene.end_longitude) = good[0], good[-1]
        scene.position_state = PositionState.KNOWN
    else:
        scene.start_latitude = scene.start_longitude = scene.end_latitude = scene.end_longitude = None
        scene.position_state = PositionState.UNUSABLE if reasons else PositionState.MISSING
    save_audited(scene, by=by, reason="Positions read")


def _absolute(offsets_ns: list[int], scene: Scene) -> list[int]:
    """Times as they are, or counted from the capture date when they start near zero."""
    relative = bool(offsets_ns) and offsets_ns[0] < RELATIVE_NS
    if scene.captured_at is None or not relative:
        return offsets_ns
    start = round(scene.captured_at.timestamp()) * NS_PER_SECOND
    return [start + offset for offset in offsets_ns]
