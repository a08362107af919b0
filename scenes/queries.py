"""Queries of the explorer's address, in the one form in which they are kept and compared."""

from urllib.parse import urlencode

from django.http import QueryDict

# How the explorer shows what it found: no part of the question which scenes these are.
LISTING_PARAMETERS = frozenset({"sort", "page", "rows", "view", "columns", "panel"})
# A view is reopened at its beginning.
NOT_KEPT = frozenset({"page"})


def canonical(query: str | QueryDict) -> str:
    """The same question gives the same text: names and values in order, blanks and the page left out."""
    parameters = QueryDict(query.strip().removeprefix("?")) if isinstance(query, str) else query
    said = {
        (name, value.strip())
        for name, values in parameters.lists()
        for value in values
        if value.strip() and name not in NOT_KEPT
    }
    return urlencode(sorted(said))


def filters_of(query: str | QueryDict) -> str:
    """The part of an explorer's query that says which scenes are meant, in the same form."""
    parameters = QueryDict(canonical(query), mutable=True)
    for name in LISTING_PARAMETERS & set(parameters):
        del parameters[name]
    return canonical(parameters)
