"""The workflow of the specification: filter, sort, select all, tag, assign, save the view, reopen it; and back."""

import csv
import re
from pathlib import Path

import pytest
from django.contrib.auth.models import Group, User
from playwright.sync_api import Page, expect

from datasets.models import DatasetVersion
from scenes import services
from scenes.models import BulkChange, SavedView, Scene
from scenes.tests.workflows import a_plain_scene

SHOWN = 25


@pytest.fixture
def library(live_server) -> None:
    """Thirty scenes of rain, more than a page, and some of sun."""
    services.sync_roles()
    bea = User.objects.create_user("bea")
    bea.groups.add(Group.objects.get(name="labeler"))
    for number in range(30):
        a_plain_scene(f"rain-{number:02d}", point_count=1000 * (number + 1)).tags.add("rain")
    for number in range(4):
        a_plain_scene(f"sun-{number}", point_count=10).tags.add("sun")


def tagged(name: str) -> int:
    return Scene.objects.filter(tags__name=name).count()


def bar(page: Page):
    return page.locator("#selection")


def rain(page: Page) -> Page:
    """The explorer filtered by a word, the largest first."""
    page.keyboard.press("/")
    page.keyboard.type("rain")
    expect(page.locator("#found")).to_contain_text("30 found")
    page.keyboard.press("Escape")
    page.get_by_role("link", name="Points", exact=True).click()
    expect(page.get_by_role("columnheader", name="Points")).to_have_attribute("aria-sort", "descending")
    expect(page.locator(".scene-link").first).to_have_text("rain-29")
    return page


def test_filter_sort_select_all_tag_assign_save_and_reopen(library, logged_in, context):
    page = rain(logged_in)
    page.get_by_role("checkbox", name="Select all scenes of this page").check()
    expect(bar(page)).to_contain_text(f"All {SHOWN} on this page are selected")
    page.get_by_role("button", name="Select all 30 that match").click()
    expect(bar(page)).to_contain_text("All 30 that match are selected")

    page.get_by_role("button", name="Add tags").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("heading")).to_have_text("Add tags 30 scenes")
    expect(dialog.get_by_role("combobox", name="Tags")).to_be_focused()
    page.keyboard.type("checked, wet")
    dialog.get_by_role("button", name="Add", exact=True).click()
    said = page.locator("#bulk-said")
    expect(said).to_contain_text("30 of 30 scenes changed")
    expect(dialog).to_be_hidden()
    expect(page.locator("#rows")).to_contain_text("checked")
    assert tagged("checked") == tagged("wet") == 30

    expect(bar(page)).to_contain_text("All 30 that match")
    page.get_by_role("button", name="Assign").click()
    page.get_by_role("dialog").get_by_label("Labeler").select_option("bea")
    page.get_by_role("dialog").get_by_label("Priority").select_option("High")
    page.get_by_role("dialog").get_by_role("button", name="Assign").click()
    expect(said).to_contain_text("Assign to bea: 30 of 30 scenes changed")
    assert Scene.objects.filter(labeler__username="bea", priority=3).count() == 30

    page.locator("#saved-views summary").click()
    page.get_by_role("button", name="Save this view").click()
    page.get_by_role("dialog").get_by_label("Name").fill("Rain, largest first")
    page.get_by_label("Open the explorer with it").check()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#default-view")).to_contain_text("Default view: Rain, largest first")
    view = SavedView.objects.get()
    assert view.query == "search=rain&sort=-points"

    a_plain_scene("rain-99", point_count=10**9)
    reopened = context.new_page()
    reopened.goto(page.url.split("?")[0] + f"?{view.query}")
    expect(reopened.locator(".scene-link").first).to_have_text("rain-99")
    expect(reopened.locator("#found")).to_contain_text("31 found")
    reopened.goto(page.url.split("?")[0])
    expect(reopened).to_have_url(re.compile(r"\?search=rain&sort=-points$"))
    expect(reopened.locator("#default-view")).to_contain_text("Rain, largest first")
    reopened.get_by_role("link", name="All scenes").first.click()
    expect(reopened.locator("#found")).to_contain_text("35")
    expect(reopened.locator("#default-view")).to_have_count(0)


