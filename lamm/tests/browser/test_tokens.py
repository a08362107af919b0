"""An API token's life: made, seen once, used by a script, revoked."""

import json
import re
import urllib.error
import urllib.request

import pytest
from playwright.sync_api import expect

VALUE = re.compile("lamm_[0-9a-f]{64}")


@pytest.fixture
def ask(live_server):
    """`ask(token)`: status and body of the scenes' list, asked by a script."""

    def ask(token: str) -> tuple[int, dict]:
        request = urllib.request.Request(  # noqa: S310 - the test's own server
            f"{live_server.url}/api/scenes/", headers={"Authorization": f"Bearer {token}"}
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    return ask


def test_a_token_is_made_seen_once_used_and_revoked(logged_in, ask):
    page = logged_in
    page.locator("summary", has=page.locator(".avatar")).click()
    page.get_by_role("link", name="API tokens").click()
    expect(page.get_by_text("No tokens yet")).to_be_visible()

    page.get_by_label("Name").fill("cluster")
    page.get_by_label("Expires after").select_option("90 days")
    page.keyboard.press("Enter")
    field = page.get_by_label("The token", exact=True)
    expect(field).to_be_focused()
    value = field.input_value()
    assert VALUE.fullmatch(value)
    expect(page.locator("#token-command")).to_contain_text(f'curl -H "Authorization: Bearer {value}" http')
    page.get_by_role("button", name="Copy the token").click()
    expect(page.get_by_role("row", name="cluster")).to_contain_text("Read only")
    expect(page.get_by_role("row", name="cluster")).to_contain_text("Never")

    status, body = ask(value)
    assert (status, "results" in body) == (200, True)

    page.reload()
    expect(page.get_by_role("row", name="cluster")).to_contain_text(value[:15])
    expect(page.get_by_role("row", name="cluster")).not_to_contain_text("Never")
    assert not VALUE.search(page.content())

    page.get_by_role("button", name="Revoke cluster").click()
    expect(page.get_by_role("status")).to_contain_text("cluster is revoked")
    expect(page.get_by_text("No tokens yet")).to_be_visible()
    status, body = ask(value)
    assert status == 401
    assert "revoked" in body["detail"]


def test_a_name_that_is_taken_is_told_beside_the_field(logged_in, visit):
    page = visit("/tokens/")
    for _ in range(2):
        page.get_by_label("Name").fill("cluster")
        page.get_by_role("button", name="Make the token").click()
        page.wait_for_selector(".token-made, .token-problem")
    expect(page.get_by_role("alert")).to_contain_text("You have a token named cluster already")
    expect(page.get_by_label("Name")).to_be_focused()
    expect(page.get_by_label("Name")).to_have_value("cluster")


def test_after_too_many_failures_the_page_says_when_to_come_back(visit, curator, settings, allowed_faults):
    allowed_faults.extend(["429"])
    page = visit("/login/")
    for _ in range(settings.AXES_FAILURE_LIMIT):
        page.get_by_label("User name").fill(curator.get_username())
        page.get_by_label("Password").fill("wrong")
        page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="Too many failed log-ins")).to_be_visible()
    expect(page.get_by_text(re.compile(r"You can try again at .*, in \d+ minutes?\."))).to_be_visible()
    page.get_by_role("link", name="Back to the log-in").click()
    page.wait_for_url("**/login/")
