"""The display chunk: small, exact to its step, and evenly thinned by any prefix."""

from __future__ import annotations

import math
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from scenes.clouds import tiles
from scenes.clouds.cloud import CloudError
from scenes.clouds.tiles import IntensityRule
from scenes.tests.clouds.samples import cloud_of, street

COORDINATE = st.floats(-1e6, 1e6, width=32)


@given(st.integers(0, 5000))
def test_the_display_order_is_a_permutation(n: int) -> None:
    np.testing.assert_array_equal(np.sort(tiles.stride_order(n)), np.arange(n))


@given(st.integers(1, 90_000_000))
def test_the_stride_is_odd_coprime_and_near_the_golden_section(n: int) -> None:
    stride = tiles.golden_stride(n)
    assert stride % 2 == 1
    assert math.gcd(stride, n) == 1
    assert abs(stride - 0.618034 * n) <= 200
    assert stride < max(n, 2)


@pytest.mark.parametrize(
    ("n", "stride"), [(1, 1), (2, 1), (3, 1), (4, 3), (5, 3), (6, 5), (10, 7), (15, 11), (119978, 74151)]
)
def test_the_stride_of_these_sizes_is_what_the_browser_computes(n: int, stride: int) -> None:
    assert tiles.golden_stride(n) == stride


