"""Exports as jobs, by command and by API: at once or by a worker, retried, cancelled, expired; the same bytes."""

import hashlib
import json
from datetime import timedelta
from io import BytesIO

import numpy as np
import pyarrow.parquet
import pytest
from django.core.files.storage import storages
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from datasets import services, tasks
from datasets.exports import archive, formats, places
from datasets.exports.entries import Entry, folder_name
from datasets.models import DatasetExport, ExportState
from datasets.services import exporting
from datasets.tests.exported import a_recorded_version, tree, unpacked
from datasets.tests.stories import a_draft, a_person, an_ontology, label, some_scenes
from datasets.tests.test_freezing import frozen
from scenes import storage
from scenes.errors import ConflictError, NotAllowedError, RefusedError
from scenes.models import Frame, Scene, StoredFile

pytestmark = pytest.mark.django_db


@pytest.fixture
def carla():
    return a_person()


@pytest.fixture
def version(tmp_path, carla):
    return a_recorded_version(tmp_path / "recorded", carla)


@pytest.fixture
def large(monkeypatch):
    """Everything is too large to be made while it is downloaded."""
    monkeypatch.setattr(exporting, "DIRECT_FRAMES", 1)


@pytest.fixture
def place(settings, tmp_path):
    folder = tmp_path / "handover"
    one = {"BACKEND": "scenes.storage.AtomicFileSystemStorage", "OPTIONS": {"location": str(folder), "fsync": False}}
    settings.STORAGES = settings.STORAGES | {"export-handover": one}
    return folder


def ask(version, by, form="semantic-kitti", **wishes) -> DatasetExport:
    return services.request_export(version=version, form=form, by=by, **wishes)


def worked(export) -> DatasetExport:
    tasks.work_on_dataset_export(export.pk)
    export.refresh_from_db()
    return export


def downloaded(client, export) -> bytes:
    answer = client.get(f"/files/dataset-exports/{export.pk}/")
    assert answer.status_code == 200, answer.content
    return b"".join(answer.streaming_content)


