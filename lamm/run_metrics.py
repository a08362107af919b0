"""What the metrics of a run are by their names: losses, IoU by class, learning rate; and its best checkpoint."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from experiments.models import MetricBucket, MetricPoint, MetricSeries, Run
from experiments.selectors import series_of

MOST_KEYS = 1000
MOST_IN_CHART, CHARTS_AT_FIRST, MOST_CHARTS, MOST_CHOSEN = 24, 6, 60, 20
WORDS = re.compile(r"[a-z]+|[0-9]+")
TRAINING = frozenset({"train", "training"})
VALIDATION = frozenset({"val", "valid", "validation", "eval", "dev", "test"})
# What may stand beside "loss" in the name of the loss as a whole, and not of a part of it.
PLAIN_LOSS = TRAINING | VALIDATION | {"loss", "total", "epoch", "step", "mean", "avg", "final"}
LESS_IS_BETTER = frozenset({"loss", "error", "err", "mae", "mse", "rmse", "ece", "mce", "ause", "aurc", "nll", "brier"})
ALWAYS_TOLD = ("obstacle", "ground")


def words_of(key: str) -> frozenset[str]:
    """The lower-case words of a key: "val/IoU_obstacle" has val, iou and obstacle."""
    return frozenset(WORDS.findall(key.lower()))


def is_loss(key: str) -> bool:
    return "loss" in words_of(key)


def is_validation(key: str) -> bool:
    return bool(words_of(key) & VALIDATION)


def is_mean_iou(key: str) -> bool:
    words = words_of(key)
    return "miou" in words or ("iou" in words and bool(words & {"mean", "avg"})) or words - VALIDATION == {"iou"}


def is_iou(key: str) -> bool:
    return bool(words_of(key) & {"iou", "miou"})


def is_learning_rate(key: str) -> bool:
    words = words_of(key)
    return "lr" in words or {"learning", "rate"} <= words


def less_is_better(key: str) -> bool:
    return bool(words_of(key) & LESS_IS_BETTER)


@dataclass(frozen=True)
class Chart:
    """Curves that belong together, by their keys."""

    title: str
    keys: list[str]
    note: str = ""


def loss_keys(keys: Iterable[str]) -> list[str]:
    """The losses as a whole, training first; without any, the losses there are."""
    losses = [key for key in keys if is_loss(key)]
    whole = [key for key in losses if words_of(key) <= PLAIN_LOSS]
    return sorted(whole or losses, key=lambda key: (is_validation(key), key))


def iou_keys(keys: Iterable[str]) -> list[str]:
    """IoU by class and their mean; those of the validation where there are some. The mean comes first."""
    found = [key for key in keys if is_iou(key)]
    validated = [key for key in found if is_validation(key)]
    return sorted(validated or found, key=lambda key: (not is_mean_iou(key), key))


def main_charts(keys: Sequence[str]) -> list[Chart]:
    """The three plots that every run opens with, as far as it has their metrics."""
    found = [
        Chart("Training and validation loss", loss_keys(keys)),
        Chart("Validation IoU by class", iou_keys(keys)),
        Chart("Learning rate", [key for key in keys if is_learning_rate(key)]),
    ]
    return [_bounded(chart) for chart in found if chart.keys]


def _bounded(chart: Chart) -> Chart:
    more = len(chart.keys) - MOST_IN_CHART
    note = f"The first {MOST_IN_CHART} of {len(chart.keys)} metrics." if more > 0 else ""
    return Chart(chart.title, chart.keys[:MOST_IN_CHART], note)


@dataclass(frozen=True)
class KeyGroup:
    """Metrics whose keys begin alike, for the list to choose from."""

    name: str
    series: list[MetricSeries]


def groups(series: Iterable[MetricSeries]) -> list[KeyGroup]:
    """By what stands in front of the first "/" or "."; keys without one come last."""
    found: dict[str, list[MetricSeries]] = {}
    for one in series:
        head, sign, _ = one.key.replace(".", "/").partition("/")
        found.setdefault(head if sign else "", []).append(one)
    return [KeyGroup(name or "Others", found[name]) for name in sorted(found, key=lambda name: (not name, name))]


def series_of_run(run: Run, *, containing: str = "") -> tuple[list[MetricSeries], bool]:
    """The metrics of a run by key, at most 1000, and whether there are more. One query."""
    found = series_of([run.pk])
    if containing:
        found = found.filter(key__icontains=containing)
    rows = list(found[: MOST_KEYS + 1])
    return rows[:MOST_KEYS], len(rows) > MOST_KEYS


@dataclass(frozen=True)
class Told:
    """A metric of the header: in short words, with its last value and, where one is better, its best."""

    label: str
    key: str
    value: float | None
    best: float | None


def final_metrics(series: Sequence[MetricSeries], *, most: int = 7) -> list[Told]:
    """Training loss, validation loss, mean IoU, then the IoU of the classes that matter most, then others."""
    known = {one.key: one for one in series}
    losses, ious = loss_keys(known), iou_keys(known)
    picked = {
        "Training loss": next((key for key in losses if not is_validation(key)), None),
        "Validation loss": next((key for key in losses if is_validation(key)), None),
        "mIoU": next((key for key in ious if is_mean_iou(key)), None),
    }
    for name in ALWAYS_TOLD:
        picked[f"IoU {name}"] = next((key for key in ious if name in words_of(key)), None)
    told = [_told(label, known[key]) for label, key in picked.items() if key]
    shown = {one.key for one in told}
    others = [key for key in known if is_validation(key) and key not in shown and not is_loss(key)]
    return (told + [_told(_short(key), known[key]) for key in others])[:most]


def _short(key: str) -> str:
    """A key without its first part: "val/iou/building" is "iou/building"."""
    return key.partition("/")[2] or key


def _told(label: str, series: MetricSeries) -> Told:
    best = series.minimum if less_is_better(series.key) else series.maximum
    return Told(label, series.key, series.last_value, best if series.count > 1 else None)


@dataclass(frozen=True)
class Checkpoint:
    """Where a metric of the validation was best: at which step, with which value."""

    key: str
    step: int
    value: float
    epoch: float | None
    smallest: bool


def judging_keys(keys: Iterable[str]) -> list[str]:
    """The metrics that can say which checkpoint is best, the one to ask first in front."""
    known = list(keys)
    mean = [key for key in known if is_mean_iou(key)]
    validated = [key for key in known if is_validation(key) and not is_learning_rate(key)]
    scores = [key for key in validated if not less_is_better(key)]
    return list(dict.fromkeys([*sorted(mean, key=lambda key: not is_validation(key)), *scores, *validated]))


def best_checkpoint(series: Sequence[MetricSeries], wanted: str = "") -> Checkpoint | None:
    """The step at which the judging metric (`wanted`, else the first that judges) was best; one query."""
    known = {one.key: one for one in series}
    key = wanted if wanted in known else next(iter(judging_keys(known)), "")
    one = known.get(key)
    smallest = less_is_better(key)
    value = None if one is None else one.minimum if smallest else one.maximum
    if one is None or value is None:
        return None
    found = _where(one, value, smallest)
    return Checkpoint(key, found[0], value, found[1], smallest) if found else None


def _where(series: MetricSeries, value: float, smallest: bool) -> tuple[int, float | None] | None:
    """Step and epoch of the first point with this value. Long series answer from their buckets: a 32nd of the rows."""
    if series.bucket_width is None:
        points = MetricPoint.objects.filter(series=series, value=value).order_by("step")
        return points.values_list("step", "epoch").first()
    column = "low" if smallest else "high"
    buckets = MetricBucket.objects.filter(series=series, **{f"{column}__0": value}).order_by("bucket")
    kept = buckets.values_list(column, flat=True).first()
    return (int(kept[1]), kept[3]) if kept else None
