"""What the admin classes of this app share."""

from typing import Any

from django.http import HttpRequest
from simple_history.admin import SimpleHistoryAdmin
from unfold.admin import ModelAdmin


class HistoryAdmin(SimpleHistoryAdmin, ModelAdmin):
    """An admin whose history page shows the door and the reason of every change."""

    history_list_display = ["door", "history_change_reason"]
    list_per_page = 50
    show_full_result_count = False


class ReadOnly:
    """Rows that the system writes: people look, they don't type."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
