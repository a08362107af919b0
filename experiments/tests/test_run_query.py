"""The query language of the tracker: what it reads, what it prints, and that its errors name the place."""

import math
import string
from datetime import UTC, datetime, timedelta
from operator import eq, ge, gt, le, lt

import pytest
from django.contrib.auth.models import User
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from experiments import services
from experiments.models import Run
from experiments.run_conditions import asks_for_archived, condition
from experiments.run_fields import ATTRIBUTE, METRIC, PARAMETER, STATUSES, TAG, Field, QueryError, read_field
from experiments.run_query import (
    DEEPEST,
    LONGEST,
    MOST_COMPARISONS,
    Comparison,
    Group,
    Not,
    Query,
    Span,
    comparisons,
    parse,
    printed,
)
from experiments.tests.stories import a_batch, a_person, a_run, a_version

LETTERS = string.ascii_letters + string.digits + "_-/: ."
keys = st.text(LETTERS, min_size=1, max_size=12).filter(lambda text: text.strip(". ") == text)
texts = st.text(st.characters(blacklist_categories=["Cs", "Cc"]), max_size=20)
numbers = st.floats(allow_nan=False).map(lambda value: 0.0 if value == 0 else value)
finite = st.floats(allow_nan=False, allow_infinity=False).map(lambda value: 0.0 if value == 0 else value)
spans = st.integers(0, 10**6).map(lambda seconds: Span(float(seconds)))
ordered, equal = st.sampled_from(["<", "<=", ">", ">="]), st.sampled_from(["=", "!="])


def one(field: Field, operator: str, *values: object) -> Comparison:
    return Comparison(field, operator, values)  # type: ignore[arg-type]


metrics = st.builds(Field, st.just(METRIC), keys, st.sampled_from(["last", "min", "max"]))
leaves = st.one_of(
    st.builds(one, metrics, ordered, numbers),
    st.builds(one, metrics, equal, st.one_of(numbers, st.just(math.nan))),
    st.builds(one, metrics, st.sampled_from(["empty", "filled"])),
    st.builds(one, st.builds(Field, st.just(PARAMETER), keys), ordered, finite),
    st.builds(one, st.builds(Field, st.just(PARAMETER), keys), equal, st.one_of(finite, texts)),
    st.builds(one, st.builds(Field, st.just(TAG), keys), st.sampled_from(["=", "!=", "contains"]), texts),
    st.builds(one, st.just(Field(ATTRIBUTE, "status")), equal, st.sampled_from(STATUSES)),
    st.builds(one, st.just(Field(ATTRIBUTE, "name")), st.sampled_from(["=", "!=", "contains"]), texts),
    st.builds(one, st.just(Field(ATTRIBUTE, "name")), st.sampled_from(["in", "not in"]), texts, texts),
    st.builds(one, st.just(Field(ATTRIBUTE, "duration")), ordered, spans),
    st.builds(one, st.just(Field(ATTRIBUTE, "created")), ordered, st.builds(lambda span: Span(-span.seconds), spans)),
    st.builds(one, st.just(Field(ATTRIBUTE, "archived")), equal, st.sampled_from(["true", "false"])),
    st.builds(one, st.just(Field(ATTRIBUTE, "id")), ordered, st.integers(0, 10**9).map(float)),
)
queries = st.recursive(
    leaves,
    lambda inner: st.one_of(
        inner.map(Not),
        st.builds(Group, st.booleans(), st.lists(inner, min_size=2, max_size=3).map(tuple)),
    ),
    max_leaves=8,
)


def refused(text: str) -> QueryError | None:
    try:
        parse(text)
    except QueryError as error:
        return error
    return None


