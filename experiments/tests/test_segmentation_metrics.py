"""Confusion, rates, calibration and ranking: golden values, other implementations, exactness from sums."""

import math

import numpy as np
import pytest
from django.conf import settings
from hypothesis import given
from hypothesis import settings as promises
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from experiments import metrics
from scenes.clouds.cloud import DEFAULT_LIMITS
from scenes.clouds.formats import format_for
from scenes.clouds.labels import read_labels

DATA = settings.BASE_DIR.parent / "shared/data"
TRUTH = np.array([0, 0, 1, 1, 1, 1, 2, 2, 2, 3, 3, 0], np.uint8)
PREDICTED = np.array([1, 0, 1, 1, 2, 0, 2, 2, 1, 3, 3, 3], np.uint8)
CONFIDENCE = np.array([0.95, 0.9, 0.85, 0.8, 0.75, 0.65, 0.6, 0.55, 0.45, 0.35])
RIGHT = np.array([1, 1, 1, 0, 1, 1, 0, 0, 1, 0], bool)


class TestGoldenValues:
    @pytest.mark.parametrize(
        ("rule", "ious", "mean"),
        [
            ("semantic-kitti", [0.4, 0.5, 1.0, 0.0], 0.475),
            ("nuscenes", [0.5, 0.5, 1.0, math.nan], 2 / 3),
            ("mmdet3d", [0.4, 0.5, 1.0, math.nan], 1.9 / 3),
        ],
    )
    def test_iou_under_the_three_rules(self, rule, ious, mean):
        counts = metrics.confusion(TRUTH, PREDICTED, 5)
        np.testing.assert_allclose(metrics.iou(counts, rule, [0])[1:], ious)
        assert math.isnan(metrics.iou(counts, rule, [0])[0])
        assert metrics.miou(counts, rule, [0]) == pytest.approx(mean)

    def test_calibration(self):
        for bins, ece in ((5, 0.145), (10, 0.325), (15, 0.325)):
            for dtype in (np.float64, np.float32):
                sums = metrics.confidence_bins(CONFIDENCE.astype(dtype), RIGHT, bins)
                assert metrics.ece_mce(sums)[0] == pytest.approx(ece, abs=1e-6)

    def test_ranking(self):
        bins = metrics.distinct_bins(1 - CONFIDENCE, ~RIGHT)
        assert metrics.aurc(bins) == pytest.approx(0.20107, abs=5e-6)
        worst = metrics.aurc(metrics.distinct_bins(CONFIDENCE, ~RIGHT))
        assert metrics.optimal_aurc(bins) < metrics.aurc(bins) < worst

    def test_summed_counts_are_not_the_mean_of_frames(self):
        frames = [np.array([[0, 0], [1, 0]]), np.array([[0, 0], [10, 90]]), np.array([[0, 0], [2, 0]])]
        mean = np.mean([metrics.iou(one, "mmdet3d", [0])[1] for one in frames])
        assert mean == pytest.approx(0.3)
        assert metrics.iou(np.sum(frames, axis=0), "mmdet3d", [0])[1] == pytest.approx(0.874, abs=5e-4)


