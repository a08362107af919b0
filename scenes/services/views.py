"""Saved views of the explorer: made, changed and removed by their owners."""

from django.contrib.auth.models import User
from django.db import transaction

from scenes.errors import NotAllowedError
from scenes.models import SavedView
from scenes.services.owned_views import check_room, drop_view, kept_view, own_view, view_name
from scenes.services.selecting import listing_query


@transaction.atomic
def save_view(*, by: User, name: str, query: str, shared: bool = False) -> SavedView:
    """Keep the rule of an explorer's address under a name.

    Raises RefusedError for a name or a query that can't be kept, ConflictError when the person has one of this name.
    """
    _check_may_see(by)
    check_room(SavedView, by)
    view = SavedView(owner=by, name=view_name(name), query=listing_query(query), shared=shared)
    return kept_view(view, by, "Saved")


@transaction.atomic
def change_view(
    *, view: SavedView, by: User, name: str | None = None, query: str | None = None, shared: bool | None = None
) -> SavedView:
    """Change what is given; what stays the same leaves no trace. Raises NotAllowedError for all but the owner.

    A view that is private again is no longer the default of others.
    """
    found = own_view(view, by)
    before = (found.name, found.query, found.shared)
    found.name = found.name if name is None else view_name(name)
    found.query = found.query if query is None else listing_query(query)
    found.shared = found.shared if shared is None else shared
    if (found.name, found.query, found.shared) == before:
        return found
    if not found.shared:
        found.default_of.exclude(user=by).update(default_view=None)
    return kept_view(found, by, "Changed")


@transaction.atomic
def remove_view(*, view: SavedView, by: User) -> None:
    """Remove a view; who had it as default starts with all scenes. Raises NotAllowedError for all but the owner."""
    drop_view(view, by)


def _check_may_see(by: User) -> None:
    if not by.has_perm("scenes.view_scene"):
        raise NotAllowedError("Your account may not see scenes. Ask an administrator for the right role.")
