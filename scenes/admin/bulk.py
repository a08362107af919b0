"""Bulk changes: how far they are, what became of each scene, and undoing them."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextareaWidget

from scenes.admin.base import ReadOnly
from scenes.admin.scene_actions import told
from scenes.errors import DomainError
from scenes.models import BulkChange, BulkState, Scene
from scenes.services import bulk, curating

STATE_COLOURS = {
    BulkState.QUEUED: "default",
    BulkState.RUNNING: "info",
    BulkState.DONE: "success",
    BulkState.FAILED: "danger",
}


class UndoForm(forms.Form):
    reason = forms.CharField(
        required=False, max_length=curating.MOST_REASON, widget=UnfoldAdminTextareaWidget(attrs={"rows": 2})
    )


@admin.register(BulkChange)
class BulkChangeAdmin(ReadOnly, ModelAdmin):
    list_display = ["id", "what", "show_state", "progress", "changed", "actor", "reason", "created_at", "show_undo"]
    list_display_links = ["id", "what"]
    list_filter = ["kind", "state", "actor"]
    search_fields = ["reason", "actor__username"]
    list_select_related = ["actor", "undone_by", "undo_of"]
    show_full_result_count = False
    list_per_page = 50
    change_form_template = "admin/scenes/bulkchange/change_form.html"
    fields = ["actor", "reason", "door", "request_id", "created_at", "started_at", "finished_at"]
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[BulkChange]:
        """Without the ids of the scenes, of which there may be many."""
        found = super().get_queryset(request).select_related("actor", "undone_by", "undo_of")
        return found.defer("scene_ids", "undone_by__scene_ids", "undo_of__scene_ids")

    def get_urls(self) -> list[Any]:
        undo = path("<int:change_id>/undo/", self.admin_site.admin_view(self.undo), name="scenes_bulkchange_undo")
        return [undo, *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        change = self.get_object(request, object_id)
        context: dict[str, Any] = {"may_undo": request.user.has_perm(bulk.CURATE)}
        if change:
            context |= {"bulk_change": change, "summary": change.what, "left_alone": _left_alone(change)}
        return super().change_view(request, object_id, form_url, context | (extra_context or {}))

    def undo(self, request: HttpRequest, change_id: int) -> HttpResponse:
        """Asks once more, then undoes."""
        if not (self.has_view_permission(request) and request.user.has_perm(bulk.CURATE)):
            raise PermissionDenied
        change = get_object_or_404(self.get_queryset(request), pk=change_id)
        form = UndoForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                done = curating.undo_bulk(change=change, by=request.user, reason=form.cleaned_data["reason"])  # type: ignore[arg-type]
                if done.state == BulkState.DONE:
                    self.message_user(request, told(done), messages.SUCCESS if done.changed else messages.WARNING)
                return HttpResponseRedirect(reverse("admin:scenes_bulkchange_change", args=[done.pk]))
            except DomainError as error:
                form.add_error(None, str(error))
        context = {
            **self.admin_site.each_context(request),
            "opts": self.model._meta,
            "title": f"Undo bulk change {change.pk}",
            "change": change,
            "summary": change.what,
            "form": form,
            "media": self.media + form.media,
        }
        return TemplateResponse(request, "admin/scenes/bulkchange/undo.html", context)

    @display(description="What")
    def what(self, change: BulkChange) -> str:
        return change.what

    @display(description="State", ordering="state", label=STATE_COLOURS)
    def show_state(self, change: BulkChange) -> tuple[str, str]:
        return change.state, change.get_state_display()

    @display(description="Handled")
    def progress(self, change: BulkChange) -> str:
        return f"{change.done:,} of {change.total:,}"

    @display(description="Undone")
    def show_undo(self, change: BulkChange) -> SafeString | str:
        if change.undo is None:
            return ""
        address = reverse("admin:scenes_bulkchange_change", args=[change.undo.pk])
        return format_html('<a href="{}" class="lamm-link">by {}</a>', address, change.undo.pk)


def _left_alone(change: BulkChange) -> list[tuple[str, int, list[Scene]]]:
    """Reason, count and some scenes of what was left alone; two queries at most."""
    named = {pk for entry in change.skipped.values() for pk in entry["scenes"]}
    scenes = Scene.objects.only("pk", "name").in_bulk(named)
    return [
        (reason, entry["count"], [scenes[pk] for pk in entry["scenes"] if pk in scenes])
        for reason, entry in change.skipped.items()
    ]
