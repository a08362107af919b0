"""What scripts log, as the API takes it."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lamm_client.errors import LammError
from lamm_client.values import joined, parameters_of, plain, series_of, tags_of

POINTS = st.lists(
    st.tuples(
        st.lists(st.tuples(st.sampled_from("abc"), st.floats()), max_size=4),
        st.integers(-(2**53), 2**53),
        st.integers(0, 2**53),
        st.none() | st.floats(allow_nan=False, allow_infinity=False),
    ),
    max_size=20,
)


def rows(series: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    names = ("steps", "timestamps", "values", "epochs")
    return [(one["key"], *row) for one in series for row in zip(*(one[name] for name in names), strict=True)]


@given(points=POINTS, cut=st.integers(0, 20))
def test_columns_hold_every_point_in_the_order_of_its_key(points: Any, cut: int) -> None:
    whole = series_of(points)
    wanted = [(key, step, time, value, epoch) for pairs, step, time, epoch in points for key, value in pairs]
    for key in "abc":
        found = [row for row in rows(whole) if row[0] == key]
        spelled = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
        numbers = [(*row[:3], spelled.get(row[3], row[3]), row[4]) for row in found]
        assert str(numbers) == str([row for row in wanted if row[0] == key])
    assert joined([series_of(points[:cut]), series_of(points[cut:])]) == whole
    json.dumps(whole, allow_nan=False)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (np.float64(0.5), 0.5),
        (np.int32(3), 3),
        (np.array([[1, 2]]), [[1, 2]]),
        (np.bool_(True), True),
        (math.inf, "Infinity"),
        ({"betas": (0.9, math.nan)}, {"betas": [0.9, "NaN"]}),
        (Path("a/b"), "a/b"),
        (complex(1, 2), "(1+2j)"),
        (None, None),
    ],
)
def test_parameters_are_plain_json(value: Any, told: Any) -> None:
    assert plain(value) == told
    json.dumps(plain(value), allow_nan=False)


def test_bad_parameters_and_tags_are_named() -> None:
    with pytest.raises(LammError, match="'bad;key' is no key"):
        parameters_of({"bad;key": 1})
    with pytest.raises(LammError, match="note has 7,000 characters"):
        parameters_of({"note": "x" * 7000})
    with pytest.raises(LammError, match="'night' is one text"):
        tags_of("night")
    assert tags_of(["night", "rain"]) == {"night": "", "rain": ""}
    assert tags_of({"team": 7}) == {"team": "7"}
