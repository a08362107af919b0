"""Evaluations for those who enter the admin: to look at, with their history."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.decorators import display

from scenes.admin.base import HistoryAdmin, ReadOnly
from uncertainty.models import Evaluation, EvaluationMember, EvaluationState

STATE_COLOURS = {
    EvaluationState.DRAFT: "warning",
    EvaluationState.FINISHED: "success",
    EvaluationState.SUPERSEDED: "default",
    EvaluationState.WITHDRAWN: "danger",
}


class MemberRows(ReadOnly, admin.TabularInline):
    model = EvaluationMember
    fields = ["position", "run"]
    readonly_fields = ["position", "run"]
    extra = max_num = 0
    show_change_link = False


@admin.register(Evaluation)
class EvaluationAdmin(ReadOnly, HistoryAdmin):
    """Changed through the API and the pages only, whose services guard what is finished."""

    list_display = [
        "title", "definition", "target", "show_state", "mean", "p95", "show_coverage", "created_by", "finished_at",
    ]  # fmt: skip
    list_filter = ["state", "measure", "aggregator", "split"]
    search_fields = ["name", "run__name", "dataset_version__dataset__name"]
    exclude = ["histogram", "top_frames", "sums"]
    inlines = [MemberRows]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Evaluation]:
        large = [f"dataset_version__{name}" for name in ("certificate", "statistics", "drawn")]
        rows = super().get_queryset(request).select_related("run", "dataset_version__dataset", "created_by")
        return rows.defer("histogram", "top_frames", "run__failure", *large)

    @display(description="State", ordering="state", label=STATE_COLOURS)
    def show_state(self, evaluation: Evaluation) -> tuple[str, str]:
        return evaluation.state, evaluation.get_state_display()

    @display(description="Coverage")
    def show_coverage(self, evaluation: Evaluation) -> str:
        return "-" if evaluation.coverage is None else f"{100 * evaluation.coverage:.1f} %"
