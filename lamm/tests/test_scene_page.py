"""The page of one scene: every known fact, frames, jobs and history, in words."""

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from lamm.history import scene_history
from lamm.pages.scene import TABS, shared_warnings
from lamm.scene_files import reference
from scenes.models import Drive, Frame, FrameState, IngestState, LabelingStatus, PositionState, Scene
from scenes.storage import key
from scenes.tests.factories import a_drive_folder, a_labelled_scene, a_queued_job, a_ready_scene, an_ingested_scene

pytestmark = pytest.mark.django_db


def page(client, scene, query="") -> str:
    response = client.get(reverse("scene", args=[scene.pk]) + query)
    assert response.status_code == 200
    return response.content.decode()


def test_an_account_without_a_role_is_refused(client):
    scene = Scene.objects.create(name="secret")
    client.force_login(User.objects.create_user("nora"))
    assert client.get(reverse("scene", args=[scene.pk])).status_code == 403


def test_a_scene_that_is_not_there_is_not_found_in_words(viewer):
    response = viewer.get(reverse("scene", args=[99]))
    assert response.status_code == 404
    assert "There is nothing at this address" in response.content.decode()


class TestFacts:
    def test_an_ingested_scene(self, viewer):
        scene = a_ready_scene(frames=3, points=400, tags=("rain",), drive="monday", rate_hz=10)
        html = page(viewer, scene)
        for words in ("1,200", "0.2\N{NO-BREAK SPACE}s", "monday", "rain", "Bird&#x27;s-eye", "intensity"):
            assert words.replace("&#x27;", "'") in html
        assert reverse("scene-thumbnail", args=[scene.pk, scene.thumbnail.digest]) in html

    def test_a_scene_without_anything_says_what_is_unknown(self, viewer):
        html = page(viewer, Scene.objects.create(name="bare"))
        for words in ("There is no picture", "unknown", "came without positions", "No ingest job"):
            assert words in html

    def test_a_known_position_leads_to_a_map(self, viewer):
        scene = Scene.objects.create(
            name="here", position_state=PositionState.KNOWN, start_latitude=49.0, start_longitude=8.4,
            end_latitude=49.0, end_longitude=8.4,
        )  # fmt: skip
        assert page(viewer, scene).count("openstreetmap.org") == 2  # the button, and one place: start is end

    def test_the_way_into_the_admin_is_for_staff(self, viewer, admin_client):
        scene = Scene.objects.create(name="bare")
        way = reverse("admin:scenes_scene_change", args=[scene.pk])
        assert way not in page(viewer, scene)
        assert way in page(admin_client, scene)


class TestFrames:
    def test_each_offers_its_original(self, viewer):
        scene = a_ready_scene(frames=2)
        html = page(viewer, scene)
        for frame in scene.frames.select_related("cloud"):
            assert reverse("frame-cloud", args=[frame.pk, frame.cloud.digest]) in html

    def test_a_quarantined_one_says_why_in_place(self, viewer, tmp_path):
        folder = a_drive_folder(tmp_path, frames=2)
        (folder / "000009.pcd").write_bytes(b"no cloud")
        scene = an_ingested_scene(folder)
        html = page(viewer, scene)
        problem = scene.frames.get(state=FrameState.QUARANTINED).problem
        assert problem.split("'")[0] in html
        assert "+ 1 quarantined" in html

    def test_can_be_narrowed_to_one_state(self, viewer, tmp_path):
        folder = a_drive_folder(tmp_path, frames=2)
        (folder / "000009.pcd").write_bytes(b"no cloud")
        html = page(viewer, an_ingested_scene(folder), "?frames=quarantined")
        assert "000009.pcd" in html
        assert "000001.pcd</td>" not in html

    def test_come_in_pages_of_a_hundred(self, viewer):
        scene = Scene.objects.create(name="long")
        Frame.objects.bulk_create(Frame(scene=scene, index=n, name=f"{n:04d}.pcd") for n in range(250))
        html = page(viewer, scene, "?page=3")
        assert "0249.pcd" in html
        assert "0199.pcd" not in html
        assert "201–250 of 250" in html  # noqa: RUF001
        assert "201–250 of 250" in page(viewer, scene, "?page=99")  # noqa: RUF001

    def test_a_warning_of_all_frames_is_said_once(self):
        def frame(*warnings):
            return Frame(state=FrameState.READY, warnings=list(warnings))

        assert shared_warnings([frame("zero", "far"), frame("zero")]) == ["zero"]
        assert shared_warnings([frame("zero"), frame()]) == []
        assert shared_warnings([frame("zero"), Frame(state=FrameState.QUARANTINED)]) == []

    def test_names_the_stored_references_of_raw_and_label_files(self, viewer):
        scene = a_labelled_scene(frames=2)
        html = page(viewer, scene)
        for labels in scene.label_sets.get().frames.select_related("frame__cloud", "original"):
            assert reference(labels.frame.cloud) in html
            assert reference(labels.original) in html
            assert reverse("frame-label-file", args=[labels.pk, labels.original.digest]) in html

    def test_cost_as_many_queries_with_labels_for_many_as_for_few(self, viewer, django_assert_num_queries):
        few, many = a_labelled_scene(name="few", frames=1), a_labelled_scene(name="many", frames=6)
        page(viewer, few)
        with CaptureQueriesContext(connection) as queries:
            page(viewer, few)
        with django_assert_num_queries(len(queries)):
            page(viewer, many)


