"""Scenes that are chosen by the query of the list."""

from collections.abc import Mapping

from django.db.models import QuerySet
from django.http import QueryDict

from scenes.errors import RefusedError
from scenes.filters import SceneFilterSet, known_parameters
from scenes.models import Scene
from scenes.queries import LISTING_PARAMETERS, canonical

MOST_CHARACTERS = 4000


def scenes_matching(query: str) -> QuerySet[Scene]:
    """The scenes that a query of `/api/scenes/` finds, such as "tag=rain&status=unlabeled"; an empty one: all.

    Raises RefusedError for names that no filter has, and for values that a filter can't take.
    """
    return _checked(query, allowed=frozenset()).qs


def listing_query(query: str) -> str:
    """A query of the explorer as it is kept (scenes.queries.canonical).

    Raises RefusedError for names that the explorer does not know, and for values that a filter can't take.
    """
    _checked(query, allowed=LISTING_PARAMETERS)
    return canonical(query)


def _checked(query: str, *, allowed: frozenset[str]) -> SceneFilterSet:
    if len(query) > MOST_CHARACTERS:
        raise RefusedError(
            f"The query has {len(query):,} characters, {MOST_CHARACTERS:,} can be taken. Filter simpler."
        )
    parameters = QueryDict(query.strip().removeprefix("?"))
    filterset = SceneFilterSet(parameters, queryset=Scene.objects.all())
    known = known_parameters(filterset) | allowed
    unknown = sorted(set(parameters) - known)
    if unknown:
        raise RefusedError(f"Unknown parameters of matching: {', '.join(unknown)}. Known: {', '.join(sorted(known))}.")
    if not filterset.is_valid():
        raise RefusedError(f"matching: {_problems(filterset.errors)}")
    return filterset


def _problems(errors: Mapping[str, list[str]]) -> str:
    return " ".join(f"{name}: {' '.join(map(str, said))}" for name, said in errors.items())
