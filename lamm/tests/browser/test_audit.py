"""A curator changes many scenes in the admin, reads about it in the audit, and undoes it."""

import re

from django.contrib.auth.models import User
from playwright.sync_api import expect

from scenes import services
from scenes.models import Scene, SceneTag
from scenes.tests.factories import a_ready_scene
from scenes.tests.test_curating import a_person, some_scenes


def choose(page, action: str) -> None:
    """All that match the list, and an action for them."""
    page.locator("#action-toggle").check()
    page.get_by_role("link", name=re.compile("Select all")).or_(page.locator(".question a")).first.click()
    page.locator("select[name=action]").select_option(action)
    page.get_by_role("button", name="Run").or_(page.locator("button[name=index]")).first.click()


def test_tagging_and_assigning_in_bulk_is_told_and_undone(live_server, logged_in):
    services.sync_roles()
    bea: User = a_person("bea", "labeler")
    a_ready_scene(name="rainy-000")
    some_scenes(60)
    page = logged_in
    scenes = f"{live_server.url}/admin/scenes/scene/"
    page.goto(scenes)
    choose(page, "add_tags")
    expect(page.locator(".lamm-bulk-count")).to_contain_text("61 scenes selected: all that match")
    page.locator("input[name=new_tags]").fill("heavy rain")
    page.locator("textarea[name=reason]").fill("Weather report of Monday")
    page.get_by_role("button", name="Show what will change").click()
    expect(page.locator(".lamm-after").first).to_have_text("heavy rain")
    page.get_by_role("button", name="Add tags: 61 scenes").click()
    expect(page.get_by_text("61 of 61 scenes changed")).to_be_visible()
    assert SceneTag.objects.count() == 61

    page.goto(scenes)
    choose(page, "assign")
    page.locator("select[name=labeler]").select_option(label="bea", force=True)
    page.get_by_role("button", name="Show what will change").click()
    expect(page.locator(".lamm-effects")).to_contain_text("61 unlabeled: assigned")
    page.get_by_role("button", name="Assign to a labeler: 61 scenes").click()
    expect(page.get_by_text("61 of 61 scenes changed")).to_be_visible()
    assert Scene.objects.filter(labeler=bea).count() == 61

    page.goto(f"{live_server.url}/audit/")
    page.locator("#about").fill("rainy-000")
    page.locator("#about").press("Enter")
    page.wait_for_url("**about=rainy-000*")
    rows = page.locator(".audit-row")
    expect(rows.nth(0)).to_contain_text("Assigned to bea by maria, in the admin")
    expect(rows.nth(1)).to_contain_text("Tag heavy rain added")
    expect(rows.nth(1)).to_contain_text("Weather report of Monday")
    rows.nth(1).get_by_text("Details").click()
    rows.nth(1).get_by_role("link", name="look at it").click()
    expect(page.locator(".lamm-change")).to_contain_text("61 of 61 scenes handled")
    page.get_by_role("link", name="Undo…").click()
    page.locator("textarea[name=reason]").fill("It was Tuesday")
    page.get_by_role("button", name="Undo it").click()
    expect(page.locator(".lamm-change")).to_contain_text("Undo bulk change")
    assert not SceneTag.objects.exists()
    page.get_by_role("link", name="Show in the audit").click()
    expect(page.locator(".audit-row").first).to_contain_text("Tag heavy rain removed")
    expect(page.locator(".audit-row").first).to_contain_text("It was Tuesday")
