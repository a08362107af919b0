"""History of many rows in one statement, held against what saving each of them writes."""

import pytest
from django.db import transaction

from scenes.audit import save_audited
from scenes.history_sets import record_history
from scenes.models import Drive, Frame, Scene, SceneTag
from scenes.tests.factories import a_ready_scene
from scenes.tests.workflows import a_person

pytestmark = pytest.mark.django_db
OWN_COLUMNS = {"history_id", "history_date"}


def columns(row) -> dict:
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


@pytest.fixture
def scene():
    """A scene whose columns of every type are filled."""
    return a_ready_scene(drive="monday", tags=("rain", "night"))


@pytest.mark.parametrize("model", [Scene, Drive, SceneTag])
@pytest.mark.parametrize("by_nobody", [True, False])
def test_the_same_columns_as_saving_each_row(scene, model, by_nobody):
    by = None if by_nobody else a_person("carl")
    for row in model.objects.all():
        save_audited(row, by=by, reason="checked")
    one_by_one = {row.id: columns(row) for row in model.history.all()[: model.objects.count()]}
    assert record_history(model.objects.all(), by=by, reason="checked") == len(one_by_one)
    at_once = {row.id: columns(row) for row in model.history.all()[: len(one_by_one)]}
    assert set(at_once) == set(one_by_one)
    for key, written in at_once.items():
        expected = one_by_one[key]
        assert {name: value for name, value in written.items() if name not in OWN_COLUMNS} == {
            name: value for name, value in expected.items() if name not in OWN_COLUMNS
        }
        assert written["history_id"] > expected["history_id"]
        assert written["history_date"] > expected["history_date"]


def test_door_and_request_are_of_the_running_change(scene, monkeypatch):
    monkeypatch.setenv("LAMM_DOOR", "worker")
    record_history(Scene.objects.all(), by=None, reason="checked")
    assert scene.history.first().door == "worker"


def test_conditions_joins_and_quotes_in_the_words_are_safe(scene):
    other = Scene.objects.create(name="other")
    chosen = Scene.objects.filter(drive__name="monday", tags__name="rain").distinct()
    assert record_history(chosen, by=None, reason='it\'s 100 % "done"; --') == 1
    assert scene.history.first().history_change_reason == 'it\'s 100 % "done"; --'
    assert other.history.count() == 1


def test_nothing_chosen_writes_nothing(scene):
    before = Scene.history.count()
    assert record_history(Scene.objects.none(), by=None, reason="checked") == 0
    assert record_history(Scene.objects.filter(name="no such"), by=None, reason="checked") == 0
    assert Scene.history.count() == before


def test_a_failed_change_leaves_no_history(scene):
    before = Scene.history.count()
    with transaction.atomic():
        assert record_history(Scene.objects.all(), by=None, reason="checked") == 1
        transaction.set_rollback(True)
    assert Scene.history.count() == before


def test_a_model_without_history_is_refused(scene):
    with pytest.raises(AttributeError):
        record_history(Frame.objects.all(), by=None, reason="checked")