class TestReading:
    @given(queries)
    @settings(max_examples=300, deadline=None)
    def test_what_is_printed_reads_as_the_same(self, query):
        assert parse(printed(query)) == query

    @given(st.text(max_size=60))
    @settings(max_examples=300, deadline=None)
    def test_any_text_is_read_or_refused_with_a_place_inside_it(self, text):
        refusal = refused(text)
        assert refusal is None or 0 <= refusal.position <= len(text)
        assert refusal is None or min(refusal.line, refusal.column) >= 1

    def test_and_binds_stronger_than_or_and_not_strongest(self):
        read = parse("not name = a and name = b or name = c")
        name = Field(ATTRIBUTE, "name")
        a, b, c = (Comparison(name, "=", (letter,)) for letter in "abc")
        assert read == Group(False, (Group(True, (Not(a), b)), c))

    def test_the_example_of_the_manual(self):
        read = parse('metrics.val_iou > 0.7 and (params.lr < 0.01 or tag = "night")')
        assert [str(leaf.field) for leaf in comparisons(read)] == ["metrics.val_iou", "params.lr", "tag"]
        assert [leaf.place for leaf in comparisons(read)] == [0, 27, 47]

    @pytest.mark.parametrize(
        ("text", "field"),
        [
            ("metrics.val/iou.max", Field(METRIC, "val/iou", "max")),
            ('metrics."a b".min', Field(METRIC, "a b", "min")),
            ("params.`x y`", Field(PARAMETER, "x y")),
            ('metrics."loss.max"', Field(METRIC, "loss.max")),
            ("metrics.a.b.c", Field(METRIC, "a.b.c")),
            ("started_by", Field(ATTRIBUTE, "user")),
            ("param.lr", Field(PARAMETER, "lr")),
        ],
    )
    def test_names_of_fields(self, text, field):
        assert read_field(text) == field
        assert read_field(str(field)) == field

    def test_words_of_the_language_may_be_written_large(self):
        assert parse("NOT name = a AND name IN (b, c)") == parse("not name = a and name in (b, c)")


class TestErrors:
    @pytest.mark.parametrize(
        ("text", "position", "words"),
        [
            ("", 0, "No query"),
            ("status = ", 8, "ends too early"),
            ('tag = "nig', 6, "not closed"),
            ("metrics.x > 0.7 an tag = y", 16, "“an” does not fit"),
            ("metrics.x && 3", 10, "Write and."),
            ("(name = a", 9, "Expected )"),
            ("status = faild", 9, "Did you mean failed?"),
            ("stauts = failed", 0, "Did you mean status?"),
            ("metrics > 3", 0, "Write metrics.KEY."),
            ("metrics.a = high", 12, "compared with a number"),
            ("metrics.a contains 3", 10, "is a number"),
            ("params.lr < fast", 12, "compares numbers"),
            ("name < b", 5, "is a text"),
            ("status contains fail", 7, "one of its choices"),
            ("duration > fast", 11, "90s, 15m, 2h"),
            ("created > yesterday", 10, "2026-05-04"),
            ("id = seven", 5, "run-7"),
            ("name = a\nand foo = b", 13, "line 2, column 5"),
        ],
    )
    def test_they_name_the_place_and_the_remedy(self, text, position, words):
        with pytest.raises(QueryError) as caught:
            parse(text)
        assert caught.value.position == position
        assert words in str(caught.value)

    def test_length_depth_and_number_are_bounded(self):
        for text in (
            "x" * (LONGEST + 1),
            "(" * (DEEPEST + 1) + "name = a" + ")" * (DEEPEST + 1),
            "not " * (DEEPEST + 1) + "name = a",
            " or ".join(["id = 1"] * (MOST_COMPARISONS + 1)),
            f"id in ({', '.join('1' * 60)})",
        ):
            with pytest.raises(QueryError):
                parse(text)
        assert parse("(" * DEEPEST + "name = a" + ")" * DEEPEST) == parse("name = a")


NOW = datetime.now(UTC)


