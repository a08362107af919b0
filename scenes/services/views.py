"""Saved views of the explorer: made, changed and removed by their owners."""

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from scenes.audit import save_audited
from scenes.errors import ConflictError, NotAllowedError, RefusedError
from scenes.models import SavedView
from scenes.services.selecting import listing_query

MOST_VIEWS = 200
LONGEST_NAME = 100


@transaction.atomic
def save_view(*, by: User, name: str, query: str, shared: bool = False) -> SavedView:
    """Keep the rule of an explorer's address under a name.

    Raises RefusedError for a name or a query that can't be kept, ConflictError when the person has one of this name.
    """
    _check_may_see(by)
    if SavedView.objects.filter(owner=by).count() >= MOST_VIEWS:
        raise RefusedError(f"You have {MOST_VIEWS} saved views. Remove one first.")
    view = SavedView(owner=by, name=_name(name), query=listing_query(query), shared=shared)
    return _saved(view, by, "Saved")


@transaction.atomic
def change_view(
    *, view: SavedView, by: User, name: str | None = None, query: str | None = None, shared: bool | None = None
) -> SavedView:
    """Change what is given; what stays the same leaves no trace. Raises NotAllowedError for all but the owner.

    A view that is private again is no longer the default of others.
    """
    found = _own(view, by)
    before = (found.name, found.query, found.shared)
    found.name = found.name if name is None else _name(name)
    found.query = found.query if query is None else listing_query(query)
    found.shared = found.shared if shared is None else shared
    if (found.name, found.query, found.shared) == before:
        return found
    if not found.shared:
        found.default_of.exclude(user=by).update(default_view=None)
    return _saved(found, by, "Changed")


@transaction.atomic
def remove_view(*, view: SavedView, by: User) -> None:
    """Remove a view; who had it as default starts with all scenes. Raises NotAllowedError for all but the owner."""
    found = _own(view, by)
    found._history_user, found._change_reason = by, "Removed"  # type: ignore[attr-defined]
    found.delete()


def _check_may_see(by: User) -> None:
    if not by.has_perm("scenes.view_scene"):
        raise NotAllowedError("Your account may not see scenes. Ask an administrator for the right role.")


def _own(view: SavedView, by: User) -> SavedView:
    found = SavedView.objects.select_for_update().filter(pk=view.pk).first()
    if found is None:
        raise ConflictError(f"The view “{view.name}” was removed meanwhile. Save it again under a name.")
    if found.owner_id != by.pk:
        raise NotAllowedError(f"“{found.name}” is a view of {found.owner}. Save one of your own under another name.")
    return found


def _saved(view: SavedView, by: User, reason: str) -> SavedView:
    try:
        with transaction.atomic():
            save_audited(view, by=by, reason=reason)
    except IntegrityError as error:
        raise ConflictError(
            f"You have a view “{view.name}” already. Choose another name, or update that one."
        ) from error
    return view


def _name(text: str) -> str:
    name = " ".join(text.split())
    if not name:
        raise RefusedError("Give the view a name.")
    if len(name) > LONGEST_NAME:
        raise RefusedError(f"The name has {len(name)} characters, {LONGEST_NAME} can be kept.")
    return name