class TestConfusion:
    def test_classes_that_are_not_there_are_refused(self):
        with pytest.raises(ValueError, match="not below 3"):
            metrics.confusion(TRUTH, PREDICTED, 3)
        with pytest.raises(ValueError, match="not as many"):
            metrics.confusion(TRUTH[:3], PREDICTED, 5)
        with pytest.raises(ValueError, match="bands"):
            metrics.banded_confusion(TRUTH, PREDICTED, 5, np.full(12, 7, np.uint8), 7)

    def test_nothing_is_counted_as_nothing(self):
        none = np.empty(0, np.uint8)
        assert metrics.confusion(none, none, 4).sum() == 0
        assert math.isnan(metrics.miou(metrics.confusion(none, none, 4), "mmdet3d", [0]))
        assert math.isnan(metrics.fwiou(metrics.confusion(none, none, 4), "nuscenes", [0]))
        assert math.isnan(metrics.accuracy(metrics.confusion(none, none, 4), "nuscenes", [0]))

    @pytest.mark.parametrize("classes", [3, 20, 255])
    def test_bands_add_up_to_the_whole(self, classes):
        random = np.random.default_rng(classes)
        truth, predicted = random.integers(0, classes, (2, 5000)).astype(np.uint8)
        bands = random.integers(0, 7, 5000).astype(np.uint8)
        banded = metrics.banded_confusion(truth, predicted, classes, bands, 7)
        assert (banded.sum(axis=0) == metrics.confusion(truth, predicted, classes)).all()
        inside = bands == 3
        assert (banded[3] == metrics.confusion(truth[inside], predicted[inside], classes)).all()

    def test_ranges_fall_into_their_bands(self):
        squared = np.array([0, 9.9**2, 100, 19.9**2, 400, 1e6, np.nan, np.inf], np.float32)
        assert metrics.range_bands(squared, [10, 20]).tolist() == [0, 0, 1, 1, 2, 2, 3, 3]

    def test_records_hold_counts_beyond_32_bits(self):
        counts = np.zeros((3, 3), np.int64)
        counts[1, 2], counts[2, 2] = 2**34 + 5, 7
        records = metrics.to_records(counts)
        assert (metrics.from_records([records, records], (3, 3)) == 2 * counts).all()
        with pytest.raises(ValueError, match="not within"):
            metrics.from_records([records], (2, 2))

    def test_peaks_are_the_largest_of_one_frame(self):
        frames = [metrics.to_records(np.array([[1, 5], [0, 2]])), metrics.to_records(np.array([[3, 4], [0, 9]]))]
        assert metrics.from_records([metrics.peak_records(frames, 2)], (2, 2)).tolist() == [[3, 5], [0, 9]]
        assert metrics.stacked(frames, (2, 2)).tolist() == [[[1, 5], [0, 2]], [[3, 4], [0, 9]]]


@pytest.mark.parametrize("rule", metrics.RULES)
@pytest.mark.parametrize("ignored", [[], [0], [1, 4]])
def test_rates_of_records_are_those_of_their_matrices(rule, ignored):
    random = np.random.default_rng(len(ignored))
    counts = random.integers(0, 50, (9, 6, 6)) * (random.random((9, 6, 6)) < 0.3)
    counts[4], counts[:, 5] = 0, 0
    records = [metrics.to_records(one) for one in counts]
    expected = metrics.iou(counts, rule, ignored)
    np.testing.assert_array_equal(metrics.iou_of_records(records, 6, rule, ignored), expected)
    assert metrics.iou_of_records([], 6, rule, ignored).shape == (0, 6)


classes_of_points = arrays.arrays(np.uint8, st.integers(1, 200), elements=st.integers(0, 5))


@promises(deadline=None)
@given(classes_of_points, st.randoms(use_true_random=False))
def test_scikit_learn_finds_the_same(truth, random):
    from sklearn import metrics as peer

    predicted = np.array([one if random.random() < 0.6 else random.randint(0, 5) for one in truth], np.uint8)
    counts = metrics.confusion(truth, predicted, 6)
    labels = list(range(6))
    assert (counts == peer.confusion_matrix(truth, predicted, labels=labels)).all()
    given_labels = {"labels": labels, "average": None}
    pairs = [
        (metrics.iou, peer.jaccard_score),
        (metrics.precision, peer.precision_score),
        (metrics.recall, peer.recall_score),
    ]
    for ours, theirs in pairs:
        expected = theirs(truth, predicted, zero_division=0, **given_labels)
        np.testing.assert_allclose(np.nan_to_num(ours(counts, "mmdet3d")), expected, atol=1e-12)
    assert metrics.accuracy(counts, "mmdet3d") == pytest.approx(peer.accuracy_score(truth, predicted))
    weighted = peer.jaccard_score(truth, predicted, labels=labels, average="weighted", zero_division=0)
    assert metrics.fwiou(counts, "mmdet3d") == pytest.approx(weighted)
    assert (metrics.from_records([metrics.to_records(counts)], counts.shape) == counts).all()


