"""Numbers in lines of text, as the small files beside frames hold them."""

from __future__ import annotations

import math

from scenes.clouds.cloud import CloudError

BYTE_ORDER_MARK = "\ufeff"


def number(text: str) -> float | None:
    """The number that `text` is, NaN and infinity included; None when it is none."""
    try:
        # Python would read "1_000" as a number; no other program writes or reads that.
        return None if "_" in text else float(text)
    except ValueError:
        return None


def lines_of(text: str) -> list[str]:
    """The lines of a file without what may follow the last one."""
    return text.removeprefix(BYTE_ORDER_MARK).rstrip().splitlines()


def finite_numbers(words: list[str], count: int, *, line: int, field: str, remedy: str) -> list[float]:
    """`words` as `count` finite numbers. Raises CloudError naming `line` and `field`."""
    if len(words) != count:
        raise CloudError(f"line {line} has {len(words)} numbers, not {count}", remedy, field)
    values = []
    for word in words:
        value = number(word)
        if value is None or not math.isfinite(value):
            raise CloudError(f"line {line} holds {word[:40]!r}, which is not a finite number", remedy, field)
        values.append(value)
    return values
