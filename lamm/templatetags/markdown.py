"""Markdown that people wrote, as HTML that harms nobody."""

from functools import cache

import nh3
from django import template
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt

register = template.Library()

# No images: they would be asked of other servers. No styles: the policy of the site forbids them.
TAGS = {
    "p", "br", "hr", "h3", "h4", "h5", "h6", "strong", "em", "s", "del", "code", "pre", "blockquote", "ul", "ol", "li",
    "a", "table", "thead", "tbody", "tr", "th", "td",
}  # fmt: skip
ATTRIBUTES = {"a": {"href", "title"}, "ol": {"start"}}
SCHEMES = {"http", "https", "mailto"}
# A page has its own first headings.
LOWERED = {"h1": "h3", "h2": "h4"}


@cache
def _reader() -> MarkdownIt:
    reader = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    reader.core.ruler.push("lower_headings", _lower_headings)
    return reader


def _lower_headings(state: object) -> None:
    for token in state.tokens:  # type: ignore[attr-defined]
        token.tag = LOWERED.get(token.tag, token.tag)


@register.filter
def markdown(text: str | None) -> SafeString:
    """CommonMark with tables as harmless HTML: what is HTML in the text is shown as it was written."""
    if not text:
        return SafeString()
    rendered = _reader().render(text)
    clean = nh3.clean(rendered, tags=TAGS, attributes=ATTRIBUTES, url_schemes=SCHEMES, link_rel="nofollow noopener")
    return mark_safe(clean)  # noqa: S308 - nh3 has let through nothing but the tags and attributes above


@register.filter
def markdown_words(text: str | None) -> str:
    """The words of a Markdown text on one line, for lists: no headings, marks or tables."""
    if not text:
        return ""
    found = []
    for token in _reader().parse(text):
        if token.type == "inline":
            found.append("".join(child.content or " " for child in token.children or []))
        elif token.type in ("fence", "code_block"):
            found.append(token.content)
    return " ".join(" ".join(found).split())
