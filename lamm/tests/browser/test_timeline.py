"""The timeline of the scene page: strip, scores, spikes; and its pure modules."""

import re

import pytest
from django.conf import LazySettings
from playwright.sync_api import Page, expect

from lamm.tests.overlay_stories import a_series, model_sources, predict, score, scores
from scenes.models import Scene
from scenes.tests.factories import a_labelled_scene, a_ready_scene

FRAMES = 8
VALUES = [0.1, 0.12, 0.1, 0.8, 0.7, 0.1, 0.9, None]


@pytest.fixture
def settings(settings: LazySettings) -> LazySettings:
    settings.OVERLAY_PROVIDERS = [
        *settings.OVERLAY_PROVIDERS,
        f"{model_sources.__module__}.{model_sources.__name__}",
    ]
    settings.SCORE_PROVIDERS = [f"{scores.__module__}.{scores.__name__}"]
    return settings


@pytest.fixture
def scene(settings, db) -> Scene:
    made = a_labelled_scene(frames=FRAMES, points=2000)
    predict(made)
    score(
        made,
        a_series(VALUES, iou=[0.9, 0.9, 0.9, 0.4, 0.5, 0.9, 0.2, None]),
        a_series([0.3] * FRAMES, key="single", title="Single"),
    )
    return made


@pytest.fixture
def open_scene(live_server, logged_in):
    def go(scene: Scene, query: str = "") -> Page:
        logged_in.goto(f"{live_server.url}/scenes/{scene.pk}/?{query}")
        expect(logged_in.locator("#stage[data-frame]")).to_have_count(1, timeout=20_000)
        return logged_in

    return go


def at_frame(page: Page, number: int) -> None:
    expect(page.locator("#stage")).to_have_attribute("data-frame", str(number))


def place_of(page: Page, frame: int) -> float:
    """The x of a frame on the timeline, in pixels of the window."""
    return page.evaluate(
        "(n) => { const t = window.scenePage.timeline;"
        "return t.parts.timeline.getBoundingClientRect().left + t.axis.pixel(t.axis.values[n]) }",
        frame,
    )


def middle_of(page: Page, selector: str) -> float:
    box = page.locator(selector).bounding_box()
    return box["y"] + box["height"] / 2


def test_a_click_on_a_peak_loads_its_frame_with_the_overlay_at_once(scene, open_scene):
    page = open_scene(scene)
    page.mouse.click(place_of(page, 6), middle_of(page, "[data-chart]"))
    at_frame(page, 6)
    button = page.get_by_role("button", name="Show Uncertainty Overlay")
    expect(button).to_have_attribute("aria-pressed", "true")
    assert page.evaluate("window.scenePage.viewer.colouring.views[0].colour") == "uncertainty:uncertainty:run-7"
    expect(page).to_have_url(re.compile("frame=6.*colour=uncertainty|colour=uncertainty.*frame=6"))


def test_spikes_over_the_threshold_are_counted_and_stepped_through(scene, open_scene):
    page = open_scene(scene, "threshold=0.5")
    expect(page.locator("[data-spikes]")).to_have_text("2 spikes")
    for key, frame in (("n", 3), ("n", 6), ("p", 3)):
        page.keyboard.press(key)
        at_frame(page, frame)
    page.keyboard.press("h")
    page.keyboard.type("0.85")
    page.keyboard.press("Enter")
    expect(page.locator("[data-spikes]")).to_have_text("1 spike")
    expect(page).to_have_url(re.compile("threshold=0.85"))


def test_the_threshold_is_moved_by_its_handle(scene, open_scene):
    page = open_scene(scene, "threshold=0.5")
    handle = page.get_by_role("slider", name="Threshold")
    handle.press("ArrowUp")
    expect(handle).not_to_have_attribute("aria-valuenow", "0.5")
    assert page.evaluate("window.scenePage.store.state.threshold") > 0.5
    box = handle.bounding_box()
    page.mouse.move(box["x"] + 30, box["y"] + 7)
    page.mouse.down()
    page.mouse.move(box["x"] + 30, box["y"] - 20)
    page.mouse.up()
    assert page.evaluate("window.scenePage.store.state.threshold") > 0.6


