"""The explorer's filter panel, chips and rules, and the columns, density and view that people choose."""

import json
import re
from datetime import UTC, datetime

import pytest
from django.db import connection
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from lamm.explorer_columns import column_labels
from lamm.explorer_filters import chips
from lamm.explorer_rules import LABELS, builder, rules_in_words
from lamm.tests.explorer_stories import UNCERTAIN, a_scene, names_in, page
from scenes.filters.rule_conditions import COLUMNS
from scenes.listing import SORTS
from scenes.tests.workflows import worked

pytestmark = pytest.mark.django_db
A_TAG = {"column": "tag", "is": "rain"}


@pytest.mark.parametrize(
    ("query", "label", "text", "left"),
    [
        ("search=a b", "Search", "a b", ""),
        ("tag=rain&tag=night", "Tag", "rain", "?tag=night"),
        ("tag_none=rain", "Not tagged", "rain", ""),
        ("status=in_review&page=3&sort=name", "Labeling status", "In Review", "?sort=name"),
        ("points_min=1000&points_max=2500000", "Points", "1.0K – 2.5M", ""),  # noqa: RUF001
        ("points_max=nonsense", "Points", "at most nonsense", ""),
        ("captured_before=2026-05-04", "Date captured", "until 2026-05-04", ""),
        ("used_in_training=false", "Used in training", "No", ""),
        ("area=1,2,3,4", "Place", "inside the box on the map", ""),
    ],
)
def test_a_chip_says_what_is_filtered_and_leads_to_the_rest(query, label, text, left):
    chip = chips(QueryDict(query))[0]
    assert (chip.label, chip.text, chip.query) == (label, text, left)


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ({"column": "points", "above": 5000000}, "Points above 5,000,000"),
        ({"all": [A_TAG, {"column": "labeler", "empty": True}]}, "Tags is rain and Labeler is empty"),
        ({"column": "due", "between": ["2026-01-01", "2026-02-01"]}, "Due between 2026-01-01 and 2026-02-01"),
        ({"column": "captured", "above": "2026-01-01"}, "Date captured after 2026-01-01"),
        ({"column": "status", "is": ["in_review", "labeled"]}, "Labeling status is In Review or Labeled"),
        (
            {"any": [{"column": "overdue", "is": False}, {"not": {"any": [A_TAG, {"column": "due", "empty": False}]}}]},
            "Overdue is no or not (Tags is rain or Due is not empty)",
        ),
        ({"column": "points"}, "not readable"),
        ([1], "not readable"),
    ],
)  # fmt: skip
def test_rules_are_said_in_words(rules, words):
    assert rules_in_words(json.dumps(rules)) == words


def test_the_rule_builder_offers_every_column_that_rules_know():
    offered = {column["name"]: [operator for operator, _ in column["operators"]] for column in builder()}
    assert set(offered) == set(COLUMNS)
    assert set(offered) <= set(LABELS)
    assert offered["labeler"] == ["is", "not-is", "contains", "not-contains", "empty", "not-empty"]
    assert offered["used_in_training"] == ["is"]


