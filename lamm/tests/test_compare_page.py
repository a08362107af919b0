"""The compare page: what differs, what is best, groups, code; the same number of queries for 2 and for 12 runs."""

from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from experiments import services
from experiments.models import Run
from experiments.tests.stories import a_batch, a_person, a_run
from lamm.comparison_code import patch_lines

PAGE = "/runs/compare/"


@pytest.fixture
def visitor(db) -> Client:
    client = Client()
    client.force_login(a_person("vera", "viewer"))
    return client


def a_compared_run(loss: float = 0.5, miou: float = 0.6, points: int = 5, **wishes) -> Run:
    person = a_person()
    run = a_run(by=person, **wishes)
    steps = np.arange(1, points + 1)
    for key, last in (("val/loss", loss), ("val/miou", miou)):
        services.record_metrics(
            run=run, batch=a_batch(key, steps=steps, values=np.linspace(1, last, points)), by=person
        )
    return run


def address(*runs: Run, **more: object) -> str:
    query = [f"run={run.pk}" for run in runs] + [f"{name}={value}" for name, value in more.items()]
    return f"{PAGE}?{'&'.join(query)}"


def shown(client: Client, where: str):
    answer = client.get(where)
    assert answer.status_code == 200
    return answer


def test_without_runs_the_page_offers_the_newest_ones(visitor):
    run = a_compared_run(name="first try")
    page = shown(visitor, PAGE).content.decode()
    assert f'name="run" value="{run.pk}"' in page
    assert "first try" in page


def test_on_an_empty_installation_it_says_how_runs_come_to_be(visitor):
    assert "No runs yet" in shown(visitor, PAGE).content.decode()


def test_one_run_is_no_comparison_and_stays_chosen(visitor):
    run = a_compared_run()
    answer = shown(visitor, address(run))
    assert "Choose what to compare" in answer.content.decode()
    assert f'value="{run.pk}" id="choose-{run.pk}" checked' in answer.content.decode()


def test_identical_parameters_are_hidden_until_asked_for(visitor):
    one = a_compared_run(parameters={"lr": 0.1, "batch": 8})
    two = a_compared_run(parameters={"lr": 0.2, "batch": 8})
    hidden = shown(visitor, address(one, two))
    assert [row.key for row in hidden.context["parameter_rows"]] == ["lr"]
    everything = shown(visitor, address(one, two, all=1))
    assert [row.key for row in everything.context["parameter_rows"]] == ["lr", "batch"]


def test_what_differs_from_the_baseline_is_marked(visitor):
    runs = [a_compared_run(parameters={"lr": lr}) for lr in (0.1, 0.1, 0.3)]
    [row] = shown(visitor, address(*runs)).context["parameter_rows"]
    assert [cell.differs for cell in row.cells] == [False, False, True]
    [row] = shown(visitor, address(*runs, baseline=runs[2].pk)).context["parameter_rows"]
    assert [cell.differs for cell in row.cells] == [True, True, False]


def test_a_parameter_that_a_run_lacks_is_missing_and_differs(visitor):
    runs = [a_compared_run(parameters={"lr": 0.1}), a_compared_run(parameters={"lr": 0.1}), a_compared_run()]
    [row] = shown(visitor, address(*runs)).context["parameter_rows"]
    assert [(cell.missing, cell.differs) for cell in row.cells] == [(False, False), (False, False), (True, True)]


def metric(answer, key):
    return next(row for row in answer.context["metric_rows"] if row.key == key)


def test_the_least_loss_and_the_greatest_iou_are_best(visitor):
    runs = [a_compared_run(loss=0.5, miou=0.6), a_compared_run(loss=0.3, miou=0.4)]
    answer = shown(visitor, address(*runs))
    assert [cell.best for cell in metric(answer, "val/loss").cells] == [False, True]
    assert [cell.best for cell in metric(answer, "val/miou").cells] == [True, False]


