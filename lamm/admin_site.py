"""The admin's door: who may enter, and where the others are sent."""

from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from unfold.sites import UnfoldAdminSite


class CurationSite(UnfoldAdminSite):
    """An admin that whole roles may enter. What somebody sees inside is decided by the permission for each model."""

    def has_permission(self, request: HttpRequest) -> bool:
        person = request.user
        return person.is_active and (person.is_staff or person.has_perm("scenes.enter_admin"))

    @method_decorator(never_cache)
    @method_decorator(login_not_required)
    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponseBase:
        """There is one log-in page, with one throttle; who is logged in and sent here may not enter."""
        if request.user.is_authenticated:
            raise PermissionDenied
        return redirect_to_login(request.GET.get("next", request.build_absolute_uri("/admin/")))
