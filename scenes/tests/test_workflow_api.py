"""The labelling workflow through the API: steps with strict bodies, and the list of assignments."""

from datetime import timedelta

import pytest
from django.utils import timezone

from scenes import services
from scenes.models import LabelingStatus, Priority, Scene
from scenes.tests.workflows import a_person, a_plain_scene, new_labels

pytestmark = pytest.mark.django_db


@pytest.fixture
def people():
    return {
        "lara": a_person("lara", "labeler"),
        "leo": a_person("leo", "labeler"),
        "rita": a_person("rita", "reviewer"),
        "carl": a_person("carl", "curator"),
        "vera": a_person("vera"),
    }


@pytest.fixture
def ask(client, people):
    """`ask("lara", scene, "take")` posts as that person: status and body of the answer."""

    def post(name, scene, step, **body):
        client.force_login(people[name])
        answer = client.post(f"/api/scenes/{scene.pk}/{step}/", body, content_type="application/json")
        return answer.status_code, answer.json()

    return post


def listed(client, people, query="", name="rita") -> list[str]:
    client.force_login(people[name])
    answer = client.get(f"/api/assignments/{query}")
    assert answer.status_code == 200, answer.content
    return [row["scene"] for row in answer.json()["results"]]


class TestSteps:
    def test_from_assigned_to_labeled_and_reopened(self, ask, people):
        scene = a_plain_scene()
        status, body = ask("carl", scene, "assign", labeler="lara", due_on="2030-05-04", priority=4)
        assert (status, body["labeler"], body["due_on"], body["priority"]) == (200, "lara", "2030-05-04", 4)
        assert ask("lara", scene, "take")[1]["status"] == "in_progress"
        new_labels(scene)
        assert ask("lara", scene, "submit")[1]["status"] == "in_review"
        body = ask("rita", scene, "send-back", reason="kerbs")[1]
        assert (body["status"], body["reviewer"], body["rework_reason"]) == ("in_progress", "rita", "kerbs")
        assert ask("lara", scene, "submit", without_labels="no kerb there")[1]["status"] == "in_review"
        body = ask("rita", scene, "accept")[1]
        assert (body["status"], body["locked"], body["overdue"]) == ("labeled", True, False)
        body = ask("carl", scene, "reopen", reason="a new class")[1]
        assert (body["status"], body["locked"]) == ("in_progress", False)
        assert scene.history.first().door == "api"

    def test_unassigned_by_null(self, ask):
        scene = a_plain_scene()
        ask("carl", scene, "assign", labeler="lara")
        assert ask("carl", scene, "assign", labeler=None)[1]["labeler"] is None
        status, body = ask("carl", scene, "assign", labeler=None, priority=4)
        assert status == 400
        assert "Without a labeler" in body["detail"]

    @pytest.mark.parametrize(
        ("name", "step", "body"),
        [
            ("carl", "assign", {"labeler": "lara", "due": "2030-01-01"}),
            ("carl", "assign", {"labeler": "nobody"}),
            ("carl", "assign", {"labeler": "rita"}),
            ("carl", "assign", {"labeler": "lara", "priority": 9}),
            ("carl", "assign", {"labeler": "lara", "due_on": "soon"}),
            ("carl", "assign", {}),
            ("lara", "take", {"force": True}),
            ("lara", "submit", {"reason": "x"}),
            ("rita", "accept", {"note": "x"}),
            ("rita", "send-back", {}),
            ("rita", "send-back", {"reason": "  "}),
            ("carl", "reopen", {"reason": "x" * 2001}),
        ],
    )
    def test_bodies_are_strict(self, ask, name, step, body):
        scene = a_plain_scene()
        status, answer = ask(name, scene, step, **body)
        assert status == 400
        assert isinstance(answer, dict)
        assert scene.history.count() == 1

    @pytest.mark.parametrize(
        ("name", "step", "body"),
        [
            ("vera", "take", {}),
            ("rita", "submit", {}),
            ("lara", "accept", {}),
            ("lara", "send-back", {"reason": "x"}),
            ("lara", "assign", {"labeler": "lara"}),
            ("rita", "reopen", {"reason": "x"}),
        ],
    )
    def test_each_step_asks_for_its_permission(self, ask, name, step, body):
        assert ask(name, a_plain_scene(), step, **body)[0] == 403

    def test_a_move_that_does_not_fit_is_a_conflict_that_names_the_status(self, ask):
        scene = a_plain_scene()
        ask("leo", scene, "take")
        status, body = ask("lara", scene, "take")
        assert (status, body["status"]) == (409, "in_progress")
        assert body["detail"].startswith("city is in progress by leo")

    def test_no_such_scene(self, ask):
        scene = a_plain_scene()
        scene.pk = 10**6
        assert ask("lara", scene, "take")[0] == 404


