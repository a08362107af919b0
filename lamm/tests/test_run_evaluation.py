"""What a run's page says of its evaluation: rates, confusion with its doors, scenes, the difference to another run."""

import re
from html import unescape
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from django.urls import reverse

from experiments import evaluation_selectors as selectors
from experiments.models import Run, RunEvaluation
from experiments.tests.evaluation_stories import a_pinned_version, a_run_on, label_again, predict_wrongly
from experiments.tests.stories import a_run
from lamm.run_evaluations import Choice, chosen, matrix
from lamm.tests.run_stories import a_judged_run, an_engineer, judged_scenes, log_curves
from scenes.errors import RefusedError
from scenes.models import Scene, SemanticClass, Tag

pytestmark = pytest.mark.django_db
MOST_QUERIES = 42


@pytest.fixture
def edna(client):
    person = an_engineer()
    client.force_login(person)
    return person


@pytest.fixture
def scenes(edna) -> list[Scene]:
    return judged_scenes()


@pytest.fixture
def judged(scenes, edna) -> tuple[Run, RunEvaluation]:
    return a_judged_run(scenes, by=edna)


def tab(client, run: Run, query: str = "", status: int = 200) -> str:
    response = client.get(f"{reverse('run', args=[run.pk])}?tab=evaluation{query}")
    assert response.status_code == status
    return unescape(response.content.decode())


def index_of(evaluation: RunEvaluation, name: str) -> int:
    return SemanticClass.objects.get(ontology=evaluation.ontology_id, name=name).index


class TestBeforeThereIsOne:
    def test_it_says_what_is_missing(self, client, edna):
        assert "No predictions yet" in tab(client, a_run(by=edna))

    def test_a_button_begins_one_and_its_progress_is_told(self, client, edna, scenes, monkeypatch):
        monkeypatch.setattr("experiments.services.evaluating.wake", lambda _: None)
        train, *val = scenes
        run = a_run_on(a_pinned_version(train=[train], val=val), by=edna)
        predict_wrongly(run, val[0])
        assert "Evaluate now" in tab(client, run)
        client.post(reverse("run-evaluate", args=[run.pk]), {"rule": "nuscenes"})
        assert RunEvaluation.objects.get(run=run).rule == "nuscenes"
        text = tab(client, run)
        assert "An evaluation is queued" in text
        assert reverse("run-evaluation-live", args=[run.pk]) in text

    def test_a_refusal_is_said(self, client, edna):
        run = a_run(by=edna)
        answer = client.post(reverse("run-evaluate", args=[run.pk]), follow=True)
        assert "notice-error" in answer.content.decode()

    def test_an_ended_one_makes_the_page_load_again(self, client, judged):
        answer = client.get(reverse("run-evaluation-live", args=[judged[0].pk]))
        assert answer["HX-Refresh"] == "true"


class TestTheNumbers:
    def test_they_are_those_of_the_evaluation(self, client, judged):
        run, evaluation = judged
        text = tab(client, run)
        assert f">{100 * evaluation.miou:.1f}</dd>" in re.sub(r"\s+<", "<", text)
        assert "Clean evaluation" in text
        assert "MMDetection3D (stored)" in text

    def test_the_rule_can_be_switched(self, client, judged):
        run, evaluation = judged
        other = selectors.figures(evaluation, rule="semantic-kitti")
        assert f"{100 * other.miou:.1f}" in tab(client, run, "&rule=semantic-kitti")
        assert "rule SemanticKITTI" in tab(client, run, "&rule=semantic-kitti")
        tab(client, run, "&rule=mine", status=400)

    @pytest.mark.parametrize(("by", "words"), [("range", "10-20 m"), ("split", ">val<"), ("slice", ">far<"),
                                               ("tag", ">rain<")])  # fmt: skip
    def test_by_parts(self, client, judged, scenes, by, words):
        scenes[1].tags.add(Tag.objects.create(name="rain"))
        assert words in tab(client, judged[0], f"&by={by}")

    def test_a_slice_narrows_everything(self, client, judged):
        text = tab(client, judged[0], "&slice=far")
        assert ">easy</a>" in text
        assert ">hard</a>" not in text

    def test_other_numbers_of_the_run_are_told_with_both_values(self, client, edna, judged):
        run, _ = judged
        log_curves(run, {"val/miou": -0.01}, steps=40)
        text = tab(client, run)
        assert "The run reports 1 other number than the server computed" in text
        assert "0.61" in text

    def test_newer_labels_make_it_outdated_with_a_way_to_compute_again(
        self, client, judged, scenes, tmp_path, monkeypatch
    ):
        monkeypatch.setattr("experiments.services.evaluating.wake", lambda _: None)
        run, _ = judged
        label_again(scenes[1], tmp_path)
        assert "Compute again" in tab(client, run)
        client.post(reverse("run-evaluate", args=[run.pk]), {"again": "1"})
        assert RunEvaluation.objects.filter(run=run).count() == 2

    def test_trained_on_scenes_are_told_of(self, client, edna, scenes):
        train, *val = scenes
        run, _ = a_judged_run(scenes, version=a_pinned_version(train=[train], val=val), by=edna)
        dirty = a_run_on(a_pinned_version("Dirty", train=[val[0]], val=val[1:]), by=edna, resumed_from=None)
        assert "Contaminated" not in tab(client, run)
        assert "Contaminated" not in tab(client, dirty)


