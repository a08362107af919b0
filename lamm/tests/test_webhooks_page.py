"""The page of webhooks: the secret once, a test, the log."""

from html import unescape

import pytest

from registry import services
from registry.models import Webhook
from registry.tests.receiver import receiving
from registry.tests.stories import MODEL, a_version, a_world

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(client, settings):
    settings.WEBHOOK_ALLOW_PRIVATE = True
    found = a_world()
    client.force_login(found.approver)
    return found


def said(answer) -> str:
    return unescape(answer.content.decode())


def test_a_new_webhook_shows_its_secret_for_the_only_time(client, world):
    a_version(world)
    given = {"url": "http://127.0.0.1:9/hook", "model": MODEL, "events": ["stage.changed"]}
    answer = client.post("/models/webhooks/add/", given)
    hook = Webhook.objects.get()
    assert hook.secret in said(answer)
    assert "no-store" in answer.headers["Cache-Control"]
    text = said(client.get("/models/webhooks/"))
    assert hook.url in text
    assert hook.secret not in text


def test_a_refusal_keeps_what_was_typed(client, world, settings):
    settings.WEBHOOK_ALLOW_PRIVATE = False
    answer = client.post("/models/webhooks/add/", {"url": "http://127.0.0.1:9/hook", "events": ["stage.changed"]})
    text = said(answer)
    assert answer.status_code == 400
    assert "which is not public" in text
    assert 'value="http://127.0.0.1:9/hook"' in text
    assert client.post("/models/webhooks/add/", {"url": "http://127.0.0.1/", "model": "none"}).status_code == 400


def test_a_test_is_sent_and_the_log_tells_what_came_of_it(client, world):
    with receiving() as receiver:
        receiver.statuses = [503]
        hook = services.add_webhook(url=receiver.url, by=world.approver)
        text = said(client.post(f"/models/webhooks/{hook.pk}/test/", follow=True))
        assert "on its way" in text
        services.deliver(delivery_id=hook.deliveries.get().pk)
    text = said(client.get("/models/webhooks/"))
    assert "The receiver answered 503." in text
    assert "next try" in text


def test_removed_webhooks_leave_their_log(client, world):
    hook = services.add_webhook(url="http://127.0.0.1:9/hook", by=world.approver)
    services.try_webhook(webhook=hook, by=world.approver)
    text = said(client.post(f"/models/webhooks/{hook.pk}/remove/", follow=True))
    assert "No webhook" in text
    assert "The webhook was removed." in text


def test_engineers_are_not_let_in(client, world):
    client.force_login(world.engineer)
    assert client.get("/models/webhooks/").status_code == 403
    assert client.post("/models/webhooks/add/", {"url": "http://127.0.0.1/"}).status_code == 403
