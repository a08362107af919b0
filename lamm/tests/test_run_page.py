"""The page of a run: head, curves, configuration, files, history, report; what its evaluation says is beside it."""

import json
import re
from html import unescape

import pytest
import yaml
from django.urls import reverse

from experiments import services
from experiments.models import Run
from experiments.tests.stories import a_person, a_run
from lamm.tests.run_stories import EVIL, a_trained_run, an_engineer, keep, log_curves
from registry.tests.stories import a_version, a_world

pytestmark = pytest.mark.django_db
MOST_QUERIES = 26


@pytest.fixture
def edna(client):
    person = an_engineer()
    client.force_login(person)
    return person


@pytest.fixture
def run(edna) -> Run:
    return a_trained_run(by=edna)


def page(client, run: Run, query: str = "", status: int = 200) -> str:
    response = client.get(reverse("run", args=[run.pk]) + query)
    assert response.status_code == status
    return response.content.decode()


class TestTheHead:
    def test_who_what_and_the_final_metrics(self, client, run):
        text = page(client, run)
        for words in ("run-", "rainy", "Completed", "RandLA-Net", "edna", "best.pt", "Training loss", "Validation loss",
                      "mIoU", "night"):  # fmt: skip
            assert words in text

    def test_an_account_without_the_right_is_refused(self, client, run, django_user_model):
        client.force_login(django_user_model.objects.create_user("nora"))
        assert client.get(reverse("run", args=[run.pk])).status_code == 403

    @pytest.mark.parametrize("query", ["?tab=nothing", "?lr=1", "?tab=configuration&against=x", "?tab=artifacts&key=a"])
    def test_what_nobody_knows_is_refused(self, client, run, query):
        page(client, run, query, status=400)

    def test_there_is_no_page_of_what_is_not_there(self, client, run):
        assert client.get(reverse("run", args=[run.pk + 1])).status_code == 404

    def test_an_active_run_asks_for_its_head_again_and_an_ended_one_does_not(self, client, edna, run):
        going = a_run(by=edna)
        services.beat(run=going, by=edna, steps_done=30, steps_total=120)
        live = client.get(reverse("run-page-live", args=[going.pk])).content.decode()
        assert "hx-trigger" in live
        assert "30 of 120 steps" in live
        ended = client.get(reverse("run-page-live", args=[run.pk]))
        assert ended["HX-Refresh"] == "true"
        assert "hx-trigger" not in ended.content.decode()

    def test_archive_restore_and_kill_are_offered_where_they_can_be_done(self, client, edna, run):
        going = a_run(by=edna)
        assert reverse("run-page-kill", args=[going.pk]) in page(client, going)
        assert reverse("run-page-archive", args=[going.pk]) not in page(client, going)
        client.post(reverse("run-page-archive", args=[run.pk]))
        assert Run.objects.get(pk=run.pk).archived
        assert reverse("run-page-restore", args=[run.pk]) in page(client, run)
        client.post(reverse("run-page-restore", args=[run.pk]))
        assert not Run.objects.get(pk=run.pk).archived
        client.post(reverse("run-page-kill", args=[going.pk]))
        assert Run.objects.get(pk=going.pk).status == "killed"

    def test_a_refusal_is_said_on_the_page(self, client, edna):
        going = a_run(by=edna)
        answer = client.post(reverse("run-page-archive", args=[going.pk]), follow=True)
        assert "Finish or kill it before archiving it" in answer.content.decode()

    def test_a_stranger_to_the_run_is_offered_nothing(self, client, run):
        client.force_login(a_person("tim", "trainer"))
        assert reverse("run-page-archive", args=[run.pk]) not in page(client, run)

    @pytest.mark.parametrize("tab", ["overview", "configuration", "artifacts", "history", "evaluation", "compare"])
    def test_the_number_of_queries_does_not_grow(self, client, edna, run, tab, django_assert_max_num_queries):
        log_curves(run, {f"more/{number}": 0.1 for number in range(20)}, steps=3)
        services.resume_run(run=run, by=edna)
        for number in range(20):
            keep(run, f"logs/{number}.txt", b"a line\n")
            a_run(by=edna, parent=run.pk)
        with django_assert_max_num_queries(MOST_QUERIES):
            page(client, run, f"?tab={tab}")


