"""The viewer on the scene page: overlays change pixels as they should, playback steps, links reproduce the picture."""

import re

import pytest
from django.conf import LazySettings
from playwright.sync_api import Page, expect

from lamm.tests.overlay_stories import a_series, model_sources, predict, score, scores
from scenes.models import Scene
from scenes.tests.factories import a_drive_folder, a_labelled_scene, a_ready_scene, an_ingested_scene

PROVIDERS = [f"{function.__module__}.{function.__name__}" for function in (model_sources, scores)]
# Counts pixels of a picture by a rule on red, green and blue; the picture is what the viewer saves.
COUNT = """async () => {
    const { viewer } = window.scenePage;
    await viewer.whenSettled();
    const picture = await createImageBitmap(await viewer.screenshot());
    const canvas = new OffscreenCanvas(picture.width, picture.height);
    const context = canvas.getContext("2d");
    context.drawImage(picture, 0, 0);
    const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
    const fits = (r, g, b) => RULE;
    let count = 0;
    for (let i = 0; i < data.length; i += 4) if (fits(data[i], data[i + 1], data[i + 2])) count++;
    return count;
}"""
RED = "r > 150 && g < 90 && b < 90"
BLUE = "b > 130 && b > r * 1.8"
ROAD = "Math.abs(r - 176) < 26 && Math.abs(g - 107) < 26 && Math.abs(b - 214) < 26"  # its colour in the ontology, lit


@pytest.fixture
def settings(settings: LazySettings) -> LazySettings:
    settings.OVERLAY_PROVIDERS = [*settings.OVERLAY_PROVIDERS, PROVIDERS[0]]
    settings.SCORE_PROVIDERS = [PROVIDERS[1]]
    return settings


@pytest.fixture
def scene(settings, db) -> Scene:
    return a_labelled_scene(frames=4, points=6000)


@pytest.fixture
def show(live_server, logged_in):
    """`show(scene, "colour=height")` opens the scene's page and waits for its first frame."""

    def go(scene: Scene, query: str = "") -> Page:
        logged_in.goto(f"{live_server.url}/scenes/{scene.pk}/?{query}")
        frame = re.search(r"frame=(\d+)", query)
        expect(logged_in.locator("#stage")).to_have_attribute("data-frame", frame[1] if frame else "0", timeout=20_000)
        return logged_in

    return go


def truth_of(scene: Scene) -> str:
    return f"colour=classes:labels:{scene.label_sets.get().pk}"


def on(page: Page, name: str) -> None:
    expect(page.get_by_role("button", name=name, exact=True)).to_have_attribute("aria-pressed", "true")


def count(page: Page, rule: str) -> int:
    """Pixels of the refined picture that fit a rule on r, g and b (0..255)."""
    return page.evaluate(COUNT.replace("RULE", rule))


def at_frame(page: Page, number: int) -> None:
    expect(page.locator("#stage")).to_have_attribute("data-frame", str(number))


