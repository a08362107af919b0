"""Curve charts in the browser: zoom fetches detail, hover is shared, gaps are marked, files hold what is drawn."""

import csv
import io
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from experiments import services
from experiments.tests.stories import a_batch, a_person, a_run

STEPS = 20_000
CHART = "[data-curve-chart]"


@pytest.fixture
def runs(db):
    person = a_person()
    found = []
    for place in range(3):
        run = a_run(by=person, name=f"try-{place}", parameters={"lr": 10.0**-place})
        steps = np.arange(STEPS)
        values = np.sin(steps / 7) * 0.2 + 2 - steps / STEPS + place / 10
        services.record_metrics(run=run, batch=a_batch("loss", steps=steps, values=values), by=person)
        few = np.arange(0, STEPS, 1000)
        lumps = np.where(few == 5000, np.nan, few / STEPS)
        services.record_metrics(run=run, batch=a_batch("val/iou", steps=few, values=lumps), by=person)
        found.append(run)
    return found


@pytest.fixture
def open_curves(live_server, logged_in, runs):
    def go(more: str = "") -> Page:
        query = "&".join(f"run={run.pk}" for run in runs)
        logged_in.goto(f"{live_server.url}/runs/compare/?{query}&tab=curves{more}")
        expect(logged_in.locator(f"{CHART}[data-state=ready]")).to_have_count(2, timeout=20_000)
        return logged_in

    return go


def chart_of(page: Page, key: str):
    return page.locator(f"{CHART}[data-keys='{key}']")


def plot_box(chart):
    chart.scroll_into_view_if_needed()
    return chart.locator(".u-over").bounding_box()


def drag(page: Page, chart, start: float, end: float) -> None:
    """Drag across a plot, from one part of its width to another."""
    box = plot_box(chart)
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * start, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * (start + end) / 2, middle, steps=4)
    page.mouse.move(box["x"] + box["width"] * end, middle, steps=4)
    page.mouse.up()


def saved(page: Page, chart, kind: str) -> bytes:
    chart.get_by_label("Save this chart").click()
    with page.expect_download() as waited:
        chart.locator(f"[data-save={kind}]").click()
    return waited.value.path().read_bytes()


def coloured_pixels(chart) -> int:
    """How many pixels of a plot are clearly coloured, as curves are and words, lines and grounds are not."""
    return chart.evaluate(
        """host => {
            const canvas = host.querySelector(".uplot canvas");
            const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
            let found = 0;
            for (let at = 0; at < data.length; at += 4) {
                const colours = [data[at], data[at + 1], data[at + 2]];
                if (data[at + 3] > 128 && Math.max(...colours) - Math.min(...colours) > 70) found += 1;
            }
            return found;
        }"""
    )


def test_a_zoom_asks_for_finer_detail_and_draws_only_that_part(open_curves):
    page = open_curves()
    chart = chart_of(page, "loss")
    rough = list(csv.DictReader(io.StringIO(saved(page, chart, "csv").decode())))
    with page.expect_request(lambda asked: "/api/metrics/chart/" in asked.url and "from=" in asked.url) as waited:
        drag(page, chart, 0.5, 0.55)
    query = {name: values[-1] for name, values in parse_qs(urlsplit(waited.value.url).query).items()}
    first, last = int(query["from"]), int(query["to"])
    assert STEPS * 0.4 < first < STEPS * 0.5 < STEPS * 0.55 < last < STEPS * 0.65
    expect(chart).to_have_attribute("data-state", "ready")
    low, high = float(chart.get_attribute("data-from")), float(chart.get_attribute("data-to"))
    assert abs(high - low - STEPS * 0.05) < STEPS * 0.005
    fine = list(csv.DictReader(io.StringIO(saved(page, chart, "csv").decode())))
    inside = [[row for row in rows if low <= float(row["step"]) <= high] for rows in (rough, fine)]
    assert len(inside[1]) > 2 * len(inside[0])
    chart.locator(".u-over").dblclick()
    page.wait_for_function("chart => !('from' in chart.dataset)", arg=chart.element_handle())


def test_a_shared_address_shows_the_same_part(open_curves):
    page = open_curves()
    drag(page, chart_of(page, "loss"), 0.2, 0.4)
    page.wait_for_function("() => location.search.includes('view=')")
    address, wanted = page.url, chart_of(page, "loss").get_attribute("data-from")
    page.goto("about:blank")
    page.goto(address)
    expect(chart_of(page, "loss")).to_have_attribute("data-state", "ready", timeout=20_000)
    assert chart_of(page, "loss").get_attribute("data-from") == wanted


