"""The page of jobs in the browser: it follows a job to its end, and a failed one is tried again."""

import re

from playwright.sync_api import expect

from scenes import ingest
from scenes.models import IngestJob, IngestState
from scenes.tests.factories import a_drive_folder, a_queued_job, an_ingested_scene


def stop_after(frames: int):
    """For `ingest.work`: go on for so many batches."""
    left = iter([True] * frames)
    return lambda: next(left, False)


def test_a_job_is_followed_from_waiting_to_done(live_server, logged_in, tmp_path, settings):
    settings.INGEST_BATCH_FRAMES = 1
    job = a_queued_job(a_drive_folder(tmp_path, name="incoming", frames=4))
    page = logged_in
    page.goto(f"{live_server.url}/jobs/")
    row = page.locator(f"#job-{job.pk}")
    expect(row).to_contain_text("Waiting for a worker")
    ingest.work(job.pk, go_on=stop_after(1))
    expect(row.locator("progress")).to_have_attribute("value", "1", timeout=15_000)
    ingest.work(job.pk, go_on=stop_after(2))
    expect(row.locator("progress")).to_have_attribute("value", "3", timeout=15_000)
    expect(page.locator("#count-running")).to_have_text("1")
    ingest.work(job.pk)
    expect(row).to_contain_text("4 frames in", timeout=15_000)
    expect(row.locator(".job-picture img")).to_be_visible()
    expect(page.locator("#count-done")).to_have_text("1")
    expect(page.locator("[data-refreshing]")).to_have_count(0)


def test_a_failed_job_is_tried_again_after_its_file_was_mended(live_server, logged_in, tmp_path):
    folder = a_drive_folder(tmp_path, name="broken", frames=1)
    (folder / "000000.pcd").unlink()
    (folder / "bad.pcd").write_bytes(b"not a cloud")
    failed = an_ingested_scene(folder).ingest_jobs.get()
    page = logged_in
    page.goto(f"{live_server.url}/jobs/")
    page.locator("label.chip-failed").click()
    page.wait_for_url("**/jobs/?state=failed")
    row = page.locator(f"#job-{failed.pk}")
    expect(row.locator(".problem").first).to_contain_text("No frame could be read")
    row.get_by_role("button", name=f"Retry job {failed.pk}").click()
    expect(page.get_by_role("status").filter(has_text="is queued")).to_be_visible()
    page.locator("label.chip-failed").click()
    again = IngestJob.objects.get(state=IngestState.QUEUED)
    expect(page.locator(f"#job-{again.pk}")).to_contain_text("Waiting for a worker")
    ingest.work(again.pk)
    expect(page.locator(f"#job-{again.pk}")).to_contain_text("1 quarantined frame, see why", timeout=15_000)
    page.locator(f"#job-{again.pk}").get_by_role("link", name=re.compile("quarantined")).click()
    expect(page.locator("#frames tbody")).to_contain_text("bad.pcd")


def test_a_waiting_job_is_cancelled_by_keyboard(live_server, logged_in, tmp_path):
    job = a_queued_job(a_drive_folder(tmp_path, name="unwanted", frames=1))
    page = logged_in
    page.goto(f"{live_server.url}/jobs/")
    button = page.get_by_role("button", name=f"Cancel job {job.pk}")
    button.focus()
    page.keyboard.press("Enter")
    expect(page.locator(f"#job-{job.pk}")).to_contain_text("Cancelled, 0 of 1 frames")
    job.refresh_from_db()
    assert job.state == IngestState.CANCELLED
