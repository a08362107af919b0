"""The same work for many scenes: a few queries, one history row each, and scenes at work are left alone."""

import threading
import time

import pytest
from django.contrib.auth.models import Permission, User
from django.core.management import CommandError, call_command
from django.db import connection
from django.urls import reverse

from scenes import ingest, services, tasks
from scenes.models import FrameState, IngestJob, IngestKind, IngestState, Scene
from scenes.services import queueing
from scenes.tests.factories import a_drive_folder, a_ready_scene, an_ingested_scene

pytestmark = pytest.mark.django_db


@pytest.fixture
def woken(monkeypatch):
    """The ids of the jobs that workers were woken for."""
    ids: list[int] = []
    monkeypatch.setattr(tasks.work_on_ingest_job, "delay", ids.append)
    return ids


def many_scenes(count: int) -> list[Scene]:
    return Scene.objects.bulk_create([Scene(name=f"many-{index:04d}") for index in range(count)])


class TestManyJobs:
    def test_cost_the_same_number_of_queries_for_any_number_of_scenes(self, django_assert_num_queries):
        few, many = many_scenes(2), [Scene.objects.create(name=f"more-{n}") for n in range(300)]
        with django_assert_num_queries(9) as queries:
            services.queue_jobs(scenes=few, kind=IngestKind.REINGEST, by=None)
        with django_assert_num_queries(len(queries)):
            services.queue_jobs(scenes=many, kind=IngestKind.REINGEST, by=None)

    def test_each_has_who_asked_and_why_on_record(self):
        person = User.objects.create_user("olga")
        queued = services.queue_jobs(scenes=many_scenes(3), kind=IngestKind.DISPLAY, by=person)
        assert len(queued.jobs) == 3
        for job in queued.jobs:
            row = job.history.get()
            assert (row.history_user, row.history_change_reason) == (person, "Rebuild display files: queued")
            assert job.requested_by == person

    def test_leave_scenes_alone_that_are_at_work(self):
        first, *others = many_scenes(3)
        active = services.queue_job(scene=first, by=None)
        queued = services.queue_jobs(scenes=[first, *others], kind=IngestKind.REINGEST, by=None)
        assert queued.busy == 1
        assert {job.scene_id for job in queued.jobs} == {scene.pk for scene in others}
        assert IngestJob.objects.get(scene=first) == active
        assert "1 scenes were left alone" in str(queued)

    def test_know_how_many_frames_they_are_to_handle(self):
        ready = a_ready_scene(name="ready-01", frames=3)
        jobs = services.queue_jobs(scenes=[ready, *many_scenes(1)], kind=IngestKind.REINGEST, by=None).jobs
        assert [job.planned_frames for job in sorted(jobs, key=lambda job: job.scene_id)] == [3, 0]
        assert ready.frames.filter(state=FrameState.PENDING).count() == 3

    def test_wake_workers_for_the_first_and_leave_the_others_to_the_sweep(
        self, woken, monkeypatch, django_capture_on_commit_callbacks
    ):
        monkeypatch.setattr(queueing, "JOBS_WOKEN", 2)
        with django_capture_on_commit_callbacks(execute=True):
            jobs = services.queue_jobs(scenes=many_scenes(5), kind=IngestKind.THUMBNAILS, by=None).jobs
        assert woken == [job.pk for job in jobs[:2]]

    def test_of_one_scene_asked_twice_are_one_job(self):
        (scene,) = many_scenes(1)
        first = services.queue_job(scene=scene, kind=IngestKind.DISPLAY, by=None)
        assert services.queue_job(scene=scene, kind=IngestKind.REINGEST, by=None) == first


class TestRetrying:
    def test_a_cancelled_job_does_the_same_work_again(self):
        scene = a_ready_scene(frames=2)
        job = services.queue_job(scene=scene, kind=IngestKind.DISPLAY, by=None)
        cancelled = services.cancel_ingest(job=job, by=None)
        again = services.retry_ingest(job=cancelled, by=None)
        assert (again.kind, again.state) == (IngestKind.DISPLAY, IngestState.QUEUED)
        ingest.work(again.pk)
        assert scene.frames.filter(state=FrameState.READY).count() == 2

    def test_a_finished_one_reads_its_quarantined_frames_only(self, tmp_path):
        folder = a_drive_folder(tmp_path, frames=2)
        (folder / "bad.pcd").write_bytes(b"not a cloud")
        scene = an_ingested_scene(folder)
        again = services.retry_ingest(job=scene.ingest_jobs.get(), by=None)
        assert (again.kind, again.planned_frames) == (IngestKind.INGEST, 1)


class TestTheCommands:
    @pytest.mark.parametrize(
        ("command", "kind"),
        [("reingest", "reingest"), ("rebuild_thumbnails", "thumbnails"), ("rebuild_display", "display")],
    )
    def test_queue_a_job_for_each_named_scene(self, command, kind, capsys):
        many_scenes(3)
        call_command(command, "many-0000", "many-0002")
        assert sorted(IngestJob.objects.values_list("scene__name", "kind")) == [
            ("many-0000", kind),
            ("many-0002", kind),
        ]
        assert "2 jobs queued" in capsys.readouterr().out

    def test_take_all_scenes_when_told_so(self):
        many_scenes(4)
        call_command("reingest", "--all")
        assert IngestJob.objects.count() == 4

    @pytest.mark.parametrize("arguments", [[], ["many-0000", "--all"]])
    def test_want_names_or_all(self, arguments):
        with pytest.raises(CommandError, match="one of the two"):
            call_command("reingest", *arguments)

    def test_refuse_an_unknown_name_and_queue_nothing(self):
        many_scenes(1)
        with pytest.raises(CommandError, match="no scene called nowhere"):
            call_command("reingest", "many-0000", "nowhere")
        assert not IngestJob.objects.exists()