def test_a_direction_is_turned_round_by_its_link(visitor):
    runs = [a_compared_run(loss=0.5), a_compared_run(loss=0.3)]
    row = metric(shown(visitor, address(*runs)), "val/loss")
    turned = metric(shown(visitor, f"{PAGE}?{row.turn}"), "val/loss")
    assert [cell.best for cell in turned.cells] == [True, False]
    again = metric(shown(visitor, f"{PAGE}?{turned.turn}"), "val/loss")
    assert again.lower


def test_differences_to_the_baseline_are_gains_or_losses(visitor):
    runs = [a_compared_run(loss=0.5), a_compared_run(loss=0.3), a_compared_run(loss=0.75)]
    cells = metric(shown(visitor, address(*runs, baseline=runs[0].pk)), "val/loss").cells
    assert [(cell.delta, cell.gain) for cell in cells] == [("", ""), ("−0.2", "better"), ("+0.25", "worse")]  # noqa: RUF001


def test_a_loss_that_is_not_a_number_is_told_and_never_best(visitor):
    runs = [a_compared_run(loss=float("nan")), a_compared_run(loss=0.3), a_compared_run(loss=0.4)]
    cells = metric(shown(visitor, address(*runs)), "val/loss").cells
    assert [(cell.text, cell.best) for cell in cells] == [("NaN", False), ("0.3", True), ("0.4", False)]


def test_the_best_value_of_each_run_instead_of_the_last(visitor):
    runs = [a_compared_run(miou=0.6), a_compared_run(miou=1.5)]
    cells = metric(shown(visitor, address(*runs, value="best")), "val/miou").cells
    assert [cell.text for cell in cells] == ["1", "1.5"]


def test_a_run_is_taken_out_and_another_one_added(visitor):
    runs = [a_compared_run() for _ in range(4)]
    answer = shown(visitor, address(*runs[:3], baseline=runs[1].pk))
    without = parse_qs(answer.context["columns"][1][2])
    assert without == {"run": [str(runs[0].pk), str(runs[2].pk)]}
    more = visitor.get(address(*runs[:2], add=f"run-{runs[3].pk}"))
    assert parse_qs(urlsplit(more.headers["Location"]).query)["run"] == [
        str(runs[0].pk),
        str(runs[1].pk),
        str(runs[3].pk),
    ]


def test_a_run_that_is_not_there_is_said(visitor):
    runs = [a_compared_run() for _ in range(2)]
    answer = visitor.get(address(*runs, add="run-999999"), follow=True)
    assert "There is no run “run-999999”" in answer.content.decode()
    assert "run-999999 is not there" in shown(visitor, address(*runs) + "&run=999999").content.decode()


@pytest.mark.parametrize("nonsense", ["run=abc&run=-1&run=0", "run=99999999999999999999", "baseline=x&tab=no&value=7"])
def test_nonsense_in_the_address_counts_as_not_said(visitor, nonsense):
    assert visitor.get(f"{PAGE}?{nonsense}").status_code == 200


@pytest.mark.parametrize("tab", ["overview", "curves", "relations", "groups", "code"])
def test_every_part_asks_as_often_for_many_runs_as_for_two(visitor, tab):
    runs = [a_compared_run(parameters={"lr": place % 2, "seed": place}) for place in range(12)]
    counts = []
    for some in (runs[:2], runs):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            shown(visitor, address(*some, tab=tab))
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 14


def test_twenty_runs_at_most_are_compared(visitor):
    runs = [a_run() for _ in range(22)]
    assert len(shown(visitor, address(*runs)).context["runs"]) == 20


def test_groups_have_mean_and_interval(visitor):
    runs = [a_compared_run(loss=loss, parameters={"opt": opt}) for loss, opt in ((1, "a"), (3, "a"), (2, "b"))]
    answer = shown(visitor, address(*runs, tab="groups", group="param:opt"))
    assert [(group.name, group.n) for group in answer.context["groups"]] == [("a", 2), ("b", 1)]
    [(first, text, _, _), (second, alone, title, _)] = next(
        row for row in answer.context["group_rows"] if row.key == "val/loss"
    ).cells
    # t(0.975, 1) = 12.706, s / sqrt(2) = 1
    assert (first.n, first.mean, round(first.half, 3), text) == (2, 2, 12.706, "2 ± 13")
    assert (second.n, alone, title) == (1, "2", "one run: no interval")


