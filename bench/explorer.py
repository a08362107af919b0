"""How fast the explorer answers among a million scenes, against the best SQL for the same, and how it grows.

    python -m bench.explorer [--scenes 100000] [--from 10000] [--passes 30] [--json]

Scenes with three tags each come in by COPY, into a throw-away database, first `--from` and then all of them. Each
question is asked with other values in every pass; the figures are the 95th percentiles of the server's time (Python and
database, on a processor): through the selectors that page and API share, and through the whole page. The limits are
hand-written SQL.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.figures import Figure, arguments, at_most, report
from bench.installation import throw_away_installation
from bench.library.scenes import STATUSES, WORDS, load, make_people_and_tags

ROWS, DEEP_PAGE, MOST_MS, TIMES_SQL = 50, 1000, 150.0, 3.0


@dataclass(frozen=True)
class Question:
    """One question: as page and API ask it, and as the best SQL that we know does. Both take the pass's dice."""

    name: str
    ours: Callable[[random.Random], object]
    sql: Callable[[random.Random], object]


def run_sql(text: str, parameters: list[Any]) -> list[Any]:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(text, parameters)
        return cursor.fetchall()


# What a row of the page shows, by one statement.
SHOWN = """
    SELECT s.*, d.name, u.username, thumb.digest, strip.digest,
        (SELECT string_agg(t.name, ',') FROM scenes_scenetag l JOIN scenes_tag t ON t.id = l.tag_id
         WHERE l.content_object_id = s.id)
    FROM scenes_scene s LEFT JOIN scenes_drive d ON d.id = s.drive_id LEFT JOIN auth_user u ON u.id = s.labeler_id
    LEFT JOIN scenes_storedfile thumb ON thumb.id = s.thumbnail_id
    LEFT JOIN scenes_storedfile strip ON strip.id = s.filmstrip_id WHERE s.id = ANY(%s)
"""
BOTH_TAGS = """
    FROM scenes_scenetag a JOIN scenes_scenetag b ON b.content_object_id = a.content_object_id
    WHERE a.tag_id = %s AND b.tag_id = %s AND a.status = %s AND b.status = %s
        AND a.max_uncertainty >= %s AND b.max_uncertainty >= %s
"""


def rows_of(found: list[Any]) -> list[Any]:
    return run_sql(SHOWN, [[row[0] for row in found]])


def capped_sql(inner: str, parameters: list[Any]) -> list[Any]:
    return run_sql(f"SELECT count(*) FROM (SELECT 1 {inner} LIMIT 1001) AS found", parameters)


def query(text: str) -> Any:
    from django.http import QueryDict

    return QueryDict(text)


def listed(parameters: str, sort: str = "", page: int = 1) -> Any:
    from scenes.listing import scene_listing

    return scene_listing(query(parameters), sort=sort, page=page, rows=ROWS)


@dataclass(frozen=True)
class TwoTags:
    """Two tags, a status and a threshold, as the dice have it."""

    first: int
    second: int
    status: str
    above: float

    @classmethod
    def of(cls, dice: random.Random) -> TwoTags:
        first, second = dice.sample(range(1, 41), 2)
        return cls(first, second, dice.choice(STATUSES), dice.choice([0.2, 0.3, 0.4]))

    @property
    def parameters(self) -> str:
        tags = f"tag=tag-{self.first:03d}&tag=tag-{self.second:03d}"
        return f"{tags}&status={self.status}&max_uncertainty_min={self.above}"

    @property
    def values(self) -> list[Any]:
        return [self.first, self.second, self.status, self.status, self.above, self.above]


def two_tags_sql(dice: random.Random) -> None:
    asked = TwoTags.of(dice)
    order = "ORDER BY a.max_uncertainty DESC NULLS LAST, a.content_object_id DESC LIMIT 50"
    rows_of(run_sql(f"SELECT a.content_object_id {BOTH_TAGS} {order}", asked.values))
    capped_sql(BOTH_TAGS, asked.values)


def two_tags_facets(dice: random.Random) -> object:
    from scenes.facets import facets

    return facets(query(TwoTags.of(dice).parameters), ["status", "tag"])


