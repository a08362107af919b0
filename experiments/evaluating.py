"""The work of evaluating: a frame's predictions and labels become sums, and the sums of frames those of a scene.

Range bands need distances. They are taken from the display chunk of a frame: 8 bytes a point, the same for every
format, positions within 1.8 mm for a common scan. Only where points are left out of the chunk, or the frame is drawn
from an octree, the original is read.
"""

import hashlib
import logging
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from experiments import metrics
from experiments.evaluation_figures import band_count, classes_of, left_out, or_none
from experiments.models import FramePrediction, FrameSums, RunEvaluation, SceneSums
from experiments.prediction_arrays import read_classes, read_numbers
from scenes.clouds import tiles
from scenes.clouds.cloud import CloudError
from scenes.frame_reading import clouds_of
from scenes.models import Frame, FrameLabels, StoredFile

logger = logging.getLogger(__name__)
CONFIDENCE, UNCERTAINTY = "confidence", "uncertainty"
Classes = npt.NDArray[np.uint8]
Numbers = npt.NDArray[np.floating]
Marks = npt.NDArray[np.bool_]
Counts = npt.NDArray[np.int64]
# Comparing with so many classes one by one is faster than looking each point's class up.
MOST_COMPARED = 16


@dataclass(frozen=True)
class Terms:
    """On what terms an evaluation compares: what all its frames have in common."""

    evaluation: RunEvaluation
    ignored: tuple[int, ...]

    @classmethod
    def of(cls, evaluation: RunEvaluation) -> "Terms":
        """Two queries or fewer, once for a piece of work."""
        return cls(evaluation, tuple(left_out(classes_of(evaluation), evaluation.class_count)))

    def said(self) -> str:
        """The terms as text, part of what sums follow from."""
        one = self.evaluation
        return f"{one.class_count} {self.ignored} {one.range_edges} {one.ranked_by} {one.low} {one.high}"


@dataclass(frozen=True)
class Pair:
    """A frame with what is compared on it."""

    frame: Frame
    split: str
    prediction: FramePrediction
    labels: FrameLabels

    def inputs(self, terms: Terms) -> str:
        """The sha256 of all that the frame's sums follow from."""
        prediction = self.prediction
        files = [prediction.classes, prediction.confidence, prediction.uncertainty, self.labels.classes]
        files += [self.frame.cloud if self.frame.display is None else self.frame.display]
        digests = [file.digest if file else "-" for file in files]
        return hashlib.sha256(" ".join([*digests, terms.said()]).encode()).hexdigest()


def frame_sums(pair: Pair, terms: Terms) -> FrameSums:
    """What a frame adds to the evaluation.

    Raises OSError or CloudError when a file of it can't be read, ValueError for a class beyond the ontology's.
    """
    evaluation, prediction, points = terms.evaluation, pair.prediction, pair.frame.point_count
    size = evaluation.class_count
    truth = read_classes(pair.labels.classes.read(), points=points)
    predicted = read_classes(prediction.classes.read(), points=points)
    bands = _bands(pair.frame, evaluation.range_edges)
    banded = metrics.banded_confusion(truth, predicted, size, bands, band_count(evaluation))
    counts = banded.sum(axis=0)
    confidence, uncertainty = _graded(prediction, terms, truth, predicted)
    return FrameSums(
        evaluation=evaluation,
        scene_id=pair.frame.scene_id,
        frame=pair.frame,
        split=pair.split,
        points=points,
        correct=int(counts.trace()),
        confusion=metrics.to_records(counts),
        bands=zlib.compress(metrics.to_records(banded), 1),
        confidence=confidence,
        uncertainty=uncertainty,
        predictions_digest=prediction.classes.digest,
        labels_digest=pair.labels.classes.digest,
        inputs=pair.inputs(terms),
    )


def _graded(prediction: FramePrediction, terms: Terms, truth: Classes, predicted: Classes) -> tuple[bytes, bytes]:
    """The bins of confidence and of uncertainty over the points whose truth is not ignored; empty where not given."""
    if prediction.confidence is None and prediction.uncertainty is None:
        return b"", b""
    right, left_out = truth == predicted, _marked(truth, terms.ignored)
    confidence = None if prediction.confidence is None else _Graded.read(prediction.confidence, right, left_out)
    sums = b"" if confidence is None else confidence.confidence_bins().tobytes()
    evaluation = terms.evaluation
    low, high = evaluation.low, evaluation.high
    if (
        evaluation.ranked_by == UNCERTAINTY
        and prediction.uncertainty is not None
        and low is not None
        and high is not None
    ):
        uncertainty = _Graded.read(prediction.uncertainty, right, left_out)
        return sums, metrics.to_records(uncertainty.uncertainty_bins(low, high))
    if evaluation.ranked_by == CONFIDENCE and confidence is not None:
        return sums, metrics.to_records(confidence.uncertainty_bins(1.0, 0.0))
    return sums, b""


