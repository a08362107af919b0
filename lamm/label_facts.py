"""What the scene page says of a scene's ground truth: its versions, and what the newest one holds."""

from dataclasses import dataclass
from typing import Any

from scenes.models import LabelSet, Scene, SemanticClass

SETS_SHOWN = 20


@dataclass(frozen=True)
class ClassShare:
    """A class in a label set: how many of the labelled points it has."""

    entry: SemanticClass
    points: int
    share: float

    @property
    def percent(self) -> str:
        """The length of its bar, as an attribute of SVG takes it."""
        return f"{100 * self.share:.2f}%"


def label_facts(scene: Scene) -> dict[str, Any]:
    """The newest label sets, and the classes that occur in the first of them, largest first. Two queries."""
    sets = list(scene.label_sets.select_related("ontology", "author").order_by("-version")[: SETS_SHOWN + 1])
    return {
        "label_sets": sets[:SETS_SHOWN],
        "label_sets_go_on": len(sets) > SETS_SHOWN,
        "label_set": sets[0] if sets else None,
        "class_shares": class_shares(sets[0]) if sets else [],
    }


def class_shares(label_set: LabelSet) -> list[ClassShare]:
    classes = {entry.index: entry for entry in label_set.ontology.classes.all()}
    total = label_set.point_count or 1
    shares = [
        ClassShare(classes[index], points, points / total)
        for index, points in enumerate(label_set.class_counts)
        if points and index in classes
    ]
    return sorted(shares, key=lambda share: -share.points)
