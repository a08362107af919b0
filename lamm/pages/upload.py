"""The upload page: files and folders from a person's own machine become scenes."""

from typing import Any, cast

from django.conf import settings
from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_cache_control
from django.views.decorators.http import require_safe

from scenes.clouds import beside
from scenes.clouds.formats import UNDECIDED_SUFFIXES, format_named
from scenes.file_names import LABEL_SUFFIXES, cloud_suffixes
from scenes.models import Drive, Tag, UploadState
from scenes.selectors import uploads_of

OPEN_SHOWN = 20
SUGGESTIONS = 300


@require_safe
@permission_required("scenes.add_upload", raise_exception=True)
def upload(request: HttpRequest) -> HttpResponse:
    """The page; what it does with files goes through the API (docs/api.md)."""
    person = cast(User, request.user)
    mine = uploads_of(person).filter(owner=person)
    context = {
        "rules": _rules(),
        "open_uploads": mine.filter(state=UploadState.OPEN).order_by("-updated_at")[:OPEN_SHOWN],
        "cloud_suffixes": cloud_suffixes(),
        "names_beside": [*beside.NAMES, beside.TRACK_SUFFIX],
        "declared_formats": _declared_formats(),
        "drive_names": list(Drive.objects.order_by("name").values_list("name", flat=True)[:SUGGESTIONS]),
        "tag_names": list(Tag.objects.order_by("name").values_list("name", flat=True)[:SUGGESTIONS]),
    }
    response = render(request, "pages/upload.html", context)
    patch_cache_control(response, private=True, no_store=True)
    return response


def _rules() -> dict[str, Any]:
    """What the script needs to know to sort files before it asks the server, which decides."""
    return {
        "suffixes": [*cloud_suffixes(), beside.TRACK_SUFFIX],
        "names": list(beside.NAMES),
        "labels": list(LABEL_SUFFIXES),
        "undecided": list(UNDECIDED_SUFFIXES),
        "pieceBytes": settings.UPLOAD_PIECE_BYTES,
        "filesPerCall": settings.UPLOAD_MAX_FILES_PER_CALL,
    }


def _declared_formats() -> list[tuple[str, str]]:
    """(value, name for people) of the formats that files without a header may be declared to have."""
    kinds = dict.fromkeys(kind for kinds in UNDECIDED_SUFFIXES.values() for kind in kinds)
    return [(kind, format_named(kind).name) for kind in kinds]
