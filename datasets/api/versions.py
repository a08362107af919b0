"""Versions of datasets: what is in them, their plan, freezing, and what can be read of them."""

from dataclasses import asdict
from typing import Any, cast

from django.db.models import Count, QuerySet
from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from datasets import frame_facts, selectors, services
from datasets.api.asking import REFUSALS, LookOrBuild, SelectionBody, fields, selection, step
from datasets.filters import DatasetVersionFilterSet
from datasets.models import Balance, DatasetVersion, Grouping, Split
from datasets.serializers import DatasetVersionSerializer, VerificationSerializer
from datasets.services.permissions import BUILD, FREEZE
from datasets.services.verifying import VERIFY
from scenes.api.maintaining import person
from scenes.api.pages import ReadOnly
from scenes.api.strict import StrictSerializer, refuse_fields
from scenes.errors import ConflictError
from scenes.models import Ontology
from scenes.views.answers import stored

MOST_TOLD = 1000


class SplitBody(SelectionBody):
    """`split`: train, val, test, or the empty text to leave it to the draw."""

    split = serializers.ChoiceField(choices=Split.choices, allow_blank=True)


class PlanBody(StrictSerializer):
    """What is left out stays as it is. `plan_number` is the one that was read: 409 when somebody changed it since."""

    plan_number = serializers.IntegerField(required=False, min_value=1)
    train_percent = serializers.IntegerField(required=False, min_value=0, max_value=100)
    val_percent = serializers.IntegerField(required=False, min_value=0, max_value=100)
    test_percent = serializers.IntegerField(required=False, min_value=0, max_value=100)
    balance = serializers.ChoiceField(choices=Balance.choices, required=False)
    seed = serializers.IntegerField(required=False, min_value=0, max_value=2**63 - 1)
    grouping = serializers.ChoiceField(choices=Grouping.choices, required=False)
    cell_metres = serializers.IntegerField(required=False, min_value=10, max_value=1_000_000)
    stratify_tags = serializers.BooleanField(required=False)
    stratify_classes = serializers.BooleanField(required=False)
    keep_previous = serializers.BooleanField(required=False)
    ontology: serializers.SlugRelatedField[Ontology] = serializers.SlugRelatedField(
        slug_field="name", queryset=Ontology.objects.all(), required=False, allow_null=True
    )


class FreezeBody(StrictSerializer):
    """`acknowledged`: names of the warnings of the certificate that were read."""

    acknowledged = serializers.ListField(child=serializers.CharField(), required=False, max_length=50)


class DeprecationBody(StrictSerializer):
    reason = serializers.CharField(max_length=2000)


class NewVersionBody(StrictSerializer):
    """`query`: fill the draft with what matches it now, instead of the scenes of the version it comes from."""

    notes = serializers.CharField(required=False, allow_blank=True, max_length=10_000)
    query = serializers.CharField(required=False, allow_blank=True, max_length=8000)


class AddedAnswer(serializers.Serializer):
    added = serializers.IntegerField()
    already = serializers.IntegerField()


class ChangedAnswer(serializers.Serializer):
    changed = serializers.IntegerField()


