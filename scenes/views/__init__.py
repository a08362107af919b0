"""The bytes behind scenes and frames: permission first, then an immutable answer under the content's hash."""

from scenes.views.exports import scene_export
from scenes.views.files import (
    frame_cloud,
    frame_display,
    frame_labels,
    scene_filmstrip,
    scene_label_thumbnail,
    scene_thumbnail,
)
from scenes.views.points import frame_field, frame_kept, frame_nodes, frame_octree, frame_order, frame_points

__all__ = [
    "frame_cloud",
    "frame_display",
    "frame_field",
    "frame_kept",
    "frame_labels",
    "frame_nodes",
    "frame_octree",
    "frame_order",
    "frame_points",
    "scene_export",
    "scene_filmstrip",
    "scene_label_thumbnail",
    "scene_thumbnail",
]
