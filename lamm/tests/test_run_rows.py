"""Rows of the tracker: the server's own figure goes before the reported one, and says when it does not count."""

import pytest
from django.http import QueryDict
from django.utils import timezone

from experiments import services
from experiments.models import RunEvaluation, RunPreferences
from experiments.run_figures import figure_keys
from experiments.run_listing import runs_by_ids
from experiments.tests.stories import a_batch, a_person, a_run, a_version
from lamm.run_columns import layout
from lamm.run_rows import Cell, run_rows
from scenes.models import Ontology, SemanticClass

pytestmark = pytest.mark.django_db


def an_evaluated_run(iou: float, *, contamination: str = "clean"):
    """A run that reported 0.9, of which the server found another IoU of the obstacle, whose class has index 2."""
    version = a_version("Urban")
    ontology, _ = Ontology.objects.get_or_create(name="two")
    for index, name in ((1, "Ground"), (2, "Obstacle")):
        SemanticClass.objects.get_or_create(
            ontology=ontology, index=index, defaults={"name": name, "raw_ids": [index], "colour": "#102030"}
        )
    run = a_run()
    services.record_metrics(run=run, batch=a_batch("iou/obstacle", steps=[1], values=[0.9]), by=a_person())
    facts = {"state": "done", "finished_at": timezone.now(), "ious": [None, 0.8, iou], "class_count": 3}
    RunEvaluation.objects.create(
        run=run, dataset_version=version, ontology=ontology, splits=["val"], contamination=contamination, **facts
    )
    return run


def cells(*runs) -> list[Cell]:
    shown = layout(QueryDict("columns=iou_obstacle"), RunPreferences(), figure_keys({}))
    rows = run_rows(runs_by_ids([run.pk for run in runs]), shown)
    return [row.cells[1] for row in rows]


def test_the_servers_figure_goes_before_the_reported_one_which_is_told():
    (cell,) = cells(an_evaluated_run(0.7))
    assert (cell.text, cell.source, cell.contaminated) == ("0.7000", "server", False)
    assert "Computed by LAMM on" in cell.title
    assert "Reported by the run as 0.9000" in cell.title


def test_a_contaminated_figure_is_marked_and_never_the_best():
    tainted, honest, worst = (
        an_evaluated_run(0.99, contamination="contaminated"), an_evaluated_run(0.7), an_evaluated_run(0.2),
    )  # fmt: skip
    found = cells(tainted, honest, worst)
    assert [cell.contaminated for cell in found] == [True, False, False]
    assert [cell.best for cell in found] == [False, True, False]
    assert "Contaminated" in found[0].title


def test_the_evaluations_of_all_rows_cost_the_same(django_assert_num_queries, django_assert_max_num_queries):
    runs = [an_evaluated_run(0.1)]
    cells(*runs)
    with django_assert_max_num_queries(8) as few:
        cells(*runs)
    runs += [an_evaluated_run(0.2), an_evaluated_run(0.3)]
    with django_assert_num_queries(len(few)):
        cells(*runs)
