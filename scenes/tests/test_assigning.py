"""Assigning many scenes at once does to each what assigning it alone does."""

from datetime import date, timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from scenes import services
from scenes.errors import NotAllowedError, RefusedError
from scenes.models import LabelingStatus, Priority, Scene, StatusChange
from scenes.tests.workflows import a_person, a_plain_scene, new_labels

pytestmark = pytest.mark.django_db


@pytest.fixture
def people():
    return {
        "lara": a_person("lara", "labeler"),
        "leo": a_person("leo", "labeler"),
        "carl": a_person("carl", "curator"),
    }


@pytest.fixture
def library(people):
    """A scene in every state that assigning can meet."""
    lara, carl = people["lara"], people["carl"]
    scenes = {name: a_plain_scene(name) for name in ("free", "mine", "begun", "rework", "reviewed", "done")}
    services.assign(scene=scenes["mine"], labeler=people["leo"], by=carl)
    for name in ("begun", "rework", "reviewed", "done"):
        services.take(scene=scenes[name], by=lara)
    for name in ("rework", "reviewed", "done"):
        new_labels(scenes[name])
        services.submit(scene=scenes[name], by=lara)
    services.send_back(scene=scenes["rework"], by=carl, reason="kerbs")
    services.accept(scene=scenes["done"], by=carl)
    return scenes


def facts(scene) -> tuple:
    scene.refresh_from_db()
    return (scene.status, scene.labeler_id, scene.reviewer_id, scene.rework_reason, scene.due_on, scene.priority)


def test_each_is_as_if_assigned_alone(people, library):
    names = ("free", "mine", "begun", "rework")
    expected, wishes = {}, {"labeler": people["leo"], "due_on": date(2030, 5, 1), "priority": Priority.HIGH}
    for name in names:
        with transaction.atomic():
            services.assign(scene=library[name], by=people["carl"], **wishes)
            expected[name] = facts(library[name])
            transaction.set_rollback(True)
    result = services.assign_many(scenes=Scene.objects.filter(name__in=names), by=people["carl"], **wishes)
    assert (result.changed, result.unchanged, result.skipped) == (4, 0, {})
    assert {name: facts(library[name]) for name in names} == expected
    for name in names:
        row = library[name].history.first()
        assert (row.history_user, row.history_change_reason) == (people["carl"], "Assigned to leo")
        assert (row.labeler, row.priority) == (people["leo"], Priority.HIGH)


def test_those_that_can_not_be_are_told_with_why(people, library):
    ids = [scene.pk for scene in library.values()]
    result = services.assign_many(scenes=ids, labeler=people["leo"], by=people["carl"])
    assert (result.changed, result.unchanged, result.skipped_count) == (3, 1, 2)
    assert result.skipped == {
        "in review: a reviewer accepts it or sends it back first": [library["reviewed"].pk],
        "labeled: a curator has to reopen it first": [library["done"].pk],
    }
    assert library["reviewed"].history.first().history_change_reason.startswith("Submitted")


def test_a_condition_that_the_change_makes_false_is_no_trap(people, library):
    unassigned = Scene.objects.filter(labeler=None)
    services.assign_many(scenes=unassigned, labeler=people["leo"], by=people["carl"])
    assert library["free"].history.first().history_change_reason == "Assigned to leo"


def test_who_reviewed_is_no_reviewer_any_more_when_they_label(people, library):
    services.assign_many(scenes=[library["rework"].pk], labeler=people["carl"], by=people["carl"])
    library["rework"].refresh_from_db()
    assert (library["rework"].labeler, library["rework"].reviewer) == (people["carl"], None)


def test_taken_from_their_labelers(people, library):
    began = timezone.now() - timedelta(hours=2)
    Scene.objects.filter(name="begun").update(status_since=began)
    result = services.unassign_many(scenes=Scene.objects.all(), by=people["carl"], reason="left")
    assert (result.changed, result.unchanged, result.skipped_count) == (3, 1, 2)
    for name in ("mine", "begun", "rework"):
        assert facts(library[name])[:4] == (LabelingStatus.UNLABELED, None, None, "")
        assert library[name].history.first().history_change_reason == "Unassigned: left"
    change = library["begun"].status_changes.first()
    assert (change.from_status, change.to_status, change.actor) == ("in_progress", "unlabeled", people["carl"])
    assert change.seconds_in_previous == pytest.approx(7200, abs=60)
    assert library["begun"].status_since == change.at
    assert not StatusChange.objects.filter(scene=library["mine"]).exists()


def test_only_curators_assign_and_only_to_people_who_label(people, library):
    with pytest.raises(NotAllowedError, match="may not assign"):
        services.assign_many(scenes=Scene.objects.all(), labeler=people["leo"], by=people["lara"])
    with pytest.raises(NotAllowedError, match="may not assign"):
        services.unassign_many(scenes=Scene.objects.all(), by=people["lara"])
    with pytest.raises(RefusedError, match="vera may not label"):
        services.assign_many(scenes=Scene.objects.all(), labeler=a_person("vera"), by=people["carl"])
    with pytest.raises(RefusedError, match="no priority 0"):
        services.assign_many(scenes=Scene.objects.all(), labeler=people["leo"], by=people["carl"], priority=0)


def queries_of(names, people) -> int:
    carl, leo = (type(people["carl"]).objects.get(username=name) for name in ("carl", "leo"))
    with CaptureQueriesContext(
        connection,
    ) as captured:
        result = services.assign_many(scenes=Scene.objects.filter(name__in=names), labeler=leo, by=carl)
    assert result.changed == len(names)
    return len(captured)


def test_a_thousand_cost_as_many_statements_as_one(people):
    Scene.objects.bulk_create(Scene(name=f"scene-{number}") for number in range(1001))
    one = queries_of(["scene-0"], people)
    assert queries_of([f"scene-{number}" for number in range(1, 1001)], people) == one
    assert one <= 10
    assert Scene.history.filter(history_change_reason="Assigned to leo").count() == 1001
