"""The page of a model: Production now and then, aliases, gates, roll back."""

from html import unescape

import pytest

from registry import services
from registry.models import Alias, Gate
from registry.tests.stories import MODEL, a_gate, a_version, a_world, ask, promote, stages

pytestmark = pytest.mark.django_db
PAGE = f"/models/{MODEL}/"


@pytest.fixture
def world():
    return a_world()


def page(client, person, query: str = "") -> str:
    client.force_login(person)
    answer = client.get(PAGE + query)
    assert answer.status_code == 200
    return unescape(answer.content.decode())


def posted(client, person, route: str, **given: object) -> str:
    client.force_login(person)
    answer = client.post(route, given, follow=True)
    assert answer.status_code == 200
    return unescape(answer.content.decode())


def test_it_tells_versions_production_and_how_versions_moved(client, world):
    promote(world, a_version(world))
    promote(world, a_version(world))
    text = page(client, world.engineer)
    for words in ("v1", "v2", "Replaced by another version", "Promoted", "before it v1", "promotion "):
        assert words in text


def test_it_answers_who_was_in_production_at_a_time(client, world):
    first = promote(world, a_version(world))
    at = first.transitions.latest("id").at
    promote(world, a_version(world))
    asked = at.strftime("%Y-%m-%dT%H:%M:%S.%f")
    assert "<b>v1</b></a> was in Production" in page(client, world.engineer, f"?at={asked}")
    assert "nothing was in Production" in page(client, world.engineer, "?at=2001-01-01T00:00")
    assert "Give a day and a time" in page(client, world.engineer, "?at=2026-99-99T00:00")


def test_aliases_move_and_go_by_forms(client, world):
    version = a_version(world)
    a_version(world)
    route = f"/models/{version.model_id}/alias/"
    assert "@champion points at v1" in posted(client, world.engineer, route, name="champion", version="v1")
    text = posted(client, world.engineer, route, name="champion", version="v2")
    assert "Moved from v1 to v2" in text
    assert "alias: 'latest' means something" in posted(client, world.engineer, route, name="latest", version="v2")
    assert "is gone" in posted(client, world.engineer, f"{route}remove/", name="champion")
    assert not Alias.objects.exists()


def test_an_approver_rolls_back_with_a_reason(client, world):
    promote(world, a_version(world))
    second = promote(world, a_version(world))
    route = f"/models/{second.model_id}/roll-back/"
    assert "Roll back to v1" in page(client, world.approver)
    assert "Say why" in posted(client, world.approver, route, reason="", seen=second.pk)
    text = posted(client, world.approver, route, reason="Ghosts in rain.", seen=second.pk)
    assert "is back in Production" in text
    assert "Ghosts in rain." in text
    assert stages(second) == {"v1": "production", "v2": "staging"}
    client.force_login(world.engineer)
    assert client.post(route, {"reason": "so"}).status_code == 403


def test_approvers_add_and_retire_gates(client, world):
    version = a_version(world)
    assert "choose a frozen dataset version" in page(client, world.approver)
    offered = page(client, world.approver, f"?dataset={world.dataset.pk}")
    for words in ("night", "car", "noon", "Least IoU"):
        assert words in offered
    route = f"/models/{version.model_id}/gates/"
    given = {
        "dataset_version": world.dataset.pk,
        "kind": "must_pass_scenes",
        "target": "production",
        "threshold": "0.4",
    }
    text = posted(client, world.approver, route, **given, scenes=[world.scenes["noon"].pk])
    assert "is asked for from now on" in text
    gate = Gate.objects.get()
    assert [link.scene.name for link in gate.scene_links.all()] == ["noon"]
    assert "number from 0 to 1" in posted(client, world.approver, route, **given | {"threshold": "much"})
    assert "is retired" in posted(client, world.approver, f"/models/gates/{gate.pk}/retire/")
    assert "1 retired" in page(client, world.approver)


def test_engineers_see_gates_and_can_not_change_them(client, world):
    gate = a_gate(world, a_version(world))
    assert "Add a gate" not in page(client, world.engineer)
    assert client.post(f"/models/gates/{gate.pk}/retire/").status_code == 403


def test_the_description_is_markdown_and_changes_by_a_form(client, world):
    version = a_version(world)
    route = f"/models/{version.model_id}/describe/"
    text = posted(client, world.engineer, route, description="For **planning**", tags="street, night,")
    assert "<strong>planning</strong>" in text
    assert services.describe_model(model=version.model, by=world.engineer).tags == ["night", "street"]


def test_the_cost_does_not_grow(client, world, django_assert_max_num_queries):
    for count in range(4):
        version = a_version(world)
        a_gate(world, version, threshold=count / 10)
        services.set_alias(version=version, name=f"a{count}", by=world.engineer)
        ask(world, version)
    client.force_login(world.approver)
    with django_assert_max_num_queries(26):
        assert client.get(PAGE).status_code == 200


def test_a_model_that_is_not_there_is_not_found(client, world):
    client.force_login(world.engineer)
    assert client.get("/models/none/").status_code == 404
