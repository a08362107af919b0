"""What all tests share: a clean place for files at the start of a run."""

import shutil

import pytest
from django.conf import settings


def pytest_sessionstart(session: pytest.Session) -> None:
    """The files of the last run go, once, before any test process writes new ones."""
    if not hasattr(session.config, "workerinput"):
        shutil.rmtree(settings.DATA_DIR / "files", ignore_errors=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test that empties the database gets back what migrations wrote, roles and content types with their numbers.

    One that did not would leave other numbers behind, and the next one that does could not put its own in.
    """
    for item in items:
        marker = item.get_closest_marker("django_db")
        emptying = bool(marker and marker.kwargs.get("transaction"))
        if emptying or {"live_server", "transactional_db"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.django_db(transaction=True, serialized_rollback=True), append=False)
