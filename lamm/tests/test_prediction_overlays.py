"""What runs predict is offered over a scene's points at once, with what is missing and what no longer fits."""

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from experiments import services
from experiments.models import FramePrediction
from experiments.tests.prediction_stories import predict, truth_of, wrong_by
from experiments.tests.stories import a_person, a_run
from lamm import prediction_overlays
from lamm.overlays import overlay_source, overlay_sources
from lamm.prediction_overlays import prediction_sources
from scenes import displaying
from scenes.models import Frame
from scenes.tests.factories import a_labelled_scene, a_ready_scene

pytestmark = pytest.mark.django_db


@pytest.fixture
def scene():
    return a_labelled_scene(frames=2, points=60)


@pytest.fixture
def person(db):
    return a_person("vera", "viewer")


def playback(client, scene, **parameters):
    return client.get(reverse("scene-playback", args=[scene.pk]), parameters).json()


class TestSources:
    def test_a_run_is_offered_with_its_uncertainty_at_once(self, scene, person):
        run = a_run(architecture="RandLA-Net")
        predict(run, scene, truth_of(scene), uncertainty=0.5, measure="mutual_information")
        offer = overlay_sources(scene, person)
        predicted, unsure = [source for source in offer.sources if source.permission == "experiments.view_run"]
        assert (predicted.key, predicted.role, predicted.kind) == (f"predictions:{run.pk}", "prediction", "classes")
        assert predicted.title == f"run-{run.pk} · RandLA-Net"
        assert predicted.ontology["name"] == "SemanticKITTI"
        assert (len(predicted.digests), predicted.missing) == (2, 0)
        assert unsure.title.endswith("mutual information")
        assert (unsure.low, unsure.unit, unsure.encoding) == (0, "nats", "npy")
        assert len(unsure.digests) == 2
        assert offer.troubles == offer.left_out == []

    def test_missing_frames_are_counted_and_replaced_files_told(self, scene):
        first, second = scene.frames.order_by("index")
        predict(a_run(), scene, truth_of(scene)[:1], uncertainty=0.5)
        predicted, unsure = prediction_sources(scene)
        assert (predicted.missing, unsure.missing) == (1, 1)
        Frame.objects.filter(pk=first.pk).update(point_count=61)
        predicted, unsure = prediction_sources(scene)
        assert predicted.digests == unsure.digests == {}
        assert "60 predicted points do not fit the 61 points" in predicted.problems[first.pk]
        assert second.pk not in predicted.problems

    def test_the_number_of_queries_does_not_follow_the_runs(self, scene):
        counts = []
        for _ in range(3):
            predict(a_run(), scene, truth_of(scene), uncertainty=0.5)
            with CaptureQueriesContext(connection) as queries:
                prediction_sources(scene)
            counts.append(len(queries))
        assert counts == [8, 8, 8]

    def test_a_scene_without_predictions_costs_one_query(self, scene, django_assert_num_queries):
        with django_assert_num_queries(1):
            assert prediction_sources(scene) == []

    def test_older_runs_are_left_out_with_a_sentence_and_come_when_asked_for(self, scene, person, client, monkeypatch):
        monkeypatch.setattr(prediction_overlays, "MOST_RUNS", 2)
        runs = [a_run() for _ in range(3)]
        for run in runs:
            predict(run, scene, truth_of(scene))
        client.force_login(person)
        told = playback(client, scene)
        keys = [source["key"] for source in told["sources"] if source["role"] == "prediction"]
        assert keys == [f"predictions:{run.pk}" for run in (runs[2], runs[1])]
        assert told["leftOut"] == [
            "Only the newest 2 of the runs that predict this scene. Open an older one from its page."
        ]
        oldest = f"predictions:{runs[0].pk}"
        again = playback(client, scene, also=[oldest, keys[0], "predictions:9999999", "predictions:x"])
        assert [one["key"] for one in again["sources"] if one["role"] == "prediction"] == [*keys, oldest]

    def test_long_scenes_offer_fewer_runs_but_two(self, scene, monkeypatch):
        monkeypatch.setattr(prediction_overlays, "MOST_FRAMES", 1)
        for _ in range(4):
            predict(a_run(), scene, truth_of(scene))
        sources = prediction_sources(scene)
        assert len(sources) == 2
        assert sources.left_out

    def test_archived_runs_are_not_offered(self, scene):
        run = a_run()
        predict(run, scene, truth_of(scene))
        services.finish_run(run=run, by=run.started_by, status="completed")
        services.archive_run(run=run, by=run.started_by)
        assert prediction_sources(scene) == []
        assert len(prediction_sources(scene, key=f"predictions:{run.pk}")) == 1

    def test_other_keys_are_left_to_their_providers(self, scene):
        predict(a_run(), scene, truth_of(scene))
        for key in ("labels:1", "uncertainty:evaluation-3", "predictions:", "predictions:x", "predictions:" + "9" * 30):
            assert prediction_sources(scene, key=key, frame=1) == []


