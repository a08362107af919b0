"""Frames and ingest jobs: what the system wrote, to look at, retry and cancel."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.decorators import display

from scenes import services
from scenes.admin.base import HistoryAdmin, ReadOnly
from scenes.models import Frame, IngestJob, IngestState

JOB_COLOURS = {
    IngestState.QUEUED: "default",
    IngestState.RUNNING: "info",
    IngestState.DONE: "success",
    IngestState.FAILED: "danger",
    IngestState.CANCELLED: "warning",
}
FRAME_COLOURS = {"pending": "default", "ready": "success", "quarantined": "danger"}


@admin.register(Frame)
class FrameAdmin(ReadOnly, ModelAdmin):
    list_display = [
        "name",
        "scene",
        "index",
        "show_state",
        "point_count",
        "finite_count",
        "range_max",
        "problem",
    ]
    list_filter = ["state"]
    search_fields = ["name", "scene__name"]
    list_select_related = ["scene"]
    show_full_result_count = False
    list_per_page = 50

    @display(description="State", ordering="state", label=FRAME_COLOURS)
    def show_state(self, frame: Frame) -> tuple[str, str]:
        return frame.state, frame.get_state_display()


@admin.register(IngestJob)
class IngestJobAdmin(ReadOnly, HistoryAdmin):
    list_display = [
        "id",
        "scene",
        "kind",
        "show_state",
        "attempts",
        "requested_by",
        "created_at",
        "finished_at",
        "problem",
    ]
    list_filter = ["state", "kind"]
    search_fields = ["scene__name"]
    list_select_related = ["scene", "requested_by"]
    actions = ["retry", "cancel"]

    @display(description="State", ordering="state", label=JOB_COLOURS)
    def show_state(self, job: IngestJob) -> tuple[str, str]:
        return job.state, job.get_state_display()

    @admin.action(description="Retry", permissions=["operate"])
    def retry(self, request: HttpRequest, queryset: QuerySet[IngestJob]) -> None:
        jobs = [services.retry_ingest(job=job, by=request.user) for job in queryset]  # type: ignore[arg-type]
        self.message_user(request, f"{len(jobs)} jobs queued.", messages.SUCCESS)

    @admin.action(description="Cancel", permissions=["operate"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[IngestJob]) -> None:
        jobs = [services.cancel_ingest(job=job, by=request.user) for job in queryset]  # type: ignore[arg-type]
        self.message_user(request, f"{len(jobs)} jobs cancelled or already ended.", messages.SUCCESS)

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("scenes.change_ingestjob")
