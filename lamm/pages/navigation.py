"""The site's navigation: which pages there are for a person, and which one is open."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import SimpleLazyObject


@dataclass(frozen=True)
class Entry:
    """One entry of the rail: `icon` is a name of the icon set, `active` says that its page is open."""

    label: str
    icon: str
    url: str
    active: bool = False


# Which routes belong to which entry: the scene page is opened from the explorer.
EXPLORER_ROUTES = frozenset({"explorer", "scene"})


def entries(request: HttpRequest) -> list[Entry]:
    """The pages that the visitor of this request may open. No database query."""
    route = request.resolver_match.view_name if request.resolver_match else None
    found = [Entry("Explorer", "radar", reverse("explorer"), route in EXPLORER_ROUTES)]
    if request.user.is_staff:
        found.append(Entry("Admin", "sliders-horizontal", reverse("admin:index")))
    found.append(Entry("API docs", "braces", reverse("api-docs")))
    return found


def navigation(request: HttpRequest) -> dict[str, Any]:
    """Context processor. Lazy, so that an error page can be rendered without asking who is there."""
    return {"navigation": SimpleLazyObject(lambda: entries(request))}
