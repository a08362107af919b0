"""Evaluations side by side on the compare page: by class and slice, and what may not be compared."""

import pytest
from django.test import Client

from datasets.models import DatasetVersion
from experiments.models import Run
from experiments.tests.evaluation_stories import a_pinned_version, a_run_on, a_scene_of, an_evaluation, predict_wrongly
from experiments.tests.stories import a_person, a_run
from lamm.comparison_evaluations import ComparedEvaluations
from scenes.models import Scene

pytestmark = pytest.mark.django_db


@pytest.fixture
def scenes() -> list[Scene]:
    return [a_scene_of("north", name="one"), a_scene_of("south", name="two")]


@pytest.fixture
def version(scenes) -> DatasetVersion:
    return a_pinned_version(val=scenes, slices={"easy": scenes[:1]})


def an_evaluated_run(version: DatasetVersion, scenes: list[Scene], share: float) -> Run:
    run = a_run_on(version)
    for scene in scenes:
        predict_wrongly(run, scene, share)
    an_evaluation(run, splits=["val"])
    return run


def compared(*runs: Run, **more: object) -> ComparedEvaluations:
    client = Client()
    client.force_login(a_person("vera", "viewer"))
    query = "&".join([*(f"run={run.pk}" for run in runs), *(f"{name}={value}" for name, value in more.items())])
    answer = client.get(f"/runs/compare/?tab=evaluation&{query}")
    assert answer.status_code == 200
    return answer.context["evaluations"]


def test_rates_by_class_stand_side_by_side_with_the_best_marked(version, scenes):
    good, bad = an_evaluated_run(version, scenes, 0.05), an_evaluated_run(version, scenes, 0.4)
    found = compared(good, bad, baseline=bad.pk)
    whole = found.rows[0]
    assert whole.name == "mIoU"
    assert [cell.best for cell in whole.cells] == [True, False]
    assert whole.cells[0].rate > whole.cells[1].rate
    assert whole.cells[0].delta == pytest.approx(whole.cells[0].rate - whole.cells[1].rate)
    assert len(found.rows) > 3


def test_rates_by_slice_are_those_of_the_slices(version, scenes):
    found = compared(an_evaluated_run(version, scenes, 0.05), an_evaluated_run(version, scenes, 0.4), by="slice")
    assert [row.name for row in found.rows] == ["all", "easy"]


def test_another_dataset_version_is_flagged_and_never_best(version, scenes):
    other = a_pinned_version(name="Rural", val=scenes)
    runs = [
        an_evaluated_run(version, scenes, 0.2),
        an_evaluated_run(other, scenes, 0.01),
        an_evaluated_run(version, scenes, 0.4),
    ]
    found = compared(*runs)
    assert [column.faults for column in found.columns] == [[], ["another dataset version"], []]
    assert [cell.best for cell in found.rows[0].cells] == [True, False, False]


def test_a_run_without_an_evaluation_keeps_its_column_empty(version, scenes):
    found = compared(an_evaluated_run(version, scenes, 0.1), a_run())
    assert [column.evaluation is not None for column in found.columns] == [True, False]
    assert [cell.rate is None for cell in found.rows[0].cells] == [False, True]
