"""The version of this package, which says what API it speaks."""

from __future__ import annotations

import re

__version__ = "0.1.0"


def version_numbers(version: str) -> tuple[int, ...]:
    """The numbers of `version`, (1, 10, 2) for "1.10.2", so that versions compare; what follows them is left out."""
    found = re.match(r"\d+(\.\d+)*", version)
    return tuple(map(int, found[0].split("."))) if found else (0,)
