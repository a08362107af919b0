"""API tokens at the door: what opens it, what does not, and that every refusal is alike."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone

from lamm.authentication import READS_ONLY, REFUSED
from scenes import services
from scenes.models import ApiToken, TokenScope, Upload
from scenes.tests.factories import a_ready_scene

pytestmark = pytest.mark.django_db
SCENES, UPLOADS = "/api/scenes/", "/api/uploads/"


@pytest.fixture
def ada():
    person = User.objects.create_user("ada")
    person.groups.add(Group.objects.get(name="engineer"))
    return person


@pytest.fixture
def script():
    """A client without cookies that insists on CSRF tokens where they are due."""
    return Client(enforce_csrf_checks=True)


def a_token(person, scope=TokenScope.READ) -> str:
    return services.make_token(by=person, name=f"{scope} {ApiToken.objects.count()}", days=7, scope=scope)[1]


def bearing(value, scheme="Bearer"):
    return {"Authorization": f"{scheme} {value}"}


class TestATokenOpensTheApi:
    @pytest.mark.parametrize("scheme", ["Bearer", "Token", "bearer", "TOKEN"])
    def test_by_both_schemes(self, script, ada, scheme):
        answer = script.get(SCENES, headers=bearing(a_token(ada), scheme))
        assert answer.status_code == 200
        assert "results" in answer.json()

    def test_for_what_its_owner_may_and_nothing_else(self, script):
        assert script.get(SCENES, headers=bearing(a_token(User.objects.create_user("nobody")))).status_code == 403

    def test_to_write_without_a_csrf_token(self, script, ada):
        answer = script.post(
            UPLOADS,
            {"scene_name": "harbour"},
            content_type="application/json",
            headers=bearing(a_token(ada, TokenScope.WRITE)),
        )
        assert answer.status_code == 201, answer.content
        upload = Upload.objects.get()
        assert upload.owner == ada
        row = upload.history.latest()
        assert (row.history_user, row.door) == (ada, "api")

    def test_and_the_files_its_answers_point_to(self, script, ada):
        a_ready_scene()
        headers = bearing(a_token(ada))
        (frame,) = script.get("/api/frames/", headers=headers).json()["results"]
        assert len(b"".join(script.get(frame["cloud"], headers=headers).streaming_content)) == frame["size"]
        stranger = script.get(frame["cloud"])
        assert stranger.status_code == 302

    def test_before_a_session_of_somebody_else_counts(self, ada):
        browser = Client()
        browser.force_login(User.objects.create_superuser("root"))
        headers = bearing(a_token(User.objects.create_user("nobody")))
        assert browser.get(SCENES, headers=headers).status_code == 403

    def test_and_its_last_use_is_remembered(self, script, ada):
        value = a_token(ada)
        assert ApiToken.objects.get().last_used_at is None
        script.get(SCENES, headers=bearing(value))
        assert timezone.now() - ApiToken.objects.get().last_used_at < timedelta(minutes=1)

    def test_at_the_price_of_one_query_and_now_and_then_one_more(self, script, ada, django_assert_num_queries):
        headers = bearing(a_token(ada))
        script.get(SCENES, headers=headers)
        with django_assert_num_queries(4):  # the token with its owner, two for permissions, the scenes
            script.get(SCENES, headers=headers)


class TestATokenThatOnlyReads:
    @pytest.mark.parametrize("method", ["get", "head", "options"])
    def test_may_ask(self, script, ada, method):
        assert getattr(script, method)(SCENES, headers=bearing(a_token(ada))).status_code == 200

    @pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
    @pytest.mark.parametrize("address", [SCENES, UPLOADS, "/api/uploads/1/", "/api/ingest-jobs/1/retry/"])
    def test_may_not_change_anything(self, script, ada, method, address):
        answer = getattr(script, method)(address, headers=bearing(a_token(ada)))
        assert (answer.status_code, answer.json()) == (403, {"detail": READS_ONLY})


class TestRefusals:
    """All of them 401 and in the same words."""

    @pytest.fixture
    def refused(self, script):
        def ask(value, scheme="Bearer", address=SCENES):
            answer = script.get(address, headers=bearing(value, scheme))
            assert (answer.status_code, answer.json()) == (401, {"detail": REFUSED})
            assert answer.headers["WWW-Authenticate"] == "Bearer"

        return ask

    @pytest.mark.parametrize(
        "value",
        [
            "",
            "x",
            "lamm_",
            f"lamm_{'0' * 64}",
            f"lamm_{'G' * 64}",
            "0" * 69,
            f"lamm_{'0' * 64} x",
            "\xff\xfe",
            "a" * 9000,
        ],
    )
    def test_what_is_no_token(self, refused, value):
        refused(value)

    def test_a_token_with_one_other_character(self, refused, ada):
        value = a_token(ada)
        refused(value[:-1] + ("0" if value[-1] != "0" else "1"))

    def test_the_hash_that_is_kept(self, refused, ada):
        a_token(ada)
        refused(ApiToken.objects.get().digest)

    def test_a_revoked_one(self, refused, ada):
        value = a_token(ada)
        services.revoke_token(token=ApiToken.objects.get(), by=ada)
        refused(value)

    def test_an_expired_one_which_its_owner_still_sees(self, refused, ada):
        value = a_token(ada)
        ApiToken.objects.update(expiry=timezone.now())
        refused(value)
        assert ApiToken.objects.get().expired

    def test_one_whose_owner_was_disabled(self, refused, script, ada):
        value = a_token(ada)
        assert script.get(SCENES, headers=bearing(value)).status_code == 200
        User.objects.update(is_active=False)
        refused(value)
        refused(value, address="/files/frames/1/cloud/0")

    def test_one_whose_owner_is_gone(self, refused, ada):
        value = a_token(ada)
        ada.delete()
        refused(value)

    def test_a_stranger_is_told_how_to_come_in(self, script):
        answer = script.get(SCENES)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"


class TestSessions:
    def test_end_at_once_when_their_owner_is_disabled(self, ada):
        browser = Client()
        browser.force_login(ada)
        assert browser.get("/explorer/").status_code == 200
        assert browser.get(SCENES).status_code == 200
        User.objects.update(is_active=False)
        assert browser.get("/explorer/").status_code == 302
        assert browser.get(SCENES).status_code == 401

    def test_do_not_come_from_tokens(self, script, ada):
        """Pages are for people: a token opens the API and files only, and leaves no cookie."""
        headers = bearing(a_token(ada, TokenScope.WRITE))
        assert script.get("/explorer/", headers=headers).status_code == 302
        assert script.get("/tokens/", headers=headers).status_code == 302
        script.get(SCENES, headers=headers)
        assert "sessionid" not in script.cookies
