"""Uploads through the API: from opening to the scene, and every other end."""

import json
from datetime import timedelta

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from scenes import ingest, uploads
from scenes.models import IngestJob, Scene, StoredFile, Upload, UploadedFile, UploadState
from scenes.tests.factories import a_pcd
from scenes.tests.senders import Sender, an_uploader, pieces, sha256

pytestmark = pytest.mark.django_db


@pytest.fixture
def sender(db) -> Sender:
    return Sender(an_uploader())


class TestAWholeUpload:
    def test_becomes_a_scene_with_its_frames_in_playing_order(self, sender):
        upload = sender.open(drive="log-7", tags=["rain"], rate_hz=10)
        for name in ("frame10.pcd", "frame9.pcd"):
            data = a_pcd(points=300, seed=len(name))
            assert sender.sent(upload, name, data, sha256=sha256(data))["state"] == "complete"
        answer = sender.post(f"{upload}/commit/")
        assert answer.status_code == 200
        ingest.work(answer.json()["job"])
        scene = Scene.objects.get(name="city-drive-01")
        assert [frame.name for frame in scene.frames.all()] == ["frame9.pcd", "frame10.pcd"]
        assert (scene.frame_count, scene.point_count, scene.drive.name) == (2, 600, "log-7")
        assert list(scene.tags.names()) == ["rain"]
        told = sender.client.get(f"/api/uploads/{upload}/ingest/").json()
        assert (told["state"], told["scene"], told["quarantined"]) == ("done", scene.pk, 0)

    def test_tells_which_frames_are_quarantined_and_why(self, sender):
        upload = sender.open()
        sender.sent(upload, "000000.pcd", a_pcd())
        sender.sent(upload, "000001.pcd", b"this is no point cloud")
        ingest.work(sender.post(f"{upload}/commit/").json()["job"])
        (problem,) = sender.client.get(f"/api/uploads/{upload}/ingest/").json()["problems"]
        assert problem["name"] == "000001.pcd"
        assert problem["problem"]

    def test_is_committed_once_however_often_it_is_asked_for(self, sender):
        upload = sender.open()
        sender.sent(upload, "000000.pcd", a_pcd())
        first, second = sender.post(f"{upload}/commit/"), sender.post(f"{upload}/commit/")
        assert first.json()["job"] == second.json()["job"]
        assert IngestJob.objects.count() == 1

    def test_keeps_the_bytes_as_they_came_and_no_piece(self, sender, settings, django_capture_on_commit_callbacks):
        settings.UPLOAD_PIECE_BYTES = 1000
        upload, data = sender.open(), a_pcd(points=400)
        with django_capture_on_commit_callbacks(execute=True):
            sender.sent(upload, "000000.pcd", data)
        assert UploadedFile.objects.get().file.read() == data
        assert pieces(upload) == []

    def test_with_times_beside_the_frames_has_them(self, sender):
        upload = sender.open()
        sender.sent(upload, "a.pcd", a_pcd(seed=1))
        sender.sent(upload, "b.pcd", a_pcd(seed=2))
        sender.sent(upload, "times.txt", b"0.0\n0.5\n")
        ingest.work(sender.post(f"{upload}/commit/").json()["job"])
        assert Scene.objects.get().duration_seconds == pytest.approx(0.5)

    def test_is_audited(self, sender):
        upload = Upload.objects.get(pk=sender.open())
        record = upload.history.get()
        assert (record.history_user, record.door, record.history_change_reason) == (sender.person, "api", "Opened")


class TestAnUploadThatIsNotWhole:
    def test_is_not_committed_and_the_missing_files_are_named(self, sender):
        upload = sender.open()
        sender.sent(upload, "000000.pcd", a_pcd())
        sender.declared(upload, "000001.pcd", a_pcd(seed=1))
        answer = sender.post(f"{upload}/commit/")
        assert answer.status_code == 409
        assert answer.json()["files"] == ["000001.pcd"]
        assert "000001.pcd" in answer.json()["detail"]
        assert Upload.objects.get().state == UploadState.OPEN

    def test_is_committed_when_the_missing_file_is_left_out(self, sender):
        upload = sender.open()
        sender.sent(upload, "000000.pcd", a_pcd())
        file = sender.declared(upload, "000001.pcd", a_pcd(seed=1))
        assert sender.client.delete(f"/api/uploads/{upload}/files/{file['id']}/").status_code == 204
        assert sender.post(f"{upload}/commit/").status_code == 200

    @pytest.mark.parametrize("names", [[], ["times.txt", "gps.csv"]])
    def test_without_a_cloud_is_not_committed(self, sender, names):
        upload = sender.open()
        for name in names:
            sender.sent(upload, name, b"0.0\n")
        assert sender.post(f"{upload}/commit/").status_code == 409

    def test_with_bad_times_stays_open_so_that_they_can_be_mended(self, sender):
        upload = sender.open()
        sender.sent(upload, "000000.pcd", a_pcd())
        sender.sent(upload, "times.txt", b"1.0\n2.0\n3.0\n")
        assert sender.post(f"{upload}/commit/").status_code == 400
        sender.sent(upload, "times.txt", b"1.0\n")
        assert sender.post(f"{upload}/commit/").status_code == 200


