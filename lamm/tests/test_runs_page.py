"""The tracker's page: columns, query with its errors, baseline, groups, saved views, steps, live rows and exports."""

import io
import json
import re
from datetime import timedelta
from html import unescape
from urllib.parse import quote

import pyarrow.parquet as pq
import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from django.utils import timezone

from experiments import services
from experiments.models import Artifact, Run, RunPreferences, RunView
from experiments.tests.stories import a_batch, a_person, a_run, a_version
from lamm.run_live import spark_path
from lamm.run_rows import figure_text
from scenes import storage
from scenes.models import StoredFile

pytestmark = pytest.mark.django_db
SPACE = "\N{NO-BREAK SPACE}"


@pytest.fixture
def tara(client) -> User:
    person = a_person()
    client.force_login(person)
    return person


def page(client, query="", **headers) -> str:
    response = client.get(reverse("runs") + query, headers=headers)
    assert response.status_code == 200
    return re.sub(r"[ \n]+", " ", response.content.decode())


def measured(run: Run, **values: float) -> Run:
    for key, value in values.items():
        key = key.replace("__", "/")
        services.record_metrics(run=run, batch=a_batch(key, steps=[1, 2], values=[2.0, value]), by=a_person())
    return run


def cell(html: str, run: Run, column: str) -> str:
    """The text of a run's cell."""
    names = unescape(re.search(r'data-columns="([^"]*)"', html)[1]).split(",")
    row = re.search(rf'<tr id="run-{run.pk}".*?</tr>', html, re.DOTALL)[0]
    cells = re.findall(r"<td.*?</td>", row, re.DOTALL)[1:]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", cells[names.index(column)])).strip()


class TestWhoMayLook:
    def test_an_account_without_a_role_is_refused(self, client):
        client.force_login(User.objects.create_user("nora"))
        assert client.get(reverse("runs")).status_code == 403

    def test_a_viewer_sees_runs_but_no_way_to_change_them(self, client):
        run = a_run(tags={"night": ""})
        client.force_login(a_person("vera", "viewer"))
        html = page(client)
        assert str(run) in html
        for way in (reverse("run-new"), 'data-run-bulk="archive"', "edit-open"):
            assert way not in html

    def test_without_runs_it_says_how_to_begin(self, client, tara):
        html = page(client)
        assert "No runs yet" in html
        assert reverse("run-new") in html


