"""What the viewer plays: all frames of a scene in columns, what can be drawn over them, and where their bytes are.

One answer of a constant number of queries. Addresses are templates that the browser fills, so that 20,000 frames with
several overlays stay a few megabytes.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

import msgspec
from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_safe

from lamm.overlays import OverlaySource, Person, ScoreSeries, overlay_sources, score_series, without_nan
from scenes.clouds import overlays
from scenes.clouds.beside import NS_PER_SECOND
from scenes.displaying import ordered_digest
from scenes.models import FrameState, Scene
from scenes.services import field_scales

PENDING = "Not read yet: wait for its ingest job, or retry the job."
NOT_BUILT = "Its display files are missing: build them again."
# What stands in an address for a number or a digest, until the browser fills it.
STAND_INS: dict[str, Any] = {
    "frame_id": 900_000_000_000_001,
    "first": 900_000_000_000_002,
    "count": 900_000_000_000_003,
    "offset": 900_000_000_000_004,
    "length": 900_000_000_000_005,
    "digest": "digest-to-fill",
}
WRITTEN = {"frame_id": "frame"}
SLICE = ("first", "count")
ROUTES = {
    "frame-display": ("frame_id", "digest"),
    "frame-kept": ("frame_id", "digest"),
    "frame-octree": ("frame_id", "digest"),
    "frame-nodes": ("frame_id", "digest", "offset", "length"),
    "frame-order": ("frame_id", "digest", *SLICE),
    "frame-field": ("frame_id", "digest", "scale", "name"),
    "frame-field-slice": ("frame_id", "digest", "scale", "name", *SLICE),
    "frame-overlay": ("frame_id", "key", "digest", "scale"),
    "frame-overlay-slice": ("frame_id", "key", "digest", "scale", *SLICE),
}


@dataclass(frozen=True)
class PlayedFrames:
    """The frames of a scene by playing position, a list for each column.

    `shown` counts the points with a finite position. Digests are those of stored files.
    """

    id: Sequence[int] = ()
    name: Sequence[str] = ()
    timestamp_ns: Sequence[int | None] = ()
    state: Sequence[str] = ()
    problem: Sequence[str] = ()
    points: Sequence[int] = ()
    shown: Sequence[int] = ()
    range_max: Sequence[float | None] = ()
    cloud: Sequence[str | None] = ()
    display: Sequence[str | None] = ()
    octree_index: Sequence[str | None] = ()
    octree_order: Sequence[str | None] = ()

    @cached_property
    def order(self) -> list[str | None]:
        """The digest of what each frame's display order follows from; None where nothing is drawn."""
        columns = zip(self.state, self.display, self.octree_order, strict=True)
        return [(octree or display) if state == FrameState.READY else None for state, display, octree in columns]

    @cached_property
    def drawn(self) -> list[bool]:
        return [order is not None for order in self.order]


COLUMNS = (
    "id", "name", "timestamp_ns", "state", "problem", "point_count", "finite_count", "range_max", "cloud__digest",
    "display__digest", "octree_index__digest", "octree_order__digest",
)  # fmt: skip


@require_safe
@permission_required("scenes.view_scene", raise_exception=True)
def scene_playback(request: HttpRequest, scene_id: int) -> HttpResponseBase:
    """The playback as JSON. Its ETag is the hash of all it says; who has it already gets 304."""
    scene = get_object_or_404(Scene, pk=scene_id)
    also = request.GET.getlist("also")
    body = msgspec.json.encode(playback_document(scene, cast(User, request.user), also=also))
    etag = f'"{hashlib.blake2b(body, digest_size=16).hexdigest()}"'
    response = HttpResponse(body, content_type="application/json")
    response["ETag"] = etag
    response["Cache-Control"] = "private, no-cache"
    return get_conditional_response(request, etag=etag, response=response) or response


def playback_document(scene: Scene, person: Person, *, also: Sequence[str] = ()) -> dict[str, Any]:
    """What docs/api.md describes. Overlays and scores that the person may not see are left out."""
    rows = list(scene.frames.order_by("index").values_list(*COLUMNS))
    frames = PlayedFrames(*zip(*rows, strict=True))
    offer = overlay_sources(scene, person, also=also)
    scores, score_troubles = score_series(scene, frames.id, person)
    return {
        "scene": scene.pk,
        "name": scene.name,
        "frames": _columns(frames),
        "problems": _problems(frames),
        "octrees": _octrees(frames),
        "fields": _fields(field_scales(scene=scene)),
        "bounds": [scene.lower_bound, scene.upper_bound] if scene.lower_bound and scene.upper_bound else None,
        "rangeMax": max((longest for longest in frames.range_max if longest is not None), default=None),
        "intensityRule": scene.intensity_rule or 0,
        "sources": [_source(source, frames) for source in offer.sources],
        "scores": [_scores(series) for series in scores],
        "troubles": [*offer.troubles, *score_troubles],
        "leftOut": offer.left_out,
    }


