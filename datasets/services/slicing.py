"""Slices of a draft: named subsets by rule or by list, which are frozen with the version."""

from collections.abc import Iterable

from django.contrib.auth.models import User
from django.db import connection, transaction

from datasets.models import DatasetVersion, Slice
from datasets.rules import condition, scenes_matching
from datasets.services.drafting import refuse_empty_query
from datasets.services.permissions import locked_draft
from datasets.services.staging import selected_ids
from scenes.audit import save_audited
from scenes.errors import RefusedError

MOST_SLICES, LONGEST_NAME = 200, 60


@transaction.atomic
def set_slice(
    *, version: DatasetVersion, name: str, by: User | None, rule: str = "", scenes: Iterable[int] | None = None
) -> Slice:
    """Make a slice of a draft, or say anew what is in it: by `rule`, a query of the explorer, or by ids of scenes.

    Raises RefusedError for a rule that no filter takes, for scenes that are not in the draft, and for a bad name.
    """
    locked, name = locked_draft(version, by), name.strip()
    if not name or len(name) > LONGEST_NAME:
        raise RefusedError(f"A slice has a name of 1 to {LONGEST_NAME} characters.")
    if bool(rule) == (scenes is not None):
        raise RefusedError("Say what is in the slice by a rule or by a list of scenes, one of the two.")
    if rule:
        refuse_empty_query(condition(rule))
        scenes_matching(rule)
    found = Slice.objects.filter(version=locked, name=name).first()
    if found is None and locked.slices.count() >= MOST_SLICES:
        raise RefusedError(f"{locked} has {MOST_SLICES} slices, which is the most.")
    slice_ = found or Slice(version=locked, name=name)
    slice_.rule = condition(rule)
    ids = selected_ids(scenes) if scenes is not None else []
    said = f"Rule: {slice_.rule}" if rule else f"List of {len(ids):,} scenes"
    save_audited(slice_, by=by, reason=said)
    _fill(slice_, ids)
    return slice_


def _fill(slice_: Slice, ids: list[int]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM datasets_sliceitem WHERE slice_id = %s", [slice_.pk])
        cursor.execute(
            """
            INSERT INTO datasets_sliceitem (slice_id, item_id) SELECT %s, id FROM datasets_item
            WHERE version_id = %s AND scene_id = ANY(%s) ORDER BY id
            """,
            [slice_.pk, slice_.version_id, ids],
        )
        missing = len(ids) - cursor.rowcount
    if missing:
        raise RefusedError(f"{missing:,} of the scenes are not in {slice_.version}. Add them first.")


@transaction.atomic
def remove_slice(*, slice_: Slice, by: User | None) -> None:
    """Take a slice out of a draft; its scenes stay."""
    locked_draft(slice_.version, by)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM datasets_sliceitem WHERE slice_id = %s", [slice_.pk])
    slice_._history_user, slice_._change_reason = by, "Removed"  # type: ignore[attr-defined]
    slice_.delete()
