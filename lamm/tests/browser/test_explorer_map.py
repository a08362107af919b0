"""The map beside the list: opened, drawn on, filtered by, without a server of maps."""

import re

from playwright.sync_api import Page, expect

from lamm.tests.test_explorer_map import a_scene


def open_map(page: Page, query: str = "") -> None:
    page.goto(re.sub(r"/explorer/.*", f"/explorer/?panel=map{query}", page.url))
    page.locator("[data-map][data-drawn]").wait_for()


def test_the_map_shows_the_scenes_of_the_list_and_nothing_comes_from_elsewhere(logged_in: Page):
    a_scene("aachen-01", 50.78, 6.08, frames=20)
    a_scene("aachen-02", 50.79, 6.10)
    a_scene("indoors-01")
    asked: list[str] = []
    logged_in.on("request", lambda request: asked.append(request.url))
    logged_in.keyboard.press("m")
    logged_in.locator("[data-map][data-drawn='2']").wait_for()
    expect(logged_in.locator("path.map-scene.map-way")).to_have_count(2)
    expect(logged_in.locator("path.map-land").first).to_be_attached()
    expect(logged_in.locator("[data-map-note]")).to_contain_text("2 with a position")
    here = re.match(r"https?://[^/]+", logged_in.url)
    assert here
    assert all(url.startswith((here[0], "data:", "blob:")) for url in asked)
    logged_in.get_by_role("link", name="1 without a position").click()
    expect(logged_in.locator(".scene-link")).to_have_text(["indoors-01"])
    expect(logged_in).to_have_url(re.compile("panel=map"))


def test_a_box_drawn_on_the_map_filters_the_list(logged_in: Page):
    a_scene("north-01", 52.0, 6.0)
    a_scene("south-01", 50.0, 6.0)
    open_map(logged_in)
    canvas = logged_in.locator("[data-map-canvas]")
    box = canvas.bounding_box()
    north = logged_in.locator("path.map-scene:not(.map-way)").nth(0).bounding_box()
    other = logged_in.locator("path.map-scene:not(.map-way)").nth(1).bounding_box()
    assert box
    assert north
    assert other
    top = north if north["y"] < other["y"] else other
    logged_in.get_by_role("button", name="Draw a box").click()
    logged_in.mouse.move(top["x"] - 25, top["y"] - 20)
    logged_in.mouse.down()
    logged_in.mouse.move(top["x"] + 40, top["y"] + 40, steps=4)
    logged_in.mouse.up()
    expect(logged_in.locator(".scene-link")).to_have_text(["north-01"])
    expect(logged_in).to_have_url(re.compile("area="))
    expect(logged_in.locator("path.map-box")).to_have_count(1)
    logged_in.get_by_role("button", name="No box").click()
    expect(logged_in.locator(".scene-link")).to_have_count(2)
    expect(logged_in.locator("path.map-box")).to_have_count(0)


def test_the_view_filters_by_keys_alone(logged_in: Page):
    a_scene("aachen-01", 50.78, 6.08)
    a_scene("tokyo-01", 35.7, 139.7)
    open_map(logged_in, "&search=aachen")
    logged_in.get_by_role("button", name="Only this view").press("Enter")
    expect(logged_in).to_have_url(re.compile("area="))
    logged_in.goto(re.sub("search=aachen&?", "", logged_in.url))
    expect(logged_in.locator(".scene-link")).to_have_text(["aachen-01"])


def test_a_point_opens_its_scene(logged_in: Page):
    scene = a_scene("aachen-01", 50.78, 6.08)
    open_map(logged_in)
    logged_in.locator("path.map-scene:not(.map-way)").click()
    logged_in.locator(".map-card").get_by_role("link", name="aachen-01").click()
    logged_in.wait_for_url(f"**/scenes/{scene.pk}/")
