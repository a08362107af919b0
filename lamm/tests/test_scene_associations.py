"""What uses a scene, as its page lists it: dataset versions with the split, and training runs."""

import pytest
from django.contrib.auth.models import Permission, User

from experiments.tests.stories import a_run, a_version
from lamm.scene_associations import associations
from scenes.models import Scene

pytestmark = pytest.mark.django_db


@pytest.fixture
def scene() -> Scene:
    return Scene.objects.create(name="city")


@pytest.fixture
def owner() -> User:
    return User.objects.create_superuser("owner")


def test_a_scene_that_nothing_uses_has_no_associations(scene, owner):
    found = associations(scene, owner)
    assert (found.datasets, found.runs) == ([], [])


def test_versions_and_runs_that_hold_it_are_listed_with_its_split(scene, owner):
    a_version("Urban", train=[Scene.objects.create(name="other")], val=[scene])
    run = a_run(dataset="Urban@v1")
    found = associations(scene, owner)
    (dataset,) = found.datasets
    assert (dataset.title, dataset.words, dataset.split) == ("Urban@v1", "frozen", "val")
    (used,) = found.runs
    assert (used.title, used.split) == (str(run), "val")
    assert "validated with it" in used.words


def test_it_takes_the_same_queries_for_any_number(scene, owner, django_assert_max_num_queries):
    a_version("Urban", train=[scene])
    for name in ("one", "two"):
        a_version(name, state="draft", train=[scene])
        a_run(dataset="Urban@v1", by=owner)
    with django_assert_max_num_queries(4):
        found = associations(scene, owner)
    assert (len(found.datasets), len(found.runs)) == (3, 2)


def test_who_may_not_see_datasets_or_runs_is_told_of_none(scene):
    a_version("Urban", train=[scene])
    a_run(dataset="Urban@v1")
    person = User.objects.create_user("looks only")
    person.user_permissions.set(Permission.objects.filter(codename="view_scene"))
    found = associations(scene, User.objects.get(pk=person.pk))
    assert (found.datasets, found.runs) == ([], [])
