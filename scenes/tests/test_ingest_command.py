"""`manage.py ingest` as an operator uses it."""

import threading
import time

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from scenes import ingest
from scenes.models import IngestJob, Scene
from scenes.tests.factories import a_drive_folder


@pytest.mark.django_db
class TestRegistering:
    def test_a_folder_with_all_wishes(self, tmp_path, capsys):
        folder = a_drive_folder(tmp_path, frames=2)
        call_command(
            "ingest", str(folder), "--scene", "2026-05-04-city-01", "--drive", "log-1", "--tag", "urban",
            "--tag", "night", "--captured-at", "2026-05-04T09:12:00Z", "--rate", "10",
        )  # fmt: skip
        scene = Scene.objects.get()
        assert (scene.name, scene.drive.name, sorted(scene.tags.names())) == (
            "2026-05-04-city-01", "log-1", ["night", "urban"],
        )  # fmt: skip
        assert scene.captured_at.isoformat() == "2026-05-04T09:12:00+00:00"
        assert "job" in capsys.readouterr().out

    def test_a_tree_makes_a_scene_per_folder(self, tmp_path):
        a_drive_folder(tmp_path / "log", name="a", frames=1)
        a_drive_folder(tmp_path / "log", name="b", frames=1)
        call_command("ingest", str(tmp_path / "log"))
        assert sorted(Scene.objects.values_list("name", flat=True)) == ["log-a", "log-b"]

    def test_a_path_that_is_not_there(self, tmp_path):
        with pytest.raises(CommandError, match="does not exist"):
            call_command("ingest", str(tmp_path / "nowhere"))

    def test_one_scene_name_for_many_folders_is_refused(self, tmp_path):
        a_drive_folder(tmp_path / "log", name="a", frames=1)
        a_drive_folder(tmp_path / "log", name="b", frames=1)
        with pytest.raises(CommandError, match="2 folders"):
            call_command("ingest", str(tmp_path / "log"), "--scene", "one")
        assert not Scene.objects.exists()

    @pytest.mark.parametrize(
        ("option", "value"),
        [("--rate", "fast"), ("--rate", "-1"), ("--rate", "nan"), ("--captured-at", "yesterday"),
         ("--captured-at", "2026-13-01")],
    )  # fmt: skip
    def test_a_wish_that_makes_no_sense_is_refused_by_name(self, tmp_path, option, value):
        with pytest.raises(CommandError, match=option):
            call_command("ingest", str(a_drive_folder(tmp_path)), f"{option}={value}")


@pytest.mark.django_db(transaction=True)
class TestWaiting:
    def follow(self, folder):
        """Run the command with --wait while a thread does the worker's part."""

        returned = threading.Event()

        def worker():
            while not returned.is_set() and not (job := IngestJob.objects.first()):
                time.sleep(0.02)
            ingest.work(job.pk if job else 0)
            connection.close()

        thread = threading.Thread(target=worker)
        thread.start()
        try:
            call_command("ingest", str(folder), "--wait")
        finally:
            returned.set()
            thread.join()

    def test_shows_progress_and_the_result(self, tmp_path, capsys):
        self.follow(a_drive_folder(tmp_path, frames=3, points=100))
        printed = capsys.readouterr()
        assert "3 frames, 300 points" in printed.out
        assert "3/3" in printed.err

    def test_names_the_frames_that_were_refused(self, tmp_path, capsys):
        folder = a_drive_folder(tmp_path, frames=2)
        (folder / "000001.pcd").write_bytes(b"not a cloud")
        self.follow(folder)
        assert "000001.pcd" in capsys.readouterr().err

    def test_fails_when_nothing_went_in(self, tmp_path):
        folder = a_drive_folder(tmp_path, frames=1)
        (folder / "000000.pcd").write_bytes(b"not a cloud")
        with pytest.raises(CommandError, match="1 of 1 jobs did not succeed"):
            self.follow(folder)
