"""Experiments and runs for those who enter the admin: to look at, with their history."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.decorators import display

from experiments.models import (
    Artifact,
    Experiment,
    FramePrediction,
    PredictionSet,
    Run,
    RunEvaluation,
    RunParameter,
    RunStatus,
    RunTag,
)
from scenes.admin.base import HistoryAdmin, ReadOnly

STATUS_COLOURS = {
    RunStatus.QUEUED: "default",
    RunStatus.RUNNING: "info",
    RunStatus.STALLED: "warning",
    RunStatus.COMPLETED: "success",
    RunStatus.FAILED: "danger",
    RunStatus.KILLED: "warning",
}


@admin.register(Experiment)
class ExperimentAdmin(ReadOnly, HistoryAdmin):
    """Changed through the API and the tracker only, which ask whose it is."""

    list_display = ["name", "created_by", "created_at", "archived_at"]
    list_filter = [("archived_at", admin.EmptyFieldListFilter)]
    search_fields = ["name", "notes"]
    list_select_related = ["created_by"]


class Rows(ReadOnly, admin.TabularInline):
    extra = 0
    max_num = 0
    show_change_link = False


class ParameterRows(Rows):
    model = RunParameter
    fields = ["key", "kind", "text"]
    readonly_fields = ["key", "kind", "text"]


class TagRows(Rows):
    model = RunTag
    fields = ["key", "value"]
    readonly_fields = ["key", "value"]


@admin.register(Run)
class RunAdmin(ReadOnly, HistoryAdmin):
    """Changed through the API and the tracker only, whose services guard every step."""

    list_display = [
        "number", "name", "experiment", "show_status", "architecture", "dataset_version", "started_by", "started_at",
        "finished_at",
    ]  # fmt: skip
    list_display_links = ["number", "name"]
    list_filter = ["status", ("archived_at", admin.EmptyFieldListFilter), "experiment"]
    search_fields = ["name", "architecture", "experiment__name", "started_by__username"]
    list_select_related = ["experiment", "dataset_version__dataset", "started_by"]
    exclude = ["claim", "idempotency_key", "request_digest"]
    inlines = [ParameterRows, TagRows]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Run]:
        return super().get_queryset(request).defer("failure", "dataset_version__certificate")

    @display(description="Status", ordering="status", label=STATUS_COLOURS)
    def show_status(self, run: Run) -> tuple[str, str]:
        return run.status, run.get_status_display()


@admin.register(RunEvaluation)
class RunEvaluationAdmin(ReadOnly, HistoryAdmin):
    """Computed by the server: started by a run's end, through the API or on the run's page."""

    list_display = [
        "id", "run", "dataset_version", "show_splits", "rule", "state", "miou", "contamination", "outdated_at",
        "current", "started_by", "finished_at",
    ]  # fmt: skip
    list_filter = ["state", "rule", "contamination", "current", ("outdated_at", admin.EmptyFieldListFilter)]
    search_fields = ["run__name", "run__architecture", "dataset_version__dataset__name"]
    list_select_related = ["run", "dataset_version__dataset", "started_by"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[RunEvaluation]:
        large = ("missing", "run__failure", "dataset_version__certificate", "dataset_version__statistics")
        return super().get_queryset(request).defer(*large)

    @display(description="Splits")
    def show_splits(self, evaluation: RunEvaluation) -> str:
        return ", ".join(evaluation.splits)


@admin.register(Artifact)
class ArtifactAdmin(ReadOnly, HistoryAdmin):
    list_display = ["path", "run", "media_type", "size", "created_by", "created_at"]
    search_fields = ["path"]
    list_select_related = ["run", "file", "created_by"]
    fields = ["run", "path", "media_type", "size", "digest", "created_by", "created_at", "updated_at"]
    readonly_fields = fields

    @display(description="Bytes", ordering="file__size")
    def size(self, artifact: Artifact) -> str:
        return f"{artifact.file.size:,}"

    @display(description="sha256")
    def digest(self, artifact: Artifact) -> str:
        return artifact.file.digest


@admin.register(PredictionSet)
class PredictionSetAdmin(ReadOnly, HistoryAdmin):
    """Declared by the run's script; frames come through the API only."""

    list_display = ["run", "ontology", "measure", "unit", "frame_count", "point_count", "declared_by", "updated_at"]
    list_filter = ["measure", "ontology"]
    search_fields = ["run__name", "run__architecture"]
    list_select_related = ["run", "ontology", "declared_by"]


@admin.register(FramePrediction)
class FramePredictionAdmin(ReadOnly, HistoryAdmin):
    list_display = ["frame", "scene", "prediction_set", "point_count", "recorded_by", "recorded_at"]
    list_display_links = ["frame"]
    list_select_related = ["frame", "scene", "prediction_set", "recorded_by"]
    search_fields = ["scene__name"]
    fields = [
        "prediction_set", "scene", "frame", "point_count", "classes", "confidence", "uncertainty", "class_counts",
        "recorded_by", "recorded_at",
    ]  # fmt: skip
    readonly_fields = fields
    show_full_result_count = False
