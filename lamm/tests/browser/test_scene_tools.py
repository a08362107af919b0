"""The tools of the 3D viewer on the scene page: measuring, pictures, full screen, flying, heights, links, keys."""

import io
import re

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from experiments.tests.stories import a_run, a_version
from scenes.models import Scene
from scenes.tests.factories import a_labelled_scene

# Two places of the picture with points, and their distance in metres.
TWO_POINTS = """async () => {
    const { viewer } = scenePage;
    viewer.preset("top");
    await viewer.whenSettled();
    const box = document.getElementById("stage-host").getBoundingClientRect();
    const found = [];
    for (let y = box.top + box.height * 0.2; y < box.bottom - 80; y += 5)
        for (let x = box.left + box.width * 0.2; x < box.right - box.width * 0.3; x += 5) {
            const pick = viewer.pick(x, y);
            if (pick) found.push({ x, y, position: pick.position });
        }
    const [one, other] = [found[0], found.at(-1)];
    return [one, other, Math.hypot(...one.position.map((value, axis) => value - other.position[axis]))];
}"""


@pytest.fixture
def page(live_server, logged_in, db) -> Page:
    scene = a_labelled_scene(frames=2, points=6000)
    logged_in.goto(f"{live_server.url}/scenes/{scene.pk}/")
    expect(logged_in.locator("#stage")).to_have_attribute("data-frame", "0", timeout=20_000)
    logged_in.evaluate("scenePage.viewer.whenSettled()")
    return logged_in


def camera(page: Page) -> dict:
    return page.evaluate("scenePage.viewer.getCamera()")


def test_two_clicks_measure_a_distance(page):
    one, other, metres = page.evaluate(TWO_POINTS)
    page.keyboard.press("m")
    told = page.locator("[data-told]")
    expect(told).to_have_text("Click two points.")
    page.mouse.click(one["x"], one["y"])
    page.mouse.click(other["x"], other["y"])
    expect(told).to_have_text(re.compile(r"^[\d.]+ m$"))
    assert float(told.inner_text().split()[0]) == pytest.approx(metres, abs=0.02)
    assert metres > 5
    expect(page.locator("[data-readout]")).to_be_hidden()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Measure a distance")).to_have_attribute("aria-pressed", "false")
    expect(told).to_be_hidden()


def test_a_picture_of_the_view_is_saved_as_png(page):
    with page.expect_download() as download:
        page.keyboard.press("Shift+S")
    assert download.value.suggested_filename == "city-drive-01-frame-0.png"
    picture = Image.open(io.BytesIO(download.value.path().read_bytes()))
    size = page.evaluate("[scenePage.viewer.canvas.width, scenePage.viewer.canvas.height]")
    assert (picture.format, list(picture.size)) == ("PNG", size)
    assert len(set(picture.convert("RGB").resize((64, 64)).getdata())) > 50


def test_the_viewer_fills_the_screen_and_gives_it_back(page):
    button = page.get_by_role("button", name="Full screen")
    button.click()
    page.wait_for_function("document.fullscreenElement?.id === 'scene'")
    expect(button).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Shift+F")
    page.wait_for_function("document.fullscreenElement === null")
    expect(button).to_have_attribute("aria-pressed", "false")


def test_flying_goes_where_the_keys_say_and_the_pages_own_keys_rest(page):
    page.keyboard.press("f")
    expect(page.get_by_role("button", name="Fly", exact=True)).to_have_attribute("aria-pressed", "true")
    before = camera(page)
    assert before["mode"] == "fly"
    page.keyboard.down("w")
    page.wait_for_function(
        "([x, y, z]) => Math.hypot(...scenePage.viewer.getCamera().position.map((v, i) => v - [x, y, z][i])) > 0.5",
        arg=before["position"],
    )
    page.keyboard.up("w")
    page.evaluate("scenePage.viewer.whenSettled()")
    after = camera(page)
    ahead = [target - position for target, position in zip(before["target"], before["position"], strict=True)]
    moved = [now - then for now, then in zip(after["position"], before["position"], strict=True)]
    assert sum(a * b for a, b in zip(ahead, moved, strict=True)) > 0
    page.keyboard.press("a")  # to the left, and not the page's own key
    page.keyboard.press("f")
    assert camera(page)["mode"] == "orbit"


def test_only_points_between_two_heights_are_shown(page):
    whole = page.evaluate(TWO_POINTS)
    assert whole[0] is not None
    page.keyboard.press("z")
    expect(page.get_by_label("Lowest height in metres")).to_be_focused()
    page.get_by_label("Lowest height in metres").fill("500")
    page.keyboard.press("Tab")
    page.get_by_label("Highest height in metres").fill("600")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("slice=500"))
    page.evaluate("scenePage.viewer.whenSettled()")
    box = page.locator("#stage-host").bounding_box()
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert page.evaluate("([x, y]) => scenePage.viewer.pick(x, y)", middle) is None
    page.get_by_label("Show only heights").uncheck()
    expect(page).not_to_have_url(re.compile("slice="))


def test_a_link_to_the_picture_is_copied(page, context):
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.keyboard.press("End")
    expect(page.locator("#stage")).to_have_attribute("data-frame", "1")
    page.keyboard.press("r")
    page.get_by_role("button", name="Copy link").click()
    expect(page.locator("[data-copy-words]")).to_have_text("Copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == page.url
    assert "frame=1" in copied
    assert "rings=1" in copied
    expect(page.locator("[data-copy-words]")).to_have_text("Copy link")


def test_the_list_of_keys_opens_by_its_key_and_its_button(page):
    keys = page.get_by_role("dialog", name="Keys")
    page.keyboard.press("?")
    expect(keys).to_be_visible()
    page.keyboard.press("r")  # keys rest behind a dialog
    keys.get_by_role("button", name="Close").click()
    expect(keys).to_be_hidden()
    assert page.evaluate("scenePage.store.state.rings") is False
    page.get_by_role("button", name="Keys", exact=True).click()
    expect(keys).to_contain_text("Measure a distance")


def test_the_card_of_the_frame_outlives_a_new_panel_around_it(page):
    page.evaluate("""() => {
        const content = document.getElementById("facts-content");
        content.replaceWith(content.cloneNode(true)); // as a refresh of the page's parts does
        scenePage.seek(1);
        document.dispatchEvent(new CustomEvent("htmx:afterSettle"));
    }""")
    expect(page.locator('#this-frame [data-this="number"]')).to_have_text("1 of 2")
    page.evaluate("document.getElementById('this-frame').remove()")
    page.keyboard.press("Home")
    expect(page.locator("#stage")).to_have_attribute("data-frame", "0")


def test_a_run_that_trained_on_the_scene_is_listed(page, curator, live_server):
    scene = Scene.objects.get()
    a_version("Streets", train=[scene])
    run = a_run(dataset="Streets@v1", by=curator)
    page.goto(f"{live_server.url}/scenes/{scene.pk}/?tab=associations")
    panel = page.get_by_role("tabpanel", name="Associations")
    expect(panel).to_contain_text("Streets@v1")
    expect(panel).to_contain_text("trained on it")
    expect(panel).to_contain_text(str(run))
