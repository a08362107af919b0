"""Browser tests drive the Chromium of this machine, log in by typing, and watch for faults on every page."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page

from lamm.local.chromium import find_chromium, is_required
from lamm.tests.browser.viewer_page import ViewerPage
from lamm.tests.browser.viewer_samples import show_square

# Playwright's synchronous interface runs an event loop in this thread, where Django else refuses queries.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

PASSWORD = "a long walk in the rain"
LAUNCH_ARGUMENTS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything below this folder is a browser test with a database that the server's thread sees."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.django_db(transaction=True, serialized_rollback=True))


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    chromium = find_chromium()
    if chromium is None:
        words = "No Chromium on this machine. Install it, or set LAMM_CHROMIUM to its path."
        (pytest.fail if is_required() else pytest.skip)(words)
    # Chromium's sandbox does not work for root, as in a bare container.
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    return {**browser_type_launch_args, "executable_path": chromium, "args": [*LAUNCH_ARGUMENTS, *sandbox]}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    return {
        **browser_context_args,
        "viewport": {"width": 1280, "height": 800},
        "color_scheme": "dark",
        "reduced_motion": "reduce",
    }


def is_fault(message: ConsoleMessage) -> bool:
    """Whether a console message tells of a fault. A request that a newer one replaces is aborted on purpose."""
    return message.type == "error" and not message.text.startswith(("htmx:afterRequest", "htmx:sendAbort"))


@pytest.fixture
def allowed_faults() -> list[str]:
    """What a test puts in here may be part of a fault's words: a refusal that it provokes on purpose."""
    return []


@pytest.fixture
def context(context: BrowserContext, allowed_faults: list[str]) -> Iterator[BrowserContext]:
    """A context whose pages may not fail: no script error, no complaint of the policy, no missing file."""
    faults: list[str] = []

    def watch(page: Page) -> None:
        page.on("pageerror", lambda error: faults.append(f"script: {error}"))
        page.on("console", lambda message: faults.append(message.text) if is_fault(message) else None)
        page.on(
            "response",
            lambda answer: faults.append(f"{answer.status} {answer.url}") if answer.status >= 400 else None,
        )

    context.on("page", watch)
    yield context
    assert [fault for fault in faults if not any(words in fault for words in allowed_faults)] == []


@pytest.fixture
def curator(live_server: Any) -> User:
    return User.objects.create_superuser("maria", password=PASSWORD)


@pytest.fixture
def visit(page: Page, live_server: Any) -> Callable[[str], Page]:
    """`visit("/explorer/")` opens a page of the running site."""

    def go(path: str) -> Page:
        page.goto(live_server.url + path)
        return page

    return go


@pytest.fixture
def logged_in(visit: Callable[[str], Page], curator: User) -> Page:
    """The page after logging in by typing: the explorer."""
    page = visit("/login/")
    page.get_by_label("User name").fill(curator.get_username())
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/explorer/")
    return page


@pytest.fixture(scope="module")
def viewer_page(browser: Browser, browser_context_args: dict[str, Any]) -> Iterator[ViewerPage]:
    """A page with nothing but the 3D viewer, shared by a module: loading it takes longer than most of its tests."""
    context = browser.new_context(**browser_context_args)
    yield ViewerPage(context.new_page()).open()
    context.close()


@pytest.fixture
def blank(viewer_page: ViewerPage) -> Iterator[ViewerPage]:
    """A new 3D viewer without a cloud. Its scripts may not fail."""
    viewer_page.renew()
    yield viewer_page
    assert viewer_page.faults == []


@pytest.fixture
def viewer(blank: ViewerPage) -> ViewerPage:
    """A 3D viewer that shows the square of `viewer_samples` from above."""
    show_square(blank)
    return blank