class TestColumns:
    def test_the_columns_of_the_specification(self, client, tara):
        version = a_version("Urban")
        run = measured(a_run(architecture="RandLA-Net", dataset="Urban@v1"), train__loss=0.25, val__loss=0.5)
        measured(run, val__iou__obstacle=0.7, iou_ground=0.9)
        kept = StoredFile.objects.row_for(storage.save_bytes(b"weights", storage=storage.ORIGINALS))
        for path in ("checkpoints/epoch-1.pt", "checkpoints/best.pt", "notes.txt"):
            Artifact.objects.create(run=run, path=path, file=kept)
        services.finish_run(run=run, by=tara, status="completed")
        end = timezone.now()
        Run.objects.filter(pk=run.pk).update(started_at=end - timedelta(hours=2), finished_at=end)
        html = page(client)
        told = {name: cell(html, run, name) for name in re.search(r'data-columns="([^"]*)"', html)[1].split(",")}
        assert told["id"].startswith(str(run))
        assert told["status"] == "Completed"
        assert told["architecture"] == "RandLA-Net"
        assert (told["training_loss"], told["validation_loss"]) == ("0.2500", "0.5000")
        assert (told["iou_obstacle"], told["iou_ground"]) == ("0.7000", "0.9000")
        assert told["dataset"] == "Urban @v1"
        assert told["model"].startswith("checkpoints/best.pt")
        assert (told["user"], told["duration"]) == ("tara", "2 h 00 min")
        assert reverse("run-artifact", args=[run.pk, "checkpoints/best.pt"]) in html
        assert reverse("dataset", args=["Urban", version.number]) in html

    def test_any_metric_parameter_and_tag_can_be_a_column(self, client, tara):
        run = measured(a_run(parameters={"lr": 0.01}, tags={"team": "perception"}), **{"my key": 0.5})
        named = {
            "params.lr": "0.01",
            "tags.team": "perception",
            'metrics."my key".max': "2.0000",
            'metrics."my key"': "0.5000",
        }
        html = page(client, f"?columns={quote(','.join([*named, 'banana', 'status']))}")
        assert {name: cell(html, run, name) for name in named} == named
        assert "banana" not in re.search(r'data-columns="[^"]*"', html)[0]

    def test_another_metric_stands_for_a_figure_by_address_or_for_a_person(self, client, tara):
        run = measured(a_run(), loss=0.5, mine=0.125)
        assert cell(page(client), run, "training_loss") == "0.5000"
        assert cell(page(client, "?training_loss=mine"), run, "training_loss") == "0.1250"
        answer = client.post(reverse("run-list-preferences"), {"training_loss": "mine", "density": "compact"})
        assert answer.json()["figures"] == {"training_loss": "mine"}
        html = page(client)
        assert cell(html, run, "training_loss") == "0.1250"
        assert "density-compact" in html

    def test_columns_are_kept_for_a_person_and_the_address_goes_before(self, client, tara):
        run = a_run(seed=7)
        client.post(reverse("run-list-preferences"), {"columns": "id,seed"})
        assert RunPreferences.objects.get(user=tara).columns == ["id", "seed"]
        assert cell(page(client), run, "seed") == "7"
        assert 'data-columns="id,status"' in page(client, "?columns=status")
        assert client.post(reverse("run-list-preferences"), {"density": "huge"}).status_code == 400

    def test_the_best_of_a_column_is_marked(self, client, tara):
        bad, good = measured(a_run(), val__loss=0.9, acc=0.9), measured(a_run(), val__loss=0.2, acc=0.1)
        html = page(client, "?columns=validation_loss,metrics.acc")
        assert cell(html, good, "validation_loss") == "0.2000 best"
        assert cell(html, bad, "validation_loss") == "0.9000"
        assert cell(html, bad, "metrics.acc") == "0.9000 best"

    def test_a_baseline_leads_and_the_others_tell_their_distance(self, client, tara):
        base, other = measured(a_run(), val__loss=0.5), measured(a_run(), val__loss=0.25)
        html = page(client, f"?baseline={base.pk}&columns=validation_loss&query=id+%3D+{other.pk}")
        assert html.index(f'id="run-{base.pk}"') < html.index(f'id="run-{other.pk}"')
        assert cell(html, other, "validation_loss").endswith("\N{MINUS SIGN}0.2500")
        assert "change-better" in html

    @pytest.mark.parametrize(
        ("value", "text"),
        [(0.73125, "0.7312"), (float("nan"), "NaN"), (1.5e-5, "1.50e-05"), (1234567.0, "1.23e+06"), (0.0, "0.0000"),
         (float("-inf"), "\N{MINUS SIGN}\N{INFINITY}"), (42.123, "42.12"), (None, "")],
    )  # fmt: skip
    def test_figures_are_written_with_their_digits(self, value, text):
        assert figure_text(value) == text


