"""The import map: the bare names that our modules import libraries by."""

import json
from typing import Any

from django import template
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from lamm.static_files import BARE_NAMES

register = template.Library()


@register.simple_tag(takes_context=True)
def import_map(context: dict[str, Any]) -> SafeString:
    """`{% import_map %}` before the first module of a page that imports a library."""
    names = json.dumps({"imports": {name: static(path) for name, path in BARE_NAMES.items()}})
    # The JSON is made of our own constants only.
    return format_html(
        '<script type="importmap" nonce="{}">{}</script>',
        context["request"].csp_nonce,
        mark_safe(names),  # noqa: S308
    )
