"""The admin's list of scenes takes the explorer's parameters, and finds what the explorer finds."""

import re

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from scenes.models import Scene
from scenes.services.uncertainty import SceneUncertainty, record_uncertainty

pytestmark = pytest.mark.django_db
LIST = reverse("admin:scenes_scene_changelist")


@pytest.fixture
def curator(client):
    client.force_login(User.objects.create_superuser("carla"))
    return client


@pytest.fixture
def scenes(db):
    for name, tags in (("a-01", ("rain",)), ("b-01", ("rain", "night")), ("c-01", ())):
        Scene.objects.create(name=name).tags.add(*tags)
    told = {"source": "ensemble", "measure": "mutual information"}
    numbers = dict(Scene.objects.values_list("name", "pk"))
    record_uncertainty(
        scores=[
            SceneUncertainty(numbers["a-01"], highest=0.9, mean=0.1, **told),
            SceneUncertainty(numbers["b-01"], highest=0.2, mean=0.1, **told),
        ]
    )


def names(client, query: str) -> list[str]:
    answer = client.get(LIST + query)
    assert answer.status_code == 200, answer
    return sorted(scene.name for scene in answer.context["cl"].result_list)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["a-01", "b-01", "c-01"]),
        ("?tag=rain", ["a-01", "b-01"]),
        ("?tag=rain&tag=night", ["b-01"]),
        ("?tag_none=night&max_uncertainty_min=0.5", ["a-01"]),
        ('?rules={"any":[{"column":"max_uncertainty","empty":true},{"column":"tag","is":"night"}]}', ["b-01", "c-01"]),
        ("?tag=rain&q=b-", ["b-01"]),
        ("?tag=rain&status__exact=labeled", []),
    ],
)
def test_it_finds_what_the_explorer_finds(curator, scenes, query, found):
    assert names(curator, query) == found


def test_a_refused_value_finds_nothing_and_is_told(curator, scenes):
    answer = curator.get(f"{LIST}?tag=snow")
    assert list(answer.context["cl"].result_list) == []
    assert "snow" in next(str(message) for message in answer.context["messages"])


def test_what_is_asked_can_be_taken_away_and_carried_to_the_explorer(curator, scenes):
    page = curator.get(f"{LIST}?tag=rain&status__exact=unlabeled").content.decode()
    assert f'{reverse("explorer")}?tag=rain"' in page
    links = re.findall(r'href="(\?[^"]*)"', page)
    assert "?status__exact=unlabeled" in links
