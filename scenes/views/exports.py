"""The download of an exported list: its owner's only."""

from typing import cast

from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import User
from django.http import FileResponse, HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from scenes.exporting import CONTENT_TYPES
from scenes.models import SceneExport, StoredFile
from scenes.services import exporting


@require_safe
@permission_required("scenes.view_scene", raise_exception=True)
def scene_export(request: HttpRequest, export_id: int) -> HttpResponseBase:
    """A kept file, or a small list written while it goes out."""
    person = cast(User, request.user)
    export = get_object_or_404(SceneExport.objects.select_related("file"), pk=export_id, owner=person)
    found = exporting.open_export(export=export, by=person)
    kind, name = CONTENT_TYPES[export.format], export.file_name
    answer: HttpResponseBase
    if isinstance(found, StoredFile):
        answer = FileResponse(found.open(), content_type=kind, filename=name, as_attachment=True)
        answer["ETag"] = f'"{found.digest}"'
    else:
        answer = StreamingHttpResponse(found, content_type=kind)
        answer["Content-Disposition"] = f'attachment; filename="{name}"'
    answer["Cache-Control"] = "private, no-store"
    return answer
