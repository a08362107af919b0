"""The index of an octree: what a server slices by, and what a viewer reads."""

from __future__ import annotations

import struct
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenes.clouds import octree_index, tiles
from scenes.clouds.cloud import CloudError
from scenes.clouds.octree_rounds import Sizes
from scenes.tests.clouds.octrees import Octree, octree_of
from scenes.tests.clouds.samples import street

LEFT_OUT = 11


@cache
def a_tree() -> Octree:
    positions = street(n=8000)
    positions[:LEFT_OUT, 1] = np.inf
    return octree_of(positions, np.linspace(0, 1, 8000, dtype="f4"), sizes=Sizes(leaf=300, block=2000))


def test_the_index_survives_being_written_and_read(tmp_path: Path) -> None:
    tree = a_tree()
    assert octree_index.write_index(tree.index) == tree.index_bytes
    (tmp_path / "index").write_bytes(tree.index_bytes)
    np.testing.assert_array_equal(octree_index.read_index(tmp_path / "index").rows, tree.index.rows)


def test_the_bytes_are_what_the_browser_reads() -> None:
    tree = a_tree()
    data, node = tree.index_bytes, 3
    magic, length, version, nodes, rule = struct.unpack_from("<4sHHII", data)
    assert (magic, length, version, nodes, rule) == (b"LAMO", 64, 1, len(tree.index), 1)
    assert struct.unpack_from("<QQQ", data, 16) == (8000 - LEFT_OUT, LEFT_OUT, len(tree.data_bytes))
    row = 64 + 64 * node
    (offset,), (count, first) = struct.unpack_from("<Q", data, row), struct.unpack_from("<II", data, row + 48)
    chunk = tree.data_bytes[offset : offset + 64 + 8 * count]
    np.testing.assert_array_equal(tiles.decode(chunk)[0], tree.positions(node))
    assert first == tree.index.point_range(node).start
    lo, extent = struct.unpack_from("<3d", data, row + 8), struct.unpack_from("<3f", data, row + 32)
    np.testing.assert_allclose(np.add(lo, extent), tree.index.bounds(node)[1])
    (child, children, level) = struct.unpack_from("<IBB", data, row + 56)
    assert level == len(tree.index.path(node))
    assert children.bit_count() == len(tree.index.children(node))
    assert child == tree.index.children(node).start


def test_nodes_are_found_by_their_paths() -> None:
    index = a_tree().index
    assert index.path(0) == ""
    for node in range(len(index)):
        paths = [index.path(child) for child in index.children(node)]
        assert all(path[:-1] == index.path(node) for path in paths)
        assert [index.node(path) for path in paths] == list(index.children(node))
    with pytest.raises(KeyError, match="there is no node"):
        index.node(max(index.paths, key=len) + "0")


def test_values_and_picks_go_by_the_order_of_the_cloud() -> None:
    tree = a_tree()
    labels = np.arange(8000) % 20
    for node in (0, 1, len(tree.index) - 1):
        own = octree_index.node_values(labels, tree.order, tree.index, node)
        picked = octree_index.original_index(len(own) - 1, tree.order, tree.index, node)
        assert labels[picked] == own[-1]
        assert tree.positions(node)[-1] == pytest.approx(street(n=8000)[picked], abs=0.01)
    with pytest.raises(CloudError, match="7989 values do not fit a cloud of 8000 points"):
        octree_index.node_values(labels[LEFT_OUT:], tree.order, tree.index, 0)
    with pytest.raises(IndexError, match="is not within"):
        octree_index.original_index(tree.index.count(0), tree.order, tree.index, 0)


@given(st.integers(1, 9000))
def test_the_first_request_is_a_prefix_of_about_so_many_points(points: int) -> None:
    tree = a_tree()
    length, nodes = tree.index.first_request(points)
    counts = tree.index.rows["count"]
    if nodes:
        assert length == sum(tree.index.byte_range(nodes - 1))
        assert counts[:nodes].sum() <= points
        assert nodes == len(counts) or counts[: nodes + 1].sum() > points
    else:
        assert length == 64 + 8 * points
        assert counts[0] > points


def test_data_that_ends_inside_a_node_is_refused() -> None:
    tree = a_tree()
    last = len(tree.index) - 1
    with pytest.raises(CloudError, match="ends inside node"):
        octree_index.node_positions(tree.data_bytes[:-1], tree.index, last)
    view = np.frombuffer(tree.data_bytes, np.uint8)
    np.testing.assert_array_equal(octree_index.node_positions(view, tree.index, last), tree.positions(last))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data[:63], "ends inside its header"),
        (lambda data: b"LAMC" + data[4:], "not an octree index"),
        (lambda data: data[:6] + b"\2" + data[7:], "not an octree index"),
        (lambda data: data[:-1], "nodes has"),
        (lambda data: data[:8] + bytes(4) + data[12:64], "of 0 nodes"),
        (lambda data: data[:12] + b"\7" + data[13:], "unknown intensity rule 7"),
        (lambda data: data[:16] + bytes(8) + data[24:], "contradict each other"),
        (lambda data: data[:64] + b"\1" + data[65:], "contradict each other"),
        (lambda data: data[:112] + b"\0\0\0\1" + data[116:], "contradict each other"),
        (lambda data: data[:116] + b"\1" + data[117:], "contradict each other"),
        (lambda data: data[:120] + b"\0" + data[121:], "contradict each other"),
        (lambda data: data[:124] + b"\0" + data[125:], "contradict each other"),
    ],
)
def test_a_damaged_index_is_refused_by_name(change, message: str, tmp_path: Path) -> None:
    (tmp_path / "scene.index").write_bytes(change(a_tree().index_bytes))
    with pytest.raises(CloudError, match=f"scene.index: .*{message}"):
        octree_index.read_index(tmp_path / "scene.index")
