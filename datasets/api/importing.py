"""Labels made elsewhere on an exported version: one request with all of them."""

from typing import IO, Any, cast

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from datasets import imports, received_tree
from datasets.api.asking import REFUSALS, May
from datasets.models import DatasetVersion
from datasets.services.importing import LABEL, Imported, import_labels
from scenes.api.maintaining import person
from scenes.api.strict import StrictParameters, StrictSerializer
from scenes.api.uploads import RawBody
from scenes.clouds.cloud import CloudError
from scenes.errors import RefusedError, TooLargeError

BINARY = "application/octet-stream"
RELEASE = "release.json"


class ImportWishes(StrictSerializer):
    kind = serializers.ChoiceField(choices=imports.KINDS)
    tree = serializers.ChoiceField(choices=imports.TREES, required=False, default="")
    ontology = serializers.CharField(max_length=100, required=False, default="")
    note = serializers.CharField(max_length=2000, required=False, default="")
    accept_unknown = serializers.BooleanField(required=False, default=False)
    dry_run = serializers.BooleanField(required=False, default=False)


class ImportedAnswer(serializers.Serializer):
    """Scenes by name; `label_sets` are the new ones, none of a dry run."""

    scenes = serializers.ListField(child=serializers.CharField())
    unchanged = serializers.ListField(child=serializers.CharField())
    frames = serializers.IntegerField()
    points = serializers.IntegerField()
    label_sets = serializers.ListField(child=serializers.IntegerField())


class ImportLabels(StrictParameters, APIView):
    """Label sets for the scenes of a frozen version, all or none."""

    permission_classes = [May]
    asks_for = LABEL
    parser_classes = [RawBody]
    known_parameters = frozenset(ImportWishes().fields)

    @extend_schema(
        parameters=[OpenApiParameter("version_id", OpenApiTypes.INT, OpenApiParameter.PATH), ImportWishes],
        request={BINARY: OpenApiTypes.BINARY},
        responses={200: ImportedAnswer, **REFUSALS},
    )
    def post(self, request: Request, version_id: int) -> Response:
        """The raw body is a tar archive of the tree, or a release file of Segments.ai (`kind=segments`).

        Every file is checked before anything is written; what does not fit is named. Up to 1 GiB.
        """
        wishes = ImportWishes(data=request.query_params.dict())
        wishes.is_valid(raise_exception=True)
        version = get_object_or_404(DatasetVersion.objects.select_related("dataset"), pk=version_id)
        stream = _body(request)
        given: dict[str, Any] = {"version": version, "by": person(request), **wishes.validated_data}
        try:
            done = _of_release(stream, given) if given["kind"] == imports.SEGMENTS else _of_tree(stream, given)
        except CloudError as error:
            raise RefusedError(str(error)) from error
        return Response(
            {
                "scenes": done.scenes,
                "unchanged": done.unchanged,
                "frames": done.frames,
                "points": done.points,
                "label_sets": [label_set.pk for label_set in done.made],
            }
        )


def _body(request: Request) -> IO[bytes]:
    length = request.META.get("CONTENT_LENGTH") or ""
    if not length.isdigit() or not int(length):
        raise RefusedError("The body is empty. Send the archive or the release file as the body.")
    if int(length) > received_tree.MOST_BYTES:
        raise TooLargeError(f"The body has more than {received_tree.MOST_BYTES:,} bytes. {received_tree.REMEDY}")
    return cast(IO[bytes], request.data)


def _of_tree(stream: IO[bytes], given: dict[str, Any]) -> Imported:
    with received_tree.unpacked(stream) as folder:
        return import_labels(path=folder, **given)


def _of_release(stream: IO[bytes], given: dict[str, Any]) -> Imported:
    with received_tree.kept(stream, RELEASE) as path:
        return import_labels(path=path, **given)
