"""What a person chose for the explorer."""

import re
from collections.abc import Sequence

from django.contrib.auth.models import User
from django.db import transaction

from scenes.errors import NotAllowedError, RefusedError
from scenes.models import ExplorerDensity, ExplorerLayout, ExplorerPreferences, SavedView

MOST_COLUMNS = 60
COLUMN = re.compile(r"[a-z][a-z0-9_]{0,39}")


@transaction.atomic
def set_explorer_preferences(
    *, by: User, columns: Sequence[str] | None = None, density: str | None = None, view: str | None = None
) -> ExplorerPreferences:
    """Keep what is given of a person's columns (in their order; none: the usual ones), density and layout.

    What is None stays. Raises RefusedError for what is no column, density or layout.
    """
    kept = _locked(by)
    if columns is not None:
        kept.columns = _checked_columns(columns)
    if density is not None:
        kept.density = _one_of(ExplorerDensity.values, density, "density")
    if view is not None:
        kept.view = _one_of(ExplorerLayout.values, view, "view")
    kept.save(update_fields=["columns", "density", "view"])
    return kept


@transaction.atomic
def set_default_view(*, by: User, view: SavedView | None) -> ExplorerPreferences:
    """The view that the explorer opens with for this person; None: all scenes.

    Raises NotAllowedError for a private view of somebody else.
    """
    if view is not None and view.owner_id != by.pk and not view.shared:
        raise NotAllowedError("This view is private. Ask its owner to share it.")
    kept = _locked(by)
    kept.default_view = view
    kept.save(update_fields=["default_view"])
    return kept


def _locked(by: User) -> ExplorerPreferences:
    ExplorerPreferences.objects.get_or_create(user=by)
    return ExplorerPreferences.objects.select_for_update().get(user=by)


def _checked_columns(columns: Sequence[str]) -> list[str]:
    names = list(dict.fromkeys(columns))
    if len(names) > MOST_COLUMNS:
        raise RefusedError(f"{len(names)} columns are given, {MOST_COLUMNS} can be kept.")
    wrong = next((name for name in names if not COLUMN.fullmatch(name)), None)
    if wrong is not None:
        raise RefusedError(f"“{wrong[:40]}” is not the name of a column.")
    return names


def _one_of(known: Sequence[str], given: str, what: str) -> str:
    if given not in known:
        raise RefusedError(f"There is no {what} “{given[:40]}”. Use one of {', '.join(known)}.")
    return given
