"""The colours of the design can be read: WCAG 2 contrast of words on their grounds, in both themes."""

import re
from pathlib import Path

import pytest
from django.conf import settings

TOKENS = (Path(settings.BASE_DIR) / "static/css/tokens.css").read_text()
PAIRS = {
    name: (light, dark)
    for name, light, dark in re.findall(r"--([a-z-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)", TOKENS)
}
GROUNDS = ("ground", "surface", "raised", "sunken", "hover")
COLOURS_WITH_GROUND = ("grey", "amber", "violet", "green", "red", "accent")
# WCAG 2.2, success criteria 1.4.3 (words) and 1.4.11 (what identifies a control).
WORDS = 4.5


def luminance(colour: str) -> float:
    """Relative luminance of an sRGB colour such as #0ebad1, 0..1 (WCAG 2.2)."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_black_on_white_is_21_to_1():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("ground", GROUNDS)
@pytest.mark.parametrize("words", ["text", "text-soft", "text-faint", "accent", "amber", "red"])
def test_words_on_grounds(theme, ground, words):
    assert contrast(PAIRS[words][theme], PAIRS[ground][theme]) >= WORDS


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("colour", COLOURS_WITH_GROUND)
def test_states_on_their_own_ground(theme, colour):
    assert contrast(PAIRS[colour][theme], PAIRS[f"{colour}-ground"][theme]) >= WORDS


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_words_on_the_main_button(theme):
    assert contrast(PAIRS["on-accent"][theme], PAIRS["accent-fill"][theme]) >= WORDS
