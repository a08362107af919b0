"""The API of the registry: strict, in constant queries, with words for every refusal."""

import hashlib

import pytest

from experiments.tests.stories import Script, a_person
from registry import services
from registry.tests.stories import MODEL, a_gate, a_trained_run, a_version, a_world, ask, evaluate, promote

pytestmark = pytest.mark.django_db


@pytest.fixture
def world():
    return a_world()


@pytest.fixture
def engineer(world):
    return Script(world.engineer)


@pytest.fixture
def approver(world):
    return Script(world.approver)


class TestRegistering:
    def test_one_call_makes_the_model_and_its_version(self, world, engineer):
        run = a_trained_run(world)
        evaluate(run, world)
        body = {"model": MODEL, "run": run.pk, "label": "v3.2", "release_notes": "**New**", "tags": ["night"]}
        made = engineer.post("model-versions/", body)
        assert made.status_code == 201
        told = made.json()
        assert (told["name"], told["stage"], told["tags"]) == (f"{MODEL}@v3.2", "development", ["night"])
        assert told["metrics"]["overall"]["miou"] == pytest.approx(told["miou"])
        assert told["contaminated"] is False
        again = engineer.post("model-versions/", body | {"label": "v9"})
        assert (again.status_code, again.json()["label"]) == (409, "v3.2")

    @pytest.mark.parametrize(
        ("body", "status", "words"),
        [
            ({"colour": "red"}, 400, "Unknown fields: colour"),
            ({"run": 10**9}, 400, "does not exist"),
            ({"artifact_path": "none.pt"}, 400, "has no artifact"),
            ({"label": "best"}, 400, "Write it as v3"),
            ({"members": ["nothing@v1"]}, 400, "no model"),
            ({"members": ["run-999999999"]}, 400, "there is no run-999999999"),
        ],
    )
    def test_what_can_not_be_is_refused_with_words(self, world, engineer, body, status, words):
        answer = engineer.post("model-versions/", {"model": MODEL, "run": a_trained_run(world).pk} | body)
        assert (answer.status_code, words in answer.content.decode()) == (status, True)
        assert engineer.get("models/").json()["results"] == []

    def test_the_card_changes_and_the_rest_can_not_be_written(self, world, engineer):
        version = a_version(world)
        told = engineer.patch(f"model-versions/{version.pk}/", {"limits": "Snow", "tags": ["a"]}).json()
        assert (told["limits"], told["tags"]) == ("Snow", ["a"])
        refused = engineer.patch(f"model-versions/{version.pk}/", {"stage": "production"})
        assert (refused.status_code, "Unknown fields: stage" in refused.json()["detail"]) == (400, True)

    def test_archived_ones_are_left_out_of_lists_alone(self, world, engineer):
        version = a_version(world)
        assert engineer.post(f"model-versions/{version.pk}/archive/").json()["archived"] is True
        assert engineer.get("model-versions/").json()["results"] == []
        assert len(engineer.get("model-versions/", archived="all").json()["results"]) == 1
        assert engineer.get(f"model-versions/{version.pk}/").status_code == 200
        assert engineer.post(f"model-versions/{version.pk}/restore/").json()["archived"] is False


class TestNamesAndFiles:
    def test_a_name_resolves_and_its_artifact_comes_in_ranges(self, world, engineer):
        run = a_trained_run(world, weights=b"0123456789")
        promote(world, services.register_version(model=MODEL, run=run, by=world.engineer))
        told = engineer.get("model-versions/resolve/", name=MODEL).json()
        assert told["sha256"] == hashlib.sha256(b"0123456789").hexdigest()
        path = told["content"].partition("testserver")[2]
        whole = engineer.client.get(path)
        assert (whole.getvalue(), whole["ETag"]) == (b"0123456789", f'"{told["sha256"]}"')
        part = engineer.client.get(path, headers={"Range": "bytes=4-"})
        assert (part.status_code, part.getvalue()) == (206, b"456789")
        assert engineer.client.get(path, headers={"If-None-Match": whole["ETag"]}).status_code == 304

    def test_what_is_not_there_is_told_with_what_is(self, world, engineer):
        version = a_version(world)
        missing = engineer.get("model-versions/resolve/", name=f"{MODEL}@champion")
        assert (missing.status_code, "It has v1." in missing.json()["detail"]) == (404, True)
        ensemble = services.register_version(model="e", members=[version], by=world.engineer)
        assert engineer.get(f"model-versions/{ensemble.pk}/artifact/").status_code == 404

    def test_aliases_are_set_and_removed(self, world, engineer):
        version = a_version(world)
        place = f"models/{version.model_id}"
        assert engineer.post(f"{place}/aliases/", {"name": "champion", "version": "v1"}).json()["version"] == "v1"
        assert engineer.get(f"{place}/").json()["aliases"] == {"champion": "v1"}
        assert engineer.post(f"{place}/aliases/", {"name": "champion", "version": "v7"}).status_code == 400
        assert engineer.post(f"{place}/remove-alias/", {"name": "champion"}).status_code == 204
        assert engineer.post(f"{place}/remove-alias/", {"name": "champion"}).status_code == 400


