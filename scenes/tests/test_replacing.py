"""A better file for a quarantined frame: by service, command and API."""

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command

from scenes import ingest, services, storage
from scenes.clouds.cloud import CloudError
from scenes.errors import ConflictError
from scenes.models import FrameState, IngestState, StoredFile
from scenes.tests.factories import a_drive_folder, a_pcd, an_ingested_scene

pytestmark = pytest.mark.django_db


@pytest.fixture
def scene(tmp_path):
    folder = a_drive_folder(tmp_path, name="mended-01", frames=2, points=100)
    (folder / "bad.pcd").write_bytes(b"not a cloud")
    return an_ingested_scene(folder)


@pytest.fixture
def bad(scene):
    return scene.frames.get(state=FrameState.QUARANTINED)


class TestReplacing:
    def test_brings_the_frame_in_and_leaves_the_others_alone(self, scene, bad):
        others = list(scene.frames.exclude(pk=bad.pk).values())
        job = services.replace_frame(frame=bad, data=a_pcd(points=70), by=None)
        assert job.planned_frames == 1
        ingest.work(job.pk)
        bad.refresh_from_db()
        scene.refresh_from_db()
        assert (bad.state, bad.name, bad.point_count) == (FrameState.READY, "bad.pcd", 70)
        assert (scene.frame_count, scene.quarantined_count) == (3, 0)
        assert list(scene.frames.exclude(pk=bad.pk).values()) == others

    def test_is_on_record_with_name_and_digest(self, scene, bad):
        person = User.objects.create_user("olga")
        services.replace_frame(frame=bad, data=a_pcd(points=70), by=person)
        row = scene.history.first()
        bad.refresh_from_db()
        assert row.history_user == person
        assert row.history_change_reason == f"File of frame bad.pcd replaced: bad.pcd, sha256 {bad.cloud.digest}"

    def test_takes_a_file_that_is_stored_already(self, bad):
        stored = StoredFile.objects.row_for(storage.save_bytes(a_pcd(points=33), storage=storage.ORIGINALS))
        ingest.work(services.replace_frame(frame=bad, data=stored, by=None).pk)
        bad.refresh_from_db()
        assert (bad.cloud, bad.point_count) == (stored, 33)

    def test_by_another_bad_file_is_quarantined_again(self, bad):
        ingest.work(services.replace_frame(frame=bad, data=b"no cloud either", by=None).pk)
        bad.refresh_from_db()
        assert bad.state == FrameState.QUARANTINED

    def test_of_a_ready_frame_is_refused(self, scene):
        with pytest.raises(ConflictError, match="only the file of a quarantined frame"):
            services.replace_frame(frame=scene.frames.get(index=0), data=a_pcd(), by=None)

    def test_while_a_job_is_active_is_refused(self, scene, bad):
        services.queue_job(scene=scene, kind="thumbnails", by=None)
        with pytest.raises(ConflictError, match="is not done"):
            services.replace_frame(frame=bad, data=a_pcd(), by=None)

    def test_by_a_name_that_is_taken_is_refused(self, bad):
        with pytest.raises(ValidationError, match=r"already exists|violated"):
            services.replace_frame(frame=bad, data=a_pcd(), name="000000.pcd", by=None)
        bad.refresh_from_db()
        assert bad.state == FrameState.QUARANTINED

    def test_by_an_unknown_kind_of_file_is_refused(self, bad):
        with pytest.raises(CloudError, match="not supported"):
            services.replace_frame(frame=bad, data=b"x", name="bad.docx", by=None)


class TestTheCommand:
    def test_takes_scene_frame_and_file(self, bad, tmp_path, capsys):
        (tmp_path / "better.pcd").write_bytes(a_pcd(points=70))
        call_command("replace_frame", "mended-01", "bad.pcd", str(tmp_path / "better.pcd"))
        bad.refresh_from_db()
        assert (bad.state, bad.name) == (FrameState.PENDING, "bad.pcd")
        assert "queued" in capsys.readouterr().out

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (("mended-01", "no.pcd", "better.pcd"), "no frame no.pcd"),
            (("mended-01", "bad.pcd", "nowhere.pcd"), "can't be read"),
            (("mended-01", "000000.pcd", "better.pcd"), "only the file of a quarantined"),
        ],
    )
    def test_says_what_is_wrong(self, bad, tmp_path, arguments, words):
        (tmp_path / "better.pcd").write_bytes(a_pcd(points=70))
        *names, file = arguments
        with pytest.raises(CommandError, match=words):
            call_command("replace_frame", *names, str(tmp_path / file))