class Facts:
    """A run as plain Python values."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.metrics = {row.key: row for row in run.metrics.all()}
        self.params = {row.key: row for row in run.parameters.all()}
        self.tags = {row.key: row.value for row in run.tags.all()}


def holds(query: Query, facts: Facts) -> bool:
    """What a query means, said without a database."""
    match query:
        case Not(part):
            return not holds(part, facts)
        case Group(every, parts):
            return (all if every else any)(holds(part, facts) for part in parts)
    field, values = query.field, query.values
    found = present(field, facts)
    match query.operator:
        case "filled":
            return found is not None
        case "empty":
            return found is None
        case "in":
            return any(compares(field, "=", value, facts) for value in values)
        case "not in":
            return found is not None and not any(compares(field, "=", value, facts) for value in values)
        case "!=":
            return found is not None and not compares(field, "=", values[0], facts)
    return compares(field, query.operator, values[0], facts)


def present(field: Field, facts: Facts):
    """The value of a field; None when there is none."""
    if field.kind == METRIC:
        row = facts.metrics.get(field.key)
        return row and {"last": row.last_value, "min": row.minimum, "max": row.maximum}[field.aggregate]
    if field.kind == PARAMETER:
        return facts.params.get(field.key)
    if field.kind == TAG:
        return facts.tags.get(field.key)
    run = facts.run
    if field.key == "duration":
        return run.duration and run.duration.total_seconds()
    named = {"user": run.started_by.username, "experiment": run.experiment.name, "id": run.pk,
             "created": run.created_at, "archived": run.archived, "tag": facts.tags or None}  # fmt: skip
    value = named[field.key] if field.key in named else getattr(run, field.key)
    return None if value == "" else value


SIGNS = {"=": eq, "<": lt, "<=": le, ">": gt, ">=": ge}


def compares(field: Field, operator: str, value, facts: Facts) -> bool:
    if field == Field(ATTRIBUTE, "tag"):
        return tagged(operator, value, facts.tags)
    found = present(field, facts)
    if field.kind == ATTRIBUTE and found is None and isinstance(value, str):
        found = ""
    if field.kind == PARAMETER and found is not None:
        found = found.number if isinstance(value, float) else found.text
    if found is None:
        return False
    if isinstance(value, Span):
        value = NOW + timedelta(seconds=value.seconds) if field.key == "created" else value.seconds
    if isinstance(found, bool):
        value = value == "true"
    if operator == "contains":
        return value.lower() in found.lower()
    if isinstance(found, float) and math.isnan(found):
        return isinstance(value, float) and math.isnan(value) and operator == "="
    return SIGNS[operator](found, value)


def tagged(operator: str, value: str, tags: dict[str, str]) -> bool:
    key, sign, rest = value.partition("=")
    if operator == "contains":
        return any(value.lower() in name.lower() for name in tags)
    return tags.get(key.strip()) == rest.strip() if sign else key.strip() in tags


KEYS = ["loss", "val iou", "acc"]
WORDS = ["night", "rain", "adam", "Adam", ""]
values = st.sampled_from([0.1, 0.5, 1.0, 0.0, -1.0, math.inf])
asked = st.one_of(
    st.builds(one, st.builds(Field, st.just(METRIC), st.sampled_from(KEYS), st.sampled_from(["last", "min", "max"])),
              st.sampled_from(["<", "<=", ">", ">=", "=", "!="]), values),
    st.builds(one, st.builds(Field, st.just(METRIC), st.sampled_from(KEYS)), equal, st.just(math.nan)),
    st.builds(one, st.builds(Field, st.just(METRIC), st.sampled_from(KEYS)), st.sampled_from(["empty", "filled"])),
    st.builds(one, st.builds(Field, st.just(PARAMETER), st.sampled_from(["lr", "opt"])),
              st.sampled_from(["<", ">=", "=", "!="]), st.sampled_from([0.1, 0.01, 1.0])),
    st.builds(one, st.builds(Field, st.just(PARAMETER), st.sampled_from(["lr", "opt"])),
              st.sampled_from(["=", "!=", "contains"]), st.sampled_from(WORDS)),
    st.builds(one, st.builds(Field, st.sampled_from([TAG, PARAMETER]), st.sampled_from(["night", "opt"])),
              st.sampled_from(["empty", "filled"])),
    st.builds(one, st.just(Field(TAG, "team")), st.sampled_from(["=", "!=", "contains", "in", "not in"]),
              st.sampled_from(WORDS)),
    st.builds(one, st.just(Field(ATTRIBUTE, "tag")), st.sampled_from(["=", "!=", "contains"]),
              st.sampled_from(["night", "team=rain", "team", "nig"])),
    st.builds(one, st.just(Field(ATTRIBUTE, "status")), equal, st.sampled_from(STATUSES)),
    st.builds(one, st.sampled_from([Field(ATTRIBUTE, "name"), Field(ATTRIBUTE, "architecture")]),
              st.sampled_from(["=", "!=", "contains", "in", "not in"]), st.sampled_from(WORDS)),
    st.builds(one, st.just(Field(ATTRIBUTE, "notes")), st.sampled_from(["empty", "filled"])),
    st.builds(one, st.just(Field(ATTRIBUTE, "duration")), ordered, st.sampled_from([Span(30.0), Span(7200.0)])),
    st.builds(one, st.just(Field(ATTRIBUTE, "created")), ordered, st.sampled_from([Span(-3600.0), Span(-259200.0)])),
    st.builds(one, st.just(Field(ATTRIBUTE, "archived")), equal, st.sampled_from(["true", "false"])),
    st.builds(one, st.just(Field(ATTRIBUTE, "seed")), st.sampled_from(["<", "=", "!=", "empty"]), st.just(7.0)),
)  # fmt: skip
mixed = st.recursive(
    asked,
    lambda inner: st.one_of(
        inner.map(Not), st.builds(Group, st.booleans(), st.lists(inner, min_size=2, max_size=3).map(tuple))
    ),
    max_leaves=6,
)


@pytest.fixture
def some_runs(db) -> list[Facts]:
    tara = a_person()
    made = [
        a_run(name="night", tags={"night": "", "team": "rain"}, parameters={"lr": 0.1, "opt": "adam"}, seed=7),
        a_run(architecture="Adam", parameters={"lr": "0.01"}, tags={"team": "night"}, notes="long"),
        a_run(name="rain", parameters={"opt": "1.0"}, queued=True),
        a_run(parameters={"lr": 1, "opt": "Adamw"}, seed=9),
    ]
    for place, run in enumerate(made[:2]):
        services.record_metrics(run=run, batch=a_batch("loss", steps=[1, 2, 3], values=[1.0, 0.1, 0.5]), by=tara)
        last = math.nan if place else math.inf
        services.record_metrics(run=run, batch=a_batch("val iou", steps=[1, 2], values=[0.5, last]), by=tara)
    services.record_metrics(run=made[3], batch=a_batch("acc", steps=[1], values=[math.nan]), by=tara)
    services.finish_run(run=made[0], by=tara, status="completed")
    services.archive_run(run=made[0], by=tara)
    week = NOW - timedelta(days=7)
    Run.objects.filter(pk=made[0].pk).update(created_at=week, started_at=week, finished_at=week + timedelta(hours=3))
    return [Facts(run) for run in Run.objects.select_related("experiment", "started_by").order_by("pk")]


class TestConditions:
    @given(query=mixed)
    @settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_the_database_finds_what_plain_python_finds(self, some_runs, query):
        query = Comparison(query.field, query.operator) if getattr(query, "operator", "") == "empty" else query
        expected = {facts.run.pk for facts in some_runs if holds(query, facts)}
        assert set(Run.objects.filter(condition(query)).values_list("pk", flat=True)) == expected, printed(query)

    def found(self, text: str) -> set[str]:
        return set(Run.objects.filter(condition(parse(text))).values_list("name", flat=True))

    def test_datasets_by_name_and_version(self, db):
        first, second = a_version("Urban"), a_version("Urban")
        a_run(name="one", dataset="Urban@v1")
        a_run(name="two", dataset="Urban@v2")
        a_run(name="none")
        assert (first.number, second.number) == (1, 2)
        assert self.found("dataset = Urban") == {"one", "two"}
        assert self.found("dataset = Urban@v2") == {"two"}
        assert self.found("dataset != Urban@v2") == {"one"}
        assert self.found("dataset is empty") == {"none"}
        assert self.found("dataset contains urb and not dataset in (Urban@v1)") == {"two"}

    def test_days_are_whole_days(self, db):
        run = a_run(name="old")
        Run.objects.filter(pk=run.pk).update(created_at=datetime(2026, 5, 4, 12, tzinfo=UTC))
        assert self.found("created = 2026-05-04") == {"old"}
        assert self.found("created <= 2026-05-04") == {"old"}
        assert self.found("created > 2026-05-04") == set()
        assert self.found("created >= 2026-05-04T12:00Z and created < 2026-05-05") == {"old"}

    def test_people_parents_and_numbers(self, db):
        parent = a_run(name="parent")
        a_run(name="child", parent=parent.pk, by=a_person("ole", "engineer"))
        assert self.found(f"parent = run-{parent.pk}") == {"child"}
        assert self.found("parent is empty") == {"parent"}
        assert self.found("user = ole") == {"child"}
        assert self.found(f"id in ({parent.pk}, 999999)") == {"parent"}
        assert User.objects.count() >= 2

    def test_long_texts_are_compared_whole(self, db):
        long = "x" * 100
        a_run(name="a", parameters={"note": long + "a"}, tags={"note": long})
        assert self.found(f'params.note = "{long}a"') == {"a"}
        assert self.found(f'params.note = "{long}b"') == set()
        assert self.found(f'tags.note = "{long}" and tag = "note={long}"') == {"a"}

    def test_a_query_tells_whether_it_asks_for_archived_runs(self):
        assert asks_for_archived(parse("name = a or archived = true"))
        assert not asks_for_archived(parse('name = "archived"'))
