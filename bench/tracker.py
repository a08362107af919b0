"""How fast the tracker answers among many runs, against the best SQL for the same, and how it grows.

    python -m bench.tracker [--runs 50000] [--from 1000] [--passes 20] [--json]

Runs with 12 parameters, 8 metrics and 4 tags each come in as rows, into a throw-away database, first `--from` and then
all of them. Each question is asked with other values in every pass; the figures are the 95th percentiles of the
server's time (Python and database, on a processor). The limits are 100 ms, hand-written SQL, and the small size.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from bench.explorer import p95, run_sql
from bench.figures import Figure, arguments, at_most, report
from bench.installation import throw_away_installation

GROUPED_MS = 200.0  # up to 125 rows of 25 groups, each found along its own index
MOST_MS, TIMES_SQL, TIMES_SMALL, ROWS = 100.0, 8.0, 3.0, 50
METRICS = ("train/loss", "val/loss", "val/iou/obstacle", "val/iou/ground", "val_iou", "lr", "ece", "accuracy")
TAGS = tuple(f"tag-{number:02d}" for number in range(20))
ARCHITECTURES = ("RandLA-Net", "PointNet++", "Cylinder3D", "MinkUNet34", "SalsaNext")


def load(first: int, last: int) -> None:
    """Runs first to last with all that belongs to them, seeded by their number; COPY for rows of their tables."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO experiments_run (id, experiment_id, name, status, architecture, train_splits,
                validation_splits, repository, commit, dirty, command, host, notes, started_by_id, created_at,
                updated_at, started_at, finished_at, failure, worker, claim, attempts, request_digest)
            SELECT n, 1 + n %% 40, 'run ' || n, 'completed', (%s::text[])[1 + n %% 5], '{train}', '{val}', '', '',
                false, '', '', '', 1 + n %% 10, now() - n * interval '1 minute', now(), now() - interval '2 hours',
                now() - n %% 100 * interval '1 minute', '', '', '', 0, ''
            FROM generate_series(%s::int, %s::int) AS n
            """,
            [list(ARCHITECTURES), first, last],
        )
        cursor.execute(
            """
            INSERT INTO experiments_metricseries (run_id, key, count, nan_count, late_count, minimum, maximum,
                last_value, last_step, first_step)
            SELECT n, key, 100, 0, 0, value / 2, value * 2, value, 100, 1
            FROM generate_series(%s::int, %s::int) AS n, unnest(%s::text[]) AS key,
                LATERAL (SELECT abs(hashint8(n * 31 + hashtext(key))::float8 / 2147483648) AS value) AS valued
            """,
            [first, last, list(METRICS)],
        )
        cursor.execute(
            """
            INSERT INTO experiments_runparameter (run_id, key, kind, text, number)
            SELECT n, 'param-' || p, 'number', v::text, v
            FROM generate_series(%s::int, %s::int) AS n, generate_series(1, 12) AS p,
                LATERAL (SELECT (abs(hashint8(n * 131 + p)) %% 100)::float8 / 100 AS v) AS valued
            """,
            [first, last],
        )
        cursor.execute(
            """
            INSERT INTO experiments_runtag (run_id, key, value)
            SELECT n, (%s::text[])[1 + (n + t * 5 + n / 20) %% 20], '' FROM generate_series(%s::int, %s::int) AS n,
                generate_series(0, 3) AS t
            """,
            [list(TAGS), first, last],
        )
    with connection.cursor() as cursor:
        tables = ("run", "metricseries", "runparameter", "runtag")
        cursor.execute(f"VACUUM ANALYZE {', '.join(f'experiments_{table}' for table in tables)}")


def make_people_and_experiments() -> Any:
    from django.contrib.auth.models import Group, User

    from experiments.models import Experiment

    people = [User.objects.create_user(f"person-{number}") for number in range(10)]
    people[0].groups.add(Group.objects.get(name="engineer"))
    Experiment.objects.bulk_create([Experiment(name=f"experiment-{number}") for number in range(40)])
    return people[0]


class Asked:
    """Two metrics and a tag, ordered by a third, as the dice have it."""

    def __init__(self, dice: random.Random) -> None:
        self.above, self.below = dice.choice([0.3, 0.5, 0.7, 0.9, 0.99]), dice.choice([0.2, 0.5, 0.8])
        self.tag = dice.choice(TAGS)

    @property
    def query(self) -> str:
        return f'metrics.val_iou > {self.above} and metrics.val/loss < {self.below} and tag = "{self.tag}"'


def listed(dice: random.Random) -> object:
    from experiments.run_listing import run_listing

    return run_listing(parameters(dice), sort="-metrics.accuracy", rows=ROWS)


def listed_sql(dice: random.Random) -> None:
    """The same rows and capped count in two statements."""
    asked = Asked(dice)
    condition = """
        EXISTS (SELECT FROM experiments_metricseries m WHERE m.run_id = r.id AND key = 'val_iou' AND last_value > %s
            AND last_value < 'NaN')
        AND EXISTS (SELECT FROM experiments_metricseries m WHERE m.run_id = r.id AND key = 'val/loss'
            AND last_value < %s)
        AND EXISTS (SELECT FROM experiments_runtag t WHERE t.run_id = r.id AND key = %s) AND r.archived_at IS NULL
    """
    values = [asked.above, asked.below, asked.tag]
    run_sql(f"SELECT count(*) FROM (SELECT 1 FROM experiments_run r WHERE {condition} LIMIT 1001) AS found", values)
    run_sql(
        f"""SELECT r.*, u.username, e.name FROM experiments_run r JOIN auth_user u ON u.id = started_by_id
            JOIN experiments_experiment e ON e.id = experiment_id
            JOIN experiments_metricseries o ON o.run_id = r.id AND o.key = 'accuracy'
            WHERE {condition} ORDER BY o.last_value DESC NULLS LAST, r.id LIMIT {ROWS}""",
        values,
    )


def parameters(dice: random.Random) -> Any:
    from django.http import QueryDict

    found = QueryDict(mutable=True)
    found["query"] = Asked(dice).query
    return found


def page(person: Any, query: Callable[[random.Random], dict[str, str]]) -> Callable[[random.Random], object]:
    """The page itself through the whole site, without the network."""
    from django.test import Client

    client = Client(headers={"host": "localhost"})
    client.force_login(person)

    def ask(dice: random.Random) -> None:
        answer = client.get("/runs/", query(dice), headers={"HX-Request": "true"})
        if answer.status_code != 200:
            raise SystemExit(f"The page answered {answer.status_code}.")

    return ask


def measure(count: int, passes: int, person: Any) -> tuple[list[Figure], dict[str, float]]:
    """The figures of a size, and the times by question, by which its growth is told."""
    pages: dict[str, Callable[[random.Random], dict[str, str]]] = {
        "page, two metrics and a tag": lambda dice: {"query": Asked(dice).query, "sort": "-metrics.accuracy"},
        "page of all, by a metric": lambda dice: {"sort": dice.choice(["-iou_obstacle", "validation_loss"])},
        "page grouped by architecture": lambda dice: {"group": "architecture"},
    }
    ours, sql = p95(listed, passes), p95(listed_sql, passes)
    times = {"listing": ours}
    figures = [
        at_most(f"{count:,}: listing", ours, "ms", MOST_MS, 1),
        at_most(f"{count:,}: listing, to SQL", ours, "ms", sql, TIMES_SQL),
    ]
    for name, query in pages.items():
        times[name] = p95(page(person, query), passes)
        figures.append(
            at_most(f"{count:,}: {name}", times[name], "ms", GROUPED_MS if "grouped" in name else MOST_MS, 1)
        )
    return figures, times


def measure_growth(smallest: int, runs: int, passes: int) -> list[Figure]:
    person = make_people_and_experiments()
    sizes = sorted({min(smallest, runs), runs})
    figures: list[Figure] = []
    times: list[dict[str, float]] = []
    for before, size in zip([0, *sizes], sizes, strict=False):
        load(before + 1, size)
        found, taken = measure(size, passes, person)
        figures += found
        times.append(taken)
    growth = f"{sizes[0]:,} to {sizes[-1]:,}"
    return figures + [
        at_most(f"{growth}: {name}", times[-1][name], "ms", times[0][name], TIMES_SMALL)
        for name in times[0]
        if len(times) > 1
    ]


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--runs", type=int, default=50_000)
    parser.add_argument("--from", type=int, default=1000, dest="smallest")
    parser.add_argument("--passes", type=int, default=20)
    options = parser.parse_args()
    with throw_away_installation():
        figures = measure_growth(options.smallest, options.runs, options.passes)
    report(figures, as_json=options.json)


if __name__ == "__main__":
    main()
