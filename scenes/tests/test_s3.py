"""S3 is a setting: files are kept in a bucket, and a prefix of a bucket is registered in place."""

import numpy as np
import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.core.management import call_command

from scenes import displaying, ingest, storage
from scenes.models import FrameState, IngestJob, StoredFile
from scenes.tests.factories import a_drive_folder, an_ingested_scene
from scenes.tests.s3_server import BUCKET, a_bucket
from scenes.tests.viewed import STRAY, a_viewed_scene, classes_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def server(monkeypatch):
    with a_bucket(monkeypatch) as (client, address):
        yield client, address


def s3(address: str, location: str, backend: str = "storages.backends.s3.S3Storage") -> dict:
    options = {"bucket_name": BUCKET, "location": location, "endpoint_url": address, "file_overwrite": True}
    return {"BACKEND": backend, "OPTIONS": options}


def test_frames_go_in_and_come_out_of_a_bucket(server, settings, tmp_path):
    client, address = server
    kept = {alias: s3(address, f"lamm/{alias}") for alias in ("originals", "derived", "incoming")}
    settings.STORAGES = settings.STORAGES | kept
    folder = a_drive_folder(tmp_path, frames=2)
    scene = an_ingested_scene(folder)
    assert (scene.frame_count, scene.quarantined_count) == (2, 0)
    frame = scene.frames.select_related("cloud").get(index=1)
    assert frame.cloud.read() == (folder / "000001.pcd").read_bytes()
    names = {row["Key"] for row in client.list_objects_v2(Bucket=BUCKET)["Contents"]}
    assert f"lamm/originals/{storage.key(frame.cloud.digest)}" in names
    assert scene.thumbnail.read()[:4] == b"RIFF"


def test_a_prefix_is_registered_in_place(server, settings, tmp_path):
    client, address = server
    root = s3(address, "drives", backend="scenes.s3_roots.S3RootStorage")
    settings.STORAGES = settings.STORAGES | {"root-archive": root}
    folder = a_drive_folder(tmp_path, frames=2)
    for path in folder.iterdir():
        client.upload_file(str(path), BUCKET, f"drives/2026/{folder.name}/{path.name}")
    call_command("ingest", "2026", "--root", "archive", "--rate", "10")
    job = IngestJob.objects.get()
    ingest.work(job.pk)
    frame = job.scene.frames.select_related("cloud").get(index=0)
    assert frame.state == FrameState.READY, frame.problem
    assert (frame.cloud.storage, frame.cloud.path) == ("root-archive", f"2026/{folder.name}/000000.pcd")
    assert frame.cloud.read() == (folder / "000000.pcd").read_bytes()
    assert not StoredFile.objects.filter(storage="originals").exists()
    with pytest.raises(PermissionError):
        storages["root-archive"].save("new.pcd", ContentFile(b"x"))
    with pytest.raises(PermissionError):
        storages["root-archive"].delete(frame.cloud.path)


def test_slices_of_octrees_and_labels_come_out_of_a_bucket(server, settings):
    _, address = server
    kept = {alias: s3(address, f"lamm/{alias}") for alias in ("originals", "derived", "incoming")}
    settings.STORAGES = settings.STORAGES | kept
    scene = a_viewed_scene()
    files = ("cloud", "display", "octree_index", "octree_order")
    frame = scene.frames.select_related(*files).get(index=STRAY)
    index, data = displaying.octree_of(frame), frame.display.read()
    node = next(node for node in range(len(index)) if index.count(node))
    offset, length = index.byte_range(node)
    assert displaying.node_bytes(frame, offset, length) == data[offset : offset + length]
    classes = frame.labels.get().classes
    assert classes.local_path() is None
    values = displaying.stored_values(classes, encoding="u8", points=frame.point_count)
    order = np.frombuffer(frame.octree_order.read(), "<u4")
    assert np.array_equal(displaying.in_display_order(frame, values, 5, 40), classes_of(STRAY)[order[5:45]])
