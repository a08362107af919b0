"""A frozen version stays as it is, whichever way somebody tries to change it."""

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError, connection, transaction
from django.db.models import ProtectedError
from django.urls import reverse

from datasets import services
from datasets.models import Acknowledgement, Dataset, DatasetVersion, Item, Slice, SliceItem
from datasets.tests.stories import a_draft, a_person, label, some_scenes
from datasets.tests.test_freezing import frozen, warnings_of
from scenes.errors import ConflictError
from scenes.models import LabelSet, Scene

pytestmark = pytest.mark.django_db


@pytest.fixture
def carla():
    return a_person()


@pytest.fixture
def version(carla) -> DatasetVersion:
    """Frozen, with a slice by list, an acknowledgement, a scene in each split."""
    draft = a_draft(some_scenes(3, drives=3), by=carla, train_percent=34, val_percent=33, test_percent=33)
    extra = some_scenes(1, labels=False, name="bare")
    services.add_scenes(version=draft, scenes=[extra[0].pk], by=carla)
    services.set_slice(version=draft, name="must-pass", scenes=[extra[0].pk], by=carla)
    services.draw_splits(version=draft, by=carla)
    return services.freeze(version=draft, acknowledged=warnings_of(draft), by=carla)


def snapshot() -> list:
    """All rows of the app but its history."""
    models = (Dataset, DatasetVersion, Item, Slice, SliceItem, Acknowledgement)
    return [list(model.objects.order_by("pk").values()) for model in models]


WITH_VERSION = "INSERT INTO datasets_{table} ({columns}) SELECT {values} FROM datasets_datasetversion"
STATEMENTS = [
    "UPDATE datasets_datasetversion SET notes = 'other'",
    "UPDATE datasets_datasetversion SET state = 'draft', digest = '', frozen_at = NULL, manifest_id = NULL",
    "UPDATE datasets_datasetversion SET certificate = '{}'",
    "UPDATE datasets_datasetversion SET statistics = '{}'",
    "UPDATE datasets_datasetversion SET digest = repeat('0', 64)",
    "UPDATE datasets_datasetversion SET number = 9",
    "UPDATE datasets_datasetversion SET id = id + 1000",
    "UPDATE datasets_datasetversion SET deprecation_reason = 'because'",
    "UPDATE datasets_datasetversion SET state = 'deprecated', deprecated_at = now(), seed = 3",
    "UPDATE datasets_datasetversion SET frozen_by_id = NULL",
    "DELETE FROM datasets_datasetversion",
    "UPDATE datasets_item SET split = 'train'",
    "UPDATE datasets_item SET label_set_id = NULL",
    "UPDATE datasets_item SET content_digest = ''",
    "DELETE FROM datasets_item",
    "DELETE FROM datasets_sliceitem",
    "UPDATE datasets_sliceitem SET item_id = item_id - 1",
    "INSERT INTO datasets_sliceitem (slice_id, item_id) SELECT slice_id, item_id - 1 FROM datasets_sliceitem",
    "UPDATE datasets_slice SET name = 'may-fail'",
    "DELETE FROM datasets_slice",
    "INSERT INTO datasets_slice (version_id, name, rule, digest) SELECT id, 'new', '', '' FROM datasets_datasetversion",
    "DELETE FROM datasets_acknowledgement",
    "UPDATE datasets_acknowledgement SET warning = warning || '!'",
    "INSERT INTO datasets_acknowledgement (version_id, warning, created_at)"
    " SELECT id, 'new', now() FROM datasets_datasetversion",
    "INSERT INTO datasets_item (version_id, scene_id, split, fixed_split, content_digest)"
    " SELECT v.id, s.id, '', '', '' FROM datasets_datasetversion v, scenes_scene s WHERE s.name = 'late-000'",
    "UPDATE datasets_dataset SET name = 'Renamed'",
    "TRUNCATE datasets_item CASCADE",
    "TRUNCATE datasets_sliceitem",
    "TRUNCATE datasets_acknowledgement",
    "TRUNCATE datasets_dataset CASCADE",
    "TRUNCATE scenes_scene CASCADE",
]


