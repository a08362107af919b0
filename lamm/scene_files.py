"""The files behind a frame as the scene page names them: stored references, with a way to download each."""

from typing import Any

from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import AnonymousUser, User
from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_safe

from lamm.templatetags.formatting import byte_size
from scenes.models import Frame, FrameLabels, LabelSet, StoredFile
from scenes.storage import key
from scenes.views.answers import stored

VERSIONS_SHOWN = 3


def reference(file: StoredFile | None) -> str:
    """Where a stored file is: the alias of its storage, then its path there; empty without a file."""
    return f"{file.storage}/{file.path or key(file.digest)}" if file else ""


@require_safe
@permission_required("scenes.view_frame", raise_exception=True)
def frame_files(request: HttpRequest, frame_id: int) -> HttpResponseBase:
    """{"raw": file or null, "labels": [file of each of the newest versions]} of a frame, as JSON."""
    frame = get_object_or_404(Frame.objects.select_related("cloud"), pk=frame_id)
    raw = frame.cloud and _described(frame.cloud, "frame-cloud", frame.pk, name=frame.name)
    return JsonResponse({"raw": raw, "labels": _label_files(frame, request.user)})


@require_safe
@permission_required("scenes.view_framelabels", raise_exception=True)
def label_file(request: HttpRequest, labels_id: int, digest: str) -> HttpResponseBase:
    """The label file of a frame, byte for byte as it came in."""
    labels = get_object_or_404(FrameLabels.objects.select_related("original", "frame", "label_set"), pk=labels_id)
    return stored(request, labels.original, digest, filename=label_file_name(labels, labels.label_set))


def label_file_name(labels: FrameLabels, label_set: LabelSet) -> str:
    return f"{labels.frame.name.partition('.')[0]}-v{label_set.version}.{label_set.kind}"


def labels_of_frames(label_set: LabelSet | None, frames: list[Frame]) -> dict[int, FrameLabels]:
    """The labels of these frames in a version, by frame id, in one query; none without a version."""
    if label_set is None:
        return {}
    rows = label_set.frames.filter(frame__in=frames).select_related("original", "classes")
    found = {row.frame_id: row for row in rows}
    for row in found.values():
        row.reference = reference(row.original or row.classes)  # type: ignore[attr-defined]
    return found


def _label_files(frame: Frame, person: User | AnonymousUser) -> list[dict[str, Any]]:
    if not person.has_perm("scenes.view_framelabels"):
        return []
    rows = frame.labels.select_related("original", "classes", "label_set").order_by("-label_set__version")
    return [_described_labels(frame, labels) for labels in rows[:VERSIONS_SHOWN]]


def _described_labels(frame: Frame, labels: FrameLabels) -> dict[str, Any]:
    labels.frame = frame
    name = label_file_name(labels, labels.label_set)
    title = f"v{labels.label_set.version}"
    if labels.original is None:  # the labels came as a field of the cloud: there are class indices only
        return _described(labels.classes, "frame-labels", labels.pk, name=f"{name}.classes", title=title)
    return _described(labels.original, "frame-label-file", labels.pk, name=name, title=title)


def _described(file: StoredFile, route: str, number: int, *, name: str, title: str = "") -> dict[str, Any]:
    return {
        "name": name,
        "title": title or name,
        "url": reverse(route, args=[number, file.digest]),
        "size": byte_size(file.size),
        "digest": file.digest,
        "reference": reference(file),
    }
