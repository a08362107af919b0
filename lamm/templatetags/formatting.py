"""How numbers, times and identifiers are written on pages. Pure functions; None becomes an en dash."""

from datetime import datetime
from typing import Any

from django import template
from django.utils import timezone

register = template.Library()

NOTHING = "–"  # noqa: RUF001 - an en dash on purpose: an empty cell would look like a fault
NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"
COUNT_UNITS = ("", "K", "M", "B", "T")
BYTE_UNITS = ("B", "kB", "MB", "GB", "TB", "PB", "EB")
DIGEST_CHARACTERS = 10
NS_PER_SECOND = 1_000_000_000


def _scaled(value: float, units: int) -> tuple[float, int]:
    """`value` divided by 1000 until it is written with three digits before the point, and how often that was.

    The division looks at the rounded number, so that 999,950 is 1.0 of the next unit, not 1000.0 of this one.
    """
    step = 0
    while round(abs(value), 1 if step else 0) >= 1000 and step < units - 1:
        value, step = value / 1000, step + 1
    return value, step


@register.filter
def compact_number(value: float | None) -> str:
    """A count in three or four characters: 950, 1.2K, 15.4M."""
    if value is None:
        return NOTHING
    scaled, step = _scaled(value, len(COUNT_UNITS))
    return f"{scaled:.1f}{COUNT_UNITS[step]}" if step else f"{scaled:.0f}"


@register.filter
def grouped(value: float | None) -> str:
    """A count in full, in groups of three digits: 15,412,345."""
    return NOTHING if value is None else f"{value:,.0f}"


@register.filter(name="bytes")
def byte_size(value: float | None) -> str:
    """A size in decimal units, as disks are sold: 812 B, 1.9 MB, 5.2 TB."""
    if value is None:
        return NOTHING
    scaled, step = _scaled(value, len(BYTE_UNITS))
    number = f"{scaled:.1f}" if step else f"{scaled:.0f}"
    return f"{number}{NO_BREAK_SPACE}{BYTE_UNITS[step]}"


@register.filter
def duration(seconds: float | None) -> str:
    """A length of time: 2.1 s, 4 min 05 s, 1 h 02 min."""
    if seconds is None:
        return NOTHING
    sign, seconds = ("-", -seconds) if seconds < 0 else ("", seconds)
    if round(seconds, 1) < 60:
        return f"{sign}{seconds:.1f}{NO_BREAK_SPACE}s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{sign}{minutes}{NO_BREAK_SPACE}min{NO_BREAK_SPACE}{rest:02d}{NO_BREAK_SPACE}s"
    hours, minutes = divmod(minutes, 60)
    return f"{sign}{hours:,}{NO_BREAK_SPACE}h{NO_BREAK_SPACE}{minutes:02d}{NO_BREAK_SPACE}min"


@register.filter
def rough_duration(seconds: float | None) -> str:
    """A length of time as one says it while waiting: 12 s, 4 min, 1 h 02 min."""
    if seconds is None:
        return NOTHING
    if round(seconds) < 60:
        return f"{round(seconds)}{NO_BREAK_SPACE}s"
    minutes = round(seconds / 60)
    return f"{minutes}{NO_BREAK_SPACE}min" if minutes < 60 else duration(60 * minutes)


@register.filter
def time_span(seconds: float | None) -> str:
    """How long something has been so, in one unit: 40 s, 5 min, 3 h, 2 days, 6 weeks."""
    if seconds is None:
        return NOTHING
    for size, most, unit in ((1, 60, "s"), (60, 60, "min"), (3600, 48, "h"), (86400, 21, "days")):
        if seconds < size * most:
            return f"{seconds / size:.0f}{NO_BREAK_SPACE}{unit}"
    return f"{seconds / 604800:,.0f}{NO_BREAK_SPACE}weeks"