class TestOverlays:
    def test_ground_truth_shows_the_colours_of_its_classes_and_a_hidden_class_is_gone(self, scene, show):
        page = show(scene)
        assert count(page, ROAD) < 50
        page.get_by_role("button", name="Ground Truth Labels").click()
        on(page, "Ground Truth Labels")
        legend = page.locator('[data-legend="left"]')
        road = legend.get_by_role("button", name=re.compile("road"))
        expect(road).to_contain_text("K")
        before = count(page, ROAD)
        assert before > 500
        road.click()
        expect(road).to_have_attribute("aria-pressed", "false")
        assert count(page, ROAD) < before / 20
        legend.get_by_role("button", name="Show all").click()
        assert count(page, ROAD) == pytest.approx(before, rel=0.05)

    def test_a_class_is_shown_alone_by_alt_click_or_alt_enter(self, scene, show):
        page = show(scene, truth_of(scene))
        legend = page.locator('[data-legend="left"]')
        legend.get_by_role("button", name=re.compile("building")).click(modifiers=["Alt"])
        expect(legend.get_by_role("button", name=re.compile("road"))).to_have_attribute("aria-pressed", "false")
        expect(legend.get_by_role("button", name=re.compile("building"))).to_have_attribute("aria-pressed", "true")
        page.keyboard.press("Alt+Enter")
        expect(legend.get_by_role("button", name=re.compile("road"))).to_have_attribute("aria-pressed", "true")

    def test_the_error_map_is_red_only_where_the_prediction_differs(self, scene, show):
        predict(scene, wrong=0.25)
        page = show(scene)
        page.keyboard.press("4")
        on(page, "Error")
        wrong = count(page, RED)
        assert wrong > 200
        expect(page.locator('[data-legend="left"]')).to_contain_text("25.0 % of 6,000 judged points")
        predict(scene, wrong=0)
        show(scene, f"colour=error:labels:{scene.label_sets.get().pk}~predictions:run-7")
        assert count(page, RED) < wrong / 50

    def test_uncertain_points_are_hot_and_the_others_cool(self, scene, show):
        predict(scene, wrong=0.25)
        page = show(scene)
        page.get_by_role("button", name="Show Uncertainty Overlay").click()
        on(page, "Show Uncertainty Overlay")
        assert count(page, "r > 180 && g < 120 && b < 90") > 200
        assert count(page, BLUE) > 500
        page.get_by_role("button", name="Raw Point Cloud").click()
        on(page, "Raw Point Cloud")

    def test_a_frame_without_values_of_its_points_is_coloured_by_its_score(self, scene, show):
        score(scene, a_series([0.02, 0.99, 0.5, None]))
        page = show(scene, "colour=score:ensemble")
        blue = count(page, BLUE)
        assert blue > 1500
        page.keyboard.press(".")
        at_frame(page, 1)
        assert count(page, BLUE) < blue / 5  # the sign of the axes has some
        assert count(page, RED) > 1500
        expect(page.locator('[data-legend="left"]')).to_contain_text("0.990")

    def test_switching_back_to_a_loaded_overlay_fetches_nothing(self, scene, show):
        page = show(scene)
        for key in "212":
            page.keyboard.press(key)
            page.evaluate("window.scenePage.viewer.whenSettled()")
        asked = []
        page.on(
            "request",
            lambda request: asked.append(request.url) if f"/frames/{scene.frames.first().pk}/" in request.url else None,
        )
        for key in "1212":
            page.keyboard.press(key)
            page.evaluate("window.scenePage.viewer.whenSettled()")
        assert asked == []

    def test_what_is_not_there_can_not_be_pressed_and_says_why(self, settings, show):
        page = show(a_ready_scene())
        for name in ("Ground Truth Labels", "Error", "Show Uncertainty Overlay"):
            button = page.get_by_role("button", name=name, exact=True)
            expect(button).to_be_disabled()
            assert len(button.get_attribute("title")) > 20

    def test_a_frame_without_a_prediction_says_so_and_stays_in_sight(self, scene, show):
        predict(scene, without=[1])
        page = show(scene, "frame=1&colour=classes:predictions:run-7")
        expect(page.locator("[data-notes]")).to_contain_text("This frame has no prediction in “run-7”")
        assert page.evaluate("window.scenePage.viewer.statistics().shown") > 0
        page.keyboard.press(",")
        expect(page.locator("[data-notes]")).to_be_empty()

    def test_labels_that_do_not_fit_their_frame_say_so(self, scene, show):
        scene.frames.filter(index=0).update(point_count=6001)
        page = show(scene, truth_of(scene))
        expect(page.locator("[data-notes]")).to_contain_text("6,000 labels do not fit the 6,001 points")


class TestViews:
    def test_side_by_side_one_camera_looks_at_both(self, scene, show):
        predict(scene)
        page = show(scene, truth_of(scene))
        page.keyboard.press("b")
        on(page, "Side by side")
        right = page.get_by_label("Colour of the right view by")
        expect(right).to_have_value("classes:predictions:run-7")
        expect(page.locator('[data-legend="right"]')).to_contain_text("building")
        assert page.evaluate("window.scenePage.viewer.colouring.views.length") == 2
        right.select_option("height")
        expect(page).to_have_url(re.compile("right=height"))
        page.keyboard.press("b")
        expect(page.locator('[data-half="right"]')).to_be_hidden()

    def test_a_deep_link_reproduces_the_picture(self, scene, show, live_server, context):
        page = show(scene, truth_of(scene) + "&rings=1&size=4")
        page.keyboard.press("End")
        at_frame(page, 3)
        page.keyboard.press("8")
        page.evaluate("window.scenePage.viewer.whenSettled()")
        page.locator('[data-legend="left"]').get_by_role("button", name=re.compile("building")).click()
        expect(page).to_have_url(re.compile("hidden="))
        expect(page).to_have_url(re.compile("camera="))
        counted = count(page, ROAD)
        assert counted > 100
        other = context.new_page()
        other.goto(page.url)
        at_frame(other, 3)
        assert count(other, ROAD) == pytest.approx(counted, rel=0.02)
        assert other.evaluate("window.scenePage.viewer.getCamera().position") == pytest.approx(
            page.evaluate("window.scenePage.viewer.getCamera().position"), abs=1e-3
        )
        expect(other.locator('[data-set="size"]')).to_have_value("4")

    def test_a_picked_point_tells_all_that_is_known_of_it(self, scene, show):
        predict(scene, wrong=1)
        page = show(scene)
        page.keyboard.press("6")
        page.evaluate("window.scenePage.viewer.whenSettled()")
        place = page.evaluate("""() => {
            const { viewer } = window.scenePage;
            const box = document.getElementById("stage-host").getBoundingClientRect();
            for (let y = box.height * 0.5; y < box.height * 0.9; y += 3)
                for (let x = box.width * 0.3; x < box.width * 0.7; x += 3) {
                    const pick = viewer.pick(box.left + x, box.top + y);
                    if (pick && pick.position[2] < -1)
                        return { x: box.left + x, y: box.top + y, index: pick.originalIndex };
                }
        }""")
        page.mouse.click(place["x"], place["y"])
        readout = page.locator("[data-readout]")
        expect(readout.locator("[data-point-index]")).to_have_text(f"{place['index']:,}")
        for words in ("Ground truth", "road", "Prediction", "building", "Uncertainty", "0.9", "Range"):
            expect(readout).to_contain_text(words)
        page.keyboard.press("Escape")
        expect(readout).to_be_hidden()


