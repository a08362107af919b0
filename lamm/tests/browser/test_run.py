"""A run's page by hand: from a cell of the confusion to its very points, worst scenes by keyboard, curves, copying."""

import re

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from experiments import evaluation_selectors as selectors
from experiments.models import Run
from lamm.tests.browser.test_scene_viewer import COUNT
from lamm.tests.run_stories import a_judged_run, judged_scenes, log_curves
from scenes.models import Scene

RED = "r > 150 && g < 90 && b < 90"
GIZMO = 40  # the x axis of the small cross in the corner is red, too


# The truth and the prediction of every point that clicks all over the picture would pick.
PICKED = """([truth, prediction]) => {
    const { viewer } = window.scenePage;
    const box = viewer.canvas.getBoundingClientRect();
    const found = [];
    for (let x = box.left + 5; x < box.right; x += 15)
        for (let y = box.top + 5; y < box.bottom; y += 15) {
            const { attributes } = viewer.pick(x, y) ?? {};
            if (attributes) found.push([attributes[truth], attributes[prediction]]);
        }
    return found;
}"""


@pytest.fixture
def scenes(db) -> list[Scene]:
    return judged_scenes(frames=2, points=6000)


@pytest.fixture
def run(scenes) -> Run:
    run, _ = a_judged_run(scenes, shares=(0.1, 0.3))
    log_curves(run, {"train/loss": -0.01, "val/loss": -0.02, "val/mIoU": 0.01, "lr": -0.001}, steps=50)
    return run


@pytest.fixture
def opened(live_server, logged_in):
    """`opened(run, "tab=evaluation")` opens the run's page."""

    def go(run: Run, query: str = "") -> Page:
        logged_in.goto(f"{live_server.url}/runs/{run.pk}/?{query}")
        return logged_in

    return go


def count(page: Page, rule: str) -> int:
    """Pixels of the refined picture that fit a rule on r, g and b (0..255)."""
    return page.evaluate(COUNT.replace("RULE", rule))


def wait_for_frame(page: Page) -> None:
    expect(page.locator("#stage")).to_have_attribute("data-frame", re.compile(r"\d+"), timeout=20_000)


def test_a_cell_of_the_confusion_leads_to_exactly_its_points(run, opened, scenes):
    page = opened(run, "tab=evaluation")
    page.get_by_role("link", name=re.compile("^road predicted as car")).click()
    door = page.locator("#cell .doors a").first
    expect(door).to_contain_text("hard")
    wanted = int(door.locator("b").inner_text().replace(",", ""))
    door.click()
    wait_for_frame(page)
    chip = page.locator("[data-only]")
    expect(chip).to_contain_text("road predicted as car")
    expect(chip.locator("[data-only-points]")).to_have_attribute("data-only-points", str(wanted))
    evaluation = selectors.latest_evaluation(run)
    frame = selectors.frames_with_confusion(evaluation, truth=index(evaluation, "road"), predicted=1)[0]
    assert frame.points == wanted
    alone = count(page, RED)
    assert alone > 200
    # Then all errors are red again; alone, another kind of error, of which there are fewer, is less.
    page.keyboard.press("e")
    expect(chip).to_be_hidden()
    assert count(page, RED) > GIZMO
    page.evaluate(f"window.scenePage.store.set({{ only: [{index(evaluation, 'building')}, 1] }})")
    expect(chip).to_contain_text("building predicted as car")
    assert GIZMO < count(page, RED) < alone


def index(evaluation, name: str) -> int:
    return next(one["index"] for one in selectors.classes_of(evaluation) if one["name"] == name)


def test_what_is_looked_for_is_all_that_can_be_seen_in_colour(run, opened):
    """Of a pair that never occurs no point is red, however wrong the prediction is elsewhere."""
    page = opened(run, "tab=compare&way=error")
    wait_for_frame(page)
    assert count(page, RED) > 200
    page.evaluate("window.scenePage.store.set({ only: [3, 4] })")
    expect(page.locator("[data-only-points]")).to_have_attribute("data-only-points", "0")
    assert count(page, RED) <= GIZMO