class TestTheConfusion:
    def test_a_cell_leads_to_its_frames_and_from_there_to_its_points(self, client, judged, scenes):
        run, evaluation = judged
        cell = (index_of(evaluation, "road"), 1)
        text = tab(client, run, f"&cell={cell[0]},{cell[1]}")
        doors = re.findall(r'<li><a href="(/scenes/[^"]+)">', text)
        found = selectors.frames_with_confusion(evaluation, truth=cell[0], predicted=cell[1])
        assert len(doors) == len(found) > 0
        first = parse_qs(urlsplit(doors[0]).query)
        assert first["only"] == [f"{cell[0]},{cell[1]}"]
        assert first["frame_id"] == [str(found[0].frame)]
        labels = scenes[2].label_sets.get().pk
        assert first["colour"] == [f"error:labels:{labels}~predictions:{run.pk}"]

    @pytest.mark.parametrize("cell", ["1", "1,999", "a,b", "1,2,3", "-1,2"])
    def test_what_is_no_cell_is_refused(self, client, judged, cell):
        tab(client, judged[0], f"&cell={cell}", status=400)

    @pytest.mark.parametrize(("show", "sums"), [("row", 1), ("column", 0)])
    def test_shares_of_rows_and_columns_add_up(self, judged, show, sums):
        figures = selectors.figures(judged[1])
        shares = np.array([[cell.share or 0.0 for cell in row.cells] for row in matrix(figures, show).rows])
        whole = shares.sum(axis=sums)
        assert np.allclose(whole[whole > 0], 1)

    def test_every_cell_is_told_in_words(self, client, judged):
        assert re.search(
            r'aria-label="road predicted as \w+: [\d,]+ points, [\d.]+ % of all true road"', tab(client, judged[0])
        )

    def test_drilling_down_costs_no_more_queries_with_more_frames(self, client, judged, django_assert_max_num_queries):
        run, evaluation = judged
        cell = f"{index_of(evaluation, 'road')},1"
        with django_assert_max_num_queries(MOST_QUERIES):
            tab(client, run, f"&cell={cell}")


class TestTheScenes:
    def order(self, text: str) -> list[str]:
        return re.findall(r'scene-cell"><a href="\?tab=compare&scene=\d+">(\w+)</a>', text)

    def test_worst_first_best_first_or_by_a_class(self, client, judged):
        run, evaluation = judged
        assert self.order(tab(client, run)) == ["hard", "easy"]
        assert self.order(tab(client, run, "&order=best")) == ["easy", "hard"]
        assert self.order(tab(client, run, f"&order=class:{index_of(evaluation, 'road')}"))[0] == "hard"
        tab(client, run, "&order=nicest", status=400)

    def test_frames_of_a_scene_come_on_demand_worst_first(self, client, judged, scenes):
        text = tab(client, judged[0], f"&scene={scenes[2].pk}")
        assert text.count("frame-line") == 2
        assert "frame-line" not in tab(client, judged[0])

    def test_addresses_keep_what_is_chosen(self):
        choice = chosen({"rule": "nuscenes", "order": "best", "page": "3"})
        assert choice == Choice(rule="nuscenes", order="best", page=3)
        assert choice.address(show="count") == "tab=evaluation&rule=nuscenes&show=count&order=best"
        for bad in ({"page": "0"}, {"page": "x"}, {"show": "all"}, {"by": "colour"}):
            with pytest.raises(RefusedError):
                chosen(bad)


class TestTheDifference:
    def test_fixed_and_broken_frames_against_another_run(self, client, edna, judged, scenes):
        before, evaluation = judged
        after, _ = a_judged_run(scenes, shares=(0.9, 0.0), version=evaluation.dataset_version, by=edna)
        text = tab(client, after, f"&against={before.pk}")
        assert f">{before}</a> to {after}" in text
        assert "4 frames that both were evaluated on" in text
        assert re.search(r"Broken <span[^>]*>2</span>", text)

    def test_a_run_without_an_evaluation_is_said_to_have_none(self, client, edna, judged):
        other = a_run(by=edna)
        assert f"{other} has no finished evaluation" in tab(client, judged[0], f"&against={other.pk}")


class TestTheComparison:
    def shown(self, client, run: Run, query: str = "", status: int = 200) -> str:
        response = client.get(f"{reverse('run', args=[run.pk])}?tab=compare{query}")
        assert response.status_code == status
        return unescape(response.content.decode())

    def test_the_worst_scene_comes_first_and_the_list_stays(self, client, judged, scenes):
        text = self.shown(client, judged[0])
        assert re.findall(r'data-scene="(\d+)"', text) == [str(scenes[2].pk), str(scenes[1].pk)]
        assert f'"playback": "/scenes/{scenes[2].pk}/playback/"' in text
        assert f'"prediction": "predictions:{judged[0].pk}"' in text

    def test_any_evaluated_scene_can_be_asked_for_and_no_other(self, client, judged, scenes):
        text = self.shown(client, judged[0], f"&scene={scenes[1].pk}&colour=height&only=3,5&order=best")
        assert f'"playback": "/scenes/{scenes[1].pk}/playback/"' in text
        self.shown(client, judged[0], f"&scene={scenes[0].pk}", status=400)
        self.shown(client, judged[0], "&order=nicest", status=400)

    def test_a_second_run_beside(self, client, edna, judged):
        other = a_run(by=edna)
        text = self.shown(client, judged[0], f"&against={other.pk}")
        assert f'"other": "predictions:{other.pk}"' in text
        assert "Both error maps" in text

    def test_without_an_evaluation_it_leads_there(self, client, edna):
        assert "Nothing to compare yet" in self.shown(client, a_run(by=edna))

    def test_the_report_tells_of_the_evaluation(self, client, judged):
        text = client.get(reverse("run-report", args=[judged[0].pk])).content.decode()
        assert "Confusion" in text
        assert f"{100 * judged[1].miou:.1f}" in text