class TestJobs:
    def test_a_small_one_is_ready_at_once_and_downloads_as_the_command_writes_it(
        self, version, carla, client, tmp_path
    ):
        export = ask(version, carla)
        assert (export.state, export.total, export.owner) == (ExportState.DIRECT, 5, carla)
        client.force_login(carla)
        call_command("export_dataset", str(version), "--format=semantic-kitti", f"--archive={tmp_path}/x.tar", "-v0")
        data = downloaded(client, export)
        assert data == (tmp_path / "x.tar").read_bytes()
        call_command("export_dataset", str(version), "--format=semantic-kitti", f"--to={tmp_path}/x", "-v0")
        name = formats.name(version, "semantic-kitti")
        assert unpacked(data) == {f"{name}/{path}": data for path, data in tree(tmp_path / "x").items()}
        assert not StoredFile.objects.filter(dataset_exports__isnull=False).exists()

    def test_a_large_one_is_written_by_a_worker_and_has_the_same_bytes(self, version, carla, client, large):
        export = ask(version, carla)
        assert export.state == ExportState.QUEUED
        client.force_login(carla)
        assert client.get(f"/files/dataset-exports/{export.pk}/").status_code == 409
        worked(export)
        assert (export.state, export.done, export.problem) == (ExportState.DONE, 5, "")
        data = downloaded(client, export)
        assert data == b"".join(exporting.pieces(export))
        assert export.byte_count == len(data) == export.file.size
        assert hashlib.sha256(data).hexdigest() == export.file.digest
        part = client.get(f"/files/dataset-exports/{export.pk}/", headers={"Range": "bytes=512-1023"})
        assert (part.status_code, b"".join(part.streaming_content)) == (206, data[512:1024])
        again = client.get(f"/files/dataset-exports/{export.pk}/", headers={"If-None-Match": f'"{export.file.digest}"'})
        assert again.status_code == 304

    def test_the_same_again_is_the_same_row_until_it_has_ended(self, version, carla, large):
        first = ask(version, carla)
        assert ask(version, a_person("eda", "engineer")) == first
        services.cancel_export(export=first, by=carla)
        second = ask(version, carla)
        assert second != first
        with pytest.raises(IntegrityError), transaction.atomic():
            DatasetExport.objects.create(version=version, format="semantic-kitti")

    def test_an_export_whose_worker_was_killed_is_begun_anew(self, version, carla, large, monkeypatch):
        export = ask(version, carla)
        killed = exporting._take(export.pk)
        woken = []
        monkeypatch.setattr(exporting, "wake", woken.append)
        tasks.wake_stuck_dataset_exports()
        assert woken == []  # it may still be alive
        assert exporting._take(export.pk) is None
        DatasetExport.objects.update(heartbeat_at=timezone.now() - exporting.LEASE - timedelta(seconds=1))
        tasks.wake_stuck_dataset_exports()
        assert woken == [export.pk]
        worked(export)
        assert (export.state, export.attempts) == (ExportState.DONE, 2)
        exporting._finish(killed, ExportState.FAILED, problem="late")  # what the first one says counts no more
        export.refresh_from_db()
        assert export.state == ExportState.DONE

    def test_one_that_breaks_again_and_again_ends(self, version, carla, large):
        export = ask(version, carla)
        DatasetExport.objects.update(attempts=exporting.MOST_ATTEMPTS)
        worked(export)
        assert export.state == ExportState.FAILED
        assert "broke 3 times" in export.problem

    def test_a_cancelled_one_stops_and_keeps_nothing(self, version, carla, large, monkeypatch):
        export = ask(version, carla)
        monkeypatch.setattr(exporting, "BEAT_SECONDS", 0.0)
        files, told = formats.entries, []

        def cancelling(*args):
            for entry in files(*args):
                if not told:
                    told.append(services.cancel_export(export=export, by=carla))
                yield entry

        monkeypatch.setattr(formats, "entries", cancelling)
        worked(export)
        assert (export.state, export.file) == (ExportState.CANCELLED, None)
        assert services.cancel_export(export=export, by=carla).state == ExportState.CANCELLED

    def test_only_its_owner_or_who_builds_cancels(self, version, carla, large):
        export = ask(version, a_person("tom", "trainer"))
        with pytest.raises(NotAllowedError, match="somebody else"):
            services.cancel_export(export=export, by=a_person("tim", "trainer"))
        assert services.cancel_export(export=export, by=carla).state == ExportState.CANCELLED

    def test_old_archives_go_and_their_rows_stay(self, version, carla, client, large, monkeypatch):
        monkeypatch.setattr("scenes.services.maintaining.LEAST_AGE", timedelta(seconds=-60))
        export = worked(ask(version, carla))
        digest = export.file.digest
        tasks.sweep_dataset_exports()
        export.refresh_from_db()
        assert export.state == ExportState.DONE
        DatasetExport.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
        tasks.sweep_dataset_exports()
        export.refresh_from_db()
        assert (export.state, export.file) == (ExportState.EXPIRED, None)
        assert not StoredFile.objects.filter(digest=digest).exists()
        assert not storages[storage.DERIVED].exists(storage.key(digest))
        client.force_login(carla)
        answer = client.get(f"/files/dataset-exports/{export.pk}/", headers={"Accept": "application/json"})
        assert answer.status_code == 409

    def test_who_asked_and_what_came_of_it_is_in_the_history(self, version, carla, large):
        export = worked(ask(version, carla))
        rows = export.history.order_by("history_id").values_list("history_user__username", "state")
        assert list(rows) == [("carla", "queued"), (None, "done")]

    def test_a_few_at_once_for_a_person(self, version, carla, large, place):
        for form in ("plain", "semantic-kitti", "nuscenes"):
            ask(version, carla, form)
        with pytest.raises(ConflictError, match="3 of your exports"):
            ask(version, carla, "kitti-raw")