class TestLayout:
    """Columns, density and view: the address first, then what the person chose."""

    def headings(self, html: str) -> list[str]:
        return re.findall(r'id="sort-([a-z_]+)"', html)

    def test_the_address_chooses_columns_and_their_order(self, viewer):
        a_scene("city")
        html = page(viewer, "?columns=points,nonsense,drive,points")
        assert self.headings(html) == ["name", "points", "drive"]
        assert 'data-columns="name,points,drive"' in html

    def test_the_name_is_always_there(self, viewer):
        a_scene("city")
        assert self.headings(page(viewer, "?columns=frames")) == ["name", "frames"]

    def test_every_column_can_be_shown(self, viewer):
        a_scene("city", due_on="2020-01-01", **UNCERTAIN)
        html = page(viewer, f"?columns={','.join(column_labels())}")
        row = html.split('<tbody id="rows">')[1].split("</tr>")[0]
        assert len(re.findall(r"<td[ >]", row)) == len(column_labels()) + 1 == 20
        assert set(self.headings(html)) == set(SORTS)
        assert "overdue" in row

    def test_a_choice_is_kept_for_the_person_and_the_address_goes_before_it(self, viewer):
        a_scene("city")
        answer = viewer.post(
            reverse("explorer-preferences"), {"columns": "name,size", "density": "compact", "view": "grid"}
        )
        assert answer.status_code == 200
        assert 'class="scene-grid"' in page(viewer)
        html = page(viewer, "?view=table")
        assert self.headings(html) == ["name", "size"]
        assert "density-compact" in html
        assert self.headings(page(viewer, "?view=table&columns=name,drive")) == ["name", "drive"]
        viewer.post(reverse("explorer-preferences"), {"columns": ""})
        assert 'data-columns="thumbnail,name,status' in page(viewer, "?view=table")

    def test_a_choice_that_makes_no_sense_is_refused_in_words(self, viewer):
        answer = viewer.post(reverse("explorer-preferences"), {"density": "sparse"})
        assert answer.status_code == 400
        assert "There is no density “sparse”" in answer.content.decode()

    def test_the_grid_shows_the_same_scenes_as_cards(self, viewer):
        a_scene("city", tags=["rain"], **UNCERTAIN)
        html = page(viewer, "?view=grid")
        assert names_in(html) == ["city"]
        assert "<table" not in html
        assert "0.831" in html
        assert 'name="scene" value=' in html


class TestFacets:
    """What the open sections of the filter panel ask for."""

    @pytest.fixture(autouse=True)
    def library(self, admin_user):
        a_scene("city-rain", tags=["rain", "urban"], point_count=100, captured_at=datetime(2026, 5, 4, 9, tzinfo=UTC))
        a_scene("city-night", tags=["night", "rain"], point_count=300, **worked("labeled", labeler=admin_user))

    def values(self, viewer, query: str) -> dict[str, str]:
        html = self.part(viewer, query)
        return dict(re.findall(r'<span class="value-label">([^<]+)</span>.*?value-count tabular">([^<]*)<', html, re.S))

    def part(self, viewer, query: str) -> str:
        return viewer.get(reverse("explorer-facets") + query).content.decode()

    def test_values_come_with_counts_under_the_other_filters(self, viewer):
        assert self.values(viewer, "?sections=tag") == {"rain": "2", "night": "1", "urban": "1"}
        assert self.values(viewer, "?sections=tag&status=labeled") == {"rain": "1", "night": "1"}
        assert self.values(viewer, "?sections=status&status=labeled")["Unlabeled"] == "1"

    def test_a_chosen_value_stays_in_the_form_with_its_parameter(self, viewer):
        html = self.part(viewer, "?sections=tag&tag_none=Night&tag=rain")
        assert re.search(r'name="tag_none" id="[^"]+" value="Night" checked', html)
        assert re.search(r'name="tag" id="[^"]+" value="rain" checked', html)
        assert "None" not in html

    def test_a_histogram_has_bars_edges_and_words(self, viewer):
        html = self.part(viewer, "?sections=points,captured")
        assert html.count("data-histogram=") == 2
        assert html.count("<rect") == 80
        assert "<span>100</span>" in html
        assert "2026-05-04" in html

    def test_a_histogram_without_values_says_so(self, viewer):
        assert "No scene that matches has a value." in self.part(viewer, "?sections=max_uncertainty")

    def test_unknown_sections_are_left_out(self, viewer):
        assert self.part(viewer, "?sections=nonsense,due").strip() == ""

    def test_names_to_type_are_suggested(self, viewer):
        assert '<option value="urban">' in self.part(viewer, "?sections=tag")

    def test_as_many_queries_for_thirty_scenes_as_for_two(self, viewer, django_assert_max_num_queries):
        a_scene("road", drive="a drive")
        sections = "?sections=status,tag,labeler,drive,points"
        self.part(viewer, sections)
        with CaptureQueriesContext(connection) as few:
            self.part(viewer, sections)
        for number in range(30):
            a_scene(f"more-{number}", tags=[f"tag-{number}"], drive=f"drive-{number}", point_count=number)
        with django_assert_max_num_queries(len(few)):
            assert "drive-3" in self.part(viewer, sections)
