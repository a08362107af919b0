"""The main job, as a curator does it: find a scene by its picture, narrow the table, open it, go to the admin."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

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
    expect(page.locator("#search")).to_have_value("")
    page.get_by_role("link", name="Points").click()
    expect(page.get_by_role("columnheader", name="Points")).to_have_attribute("aria-sort", "descending")
    assert names(page) == ["city-rain", "road-night", "empty-shell"]

    page.get_by_role("link", name="city-rain").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("city-rain")
    page.get_by_role("link", name="Open in admin").click()
    expect(page.locator("#id_name")).to_have_value("city-rain")


def open_filters(page: Page) -> Locator:
    """The filter panel, shown."""
    page.locator(".toolbar [data-toggle-panel]").click()
    panel = page.locator("#filters")
    expect(panel).to_be_visible()
    return panel


def test_filters_stay_in_the_address_and_the_way_back_undoes_them(library, logged_in):
    page = logged_in
    panel = open_filters(page)
    expect(panel.locator(".value:has([value=labeled]) .value-count")).to_have_text("1")
    panel.locator("#values-status input[value=labeled]").check()
    expect(page.locator("#found")).to_have_text("1 found")
    expect(page.locator(".active-filter")).to_contain_text(["Labeled"])
    page.locator("#add-tag").fill("rain")
    page.locator("#add-tag").press("Enter")
    expect(page.get_by_text("No scene matches")).to_be_visible()
    expect(page).to_have_url(re.compile(r"\?status=labeled&tag=rain$"))
    expect(panel.locator("#values-tag input[value=rain]")).to_be_checked()

    page.locator(".nothing").get_by_role("link", name="Labeling status Labeled").click()
    expect(page.locator("#found")).to_have_text("1 found")
    assert names(page) == ["city-rain"]
    expect(panel.locator("#values-status input[value=labeled]")).not_to_be_checked()
    page.go_back()
    expect(page.get_by_text("No scene matches")).to_be_visible()
    expect(page.locator("#values-status input[value=labeled]")).to_be_checked()
    page.go_back()
    expect(page.locator(".scene-link")).to_have_text(["empty-shell"])


def test_chips_take_one_filter_away_each(library, visit, logged_in):
    page = visit("/explorer/?tag=rain&frames_min=2&sort=name")
    expect(page.locator(".active-filter")).to_have_count(2)
    page.get_by_role("link", name="Frames at least 2").click()
    expect(page).to_have_url(re.compile(r"\?tag=rain&sort=name$"))
    page.get_by_role("link", name="Clear all").click()
    expect(page).to_have_url(re.compile(r"\?sort=name$"))
    expect(page.locator(".active-filter")).to_have_count(0)


def test_a_tag_in_the_table_filters_by_it_and_a_second_click_takes_it_away(library, logged_in):
    page = logged_in
    page.get_by_role("link", name="night", exact=True).click()
    expect(page.locator("#found")).to_have_text("1 found")
    expect(page).to_have_url(re.compile(r"\?tag=night$"))
    page.get_by_role("link", name="night", exact=True).click()
    expect(page.locator("#found")).to_have_text("3 in the library")


def test_tags_combine_by_all_any_or_none(library, logged_in):
    page = logged_in
    panel = open_filters(page)
    panel.get_by_role("button", name="None").click()
    panel.locator("#values-tag .value").filter(has_text="rain").click()
    expect(page).to_have_url(re.compile(r"\?tag_none=rain$"))
    expect(page.locator("#found")).to_have_text("2 found")
    panel.get_by_role("button", name="Any").click()
    panel.locator("#values-tag .value").filter(has_text="night").click()
    expect(page).to_have_url(re.compile(r"\?tag_none=rain&tag_any=night$|\?tag_any=night&tag_none=rain$"))
    assert names(page) == ["road-night"]


@pytest.fixture
def scores(live_server):
    """Forty scenes, scored 0.00 to 0.39; each third is labeled."""
    for number in range(40):
        facts = worked("labeled") if number % 3 == 0 else {}
        score = number / 100
        Scene.objects.create(
            name=f"scored-{number:02d}", frame_count=1, point_count=1000 + number, max_frame_uncertainty=score,
            mean_frame_uncertainty=score, uncertainty_source="ensemble-v2", uncertainty_measure="variance", **facts,
        )  # fmt: skip


def test_a_range_is_brushed_with_the_mouse_and_moved_by_keys(scores, logged_in):
    page = logged_in
    panel = open_filters(page)
    chart = panel.locator("[data-histogram=max_uncertainty]")
    expect(chart.locator("rect")).to_have_count(40)
    box = chart.bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.752, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.9, middle, steps=4)
    page.mouse.move(box["x"] + box["width"] - 1, middle, steps=4)
    page.mouse.up()
    expect(page.locator("#found")).to_have_text("10 found")
    expect(page.locator("#max_uncertainty_max")).to_have_value("")
    assert 0.28 < float(page.locator("#max_uncertainty_min").input_value()) <= 0.3
    expect(page.locator(".active-filter")).to_contain_text(["Max frame uncertainty at least"])

    handle = panel.get_by_role("slider", name="Max frame uncertainty, at least")
    handle.press("ArrowRight")
    expect(page.locator("#found")).to_have_text("9 found")
    panel.get_by_role("slider", name="Max frame uncertainty, at least").press("Home")
    expect(page.locator("#found")).to_have_text("40 in the library")

    page.locator("#max_uncertainty_min").fill("0.35")
    page.locator("#max_uncertainty_min").press("Tab")
    expect(page.locator("#found")).to_have_text("5 found")


def test_the_most_uncertain_scenes_are_one_click_away(scores, logged_in):
    page = logged_in
    page.get_by_role("link", name="Most uncertain first").click()
    expect(page).to_have_url(re.compile(r"\?sort=-max_uncertainty$"))
    expect(page.locator(".scene-link").first).to_have_text("scored-39")
    page.keyboard.press("u")
    expect(page.locator(".scene-link").first).to_have_text("scored-39")
    expect(page).to_have_url(re.compile(r"/explorer/$"))


def test_columns_are_chosen_and_ordered_by_keys_and_kept(library, logged_in):
    page = logged_in
    page.keyboard.press("c")
    dialog = page.get_by_role("dialog", name="Columns")
    expect(dialog).to_be_visible()
    dialog.get_by_label("Status").press("Space")
    dialog.get_by_label("Frames").press("Space")
    for _ in range(3):
        dialog.get_by_label("Points").press("Alt+ArrowUp")
    expect(dialog.get_by_role("status")).to_have_text(re.compile("Points is now number"))
    dialog.get_by_role("button", name="Show these").press("Enter")
    expect(page.get_by_role("columnheader", name="Frames")).to_be_visible()
    expect(page.get_by_role("columnheader", name="Status")).to_have_count(0)
    headings = page.locator("thead th").all_inner_texts()
    assert headings.index("Points") < headings.index("Captured") < headings.index("Frames")
    page.reload()
    assert page.locator("thead th").all_inner_texts() == headings
    page.keyboard.press("c")
    dialog.get_by_role("button", name="The usual columns").click()
    dialog.get_by_role("button", name="Show these").click()
    expect(page.get_by_role("columnheader", name="Status")).to_be_visible()


def test_the_grid_is_a_key_away_walked_by_keys_and_remembered(library, logged_in):
    page = logged_in
    page.keyboard.press("g")
    page.keyboard.press("v")
    expect(page.locator(".scene-card")).to_have_count(3)
    expect(page).to_have_url(re.compile(r"\?view=grid$"))
    page.keyboard.press("l")
    page.keyboard.press("l")
    expect(page.get_by_role("link", name="road-night")).to_be_focused()
    page.keyboard.press("h")
    page.keyboard.press("x")
    expect(page.get_by_label("Select empty-shell")).to_be_checked()
    page.goto(page.url.split("?")[0])
    expect(page.locator(".scene-card")).to_have_count(3)


def test_the_density_is_changed_at_once_and_kept(library, logged_in):
    page = logged_in
    row = page.get_by_role("row", name="city-rain")
    tall = row.bounding_box()["height"]
    with page.expect_response("**/explorer/preferences/"):
        page.keyboard.press("d")
    assert row.bounding_box()["height"] < tall - 15
    page.reload()
    assert page.get_by_role("row", name="city-rain").bounding_box()["height"] < tall - 15


def test_rows_are_selected_by_keys_one_by_one_in_a_range_and_by_page(scores, logged_in):
    page = logged_in
    boxes = page.locator("#rows [data-select]:checked")
    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(boxes).to_have_count(1)
    for _ in range(4):
        page.keyboard.press("j")
    page.keyboard.press("Shift+X")
    expect(boxes).to_have_count(5)
    page.keyboard.press("x")
    expect(boxes).to_have_count(4)
    page.keyboard.press("Shift+A")
    expect(boxes).to_have_count(25)
    expect(page.get_by_label("Select all scenes of this page")).to_be_checked()


def test_rules_are_built_told_and_opened_again(scores, logged_in):
    page = logged_in
    page.keyboard.press("r")
    dialog = page.get_by_role("dialog", name="Advanced rules")
    dialog.get_by_label("How these combine").select_option("any")
    dialog.get_by_label("Column").select_option("max_uncertainty")
    dialog.get_by_label("Comparison").select_option("above")
    dialog.get_by_label("Value").fill("0.37")
    dialog.get_by_role("button", name="Add a group").click()
    inner = dialog.locator(".rule-group .rule-group")
    inner.get_by_label("How these combine").select_option("all")
    inner.get_by_label("Column").select_option("status")
    inner.get_by_label("Value").select_option("labeled")
    inner.get_by_role("button", name="Add a condition").click()
    inner.get_by_label("Column").nth(1).select_option("points")
    inner.get_by_label("Comparison").nth(1).select_option("between")
    inner.get_by_label("Lowest").fill("1000")
    inner.get_by_label("Highest").fill("1004")
    dialog.get_by_role("button", name="Show the scenes").click()

    expect(page.locator("#found")).to_have_text("4 found")
    assert sorted(names(page)) == ["scored-00", "scored-03", "scored-38", "scored-39"]
    expect(page.locator(".active-filter-text")).to_have_text(
        "Max frame uncertainty above 0.37 or (Labeling status is Labeled and Points between 1,000 and 1,004)"
    )
    page.reload()
    page.keyboard.press("r")
    expect(inner.get_by_label("Highest")).to_have_value("1004")
    inner.get_by_role("button", name="Remove the group").click()
    dialog.get_by_role("button", name="Show the scenes").click()
    expect(page.locator("#found")).to_have_text("2 found")


def test_every_key_is_listed_behind_the_question_mark(library, logged_in):
    page = logged_in
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keys")
    expect(dialog).to_contain_text("Select everything up to the scene selected last")
    page.keyboard.press("Escape")
    expect(dialog).not_to_be_visible()
    page.keyboard.press("f")
    expect(page.locator("#filters summary").first).to_be_focused()
    page.keyboard.press("f")
    expect(page.locator("#filters")).not_to_be_visible()


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
    for path in (
        "/explorer/",
        "/explorer/?view=grid",
        "/explorer/?search=none&drive=nosuch&tag=rain&status=labeled&points_min=1&frames_min=1",
        f"/scenes/{library.pk}/",
    ):
        page.goto(page.url.split("/explorer/")[0].split("/scenes/")[0] + path)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
