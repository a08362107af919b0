"""A big cloud on the scene page: it opens in parts, within a budget, and is known point by point."""

import re

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from scenes import services
from scenes.clouds import pcd
from scenes.models import Scene
from scenes.tests.factories import add_labels, an_ingested_scene

POINTS = 620_000
POINT = np.dtype([("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("intensity", "<f4"), ("ring", "<u2"), ("label", "<u2")])
ROAD, BUILDING = 40, 50
OPENED = "async () => { await scenePage.viewer.whenSettled(); return scenePage.viewer.statistics(); }"
# The first place in the middle of the picture where there is a point of a wall.
ON_A_WALL = """() => {
    const { viewer } = scenePage;
    const box = document.getElementById("stage-host").getBoundingClientRect();
    for (let y = box.top + 60; y < box.bottom - 60; y += 4)
        for (let x = box.left + 60; x < box.right - 220; x += 4) {
            const pick = viewer.pick(x, y);
            if (pick && pick.position[2] > 2) return { x, y, position: pick.position };
        }
}"""


def a_big_cloud() -> np.ndarray:
    """A street of 200 m with walls on both sides, structured (POINTS,)."""
    random = np.random.default_rng(5)
    cloud = np.zeros(POINTS, POINT)
    cloud["x"] = random.uniform(-100, 100, POINTS)
    cloud["y"] = random.uniform(-10, 10, POINTS)
    cloud["label"] = ROAD
    wall = random.random(POINTS) < 0.4
    cloud["y"][wall] = np.sign(cloud["y"][wall]) * 10
    cloud["z"][wall] = random.uniform(0, 9, np.count_nonzero(wall))
    cloud["label"][wall] = BUILDING
    cloud["intensity"] = np.where(wall, 0.8, 0.2)
    cloud["ring"] = np.arange(POINTS) % 64
    return cloud


@pytest.fixture
def cloud() -> np.ndarray:
    return a_big_cloud()


@pytest.fixture
def scene(db, tmp_path, cloud) -> Scene:
    folder = tmp_path / "street"
    folder.mkdir()
    (folder / "000000.pcd").write_bytes(pcd.write(cloud))
    scene = an_ingested_scene(folder)
    assert scene.frames.get().octree_index is not None
    labels = tmp_path / "labels"
    labels.mkdir()
    (labels / "000000.label").write_bytes(cloud["label"].astype("<u4").tobytes())
    services.sync_shipped_ontologies(by=None)
    add_labels(scene, labels)
    return scene


@pytest.fixture
def show(live_server, logged_in):
    """`show(scene, "colour=height")` opens the scene's page and waits until the picture is whole."""

    def go(scene: Scene, query: str = "") -> Page:
        logged_in.goto(f"{live_server.url}/scenes/{scene.pk}/?{query}")
        expect(logged_in.locator("#stage")).to_have_attribute("data-frame", "0", timeout=20_000)
        logged_in.evaluate(OPENED)
        return logged_in

    return go


def test_it_opens_in_parts_and_says_how_much_is_shown(scene, show, logged_in):
    asked: list[str] = []
    logged_in.on("request", lambda request: asked.append(request.url) if "/nodes/" in request.url else None)
    page = show(scene)
    told = page.evaluate("scenePage.viewer.statistics()")
    assert (told["total"], told["loading"]) == (POINTS, False)
    assert 50_000 < told["shown"] <= POINTS
    assert len(asked) > 2
    expect(page.locator("[data-statistics]")).to_have_text(re.compile(r"^showing [\d.]+K of 620\.0K points$"))
    expect(page.locator("[data-legend=left] [data-end=high]")).not_to_have_value("1")
    assert float(page.locator("[data-legend=left] [data-end=high]").input_value()) == pytest.approx(9, abs=0.5)


def test_it_stays_within_the_budget_and_forgets_what_is_out_of_sight(scene, show):
    page = show(scene)
    page.evaluate("scenePage.viewer.setPointBudget(150000)")
    for camera in ("top", "side", "ego"):
        page.evaluate(f"scenePage.viewer.preset('{camera}')")
        told = page.evaluate(OPENED)
        assert 0 < told["shown"] <= 150_000
        assert page.evaluate("scenePage.viewer.cloud.points") <= 1.5 * 150_000
    assert page.evaluate("scenePage.data.cache.bytes <= scenePage.data.cache.limit")


def test_labels_colour_it_and_the_legend_counts_the_whole_frame(scene, show, cloud):
    page = show(scene, f"colour=classes:labels:{scene.label_sets.get().pk}")
    legend = page.locator("[data-legend=left]")
    for name, raw in (("road", ROAD), ("building", BUILDING)):
        count = np.count_nonzero(cloud["label"] == raw)
        expect(legend.get_by_role("button", name=re.compile(name))).to_have_attribute(
            "title", re.compile(f"{count:,} points")
        )
    expect(legend.get_by_role("button")).to_have_count(2)
    picked = page.evaluate(ON_A_WALL)
    assert picked is not None
    legend.get_by_role("button", name=re.compile("building")).click()
    page.evaluate(OPENED)
    assert page.evaluate(ON_A_WALL) is None


def test_a_picked_point_is_the_one_of_the_original(scene, show, cloud):
    page = show(scene)
    picked = page.evaluate(ON_A_WALL)
    page.mouse.click(picked["x"], picked["y"])
    index = page.locator("[data-point-index]")
    expect(index).to_have_text(re.compile(r"^[\d,]+$"))
    original = cloud[int(index.inner_text().replace(",", ""))]
    assert [original[axis] for axis in "xyz"] == pytest.approx(picked["position"], abs=0.02)
    expect(page.locator("[data-readout]")).to_contain_text("building")


def test_a_slice_of_heights_and_rings_and_fields_work_on_it(scene, show):
    page = show(scene, "slice=-1,1&rings=1&colour=field:ring")
    assert page.evaluate(ON_A_WALL) is None
    assert page.evaluate("scenePage.viewer.settings.rings") is True
    assert page.evaluate("scenePage.viewer.cloud.allBlocks().every((block) => block.values.has('field:ring'))")
    page.keyboard.press("z")
    page.evaluate(OPENED)
    assert page.evaluate(ON_A_WALL) is not None


def test_a_scale_is_fitted_to_it_on_demand(scene, show):
    page = show(scene)
    high = page.locator("[data-legend=left] [data-end=high]")
    page.locator("[data-legend=left] [data-lock]").click()
    expect(high).to_be_disabled()
    assert float(high.input_value()) == pytest.approx(8.9, abs=0.3)
