"""Many scenes changed at once: what changes, what is left alone and why, what history says, and undoing it."""

import threading

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from scenes import services
from scenes.errors import ConflictError, NotAllowedError, RefusedError
from scenes.models import (
    BulkChange,
    BulkKind,
    BulkState,
    Drive,
    IngestJob,
    IngestKind,
    IngestState,
    LabelingStatus,
    Scene,
    SceneTag,
    Tag,
)
from scenes.services import bulk, curating

pytestmark = pytest.mark.django_db


def a_person(name: str, role: str) -> User:
    person = User.objects.create_user(name)
    person.groups.add(Group.objects.get(name=role))
    return person


@pytest.fixture
def carla() -> User:
    services.sync_roles()
    return a_person("carla", "curator")


@pytest.fixture
def bea(carla) -> User:
    return a_person("bea", "labeler")


def some_scenes(count: int = 3, **facts) -> list[Scene]:
    """Scenes with history and a frame count, without the frames."""
    scenes = []
    for number in range(count):
        scene = Scene(name=f"drive-{Scene.objects.count():04d}-{number}", frame_count=1, **facts)
        scene.save()
        scenes.append(scene)
    return scenes


def ids(scenes: list[Scene]) -> list[int]:
    return [scene.pk for scene in scenes]


def reasons(change: BulkChange) -> dict[str, int]:
    return {reason: entry["count"] for reason, entry in change.skipped.items()}


class TestTags:
    def test_are_added_where_they_are_missing_and_made_when_new(self, carla):
        scenes = some_scenes()
        scenes[0].tags.add("night")
        change = curating.add_tags(scenes=ids(scenes), tags=["Night", "rain"], by=carla, reason="From the weather")
        assert {tuple(sorted(scene.tags.names())) for scene in scenes} == {("night", "rain")}
        assert (change.state, change.total, change.changed) == (BulkState.DONE, 3, 3)
        assert Tag.history.get(name="rain", history_type="+").history_user == carla
        again = curating.add_tags(scenes=Scene.objects.all(), tags=["rain"], by=carla)
        assert (again.changed, reasons(again)) == (0, {"has these tags already": 3})

    def test_write_the_history_that_saving_one_by_one_writes(self, carla):
        one, many = some_scenes(2)
        tag = Tag.objects.create(name="night")
        link = SceneTag(tag=tag, content_object=one)
        link._history_user, link._change_reason = carla, "by hand"
        link.save()
        change = curating.add_tags(scenes=[many.pk], tags=["night"], by=carla, reason="by hand")
        by_hand, in_bulk = SceneTag.history.order_by("history_id")
        apart = {"history_id", "history_date", "id", "content_object_id", "bulk"}
        columns = {field.attname for field in SceneTag.history.model._meta.concrete_fields} - apart
        assert columns == {
            "tag_id", "door", "request_id", "history_change_reason", "history_type", "history_user_id"
        }  # fmt: skip
        assert {c: getattr(by_hand, c) for c in columns} == {c: getattr(in_bulk, c) for c in columns}
        assert (in_bulk.id, in_bulk.content_object_id, in_bulk.bulk) == (many.tag_links.get().pk, many.pk, change.pk)
        assert by_hand.bulk is None

    def test_are_removed_with_history(self, carla):
        scenes = some_scenes(2)
        curating.add_tags(scenes=ids(scenes), tags=["night", "rain"], by=carla)
        change = curating.remove_tags(scenes=ids(scenes[:1]), tags=["NIGHT"], by=carla, reason="It was day")
        assert list(scenes[0].tags.names()) == ["rain"]
        assert set(scenes[1].tags.names()) == {"night", "rain"}
        row = SceneTag.history.get(history_type="-")
        assert (row.history_change_reason, row.bulk, row.history_user) == ("It was day", change.pk, carla)

    @pytest.mark.parametrize("tags", [[], ["  "], ["x" * 101], [str(n) for n in range(51)]])
    def test_that_make_no_sense_are_refused(self, carla, tags):
        with pytest.raises(RefusedError):
            curating.add_tags(scenes=ids(some_scenes(1)), tags=tags, by=carla)
        assert not BulkChange.objects.exists()

    def test_that_do_not_exist_can_not_be_removed(self, carla):
        with pytest.raises(RefusedError, match="no tag nihgt"):
            curating.remove_tags(scenes=ids(some_scenes(1)), tags=["nihgt"], by=carla)

    def test_take_the_same_number_of_queries_for_any_number_of_scenes(self, carla, django_assert_num_queries):
        few, many = some_scenes(2), some_scenes(60)
        for name in ("warm", "few", "many"):
            Tag.objects.create(name=name)
        curating.add_tags(scenes=ids(few), tags=["warm"], by=carla)
        with CaptureQueriesContext(connection) as counted:
            curating.add_tags(scenes=ids(few), tags=["few"], by=carla)
        with django_assert_num_queries(len(counted)):
            curating.add_tags(scenes=ids(many), tags=["many"], by=carla)


