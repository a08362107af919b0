"""Per-point bytes of a frame: octree nodes, original indices and fields, each under an address of its own.

Slices are addresses, too, so that every answer is immutable and caches need no ranges.
"""

from collections.abc import Callable

import numpy as np
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from scenes import displaying, point_files
from scenes.clouds import overlays
from scenes.errors import MissingError, RefusedError
from scenes.models import Frame
from scenes.views.answers import CHANGED, computed, current, stored, written

FILES = ("cloud", "display", "octree_index", "octree_order")


def frame_with_files(frame_id: int, *others: str) -> Frame:
    return get_object_or_404(Frame.objects.select_related(*FILES, *others), pk=frame_id)


@require_safe
@permission_required("scenes.view_frame", raise_exception=True)
def frame_octree(request: HttpRequest, frame_id: int, digest: str) -> HttpResponseBase:
    """The index of a big frame's octree (scenes/clouds/octree_index.py)."""
    return stored(request, frame_with_files(frame_id).octree_index, digest)


@require_safe
@permission_required("scenes.view_frame", raise_exception=True)
def frame_nodes(request: HttpRequest, frame_id: int, digest: str, offset: int, length: int) -> HttpResponseBase:
    """Whole nodes of the octree's data file, or a first request's prefix of it; offset and length in bytes."""
    frame = frame_with_files(frame_id)
    current(frame.display, digest)
    return computed(request, f"{digest}-{offset}-{length}", lambda: displaying.node_bytes(frame, offset, length))


@require_safe
@permission_required("scenes.view_frame", raise_exception=True)
def frame_order(request: HttpRequest, frame_id: int, digest: str, first: int, count: int) -> HttpResponseBase:
    """Index in the original file of `count` points of the octree's data file from number `first`: uint32 each."""
    frame = frame_with_files(frame_id)
    current(frame.octree_order, digest)
    return computed(request, f"{digest}-{first}-{count}", lambda: displaying.order_bytes(frame, first, count))


@require_safe
@permission_required("scenes.view_frame", raise_exception=True)
def frame_kept(request: HttpRequest, frame_id: int, digest: str) -> HttpResponseBase:
    """Index in the original file of each point with a finite position, uint32, where some have none."""
    frame = frame_with_files(frame_id)
    current(frame.cloud, digest)
    return computed(request, f"{digest}-kept", _kept(frame))


def _kept(frame: Frame) -> Callable[[], bytes]:
    def work() -> bytes:
        kept = displaying.kept_indices(frame)
        return (np.arange(frame.point_count) if kept is None else kept).astype("<u4").tobytes()

    return work


@require_safe
@permission_required("scenes.view_frame", raise_exception=True)
def frame_points(request: HttpRequest, frame_id: int, digest: str) -> HttpResponseBase:
    """All points of the original with this digest, decoded: a structured .npy array with every field."""
    frame = frame_with_files(frame_id)
    current(frame.cloud, digest)
    return written(
        request, f"{digest}-npy", lambda: point_files.points_file(displaying.displayed(frame)), f"{frame.name}.npy"
    )


@require_safe
@permission_required("scenes.view_frame", raise_exception=True)
def frame_field(
    request: HttpRequest,
    frame_id: int,
    digest: str,
    scale: str,
    name: str,
    first: int | None = None,
    count: int | None = None,
) -> HttpResponseBase:
    """A field of the cloud as uint16 between the ends in the address, in display order; 65535 = no value."""
    frame = frame_with_files(frame_id)
    order = displaying.order_digest(frame)
    if frame.cloud is None or displaying.ordered_digest(frame.cloud.digest, order) != digest:
        raise MissingError("This frame has other bytes by now.", remedy=CHANGED)
    ends = scale_of(scale)

    def work() -> bytes:
        values = displaying.in_display_order(frame, displaying.field_values(frame, name), first, count)
        return overlays.quantise_field(values, *ends).tobytes()

    return computed(request, f"{digest}-{scale}-{name.encode().hex()}-{first}-{count}", work)


def scale_of(written: str) -> tuple[float, float]:
    """The ends of a colour scale as addresses hold them, "low..high". Raises RefusedError for anything else."""
    low, _, high = written.partition("..")
    try:
        ends = float(low), float(high)
    except ValueError:
        ends = 0.0, 0.0
    if not (np.isfinite(ends).all() and ends[0] < ends[1]):
        raise RefusedError(
            f"“{written[:60]}” is no colour scale.", remedy="Take the address from the scene's playback."
        )
    return ends
