"""To review, and the panel on the scene's page: what reviewers and curators see and decide."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from lamm.work_rows import stages
from scenes import services
from scenes.models import LabelingStatus, Ontology, Priority, Scene, SemanticClass
from scenes.tests.workflows import a_person, a_plain_scene, new_labels

pytestmark = pytest.mark.django_db


@pytest.fixture
def people():
    return {
        "lara": a_person("lara", "labeler"),
        "leo": a_person("leo", "labeler"),
        "rita": a_person("rita", "reviewer"),
        "carl": a_person("carl", "curator"),
    }


@pytest.fixture
def rita(client, people):
    client.force_login(people["rita"])
    return client


def submitted(people, name="city", *, by="lara", **facts) -> Scene:
    scene = a_plain_scene(name, **facts)
    services.take(scene=scene, by=people[by])
    new_labels(scene, by=people[by])
    return services.submit(scene=scene, by=people[by])


def page(client, query="") -> str:
    response = client.get(reverse("review") + query)
    assert response.status_code == 200
    return response.content.decode()


def press(client, scene, step, **fields):
    address = reverse(f"work-{step}", args=[scene.pk])
    return client.post(address, {"page": "review", **fields}, headers={"HX-Request": "true"})


class TestWhatWaits:
    def test_whose_since_when_and_which_classes(self, rita, people):
        ontology = Ontology.objects.create(name="two classes")
        for index, name in enumerate(("road", "kerb")):
            SemanticClass.objects.create(ontology=ontology, index=index, name=name, colour="#804020")
        scene = submitted(people)
        Scene.objects.filter(pk=scene.pk).update(status_since=timezone.now() - timedelta(hours=5))
        html = page(rita)
        for words in ("lara", "waits for 5\N{NO-BREAK SPACE}h", "road", "75.0", "kerb", 'width="25.00%"', 'x="75.00%"'):
            assert words in html

    def test_the_most_pressing_first(self, rita, people):
        submitted(people, "low", priority=Priority.LOW)
        submitted(people, "urgent", priority=Priority.URGENT)
        html = page(rita)
        assert html.index('title="urgent"') < html.index('title="low"')

    def test_filters(self, rita, people):
        submitted(people, "of-lara", priority=Priority.HIGH)
        submitted(people, "of-leo", by="leo")
        assert ("of-lara" in page(rita, "?labeler=leo"), "of-leo" in page(rita, "?labeler=leo")) == (False, True)
        assert 'title="of-leo"' not in page(rita, "?priority=3")
        assert "No scene matches" in page(rita, "?search=nowhere")

    def test_nothing_waits(self, rita):
        assert "Nothing waits for review" in page(rita)

    def test_own_labels_are_for_somebody_else(self, client, people):
        submitted(people, by="carl")
        client.force_login(people["carl"])
        html = page(client)
        assert "somebody else reviews them" in html
        assert "work/accept" not in html

    def test_why_nothing_changed_and_what_was_wrong_before(self, rita, people):
        scene = submitted(people)
        services.send_back(scene=scene, by=people["carl"], reason="the kerb")
        services.submit(scene=scene, by=people["lara"], without_labels="it is no kerb")
        html = page(rita)
        assert "the kerb" in html
        assert "it is no kerb" in html

    def test_many_scenes_cost_as_many_queries_as_one(
        self, rita, people, django_assert_num_queries, django_assert_max_num_queries
    ):
        submitted(people, "first")
        page(rita)
        with django_assert_max_num_queries(17) as few:
            page(rita)
        for number in range(12):
            submitted(people, f"scene-{number}", by=("lara", "leo")[number % 2])
        with django_assert_num_queries(len(few)):
            page(rita)


class TestDecisions:
    def test_accepted_in_place(self, rita, people):
        scene = submitted(people)
        html = press(rita, scene, "accept").content.decode()
        assert "Accepted. The labels are locked." in html
        assert "work/accept" not in html

    def test_sent_back_with_its_reason(self, rita, people):
        scene = submitted(people)
        assert press(rita, scene, "send-back", reason=" ").status_code == 400
        assert "Sent back to lara." in press(rita, scene, "send-back", reason="kerbs").content.decode()
        scene.refresh_from_db()
        assert (scene.status, scene.rework_reason) == (LabelingStatus.IN_PROGRESS, "kerbs")

    def test_what_another_reviewer_decided_first_is_told(self, rita, people):
        scene = submitted(people)
        services.accept(scene=scene, by=people["carl"])
        answer = press(rita, scene, "send-back", reason="kerbs")
        assert answer.status_code == 409
        assert "is labeled and can" in answer.content.decode()

    @pytest.mark.parametrize("step", ["accept", "send-back", "reopen", "plan"])
    def test_labelers_decide_nothing(self, client, people, step):
        scene = submitted(people)
        client.force_login(people["leo"])
        assert press(client, scene, step, reason="x").status_code == 403


class TestTheScenePage:
    def scene_page(self, client, scene) -> str:
        return client.get(reverse("scene", args=[scene.pk])).content.decode()

    @pytest.mark.parametrize(
        ("name", "offered"),
        [("lara", set()), ("leo", set()), ("rita", {"accept", "send-back"}), ("carl", {"accept", "send-back"})],
    )
    def test_offers_what_this_person_may_do_now(self, client, people, name, offered):
        scene = submitted(people)
        client.force_login(people[name])
        html = self.scene_page(client, scene)
        steps = ("take", "labels", "submit", "give-back", "accept", "send-back", "reopen", "plan")
        assert {step for step in steps if reverse(f"work-{step}", args=[scene.pk]) in html} == offered

    def test_time_in_each_status(self, people):
        scene = a_plain_scene()
        Scene.objects.update(status_since=timezone.now() - timedelta(hours=1))
        services.take(scene=scene, by=people["lara"])
        Scene.objects.update(status_since=timezone.now() - timedelta(hours=3))
        scene.refresh_from_db()
        unlabeled, in_progress, in_review, labeled = stages(scene)
        assert unlabeled.seconds == pytest.approx(3600, abs=30)
        assert in_progress.seconds == pytest.approx(3 * 3600, abs=30)
        assert (in_progress.current, in_review.reached, labeled.share) == (True, False, 0)
        assert (unlabeled.share, in_progress.begin) == pytest.approx((0.25, 0.25), abs=0.01)

    def test_planned_by_a_curator(self, client, people):
        scene = a_plain_scene()
        client.force_login(people["carl"])
        assert "Nobody: anybody may take it" in self.scene_page(client, scene)
        plan = {"labeler": "lara", "due_on": "2030-05-04", "priority": "4"}
        address = reverse("work-plan", args=[scene.pk])
        assert client.post(address, plan).url == reverse("scene", args=[scene.pk])
        scene.refresh_from_db()
        assert (scene.labeler, str(scene.due_on), scene.priority) == (people["lara"], "2030-05-04", Priority.URGENT)
        client.post(address, plan | {"labeler": "", "due_on": ""})
        scene.refresh_from_db()
        assert (scene.labeler, scene.due_on) == (None, None)

    @pytest.mark.parametrize(
        ("wish", "words"),
        [
            ({"labeler": "nobody-known"}, "There is no account nobody-known."),
            ({"labeler": "rita"}, "rita may not label scenes."),
            ({"due_on": "2030-13-45"}, "is no date"),
            ({"priority": "soon"}, "Choose a priority."),
            ({"priority": "7"}, "There is no priority 7."),
        ],
    )
    def test_a_plan_that_makes_no_sense_is_told_and_changes_nothing(self, client, people, wish, words):
        scene = a_plain_scene()
        client.force_login(people["carl"])
        plan = {"labeler": "", "due_on": "", "priority": "2"} | wish
        client.post(reverse("work-plan", args=[scene.pk]), plan)
        assert words in self.scene_page(client, scene)
        assert scene.history.count() == 1

    def test_reopened_with_a_reason(self, client, people):
        scene = submitted(people)
        services.accept(scene=scene, by=people["rita"])
        client.force_login(people["carl"])
        client.post(reverse("work-reopen", args=[scene.pk]), {"reason": "a new class came"})
        html = self.scene_page(client, scene)
        assert "reopened it" in html
        assert "a new class came" in html
