"""The page of jobs: what runs, waits and failed, in words; retry and cancel for those who may."""

import re
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.urls import reverse
from django.utils import timezone

from lamm import job_rows as job_rows_module
from lamm.job_rows import for_rows, job_rows
from lamm.pages import jobs as page_of_jobs
from scenes import ingest, services
from scenes.models import Frame, FrameState, IngestJob, IngestKind, IngestState, Scene
from scenes.tests.factories import a_drive_folder, a_pcd, a_queued_job, a_ready_scene, an_ingested_scene

pytestmark = pytest.mark.django_db
SPACE = "\N{NO-BREAK SPACE}"


@pytest.fixture
def operator(client):
    user = User.objects.create_user("otto")
    user.groups.add(Group.objects.get(name="viewer"))
    user.user_permissions.add(Permission.objects.get(codename="change_ingestjob"))
    client.force_login(user)
    return client


def page(client, query="", **headers) -> str:
    response = client.get(reverse("jobs") + query, headers=headers)
    assert response.status_code == 200
    return re.sub(r"[ \n]+", " ", response.content.decode())


def a_running_job(*, name="running-01", handled=30, pending=70, seconds=10, silent=1) -> IngestJob:
    """A job that began `seconds` ago and has handled some of its frames."""
    scene, now = Scene.objects.create(name=name), timezone.now()
    Frame.objects.bulk_create([Frame(scene=scene, index=n, name=f"{n}.pcd") for n in range(pending)])
    return IngestJob.objects.create(
        scene=scene, state=IngestState.RUNNING, planned_frames=handled + pending,
        started_at=now - timedelta(seconds=seconds), heartbeat_at=now - timedelta(seconds=silent), attempts=1,
    )  # fmt: skip


def a_failed_job(tmp_path, *, name="broken-01") -> IngestJob:
    folder = a_drive_folder(tmp_path, name=name, frames=1)
    (folder / "000000.pcd").write_bytes(b"not a cloud")
    return an_ingested_scene(folder).ingest_jobs.get()


def row(job: IngestJob):
    (found,) = job_rows(for_rows(IngestJob.objects.filter(pk=job.pk)))
    return found


class TestWhoMayLook:
    def test_an_account_without_a_role_is_refused(self, client):
        client.force_login(User.objects.create_user("nora"))
        assert client.get(reverse("jobs")).status_code == 403

    def test_it_is_in_the_navigation(self, viewer):
        assert f'href="{reverse("jobs")}"' in page(viewer)


class TestWhatItSays:
    def test_without_jobs_how_to_begin(self, viewer):
        assert "manage.py ingest FOLDER" in page(viewer)

    def test_what_runs_with_how_far_how_fast_and_how_long(self, viewer, monkeypatch):
        job = a_running_job(handled=30, pending=70, seconds=10)
        ten_seconds_later = SimpleNamespace(now=lambda: job.started_at + timedelta(seconds=10))
        monkeypatch.setattr(job_rows_module, "timezone", ten_seconds_later)
        html = page(viewer)
        assert 'max="100" value="30"' in html
        assert "<strong>30</strong> of 100 frames" in html
        assert f"3.0{SPACE}frames/s" in html
        assert f"23{SPACE}s left" in html
        assert f"1{SPACE}s ago" in html
        assert "data-refreshing" in html

    def test_that_nobody_works_on_a_job_any_more(self, viewer, settings):
        a_running_job(silent=settings.INGEST_LEASE_SECONDS + 60)
        assert f"No sign of a worker for 2{SPACE}min" in page(viewer)

    def test_what_waits_and_for_whom(self, viewer, tmp_path):
        a_queued_job(a_drive_folder(tmp_path, name="next-01", frames=2), by=User.objects.create_user("olga"))
        html = page(viewer)
        for words in ("next-01", "Waiting for a worker", "2 frames", "by olga", "0 running, 1 waiting"):
            assert words in html

    def test_what_failed_and_why_with_the_way_to_its_frames(self, viewer, tmp_path):
        job = a_failed_job(tmp_path)
        html = page(viewer)
        assert job.problem in html
        assert f"/scenes/{job.scene_id}/?frames=quarantined#frames" in html
        assert "1 quarantined frame, see why" in html
        assert "data-refreshing" not in html

    def test_what_is_done_and_how_fast_it_was(self, viewer):
        scene = a_ready_scene(frames=4)
        start = timezone.now()
        scene.ingest_jobs.update(started_at=start, finished_at=start + timedelta(seconds=2))
        html = page(viewer)
        assert f"4 frames in 2.0{SPACE}s" in html
        assert f"2.0{SPACE}frames/s" in html

    def test_a_rebuild_of_pictures_counts_no_frames(self, viewer):
        job = a_running_job(pending=0, handled=0)
        IngestJob.objects.filter(pk=job.pk).update(kind=IngestKind.THUMBNAILS)
        html = page(viewer)
        assert '<progress class="progress" aria-label="Rebuild pictures of running-01">' in html