def test_a_brush_plays_a_range(scene, open_scene):
    page = open_scene(scene)
    y = middle_of(page, "[data-chart]")
    page.mouse.move(place_of(page, 2), y)
    page.mouse.down()
    page.mouse.move(place_of(page, 4), y, steps=4)
    page.mouse.move(place_of(page, 5), y)
    page.mouse.up()
    expect(page.get_by_role("button", name="Plays 2 to 5")).to_be_visible()
    page.keyboard.press("Space")
    at_frame(page, 5)
    page.get_by_role("button", name="Plays 2 to 5").click()
    expect(page).not_to_have_url(re.compile("play="))


def test_pointing_previews_the_values_of_a_frame(scene, open_scene):
    page = open_scene(scene)
    page.mouse.move(place_of(page, 3), middle_of(page, "[data-chart]"))
    tip = page.locator("[data-tip]")
    expect(tip).to_contain_text("Frame 3")
    expect(tip).to_contain_text("Ensemble 0.800 · IoU 0.400")
    at_frame(page, 0)


def test_several_series_are_overlaid_by_their_chips(scene, open_scene):
    page = open_scene(scene)
    expect(page.get_by_role("button", name=re.compile("Ensemble"))).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name=re.compile("Single")).click()
    expect(page.get_by_role("button", name=re.compile("Single"))).to_have_attribute("aria-pressed", "true")
    assert page.evaluate("window.scenePage.timeline.chart.series.length") == 2
    expect(page).to_have_url(re.compile("series=ensemble&series=single"))


def test_without_scores_the_strip_works_and_the_panel_says_what_will_come(settings, open_scene):
    page = open_scene(a_ready_scene(frames=3, name="plain"))
    expect(page.get_by_text("No uncertainty scores yet.")).to_be_visible()
    page.mouse.click(place_of(page, 2), page.locator("[data-strip]").bounding_box()["y"] + 6)
    at_frame(page, 2)
    expect(page.get_by_role("slider", name="Frame")).to_have_attribute("aria-valuenow", "2")


def test_twenty_thousand_frames_are_drawn_quickly(scene, open_scene):
    page = open_scene(scene)
    took = page.evaluate("""async () => {
        const { Axis } = await import(`${window.scenePage.modules}axis.js`);
        const { columns } = await import(`${window.scenePage.modules}timeline_strip.js`);
        const { spikes } = await import(`${window.scenePage.modules}spikes.js`);
        const n = 20000;
        const axis = new Axis(Float64Array.from({ length: n }, (_, i) => i / 10));
        axis.width = 1200;
        const line = { count: n, frames: { state: Array(n).fill("ready") } };
        const values = Array.from({ length: n }, (_, i) => Math.abs(Math.sin(i)));
        const begin = performance.now();
        const drawn = columns(line, axis, {});
        const found = spikes(values, 0.9).length;
        return { milliseconds: performance.now() - begin, covered: drawn.filter((bits) => bits & 1).length, found };
    }""")
    assert took["covered"] > 1100
    assert took["found"] > 1000


