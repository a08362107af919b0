"""What all tests share: a clean place for files at the start of a run."""

import shutil
from typing import Any

import pytest
from django.conf import settings
from django.db import connections
from django.test import Client


def pytest_sessionstart(session: pytest.Session) -> None:
    """The files of the last run go, once, before any test process writes new ones."""
    if not hasattr(session.config, "workerinput"):
        shutil.rmtree(settings.DATA_DIR / "files", ignore_errors=True)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> None:
    """What migrations wrote is known to every connection, not only to the one that made the database.

    A browser's event loop gives the same thread another one, which would put nothing back after a test.
    """
    maker: Any = connections["default"]
    if hasattr(maker, "_test_serialized_contents"):  # not when no chosen test empties the database
        type(maker)._test_serialized_contents = maker._test_serialized_contents


@pytest.fixture
def viewer(client: Client, db: None) -> Client:
    """A browser without JavaScript in which vera, who may look at everything, is logged in."""
    from django.contrib.auth.models import Group, User

    person = User.objects.create_user("vera")
    person.groups.add(Group.objects.get(name="viewer"))
    client.force_login(person)
    return client


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test that empties the database gets back what migrations wrote, roles and content types with their numbers.

    One that did not would leave other numbers behind, and the next one that does could not put its own in.
    """
    for item in items:
        marker = item.get_closest_marker("django_db")
        emptying = bool(marker and marker.kwargs.get("transaction"))
        if emptying or {"live_server", "transactional_db"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.django_db(transaction=True, serialized_rollback=True), append=False)
