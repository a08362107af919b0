"""Webhooks: what is sent, how it is signed, where it may go, what happens when nobody listens."""

import hashlib
import hmac
import json
import socket
from datetime import timedelta

import pytest
from django.utils import timezone

from experiments.tests.stories import Script, a_person
from registry import services
from registry.models import DeliveryState, RegisteredModel, Webhook, WebhookDelivery
from registry.outbound import ForbiddenAddressError, target_of
from registry.services.hooking import MOST_ATTEMPTS, pause_after
from registry.tests.receiver import receiving
from registry.tests.stories import MODEL, a_version, a_world, promote
from scenes.errors import NotAllowedError, RefusedError


@pytest.fixture
def receiver():
    with receiving() as told:
        yield told


@pytest.fixture
def world(db, settings):
    settings.WEBHOOK_ALLOW_PRIVATE = True
    return a_world()


def due(delivery):
    WebhookDelivery.objects.filter(pk=delivery.pk).update(next_attempt_at=timezone.now() - timedelta(seconds=1))
    return services.deliver(delivery_id=delivery.pk)


class TestSending:
    def test_a_promotion_is_told_and_the_signature_proves_who_sent_it(self, world, receiver):
        hook = services.add_webhook(url=receiver.url, by=world.approver, events=["stage.changed"])
        version = promote(world, a_version(world))
        first, second = WebhookDelivery.objects.order_by("id")
        for delivery in (first, second):
            assert services.deliver(delivery_id=delivery.pk).state == DeliveryState.DELIVERED
        headers, body = receiver.got[1]
        told = json.loads(body)
        assert (told["model"], told["version"]["label"], told["transition"]["to"]) == (MODEL, "v1", "production")
        assert told["version"]["artifact_sha256"] == version.digest
        assert (headers["LAMM-Event"], headers["LAMM-Delivery"]) == ("stage.changed", str(second.pk))
        at, signed = (part.partition("=")[2] for part in headers["LAMM-Signature"].split(","))
        assert signed == hmac.new(hook.secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()

    def test_only_who_listens_to_the_event_and_the_model_is_told(self, world, receiver):
        a_version(world, model="other")
        other = RegisteredModel.objects.get(name="other")
        services.add_webhook(url=receiver.url, by=world.approver, model=other)
        services.add_webhook(url=receiver.url, by=world.approver, events=["promotion.decided"])
        promote(world, a_version(world))
        assert list(WebhookDelivery.objects.values_list("event", flat=True)) == ["promotion.decided"]

    def test_what_was_delivered_is_not_sent_again(self, world, receiver):
        hook = services.add_webhook(url=receiver.url, by=world.approver)
        delivery = services.try_webhook(webhook=hook, by=world.approver)
        services.deliver(delivery_id=delivery.pk)
        assert services.deliver(delivery_id=delivery.pk) is None
        assert due(delivery) is None
        assert len(receiver.got) == 1

    def test_a_refused_event_is_tried_again_later_and_given_up_at_last(self, world, receiver):
        receiver.statuses = [500] * MOST_ATTEMPTS
        hook = services.add_webhook(url=receiver.url, by=world.approver)
        delivery = services.try_webhook(webhook=hook, by=world.approver)
        before = timezone.now()
        first = services.deliver(delivery_id=delivery.pk)
        assert (first.state, first.status, first.problem) == ("waiting", 500, "The receiver answered 500.")
        assert first.next_attempt_at > before + timedelta(seconds=29)
        assert services.deliver(delivery_id=delivery.pk) is None
        states = [due(delivery).state for _ in range(MOST_ATTEMPTS - 1)]
        assert states == ["waiting"] * (MOST_ATTEMPTS - 2) + ["failed"]

    def test_pauses_grow_up_to_six_hours(self):
        assert [pause_after(n) for n in (1, 2, 3, 8)] == [30, 120, 480, 21600]

    def test_a_redirect_is_not_followed(self, world, receiver):
        receiver.statuses = [302]
        hook = services.add_webhook(url=receiver.url, by=world.approver)
        delivery = services.try_webhook(webhook=hook, by=world.approver)
        assert services.deliver(delivery_id=delivery.pk).problem == "The receiver answered 302."
        assert len(receiver.got) == 1

    def test_nobody_there_is_a_problem_with_words(self, world):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{taken.getsockname()[1]}/"
            hook = services.add_webhook(url=url, by=world.approver)
            delivery = services.try_webhook(webhook=hook, by=world.approver)
            assert "No answer: ConnectError" in services.deliver(delivery_id=delivery.pk).problem

    def test_a_removed_webhook_is_told_nothing_and_its_log_stays(self, world, receiver):
        hook = services.add_webhook(url=receiver.url, by=world.approver)
        delivery = services.try_webhook(webhook=hook, by=world.approver)
        services.remove_webhook(webhook=hook, by=world.approver)
        assert services.deliver(delivery_id=delivery.pk) is None
        delivery.refresh_from_db()
        assert (delivery.state, delivery.problem) == ("failed", "The webhook was removed.")
        a_version(world)
        assert WebhookDelivery.objects.count() == 1

    def test_the_sweep_wakes_what_is_due_and_forgets_what_is_old(self, world, receiver, monkeypatch):
        woken = []
        monkeypatch.setattr("registry.services.hooking.wake", woken.append)
        hook = services.add_webhook(url=receiver.url, by=world.approver)
        waiting, old = (services.try_webhook(webhook=hook, by=world.approver) for _ in range(2))
        ended = timezone.now() - timedelta(days=91)
        WebhookDelivery.objects.filter(pk=old.pk).update(state="delivered", finished_at=ended)
        assert services.wake_due_deliveries() == 1
        assert woken == [waiting.pk]
        assert list(WebhookDelivery.objects.all()) == [waiting]


class TestWhereItMayGo:
    @pytest.mark.parametrize(
        "url",
        [
            "http://127.0.0.1/",
            "http://localhost/",
            "http://10.1.2.3/",
            "http://192.168.1.1/",
            "http://169.254.169.254/latest/meta-data/",
            "http://100.64.0.1/",
            "http://0.0.0.0/",
            "http://[::1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://[fc00::1]/",
            "http://[fe80::1]/",
            "http://[64:ff9b::7f00:1]/",
            "http://224.0.0.1/",
            "http://2130706433/",
        ],
    )
    def test_private_addresses_are_refused(self, url):
        with pytest.raises(ForbiddenAddressError, match="which is not public"):
            target_of(url, allow_private=False)

    @pytest.mark.parametrize(
        ("url", "words"),
        [
            ("ftp://example.com/", "begins with https"),
            ("file:///etc/passwd", "begins with https"),
            ("https://user:pass@example.com/", "user name or password"),
            ("https://example.com:99999/", "port is no number"),
            ("https://no-such-name.invalid/", "can't be found"),
            ("http://[bad/", "This is no address"),
        ],
    )
    def test_addresses_that_are_none_are_refused(self, url, words):
        with pytest.raises(ForbiddenAddressError, match=words):
            target_of(url, allow_private=False)

    def test_one_private_address_among_public_ones_is_enough(self, monkeypatch):
        found = [(0, 0, 0, "", (ip, 443)) for ip in ("93.184.216.34", "10.0.0.1")]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *given, **options: found)
        with pytest.raises(ForbiddenAddressError, match=r"leads to 10\.0\.0\.1"):
            target_of("https://hook.example.com/", allow_private=False)

    def test_the_address_that_was_looked_at_is_the_one_that_is_called(self, monkeypatch):
        monkeypatch.setattr(socket, "getaddrinfo", lambda *given, **options: [(0, 0, 0, "", ("93.184.216.34", 443))])
        target = target_of("https://hook.example.com/a?b=c", allow_private=False)
        assert (target.url, target.host, target.name) == (
            "https://93.184.216.34:443/a?b=c",
            "hook.example.com",
            "hook.example.com",
        )

    def test_a_name_that_turns_private_later_is_refused_at_the_delivery(self, world, receiver, settings):
        hook = services.add_webhook(url=receiver.url, by=world.approver)
        delivery = services.try_webhook(webhook=hook, by=world.approver)
        settings.WEBHOOK_ALLOW_PRIVATE = False
        told = services.deliver(delivery_id=delivery.pk)
        assert (told.state, receiver.got) == ("failed", [])
        assert "not public" in told.problem

    def test_refused_when_it_is_made(self, world, settings):
        settings.WEBHOOK_ALLOW_PRIVATE = False
        with pytest.raises(RefusedError, match="not public"):
            services.add_webhook(url="http://127.0.0.1/", by=world.approver)
        with pytest.raises(NotAllowedError):
            services.add_webhook(url="http://127.0.0.1/", by=world.engineer)
        settings.WEBHOOK_ALLOW_PRIVATE = True
        with pytest.raises(RefusedError, match="choose some of"):
            services.add_webhook(url="http://127.0.0.1/", by=world.approver, events=["test"])


class TestSecrets:
    def test_the_secret_is_told_once_and_nowhere_again(self, world, receiver):
        script = Script(world.approver)
        made = script.post("webhooks/", {"url": receiver.url})
        assert made.status_code == 201
        secret = Webhook.objects.get().secret
        assert made.json()["secret"] == secret
        pk = made.json()["id"]
        seen = [script.get(f"webhooks/{pk}/"), script.get("webhooks/"), script.client.get("/models/webhooks/")]
        assert [answer.status_code for answer in seen] == [200, 200, 200]
        assert not [answer for answer in seen if secret in answer.content.decode()]
        assert not hasattr(Webhook.history.first(), "secret")
        assert script.post(f"webhooks/{pk}/test/").status_code == 201
        assert script.get("webhook-deliveries/", webhook=pk).json()["results"][0]["event"] == "test"
        assert script.client.delete(f"/api/webhooks/{pk}/").status_code == 204

    @pytest.mark.parametrize("role", ["viewer", "engineer", "curator"])
    def test_others_do_not_see_webhooks(self, world, role):
        assert Script(a_person(role, role)).get("webhooks/").status_code == 403