@given(st.integers(1000, 200_000), st.floats(0.02, 1))
def test_every_prefix_is_an_even_subsample(n: int, share: float) -> None:
    prefix = tiles.stride_order(n)[: int(n * share)]
    tenths = np.bincount(prefix * 10 // n, minlength=10)
    even = len(prefix) / 10
    assert np.abs(tenths - even).max() <= 3 + 0.15 * even


@given(
    hnp.arrays("f4", st.tuples(st.integers(1, 60), st.just(3)), elements=COORDINATE),
    st.sampled_from(["f4", "f8"]),
)
def test_positions_err_by_half_a_step_at_most(positions: np.ndarray, stored: str) -> None:
    cloud = cloud_of(positions.astype(stored))
    chunk = tiles.encode(cloud)
    decoded, _ = tiles.decode(chunk.data)
    wanted = cloud.positions()[tiles.display_order(cloud.finite())]
    assert np.abs(decoded - wanted).max() <= chunk.step * 0.51 + 1e-30


@given(hnp.arrays("f8", st.tuples(st.integers(1, 40), st.just(3)), elements=st.floats(-1e37, 1e37)))
def test_any_extent_stays_on_the_grid(positions: np.ndarray) -> None:
    chunk = tiles.encode(cloud_of(positions))
    decoded, _ = tiles.decode(chunk.data)
    error = np.abs(decoded - positions[tiles.stride_order(len(positions))])
    assert error.max() <= chunk.step * 0.51 + 1e-30


def test_the_header_is_what_the_browser_reads() -> None:
    cloud = cloud_of(np.array([[1, 2, 3], [65_536, 2, 3.5]], "f8"), intensity=np.array([0, 255], "u1"))
    data = tiles.encode(cloud).data
    assert len(data) == 64 + 2 * 8
    assert data[:4] == b"LAMC"
    assert struct.unpack_from("<HHII", data, 4) == (64, 1, 2, IntensityRule.BYTE | tiles.COARSE)
    assert struct.unpack_from("<3d", data, 16) == (1, 2, 3)
    assert struct.unpack_from("<3f", data, 40) == pytest.approx((1, 0, 0.5 / 65_535))
    assert data[52:64] == bytes(12)
    assert struct.unpack_from("<8H", data, 64) == (0, 0, 0, 0, 65_535, 0, 65_535, 65_535)


def test_points_without_a_position_are_left_out_and_found_again() -> None:
    positions = street(n=500)
    positions[::7, 2] = np.nan
    cloud = cloud_of(positions, ring=np.arange(500, dtype="u2"))
    chunk = tiles.encode(cloud)
    decoded, _ = tiles.decode(chunk.data)
    assert chunk.kept is not None
    assert tiles.flags_of(chunk.data) & tiles.LEFT_OUT
    n = len(decoded)
    for display in (0, 1, n // 2, n - 1):
        original = tiles.original_index(display, n, chunk.kept)
        assert decoded[display] == pytest.approx(positions[original], abs=chunk.step)
    rings = tiles.permute(cloud.field("ring"), n, chunk.kept)
    np.testing.assert_array_equal(rings, tiles.display_order(cloud.finite()))


def test_without_gaps_the_original_index_needs_no_list() -> None:
    chunk = tiles.encode(cloud_of(street(n=77)))
    assert chunk.kept is None
    assert [tiles.original_index(j, 77) for j in range(77)] == tiles.stride_order(77).tolist()
    with pytest.raises(IndexError, match=r"not within 0\.\.76"):
        tiles.original_index(77, 77)


def test_places_turn_the_display_order_back() -> None:
    for n in (0, 1, 2, 3, 64, 77, 1000):
        order = tiles.stride_order(n)
        assert order.tolist() == [j * tiles.golden_stride(n) % n for j in range(n)]
        assert order[tiles.display_places(n)].tolist() == list(range(n))


@pytest.mark.parametrize(("values", "kept"), [(9, None), (11, None), (3, np.arange(10))])
def test_an_overlay_of_the_wrong_length_is_refused(values: int, kept: np.ndarray | None) -> None:
    with pytest.raises(CloudError, match=f"{values} values do not fit 10 displayed points"):
        tiles.permute(np.zeros(values, "u1"), 10, kept)


def test_a_stray_point_makes_the_chunk_coarse() -> None:
    positions = street()
    assert not tiles.encode(cloud_of(positions)).coarse
    positions[0, 0] = 12_000
    chunk = tiles.encode(cloud_of(positions))
    assert chunk.coarse
    assert tiles.flags_of(chunk.data) & tiles.COARSE


@pytest.mark.filterwarnings("error")  # what a cast makes of NaN differs between machines
@pytest.mark.parametrize(
    ("intensity", "rule", "encoded"),
    [
        (np.array([0, 0.5, 1], "f4"), IntensityRule.UNIT, [0, 32768, 65535]),
        (np.array([0, 128, 255], "f4"), IntensityRule.BYTE, [0, 32896, 65535]),
        (np.array([0, 1, 255], "u1"), IntensityRule.BYTE, [0, 257, 65535]),
        (np.array([0, 1, 1], "u2"), IntensityRule.BYTE, [0, 257, 257]),
        (np.array([0, 4000, 65535], "u2"), IntensityRule.WORD, [0, 4000, 65535]),
        (np.array([-5, 70_000, 300], "i4"), IntensityRule.WORD, [0, 65535, 300]),
        (np.array([np.nan, 0.25, -1], "f8"), IntensityRule.UNIT, [0, 16384, 0]),
        (np.array([np.inf, 200, -np.inf], "f4"), IntensityRule.WORD, [65535, 200, 0]),
    ],
)
def test_intensity_follows_a_rule_of_its_range(intensity: np.ndarray, rule: IntensityRule, encoded: list[int]) -> None:
    chunk = tiles.encode(cloud_of(np.eye(3, dtype="f4"), intensity=intensity))
    assert chunk.rule is rule is tiles.rule_of(chunk.data)
    _, values = tiles.decode(chunk.data)
    assert values.tolist() == [encoded[j] for j in tiles.stride_order(3)]


def test_a_few_outliers_do_not_switch_the_rule() -> None:
    intensity = np.linspace(0, 1, 10_000, dtype="f4")
    intensity[:5] = 3
    assert tiles.intensity_rule(intensity) is IntensityRule.UNIT


def test_a_dim_frame_keeps_the_rule_of_its_scene() -> None:
    dim = cloud_of(np.eye(3, dtype="f4"), intensity=np.array([0, 1, 1], "f4"))
    chunk = tiles.encode(dim, rule=IntensityRule.BYTE)
    assert chunk.rule is IntensityRule.BYTE
    assert tiles.decode(chunk.data)[1].max() == 257


def test_a_cloud_without_intensity_says_so() -> None:
    chunk = tiles.encode(cloud_of(np.eye(3, dtype="f4")), rule=IntensityRule.UNIT)
    assert chunk.rule is IntensityRule.NONE
    assert not tiles.decode(chunk.data)[1].any()


WHOLE = tiles.encode(cloud_of(np.eye(3))).data


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"LAMC", "ends inside its header"),
        (bytes(64), "not a display chunk of version 1"),
        (WHOLE[:-1], "the display chunk of 3 points has 87 bytes"),
        (WHOLE + b"x", "the display chunk of 3 points has 89 bytes"),
    ],
)
def test_a_damaged_chunk_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(CloudError, match=reason):
        tiles.decode(data)


@pytest.mark.parametrize("positions", [np.full((2, 3), np.nan), np.array([[-1e300, 0, 0], [1e300, 0, 0]])])
def test_what_can_not_be_displayed_is_refused(positions: np.ndarray) -> None:
    with pytest.raises(CloudError):
        tiles.encode(cloud_of(positions))
