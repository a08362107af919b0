"""Files of a mounted share that stay where they are: no copy, only below allowed roots, the digest kept."""

import hashlib
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.core.management import CommandError, call_command

from scenes import ingest
from scenes.models import FrameState, IngestJob, Scene, StoredFile
from scenes.tests.factories import a_drive_folder

pytestmark = pytest.mark.django_db


@pytest.fixture
def share(tmp_path, settings):
    place = tmp_path / "share"
    place.mkdir()
    root = {"BACKEND": "scenes.storage.RootStorage", "OPTIONS": {"location": str(place)}}
    settings.STORAGES = settings.STORAGES | {"root-fleet": root}
    return place


def register(folder: Path) -> Scene:
    call_command("ingest", str(folder), "--in-place")
    job = IngestJob.objects.get(scene__name=folder.name)
    ingest.work(job.pk)
    return job.scene


def test_the_scene_goes_in_without_a_copy(share):
    folder = a_drive_folder(share / "2026", name="fleet-01", frames=2)
    scene = register(folder)
    frame = scene.frames.select_related("cloud").get(index=1)
    assert frame.state == FrameState.READY
    assert (frame.cloud.storage, frame.cloud.path) == ("root-fleet", "2026/fleet-01/000001.pcd")
    assert frame.cloud.digest == hashlib.sha256((folder / "000001.pcd").read_bytes()).hexdigest()
    assert frame.cloud.read() == (folder / "000001.pcd").read_bytes()
    assert not StoredFile.objects.filter(storage="originals").exists()


def test_doing_it_again_changes_nothing(share):
    folder = a_drive_folder(share, name="fleet-01", frames=2)
    register(folder)
    before = list(StoredFile.objects.order_by("pk").values("digest", "storage", "path"))
    call_command("ingest", str(folder), "--in-place")
    ingest.work(IngestJob.objects.order_by("pk").last().pk)
    assert list(StoredFile.objects.order_by("pk").values("digest", "storage", "path")) == before


def test_a_folder_outside_every_root_is_refused(share, tmp_path):
    folder = a_drive_folder(tmp_path / "elsewhere", frames=1)
    with pytest.raises(CommandError, match="below no registered root"):
        call_command("ingest", str(folder), "--in-place")
    assert not Scene.objects.exists()


def test_a_link_that_leads_out_of_the_root_is_refused(share, tmp_path):
    folder = a_drive_folder(tmp_path / "elsewhere", frames=1)
    inside = share / "linked"
    inside.mkdir()
    (inside / "000000.pcd").symlink_to(folder / "000000.pcd")
    with pytest.raises(CommandError, match="lies outside"):
        call_command("ingest", str(inside), "--in-place")
    assert not Scene.objects.exists()


def test_a_folder_is_named_by_its_root(share):
    a_drive_folder(share / "2026", name="fleet-01", frames=2)
    call_command("ingest", "2026", "--root", "fleet")
    job = IngestJob.objects.get(scene__name="2026-fleet-01")
    ingest.work(job.pk)
    frame = job.scene.frames.select_related("cloud").get(index=0)
    assert (frame.state, frame.cloud.path) == (FrameState.READY, "2026/fleet-01/000000.pcd")


@pytest.mark.parametrize("folder", ["..", "/etc", "2026/../../x"])
def test_a_folder_that_leads_out_of_its_root_is_refused(share, folder):
    with pytest.raises(CommandError):
        call_command("ingest", folder, "--root", "fleet")
    assert not Scene.objects.exists()


def test_an_unknown_root_is_refused_by_name(share):
    with pytest.raises(CommandError, match=r"no root named 'fleets'.*fleet"):
        call_command("ingest", "2026", "--root", "fleets")


def test_nothing_is_ever_written_or_removed_there(share):
    a_drive_folder(share, name="fleet-01", frames=1)
    with pytest.raises(PermissionError):
        storages["root-fleet"].save("new.pcd", ContentFile(b"x"))
    with pytest.raises(PermissionError):
        storages["root-fleet"].delete("fleet-01/000000.pcd")
