"""Predictions, uncertainties and scores for tests: providers over really stored arrays.

settings.OVERLAY_PROVIDERS = [*settings.OVERLAY_PROVIDERS, "lamm.tests.overlay_stories.model_sources"]
settings.SCORE_PROVIDERS = ["lamm.tests.overlay_stories.scores"]
predict(scene, wrong=0.2)
"""

from collections.abc import Sequence

import numpy as np

from lamm.overlays import CLASSES, PREDICTION, UNCERTAINTY, OverlaySource, ScoreSeries, ontology_facts
from scenes.models import FrameLabels, Scene, StoredFile
from scenes.storage import save_bytes

PREDICTED: dict[int, dict[int, str]] = {}
UNSURE: dict[int, dict[int, str]] = {}
SCORED: dict[int, list[ScoreSeries]] = {}


def stored(array: np.ndarray) -> str:
    file = StoredFile.objects.row_for(save_bytes(array.tobytes(), storage="derived"))
    return file.digest


def predict(scene: Scene, *, wrong: float = 0.25, without: Sequence[int] = ()) -> None:
    """A model's classes: the ground truth with the first share of each frame's points given another class of it.

    Uncertainty is 0.9 where it is wrong, 0.1 elsewhere (float32). Frames at the positions `without` have neither.
    """
    PREDICTED[scene.pk], UNSURE[scene.pk] = {}, {}
    rows = (
        FrameLabels.objects.filter(label_set=scene.label_sets.get()).select_related("classes").order_by("frame__index")
    )
    for place, labels in enumerate(rows):
        if place in without:
            continue
        classes = np.frombuffer(labels.classes.read(), np.uint8).copy()
        many = int(wrong * len(classes))
        kinds = np.unique(classes)
        classes[:many] = np.where(classes[:many] == kinds[0], kinds[-1], kinds[0])
        unsure = np.where(np.arange(len(classes)) < many, 0.9, 0.1).astype("<f4")
        PREDICTED[scene.pk][labels.frame_id] = stored(classes)
        UNSURE[scene.pk][labels.frame_id] = stored(unsure)


def score(scene: Scene, *series: ScoreSeries) -> None:
    SCORED[scene.pk] = list(series)


def a_series(values: Sequence[float | None], **facts) -> ScoreSeries:
    known = {"key": "ensemble", "title": "Ensemble", "measure": "mutual information", "unit": "nats"}
    return ScoreSeries(**{**known, "low": 0.0, "high": 1.0, "values": list(values), **facts})


def model_sources(scene: Scene, *, key: str = "", frame: int | None = None) -> list[OverlaySource]:
    if scene.pk not in PREDICTED:
        return []
    ontology = ontology_facts(scene.label_sets.get().ontology)
    return [
        OverlaySource(
            "predictions:run-7", CLASSES, PREDICTION, "run-7", ontology=ontology, digests=PREDICTED[scene.pk]
        ),
        OverlaySource(
            "uncertainty:run-7", UNCERTAINTY, UNCERTAINTY, "run-7, entropy", low=0.0, high=1.0, unit="nats",
            digests=UNSURE[scene.pk], encoding="float32",
        ),
    ]  # fmt: skip


def scores(scene: Scene, frames: Sequence[int]) -> list[ScoreSeries]:
    return SCORED.get(scene.pk, [])
