"""How people look at the tracker: saved views, made, changed and removed by their owners; and preferences."""

from collections.abc import Mapping, Sequence

from django.contrib.auth.models import User
from django.db import transaction

from experiments.models import RunDensity, RunPreferences, RunView
from experiments.run_addresses import canonical
from experiments.run_figures import FIGURES
from experiments.wishes import clean_key, sayable
from scenes.errors import NotAllowedError, RefusedError
from scenes.services.owned_views import check_room, drop_view, kept_view, own_view, view_name

VIEW_RUN = "experiments.view_run"
LONGEST_QUERY, MOST_COLUMNS, LONGEST_COLUMN = 6000, 60, 300


@transaction.atomic
def save_run_view(*, by: User, name: str, query: str, shared: bool = False) -> RunView:
    """Keep the question of a tracker's address under a name.

    Raises RefusedError for a name or a query that can't be kept, ConflictError when the person has one of this name.
    """
    if not by.has_perm(VIEW_RUN):
        raise NotAllowedError("Your account may not see runs. Ask an administrator for the right role.")
    check_room(RunView, by)
    return kept_view(RunView(owner=by, name=view_name(name), query=_query(query), shared=shared), by, "Saved")


@transaction.atomic
def change_run_view(
    *, view: RunView, by: User, name: str | None = None, query: str | None = None, shared: bool | None = None
) -> RunView:
    """Change what is given; what stays the same leaves no trace. Raises NotAllowedError for all but the owner."""
    found = own_view(view, by)
    before = (found.name, found.query, found.shared)
    found.name = found.name if name is None else view_name(name)
    found.query = found.query if query is None else _query(query)
    found.shared = found.shared if shared is None else shared
    return found if (found.name, found.query, found.shared) == before else kept_view(found, by, "Changed")


@transaction.atomic
def remove_run_view(*, view: RunView, by: User) -> None:
    """Remove a view. Raises NotAllowedError for all but the owner."""
    drop_view(view, by)


@transaction.atomic
def set_run_preferences(
    *,
    by: User,
    columns: Sequence[str] | None = None,
    density: str | None = None,
    figures: Mapping[str, str] | None = None,
) -> RunPreferences:
    """Keep what is given of a person's columns (in their order; none: the usual ones), row height and the metrics that
    stand for figures (an empty key: the usual ones). What is None stays. Raises RefusedError naming what is unknown.
    """
    RunPreferences.objects.get_or_create(user=by)
    kept = RunPreferences.objects.select_for_update().get(user=by)
    if columns is not None:
        kept.columns = _columns(columns)
    if density is not None:
        if density not in RunDensity.values:
            known = ", ".join(RunDensity.values)
            raise RefusedError(f"There is no density “{sayable(density, 40)}”. Use one of {known}.", field="density")
        kept.density = density
    if figures is not None:
        kept.figures = {**kept.figures, **_figures(figures)}
        kept.figures = {name: key for name, key in kept.figures.items() if key}
    kept.save(update_fields=["columns", "density", "figures"])
    return kept


def _columns(given: Sequence[str]) -> list[str]:
    names = list(dict.fromkeys(given))
    if len(names) > MOST_COLUMNS:
        raise RefusedError(f"{len(names)} columns are given, {MOST_COLUMNS} can be kept.", field="columns")
    long = next((name for name in names if len(name) > LONGEST_COLUMN or "\0" in name), None)
    if long is not None:
        raise RefusedError(f"“{sayable(long, 40)}” is not the name of a column.", field="columns")
    return names


def _figures(given: Mapping[str, str]) -> dict[str, str]:
    unknown = sorted(set(given) - set(FIGURES))
    if unknown:
        raise RefusedError(f"There is no figure “{sayable(unknown[0], 40)}”. Use one of {', '.join(FIGURES)}.")
    return {name: clean_key(key, what=name) if key else "" for name, key in given.items()}


def _query(text: str) -> str:
    query = canonical(text)
    if len(query) > LONGEST_QUERY:
        raise RefusedError(f"The view has {len(query):,} characters, {LONGEST_QUERY:,} can be kept.", field="query")
    return query
