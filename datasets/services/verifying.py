"""Verifying frozen versions: every file is read again and compared with the manifest.

A batch of scenes and the note of how far the verification is are one transaction, so a killed worker loses only its
batch, and another goes on there.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from celery import current_app
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from datasets import manifests
from datasets.models import ACTIVE_VERIFICATION_STATES, DatasetVersion, Item, Verification, VerificationState
from scenes.errors import ConflictError, NotAllowedError
from scenes.models import Frame, FrameLabels, StoredFile
from scenes.services import verify_files

TASK = "datasets.tasks.work_on_verification"
VERIFY = "datasets.add_verification"
SCENES_AT_ONCE = 8
PROBLEMS_KEPT = 200
MOST_ATTEMPTS = 3
Problem = dict[str, str]


@dataclass
class _Batch:
    """What came of some scenes."""

    problems: list[Problem] = field(default_factory=list)
    files: int = 0
    bytes: int = 0

    def tell(self, problem: str, *, scene: str = "", frame: str = "", file: str = "") -> None:
        self.problems.append({"scene": scene, "frame": frame, "file": file, "problem": problem})


def request_verification(*, version: DatasetVersion, by: User | None) -> Verification:
    """Queue a verification and wake a worker; one that is under way is returned instead.

    Raises ConflictError for a draft, which has no manifest to compare with.
    """
    verification = _made(version, by)
    transaction.on_commit(lambda: wake(verification.pk), robust=True)
    return verification


def verify(
    *, version: DatasetVersion, by: User | None, on_scenes: Callable[[int], object] = lambda count: None
) -> Verification:
    """Verify in this process, and return what came of it. `on_scenes` hears how many scenes were handled."""
    verification = _made(version, by)
    on_scenes(verification.done)
    work(verification.pk, on_scenes=on_scenes)
    verification.refresh_from_db()
    return verification


@transaction.atomic
def _made(version: DatasetVersion, by: User | None) -> Verification:
    if by is not None and not by.has_perm(VERIFY):
        raise NotAllowedError("Your account may not verify datasets. Ask a curator, an engineer or an operator.")
    locked = DatasetVersion.objects.select_for_update(of=("self",), no_key=True).get(pk=version.pk)
    if locked.is_draft:
        raise ConflictError(f"{version} is a draft: it has no manifest to compare with. Freeze it first.")
    active = locked.verifications.filter(state__in=ACTIVE_VERIFICATION_STATES).first()
    return active or Verification.objects.create(version=locked, requested_by=by, total=locked.items.count())


def wake(verification_id: int) -> None:
    """Tell a worker; when no broker answers, the sweep does it later."""
    current_app.send_task(TASK, args=[verification_id])


def work(
    verification_id: int,
    *,
    go_on: Callable[[], bool] = lambda: True,
    on_scenes: Callable[[int], object] = lambda count: None,
) -> bool:
    """Verify batch after batch until all is read or `go_on` says stop. Returns whether some is left."""
    verification = Verification.objects.select_related("version__manifest", "version__dataset").get(pk=verification_id)
    if not verification.active:
        return False
    try:
        lines = _trusted_lines(verification)
        if lines is None:
            return False
        while go_on():
            batch = list(islice(lines, SCENES_AT_ONCE))
            if not _next_batch(verification, batch):
                return False
            on_scenes(len(batch))
    except Exception:
        _count_failure(verification_id)
        raise
    return True


def _trusted_lines(verification: Verification) -> Iterator[bytes] | None:
    """The lines that are left, of a manifest whose own digest is right; else the verification ends with that."""
    version, batch = verification.version, _Batch()
    found = hashlib.sha256()
    try:
        for line in manifests.stored_lines(version):
            found.update(line)
    except OSError as error:
        batch.tell(f"the manifest can't be read: {error.strerror or 'it is missing'}", file=version.digest)
    else:
        if found.hexdigest() != version.digest:
            batch.tell(f"the manifest is not what was frozen: its sha256 is {found.hexdigest()}", file=version.digest)
    if batch.problems:
        with transaction.atomic():
            locked = Verification.objects.select_for_update().get(pk=verification.pk)
            _note(locked, batch, done=0)
            _finish(locked)
        return None
    return islice(manifests.stored_lines(version), 1 + verification.done, None)


@transaction.atomic
def _next_batch(verification: Verification, lines: list[bytes]) -> bool:
    """Verify some scenes; False when there were none left, or when another worker has taken over."""
    active = Verification.objects.filter(pk=verification.pk, state__in=ACTIVE_VERIFICATION_STATES)
    locked = active.select_for_update(skip_locked=True, of=("self",)).first()
    if locked is None or locked.done != verification.done:
        return False
    batch = _compared(verification.version, lines)
    _note(locked, batch, done=len(lines))
    verification.done = locked.done
    if len(lines) < SCENES_AT_ONCE:
        _finish(locked)
        return False
    return True


def _note(verification: Verification, batch: _Batch, *, done: int) -> None:
    verification.state, verification.heartbeat_at, verification.attempts = VerificationState.RUNNING, timezone.now(), 0
    verification.done += done
    verification.file_count += batch.files
    verification.byte_count += batch.bytes
    verification.problem_count += len(batch.problems)
    verification.problems = [*verification.problems, *batch.problems][:PROBLEMS_KEPT]
    verification.save()


def _finish(verification: Verification) -> None:
    damaged = verification.problem_count > 0
    verification.state = VerificationState.DAMAGED if damaged else VerificationState.SOUND
    verification.finished_at = timezone.now()
    verification.save(update_fields=["state", "finished_at"])


@transaction.atomic
def _count_failure(verification_id: int) -> None:
    """A verification that breaks again and again ends; the worker's log says why."""
    verification = Verification.objects.select_for_update().get(pk=verification_id)
    verification.attempts, verification.heartbeat_at = verification.attempts + 1, timezone.now()
    if verification.attempts >= MOST_ATTEMPTS:
        verification.state, verification.finished_at = VerificationState.FAILED, timezone.now()
    verification.save()


