"""What a camera loads of an octree: coarse first, near before far, nothing behind."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from scenes.clouds.octree_rounds import Sizes
from scenes.clouds.octree_select import Camera, nodes_by_size, projected_sizes, select_nodes
from scenes.tests.clouds.octrees import Octree, octree_of

ABOVE = Camera((50.0, 50.0, 200.0), (50.0, 50.0, 0.0))
LOW = Camera((5.0, 5.0, 2.0), (100.0, 100.0, 0.0))


@cache
def a_field() -> Octree:
    positions = np.random.default_rng(1).uniform(0, [100, 100, 2], (40_000, 3))
    return octree_of(positions, sizes=Sizes(leaf=300, block=20_000))


def test_a_sphere_of_known_size_spans_the_pixels_it_should() -> None:
    tree = octree_of(np.array([[-1.0, 0, 0], [1, 0, 0]]))
    camera = Camera((0.0, -10.0, 0.0), (0.0, 0.0, 0.0), field_of_view=90, height=1000)
    assert projected_sizes(tree.index, camera) == pytest.approx([2 / 10 * 500])


def test_a_node_around_the_camera_comes_first_and_one_behind_it_never() -> None:
    index = a_field().index
    sizes = projected_sizes(index, LOW)
    assert np.isinf(sizes[0])
    behind = Camera((-50.0, 50.0, 1.0), (-100.0, 50.0, 1.0))
    assert select_nodes(index, behind) == []


def test_no_node_comes_before_its_parent_and_sizes_fall() -> None:
    index = a_field().index
    order = list(nodes_by_size(index, LOW))
    sizes = [size for _, size in order]
    assert sizes == sorted(sizes, reverse=True)
    places = {node: place for place, (node, _) in enumerate(order)}
    for node, place in places.items():
        assert all(places.get(child, len(order)) > place for child in index.children(node))


def test_near_nodes_are_loaded_finer_than_far_ones() -> None:
    index = a_field().index
    chosen = select_nodes(index, LOW, smallest=400)
    centres = np.array([np.mean(index.bounds(node), axis=0) for node in chosen])
    distances = np.linalg.norm(centres - LOW.position, axis=1)
    levels = index.rows["level"][chosen]
    assert len(set(levels.tolist())) > 2
    assert distances[levels == levels.max()].mean() < distances[levels == 1].mean()


@pytest.mark.parametrize("budget", [5000, 15_000, 39_999])
def test_the_budget_holds(budget: int) -> None:
    index = a_field().index
    chosen = select_nodes(index, ABOVE, budget=budget, smallest=0)
    assert sum(index.count(node) for node in chosen) <= budget
    assert (0 in chosen) == (index.count(0) <= budget)


def test_with_room_for_all_everything_in_sight_is_loaded() -> None:
    index = a_field().index
    assert sorted(select_nodes(index, ABOVE, smallest=0)) == list(range(len(index)))
