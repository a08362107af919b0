"""What a person waits for in the 3D viewer: the page of `bench.viewer --browser`, in a real Chromium without a graphics
card. Times are taken in the page, from the click or the request to the drawn picture, and are medians."""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from bench.figures import Figure, at_most

OPENINGS = 5
CLICK_MS, FIRST_POINTS_MS, SWITCH_MS = 150.0, 500.0, 1000.0
FIRST_POINTS = 30_000
# Calls `act` and resolves to the milliseconds until a picture with enough points of the wanted frame was drawn.
UNTIL_DRAWN = """(frame, points, act) => new Promise((done) => {
    const { viewer, stage } = scenePage;
    const told = viewer.onStatistics;
    const started = performance.now();
    viewer.onStatistics = (statistics) => {
        told(statistics);
        if (stage.position !== frame || statistics.shown < Math.min(points, statistics.total)) return;
        viewer.onStatistics = told;
        done(performance.now() - started);
    };
    act();
})"""
CLICK = f"""([frame, points]) => ({UNTIL_DRAWN})(frame, points, () => {{
    const id = scenePage.line.frames.id[frame];
    document.querySelector(`[data-show-frame="${{id}}"]`).click();
}})"""
OPEN_AGAIN = f"""() => ({UNTIL_DRAWN})(0, 1, () => {{
    const {{ stage, data }} = scenePage;
    data.cache.entries.clear();
    data.cache.bytes = 0;
    stage.position = -1;
    scenePage.showFrame();
}})"""
SWITCH = """async () => {
    const started = performance.now();
    for (const key of ["1", "2"]) {
        document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
        await scenePage.viewer.whenSettled();
    }
    return (performance.now() - started) / 2;
}"""
SETTLED = "scenePage.viewer.whenSettled()"


@contextmanager
def pages(port: int, cookie: str) -> Iterator[Callable[[str], Any]]:
    """`open(path)` gives a page that has drawn its first frame, in a context of its own that caches nothing."""
    from playwright.sync_api import sync_playwright

    from lamm.local.chromium import find_chromium

    name, _, value = cookie.partition("=")
    arguments = ["--disable-gpu", "--disable-background-networking", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=arguments)

        def opened(path: str) -> Any:
            context = browser.new_context(viewport={"width": 1280, "height": 800})
            context.add_cookies([{"name": name, "value": value, "url": f"http://127.0.0.1:{port}"}])
            page = context.new_page()
            context.new_cdp_session(page).send("Network.setCacheDisabled", {"cacheDisabled": True})
            page.goto(f"http://127.0.0.1:{port}{path}")
            page.wait_for_selector("#stage[data-frame]", timeout=30_000)
            page.evaluate(SETTLED)
            return page

        yield opened
        browser.close()


def clicked_frame(opened: Callable[[str], Any], scene: Any, frames: int) -> Figure:
    """From the click on a frame that was not fetched ahead to its first points on screen."""
    taken = []
    for _ in range(OPENINGS):
        page = opened(f"/scenes/{scene.pk}/?tab=frames")
        taken.append(page.evaluate(CLICK, [frames - 1, FIRST_POINTS]))
        page.context.close()
    return at_most(f"first {FIRST_POINTS:,} points of a clicked frame", statistics.median(taken), "ms", CLICK_MS, 1)


def loaded_overlay(opened: Callable[[str], Any], scene: Any) -> list[Figure]:
    """Switching between the bare cloud and labels that are loaded: requests, and time until the whole is drawn."""
    page = opened(f"/scenes/{scene.pk}/?colour=classes:labels:{scene.label_sets.latest('version').pk}")
    page.wait_for_load_state("networkidle")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/files/" in request.url else None)
    taken = statistics.median(page.evaluate(SWITCH) for _ in range(OPENINGS))
    page.context.close()
    if asked:
        raise SystemExit(f"Switching a loaded overlay asked for {asked}.")
    return [at_most("switching a loaded overlay, no request, whole picture", taken, "ms", SWITCH_MS, 1)]


def big_cloud(opened: Callable[[str], Any], scene: Any, points: int) -> Figure:
    """From asking for the index of a big cloud to its first points on screen."""
    page = opened(f"/scenes/{scene.pk}/")
    taken = []
    for _ in range(OPENINGS):
        taken.append(page.evaluate(OPEN_AGAIN))
        page.evaluate(SETTLED)
    page.context.close()
    return at_most(f"first points of {points:,} on screen", statistics.median(taken), "ms", FIRST_POINTS_MS, 1)


def measure(port: int, cookie: str, *, scene: Any, frames: int, big: Any, points: int) -> list[Figure]:
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # the browser's driver runs an event loop in this thread
    with pages(port, cookie) as opened:
        return [
            clicked_frame(opened, scene, frames),
            *loaded_overlay(opened, scene),
            big_cloud(opened, big, points),
        ]
