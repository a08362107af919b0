"""People and scenes for tests of the labelling workflow."""

from typing import Any

from django.contrib.auth.models import Permission, User

from scenes import services
from scenes.models import LabelingStatus, LabelKind, LabelSet, Ontology, Scene

ROLES = {
    "labeler": ["view_scene", "view_labelset", "label_scene"],
    "reviewer": ["view_scene", "view_labelset", "review_scene"],
    "curator": ["view_scene", "view_labelset", "change_scene", "review_scene", "label_scene"],
}


def a_person(name: str, *roles: str) -> User:
    """An account with the rights of the roles: labeler, reviewer, curator."""
    person = User.objects.create_user(name)
    for role in roles:
        rights = Permission.objects.filter(content_type__app_label="scenes", codename__in=ROLES[role])
        person.user_permissions.add(*rights)
    return User.objects.get(pk=person.pk)


def a_plain_scene(name: str = "city", **facts) -> Scene:
    """A scene with a frame in its count and no files behind it."""
    return Scene.objects.create(name=name, **({"frame_count": 1} | facts))


def worked(status: str, *, labeler: User | None = None) -> dict[str, Any]:
    """What a scene in this status says of people and lock, to make one without going through the workflow."""
    facts: dict[str, Any] = {"status": status, "labeler": labeler}
    if status != LabelingStatus.UNLABELED:
        facts["labeler"] = labeler or User.objects.get_or_create(username="some-labeler")[0]
    if status == LabelingStatus.LABELED:
        facts |= {"reviewer": User.objects.get_or_create(username="some-reviewer")[0], "locked": True}
    return facts


def new_labels(scene: Scene, *, by: User | None = None) -> LabelSet:
    """A next version of labels without files."""
    newest = scene.label_sets.order_by("-version").first()
    ontology, _ = Ontology.objects.get_or_create(name="two classes")
    return LabelSet.objects.create(
        scene=scene,
        version=newest.version + 1 if newest else 1,
        ontology=ontology,
        kind=LabelKind.NPY,
        author=by,
        frame_count=1,
        class_counts=[3, 1],
    )


def in_review(scene: Scene, labeler: User) -> Scene:
    """The scene taken, labelled and submitted by this labeler."""
    services.take(scene=scene, by=labeler)
    new_labels(scene, by=labeler)
    return services.submit(scene=scene, by=labeler)