def test_only_what_is_looked_for_can_be_picked(run, opened, scenes):
    page = opened(run, "tab=compare&way=error")
    wait_for_frame(page)
    keys = [f"labels:{scenes[2].label_sets.get().pk}", f"predictions:{run.pk}"]
    road = index(selectors.latest_evaluation(run), "road")
    assert len({tuple(pair) for pair in page.evaluate(PICKED, keys)}) > 1
    page.evaluate(f"window.scenePage.store.set({{ only: [{road}, 1] }})")
    expect(page.locator("[data-only-points]")).to_be_visible()
    count(page, RED)
    picked = page.evaluate(PICKED, keys)
    assert picked
    assert all(pair == [road, 1] for pair in picked)


def test_arrow_keys_go_from_cell_to_cell(run, opened):
    page = opened(run, "tab=evaluation")
    first = page.get_by_role("link", name=re.compile("^road predicted as car"))
    first.focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(":focus")).to_have_attribute("aria-label", re.compile("^road predicted as road"))
    page.keyboard.press("ArrowLeft")
    expect(first).to_be_focused()


def test_the_worst_scenes_by_keyboard_each_seen_beside_its_truth(run, opened, scenes):
    page = opened(run, "tab=compare")
    wait_for_frame(page)
    current = page.locator("[data-scene][aria-current]")
    expect(current).to_contain_text("hard")
    expect(page.get_by_role("button", name="Side by side").first).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("q")
    expect(page.get_by_role("button", name="Overlay", exact=True)).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Error map").click()
    page.keyboard.press("j")
    expect(current).to_contain_text("easy")
    wait_for_frame(page)
    expect(page.get_by_role("button", name="Error map")).to_have_attribute("aria-pressed", "true")
    assert f"scene={scenes[1].pk}" in page.url
    easy = count(page, RED)
    page.keyboard.press("Shift+J")
    expect(current).to_contain_text("hard")
    wait_for_frame(page)
    assert count(page, RED) > easy > 0
    page.keyboard.press("t")
    expect(page.locator("[data-order][aria-current]")).to_have_text("Best first")


def test_curves_share_their_axis_and_the_address_keeps_it(run, opened):
    page = opened(run)
    charts = page.locator("[data-curve-chart]")
    expect(charts.first.locator("canvas").first).to_be_visible(timeout=15_000)
    charts.first.get_by_title("Axes and smoothing").click()
    charts.first.locator('[data-option="x"]').select_option("relative")
    expect(charts.nth(1)).to_have_attribute("data-x", "relative")
    assert "x=relative" in page.url
    page.reload()
    expect(page.locator("[data-curve-chart]").first).to_have_attribute("data-x", "relative")


def test_parameters_are_found_by_typing(opened, scenes):
    run, _ = a_judged_run(scenes, parameters={"lr": 0.01, "depth": 4})
    page = opened(run, "tab=configuration")
    page.get_by_placeholder("Find parameters and packages").fill("dep")
    expect(page.get_by_role("row", name=re.compile("depth"))).to_be_visible()
    expect(page.get_by_role("row", name=re.compile("^lr"))).to_be_hidden()


def test_a_pair_of_classes_is_counted_in_the_browser(run, opened):
    page = opened(run, "tab=compare")
    wait_for_frame(page)
    script = """async () => {
        const { pairCount } = await import(window.scenePage.modules + "only_chip.js");
        const { readState, writeState } = await import(window.scenePage.modules + "url_state.js");
        const read = (text) => readState(text).only;
        return [pairCount([1, 1, 2], [3, 4, 3], [1, 3]), read("?only=3,5"), read("?only=3"), read("?only=-1,5"),
            read("?only=3,500"), writeState({ ...readState(""), only: [3, 5] })];
    }"""
    counted, read, *bad, written = page.evaluate(script)
    assert counted == int(np.sum((np.array([1, 1, 2]) == 1) & (np.array([3, 4, 3]) == 3)))
    assert read == [3, 5]
    assert bad == [None, None, None]
    assert written == "only=3%2C5"
