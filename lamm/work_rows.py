"""Scenes in the labelling workflow as people work on them: what there is to say of each, and what may be done now."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Sum
from django.utils import timezone

from lamm.label_facts import ClassShare, class_shares
from scenes.models import LabelingStatus, LabelKind, LabelSet, Ontology, Priority, Scene, StatusChange
from scenes.services.workflow import CURATE, LABEL, REVIEW

CLASSES_SHOWN = 5
PEOPLE_SHOWN = 300
UNLABELED, IN_PROGRESS, IN_REVIEW, LABELED = LabelingStatus


@dataclass(frozen=True)
class WorkRow:
    """A scene for one person: its newest labels, its last step, the last time it was sent back, and what is next."""

    scene: Scene
    person: User
    label_set: LabelSet | None
    last: StatusChange | None
    sent_back: StatusChange | None

    @property
    def group(self) -> str:
        """The heading that the row stands under in the queue."""
        if self.scene.rework:
            return "Sent back"
        return "Not started" if self.scene.status == UNLABELED else str(self.scene.get_status_display())

    @property
    def mine(self) -> bool:
        return self.scene.labeler_id == self.person.pk

    @property
    def has_new_labels(self) -> bool:
        """Whether the labels got a version since the scene was taken or sent back."""
        return self.label_set is not None and self.label_set.created_at >= self.scene.status_since

    @property
    def shares(self) -> list[ClassShare]:
        return class_shares(self.label_set) if self.label_set else []

    @property
    def largest_shares(self) -> list[ClassShare]:
        return self.shares[:CLASSES_SHOWN]

    @property
    def other_classes(self) -> int:
        return max(0, len(self.shares) - CLASSES_SHOWN)

    @property
    def bars(self) -> list[tuple[ClassShare, str]]:
        """The classes with where each begins in one bar, in per cent."""
        begin, found = 0.0, []
        for share in self.shares:
            found.append((share, f"{100 * begin:.2f}%"))
            begin += share.share
        return found

    @property
    def may_take(self) -> bool:
        free = self.scene.status == UNLABELED and self.scene.labeler_id in (None, self.person.pk)
        return free and self.scene.frame_count > 0 and self.person.has_perm(LABEL)

    @property
    def may_label(self) -> bool:
        return self.scene.status == IN_PROGRESS and self.mine and self.person.has_perm(LABEL)

    @property
    def may_give_back(self) -> bool:
        mine = self.scene.status in (UNLABELED, IN_PROGRESS) and self.mine
        return mine and self.person.has_perm(LABEL)

    @property
    def own_labels(self) -> bool:
        """Whether this person labelled what waits for review, so that somebody else has to decide."""
        return self.mine or (self.label_set is not None and self.label_set.author_id == self.person.pk)

    @property
    def may_review(self) -> bool:
        return self.scene.status == IN_REVIEW and not self.own_labels and self.person.has_perm(REVIEW)

    @property
    def may_plan(self) -> bool:
        return self.scene.status in (UNLABELED, IN_PROGRESS) and self.person.has_perm(CURATE)

    @property
    def may_reopen(self) -> bool:
        return self.scene.status == LABELED and self.person.has_perm(CURATE)


def work_rows(scenes: Iterable[Scene], person: User) -> list[WorkRow]:
    """The rows of scenes, in five queries for any number of them."""
    scenes = list(scenes)
    keys = [scene.pk for scene in scenes]
    sets = (
        LabelSet.objects.filter(scene__in=keys)
        .order_by("scene_id", "-version")
        .distinct("scene_id")
        .select_related("ontology", "author")
        .prefetch_related("ontology__classes")
    )
    newest = {label_set.scene_id: label_set for label_set in sets}
    changes = StatusChange.objects.filter(scene__in=keys).select_related("actor")
    latest = changes.order_by("scene_id", "-at", "-id").distinct("scene_id")
    last = {change.scene_id: change for change in latest}
    returned = latest.filter(from_status=IN_REVIEW, to_status=IN_PROGRESS)
    back = {change.scene_id: change for change in returned}
    return [WorkRow(scene, person, newest.get(scene.pk), last.get(scene.pk), back.get(scene.pk)) for scene in scenes]


@dataclass(frozen=True)
class Stage:
    """A status of the workflow on the scene's page: how long it took so far, and its share of the whole."""

    value: str
    label: str
    seconds: float
    begin: float
    share: float
    current: bool

    @property
    def reached(self) -> bool:
        return self.current or self.seconds > 0

    @property
    def bar(self) -> dict[str, str]:
        return {"x": f"{100 * self.begin:.2f}%", "width": f"{100 * self.share:.2f}%"}


def stages(scene: Scene) -> list[Stage]:
    """The time in each status, from the record and the present one. The end does not count: it lasts for ever."""
    counted = scene.status_changes.order_by().values_list("from_status").annotate(Sum("seconds_in_previous"))
    spent: dict[str, float] = dict(counted)
    if scene.status != LABELED:
        since = (timezone.now() - scene.status_since).total_seconds()
        spent[scene.status] = spent.get(scene.status, 0.0) + max(0.0, since)
    spent.pop(LABELED, None)
    whole, begin, found = sum(spent.values()) or 1.0, 0.0, []
    for status in LabelingStatus:
        seconds = spent.get(status, 0.0)
        share = seconds / whole
        found.append(Stage(status.value, status.label, seconds, begin, share, status == scene.status))
        begin += share
    return found


def labelers() -> Any:
    """Everybody who may be given scenes to label, by name."""
    backend = "django.contrib.auth.backends.ModelBackend"
    return User.objects.with_perm(LABEL, backend=backend).order_by("username")


def workflow_facts(scene: Scene, person: User) -> dict[str, Any]:
    """What the panel on the scene's page shows and offers to this person."""
    (row,) = work_rows([scene], person)
    facts: dict[str, Any] = {"row": row, "stages": stages(scene), "priorities": Priority.choices}
    if row.may_plan:
        people = labelers().exclude(pk=scene.labeler_id).values_list("username", flat=True)[:PEOPLE_SHOWN]
        current = [scene.labeler.get_username()] if scene.labeler else []
        facts["labeler_names"] = sorted([*people, *current])
    if row.may_label:
        facts |= label_choices()
    return facts


def label_choices() -> dict[str, Any]:
    """What the form of new labels offers."""
    return {"ontologies": list(Ontology.objects.order_by("name")), "label_kinds": LabelKind.choices}
