"""Uploading as a curator does it: choose, watch, mend, go on, and find the scene in the explorer."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from scenes import ingest
from scenes.models import Scene, Upload, UploadedFile, UploadState
from scenes.tests.factories import a_drive_folder, a_pcd


@pytest.fixture
def page_open(live_server, logged_in) -> Page:
    logged_in.goto(f"{live_server.url}/upload/")
    logged_in.wait_for_selector("#upload[data-live]")
    return logged_in


def choose_folder(page: Page, folder: Path) -> None:
    page.set_input_files("#choose-folder", folder)


def card(page: Page, state: str):
    return page.locator(f".upload-scene[data-state={state}]")


def the_worker_works() -> None:
    ingest.work(Upload.objects.latest("pk").job_id)


def test_a_folder_becomes_a_scene_that_the_explorer_shows(live_server, page_open, tmp_path):
    page = page_open
    folder = a_drive_folder(tmp_path, name="harbour-01", frames=3, points=2000)
    (folder / "readme.md").write_text("not a cloud")
    (folder / ".DS_Store").write_text("the system's")
    choose_folder(page, folder)
    expect(page.get_by_label("Scene ID")).to_have_value("harbour-01")
    expect(page.locator(".upload-file")).to_have_count(4)
    expect(page.locator(".upload-file[data-state=left-out]")).to_contain_text("readme.md")
    page.get_by_label("Drive").fill("monday")
    page.get_by_label("Tags").fill("rain, harbour")
    page.get_by_label("Frames per second").fill("10")
    page.get_by_role("button", name="Upload 1 scene").click()
    expect(card(page, "ingesting")).to_be_visible()
    expect(page.locator(".upload-file[data-state=complete]")).to_have_count(3)
    the_worker_works()
    expect(card(page, "done")).to_contain_text("3 frames in the library", timeout=15_000)
    page.get_by_role("link", name="Open the explorer").click()
    row = page.get_by_role("row", name="harbour-01")
    expect(row).to_contain_text("monday")
    expect(row).to_contain_text("rain")
    expect(row.locator("img")).to_be_visible()
    scene = Scene.objects.get()
    assert (scene.frame_count, scene.duration_seconds) == (3, pytest.approx(0.2))


def test_a_bad_file_shows_its_problem_in_place(context, page_open, tmp_path):
    page = page_open
    folder = a_drive_folder(tmp_path, name="harbour-02", frames=1)
    (folder / "000001.pcd").write_bytes(b"this is no point cloud")
    choose_folder(page, folder)
    page.get_by_role("button", name="Upload 1 scene").click()
    expect(card(page, "ingesting")).to_be_visible()
    the_worker_works()
    expect(card(page, "done")).to_contain_text("1 frame quarantined", timeout=15_000)
    frame = Scene.objects.get().frames.get(name="000001.pcd")
    words = frame.problem.removeprefix("000001.pcd: ")
    expect(page.locator(".upload-file[data-state=refused]")).to_contain_text(words)


def test_a_file_that_is_refused_can_be_left_out(page_open, tmp_path, allowed_faults):
    page = page_open
    allowed_faults.append("400")
    folder = a_drive_folder(tmp_path, name="harbour-03", frames=1)
    (folder / "000001.pcd").touch()
    choose_folder(page, folder)
    page.get_by_role("button", name="Upload 1 scene").click()
    expect(page.locator(".upload-file[data-state=refused]")).to_contain_text("the file is empty")
    expect(card(page, "attention")).to_contain_text("1 file did not go in")
    page.get_by_role("button", name="Bring in the rest without").click()
    expect(card(page, "ingesting")).to_be_visible()
    the_worker_works()
    expect(card(page, "done")).to_contain_text("1 frame in the library", timeout=15_000)


def test_a_mended_file_takes_the_place_of_the_refused_one(page_open, tmp_path, allowed_faults):
    page = page_open
    allowed_faults.append("400")
    folder = a_drive_folder(tmp_path, name="harbour-06", frames=2)
    (folder / "000001.pcd").write_bytes(b"")
    choose_folder(page, folder)
    page.get_by_role("button", name="Upload 1 scene").click()
    expect(card(page, "attention")).to_be_visible()
    (folder / "000001.pcd").write_bytes(a_pcd(seed=7))
    choose_folder(page, folder)
    expect(page.locator(".upload-scene")).to_have_count(1)
    card(page, "attention").get_by_role("button", name="Try again").click()
    expect(card(page, "ingesting")).to_be_visible()
    the_worker_works()
    expect(card(page, "done")).to_contain_text("2 frames in the library", timeout=15_000)


def test_each_folder_is_a_scene_unless_all_are_to_be_one(page_open, tmp_path):
    page = page_open
    for number in (1, 2):
        choose_folder(page, a_drive_folder(tmp_path, name=f"quay-{number}", frames=number))
    names = page.get_by_label("Scene ID")
    expect(names).to_have_count(2)
    expect(names.nth(1)).to_have_value("quay-2")
    page.get_by_role("button", name="All in one").click()
    expect(names).to_have_count(1)
    expect(page.locator(".upload-file").first).to_contain_text("quay-1/000000.pcd")
    names.fill("both-quays")
    page.get_by_role("button", name="Upload 1 scene").click()
    expect(card(page, "ingesting")).to_be_visible()
    the_worker_works()
    expect(card(page, "done")).to_contain_text("3 frames in the library", timeout=15_000)


def test_a_paused_upload_goes_on_when_asked(page_open, tmp_path):
    page = page_open
    held: list[Route] = []
    page.route(re.compile(r"/content/$"), lambda route: held.append(route), times=1)
    choose_folder(page, a_drive_folder(tmp_path, name="harbour-07", frames=2))
    page.get_by_role("button", name="Upload 1 scene").click()
    expect(page.locator(".upload-file[data-state=complete]")).to_have_count(1)
    page.get_by_role("button", name="Pause").click()
    expect(card(page, "paused")).to_be_visible()
    page.get_by_role("button", name="Go on").click()
    expect(card(page, "ingesting")).to_be_visible()
    expect(page.locator(".upload-file[data-state=complete]")).to_have_count(2)


def test_an_upload_goes_on_after_the_page_was_left(live_server, page_open, tmp_path, settings):
    page = page_open
    settings.UPLOAD_PIECE_BYTES = 64 * 1024
    page.reload()
    page.wait_for_selector("#upload[data-live]")
    folder = a_drive_folder(tmp_path, name="harbour-04", frames=1, points=30_000)
    held: list[Route] = []
    pieces = re.compile(r"/content/$")

    def third_piece_hangs(route: Route) -> None:
        if held or route.request.headers["upload-offset"] != "131072":
            route.continue_()
        else:
            held.append(route)

    page.route(pieces, third_piece_hangs)
    choose_folder(page, folder)
    with page.expect_request(lambda request: request.headers.get("upload-offset") == "131072"):
        page.get_by_role("button", name="Upload 1 scene").click()
    page.once("dialog", lambda dialog: dialog.accept())
    page.reload()
    page.wait_for_selector("#upload[data-live]")
    expect(page.locator("#open-uploads")).to_contain_text("harbour-04")
    expect(page.locator("#open-uploads")).to_contain_text("131.1")
    offsets: list[str] = []
    page.on("request", lambda sent: offsets.append(sent.headers["upload-offset"]) if pieces.search(sent.url) else None)
    page.get_by_role("button", name="Go on with harbour-04").click()
    choose_folder(page, folder)
    page.get_by_role("button", name="Upload 1 scene").click()
    expect(card(page, "ingesting")).to_be_visible()
    assert offsets[0] == "131072"
    assert Upload.objects.count() == 1
    assert UploadedFile.objects.get().file.read() == (folder / "000000.pcd").read_bytes()


def test_a_broken_line_is_told_and_the_upload_goes_on_by_itself(page_open, tmp_path, allowed_faults):
    page = page_open
    allowed_faults.append("Failed to load resource")
    broken: list[str] = []

    def first_breaks(route: Route) -> None:
        if broken:
            route.continue_()
        else:
            broken.append(route.request.url)
            route.abort("connectionreset")

    page.route(re.compile(r"/content/$"), first_breaks)
    choose_folder(page, a_drive_folder(tmp_path, name="harbour-05", frames=1))
    page.get_by_role("button", name="Upload 1 scene").click()
    expect(card(page, "ingesting")).to_be_visible(timeout=15_000)
    assert broken


def test_files_of_an_undecided_kind_ask_for_their_format(page_open, tmp_path):
    page = page_open
    folder = tmp_path / "velodyne"
    folder.mkdir()
    (folder / "000000.bin").write_bytes(bytes(1600))
    choose_folder(page, folder)
    choice = page.get_by_label("Format of the .bin files")
    expect(choice).to_be_visible()
    page.get_by_role("button", name="Upload 1 scene").click()
    expect(choice).to_be_focused()
    assert Upload.objects.count() == 0
    choice.select_option("kitti")
    page.get_by_role("button", name="Upload 1 scene").click()
    expect(card(page, "ingesting")).to_be_visible()
    assert Upload.objects.get().format == "kitti"


def test_files_may_be_dropped(page_open):
    page = page_open
    page.evaluate(
        """(text) => {
            const transfer = new DataTransfer();
            transfer.items.add(new File([text], "dropped.pcd"));
            const tell = (kind) => dispatchEvent(
                new DragEvent(kind, { dataTransfer: transfer, bubbles: true, cancelable: true }));
            ["dragenter", "dragover", "drop"].forEach(tell);
        }""",
        a_pcd().decode("latin-1"),
    )
    expect(page.get_by_label("Scene ID")).to_have_value("dropped")
    expect(page.locator("#drop[data-over]")).to_have_count(0)


def test_everything_is_reached_by_keys_and_an_upload_is_discarded_in_two_steps(live_server, page_open, curator):
    page = page_open
    Upload.objects.create(scene_name="left-behind", owner=curator)
    page.reload()
    page.wait_for_selector("#upload[data-live]")
    page.locator("#main").focus()
    page.keyboard.press("Tab")
    expect(page.locator("#choose-folder")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Discard left-behind")).to_be_focused()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Really discard? left-behind").press("Enter")
    expect(page.locator("#open-uploads")).to_have_count(0)
    assert Upload.objects.get().state == UploadState.ABANDONED


@pytest.mark.parametrize("width", [1280, 1920])
def test_the_page_never_scrolls_sideways(page_open, tmp_path, width):
    page = page_open
    page.set_viewport_size({"width": width, "height": 900})
    folder = tmp_path / ("a-long-name-" * 12)
    folder.mkdir()
    (folder / f"{'0' * 200}.pcd").write_bytes(a_pcd())
    choose_folder(page, folder)
    expect(page.locator(".upload-file")).to_have_count(1)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
