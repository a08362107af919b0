"""The colour scales of a scene's per-point fields: one for all its frames, so that they compare."""

from scenes.clouds import overlays
from scenes.clouds.cloud import CloudError
from scenes.displaying import scalar_field_names
from scenes.frame_reading import clouds_of, is_streamed
from scenes.models import Frame, FrameState, Scene

SAMPLED_FRAMES = 5
# Of a frame so many points at most, evenly over its file.
SAMPLED_POINTS = 200_000
Scales = dict[str, list[float]]


def measured_scales(scene: Scene, *, with_large: bool) -> Scales:
    """By field: the ends of its scale, from up to five ready frames evenly over the scene.

    Frames that can't be read are left out, and, unless `with_large`, those too large to be read at once.
    """
    frames = _sampled(scene)
    samples: dict[str, list] = {}
    for frame in frames:
        if with_large or not is_streamed(frame):
            _sample(frame, samples)
    scales = {name: overlays.field_scale(name, values) for name, values in samples.items()}
    return {name: list(ends) for name, ends in scales.items() if ends is not None}


def _sampled(scene: Scene) -> list[Frame]:
    ids = list(scene.frames.filter(state=FrameState.READY).order_by("index").values_list("pk", flat=True))
    places = {round(place * (len(ids) - 1) / max(1, SAMPLED_FRAMES - 1)) for place in range(SAMPLED_FRAMES)}
    chosen = [ids[place] for place in sorted(places)] if ids else []
    return list(Frame.objects.filter(pk__in=chosen).select_related("cloud").order_by("index"))


def _sample(frame: Frame, samples: dict[str, list]) -> None:
    """Add some values of each field of the frame."""
    names = scalar_field_names(frame)
    if not names:
        return
    step = max(1, frame.point_count // SAMPLED_POINTS)
    try:
        for cloud in clouds_of(frame):
            for name in names:
                samples.setdefault(name, []).append(cloud.field(name)[::step].copy())
    except (CloudError, OSError):
        return
