"""Ground truth and strips of frames in the browser."""

import pytest
from playwright.sync_api import Page, expect

from scenes.tests.factories import a_drive_folder, a_labelled_scene, a_ready_scene, an_ingested_scene

COLOURFUL = """async (image) => {
    await image.decode();
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
    const context = canvas.getContext("2d");
    context.drawImage(image, 0, 0);
    const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
    let colourful = 0;
    for (let i = 0; i < data.length; i += 4) {
        const channels = [data[i], data[i + 1], data[i + 2]];
        if (Math.max(...channels) - Math.min(...channels) > 60) colourful++;
    }
    return colourful;
}"""


@pytest.fixture
def moving(live_server, tmp_path, logged_in) -> Page:
    """The explorer with one sequence, for a person who likes motion."""
    an_ingested_scene(a_drive_folder(tmp_path, name="city", frames=3, points=4000))
    logged_in.emulate_media(reduced_motion="no-preference")
    logged_in.reload()
    return logged_in


def test_pointing_at_a_thumbnail_plays_its_frames(moving):
    strip = moving.locator(".cell-picture .filmstrip")
    expect(strip).to_have_count(0)
    moving.locator(".cell-picture .picture").hover()
    expect(strip).to_have_count(1)
    assert strip.evaluate(COLOURFUL) > 500
    assert strip.evaluate("(s) => s.getAnimations()[0].effect.getTiming().easing") == "steps(3)"
    frame, box = (moving.locator(selector).bounding_box() for selector in (".filmstrip", ".cell-picture .picture"))
    assert frame["width"] / 3 >= box["width"] - 2  # no frame shows beside another
    moving.mouse.move(600, 20)
    expect(strip).to_have_count(0)


def test_nothing_moves_for_people_who_asked_for_stillness(moving):
    moving.emulate_media(reduced_motion="reduce")
    moving.locator(".cell-picture .picture").hover()
    moving.wait_for_load_state("networkidle")
    expect(moving.locator(".filmstrip")).to_have_count(0)


def test_the_ground_truth_is_seen_with_its_classes(live_server, logged_in):
    scene = a_labelled_scene(points=4000)
    page = logged_in
    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto(f"{live_server.url}/scenes/{scene.pk}/?tab=labels")
    truth = page.get_by_alt_text("Ground truth of city-drive-01 from above")
    assert truth.evaluate(COLOURFUL) > 500
    legend = page.get_by_role("region", name="Classes")
    expect(legend.get_by_role("row")).to_have_count(3)
    expect(legend.get_by_role("row", name="road")).to_contain_text("%")
    widths = legend.locator(".legend-bar rect").evaluate_all(
        "(bars) => bars.map((b) => b.getBoundingClientRect().width)"
    )
    assert widths[0] > widths[1] > 2
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_way_to_labels_is_read_whole(live_server, logged_in):
    scene = a_ready_scene(name="a-drive-with-quite-a-long-name-as-recorded-on-2026-05-04")
    logged_in.goto(f"{live_server.url}/scenes/{scene.pk}/?tab=labels")
    card = logged_in.get_by_role("region", name="Label sets")
    inner, outer = card.locator(".command").bounding_box(), card.bounding_box()
    assert inner["x"] >= outer["x"]
    assert inner["x"] + inner["width"] <= outer["x"] + outer["width"]