class TestCalibrationAndRanking:
    @promises(deadline=None)
    @given(
        arrays.arrays(np.float32, st.integers(1, 300), elements=st.floats(0, 1, width=16)),
        st.integers(0, 2**32 - 1),
    )
    def test_sums_add_up_whatever_the_precision(self, confidence, seed):
        right = np.random.default_rng(seed).random(len(confidence)) < 0.5
        whole = metrics.confidence_bins(confidence, right)
        half = metrics.confidence_bins(confidence.astype(np.float16), right)
        np.testing.assert_allclose(whole, half, atol=1e-3)
        cut = len(confidence) // 2
        parts = (
            metrics.confidence_bins(confidence[:cut], right[:cut]),
            metrics.confidence_bins(confidence[cut:], right[cut:]),
        )
        np.testing.assert_allclose(sum(parts), whole, atol=1e-6)
        assert whole[:, 0].sum() == len(confidence)
        assert whole[:, 2].sum() == right.sum()

    @promises(deadline=None)
    @given(
        arrays.arrays(np.uint16, st.integers(0, 200), elements=st.integers(0, 2**16 - 1)),
        st.sampled_from([(0.0, 3.0), (1.0, 0.0), (2.0, 2.0)]),
    )
    def test_half_precision_gives_the_bins_of_the_judged_points(self, patterns, ends):
        values = np.nan_to_num(patterns.view(np.float16), nan=np.nan, posinf=9, neginf=-9)
        random = np.random.default_rng(len(values))
        right, left_out = random.random((2, len(values))) < 0.4
        judged, counts = ~left_out, metrics.half_counts(values, right, left_out)
        single = values[judged].astype(np.float32)
        found = metrics.uncertainty_bins_of(counts, *ends)
        assert (found == metrics.uncertainty_bins(single, ~right[judged], *ends)).all()
        expected = metrics.confidence_bins(single, right[judged])
        np.testing.assert_allclose(metrics.confidence_bins_of(counts), expected, rtol=1e-6, atol=1e-6)

    def test_what_is_not_a_number_is_left_out(self):
        values = np.array([0.5, np.nan, 0.9], np.float16)
        assert metrics.confidence_bins(values, np.ones(3, bool))[:, 0].sum() == 2
        assert metrics.uncertainty_bins(values, np.ones(3, bool), 0, 1).sum(axis=0).tolist() == [2, 2]

    @pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
    def test_a_confidence_is_ranked_from_the_other_end(self, dtype):
        confidence, wrong = np.linspace(0, 1, 300).astype(dtype), np.arange(300) % 3 == 0
        found = metrics.uncertainty_bins(confidence, wrong, 1.0, 0.0)
        other = metrics.uncertainty_bins(1 - confidence.astype(np.float64), wrong, 0.0, 1.0)
        assert metrics.aurc(found) == pytest.approx(metrics.aurc(other), rel=2e-3)
        assert found.sum(axis=0).tolist() == [300, 100]

    def test_values_beyond_the_ends_are_in_the_outer_bins(self):
        found = metrics.uncertainty_bins(np.array([-1.0, 0.0, 2.0, 9.0]), np.array([1, 0, 0, 1], bool), 0, 2)
        assert found[0].tolist() == [2, 1]
        assert found[-1].tolist() == [2, 1]

    @promises(deadline=None)
    @given(arrays.arrays(np.int64, st.integers(1, 60), elements=st.integers(0, 9)), st.integers(0, 2**32 - 1))
    def test_aurc_is_the_mean_over_all_coverages_and_orders(self, places, seed):
        random = np.random.default_rng(seed)
        wrong = random.random(len(places)) < 0.4
        bins = metrics.distinct_bins(places, wrong)
        # The expectation over the order within a bin, point by point.
        faults, seen, risks = 0.0, 0, []
        for points, bad in bins:
            for _ in range(points):
                faults, seen = faults + bad / points, seen + 1
                risks.append(faults / seen)
        assert metrics.aurc(bins) == pytest.approx(np.mean(risks), abs=1e-9)

    def test_a_perfect_order_has_nothing_in_excess(self):
        bins = metrics.distinct_bins(np.array([0.1, 0.2, 0.8, 0.9]), np.array([0, 0, 1, 1], bool))
        assert metrics.e_aurc(bins) == pytest.approx(0)
        assert metrics.ause(bins) == pytest.approx(0)

    def test_nothing_wrong_has_no_sparsification_error(self):
        bins = metrics.distinct_bins(np.array([0.1, 0.2]), np.zeros(2, bool))
        assert math.isnan(metrics.ause(bins))
        assert metrics.aurc(bins) == 0

    def test_numbers_from_256_bins_are_those_from_all_points(self):
        random = np.random.default_rng(7)
        logits = random.normal(0, 2, (400_000, 8))
        logits[:, 0] += 3
        shares = np.exp(logits)
        shares /= shares.sum(axis=1, keepdims=True)
        true = (shares.cumsum(axis=1) > random.random((len(shares), 1))).argmax(axis=1)
        wrong = shares.argmax(axis=1) != true
        entropy = -(shares * np.log(shares)).sum(axis=1)
        exact = metrics.distinct_bins(entropy, wrong)
        binned = metrics.uncertainty_bins(entropy, wrong, 0, math.log(8))
        assert metrics.aurc(binned) == pytest.approx(metrics.aurc(exact), rel=4e-4)
        assert metrics.ause(binned) == pytest.approx(metrics.ause(exact), rel=4e-4)
        removed, curve, oracle = metrics.sparsification(exact)
        assert (curve[0], oracle[0], removed[0]) == (1, 1, 0)
        # The area between the two curves, on a grid of their own.
        area = np.trapezoid(curve - oracle, removed)
        assert metrics.ause(exact) == pytest.approx(area, rel=1e-3)
        assert metrics.error_rate(exact) == pytest.approx(wrong.mean())


