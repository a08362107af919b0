"""The training runs that used scenes, for lists that show scenes."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.urls import NoReverseMatch, reverse

from experiments.selectors import training_runs_of

SHOWN = 20


@dataclass(frozen=True)
class RunLink:
    """A run that used a scene: what it is called, and its page; empty as long as it has none."""

    name: str
    url: str


def training_runs(scene_ids: Iterable[int]) -> dict[int, list[RunLink]]:
    """By scene id: the runs that trained on it, the newest first; two queries for any number of scenes."""
    uses = training_runs_of(scene_ids, most=SHOWN)
    return {
        scene: [RunLink(str(use.run), run_page(use.run.pk)) for use in found if use.trained]
        for scene, found in uses.items()
    }


def run_page(run_id: int) -> str:
    """The address of a run's page; empty while the site has no such page."""
    try:
        return reverse("run", args=[run_id])
    except NoReverseMatch:
        return ""