class TestTheApi:
    @pytest.fixture
    def script(self, client):
        client.force_login(User.objects.create_superuser("script"))
        return client

    def test_quarantined_frames_are_found_with_their_problem(self, script, bad):
        (row,) = script.get("/api/frames/?state=quarantined").json()["results"]
        assert (row["id"], row["problem"]) == (bad.pk, bad.problem)

    def test_takes_a_better_file(self, script, bad):
        answer = script.post(f"/api/frames/{bad.pk}/replace/", {"file": SimpleUploadedFile("b.pcd", a_pcd(points=70))})
        assert (answer.status_code, answer.json()["state"]) == (202, "queued")
        ingest.work(answer.json()["id"])
        bad.refresh_from_db()
        assert (bad.state, bad.point_count) == (FrameState.READY, 70)

    def test_refuses_what_it_does_not_know(self, script, bad):
        given = {"file": SimpleUploadedFile("b.pcd", a_pcd()), "colour": "red"}
        answer = script.post(f"/api/frames/{bad.pk}/replace/", given)
        assert answer.status_code == 400
        assert "colour" in str(answer.json())
        assert script.post(f"/api/frames/{bad.pk}/replace/", {}).status_code == 400

    def test_answers_a_conflict_for_a_ready_frame(self, script, scene):
        frame = scene.frames.get(index=0)
        answer = script.post(f"/api/frames/{frame.pk}/replace/", {"file": SimpleUploadedFile("b.pcd", a_pcd())})
        assert answer.status_code == 409
        assert "quarantined" in answer.json()["detail"]

    def test_reads_a_scene_again(self, script, scene):
        answer = script.post(f"/api/scenes/{scene.pk}/reingest/")
        assert (answer.status_code, answer.json()["kind"], answer.json()["planned_frames"]) == (202, "reingest", 3)

    def test_retries_and_cancels(self, script, scene):
        job = scene.ingest_jobs.get()
        again = script.post(f"/api/ingest-jobs/{job.pk}/retry/")
        assert (again.status_code, again.json()["state"]) == (202, "queued")
        cancelled = script.post(f"/api/ingest-jobs/{again.json()['id']}/cancel/")
        assert cancelled.json()["state"] == IngestState.CANCELLED
        assert scene.ingest_jobs.get(pk=again.json()["id"]).history.first().door == "api"

    def test_refuses_fields_where_the_address_says_all(self, script, scene):
        answer = script.post(f"/api/scenes/{scene.pk}/reingest/", {"force": True}, content_type="application/json")
        assert answer.status_code == 400
        assert "force" in answer.json()["detail"]

    @pytest.mark.parametrize("way", ["ingest-jobs/{job}/retry", "ingest-jobs/{job}/cancel", "scenes/{scene}/reingest"])
    def test_who_may_only_look_is_refused(self, client, scene, way):
        from django.contrib.auth.models import Group

        viewer = User.objects.create_user("vera")
        viewer.groups.add(Group.objects.get(name="viewer"))
        client.force_login(viewer)
        address = f"/api/{way.format(job=scene.ingest_jobs.get().pk, scene=scene.pk)}/"
        assert client.post(address).status_code == 403
        assert scene.ingest_jobs.count() == 1

    def test_lists_filter_jobs_by_state_kind_and_scene(self, script, scene):
        services.queue_job(scene=scene, kind="thumbnails", by=None)
        addresses = {
            "state=queued": 1,
            "state=queued&state=done": 2,
            "kind=thumbnails": 1,
            "search=mended": 2,
            "search=no": 0,
        }
        for query, count in addresses.items():
            assert len(script.get(f"/api/ingest-jobs/?{query}").json()["results"]) == count
        assert script.get("/api/ingest-jobs/?state=nonsense").status_code == 400
