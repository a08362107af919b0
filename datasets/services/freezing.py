"""Freezing: the checks, the labels that are pinned, the manifest, the certificate; afterwards nothing changes."""

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.utils import timezone

from datasets import certifying, counting, drawing, manifests
from datasets.drawing import NEWEST_LABELS, parameters
from datasets.models import Acknowledgement, DatasetVersion, Item, VersionState
from datasets.rules import scenes_matching
from datasets.services.permissions import FREEZE, check, locked_draft
from datasets.services.staging import MOST_SCENES
from datasets.splits import Draw
from scenes import storage
from scenes.audit import save_audited
from scenes.errors import ConflictError, RefusedError
from scenes.history_sets import record_history
from scenes.models import StoredFile

MOST_REASON = 2000


@transaction.atomic
def draw_splits(*, version: DatasetVersion, by: User | None) -> Draw:
    """Draw the splits of a draft by its plan. The same plan and scenes always give the same; freezing draws again."""
    return drawing.draw(locked_draft(version, by))


@transaction.atomic
def freeze(*, version: DatasetVersion, by: User, acknowledged: Iterable[str] = ()) -> DatasetVersion:
    """Make a draft immutable: splits, newest labels of each scene, slices, certificate, manifest and its digest.

    `acknowledged` names the warnings of the certificate that were read. Raises ConflictError, with the warnings that
    are left as its facts, when one was not; RefusedError for an empty draft, for scenes that are still coming in and
    for labels of several ontologies. Nothing is written then.
    """
    check(by, FREEZE)
    locked = _held(version)
    _check_scenes(locked)
    drawing.draw(locked)
    _pin_labels(locked)
    _fill_slices(locked)
    statistics = counting.count(locked, pinned=True)
    certificate = certifying.certify(locked, statistics)
    _acknowledge(locked, certificate, set(acknowledged), by)
    manifest = _keep_manifest(locked)
    record_history(Item.objects.filter(version=locked), by=by, reason="Frozen")
    locked.state, locked.frozen_by, locked.frozen_at = VersionState.FROZEN, by, timezone.now()
    locked.manifest, locked.digest = manifest, manifest.digest
    locked.statistics, locked.certificate = statistics, certificate
    save_audited(locked, by=by, reason=f"Frozen, digest {manifest.digest}")
    return locked


def _held(version: DatasetVersion) -> DatasetVersion:
    """The draft, with everybody who adds or removes waiting until it is frozen."""
    locked = DatasetVersion.objects.select_for_update(of=("self",)).select_related("dataset").get(pk=version.pk)
    locked.refuse_unless_draft()
    return locked


