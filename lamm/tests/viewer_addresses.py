"""The addresses of per-point bytes, as the playback of a viewed scene tells them."""

from functools import cache

from django.contrib.auth.models import User

from lamm.playback import playback_document
from scenes.models import Scene
from scenes.tests.viewed import PLAIN, STRAY


@cache
def viewer_addresses(scene_id: int) -> dict[str, str]:
    """By the part of the pattern in lamm/urls.py: an address of the scene of `a_viewed_scene` that has bytes."""
    scene = Scene.objects.get(pk=scene_id)
    told = playback_document(scene, User.objects.filter(is_superuser=True).first())
    frames, octree = told["frames"], told["octrees"][str(STRAY)]
    data = scene.frames.get(pk=frames["id"][STRAY]).display.size
    part = {"{first}": "0", "{count}": "5", "{offset}": "0", "{length}": str(data)}
    of_frame = {"{frame}": str(frames["id"][PLAIN]), "{digest}": frames["digest"][PLAIN]}
    of_labels = of_frame | {"{digest}": told["sources"][0]["digests"][PLAIN]}
    ring, labels = told["fields"]["ring"], told["sources"][0]
    kept = frames["leftOut"][PLAIN + 1]
    known = {
        "octree": octree["index"],
        "nodes": octree["nodes"],
        "order": octree["order"],
        "kept": kept,
        "fields": _filled(ring["template"], of_frame),
        "fields slice": _filled(ring["slices"], of_frame),
        "overlays": _filled(labels["url"], of_labels),
        "overlays slice": _filled(labels["slices"], of_labels),
    }
    return {name: _filled(address, part) for name, address in known.items()}


def _filled(template: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        template = template.replace(name, value)
    return template


def viewer_address(pattern: str) -> str | None:
    """The address for a pattern of the table of contents; None when it is none of these."""
    part = pattern.removeprefix("files/frames/<int:frame_id>/").partition("/")[0]
    sliced = part in ("fields", "overlays") and "<int:count>" in pattern
    scene = Scene.objects.only("pk").get(name="viewed")
    return viewer_addresses(scene.pk).get(f"{part} slice" if sliced else part)