class TestWhoseUploadItIs:
    def test_nobody_else_finds_it(self, sender):
        upload, stranger = sender.open(), Sender(an_uploader("eve"))
        file = sender.declared(upload, "a.pcd", b"abc")
        assert stranger.client.get(f"/api/uploads/{upload}/").status_code == 404
        assert stranger.client.get(f"/api/uploads/{upload}/files/").status_code == 404
        assert stranger.declare(upload, {"name": "b.pcd", "size": 3}).status_code == 404
        assert stranger.put(upload, file["id"], 0, b"abc").status_code == 404
        assert stranger.post(f"{upload}/commit/").status_code == 404
        assert stranger.client.delete(f"/api/uploads/{upload}/").status_code == 404
        assert stranger.client.get("/api/uploads/").json()["results"] == []
        own = stranger.open()
        assert stranger.put(own, file["id"], 0, b"abc").status_code == 404

    def test_a_superuser_finds_all(self, sender):
        upload = sender.open()
        root = Sender(User.objects.create_superuser("root"))
        assert root.client.get(f"/api/uploads/{upload}/").json()["owner"] == "ada"

    def test_an_account_without_the_permission_opens_none(self):
        member = Sender(User.objects.create_user("member"))
        assert member.post("", {"scene_name": "a"}).status_code == 403

    def test_a_session_needs_its_csrf_token(self, sender):
        strict = Client(enforce_csrf_checks=True)
        strict.force_login(sender.person)
        answer = strict.post("/api/uploads/", json.dumps({"scene_name": "a"}), content_type="application/json")
        assert answer.status_code == 403


class TestOpening:
    @pytest.mark.parametrize("wishes", [
        {"scene_name": ""}, {"scene_name": "a\tb"}, {"scene_name": "x" * 201}, {"scene_name": "a", "rate_hz": 0},
        {"scene_name": "a", "rate_hz": "nan"}, {"scene_name": "a", "rate_hz": "inf"}, {"scene_name": "a", "sene": 1},
        {"scene_name": "a", "format": "excel"}, {"scene_name": "a", "captured_at": "tomorrow"}, {},
    ])  # fmt: skip
    def test_bad_wishes_are_refused(self, sender, wishes):
        answer = sender.post("", wishes)
        assert answer.status_code == 400
        assert isinstance(answer.json(), dict)
        assert Upload.objects.count() == 0

    def test_the_list_finds_an_open_upload_of_a_scene(self, sender):
        sender.open("one")
        two = sender.open("two")
        found = sender.client.get("/api/uploads/?state=open&scene_name=two").json()["results"]
        assert [row["id"] for row in found] == [two]

    def test_lists_cost_the_same_for_any_number_of_rows(self, sender):
        def cost(address: str) -> int:
            with CaptureQueriesContext(connection) as queries:
                sender.client.get(address)
            return len(queries)

        upload = sender.open("a")
        sender.sent(upload, "a.pcd", a_pcd())
        before = cost("/api/uploads/"), cost(f"/api/uploads/{upload}/files/")
        for number in range(3):
            sender.open(f"b{number}")
            sender.sent(upload, f"{number}.pcd", a_pcd(seed=number))
        assert (cost("/api/uploads/"), cost(f"/api/uploads/{upload}/files/")) == before


class TestEnding:
    def test_abandoning_drops_what_came_in(self, sender, django_capture_on_commit_callbacks):
        upload = sender.open()
        file = sender.declared(upload, "a.pcd", b"x" * 20)
        sender.put(upload, file["id"], 0, b"x" * 10)
        with django_capture_on_commit_callbacks(execute=True):
            assert sender.client.delete(f"/api/uploads/{upload}/").status_code == 204
        assert pieces(upload) == []
        assert Upload.objects.get().state == UploadState.ABANDONED
        assert sender.declare(upload, {"name": "b.pcd", "size": 3}).status_code == 409
        assert sender.post(f"{upload}/commit/").status_code == 409
        assert sender.client.delete(f"/api/uploads/{upload}/").status_code == 204

    def test_a_committed_upload_takes_no_more_files_and_is_not_abandoned(self, sender):
        upload = sender.open()
        sender.sent(upload, "a.pcd", a_pcd())
        sender.post(f"{upload}/commit/")
        assert sender.declare(upload, {"name": "b.pcd", "size": 3}).status_code == 409
        assert sender.client.delete(f"/api/uploads/{upload}/").status_code == 409

    def test_the_sweep_abandons_only_what_nobody_touched(self, sender, django_capture_on_commit_callbacks):
        old, fresh = sender.open("old"), sender.open("fresh")
        for upload in (old, fresh):
            file = sender.declared(upload, "a.pcd", b"x" * 20)
            sender.put(upload, file["id"], 0, b"x" * 10)
        age(old)
        with django_capture_on_commit_callbacks(execute=True):
            uploads.sweep()
        assert Upload.objects.get(pk=old).state == UploadState.ABANDONED
        assert Upload.objects.get(pk=fresh).state == UploadState.OPEN
        assert (pieces(old), len(pieces(fresh))) == ([], 1)

    def test_the_sweep_removes_what_a_dead_process_left_behind(self, sender):
        upload = Upload.objects.get(pk=sender.open())
        file = sender.declared(upload.pk, "a.pcd", b"x" * 20)
        sender.put(upload.pk, file["id"], 0, b"x" * 10)
        upload.state = UploadState.ABANDONED
        upload.save()
        uploads.sweep()
        assert pieces(upload.pk) == []

    def test_the_sweep_lets_go_of_the_bytes_of_old_committed_uploads(self, sender):
        upload = sender.open()
        sender.sent(upload, "a.pcd", a_pcd())
        sender.post(f"{upload}/commit/")
        age(upload)
        uploads.sweep()
        assert UploadedFile.objects.count() == 0
        assert Upload.objects.get().state == UploadState.COMMITTED
        assert StoredFile.objects.exists()


def age(upload: int) -> None:
    long_ago = timezone.now() - timedelta(days=settings.UPLOAD_KEEP_DAYS, hours=1)
    Upload.objects.filter(pk=upload).update(updated_at=long_ago)
