"""Folders that the account running PostgreSQL for root can enter."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def open_folder() -> Iterator[Path]:
    """A new folder whose parents let everybody pass; pytest's own are closed to others."""
    folder = Path(tempfile.mkdtemp(prefix="lamm-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)
