"""Who may use the endpoints of the registry; what exactly somebody may do is decided by the services."""

from typing import Any, cast

from django.contrib.auth.models import User
from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from registry.services.permissions import APPROVE, DESCRIBE, FOLLOW, GATES, REGISTER, WEBHOOKS
from scenes.api.strict import StrictSerializer


class RegistryRefusal(serializers.Serializer):
    """Why it was not done. `field`: what does not fit, when it is one field."""

    detail = serializers.CharField()
    field = serializers.CharField(required=False)


REFUSALS = {status: OpenApiResponse(RegistryRefusal) for status in (400, 403, 404, 409, 413)}


class Doors(BasePermission):
    """`reads` opens what is read; each action that writes is opened by the permissions that WRITES names for it."""

    reads = ""
    writes: dict[str, tuple[str, ...]] = {}

    def has_permission(self, request: Request, view: Any) -> bool:
        handled = hasattr(view, str(request.method).lower())
        if request.method in SAFE_METHODS and handled:
            return request.user.has_perm(self.reads)
        asked = self.writes.get(view.action or "") or {one for names in self.writes.values() for one in names}
        return any(map(request.user.has_perm, asked or {self.reads}))


class SeesModels(Doors):
    reads = "registry.view_registeredmodel"
    writes = {
        "create": (REGISTER,),
        "partial_update": (DESCRIBE,),
        "aliases": (DESCRIBE,),
        "remove_alias": (DESCRIBE,),
        "roll_back": (APPROVE,),
    }


class SeesVersions(Doors):
    reads = "registry.view_modelversion"
    writes = {
        "create": (REGISTER,),
        "partial_update": (DESCRIBE,),
        "archive": (DESCRIBE,),
        "restore": (DESCRIBE,),
        "step_down": (FOLLOW,),
    }


class SeesPromotions(Doors):
    reads = "registry.view_promotionrequest"
    writes = {
        "create": (REGISTER,),
        "withdraw": (REGISTER,),
        "check": (FOLLOW,),
        "waive": (FOLLOW,),
        "approve": (APPROVE,),
        "refuse": (APPROVE,),
    }


class SeesGates(Doors):
    reads = "registry.view_gate"
    writes = {"create": (GATES,), "retire": (GATES,)}


class SeesTransitions(Doors):
    reads = "registry.view_modelversion"


class SeesWebhooks(Doors):
    reads = "registry.view_webhook"
    writes = {"create": (WEBHOOKS,), "destroy": (WEBHOOKS,), "test": (WEBHOOKS,)}


def person(request: Request) -> User:
    """Who asks; the permission has let nobody in who is not logged in."""
    return cast(User, request.user)


def fields(request: Request, body: type[StrictSerializer]) -> dict[str, Any]:
    """The body's fields. Raises ValidationError."""
    given = body(data=request.data)
    given.is_valid(raise_exception=True)
    return dict(given.validated_data)
