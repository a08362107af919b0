"""The page of API tokens: a person's own, each shown once."""

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from scenes import services
from scenes.models import ApiToken, TokenScope

pytestmark = pytest.mark.django_db
VALUE = re.compile("lamm_[0-9a-f]{64}")


def browser_of(name: str) -> Client:
    client = Client()
    client.force_login(User.objects.create_user(name))
    return client


@pytest.fixture
def ada():
    return browser_of("ada")


def make(client, *, name="cluster", days="30", scope="read", **headers):
    return client.post(reverse("tokens"), {"name": name, "days": days, "scope": scope}, headers=headers)


def page(client) -> str:
    return client.get(reverse("tokens")).content.decode()


class TestMaking:
    def test_shows_the_value_exactly_once_with_a_command_to_try(self, ada):
        answer = make(ada)
        html = answer.content.decode()
        (value,) = set(VALUE.findall(html))
        assert f"curl -H &quot;Authorization: Bearer {value}&quot; http://testserver/api/scenes/" in html or (
            f'curl -H "Authorization: Bearer {value}" http://testserver/api/scenes/' in html
        )
        assert "no-store" in answer.headers["Cache-Control"]
        assert VALUE.search(page(ada)) is None
        assert value[:15] in page(ada)

    def test_the_shown_value_works(self, ada):
        value = VALUE.search(make(ada).content.decode())[0]
        answer = Client().get("/api/", headers={"Authorization": f"Bearer {value}"})
        assert answer.status_code == 200

    def test_replaces_a_part_of_the_page_when_htmx_asks(self, ada):
        html = make(ada, **{"HX-Request": "true"}).content.decode()
        assert VALUE.search(html)
        assert "<html" not in html

    def test_writes_down_what_was_chosen(self, ada):
        make(ada, days="365", scope="write")
        token = ApiToken.objects.get()
        assert (token.user.username, token.scope) == ("ada", TokenScope.WRITE)
        assert (token.expiry - token.created).days in (364, 365)

    @pytest.mark.parametrize(
        ("wrong", "words"),
        [
            ({"name": " "}, "Give the token a name"),
            ({"name": "x" * 101}, "at most 100"),
            ({"days": "9999"}, "not one of the available choices"),
            ({"days": ""}, "required"),
            ({"scope": "all"}, "not one of the available choices"),
        ],
    )
    def test_says_what_is_wrong_and_makes_none(self, ada, wrong, words):
        html = make(ada, **wrong).content.decode()
        assert words in html
        assert not ApiToken.objects.exists()

    def test_of_a_second_one_with_the_same_name_says_so(self, ada):
        make(ada)
        html = make(ada).content.decode()
        assert "You have a token named cluster already" in html
        assert ApiToken.objects.count() == 1

    def test_needs_the_forms_csrf_token(self):
        strict = Client(enforce_csrf_checks=True)
        strict.force_login(User.objects.create_user("ada"))
        assert make(strict).status_code == 403


class TestTheList:
    def test_says_what_to_do_when_it_is_empty(self, ada):
        assert "No tokens yet" in page(ada)

    def test_shows_only_ones_own(self, ada):
        bob = browser_of("bob")
        make(bob, name="of-bob")
        make(ada, name="of-ada")
        assert "of-ada" in page(ada)
        assert "of-bob" not in page(ada)

    def test_marks_what_has_expired(self, ada):
        make(ada)
        assert "Expired" not in page(ada)
        ApiToken.objects.update(expiry="2020-01-01T00:00Z")
        assert "Expired" in page(ada)

    def test_costs_the_same_for_any_number(self, ada, django_assert_max_num_queries, django_assert_num_queries):
        make(ada, name="first")
        with django_assert_max_num_queries(6) as one:
            page(ada)
        wanted = len(one)
        for number in range(5):
            make(ada, name=str(number))
        with django_assert_num_queries(wanted):
            page(ada)

    def test_escapes_names(self, ada):
        make(ada, name="<script>alert(1)</script>")
        assert "<script>alert" not in page(ada)


class TestRevoking:
    def test_ends_the_token(self, ada):
        make(ada)
        answer = ada.post(reverse("token-revoke", args=[ApiToken.objects.get().pk]), follow=True)
        assert "cluster is revoked" in answer.content.decode()
        assert not ApiToken.objects.exists()

    def test_of_somebody_elses_finds_nothing(self, ada):
        make(browser_of("bob"))
        assert ada.post(reverse("token-revoke", args=[ApiToken.objects.get().pk])).status_code == 404
        assert ApiToken.objects.exists()

    def test_needs_a_post(self, ada):
        make(ada)
        assert ada.get(reverse("token-revoke", args=[ApiToken.objects.get().pk])).status_code == 405


class TestTheAdmin:
    @pytest.fixture
    def root(self):
        client = Client()
        client.force_login(User.objects.create_superuser("root"))
        return client

    @pytest.fixture
    def token(self):
        return services.make_token(by=User.objects.create_user("bob"), name="night", days=7, scope=TokenScope.READ)[0]

    def test_lists_everybodys_and_revokes_with_a_reason_on_record(self, root, token):
        address = reverse("admin:scenes_apitoken_changelist")
        assert "night" in root.get(address).content.decode()
        root.post(address, {"action": "delete_selected", "_selected_action": [token.pk], "post": "yes"})
        assert not ApiToken.objects.exists()
        row = ApiToken.history.latest()
        assert (row.history_user.username, row.history_change_reason, row.door) == (
            "root", "API token revoked", "admin",
        )  # fmt: skip

    def test_revokes_one_from_its_page(self, root, token):
        root.post(reverse("admin:scenes_apitoken_delete", args=[token.pk]), {"post": "yes"})
        assert not ApiToken.objects.exists()
        assert ApiToken.history.latest().history_change_reason == "API token revoked"

    def test_makes_and_changes_none(self, root, token):
        assert root.get(reverse("admin:scenes_apitoken_add")).status_code == 403
        answer = root.post(reverse("admin:scenes_apitoken_change", args=[token.pk]), {"scope": "write"})
        assert answer.status_code == 403
        assert ApiToken.objects.get().scope == TokenScope.READ