class TestAssigning:
    def test_leaves_alone_what_the_workflow_does_not_allow(self, carla, bea):
        scenes = some_scenes(3)
        reviewer = a_person("rita", "curator")
        Scene.objects.filter(pk=scenes[2].pk).update(
            status=LabelingStatus.LABELED, labeler=bea, reviewer=reviewer, locked=True
        )
        change = curating.assign(scenes=ids(scenes), labeler=bea, by=carla, reason="Rain first", priority=3)
        assert change.changed == 2
        assert reasons(change) == {"labeled: a curator has to reopen it first": 1}
        row = scenes[0].history.first()
        assert (row.labeler, row.priority, row.history_user, row.bulk) == (bea, 3, carla, change.pk)
        assert row.history_change_reason == "Assigned to bea: Rain first"
        again = curating.assign(scenes=ids(scenes[:2]), labeler=bea, by=carla)
        assert reasons(again) == {"is assigned so already": 2}

    def test_needs_a_labeler_who_may_label_and_a_curator(self, carla, bea):
        with pytest.raises(RefusedError, match="may not label"):
            curating.assign(scenes=ids(some_scenes(1)), labeler=a_person("vera", "viewer"), by=carla)
        with pytest.raises(NotAllowedError):
            curating.assign(scenes=ids(some_scenes(1)), labeler=bea, by=bea)
        assert not BulkChange.objects.exists()


class TestDriveStatusAndJobs:
    def test_a_drive_is_set_with_history(self, carla):
        drive = Drive.objects.create(name="monday")
        scenes = some_scenes(2)
        change = curating.set_drive(scenes=ids(scenes), drive=drive, by=carla, reason="Log found")
        assert Scene.objects.filter(drive=drive).count() == 2
        row = scenes[1].history.first()
        assert (row.drive, row.history_change_reason, row.bulk) == (drive, "Log found", change.pk)

    def test_a_status_moves_only_as_the_workflow_allows(self, carla, bea):
        scenes = some_scenes(3)
        services.assign(scene=scenes[0], labeler=bea, by=carla)
        services.take(scene=scenes[0], by=bea)
        Scene.objects.filter(pk=scenes[1].pk).update(status=LabelingStatus.IN_REVIEW, labeler=bea)
        accepted = curating.set_status(scenes=ids(scenes), status="labeled", by=carla)
        assert accepted.changed == 1
        assert reasons(accepted) == {
            "in progress: its labeler submits it first": 1, "unlabeled: a labeler takes it first": 1
        }  # fmt: skip
        back = curating.set_status(scenes=ids(scenes), status="in_progress", by=carla, reason="Wrong ontology")
        assert back.changed == 1
        assert Scene.objects.get(pk=scenes[1].pk).rework_reason == "Wrong ontology"
        given_back = curating.set_status(scenes=ids(scenes), status="unlabeled", by=carla, reason="Bea left")
        assert given_back.changed == 2
        assert not Scene.objects.exclude(status=LabelingStatus.UNLABELED).exists()

    def test_sending_back_needs_a_reason_and_accepting_a_reviewer(self, carla):
        scenes = ids(some_scenes(1))
        with pytest.raises(RefusedError, match="Say why"):
            curating.set_status(scenes=scenes, status="in_progress", by=carla, reason=" ")
        with pytest.raises(RefusedError, match="in bulk"):
            curating.set_status(scenes=scenes, status="in_review", by=carla)

    def test_jobs_are_queued_and_busy_scenes_left_alone(self, carla):
        scenes = some_scenes(2)
        IngestJob.objects.create(scene=scenes[0], state=IngestState.RUNNING)
        change = curating.work_again(scenes=ids(scenes), kind=IngestKind.THUMBNAILS, by=carla)
        assert (change.changed, reasons(change)) == (1, {"a job of it is active": 1})
        assert scenes[1].ingest_jobs.get().history.get().bulk == change.pk


