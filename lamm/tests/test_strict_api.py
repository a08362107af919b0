"""The API as a whole: what nobody knows is refused by name, and every error is an object that is documented."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import resolve
from drf_spectacular.generators import SchemaGenerator
from rest_framework import serializers

from lamm.tests.route_addresses import ROUTES, a_walked_scene, address
from scenes import services
from scenes.api.strict import StrictFields
from scenes.models import Drive, TokenScope, Upload

pytestmark = pytest.mark.django_db
READ_ONLY = {"GET", "HEAD", "OPTIONS"}
# Their body is an array of numbers, whatever its bytes are.
RAW_BYTES = {"evaluation-frame-points"}


@pytest.fixture
def scene(db):
    return a_walked_scene()


@pytest.fixture
def owner(scene):
    return User.objects.get(username="owner")


@pytest.fixture
def script(owner):
    services.make_token(by=owner, name="walk", days=7, scope=TokenScope.READ)
    client = Client(raise_request_exception=False)
    client.force_login(owner)
    return client


def endpoints(scene, owner):
    """(method, path) of every action of every viewset."""
    for name, pattern in ROUTES:
        if pattern.startswith("api/"):
            path = address(pattern, scene, owner)
            for method in list(getattr(resolve(path.partition("?")[0]).func, "actions", None) or {}):
                if method != "head":  # the framework adds it after the first request; its answers have no body
                    yield name, method.upper(), path


def detail(answer) -> str:
    """What an error answer says; nothing when its body is no object."""
    return answer.json().get("detail", "") if "json" in answer.headers.get("Content-Type", "") else ""


def test_every_endpoint_refuses_an_unknown_parameter(script, scene, owner):
    found = []
    for name, method, path in endpoints(scene, owner):
        answer = script.generic(method, f"{path}{'&' if '?' in path else '?'}stauts=labeled")
        if answer.status_code != 400 or "stauts" not in detail(answer):
            found.append(f"{method} {path} ({name}) answers {answer.status_code} {answer.content[:80]!r}")
    assert found == []


def test_a_detail_takes_no_filters(script, scene):
    assert script.get(f"/api/scenes/{scene.pk}/?status=labeled").status_code == 400
    assert script.get(f"/api/scenes/{scene.pk}/?format=json").status_code == 200


def test_every_endpoint_that_takes_fields_refuses_an_unknown_one(script, scene, owner):
    """Those that take raw bytes have no fields; those that take a form say so by 415."""
    found = []
    for name, method, path in endpoints(scene, owner):
        if method in READ_ONLY | {"DELETE"} or path.endswith("/content/") or name in RAW_BYTES:
            continue
        answer = script.generic(method, path, '{"stauts": 1}', content_type="application/json")
        if answer.status_code == 415:
            answer = script.post(path, {"stauts": 1})
        if answer.status_code != 400 or "stauts" not in detail(answer):
            found.append(f"{method} {path} ({name}) answers {answer.status_code} {answer.content[:80]!r}")
    assert found == []


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/api/nothing/", "", 404),
        ("GET", "/api/scenes/999999/", "", 404),
        ("GET", "/api/scenes/x/", "", 404),
        ("GET", "/api/scenes/?cursor=x", "", 404),
        ("GET", "/api/scenes/?status=x", "", 400),
        ("POST", "/api/scenes/", "{}", 405),
        ("POST", "/api/uploads/", "not json", 400),
        ("POST", "/api/uploads/", "[1]", 400),
        ("POST", "/api/uploads/", "{}", 400),
        ("POST", "/api/uploads/999999/commit/", "[1]", 400),
    ],
)
def test_every_error_has_an_object_as_its_body(script, method, path, body, status):
    answer = script.generic(method, path, body, content_type="application/json")
    assert answer.status_code == status
    assert isinstance(answer.json(), dict)
    assert isinstance(answer.json()["detail"], str)
    assert answer.json()["detail"]


def test_a_refused_field_is_named_in_words_and_by_itself(script):
    answer = script.post("/api/uploads/", {"scene_name": "", "rate_hz": "x"}, content_type="application/json")
    assert answer.status_code == 400
    assert set(answer.json()["fields"]) == {"scene_name", "rate_hz"}
    assert "scene_name: This field may not be blank." in answer.json()["detail"]


def test_a_refused_field_of_a_long_list_is_named_by_its_place(script):
    upload = Upload.objects.get()
    body = {"files": [{"name": "a.pcd", "size": 1}, {"name": "b.pcd", "size": "x"}]}
    answer = script.post(f"/api/uploads/{upload.pk}/files/", body, content_type="application/json")
    assert answer.json()["detail"] == "files: 1: size: A valid integer is required."


@pytest.fixture(scope="module")
def described():
    """The OpenAPI description."""
    return SchemaGenerator().get_schema(request=None, public=True)


class TestEveryErrorIsDocumented:
    def operations(self, described):
        for path, methods in described["paths"].items():
            for method, operation in methods.items():
                yield f"{method.upper()} {path}", path, operation

    def test_with_an_object(self, described):
        for name, path, operation in self.operations(described):
            wanted = {"400", "401", "403"} | ({"404"} if "{" in path else set())
            assert wanted <= set(operation["responses"]), name
            for status, answer in operation["responses"].items():
                if status >= "400":
                    (body,) = answer["content"].values()
                    component = described["components"]["schemas"][body["schema"]["$ref"].rpartition("/")[2]]
                    assert component["type"] == "object", name
                    assert "detail" in component["properties"], name

    def test_and_so_is_the_token(self, described):
        assert described["components"]["securitySchemes"]["API token"]["scheme"] == "bearer"
        for name, _, operation in self.operations(described):
            assert {"API token": []} in operation["security"], name


class TestStrictFields:
    class DriveBody(StrictFields, serializers.ModelSerializer):
        class Meta:
            model = Drive
            fields = ["id", "name", "notes"]

    def test_names_what_it_does_not_know_and_what_it_does(self):
        body = self.DriveBody(data={"name": "a", "nmae": "b", "zzz": 1})
        assert not body.is_valid()
        assert str(body.errors["detail"]) == "Unknown fields: nmae, zzz. Known: name, notes."

    def test_does_not_take_what_can_only_be_read(self):
        body = self.DriveBody(data={"name": "a", "id": 7})
        assert not body.is_valid()
        assert "id" in str(body.errors["detail"])

    def test_lets_known_fields_through(self):
        assert self.DriveBody(data={"name": "a", "notes": "b"}).is_valid()