class TestTheOverview:
    def test_losses_ious_and_learning_rate_each_have_their_plot(self, client, run):
        charts = re.findall(r'data-keys="([^"]*)" data-title="([^"]*)"', page(client, run))
        assert ("train/loss,val/loss", "Training and validation loss") in charts
        assert ("val/mIoU,val/iou/road", "Validation IoU by class") in charts
        assert ("lr", "Learning rate") in charts
        assert ("speed", "speed") in charts

    def test_the_best_checkpoint_is_marked_by_the_metric_that_is_chosen(self, client, run):
        text = page(client, run)
        assert "Highest val/mIoU" in text
        assert 'data-mark-step="19"' in text
        assert "Lowest val/loss" in page(client, run, "?best=val/loss")

    def test_a_long_series_finds_its_best_step_in_its_buckets(self, client, edna):
        run = a_run(by=edna)
        log_curves(run, {"val/mIoU": 0.001}, steps=5000)
        assert 'data-mark-step="4999"' in page(client, run)

    def test_chosen_metrics_are_drawn_instead_of_the_usual_others(self, client, edna, run):
        log_curves(run, {"a": 1.0, "b": 1.0}, steps=3)
        text = page(client, run, "?key=b&smoothing=0.5&x=time")
        assert 'data-keys="b"' in text
        assert 'data-keys="a"' not in text
        assert 'data-smoothing="0.5"' in text
        assert 'data-x="time"' in text

    def test_a_run_without_metrics_says_how_they_come(self, client, edna):
        assert "run.log(" in page(client, a_run(by=edna))


class TestTheConfiguration:
    def test_every_parameter_typed_and_escaped(self, client, run):
        text = page(client, run, "?tab=configuration")
        assert EVIL not in text
        assert "&lt;script&gt;" in text
        for words in ("optimizer", "List or object", "9f1c2d7e0b1a", "python train.py", "torch", "A100"):
            assert words in text

    def test_the_patch_is_shown_by_lines_with_their_numbers(self, client, run):
        text = unescape(page(client, run, "?tab=configuration"))
        assert '<tr class="patch-removed"><td class="patch-number">42</td><td class="patch-number"></td>' in text
        assert '<tr class="patch-added"><td class="patch-number"></td><td class="patch-number">42</td>' in text

    def test_a_long_patch_is_cut_and_whole_in_its_file(self, client, edna):
        long = "diff --git a/x b/x\n@@ -0,0 +1,9000 @@\n" + "+line\n" * 9000
        run = a_run(by=edna, diff=long)
        text = page(client, run, "?tab=configuration")
        assert text.count("patch-added") < 3001
        assert "6,002 more lines" in text
        assert client.get(reverse("run-patch", args=[run.pk])).content.decode() == long

    def test_a_huge_configuration_is_downloaded_and_not_carried_by_the_page(self, client, edna):
        run = a_run(by=edna, parameters={f"parameter-{number}": "x" * 5000 for number in range(60)})
        text = page(client, run, "?tab=configuration")
        assert len(text) < 250_000
        assert "Copy YAML" not in text
        whole = json.loads(client.get(reverse("run-configuration-file", args=[run.pk, "json"])).content)
        assert len(whole["parameters"]["parameter-7"]) == 5000

    def test_the_difference_to_another_run(self, client, edna, run):
        other = a_run(by=edna, parameters={"lr": 0.1, "depth": 3}, packages={"torch": "2.3.0"})
        text = page(client, run, f"?tab=configuration&against=run-{other.pk}")
        assert 'class="param-changed" data-words="lr 0.01"' in text
        assert 'class="param-removed" data-words="depth ' in text
        assert "1 changed, 2 only here, 1 only there" in text

    def test_the_configuration_as_files(self, client, run):
        told = json.loads(client.get(reverse("run-configuration-file", args=[run.pk, "json"])).content)
        assert told["parameters"]["optimizer"] == {"name": "adamw"}
        assert told["packages"] == {"torch": "2.4.1"}
        assert yaml.safe_load(client.get(reverse("run-configuration-file", args=[run.pk, "yaml"])).content) == told
        assert client.get(reverse("run-configuration-file", args=[run.pk, "pickle"])).status_code == 404


