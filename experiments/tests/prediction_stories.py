"""Stories of predictions: `predict(run, scene, truth_of(scene))` is a perfect run."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from django.contrib.auth.models import User

from experiments import services
from experiments.models import PredictionSet, Run
from experiments.prediction_arrays import ArrayKinds
from experiments.services import GivenPrediction
from scenes.models import FrameLabels, Ontology, Scene

PerFrame = Sequence[Any] | float | None


def truth_of(scene: Scene) -> list[np.ndarray]:
    """The class indices of the scene's newest labels, uint8 (points,) for each labelled frame in playing order."""
    newest = scene.label_sets.order_by("-version").first()
    rows = FrameLabels.objects.filter(label_set=newest).select_related("classes").order_by("frame__index")
    return [np.frombuffer(row.classes.read(), np.uint8).copy() for row in rows]


def wrong_by(truth: Sequence[np.ndarray], share: float, *, wrong: int = 1) -> list[np.ndarray]:
    """The same with the first `share` of each frame's points given the class index `wrong`."""
    return [np.where(np.arange(len(one)) < share * len(one), np.uint8(wrong), one) for one in truth]


def predict(
    run: Run,
    scene: Scene,
    classes: Sequence[Any],
    *,
    confidence: PerFrame = None,
    uncertainty: PerFrame = None,
    measure: str = "predictive_entropy",
    by: User | None = None,
    replace: bool = False,
    **kinds: str,
) -> PredictionSet:
    """Store what a run says of the scene's frames, in playing order; None leaves a frame out.

    `confidence` and `uncertainty` are an array for each frame or one number for all points (float32). The ontology is
    that of the scene's newest labels, else SemanticKITTI.
    """
    by = by or run.started_by
    newest = scene.label_sets.order_by("-version").first()
    ontology = newest.ontology if newest else Ontology.objects.get(name="SemanticKITTI")
    said = {"measure": measure} if uncertainty is not None else {}
    predictions = services.declare_predictions(run=run, ontology=ontology, by=by, **said)
    frames = scene.frames.order_by("index")
    batch = [
        GivenPrediction(frame.pk, found, _of(confidence, place, found), _of(uncertainty, place, found))
        for place, (frame, found) in enumerate(zip(frames, classes, strict=False))
        if found is not None
    ]
    services.record_predictions(run=run, batch=batch, by=by, replace=replace, kinds=ArrayKinds(**kinds))
    return PredictionSet.objects.get(pk=predictions.pk)


def _of(numbers: PerFrame, place: int, classes: Any) -> Any:
    if isinstance(numbers, float | int):
        return np.full(len(classes), numbers, np.float32)
    return None if numbers is None else numbers[place]
