"""The download of an export: a kept archive with ranges, or one that is made while it goes out."""

from typing import cast

from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import User
from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from datasets.exports import archive
from datasets.models import DatasetExport, ExportFormat
from datasets.services import exporting
from datasets.services.permissions import EXPORT
from scenes.exporting import CONTENT_TYPES, JSON_LINES, PARQUET
from scenes.models import StoredFile
from scenes.views.answers import stored

MEDIA_TYPES = {
    ExportFormat.MANIFEST: CONTENT_TYPES[JSON_LINES],
    ExportFormat.PARQUET: CONTENT_TYPES[PARQUET],
}


@require_safe
@permission_required(EXPORT, raise_exception=True)
def dataset_export(request: HttpRequest, export_id: int) -> HttpResponseBase:
    """What a worker kept, or a small export made while it goes out: the same bytes either way."""
    chosen = DatasetExport.objects.select_related("version__dataset", "version__manifest", "file")
    export = get_object_or_404(chosen, pk=export_id)
    found = exporting.open_export(export=export, by=cast(User, request.user))
    kind = MEDIA_TYPES.get(ExportFormat(export.format), archive.MEDIA_TYPE)
    name = exporting.file_name(export)
    answer: HttpResponseBase
    if isinstance(found, StoredFile):
        answer = stored(request, found, found.digest, kind, name)
    else:
        answer = StreamingHttpResponse(found, content_type=kind)
        answer["Content-Disposition"] = f'attachment; filename="{name}"'
    answer["Cache-Control"] = "private, no-store"
    return answer
