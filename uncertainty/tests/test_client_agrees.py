"""What the trainer's side computes is what the server would: on golden values and on random members (ADR 0010)."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from lamm_client import LammError
from lamm_client import uncertainty as client
from uncertainty import scores
from uncertainty.tests.test_scores import FIRST, GOLDEN, SECOND, THIRD, ensembles


def test_both_know_the_same_words():
    assert client.MEASURES == scores.MEASURES
    assert client.AGGREGATORS == scores.AGGREGATORS


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_values(name):
    found = client.measure_of([FIRST, SECOND, THIRD], name)
    assert found == pytest.approx(GOLDEN[name], abs=6e-5 if name in ("variation_ratio", "disagreement") else 6e-7)


@given(ensembles(), st.booleans())
def test_measures_agree(members, normalised):
    for name, values in scores.measures(members, normalised=normalised).items():
        assert client.measure_of(iter(members), name, normalised=normalised) == pytest.approx(values, abs=1e-12)


@given(arrays.arrays(np.float64, st.integers(1, 3000), elements=st.floats(0, 1)), st.floats(0, 1))
def test_aggregates_agree(values, threshold):
    expected = dict(zip(scores.AGGREGATORS, scores.aggregate(values, threshold=threshold), strict=True))
    for name, score in expected.items():
        given_threshold = threshold if name == scores.FRACTION else None
        assert client.aggregate(values, name, threshold=given_threshold) == pytest.approx(score, abs=1e-12)


def test_faults_are_told():
    for members, words in (
        ([], "No member"),
        ([[0.5, 0.5]], "shape"),
        ([[[0.9, 0.9]]], "Member 0, point 0"),
        ([[[0.5, 0.5]], [[1.0]]], "those before"),
    ):
        with pytest.raises(LammError, match=words):
            client.measure_of(members, "variance")
    with pytest.raises(LammError, match="no measure"):
        client.measure_of([FIRST], "entropy")
    with pytest.raises(LammError, match="needs a threshold"):
        client.aggregate([0.5], "fraction>t")
    assert np.isnan(client.aggregate([np.nan]))
