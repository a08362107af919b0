"""What saved views of any list share: they have an owner, a name that the owner has once, and a history."""

from typing import TypeVar

from django.contrib.auth.models import User
from django.db import IntegrityError, models, transaction

from scenes.audit import save_audited
from scenes.errors import ConflictError, NotAllowedError, RefusedError

MOST_VIEWS, LONGEST_NAME = 200, 100
View = TypeVar("View", bound=models.Model)


def check_room(kind: type[models.Model], by: User) -> None:
    """Raises RefusedError when a person has as many views of a kind as can be kept."""
    if kind._default_manager.filter(owner=by).count() >= MOST_VIEWS:
        raise RefusedError(f"You have {MOST_VIEWS} saved views. Remove one first.")


def own_view(view: View, by: User) -> View:
    """The view, locked. Raises ConflictError when it was removed, NotAllowedError for all but its owner."""
    found = type(view)._default_manager.select_for_update().filter(pk=view.pk).first()
    if found is None:
        raise ConflictError(f"The view “{view}” was removed meanwhile. Save it again under a name.")
    if found.owner_id != by.pk:  # type: ignore[attr-defined]
        raise NotAllowedError(f"“{found}” is a view of {found.owner}. Save one of your own under another name.")  # type: ignore[attr-defined]
    return found


def kept_view(view: View, by: User, reason: str) -> View:
    """The view, saved with its history. Raises ConflictError when its owner has one of this name."""
    try:
        with transaction.atomic():
            save_audited(view, by=by, reason=reason)
    except IntegrityError as error:
        raise ConflictError(f"You have a view “{view}” already. Choose another name, or update that one.") from error
    return view


def drop_view(view: models.Model, by: User) -> None:
    """Remove a view, which its history tells. Raises what `own_view` raises."""
    found = own_view(view, by)
    found._history_user, found._change_reason = by, "Removed"  # type: ignore[attr-defined]
    found.delete()


def view_name(text: str) -> str:
    """The name with single spaces. Raises RefusedError without one, or for one that is too long."""
    name = " ".join(text.split())
    if not name or "\0" in name:
        raise RefusedError("Give the view a name.", field="name")
    if len(name) > LONGEST_NAME:
        raise RefusedError(f"The name has {len(name)} characters, {LONGEST_NAME} can be kept.", field="name")
    return name
