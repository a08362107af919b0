"""The measures of an ensemble and the ways from points to frames: golden values, properties, exact comparisons."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from uncertainty import scores

FIRST = [[0.9, 0.05, 0.05], [1, 0, 0], [0.34, 0.33, 0.33], [0.6, 0.3, 0.1]]
SECOND = [FIRST[0], [0, 1, 0], FIRST[2], [0.2, 0.7, 0.1]]
THIRD = [FIRST[0], [0, 0, 1], FIRST[2], [0.5, 0.2, 0.3]]
GOLDEN = {
    "predictive_entropy": [0.394398, 1.098612, 1.098513, 1.027517],
    "expected_entropy": [0.394398, 0, 1.098513, 0.909806],
    "mutual_information": [0, 1.098612, 0, 0.117711],
    "variation_ratio": [0, 0.6667, 0, 0.3333],
    "disagreement": [0, 1, 0, 0.6667],
    "variance": [0, 0.222222, 0, 0.028148],
}


@st.composite
def ensembles(draw):
    """Probabilities (M, N, K) of 1-6 members, 1-20 points, 2-8 classes."""
    shape = (draw(st.integers(1, 6)), draw(st.integers(1, 20)), draw(st.integers(2, 8)))
    logits = draw(arrays.arrays(np.float64, shape, elements=st.floats(-12, 12)))
    weights = np.exp(logits - logits.max(axis=2, keepdims=True))
    return weights / weights.sum(axis=2, keepdims=True)


class TestMeasures:
    @pytest.mark.parametrize("name", GOLDEN)
    def test_golden_values(self, name):
        found = scores.measures(np.array([FIRST, SECOND, THIRD]))[name]
        assert found == pytest.approx(GOLDEN[name], abs=6e-5 if name in ("variation_ratio", "disagreement") else 6e-7)

    def test_normalised_entropy_of_the_uniform_distribution_is_one(self):
        found = scores.measures([np.full((5, 20), 1 / 20)], normalised=True)
        assert found["predictive_entropy"] == pytest.approx(np.ones(5))

    @given(ensembles())
    def test_they_are_what_their_definitions_say(self, members):
        found = scores.measures(members)
        mean = members.mean(axis=0)
        terms = [np.where(p > 0, -p * np.log(np.maximum(p, 1e-300)), 0) for p in (mean, *members)]
        entropy, single = terms[0].sum(axis=1), np.mean([one.sum(axis=1) for one in terms[1:]], axis=0)
        assert found["predictive_entropy"] == pytest.approx(entropy, abs=1e-9)
        assert found["expected_entropy"] == pytest.approx(single, abs=1e-9)
        assert found["mutual_information"] == pytest.approx(np.maximum(entropy - single, 0), abs=1e-9)
        assert found["variance"] == pytest.approx(members.var(axis=0).mean(axis=1), abs=1e-9)
        votes = members.argmax(axis=2)
        for point in range(members.shape[1]):
            cast = votes[:, point]
            assert found["variation_ratio"][point] == pytest.approx(1 - np.bincount(cast).max() / len(cast))
            pairs = [cast[a] != cast[b] for a in range(len(cast)) for b in range(a)]
            assert found["disagreement"][point] == pytest.approx(np.mean(pairs) if pairs else 0)

    @given(ensembles())
    def test_each_stays_in_its_range(self, members):
        count, _, classes = members.shape
        for normalised in (False, True):
            for name, values in scores.measures(members, normalised=normalised).items():
                facts = {"normalised": normalised, "classes": classes, "members": count}
                low, high = scores.range_of(name, **facts)
                assert values.min() >= low
                assert values.max() <= high + 1e-9

    def test_members_come_one_after_the_other_from_a_stream(self):
        random = np.random.default_rng(3)
        members = random.dirichlet(np.ones(5), (4, 30))
        streamed = scores.measures(one.astype(np.float32) for one in members)
        for name, values in scores.measures(members).items():
            assert streamed[name] == pytest.approx(values, abs=1e-5)

    def test_what_are_no_probabilities_is_refused_by_its_point(self):
        with pytest.raises(ValueError, match="Point 1 has no probabilities"):
            scores.measures([np.array([[0.5, 0.5], [3.0, -2.0]])])
        with pytest.raises(ValueError, match="Member 1 has probabilities of the shape"):
            scores.measures([np.full((3, 2), 0.5), np.full((4, 2), 0.5)])
        with pytest.raises(ValueError, match="No member"):
            scores.measures([])


class TestPointsToFrames:
    @given(arrays.arrays(np.float32, st.integers(1, 3000), elements=st.floats(0, 1, width=32)))
    def test_each_is_what_numpy_says(self, values):
        found = dict(zip(scores.AGGREGATORS, scores.aggregate(values, threshold=0.5), strict=True))
        exact = values.astype(np.float64)
        assert found["mean"] == pytest.approx(exact.mean())
        assert found["p95"] == pytest.approx(np.percentile(exact, 95))
        assert found["p99.9"] == pytest.approx(np.percentile(exact, 99.9))
        assert found["max"] == exact.max()
        top = max(1, int(np.ceil(0.001 * len(exact))))
        assert found["top-0.1%"] == pytest.approx(np.sort(exact)[-top:].mean())
        assert found["fraction>t"] == pytest.approx((exact > 0.5).mean())

    def test_small_things_move_the_top_and_hide_in_the_mean(self):
        quiet = np.full(120_000, 0.02)
        loud = quiet.copy()
        loud[:60] = 0.98
        was, now = scores.aggregate(quiet), scores.aggregate(loud)
        change = dict(zip(scores.AGGREGATORS, now / np.maximum(was, 1e-12) - 1, strict=True))
        assert change["mean"] == pytest.approx(0.024)
        assert change["top-0.1%"] > 4

    def test_points_without_a_value_are_left_out(self):
        assert scores.aggregate(np.array([np.nan, 0.4, np.nan, 0.2]))[0] == pytest.approx(0.3)
        assert np.isnan(scores.aggregate(np.full(4, np.nan))).all()


vectors_of_frames = st.lists(
    st.lists(st.one_of(st.floats(0, 3, width=32), st.just(float("nan"))), max_size=30), min_size=1, max_size=20
)


class TestVectors:
    @given(vectors_of_frames)
    def test_facts_of_all_are_those_of_each(self, given_vectors):
        lengths = np.array([len(one) for one in given_vectors])
        together = np.array([value for one in given_vectors for value in one], np.float32)
        facts = scores.vector_facts(together, lengths)
        for place, one in enumerate(given_vectors):
            vector = np.array(one, np.float32).astype(np.float64)
            known = vector[~np.isnan(vector)]
            assert facts.n[place] == len(known)
            if not len(known):
                assert facts.argmax[place] == -1
                assert np.isnan(facts.max[place])
                continue
            assert facts.max[place] == known.max()
            assert facts.argmax[place] == np.flatnonzero(vector == known.max())[0]
            assert facts.p95[place] == pytest.approx(np.percentile(known, 95))
            assert facts.mean[place] == pytest.approx(known.mean())
            assert facts.total_squares[place] == pytest.approx((known**2).sum())

    @given(arrays.arrays(np.float32, st.integers(1, 500), elements=st.floats(0, 1, width=32)), st.floats(0, 1))
    def test_percentiles_are_linear(self, values, share):
        assert scores.percentile(values, share) == pytest.approx(np.percentile(values.astype(np.float64), share * 100))

    def test_the_histogram_has_the_buckets_of_the_seed(self):
        edges, counts = scores.histogram(np.array([0, 0.05, 0.1, 0.95, 1.0, np.nan]), low=0, high=1, width=0.1)
        assert edges == pytest.approx(np.arange(11) / 10)
        assert counts == [2, 1, 0, 0, 0, 0, 0, 0, 0, 2]
