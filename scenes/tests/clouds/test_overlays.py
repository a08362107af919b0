"""Per-point values as bytes between the ends of a colour scale."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from scenes.clouds import overlays
from scenes.clouds.cloud import PointCloud

scores = arrays.arrays(np.float32, st.integers(0, 200), elements=st.floats(-5, 5, width=32) | st.just(float("nan")))


@given(values=scores, low=st.floats(-4, 0), span=st.floats(0.01, 8))
def test_an_uncertainty_comes_back_within_half_a_step(values, low, span):
    steps = overlays.quantise_uncertainty(values, low, low + span)
    back = overlays.restored(steps, low, low + span)
    assert steps.dtype == np.uint8
    assert np.array_equal(np.isnan(back), np.isnan(values))
    wanted = np.clip(values.astype(np.float64), low, low + span)
    seen = ~np.isnan(values)
    assert np.abs(back - wanted)[seen].max(initial=0) <= span / 508 * 1.001 + 1e-6


@given(values=scores, low=st.floats(-4, 0), span=st.floats(0.01, 8))
def test_a_larger_value_never_gets_a_smaller_step(values, low, span):
    known = np.sort(values[~np.isnan(values)])
    steps = overlays.quantise_field(known, low, low + span).astype(int)
    assert (np.diff(steps) >= 0).all()
    assert steps.max(initial=0) <= 65_534


def test_ends_nothing_and_beyond():
    values = np.array([0, 1, 0.5, np.nan, -3, 7, np.inf], np.float16)
    assert overlays.quantise_uncertainty(values, 0, 1).tolist() == [0, 254, 127, 255, 0, 254, 254]
    assert overlays.quantise_field(values, 0, 1).tolist() == [0, 65_534, 32_767, 65_535, 0, 65_534, 65_534]


@pytest.mark.parametrize(("low", "high"), [(1, 1), (2, 1), (0, float("inf")), (float("nan"), 1)])
def test_a_scale_without_steps_is_refused(low, high):
    with pytest.raises(ValueError, match="colour scale"):
        overlays.quantise_uncertainty(np.zeros(3), low, high)


def test_times_since_1970_keep_their_microseconds():
    values = 1_700_000_000 + np.linspace(0, 0.1, 1000)
    steps = overlays.quantise_field(overlays.relative(values), 0.0, 0.1)
    assert np.abs(overlays.restored(steps, 0.0, 0.1) - np.linspace(0, 0.1, 1000)).max() < 2e-6


def test_whole_numbers_of_a_small_span_are_shown_whole():
    rings = np.repeat(np.arange(64, dtype=np.uint16), 10)
    assert overlays.field_scale("ring", [rings, rings[:5]]) == (0.0, 63.0)


def test_few_outliers_do_not_stretch_the_scale():
    values = np.random.default_rng(3).normal(10, 1, 10_000)
    values[:20] = 1e6
    low, high = overlays.field_scale("temperature", [values])
    assert 6 < low < 8
    assert 12 < high < 14


def test_times_count_from_the_first_of_their_own_frame():
    frames = [1_700_000_000.0 + frame + np.linspace(0, 0.1, 500) for frame in range(3)]
    low, high = overlays.field_scale("timestamp", frames)
    assert low == 0
    assert high == pytest.approx(0.1, rel=0.02)


@pytest.mark.parametrize("values", [np.empty(0), np.array([np.nan, np.inf])])
def test_a_field_of_nothing_finite_has_no_scale(values):
    assert overlays.field_scale("echo", [values]) is None


def test_a_constant_field_has_a_scale_of_length_one():
    assert overlays.field_scale("echo", [np.full(9, 4, np.uint8)]) == (4.0, 5.0)


def test_fields_that_can_colour_points():
    kind = [
        ("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("Intensity", "<f4"), ("rgb", "<f4"), ("_pad", "u1"), ("ring", "<u2"),
        ("normal", "<f4", 3), ("a/b", "<f4"), ("time", "<f8"),
    ]  # fmt: skip
    cloud = PointCloud(np.zeros(2, kind), 2, 1, (0, 0, 0, 1, 0, 0, 0), "binary")
    assert overlays.scalar_fields(cloud) == ["ring", "time"]