class TestQuery:
    def test_finds_what_it_says_and_is_in_the_address(self, client, tara):
        wanted = measured(a_run(tags={"night": ""}), val_iou=0.8)
        other = measured(a_run(tags={"night": ""}), val_iou=0.6)
        html = page(client, '?query=metrics.val_iou+>+0.7+and+tag+%3D+"night"', **{"HX-Request": "true"})
        assert f'id="run-{wanted.pk}"' in html
        assert f'id="run-{other.pk}"' not in html
        assert "1</strong> run" in html

    def test_an_error_points_at_the_character(self, client, tara):
        a_run()
        response = client.get(reverse("runs"), {"query": "status = faild"})
        html = response.content.decode()
        assert '<pre aria-hidden="true"><span>status = faild</span>\n<b>         ^^^^^</b></pre>' in html
        assert "Did you mean failed?" in html
        assert 'data-position="9"' in html

    def test_names_for_completion(self, client, tara):
        measured(a_run(parameters={"lr": 1}, tags={"val": ""}, architecture="RandLA-Net"), val_loss=1)
        found = client.get(reverse("run-list-keys"), {"prefix": "val"}).json()
        assert found == {"metrics": ["val_loss"], "params": [], "tags": ["val"]}
        for name, value in (("architecture", "RandLA-Net"), ("user", "tara"), ("experiment", "Default")):
            asked = {"values": name, "prefix": value[:2].lower() if name == "architecture" else value[:2]}
            assert client.get(reverse("run-list-keys"), asked).json() == {"values": [value]}

    def test_a_filter_that_does_not_exist_is_told(self, client, tara):
        a_run()
        assert "nothing is listed" in page(client, "?started_by=nobody")


class TestGroups:
    @pytest.mark.parametrize("by", ["experiment", "architecture", "dataset", "parent"])
    def test_runs_are_gathered_with_counts_and_a_way_to_one_group(self, client, tara, by):
        a_version("Urban")
        parent = a_run(experiment="alone")
        for number in range(7):
            a_run(experiment="one", architecture="A", dataset="Urban@v1", parent=parent.pk, name=f"n{number}")
        html = page(client, f"?group={by}&sort=name")
        assert html.count('class="run-group"') == 2
        assert '<span class="badge">7</span>' in html
        assert len(re.findall(r'<tr id="run-', html)) == 6
        address = re.search(r'href="([^"]*)" data-go>Show all', html)[1].replace("&amp;", "&")
        assert len(re.findall(r'<tr id="run-', page(client, "?" + address.partition("?")[2]))) == 7


class TestCosts:
    def test_the_page_takes_the_same_number_of_queries_for_any_number_of_runs(
        self, client, tara, django_assert_max_num_queries, django_assert_num_queries
    ):
        def more(number: int) -> None:
            run = a_run(name=f"n{number}", tags={"night": "", "team": "x"}, parameters={"lr": number})
            measured(run, val__loss=number, val__iou__obstacle=0.5)
            kept = StoredFile.objects.row_for(storage.save_bytes(b"%d" % number, storage=storage.ORIGINALS))
            Artifact.objects.create(run=run, path="model.pt", file=kept)

        def ask() -> None:
            page(
                client,
                "?query=metrics.val/loss+>+-1&sort=-validation_loss&columns=status,params.lr,tags,model,iou_obstacle",
            )

        more(0)
        ask()
        with django_assert_max_num_queries(24) as few:
            ask()
        for number in range(1, 6):
            more(number)
        with django_assert_num_queries(len(few)):
            ask()