class TestFilesOfAFrame:
    def test_raw_and_label_files_come_with_reference_size_and_address(self, viewer):
        scene = a_labelled_scene(frames=1)
        frame, labels = scene.frames.get(), scene.label_sets.get().frames.get()
        told = viewer.get(reverse("frame-files", args=[frame.pk])).json()
        assert told["raw"]["reference"] == f"originals/{key(frame.cloud.digest)}"
        assert b"".join(viewer.get(told["raw"]["url"])) == frame.cloud.read()
        (label_file,) = told["labels"]
        assert (label_file["title"], label_file["digest"]) == ("v1", labels.original.digest)
        answer = viewer.get(label_file["url"])
        assert b"".join(answer) == labels.original.read()
        assert "immutable" in answer["Cache-Control"]

    def test_a_frame_without_a_file_has_none(self, viewer):
        frame = Frame.objects.create(scene=Scene.objects.create(name="bare"), index=0, name="a.pcd")
        assert viewer.get(reverse("frame-files", args=[frame.pk])).json() == {"raw": None, "labels": []}

    def test_an_old_digest_is_not_found(self, viewer):
        labels = a_labelled_scene(frames=1).label_sets.get().frames.get()
        assert viewer.get(reverse("frame-label-file", args=[labels.pk, "0" * 64])).status_code == 404


class TestThePanel:
    @pytest.mark.parametrize(
        ("query", "tab"),
        [("", "facts"), ("?tab=history", "history"), ("?frames=ready", "frames"), ("?page=2&tab=labels", "labels"),
         ("?tab=nosuch", "facts")],
    )  # fmt: skip
    def test_opens_at_the_tab_of_the_address(self, viewer, query, tab):
        html = page(viewer, a_ready_scene(), query)
        for name in TABS:
            opened = f'id="panel-{name}" aria-labelledby="tab-{name}" tabindex="0" >' in html
            assert opened == (name == tab)

    def test_the_script_starts_from_what_this_person_may_do(self, viewer, client):
        scene = Scene.objects.create(name="bare")
        told = viewer.get(reverse("scene", args=[scene.pk])).context["page_facts"]
        assert (told["playback"], told["mayComment"]) == (reverse("scene-playback", args=[scene.pk]), False)
        labeler = User.objects.create_user("lara")
        labeler.groups.add(Group.objects.get(name="labeler"))
        client.force_login(labeler)
        response = client.get(reverse("scene", args=[scene.pk]))
        assert response.context["page_facts"]["mayComment"]
        assert "data-comment-form" in response.content.decode()


class TestIngestion:
    def test_a_running_one_refreshes_the_page(self, viewer, tmp_path):
        job = a_queued_job(a_drive_folder(tmp_path))
        html = page(viewer, job.scene)
        assert 'hx-trigger="every 3s"' in html
        assert "Ingesting: Waiting for a worker" in html

    def test_a_failed_one_names_the_problem_and_the_remedy(self, admin_client, tmp_path):
        job = a_queued_job(a_drive_folder(tmp_path))
        job.finish(IngestState.FAILED, "No frame could be read.")
        job.save()
        html = page(admin_client, job.scene)
        assert "No frame could be read." in html
        assert "retry the job" in html
        assert "every 3s" not in html


class TestHistory:
    def test_tells_what_changed_from_what_to_what_and_by_whom(self, viewer, admin_user):
        scene = Scene.objects.create(name="city", drive=Drive.objects.create(name="monday"))
        scene.status, scene.labeler = LabelingStatus.IN_PROGRESS, admin_user
        scene._history_user, scene._change_reason = admin_user, "Assigned for March"
        scene.save()
        entries, goes_on = scene_history(scene)
        assert [entry.what for entry in entries] == ["2 facts changed", "Scene created"]
        told = [(change.label, change.before, change.after) for change in entries[0].changes]
        assert told == [("Labeling status", "Unlabeled", "In Progress"), ("Labeler", "–", "admin")]  # noqa: RUF001
        assert entries[0].by.startswith("by admin")
        assert entries[0].reason == "Assigned for March"
        assert not goes_on
        assert "Assigned for March" in page(viewer, scene)

    def test_tags_are_part_of_it(self):
        scene = Scene.objects.create(name="city")
        scene.tags.add("rain")
        scene.tags.remove("rain")
        entries, _ = scene_history(scene)
        assert [entry.what for entry in entries] == [
            "Tag “rain” removed",
            "Tag “rain” added",
            "Scene created",
        ]

    def test_a_drive_that_is_gone_is_still_told(self):
        scene = Scene.objects.create(name="city", drive=Drive.objects.create(name="monday"))
        gone = scene.drive
        scene.drive = None
        scene.save()
        gone.delete()
        entries, _ = scene_history(scene)
        assert "since removed" in entries[0].changes[0].before

    def test_is_bounded_and_says_that_it_goes_on(self):
        scene = Scene.objects.create(name="city")
        for number in range(8):
            scene.notes = str(number)
            scene.save()
        entries, goes_on = scene_history(scene, limit=5)
        assert [entry.changes[0].after for entry in entries] == ["7", "6", "5", "4", "3"]
        assert goes_on

    def test_costs_as_many_queries_for_many_rows_as_for_few(self, admin_user, django_assert_num_queries):
        scene = Scene.objects.create(name="city")
        for number in range(2):
            scene.labeler, scene.notes = admin_user, str(number)
            scene.drive = Drive.objects.create(name=f"drive {number}")
            scene.save()
        with django_assert_num_queries(5):
            scene_history(scene)
        for number in range(2, 12):
            scene.drive = Drive.objects.create(name=f"drive {number}")
            scene.save()
        with django_assert_num_queries(5):
            scene_history(scene)