@register.filter
def frames_per_second(speed: float | None) -> str:
    """A speed in frames per second with three digits: 0.42, 8.3 and 1,204 frames/s."""
    if speed is None:
        return NOTHING
    digits = 2 if speed < 1 else 1 if speed < 100 else 0
    return f"{speed:,.{digits}f}{NO_BREAK_SPACE}frames/s"


@register.filter
def decimal_seconds(seconds: float | None) -> str:
    """Seconds as the explorer's column shows them, without the unit: 2.1 and 1,204.5."""
    return NOTHING if seconds is None else f"{seconds:,.1f}"


@register.filter
def score(value: float | None) -> str:
    """An uncertainty in four digits: 0.0831, 1.204, 37.52."""
    if value is None:
        return NOTHING
    digits = 4 if abs(value) < 0.1 else 3 if abs(value) < 10 else 2
    return f"{value:,.{digits}f}"


@register.filter
def metres(value: float | None) -> str:
    """A length in metres with one decimal: 79.3 m."""
    return NOTHING if value is None else f"{value:,.1f}{NO_BREAK_SPACE}m"


@register.filter
def percent(part: float | None, whole: float | None) -> str:
    """`part` of `whole` in per cent, never rounded to 100 % or 0 %, because those mean all and none."""
    if part is None or not whole:
        return NOTHING
    share = 100 * part / whole
    if 0 < share < 0.1:
        return f"<0.1{NO_BREAK_SPACE}%"
    if 99.9 < share < 100:
        return f">99.9{NO_BREAK_SPACE}%"
    number = f"{share:.0f}" if share in (0, 100) else f"{share:.1f}"
    return f"{number}{NO_BREAK_SPACE}%"


@register.simple_tag
def coordinates(latitude: float | None, longitude: float | None, decimals: int = 5) -> str:
    """A position in degrees (WGS 84); five decimals are about one metre: 49.01360, 8.40440."""
    if latitude is None or longitude is None:
        return NOTHING
    return f"{latitude:.{decimals}f}, {longitude:.{decimals}f}"


@register.simple_tag
def map_url(latitude: float, longitude: float) -> str:
    """The position on OpenStreetMap, marked."""
    place = f"{latitude:.6f}/{longitude:.6f}"
    return f"https://www.openstreetmap.org/?mlat={latitude:.6f}&mlon={longitude:.6f}#map=17/{place}"


@register.filter
def short_digest(digest: str | None) -> str:
    """The beginning of a sha256: enough to compare by eye."""
    return digest[:DIGEST_CHARACTERS] if digest else NOTHING


@register.filter
def moment(value: datetime | None) -> str:
    """Date and time in the site's time zone, to the second: 2026-05-04 09:12:00 UTC."""
    return NOTHING if value is None else f"{timezone.localtime(value):%Y-%m-%d %H:%M:%S %Z}"


@register.filter
def minute(value: datetime | None) -> str:
    """Date and time in the site's time zone, to the minute: 2026-05-04 09:12."""
    return NOTHING if value is None else f"{timezone.localtime(value):%Y-%m-%d %H:%M}"


@register.filter
def offset_seconds(time_ns: int | None, start_ns: int | None) -> str:
    """A frame's time counted from the scene's first frame, in seconds with milliseconds: 0.103."""
    if time_ns is None or start_ns is None:
        return NOTHING
    return f"{(time_ns - start_ns) / NS_PER_SECOND:.3f}"


def extent(lower: list[float] | None, upper: list[float] | None) -> str:
    """The lengths of a box's sides in metres, from its corners: 140.2 × 98.0 × 12.4 m."""  # noqa: RUF002
    if not lower or not upper:
        return NOTHING
    sides = (f"{high - low:,.1f}" for low, high in zip(lower, upper, strict=True))
    return " \N{MULTIPLICATION SIGN} ".join(sides) + f"{NO_BREAK_SPACE}m"


@register.filter
def initials(user: Any) -> str:
    """One or two letters that stand for a person."""
    words = user.get_full_name().split() or [user.get_username()]
    return "".join(word[0] for word in (words[0], *words[1:][-1:])).upper()
