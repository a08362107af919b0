"""Rules: queries of the explorer that say which scenes belong to a version or a slice."""

from django.http import QueryDict
from django.http.request import QueryDict as Parameters

from scenes.errors import RefusedError
from scenes.filters import SceneFilterSet, known_parameters
from scenes.models import Scene, SceneQuerySet

# How a page shows scenes, not which: saved views carry these, too.
LISTING_ONLY = frozenset({"sort", "page", "rows", "view", "columns", "panel"})
LONGEST = 8000


def condition(query: str) -> str:
    """The query without what only says how scenes are shown, as `tag=night&status=labeled`."""
    parameters = QueryDict(query, mutable=True)
    for name in LISTING_ONLY & set(parameters):
        del parameters[name]
    for name in [name for name, values in parameters.lists() if not any(values)]:
        del parameters[name]
    return parameters.urlencode()


def scenes_matching(query: str) -> SceneQuerySet:
    """The scenes that a query of the explorer finds, without an order; an empty one finds all.

    Raises RefusedError for parameters that no filter knows, and for values that one does not take.
    """
    if len(query) > LONGEST:
        raise RefusedError(f"The query has {len(query):,} characters, {LONGEST:,} are enough.")
    parameters: Parameters = QueryDict(condition(query))
    filterset = SceneFilterSet(parameters, queryset=Scene.objects.all())
    unknown = sorted(set(parameters) - known_parameters(filterset))
    if unknown:
        raise RefusedError(f"The query asks for {', '.join(unknown)}, which no filter knows.")
    if not filterset.is_valid():
        told = "; ".join(f"{name}: {' '.join(map(str, words))}" for name, words in filterset.errors.items())
        raise RefusedError(f"The query can't be taken: {told}")
    return filterset.qs.order_by()
