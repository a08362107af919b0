"""The page of one evaluation, what people do there, and what a scene's page is told of its scores."""

import json
import re
from html import unescape

import numpy as np
import pytest
from django.urls import reverse

from experiments.tests.stories import a_version
from lamm.overlays import overlay_sources, score_series
from lamm.uncertainty_series import evaluation_key
from scenes.models import Scene
from scenes.tests.factories import a_ready_scene
from uncertainty import services
from uncertainty.models import Evaluation
from uncertainty.tests.stories import World, a_draft, a_finished, a_world, an_account, vectors

pytestmark = pytest.mark.django_db
QUERIES = 24
NAN = float("nan")
SCORES = [[0.1, 0.2, 0.3], [0.9, NAN, 0.5], [0.4, 0.4, 0.45]]


@pytest.fixture
def world(client):
    made = a_world()
    client.force_login(made.engineer)
    return made


def page(client, evaluation, query: str = "") -> str:
    response = client.get(reverse("evaluation", args=[evaluation.pk]) + query)
    assert response.status_code == 200
    return unescape(response.content.decode())


class TestThePage:
    def test_every_number_stands_beside_its_definition(self, client, world, django_assert_max_num_queries):
        finished = a_finished(world, SCORES, members=[world.run.pk])
        with django_assert_max_num_queries(QUERIES):
            text = page(client, finished)
        for words in ("0.406", "linearly interpolated", "8 of 9 frames, 3 of 3 scenes", str(world.run), "RandLA-Net",
                      "A frame's score is the mean over its points", "Divided by its largest possible value",
                      "Scores compare with those of the same measure, unit and aggregator only"):  # fmt: skip
            assert words in text
        told = json.loads(re.search(r'id="histogram-data"[^>]*>(.*?)</script>', text)[1])
        assert sum(told["counts"]) == 8
        assert len(told["edges"]) == 11

    def test_top_frames_open_their_frame_with_the_overlay_on(self, client, world):
        finished = a_finished(world, SCORES)
        text = page(client, finished)
        scene = world.scenes[1]
        key = f"uncertainty%3Aevaluation-{finished.pk}"
        assert f"/scenes/{scene.pk}/?frame=0&colour=uncertainty&series={key}" in text
        assert text.index("scene-001") < text.index("scene-002")

    def test_scenes_are_ranked_by_page(self, client, world, monkeypatch):
        monkeypatch.setattr("lamm.pages.evaluation.SCENES", 2)
        finished = a_finished(world, SCORES)
        address = reverse("evaluation", args=[finished.pk])
        part = client.get(f"{address}?after=2", headers={"HX-Request": "true"}).content.decode()
        assert "scene-000" in part
        assert "scene-001" not in part
        assert "<html" not in part
        assert "after=2" in page(client, finished)

    def test_a_draft_shows_how_far_it_is_and_can_be_finished(self, client, world):
        draft = a_draft(world)
        given = vectors({world.scenes[0].pk: [0.1, NAN, 0.3]})
        services.record_scores(evaluation=draft, vectors=given, by=world.engineer)
        text = page(client, draft)
        assert "2 of 9" in text
        said = client.post(reverse("evaluation-finish-now", args=[draft.pk]), follow=True).content.decode()
        assert "is finished: 2 of 9 frames are scored" in said
        draft.refresh_from_db()
        assert draft.state == "finished"

    def test_withdrawing_asks_why_and_says_it(self, client, world):
        finished = a_finished(world, SCORES)
        address = reverse("evaluation-withdraw-now", args=[finished.pk])
        assert "say why" in client.post(address, {"reason": ""}, follow=True).content.decode()
        text = client.post(address, {"reason": "Wrong checkpoint"}, follow=True).content.decode()
        assert "Wrong checkpoint. It counts for no scene" in text
        assert "Withdraw…" not in text

    def test_a_draft_is_discarded(self, client, world):
        draft = a_draft(world)
        answer = client.post(reverse("evaluation-discard-now", args=[draft.pk]))
        assert answer.headers["Location"] == reverse("evaluations")
        assert not Evaluation.objects.exists()

    def test_who_only_looks_has_no_buttons_and_is_refused(self, client, world):
        draft = a_draft(world)
        client.force_login(an_account("vera", "viewer"))
        assert "Discard" not in page(client, draft)
        assert client.post(reverse("evaluation-discard-now", args=[draft.pk])).status_code == 403
        client.force_login(an_account("theo", "trainer"))
        refused = client.post(reverse("evaluation-discard-now", args=[draft.pk]), follow=True)
        assert "is not yours" in refused.content.decode()

    def test_the_older_one_names_the_newer(self, client, world):
        older, newer = a_finished(world, SCORES), a_finished(world, SCORES)
        assert f'Superseded by <a href="{reverse("evaluation", args=[newer.pk])}"' in page(client, older)


