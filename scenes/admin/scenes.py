"""Scenes with their frames and jobs."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import TabularInline
from unfold.decorators import display

from scenes.admin.base import HistoryAdmin, ReadOnly
from scenes.admin.labels import LabelSetInline
from scenes.admin.scene_actions import BulkActions
from scenes.admin.scene_filter import ExplorerFilter
from scenes.models import Frame, IngestJob, LabelingStatus, PositionState, Scene

STATUS_COLOURS = {
    LabelingStatus.UNLABELED: "default",
    LabelingStatus.IN_PROGRESS: "warning",
    LabelingStatus.IN_REVIEW: "info",
    LabelingStatus.LABELED: "success",
}


class FrameInline(ReadOnly, TabularInline):
    model = Frame
    fields = ["index", "name", "state", "point_count", "range_max", "problem"]
    readonly_fields = fields
    ordering = ["index"]
    per_page = 25
    extra = 0
    show_change_link = True
    tab = True


class IngestJobInline(ReadOnly, TabularInline):
    model = IngestJob
    fields = ["id", "state", "attempts", "created_at", "finished_at", "problem"]
    readonly_fields = fields
    per_page = 10
    extra = 0
    show_change_link = True
    tab = True


@admin.register(Scene)
class SceneAdmin(BulkActions, HistoryAdmin):
    list_display = [
        "picture",
        "name",
        "show_status",
        "labeler",
        "tag_names",
        "drive",
        "show_due",
        "captured_at",
        "frame_count",
        "points",
        "show_position",
    ]
    list_fullwidth = True
    list_display_links = ["picture", "name"]
    list_filter = [ExplorerFilter, "status", "position_state", "drive", "labeler", "tags"]
    search_fields = ["name", "drive__name", "tags__name"]
    list_select_related = ["drive", "labeler", "thumbnail"]
    autocomplete_fields = ["drive"]
    date_hierarchy = "captured_at"
    inlines = [FrameInline, LabelSetInline, IngestJobInline]
    rolled_up = [
        "frame_count", "quarantined_count", "point_count", "size_bytes", "duration_seconds", "lower_bound",
        "upper_bound", "position_state", "position_problem", "start_latitude", "start_longitude",
        "end_latitude", "end_longitude",
    ]  # fmt: skip
    # These change by the steps of the workflow only, on the scene's page and in bulk.
    workflow = ["status", "status_since", "labeler", "reviewer", "due_on", "priority", "locked", "rework_reason"]
    readonly_fields = ["large_picture", "steps", *workflow, *rolled_up, "created_at", "updated_at"]
    fieldsets = [
        (
            None,
            {
                "fields": [
                    "large_picture",
                    "name",
                    "drive",
                    "captured_at",
                    "tags",
                    "notes",
                ]
            },
        ),
        ("Labelling", {"fields": ["steps", *workflow]}),
        ("Rolled up from the frames", {"fields": [*rolled_up], "classes": ["collapse"]}),
        ("Record", {"fields": ["created_at", "updated_at"], "classes": ["collapse"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Scene]:
        return super().get_queryset(request).prefetch_related("tags")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """A scene begins with its frames: `manage.py ingest` makes it."""
        return False

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> Any:
        """The same search as the explorer's."""
        from scenes.filters import SceneFilterSet

        found = SceneFilterSet({"search": search_term}, queryset=queryset).qs if search_term else queryset
        return found, False

    def view_on_site(self, scene: Scene) -> str:
        return reverse("scene", args=[scene.pk])

    @display(description="")
    def picture(self, scene: Scene) -> SafeString | str:
        return _picture(scene, "lamm-thumbnail")

    @display(description="Bird's-eye view")
    def large_picture(self, scene: Scene) -> SafeString | str:
        return _picture(scene, "lamm-picture")

    @display(description="Next steps")
    def steps(self, scene: Scene) -> SafeString:
        words = "Assign, plan, review or reopen it on its page"
        return format_html('<a href="{}#workflow">{}</a>', reverse("scene", args=[scene.pk]), words)

    @display(description="Status", ordering="status", label=STATUS_COLOURS)
    def show_status(self, scene: Scene) -> tuple[str, str]:
        return scene.status, scene.get_status_display()

    @display(description="Due", ordering="due_on")
    def show_due(self, scene: Scene) -> SafeString | str:
        if scene.due_on is None:
            return "-"
        return format_html('<span class="{}">{}</span>', "lamm-late" if scene.overdue else "", scene.due_on.isoformat())

    @display(description="Tags")
    def tag_names(self, scene: Scene) -> str:
        return ", ".join(sorted(tag.name for tag in scene.tags.all())) or "-"

    @display(description="Points", ordering="point_count")
    def points(self, scene: Scene) -> str:
        return f"{scene.point_count:,}"

    @display(
        description="GPS",
        ordering="position_state",
        label={
            PositionState.KNOWN: "success",
            PositionState.MISSING: "default",
            PositionState.UNUSABLE: "danger",
        },
    )
    def show_position(self, scene: Scene) -> tuple[str, str]:
        return scene.position_state, scene.get_position_state_display()


def _picture(scene: Scene, css_class: str) -> SafeString | str:
    if scene.thumbnail is None:
        return format_html('<span class="lamm-thumbnail-none" title="{}"></span>', "No picture yet")
    address = reverse("scene-thumbnail", args=[scene.pk, scene.thumbnail.digest])
    return format_html(
        '<img src="{}" alt="Bird\'s-eye view of {}" class="{}" loading="lazy">',
        address,
        scene.name,
        css_class,
    )
