"""The labelling workflow: what each person may do with a scene, and what stays on record."""

from datetime import date, timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from scenes import services
from scenes.errors import ConflictError, NotAllowedError, RefusedError
from scenes.models import LabelingStatus, Priority, Scene, StatusChange
from scenes.services.workflow import check_may_label
from scenes.tests.factories import a_label_folder, a_labelled_scene, add_labels
from scenes.tests.workflows import a_person, a_plain_scene, in_review, new_labels

UNLABELED, IN_PROGRESS, IN_REVIEW, LABELED = LabelingStatus


@pytest.fixture
def people(db):
    return {
        "lara": a_person("lara", "labeler"),
        "leo": a_person("leo", "labeler"),
        "rita": a_person("rita", "reviewer"),
        "carl": a_person("carl", "curator"),
        "vera": a_person("vera"),
    }


@pytest.fixture
def scene(db):
    return a_plain_scene()


class TestTheUsualWay:
    def test_taken_labelled_submitted_accepted(self, people, scene):
        taken = services.take(scene=scene, by=people["lara"])
        assert (taken.status, taken.labeler, taken.locked) == (IN_PROGRESS, people["lara"], False)
        new_labels(scene)
        assert services.submit(scene=scene, by=people["lara"]).status == IN_REVIEW
        accepted = services.accept(scene=scene, by=people["rita"])
        assert (accepted.status, accepted.reviewer, accepted.locked) == (LABELED, people["rita"], True)

    def test_sent_back_mended_and_accepted(self, people, scene):
        in_review(scene, people["lara"])
        back = services.send_back(scene=scene, by=people["rita"], reason=" the kerb is road ")
        assert (back.status, back.rework, back.rework_reason) == (IN_PROGRESS, True, "the kerb is road")
        new_labels(scene)
        again = services.submit(scene=scene, by=people["lara"])
        assert (again.status, again.rework) == (IN_REVIEW, False)
        assert services.accept(scene=scene, by=people["rita"]).status == LABELED

    def test_reopened_by_a_curator(self, people, scene):
        in_review(scene, people["lara"])
        services.accept(scene=scene, by=people["rita"])
        reopened = services.reopen(scene=scene, by=people["carl"], reason="a new class")
        assert (reopened.status, reopened.locked, reopened.labeler) == (IN_PROGRESS, False, people["lara"])
        assert reopened.rework_reason == "a new class"

    def test_an_assigned_scene_is_taken_by_its_labeler_only(self, people, scene):
        services.assign(scene=scene, labeler=people["lara"], by=people["carl"], priority=Priority.URGENT)
        with pytest.raises(NotAllowedError, match="assigned to lara"):
            services.take(scene=scene, by=people["leo"])
        taken = services.take(scene=scene, by=people["lara"])
        assert (taken.status, taken.priority) == (IN_PROGRESS, Priority.URGENT)

    def test_work_goes_on_under_another_labeler(self, people, scene):
        in_review(scene, people["lara"])
        services.send_back(scene=scene, by=people["carl"], reason="again")
        moved = services.assign(scene=scene, labeler=people["leo"], by=people["carl"])
        assert (moved.status, moved.labeler, moved.rework_reason) == (IN_PROGRESS, people["leo"], "again")

    def test_who_reviewed_a_scene_may_label_it_later_and_no_longer_counts_as_its_reviewer(self, people, scene):
        in_review(scene, people["lara"])
        services.send_back(scene=scene, by=people["carl"], reason="again")
        moved = services.assign(scene=scene, labeler=people["carl"], by=people["carl"])
        assert (moved.labeler, moved.reviewer) == (people["carl"], None)

    def test_given_back_to_everybody(self, people, scene):
        services.take(scene=scene, by=people["lara"])
        free = services.unassign(scene=scene, by=people["lara"])
        assert (free.status, free.labeler) == (UNLABELED, None)
        assert services.take(scene=scene, by=people["leo"]).labeler == people["leo"]


