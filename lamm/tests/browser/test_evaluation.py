"""From the library to the points: sort by uncertainty, open the worst scene, click the peak, see the heat, share it."""

import re

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from experiments.tests.stories import a_version
from lamm.tests.browser.test_scene_viewer import COUNT
from scenes.models import Scene
from scenes.tests.factories import a_drive_folder, an_ingested_scene
from uncertainty import services
from uncertainty.models import Evaluation
from uncertainty.tests.stories import an_account, vectors
from uncertainty.wishes import EvaluationWishes

FRAMES, POINTS = 6, 6000
PEAK = 4
HOT = COUNT.replace("RULE", "r > 150 && g < 110 && b < 90")
COOL = COUNT.replace("RULE", "b > 110 && b > r * 1.6")


@pytest.fixture
def world(db, tmp_path) -> tuple[list[Scene], Evaluation]:
    """Three scenes; in the second the fifth frame is the peak, where every third point is as uncertain as can be."""
    engineer = an_account()
    scenes = [
        an_ingested_scene(a_drive_folder(tmp_path, name=f"drive-{number}", frames=FRAMES, points=POINTS))
        for number in range(3)
    ]
    a_version("Urban", val=scenes)
    wishes = EvaluationWishes(dataset="Urban@v1", name="ensemble-v2", measure="mutual_information", normalised=True)
    draft = services.create_evaluation(wishes=wishes, by=engineer).evaluation
    quiet = {scene.pk: [0.02 + 0.01 * place for place in range(FRAMES)] for scene in (scenes[0], scenes[2])}
    services.record_scores(evaluation=draft, vectors=vectors(quiet), by=engineer)
    for place, frame in enumerate(scenes[1].frames.order_by("index")):
        hot = np.arange(POINTS) % 3 == 0 if place == PEAK else np.zeros(POINTS, bool)
        values = np.where(hot, 0.98, 0.03).astype("<f4")
        services.record_points(evaluation=draft, frame=frame.pk, values=values, by=engineer)
    return scenes, services.finish_evaluation(evaluation=draft, by=engineer)


def place_of(page: Page, frame: int) -> float:
    """The x of a frame on the timeline, in pixels of the window."""
    return page.evaluate(
        "(n) => { const t = window.scenePage.timeline;"
        "return t.parts.timeline.getBoundingClientRect().left + t.axis.pixel(t.axis.values[n]) }",
        frame,
    )


def at_frame(page: Page, number: int) -> None:
    expect(page.locator("#stage")).to_have_attribute("data-frame", str(number), timeout=20_000)


def test_from_the_library_to_the_hot_points_and_a_link_to_share(world, logged_in: Page):
    page = logged_in
    page.goto(page.url.partition("?")[0])
    page.get_by_role("link", name="Most uncertain first").click()
    expect(page).to_have_url(re.compile("sort=-max_uncertainty"))
    first = page.locator(".scene-link").first
    expect(first).to_have_text("drive-1")
    expect(page.get_by_role("link", name="ensemble-v2").first).to_be_visible()
    first.click()
    at_frame(page, 0)
    box = page.locator("[data-chart]").bounding_box()
    page.mouse.click(place_of(page, PEAK), box["y"] + box["height"] / 2)
    at_frame(page, PEAK)
    expect(page.get_by_role("button", name="Show Uncertainty Overlay")).to_have_attribute("aria-pressed", "true")
    hot, cool = page.evaluate(HOT), page.evaluate(COOL)
    assert hot > 200
    assert cool > 200
    link = page.url
    assert f"frame={PEAK}" in link
    page.goto("about:blank")
    page.goto(link)
    at_frame(page, PEAK)
    assert page.evaluate(HOT) == pytest.approx(hot, rel=0.05)
    page.keyboard.press("ArrowLeft")
    at_frame(page, PEAK - 1)
    assert page.evaluate(HOT) < hot / 20


def test_the_page_of_an_evaluation_draws_its_histogram_and_leads_to_frames(world, logged_in: Page):
    _, finished = world
    page = logged_in
    page.goto(page.url.replace("/explorer/", f"/evaluations/{finished.pk}/"))
    expect(page.get_by_role("heading", name="ensemble-v2")).to_be_visible()
    chart = page.locator("[data-histogram]")
    expect(chart).to_have_attribute("data-state", "ready")
    chart.get_by_text("Data as a table").click()
    expect(chart.locator("tbody tr")).to_have_count(10)
    page.locator("#top-frames tbody a").first.click()
    at_frame(page, PEAK)
    assert page.evaluate("window.scenePage.store.state.colour") == f"uncertainty:uncertainty:evaluation-{finished.pk}"
    assert page.evaluate(HOT) > 200


def test_the_list_is_narrowed_in_place(world, logged_in: Page):
    page = logged_in
    page.goto(page.url.replace("/explorer/", "/evaluations/"))
    expect(page.get_by_role("link", name="ensemble-v2")).to_be_visible()
    page.locator("select[name=measure]").select_option("variance")
    expect(page.get_by_text("No evaluation matches")).to_be_visible()
    expect(page).to_have_url(re.compile("measure=variance"))
    page.get_by_role("link", name="Show all evaluations").click()
    expect(page.get_by_role("link", name="ensemble-v2")).to_be_visible()
