"""Roles: the groups in the database are what scenes/roles.py says, and stay so."""

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.core.management import call_command

from scenes import services
from scenes.roles import CURATOR, LABELER, LOOKING, OPERATOR, ROLES, TRAINER, VIEWER

pytestmark = pytest.mark.django_db

APPS = ("scenes.", "datasets.", "experiments.", "registry.", "uncertainty.")


def groups() -> dict[str, set[str]]:
    """By name: "app.codename" of each permission."""
    rows = Permission.objects.filter(group__isnull=False).values_list(
        "group__name", "content_type__app_label", "codename"
    )
    found: dict[str, set[str]] = {group.name: set() for group in Group.objects.all()}
    for name, app, codename in rows:
        found[name].add(f"{app}.{codename}")
    return found


def test_the_migrations_leave_the_groups_as_the_matrix_says():
    assert groups() == {role: set(names) for role, names in ROLES.items()}


def test_every_permission_of_a_role_is_one_of_a_model_that_exists():
    known = set()
    for permission in Permission.objects.select_related("content_type"):
        model = permission.content_type.model_class()
        if model is None:
            continue
        own = {f"{verb}_{model._meta.model_name}" for verb in model._meta.default_permissions}
        if permission.codename in own | {codename for codename, _ in model._meta.permissions}:
            known.add(f"{permission.content_type.app_label}.{permission.codename}")
    assert set().union(*ROLES.values()) - known == set()


def test_a_sync_repairs_what_was_changed_by_hand_and_leaves_other_groups_alone(capsys):
    viewer, own = Group.objects.get(name=VIEWER), Group.objects.create(name="night shift")
    extra = Permission.objects.get(codename="delete_scene")
    viewer.permissions.set([extra])
    own.permissions.set([extra])
    Group.objects.get(name=OPERATOR).delete()
    call_command("sync_roles")
    assert "viewer, labeler, curator" in capsys.readouterr().out
    assert groups() == {role: set(names) for role, names in ROLES.items()} | {"night shift": {"scenes.delete_scene"}}


def test_a_second_sync_writes_nothing(django_assert_num_queries):
    before = groups()
    with django_assert_num_queries(2 + sum(map(len, ROLES.values())) + 2 * len(ROLES)) as queries:
        services.sync_roles()
    assert groups() == before
    assert [query["sql"] for query in queries if query["sql"].startswith(("INSERT", "UPDATE", "DELETE"))] == []


class TestWhatRolesMean:
    @pytest.fixture
    def person(self):
        def of(role: str) -> User:
            person = User.objects.create_user(role)
            person.groups.add(Group.objects.get(name=role))
            return person

        return of

    @pytest.mark.parametrize("role", [role for role in ROLES if role != TRAINER])
    def test_all_but_trainers_see_everything_a_viewer_sees(self, role):
        assert ROLES[role] >= LOOKING

    def test_a_viewer_changes_nothing(self):
        assert {name.split(".")[1].split("_")[0] for name in ROLES[VIEWER]} == {"view"}

    def test_a_trainer_reads_only_what_training_needs_and_writes_own_runs_and_comments(self):
        own = {"experiments.add_experiment", "experiments.add_run", "scenes.add_comment"}
        own |= {"uncertainty.add_evaluation", "datasets.add_datasetexport"}
        assert ROLES[TRAINER] - own < ROLES[VIEWER]

    def test_who_labels_does_not_review_by_role(self, person):
        labeler, curator = person(LABELER), person(CURATOR)
        assert labeler.has_perm("scenes.label_scene")
        assert not labeler.has_perm("scenes.review_scene")
        assert curator.has_perm("scenes.review_scene")

    def test_no_role_manages_people_or_sees_what_scripts_hold(self):
        for role, names in ROLES.items():
            assert not [name for name in names if not name.startswith(APPS)], role
        assert [role for role in ROLES if "scenes.view_apitoken" in ROLES[role]] == [OPERATOR]

    def test_a_disabled_person_may_nothing(self, person):
        curator = person(CURATOR)
        curator.is_active = False
        assert not curator.has_perm("scenes.view_scene")
