"""Making versions: new datasets, new versions of old ones, notes, and drafts that nobody wants."""

import secrets
from typing import Any

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.models import Max, Model, ProtectedError

from datasets.models import Dataset, DatasetVersion, Item, Slice, VersionState
from datasets.rules import condition, scenes_matching
from datasets.services.permissions import BUILD, check, locked_draft
from scenes.audit import save_audited
from scenes.errors import ConflictError, RefusedError
from scenes.history_sets import record_history

PLAN = [
    "train_percent", "val_percent", "test_percent", "balance", "seed", "grouping", "cell_metres", "stratify_tags",
    "stratify_classes", "keep_previous", "ontology",
]  # fmt: skip
LARGEST_SEED = 2**31
MOST_SCENES = 1_000_000


@transaction.atomic
def create_dataset(*, name: str, by: User | None, notes: str = "", description: str = "") -> DatasetVersion:
    """A new dataset with its first draft, v1. Raises ValidationError for a name that is no name, ConflictError for
    one that is taken."""
    check(by, BUILD)
    dataset = Dataset(name=name.strip(), description=description, created_by=by)
    dataset.full_clean(validate_unique=False)
    _take_name(dataset.name)
    if Dataset.objects.filter(name=dataset.name).exists():
        raise ConflictError(
            f"There is a dataset {dataset.name} already. Make a new version of it, or take another name."
        )
    save_audited(dataset, by=by, reason="Created")
    version = DatasetVersion(
        dataset=dataset, number=1, notes=notes, created_by=by, seed=secrets.randbelow(LARGEST_SEED)
    )
    save_audited(version, by=by, reason="Created")
    return version


def _take_name(name: str) -> None:
    """One at a time may ask whether a name is free."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 7))", [f"dataset {name}"])


@transaction.atomic
def new_version(
    *, of: DatasetVersion, by: User | None, notes: str = "", with_scenes: bool = True, query: str = ""
) -> DatasetVersion:
    """A draft with the plan, the slices and the scenes of a version, which becomes its parent.

    With `query`, as a saved view keeps it, the draft holds what matches that now instead of the parent's scenes; with
    `with_scenes` False it is empty. Raises RefusedError for a query that is empty or that no filter takes.
    """
    check(by, BUILD)
    query = condition(query)
    dataset = Dataset.objects.select_for_update().get(pk=of.dataset_id)
    highest = dataset.versions.aggregate(number=Max("number"))["number"] or 0
    plan = {name: getattr(of, name) for name in PLAN}
    draft = DatasetVersion(
        dataset=dataset, number=highest + 1, parent=of, notes=notes, query=query, created_by=by, **plan
    )
    save_audited(draft, by=by, reason=f"Made from {of}")
    if query:
        _fill_by(query, of, draft, by)
    elif with_scenes:
        _copy_items(of, draft, by)
    _copy_slices(of, draft, by)
    return draft


def _copy_items(of: DatasetVersion, draft: DatasetVersion, by: User | None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO datasets_item (version_id, scene_id, split, fixed_split, content_digest)
            SELECT %s, scene_id, split, fixed_split, '' FROM datasets_item WHERE version_id = %s ORDER BY scene_id
            """,
            [draft.pk, of.pk],
        )
    record_history(Item.objects.filter(version=draft), by=by, reason=f"Taken over from {of}", kind="+")


