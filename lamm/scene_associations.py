"""What uses a scene: the dataset versions that hold it, and the runs that trained or validated with it."""

from dataclasses import dataclass

from django.urls import reverse

from datasets.selectors import Membership, memberships
from experiments.selectors import TrainingUse, training_runs_of
from lamm.overlays import Person
from lamm.training_runs import run_page
from scenes.models import Scene

DATASETS, RUNS = "datasets.view_dataset", "experiments.view_run"


@dataclass(frozen=True)
class Association:
    """A dataset version or a run as the scene's page lists it. `url` is empty while it has no page."""

    title: str
    words: str
    split: str
    url: str


@dataclass(frozen=True)
class Associations:
    """What uses a scene, the newest first, at most a hundred of each."""

    datasets: list[Association]
    runs: list[Association]


def associations(scene: Scene, person: Person) -> Associations:
    """In a constant number of queries; what the person may not see is left out."""
    held = memberships(scene) if person.has_perm(DATASETS) else []
    used = training_runs_of([scene.pk])[scene.pk] if person.has_perm(RUNS) else []
    return Associations([_dataset(one) for one in held], [_run(one) for one in used])


def _dataset(membership: Membership) -> Association:
    url = reverse("dataset", args=[membership.dataset, membership.number])
    return Association(str(membership), membership.state, membership.split, url)


def _run(use: TrainingUse) -> Association:
    did = [word for word, true in (("trained on it", use.trained), ("validated with it", use.validated)) if true]
    words = ", ".join([use.run.status, " and ".join(did) or "did not train on this split"])
    return Association(str(use.run), words, use.split, run_page(use.run.pk))
