"""The stored arrays of predictions, byte for byte, to download."""

from django.contrib.auth.decorators import permission_required
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from experiments.models import FramePrediction
from scenes.views.answers import stored

ENDINGS = {"classes": "classes.u8", "confidence": "confidence.npy", "uncertainty": "uncertainty.npy"}


@require_safe
@permission_required("experiments.view_run", raise_exception=True)
def prediction_file(request: HttpRequest, prediction_id: int, part: str, digest: str) -> HttpResponseBase:
    """Classes (uint8, no header), confidence or uncertainty (.npy) of a frame; immutable under its digest."""
    if part not in ENDINGS:
        raise Http404
    rows = FramePrediction.objects.select_related("prediction_set", "frame", part)
    row = get_object_or_404(rows, pk=prediction_id)
    name = f"{row.frame.name.partition('.')[0]}-run-{row.prediction_set.run_id}-{ENDINGS[part]}"
    return stored(request, getattr(row, part), digest, filename=name)
