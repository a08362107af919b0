"""Saved views of the explorer: everybody's own and those that are shared."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from scenes import selectors
from scenes.api.maintaining import person
from scenes.api.pages import ReadOnly
from scenes.api.strict import StrictSerializer, refuse_fields
from scenes.filters import SavedViewFilterSet
from scenes.models import SavedView
from scenes.serializers import SavedViewSerializer
from scenes.services import preferences, views
from scenes.services.owned_views import LONGEST_NAME


class SeesScenes(BasePermission):
    """Who may see scenes; what belongs to whom is asked by the services."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return request.user.has_perm("scenes.view_scene")


class ViewBody(StrictSerializer):
    """`query` is that of the explorer's address: filters, sorting, columns; the page in it is not kept."""

    name = serializers.CharField(max_length=LONGEST_NAME)
    query = serializers.CharField(allow_blank=True, max_length=4000, required=False, default="")
    shared = serializers.BooleanField(required=False, default=False)


class ChangedViewBody(StrictSerializer):
    name = serializers.CharField(max_length=LONGEST_NAME, required=False)
    query = serializers.CharField(allow_blank=True, max_length=4000, required=False)
    shared = serializers.BooleanField(required=False)


class SavedViewViewSet(ReadOnly):
    queryset = SavedView.objects.select_related("owner")
    serializer_class = SavedViewSerializer
    filterset_class = SavedViewFilterSet
    permission_classes = [SeesScenes]

    def get_queryset(self) -> QuerySet[SavedView]:
        if getattr(self, "swagger_fake_view", False):
            return SavedView.objects.none()
        return selectors.saved_views_of(person(self.request))

    @extend_schema(request=ViewBody, responses={201: SavedViewSerializer})
    def create(self, request: Request) -> Response:
        """Save a rule under a name of your own."""
        body = ViewBody(data=request.data)
        body.is_valid(raise_exception=True)
        view = views.save_view(by=person(request), **body.validated_data)
        return Response(self.get_serializer(view).data, status=201)

    @extend_schema(request=ChangedViewBody, responses=SavedViewSerializer)
    def partial_update(self, request: Request, pk: str | None = None) -> Response:
        """Change one of your views."""
        body = ChangedViewBody(data=request.data)
        body.is_valid(raise_exception=True)
        view = views.change_view(view=self.get_object(), by=person(request), **body.validated_data)
        return Response(self.get_serializer(view).data)

    def destroy(self, request: Request, pk: str | None = None) -> Response:
        """Remove one of your views."""
        views.remove_view(view=self.get_object(), by=person(request))
        return Response(status=204)

    @extend_schema(request=None, responses={204: None})
    @action(detail=True, methods=["post"], url_path="make-default")
    def make_default(self, request: Request, pk: str | None = None) -> Response:
        """Open the explorer with this view from now on."""
        refuse_fields(request)
        preferences.set_default_view(by=person(request), view=self.get_object())
        return Response(status=204)