class TestProgress:
    def test_counts_from_the_frames_that_were_pending_at_the_start(self, tmp_path):
        folder = a_drive_folder(tmp_path, frames=5)
        an_ingested_scene(folder)
        (folder / "new.pcd").write_bytes(a_pcd(points=50))
        job = a_queued_job(folder)
        assert (row(job).handled, row(job).progress.total) == (0, 1)

    def test_a_reingest_begins_at_nothing(self):
        scene = a_ready_scene(frames=3)
        job = services.queue_job(scene=scene, kind=IngestKind.REINGEST, by=None)
        assert (row(job).handled, row(job).progress.total) == (0, 3)
        scene.frames.filter(index=0).update(state=FrameState.READY)
        assert row(job).handled == 1

    def test_says_no_speed_before_there_is_something_to_go_by(self):
        job = a_running_job(seconds=0, handled=1)
        assert (row(job).speed, row(job).seconds_left) == (None, None)

    def test_of_any_number_of_jobs_takes_one_query(self, django_assert_num_queries):
        for number in range(7):
            a_running_job(name=f"running-{number}", pending=3)
        jobs = list(for_rows(IngestJob.objects.all()))
        with django_assert_num_queries(1):
            rows = job_rows(jobs)
        assert [found.progress.total for found in rows] == [33] * 7


class TestTheList:
    def test_costs_the_same_for_any_number_of_jobs(
        self, viewer, django_assert_num_queries, django_assert_max_num_queries
    ):
        def more(number):
            a_ready_scene(name=f"done-{number}", frames=2)
            a_running_job(name=f"running-{number}", pending=2)

        more(0)
        page(viewer)
        with django_assert_max_num_queries(16) as few:
            page(viewer)
        for number in range(1, 5):
            more(number)
        with django_assert_num_queries(len(few)):
            page(viewer)

    def test_shows_what_runs_before_what_waits_in_the_order_asked(self, viewer, tmp_path):
        for name in ("first-01", "second-01"):
            a_queued_job(a_drive_folder(tmp_path, name=name, frames=1))
        a_running_job(name="third-01")
        html = page(viewer)
        assert html.index("third-01") < html.index("first-01") < html.index("second-01")

    def test_filters_by_state_kind_and_scene(self, viewer, tmp_path):
        a_failed_job(tmp_path, name="bad-one")
        scene = a_ready_scene(name="good-one")
        services.queue_job(scene=scene, kind=IngestKind.DISPLAY, by=None)
        expected = {
            "?state=failed": (True, False),
            "?state=queued": (False, True),
            "?state=failed&state=done": (True, True),
            "?kind=display": (False, True),
            "?search=BAD": (True, False),
            "?state=failed&search=good": (False, False),
        }
        for query, (bad, good) in expected.items():
            html = page(viewer, query)
            assert (">bad-one<" in html, ">good-one<" in html) == (bad, good), query
        assert "No job matches" in page(viewer, "?state=failed&search=good")

    def test_counts_each_state_within_the_other_filters(self, viewer, tmp_path):
        a_failed_job(tmp_path)
        a_ready_scene(name="good-one")
        assert '<b class="count tabular" id="count-failed">1</b>' in page(viewer)
        assert '<b class="count tabular" id="count-failed">0</b>' in page(viewer, "?search=good")

    def test_names_a_state_that_does_not_exist(self, viewer):
        assert "There is no state called “nonsense”" in page(viewer, "?state=nonsense")

    def test_pages_by_keys_that_new_jobs_do_not_shift(self, viewer, monkeypatch):
        monkeypatch.setattr(page_of_jobs, "ROWS", 2)
        for number in range(5):
            a_ready_scene(name=f"done-{number}")
        last = IngestJob.objects.get(scene__name="done-3")
        first = page(viewer)
        assert f"?before={last.pk}" in first
        a_ready_scene(name="done-new")
        second = page(viewer, f"?before={last.pk}")
        assert [f"done-{n}" in second for n in (4, 3, 2, 1, 0)] == [False, False, True, True, False]
        newest = IngestJob.objects.get(scene__name="done-2").pk
        assert f"?after={newest}" in second
        back = page(viewer, f"?after={newest}")
        assert [f">done-{n}<" in back for n in (4, 3, 2)] == [True, True, False]

    @pytest.mark.parametrize("query", ["?before=x", "?before=" + "9" * 40, "?after=-1", "?kind=nonsense"])
    def test_nonsense_in_the_address_breaks_nothing(self, viewer, query):
        a_ready_scene()
        page(viewer, query)


