"""The bytes of overlays: one byte per displayed point, in display order, immutable under their address."""

from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe

from lamm.overlays import CLASSES, OverlaySource, overlay_source
from scenes import displaying
from scenes.errors import ConflictError, MissingError, NotAllowedError
from scenes.models import Frame, StoredFile
from scenes.views.answers import CHANGED, computed
from scenes.views.points import frame_with_files, scale_of


@require_safe
@permission_required("scenes.view_framelabels", raise_exception=True)
def frame_overlay(
    request: HttpRequest,
    frame_id: int,
    key: str,
    digest: str,
    scale: str,
    first: int | None = None,
    count: int | None = None,
) -> HttpResponseBase:
    """A class index per point, or an uncertainty as 0..254 between the ends in the address; 255 = none.

    404 says that a frame has no such overlay, 409 that the one it has does not fit its points.
    """
    frame = frame_with_files(frame_id, "scene")
    source = overlay_source(frame, key)
    if not request.user.has_perm(source.permission):
        raise NotAllowedError(f"Your account may not see {source.title}. Ask an administrator for the right role.")
    ends = None if source.kind == CLASSES else scale_of(scale)
    array = _array(frame, source)
    if displaying.ordered_digest(array, displaying.order_digest(frame)) != digest:
        raise MissingError("This overlay has other bytes by now.", remedy=CHANGED)

    def work() -> bytes:
        if source.computed is not None:
            values = source.computed(frame)
        else:
            values = displaying.stored_values(_file(array), encoding=source.encoding, points=frame.point_count)
        return displaying.overlay_bytes(displaying.in_display_order(frame, values, first, count), ends)

    return computed(request, f"{digest}-{scale}-{first}-{count}", work)


def _array(frame: Frame, source: OverlaySource) -> str:
    """The digest of the frame's array. Raises ConflictError when it does not fit, MissingError without one."""
    if frame.pk in source.problems:
        raise ConflictError(source.problems[frame.pk], remedy="Add labels or predictions made for the present file.")
    if frame.pk not in source.digests:
        raise MissingError(
            f"{source.title} has nothing for frame {frame.name}.",
            remedy="Label the frame, or choose a source that covers it.",
        )
    return source.digests[frame.pk]


def _file(digest: str) -> StoredFile:
    file = StoredFile.objects.filter(digest=digest).order_by("pk").first()
    if file is None:
        raise MissingError(
            f"The array sha256:{digest} is not stored.", remedy="Bring the labels or predictions in again."
        )
    return file
