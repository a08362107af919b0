"""Keeping the store sound: every file is what its row says, and nothing is kept that nobody needs."""

import hashlib
import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import TypeVar

from django.core.files.storage import InvalidStorageError
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from scenes import storage
from scenes.models import StoredFile
from scenes.references import FileUse, file_uses, unreferenced_files
from scenes.services.registering import Actor

Item = TypeVar("Item")
logger = logging.getLogger(__name__)
CHUNK_BYTES = 1 << 20
BATCH = 500
PRUNED_STORAGES = (storage.ORIGINALS, storage.DERIVED)
DEFAULT_AGE = timedelta(hours=24)
# Bytes get their row only after they are written, so the young are never taken.
LEAST_AGE = timedelta(hours=1)


@dataclass(frozen=True)
class DamagedFile:
    """A stored file that is not what its row says: what is wrong is its `problem`, who needs it its `uses`."""

    file: StoredFile
    uses: tuple[FileUse, ...]

    def __str__(self) -> str:
        places = "; ".join(map(str, self.uses)) or "nothing refers to it"
        where = f"{self.file.storage}:{self.file.path or storage.key(self.file.digest)}"
        return f"{self.file.problem}: {where} ({places})"


def files_to_verify(*, files: QuerySet[StoredFile], older_than: timedelta | None = None) -> QuerySet[StoredFile]:
    """Those of the files that were not verified within `older_than`, so that an interrupted run goes on."""
    if older_than is None:
        return files
    return files.exclude(verified_at__gte=timezone.now() - older_than)


def verify_files(
    *, files: QuerySet[StoredFile], on_bytes: Callable[[int], object] = lambda count: None
) -> Iterator[DamagedFile]:
    """Read every file again, compare size and sha256 with its row, and yield what is damaged.

    Never verified files come first, then the longest not verified; each row's `verified_at` and `problem` are
    written as soon as its file was read. `on_bytes` hears how many bytes were read. Memory does not grow with
    the number or size of files. Doing it again is harmless; a problem that is gone is taken back.
    """
    ordered = files.order_by(F("verified_at").asc(nulls_first=True), "pk")
    for file in ordered.iterator(chunk_size=BATCH):
        file.verified_at, file.problem = timezone.now(), _problem(file, on_bytes)
        StoredFile.objects.filter(pk=file.pk).update(verified_at=file.verified_at, problem=file.problem)
        if file.problem:
            yield DamagedFile(file, tuple(file_uses([file.pk])[file.pk]))


def _problem(file: StoredFile, on_bytes: Callable[[int], object]) -> str:
    """What is wrong with a stored file's bytes, or nothing."""
    try:
        digest, size = _hashed(file, on_bytes)
    except FileNotFoundError:
        return "missing"
    except InvalidStorageError:
        return f"missing: no storage {file.storage} is set up"
    except OSError as error:
        return f"unreadable: {error.strerror or error}"
    if size != file.size:
        return f"size differs: {size} bytes, {file.size} are on record"
    return "" if digest == file.digest else "content changed"


def _hashed(file: StoredFile, on_bytes: Callable[[int], object]) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    with file.open() as stream:
        while chunk := stream.read(CHUNK_BYTES):
            digest.update(chunk)
            size += len(chunk)
            on_bytes(len(chunk))
    return digest.hexdigest(), size


@dataclass
class PruneReport:
    """What pruning removed, or would remove: rows nobody refers to, files in the storages, and their bytes."""

    rows: int = 0
    files: int = 0
    bytes: int = 0
    names: list[str] = field(default_factory=list)

    def add(self, name: str, size: int) -> None:
        self.files, self.bytes = self.files + 1, self.bytes + size
        if len(self.names) < BATCH:
            self.names.append(name)


