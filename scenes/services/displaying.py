"""What the display of a scene needs and is noted once."""

from scenes.field_scales import Scales, measured_scales
from scenes.models import Scene


def field_scales(*, scene: Scene) -> Scales:
    """By field of the points: the ends of its colour scale over the scene.

    Ingestion notes them. For a scene that came in before it did, they are measured when they are first asked for, but
    not of clouds too large to be read at once: reading those again notes theirs.
    """
    if scene.field_scales is None:
        scene.field_scales = measured_scales(scene, with_large=False)
        # A fact that follows from the files: it has no history, and whoever comes second finds the same.
        Scene.objects.filter(pk=scene.pk, field_scales__isnull=True).update(field_scales=scene.field_scales)
    return scene.field_scales
