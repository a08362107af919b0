"""Every route of the site decides who may use it; a new route without a decision fails here."""

import re

import pytest
from django.contrib.auth.models import Permission, User
from django.urls import get_resolver

from lamm.tests import house_rules
from scenes.tests.factories import a_ready_scene

PUBLIC, MEMBERS = "anyone", "anyone who is logged in"
DECISIONS = {
    "login": PUBLIC,
    "logout": MEMBERS,
    "home": MEMBERS,
    "schema": MEMBERS,
    "api-docs": MEMBERS,
    "api-root": MEMBERS,
    "explorer": "scenes.view_scene",
    "scene": "scenes.view_scene",
    "scene-thumbnail": "scenes.view_scene",
    "frame-cloud": "scenes.view_frame",
    "frame-display": "scenes.view_frame",
    "drive-list": "scenes.view_drive",
    "drive-detail": "scenes.view_drive",
    "scene-list": "scenes.view_scene",
    "scene-detail": "scenes.view_scene",
    "frame-list": "scenes.view_frame",
    "frame-detail": "scenes.view_frame",
    "ingestjob-list": "scenes.view_ingestjob",
    "ingestjob-detail": "scenes.view_ingestjob",
}
ROUTES = [
    (name, pattern)
    for name, pattern in house_rules.routes(get_resolver().url_patterns)
    if not pattern.startswith("admin/") and "format" not in pattern
]


def address(pattern: str, scene) -> str:
    frame = scene.frames.first()
    digest = scene.thumbnail.digest if "files/scenes" in pattern else frame.cloud.digest
    if "display" in pattern:
        digest = frame.display.digest
    number = frame.pk if "frames" in pattern else scene.pk
    if "drives" in pattern:
        number = scene.drive_id
    if "ingest-jobs" in pattern:
        number = scene.ingest_jobs.first().pk
    filled = re.sub(r"<str:digest>", digest, pattern)
    filled = re.sub(r"<int:\w+>|\(\?P<pk>[^)]*\)", str(number), filled)
    return "/" + filled.replace("^", "").replace("$", "").replace("\\Z", "").replace("\\.", ".")


@pytest.fixture
def scene(db):
    return a_ready_scene(drive="a drive")


@pytest.mark.parametrize(("name", "pattern"), ROUTES)
class TestEveryRoute:
    def test_has_a_decision(self, name, pattern):
        assert name in DECISIONS, f"decide in DECISIONS who may use {pattern}"

    def test_turns_strangers_away(self, name, pattern, scene, client):
        status = client.get(address(pattern, scene)).status_code
        if DECISIONS[name] == PUBLIC:
            assert status in (200, 405)
        else:
            assert status in (302, 401, 403)

    def test_asks_for_its_permission(self, name, pattern, scene, client):
        person = User.objects.create_user("member")
        client.force_login(person)
        decision = DECISIONS[name]
        allowed = client.get(address(pattern, scene)).status_code in (200, 302, 405)
        assert allowed == (decision in (PUBLIC, MEMBERS))
        if "." in decision:
            app, codename = decision.split(".")
            person.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))
            client.force_login(User.objects.get(pk=person.pk))
            assert client.get(address(pattern, scene)).status_code == 200


def test_the_admin_is_for_staff(client, db):
    client.force_login(User.objects.create_user("member"))
    assert client.get("/admin/scenes/scene/").status_code == 302