def test_group_curves_carry_mean_band_and_number(visitor):
    runs = [a_compared_run(loss=loss, parameters={"opt": "a"}) for loss in (1.0, 3.0)]
    runs.append(a_compared_run(loss=2.0, parameters={"opt": "b"}))
    query = "&".join(f"run={run.pk}" for run in runs)
    answer = visitor.get(f"{PAGE}bands/?{query}&key=val/loss&group=param:opt&by=step&points=100").json()
    first, second = answer["curves"]
    assert (first["name"], first["n"][-1], first["value"][-1]) == ("a", 2, 2.0)
    assert first["low"][-1] < 1 < 3 < first["high"][-1]
    assert second["low"] == second["value"] == second["high"]


def test_runs_that_all_differ_make_no_groups(visitor):
    runs = [a_compared_run(parameters={"lr": place}) for place in range(3)]
    assert "Nothing to group by" in shown(visitor, address(*runs, tab="groups")).content.decode()


def test_relations_have_parameters_that_differ_and_metrics(visitor):
    runs = [a_compared_run(loss=place, parameters={"lr": place / 10, "same": 1, "opt": "x"}) for place in (1, 2)]
    relations = shown(visitor, address(*runs, tab="relations")).context["relations"]
    assert [(axis["key"], axis["kind"]) for axis in relations["axes"]] == [
        ("lr", "parameter"),
        ("val/loss", "metric"),
        ("val/miou", "metric"),
    ]
    assert relations["axes"][1]["values"] == [1, 2]


def test_importance_of_too_few_runs_says_so(visitor):
    runs = [a_compared_run(loss=place, parameters={"lr": place}) for place in (1, 2, 3)]
    answer = visitor.get(f"{PAGE}importance/{address(*runs, target='val/loss').removeprefix(PAGE)}")
    assert "3 of these runs have the metric" in answer.content.decode()


def test_importance_over_the_experiment_takes_all_its_runs(visitor):
    values = np.linspace(0, 1, 12)
    runs = [a_compared_run(loss=float(v), parameters={"lr": float(v), "seed": n % 3}) for n, v in enumerate(values)]
    query = address(*runs[:2], target="val/loss", over="experiment").removeprefix(PAGE)
    found = visitor.get(f"{PAGE}importance/{query}").context["found"]
    assert (found.runs, found.parameters[0].key, found.parameters[0].correlation) == (12, "lr", pytest.approx(1))


def test_patches_of_one_commit_are_held_against_each_other(visitor):
    runs = [
        a_run(commit="ab" * 20, dirty=True, diff=f"--- a/train.py\n+++ b/train.py\n-lr = 1\n+lr = {lr}\n")
        for lr in (2, 3)
    ]
    code = shown(visitor, address(*runs, tab="code")).context["code"]
    assert code.words == "One commit with different uncommitted changes."
    assert [(line.kind, line.text) for line in code.lines if line.kind in ("added", "removed")] == [
        ("removed", "+lr = 2"),
        ("added", "+lr = 3"),
    ]


def test_the_same_code_is_said_to_be_the_same(visitor):
    runs = [a_run(commit="ab" * 20) for _ in range(2)]
    code = shown(visitor, address(*runs, tab="code")).context["code"]
    assert (code.words, code.lines) == ("The same code: one commit, nothing uncommitted.", [])


def test_markup_in_a_patch_stays_text(visitor):
    runs = [a_run(commit="ab" * 20, diff=f"<script>alert({n})</script>") for n in range(2)]
    page = shown(visitor, address(*runs, tab="code")).content.decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_lines_around_a_change_are_kept():
    lines = patch_lines([str(n) for n in range(10)], [str(n) if n != 5 else "x" for n in range(10)])
    assert [line.text for line in lines if line.kind == "same"] == ["2", "3", "4", "6", "7", "8"]


def test_without_evaluations_the_page_says_where_they_come_from(visitor):
    runs = [a_run() for _ in range(2)]
    assert "No evaluation to compare" in shown(visitor, address(*runs, tab="evaluation")).content.decode()
