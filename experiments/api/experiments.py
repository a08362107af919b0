"""Experiments: made, described, archived and restored."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import mixins, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from experiments import services
from experiments.api.access import REFUSALS, SeesExperiments, person
from experiments.api.documents import ExperimentBody, ExperimentChangeBody
from experiments.filters import ExperimentFilterSet
from experiments.models import Experiment
from experiments.serializers import ExperimentSerializer
from scenes.api.pages import NewestFirst
from scenes.api.strict import StrictParameters, refuse_fields


class ExperimentViewSet(StrictParameters, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet):
    """Groups of runs. The list leaves archived ones out unless `archived` asks for them."""

    queryset = Experiment.objects.select_related("created_by")
    serializer_class = ExperimentSerializer
    filterset_class = ExperimentFilterSet
    pagination_class = NewestFirst
    permission_classes = [SeesExperiments]
    lookup_value_regex = "[0-9]{1,18}"

    def filter_queryset(self, queryset: Any) -> Any:
        """Only lists leave something out: an archived one is still there under its number."""
        return super().filter_queryset(queryset) if self.action == "list" else queryset

    @extend_schema(request=ExperimentBody, responses={201: ExperimentSerializer, **REFUSALS})
    def create(self, request: Request) -> Response:
        body = ExperimentBody(data=request.data)
        body.is_valid(raise_exception=True)
        return self._told(services.create_experiment(by=person(request), **body.validated_data), 201)

    @extend_schema(request=ExperimentChangeBody, responses={200: ExperimentSerializer, **REFUSALS})
    def partial_update(self, request: Request, pk: str) -> Response:
        body = ExperimentChangeBody(data=request.data)
        body.is_valid(raise_exception=True)
        wishes: dict[str, Any] = dict(body.validated_data)
        return self._told(services.change_experiment(experiment=self.get_object(), by=person(request), **wishes))

    @extend_schema(request=None, responses={200: ExperimentSerializer, **REFUSALS})
    @action(detail=True, methods=["post"])
    def archive(self, request: Request, pk: str) -> Response:
        """Hide it; no new runs begin in it. Other trackers call this deleting."""
        refuse_fields(request)
        return self._told(services.archive_experiment(experiment=self.get_object(), by=person(request)))

    @extend_schema(request=None, responses={200: ExperimentSerializer, **REFUSALS})
    @action(detail=True, methods=["post"])
    def restore(self, request: Request, pk: str) -> Response:
        refuse_fields(request)
        return self._told(services.restore_experiment(experiment=self.get_object(), by=person(request)))

    def _told(self, experiment: Experiment, status: int = 200) -> Response:
        return Response(self.get_serializer(experiment).data, status=status)
