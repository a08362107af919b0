"""What all tests share: a clean place for files at the start of a run."""

import shutil

import pytest
from django.conf import settings


def pytest_sessionstart(session: pytest.Session) -> None:
    """The files of the last run go, once, before any test process writes new ones."""
    if not hasattr(session.config, "workerinput"):
        shutil.rmtree(settings.DATA_DIR / "files", ignore_errors=True)