def _fill_by(query: str, of: DatasetVersion, draft: DatasetVersion, by: User | None) -> None:
    """What matches the query now; what somebody said of a scene's split in the parent still holds."""
    matching = list(scenes_matching(query).values_list("pk", flat=True)[: MOST_SCENES + 1])
    if not matching or len(matching) > MOST_SCENES:
        raise RefusedError(f"{len(matching):,} scenes match {query}. Take a query that finds 1 to {MOST_SCENES:,}.")
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO datasets_item (version_id, scene_id, split, fixed_split, content_digest)
            SELECT DISTINCT %s, scene, '', coalesce(before.fixed_split, ''), '' FROM unnest(%s::bigint[]) AS scene
            LEFT JOIN datasets_item AS before ON before.version_id = %s AND before.scene_id = scene
            """,
            [draft.pk, matching, of.pk],
        )
    record_history(Item.objects.filter(version=draft), by=by, reason=f"Matches {query}", kind="+")


def _copy_slices(of: DatasetVersion, draft: DatasetVersion, by: User | None) -> None:
    """Rules as they are; lists with those of their scenes that the draft has."""
    for slice_ in of.slices.order_by("name"):
        copy = Slice(version=draft, name=slice_.name, rule=slice_.rule)
        save_audited(copy, by=by, reason=f"Taken over from {of}")
        if slice_.rule:
            continue
        with connection.cursor() as cursor:
            cursor.execute(
                """
                INSERT INTO datasets_sliceitem (slice_id, item_id)
                SELECT %s, mine.id FROM datasets_sliceitem AS link
                JOIN datasets_item AS theirs ON theirs.id = link.item_id
                JOIN datasets_item AS mine ON mine.scene_id = theirs.scene_id AND mine.version_id = %s
                WHERE link.slice_id = %s
                """,
                [copy.pk, draft.pk, slice_.pk],
            )


@transaction.atomic
def set_notes(*, version: DatasetVersion, notes: str, by: User | None) -> DatasetVersion:
    """The notes of a draft."""
    locked = locked_draft(version, by)
    locked.notes = notes
    save_audited(locked, by=by, reason="Notes changed")
    return locked


@transaction.atomic
def describe_dataset(*, dataset: Dataset, description: str, by: User | None) -> Dataset:
    """What the dataset is about; it belongs to no version, so it may change at any time."""
    check(by, BUILD)
    locked = Dataset.objects.select_for_update().get(pk=dataset.pk)
    locked.description = description
    save_audited(locked, by=by, reason="Description changed")
    return locked


@transaction.atomic
def discard_draft(*, version: DatasetVersion, by: User | None) -> None:
    """Delete a draft that nothing refers to; its dataset goes with its last version. Raises ConflictError else."""
    check(by, BUILD)
    locked = DatasetVersion.objects.select_for_update(of=("self",)).select_related("dataset").get(pk=version.pk)
    if locked.state != VersionState.DRAFT:
        raise ConflictError(f"{locked} is {locked.get_state_display().lower()} and stays. Deprecate it instead.")
    record_history(Item.objects.filter(version=locked), by=by, reason="Draft discarded", kind="-")
    try:
        _delete(locked, by)
    except ProtectedError as error:
        raise ConflictError(f"{locked} is used: {_named(error.protected_objects)}. It can't be deleted.") from error
    if not locked.dataset.versions.exists():
        _delete(locked.dataset, by)


def _delete(row: Any, by: User | None) -> None:
    row._history_user, row._change_reason = by, "Draft discarded"
    if isinstance(row, DatasetVersion):
        _refuse_when_used(row)
        with connection.cursor() as cursor:
            cursor.execute(
                "DELETE FROM datasets_sliceitem WHERE slice_id IN"
                " (SELECT id FROM datasets_slice WHERE version_id = %s)",
                [row.pk],
            )
            cursor.execute("DELETE FROM datasets_slice WHERE version_id = %s", [row.pk])
            cursor.execute("DELETE FROM datasets_item WHERE version_id = %s", [row.pk])
    row.delete()


def _refuse_when_used(version: DatasetVersion) -> None:
    child = version.children.select_related("dataset").first()
    if child is not None:
        raise ConflictError(f"{version} is used: {child} was made from it. It can't be deleted.")


def _named(rows: set[Model], most: int = 5) -> str:
    named = [f"{row._meta.verbose_name} {row}" for row in list(rows)[:most]]
    return ", ".join(named) + (f" and {len(rows) - most:,} more" if len(rows) > most else "")


def refuse_empty_query(query: str) -> None:
    """Raises RefusedError: an empty query would take the whole library."""
    if not query.strip():
        raise RefusedError("The query is empty, which would take every scene. Give at least one condition.")
