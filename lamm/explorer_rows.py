"""A scene as the explorer draws it: with its ingest, its runs and where its uncertainty comes from."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django.urls import reverse

from lamm.ingest_states import IngestNote, ingest_notes
from lamm.training_runs import RunLink, training_runs
from scenes.models import Scene
from uncertainty.selectors import SceneRank, ranks_of


@dataclass(frozen=True)
class Row:
    """A scene with everything that a row or a card of the explorer says of it."""

    scene: Scene
    url: str
    ingest: IngestNote | None
    runs: list[RunLink]
    standing: SceneRank | None = None

    @property
    def source_is_evaluation(self) -> bool:
        """Whether the evaluation behind the uncertainty is known."""
        return self.scene.uncertainty_evaluation is not None

    @property
    def source_url(self) -> str:
        """The evaluation behind the uncertainty, else all scenes whose uncertainty comes from this model."""
        if self.scene.uncertainty_evaluation is not None:
            return reverse("evaluation", args=[self.scene.uncertainty_evaluation])
        return f"{reverse('explorer')}?{urlencode({'source_model': self.scene.uncertainty_source})}"


def rows_of(scenes: Sequence[Scene]) -> list[Row]:
    """The rows of these scenes, in five or six queries for any number of them."""
    ids = [scene.pk for scene in scenes]
    notes, runs = ingest_notes(ids), training_runs(ids)
    ranks = ranks_of({scene.pk: scene.uncertainty_evaluation for scene in scenes if scene.uncertainty_evaluation})
    return [
        Row(
            scene,
            reverse("scene", args=[scene.pk]),
            notes.get(scene.pk),
            runs.get(scene.pk, []),
            ranks.get(scene.pk),
        )
        for scene in scenes
    ]
