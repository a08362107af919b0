"""The points of a metric as they were logged, a block at a time, so that memory does not grow with them."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from experiments.binary_rows import INTEGER, NUMBER, binary_rows
from experiments.models import MetricSeries
from experiments.wishes import MOST_WHOLE

BLOCK = 20_000
_BLOCK_SQL = """
SELECT step, timestamp, value, coalesce(epoch, 'NaN') FROM experiments_metricpoint
WHERE series_id = %s AND (step, timestamp, value) > (%s, %s, %s::float8) AND step <= %s
ORDER BY step, timestamp, value LIMIT %s
"""
_COLUMNS = {"step": INTEGER, "timestamp": INTEGER, "value": NUMBER, "epoch": NUMBER}


@dataclass(frozen=True)
class PointBlock:
    """Points in the order of step, time (ms since 1970) and value: int64, int64, float64, float64 (n,).

    `epoch` is NaN where there is none.
    """

    step: np.ndarray
    timestamp: np.ndarray
    value: np.ndarray
    epoch: np.ndarray

    def __len__(self) -> int:
        return len(self.step)


def history(
    series: MetricSeries, *, first_step: int = -MOST_WHOLE, last_step: int = MOST_WHOLE
) -> Iterator[PointBlock]:
    """The points of a series between two steps, both included, in blocks of up to 20,000."""
    after = (first_step - 1, MOST_WHOLE, np.nan)  # nothing is greater than NaN: the next point is of the first step
    while True:
        block = PointBlock(**binary_rows(_BLOCK_SQL, [series.pk, *after, last_step, BLOCK], _COLUMNS))
        if len(block):
            yield block
        if len(block) < BLOCK:
            return
        after = (int(block.step[-1]), int(block.timestamp[-1]), float(block.value[-1]))
