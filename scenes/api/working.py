"""The labelling workflow: who labels what, and the steps of a scene from unlabeled to labeled."""

from typing import Any, cast

from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.decorators import action
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from scenes import services
from scenes.api.pages import NewestFirst
from scenes.api.strict import StrictSerializer
from scenes.filters import AssignmentFilterSet
from scenes.models import Priority, Scene
from scenes.serializers import AssignmentSerializer
from scenes.services.workflow import CURATE, LABEL, MOST_REASON, REVIEW


class WorkflowRefusal(serializers.Serializer):
    """Why the step was not taken. `status`: the scene's labeling status, when that is in the way."""

    detail = serializers.CharField()
    status = serializers.CharField(required=False)


REFUSALS = {status: OpenApiResponse(WorkflowRefusal) for status in (400, 403, 404, 409)}


class AssignBody(StrictSerializer):
    """What is left out stays as it is; `labeler: null` takes the scene from its labeler."""

    labeler: serializers.SlugRelatedField[User] = serializers.SlugRelatedField(
        slug_field="username", queryset=get_user_model().objects.all(), allow_null=True
    )
    due_on = serializers.DateField(required=False)
    priority = serializers.ChoiceField(choices=Priority.choices, required=False)


class NoFields(StrictSerializer):
    """These requests say everything by their address."""


class SubmitBody(StrictSerializer):
    """`without_labels` says why labels that were there before are right as they are."""

    without_labels = serializers.CharField(required=False, allow_blank=True, max_length=MOST_REASON)


class ReasonBody(StrictSerializer):
    reason = serializers.CharField(max_length=MOST_REASON)


class May(BasePermission):
    """The permission that the action names."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return request.user.has_perm(view.asks_for)


def step(body: type[StrictSerializer], **wishes: Any) -> Any:
    """An action of POST with this body, for people with the permission `asks_for`."""

    def decorate(method: Any) -> Any:
        made = action(detail=True, methods=["post"], permission_classes=[May], **wishes)(method)
        return extend_schema(request=body, responses={200: AssignmentSerializer, **REFUSALS})(made)

    return decorate


class Worked:
    """Scenes that can be assigned, taken, submitted, accepted, sent back and reopened."""

    asks_for = ""

    @step(AssignBody, asks_for=CURATE)
    def assign(self, request: Request, pk: str | None = None) -> Response:
        """Give a scene to a labeler, or take it away again. Not in review and not when labeled."""
        wishes = _fields(request, AssignBody)
        labeler = wishes.pop("labeler")
        if labeler is not None:
            return self._step(services.assign, labeler=labeler, **wishes)
        if wishes:
            raise serializers.ValidationError({"detail": "Without a labeler there is no due_on and no priority."})
        return self._step(services.unassign)

    @step(NoFields, asks_for=LABEL)
    def take(self, request: Request, pk: str | None = None) -> Response:
        """Start to label a scene that is assigned to you, or to nobody."""
        return self._step(services.take, **_fields(request, NoFields))

    @step(SubmitBody, asks_for=LABEL)
    def submit(self, request: Request, pk: str | None = None) -> Response:
        """Hand a scene in for review: its labels need a version newer than the taking, or a reason why not."""
        return self._step(services.submit, **_fields(request, SubmitBody))

    @step(NoFields, asks_for=REVIEW)
    def accept(self, request: Request, pk: str | None = None) -> Response:
        """Accept the labels of somebody else: the scene is labeled, and they are locked."""
        return self._step(services.accept, **_fields(request, NoFields))

    @step(ReasonBody, asks_for=REVIEW, url_path="send-back")
    def send_back(self, request: Request, pk: str | None = None) -> Response:
        """Send the labels back to their labeler, with the reason."""
        return self._step(services.send_back, **_fields(request, ReasonBody))

    @step(ReasonBody, asks_for=CURATE)
    def reopen(self, request: Request, pk: str | None = None) -> Response:
        """Unlock accepted labels; the labeler goes on."""
        return self._step(services.reopen, **_fields(request, ReasonBody))

    def _step(self, service: Any, **wishes: Any) -> Response:
        view = cast(viewsets.GenericViewSet, self)
        scene = service(scene=view.get_object(), by=view.request.user, **wishes)
        return Response(AssignmentSerializer(scene, context=view.get_serializer_context()).data)


def _fields(request: Request, body: type[StrictSerializer]) -> dict[str, Any]:
    given = body(data=request.data)
    given.is_valid(raise_exception=True)
    return dict(given.validated_data)


class AssignmentViewSet(mixins.ListModelMixin, viewsets.GenericViewSet):
    """Scenes that somebody labels or has labelled, with where each is in the workflow."""

    queryset = Scene.objects.filter(labeler__isnull=False).select_related("labeler", "reviewer")
    serializer_class = AssignmentSerializer
    filterset_class = AssignmentFilterSet
    pagination_class = NewestFirst
