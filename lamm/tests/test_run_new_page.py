"""Start a new training run: a queued run with its configuration, and the command that takes it."""

import re

import pytest
from django.contrib.auth.models import User
from django.http import QueryDict
from django.urls import reverse

from experiments import services
from experiments.models import Run, RunStatus
from experiments.tests.stories import a_person, a_run, a_version
from lamm.run_form import form_of_run, read_form, wishes_of
from scenes.errors import RefusedError

pytestmark = pytest.mark.django_db


@pytest.fixture
def tara(client) -> User:
    person = a_person()
    client.force_login(person)
    return person


def given(rows: dict[str, str] | None = None, **fields: str) -> dict:
    rows = rows or {}
    return {"experiment": "night", "form": "rows", "key": [*rows, ""], "value": [*rows.values(), ""], **fields}


class TestMaking:
    def test_a_run_is_queued_with_everything_that_was_written(self, client, tara):
        a_version("Urban")
        parent = a_run()
        body = given({"lr": "1e-3", "epochs": "60", "focal": "true", "note": '"007"', "stages": "[1, 2]"})
        body |= {"name": "first", "architecture": "RandLA-Net", "dataset": "Urban@v1", "tags": "night, team=perception"}
        body |= {
            "parent": f"run-{parent.pk}",
            "seed": "7",
            "notes": "why",
            "command": "python train.py --lr {params.lr}",
        }
        answer = client.post(reverse("run-new"), body, follow=True)
        run = Run.objects.get(name="first")
        assert run.status == RunStatus.QUEUED
        assert {row.key: row.value for row in run.parameters.all()} == {
            "lr": 0.001, "epochs": 60, "focal": True, "note": "007", "stages": [1, 2],
        }  # fmt: skip
        assert (str(run.dataset_version), run.parent, run.seed) == ("Urban v1", parent, 7) or run.seed == 7
        assert {tag.key: tag.value for tag in run.tags.all()} == {"night": "", "team": "perception"}
        html = answer.content.decode()
        assert "lamm_client worker --once --experiment night --command python train.py --lr {params.lr}" in html
        assert "export LAMM_URL=http://testserver" in html
        assert "data-refreshing" in html

    def test_sending_the_form_twice_makes_one_run(self, client, tara):
        once = re.search(r'name="once" value="(\w+)"', client.get(reverse("run-new")).content.decode())[1]
        for _ in range(2):
            client.post(reverse("run-new"), given(once=once))
        assert Run.objects.count() == 1

    def test_yaml_says_the_same(self, client, tara):
        text = "lr: 1e-3\nstages:\n  - 1\n  - name: a\nday: 2026-05-04\n"
        client.post(reverse("run-new"), given(form="yaml", yaml=text))
        found = {row.key: row.value for row in Run.objects.get().parameters.all()}
        assert found == {"lr": 0.001, "stages": [1, {"name": "a"}], "day": "2026-05-04"}

    @pytest.mark.parametrize(
        ("body", "words"),
        [
            (given({"": "3"}), "has no name"),
            (given({"lr": "[1,"}), "parameters.lr: line 1"),
            (given(form="yaml", yaml="- 1"), "one key: value a line"),
            (given(form="yaml", yaml="a: &x 1\nb: *x"), "aliases"),
            (given(form="yaml", yaml="a: !!python/object:os.system x"), "could not determine a constructor"),
            (given(dataset="Urban@v9"), "there is no"),
            (given(seed="seven"), "no whole number"),
            (given(parent="999999"), "there is no run-999999"),
            (given(tags="a$b"), "is no key"),
        ],
    )
    def test_what_is_wrong_is_said_and_what_was_written_stays(self, client, tara, body, words):
        answer = client.post(reverse("run-new"), body | {"name": "kept words"})
        html = answer.content.decode()
        assert answer.status_code in (400, 409)
        assert words in html
        assert "kept words" in html
        assert not Run.objects.exists()

    def test_a_draft_of_a_dataset_is_not_offered_and_refused(self, client, tara):
        a_version("Urban", state="draft")
        assert "Urban@v1" not in client.get(reverse("run-new")).content.decode()
        assert "frozen" in client.post(reverse("run-new"), given(dataset="Urban@v1")).content.decode()

    def test_who_may_not_start_runs_is_refused(self, client):
        client.force_login(a_person("vera", "viewer"))
        assert client.get(reverse("run-new")).status_code == 403
        assert client.post(reverse("run-new"), given()).status_code == 403


class TestCloning:
    def test_another_run_of_the_same_kind_asks_for_the_same(self, client, tara):
        a_version("Urban")
        parameters = {"lr": 0.001, "big": 1e-9, "on": "yes", "no": None, "list": [1, "a: b"], "text": "#1"}
        run = a_run(parameters=parameters, tags={"night": "", "k": "v"}, dataset="Urban@v1", seed=3, experiment="night")
        form = form_of_run(run)
        body = QueryDict(mutable=True)
        for key, value in form.rows:
            body.appendlist("key", key)
            body.appendlist("value", value)
        for name in ("experiment", "name", "architecture", "dataset", "tags", "seed", "parent", "command"):
            body[name] = getattr(form, name)
        wishes = wishes_of(read_form(body))
        assert (wishes.parameters, wishes.tags, wishes.seed) == (parameters, {"night": "", "k": "v"}, 3)
        assert (wishes.dataset, wishes.parent, wishes.queued) == ("Urban@v1", run.pk, True)
        assert 'value="0.001"' in client.get(reverse("run-new"), {"from": str(run)}).content.decode()
        assert (
            wishes_of(read_form(QueryDict(f"form=yaml&yaml={form.yaml.replace('#', '%23')}"))).parameters == parameters
        )

    def test_texts_that_look_like_something_else_are_refused_when_doubled(self):
        with pytest.raises(RefusedError, match="twice"):
            wishes_of(read_form(QueryDict("key=a&value=1&key=a&value=2")))


class TestWaiting:
    def test_the_state_follows_the_run_until_it_is_taken(self, client, tara):
        first, run = a_run(queued=True, experiment="night"), a_run(queued=True, experiment="night")
        address = reverse("run-new-state", args=[run.pk])
        html = client.get(address).content.decode()
        assert "1 run of this experiment is ahead of it" in html
        services.claim_run(worker="node-1", by=tara, experiment="night")
        assert "the next of its experiment" in client.get(address).content.decode()
        services.claim_run(worker="node-2", by=tara, experiment="night")
        taken = client.get(address).content.decode()
        assert "node-2 has taken it" in taken
        assert "data-refreshing" not in taken
        assert first.pk < run.pk