def _compared(version: DatasetVersion, lines: list[bytes]) -> _Batch:
    """Compare the lines with the facts as they are now, then read every file that they name."""
    batch = _Batch()
    by_digest = {hashlib.sha256(line).hexdigest(): line for line in lines}
    items = Item.objects.filter(version=version, content_digest__in=by_digest)
    known = {item.pk: by_digest[item.content_digest] for item in items}
    for line in set(by_digest.values()) - set(known.values()):
        batch.tell("the scene is not in the version any more", scene=manifests.parsed(line)["scene"])
    current = manifests.lines_of(known)
    for item, line in known.items():
        if current[item] != line:
            _tell_differences(manifests.parsed(line), manifests.parsed(current[item]), batch)
    _read_files([manifests.parsed(line) for line in known.values()], list(known), batch)
    return batch


def _tell_differences(was: dict, now: dict, batch: _Batch) -> None:
    scene = was["scene"]
    if now["scene"] != scene:
        batch.tell(f"the scene is called {now['scene']} now", scene=scene)
    if now["labels"] != was["labels"]:
        batch.tell(f"its labels are {now['labels']} now, were {was['labels']}", scene=scene)
    frames = {name: (cloud, classes) for name, cloud, classes in now["frames"]}
    frozen = {name for name, _, _ in was["frames"]}
    for name, cloud, classes in was["frames"]:
        if name not in frames:
            batch.tell("the frame is gone, or is not ready any more", scene=scene, frame=name, file=cloud)
            continue
        if frames[name][0] != cloud:
            batch.tell(
                f"the frame's file was replaced: it is {frames[name][0]} now", scene=scene, frame=name, file=cloud
            )
        if frames[name][1] != classes:
            batch.tell("the frame's labels were replaced", scene=scene, frame=name, file=classes or "")
    for name in sorted(set(frames) - frozen):
        batch.tell("the frame was not there when the version was frozen", scene=scene, frame=name)


def _read_files(scenes: list[dict], items: list[int], batch: _Batch) -> None:
    """Hash the stored files of these scenes' frames and of their pinned labels."""
    uses: dict[str, tuple[str, str]] = {}
    for scene in scenes:
        for name, cloud, classes in scene["frames"]:
            uses |= {digest: (scene["scene"], name) for digest in (cloud, classes) if digest}
    clouds = Frame.objects.filter(scene__dataset_items__in=items, cloud__isnull=False).values("cloud")
    classes = FrameLabels.objects.filter(label_set__dataset_items__in=items).values("classes")
    files = StoredFile.objects.filter(digest__in=uses)
    files = files.filter(pk__in=clouds) | files.filter(pk__in=classes)

    def count(size: int) -> None:
        batch.bytes += size

    for damaged in verify_files(files=files, on_bytes=count):
        scene_name, frame = uses[damaged.file.digest]
        batch.tell(damaged.file.problem, scene=scene_name, frame=frame, file=damaged.file.digest)
    batch.files += files.count()
