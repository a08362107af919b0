"""The page of one scene in the browser."""

import re

from playwright.sync_api import expect

from lamm.scene_files import reference
from scenes import ingest
from scenes.tests.factories import a_drive_folder, a_labelled_scene, a_queued_job, a_ready_scene, an_ingested_scene

# The first place in the picture where there is a point.
PICK = """async () => {
    const { viewer } = window.scenePage;
    await viewer.whenSettled();
    const box = document.getElementById("stage-host").getBoundingClientRect();
    for (let y = box.top + box.height * 0.4; y < box.bottom - 60; y += 3)
        for (let x = box.left + box.width * 0.3; x < box.right - box.width * 0.3; x += 3) {
            const pick = viewer.pick(x, y);
            if (pick) return { x, y, index: pick.originalIndex };
        }
}"""


def test_the_original_of_a_frame_comes_back_byte_for_byte(live_server, logged_in, tmp_path):
    folder = a_drive_folder(tmp_path, frames=1)
    scene = an_ingested_scene(folder)
    page = logged_in
    page.goto(f"{live_server.url}/scenes/{scene.pk}/?tab=frames")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download 000000.pcd").click()
    assert download.value.path().read_bytes() == (folder / "000000.pcd").read_bytes()


def test_a_bad_frame_says_why_beside_its_name(live_server, logged_in, tmp_path):
    folder = a_drive_folder(tmp_path, frames=2)
    (folder / "000007.pcd").write_bytes(b"this is no point cloud")
    scene = an_ingested_scene(folder)
    page = logged_in
    page.goto(f"{live_server.url}/scenes/{scene.pk}/")
    page.get_by_role("link", name=re.compile("1 quarantined")).first.click()
    expect(page.get_by_role("tab", name="Frames")).to_have_attribute("aria-selected", "true")
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


def test_each_tab_is_reached_by_the_keyboard_and_kept_in_the_address(live_server, logged_in):
    scene = a_ready_scene()
    page = logged_in
    page.goto(f"{live_server.url}/scenes/{scene.pk}/")
    page.get_by_role("tab", name="Facts").focus()
    for name, words in (
        ("Labels", "No ground truth yet"),
        ("History", "Scene created"),
        ("Comments", "No comments yet"),
        ("Frames", "000000.pcd"),
        ("Associations", "In no dataset yet"),
    ):
        page.keyboard.press("ArrowRight")
        expect(page.get_by_role("tabpanel", name=name)).to_contain_text(words)
        expect(page).to_have_url(re.compile(f"tab={name.lower()}"))
    page.reload()
    expect(page.get_by_role("tabpanel", name="Associations")).to_be_visible()


def test_a_frame_of_the_table_is_shown_in_the_viewer(live_server, logged_in):
    scene = a_ready_scene(frames=2)
    page = logged_in
    page.goto(f"{live_server.url}/scenes/{scene.pk}/?tab=frames")
    expect(page.locator("#stage")).to_have_attribute("data-frame", "0", timeout=20_000)
    page.get_by_role("button", name="000001.pcd").click()
    expect(page.locator("#stage")).to_have_attribute("data-frame", "1")
    expect(page.locator("tr[data-current]")).to_contain_text("000001.pcd")


def test_the_files_of_the_frame_in_sight_are_named_and_come_back(live_server, logged_in):
    scene = a_labelled_scene(frames=1)
    page = logged_in
    page.goto(f"{live_server.url}/scenes/{scene.pk}/")
    labels = scene.label_sets.get().frames.get()
    this = page.get_by_role("region", name="This frame")
    expect(this).to_contain_text(reference(scene.frames.get().cloud))
    expect(this).to_contain_text(reference(labels.original))
    with page.expect_download() as download:
        this.get_by_role("link", name="v1").click()
    assert download.value.path().read_bytes() == labels.original.read()


def test_comments_on_a_point_are_answered_resolved_and_lead_back(live_server, logged_in):
    scene = a_ready_scene(frames=2, points=4000)
    page = logged_in
    page.goto(f"{live_server.url}/scenes/{scene.pk}/?frame=1")
    expect(page.locator("#stage")).to_have_attribute("data-frame", "1", timeout=20_000)
    picked = page.evaluate(PICK)
    page.mouse.click(picked["x"], picked["y"])
    page.locator("[data-readout]").get_by_role("button", name="Comment here").click()
    page.get_by_label("Comment", exact=True).fill("Is this a ghost?")
    page.keyboard.press("Control+Enter")
    thread = page.locator(".comment-thread")
    expect(thread).to_contain_text("Is this a ghost?")
    expect(page.locator("[data-comment-count]")).to_have_text("1")
    said = scene.comments.get()
    assert said.frame == scene.frames.get(index=1)
    assert said.point_index == picked["index"]
    assert said.camera["mode"] == "orbit"
    page.keyboard.press("Escape")
    thread.get_by_role("button", name="Reply").click()
    page.get_by_placeholder("Reply").fill("A reflection.")
    thread.get_by_role("button", name="Reply").last.click()
    expect(thread.locator(".comment-reply")).to_contain_text("A reflection.")
    page.locator("[data-comment-text], h1").first.click()
    page.keyboard.press("Home")
    expect(page.locator("#stage")).to_have_attribute("data-frame", "0")
    thread.get_by_role("button", name="Point in frame 1").click()
    expect(page.locator("#stage")).to_have_attribute("data-frame", "1")
    thread.get_by_role("button", name="Resolve").click()
    expect(thread).to_have_count(0)
    page.get_by_role("button", name="All", exact=True).click()
    expect(thread).to_contain_text("Resolved by maria")


def test_the_tabs_work_although_what_can_be_played_does_not_come(live_server, logged_in, allowed_faults):
    allowed_faults += ["could not be loaded", "ERR_FAILED", "Failed to fetch"]
    scene = a_ready_scene()
    page = logged_in
    page.route("**/playback/", lambda route: route.abort())
    page.goto(f"{live_server.url}/scenes/{scene.pk}/?tab=labels")
    expect(page.get_by_text("The frames could not be loaded.")).to_be_visible()
    expect(page.get_by_role("tabpanel", name="Labels")).to_be_visible()
    page.get_by_role("tab", name="History").click()
    expect(page.get_by_role("tabpanel", name="History")).to_contain_text("Scene created")
