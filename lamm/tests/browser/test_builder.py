"""A curator builds a dataset as the specification tells it: name, filter, add, split, look, save; then the next one."""

import re

import pytest
from playwright.sync_api import Page, expect

from datasets import services
from datasets.models import DatasetVersion, VersionState
from datasets.tests.stories import some_scenes
from lamm import builder_steps

DIALOG = "#dialog-freeze"


@pytest.fixture
def library(live_server):
    """Twenty night scenes of ten drives, and six of the day."""
    night = some_scenes(20, drives=10, frames=1, name="night")
    for scene in night:
        scene.tags.add("night")
    some_scenes(6, drives=10, frames=1, name="day")


def total(page: Page, scenes: int) -> None:
    expect(page.locator("#total-scenes")).to_have_text(str(scenes))


def told(page: Page, split: str, words: str) -> None:
    """The summary says so many scenes and which share of a split."""
    expect(page.locator(f".shares-told [data-split={split}]")).to_contain_text(re.compile(words))


SHARES = """async () => {
    const { rebalanced } = await import("/static/js/builder/shares.js");
    const wrong = [];
    for (const start of [[80, 10, 10], [100, 0, 0], [0, 0, 100], [34, 33, 33], [1, 99, 0]])
        for (const index of [0, 1, 2])
            for (let value = -10; value <= 120; value++)
                for (let locks = 0; locks < 8; locks++) {
                    const locked = [0, 1, 2].map((bit) => Boolean(locks & (1 << bit)));
                    const next = rebalanced(start, index, value, locked);
                    const kept = [0, 1, 2].every((i) => i === index || !locked[i] || next[i] === start[i]);
                    const whole = next.every((share) => Number.isInteger(share) && share >= 0 && share <= 100);
                    const sum = next[0] + next[1] + next[2];
                    if (!kept || !whole || sum !== 100) wrong.push([start, index, value, locked, next]);
                }
    return wrong.slice(0, 5);
}"""


def test_shares_sum_to_100_whatever_is_moved_and_locked(logged_in):
    assert logged_in.evaluate(SHARES) == []


def share(page: Page, split: str):
    return page.locator(f"[data-share={split}] [data-number]")


def the_shares_make_room_for_each_other(page: Page) -> None:
    # One share is moved, and the others make room; a locked one stays.
    share(page, "train").fill("60")
    share(page, "train").press("Tab")
    expect(share(page, "val")).to_have_value("20")
    expect(share(page, "test")).to_have_value("20")
    told(page, "train", r"12 .*60\.0 % of 60 %")
    page.locator("[data-share=test] .lock").click()
    slider = page.locator("[data-share=val] [data-slider]")
    slider.focus()
    slider.press("Home")
    expect(share(page, "train")).to_have_value("80")
    expect(share(page, "test")).to_have_value("20")
    page.locator("[data-share=test] .lock").click()


def the_splits_are_80_10_10(page: Page) -> None:
    set_shares(page)
    told(page, "train", r"16 .*80\.0 % of 80 %")
    told(page, "val", r"2 .*10\.0 % of 10 %")
    told(page, "test", r"2 .*10\.0 % of 10 %")


def a_frozen_version_offers_the_next(page: Page, frozen: DatasetVersion) -> None:
    # It can't be changed: the page offers nothing, and a request of an older page is refused in words.
    page.goto(re.sub(r"/datasets/.*", f"/datasets/{frozen.pk}/builder/", page.url))
    expect(page.get_by_text("Nothing of it changes any more")).to_be_visible()
    expect(page.locator("#builder-bar")).to_have_count(0)
    expect(share(page, "train")).to_be_disabled()

    page.get_by_role("button", name="Make a new version").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Urban_Night_Scenes v2")
    total(page, 20)
    page.locator("#search").fill("day")
    expect(page.locator("#found")).to_have_text("6 found")
    page.locator("[data-add-all]").click()
    total(page, 26)
    page.get_by_role("link", name="Data card").click()
    expect(page.locator(".diff-added")).to_contain_text("6")
    expect(page.locator(".diff-removed")).to_contain_text("0")
    expect(page.locator("#diff")).to_contain_text("day-000")
    expect(page.locator(".lineage .node")).to_have_count(2)


