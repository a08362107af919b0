"""`{% icon "search" %}`: a Lucide icon as inline SVG, coloured by the text around it."""

from __future__ import annotations

import re
from functools import cache

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from lamm.static_files import REMEDY, node_modules

register = template.Library()
NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@register.simple_tag
def icon(name: str, css_class: str = "") -> SafeString:
    """The icon `name` of lucide-static, hidden from screen readers: the text beside it speaks.

    Args:
        name: as on the site of Lucide, for example "chevron-down".
        css_class: more classes for the svg element, which always has "icon" and "icon-<name>".

    Raises:
        template.TemplateSyntaxError: there is no such icon, or npm's packages are not installed.
    """
    classes = f"icon icon-{name} {css_class}".strip()
    return format_html(
        '<svg class="{}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" '
        'stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false">{}</svg>',
        classes,
        _shapes(name),
    )


@cache
def _shapes(name: str) -> SafeString:
    """What stands between <svg> and </svg> in the icon's file."""
    folder = node_modules() / "lucide-static" / "icons"
    path = folder / f"{name}.svg"
    if not folder.is_dir():
        raise template.TemplateSyntaxError(f"{folder} is missing. {REMEDY}")
    if not NAME.fullmatch(name) or not path.is_file():
        raise template.TemplateSyntaxError(f"There is no icon {name!r} in {folder}.")
    match = re.search(r"<svg[^>]*>(.*)</svg>", path.read_text("utf-8"), re.DOTALL)
    if match is None:
        raise template.TemplateSyntaxError(f"{path} holds no <svg> element.")
    shapes = " ".join(match.group(1).split())
    return mark_safe(shapes)  # noqa: S308 - a file of a pinned package, never a visitor's text
