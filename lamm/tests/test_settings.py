"""In production LAMM refuses to start until what keeps data safe is set, and says what to do."""

import os
import subprocess
import sys

import pytest
from django.conf import settings

COMPLETE = {
    "LAMM_ENV": "production",
    "LAMM_SECRET_KEY": "k" * 60,
    "LAMM_ALLOWED_HOSTS": "lamm.example.com",
    "DATABASE_URL": "postgresql://lamm@db.example.com/lamm",
    "REDIS_URL": "redis://redis.example.com/0",
}


def start(**changes: str) -> subprocess.CompletedProcess[str]:
    """Read the settings in a process of its own; nothing connects anywhere."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LAMM_", "DATABASE", "REDIS"))}
    wanted = {name: value for name, value in (COMPLETE | changes).items() if value}
    code = "from django.conf import settings; print(settings.DEBUG, settings.SESSION_COOKIE_SECURE)"
    return subprocess.run(
        [sys.executable, "-c", code],
        env=kept | wanted | {"DJANGO_SETTINGS_MODULE": "lamm.settings"},
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        check=False,
    )


def test_with_everything_set_it_starts_without_debug_and_with_secure_cookies():
    assert start().stdout.split() == ["False", "True"]


@pytest.mark.parametrize(
    ("changes", "problem", "remedy"),
    [
        ({"LAMM_SECRET_KEY": ""}, "LAMM_SECRET_KEY is missing", "token_urlsafe"),
        ({"LAMM_SECRET_KEY": "short"}, "shorter than 50", "token_urlsafe"),
        ({"LAMM_DEBUG": "1"}, "LAMM_DEBUG is on", "Unset LAMM_DEBUG"),
        ({"LAMM_ALLOWED_HOSTS": ""}, "LAMM_ALLOWED_HOSTS is empty", "lamm.example.com"),
        ({"DATABASE_URL": ""}, "DATABASE_URL is missing", "postgresql://"),
        ({"REDIS_URL": ""}, "REDIS_URL is missing", "redis://"),
        ({"LAMM_ENV": "prod"}, "LAMM_ENV is 'prod'", "development, test or production"),
    ],
)
def test_what_is_missing_is_named_with_its_remedy(changes, problem, remedy):
    refused = start(**changes)
    assert refused.returncode != 0
    assert problem in refused.stderr
    assert remedy in refused.stderr
