"""Saved views and exports of the explorer: for administrators to look after."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.decorators import display

from scenes.admin.base import HistoryAdmin, ReadOnly
from scenes.models import SavedView, SceneExport


@admin.register(SavedView)
class SavedViewAdmin(ReadOnly, HistoryAdmin):
    """Owners change their views in the explorer; here a shared one that is in the way can be removed."""

    list_display = ["name", "owner", "shared", "query", "open", "updated_at"]
    list_filter = ["shared", "owner"]
    list_select_related = ["owner"]
    search_fields = ["name", "query", "owner__username"]

    def has_delete_permission(self, request: HttpRequest, obj: SavedView | None = None) -> bool:
        return bool(request.user.has_perm("scenes.delete_savedview"))

    @display(description="Explorer")
    def open(self, view: SavedView) -> SafeString:
        return format_html('<a href="{}?{}" class="lamm-link">Open</a>', reverse("explorer"), view.query)


@admin.register(SceneExport)
class SceneExportAdmin(ReadOnly, ModelAdmin):
    list_display = ["id", "owner", "format", "state", "total", "done", "problem", "created_at", "expires_at"]
    list_filter = ["state", "format", "owner"]
    list_select_related = ["owner"]
    search_fields = ["query", "owner__username"]
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[SceneExport]:
        return super().get_queryset(request).defer("scene_ids")