class TestRefusals:
    def test_a_draft(self, carla):
        draft = a_draft(some_scenes(2), by=carla)
        with pytest.raises(ConflictError, match="only frozen"):
            ask(draft, carla)

    @pytest.mark.parametrize("role", ["viewer", "labeler"])
    def test_who_only_looks(self, role, version):
        with pytest.raises(NotAllowedError):
            ask(version, a_person("vic", role))

    def test_a_format_or_a_place_that_is_not_there(self, version, carla):
        with pytest.raises(RefusedError, match="no format"):
            ask(version, carla, "kittti")
        with pytest.raises(RefusedError, match="LAMM_EXPORTS has: none"):
            ask(version, carla, place="/etc")

    def test_classes_without_raw_ids_are_named_before_any_work(self, carla):
        version = frozen(some_scenes(2), carla)
        for form in ("plain", "semantic-kitti", "nuscenes"):
            with pytest.raises(RefusedError, match="The class ground of Three classes has no raw id"):
                ask(version, carla, form)
        assert ask(version, carla, "manifest-parquet").ready

    def test_a_raw_id_that_does_not_fit_a_byte(self, carla):
        ontology = an_ontology("wide")
        for entry in ontology.classes.all():
            entry.raw_ids = [entry.index + 1000]
            entry.save()
        (scene,) = some_scenes(1, labels=False)
        label(scene, ontology=ontology)
        version = frozen([scene], carla, ontology=ontology)
        with pytest.raises(RefusedError, match="larger than 255"):
            ask(version, carla, "nuscenes")
        assert ask(version, carla, "plain").ready

    def test_damaged_bytes_end_the_export_with_the_frame_named(self, version, carla, large, tmp_path):
        frame = Frame.objects.filter(scene__name="beta").order_by("index").first()
        path = storage.local_path(frame.cloud.digest, storage=frame.cloud.storage)
        kept = path.read_bytes()
        path.chmod(0o644)
        path.write_bytes(kept[:-1] + bytes([kept[-1] ^ 1]))
        try:
            export = worked(ask(version, carla))
            assert export.state == ExportState.FAILED
            assert "Scene beta, frame 000000.pcd" in export.problem
            with pytest.raises(CommandError, match=r"Scene beta, frame 000000\.pcd"):
                call_command("export_dataset", str(version), "--format=plain", f"--to={tmp_path}/x", "-v0")
            assert not (tmp_path / "x").exists()
        finally:
            path.write_bytes(kept)

    def test_a_scene_that_is_not_what_was_frozen(self, version, carla, large):
        Scene.objects.filter(name="beta").update(name="gamma")
        export = worked(ask(version, carla))
        assert export.state == ExportState.FAILED
        assert "gamma is not what was frozen" in export.problem


class TestLists:
    def test_the_manifest_is_the_one_that_was_frozen(self, version, carla, client):
        client.force_login(carla)
        answer = client.get(f"/files/dataset-exports/{ask(version, carla, 'manifest-jsonl').pk}/")
        data = b"".join(answer.streaming_content)
        assert hashlib.sha256(data).hexdigest() == version.digest
        assert answer.headers["Content-Disposition"].endswith('Urban_Night_Scenes-v1-manifest-jsonl.jsonl"')

    def test_parquet_has_a_row_a_frame(self, version, carla, client, tmp_path):
        client.force_login(carla)
        data = downloaded(client, ask(version, carla, "manifest-parquet"))
        call_command("export_dataset", str(version), "--format=manifest-parquet", f"--to={tmp_path}/m.parquet", "-v0")
        assert (tmp_path / "m.parquet").read_bytes() == data
        rows = pyarrow.parquet.read_table(BytesIO(data)).to_pylist()
        frames = Frame.objects.select_related("cloud", "scene").order_by("scene__name", "index")
        assert [(row["scene"], row["frame"], row["cloud_sha256"], row["points"]) for row in rows] == [
            (frame.scene.name, frame.name, frame.cloud.digest, frame.point_count) for frame in frames
        ]
        assert [row["timestamp_ns"] for row in rows] == [frame.timestamp_ns for frame in frames]
        assert all(row["classes_sha256"] and row["ontology"] == "SemanticKITTI" for row in rows)
        assert np.allclose([row["pose"] for row in rows], [frame.pose for frame in frames])


