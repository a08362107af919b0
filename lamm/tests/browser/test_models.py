"""The registry as people use it: promote, be stopped by a gate, waive, approve as somebody else, roll back, read it."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from lamm.tests.browser.conftest import PASSWORD
from registry.models import ModelVersion
from registry.tests.stories import MODEL, World, a_gate, a_trained_run, a_version, a_world, evaluate, promote


@pytest.fixture
def world(live_server) -> World:
    found = a_world()
    for person in (found.engineer, found.approver):
        person.set_password(PASSWORD)
        person.save()
    return found


@pytest.fixture
def enter(visit: Callable[[str], Page]) -> Callable[[str, str], Page]:
    """`enter("erik", "/models/")`: the page after this person has logged in, whoever was there before."""

    def go(name: str, path: str) -> Page:
        page = visit("/login/")
        page.context.clear_cookies()
        page = visit(f"/login/?next={path}")
        page.get_by_label("User name").fill(name)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Log in").click()
        page.wait_for_url(f"**{path}")
        return page

    return go


def test_a_run_is_promoted_stopped_waived_approved_and_rolled_back(world: World, enter: Callable[[str, str], Page]):
    present = promote(world, a_version(world, right=0.9))
    a_gate(world, present, threshold=0.7, class_name="car")
    run = a_trained_run(world)
    evaluate(run, world, right=0.8)

    page = enter("erik", f"/models/promote/?run={run.pk}")
    expect(page.get_by_text("not by the server yet")).to_have_count(0)
    page.get_by_label("Model", exact=False).first.fill(MODEL)
    page.get_by_label("Release notes").fill("Faster, **a little worse**.")
    page.get_by_role("button", name="Register it").click()
    page.wait_for_url(f"**/models/{MODEL}/v2/")
    expect(page.locator("#notes strong")).to_have_text("a little worse")

    page.get_by_role("button", name="Ask for promotion").click()
    page.get_by_label("Why now").fill("Half the latency.")
    page.get_by_role("button", name="Ask", exact=True).click()
    panel = page.locator(".promotion")
    expect(panel).to_contain_text("IoU of car is 0.667, at least 0.700 is asked for.")
    expect(panel).to_contain_text("You asked for it: another person decides.")

    page = enter("anna", f"/models/{MODEL}/v2/")
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_text("does not pass its gates")).to_be_visible()
    page.get_by_text("Waive this gate").click()
    page.get_by_label("Why it is waived").fill("Labels of drive 7 are wrong.")
    page.get_by_role("button", name="Waive", exact=True).click()
    expect(page.locator(".waiver")).to_contain_text("Waived by anna")
    page.get_by_role("button", name="Approve").click()
    expect(page.locator(".dataset-title .stage-production")).to_be_visible()
    expect(page.locator("#decided .waiver")).to_contain_text("Labels of drive 7 are wrong.")

    page.get_by_role("link", name=MODEL, exact=True).first.click()
    page.get_by_role("button", name="Roll back").click()
    page.get_by_label("Why").fill("Ghost cars in rain.")
    page.locator("#dialog-roll-back").get_by_role("button", name="Roll back").click()
    expect(page.locator(".production-now")).to_contain_text("v1")
    told = page.locator("#history .move")
    expect(told.nth(0)).to_contain_text("Returned by a roll back")
    expect(told.nth(1)).to_contain_text("Ghost cars in rain.")
    expect(told.nth(2)).to_contain_text("Promoted")
    assert ModelVersion.objects.get(stage="production") == present


def test_versions_are_ticked_and_compared_by_keyboard(world: World, enter: Callable[[str, str], Page]):
    a_version(world, right=0.8)
    a_version(world, right=0.9)
    page = enter("erik", "/models/")
    compare = page.get_by_role("button", name="Compare")
    expect(compare).to_be_disabled()
    for label in ("v1", "v2"):
        page.get_by_label(f"Compare {MODEL} {label}").focus()
        page.keyboard.press("Space")
    expect(compare).to_have_text("Compare (2)")
    compare.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Compare 2 versions")).to_be_visible()
    expect(page.locator(".figure-best").first).to_contain_text("0.8")


def test_a_gate_asks_only_for_what_its_kind_needs(world: World, enter: Callable[[str, str], Page]):
    a_version(world)
    page = enter("anna", f"/models/{MODEL}/")
    page.get_by_role("button", name="Add a gate").click()
    page.get_by_label("Evidence from").select_option(label="Test@v1")
    page.wait_for_url("**dataset=**")
    scenes = page.locator("select[name=scenes]")
    expect(scenes).to_be_hidden()
    page.get_by_label("What it asks").select_option("must_pass_scenes")
    expect(scenes).to_be_visible()
    page.get_by_label("What it asks").select_option("maximum_ece")
    expect(page.locator("select[name=class_name]")).to_be_hidden()
    page.locator("input[name=threshold]").fill("0.05")
    page.get_by_role("button", name="Add the gate").click()
    expect(page.locator("#gates")).to_contain_text("Maximum ECE")
