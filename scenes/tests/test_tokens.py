"""API tokens: only a hash is kept, they expire, their making and end are on record."""

import hashlib
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone

from scenes import services
from scenes.errors import ConflictError, RefusedError
from scenes.models import ApiToken, TokenScope
from scenes.services import tokens

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada():
    return User.objects.create_user("ada")


def make(person, *, name="cluster", days=30, scope=TokenScope.READ):
    return services.make_token(by=person, name=name, days=days, scope=scope)


class TestMaking:
    def test_keeps_the_hash_and_the_beginning_and_tells_the_value_once(self, ada):
        token, value = make(ada)
        kept = ApiToken.objects.filter(pk=token.pk).values().get()
        assert kept["digest"] == hashlib.sha512(value.encode()).hexdigest()
        assert value.startswith(kept["token_key"])
        assert len(value) - len(kept["token_key"]) >= 50  # hexadecimal digits that stay secret
        assert value not in map(str, kept.values())

    def test_two_tokens_are_never_alike(self, ada):
        values = {make(ada, name=str(number))[1] for number in range(10)}
        assert len(values) == 10

    @pytest.mark.parametrize("days", tokens.LIFETIMES_DAYS)
    def test_ends_after_the_chosen_days(self, ada, days):
        token, _ = make(ada, days=days)
        assert abs(token.expiry - timezone.now() - timedelta(days=days)) < timedelta(minutes=1)

    @pytest.mark.parametrize("days", [0, 1, -7, 3650])
    def test_refuses_other_lifetimes(self, ada, days):
        with pytest.raises(RefusedError, match="7, 30, 90, 365"):
            make(ada, days=days)

    def test_refuses_a_name_twice_for_one_person(self, ada):
        make(ada)
        with pytest.raises(ConflictError, match="a token named cluster"):
            make(ada)
        make(User.objects.create_user("bob"))

    def test_stops_at_a_number_that_nobody_needs(self, ada, monkeypatch):
        monkeypatch.setattr(tokens, "TOKENS_PER_PERSON", 2)
        make(ada, name="a")
        make(ada, name="b")
        with pytest.raises(RefusedError, match="Revoke those"):
            make(ada, name="c")

    def test_is_on_record_without_the_hash(self, ada):
        token, _ = make(ada)
        row = token.history.get()
        assert (row.history_user, row.history_change_reason, row.name) == (ada, "API token made", "cluster")
        assert not hasattr(row, "digest")


class TestTheDatabase:
    def test_knows_no_token_without_an_end(self, ada):
        with pytest.raises(IntegrityError), transaction.atomic():
            ApiToken.objects.create(user=ada, expiry=None, name="for ever")

    def test_knows_no_other_scope(self, ada):
        token, _ = make(ada)
        with pytest.raises(IntegrityError, match="token_scope_is_known"), transaction.atomic():
            ApiToken.objects.filter(pk=token.pk).update(scope="all")

    def test_says_the_name_and_never_the_hash_when_a_token_is_written_out(self, ada):
        assert str(make(ada)[0]) == "cluster"


class TestRevoking:
    def test_removes_the_token_and_says_who_did_it(self, ada):
        token, _ = make(ada)
        number, root = token.pk, User.objects.create_superuser("root")
        services.revoke_token(token=token, by=root)
        assert not ApiToken.objects.exists()
        row = ApiToken.history.filter(id=number).latest()
        assert (row.history_type, row.history_user, row.history_change_reason) == ("-", root, "API token revoked")


class TestUse:
    def test_is_written_at_most_once_a_minute(self, ada, django_assert_num_queries):
        token, _ = make(ada)
        services.note_use(token=token)
        used = ApiToken.objects.get()
        assert used.last_used_at is not None
        with django_assert_num_queries(0):
            services.note_use(token=used)
        used.last_used_at -= timedelta(minutes=1)
        with django_assert_num_queries(1):
            services.note_use(token=used)
        assert ApiToken.objects.get().last_used_at > used.last_used_at

    def test_leaves_no_history(self, ada):
        token, _ = make(ada)
        services.note_use(token=token)
        assert token.history.count() == 1