class TestLists:
    def test_filters(self, client, people):
        late = timezone.localdate() - timedelta(2)
        a_plain_scene("free")
        a_plain_scene("assigned", labeler=people["lara"], due_on=late)
        services.take(scene=a_plain_scene("begun", priority=Priority.URGENT), by=people["leo"])
        assert listed(client, people) == ["begun", "assigned"]
        assert listed(client, people, "?labeler=lara") == ["assigned"]
        assert listed(client, people, "?status=in_progress") == ["begun"]
        assert listed(client, people, "?overdue=true") == ["assigned"]
        assert listed(client, people, "?overdue=false") == ["begun"]
        assert listed(client, people, "?priority=4") == ["begun"]
        assert listed(client, people, "?search=BEG") == ["begun"]
        client.force_login(people["rita"])
        assert client.get("/api/assignments/?late=true").status_code == 400

    def test_pages_cost_the_same_for_any_number_of_rows(self, client, people, django_assert_num_queries):
        a_plain_scene("first", labeler=people["lara"])
        listed(client, people)
        client.force_login(people["rita"])
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        with CaptureQueriesContext(connection) as few:
            client.get("/api/assignments/")
        for number in range(5):
            a_plain_scene(f"s{number}", labeler=people[("lara", "leo")[number % 2]], reviewer=people["carl"])
        with django_assert_num_queries(len(few)):
            client.get("/api/assignments/")
        answer = client.get("/api/assignments/?page_size=2").json()
        assert len(answer["results"]) == 2
        assert len(client.get(answer["next"]).json()["results"]) == 2

    def test_a_scene_shows_its_place_in_the_workflow(self, client, people):
        scene = a_plain_scene(due_on=timezone.localdate() - timedelta(1))
        services.take(scene=scene, by=people["lara"])
        client.force_login(people["rita"])
        body = client.get(f"/api/scenes/{scene.pk}/").json()
        facts = {name: body[name] for name in ("status", "labeler", "reviewer", "priority", "locked", "rework_reason")}
        assert facts == {
            "status": "in_progress", "labeler": "lara", "reviewer": None, "priority": 2, "locked": False,
            "rework_reason": "",
        }  # fmt: skip
        names = [row["name"] for row in client.get("/api/scenes/?overdue=true").json()["results"]]
        assert names == ["city"]
        assert client.get("/api/scenes/?overdue=false&priority=2").json()["results"] == []
        assert len(client.get("/api/scenes/?due_before=2100-01-01").json()["results"]) == 1


def test_the_labels_of_a_locked_scene_are_safe_from_the_command(people, tmp_path):
    from django.core.management import CommandError, call_command

    from scenes.tests.factories import a_label_folder, a_labelled_scene

    scene = a_labelled_scene()
    services.take(scene=scene, by=people["lara"])
    services.submit(scene=scene, by=people["lara"], without_labels="right")
    services.accept(scene=scene, by=people["rita"])
    folder = a_label_folder(tmp_path, frames=2)
    with pytest.raises(CommandError, match="accepted and locked"):
        call_command(
            "ingest_labels", scene.name, str(folder), ontology="SemanticKITTI", kind="semantic-kitti", verbosity=0
        )
    assert Scene.objects.get().status == LabelingStatus.LABELED
