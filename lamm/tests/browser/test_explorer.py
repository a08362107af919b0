"""The main job, as a curator does it: find a scene by its picture, narrow the table, open it, go to the admin."""

import re

import pytest
from playwright.sync_api import Page, expect

from scenes import ingest
from scenes.models import IngestState, Scene
from scenes.tests.factories import a_drive_folder, a_queued_job, an_ingested_scene
from scenes.tests.workflows import worked

PICTURE_STATISTICS = """async (image) => {
    await image.decode();
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
    const context = canvas.getContext("2d");
    context.drawImage(image, 0, 0);
    const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
    const colours = new Set();
    let bright = 0;
    for (let i = 0; i < data.length; i += 4) {
        colours.add((data[i] >> 4) * 256 + (data[i + 1] >> 4) * 16 + (data[i + 2] >> 4));
        if (Math.max(data[i], data[i + 1], data[i + 2]) > 90) bright++;
    }
    return { width: canvas.width, height: canvas.height, colours: colours.size, bright };
}"""


def names(page: Page) -> list[str]:
    return page.locator(".scene-link").all_inner_texts()


@pytest.fixture
def library(live_server, tmp_path):
    """Two ingested drives and one row that nobody ingested."""
    rain = an_ingested_scene(
        a_drive_folder(tmp_path, name="city-rain", frames=3, points=4000), tags=("rain",), drive="monday"
    )
    an_ingested_scene(a_drive_folder(tmp_path, name="road-night", frames=1, points=9000), tags=("night",))
    Scene.objects.create(name="empty-shell", **worked("labeled"))
    return rain


def test_a_curator_finds_an_ingested_scene_and_opens_it_in_the_admin(library, logged_in):
    page = logged_in
    row = page.get_by_role("row", name="city-rain")
    picture = page.locator(f'tr[data-href="/scenes/{library.pk}/"] img').evaluate(PICTURE_STATISTICS)
    assert (picture["width"], picture["height"]) == (640, 400)
    assert picture["bright"] > 500
    assert picture["colours"] > 20
    expect(row).to_contain_text("12.0K")

    page.keyboard.press("/")
    page.keyboard.type("rain")
    expect(page.locator("#found")).to_have_text("1 found")
    assert names(page) == ["city-rain"]
    expect(page).to_have_url(re.compile(r"/explorer/\?search=rain$"))
    expect(page.locator("#search")).to_be_focused()

    page.get_by_role("link", name="Clear all").click()
    expect(page.locator("#found")).to_have_text("3 in the library")
    page.get_by_role("link", name="Points").click()
    expect(page.get_by_role("columnheader", name="Points")).to_have_attribute("aria-sort", "descending")
    assert names(page) == ["city-rain", "road-night", "empty-shell"]

    page.get_by_role("link", name="city-rain").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("city-rain")
    expect(page.locator(".scene-top")).to_contain_text("12,000")
    large = page.get_by_alt_text("Bird's-eye view of city-rain").evaluate(PICTURE_STATISTICS)
    assert large["bright"] > 500
    assert page.locator("#frames tbody tr").count() == 3

    page.get_by_role("link", name="Open in admin").click()
    expect(page.locator("#id_name")).to_have_value("city-rain")


def test_filters_stay_in_the_address_and_the_way_back_undoes_them(library, logged_in):
    page = logged_in
    page.get_by_role("checkbox", name="Labeled", exact=True).check()
    expect(page.locator("#found")).to_have_text("1 found")
    page.locator("#tag").fill("rain")
    page.locator("#tag").press("Enter")
    expect(page.get_by_text("No scene matches")).to_be_visible()
    expect(page).to_have_url(re.compile(r"status=labeled&tag=rain"))
    page.go_back()
    expect(page.locator("#found")).to_have_text("1 found")
    expect(page.locator("#tag")).to_have_value("")
    expect(page.get_by_role("checkbox", name="Labeled", exact=True)).to_be_checked()
    page.reload()
    assert names(page) == ["empty-shell"]


def test_a_tag_in_the_table_filters_by_it(library, logged_in):
    page = logged_in
    page.get_by_role("link", name="night", exact=True).click()
    expect(page.locator("#found")).to_have_text("1 found")
    expect(page.locator("#tag")).to_have_value("night")


def test_rows_are_walked_and_opened_by_keys(library, logged_in):
    page = logged_in
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.get_by_role("link", name="road-night")).to_be_focused()
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("empty-shell")


def test_a_click_anywhere_on_a_row_opens_the_scene(library, logged_in):
    page = logged_in
    page.get_by_role("row", name="city-rain").get_by_text("12.0K").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("city-rain")


def test_the_table_follows_an_ingestion_until_it_ends(live_server, tmp_path, logged_in):
    job = a_queued_job(a_drive_folder(tmp_path, name="incoming", frames=2, points=3000))
    page = logged_in
    page.reload()
    expect(page.get_by_text("Waiting for a worker")).to_be_visible()
    page.get_by_role("link", name="incoming").focus()
    ingest.work(job.pk)
    assert Scene.objects.get(name="incoming").ingest_jobs.get().state == IngestState.DONE
    expect(page.get_by_text("Waiting for a worker")).to_have_count(0, timeout=15_000)
    expect(page.locator("#rows img")).to_be_visible()
    expect(page.get_by_role("link", name="incoming")).to_be_focused()
    expect(page.locator("#refresh[data-refreshing]")).to_have_count(0)


@pytest.mark.parametrize("width", [1280, 1920])
def test_the_page_itself_never_scrolls_sideways(library, logged_in, width):
    page = logged_in
    page.set_viewport_size({"width": width, "height": 900})
    for path in ("/explorer/", "/explorer/?search=none&drive=nosuch", f"/scenes/{library.pk}/"):
        page.goto(page.url.split("/explorer/")[0].split("/scenes/")[0] + path)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_further_filters_open_inside_the_window_and_stay_open_while_they_are_used(library, logged_in):
    page = logged_in
    page.locator("#more-filters summary").click()
    box = page.locator("#more-filters .menu-panel").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 1280
    page.locator("#points_min").fill("10000")
    page.locator("#points_min").press("Tab")
    expect(page.locator("#found")).to_have_text("1 found")
    assert names(page) == ["city-rain"]
    expect(page.locator("#points_max")).to_be_visible()