class TestRefusals:
    @pytest.mark.parametrize("name", ["vera", "rita"])
    def test_labelling_needs_the_right(self, people, scene, name):
        with pytest.raises(NotAllowedError, match="may not label scenes"):
            services.take(scene=scene, by=people[name])

    def test_reviewing_needs_the_right(self, people, scene):
        in_review(scene, people["lara"])
        with pytest.raises(NotAllowedError, match="may not review"):
            services.accept(scene=scene, by=people["leo"])

    def test_nobody_reviews_a_scene_of_their_own(self, people, scene):
        in_review(scene, people["carl"])
        for decide in (services.accept, lambda **who: services.send_back(reason="no", **who)):
            with pytest.raises(NotAllowedError, match="yourself"):
                decide(scene=scene, by=people["carl"])

    def test_nobody_reviews_labels_of_their_own_on_anothers_scene(self, people, scene):
        services.take(scene=scene, by=people["lara"])
        new_labels(scene, by=people["carl"])
        services.submit(scene=scene, by=people["lara"])
        with pytest.raises(NotAllowedError, match="yourself"):
            services.accept(scene=scene, by=people["carl"])

    def test_a_scene_without_labels_is_not_submitted(self, people, scene):
        services.take(scene=scene, by=people["lara"])
        for reason in ("", "nothing to see"):
            with pytest.raises(ConflictError, match="no labels yet"):
                services.submit(scene=scene, by=people["lara"], without_labels=reason)

    def test_old_labels_are_submitted_with_a_reason_only(self, people, scene):
        new_labels(scene)
        services.take(scene=scene, by=people["lara"])
        with pytest.raises(ConflictError, match=r"no new labels since you took it.*why v1 is right"):
            services.submit(scene=scene, by=people["lara"])
        services.submit(scene=scene, by=people["lara"], without_labels="checked, all right")
        assert scene.status_changes.first().reason == "checked, all right"

    def test_sent_back_labels_are_not_submitted_again_as_they_are(self, people, scene):
        in_review(scene, people["lara"])
        services.send_back(scene=scene, by=people["rita"], reason="kerbs")
        with pytest.raises(ConflictError, match="since the reviewer sent it back"):
            services.submit(scene=scene, by=people["lara"])

    @pytest.mark.parametrize("reason", ["", "  \n", "x" * 2001])
    def test_sending_back_needs_a_reason_that_is_no_novel(self, people, scene, reason):
        in_review(scene, people["lara"])
        with pytest.raises(RefusedError):
            services.send_back(scene=scene, by=people["rita"], reason=reason)

    def test_only_people_who_may_label_are_assigned(self, people, scene):
        with pytest.raises(RefusedError, match="rita may not label"):
            services.assign(scene=scene, labeler=people["rita"], by=people["carl"])
        people["lara"].is_active = False
        with pytest.raises(RefusedError, match="lara may not label"):
            services.assign(scene=scene, labeler=people["lara"], by=people["carl"])

    @pytest.mark.parametrize("verb", ["assign", "set_due", "set_priority", "reopen"])
    def test_planning_is_for_curators(self, people, scene, verb):
        wishes = {
            "assign": {"labeler": people["leo"]},
            "set_due": {"due_on": date(2030, 1, 1)},
            "set_priority": {"priority": 4},
            "reopen": {"reason": "why"},
        }
        with pytest.raises(NotAllowedError, match="Ask an administrator"):
            getattr(services, verb)(scene=scene, by=people["lara"], **wishes[verb])

    def test_the_words_tell_state_person_and_remedy(self, people, scene):
        services.take(scene=scene, by=people["lara"])
        with pytest.raises(ConflictError) as caught:
            services.accept(scene=scene, by=people["rita"])
        assert str(caught.value) == (
            "city is in progress by lara and can't be accepted. Wait until its labeler submits it."
        )
        assert caught.value.facts == {"status": "in_progress"}

    def test_a_scene_without_frames_can_wait(self, people):
        empty = a_plain_scene("empty", frame_count=0)
        with pytest.raises(ConflictError, match="no frame"):
            services.take(scene=empty, by=people["lara"])

    def test_labels_come_from_the_labeler_while_in_progress(self, people, scene):
        services.take(scene=scene, by=people["lara"])
        scene.refresh_from_db()
        check_may_label(scene=scene, by=people["lara"])
        with pytest.raises(NotAllowedError, match="labelled by lara"):
            check_may_label(scene=scene, by=people["leo"])


class TestTheNextScene:
    def test_own_ones_first_then_priority_then_due_date(self, people):
        today = timezone.localdate()
        a_plain_scene("later", priority=Priority.HIGH, due_on=today + timedelta(9))
        a_plain_scene("sooner", priority=Priority.HIGH, due_on=today + timedelta(2))
        a_plain_scene("whenever", priority=Priority.HIGH)
        a_plain_scene("urgent", priority=Priority.URGENT)
        a_plain_scene("mine", priority=Priority.LOW, labeler=people["lara"])
        a_plain_scene("theirs", priority=Priority.URGENT, labeler=people["leo"])
        a_plain_scene("empty", priority=Priority.URGENT, frame_count=0)
        taken = [services.take_next(by=people["lara"]).name for _ in range(5)]
        assert taken == ["mine", "urgent", "sooner", "later", "whenever"]
        with pytest.raises(ConflictError, match="No scene waits"):
            services.take_next(by=people["lara"])


