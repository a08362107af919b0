"""Pages of scenes, counts beside filters and histograms: right, in a constant number of queries, by indexes."""

import json

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.http import QueryDict
from django.utils import timezone

from scenes import facets as beside
from scenes.facets import SOURCES, facets, histogram
from scenes.filters import SceneFilterSet
from scenes.listing import SORTS, count_matching, scene_listing
from scenes.models import Drive, Scene, SceneTag, Tag
from scenes.selectors import CappedCount
from scenes.services.uncertainty import SceneUncertainty, record_uncertainty
from scenes.tests.workflows import a_person

pytestmark = pytest.mark.django_db
NAMES = list(SOURCES)


@pytest.fixture
def library():
    """Thirty scenes; every third has no drive, no duration and no uncertainty."""
    drives = [Drive.objects.create(name=f"drive-{name}") for name in "ba"]
    tags = [Tag.objects.create(name=name, slug=name) for name in ("all", "even")]
    Scene.objects.bulk_create(
        Scene(
            name=f"scene-{n:02d}",
            drive=drives[n % 2] if n % 3 else None,
            duration_seconds=n // 2 if n % 3 else None,
            point_count=n % 5,
            used_in_training=n % 4 == 0,
        )
        for n in range(30)
    )
    scenes = list(Scene.objects.order_by("pk"))
    SceneTag.objects.bulk_create(SceneTag(content_object=scene, tag=tags[0]) for scene in scenes)
    SceneTag.objects.bulk_create(SceneTag(content_object=scene, tag=tags[1]) for scene in scenes[::2])
    scores = [
        SceneUncertainty(scene=scene.pk, highest=n % 7 / 7, mean=0.1, source=f"m{n % 2}", measure="entropy")
        for n, scene in enumerate(scenes)
        if n % 3
    ]
    record_uncertainty(scores=scores)
    return scenes


@pytest.fixture
def many(library):
    """Enough scenes that the planner has a choice, with statistics."""
    moment, day = timezone.now(), timezone.localdate()
    more = (
        Scene(
            name=f"more-{n:05d}", point_count=n, duration_seconds=n, captured_at=moment, due_on=day,
            mean_frame_uncertainty=0, max_frame_uncertainty=n, uncertainty_source=f"m{n}",
            uncertainty_measure="entropy",
        )
        for n in range(6000)
    )  # fmt: skip
    Scene.objects.bulk_create(more, batch_size=2000)
    rare = Tag.objects.create(name="rare", slug="rare")
    more = list(Scene.objects.filter(name__startswith="more").order_by("pk"))
    of_all = Tag.objects.get(name="all")
    links = [SceneTag(content_object=scene, tag=of_all) for scene in more]
    SceneTag.objects.bulk_create([*links, *(SceneTag(content_object=scene, tag=rare) for scene in more[:200])])
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE scenes_scene, scenes_scenetag, scenes_searchtext")
    return library


def listed(query="", **wishes):
    return scene_listing(QueryDict(query), **wishes)


def value(scene, name):
    """What a sort goes by, as rows show it."""
    held = scene
    for part in SORTS[name].field.split("__"):
        held = getattr(held, part, None)
    return None if held == "" else held


