"""The 3D viewer opens a large cloud progressively, within its budget, and knows its points."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from lamm.tests.browser.viewer_page import ViewerPage
from scenes.clouds import octree_index
from scenes.clouds.octree_rounds import Sizes
from scenes.clouds.octree_select import Camera, select_nodes
from scenes.tests.clouds.octrees import Octree, octree_of
from scenes.tests.clouds.samples import street

COUNT = 150_000
OPEN = """
const data = await bytes("data");
const order = new Uint32Array(await bytes("order"));
window.fetched = { nodes: [], most: 0, now: 0, slices: [] };
const counted = async (list, what, answer) => {
  list.push(what);
  fetched.most = Math.max(fetched.most, ++fetched.now);
  await new Promise((resolve) => setTimeout(resolve, 3));
  fetched.now -= 1;
  return answer();
};
if (given.budget) viewer.setPointBudget(given.budget);
if (given.camera) viewer.setCamera(given.camera);
viewer.setGeometry({
  kind: "octree",
  index: await bytes("index"),
  fetchNode: (offset, length) => counted(fetched.nodes, [offset, length], () => data.slice(offset, offset + length)),
  fetchOrder: async (first, count) => order.slice(first, first + count),
});
const values = await bytes("values");
viewer.setAttribute("truth", {
  kind: "classes",
  fetchSlice: (first, count) =>
    counted(fetched.slices, [first, count], () => new Uint8Array(values.slice(first, first + count))),
});
viewer.setPalette("truth", given.classes);
viewer.setEyeDomeLighting(0);
viewer.setPointSize(5);
"""
CLASSES = [{"index": 0, "name": "low", "colour": "#3c5aff"}, {"index": 1, "name": "high", "colour": "#ff3c28"}]


@pytest.fixture(scope="module")
def tree() -> Octree:
    return octree_of(street(n=COUNT), sizes=Sizes(leaf=1500, block=40_000, batch=20_000))


@pytest.fixture
def viewer(viewer_page: ViewerPage, tree: Octree) -> Iterator[ViewerPage]:
    viewer_page.renew()
    high = (street(n=COUNT)[:, 2] > 0.5).astype(np.uint8)
    viewer_page.files = {
        "data": tree.data_bytes,
        "index": tree.index_bytes,
        "order": tree.order_bytes,
        "values": high[tree.order].tobytes(),
    }
    yield viewer_page
    assert viewer_page.faults == []


def open_tree(viewer: ViewerPage, **options: Any) -> None:
    viewer.run(OPEN, {"classes": CLASSES, "budget": None, "camera": None, **options})


def settle(viewer: ViewerPage) -> dict[str, Any]:
    statistics: dict[str, Any] = viewer.run("await viewer.whenSettled(); return viewer.statistics()")
    return statistics


def test_a_large_cloud_opens_with_a_prefix_and_refines(viewer: ViewerPage, tree: Octree) -> None:
    open_tree(viewer)
    shown = settle(viewer)
    requests = viewer.run("return fetched.nodes")
    assert requests[0] == [0, tree.index.first_request()[0]]
    assert len(requests) > 1
    assert shown["total"] == tree.index.points == COUNT
    assert 50_000 < shown["shown"] <= COUNT
    assert viewer.run("return fetched.most") <= 6 + 1  # the seventh is of an attribute
    firsts = {offset for offset, _ in requests}
    assert len(firsts) == len(requests)  # nothing twice


def test_the_budget_bounds_what_is_drawn_and_kept(viewer: ViewerPage) -> None:
    budget = 20_000
    open_tree(viewer, budget=budget)
    held, asked = [], []
    for x in (-20, 20, 40, -20):
        camera = {"position": [x, -6, 4], "target": [x + 4, 0, 1]}
        viewer.run("viewer.setCamera(given)", camera)
        assert settle(viewer)["shown"] <= budget
        held.append(viewer.run("return viewer.cloud.points"))
        asked.append(viewer.run("return fetched.nodes.length"))
    assert max(held) <= 1.5 * budget
    assert asked[-1] > asked[-2]  # what was seen first had been dropped


def test_nodes_are_chosen_as_on_the_server(viewer: ViewerPage, tree: Octree) -> None:
    for position, target in (((0, -30, 20), (0, 0, 0)), ((8, -3, 2), (30, 4, 1)), ((0, 0, 500), (1, 0, 0))):
        camera = Camera(position, target, 55, 700, 1.5)
        chosen = viewer.run(
            "const index = octree.parseIndex(await bytes('index'));"
            "return octree.selectNodes(index, given, { budget: 90_000, smallest: 40 })",
            {"position": position, "target": target, "fieldOfView": 55, "height": 700, "aspect": 1.5},
        )
        assert chosen == select_nodes(tree.index, camera, budget=90_000, smallest=40)
        assert chosen


def test_a_pick_tells_the_index_in_the_cloud(viewer: ViewerPage) -> None:
    open_tree(viewer, camera={"position": [0, -12, 6], "target": [0, 0, 0]})
    settle(viewer)
    cloud = street(n=COUNT)
    picked = viewer.run(
        "const all = []; for (let x = 100; x < 800; x += 60) {"
        "const hit = viewer.pick(x, 330); if (hit) all.push([hit, await viewer.resolvePick(hit), x]); } return all"
    )
    assert len(picked) > 5
    for before, after, _ in picked:
        assert before["originalIndex"] is None
        assert cloud[after["originalIndex"]] == pytest.approx(after["position"], abs=0.01)
        assert after["attributes"] == {"truth": int(cloud[after["originalIndex"]][2] > 0.5)}
    viewer.page.mouse.click(picked[0][2], 330)
    viewer.page.wait_for_function("told.picks.length > 0")
    assert isinstance(viewer.run("return told.picks.at(-1).originalIndex"), int)


def test_overlays_are_fetched_in_slices_when_they_are_looked_at(viewer: ViewerPage) -> None:
    open_tree(viewer, camera={"position": [0, -40, 25], "target": [0, 0, 0]})
    settle(viewer)
    assert viewer.run("return fetched.slices") == []
    viewer.run("viewer.setViews([{ colour: 'classes:truth' }])")
    settle(viewer)
    slices, nodes = viewer.run("return [fetched.slices, viewer.cloud.drawn().length]")
    assert 0 < len(slices) < nodes  # neighbours in the file come together
    picture = viewer.picture().astype(int)
    for colour in ((60, 90, 255), (255, 60, 40)):
        assert np.count_nonzero((np.abs(picture - colour) <= 12).all(axis=2)) > 500
    viewer.run("viewer.setViews([{ colour: 'height' }])")
    settle(viewer)
    viewer.run("viewer.setViews([{ colour: 'classes:truth' }])")
    settle(viewer)
    assert viewer.run("return fetched.slices") == slices


def test_a_prefix_smaller_than_the_first_node_is_shown_until_it_has_come(viewer: ViewerPage) -> None:
    coarse = octree_of(street(n=COUNT), sizes=Sizes(leaf=COUNT, block=COUNT, batch=COUNT))
    viewer.files |= {"data": coarse.data_bytes, "index": coarse.index_bytes, "order": coarse.order_bytes}
    assert coarse.index.count(0) > octree_index.FIRST_POINTS
    open_tree(viewer)
    shown = settle(viewer)
    assert viewer.run("return fetched.nodes[0]") == [0, coarse.index.first_request()[0]]
    assert shown["shown"] == COUNT


def test_a_node_that_cannot_be_fetched_is_told_and_the_rest_is_shown(viewer: ViewerPage) -> None:
    viewer.run(
        "const data = await bytes('data'); viewer.setGeometry({ kind: 'octree', index: await bytes('index'),"
        "fetchNode: async (offset, length) => {"
        " if (offset > 0) throw new Error('The line is broken.');"
        " return data.slice(offset, offset + length); } })"
    )
    viewer.page.wait_for_function("told.problems.includes('The line is broken.')")
    assert viewer.run("return viewer.statistics().shown") > 10_000
