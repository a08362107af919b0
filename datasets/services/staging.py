"""What is in a draft: set-based row operations, so that several people work on one draft and nothing is lost."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.models import QuerySet
from django.db.models.expressions import RawSQL

from datasets.models import DatasetVersion, Item, Split, VersionState
from datasets.services.drafting import MOST_SCENES
from datasets.services.permissions import BUILD, check
from scenes.errors import RefusedError
from scenes.history_sets import record_history
from scenes.models import Scene

Selection = QuerySet[Scene] | Iterable[int]


@dataclass(frozen=True)
class Added:
    """How many scenes came in, and how many of the selection were in already."""

    added: int
    already: int


@transaction.atomic
def add_scenes(*, version: DatasetVersion, scenes: Selection, by: User | None) -> Added:
    """Add scenes, given as a queryset of any size or as ids. Those that are in already stay as they are.

    Raises RefusedError for an empty selection, for more than a million, and for ids of no scene; ConflictError
    unless the version is a draft.
    """
    _open(version, by)
    ids = selected_ids(scenes)
    if not isinstance(scenes, QuerySet):
        _refuse_unknown(ids)
    with connection.cursor() as cursor:
        # In one order, so that two people who add the same scenes wait for each other instead of locking up.
        cursor.execute(
            """
            INSERT INTO datasets_item (version_id, scene_id, split, fixed_split, content_digest)
            SELECT %s, scene, '', '', '' FROM unnest(%s::bigint[]) AS scene ORDER BY scene
            ON CONFLICT (version_id, scene_id) DO NOTHING RETURNING id
            """,
            [version.pk, ids],
        )
        new = [row for (row,) in cursor.fetchall()]
    record_history(_rows(new), by=by, reason="Added", kind="+")
    return Added(len(new), len(ids) - len(new))


@transaction.atomic
def remove_scenes(*, version: DatasetVersion, scenes: Selection, by: User | None) -> int:
    """Take scenes out of a draft; returns how many were in it. Slices made by list lose them, too."""
    _open(version, by)
    found = _locked_items(version, selected_ids(scenes))
    record_history(_rows(found), by=by, reason="Removed", kind="-")
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM datasets_sliceitem WHERE item_id = ANY(%s)", [found])
        cursor.execute("DELETE FROM datasets_item WHERE id = ANY(%s)", [found])
    return len(found)


@transaction.atomic
def set_split(*, version: DatasetVersion, scenes: Selection, split: str, by: User | None) -> int:
    """Say in which split scenes of a draft belong; "" leaves it to the draw again. Returns how many changed."""
    if split not in ["", *Split.values]:
        raise RefusedError(f"There is no split {split}. Use one of {', '.join(Split.values)}, or nothing.")
    _open(version, by)
    found = _locked_items(version, selected_ids(scenes))
    changed = list(_rows(found).exclude(fixed_split=split).values_list("pk", flat=True))
    _rows(changed).update(fixed_split=split)
    reason = f"Said to be in {split}" if split else "Left to the draw"
    record_history(_rows(changed), by=by, reason=reason)
    if changed:
        DatasetVersion.objects.filter(pk=version.pk).update(drawn={})
    return len(changed)


def _open(version: DatasetVersion, by: User | None) -> None:
    """Hold the version as a draft until the transaction ends; others may add and remove meanwhile.

    Freezing waits for everybody who holds it, and who comes later finds it frozen.
    """
    check(by, BUILD)
    with connection.cursor() as cursor:
        cursor.execute("SELECT state FROM datasets_datasetversion WHERE id = %s FOR KEY SHARE", [version.pk])
        row = cursor.fetchone()
    if row is None:
        raise DatasetVersion.DoesNotExist
    version.state = VersionState(row[0])
    version.refuse_unless_draft()


def selected_ids(scenes: Selection) -> list[int]:
    """Ids, ascending, each once. Raises RefusedError for none and for too many."""
    found = scenes.order_by().values_list("pk", flat=True) if isinstance(scenes, QuerySet) else scenes
    ids = sorted(set(found))
    if not ids:
        raise RefusedError("No scene is selected. Select some and try again.")
    if len(ids) > MOST_SCENES:
        raise RefusedError(
            f"{len(ids):,} scenes are selected, a version takes {MOST_SCENES:,} at once. Filter further."
        )
    return ids


def _refuse_unknown(ids: list[int]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT scene FROM unnest(%s::bigint[]) AS scene"
            " WHERE NOT EXISTS (SELECT 1 FROM scenes_scene WHERE id = scene) LIMIT 5",
            [ids],
        )
        unknown = [str(row) for (row,) in cursor.fetchall()]
    if unknown:
        raise RefusedError(f"There is no scene with the id {', '.join(unknown)}. Nothing was added.")


def _locked_items(version: DatasetVersion, scene_ids: list[int]) -> list[int]:
    """Ids of the version's items of these scenes, locked in one order."""
    wanted = RawSQL("SELECT unnest(%s::bigint[])", [scene_ids])
    found = Item.objects.filter(version=version, scene_id__in=wanted).order_by("pk").select_for_update(of=("self",))
    return list(found.values_list("pk", flat=True))


def _rows(ids: list[int]) -> QuerySet[Item]:
    """Items by ids that travel as one array."""
    return Item.objects.filter(pk__in=RawSQL("SELECT unnest(%s::bigint[])", [ids]))
