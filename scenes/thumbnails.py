"""Pictures of scenes, made from their stored frames."""

import numpy as np

from scenes.clouds import filmstrip, thumbnail
from scenes.models import Frame, FrameState, Ontology, Scene
from scenes.selectors import labels_to_draw, thumbnail_frame

FEWEST_STRIP_FRAMES = 2
# A strip of larger clouds would take longer than it is worth.
MOST_STRIP_POINTS = 3_000_000


def render_thumbnail(scene: Scene) -> bytes | None:
    """A bird's-eye view of the frame that stands for the scene, as WebP; None when no frame is ready."""
    frame = thumbnail_frame(scene)
    if frame is None or frame.cloud is None:
        return None
    return thumbnail.render(frame.picture_points()[0])


def render_label_thumbnail(scene: Scene) -> bytes | None:
    """The bird's-eye view in class colours, from the newest label set; None without labels."""
    labels = labels_to_draw(scene)
    if labels is None:
        return None
    return draw_labels(labels.frame, labels.classes.read(), labels.label_set.ontology)


def draw_labels(frame: Frame, classes: bytes, ontology: Ontology) -> bytes:
    """The bird's-eye view of a frame whose points have these class indices (uint8 each), as WebP."""
    table, ignored = np.zeros((256, 3), np.uint8), np.ones(256, bool)
    for entry in ontology.classes.all():
        table[entry.index] = list(bytes.fromhex(entry.colour.removeprefix("#")))
        ignored[entry.index] = entry.ignored
    colours = thumbnail.ClassColours(table, ignored)
    positions, order = frame.picture_points()
    indices = np.frombuffer(classes, np.uint8)
    return thumbnail.render_classes(positions, indices if order is None else indices[order], colours)


def render_filmstrip(scene: Scene) -> bytes | None:
    """Small bird's-eye views of up to twelve frames side by side, as WebP.

    None for fewer than two ready frames, and for very large ones.
    """
    ready = scene.frames.filter(state=FrameState.READY).order_by("index")
    ids = list(ready.values_list("pk", flat=True))
    if len(ids) < FEWEST_STRIP_FRAMES:
        return None
    shown = list(ready.filter(pk__in=[ids[place] for place in filmstrip.chosen(len(ids))]).select_related("cloud"))
    if max(frame.point_count for frame in shown) > MOST_STRIP_POINTS:
        return None
    return filmstrip.render((frame.picture_points()[0] for frame in shown), count=len(shown))