def two_tags_facets_sql(dice: random.Random) -> None:
    """The statuses and forty further tags, a capped count each, in one statement."""
    asked = TwoTags.of(dice)
    both = "FROM scenes_scenetag a JOIN scenes_scenetag b USING (content_object_id)"
    capped = "(SELECT count(*) FROM (SELECT 1 {} LIMIT 1001) AS found)"
    within = f"a.max_uncertainty >= {asked.above} AND b.max_uncertainty >= {asked.above}"
    tags = f"a.tag_id = {asked.first} AND b.tag_id = {asked.second} AND {within}"
    statuses = [capped.format(f"{both} WHERE {tags} AND a.status = '{s}' AND b.status = '{s}'") for s in STATUSES]
    third = "JOIN scenes_scenetag c USING (content_object_id)"
    status = f"a.status = '{asked.status}' AND b.status = '{asked.status}'"
    more = [capped.format(f"{both} {third} WHERE {tags} AND {status} AND c.tag_id = {tag}") for tag in range(1, 41)]
    run_sql(f"SELECT {', '.join([*statuses, *more])}", [])


def every_facet(dice: random.Random) -> object:
    from scenes.facets import facets

    return facets(query(""), ["status", "tag", "position", "used_in_training", "source_model"])


def every_facet_sql(dice: random.Random) -> None:
    capped = "(SELECT count(*) FROM (SELECT 1 FROM {} LIMIT 1001) AS found)"
    asked = [capped.format(f"scenes_scene WHERE status = '{status}'") for status in STATUSES]
    asked += [capped.format(f"scenes_scenetag WHERE tag_id = {tag}") for tag in range(1, 41)]
    asked += [capped.format(f"scenes_scene WHERE position_state = '{state}'") for state in ("known", "missing")]
    asked += [capped.format(f"scenes_scene WHERE used_in_training = {used}") for used in ("true", "false")]
    asked += [capped.format(f"scenes_scene WHERE uncertainty_source = 'ensemble-v{n}'") for n in range(1, 9)]
    run_sql(f"SELECT {', '.join(asked)}", [])


def searched_for(dice: random.Random) -> str:
    """What one types: the beginning of a word, a whole word, part of a number."""
    word = dice.choice(WORDS)
    return dice.choice(
        [word[:3], word[:4], word, f"{dice.randint(1000, 9999)}", f"{word}-{dice.randint(0, 9):07d}"[:-3]]
    )


def search_sql(dice: random.Random) -> None:
    pattern = f"%{searched_for(dice)}%"
    found = "FROM scenes_searchtext WHERE text LIKE %s"
    rows_of(run_sql(f"SELECT scene_id {found} ORDER BY scene_id DESC LIMIT 50", [pattern]))
    capped_sql(found, [pattern])


def deep_page_sql(dice: random.Random) -> None:
    order = "ORDER BY max_frame_uncertainty DESC, id DESC OFFSET %s LIMIT 50"
    filled = "FROM scenes_scene WHERE max_frame_uncertainty IS NOT NULL"
    rows_of(run_sql(f"SELECT id {filled} {order}", [deep_page() * ROWS - ROWS]))
    capped_sql("FROM scenes_scene", [])


