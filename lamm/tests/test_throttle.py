"""Log-in: guessing is slowed down, and nothing tells whether an account exists."""

import re
from datetime import timedelta

import pytest
from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from lamm.throttle import client_address

pytestmark = pytest.mark.django_db
PASSWORD = "a long walk in the rain"
LIMIT = settings.AXES_FAILURE_LIMIT


@pytest.fixture(autouse=True)
def ada(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # quick; the throttle is the subject
    return User.objects.create_user("ada", password=PASSWORD)


def log_in(name="ada", password="wrong", **address):  # noqa: S107 - it is wrong on purpose
    return Client(**address).post("/login/", {"username": name, "password": password})


def fail(name="ada", times=LIMIT, **address):
    return [log_in(name, **address) for _ in range(times)]


def words(answer) -> str:
    """What a page says, without what differs from visit to visit."""
    html = re.sub(r'value="\w{64}"|\d\d:\d\d(:\d\d)?', "", answer.content.decode())
    return html.replace("ada", "NAME").replace("nobody", "NAME")


def test_after_some_failures_even_the_right_password_waits():
    answers = fail()
    assert [answer.status_code for answer in answers] == [200] * (LIMIT - 1) + [429]
    answer = log_in(password=PASSWORD)
    assert answer.status_code == 429
    assert "_auth_user_id" not in answer.client.session


def test_the_page_says_when_to_try_again():
    answer = fail()[-1]
    minutes = int(settings.AXES_COOLOFF_TIME.total_seconds() // 60)
    until = timezone.now() + settings.AXES_COOLOFF_TIME
    assert f"in {minutes} minutes" in answer.content.decode()
    assert f"{until:%Y-%m-%d}" in answer.content.decode()
    assert 0 < int(answer.headers["Retry-After"]) <= settings.AXES_COOLOFF_TIME.total_seconds()


def test_trying_meanwhile_does_not_put_the_time_off():
    fail()
    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(minutes=5))
    before = AccessAttempt.objects.get().attempt_time
    fail(times=3)
    assert AccessAttempt.objects.get().attempt_time == before


def test_after_the_time_the_right_password_works_again():
    fail()
    AccessAttempt.objects.update(attempt_time=timezone.now() - settings.AXES_COOLOFF_TIME - timedelta(seconds=1))
    assert log_in(password=PASSWORD).status_code == 302


def test_a_success_forgets_the_failures_before_it():
    fail(times=LIMIT - 1)
    assert log_in(password=PASSWORD).status_code == 302
    assert fail(times=LIMIT - 1)[-1].status_code == 200


def test_others_are_not_locked_out_with_somebody():
    fail()
    assert log_in(password=PASSWORD, REMOTE_ADDR="192.0.2.7").status_code == 302
    User.objects.create_user("bob", password=PASSWORD)
    assert log_in("bob", PASSWORD).status_code == 302


def test_unknown_names_are_answered_as_known_ones():
    known, unknown = fail("ada", LIMIT + 1), fail("nobody", LIMIT + 1)
    assert [answer.status_code for answer in known] == [answer.status_code for answer in unknown]
    assert [words(answer) for answer in known] == [words(answer) for answer in unknown]


def test_a_disabled_account_is_answered_as_an_unknown_one(ada):
    User.objects.update(is_active=False)
    assert words(log_in("ada", PASSWORD)) == words(log_in("nobody", PASSWORD))


@pytest.mark.parametrize("name", ["ada", "nobody"])
def test_a_failure_costs_one_hash_whoever_is_named(name, monkeypatch, settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher"]
    person = User.objects.get(username="ada")
    person.set_password(PASSWORD)
    person.save()
    hashed = []
    encode = PBKDF2PasswordHasher.encode
    monkeypatch.setattr(
        PBKDF2PasswordHasher, "encode", lambda *given, **named: hashed.append(1) or encode(*given, **named)
    )
    log_in(name)
    assert len(hashed) == 1


def test_the_password_that_was_tried_is_kept_nowhere():
    log_in(password="hunter2-hunter2")
    kept = AccessAttempt.objects.filter(username="ada").values().get()
    assert not [value for value in kept.values() if "hunter2" in str(value)]


def test_the_admin_has_no_log_in_of_its_own():
    answer = Client().get("/admin/scenes/scene/", follow=True)
    assert answer.redirect_chain[-1][0] == "/login/?next=/admin/scenes/scene/"
    assert Client().post("/admin/login/", {"username": "ada", "password": PASSWORD}).status_code == 302


class TestTheAddressFailuresAreCountedFor:
    @pytest.fixture
    def address(self, rf, settings):
        def of(forwarded="", remote="10.0.0.1", proxies=0):
            settings.PROXY_COUNT = proxies
            headers = {"X-Forwarded-For": forwarded} if forwarded else {}
            return client_address(rf.get("/", headers=headers, REMOTE_ADDR=remote))

        return of

    def test_is_the_connections_without_a_proxy_whatever_the_client_says(self, address):
        assert address("203.0.113.9") == "10.0.0.1"

    def test_is_what_the_proxy_saw_behind_one(self, address):
        assert address("203.0.113.9", proxies=1) == "203.0.113.9"

    def test_is_not_what_the_client_made_up_before_that(self, address):
        assert address("198.51.100.1, 203.0.113.9", proxies=1) == "203.0.113.9"
        assert address("198.51.100.1, 203.0.113.9, 10.0.0.2", proxies=2) == "203.0.113.9"

    @pytest.mark.parametrize("forwarded", ["", "unknown", "203.0.113.9:80, x", "' or 1=1"])
    def test_is_the_connections_when_the_proxy_tells_none(self, address, forwarded):
        assert address(forwarded, proxies=1) == "10.0.0.1"

    def test_is_a_whole_network_of_ipv6(self, address):
        assert address(remote="2001:db8:1:2:3:4:5:6") == address(remote="2001:db8:1:2:ffff::1") == "2001:db8:1:2::"

    def test_is_the_same_for_ipv4_written_as_ipv6(self, address):
        assert address(remote="::ffff:192.0.2.1") == "192.0.2.1"

    def test_is_this_machines_for_a_socket(self, address):
        assert address(remote="") == "127.0.0.1"
