"""What a run logged colours the scene: its classes, its errors, its uncertainty, beside the ground truth."""

import re

import numpy as np
import pytest
from playwright.sync_api import expect

from experiments.models import Run
from experiments.tests.prediction_stories import predict, truth_of, wrong_by
from experiments.tests.stories import a_run
from lamm import prediction_overlays
from lamm.tests.browser.test_scene_viewer import BLUE, RED, ROAD, count
from scenes.models import Scene
from scenes.tests.factories import a_labelled_scene

BUILDING = 13


@pytest.fixture
def scene(db) -> Scene:
    return a_labelled_scene(frames=2, points=6000)


@pytest.fixture
def run(scene) -> Run:
    """It takes the first quarter of each frame's points for buildings and is sure of the rest alone."""
    run = a_run(architecture="RandLA-Net")
    unsure = np.where(np.arange(6000) < 1500, 0.95, 0.05).astype(np.float16)
    predicted = wrong_by(truth_of(scene), 0.25, wrong=BUILDING)
    predict(run, scene, predicted, uncertainty=[unsure, unsure], measure="variation_ratio")
    return run


@pytest.fixture
def show(live_server, logged_in):
    def go(scene: Scene, query: str = ""):
        logged_in.goto(f"{live_server.url}/scenes/{scene.pk}/?{query}")
        expect(logged_in.locator("#stage")).to_have_attribute("data-frame", "0", timeout=20_000)
        return logged_in

    return go


def test_a_runs_prediction_is_chosen_and_colours_the_points(scene, run, show):
    truth = f"colour=classes:labels:{scene.label_sets.get().pk}"
    road = count(show(scene, truth), ROAD)
    page = show(scene)
    page.locator('[data-choose="prediction"]').select_option(label=f"run-{run.pk} · RandLA-Net")
    expect(page).to_have_url(re.compile(f"colour=classes%3Apredictions%3A{run.pk}|colour=classes:predictions:{run.pk}"))
    expect(page.locator('[data-legend="left"]')).to_contain_text("building")
    predicted = count(page, ROAD)
    assert 200 < predicted < 0.9 * road


def test_errors_and_uncertainty_are_where_the_run_is_wrong(scene, run, show):
    labels = f"labels:{scene.label_sets.get().pk}"
    page = show(scene, f"colour=error:{labels}~predictions:{run.pk}")
    wrong = sum(int(np.count_nonzero(one[:1500] != BUILDING)) for one in truth_of(scene)[:1])
    expect(page.locator('[data-legend="left"]')).to_contain_text(f"{wrong / 60:.1f} % of 6,000 judged points")
    assert count(page, RED) > 200
    page = show(scene, f"colour=uncertainty:uncertainty:{run.pk}")
    assert count(page, RED) > 200
    assert count(page, BLUE) > 500


def test_truth_and_prediction_stand_side_by_side(scene, run, show):
    page = show(scene, f"colour=classes:labels:{scene.label_sets.get().pk}")
    page.keyboard.press("b")
    right = page.locator('[data-choose="right"]')
    expect(right).to_have_value(f"classes:predictions:{run.pk}")
    expect(page.locator("#stage-view")).to_have_attribute("data-halves", "beside")


def test_older_runs_open_by_their_address_and_the_picker_says_so(scene, run, show, monkeypatch):
    monkeypatch.setattr(prediction_overlays, "MOST_RUNS", 1)
    newer = a_run()
    predict(newer, scene, truth_of(scene))
    page = show(scene)
    picker = page.locator('[data-choose="prediction"]')
    expect(picker.locator("option:disabled")).to_contain_text("Only the newest 1 of the runs")
    assert f"predictions:{run.pk}" not in picker.inner_html()
    page = show(scene, f"colour=classes:predictions:{run.pk}")
    expect(page.locator('[data-choose="prediction"]')).to_have_value(f"predictions:{run.pk}")
    expect(page.locator('[data-legend="left"]')).to_contain_text("building")