def test_a_selection_outlives_pages_and_ends_with_its_filters(library, logged_in):
    page = rain(logged_in)
    page.get_by_role("checkbox", name="Select rain-29").check()
    page.locator("#page-next").click()
    expect(page).to_have_url(re.compile("page=2"), timeout=20_000)
    expect(page.locator(".scene-link").first).to_have_text("rain-04")
    page.get_by_role("checkbox", name="Select rain-04").check()
    expect(bar(page)).to_contain_text("2 selected")
    page.locator("#page-previous").click()
    expect(page.get_by_role("checkbox", name="Select rain-29")).to_be_checked()
    expect(bar(page)).to_contain_text("2 selected")
    page.keyboard.press("/")
    page.keyboard.type(" 29")
    expect(page.locator("#bulk-said")).to_contain_text("2 scenes are no longer selected")
    expect(bar(page)).to_be_hidden()


def test_a_change_is_undone_and_found_again_among_the_last_ones_by_keys_alone(library, logged_in):
    page = rain(logged_in)
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(bar(page)).to_contain_text("2 selected")
    page.keyboard.press("t")
    expect(page.get_by_role("dialog").get_by_role("combobox", name="Tags")).to_be_focused()
    page.keyboard.type("odd")
    page.keyboard.press("Enter")
    expect(page.locator("#bulk-said")).to_contain_text("2 of 2 scenes changed")
    assert tagged("odd") == 2
    page.get_by_role("button", name="Undo").press("Enter")
    expect(page.locator("#bulk-said")).to_contain_text("Undo bulk change")
    assert tagged("odd") == 0
    page.get_by_role("button", name="My last changes").press("Enter")
    expect(page.locator("#bulk-said")).to_contain_text("Undone by bulk change")
    page.keyboard.press("Escape")
    expect(page.locator("#bulk-said")).to_be_empty()
    page.keyboard.press("Escape")
    expect(bar(page)).to_be_hidden()


def test_a_long_change_shows_its_progress(library, logged_in, monkeypatch):
    from scenes.services import bulk

    monkeypatch.setattr(bulk, "AT_ONCE", 10)
    monkeypatch.setattr(bulk, "wake", lambda change_id: None)
    page = rain(logged_in)
    page.get_by_role("checkbox", name="Select all scenes of this page").check()
    page.keyboard.press("t")
    expect(page.get_by_role("dialog").get_by_role("combobox", name="Tags")).to_be_focused()
    page.keyboard.type("slow")
    page.keyboard.press("Enter")
    said = page.locator("#bulk-said")
    expect(said).to_contain_text("0 of 25 scenes")
    change = BulkChange.objects.get()
    bulk._next_batch(change.pk)
    expect(said.get_by_role("progressbar")).to_have_attribute("value", "10")
    bulk.work(change.pk)
    expect(said).to_contain_text("25 of 25 scenes changed")
    expect(said.get_by_role("button", name="Undo")).to_be_visible()
    expect(page.locator("#rows")).to_contain_text("slow")


def test_scenes_go_to_a_new_dataset_and_a_refusal_stays_in_the_dialog(library, logged_in, allowed_faults):
    allowed_faults += ["400", "explorer/bulk"]
    page = rain(logged_in)
    page.get_by_role("checkbox", name="Select rain-29").check()
    page.keyboard.press("b")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name of the new dataset").fill("two words")
    dialog.get_by_role("button", name="Add", exact=True).click()
    expect(dialog).to_contain_text("Use letters, digits")
    dialog.get_by_label("Name of the new dataset").fill("Rainy")
    dialog.get_by_role("button", name="Add", exact=True).click()
    expect(page.locator("#bulk-said")).to_contain_text("1 scene added")
    assert DatasetVersion.objects.get().items.count() == 1


def test_the_list_is_downloaded_with_the_columns_that_it_shows(library, logged_in):
    page = rain(logged_in)
    page.get_by_role("button", name="Export", exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("heading")).to_have_text("Export 30 scenes")
    with page.expect_download() as download:
        dialog.get_by_role("button", name="Export", exact=True).click()
    rows = list(csv.DictReader(Path(download.value.path()).read_text().splitlines()))
    assert len(rows) == 30
    assert {"id", "name", "point_count", "tags"} <= set(rows[0])
    assert "notes" not in rows[0]
    assert re.fullmatch(r"scenes-\d{8}-\d{6}-\d+\.csv", download.value.suggested_filename)