class TestSteps:
    def test_archiving_can_be_undone_and_says_what_could_not_be_archived(self, client, tara):
        ended, running = a_run(), a_run()
        services.finish_run(run=ended, by=tara, status="completed")
        said = client.post(reverse("run-list-bulk", args=["archive"]), {"runs": f"{ended.pk},{running.pk},999999"})
        html = said.content.decode()
        assert "1 run archived" in html
        assert f'data-run-undo="restore" data-runs="{ended.pk}"' in html
        assert f"{running} is running" in html
        assert "There is no run-999999" in html
        assert f'id="run-{ended.pk}"' not in page(client)
        client.post(reverse("run-list-bulk", args=["restore"]), {"runs": str(ended.pk)})
        assert f'id="run-{ended.pk}"' in page(client)

    def test_tags_are_set_and_removed_on_several_with_history(self, client, tara):
        runs = [a_run(tags={"draft": ""}), a_run()]
        body = {"runs": ",".join(str(run.pk) for run in runs), "tags": "night, team=perception", "remove": "draft"}
        assert client.post(reverse("run-list-bulk", args=["tag"]), body).status_code == 200
        for run in runs:
            assert {tag.key: tag.value for tag in run.tags.all()} == {"night": "", "team": "perception"}
            assert run.tags.get(key="night").history.first().history_user == tara

    @pytest.mark.parametrize("body", [{}, {"runs": "x"}, {"runs": "1", "tags": ""}, {"runs": "1", "tags": "a$b"}])
    def test_what_can_not_be_done_is_refused_in_words(self, client, tara, body):
        a_run()
        answer = client.post(reverse("run-list-bulk", args=["tag"]), body)
        assert "said-card" in answer.content.decode()
        assert answer.status_code == 400 or "tagged" not in answer.content.decode()

    def test_somebody_elses_run_stays_as_it_is(self, client, tara):
        other = a_run(by=a_person("ole", "engineer"))
        services.finish_run(run=other, by=a_person("ole", "engineer"), status="completed")
        html = client.post(reverse("run-list-bulk", args=["archive"]), {"runs": str(other.pk)}).content.decode()
        assert "is not yours" in html
        other.refresh_from_db()
        assert not other.archived

    def test_notes_and_tags_are_edited_in_their_cells(self, client, tara):
        run = a_run(tags={"night": "", "old": "1"})
        address = reverse("run-list-edit", args=[run.pk, "tags"])
        assert 'value="night, old=1"' in client.get(address).content.decode()
        row = client.post(address, {"text": "night, team=perception", "here": "columns=tags,notes"}).content.decode()
        assert f'id="run-{run.pk}"' in row
        assert set(run.tags.values_list("key", "value")) == {("night", ""), ("team", "perception")}
        client.post(reverse("run-list-edit", args=[run.pk, "notes"]), {"text": " better "})
        run.refresh_from_db()
        assert run.notes == "better"
        refused = client.post(address, {"text": "a$b"})
        assert refused.status_code == 400
        assert 'role="alert"' in refused.content.decode()
        assert client.get(reverse("run-list-edit", args=[run.pk, "status"])).status_code == 404


class TestSavedViews:
    def save(self, client, **given):
        return client.post(reverse("run-list-view-save"), given, headers={"HX-Request": "true"})

    def test_a_view_is_saved_opened_shared_renamed_and_removed(self, client, tara):
        a_run()
        here = "query=metrics.val_iou > 0.7&sort=-id&after=[1,2]"
        assert self.save(client, name="Good ones", here=here).status_code == 200
        view = RunView.objects.get()
        assert view.query == "query=metrics.val_iou+%3E+0.7&sort=-id"
        assert "Good ones" in page(client, f"?{view.query}")
        change = reverse("run-list-view-change", args=[view.pk])
        client.post(change, {"shared": "true", "here": ""}, headers={"HX-Request": "true"})
        client.post(change, {"name": "Best", "here": ""}, headers={"HX-Request": "true"})
        client.force_login(a_person("vera", "viewer"))
        assert "Best" in page(client)
        assert client.post(reverse("run-list-view-remove", args=[view.pk])).status_code == 302
        assert RunView.objects.get().name == "Best"
        client.force_login(tara)
        client.post(reverse("run-list-view-remove", args=[view.pk]), headers={"HX-Request": "true"})
        assert not RunView.objects.exists()
        assert RunView.history.filter(history_type="-").count() == 1

    def test_a_name_is_needed_and_used_once(self, client, tara):
        assert self.save(client, name=" ", here="").status_code == 400
        assert self.save(client, name="A", here="").status_code == 200
        answer = self.save(client, name="a", here="")
        assert answer.status_code == 409
        assert "already" in answer.content.decode()


