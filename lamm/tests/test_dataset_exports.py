"""The panel "Export" of the data card: formats, what is carried, progress, download, cancel, who may."""

import re
from html import unescape

import pytest
from django.urls import reverse

from datasets.models import DatasetExport, ExportState
from datasets.services import exporting
from datasets.tests.exported import a_recorded_version, unpacked
from datasets.tests.stories import a_draft, a_person, some_scenes
from datasets.tests.test_freezing import frozen

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def carla(client):
    person = a_person()
    client.force_login(person)
    return person


@pytest.fixture
def version(tmp_path, carla):
    return a_recorded_version(tmp_path / "recorded", carla)


def panel(client, version) -> str:
    text = client.get(reverse("dataset", args=[version.dataset.name, version.number])).content.decode()
    found = re.search(r'<section class="card" id="export".*?</section>', text, re.DOTALL)
    return unescape(found.group())


def asked(client, version, headers=HTMX, **given):
    return client.post(reverse("dataset-export", args=[version.pk]), given, headers=headers)


def test_formats_with_what_is_carried_and_left_out(client, version):
    text = panel(client, version)
    assert len(re.findall('name="format"', text)) == 6
    assert "fields beyond x, y, z and intensity, which is 0 where a cloud has none" in text
    assert "Nothing exported yet" in text
    assert 'name="place"' not in text
    assert f"export_dataset {version}" in text


def test_a_small_one_can_be_downloaded_from_the_answer(client, version):
    answer = asked(client, version, format="semantic-kitti")
    text = answer.content.decode()
    address = re.search(r'href="(/files/dataset-exports/\d+/)"', text).group(1)
    assert "SemanticKITTI" in text
    assert "hx-get" not in text  # nothing to follow
    data = b"".join(client.get(address).streaming_content)
    assert any(name.endswith("semantic-kitti.yaml") for name in unpacked(data))
    assert address in panel(client, version)


def test_a_large_one_is_followed_until_it_is_there_or_cancelled(client, version, monkeypatch):
    monkeypatch.setattr(exporting, "DIRECT_BYTES", 1)
    text = asked(client, version, format="plain").content.decode()
    assert 'hx-trigger="every 1s"' in text
    assert "<progress" in text
    export = DatasetExport.objects.get()
    exporting.work(export.pk)
    text = client.get(reverse("dataset-export", args=[version.pk]), headers=HTMX).content.decode()
    assert "hx-get" not in text
    assert f"/files/dataset-exports/{export.pk}/" in text
    asked(client, version, format="nuscenes")
    other = DatasetExport.objects.get(format="nuscenes")
    client.post(reverse("dataset-export-cancel", args=[version.pk, other.pk]), headers=HTMX)
    other.refresh_from_db()
    assert other.state == ExportState.CANCELLED


def test_without_a_script_it_comes_back_to_the_card(client, version):
    answer = asked(client, version, headers={}, format="plain")
    assert answer.status_code == 302
    assert answer.headers["Location"].endswith("#export")
    refused = client.post(reverse("dataset-export", args=[version.pk]), {"format": "zip"}, follow=True)
    assert "There is no format" in unescape(refused.content.decode())


def test_a_refusal_is_said_beside_the_list(client, version):
    answer = asked(client, version, format="plain", place="/etc")
    assert answer.status_code == 400
    assert "LAMM_EXPORTS" in answer.content.decode()
    assert 'id="exports"' in answer.content.decode()


def test_formats_that_can_not_hold_the_labels_say_why(client, carla):
    text = panel(client, frozen(some_scenes(2), carla))
    assert text.count("has no raw id") == 3
    assert text.count("disabled>") == 3


def test_a_draft_is_exported_later(client, carla):
    text = panel(client, a_draft(some_scenes(1), by=carla))
    assert "once it is frozen" in text
    assert "<form" not in text


def test_who_only_looks_sees_what_there_is_and_may_not(client, version):
    asked(client, version, format="plain")
    vic = a_person("vic", "viewer")
    client.force_login(vic)
    text = panel(client, version)
    assert "Plain folders" in text
    assert "<form" not in text
    assert "/files/dataset-exports/" not in text
    assert asked(client, version, format="plain").status_code == 403
    assert client.get(f"/files/dataset-exports/{DatasetExport.objects.get().pk}/").status_code == 403