class TestPages:
    @pytest.mark.parametrize("query", ["", "tag=all", "tag=all&tag=even&status=unlabeled", "search=scene"])
    def test_pages_one_after_another_hold_each_scene_once_in_order(self, library, query):
        expected = sorted(SceneFilterSet(QueryDict(query)).matching().values_list("pk", flat=True))
        for sort in (f"{sign}{name}" for name in SORTS for sign in ("", "-")):
            pages = range(1, listed(query, rows=12).last_page + 1)
            scenes = [scene for page in pages for scene in listed(query, sort=sort, page=page, rows=12).scenes]
            assert sorted(scene.pk for scene in scenes) == expected, sort
            values = [value(scene, sort.removeprefix("-")) for scene in scenes]
            filled = [one for one in values if one is not None]
            assert values == filled + [None] * (len(values) - len(filled)), sort
            assert filled == sorted(filled, reverse=sort.startswith("-")), sort

    def test_without_a_sort_the_newest_come_first(self, library):
        assert [scene.pk for scene in listed(rows=3).scenes] == [scene.pk for scene in library[:-4:-1]]
        assert [scene.pk for scene in listed("tag=even", rows=2).scenes] == [library[28].pk, library[26].pk]

    def test_a_page_past_the_end_is_the_last_one_and_an_unknown_sort_is_none(self, library):
        page = listed(page=99, rows=25, sort="-colour")
        assert (page.page, page.last_page, page.sort, len(page.scenes), page.more) == (2, 2, "", 5, False)

    def test_a_refused_filter_lists_nothing_and_says_why(self, library):
        page = listed("tag=snow")
        assert (page.scenes, page.count, page.page) == ([], CappedCount(0, capped=False), 1)
        assert "snow" in str(page.filterset.form.errors)
        assert count_matching(QueryDict("tag=snow")) == 0

    def test_counts_stop_at_the_cap_and_pages_behind_it_are_there(self, many):
        page = listed(rows=100, page=41)
        assert (str(page.count), page.more, page.last_page, len(page.scenes)) == ("1,000+", True, 41, 100)
        assert count_matching(QueryDict("")) == 6030
        assert count_matching(QueryDict("tag=rare&tag=all")) == 200
        assert listed("tag=all", rows=100, page=62).page == 10

    @pytest.mark.parametrize(("query", "most"), [("", 5), ("tag=all&tag=even", 6), ("search=scene&drive=drive-a", 6)])
    def test_a_page_costs_the_same_for_any_number_of_rows(self, library, query, most, django_assert_max_num_queries):
        for rows in (5, 25):
            with django_assert_max_num_queries(most):
                for scene in listed(query, rows=rows, sort="-max_uncertainty").scenes:
                    assert [str(scene.drive), *scene.tags.all()]


class TestFacets:
    def test_each_value_tells_how_many_scenes_it_would_leave(self, library):
        found = facets(QueryDict("drive=drive-a"), ["status", "tag", "drive", "used_in_training", "source_model"])
        told = {name: [(one.value, one.count.value, one.chosen) for one in values] for name, values in found.items()}
        assert told["drive"] == [("drive-a", 10, True), ("drive-b", 10, False)]
        assert told["tag"] == [("all", 10, False)]
        assert told["used_in_training"] == [("true", 0, False), ("false", 10, False)]
        assert told["source_model"] == [("m1", 10, False)]
        assert told["status"][0] == ("unlabeled", 10, False)

    def test_a_chosen_value_that_leaves_nothing_is_still_there(self, library):
        (chosen, *others) = facets(QueryDict("drive=drive-a&labeler=" + a_person("lena").username), ["labeler"])[
            "labeler"
        ]
        assert (chosen.value, chosen.count.value, chosen.chosen, others) == ("lena", 0, True, [])

    @pytest.mark.parametrize("query", ["", "tag=even", "tag=even&status=unlabeled", "drive=drive-a&points_min=2", "priority=2"])  # noqa: E501 # fmt: skip
    def test_counts_of_many_scenes_are_those_of_few(self, library, query, monkeypatch):
        exact = facets(QueryDict(query), NAMES)
        monkeypatch.setattr(beside, "SMALL", 3)
        assert facets(QueryDict(query), NAMES) == exact

    def test_what_a_facet_says_is_what_its_parameter_finds(self, library):
        for name, values in facets(QueryDict("tag=even"), NAMES).items():
            for one in values:
                query = QueryDict("tag=even", mutable=True)
                query.appendlist(name, one.value)
                assert count_matching(query) == one.count.value, (name, one)

    def test_they_cost_the_same_for_any_number_of_scenes(self, many, django_assert_max_num_queries):
        with django_assert_max_num_queries(20):
            facets(QueryDict(""), NAMES)
        with django_assert_max_num_queries(24):
            facets(QueryDict("tag=even"), NAMES)