class TestUndoing:
    def test_restores_tags_where_nobody_changed_them_since(self, carla):
        scenes = some_scenes(3)
        scenes[0].tags.add("night")
        change = curating.add_tags(scenes=ids(scenes), tags=["night"], by=carla)
        scenes[2].tags.remove("night")
        scenes[2].tags.add("night")
        undo = curating.undo_bulk(change=change, by=carla, reason="Wrong list")
        assert [list(scene.tags.names()) for scene in scenes] == [["night"], [], ["night"]]
        assert (undo.changed, reasons(undo)) == (1, {"was changed since": 1})
        row = scenes[1].tag_links.model.history.filter(content_object_id=scenes[1].pk).first()
        assert (row.history_type, row.history_change_reason, row.bulk) == ("-", "Wrong list", undo.pk)

    def test_gives_removed_tags_back(self, carla):
        scenes = some_scenes(2)
        curating.add_tags(scenes=ids(scenes), tags=["night", "rain"], by=carla)
        change = curating.remove_tags(scenes=ids(scenes), tags=["night"], by=carla)
        Scene.objects.filter(pk=scenes[1].pk).delete()
        undo = curating.undo_bulk(change=change, by=carla)
        assert set(scenes[0].tags.names()) == {"night", "rain"}
        assert (undo.changed, reasons(undo)) == (1, {"the scene is gone": 1})

    def test_restores_assignments_where_nobody_changed_them_since(self, carla, bea):
        ben = a_person("ben", "labeler")
        scenes = some_scenes(4)
        services.assign(scene=scenes[0], labeler=ben, by=carla, priority=4)
        change = curating.assign(scenes=ids(scenes), labeler=bea, by=carla)
        services.take(scene=Scene.objects.get(pk=scenes[1].pk), by=bea)
        services.assign(scene=scenes[2], labeler=ben, by=carla)
        scenes[3] = Scene.objects.get(pk=scenes[3].pk)
        scenes[3].notes = "Something else changed"
        scenes[3].save()
        undo = curating.undo_bulk(change=change, by=carla)
        labelers = list(Scene.objects.order_by("pk").values_list("labeler__username", flat=True))
        assert labelers == ["ben", "bea", "ben", None]
        assert (undo.changed, reasons(undo)) == (2, {"was changed since": 2})
        assert scenes[0].history.first().bulk == undo.pk
        assert scenes[0].history.first().priority == 4

    def test_restores_drives(self, carla):
        old, new = Drive.objects.create(name="old"), Drive.objects.create(name="new")
        scenes = [*some_scenes(1, drive=old), *some_scenes(1)]
        change = curating.set_drive(scenes=ids(scenes), drive=new, by=carla)
        curating.undo_bulk(change=change, by=carla)
        assert list(Scene.objects.order_by("pk").values_list("drive__name", flat=True)) == ["old", None]

    def test_happens_once(self, carla):
        change = curating.add_tags(scenes=ids(some_scenes(1)), tags=["night"], by=carla)
        undo = curating.undo_bulk(change=change, by=carla)
        with pytest.raises(ConflictError, match=f"undone already, by bulk change {undo.pk}"):
            curating.undo_bulk(change=change, by=carla)
        with pytest.raises(ConflictError, match="as a whole"):
            curating.undo_bulk(change=undo, by=carla)

    def test_is_refused_for_what_did_nothing_or_is_at_work(self, carla, monkeypatch):
        scenes = ids(some_scenes(2))
        curating.add_tags(scenes=scenes, tags=["night"], by=carla)
        nothing = curating.add_tags(scenes=scenes, tags=["night"], by=carla)
        with pytest.raises(ConflictError, match="changed nothing"):
            curating.undo_bulk(change=nothing, by=carla)
        monkeypatch.setattr(bulk, "AT_ONCE", 1)
        queued = curating.add_tags(scenes=scenes, tags=["rain"], by=carla)
        with pytest.raises(ConflictError, match="still at work"):
            curating.undo_bulk(change=queued, by=carla)


class TestSelections:
    def test_nothing_selected_is_refused(self, carla):
        with pytest.raises(RefusedError, match="No scene"):
            curating.add_tags(scenes=Scene.objects.none(), tags=["night"], by=carla)

    def test_too_many_are_refused(self, carla, monkeypatch):
        monkeypatch.setattr(bulk, "MOST_SCENES", 2)
        with pytest.raises(RefusedError, match="Filter further"):
            curating.add_tags(scenes=ids(some_scenes(3)), tags=["night"], by=carla)

    def test_scenes_that_are_gone_are_told(self, carla):
        change = curating.add_tags(scenes=[*ids(some_scenes(1)), 10**12], tags=["night"], by=carla)
        assert (change.changed, reasons(change)) == (1, {"the scene is gone": 1})


