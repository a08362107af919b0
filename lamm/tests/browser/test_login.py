"""Logging in and out by hand."""

import re

from playwright.sync_api import expect

from lamm.tests.browser.conftest import PASSWORD


def test_a_wrong_password_is_told_and_the_right_one_leads_to_the_wanted_page(visit, curator):
    page = visit("/explorer/?search=city")
    expect(page).to_have_url(re.compile(r"/login/\?next=/explorer/%3Fsearch%3Dcity$"))
    expect(page.get_by_label("User name")).to_be_focused()
    page.keyboard.type("maria")
    page.keyboard.press("Tab")
    page.keyboard.type("wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("correct username and password")
    expect(page.get_by_label("Password")).to_be_focused()
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/explorer/\?search=city$"))


def test_the_backdrop_is_a_scan_and_not_an_empty_canvas(visit):
    page = visit("/login/")
    page.wait_for_selector("[data-drawn]")
    drawn = page.evaluate(
        """() => {
            const canvas = document.querySelector("[data-scan]");
            const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
            let drawn = 0;
            for (let i = 3; i < data.length; i += 4) if (data[i]) drawn++;
            return drawn;
        }"""
    )
    assert drawn > 5000


def test_logging_out_needs_no_mouse(logged_in):
    page = logged_in
    page.locator("summary", has=page.locator(".avatar")).focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Log out").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/login/")


def test_the_theme_follows_the_system_until_one_is_chosen(logged_in):
    page = logged_in

    def ground() -> str:
        return page.evaluate("getComputedStyle(document.documentElement).backgroundColor")

    dark = ground()
    page.emulate_media(color_scheme="light")
    light = ground()
    assert dark == "rgb(11, 13, 18)"
    assert light != dark
    page.locator("summary", has=page.locator(".avatar")).click()
    page.get_by_role("button", name="Dark").click()
    assert ground() == dark
    page.reload()
    assert ground() == dark
