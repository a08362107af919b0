"""Comments on scenes, frames and points: read, written, resolved and reopened."""

from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from scenes.api.maintaining import person
from scenes.api.pages import ReadOnly
from scenes.api.strict import StrictSerializer
from scenes.filters import CommentFilterSet
from scenes.models import Comment, Frame, Scene
from scenes.selectors import comment_history
from scenes.serializers import CommentHistorySerializer, CommentSerializer
from scenes.services import commenting
from scenes.services.commenting import COMMENT, MOST_TEXT


class CommentRefusal(serializers.Serializer):
    """Why it was not done. `field`: what does not fit, when it is one field."""

    detail = serializers.CharField()
    field = serializers.CharField(required=False)


REFUSALS = {status: OpenApiResponse(CommentRefusal) for status in (400, 403, 404, 409)}


class CommentBody(StrictSerializer):
    """A comment on a scene, on a frame of it, or on a point of a frame; or, with `parent`, a reply.

    `position`: x, y, z in metres in the frame's coordinates. `point_index`: the point's index in the frame's file.
    `camera`: what the viewer's camera says of itself.
    """

    scene: serializers.PrimaryKeyRelatedField[Scene] = serializers.PrimaryKeyRelatedField(
        queryset=Scene.objects.all(), required=False
    )
    parent: Any = serializers.PrimaryKeyRelatedField(queryset=Comment.objects.all(), required=False)
    text = serializers.CharField(max_length=MOST_TEXT)
    frame: serializers.PrimaryKeyRelatedField[Frame] = serializers.PrimaryKeyRelatedField(
        queryset=Frame.objects.all(), required=False, allow_null=True
    )
    position = serializers.ListField(
        child=serializers.FloatField(), min_length=3, max_length=3, required=False, allow_null=True
    )
    point_index = serializers.IntegerField(min_value=0, max_value=2**40, required=False, allow_null=True)
    camera = serializers.DictField(required=False, allow_null=True)

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        if ("scene" in given) == ("parent" in given):
            raise serializers.ValidationError({"detail": "Name the scene, or the comment to reply to: one of them."})
        anchors = sorted({"frame", "position", "point_index", "camera"} & set(given))
        if "parent" in given and anchors:
            raise serializers.ValidationError({"detail": f"A reply has no {', '.join(anchors)}: its thread has."})
        return given


class TextBody(StrictSerializer):
    text = serializers.CharField(max_length=MOST_TEXT)


class NothingElse(StrictSerializer):
    """These requests say everything by their address."""


class MayComment(BasePermission):
    """Readers see comments; who may comment writes, resolves and reopens. The service knows whose text it is."""

    def has_permission(self, request: Request, view: Any) -> bool:
        reads = request.method in ("GET", "HEAD", "OPTIONS")
        return request.user.has_perm("scenes.view_comment" if reads else COMMENT)


class CommentViewSet(ReadOnly):
    queryset = Comment.objects.select_related("author", "resolved_by", "frame", "scene")
    serializer_class = CommentSerializer
    filterset_class = CommentFilterSet
    permission_classes = [MayComment]

    @extend_schema(request=CommentBody, responses={201: CommentSerializer, **REFUSALS})
    def create(self, request: Request) -> Response:
        """Say something about a scene, a frame or a point, or reply to a comment."""
        wishes = _fields(request, CommentBody)
        if "parent" in wishes:
            said = commenting.reply(comment=wishes["parent"], text=wishes["text"], by=person(request))
        else:
            said = commenting.comment(by=person(request), **wishes)
        return self._told(said, status=201)

    @extend_schema(request=TextBody, responses={200: CommentSerializer, **REFUSALS})
    def partial_update(self, request: Request, pk: str | None = None) -> Response:
        """Say it better; the author alone may. History keeps what was said before."""
        wishes = _fields(request, TextBody)
        return self._told(commenting.edit(comment=self.get_object(), by=person(request), **wishes))

    @extend_schema(request=NothingElse, responses={200: CommentSerializer, **REFUSALS})
    @action(detail=True, methods=["post"])
    def resolve(self, request: Request, pk: str | None = None) -> Response:
        """Settle a thread."""
        _fields(request, NothingElse)
        return self._told(commenting.resolve(comment=self.get_object(), by=person(request)))

    @extend_schema(request=NothingElse, responses={200: CommentSerializer, **REFUSALS})
    @action(detail=True, methods=["post"])
    def reopen(self, request: Request, pk: str | None = None) -> Response:
        """Open a settled thread again."""
        _fields(request, NothingElse)
        return self._told(commenting.reopen(comment=self.get_object(), by=person(request)))

    @extend_schema(responses=CommentHistorySerializer(many=True), filters=False)
    @action(detail=True, methods=["get"], pagination_class=None, filter_backends=[])
    def history(self, request: Request, pk: str | None = None) -> Response:
        """What was said and done with this comment, the newest first: at most 200 entries."""
        return Response(CommentHistorySerializer(comment_history(self.get_object()), many=True).data)

    def _told(self, said: Comment, status: int = 200) -> Response:
        return Response(self.get_serializer(self.get_queryset().get(pk=said.pk)).data, status=status)


def _fields(request: Request, body: type[StrictSerializer]) -> dict[str, Any]:
    given = body(data=request.data)
    given.is_valid(raise_exception=True)
    return dict(given.validated_data)
