"""The stored bytes behind scenes and frames, whole: permission first, then the file under its hash."""

from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from scenes.models import Frame, FrameLabels, Scene
from scenes.views.answers import stored


@require_safe
@permission_required("scenes.view_scene", raise_exception=True)
def scene_thumbnail(request: HttpRequest, scene_id: int, digest: str) -> HttpResponseBase:
    scene = get_object_or_404(Scene.objects.select_related("thumbnail"), pk=scene_id)
    return stored(request, scene.thumbnail, digest, "image/webp")


@require_safe
@permission_required("scenes.view_scene", raise_exception=True)
def scene_label_thumbnail(request: HttpRequest, scene_id: int, digest: str) -> HttpResponseBase:
    scene = get_object_or_404(Scene.objects.select_related("label_thumbnail"), pk=scene_id)
    return stored(request, scene.label_thumbnail, digest, "image/webp")


@require_safe
@permission_required("scenes.view_scene", raise_exception=True)
def scene_filmstrip(request: HttpRequest, scene_id: int, digest: str) -> HttpResponseBase:
    """Small pictures of evenly spaced frames, 320 x 200 pixels each, side by side."""
    scene = get_object_or_404(Scene.objects.select_related("filmstrip"), pk=scene_id)
    return stored(request, scene.filmstrip, digest, "image/webp")


@require_safe
@permission_required("scenes.view_framelabels", raise_exception=True)
def frame_labels(request: HttpRequest, labels_id: int, digest: str) -> HttpResponseBase:
    """One class index per point, uint8, in the order of the frame's original file."""
    labels = get_object_or_404(FrameLabels.objects.select_related("classes"), pk=labels_id)
    return stored(request, labels.classes, digest)


@require_safe
@permission_required("scenes.view_frame", raise_exception=True)
def frame_cloud(request: HttpRequest, frame_id: int, digest: str) -> HttpResponseBase:
    """The original file of a frame, byte for byte as it came in."""
    frame = get_object_or_404(Frame.objects.select_related("cloud"), pk=frame_id)
    return stored(request, frame.cloud, digest, filename=frame.name)


@require_safe
@permission_required("scenes.view_frame", raise_exception=True)
def frame_display(request: HttpRequest, frame_id: int, digest: str) -> HttpResponseBase:
    """The display chunk of a frame (DESIGN.md, section 4)."""
    frame = get_object_or_404(Frame.objects.select_related("display"), pk=frame_id)
    return stored(request, frame.display, digest)