class TestBytes:
    def test_classes_and_uncertainty_come_in_display_order(self, scene, person, client):
        truth = wrong_by(truth_of(scene), 0.5)
        unsure = np.linspace(0, 1, 60).astype(np.float32)
        run = a_run()
        predict(run, scene, truth, uncertainty=[unsure, unsure], measure="variation_ratio")
        client.force_login(person)
        told = playback(client, scene)
        frame = scene.frames.order_by("index").first()
        sources = {source["key"]: source for source in told["sources"]}

        def fetched(key):
            source = sources[key]
            address = source["url"].replace("{frame}", str(frame.pk)).replace("{digest}", source["digests"][0])
            answer = client.get(address)
            assert answer.status_code == 200, answer.content
            return np.frombuffer(answer.content, np.uint8)

        classes = fetched(f"predictions:{run.pk}")
        assert np.array_equal(classes, displaying.in_display_order(frame, truth[0]))
        shown = fetched(f"uncertainty:{run.pk}").astype(int)
        wanted = displaying.in_display_order(frame, unsure)
        assert np.abs(shown / 254 - wanted).max() < 0.003

    def test_bytes_are_asked_for_in_one_query(self, scene, django_assert_num_queries):
        run = a_run()
        predict(run, scene, truth_of(scene), uncertainty=0.5)
        frame = scene.frames.first()
        for key in (f"predictions:{run.pk}", f"uncertainty:{run.pk}"):
            with django_assert_num_queries(1):
                (source,) = prediction_sources(scene, key=key, frame=frame.pk)
            assert set(source.digests) == {frame.pk}

    def test_who_may_not_see_runs_sees_none(self, scene, person, client):
        run = a_run()
        predict(run, scene, truth_of(scene))
        client.force_login(person)
        source = next(one for one in playback(client, scene)["sources"] if one["role"] == "prediction")
        frame = scene.frames.order_by("index").first()
        address = source["url"].replace("{frame}", str(frame.pk)).replace("{digest}", source["digests"][0])
        person.groups.first().permissions.filter(codename="view_run").delete()
        assert client.get(address).status_code == 403
        assert [one["role"] for one in playback(client, scene)["sources"]] == ["truth"]

    def test_another_scene_has_none_of_it(self, scene):
        run = a_run()
        predict(run, scene, truth_of(scene))
        other = a_ready_scene(name="other-drive").frames.select_related("scene").get()
        assert overlay_source(other, f"predictions:{run.pk}").digests == {}

    def test_replaced_predictions_have_another_address(self, scene):
        run = a_run()
        predict(run, scene, truth_of(scene))
        (before,) = prediction_sources(scene)
        predict(run, scene, wrong_by(truth_of(scene), 0.3), replace=True)
        (after,) = prediction_sources(scene)
        assert FramePrediction.objects.count() == 2
        assert all(before.digests[frame] != after.digests[frame] for frame in after.digests)
