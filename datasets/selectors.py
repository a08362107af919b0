"""Reads across the models of this app; each costs a constant number of queries."""

from dataclasses import dataclass
from typing import Any

from django.db import connection, models
from django.db.models import Count, Prefetch, Q, QuerySet

from datasets import certifying, counting
from datasets.models import Dataset, DatasetVersion, Item, Slice, VersionState
from datasets.rules import scenes_matching
from scenes.models import Scene

PINNED_OR_NEWEST = """
    SELECT item.scene_id, item.split, coalesce(item.label_set_id, (
        SELECT labels.id FROM scenes_labelset AS labels WHERE labels.scene_id = item.scene_id
            AND (version.ontology_id IS NULL OR labels.ontology_id = version.ontology_id)
        ORDER BY labels.version DESC LIMIT 1)) AS label_set_id
    FROM datasets_item AS item JOIN datasets_datasetversion AS version ON version.id = item.version_id
"""
DIFFERENCES = f"""
    WITH was AS ({PINNED_OR_NEWEST} WHERE item.version_id = %(was)s),
        is_now AS ({PINNED_OR_NEWEST} WHERE item.version_id = %(now)s),
        compared AS (
            SELECT coalesce(was.scene_id, is_now.scene_id) AS scene_id, was.scene_id AS there, is_now.scene_id AS here,
                was.split AS was_split, is_now.split AS now_split, was.label_set_id AS was_labels,
                is_now.label_set_id AS now_labels
            FROM was FULL JOIN is_now ON is_now.scene_id = was.scene_id),
        told AS (
            SELECT 'added' AS kind, scene_id, '' AS before, now_split AS after FROM compared WHERE there IS NULL
            UNION ALL SELECT 'removed', scene_id, was_split, '' FROM compared WHERE here IS NULL
            UNION ALL SELECT 'moved', scene_id, was_split, now_split FROM compared
                WHERE there = here AND was_split <> now_split
            UNION ALL SELECT 'relabelled', compared.scene_id, coalesce('v' || old.version, ''),
                    coalesce('v' || new.version, '')
                FROM compared LEFT JOIN scenes_labelset AS old ON old.id = was_labels
                LEFT JOIN scenes_labelset AS new ON new.id = now_labels
                WHERE there = here AND was_labels IS DISTINCT FROM now_labels),
        numbered AS (
            SELECT told.*, scene.name, count(*) OVER (PARTITION BY kind) AS count,
                row_number() OVER (PARTITION BY kind ORDER BY scene.name) AS place
            FROM told JOIN scenes_scene AS scene ON scene.id = told.scene_id)
    SELECT kind, count, scene_id, name, before, after FROM numbered WHERE place <= %(most)s ORDER BY kind, place
"""  # noqa: S608 - parts of this module only
KINDS = ("added", "removed", "moved", "relabelled")


@dataclass(frozen=True)
class Membership:
    """A version that a scene belongs to, and what it is for there."""

    version_id: int
    dataset: str
    number: int
    split: str
    state: str

    def __str__(self) -> str:
        return f"{self.dataset}@v{self.number}"


def memberships(scene: Scene, most: int = 100) -> list[Membership]:
    """The versions that a scene is in, newest first; one query."""
    items = scene.dataset_items.order_by("-version_id").values_list(
        "version_id", "version__dataset__name", "version__number", "split", "version__state"
    )
    return [Membership(*row) for row in items[:most]]


@dataclass(frozen=True)
class Difference:
    """A scene that two versions have differently: its split in each, or the version of its labels."""

    scene_id: int
    scene: str
    before: str
    after: str


@dataclass(frozen=True)
class Diff:
    """What a later version has otherwise than an earlier one: how many by kind (KINDS), and the first of each."""

    counts: dict[str, int]
    some: dict[str, list[Difference]]


def diff(was: DatasetVersion, now: DatasetVersion, most: int = 200) -> Diff:
    """Scenes that were added, removed, moved between splits, and relabelled; `most` of each are named. One query.

    Of a draft the newest labels count, and the splits of its last draw.
    """
    with connection.cursor() as cursor:
        cursor.execute(DIFFERENCES, {"was": was.pk, "now": now.pk, "most": most})
        rows = cursor.fetchall()
    counts = dict.fromkeys(KINDS, 0)
    some: dict[str, list[Difference]] = {kind: [] for kind in KINDS}
    for kind, count, scene_id, name, before, after in rows:
        counts[kind] = count
        some[kind].append(Difference(scene_id, name, before, after))
    return Diff(counts, some)


def statistics(version: DatasetVersion) -> dict[str, Any]:
    """As they were frozen, or of a draft as it is now: datasets.statistics says what is in it. At most 3 queries."""
    return counting.count(version) if version.is_draft else version.statistics


