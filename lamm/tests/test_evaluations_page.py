"""The list of evaluations: what a row tells, how it is narrowed, and what it says while there is none."""

import pytest
from django.urls import reverse

from uncertainty.tests.stories import a_draft, a_finished, a_world, an_account

pytestmark = pytest.mark.django_db
QUERIES = 12


@pytest.fixture
def world(client):
    made = a_world()
    client.force_login(made.engineer)
    return made


def html(client, query: str = "", **headers) -> str:
    response = client.get(reverse("evaluations") + query, headers=headers or None)
    assert response.status_code == 200
    return response.content.decode()


def test_it_says_how_to_begin_while_there_is_none(client, world):
    text = html(client)
    assert "No evaluations yet" in text
    assert "evaluation.log_members" in text


def test_a_row_names_the_measure_beside_every_number(client, world):
    finished = a_finished(world, [[0.1, 0.2, 0.9]])
    text = html(client)
    for words in ("ensemble-v2", "Predictive entropy", "normalised, mean", "Urban@v1", "Validation", "0.4000",
                  "0.9000", "3 of 9 frames", reverse("evaluation", args=[finished.pk])):  # fmt: skip
        assert words in text


def test_filters_narrow_and_the_part_has_the_same_address(client, world):
    a_finished(world, [[0.1, 0.2, 0.9]])
    a_draft(world, name="other", measure="variance", normalised=False)
    assert "other" not in html(client, "?state=finished")
    assert "ensemble-v2" not in html(client, "?measure=variance")
    assert "No evaluation matches" in html(client, "?search=nothing")
    part = client.get(reverse("evaluations") + "?state=draft", headers={"HX-Request": "true"})
    assert "<html" not in part.content.decode()
    assert part["HX-Push-Url"] == "/evaluations/?state=draft"


def test_a_wrong_filter_is_told_and_lists_nothing(client, world):
    a_finished(world, [[0.1, 0.2, 0.9]])
    text = html(client, "?run=x")
    assert "Enter a number" in text
    assert "ensemble-v2" not in text


def test_queries_do_not_grow_with_rows_and_pages_follow_ids(client, world, django_assert_max_num_queries, monkeypatch):
    monkeypatch.setattr("lamm.pages.evaluations.ROWS", 3)
    made = [a_draft(world, name=f"model-{number}") for number in range(5)]
    with django_assert_max_num_queries(QUERIES):
        first = html(client)
    assert [name for name in ("model-4", "model-3", "model-2", "model-1") if name in first] == [
        "model-4", "model-3", "model-2",
    ]  # fmt: skip
    assert f"before={made[2].pk}" in first
    second = html(client, f"?before={made[2].pk}")
    assert "model-1" in second
    assert "model-2" not in second


def test_only_those_who_may_see_evaluations_do(client, world):
    member = an_account("mia", "viewer")
    member.groups.clear()
    client.force_login(member)
    assert client.get(reverse("evaluations")).status_code == 403
