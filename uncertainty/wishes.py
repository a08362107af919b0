"""What whoever evaluates says of an evaluation, as a typed structure that refuses what nobody knows."""

from typing import Annotated

import msgspec
from msgspec import Meta

RowId = Annotated[int, Meta(ge=1, le=2**63 - 1)]
MOST_NAME, MOST_CUSTOM_NAME, MOST_NOTES, MOST_MEMBERS = 200, 60, 20_000, 100


class EvaluationWishes(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """An evaluation to be made.

    `name` is that of a model or ensemble, such as "ensemble-v2"; a run alone needs none. `model` is a registered one,
    as "classifier@v3" or "classifier@production"; it brings its name, its run and its members. `members` are the runs
    of an ensemble.

    `dataset` is "Urban@v2", of which `split` is scored ("" = all splits). `classes` tells the range of a measure in
    nats; `low` and `high` say it outright, and must for a custom measure, which has a `custom_name`. `threshold`
    belongs to the aggregator fraction>t.
    """

    dataset: str
    measure: str
    name: str = ""
    model: str = ""
    run: RowId | None = None
    members: list[RowId] = []
    split: str = "val"
    custom_name: str = ""
    normalised: bool = False
    classes: Annotated[int, Meta(ge=2, le=32767)] | None = None
    aggregator: str = "mean"
    threshold: float | None = None
    low: float | None = None
    high: float | None = None
    notes: str = ""
