"""Rule groups: what is understood, and what is refused with the place where it stands."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as some

from scenes.rules import Column, Group, Kind, Leaf, Not, RuleError, leaves, parse

COLUMNS = {
    "points": Column(Kind.NUMBER),
    "duration": Column(Kind.NUMBER, empties=True),
    "tag": Column(Kind.NAME, empties=True),
    "status": Column(Kind.CHOICE, choices=("unlabeled", "labeled")),
    "captured": Column(Kind.DAY, empties=True),
    "thumbnail": Column(Kind.FLAG),
}
RIGHT = {"column": "points", "above": 1}
LEAVES = some.one_of(
    some.builds(lambda n: {"column": "points", "above": n}, some.integers(-(10**9), 10**9)),
    some.builds(lambda a, b: {"column": "duration", "between": sorted([a, b])}, some.integers(0), some.integers(0)),
    some.builds(lambda e: {"column": "tag", "empty": e}, some.booleans()),
    some.builds(lambda s: {"column": "status", "is": s}, some.sampled_from(["labeled", ["labeled", "unlabeled"]])),
    some.builds(lambda d: {"column": "captured", "below": d.isoformat()}, some.dates()),
)
TREES = some.recursive(
    LEAVES,
    lambda inner: some.one_of(
        some.builds(lambda parts: {"all": parts}, some.lists(inner, min_size=1, max_size=3)),
        some.builds(lambda parts: {"any": parts}, some.lists(inner, min_size=1, max_size=3)),
        some.builds(lambda part: {"not": part}, inner),
    ),
    max_leaves=8,
)
JSON = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(),
    lambda inner: (
        some.lists(inner) | some.dictionaries(some.sampled_from(["all", "any", "not", "column", "is"]), inner)
    ),
)


def said(text):
    with pytest.raises(RuleError) as error:
        parse(text if isinstance(text, str) else json.dumps(text), COLUMNS)
    return str(error.value)


def shape(rule):
    match rule:
        case Leaf():
            return rule.column
        case Not():
            return ("not", shape(rule.rule))
        case Group():
            return ("all" if rule.every else "any", *map(shape, rule.rules))


def given_shape(rule):
    if "column" in rule:
        return rule["column"]
    (name, inner), *_ = rule.items()
    return (name, given_shape(inner)) if name == "not" else (name, *map(given_shape, inner))


def depth(rule):
    if "column" in rule:
        return 1
    inner = next(iter(rule.values()))
    return 1 + (depth(inner) if isinstance(inner, dict) else max(map(depth, inner)))


@given(TREES)
def test_what_is_written_is_read_with_its_nesting(tree):
    if depth(tree) > 8:
        assert "deeper" in said(tree)
    else:
        assert shape(parse(json.dumps(tree), COLUMNS)) == given_shape(tree)


@given(some.one_of(some.text(), JSON.map(json.dumps)))
def test_anything_else_is_refused_in_words(text):
    try:
        understood = bool(list(leaves(parse(text, COLUMNS))))
    except RuleError as error:
        understood = str(error).startswith("rules")
    assert understood


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ({"all": [RIGHT, {"column": "pionts", "above": 1}]}, 'rules.all[1]: there is no column "pionts"'),
        ({"not": {"any": []}}, "rules.not.any: expected a list with at least one rule, not []"),
        ({"column": "points", "empty": True}, "rules.points: takes one of is, above, below, between, not empty"),
        ({"column": "points", "above": "many"}, 'rules.points.above: expected a number, not "many"'),
        ({"column": "points", "between": [5, 1]}, "rules.points.between: the lowest, 5.0, is above the highest, 1.0"),
        ({"column": "status", "is": "done"}, "rules.status.is: “done” is none of unlabeled, labeled"),
        ({"column": "captured", "above": "2026-02-30"}, "rules.captured.above: expected a day such as"),
        ({"column": "points", "above": 1, "below": 2}, "rules.points: takes one of is, above, below, between"),
        ({"column": "thumbnail", "is": 1}, "rules.thumbnail.is: expected true or false, not 1"),
        ({"some": []}, "rules: “some” is unknown"),
        ([], "rules: expected {"),
        ('{"column": "points", "above": NaN}', "rules: NaN is no number"),
        ('{"column": "points", "above": 1e999}', "rules.points.above: expected a number, not Infinity"),
        ('{"all": 1, "all": 2}', "rules: “all” stands twice"),
        ("{", "rules: no JSON at character 1"),
    ],
)  # fmt: skip
def test_a_refusal_names_the_place(rules, words):
    assert said(rules).startswith(words)


def test_depth_number_and_length_are_limited():
    nested = {"column": "thumbnail", "is": True}
    for _ in range(7):
        nested = {"not": nested}
    assert parse(json.dumps(nested), COLUMNS)
    assert said({"not": nested}).endswith("nested deeper than 8 levels.")
    assert "60 can be asked" in said({"all": [{"column": "thumbnail", "is": True}] * 61})
    half = {"all": [{"column": "thumbnail", "is": True}] * 31}
    assert said({"any": [half, half]}).startswith("rules: 62 rules are too many")
    assert "characters are too many" in said("[" * 100_000)
    assert "too long" in said("1" * 5000)
    assert said("[" * 7000).startswith("rules")