PURE = """async () => {
    const at = window.scenePage.modules;
    const { spikes, peak, neighbourSpike, usualThreshold } = await import(`${at}spikes.js`);
    const { filledSeconds, nearest } = await import(`${at}frame_line.js`);
    const { PlaybackClock, neighbourSpeed } = await import(`${at}clock.js`);
    const { readState, writeState, DEFAULTS } = await import(`${at}url_state.js`);
    const { hiddenAfter, errorCounts } = await import(`${at}legend.js`);
    const { ByteCache } = await import(`${at}byte_cache.js`);
    const { percentiles } = await import(`${at}fitting.js`);
    const { Axis } = await import(`${at}axis.js`);
    const clock = new PlaybackClock([0, 0.1, 0.2, 0.3]);
    clock.start(0, 1000);
    const due = [1000, 1099, 1150, 1310].map((now) => clock.at(now));
    const ended = [clock.at(1450), clock.running];
    clock.loop = true;
    clock.speed = 2;
    clock.setRange([1, 3]);
    clock.start(0, 0);
    const looped = [0, 60, 110, 160].map((now) => clock.at(now));
    let asked = [];
    const cache = new ByteCache(250, async (url) => (asked.push(url), new ArrayBuffer(100)));
    for (const url of ["a", "b", "a", "c", "b", "a"]) await cache.read(url);
    const broken = new ByteCache(9, async () => { throw new Error("away"); });
    const failures = [];
    for (let i = 0; i < 2; i++) await broken.read("x").catch((problem) => failures.push(problem.message));
    const state = { ...DEFAULTS, frame: 140, colour: "error:labels:12~predictions:run-7", right: "height",
        rings: true, slice: [-1.5, null],
        ranges: { height: [-2, 8] }, fit: ["intensity"], hidden: { "labels:12": [3, 7] }, series: ["a", "b"],
        threshold: 0.42, play: [3, 9], tab: "frames",
        camera: { position: [1, 2, 3], target: [0, 0, 0], up: [0, 0, 1], mode: "fly" } };
    const written = writeState(state, "?frames=ready&frame=3");
    const axis = new Axis([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    axis.width = 168;
    axis.zoom(0.5, axis.pixel(4.5));
    return {
        spikes: spikes([0, 2, 3, null, 4, 0, 5], 1), peak: peak([1, 5, 3], [0, 2]), none: neighbourSpike([0,
        0], 1, 0, 1),
        next: neighbourSpike([0, 2, 3, 0, 4], 1, 2, 1), usual: usualThreshold([...Array(101).keys()]),
        filled: [...filledSeconds([null, 0, null, 0.2])], untimed: [filledSeconds([null, 1, null]),
        filledSeconds([2, 1, 0]), filledSeconds([1, 1])],
        nearest: [nearest([0, 1, 4], 2), nearest([0, 1, 4], 3), nearest([0, 1, 4], -9), nearest([], 1)],
        due, ended, looped, speeds: [neighbourSpeed(1, 1), neighbourSpeed(8, 1), neighbourSpeed(0.25, -1)],
        asked, failures, again: JSON.stringify(readState(written)) === JSON.stringify({ ...state }), written,
        senseless: readState("?frame=-4&size=99&camera=1,2&slice=,&play=1&threshold=x"),
        hidden: [hiddenAfter([], 2, [1, 2, 3], false), hiddenAfter([2], 2, [1, 2, 3], false), hiddenAfter([],
        2, [1, 2, 3], true), hiddenAfter([1, 3], 2, [1, 2, 3], true)],
        errors: errorCounts([0, 1, 1, 2], [1, 1, 2, 2], new Set([0])),
        fitted: percentiles([...Array(101).keys()]), flat: percentiles([1, 1]),
        view: axis.view, order: Object.keys(readState("")).length === Object.keys(DEFAULTS).length,
    };
}"""


def test_the_pure_modules(scene, open_scene):
    told = open_scene(scene).evaluate(PURE)
    assert told["spikes"] == [[1, 2], [4, 4], [6, 6]]
    assert (told["peak"], told["none"], told["next"], told["usual"]) == (1, None, 4, 95)
    assert told["filled"] == pytest.approx([-0.1, 0, 0.1, 0.2])
    assert told["untimed"] == [None, None, None]
    assert told["nearest"] == [1, 2, 0, -1]
    assert (told["due"], told["ended"]) == ([0, 0, 1, 3], [3, False])
    assert told["looped"] == [1, 2, 3, 1]
    assert told["speeds"] == [2, 8, 0.25]
    assert told["asked"] == ["a", "b", "c", "b", "a"]  # the least recently used went first
    assert told["failures"] == ["away", "away"]
    assert told["again"], told["written"]
    assert "frames=ready" in told["written"]
    senseless = told["senseless"]
    assert (senseless["frame"], senseless["size"], senseless["camera"], senseless["slice"]) == (0, 12, None, None)
    assert (senseless["play"], senseless["threshold"]) == (None, None)
    assert told["hidden"] == [[2], [], [1, 3], []]
    assert told["errors"] == {"differs": 1, "agrees": 2, "ignored": 1}
    assert (told["fitted"], told["flat"]) == ([1, 99], None)
    assert told["view"] == pytest.approx([2, 7])
    assert told["order"]