def _columns(frames: PlayedFrames) -> dict[str, Sequence[Any]]:
    chunk = [drawn and index is None for drawn, index in zip(frames.drawn, frames.octree_index, strict=True)]
    whole = [shown == points for shown, points in zip(frames.shown, frames.points, strict=True)]
    orders = zip(frames.cloud, frames.order, strict=True)
    return {
        "id": frames.id,
        "name": frames.name,
        "seconds": _seconds(frames.timestamp_ns),
        "state": frames.state,
        "points": frames.points,
        "shown": frames.shown,
        "display": _filled("frame-display", frames.id, frames.display, chunk),
        "leftOut": _filled(
            "frame-kept",
            frames.id,
            frames.cloud,
            [one and not all_shown for one, all_shown in zip(chunk, whole, strict=True)],
        ),
        "digest": [order and ordered_digest(cloud or "", order) for cloud, order in orders],
    }


def _seconds(times_ns: Sequence[int | None]) -> list[float | None]:
    """Seconds from the first known time."""
    start = next((time for time in times_ns if time is not None), 0)
    return [None if time is None else (time - start) / NS_PER_SECOND for time in times_ns]


def _filled(route: str, ids: Sequence[int], digests: Sequence[str | None], wanted: Sequence[bool]) -> list[str | None]:
    """The address of a file of each wanted frame. Filled into one template: tens of thousands take milliseconds."""
    before, between, after = re.split(r"\{frame\}|\{digest\}", template(route))
    columns = zip(ids, digests, wanted, strict=True)
    return [f"{before}{frame}{between}{digest}{after}" if given else None for frame, digest, given in columns]


def _problems(frames: PlayedFrames) -> dict[str, str]:
    """By position: why a frame is not drawn."""
    return {
        str(place): _problem(frames.state[place], frames.problem[place])
        for place, drawn in enumerate(frames.drawn)
        if not drawn
    }


def _problem(state: str, problem: str) -> str:
    if state == FrameState.QUARANTINED:
        return problem
    return PENDING if state == FrameState.PENDING else NOT_BUILT


def _octrees(frames: PlayedFrames) -> dict[str, dict[str, str]]:
    """By position: the addresses of a big frame's index, nodes and order."""
    drawn = frames.drawn
    return {
        str(place): {
            "index": template("frame-octree", frame_id=frames.id[place], digest=index),
            "nodes": template("frame-nodes", frame_id=frames.id[place], digest=frames.display[place]),
            "order": template("frame-order", frame_id=frames.id[place], digest=frames.octree_order[place]),
        }
        for place, index in enumerate(frames.octree_index)
        if drawn[place] and index is not None
    }


def _fields(scales: Mapping[str, Sequence[float]]) -> dict[str, dict[str, Any]]:
    """The fields that can colour points, each with a colour scale that is the same for all frames."""
    found = {}
    for name, (low, high) in scales.items():
        given = {"scale": f"{low!r}..{high!r}", "name": name}
        found[name] = {
            "low": low,
            "high": high,
            "relative": overlays.is_relative(name),
            "template": template("frame-field", **given),
            "slices": template("frame-field-slice", **given),
        }
    return found


def _source(source: OverlaySource, frames: PlayedFrames) -> dict[str, Any]:
    given = {"key": source.key, "scale": "..".join(map(repr, source.scale)) if source.scale else source.kind}
    stored = zip(map(source.digests.get, frames.id), frames.order, strict=True)
    return {
        "key": source.key,
        "kind": source.kind,
        "role": source.role,
        "title": source.title,
        "ontology": source.ontology,
        "low": source.low,
        "high": source.high,
        "unit": source.unit,
        "url": template("frame-overlay", **given),
        "slices": template("frame-overlay-slice", **given),
        "digests": [ordered_digest(digest, order) if digest and order else None for digest, order in stored],
        "missing": source.missing,
        "counts": _by_position(source.counts, frames),
        "problems": _by_position(source.problems, frames),
    }


def _by_position(known: Mapping[int, Any], frames: PlayedFrames) -> dict[str, Any]:
    """What is known by frame id, by playing position."""
    return {str(place): known[frame] for place, frame in enumerate(frames.id) if frame in known} if known else {}


def _scores(series: ScoreSeries) -> dict[str, Any]:
    return {
        "key": series.key,
        "title": series.title,
        "measure": series.measure,
        "unit": series.unit,
        "low": series.low,
        "high": series.high,
        "values": without_nan(series.values),
        "iou": None if series.iou is None else without_nan(series.iou),
        "overlay": series.overlay,
    }


def template(route: str, **given: Any) -> str:
    """The address of a route with {frame}, {digest}, {first} and so on in place of what is not `given`."""
    filled = {name: given.get(name, STAND_INS.get(name)) for name in ROUTES[route]}
    address = reverse(route, kwargs=filled)
    for name, stand_in in STAND_INS.items():
        if name not in given:
            address = address.replace(str(stand_in), "{" + WRITTEN.get(name, name) + "}")
    return address
