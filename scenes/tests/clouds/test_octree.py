"""The octree: every point once, near ones exact, the same bytes every time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from scenes.clouds import octree, pcd, tiles
from scenes.clouds.cloud import CloudError
from scenes.clouds.octree_index import node_chunk
from scenes.clouds.octree_rounds import Sizes
from scenes.clouds.tiles import IntensityRule
from scenes.tests.clouds.octrees import SMALL, WHOLE, Array, check, octree_of
from scenes.tests.clouds.samples import DRIVE, shared_file, street

COORDINATE = st.floats(-1e6, 1e6, width=32)
SIZES = st.sampled_from([SMALL, WHOLE, Sizes(leaf=5, block=100, batch=40)])


@st.composite
def clumps(draw: st.DrawFn) -> Array:
    """Clouds of very different densities: clumps, planes and single points, some without a position."""
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    parts = []
    for _ in range(draw(st.integers(1, 4))):
        count, centre = draw(st.integers(1, 900)), draw(st.tuples(COORDINATE, COORDINATE, COORDINATE))
        size = draw(st.sampled_from([0.0, 1e-5, 0.3, 40.0, 5000.0, 1e8]))
        flat = draw(st.sampled_from([1.0, 0.0]))
        parts.append(np.array(centre) + random.normal(0, 1, (count, 3)) * [size, size, size * flat])
    cloud = np.concatenate(parts)
    cloud[random.random(len(cloud)) < draw(st.sampled_from([0, 0.1])), draw(st.integers(0, 2))] = np.nan
    cloud[0] = 0
    return cloud.astype(draw(st.sampled_from(["f4", "f8"])))


@settings(deadline=None, max_examples=60)
@given(clumps(), SIZES)
def test_every_finite_point_is_in_one_node_within_its_step(positions: Array, sizes: Sizes) -> None:
    check(octree_of(positions, sizes=sizes), positions, sizes.leaf)


@settings(deadline=None, max_examples=60)
@given(
    hnp.arrays("f8", st.tuples(st.integers(1, 60), st.just(3)), elements=st.floats(-1e37, 1e37)),
    SIZES,
)
def test_no_arrangement_of_points_breaks_it(positions: Array, sizes: Sizes) -> None:
    check(octree_of(positions, sizes=sizes), positions, sizes.leaf)


@settings(deadline=None, max_examples=30)
@given(clumps(), st.integers(1, 700), SIZES)
def test_chunks_make_the_same_bytes_as_one_piece(positions: Array, chunk: int, sizes: Sizes) -> None:
    intensity = np.linspace(0, 1, len(positions), dtype="f4")
    whole = octree_of(positions, intensity, sizes=sizes)
    assert octree_of(positions, intensity, sizes=sizes, chunk=chunk).files == whole.files


def test_blocks_on_disk_give_the_same_nodes_as_one_block_in_memory() -> None:
    positions = street(n=20_000)
    in_memory = octree_of(positions, sizes=Sizes(leaf=500, block=100_000))
    on_disk = octree_of(positions, sizes=Sizes(leaf=500, block=3000, batch=1000), chunk=777)
    assert len(in_memory.index) > 20
    np.testing.assert_array_equal(np.sort(on_disk.order), np.sort(in_memory.order))
    assert on_disk.index.paths == in_memory.index.paths
    # Which point of a cell is taken may differ; that one of each is taken does not.
    np.testing.assert_array_equal(on_disk.index.rows["count"][0], in_memory.index.rows["count"][0])
    check(on_disk, positions, 500)


def test_the_root_takes_one_point_of_each_cell() -> None:
    positions = street(n=20_000)
    tree = octree_of(positions, sizes=Sizes(leaf=500, block=3000, batch=1000))
    spacing = float(tree.index.rows["spacing"][0])
    cells = np.floor((positions.astype("f8") - positions.min(axis=0)) / spacing).astype(int)
    own = cells[tree.originals(0)]
    assert len(np.unique(own, axis=0)) == len(own)
    # Cells on the far border have no width of their own.
    assert len(np.unique(np.minimum(cells, 127), axis=0)) == len(own)


def test_leaves_hold_few_points_and_are_exact_to_a_centimetre() -> None:
    tree = octree_of(street(n=30_000), sizes=Sizes(leaf=1000, block=4000, batch=999))
    leaves = tree.leaves()
    assert max(tree.index.count(node) for node in leaves) <= 1000
    assert max(tree.step(node) for node in leaves) <= 0.01


def test_points_at_one_place_end_in_one_leaf_however_many() -> None:
    positions = np.full((300, 3), 7.25, "f4")
    tree = octree_of(positions, sizes=WHOLE)
    assert len(tree.index) == 1
    np.testing.assert_array_equal(tree.positions(0), positions)


def test_points_at_one_place_beyond_a_block_make_a_chain_of_nodes() -> None:
    positions = np.full((1001, 3), 7.25, "f4")
    tree = octree_of(positions, chunk=70)
    assert tree.index.paths == ["", "0", "00"]
    assert tree.index.rows["count"].tolist() == [400, 400, 201]
    check(tree, positions, SMALL.leaf)


@pytest.mark.parametrize("sizes", [SMALL, Sizes()])
@pytest.mark.parametrize("far", [12_000.0, 1e9, 1e30])
def test_stray_points_cost_near_ones_no_precision(far: float, sizes: Sizes) -> None:
    positions = street(n=5000)
    positions[[17, 4000], [0, 2]] = far, -far
    assert far / tiles.STEPS > tiles.COARSE_STEP
    tree = octree_of(positions, sizes=sizes)
    check(tree, positions, sizes.leaf)
    assert max(tree.step(node) for node in range(len(tree.index))) <= 0.01
    assert tree.index.count(0) == 0


@pytest.mark.parametrize(("sizes", "deepest"), [(SMALL, 11), (WHOLE, 5), (Sizes(), 1)])
def test_stray_points_cost_little_depth(sizes: Sizes, deepest: int) -> None:
    positions = street(n=5000)
    positions[[17, 4000], [0, 2]] = 1e30, -1e30
    assert max(map(len, octree_of(positions, sizes=sizes).index.paths)) <= deepest


def test_samples_do_not_lean_to_a_corner_of_their_cells() -> None:
    positions = np.random.default_rng(5).uniform(0, 10, (60_000, 3)) * [1, 1, 0]
    tree = octree_of(positions, sizes=Sizes(leaf=9000, block=20_000))
    spacing = float(tree.index.rows["spacing"][0])
    within = (positions[tree.originals(0)] - positions.min(axis=0)) / spacing % 1
    np.testing.assert_allclose(within[:, :2].mean(axis=0), 0.5, atol=0.03)


def test_a_wide_area_shows_itself_in_its_first_node() -> None:
    random = np.random.default_rng(3)
    positions = random.uniform(0, [5000, 5000, 30], (60_000, 3))
    tree = octree_of(positions, sizes=Sizes(leaf=2000, block=10_000, batch=5000))
    assert 12_000 < tree.index.count(0) < 20_000
    assert tree.step(0) > 0.01
    assert max(tree.step(node) for node in tree.leaves()) <= 0.01
    check(tree, positions, 2000)


def test_a_dense_cell_goes_through_rounds_of_its_own() -> None:
    random = np.random.default_rng(4)
    dense = np.array([50, 50, 50]) + random.uniform(0, 0.2, (4000, 1)) * [1, 1, 0]
    positions = random.permutation(np.concatenate([random.uniform(0, 100, (500, 3)), dense]))
    tree = octree_of(positions, chunk=333)
    assert max(map(len, tree.index.paths)) > 7
    inside = np.abs(positions - [50.1, 50.1, 50]).max(axis=1) <= 0.1
    shown = [np.count_nonzero(inside[tree.originals(node)]) for node in range(len(tree.index))]
    levels = np.bincount(tree.index.rows["level"], weights=shown)
    # A camera that comes nearer sees more of it with every level.
    assert levels[0] == 1
    assert (levels[2:7] > levels[1:6]).all()
    check(tree, positions, SMALL.leaf)


def test_a_prefix_of_a_node_is_an_even_subsample() -> None:
    random = np.random.default_rng(5)
    positions = random.uniform(0, 10, (30_000, 3)) * [1, 1, 0]
    tree = octree_of(positions, sizes=Sizes(leaf=9000, block=30_000))
    prefix = tree.positions(0)[:1000]
    quarters = np.histogram2d(prefix[:, 0], prefix[:, 1], bins=4, range=[[0, 10], [0, 10]])[0]
    assert np.abs(quarters - 1000 / 16).max() <= 12


def test_intensities_follow_their_points() -> None:
    positions = street(n=3000)
    intensity = np.arange(3000, dtype="u2")
    tree = octree_of(positions, intensity, chunk=500)
    assert tree.index.rule is IntensityRule.WORD
    for node in range(len(tree.index)):
        shown = tiles.decode(node_chunk(tree.data_bytes, tree.index, node))[1]
        np.testing.assert_array_equal(shown, tree.originals(node))
        assert tiles.rule_of(node_chunk(tree.data_bytes, tree.index, node)) is IntensityRule.WORD


@pytest.mark.parametrize(
    ("intensity", "given_rule"),
    [
        (np.linspace(0, 1, 900, dtype="f4"), None),
        (np.linspace(0, 255, 900, dtype="f4"), None),
        (np.linspace(0, 255, 900).astype("u1"), None),
        (np.linspace(0, 4000, 900).astype("u2"), None),
        (np.append(np.linspace(0, 1, 2999), 7.0), None),
        (np.linspace(0, 1, 900, dtype="f4"), IntensityRule.BYTE),
        (None, None),
        (None, IntensityRule.BYTE),
    ],
)
def test_the_intensity_rule_is_that_of_a_frame(intensity: Array | None, given_rule: IntensityRule | None) -> None:
    positions = street(n=900 if intensity is None else len(intensity))
    expected = given_rule or tiles.intensity_rule(intensity)
    tree = octree_of(positions, intensity, chunk=100, rule=given_rule)
    assert tree.index.rule is (IntensityRule.NONE if intensity is None else expected)


@pytest.mark.parametrize(
    ("positions", "count", "message"),
    [
        (np.full((5, 3), np.nan), None, "no point has a finite position"),
        (np.empty((0, 3)), None, "no point has a finite position"),
        (np.zeros((5, 3)), 4, "more than the 4 points its header announces"),
        (np.zeros((5, 3)), 6, "5 points instead of the 6 its header announces"),
        (np.array([[-1e38, 0, 0], [1e38, 0, 0]]), None, "span more than 1e\\+38 m"),
    ],
)
def test_what_makes_no_octree_is_refused(positions: Array, count: int | None, message: str, tmp_path: Path) -> None:
    with pytest.raises(CloudError, match=message):
        octree.build([(positions, None)], folder=tmp_path, count=count)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("chunks", "message"),
    [
        ([(np.zeros((3, 2)), None)], r"shape \(3, 2\)"),
        ([(np.zeros((3, 3)), np.zeros(2))], "for 3 positions"),
        (
            [(np.zeros((3, 3)), None), (np.zeros((3, 3), "f4"), None)],
            "float32 without intensities after one of float64",
        ),
        ([(np.zeros((3, 3)), None), (np.zeros((3, 3)), np.zeros(3))], "with intensities after one"),
    ],
)
def test_chunks_that_do_not_fit_each_other_are_refused(
    chunks: list[octree.Chunk], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=message):
        octree.build(chunks, folder=tmp_path)


def test_sizes_that_cannot_work_are_refused() -> None:
    with pytest.raises(ValueError, match="does not hold"):
        Sizes(leaf=100, block=50)
    with pytest.raises(ValueError, match="does not hold"):
        Sizes(block=2**22)


def test_large_and_coarse_clouds_need_an_octree() -> None:
    assert octree.needed(500_001, coarse=False)
    assert octree.needed(3, coarse=True)
    assert not octree.needed(500_000, coarse=False)


def test_a_drive_of_real_frames_stacked_along_a_road() -> None:
    frames = [pcd.read(shared_file(f"{DRIVE}/{number:010d}.pcd")) for number in range(6)]
    chunks = [
        (frame.positions() + np.array([25 * number, 0, 0], "f4"), frame.intensity())
        for number, frame in enumerate(frames)
    ]
    positions = np.concatenate([chunk[0] for chunk in chunks])
    tree = octree_of(positions, np.concatenate([chunk[1] for chunk in chunks]), sizes=Sizes(block=2**18))
    check(tree, positions, 40_000)
    length, nodes = tree.index.first_request()
    assert nodes >= 1
    assert length <= 64 * nodes + 8 * 50_000
