"""Whether a model's classes are those of a dataset: by ontology, else by the names of the classes."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from datasets.models import DatasetVersion
from scenes.models import Ontology, SemanticClass


@dataclass(frozen=True)
class Fit:
    """How an ontology fits a dataset version.

    Attributes:
        same: both use the same ontology.
        known: the dataset says which ontology it uses.
        missing: classes of the dataset that the model does not know by name.
        extra: classes of the model that the dataset does not have.
    """

    dataset_version: DatasetVersion
    same: bool
    known: bool
    missing: list[str]
    extra: list[str]

    @property
    def fits(self) -> bool:
        """Whether the model can be evaluated there at all: predictions and labels must share their ontology."""
        return self.same


def fits(ontology: Ontology, dataset_versions: Sequence[DatasetVersion]) -> list[Fit]:
    """One fit for each dataset version, in their order; one query."""
    wanted = {ontology.pk, *(one.ontology_id for one in dataset_versions if one.ontology_id)}
    rows = SemanticClass.objects.filter(ontology__in=wanted, ignored=False).order_by("index")
    names: dict[int, list[str]] = defaultdict(list)
    for ontology_id, name in rows.values_list("ontology_id", "name"):
        names[ontology_id].append(name)
    own = names[ontology.pk]
    found = []
    for version in dataset_versions:
        theirs = names[version.ontology_id] if version.ontology_id else []
        same = version.ontology_id == ontology.pk
        missing = [name for name in theirs if name not in own]
        extra = [name for name in own if name not in theirs] if version.ontology_id else []
        found.append(Fit(version, same, version.ontology_id is not None, missing, extra))
    return found
