"""On the data card: choose a format, read what it carries, follow the export, download the archive."""

import tarfile

import pytest
from playwright.sync_api import expect

from datasets.models import DatasetExport, ExportState
from datasets.services import exporting
from datasets.tests.exported import a_recorded_version
from scenes.models import Frame


@pytest.fixture
def version(live_server, curator, tmp_path):
    return a_recorded_version(tmp_path / "recorded", curator)


def test_choose_follow_and_download(logged_in, version, visit, tmp_path, monkeypatch):
    monkeypatch.setattr(exporting, "DIRECT_FRAMES", 1)  # so that a worker is needed
    page = visit(f"/datasets/{version.dataset.name}/v{version.number}/")
    panel = page.locator("#export")
    choice = panel.get_by_label("SemanticKITTI")
    choice.focus()
    page.keyboard.press("Space")
    carried = panel.locator(".export-format", has=page.get_by_label("SemanticKITTI")).get_by_text("What is carried")
    carried.click()
    expect(panel.get_by_text("instance numbers where the labels came in as .label files")).to_be_visible()
    panel.get_by_role("button", name="Export").click()
    row = page.locator(".export-row").first
    expect(row).to_have_attribute("data-state", "queued")
    expect(row.get_by_role("progressbar")).to_be_visible()
    export = DatasetExport.objects.get()
    DatasetExport.objects.update(state=ExportState.RUNNING, done=3)
    expect(row).to_contain_text("3 of 5 frames")
    DatasetExport.objects.update(state=ExportState.QUEUED)
    exporting.work(export.pk)
    expect(row).to_have_attribute("data-state", "done")
    with page.expect_download() as download:
        row.get_by_role("link", name="Download").click()
    path = tmp_path / "downloaded.tar"
    download.value.save_as(path)
    assert download.value.suggested_filename == "Urban_Night_Scenes-v1-semantic-kitti.tar"
    with tarfile.open(path) as archive:
        clouds = [name for name in archive.getnames() if name.endswith(".bin")]
    assert len(clouds) == Frame.objects.count() == 5
    expect(choice).to_be_checked()  # following left the form alone
