"""The menu of saved views on the explorer: saving, the default view, sharing, and views of things that are gone."""

import html
import json
import re

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from scenes import services
from scenes.models import SavedView, Tag
from scenes.tests.workflows import a_plain_scene

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


def somebody(name: str) -> User:
    person = User.objects.create_user(name)
    person.groups.add(Group.objects.get(name="viewer"))
    return person


@pytest.fixture
def vera(client) -> User:
    vera = somebody("vera")
    client.force_login(vera)
    return vera


def words(answer) -> str:
    text = html.unescape(re.sub(r"<[^>]+>", " ", answer.content.decode()))
    return re.sub(r"\s+", " ", text).strip()


def post(client, route, *args, **given):
    return client.post(reverse(route, args=args), given, headers=HTMX)


class TestTheDefaultView:
    def test_an_address_without_parameters_goes_there_and_says_so(self, client, vera):
        view = services.save_view(by=vera, name="Labeled ones", query="status=labeled")
        services.set_default_view(by=vera, view=view)
        answer = client.get(reverse("explorer"))
        assert (answer.status_code, answer["Location"]) == (302, "/explorer/?status=labeled")
        page = client.get(answer["Location"])
        assert "Default view: Labeled ones" in words(page)
        assert 'href="/explorer/?sort=-created"' in page.content.decode()
        everything = client.get("/explorer/?sort=-created")
        assert everything.status_code == 200
        assert "Default view:" not in words(everything)

    def test_without_one_the_explorer_opens_with_all_scenes(self, client, vera):
        a_plain_scene("one")
        assert "one" in words(client.get(reverse("explorer")))

    def test_it_is_chosen_and_given_up_in_the_menu(self, client, vera):
        view = services.save_view(by=vera, name="Labeled ones", query="status=labeled")
        chosen = post(client, "saved-view-default", here="status=labeled", view=view.pk)
        assert "Default view: Labeled ones" in words(chosen)
        given_up = post(client, "saved-view-default", here="status=labeled")
        assert "Default view:" not in words(given_up)
        assert client.get(reverse("explorer")).status_code == 200


class TestTheMenu:
    def test_what_is_shown_is_saved_without_its_page(self, client, vera):
        answer = post(client, "saved-view-save", here="status=labeled&page=3", name="Labeled", shared="on")
        assert json.loads(answer["HX-Trigger"]) == {"explorer:said": {"words": "Saved as “Labeled”."}}
        view = SavedView.objects.get()
        assert (view.owner, view.name, view.query, view.shared) == (vera, "Labeled", "status=labeled", True)
        assert "Labeled" in words(answer)

    def test_a_refusal_keeps_the_name_in_the_dialog(self, client, vera):
        services.save_view(by=vera, name="Labeled", query="")
        answer = post(client, "saved-view-save", here="status=labeled", name="labeled")
        assert answer.status_code == 409
        assert "already" in words(answer)
        assert 'value="labeled"' in answer.content.decode()

    def test_the_owner_changes_shares_replaces_and_removes(self, client, vera):
        view = services.save_view(by=vera, name="Labeled", query="status=labeled")
        assert "Rename" in words(client.get(reverse("saved-view-edit", args=[view.pk]), {"here": "status=in_review"}))
        post(client, "saved-view-change", view.pk, here="status=in_review", name="Checked")
        post(client, "saved-view-change", view.pk, here="status=in_review", shared="true")
        post(client, "saved-view-change", view.pk, here="status=in_review", update="true")
        view.refresh_from_db()
        assert (view.name, view.shared, view.query) == ("Checked", True, "status=in_review")
        assert set(view.history.values_list("door", flat=True)) == {"shell", "page"}
        post(client, "saved-view-remove", view.pk, here="")
        assert not SavedView.objects.exists()

    def test_shared_views_are_opened_by_others_and_never_changed(self, client, vera):
        view = services.save_view(by=somebody("karl"), name="Theirs", query="status=labeled", shared=True)
        assert "Theirs karl" in words(client.get(reverse("explorer")))
        assert client.get(reverse("saved-view-edit", args=[view.pk])).status_code == 404
        assert post(client, "saved-view-remove", view.pk, here="").status_code == 403
        services.change_view(view=view, by=view.owner, shared=False)
        assert "Theirs" not in words(client.get(reverse("explorer")))
        assert post(client, "saved-view-remove", view.pk, here="").status_code == 404

    def test_it_costs_the_same_queries_for_any_number_of_views(self, client, vera):
        counted = []
        for number in (1, 20):
            for count in range(number):
                services.save_view(by=vera, name=f"view {number} {count}", query="")
            with CaptureQueriesContext(connection) as queries:
                client.get("/explorer/?sort=-created")
            counted.append(len(queries))
        assert counted[0] == counted[1]

    def test_a_view_that_names_what_is_gone_opens_and_says_so(self, client, vera):
        a_plain_scene("one").tags.add("fog")
        view = services.save_view(by=vera, name="Foggy", query="tag=fog")
        Tag.objects.filter(name="fog").delete()
        page = client.get(f"/explorer/?{view.query}")
        assert page.status_code == 200
        assert "There is no tag “fog”" in words(page)
        assert "Foggy" in words(page)
