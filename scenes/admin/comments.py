"""Comments to look through: what is said stands on the scene's page, where people answer and resolve it."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.decorators import display

from scenes.admin.base import HistoryAdmin, ReadOnly
from scenes.models import Comment


class OpenFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        return [("open", "Open threads"), ("resolved", "Resolved threads"), ("replies", "Replies")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Comment]) -> QuerySet[Comment]:
        threads = queryset.filter(parent__isnull=True)
        return {
            "open": threads.filter(resolved_at__isnull=True),
            "resolved": threads.filter(resolved_at__isnull=False),
            "replies": queryset.filter(parent__isnull=False),
        }.get(self.value() or "", queryset)


@admin.register(Comment)
class CommentAdmin(ReadOnly, HistoryAdmin):
    list_display = ["said", "scene", "frame", "author", "created_at", "resolved_by"]
    list_filter = [OpenFilter, "author"]
    search_fields = ["text", "scene__name"]
    list_select_related = ["scene", "frame", "author", "resolved_by"]
    fields = [
        "scene", "frame", "parent", "author", "text", "position", "point_index", "camera", "created_at", "edited_at",
        "resolved_by", "resolved_at",
    ]  # fmt: skip
    ordering = ["-id"]

    @display(description="Comment")
    def said(self, comment: Comment) -> str:
        return comment.text if len(comment.text) <= 80 else f"{comment.text[:79]}…"
