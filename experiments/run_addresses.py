"""Queries of the tracker's address, in the one form in which they are kept and compared. Pure but for QueryDict."""

from urllib.parse import urlencode

from django.http import QueryDict

# A view is reopened at its beginning, whoever is new in it.
NOT_KEPT = frozenset({"after", "before"})
# How the tracker shows what it found: no part of the question which runs these are.
SHOWING = frozenset(
    {"sort", "after", "before", "rows", "columns", "group", "baseline", "spark", "density"}
    | {"training_loss", "validation_loss", "iou_obstacle", "iou_ground"}
)


def canonical(query: str | QueryDict) -> str:
    """The same question gives the same text: names and values in order, blanks and the place of the page left out."""
    parameters = QueryDict(query.strip().removeprefix("?")) if isinstance(query, str) else query
    said = {
        (name, value.strip())
        for name, values in parameters.lists()
        for value in values
        if value.strip() and name not in NOT_KEPT
    }
    return urlencode(sorted(said))


def filters_of(parameters: QueryDict) -> QueryDict:
    """The part of the parameters that says which runs are meant."""
    kept = parameters.copy()
    for name in SHOWING & set(kept):
        del kept[name]
    return kept