def try_it(cursor, *statements: str) -> None:
    """As outside of tests: with the guard of TRUNCATE, and with constraints looked at before and after."""
    cursor.execute("SET LOCAL lamm.guard_truncate = 'on'")
    cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    for statement in statements:
        cursor.execute(statement)


@pytest.mark.parametrize("statement", STATEMENTS)
def test_raw_sql_is_refused_by_the_database(version, statement):
    some_scenes(1, labels=False, name="late")
    before = snapshot()
    refused = pytest.raises(DatabaseError, match=r"frozen|still referenced")
    with refused, transaction.atomic(), connection.cursor() as cursor:
        try_it(cursor, statement)
    assert snapshot() == before


def test_a_version_is_never_frozen_by_inserting_it(version):
    columns = [field.column for field in DatasetVersion._meta.concrete_fields if field.column not in ("id", "number")]
    told = ", ".join(columns)
    with pytest.raises(DatabaseError, match="frozen"), transaction.atomic(), connection.cursor() as cursor:
        try_it(
            cursor,
            f"INSERT INTO datasets_datasetversion (number, {told})"  # noqa: S608 - names of the model
            f" SELECT number + 1, {told} FROM datasets_datasetversion",
        )


def ways(version: DatasetVersion, late: Scene):
    """Every way of the ORM, as functions."""
    item, slice_, taken = version.items.first(), version.slices.get(), version.acknowledgements.first()
    fresh = DatasetVersion.objects.get(pk=version.pk)
    fresh.notes = "other"
    item.split = "test" if item.split == "train" else "train"
    slice_.rule = "tag=rain"
    return [
        fresh.save,
        fresh.delete,
        item.save,
        item.delete,
        slice_.save,
        slice_.delete,
        taken.delete,
        lambda: Item.objects.create(version=version, scene=late),
        lambda: Item.objects.bulk_create([Item(version=version, scene=late)]),
        lambda: Item.objects.bulk_create([Item(version=version, scene=late)], ignore_conflicts=True),
        lambda: Item.objects.bulk_update([item], ["split"]),
        lambda: Item.objects.filter(version=version).update(split="train"),
        lambda: Item.objects.filter(version=version).delete(),
        lambda: version.items.all()._raw_delete("default"),
        lambda: DatasetVersion.objects.filter(pk=version.pk).update(seed=99),
        lambda: DatasetVersion.objects.bulk_update([fresh], ["notes"]),
        lambda: DatasetVersion.objects.filter(pk=version.pk).delete(),
        lambda: version.dataset.delete(),
        lambda: SliceItem.objects.all().delete(),
        lambda: Slice.objects.create(version=version, name="late"),
        lambda: Acknowledgement.objects.create(version=version, warning="late"),
    ]


def test_the_orm_is_refused_one_by_one_and_in_bulk(version):
    (late,) = some_scenes(1, labels=False, name="late")
    before, let_through = snapshot(), []
    for number, way in enumerate(ways(version, late)):
        try:
            with transaction.atomic():
                way()
            let_through.append(number)
        except (DatabaseError, ProtectedError):
            pass
    assert let_through == []
    assert snapshot() == before


def test_every_service_refuses_and_says_what_to_do_instead(version, carla):
    (late,) = some_scenes(1, labels=False, name="late")
    before = snapshot()
    calls = [
        lambda: services.add_scenes(version=version, scenes=[late.pk], by=carla),
        lambda: services.remove_scenes(version=version, scenes=Scene.objects.all(), by=carla),
        lambda: services.set_split(version=version, scenes=Scene.objects.all(), split="test", by=carla),
        lambda: services.set_plan(version=version, plan={"seed": 1}, by=carla),
        lambda: services.set_notes(version=version, notes="x", by=carla),
        lambda: services.draw_splits(version=version, by=carla),
        lambda: services.set_slice(version=version, name="x", rule="tag=rain", by=carla),
        lambda: services.remove_slice(slice_=version.slices.get(), by=carla),
        lambda: services.freeze(version=version, by=carla),
    ]
    for call in calls:
        with pytest.raises(ConflictError, match=r"is frozen: nothing of it changes any more\. Make a new version"):
            call()
    with pytest.raises(ConflictError, match="Deprecate it instead"):
        services.discard_draft(version=version, by=carla)
    assert snapshot() == before


