"""What is never shown: hashes of tokens and passwords, in the API, in the admin, in history, on pages."""

import json
import re

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import Client
from django.urls import NoReverseMatch, reverse
from drf_spectacular.generators import SchemaGenerator

from lamm.tests.route_addresses import ROUTES, a_walked_scene, address
from scenes import services
from scenes.models import ApiToken, TokenScope

pytestmark = pytest.mark.django_db
SECRET_FIELDS = {"digest", "salt", "password", "token_key", "session_key", "session_data"}
# A digest in these is that of a file or of a manifest: it says what the bytes are, and opens nothing.
FILE_DIGESTS = {(kind, "digest") for kind in ("storedfile", "uploadedfile", "datasetversion", "slice", "modelversion")}
DESCRIBED_DIGESTS = {
    f"{name}.digest"
    for name in ("DatasetExport", "DatasetInput", "DatasetVersion", "InputDocument", "SceneExport", "Slice")
}


@pytest.fixture
def scene(db):
    return a_walked_scene()


@pytest.fixture
def root(scene):
    """The superuser, who sees more than anybody else, and the secrets there are."""
    person = User.objects.get(username="owner")
    person.set_password("a long walk in the rain")
    person.save()
    _, value = services.make_token(by=person, name="night", days=7, scope=TokenScope.READ)
    client = Client(raise_request_exception=False)  # what a page shows when it breaks counts, too
    client.force_login(person)
    token = ApiToken.objects.get()
    _, iterations, salt, digest = person.password.split("$")
    assert iterations.isdigit()
    return client, [
        value,
        value[len(token.token_key) :],
        token.digest,
        token.digest[:16],
        person.password,
        salt,
        digest,
    ]


def leaks(client, path: str, secrets: list[str]) -> list[str]:
    answer = client.get(path)
    if answer.streaming:
        return []
    text = answer.content.decode(errors="replace")
    return [f"{path} shows {secret[:6]}..." for secret in secrets if secret in text]


def test_pages_and_api_show_none(root, scene):
    client, secrets = root
    owner = User.objects.get(username="owner")
    found = []
    for _, pattern in ROUTES:
        found += leaks(client, address(pattern, scene, owner), secrets)
    assert found == []


def test_the_admin_shows_none_in_lists_details_histories_and_deletions(root):
    client, secrets = root
    found, seen = [], 0
    for model in admin.site._registry:
        name = f"{model._meta.app_label}_{model._meta.model_name}"
        found += leaks(client, reverse(f"admin:{name}_changelist"), secrets)
        row = model._default_manager.first()
        for page in ("change", "history", "delete") if row else ():
            try:
                found += leaks(client, reverse(f"admin:{name}_{page}", args=[row.pk]), secrets)
                seen += 1
            except NoReverseMatch:
                continue
    assert found == []
    assert seen > 20


def test_one_entry_of_a_tokens_history_shows_none(root):
    client, secrets = root
    token = ApiToken.objects.get()
    address_of_entry = reverse("admin:scenes_apitoken_simple_history", args=[token.pk, token.history.get().history_id])
    assert client.get(address_of_entry).status_code == 200
    assert leaks(client, address_of_entry, secrets) == []


def test_a_persons_page_shows_neither_salt_nor_hash_of_the_password(root):
    client, _ = root
    page = client.get(reverse("admin:auth_user_change", args=[User.objects.get(username="owner").pk])).content.decode()
    assert "A password is set." in page
    assert not re.search(r"<strong[^>]*>\s*(salt|hash)", page)


def test_history_keeps_no_secret_column():
    found = [
        f"{model.__name__}.{field.name}"
        for model in apps.get_models()
        if model.__name__.startswith("Historical")
        for field in model._meta.get_fields()
        if field.name in SECRET_FIELDS - {"token_key"}
        and (model.__name__.removeprefix("Historical").lower(), field.name) not in FILE_DIGESTS
    ]
    assert found == []


def test_the_api_describes_no_secret_field():
    components = SchemaGenerator().get_schema(request=None, public=True)["components"]["schemas"]
    found = [
        f"{name}.{field}"
        for name, body in components.items()
        for field in SECRET_FIELDS & set(body.get("properties", {}))
    ]
    assert set(found) - DESCRIBED_DIGESTS == set()


def test_the_token_page_shows_only_the_beginning(root):
    client, secrets = root
    assert ApiToken.objects.get().token_key in client.get(reverse("tokens")).content.decode()
    assert leaks(client, reverse("tokens"), secrets) == []


def test_log_lines_of_a_refused_token_do_not_repeat_it(caplog, root):
    value = root[1][0]
    Client().get("/api/scenes/", headers={"Authorization": f"Bearer {value[:-1]}x"})
    assert value[:-1] not in json.dumps([record.getMessage() for record in caplog.records])
