"""Pictures of scenes, made from their stored frames."""

from scenes.clouds import thumbnail
from scenes.clouds.cloud import DEFAULT_LIMITS
from scenes.clouds.formats import format_for
from scenes.models import Scene
from scenes.selectors import thumbnail_frame


def render_thumbnail(scene: Scene) -> bytes | None:
    """A bird's-eye view of the frame that stands for the scene, as WebP; None when no frame is ready."""
    frame = thumbnail_frame(scene)
    if frame is None or frame.cloud is None:
        return None
    data = frame.cloud.read()
    cloud = format_for(frame.name).read(data, name=frame.name, limits=DEFAULT_LIMITS)
    return thumbnail.render(cloud.positions())