class TestHistograms:
    def test_it_counts_the_scenes_that_match_without_its_own_range(self, library):
        told = histogram(QueryDict("tag=even&points_min=4"), "points", bins=5)
        assert (told.counts, told.edges[0], told.edges[-1], told.sampled) == ([3, 3, 3, 3, 3], 0, 4, False)

    def test_of_many_scenes_evenly_spaced_ones_are_counted_between_the_true_ends(self, many, monkeypatch):
        monkeypatch.setattr(beside, "SAMPLE", 500)
        told = histogram(QueryDict("search=more"), "points", bins=6)
        assert (told.sampled, told.edges[0], told.edges[-1]) == (True, 0, 5999)
        assert 450 < sum(told.counts) < 700
        assert max(told.counts) < 1.2 * min(told.counts)

    def test_of_nothing_it_is_empty_and_all_columns_are_known(self, library):
        assert histogram(QueryDict("tag=snow"), "points").counts == []
        for column in ("duration", "frames", "size", "max_uncertainty", "mean_uncertainty"):
            assert sum(histogram(QueryDict(""), column).counts) == (20 if "u" in column else 30)
        assert histogram(QueryDict(""), "captured").counts == []


class TestPlans:
    """Which index answers; sequential scans are what must not come back."""

    def plan(self, rows):
        with connection.cursor() as cursor:
            text, parameters = rows.query.sql_with_params()
            cursor.execute(f"EXPLAIN (FORMAT JSON) {text}", parameters)
            (told,) = cursor.fetchone()
        return json.dumps(told)

    def test_tags_with_status_and_uncertainty_are_answered_by_links_alone(self, many):
        with connection.cursor() as cursor:  # what VACUUM makes cheap, and a test's own rows are not yet
            cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
        one = SceneFilterSet(QueryDict("tag=all&status=unlabeled&max_uncertainty_min=5990"))
        told = self.plan(one.tag_links())
        assert "tag_by_" in told  # with the status or without, which here is the same
        assert '"scenes_scene"' not in told

    def test_searching_uses_the_trigram_index(self, many):
        with connection.cursor() as cursor:  # a table of some thousand rows may rightly be read as a whole
            cursor.execute("SELECT gin_clean_pending_list('scene_search_substrings'); SET LOCAL enable_seqscan = off")
        told = self.plan(SceneFilterSet(QueryDict("search=ore-0123")).matching().values_list("pk"))
        assert "scene_search_substrings" in told
        assert "Seq Scan" not in told

    def test_sorting_walks_an_index(self, many):
        for sort in sorted(set(SORTS) - {"labeler", "drive"}):
            by = SORTS[sort]
            rows = Scene.objects.filter(by.filled) if by.filled else Scene.objects.all()
            order = [f"-{by.field}", "-pk"] if sort != "name" else ["-name"]
            told = self.plan(rows.order_by(*order).values_list("pk")[:50])
            assert '"Node Type": "Sort"' not in told, sort
            assert "Seq Scan" not in told, sort


class TestApi:
    def test_the_list_takes_the_explorers_parameters_and_tells_the_facts(self, client, library):
        client.force_login(User.objects.create_superuser("script"))
        rules = json.dumps({"all": [{"column": "max_uncertainty", "above": 0.8}, {"column": "tag", "is": "even"}]})
        rows = client.get("/api/scenes/", {"rules": rules, "tag": ["all", "even"], "max_uncertainty_min": 0.5}).json()
        expected = count_matching(QueryDict("tag=even&max_uncertainty_min=0.81"))
        assert len(rows["results"]) == expected > 0
        row = rows["results"][0]
        assert (row["uncertainty_measure"], row["used_in_training"]) == ("entropy", row["id"] == library[20].pk)

    @pytest.mark.parametrize(
        ("query", "words"), [("tag=snow", "“snow”"), ("points=5", "Unknown parameters: points"), ("rules=[", "rules: ")]
    )
    def test_it_refuses_what_it_can_not_mean(self, client, query, words):
        client.force_login(User.objects.create_superuser("script"))
        answer = client.get(f"/api/scenes/?{query}")
        assert answer.status_code == 400
        assert words in answer.json()["detail"]

    def test_bulk_changes_select_by_the_same_parameters(self, client, library):
        client.force_login(User.objects.create_superuser("script"))
        body = {"kind": "add_tags", "tags": ["odd"], "matching": "tag=all&tag_none=even&drive=drive-a"}
        answer = client.post("/api/bulk-changes/", body, content_type="application/json")
        assert (answer.status_code, answer.json()["changed"]) == (202, count_matching(QueryDict("tag=odd")))
        assert client.post("/api/bulk-changes/", body | {"matching": "tag=snow"}, content_type="application/json").status_code == 400  # noqa: E501 # fmt: skip