class TestLargeChanges:
    @pytest.fixture(autouse=True)
    def small_batches(self, monkeypatch):
        monkeypatch.setattr(bulk, "AT_ONCE", 2)

    def test_wait_for_workers_and_go_in_batches(self, carla):
        scenes = some_scenes(5)
        change = curating.add_tags(scenes=ids(scenes), tags=["night"], by=carla, reason="Weather")
        assert (change.state, change.done) == (BulkState.QUEUED, 0)
        assert not SceneTag.objects.exists()
        steps = iter([True, False])
        assert bulk.work(change.pk, go_on=lambda: next(steps))
        change.refresh_from_db()
        assert (change.state, change.done, change.changed) == (BulkState.RUNNING, 2, 2)
        assert not bulk.work(change.pk)
        change.refresh_from_db()
        assert (change.state, change.done, change.changed) == (BulkState.DONE, 5, 5)
        assert SceneTag.history.filter(bulk=change.pk, history_user=carla, door=change.door).count() == 5
        assert not bulk.work(change.pk)
        assert SceneTag.objects.count() == 5

    def test_are_undone_in_batches_as_well(self, carla):
        scenes = some_scenes(5)
        change = curating.add_tags(scenes=ids(scenes), tags=["night"], by=carla)
        bulk.work(change.pk)
        undo = curating.undo_bulk(change=BulkChange.objects.get(pk=change.pk), by=carla)
        assert undo.state == BulkState.QUEUED
        bulk.work(undo.pk)
        assert not SceneTag.objects.exists()

    def test_end_when_their_actor_may_no_longer_and_what_was_done_can_be_undone(self, carla):
        change = curating.add_tags(scenes=ids(some_scenes(5)), tags=["night"], by=carla)
        steps = iter([True, False])
        bulk.work(change.pk, go_on=lambda: next(steps))
        carla.is_active = False
        carla.save()
        assert not bulk.work(change.pk)
        change.refresh_from_db()
        assert (change.state, change.done) == (BulkState.FAILED, 2)
        assert "gone or disabled" in change.problem
        undo = curating.undo_bulk(change=change, by=a_person("cora", "curator"))
        assert (undo.changed, SceneTag.objects.count()) == (2, 0)

    def test_a_batch_that_breaks_again_and_again_ends_the_change(self, carla, monkeypatch):
        change = curating.add_tags(scenes=ids(some_scenes(3)), tags=["night"], by=carla)

        def breaks(*_):
            raise ZeroDivisionError

        monkeypatch.setitem(bulk.BATCHES, BulkKind.ADD_TAGS, breaks)
        for _ in range(bulk.MOST_ATTEMPTS):
            with pytest.raises(ZeroDivisionError):
                bulk.work(change.pk)
        change.refresh_from_db()
        assert (change.state, change.done) == (BulkState.FAILED, 0)
        assert "broke 3 times at scene 1" in change.problem


@pytest.mark.django_db(transaction=True)
class TestAtTheSameTime:
    def together(self, *works):
        """Run in threads with connections of their own, released at once; what each returned or raised."""
        barrier, results = threading.Barrier(len(works)), [None] * len(works)

        def run(place, work):
            try:
                barrier.wait(20)
                results[place] = work()
            except Exception as error:  # noqa: BLE001 - the test looks at it
                results[place] = error
            finally:
                connection.close()

        threads = [threading.Thread(target=run, args=(place, work)) for place, work in enumerate(works)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        return results

    def test_two_changes_of_the_same_scenes_both_end_and_every_link_has_one_history_row(self, carla, bea):
        scenes = ids(some_scenes(60))
        for name in ("a", "b", "c"):
            Tag.objects.create(name=name)
        results = self.together(
            lambda: curating.add_tags(scenes=scenes, tags=["a", "b"], by=carla),
            lambda: curating.add_tags(scenes=scenes[::-1], tags=["c", "b"], by=carla),
            lambda: curating.assign(scenes=scenes, labeler=bea, by=carla),
        )
        assert [change.state for change in results] == [BulkState.DONE] * 3
        assert SceneTag.objects.count() == 3 * 60
        assert SceneTag.history.filter(history_type="+").count() == 3 * 60
        assert Scene.objects.filter(labeler=bea).count() == 60

    def test_two_workers_on_one_change_do_nothing_twice(self, carla, monkeypatch):
        monkeypatch.setattr(bulk, "AT_ONCE", 5)
        monkeypatch.setattr(bulk, "wake", lambda change_id: None)
        change = curating.add_tags(scenes=ids(some_scenes(40)), tags=["night"], by=carla)
        self.together(*[lambda: bulk.work(change.pk)] * 3)
        change.refresh_from_db()
        assert (change.state, change.done, change.changed) == (BulkState.DONE, 40, 40)
        assert SceneTag.history.filter(bulk=change.pk).count() == SceneTag.objects.count() == 40

    def test_of_two_undos_one_is_refused(self, carla):
        change = curating.add_tags(scenes=ids(some_scenes(20)), tags=["night"], by=carla)
        results = self.together(*[lambda: curating.undo_bulk(change=change, by=carla)] * 2)
        assert sorted(type(result).__name__ for result in results) == ["BulkChange", "ConflictError"]
        assert SceneTag.history.filter(history_type="-").count() == 20
