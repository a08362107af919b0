"""The card of a version: figures, lineage, promotion panel with gates and waivers, ontology, predictions."""

from html import unescape

import pytest

from experiments.tests.stories import a_person
from lamm.model_pictures import model_lineage
from lamm.pages.model_version import version_at
from registry import services
from registry.compatibility import fits
from registry.tests.stories import (
    MODEL,
    a_dataset,
    a_gate,
    a_trained_run,
    a_version,
    a_world,
    ask,
    evaluate,
    now,
    promote,
)
from scenes.models import Ontology

pytestmark = pytest.mark.django_db


@pytest.fixture
def world():
    return a_world()


def page(client, person, version) -> str:
    client.force_login(person)
    answer = client.get(f"/models/{version.model.name}/{version.label}/")
    assert answer.status_code == 200
    return unescape(answer.content.decode())


def posted(client, person, route: str, **given: object) -> str:
    client.force_login(person)
    answer = client.post(route, given, follow=True)
    assert answer.status_code == 200
    return unescape(answer.content.decode())


class TestTheCard:
    def test_figures_by_class_and_slice_facts_and_texts(self, client, world):
        version = a_version(world, card={"limits": "- Snow", "licence": "MIT"}, tags=["edge"])
        text = page(client, world.engineer, version)
        facts = ["0.818", "road", "car", "night", "Test@v1", version.digest, "checkpoints/best.pt", "same ontology"]
        for words in [*facts, "<li>Snow</li>", "MIT", "edge", f"/api/model-versions/{version.pk}/artifact/"]:
            assert words in text

    def test_contaminated_figures_say_that_they_pass_no_gate(self, client, world):
        run = a_trained_run(world)
        evaluate(run, world, contamination="contaminated")
        version = services.register_version(model=MODEL, run=run, by=world.engineer)
        assert "These figures pass no gate" in page(client, world.engineer, version)

    def test_a_version_without_figures_says_so(self, client, world):
        version = services.register_version(model=MODEL, run=a_trained_run(world), by=world.engineer)
        assert "Not evaluated by the server" in page(client, world.engineer, version)

    def test_an_ensemble_shows_its_members(self, client, world):
        member = a_version(world)
        ensemble = services.register_version(model="e", members=[member, a_trained_run(world)], by=world.engineer)
        text = page(client, world.engineer, ensemble)
        assert "Ensemble of 2" in text
        assert f"/models/{MODEL}/v1/" in text
        assert "Member of" in page(client, world.engineer, member)

    def test_the_card_is_edited_archived_and_restored(self, client, world):
        version = a_version(world)
        place = f"/models/versions/{version.pk}"
        text = posted(client, world.engineer, f"{place}/describe/", release_notes="**New**", tags="a,b")
        assert "<strong>New</strong>" in text
        assert "It stays readable" in posted(client, world.engineer, f"{place}/archive/")
        assert now(version).archived
        posted(client, world.engineer, f"{place}/restore/")
        assert not now(version).archived

    def test_the_cost_does_not_grow(self, client, world, django_assert_max_num_queries):
        version = a_version(world)
        for count in range(4):
            a_gate(world, version, threshold=count / 10)
        ask(world, version)
        ask(world, version, target="staging")
        client.force_login(world.engineer)
        with django_assert_max_num_queries(29):
            assert client.get(f"/models/{MODEL}/v1/").status_code == 200


class TestPromotion:
    def test_asked_stopped_by_a_gate_waived_and_approved(self, client, world):
        version = a_version(world, right=0.8)
        gate = a_gate(world, version, threshold=0.9)
        text = posted(
            client, world.engineer, f"/models/versions/{version.pk}/ask/", target="production", note="Please."
        )
        assert "Another person decides" in text
        assert "You asked for it" in text
        request = version.promotion_requests.get()
        place = f"/models/promotions/{request.pk}"
        assert "does not pass its gates" in posted(client, world.approver, f"{place}/approve/")
        assert "Say why" in posted(client, world.engineer, f"{place}/waive/", gate=gate.pk, reason="")
        text = posted(client, world.engineer, f"{place}/waive/", gate=gate.pk, reason="Labels are wrong.")
        assert "Labels are wrong." in text
        text = posted(client, world.approver, f"{place}/approve/", reason="Fine.")
        assert f"{version} is in Production" in text
        assert "Labels are wrong." in text
        assert now(version).stage == "production"

    def test_refused_and_withdrawn(self, client, world):
        version = a_version(world)
        place = f"/models/promotions/{ask(world, version).pk}"
        assert "Say why it is refused" in posted(client, world.approver, f"{place}/refuse/", reason="")
        assert "Not at night." in posted(client, world.approver, f"{place}/refuse/", reason="Not at night.")
        place = f"/models/promotions/{ask(world, version).pk}"
        assert "checked again" in posted(client, world.engineer, f"{place}/check/")
        assert "is withdrawn" in posted(client, world.engineer, f"{place}/withdraw/")

    def test_steps_down_with_a_reason(self, client, world):
        version = promote(world, a_version(world))
        route = f"/models/versions/{version.pk}/step-down/"
        assert "Ask an approver" in posted(client, world.engineer, route, reason="so")
        assert "is in Staging now" in posted(client, world.approver, route, reason="so")

    def test_viewers_have_no_forms(self, client, world):
        version = a_version(world, right=0.8)
        a_gate(world, version, threshold=0.9)
        request = ask(world, version)
        text = page(client, a_person("vera", "viewer"), version)
        assert "An approver decides" in text
        for words in ("Waive this gate", "Edit the card", "Ask for promotion"):
            assert words not in text
        assert client.post(f"/models/promotions/{request.pk}/approve/").status_code == 403


class TestPictures:
    def test_the_lineage_goes_from_scenes_to_evaluations(self, world):
        version = a_version(world)
        picture = model_lineage(version_at(MODEL, version.label))
        assert [(node.name, node.column) for node in sorted(picture.nodes, key=lambda node: node.column)] == [
            ("3 scenes", 0),
            ("Test@v1", 1),
            (f"run-{version.run_id}", 2),
            (MODEL, 3),
            ("Test@v1", 5),
        ]
        assert len(picture.paths) == 4
        assert all(node.url for node in picture.nodes)
        assert [node.current for node in picture.nodes].count(True) == 1

    def test_an_ensemble_stands_behind_its_members(self, world):
        members = [a_version(world), a_version(world)]
        ensemble = services.register_version(model="e", members=members, by=world.engineer)
        picture = model_lineage(version_at("e", ensemble.label))
        assert [name for name, _ in picture.heads] == ["Scenes", "Dataset versions", "Runs", "Models", "Ensemble"]
        places = {node.key: node.x for node in picture.nodes}
        assert places[f"model-{members[0].pk}"] < places[f"model-{ensemble.pk}"]

    def test_ontologies_fit_are_named_alike_or_miss_classes(self, world):
        alike, other = (Ontology.objects.create(name=name) for name in ("Alike", "Other"))
        for index, name in enumerate(("road", "car")):
            alike.classes.create(index=index, name=name, colour="#000000", raw_ids=[index])
        other.classes.create(index=0, name="boat", colour="#000000", raw_ids=[0])
        versions = [world.dataset, a_dataset("A", alike, {}), a_dataset("O", other, {})]
        same, named, missing = fits(world.ontology, versions)
        assert (same.same, same.missing) == (True, [])
        assert (named.same, named.missing) == (False, [])
        assert (missing.missing, missing.extra) == (["boat"], ["road", "car"])
