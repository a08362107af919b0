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


# What it takes to open a page, its words and icon, its route, and the other routes that belong to it.
PAGES: list[tuple[str, str, str, str, frozenset[str]]] = [
    ("datasets.view_datasetversion", "Datasets", "database", "datasets", frozenset({"dataset", "builder"})),
    ("experiments.view_run", "Runs", "flask-conical", "runs", frozenset({"run-new", "run", "runs-compare"})),
    ("uncertainty.view_evaluation", "Evaluations", "activity", "evaluations", frozenset({"evaluation"})),
    (
        "registry.view_modelversion",
        "Models",
        "package",
        "models",
        frozenset({"model", "model-version", "model-compare", "model-promote", "webhooks"}),
    ),
    ("scenes.label_scene", "My queue", "inbox", "queue", frozenset()),
    ("scenes.review_scene", "To review", "clipboard-check", "review", frozenset()),
    ("scenes.add_upload", "Upload", "upload", "upload", frozenset()),
    ("scenes.view_ingestjob", "Jobs", "list-checks", "jobs", frozenset()),
    ("scenes.view_audit", "Audit", "history", "audit", frozenset()),
]
# The scene page is opened from the explorer.
EXPLORER_ROUTES = frozenset({"explorer", "scene"})


def entries(request: HttpRequest) -> list[Entry]:
    """The pages that the visitor of this request may open. No database query."""
    route = request.resolver_match.view_name if request.resolver_match else None
    found = [Entry("Explorer", "radar", reverse("explorer"), route in EXPLORER_ROUTES)]
    found += [
        Entry(label, icon, reverse(page), route == page or route in others)
        for permission, label, icon, page, others in PAGES
        if request.user.has_perm(permission)
    ]
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