def certificate(version: DatasetVersion) -> dict[str, Any]:
    """As it was frozen, or what it would be now of a draft, by its last draw; `acknowledged` names who took each."""
    if version.is_draft:
        return certifying.certify(version, counting.count(version)) | {"acknowledged": []}
    people = version.acknowledgements.select_related("person").order_by("warning")
    told = [{"warning": one.warning, "person": one.person.get_username() if one.person else None} for one in people]
    return version.certificate | {"acknowledged": told}


def splits_are_current(version: DatasetVersion) -> bool:
    """Whether the last draw of a draft was of the plan and the number of scenes that it has now. One query."""
    if not version.is_draft:
        return True
    drawn = version.drawn
    if not drawn or drawn["plan"] != version.plan_number:
        return False
    found = version.items.aggregate(all=Count("pk"), placed=Count("pk", filter=~Q(split="")))
    return bool(found["all"] == found["placed"] == drawn["items"])


def staged(version: DatasetVersion, *, split: str | None = None) -> QuerySet[Item]:
    """The scenes of a version with what a row shows, in the order they came in. Two queries, one more for tags."""
    scenes = Scene.objects.for_listing()
    items = version.items.select_related("label_set").prefetch_related(Prefetch("scene", queryset=scenes))
    return (items if split is None else items.filter(split=split)).order_by("id")


def datasets_with_versions() -> QuerySet[Dataset]:
    """Datasets by name, each with its versions, newest first, and how many scenes these have."""
    versions = DatasetVersion.objects.for_listing().annotate(scene_count=Count("items")).order_by("-number")
    return Dataset.objects.order_by("name").prefetch_related(Prefetch("versions", queryset=versions))


def version_named(name: str) -> DatasetVersion:
    """The version that `NAME@v2` or `NAME@2` means. Raises DatasetVersion.DoesNotExist."""
    dataset, _, number = name.rpartition("@")
    digits = number.removeprefix("v")
    if not dataset or not digits.isascii() or not digits.isdigit() or len(digits) > 9:
        raise DatasetVersion.DoesNotExist(f"{name} is no version; write it as NAME@v2.")
    return DatasetVersion.objects.select_related("dataset", "parent").get(dataset__name=dataset, number=int(digits))


@dataclass(frozen=True)
class LineageVersion:
    """A version in the picture of where versions come from."""

    id: int
    name: str
    state: str
    parent_id: int | None
    scenes: int


def lineage(dataset: Dataset) -> list[LineageVersion]:
    """All versions of a dataset, oldest first, with their parents and sizes; one query."""
    versions = dataset.versions.order_by("number").annotate(scenes=Count("items"))
    rows = versions.values_list("pk", "number", "state", "parent_id", "scenes")
    return [LineageVersion(pk, f"{dataset.name}@v{number}", state, parent, n) for pk, number, state, parent, n in rows]


@dataclass(frozen=True)
class Use:
    """How many rows of another kind refer to a version, and the first of them."""

    kind: str
    count: int
    some: list[str]


def uses(version: DatasetVersion, most: int = 20) -> list[Use]:
    """Where a version is used: rows of any app that protect it, such as its children; two queries for each kind.

    Later apps are found by their foreign keys with PROTECT; what belongs to the version itself does not count.
    """
    found = []
    for relation in DatasetVersion._meta.related_objects:
        if relation.on_delete is not models.PROTECT or relation.related_model.__name__ == "Verification":
            continue
        rows = relation.related_model._default_manager.filter(**{relation.field.name: version})
        count = rows.count()
        if count:
            name = str(relation.related_model._meta.verbose_name)
            found.append(Use(name, count, [str(row) for row in rows.order_by("-pk")[:most]]))
    return found


def sizes_of_slices(version: DatasetVersion) -> dict[int, int]:
    """By slice id: how many scenes of the version it has; a query, and one more for each rule of a draft."""
    counted = version.slices.annotate(size=Count("members"))
    sizes = {slice_.pk: slice_.size for slice_ in counted}
    for slice_ in counted if version.is_draft else ():
        if slice_.rule:
            sizes[slice_.pk] = slice_scenes(slice_, version).count()
    return sizes


def slice_scenes(slice_: Slice, version: DatasetVersion) -> QuerySet[Scene]:
    """The scenes of a slice as it is now: of a draft's rule those that match, else those of its rows."""
    items = Item.objects.filter(version=version)
    if slice_.rule and version.state == VersionState.DRAFT:
        items = items.filter(scene__in=scenes_matching(slice_.rule).values("pk"))
    else:
        items = items.filter(slice_links__slice=slice_)
    return Scene.objects.filter(pk__in=items.values("scene_id")).order_by("pk")
