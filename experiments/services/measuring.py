"""Metrics: batches of points, each batch whole or not at all."""

from dataclasses import dataclass

import numpy as np
from django.contrib.auth.models import User
from django.db import transaction

from experiments.metric_store import Points, write_points
from experiments.models import MetricSeries, Run, RunStatus
from experiments.services.access import open_run
from experiments.services.running import note_life
from experiments.wishes import clean_key
from scenes.errors import ConflictError, TooLargeError

MOST_KEYS = 2000
MOST_KEYS_PER_RUN = 20_000


@dataclass(frozen=True)
class MetricBatch:
    """Points as columns of equal length (n,): `key_of` indexes `keys`; `step`, `timestamp` (ms since 1970) are int64,
    `value` is float64, `epoch` is float64 with NaN where there is none.
    """

    keys: list[str]
    key_of: np.ndarray
    step: np.ndarray
    timestamp: np.ndarray
    value: np.ndarray
    epoch: np.ndarray

    def __len__(self) -> int:
        return len(self.key_of)


@dataclass(frozen=True)
class Recorded:
    """So many points came, so many of them were new; `late`: the run had ended before."""

    received: int
    added: int
    late: bool


@transaction.atomic
def record_metrics(*, run: Run, batch: MetricBatch, by: User, claim: str = "") -> Recorded:
    """Write points; those that are there already (key, step, timestamp, value) are not written again.

    Points are taken from runs that have ended, too, and counted as late. Raises ConflictError for a queued or
    archived run, RefusedError naming a bad key.
    """
    for key in batch.keys:
        clean_key(key, what="key")
    if len(batch.keys) > MOST_KEYS:
        raise TooLargeError(f"{len(batch.keys):,} keys, {MOST_KEYS:,} a call are allowed.", field="key")
    run = open_run(run, by=by, claim=claim)
    if run.status == RunStatus.QUEUED:
        raise ConflictError(f"{run} is queued. Start or claim it first.", status=run.status)
    if not len(batch):
        return Recorded(0, 0, run.ended)
    ids = _series(run, batch.keys)
    added = write_points(
        Points(ids[batch.key_of], batch.step, batch.timestamp, batch.value, batch.epoch), late=run.ended
    )
    note_life(run)
    return Recorded(len(batch), added, run.ended)


def _series(run: Run, keys: list[str]) -> np.ndarray:
    """The id of the series of each key, made where it is missing; the caller holds the run's lock. int64 (keys,)."""
    known = dict(MetricSeries.objects.filter(run=run, key__in=keys).values_list("key", "id"))
    missing = [key for key in dict.fromkeys(keys) if key not in known]
    if missing:
        if MetricSeries.objects.filter(run=run).count() + len(missing) > MOST_KEYS_PER_RUN:
            raise TooLargeError(f"{run} would have more than {MOST_KEYS_PER_RUN:,} metrics.", field="key")
        made = MetricSeries.objects.bulk_create([MetricSeries(run=run, key=key) for key in missing])
        known |= {series.key: series.pk for series in made}
    return np.array([known[key] for key in keys], np.int64)