def _marked(truth: Classes, ignored: Sequence[int]) -> Marks:
    """Which points are of an ignored class, bool (n,)."""
    if len(ignored) > MOST_COMPARED:
        table = np.zeros(256, bool)
        table[list(ignored)] = True
        return table[truth]
    marks = np.zeros(len(truth), bool)
    for index in ignored:
        marks |= truth == index
    return marks


@dataclass(frozen=True, eq=False)
class _Graded:
    """Numbers of the points that are judged; half-precision ones only as how often each occurs."""

    values: Numbers
    right: Marks
    counts: Counts | None

    @classmethod
    def read(cls, file: StoredFile, right: Marks, left_out: Marks) -> "_Graded":
        values = read_numbers(file.read(), points=len(right))
        if values.dtype == np.float16:
            return cls(values, right, metrics.half_counts(values, right, left_out))
        if left_out.any():
            judged = np.flatnonzero(~left_out)
            values, right = values[judged], right[judged]
        return cls(values, right, None)

    def confidence_bins(self) -> npt.NDArray[np.float64]:
        if self.counts is None:
            return metrics.confidence_bins(self.values, self.right)
        return metrics.confidence_bins_of(self.counts)

    def uncertainty_bins(self, low: float, high: float) -> Counts:
        if self.counts is None:
            return metrics.uncertainty_bins(self.values, ~self.right, low, high)
        return metrics.uncertainty_bins_of(self.counts, low, high)


def _bands(frame: Frame, edges: Sequence[float]) -> Classes:
    """The range band of each point in file order, uint8 (points,); "no position" where the cloud can't be read."""
    try:
        if frame.display is None or frame.octree_index_id or frame.finite_count != frame.point_count:
            parts = [_squared(cloud.positions()) for cloud in clouds_of(frame)]
            return metrics.range_bands(np.concatenate(parts), edges)
        squared = tiles.squared_ranges(frame.display.read())
        if len(squared) != frame.point_count:
            words = f"the display chunk has {len(squared)} points, the frame {frame.point_count}"
            raise CloudError(words, "Build it again.")
        return metrics.range_bands(squared, edges)[tiles.display_places(len(squared))]
    except (OSError, CloudError):
        logger.warning("The ranges of frame %s can't be read.", frame, exc_info=True)
        return np.full(frame.point_count, len(edges) + 1, np.uint8)


def _squared(positions: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    return np.einsum("ij,ij->i", positions, positions)


@dataclass(frozen=True)
class SceneFacts:
    """What is known of an evaluated scene beside its frames' sums."""

    scene: int
    split: str
    label_set: int | None
    without_prediction: int = 0
    without_labels: int = 0
    not_fitting: int = 0


def scene_sums(terms: Terms, facts: SceneFacts, frames: Iterable[FrameSums]) -> SceneSums:
    """The sums of a scene's frames, with its rates under the evaluation's rule."""
    rows, evaluation = list(frames), terms.evaluation
    size, bands = evaluation.class_count, band_count(evaluation)
    confusions = [row.confusion for row in rows]
    counts = metrics.from_records(confusions, (size, size))
    banded = metrics.from_records([zlib.decompress(row.bands) for row in rows if row.bands], (bands, size, size))
    graded = [np.frombuffer(row.confidence, np.float64) for row in rows if row.confidence]
    ranked = [row.uncertainty for row in rows if row.uncertainty]
    ious = metrics.iou(counts, evaluation.rule, terms.ignored)
    rates = np.array([float(metrics.mean_of(ious)), metrics.accuracy(counts, evaluation.rule, terms.ignored)])
    miou, accuracy = or_none(rates)
    return SceneSums(
        evaluation=evaluation,
        scene_id=facts.scene,
        split=facts.split,
        label_set_id=facts.label_set,
        frames=len(rows),
        points=sum(row.points for row in rows),
        correct=sum(row.correct for row in rows),
        without_prediction=facts.without_prediction,
        without_labels=facts.without_labels,
        not_fitting=facts.not_fitting,
        confusion=metrics.to_records(counts),
        peaks=metrics.peak_records(confusions, size),
        bands=metrics.to_records(banded),
        confidence=np.sum(graded, axis=0).tobytes() if graded else b"",
        uncertainty=metrics.to_records(metrics.from_records(ranked, (metrics.UNCERTAINTY_BINS, 2))) if ranked else b"",
        miou=miou,
        accuracy=accuracy,
        ious=or_none(ious),
    )