class TestPromoting:
    def test_the_whole_way(self, world, engineer, approver):
        version = a_version(world, right=0.8)
        made = approver.post(
            "gates/",
            {"model": MODEL, "kind": "minimum_iou", "dataset_version": world.dataset.pk, "threshold": 0.7},
        )
        gate = made.json()
        assert (made.status_code, gate["dataset"]) == (201, "Test@v1")
        asked = engineer.post("promotions/", {"version": version.pk, "note": "Please."}).json()
        place = f"promotions/{asked['id']}"
        (result,) = asked["results"]
        assert (result["passed"], result["gate"]) == (False, gate["id"])
        assert engineer.post(f"{place}/approve/").status_code == 403
        refused = approver.post(f"{place}/approve/")
        assert (refused.status_code, refused.json()["gates"]) == (409, [gate["id"]])
        assert engineer.post(f"{place}/waive/", {"gate": gate["id"], "reason": "Known."}).status_code == 200
        done = approver.post(f"{place}/approve/", {"reason": "Fine."}).json()
        assert (done["state"], done["decided_by"], done["waivers"][0]["reason"]) == ("approved", "anna", "Known.")
        assert engineer.get(f"models/{version.model_id}/").json()["production"] == "v1"
        assert engineer.get("stage-transitions/", model=MODEL).json()["results"][0]["move"] == "promoted"
        assert approver.post(f"gates/{gate['id']}/retire/").json()["retired_by"] == "anna"

    def test_withdraw_refuse_check_and_step_down(self, world, engineer, approver):
        version = a_version(world)
        first = ask(world, version)
        assert engineer.post(f"promotions/{first.pk}/check/").json()["check_number"] == 2
        assert engineer.post(f"promotions/{first.pk}/withdraw/").json()["state"] == "withdrawn"
        second = ask(world, version)
        assert approver.post(f"promotions/{second.pk}/refuse/", {"reason": ""}).status_code == 400
        assert approver.post(f"promotions/{second.pk}/refuse/", {"reason": "No."}).json()["state"] == "refused"
        promote(world, version)
        step = f"model-versions/{version.pk}/step-down/"
        assert engineer.post(step, {"reason": "so"}).status_code == 403
        assert approver.post(step, {"reason": "so"}).json()["stage"] == "staging"

    def test_roll_back_and_who_was_in_production(self, world, engineer, approver):
        first = promote(world, a_version(world))
        at = first.transitions.latest("id").at.isoformat()
        second = promote(world, a_version(world))
        place = f"models/{first.model_id}"
        assert approver.post(f"{place}/roll-back/", {"reason": "so", "seen": first.pk}).status_code == 409
        assert approver.post(f"{place}/roll-back/", {"reason": "so", "seen": second.pk}).json()["label"] == "v1"
        assert engineer.get(f"{place}/production/", at=at).json()["label"] == "v1"
        assert engineer.get(f"{place}/production/", at="2001-01-01T00:00:00Z").status_code == 404
        assert engineer.get(f"{place}/production/", at="yesterday").status_code == 400


class TestLists:
    def test_costs_do_not_grow_with_the_rows(self, world, engineer, django_assert_max_num_queries):
        for count in range(4):
            version = a_version(world)
            services.set_alias(version=version, name=f"alias-{count}", by=world.engineer)
            a_gate(world, version)
            ask(world, version)
        for place in ("models/", "model-versions/", "promotions/", "gates/", "stage-transitions/"):
            with django_assert_max_num_queries(10):
                assert len(engineer.get(place).json()["results"]) >= 1

    def test_filters_find_and_unknown_ones_are_refused(self, world, engineer):
        version = a_version(world, tags=["night"])
        a_version(world, model="other")
        for given in ({"model": MODEL}, {"tag": "night"}, {"run": version.run_id}, {"digest": version.digest}):
            found = engineer.get("model-versions/", **given).json()["results"]
            assert [one["id"] for one in found] == [version.pk]
        assert len(engineer.get("model-versions/", search="RandLA v1").json()["results"]) == 2
        assert engineer.get("model-versions/", colour="red").status_code == 400
        assert engineer.get("models/", search="oth").json()["results"][0]["name"] == "other"

    @pytest.mark.parametrize("role", ["viewer", "trainer", "labeler", "operator"])
    def test_everybody_reads_and_few_write(self, world, role):
        version = a_version(world)
        script = Script(a_person(role, role))
        assert script.get("model-versions/").status_code == 200
        assert script.patch(f"model-versions/{version.pk}/", {"limits": "x"}).status_code == 403
        assert script.post("promotions/", {"version": version.pk}).status_code == 403
