"""What the explorer's map draws, for the same filters as the list beside it."""

from dataclasses import asdict
from typing import Any

from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, JsonResponse, QueryDict
from django.urls import reverse
from django.utils.cache import patch_cache_control
from django.views.decorators.http import require_safe

from lamm.addresses import without_blanks
from scenes.errors import RefusedError
from scenes.filters.fields import AreaField
from scenes.mapping import Area, SceneMap, scene_map
from scenes.models import PositionState

MAP_PARAMETERS = ("bounds", "zoom")
DEEPEST_ZOOM = 19
CELL_PIXELS, WORLD_PIXELS = 56, 256
WITHOUT_POSITION = [PositionState.MISSING, PositionState.UNUSABLE]


@require_safe
@permission_required("scenes.view_scene", raise_exception=True)
def explorer_map(request: HttpRequest) -> JsonResponse:
    """Scenes inside `bounds` (west,south,east,north; all when left out) as seen at a `zoom` of 0 to 19.

    `ways` hold latitude and longitude by turns. Raises RefusedError for bounds or a zoom that are none.
    """
    parameters = without_blanks(request.GET)
    view, zoom = _bounds(parameters), _zoom(parameters)
    for name in MAP_PARAMETERS:
        parameters.pop(name, None)
    found = scene_map(parameters, view=view, cell=CELL_PIXELS * 360 / (WORLD_PIXELS * 2**zoom))
    response = JsonResponse(_answer(found, parameters))
    patch_cache_control(response, private=True, no_store=True)
    return response


def _answer(found: SceneMap, parameters: QueryDict) -> dict[str, Any]:
    return {
        "located": str(found.located),
        "missing": str(found.missing) if found.missing.value else "",
        "missing_url": f"{reverse('explorer')}?{_without_position(parameters)}",
        "extent": found.extent,
        "scenes": [{**asdict(scene), "url": reverse("scene", args=[scene.id])} for scene in found.scenes],
        "clusters": [asdict(cluster) for cluster in found.clusters],
        "sampled": found.sampled,
    }


def _without_position(parameters: QueryDict) -> str:
    """The same question for the scenes that the map cannot show."""
    query = parameters.copy()
    for name in ("area", "page"):
        query.pop(name, None)
    query.setlist("position", WITHOUT_POSITION)
    query["panel"] = "map"
    return query.urlencode()


def _bounds(parameters: QueryDict) -> Area | None:
    return AreaField(required=False).clean(parameters.get("bounds", ""))


def _zoom(parameters: QueryDict) -> int:
    given = parameters.get("zoom", "0")
    if not (given.isascii() and given.isdigit() and int(given) <= DEEPEST_ZOOM):
        raise RefusedError(f"zoom: “{given[:20]}” is no number from 0 to {DEEPEST_ZOOM}.")
    return int(given)
