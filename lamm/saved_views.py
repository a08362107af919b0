"""The explorer's menu of saved views, and the view that it opens with."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from django.contrib.auth.models import User
from django.http import HttpRequest, QueryDict
from django.urls import reverse

from scenes.models import ExplorerPreferences, SavedView
from scenes.queries import canonical
from scenes.selectors import MOST_VIEWS_LISTED, explorer_preferences, saved_views_of

# The whole library has an address of its own: without any parameter the explorer goes to the default view.
ALL_SCENES = "sort=-created"


@dataclass(frozen=True)
class ViewMenu:
    """The views that a person may open; `here` is the present query, `current` the view that it is, if any."""

    own: Sequence[SavedView]
    shared: Sequence[SavedView]
    current: SavedView | None
    default: SavedView | None
    here: str
    person: User

    @property
    def is_default(self) -> bool:
        """Whether the page shows the person's default view."""
        return self.current is not None and self.default is not None and self.current.query == self.default.query

    @property
    def owns_current(self) -> bool:
        return self.current is not None and self.current.owner_id == self.person.pk

    @property
    def all_scenes(self) -> str:
        """The address of the whole library."""
        return f"{reverse('explorer')}?{ALL_SCENES}" if self.default else reverse("explorer")


def view_menu(request: HttpRequest, parameters: QueryDict, preferences: ExplorerPreferences | None = None) -> ViewMenu:
    """The menu for a page with these parameters. One query, and one more when the preferences are not given."""
    person = cast(User, request.user)
    chosen = preferences or explorer_preferences(person)
    views = list(saved_views_of(person)[:MOST_VIEWS_LISTED])
    here = canonical(parameters)
    same = [view for view in views if view.query == here]
    # Of several views with one rule the default one is meant, then a person's own.
    same.sort(key=lambda view: (view.pk != chosen.default_view_id, view.owner_id != person.pk))
    own = [view for view in views if view.owner_id == person.pk]
    shared = [view for view in views if view.owner_id != person.pk]
    return ViewMenu(own, shared, same[0] if same else None, chosen.default_view, here, person)


def opening_address(request: HttpRequest, preferences: ExplorerPreferences) -> str | None:
    """Where the explorer goes when it is opened without any parameter: to the default view, if that has a rule."""
    view = preferences.default_view
    if request.GET or request.htmx or view is None or not view.query:  # type: ignore[attr-defined]
        return None
    return f"{reverse('explorer')}?{view.query}"