class TestTheArtifacts:
    def look(self, client, run: Run, path: str) -> str:
        return page(client, run, f"?tab=artifacts&artifact={path}")

    def test_files_with_digest_and_the_model_marked(self, client, run):
        text = page(client, run, "?tab=artifacts")
        model = run.artifacts.get(path="best.pt")
        assert model.file.digest in text
        assert text.count('title="The model of this run"') == 1

    def test_a_table_a_document_and_text_are_shown_and_never_as_html(self, client, run):
        assert "<td>&lt;b&gt;car&lt;/b&gt;</td>" in self.look(client, run, "scores.csv")
        assert "&quot;depth&quot;: 4" in self.look(client, run, "config.json")
        html = self.look(client, run, "page.html")
        assert EVIL not in html
        assert "&lt;script&gt;" in html

    def test_a_binary_file_is_not_looked_into(self, client, run):
        assert "A binary file" in self.look(client, run, "best.pt")

    def test_a_picture_is_known_by_its_bytes_and_can_do_nothing(self, client, run):
        artifact = run.artifacts.get(path="plots/loss.png")
        address = reverse("run-picture", args=[run.pk, artifact.pk, artifact.file.digest])
        assert address in self.look(client, run, "plots/loss.png")
        answer = client.get(address)
        assert answer["Content-Type"] == "image/png"
        assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox"
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert client.get(address, headers={"If-None-Match": answer["ETag"]}).status_code == 304

    @pytest.mark.parametrize("path", ["drawing.svg", "page.html", "best.pt"])
    def test_nothing_else_is_served_as_a_picture(self, client, edna, path):
        run = a_trained_run(by=edna)
        artifact = run.artifacts.get(path=path)
        answer = client.get(reverse("run-picture", args=[run.pk, artifact.pk, artifact.file.digest]))
        assert answer.status_code == 404

    def test_a_huge_text_is_cut(self, client, edna):
        run = a_run(by=edna)
        keep(run, "big.txt", b"x" * 1_000_000)
        text = self.look(client, run, "big.txt")
        assert len(text) < 200_000
        assert "Only its beginning is shown" in text

    def test_pages_go_by_path_and_search_finds(self, client, edna):
        run = a_run(by=edna)
        for number in range(103):
            keep(run, f"frames/{number:03d}.bin", b"x")
        first = page(client, run, "?tab=artifacts")
        assert "frames/099.bin" in first
        assert "frames/100.bin" not in first
        assert "frames/102.bin" in page(client, run, "?tab=artifacts&after=frames/099.bin")
        assert "frames/042.bin" in page(client, run, "?tab=artifacts&search=042")

    def test_there_is_no_look_at_what_is_not_there(self, client, run):
        page(client, run, "?tab=artifacts&artifact=no/such", status=404)


class TestTheHistory:
    def test_the_end_of_the_log(self, client, run):
        text = page(client, run, "?tab=history")
        assert "line 4999" in text
        assert "line 100\n" not in text

    def test_events_states_and_what_stopped_it(self, client, edna):
        run = a_trained_run(by=edna, end="failed")
        text = page(client, run, "?tab=history")
        assert "RuntimeError: out of memory" in text
        assert "Artifact best.pt uploaded" in text
        assert "Tag “night” set" in text
        assert re.search(r"<b>Running</b>.*<b>Failed</b>", text, re.DOTALL)

    def test_the_picture_leads_to_parents_and_children(self, client, edna, run):
        child = a_run(by=edna, parent=run.pk)
        assert f'href="/runs/{child.pk}/"' in page(client, run, "?tab=history")
        assert f'href="/runs/{run.pk}/"' in page(client, child, "?tab=history")

    def test_the_models_made_of_it_are_in_the_picture(self, client, django_user_model):
        version = a_version(a_world())
        client.force_login(django_user_model.objects.create_superuser("sue"))
        address = reverse("model-version", args=[version.model.name, version.label])
        assert f'href="{address}"' in page(client, version.run, "?tab=history")


class TestTheReport:
    def test_it_needs_nothing_else(self, client, run):
        answer = client.get(reverse("run-report", args=[run.pk]))
        assert answer["Content-Disposition"] == f'attachment; filename="{run}-report.html"'
        text = answer.content.decode()
        assert EVIL not in text
        assert "<script" not in text
        assert not re.findall(r'(?:src|<link[^>]*href)="', text)
        for words in ("Training and validation loss", 'class="curve c0"', "val/mIoU", "optimizer", "weighted(logits)"):
            assert words in text

    def test_it_tells_of_an_empty_run_too(self, client, edna):
        assert client.get(reverse("run-report", args=[a_run(by=edna).pk])).status_code == 200