class TestTheRecord:
    def test_time_in_each_status_is_known(self, people, scene):
        started = timezone.now() - timedelta(hours=3)
        Scene.objects.filter(pk=scene.pk).update(status_since=started)
        services.take(scene=scene, by=people["lara"])
        change = scene.status_changes.get()
        assert change.seconds_in_previous == pytest.approx(3 * 3600, abs=60)
        scene.refresh_from_db()
        assert scene.status_since == change.at

    def test_steps_are_audited_with_actor_and_words(self, people, scene):
        services.assign(scene=scene, labeler=people["lara"], by=people["carl"])
        in_review(scene, people["lara"])
        services.send_back(scene=scene, by=people["rita"], reason="kerbs")
        new_labels(scene)
        services.submit(scene=scene, by=people["lara"])
        services.accept(scene=scene, by=people["rita"])
        told = [
            (row.history_user.username, row.history_change_reason) for row in scene.history.order_by("history_id")[1:]
        ]
        assert told == [
            ("carl", "Assigned to lara"),
            ("lara", "Taken"),
            ("lara", "Submitted for review: labels v1"),
            ("rita", "Sent back: kerbs"),
            ("lara", "Submitted for review: labels v2"),
            ("rita", "Labels accepted"),
        ]

    def test_a_step_that_changes_nothing_leaves_no_trace(self, people, scene):
        services.assign(scene=scene, labeler=people["lara"], by=people["carl"])
        before = scene.history.count()
        services.assign(scene=scene, labeler=people["lara"], by=people["carl"])
        services.set_due(scene=scene, by=people["carl"], due_on=None)
        services.set_priority(scene=scene, by=people["carl"], priority=Priority.NORMAL)
        assert scene.history.count() == before

    def test_plans_are_kept(self, people, scene):
        services.set_due(scene=scene, by=people["carl"], due_on=date(2020, 1, 1))
        services.set_priority(scene=scene, by=people["carl"], priority=Priority.HIGH)
        scene.refresh_from_db()
        assert (scene.due_on, scene.priority, scene.overdue) == (date(2020, 1, 1), Priority.HIGH, True)
        assert list(Scene.objects.overdue()) == [scene]
        with pytest.raises(RefusedError, match="no priority 9"):
            services.set_priority(scene=scene, by=people["carl"], priority=9)

    def test_the_record_can_not_be_rewritten(self, people, scene):
        services.take(scene=scene, by=people["lara"])
        with pytest.raises(Exception, match="it stays"), transaction.atomic():
            StatusChange.objects.update(reason="something else")
        change = StatusChange.objects.get()
        change.reason = "something else"
        with pytest.raises(Exception, match="stay as they are"):
            change.save()
        people["vera"].delete()
        scene.delete()
        assert not StatusChange.objects.exists()


class TestTheLock:
    def test_accepted_labels_get_no_new_version(self, people, tmp_path):
        scene = a_labelled_scene()
        services.take(scene=scene, by=people["lara"])
        services.submit(scene=scene, by=people["lara"], without_labels="right as they are")
        services.accept(scene=scene, by=people["rita"])
        stale, fresh = scene, Scene.objects.get(pk=scene.pk)
        folder = a_label_folder(tmp_path, frames=2)
        for seen in (stale, fresh):
            with pytest.raises(ConflictError, match=r"accepted and locked.*reopen"):
                add_labels(seen, folder)
        services.reopen(scene=scene, by=people["carl"], reason="better labels came")
        assert add_labels(Scene.objects.get(pk=scene.pk), folder).version == 2

    def test_the_database_refuses_a_version_for_a_locked_scene(self, people, scene):
        in_review(scene, people["lara"])
        services.accept(scene=scene, by=people["rita"])
        with pytest.raises(Exception, match="accepted and locked"), transaction.atomic():
            new_labels(scene)


class TestTheDatabase:
    """What must hold holds for SQL that knows nothing of the services."""

    @pytest.mark.parametrize(
        ("name", "facts"),
        [
            ("scene_reviewer_is_not_its_labeler", "labeler_id = {lara}, reviewer_id = {lara}"),
            ("scene_at_work_has_a_labeler", "status = 'in_progress'"),
            ("scene_at_work_has_a_labeler", "status = 'in_review'"),
            ("labeled_scene_has_a_reviewer", "status = 'labeled', labeler_id = {lara}, locked = true"),
            ("scene_is_locked_when_labeled", "locked = true"),
            ("scene_is_locked_when_labeled", "status = 'labeled', labeler_id = {lara}, reviewer_id = {rita}"),
            ("rework_is_in_progress", "rework_reason = 'again'"),
            ("scene_priority_is_known", "priority = 5"),
        ],
    )
    def test_refuses(self, people, scene, name, facts):
        keys = {person: user.pk for person, user in people.items()}
        with pytest.raises(IntegrityError, match=name), connection.cursor() as cursor:
            cursor.execute(f"UPDATE scenes_scene SET {facts.format(**keys)} WHERE id = {scene.pk}")  # noqa: S608

    def test_takes_what_fits(self, people, scene):
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE scenes_scene SET status = 'labeled', locked = true, labeler_id = %s, reviewer_id = %s",
                [people["lara"].pk, people["rita"].pk],
            )
        scene.refresh_from_db()
        assert scene.locked
