"""LAMM_EXPORTS with an s3:// prefix: exports arrive in the bucket as they would in a folder."""

import pytest

from datasets.exports import formats
from datasets.models import ExportState
from datasets.services import exporting, request_export
from datasets.tests.exported import a_recorded_version, tree
from datasets.tests.stories import a_person
from lamm.file_places import export_storage
from scenes.tests.s3_server import BUCKET, a_bucket

pytestmark = pytest.mark.django_db
FORM = "semantic-kitti"


def objects(client, prefix):
    """By path below a prefix of the bucket: the bytes of an object, and when it was written."""
    rows = client.list_objects_v2(Bucket=BUCKET, Prefix=prefix)["Contents"]
    read = {row["Key"]: client.get_object(Bucket=BUCKET, Key=row["Key"])["Body"].read() for row in rows}
    return {row["Key"].removeprefix(prefix): (read[row["Key"]], row["LastModified"]) for row in rows}


def test_a_bucket_gets_the_same_files_and_they_are_not_sent_twice(settings, tmp_path, monkeypatch):
    carla = a_person()
    version = a_recorded_version(tmp_path / "recorded", carla)
    with a_bucket(monkeypatch) as (client, address):
        settings.STORAGES = settings.STORAGES | {"export-partner": export_storage(f"s3://{BUCKET}/in", address)}
        export = request_export(version=version, form=FORM, by=carla, place="partner")
        exporting.work(export.pk)
        export.refresh_from_db()
        assert export.state == ExportState.DONE, export.problem
        sent = objects(client, f"in/{formats.name(version, FORM)}/")
        exporting.export_to_folder(version=version, form=FORM, folder=tmp_path / "folder", by=None)
        assert {name: content for name, (content, _) in sent.items()} == tree(tmp_path / "folder")
        exporting.export_to_place(version=version, form=FORM, place="partner", by=None)
        assert objects(client, f"in/{formats.name(version, FORM)}/") == sent