class TestFollowing:
    def test_asks_for_the_changing_part_only_and_stops_when_all_is_done(self, viewer, tmp_path):
        job = a_queued_job(a_drive_folder(tmp_path, frames=1))
        headers = {"HX-Request": "true", "HX-Trigger": "refresh"}
        polled = page(viewer, **headers)
        assert "data-refreshing" in polled
        assert "<form" not in polled
        assert 'id="count-queued" hx-swap-oob="true">1<' in polled
        ingest.work(job.pk)
        polled = page(viewer, **headers)
        assert "data-refreshing" not in polled
        assert 'id="count-done" hx-swap-oob="true">1<' in polled


class TestRetryAndCancel:
    def test_a_failed_job_is_tried_again_by_who_may(self, operator, tmp_path):
        job = a_failed_job(tmp_path)
        assert reverse("job-retry", args=[job.pk]) in page(operator)
        answer = operator.post(reverse("job-retry", args=[job.pk]), {"back": "state=failed&state=queued"})
        assert answer["Location"] == "/jobs/?state=failed&state=queued"
        queued = IngestJob.objects.get(state=IngestState.QUEUED)
        assert (queued.history.get().history_user.username, queued.history.get().door) == ("otto", "page")
        html = page(operator)
        assert f"Job {queued.pk} is queued" in html
        assert reverse("job-retry", args=[job.pk]) not in html, "only the last job of a scene can be tried again"

    def test_a_waiting_job_is_cancelled_by_who_may(self, operator, tmp_path):
        job = a_queued_job(a_drive_folder(tmp_path, frames=2))
        assert reverse("job-cancel", args=[job.pk]) in page(operator)
        assert operator.post(reverse("job-cancel", args=[job.pk]))["Location"] == "/jobs/"
        job.refresh_from_db()
        assert (job.state, job.history.first().history_user.username) == (IngestState.CANCELLED, "otto")
        assert "Cancelled, 0 of 2 frames were handled" in page(operator)

    @pytest.mark.parametrize("way", ["job-retry", "job-cancel"])
    def test_who_may_only_look_is_offered_nothing_and_refused(self, viewer, tmp_path, way):
        failed = a_failed_job(tmp_path)
        active = a_queued_job(a_drive_folder(tmp_path, frames=1))
        assert "/retry/" not in page(viewer)
        assert "/cancel/" not in page(viewer)
        for job in (failed, active):
            assert viewer.post(reverse(way, args=[job.pk])).status_code == 403
        assert IngestJob.objects.count() == 2
        active.refresh_from_db()
        assert active.state == IngestState.QUEUED

    def test_a_way_back_never_leaves_the_site(self, operator, tmp_path):
        job = a_queued_job(a_drive_folder(tmp_path, frames=1))
        answer = operator.post(reverse("job-cancel", args=[job.pk]), {"back": "https://evil.example/"})
        assert answer["Location"].startswith("/jobs/")

    def test_changes_only_by_post(self, operator, tmp_path):
        job = a_queued_job(a_drive_folder(tmp_path, frames=1))
        assert operator.get(reverse("job-cancel", args=[job.pk])).status_code == 405
