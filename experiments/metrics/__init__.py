"""Numbers of semantic segmentation and of its uncertainty, in NumPy alone.

Everything is computed from sums that add up: confusion counts, bins of confidence, bins of uncertainty. So any rate
of any set of frames is one addition away, and no rate is ever an average of rates.
"""

from experiments.metrics.bins import (
    CONFIDENCE_BINS,
    CONFIDENCE_SUMS,
    UNCERTAINTY_BINS,
    confidence_bins,
    distinct_bins,
    ece_mce,
    uncertainty_bins,
    uncertainty_places,
)
from experiments.metrics.confusion import (
    RECORD,
    banded_confusion,
    confusion,
    from_records,
    peak_records,
    range_bands,
    stacked,
    to_records,
)
from experiments.metrics.ranking import aurc, ause, e_aurc, error_rate, optimal_aurc, risk_coverage, sparsification
from experiments.metrics.rates import (
    RULES,
    Rule,
    accuracy,
    counted,
    fwiou,
    iou,
    mean_of,
    miou,
    precision,
    recall,
    support,
)

__all__ = [
    "CONFIDENCE_BINS",
    "CONFIDENCE_SUMS",
    "RECORD",
    "RULES",
    "UNCERTAINTY_BINS",
    "Rule",
    "accuracy",
    "aurc",
    "ause",
    "banded_confusion",
    "confidence_bins",
    "confusion",
    "counted",
    "distinct_bins",
    "e_aurc",
    "ece_mce",
    "error_rate",
    "from_records",
    "fwiou",
    "iou",
    "mean_of",
    "miou",
    "optimal_aurc",
    "peak_records",
    "precision",
    "range_bands",
    "recall",
    "risk_coverage",
    "sparsification",
    "stacked",
    "support",
    "to_records",
    "uncertainty_bins",
    "uncertainty_places",
]
