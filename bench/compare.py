"""How fast the compare page answers for 20 runs, and the curves that it draws.

    python -m bench.compare [--runs 20] [--keys 2] [--steps 6000] [--json]

Runs with parameters and long metrics are written here in a throw-away database. Server time is taken through Django's
handler, middleware included: each part of the page, then the curves of all keys, one request a chart, as the browser
asks for them. What is held against: 500 ms for page and curves of 10 keys together, in proportion for other numbers of
keys; and for the curves, one bare statement that reads the same buckets. Series of up to 5,000 points are read point
by point and have no use for that limit: measure them longer.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

from bench.figures import Figure, arguments, at_most, report
from bench.installation import throw_away_installation

PASSES = 5
LIMIT_MS, LIMIT_KEYS = 500.0, 10
POINTS = 500
TABS = ("overview", "curves", "relations", "groups", "code")


def make_person() -> Any:
    from django.contrib.auth.models import Group, User

    person = User.objects.create_user("trainer")
    person.groups.add(Group.objects.get(name="trainer"))
    return person


def make_runs(person: Any, runs: int, keys: int, steps: int) -> list[int]:
    """Runs with 30 parameters of which a few differ, and noisy falling curves; their ids."""
    import numpy as np
    from django.db import connection

    from experiments import services
    from experiments.services import MetricBatch
    from experiments.wishes import RunWishes

    random = np.random.default_rng(5)
    found = []
    at = np.arange(steps)
    for number in range(runs):
        parameters: dict[str, float | str] = {f"fixed.{place}": place for place in range(24)}
        parameters |= {"lr": 10.0 ** -(number % 4), "batch": 8 << number % 3, "optimizer": "ab"[number % 2]}
        wishes = RunWishes(name=f"bench-{number}", parameters=parameters, architecture="RandLA-Net")
        run = services.create_run(wishes=wishes, by=person).run
        for key in range(keys):
            values = np.exp(-at / steps * 4) + random.normal(size=steps) * 0.05
            name = f"loss/{key}"
            batch = MetricBatch([name], np.zeros(steps, np.int64), at, 1000 * at, values, np.full(steps, np.nan))
            services.record_metrics(run=run, batch=batch, by=person)
        found.append(run.pk)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return found


def milliseconds(work: Callable[[], object]) -> float:
    """The median of several passes after one that warms up."""
    taken = []
    for _ in range(PASSES + 1):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken[1:]) * 1000


def asked(client: Any, address: str) -> None:
    answer = client.get(address)
    if answer.status_code != 200:
        raise SystemExit(f"{address[:200]} answers {answer.status_code}.")


def all_asked(client: Any, addresses: list[str]) -> None:
    for address in addresses:
        asked(client, address)


def bare_buckets(runs: list[int]) -> None:
    """The least that drawing takes: every bucket of the series read once, and points where there are no buckets."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT series_id, min(low), max(high) FROM experiments_metricbucket
            WHERE series_id IN (SELECT id FROM experiments_metricseries WHERE run_id = ANY(%s))
            GROUP BY series_id, bucket / 13
            """,
            [runs],
        )
        cursor.fetchall()


def measure(runs: int, keys: int, steps: int) -> list[Figure]:
    from django.test import Client

    person = make_person()
    ids = make_runs(person, runs, keys, steps)
    client = Client(headers={"host": "localhost"})
    client.force_login(person)
    query = "&".join(f"run={pk}" for pk in ids)
    pages = {tab: milliseconds(lambda tab=tab: asked(client, f"/runs/compare/?{query}&tab={tab}")) for tab in TABS}  # type: ignore[misc]
    drawn = [f"/api/metrics/chart/?{query}&key=loss/{key}&by=step&points={POINTS}" for key in range(keys)]
    curves = milliseconds(lambda: all_asked(client, drawn))
    one = milliseconds(lambda: asked(client, drawn[0]))
    limit = LIMIT_MS * keys / LIMIT_KEYS
    what = f"{runs} runs x {steps:,} steps"
    return [
        *(at_most(f"page of {runs} runs: {tab}", taken, "ms", LIMIT_MS, 1) for tab, taken in pages.items()),
        at_most(f"one chart of {what}", one, "ms", LIMIT_MS / LIMIT_KEYS, 1),
        at_most(f"page and {keys} charts of {what}", pages["curves"] + curves, "ms", limit + pages["curves"], 1),
        at_most("the curves against reading their buckets", curves, "ms", milliseconds(lambda: bare_buckets(ids)), 4),
    ]


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--keys", type=int, default=2)
    parser.add_argument("--steps", type=int, default=6000)
    options = parser.parse_args()
    with throw_away_installation():
        figures = measure(min(options.runs, 20), options.keys, options.steps)
    report(figures, as_json=options.json)


if __name__ == "__main__":
    main()
