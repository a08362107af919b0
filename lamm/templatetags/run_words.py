"""How the numbers of a run are written: metrics, rates, differences. Pure; None becomes an en dash."""

import math

from django import template

from lamm.templatetags.formatting import NOTHING

register = template.Library()


@register.filter
def metric(value: float | None) -> str:
    """A value as it was logged, in at most five digits that matter: 0.08312, 1,204.5, 3.1e-05, NaN."""
    if value is None:
        return NOTHING
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "∞" if value > 0 else "\N{MINUS SIGN}∞"
    if value and not 1e-4 <= abs(value) < 1e9:
        return f"{value:.3g}"
    written = f"{value:,.{max(0, 4 - math.floor(math.log10(abs(value))))}f}" if value else "0"
    return written.rstrip("0").rstrip(".") if "." in written else written


@register.filter
def rate(value: float | None) -> str:
    """A rate between 0 and 1 in per cent with one decimal, without its sign: 84.2."""
    return NOTHING if value is None or math.isnan(value) else f"{100 * value:.1f}"


@register.filter
def change_of_rate(value: float | None) -> str:
    """A difference of two rates in points of a per cent, with its sign: +1.4."""
    if value is None or math.isnan(value):
        return NOTHING
    return f"{100 * value:+.1f}".replace("-", "\N{MINUS SIGN}")


@register.filter
def last_line(text: str) -> str:
    """The last line of a traceback that says something: the error itself."""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")[:300]


@register.filter
def hundredfold(value: float) -> str:
    """A rate as a length of a hundred, for drawings: 84.2."""
    return f"{100 * value:.1f}"


@register.filter
def measure_name(text: str) -> str:
    """The name of a measure as people write it: "iou of car" as "IoU of car"."""
    words = {"miou": "mIoU", "iou": "IoU", "fwiou": "fwIoU", "ece": "ECE"}
    return " ".join(words.get(word, word) for word in text.split(" "))
