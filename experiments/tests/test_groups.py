"""Means with intervals, and the importance of parameters: against known values and against SciPy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from experiments.groups import band, interval
from experiments.importance import importance

NUMBERS = st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=30)


@given(NUMBERS)
@settings(max_examples=50, deadline=None)
def test_an_interval_is_students(values):
    found = interval(values)
    assert found.mean == pytest.approx(np.mean(values), abs=1e-6)
    half = stats.t.ppf(0.975, len(values) - 1) * stats.sem(values)
    assert found.half == pytest.approx(half, rel=1e-6, abs=1e-6)


def test_an_interval_of_one_value_or_none_is_none():
    assert np.isnan(interval([2.0]).half)
    assert interval([2.0]).mean == 2
    assert (interval([]).n, interval([float("nan"), float("inf")]).n) == (0, 0)


def test_a_band_of_two_lines_lies_between_them_where_both_are():
    x = np.arange(0.0, 11)
    found = band([(x, np.zeros(11)), (np.arange(0.0, 6), np.full(6, 2.0))], x)
    assert found.n.tolist() == [2] * 6 + [1] * 5
    assert found.mean.tolist() == [1.0] * 6 + [0.0] * 5
    assert found.low[6:].tolist() == found.high[6:].tolist() == [0.0] * 5
    assert found.high[0] == pytest.approx(1 + 12.7062047)


def test_a_band_bridges_gaps_and_leaves_out_what_is_no_number():
    x = np.arange(0.0, 5)
    found = band([(np.asarray([0.0, 2, 4]), np.asarray([0.0, np.nan, 4])), (x, x)], x)
    assert found.mean.tolist() == [0.0, 1, 2, 3, 4]


def test_a_band_of_nothing_is_empty():
    assert len(band([], np.arange(3.0)).x) == 0
    assert len(band([(np.asarray([1.0]), np.asarray([np.nan]))], np.arange(3.0)).x) == 0


def runs_of(count: int, seed: int = 3):
    random = np.random.default_rng(seed)
    rows = [
        {"lr": float(random.uniform(0, 1)), "noise": float(random.uniform(0, 1)), "opt": "ab"[int(n % 2)], "same": 1.0}
        for n in range(count)
    ]
    return rows, [3 * row["lr"] + (row["opt"] == "a") for row in rows]


def test_what_makes_the_metric_is_most_important():
    rows, metric = runs_of(40)
    found = importance(rows, metric)
    assert [one.key for one in found.parameters] == ["lr", "opt", "noise"]
    assert sum(one.share for one in found.parameters) == pytest.approx(1)
    assert found.parameters[0].correlation > 0.8
    assert found.parameters[1].correlation is None
    assert (found.constant, found.fit > 0.5, found.warning) == (1, True, "")


def test_it_is_the_same_every_time():
    rows, metric = runs_of(12)
    assert importance(rows, metric) == importance(rows, metric)


def test_noise_is_said_to_be_noise():
    rows, _ = runs_of(30)
    metric = np.random.default_rng(9).normal(size=30)
    assert "noise" in importance([{"a": row["noise"]} for row in rows], metric).warning


@pytest.mark.parametrize(
    ("rows", "metric", "words"),
    [
        ([{"lr": 1.0}] * 3, [1.0, 2, 3], "3 of these runs"),
        ([{"lr": float(n)} for n in range(9)], [1.0] * 9, "the same in all runs: there is nothing"),
        ([{"lr": 1.0}] * 9, [float(n) for n in range(9)], "Every parameter is the same"),
        ([{"lr": float(n)} for n in range(9)], [float("nan")] * 9, "0 of these runs"),
    ],
)
def test_what_cannot_be_known_is_said(rows, metric, words):
    found = importance(rows, metric)
    assert words in found.problem
    assert found.parameters == []


def test_few_runs_are_a_hint_only_and_a_missing_parameter_is_a_value():
    rows = [{"lr": float(n)} if n % 2 else {} for n in range(10)]
    found = importance(rows, [float(n % 2) for n in range(10)])
    assert found.parameters[0].runs == 5
    assert "Only 10 runs" in found.warning or "noise" in found.warning
