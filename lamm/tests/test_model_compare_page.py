"""Versions side by side."""

from html import unescape

import pytest

from registry import services
from registry.tests.stories import MODEL, a_trained_run, a_version, a_world

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(client):
    found = a_world()
    client.force_login(found.engineer)
    return found


def page(client, *versions) -> str:
    query = "&".join(f"version={version.pk}" for version in versions)
    answer = client.get(f"/models/compare/?{query}")
    assert answer.status_code == 200
    return unescape(answer.content.decode())


def test_figures_differ_from_the_first_and_the_best_is_marked(client, world):
    worse, better = a_version(world, right=0.8), a_version(world, right=0.9)
    text = page(client, worse, better)
    for words in ("0.667", "0.818", "+0.152", "figure-best", "road", "night", f"{MODEL} <b>v2</b>"):
        assert words in text
    assert "-0.152" in page(client, better, worse)


def test_fewer_than_two_say_what_to_do(client, world):
    assert "Choose two versions" in page(client, a_version(world))
    assert client.get("/models/compare/?version=x&version=-1").status_code == 200


def test_versions_measured_on_other_data_are_warned_about(client, world):
    unmeasured = services.register_version(model="new-one", run=a_trained_run(world, weights=b"n"), by=world.engineer)
    assert "do not compare exactly" in page(client, a_version(world), unmeasured)


def test_the_cost_does_not_grow(client, world, django_assert_max_num_queries):
    versions = [a_version(world) for _ in range(4)]
    with django_assert_max_num_queries(8):
        page(client, *versions)