def _check_scenes(version: DatasetVersion) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT scene.name, count(*) OVER () FROM datasets_item AS item
            JOIN scenes_scene AS scene ON scene.id = item.scene_id
            WHERE item.version_id = %s AND EXISTS (
                SELECT 1 FROM scenes_frame AS frame WHERE frame.scene_id = scene.id AND frame.state = 'pending')
            ORDER BY scene.name LIMIT 5
            """,
            [version.pk],
        )
        pending = cursor.fetchall()
        if pending:
            names = ", ".join(name for name, _ in pending)
            raise RefusedError(f"{pending[0][1]:,} scenes are still coming in: {names}. Wait, or remove them first.")
        cursor.execute(
            f"""
            SELECT ontology.name, count(*) FROM ({NEWEST_LABELS}) AS newest
            JOIN scenes_labelset AS labels ON labels.id = newest.label_set_id
            JOIN scenes_ontology AS ontology ON ontology.id = labels.ontology_id
            GROUP BY ontology.name ORDER BY ontology.name
            """,  # noqa: S608 - parts of this project only
            parameters(version),
        )
        found = cursor.fetchall()
    if len(found) > 1:
        told = ", ".join(f"{name} ({count:,} scenes)" for name, count in found)
        raise RefusedError(f"The labels are of several ontologies: {told}. Choose one of them in the plan.")


def _pin_labels(version: DatasetVersion) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE datasets_item AS item SET label_set_id = newest.label_set_id"  # noqa: S608
            f" FROM ({NEWEST_LABELS}) AS newest WHERE item.id = newest.item_id",
            parameters(version),
        )


def _fill_slices(version: DatasetVersion) -> None:
    """Rules become rows, and every slice gets the digest of its names."""
    for slice_ in version.slices.exclude(rule=""):
        ids = list(scenes_matching(slice_.rule).values_list("pk", flat=True)[: MOST_SCENES + 1])
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM datasets_sliceitem WHERE slice_id = %s", [slice_.pk])
            cursor.execute(
                """
                INSERT INTO datasets_sliceitem (slice_id, item_id)
                SELECT %s, item.id FROM datasets_item AS item
                WHERE item.version_id = %s AND item.scene_id = ANY(%s) ORDER BY item.id
                """,
                [slice_.pk, version.pk, ids],
            )
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE datasets_slice AS slice SET digest = coalesce((
                SELECT encode(sha256(convert_to(string_agg(scene.name || E'\\n', '' ORDER BY scene.name COLLATE "C"),
                    'UTF8')), 'hex')
                FROM datasets_sliceitem AS link JOIN datasets_item AS item ON item.id = link.item_id
                JOIN scenes_scene AS scene ON scene.id = item.scene_id WHERE link.slice_id = slice.id),
                encode(sha256(''::bytea), 'hex'))
            WHERE slice.version_id = %s
            """,
            [version.pk],
        )


def _acknowledge(version: DatasetVersion, certificate: dict[str, Any], acknowledged: set[str], by: User | None) -> None:
    """Write who acknowledged what. Raises ConflictError with what is left."""
    warnings = {one["name"]: one["words"] for one in certificate["warnings"]}
    left = {name: words for name, words in warnings.items() if name not in acknowledged}
    if left:
        raise ConflictError(
            f"{len(left)} warnings are not acknowledged: {', '.join(left)}. Mend what they tell, or name them.",
            warnings=[{"name": name, "words": words} for name, words in left.items()],
        )
    strange = sorted(acknowledged - set(warnings))
    if strange:
        raise RefusedError(f"There is no warning {', '.join(strange)} here, so it can't be acknowledged.")
    Acknowledgement.objects.bulk_create(Acknowledgement(version=version, warning=name, person=by) for name in warnings)


def _keep_manifest(version: DatasetVersion) -> StoredFile:
    """Write the manifest as a file in one pass, and the digest of each line to its item."""
    digests: dict[int, str] = {}

    def written() -> Iterator[bytes]:
        yield manifests.HEADER
        for item, line in manifests.lines(version):
            digests[item] = hashlib.sha256(line).hexdigest()
            yield line

    kept = storage.save_stream(written(), storage=storage.ORIGINALS)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE datasets_item AS item SET content_digest = told.digest
            FROM unnest(%s::bigint[], %s::text[]) AS told (id, digest) WHERE item.id = told.id
            """,
            [list(digests), list(digests.values())],
        )
    return StoredFile.objects.row_for(kept)


@transaction.atomic
def deprecate(*, version: DatasetVersion, by: User, reason: str) -> DatasetVersion:
    """Say that a frozen version should not be used any more, and why. It stays as it is and stays readable."""
    check(by, FREEZE)
    if not reason.strip() or len(reason) > MOST_REASON:
        raise RefusedError(f"Say why, in 1 to {MOST_REASON:,} characters: whoever uses {version} reads it.")
    locked = DatasetVersion.objects.select_for_update(of=("self",)).select_related("dataset").get(pk=version.pk)
    if locked.state != VersionState.FROZEN:
        raise ConflictError(f"{locked} is {locked.get_state_display().lower()}: only a frozen version is deprecated.")
    locked.state, locked.deprecated_by, locked.deprecated_at = VersionState.DEPRECATED, by, timezone.now()
    locked.deprecation_reason = reason.strip()
    save_audited(locked, by=by, reason=f"Deprecated: {locked.deprecation_reason}")
    return locked
