"""Saved views and preferences: who keeps what, who may change it, and what is refused."""

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from hypothesis import given
from hypothesis import strategies as st

from scenes import services
from scenes.errors import ConflictError, NotAllowedError, RefusedError
from scenes.models import ExplorerPreferences, SavedView
from scenes.queries import canonical, filters_of
from scenes.selectors import explorer_preferences, saved_views_of
from scenes.services.selecting import scenes_matching
from scenes.tests.workflows import a_person, a_plain_scene

NIGHT = "tag=night&status=unlabeled&sort=-points"


@pytest.fixture
def vera(db) -> User:
    return a_person("vera", "reviewer")


@pytest.fixture
def karl(db) -> User:
    return a_person("karl", "labeler")


class TestTheRuleInOneForm:
    def test_order_blanks_doubles_and_the_page_do_not_count(self):
        assert canonical("?status=b&tag=x&status=a&search=&page=7&tag=x ") == "status=a&status=b&tag=x"

    def test_the_look_of_the_list_is_no_part_of_the_question(self):
        assert filters_of("tag=x&sort=-points&columns=name,tags&rows=50&view=grid&panel=map&page=2") == "tag=x"

    @given(st.lists(st.tuples(st.sampled_from(["tag", "status", "sort", "page", "search"]), st.text(max_size=8))))
    def test_the_form_is_its_own_form(self, pairs):
        from urllib.parse import urlencode

        once = canonical(urlencode(pairs))
        assert canonical(once) == once
        assert filters_of(once) == filters_of(urlencode(pairs))


class TestSaving:
    def test_the_rule_is_kept_and_not_the_rows(self, vera):
        a_plain_scene("first").tags.add("night")
        view = services.save_view(by=vera, name="  Night   drives ", query=f"{NIGHT}&page=3")
        assert (view.name, view.query) == ("Night drives", "sort=-points&status=unlabeled&tag=night")
        a_plain_scene("second").tags.add("night")
        names = scenes_matching(filters_of(view.query)).values_list("name", flat=True)
        assert set(names) == {"first", "second"}

    @pytest.mark.parametrize(
        ("name", "query", "words"),
        [
            ("", "", "name"),
            ("x" * 101, "", "101 characters"),
            ("odd", "stauts=labeled", "stauts"),
            ("odd", "status=labelled", "status"),
            ("odd", "search=" + "x" * 5000, "characters"),
        ],
    )
    def test_what_can_not_be_kept_is_refused_by_name(self, vera, name, query, words):
        with pytest.raises(RefusedError, match=words):
            services.save_view(by=vera, name=name, query=query)
        assert not SavedView.objects.exists()

    def test_a_name_is_taken_once_by_a_person_whatever_its_case(self, vera, karl):
        services.save_view(by=vera, name="Night", query="")
        with pytest.raises(ConflictError, match="already"):
            services.save_view(by=vera, name="night", query="status=labeled")
        services.save_view(by=karl, name="night", query="")
        with pytest.raises(IntegrityError, match="saved_view_name_once_per_owner"), transaction.atomic():
            SavedView.objects.create(owner=vera, name="NIGHT")

    def test_nobody_saves_a_view_of_scenes_they_may_not_see(self, db):
        with pytest.raises(NotAllowedError):
            services.save_view(by=User.objects.create_user("nora"), name="Mine", query="")


class TestChanging:
    def test_the_owner_renames_shares_and_replaces_and_history_tells(self, vera):
        view = services.save_view(by=vera, name="Night", query="status=labeled")
        services.change_view(view=view, by=vera, name="Nights", shared=True)
        services.change_view(view=view, by=vera, query="status=in_review")
        services.change_view(view=view, by=vera, name="Nights")
        view.refresh_from_db()
        assert (view.name, view.shared, view.query) == ("Nights", True, "status=in_review")
        told = view.history.order_by("history_id").values_list("history_type", "history_user__username", "door")
        assert list(told) == [("+", "vera", "shell"), ("~", "vera", "shell"), ("~", "vera", "shell")]

    def test_others_see_a_shared_view_and_can_not_change_it(self, vera, karl):
        view = services.save_view(by=vera, name="Night", query="", shared=True)
        private = services.save_view(by=vera, name="Secret", query="")
        assert list(saved_views_of(karl)) == [view]
        with pytest.raises(NotAllowedError, match="vera"):
            services.change_view(view=view, by=karl, name="Mine")
        with pytest.raises(NotAllowedError):
            services.remove_view(view=view, by=karl)
        with pytest.raises(NotAllowedError):
            services.set_default_view(by=karl, view=private)
        assert SavedView.objects.count() == 2

    def test_a_view_that_is_private_again_is_no_default_of_others(self, vera, karl):
        view = services.save_view(by=vera, name="Night", query="", shared=True)
        for person in (vera, karl):
            services.set_default_view(by=person, view=view)
        services.change_view(view=view, by=vera, shared=False)
        assert explorer_preferences(karl).default_view is None
        assert explorer_preferences(vera).default_view == view

    def test_a_removed_view_is_nobodys_default_and_its_history_stays(self, vera):
        view = services.save_view(by=vera, name="Night", query="")
        services.set_default_view(by=vera, view=view)
        services.remove_view(view=view, by=vera)
        assert explorer_preferences(vera).default_view is None
        assert list(SavedView.history.values_list("history_type", flat=True).order_by("history_id")) == ["+", "-"]
        with pytest.raises(ConflictError, match="removed meanwhile"):
            services.change_view(view=SavedView(pk=view.pk or 1, name="Night", owner=vera), by=vera, name="x")


class TestPreferences:
    def test_what_is_given_is_kept_and_the_rest_stays(self, vera):
        services.set_explorer_preferences(by=vera, columns=["name", "points", "name"], density="compact")
        services.set_explorer_preferences(by=vera, view="grid")
        kept = explorer_preferences(vera)
        assert (kept.columns, kept.density, kept.view) == (["name", "points"], "compact", "grid")

    def test_who_has_chosen_nothing_gets_the_usual_without_a_row(self, vera, django_assert_num_queries):
        with django_assert_num_queries(1):
            kept = explorer_preferences(vera)
        assert (kept.columns, kept.density, kept.view, kept.default_view) == ([], "comfortable", "table", None)
        assert not ExplorerPreferences.objects.exists()

    @pytest.mark.parametrize(
        "wish",
        [
            {"columns": ["Robert'); --"]},
            {"density": "tiny"},
            {"view": "globe"},
            {"columns": [f"c{n}" for n in range(61)]},
        ],
    )
    def test_what_is_no_choice_is_refused(self, vera, wish):
        with pytest.raises(RefusedError):
            services.set_explorer_preferences(by=vera, **wish)
