"""A scene as the explorer draws it: with its ingest, its runs and where its uncertainty comes from."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django.urls import NoReverseMatch, reverse

from lamm.ingest_states import IngestNote, ingest_notes
from lamm.training_runs import RunLink, training_runs
from scenes.models import Scene


@dataclass(frozen=True)
class Row:
    """A scene with everything that a row or a card of the explorer says of it."""

    scene: Scene
    url: str
    ingest: IngestNote | None
    runs: list[RunLink]

    @property
    def source_is_evaluation(self) -> bool:
        """Whether the evaluation behind the uncertainty has a page."""
        return _evaluation_url(self.scene.uncertainty_evaluation) is not None

    @property
    def source_url(self) -> str:
        """The evaluation behind the uncertainty, else all scenes whose uncertainty comes from this model."""
        scenes = f"{reverse('explorer')}?{urlencode({'source_model': self.scene.uncertainty_source})}"
        return _evaluation_url(self.scene.uncertainty_evaluation) or scenes


def rows_of(scenes: Sequence[Scene]) -> list[Row]:
    """The rows of these scenes, in four or five queries for any number of them."""
    ids = [scene.pk for scene in scenes]
    notes, runs = ingest_notes(ids), training_runs(ids)
    return [
        Row(scene, reverse("scene", args=[scene.pk]), notes.get(scene.pk), runs.get(scene.pk, [])) for scene in scenes
    ]


def _evaluation_url(evaluation: int | None) -> str | None:
    if evaluation is None:
        return None
    try:
        return reverse("evaluation", args=[evaluation])
    except NoReverseMatch:
        return None
