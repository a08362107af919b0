"""The page of one scene in the browser."""

import re

from playwright.sync_api import expect

from scenes import ingest
from scenes.tests.factories import a_drive_folder, a_queued_job, an_ingested_scene


def test_the_original_of_a_frame_comes_back_byte_for_byte(live_server, logged_in, tmp_path):
    folder = a_drive_folder(tmp_path, frames=1)
    scene = an_ingested_scene(folder)
    page = logged_in
    page.goto(f"{live_server.url}/scenes/{scene.pk}/")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download 000000.pcd").click()
    assert download.value.path().read_bytes() == (folder / "000000.pcd").read_bytes()


def test_a_bad_frame_says_why_beside_its_name(live_server, logged_in, tmp_path):
    folder = a_drive_folder(tmp_path, frames=2)
    (folder / "000007.pcd").write_bytes(b"this is no point cloud")
    scene = an_ingested_scene(folder)
    page = logged_in
    page.goto(f"{live_server.url}/scenes/{scene.pk}/")
    page.get_by_role("link", name=re.compile("quarantined")).first.click()
    expect(page.locator("#frames tbody")).to_contain_text("000007.pcd")
    expect(page.locator("#frames .problem")).to_contain_text(scene.frames.get(name="000007.pcd").problem)


def test_the_page_follows_an_ingestion(live_server, logged_in, tmp_path):
    job = a_queued_job(a_drive_folder(tmp_path, name="incoming", frames=2, points=3000))
    page = logged_in
    page.goto(f"{live_server.url}/scenes/{job.scene_id}/")
    expect(page.get_by_text("Ingesting: Waiting for a worker")).to_be_visible()
    ingest.work(job.pk)
    expect(page.get_by_alt_text("Bird's-eye view of incoming")).to_be_visible(timeout=15_000)
    expect(page.locator("#scene[data-refreshing]")).to_have_count(0)