class TestFrames:
    def test_keys_step_jump_and_go(self, scene, show):
        page = show(scene)
        for key, frame in ((".", 1), ("ArrowRight", 2), (",", 1), ("End", 3), ("Home", 0)):
            page.keyboard.press(key)
            at_frame(page, frame)
        page.keyboard.press("g")
        page.keyboard.type("2")
        page.keyboard.press("Enter")
        at_frame(page, 2)
        expect(page).to_have_url(re.compile("frame=2"))

    def test_playback_plays_to_the_end_and_loops_if_wished(self, scene, show):
        page = show(scene)
        page.keyboard.press("Space")
        at_frame(page, 3)
        expect(page.get_by_role("button", name="Play", exact=True)).to_be_visible()
        page.keyboard.press("l")
        seen = page.evaluate("""() => new Promise((done) => {
            const seen = [];
            window.scenePage.store.on(["frame"], ({ frame }) => {
                seen.push(frame);
                if (seen.includes(3) && seen.lastIndexOf(0) > seen.indexOf(3)) done(seen);
            });
            window.scenePage.togglePlay();
        })""")
        assert seen[-1] == 0
        page.get_by_role("button", name="Pause").click()
        expect(page.get_by_role("button", name="Play", exact=True)).to_be_visible()

    def test_a_quarantined_frame_is_told_in_its_place_and_passed(self, settings, show, tmp_path):
        folder = a_drive_folder(tmp_path, frames=2)
        (folder / "000001.pcd").write_bytes(b"this is no point cloud")
        (folder / "000002.pcd").write_bytes((folder / "000000.pcd").read_bytes())
        page = show(an_ingested_scene(folder))
        page.keyboard.press(".")
        message = page.locator("[data-message]")
        expect(message).to_contain_text("Frame 1 is quarantined")
        message.get_by_role("button", name="Next readable frame").click()
        at_frame(page, 2)
        expect(message).to_be_hidden()

    def test_a_file_that_does_not_come_can_be_asked_for_again(self, scene, show, logged_in, allowed_faults):
        allowed_faults += ["503", "Failed to load"]
        last = scene.frames.order_by("index").last()
        logged_in.route(f"**/files/frames/{last.pk}/display/*", lambda route: route.fulfill(status=503))
        page = show(scene)
        page.keyboard.press("End")
        expect(page.locator("[data-message]")).to_contain_text("Frame 3 did not come")
        page.unroute_all()
        page.get_by_role("button", name="Try again").click()
        at_frame(page, 3)

    def test_without_webgl_the_facts_stay(self, scene, live_server, logged_in):
        logged_in.add_init_script(
            "const get = HTMLCanvasElement.prototype.getContext;"
            "HTMLCanvasElement.prototype.getContext = function (kind, ...more) {"
            "return kind === 'webgl2' ? null : get.call(this, kind, ...more); };"
        )
        logged_in.goto(f"{live_server.url}/scenes/{scene.pk}/")
        expect(logged_in.locator("[data-message]")).to_contain_text("no 3D here")
        expect(logged_in.get_by_role("region", name="Metadata")).to_contain_text("24,000")
        logged_in.get_by_role("tab", name="Frames").click()
        expect(logged_in.locator("#frames tbody tr")).to_have_count(4)


def test_every_key_is_listed_and_named_in_a_tooltip(scene, show):
    page = show(scene)
    page.keyboard.press("?")
    keys = page.get_by_role("dialog", name="Keys")
    for words in ("Play, pause", "Uncertainty overlay", "Copy a link", "Range rings"):
        expect(keys).to_contain_text(words)
    page.keyboard.press("Escape")
    expect(keys).to_be_hidden()
    silent = page.locator("[data-do]:not([title])").evaluate_all("(all) => all.map((one) => one.dataset.do)")
    assert silent == []