class TestLive:
    def rows(self, client, **given):
        return client.get(reverse("run-list-rows"), given).json()

    def test_only_rows_that_changed_come_with_progress_and_time_left(self, client, tara):
        run = a_run()
        half = timezone.now() - timedelta(minutes=10)
        Run.objects.filter(pk=run.pk).update(steps_done=50, steps_total=100, started_at=half)
        told = self.rows(client, shown=f"{run.pk}:", columns="status")["rows"][str(run.pk)]
        assert f"50 % · 10{SPACE}min left" in told["html"]
        again = self.rows(client, shown=f"{run.pk}:{told['digest']}", columns="status")
        assert again["rows"] == {}
        services.finish_run(run=run, by=tara, status="completed")
        ended = self.rows(client, shown=f"{run.pk}:{told['digest']}", columns="status")["rows"][str(run.pk)]
        assert ended["active"] is False
        assert "Completed" in ended["html"]

    def test_a_stalled_run_says_since_when(self, client, tara):
        run = a_run()
        Run.objects.filter(pk=run.pk).update(status="stalled", heartbeat_at=timezone.now() - timedelta(minutes=7))
        assert f"silent for 7{SPACE}min" in page(client)

    def test_new_runs_that_match_are_counted(self, client, tara):
        first = a_run(name="a")
        a_run(name="b"), a_run(name="b")
        assert self.rows(client, newest=first.pk)["newer"] == 2
        assert self.rows(client, newest=first.pk, query="name = a")["newer"] == 0

    def test_small_curves_of_the_shown_metric(self, client, tara):
        run, none = measured(a_run(), val__loss=0.5, acc=4.0), a_run()
        told = client.get(reverse("run-list-sparklines"), {"run": f"{run.pk},{none.pk}"}).json()["runs"]
        assert told.keys() == {str(run.pk)}
        assert told[str(run.pk)]["key"] == "val/loss"
        assert told[str(run.pk)]["path"] == "M1.0 2.0L95.0 22.0"
        rising = client.get(reverse("run-list-sparklines"), {"run": run.pk, "spark": "acc"}).json()["runs"]
        assert rising[str(run.pk)]["path"] == "M1.0 22.0L95.0 2.0"

    def test_a_curve_has_gaps_where_a_value_is_not_finite(self):
        import numpy as np

        path = spark_path(np.arange(4), np.array([0.0, np.nan, 1.0, 1.0]))
        assert path.startswith("M1.0 22.0M")
        assert spark_path(np.arange(2), np.array([np.nan, np.inf])) == ""


class TestExport:
    def test_each_format_has_the_shown_columns_in_the_shown_order(self, client, tara):
        low = measured(a_run(name="=evil", parameters={"lr": 0.1}), val__loss=0.25)
        high = measured(a_run(tags={"night": ""}), val__loss=float("nan"))
        asked = {"columns": "params.lr,tags,validation_loss,status", "sort": "validation_loss"}

        def content(form: str) -> bytes:
            answer = client.get(reverse("run-list-export", args=[form]), asked)
            assert answer.status_code == 200
            return b"".join(answer.streaming_content)

        lines = content("csv").decode().splitlines()
        assert lines[0] == "id,params.lr,tags,validation_loss,status"
        assert lines[1] == f"{low.pk},0.1,,0.25,running"
        rows = [json.loads(line) for line in content("jsonl").decode().splitlines()]
        assert [row["id"] for row in rows] == [low.pk, high.pk]
        assert (rows[1]["validation_loss"], rows[1]["tags"]) == ("NaN", "night")
        table = pq.read_table(io.BytesIO(content("parquet")))
        assert table.column("id").to_pylist() == [low.pk, high.pk]
        assert table.column("validation_loss").to_pylist()[0] == 0.25

    def test_what_is_selected_alone_and_nothing_of_a_refused_query(self, client, tara):
        runs = [a_run(), a_run(), a_run()]
        answer = client.get(reverse("run-list-export", args=["csv"]), {"run": f"{runs[0].pk},{runs[2].pk}"})
        assert len(b"".join(answer.streaming_content).splitlines()) == 3
        assert client.get(reverse("run-list-export", args=["csv"]), {"query": "foo ="}).status_code == 400
        assert client.get("/runs/list/export.xlsx").status_code == 404

    def test_a_text_that_a_spreadsheet_would_run_is_told_to_be_text(self, client, tara):
        a_run(architecture="=1+1")
        answer = client.get(reverse("run-list-export", args=["csv"]), {"columns": "architecture"})
        assert b",'=1+1" in b"".join(answer.streaming_content)