class DatasetVersionViewSet(ReadOnly):
    queryset = DatasetVersion.objects.all()
    serializer_class = DatasetVersionSerializer
    filterset_class = DatasetVersionFilterSet
    permission_classes = [LookOrBuild]
    asks_for = ""

    def get_queryset(self) -> QuerySet[DatasetVersion]:
        return DatasetVersion.objects.for_listing().annotate(scene_count=Count("items"))

    @extend_schema(responses={204: None, **REFUSALS})
    def destroy(self, request: Request, pk: str) -> Response:
        """Discard a draft that nothing was made from."""
        services.discard_draft(version=self.get_object(), by=person(request))
        return Response(status=204)

    @step(SelectionBody, AddedAnswer, asks_for=BUILD)
    def add(self, request: Request, pk: str | None = None) -> Response:
        """Add scenes to a draft."""
        scenes = selection(fields(request, SelectionBody))
        return Response(asdict(services.add_scenes(version=self.get_object(), scenes=scenes, by=person(request))))

    @step(SelectionBody, ChangedAnswer, asks_for=BUILD)
    def remove(self, request: Request, pk: str | None = None) -> Response:
        """Take scenes out of a draft."""
        scenes = selection(fields(request, SelectionBody))
        return _changed(services.remove_scenes(version=self.get_object(), scenes=scenes, by=person(request)))

    @step(SplitBody, ChangedAnswer, asks_for=BUILD, url_path="set-split")
    def set_split(self, request: Request, pk: str | None = None) -> Response:
        """Say in which split scenes of a draft belong; every draw keeps it."""
        given = fields(request, SplitBody)
        wishes = {"split": given.pop("split"), "scenes": selection(given)}
        return _changed(services.set_split(version=self.get_object(), by=person(request), **wishes))

    @step(PlanBody, DatasetVersionSerializer, asks_for=BUILD)
    def plan(self, request: Request, pk: str | None = None) -> Response:
        """Change the plan of a draft."""
        given = fields(request, PlanBody)
        seen = given.pop("plan_number", None)
        services.set_plan(version=self.get_object(), plan=given, by=person(request), plan_number=seen)
        return self._told()

    @step(None, OpenApiTypes.OBJECT, asks_for=BUILD)
    def draw(self, request: Request, pk: str | None = None) -> Response:
        """Draw the splits by the plan; answers with the weights and with what could not be as it was asked for."""
        refuse_fields(request)
        drawn = services.draw_splits(version=self.get_object(), by=person(request))
        return Response({"weights": drawn.weights, "explanations": [asdict(one) for one in drawn.explanations]})

    @step(FreezeBody, DatasetVersionSerializer, asks_for=FREEZE)
    def freeze(self, request: Request, pk: str | None = None) -> Response:
        """Make a draft immutable. 409 with `warnings` while one of the certificate's is not acknowledged."""
        services.freeze(version=self.get_object(), by=person(request), **fields(request, FreezeBody))
        return self._told()

    @step(DeprecationBody, DatasetVersionSerializer, asks_for=FREEZE)
    def deprecate(self, request: Request, pk: str | None = None) -> Response:
        """Say that a frozen version should not be used any more."""
        services.deprecate(version=self.get_object(), by=person(request), **fields(request, DeprecationBody))
        return self._told()

    @step(NewVersionBody, DatasetVersionSerializer, asks_for=BUILD, url_path="new-version")
    def new_version(self, request: Request, pk: str | None = None) -> Response:
        """A new draft with this version as its parent."""
        made = services.new_version(of=self.get_object(), by=person(request), **fields(request, NewVersionBody))
        return self._told(made.pk)

    @step(None, VerificationSerializer, asks_for=VERIFY)
    def verify(self, request: Request, pk: str | None = None) -> Response:
        """Read every file again and compare, as a job: follow it under `/api/verifications/`."""
        refuse_fields(request)
        made = services.request_verification(version=self.get_object(), by=person(request))
        return Response(VerificationSerializer(made).data)

    @extend_schema(responses={200: OpenApiTypes.OBJECT, **REFUSALS})
    @action(detail=True, methods=["get"])
    def statistics(self, request: Request, pk: str | None = None) -> Response:
        """Scenes, frames, points, bytes, seconds, classes and tags by split; live for drafts."""
        return Response(selectors.statistics(self.get_object()))

    @extend_schema(responses={200: OpenApiTypes.OBJECT, **REFUSALS})
    @action(detail=True, methods=["get"])
    def certificate(self, request: Request, pk: str | None = None) -> Response:
        """What can be said of the splits, with all warnings; of a draft what it would be now."""
        return Response(selectors.certificate(self.get_object()))

    @extend_schema(
        responses={200: OpenApiTypes.OBJECT, **REFUSALS},
        parameters=[OpenApiParameter("before", OpenApiTypes.INT, OpenApiParameter.PATH)],
    )
    @action(detail=True, methods=["get"], url_path="diff/(?P<before>[0-9]{1,18})")
    def diff(self, request: Request, pk: str | None = None, before: str = "") -> Response:
        """What this version has otherwise than the version `before`: counts, and the first thousand of each kind."""
        other = get_object_or_404(DatasetVersion.objects.all(), pk=before)
        return Response(asdict(selectors.diff(other, self.get_object(), most=MOST_TOLD)))

    @extend_schema(responses={(200, "application/x-ndjson"): OpenApiTypes.BINARY, **REFUSALS})
    @action(detail=True, methods=["get"])
    def manifest(self, request: Request, pk: str | None = None) -> HttpResponseBase:
        """The canonical manifest, a line of JSON for each scene; its sha256 is the digest of the version."""
        version = DatasetVersion.objects.select_related("manifest", "dataset").get(pk=self.get_object().pk)
        if version.is_draft or version.manifest is None:
            raise ConflictError(f"{version} is a draft: it has no manifest yet.", state=version.state)
        name = f"{version.dataset.name}-v{version.number}.jsonl"
        return stored(request._request, version.manifest, version.digest, "application/x-ndjson", name)

    @extend_schema(responses={(200, "application/x-ndjson"): OpenApiTypes.BINARY, **REFUSALS})
    @action(detail=True, methods=["get"])
    def frames(self, request: Request, pk: str | None = None) -> StreamingHttpResponse:
        """What reads the frames of a frozen version beside its manifest, a line of JSON for each scene, in columns."""
        version = DatasetVersion.objects.select_related("dataset").get(pk=self.get_object().pk)
        if version.is_draft:
            raise ConflictError(f"{version} is a draft: its frames are not settled yet.", state=version.state)
        return StreamingHttpResponse(frame_facts.lines(version), content_type="application/x-ndjson")

    def _told(self, pk: int | None = None) -> Response:
        version: Any = self.get_queryset().get(pk=pk) if pk else self.get_object()
        return Response(cast(dict[str, Any], self.get_serializer(version).data))


def _changed(count: int) -> Response:
    return Response({"changed": count})
