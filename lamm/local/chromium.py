"""Finding Chromium for the browser tests: `python -m lamm.local.chromium` says what it found.

The tests drive a browser that is there; a download of one of hundreds of megabytes is nobody's surprise.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
MAC_PROGRAMS = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
NOTICE = """
**********************************************************************************************
  BROWSER TESTS ARE SKIPPED: no Chromium is found.
  Install it (Debian: apt-get install chromium), or name one: LAMM_CHROMIUM=/path/to/chromium
**********************************************************************************************
"""


def find_chromium() -> str | None:
    """The path of a Chromium or Chrome: LAMM_CHROMIUM, else on PATH, else where macOS keeps it."""
    named = os.environ.get("LAMM_CHROMIUM")
    if named:
        return shutil.which(named)
    for name in NAMES:
        found = shutil.which(name)
        if found:
            return found
    return next((path for path in MAC_PROGRAMS if Path(path).exists()), None)


def is_required() -> bool:
    """Whether a missing browser fails the tests instead of skipping them: LAMM_REQUIRE_BROWSER=1."""
    return os.environ.get("LAMM_REQUIRE_BROWSER", "") not in ("", "0")


def may_install() -> bool:
    """Whether the system may be changed: only in CI, as root, where there is apt-get."""
    return os.environ.get("CI") == "true" and os.geteuid() == 0 and shutil.which("apt-get") is not None


def install() -> None:
    """Install Chromium and a font by apt-get; a failure shows in what `find_chromium` then finds."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update", "-q"], env=environment, check=False)
    packages = ["chromium", "fonts-liberation"]
    subprocess.run(
        ["apt-get", "install", "-y", "-q", "--no-install-recommends", *packages], env=environment, check=False
    )


def main() -> int:
    """Find a browser, installing one where that is allowed; 1 if it is required and missing."""
    if find_chromium() is None and may_install():
        install()
    found = find_chromium()
    sys.stdout.write(f"Chromium: {found}\n" if found else NOTICE)
    return 1 if found is None and is_required() else 0


if __name__ == "__main__":
    sys.exit(main())