def test_from_a_name_to_a_frozen_version_and_the_next_one(library, logged_in, allowed_faults):
    page = logged_in
    page.get_by_role("link", name="Datasets").click()
    page.wait_for_load_state()  # keys are heard from then on
    expect(page.get_by_text("No datasets yet")).to_be_visible()
    page.keyboard.press("n")
    page.get_by_label("Name").fill("Urban_Night_Scenes")
    page.get_by_role("button", name="Build it").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Urban_Night_Scenes v1")
    expect(page.get_by_text("Nothing staged yet")).to_be_visible()
    # Filter on the left, and add all that match; then take two that are selected out again by keys.
    page.locator("#search").fill("night")
    expect(page.locator("#found")).to_have_text("20 found")
    page.locator("[data-add-all]").click()
    total(page, 20)
    expect(page.locator("#results [data-staged]")).to_have_count(20)
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(page.locator("[data-selected-count]")).to_have_text("2")
    page.keyboard.press("o")
    total(page, 18)
    expect(page.locator("#results [data-staged]")).to_have_count(18)
    page.locator("[data-add-all]").click()
    expect(page.locator("#staging-said")).to_contain_text("2 scenes added, 18 were in it already.")
    total(page, 20)

    the_shares_make_room_for_each_other(page)
    the_splits_are_80_10_10(page)
    page.locator("#tab-statistics").click()
    statistics = page.locator(".split-table")
    expect(statistics.get_by_role("row", name="Training")).to_contain_text("16")
    expect(page.locator(".bar-row", has_text="ground")).to_be_visible()
    expect(page.locator(".bar-row", has_text="night")).to_be_visible()
    expect(page).to_have_url(re.compile(r"search=night.*staged_tab=statistics"))

    # Save: what is not clean is read and ticked first.
    page.get_by_role("button", name="Save (freeze)").click()
    expect(page.locator(f"{DIALOG} .check")).not_to_have_count(0)
    for box in page.locator(f"{DIALOG} [name=acknowledged]").all():
        box.check()
    page.get_by_role("button", name="Freeze Urban_Night_Scenes@v1").click()
    expect(page.locator("#digest")).to_have_text(re.compile("^[0-9a-f]{64}$"))
    frozen = DatasetVersion.objects.get()
    assert frozen.state == VersionState.FROZEN
    assert [frozen.items.filter(split=split).count() for split in ("train", "val", "test")] == [16, 2, 2]

    a_frozen_version_offers_the_next(page, frozen)


def set_shares(page: Page) -> None:
    """80/10/10 from whatever is there: validation is held while the others move."""
    share(page, "val").fill("10")
    share(page, "val").press("Tab")
    page.locator("[data-share=val] .lock").click()
    share(page, "train").fill("80")
    share(page, "train").press("Tab")
    expect(share(page, "test")).to_have_value("10")


def test_many_scenes_go_in_by_parts_and_ticked_ones_are_put_in_a_split(library, logged_in, curator, visit, monkeypatch):
    monkeypatch.setattr(builder_steps, "AT_ONCE", 4)
    draft = services.create_dataset(name="Many", by=curator)
    page = visit(f"/datasets/{draft.pk}/builder/")
    page.get_by_role("button", name="Add all 26 that match").click()
    total(page, 26)
    expect(page.locator("#staging-said")).to_contain_text("26 scenes added.")
    expect(page.locator(".going")).to_have_count(0)
    told(page, "train", "%")

    page.locator("#staged-search").fill("night-00")
    expect(page.locator("#staged [data-item]")).to_have_count(10)
    page.locator("[data-tick-all]").check()
    page.locator("[data-staged-ways]").get_by_role("button", name="test").click()
    expect(page.locator("#staged .split-chip-test")).to_have_count(10)
    expect(page.locator("#staged .fixed")).to_have_count(10)
    expect(page).to_have_url(re.compile(r"staged_search=night-00"))
    page.reload()
    expect(page.locator("#staged [data-item]")).to_have_count(10)


def test_two_people_who_change_the_plan_are_told_of_each_other(library, logged_in, curator, visit, allowed_faults):
    allowed_faults += ["409"]
    draft = services.create_dataset(name="Shared", by=curator)
    services.add_scenes(version=draft, scenes=[scene.pk for scene in some_scenes(4, frames=1, name="more")], by=curator)
    page = visit(f"/datasets/{draft.pk}/builder/")
    told(page, "train", "80 %")
    # Typed, but not left yet, when somebody else saves: nothing of either is lost.
    share(page, "train").fill("70")
    services.set_plan(version=draft, plan={"seed": 99}, by=curator)
    share(page, "train").press("Tab")
    said = page.locator("#staging-said")
    expect(said).to_contain_text("maria changed the plan meanwhile")
    expect(said).to_contain_text("seed is now 99")
    expect(share(page, "train")).to_have_value("70")
    page.get_by_role("button", name="Take theirs").click()
    expect(page.locator("#plan-seed")).to_have_value("99")
    expect(share(page, "train")).to_have_value("80")
    # What others add appears by itself.
    extra = some_scenes(1, frames=1, name="extra")
    services.add_scenes(version=draft, scenes=[extra[0].pk], by=curator)
    expect(page.locator("#total-scenes")).to_have_text("5", timeout=15_000)