def deep_page() -> int:
    """Page 1000, or the last one of a small database."""
    (count,) = run_sql("SELECT count(max_frame_uncertainty) FROM scenes_scene", [])[0]
    return int(min(DEEP_PAGE, max(1, count // ROWS)))


def selection_sql(dice: random.Random) -> None:
    run_sql(f"SELECT count(*) {BOTH_TAGS}", TwoTags.of(dice).values)


def selection(dice: random.Random) -> object:
    from scenes.listing import count_matching

    return count_matching(query(TwoTags.of(dice).parameters))


def questions(last: int) -> list[Question]:
    return [
        Question(
            "two tags, status, uncertainty",
            lambda dice: listed(TwoTags.of(dice).parameters, "-max_uncertainty"),
            two_tags_sql,
        ),
        Question("text search", lambda dice: listed(f"search={searched_for(dice)}"), search_sql),
        Question(f"page {last}", lambda dice: listed("", "-max_uncertainty", last), deep_page_sql),
        Question("facets of two tags", two_tags_facets, two_tags_facets_sql),
        Question("facets of everything", every_facet, every_facet_sql),
        Question("count of all that match", selection, selection_sql),
    ]


def server_seconds() -> float:
    """Time on a processor of this process and of its database connection; what others do on the machine is left out.

    Where the system does not tell it of the database's process (it is Linux that does), time by the clock.
    """
    from django.db import connection

    if connection.connection is None:
        connection.ensure_connection()
    try:
        spent = Path(f"/proc/{connection.connection.info.backend_pid}/schedstat").read_text()
    except OSError:
        return time.perf_counter()
    return time.process_time() + int(spent.split()[0]) / 1e9


def p95(work: Callable[[random.Random], object], passes: int) -> float:
    """Milliseconds; the first two passes warm up and don't count."""
    taken = []
    for number in range(passes + 2):
        dice = random.Random(number)
        started = server_seconds()
        work(dice)
        taken.append((server_seconds() - started) * 1000)
    return sorted(taken[2:])[max(0, round(passes * 0.95) - 1)]


def whole_page(person: Any) -> Callable[[random.Random], object]:
    """The page itself through the whole site, without the network."""
    from django.test import Client

    client = Client(headers={"host": "localhost"})
    client.force_login(person)

    def ask(dice: random.Random) -> None:
        address = f"/explorer/?{TwoTags.of(dice).parameters}&sort=-max_uncertainty&rows={ROWS}"
        answer = client.get(address, headers={"HX-Request": "true"})
        if answer.status_code != 200:
            raise SystemExit(f"The page answered {answer.status_code}.")

    return ask


def measure(count: int, passes: int, person: Any) -> tuple[list[Figure], dict[str, float]]:
    """The figures of a size, and the times by question, by which its growth is told."""
    figures: list[Figure] = []
    times: dict[str, float] = {}
    for question in questions(deep_page()):
        ours, sql = p95(question.ours, passes), p95(question.sql, passes)
        name = f"{count:,}: {question.name}"
        figures += [at_most(name, ours, "ms", sql, TIMES_SQL), at_most(f"{name}, at most", ours, "ms", MOST_MS, 1)]
        times[question.name.split(" 1")[0] if question.name.startswith("page") else question.name] = ours
    page = p95(whole_page(person), passes)
    figures.append(at_most(f"{count:,}: the whole page", page, "ms", MOST_MS, 1))
    times["the whole page"] = page
    figures.append(
        at_most(f"{count:,}: uncertainty of 1,000 scenes", p95(status_change, 5), "ms", p95(bare_change, 5), 3)
    )
    return figures, times


def status_change(dice: random.Random) -> None:
    """What a bulk change writes on the scenes, the links by the trigger; taken back."""
    change(dice, "UPDATE scenes_scene SET max_frame_uncertainty = max_frame_uncertainty + 0.001 WHERE id = ANY(%s)")


def bare_change(dice: random.Random) -> None:
    """The same number of scenes with a fact that no trigger passes on."""
    change(dice, "UPDATE scenes_scene SET mean_frame_uncertainty = mean_frame_uncertainty + 0.001 WHERE id = ANY(%s)")


def change(dice: random.Random, statement: str) -> None:
    from django.db import connection, transaction

    (most,) = run_sql("SELECT max(id) FROM scenes_scene", [])[0]
    ids = dice.sample(range(1, most + 1), min(1000, most))
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, [ids])
        transaction.set_rollback(True)


def measure_growth(smallest: int, scenes: int, passes: int) -> list[Figure]:
    person = make_people_and_tags()
    sizes = sorted({min(smallest, scenes), scenes})
    figures: list[Figure] = []
    times: list[dict[str, float]] = []
    for before, size in zip([0, *sizes], sizes, strict=False):
        load(before + 1, size)
        found, taken = measure(size, passes, person)
        figures += found
        times.append(taken)
    growth = f"{sizes[0]:,} to {sizes[-1]:,}"
    return figures + [
        at_most(f"{growth}: {name}", times[-1][name], "ms", times[0][name], TIMES_SQL)
        for name in times[0]
        if len(times) > 1 and name in times[-1]
    ]


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--scenes", type=int, default=100_000)
    parser.add_argument("--from", type=int, default=10_000, dest="smallest")
    parser.add_argument("--passes", type=int, default=30)
    options = parser.parse_args()
    with throw_away_installation():
        figures = measure_growth(options.smallest, options.scenes, options.passes)
    report(figures, as_json=options.json)


if __name__ == "__main__":
    main()
