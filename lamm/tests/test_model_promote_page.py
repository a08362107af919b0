"""The form that promotes a run."""

from html import unescape

import pytest
from django.utils import timezone

from experiments.tests.stories import a_person
from registry.models import ModelVersion
from registry.tests.stories import MODEL, a_trained_run, a_version, a_world, evaluate, log_artifact

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(client):
    found = a_world()
    client.force_login(found.engineer)
    return found


def shown(client, query: str = "") -> str:
    answer = client.get(f"/models/promote/{query}")
    assert answer.status_code == 200
    return unescape(answer.content.decode())


def test_without_a_run_the_newest_with_artifacts_are_offered(client, world):
    assert "No run has left an artifact" in shown(client)
    run, empty = a_trained_run(world), a_trained_run(world, path="")
    text = shown(client)
    assert f"?run={run.pk}" in text
    assert f"?run={empty.pk}" not in text


def test_the_likely_model_among_several_artifacts_is_chosen_beforehand(client, world):
    run = a_trained_run(world)
    log_artifact(run, "checkpoints/last.pt", b"later weights", world.engineer)
    log_artifact(run, "notes.txt", b"words", world.engineer)
    text = shown(client, f"?run={run.pk}")
    assert '<option value="checkpoints/best.pt" selected>' in text
    assert text.count(" selected>") == 1


def test_the_form_shows_what_is_kept_and_registers_with_one_post(client, world):
    run = a_trained_run(world)
    evaluate(run, world)
    text = shown(client, f"?run={run.pk}")
    for words in ("checkpoints/best.pt", "0.818", "clean", "Test@v1"):
        assert words in text
    given = {
        "model": MODEL,
        "artifact": "checkpoints/best.pt",
        "release_notes": "New.",
        "label": "v3.2",
        "tags": "a, b",
    }
    answer = client.post(f"/models/promote/?run={run.pk}", {"run": run.pk, **given})
    assert (answer.status_code, answer.headers["Location"]) == (302, f"/models/{MODEL}/v3.2/")
    version = ModelVersion.objects.get()
    assert (version.release_notes, version.tags, version.created_by) == ("New.", ["a", "b"], world.engineer)
    assert "Made from this run before" in shown(client, f"?run={run.pk}")


def test_a_refusal_keeps_what_was_typed(client, world):
    run = a_trained_run(world)
    given = {
        "run": run.pk,
        "model": MODEL,
        "label": "best",
        "artifact": "checkpoints/best.pt",
        "release_notes": "Mine.",
    }
    answer = client.post(f"/models/promote/?run={run.pk}", given)
    text = unescape(answer.content.decode())
    assert answer.status_code == 400
    assert "Write it as v3" in text
    assert "Mine." in text
    assert not ModelVersion.objects.exists()


def test_an_artifact_that_is_taken_twice_conflicts(client, world):
    version = a_version(world)
    answer = client.post("/models/promote/", {"run": version.run_id, "model": MODEL, "artifact": "checkpoints/best.pt"})
    assert answer.status_code == 409
    assert f"is {MODEL} v1 already" in unescape(answer.content.decode())


def test_of_several_artifacts_one_is_chosen(client, world):
    run = a_trained_run(world)
    log_artifact(run, "notes.txt", b"x", world.engineer)
    assert "choose which one is the model" in shown(client, f"?run={run.pk}")


def test_archived_runs_are_not_offered_and_others_may_not_promote(client, world):
    run = a_trained_run(world, archived_at=timezone.now())
    assert f"?run={run.pk}" not in shown(client)
    client.force_login(a_person("vera", "viewer"))
    assert client.get("/models/promote/").status_code == 403
