"""The figures that every tracker shows, and the metrics that usually stand for them.

Scripts choose the names of their metrics. A figure of a run is the first of these metrics that the run has, its last
value; an address or a saved view may name another metric (`training_loss=my/loss`).
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db import connection

LOW, HIGH = "low", "high"
MOST_KEYS = 8


@dataclass(frozen=True)
class Figure:
    """A column of its own: `keys` are its usual metrics, the first in use wins; `better` says which way is better.

    `class_name` is the semantic class whose IoU the server computes for it, where it does.
    """

    name: str
    label: str
    keys: tuple[str, ...]
    better: str
    class_name: str = ""


def _iou_keys(name: str) -> tuple[str, ...]:
    forms = ("val/iou/{}", "val/iou_{}", "val_iou_{}", "val_iou/{}", "iou/{}", "iou_{}", "val/{}_iou", "{}_iou")
    return tuple(form.format(name) for form in forms)


FIGURES: Mapping[str, Figure] = {
    figure.name: figure
    for figure in (
        Figure(
            "training_loss",
            "Training Loss",
            ("train/loss", "train_loss", "training_loss", "loss/train", "training/loss", "loss"),
            LOW,
        ),
        Figure(
            "validation_loss",
            "Validation Loss",
            ("val/loss", "val_loss", "validation_loss", "loss/val", "validation/loss", "valid_loss", "eval_loss"),
            LOW,
        ),
        Figure("iou_obstacle", "Validation IoU (Obstacle)", _iou_keys("obstacle"), HIGH, "obstacle"),
        Figure("iou_ground", "Validation IoU (Ground)", _iou_keys("ground"), HIGH, "ground"),
    )
}
_LOWER = re.compile(r"loss|error|\berr\b|ece|mce|rmse|mae|mse|perplexity|time|seconds|latency|memory|aurc|ause|false")
_HIGHER = re.compile(r"iou|acc|precision|recall|f1|dice|map|auc|psnr|reward|score|throughput|speed|quality|true")


def better(key: str) -> str:
    """Which way a metric is better, told by its name: "low", "high", or "" when the name does not say."""
    name = key.lower()
    return LOW if _LOWER.search(name) else HIGH if _HIGHER.search(name) else ""


def figure_keys(chosen: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """By figure: the metrics that stand for it, the preferred one first; of the usual ones those that any run has.

    `chosen` names one metric for some figures. One query, which asks the index once for each usual key.
    """
    usual = list(dict.fromkeys(key for figure in FIGURES.values() for key in figure.keys))
    used = set(_in_use(usual))
    found = {}
    for name, figure in FIGURES.items():
        known = tuple(key for key in figure.keys if key in used)[:MOST_KEYS] or figure.keys[:1]
        found[name] = (chosen[name],) if chosen.get(name) else known
    return found


_IN_USE = """
SELECT key FROM unnest(%s::text[]) AS wanted (key)
WHERE EXISTS (SELECT FROM experiments_metricseries series WHERE series.key = wanted.key)
"""


def _in_use(keys: Sequence[str]) -> Iterable[str]:
    with connection.cursor() as cursor:
        cursor.execute(_IN_USE, [list(keys)])
        return [key for (key,) in cursor.fetchall()]
