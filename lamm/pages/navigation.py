"""The site's navigation: which pages there are for a person, and which one is open."""

from dataclasses import dataclass
from typing import Any

from django.contrib import admin
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
DATASET_ROUTES = frozenset({"datasets", "dataset", "builder"})


def entries(request: HttpRequest) -> list[Entry]:
    """The pages that the visitor of this request may open. No database query."""
    route = request.resolver_match.view_name if request.resolver_match else None
    found = [Entry("Explorer", "radar", reverse("explorer"), route in EXPLORER_ROUTES)]
    if request.user.has_perm("datasets.view_datasetversion"):
        found.append(Entry("Datasets", "database", reverse("datasets"), route in DATASET_ROUTES))
    if request.user.has_perm("scenes.label_scene"):
        found.append(Entry("My queue", "inbox", reverse("queue"), route == "queue"))
    if request.user.has_perm("scenes.review_scene"):
        found.append(Entry("To review", "clipboard-check", reverse("review"), route == "review"))
    if request.user.has_perm("scenes.add_upload"):
        found.append(Entry("Upload", "upload", reverse("upload"), route == "upload"))
    if request.user.has_perm("scenes.view_ingestjob"):
        found.append(Entry("Jobs", "list-checks", reverse("jobs"), route == "jobs"))
    if request.user.has_perm("scenes.view_audit"):
        found.append(Entry("Audit", "history", reverse("audit"), route == "audit"))
    if admin.site.has_permission(request):
        found.append(Entry("Admin", "sliders-horizontal", reverse("admin:index")))
    found.append(Entry("API docs", "braces", reverse("api-docs")))
    return found


def navigation(request: HttpRequest) -> dict[str, Any]:
    """Context processor. Lazy, so that an error page can be rendered without asking who is there."""
    return {
        "navigation": SimpleLazyObject(lambda: entries(request)),
        "may_enter_admin": SimpleLazyObject(lambda: admin.site.has_permission(request)),
    }