def prune_orphans(
    *,
    by: Actor,
    dry_run: bool = False,
    older_than: timedelta = DEFAULT_AGE,
    on_file: Callable[[str], object] = lambda name: None,
) -> PruneReport:
    """Remove stored files that no row refers to, and bytes in the storages that have no row.

    Only what is older than `older_than` goes, since an ingest may be about to refer to it; bytes that were used
    again meanwhile count as young. Files registered in place are never removed, only their rows. Raises
    ValueError for an age below one hour.
    """
    if older_than < LEAST_AGE:
        raise ValueError("Files younger than one hour may belong to an ingest under way: prune older ones only.")
    before, report = timezone.now() - older_than, PruneReport()
    for batch in _batches(_orphan_ids(before)):
        _prune_rows(batch, before, report, dry_run)
    for alias in PRUNED_STORAGES:
        for names in _batches(storage.names(storage=alias)):
            _prune_strays(names, alias, before, report, dry_run)
            for name in names:
                on_file(name)
    logger.info("Pruned%s by %s: %s", " (dry run)" if dry_run else "", by or "nobody", report)
    return report


def remove_files(*, file_ids: Iterable[int]) -> PruneReport:
    """Remove those of the files that no row refers to any more; the young stay for a later pruning."""
    report = PruneReport()
    for batch in _batches(file_ids):
        _prune_rows(batch, timezone.now() - LEAST_AGE, report, dry_run=False)
    return report


def _orphan_ids(before: datetime) -> Iterator[int]:
    orphans = unreferenced_files().filter(created_at__lt=before).order_by("pk")
    yield from orphans.values_list("pk", flat=True).iterator(chunk_size=BATCH)


def _batches(items: Iterable[Item]) -> Iterator[list[Item]]:
    remaining = iter(items)
    while batch := list(islice(remaining, BATCH)):
        yield batch


def _prune_rows(ids: list[int], before: datetime, report: PruneReport, dry_run: bool) -> None:
    """Delete those rows that nobody refers to at this very moment, then their bytes."""
    gone = _delete_unused(ids, before, dry_run)
    report.rows += len(gone)
    for alias in PRUNED_STORAGES:
        names = [storage.key(file.digest) for file in gone if file.storage == alias]
        if dry_run:
            _discard(names, alias, before, report, dry_run)
        else:
            _prune_strays(names, alias, before, report, dry_run)


@transaction.atomic
def _delete_unused(ids: list[int], before: datetime, dry_run: bool) -> list[StoredFile]:
    """A row whose bytes were saved again lately stays: whoever saved them is about to refer to it.

    Rows are locked before references are looked for: who commits a reference later finds its row gone and fails,
    and rows that somebody is referring to right now are locked and passed over.
    """
    locked = list(StoredFile.objects.filter(pk__in=ids).select_for_update(skip_locked=True, of=("self",)))
    unused = set(unreferenced_files().filter(pk__in=ids).values_list("pk", flat=True))
    gone = [file for file in locked if file.pk in unused and _left_alone(file, before)]
    if not dry_run:
        StoredFile.objects.filter(pk__in=[file.pk for file in gone]).delete()
    return gone


def _left_alone(file: StoredFile, before: datetime) -> bool:
    """Whether nobody has saved a row's bytes again since `before`; files in place are never saved."""
    if file.storage not in PRUNED_STORAGES:
        return True
    saved = storage.modified_at(storage.key(file.digest), storage=file.storage)
    return saved is None or saved < before


def _prune_strays(names: list[str], alias: str, before: datetime, report: PruneReport, dry_run: bool) -> None:
    """Remove files that are ours by their name, have no row, and are not on their way in."""
    digests = {name: name.rsplit("/", 1)[-1] for name in names}
    ours = {name: digest for name, digest in digests.items() if name == storage.key(digest)}
    known = set(StoredFile.objects.filter(storage=alias, digest__in=ours.values()).values_list("digest", flat=True))
    strays = [name for name, digest in ours.items() if digest not in known]
    strays += [name for name, last in digests.items() if last.startswith(storage.TEMPORARY_PREFIX)]
    _discard(strays, alias, before, report, dry_run)


def _discard(names: list[str], alias: str, before: datetime, report: PruneReport, dry_run: bool) -> None:
    for name in names:
        size = storage.untouched_size(name, storage=alias, before=before)
        if size is None:
            continue
        if dry_run or storage.discard_untouched(name, storage=alias, before=before):
            report.add(f"{alias}:{name}", size)