def test_hover_is_shared_and_tells_values(open_curves):
    page = open_curves()
    loss, iou = chart_of(page, "loss"), chart_of(page, "val/iou")
    box = plot_box(loss)
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.5)
    expect(loss.locator(".chart-tip")).to_contain_text("step ")
    page.wait_for_function(
        "() => [...document.querySelectorAll('[data-curve-chart]')].every(chart => Number(chart.dataset.cursor) > 0)"
    )
    here, there = (float(chart.get_attribute("data-cursor")) for chart in (loss, iou))
    assert abs(here - STEPS / 2) < STEPS * 0.02
    assert abs(there - here) <= 600
    expect(iou.locator(".chart-tip")).to_be_hidden()


def test_what_is_no_number_is_a_gap_with_a_mark(open_curves):
    page = open_curves()
    chart = chart_of(page, "val/iou")
    expect(chart.locator(".chart-note")).to_contain_text("3 not finite")
    rows = list(csv.DictReader(io.StringIO(saved(page, chart, "csv").decode())))
    assert {row["value"] for row in rows if row["step"] == "5000"} == {"NaN"}


def test_the_csv_file_holds_the_points_of_every_run(open_curves, runs):
    page = open_curves()
    rows = list(csv.DictReader(io.StringIO(saved(page, chart_of(page, "val/iou"), "csv").decode())))
    assert {row["run"] for row in rows} == {f"run-{run.pk}" for run in runs}
    assert len(rows) == 3 * STEPS / 1000
    assert [float(row["value"]) for row in rows[:3]] == [0, 0.05, 0.1]


def test_png_and_svg_hold_the_drawn_curves(open_curves):
    page = open_curves()
    chart = chart_of(page, "loss")
    assert saved(page, chart, "png").startswith(b"\x89PNG")
    drawing = saved(page, chart, "svg").decode()
    assert drawing.startswith("<svg")
    assert drawing.count('fill="none"') == 3
    assert "run-" in drawing


def test_hidden_curves_leave_the_picture(open_curves, runs):
    page = open_curves()
    chart = chart_of(page, "loss")
    before = coloured_pixels(chart)
    assert before > 500
    entry = chart.locator(f"[data-line='{runs[0].pk}:loss']")
    entry.focus()
    page.keyboard.press("Enter")
    expect(entry).to_have_attribute("aria-pressed", "false")
    assert coloured_pixels(chart) < before
    assert "hidden" in page.url


def test_a_chart_is_read_and_zoomed_by_keys(open_curves):
    page = open_curves()
    chart = chart_of(page, "val/iou")
    chart.locator(".chart-plot").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(chart.locator("[aria-live]")).to_contain_text("step")
    page.keyboard.press("+")
    expect(chart).to_have_attribute("data-state", "ready")
    page.wait_for_function("chart => 'from' in chart.dataset", arg=chart.element_handle())
    page.keyboard.press("Home")
    page.wait_for_function("chart => !('from' in chart.dataset)", arg=chart.element_handle())


def test_axes_smoothing_and_outliers_are_in_the_address(open_curves):
    page = open_curves()
    form = page.locator("form[data-look]")
    form.locator("[name=x]").select_option("relative")
    form.locator("[name=log][value=y]").check()
    form.locator("[name=smoothing]").fill("0.8")
    form.locator("[name=outliers]").check()
    query = parse_qs(urlsplit(page.url).query)
    assert (query["x"], query["log"], query["smoothing"], query["outliers"]) == (["relative"], ["y"], ["0.8"], ["1"])
    page.reload()
    chart = chart_of(page, "loss")
    expect(chart).to_have_attribute("data-state", "ready", timeout=20_000)
    assert (chart.get_attribute("data-x"), chart.get_attribute("data-smoothing")) == ("relative", "0.8")
    assert saved(page, chart, "csv").decode().splitlines()[0].endswith("smoothed")


def test_a_failure_is_said_and_tried_again(open_curves, allowed_faults):
    page = open_curves()
    allowed_faults.append("/api/metrics/chart/")
    allowed_faults.append("Failed to load resource")
    page.route("**/api/metrics/chart/**", lambda route: route.fulfill(status=503, body="{}"))
    chart = chart_of(page, "loss")
    drag(page, chart, 0.2, 0.4)
    expect(chart.locator(".chart-words")).to_contain_text("could not be loaded")
    page.unroute("**/api/metrics/chart/**")
    chart.get_by_role("button", name="Try again").click()
    expect(chart).to_have_attribute("data-state", "ready")
