"""API tokens of everybody, to see and to revoke. Their values are kept nowhere, their hashes are not shown."""

from typing import Any, cast

from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest

from scenes import services
from scenes.admin.base import HistoryAdmin
from scenes.models import ApiToken


@admin.register(ApiToken)
class ApiTokenAdmin(HistoryAdmin):
    """Deleting a token revokes it."""

    list_display = ["name", "user", "token_key", "scope", "created", "expiry", "last_used_at"]
    list_filter = ["scope", "expiry"]
    search_fields = ["name", "user__username", "token_key"]
    list_select_related = ["user"]
    fields = list_display
    readonly_fields = list_display
    ordering = ["-id"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Tokens are made by their owners on the page API tokens."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_actions(self, request: HttpRequest) -> Any:
        actions = super().get_actions(request)
        if "delete_selected" in actions:
            function, name, _ = actions["delete_selected"]
            actions["delete_selected"] = function, name, "Revoke"
        return actions

    def delete_model(self, request: HttpRequest, obj: ApiToken) -> None:
        services.revoke_token(token=obj, by=cast(User, request.user))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        for token in queryset:
            services.revoke_token(token=token, by=cast(User, request.user))