class TestPlaces:
    def test_a_folder_that_holds_something_is_refused(self, version, tmp_path):
        (tmp_path / "x").mkdir()
        (tmp_path / "x" / "mine").write_text("mine")
        with pytest.raises(CommandError, match="not empty"):
            call_command("export_dataset", str(version), "--format=plain", f"--to={tmp_path}/x", "-v0")
        assert tree(tmp_path / "x") == {"mine": b"mine"}

    def test_an_interrupted_one_goes_on_with_what_is_missing(self, version, tmp_path, monkeypatch):
        class InterruptedForTestError(Exception):
            pass

        def breaking(done):
            if done == 3:
                raise InterruptedForTestError

        wishes = {"version": version, "form": "semantic-kitti", "folder": tmp_path / "x", "by": None}
        with pytest.raises(InterruptedForTestError):
            exporting.export_to_folder(**wishes, on_frames=breaking)
        assert not (tmp_path / "x").exists()
        (gathered,) = (path for path in tmp_path.iterdir() if path.name.startswith(".x."))
        (gathered / "sequences/00/.part-left").write_bytes(b"cut")
        made = []
        write = places.write_pieces
        monkeypatch.setattr(places, "write_pieces", lambda pieces, path: made.append(path.name) or write(pieces, path))
        exporting.export_to_folder(**wishes)
        assert "000000.bin" in made  # of the second scene
        assert len([name for name in made if name.endswith(".bin")]) == 2
        call_command("export_dataset", str(version), "--format=semantic-kitti", f"--to={tmp_path}/y", "-v0")
        assert tree(tmp_path / "x") == tree(tmp_path / "y")
        assert not gathered.exists()

    def test_a_place_of_the_installation_gets_the_same_files(self, version, carla, place, tmp_path):
        export = ask(version, carla, "nuscenes", place="handover")
        assert export.state == ExportState.QUEUED  # also a small one: somebody has to write it
        worked(export)
        assert (export.state, export.file, export.downloadable) == (ExportState.DONE, None, False)
        call_command("export_dataset", str(version), "--format=nuscenes", f"--to={tmp_path}/x", "-v0")
        assert tree(place / formats.name(version, "nuscenes")) == tree(tmp_path / "x")

    def test_the_command_writes_to_a_place_and_leaves_whole_files_alone(self, version, place):
        call_command("export_dataset", str(version), "--format=plain", "--place=handover", "-v0")
        folder = place / formats.name(version, "plain")
        whole, cut = sorted(path for path in folder.rglob("*.bin"))[:2]
        cut.write_bytes(b"cut")
        before, kept = whole.stat().st_ino, tree(folder)
        call_command("export_dataset", str(version), "--format=plain", "--place=handover", "-v0")
        assert whole.stat().st_ino == before
        assert tree(folder)[str(cut.relative_to(folder))] != kept[str(cut.relative_to(folder))] == b"cut"

    @pytest.mark.parametrize("named", ["Nothing@v1", "Urban_Night_Scenes@v9", "Urban_Night_Scenes"])
    def test_a_version_that_is_not_there(self, version, named, tmp_path):
        with pytest.raises(CommandError, match="no version"):
            call_command("export_dataset", named, "--format=plain", f"--to={tmp_path}/x")

    def test_the_command_says_how_much_it_wrote(self, version, tmp_path, capsys):
        call_command("export_dataset", str(version), "--format=plain", f"--to={tmp_path}/x")
        size = sum(map(len, tree(tmp_path / "x").values()))
        assert f"{size:,} bytes" in capsys.readouterr().out