@pytest.mark.django_db(transaction=True)
class TestWaiting:
    def follow(self, *arguments):
        """Run a command with --wait while a thread does the workers' part."""
        stopped = threading.Event()

        def worker():
            while not stopped.is_set():
                for job in IngestJob.objects.filter(state=IngestState.QUEUED):
                    ingest.work(job.pk)
                time.sleep(0.02)
            connection.close()

        thread = threading.Thread(target=worker)
        thread.start()
        try:
            call_command(*arguments, "--wait")
        finally:
            stopped.set()
            thread.join()

    def test_shows_the_frames_of_each_scene(self, capsys):
        a_ready_scene(name="one-01", frames=3, points=100)
        self.follow("reingest", "one-01")
        printed = capsys.readouterr()
        assert "3/3" in printed.err
        assert "one-01: done, 3 frames, 300 points" in printed.out

    def test_counts_jobs_when_there_are_many(self, capsys, monkeypatch):
        from scenes.management import following

        monkeypatch.setattr(following, "BARS", 2)
        for number in range(3):
            a_ready_scene(name=f"many-{number}", points=50)
        self.follow("rebuild_thumbnails", "--all")
        assert "3/3" in capsys.readouterr().err

    def test_fails_when_a_job_did(self, tmp_path):
        folder = a_drive_folder(tmp_path, name="broken", frames=1)
        (folder / "000000.pcd").write_bytes(b"not a cloud")
        an_ingested_scene(folder)
        with pytest.raises(CommandError, match="1 of 1 jobs did not succeed"):
            self.follow("reingest", "broken")


class TestTheAdmin:
    address = "admin:scenes_scene_changelist"

    @pytest.mark.parametrize(
        ("action", "kind"),
        [("reingest", "reingest"), ("rebuild_thumbnails", "thumbnails"), ("rebuild_display", "display")],
    )
    def test_queues_jobs_for_all_that_match(self, client, action, kind):
        person = User.objects.create_superuser("curator")
        client.force_login(person)
        scenes = many_scenes(120)
        given = {"action": action, "_selected_action": [scenes[0].pk], "select_across": "1", "step": "preview"}
        shown = client.post(reverse(self.address), given)
        assert not IngestJob.objects.exists()
        given |= {"step": "confirm", "previewed": shown.context["digest"]}
        answer = client.post(reverse(self.address), given, follow=True)
        assert "120 of 120 scenes changed" in answer.content.decode()
        assert IngestJob.objects.filter(kind=kind, requested_by=person).count() == 120
        assert IngestJob.history.filter(history_user=person, door="admin").count() == 120

    def test_offers_nothing_to_who_may_not(self, client):
        reader = User.objects.create_user("reader", is_staff=True)
        reader.user_permissions.add(*Permission.objects.filter(codename__in=["view_scene", "change_scene"]))
        client.force_login(reader)
        scene = a_ready_scene()
        assert 'value="reingest"' not in client.get(reverse(self.address)).content.decode()
        client.post(reverse(self.address), {"action": "reingest", "_selected_action": [scene.pk]})
        assert not IngestJob.objects.filter(kind="reingest").exists()


class TestStoredFilesInTheAdmin:
    @pytest.fixture
    def curator(self, client):
        client.force_login(User.objects.create_superuser("curator"))
        return client

    def test_are_found_by_the_beginning_of_their_digest(self, curator):
        scene = a_ready_scene(frames=2)
        wanted, other = (frame.cloud.digest for frame in scene.frames.select_related("cloud"))
        page = curator.get(reverse("admin:scenes_storedfile_changelist"), {"q": wanted[:12]}).content.decode()
        assert wanted in page
        assert other not in page

    def test_tell_where_they_are_used(self, curator):
        scene = a_ready_scene(name="used-01")
        file = scene.frames.get().cloud
        page = curator.get(reverse("admin:scenes_storedfile_change", args=[file.pk])).content.decode()
        assert "cloud of frame 000000.pcd in scene used-01" in page

    def test_cost_the_same_for_any_number(self, curator, django_assert_num_queries, django_assert_max_num_queries):
        address = reverse("admin:scenes_storedfile_changelist")
        a_ready_scene(name="one-01")
        curator.get(address)
        with django_assert_max_num_queries(12) as few:
            curator.get(address)
        a_ready_scene(name="two-01", frames=5)
        with django_assert_num_queries(len(few)):
            curator.get(address)

    def test_can_be_verified(self, curator):
        file = a_ready_scene().thumbnail
        given = {"action": "verify", "_selected_action": [file.pk]}
        answer = curator.post(reverse("admin:scenes_storedfile_changelist"), given, follow=True)
        assert "1 files are what they were" in answer.content.decode()
        file.refresh_from_db()
        assert file.verified_at is not None

    def test_can_be_seen_and_not_written(self, curator):
        file = a_ready_scene().thumbnail
        assert curator.get(reverse("admin:scenes_storedfile_add")).status_code == 403
        assert curator.post(reverse("admin:scenes_storedfile_delete", args=[file.pk])).status_code == 403