def published(truth: np.ndarray, predicted: np.ndarray, rule: str, classes: range) -> list[float]:
    """IoU by class from sets of points, as the papers of the three evaluators put it; class 0 is ignored."""
    kept = truth != 0
    if rule == "nuscenes":
        kept &= predicted != 0
    found = []
    for index in classes:
        true, said = (truth == index) & kept, (predicted == index) & kept
        union = np.count_nonzero(true | said)
        nothing = 0.0 if rule == "semantic-kitti" else math.nan
        found.append(np.count_nonzero(true & said) / union if union else nothing)
    return found


def real_labels() -> list[np.ndarray]:
    """Of a drive whose clouds carry their labels, and of a scan with a file of labels."""
    clouds = sorted((DATA / "derived__ika_drive_labelled").glob("*.pcd"))
    read = [format_for(path.name).read(path.read_bytes(), name=path.name, limits=DEFAULT_LIMITS) for path in clouds]
    raw = [read_labels(cloud, kind="field", points=len(cloud)) for cloud in read]
    file = DATA / "mit-han-lab__spvnas/assets/000000.label"
    raw.append(read_labels(file.read_bytes(), kind="semantic-kitti", points=file.stat().st_size // 4))
    return [(one.semantic % 20).astype(np.uint8) for one in raw]


@pytest.mark.skipif(
    not (DATA / "mit-han-lab__spvnas/assets/000000.label").is_file(), reason="the labels of ../shared/data are not here"
)
@pytest.mark.parametrize("rule", metrics.RULES)
def test_the_published_rules_on_real_labels(rule):
    """Labels that a drive has, against the same with a tenth of the points moved to their neighbour's class."""
    random = np.random.default_rng(3)
    for truth in real_labels():
        predicted = np.where(random.random(len(truth)) < 0.1, np.roll(truth, 40), truth)
        predicted[random.random(len(truth)) < 0.01] = 0
        counts = metrics.confusion(truth, predicted, 20)
        np.testing.assert_allclose(metrics.iou(counts, rule, [0])[1:], published(truth, predicted, rule, range(1, 20)))
        assert len(np.unique(truth)) > 3