class TestArchives:
    def test_names_and_sizes_of_any_length(self):
        entries = [Entry.of("a" * 300 + "/ü.bin", b"1" * 513), Entry.of("empty", b""), Entry.of("even", b"2" * 512)]
        found = unpacked(b"".join(archive.pieces(entries, "top")))
        assert found == {"top/" + "a" * 300 + "/ü.bin": b"1" * 513, "top/empty": b"", "top/even": b"2" * 512}

    @pytest.mark.parametrize("data", [b"", b"12", b"1234"])
    def test_other_bytes_than_announced_are_refused(self, data):
        with pytest.raises(ConflictError, match="other bytes"):
            list(archive.pieces([Entry("x", 3, lambda: [data])], "top"))

    def test_names_become_folders_that_every_system_takes(self):
        digest = "ab" * 32
        assert folder_name("scene-001_a.b", digest) == "scene-001_a.b"
        assert folder_name("../etc", digest) == "_etc-abababab"
        assert folder_name("Straße 1", digest) != folder_name("Stra_e_1", digest)
        assert folder_name("...", digest) == "scene-abababab"


class TestApi:
    def post(self, client, **body):
        return client.post("/api/dataset-exports/", body, content_type="application/json")

    def test_asked_for_followed_and_downloaded(self, version, client, large):
        client.force_login(a_person("tom", "trainer"))
        answer = self.post(client, version=version.pk, format="plain")
        assert answer.status_code == 202
        told = answer.json()
        assert (told["state"], told["total"], told["url"], told["owner"]) == ("queued", 5, None, "tom")
        worked(DatasetExport.objects.get(pk=told["id"]))
        told = client.get(f"/api/dataset-exports/{told['id']}/").json()
        assert (told["state"], told["done"], told["version_name"]) == ("done", 5, str(version))
        data = b"".join(client.get(told["url"]).streaming_content)
        assert (hashlib.sha256(data).hexdigest(), len(data)) == (told["digest"], told["size"])
        summary = unpacked(data)[f"{formats.name(version, 'plain')}/EXPORT.json"]
        assert json.loads(summary)["digest"] == version.digest

    def test_a_list_costs_the_same_for_any_number(self, version, carla, client):
        client.force_login(carla)
        forms = ["plain", "semantic-kitti", "nuscenes", "kitti-raw"]
        ask(version, carla, forms[0])
        address = f"/api/dataset-exports/?version={version.pk}&state=direct"
        client.get(address)
        with CaptureQueriesContext(connection) as one:
            assert len(client.get(address).json()["results"]) == 1
        for form in forms[1:]:
            ask(version, carla, form)
        with CaptureQueriesContext(connection) as many:
            found = client.get(address).json()["results"]
        assert [export["format"] for export in found] == forms[::-1]
        assert len(many) == len(one) <= 6

    def test_cancelled(self, version, carla, client, large):
        client.force_login(carla)
        export = ask(version, carla)
        answer = client.post(f"/api/dataset-exports/{export.pk}/cancel/")
        assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")

    def test_refusals(self, version, carla, client):
        client.force_login(carla)
        assert self.post(client, version=version.pk, format="zip").status_code == 400
        assert self.post(client, version=version.pk, format="plain", path="/etc").status_code == 400
        assert "LAMM_EXPORTS" in self.post(client, version=version.pk, format="plain", place="x").json()["detail"]
        draft = a_draft(some_scenes(1), by=carla, name="draft")
        assert self.post(client, version=draft.pk, format="plain").status_code == 409
        assert client.get("/api/dataset-exports/?sort=x").status_code == 400
