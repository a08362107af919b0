"""Files of npm's packages: the chosen ones are published, nothing else, and a missing one is named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders
from django.template import Context, Template, TemplateSyntaxError
from django.test import RequestFactory

from lamm import static_files
from lamm.static_files import BARE_NAMES, PUBLISHED, NodeModulesFinder
from lamm.templatetags import icons


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_published_file_is_found_and_not_empty(name: str) -> None:
    found = finders.find(name)
    assert found is not None
    assert Path(found).stat().st_size > 0


@pytest.mark.parametrize("name", ["htmx.org/package.json", "vendor/../package.json", "vendor", "vendor/htmx.js"])
def test_nothing_else_of_the_packages_is_published(name: str) -> None:
    assert NodeModulesFinder().find(name) == []


def test_the_collected_files_are_the_published_ones() -> None:
    listed = {name: storage.open(name).read() for name, storage in NodeModulesFinder().list(None)}
    assert set(listed) == set(PUBLISHED)
    assert listed["vendor/fonts/inter-latin.woff2"][:4] == b"wOF2"
    assert b"htmx" in listed["vendor/htmx.min.js"]


def test_a_file_that_npm_has_not_installed_is_an_error_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert NodeModulesFinder().check() == []
    monkeypatch.setattr(static_files, "node_modules", lambda: tmp_path)
    errors = NodeModulesFinder().check()
    assert len(errors) == len(PUBLISHED)
    assert str(tmp_path / "htmx.org/dist/htmx.min.js") in errors[0].msg
    assert "make install" in str(errors[0].hint)


def render(source: str) -> str:
    return Template("{% load icons %}" + source).render(Context({"name": "search"}))


def test_an_icon_is_inlined_and_hidden_from_screen_readers() -> None:
    svg = render('{% icon "search" %}')
    assert svg.startswith('<svg class="icon icon-search" viewBox="0 0 24 24"')
    assert 'aria-hidden="true"' in svg
    assert "<circle" in svg
    assert "license" not in svg
    assert svg.count("<svg") == 1


def test_an_icon_takes_a_variable_and_more_classes() -> None:
    assert 'class="icon icon-search large"' in render('{% icon name "large" %}')
    assert "&quot;&gt;&lt;script" in render("""{% icon name '"><script' %}""")


@pytest.mark.parametrize("name", ["no-such-icon", "../package", "", "Search"])
def test_an_icon_that_does_not_exist_is_an_error(name: str) -> None:
    with pytest.raises(TemplateSyntaxError, match="There is no icon"):
        icons.icon(name)


def test_icons_without_the_packages_name_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(icons, "node_modules", lambda: tmp_path)
    icons._shapes.cache_clear()
    with pytest.raises(TemplateSyntaxError, match="make install"):
        icons.icon("search")
    icons._shapes.cache_clear()


def test_the_import_map_names_published_files_and_carries_the_nonce_of_the_policy() -> None:
    request = RequestFactory().get("/")
    request.csp_nonce = "once"  # type: ignore[attr-defined]
    drawn = Template("{% import_map %}").render(Context({"request": request}))
    names = json.loads(drawn.partition(">")[2].removesuffix("</script>"))["imports"]
    assert 'type="importmap" nonce="once"' in drawn
    assert {name: address.removeprefix(settings.STATIC_URL) for name, address in names.items()} == BARE_NAMES
    assert set(BARE_NAMES.values()) <= set(PUBLISHED)