def test_the_admin_shows_it_and_changes_nothing(version, client):
    client.force_login(User.objects.create_superuser("root"))
    before = snapshot()
    page = reverse("admin:datasets_datasetversion_change", args=[version.pk])
    assert client.get(page).status_code == 200
    assert client.post(page, {"notes": "other", "seed": 3}).status_code == 403
    assert (
        client.post(reverse("admin:datasets_datasetversion_delete", args=[version.pk]), {"post": "yes"}).status_code
        == 403
    )
    listed = reverse("admin:datasets_datasetversion_changelist")
    client.post(listed, {"action": "delete_selected", "_selected_action": [version.pk], "post": "yes"})
    name = reverse("admin:datasets_dataset_change", args=[version.dataset_id])
    client.post(name, {"name": "Renamed", "description": ""})
    assert snapshot() == before


def test_the_api_answers_409(version, client):
    client.force_login(User.objects.create_superuser("root"))
    before = snapshot()
    for action, body in {
        "add": {"matching": ""},
        "remove": {"matching": ""},
        "set-split": {"matching": "", "split": "train"},
        "plan": {"seed": 3},
        "draw": {},
        "freeze": {},
    }.items():
        answer = client.post(f"/api/dataset-versions/{version.pk}/{action}/", body, content_type="application/json")
        assert (answer.status_code, answer.json()["state"]) == (409, "frozen"), action
    assert client.delete(f"/api/dataset-versions/{version.pk}/").status_code == 409
    assert client.delete(f"/api/dataset-slices/{version.slices.get().pk}/").status_code == 409
    assert client.patch(f"/api/dataset-items/{version.items.first().pk}/", {}).status_code == 405
    assert snapshot() == before


def test_its_scenes_and_labels_stay_there(version):
    item = version.items.exclude(label_set=None).first()
    with pytest.raises(ProtectedError):
        item.scene.delete()
    with pytest.raises(ProtectedError):
        item.label_set.delete()
    labels = [
        f"DELETE FROM scenes_framelabels WHERE label_set_id = {item.label_set_id}",  # noqa: S608
        f"DELETE FROM scenes_labelset WHERE id = {item.label_set_id}",  # noqa: S608
    ]
    for statements in (labels, [f"DELETE FROM scenes_scene WHERE id = {item.scene_id}"]):  # noqa: S608
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            try_it(cursor, *statements)
    assert LabelSet.objects.filter(pk=item.label_set_id).exists()


def test_drafts_beside_it_are_free(version, carla):
    draft = services.new_version(of=version, by=carla)
    assert services.remove_scenes(version=draft, scenes=Scene.objects.all(), by=carla) == 4
    services.discard_draft(version=draft, by=carla)


def test_what_may_still_be_said_is_that_it_is_deprecated_once(version, carla):
    with pytest.raises(Exception, match="Say why"):
        services.deprecate(version=version, reason=" ", by=carla)
    gone = services.deprecate(version=version, reason="Labels of v1 were wrong.", by=carla)
    assert (gone.state, gone.deprecated_by, gone.digest) == ("deprecated", carla, version.digest)
    with pytest.raises(ConflictError, match="only a frozen version"):
        services.deprecate(version=gone, reason="Again", by=carla)
    for statement in (
        "UPDATE datasets_datasetversion SET state = 'frozen', deprecated_at = NULL",
        "UPDATE datasets_datasetversion SET deprecation_reason = 'other'",
        "DELETE FROM datasets_item",
    ):
        with pytest.raises(DatabaseError, match="frozen"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)


def test_two_who_freeze_one_after_the_other_freeze_once(carla):
    version = frozen(some_scenes(3), carla)
    label(Scene.objects.first())
    with pytest.raises(ConflictError):
        services.freeze(version=DatasetVersion.objects.get(), by=carla, acknowledged=warnings_of(version))
