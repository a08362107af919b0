"""Rates from confusion counts, under the rules that evaluators of the field use.

IoU = TP / (TP + FP + FN), on counts summed over all points. The rules differ in what is left out:

- `semantic-kitti` (np_ioueval.py of the SemanticKITTI API): points whose true class is ignored are left out. A
  labelled point that is predicted as an ignored class is a false negative. A class that occurs neither in truth nor in
  predictions scores 0 and is in the mean.
- `nuscenes` (lidarseg/utils.py of the nuScenes devkit): points whose true or predicted class is ignored are left
  out. A class that does not occur has no IoU and is left out of the mean.
- `mmdet3d` (seg_eval.py of MMDetection3D): points whose true class is ignored are left out, as in the first; a class
  that does not occur is left out of the mean, as in the second.

In all functions `counts` is int64 (..., classes, classes) with rows = truth, and `ignored` lists class indices. Axes
before the last two, of frames for example, stay: rates of classes then are (..., classes), those of all (...).
"""

from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from experiments.metrics.confusion import RECORD

Counts = npt.NDArray[np.int64]
Rates = npt.NDArray[np.float64]
Rule = Literal["semantic-kitti", "nuscenes", "mmdet3d"]
RULES: tuple[str, ...] = ("semantic-kitti", "nuscenes", "mmdet3d")


def counted(counts: Counts, rule: str, ignored: Iterable[int] = ()) -> Counts:
    """The counts that take part under a rule; the others are 0. Raises ValueError for an unknown rule."""
    if rule not in RULES:
        raise ValueError(f"{rule!r} is no rule; there are {', '.join(RULES)}")
    kept = counts.copy()
    left_out = list(ignored)
    kept[..., left_out, :] = 0
    if rule == "nuscenes":
        kept[..., left_out] = 0
    return kept


def support(counts: Counts, rule: str, ignored: Iterable[int] = ()) -> Counts:
    """How many counted points truly are of each class, int64 (classes,)."""
    return counted(counts, rule, ignored).sum(axis=-1)


def iou(counts: Counts, rule: str, ignored: Iterable[int] = ()) -> Rates:
    """Intersection over union of each class, float64 (classes,); NaN for ignored classes and where there is none."""
    left_out = list(ignored)
    kept = counted(counts, rule, left_out)
    hits = kept.diagonal(axis1=-2, axis2=-1)
    found = _ratio(hits, kept.sum(axis=-2) + kept.sum(axis=-1) - hits)
    if rule == "semantic-kitti":
        found[np.isnan(found)] = 0.0
    found[..., left_out] = np.nan
    return found


def iou_of_records(rows: Sequence[bytes | memoryview], classes: int, rule: str, ignored: Iterable[int] = ()) -> Rates:
    """What `iou` gives of each of some records (experiments.metrics.to_records), float64 (rows, classes).

    Only the cells that are not zero are touched: of frames a small part of the matrix.
    """
    if rule not in RULES:
        raise ValueError(f"{rule!r} is no rule; there are {', '.join(RULES)}")
    left_out = np.zeros(classes, bool)
    left_out[list(ignored)] = True
    found = np.frombuffer(b"".join(rows), RECORD)
    truth, predicted = np.divmod(found["cell"].astype(np.int64), classes)
    dropped = left_out[truth] | left_out[predicted] if rule == "nuscenes" else left_out[truth]
    points = np.where(dropped, 0, found["points"]).astype(np.float64)  # exact up to 2**53
    starts = np.repeat(np.arange(len(rows)) * classes, [len(row) // RECORD.itemsize for row in rows])

    def summed(indices: Counts, weights: npt.NDArray[np.float64]) -> Rates:
        sums = np.bincount(starts + indices, weights=weights, minlength=len(rows) * classes)
        return sums.astype(np.float64, copy=False).reshape(-1, classes)

    hits = summed(truth, np.where(truth == predicted, points, 0))
    rates = _ratio(hits, summed(truth, points) + summed(predicted, points) - hits)
    if rule == "semantic-kitti":
        rates[np.isnan(rates)] = 0.0
    rates[:, left_out] = np.nan
    return rates


def miou(counts: Counts, rule: str, ignored: Iterable[int] = ()) -> float:
    """Of one matrix: the mean IoU over classes; NaN when no class has one."""
    return float(mean_of(iou(counts, rule, ignored)))


def fwiou(counts: Counts, rule: str, ignored: Iterable[int] = ()) -> float:
    """Of one matrix: IoU weighted by how frequent each class is in truth (arXiv 1704.06857); NaN if none."""
    left_out = list(ignored)
    found, weights = iou(counts, rule, left_out), support(counts, rule, left_out)
    known = ~np.isnan(found)
    total = weights[known].sum()
    return float((found[known] * weights[known]).sum() / total) if total else float("nan")


def precision(counts: Counts, rule: str, ignored: Iterable[int] = ()) -> Rates:
    """TP / (TP + FP) of each class, float64 (classes,); NaN for ignored classes and those never predicted."""
    left_out = list(ignored)
    kept = counted(counts, rule, left_out)
    found = _ratio(kept.diagonal(axis1=-2, axis2=-1), kept.sum(axis=-2))
    found[..., left_out] = np.nan
    return found


def recall(counts: Counts, rule: str, ignored: Iterable[int] = ()) -> Rates:
    """TP / (TP + FN) of each class, float64 (classes,); NaN for ignored classes and those without a true point."""
    left_out = list(ignored)
    kept = counted(counts, rule, left_out)
    found = _ratio(kept.diagonal(axis1=-2, axis2=-1), kept.sum(axis=-1))
    found[..., left_out] = np.nan
    return found


def accuracy(counts: Counts, rule: str, ignored: Iterable[int] = ()) -> float:
    """Of one matrix: the share of counted points that are right; NaN without any."""
    kept = counted(counts, rule, ignored)
    total = kept.sum()
    return float(kept.trace() / total) if total else float("nan")


def mean_of(values: Rates) -> Rates:
    """The mean over the last axis of the numbers that are not NaN, shape (...); NaN without any."""
    known = ~np.isnan(values)
    count = known.sum(axis=-1)
    total = np.where(known, values, 0.0).sum(axis=-1)
    means: Rates = np.divide(total, count, out=np.full(count.shape, np.nan), where=count > 0)
    return means


def _ratio(part: Counts | Rates, whole: Counts | Rates) -> Rates:
    return np.divide(part, whole, out=np.full(whole.shape, np.nan), where=whole > 0)