class TestTheScenePage:
    @pytest.fixture
    def evaluated(self, world) -> tuple[World, Evaluation]:
        draft = a_draft(world)
        ious = {scene.pk: [0.5, 0.6, 0.7] for scene in world.scored}
        given = {scene.pk: one for scene, one in zip(world.scored, SCORES, strict=True)}
        services.record_scores(evaluation=draft, vectors=vectors(given, ious), by=world.engineer)
        return world, services.finish_evaluation(evaluation=draft, by=world.engineer)

    def series_of(self, scene, person):
        frames = list(scene.frames.order_by("index").values_list("pk", flat=True))
        return score_series(Scene.objects.get(pk=scene.pk), frames, person)

    def test_a_series_for_each_finished_evaluation_the_counting_one_first(self, evaluated):
        world, finished = evaluated
        a_finished(world, [[0.05] * 3, [0.05] * 3], name="quiet")
        found, troubles = self.series_of(world.scenes[1], world.engineer)
        assert troubles == []
        assert [one.title for one in found] == ["ensemble-v2", "quiet"]
        first = found[0]
        assert first.key == evaluation_key(finished)
        assert first.values == [pytest.approx(0.9), None, pytest.approx(0.5)]
        assert first.iou == pytest.approx([0.5, 0.6, 0.7])
        assert (first.low, first.high, first.measure, first.overlay) == (0, 1, "Predictive entropy, mean", "")

    def test_frames_that_came_later_have_no_score(self, evaluated):
        world, _ = evaluated
        frame = world.scenes[0].frames.order_by("index").last()
        frame.pk, frame.index, frame.name = None, 3, "later.pcd"
        frame.save()
        (series,), _ = self.series_of(world.scenes[0], world.engineer)
        assert series.values[3] is None
        assert series.iou[3] is None

    def test_withdrawn_and_draft_ones_are_not_shown(self, evaluated):
        world, finished = evaluated
        services.withdraw_evaluation(evaluation=finished, reason="no", by=world.engineer)
        a_draft(world, name="draft")
        assert self.series_of(world.scenes[0], world.engineer) == ([], [])

    def test_who_may_not_see_evaluations_gets_no_series(self, evaluated):
        world, _ = evaluated
        member = an_account("mia", "viewer")
        member.groups.clear()
        assert self.series_of(world.scenes[0], member) == ([], [])

    def test_queries_do_not_grow_with_evaluations(self, evaluated, django_assert_max_num_queries):
        world, _ = evaluated
        for number in range(4):
            a_finished(world, [[0.2] * 3] * 3, name=f"model-{number}")
        scene, frames = Scene.objects.get(pk=world.scenes[0].pk), [1, 2, 3]
        world.engineer.has_perm("uncertainty.view_evaluation")
        with django_assert_max_num_queries(5):
            found, _ = score_series(scene, frames, world.engineer)
        assert len(found) == 5


class TestPointsInTheViewer:
    @pytest.fixture
    def shown(self, world) -> tuple[Scene, Evaluation, np.ndarray]:
        """A scene that is really there, with values of the points of its first frame."""
        scene = a_ready_scene(frames=2, points=500)
        a_version("Shown", val=[scene])
        draft = a_draft(world, dataset="Shown@v1")
        frame = scene.frames.order_by("index").first()
        values = np.linspace(0, 1, frame.point_count).astype("<f4")
        services.record_points(evaluation=draft, frame=frame.pk, values=values, by=world.engineer)
        return scene, services.finish_evaluation(evaluation=draft, by=world.engineer), values

    def test_they_are_an_overlay_under_the_key_of_the_series(self, client, world, shown):
        scene, finished, values = shown
        told = client.get(reverse("scene-playback", args=[scene.pk])).json()
        (source,) = [one for one in told["sources"] if one["role"] == "uncertainty"]
        (series,) = told["scores"]
        assert source["key"] == series["key"] == series["overlay"] == evaluation_key(finished)
        assert (source["low"], source["high"], source["missing"]) == (0.0, 1.0, 1)
        address = source["url"].replace("{frame}", str(told["frames"]["id"][0]))
        answer = client.get(address.replace("{digest}", source["digests"][0]))
        assert answer.status_code == 200
        shades = np.frombuffer(b"".join(answer), np.uint8)
        assert sorted(shades) == pytest.approx(sorted(np.round(values * 254)), abs=1)

    def test_the_source_names_its_scale_and_what_is_missing(self, world, shown):
        scene, finished, _ = shown
        offer = overlay_sources(scene, world.engineer)
        assert (offer.troubles, offer.left_out) == ([], [])
        assert [one.key for one in offer.sources if one.role == "uncertainty"] == [evaluation_key(finished)]

    def test_of_many_the_newest_come_and_the_one_that_is_asked_for(self, world, shown, monkeypatch):
        scene, finished, values = shown
        newer = a_draft(world, dataset="Shown@v1", name="newer")
        frame = scene.frames.order_by("index").first()
        services.record_points(evaluation=newer, frame=frame.pk, values=values, by=world.engineer)
        services.finish_evaluation(evaluation=newer, by=world.engineer)
        monkeypatch.setattr("lamm.uncertainty_overlays.MOST_EVALUATIONS", 1)
        offer = overlay_sources(scene, world.engineer)
        assert [one.title for one in offer.sources if one.role == "uncertainty"] == ["newer, predictive entropy"]
        assert "Only the newest 1 of 2" in offer.left_out[0]
        wished = overlay_sources(scene, world.engineer, also=[evaluation_key(finished)])
        assert [one.title.partition(",")[0] for one in wished.sources] == ["newer", "ensemble-v2"]


def test_the_explorer_leads_from_the_highest_scene_to_its_evaluation(client, world):
    finished = a_finished(world, SCORES)
    text = client.get(reverse("explorer") + "?sort=-max_uncertainty").content.decode()
    places = [text.index(scene.name) for scene in (world.scenes[1], world.scenes[2], world.scenes[0])]
    assert places == sorted(places)
    assert reverse("evaluation", args=[finished.pk]) in text
    narrowed = client.get(reverse("explorer") + "?max_uncertainty_min=0.8").content.decode()
    assert "scene-001" in narrowed
    assert "scene-002" not in narrowed
