"""The steps of a run's life as actions: each asks a service and answers with the run."""

from typing import TYPE_CHECKING, Any

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from experiments import services
from experiments.api import documents
from experiments.api.access import CLAIM, REFUSALS, claim_of, person
from experiments.models import Run
from experiments.serializers import RunDetailSerializer
from scenes.api.strict import refuse_fields

TOLD = {200: RunDetailSerializer, **REFUSALS}

if TYPE_CHECKING:
    from rest_framework.viewsets import GenericViewSet

    Base = GenericViewSet[Run]
else:
    Base = object


class Steps(Base):
    """Runs that can be started, ended, resumed and archived."""

    def told(self, run: Run, status: int = 200) -> Response:
        raise NotImplementedError

    @extend_schema(request=None, responses=TOLD)
    @action(detail=True, methods=["post"])
    def start(self, request: Request, pk: str) -> Response:
        """Start a queued run, without a worker."""
        return self._step(request, services.start_run)

    @extend_schema(request=documents.FinishBody, parameters=[CLAIM], responses=TOLD)
    @action(detail=True, methods=["post"])
    def finish(self, request: Request, pk: str) -> Response:
        """End a run: completed, failed (with the traceback as `failure`) or killed. The same again changes nothing."""
        body = documents.FinishBody(data=request.data)
        body.is_valid(raise_exception=True)
        wishes = {name: value for name, value in body.validated_data.items() if value is not None}
        run = services.finish_run(run=self.get_object(), by=person(request), claim=claim_of(request), **wishes)
        return self.told(run)

    @extend_schema(request=None, responses=TOLD)
    @action(detail=True, methods=["post"])
    def resume(self, request: Request, pk: str) -> Response:
        """Go on with an ended run; what it logged stays."""
        return self._step(request, services.resume_run)

    @extend_schema(request=None, parameters=[CLAIM], responses=TOLD)
    @action(detail=True, methods=["post"], url_path="give-back")
    def give_back(self, request: Request, pk: str) -> Response:
        """A worker that has to stop puts its run back into the queue."""
        return self._step(request, services.give_back, claim=claim_of(request))

    @extend_schema(request=None, responses=TOLD)
    @action(detail=True, methods=["post"])
    def archive(self, request: Request, pk: str) -> Response:
        """Hide an ended run; it takes nothing any more. Other trackers call this deleting."""
        return self._step(request, services.archive_run)

    @extend_schema(request=None, responses=TOLD)
    @action(detail=True, methods=["post"])
    def restore(self, request: Request, pk: str) -> Response:
        return self._step(request, services.restore_run)

    @extend_schema(request=documents.DatasetBody, responses=TOLD)
    @action(detail=True, methods=["post"])
    def dataset(self, request: Request, pk: str) -> Response:
        """Note the frozen dataset version of the run, once; its training scenes are marked as used in training."""
        body = documents.DatasetBody(data=request.data)
        body.is_valid(raise_exception=True)
        wishes: dict[str, Any] = dict(body.validated_data)
        version = services.version_named(wishes.pop("dataset"))
        return self.told(services.use_dataset(run=self.get_object(), version=version, by=person(request), **wishes))

    def _step(self, request: Request, service: Any, **wishes: Any) -> Response:
        refuse_fields(request)
        return self.told(service(run=self.get_object(), by=person(request), **wishes))
