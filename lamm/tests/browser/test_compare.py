"""The compare page in the browser: three runs compared, one added and taken out, relations brushed, address shared."""

from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from experiments import services
from experiments.tests.stories import a_batch, a_person, a_run


@pytest.fixture
def runs(db):
    person = a_person()
    found = []
    for place in range(4):
        parameters = {"lr": 10.0**-place, "batch": 8, "optimizer": "ab"[place % 2]}
        run = a_run(by=person, name=f"try-{place}", parameters=parameters, commit="ab" * 20, diff=f"+lr = {place}\n")
        steps = np.arange(200)
        services.record_metrics(
            run=run, batch=a_batch("val/loss", steps=steps, values=1 / (steps + 1) + place), by=person
        )
        found.append(run)
    return found


@pytest.fixture
def open_page(live_server, logged_in, runs):
    def go(more: str = "", count: int = 3) -> Page:
        query = "&".join(f"run={run.pk}" for run in runs[:count])
        logged_in.goto(f"{live_server.url}/runs/compare/?{query}{more}")
        return logged_in

    return go


def compared(page: Page) -> list[str]:
    return parse_qs(urlsplit(page.url).query).get("run", [])


def test_two_runs_are_chosen_from_the_list(live_server, logged_in, runs):
    logged_in.goto(f"{live_server.url}/runs/compare/")
    for run in runs[:2]:
        logged_in.get_by_label(f"run-{run.pk} {run.name}").check()
    logged_in.get_by_role("button", name="Compare").click()
    expect(logged_in.get_by_role("region", name="Parameters of the runs")).to_be_visible()
    assert sorted(compared(logged_in)) == sorted(str(run.pk) for run in runs[:2])


def test_a_run_is_added_by_its_number_and_taken_out_again(open_page, runs):
    page = open_page()
    page.get_by_label("Add a run").fill(f"run-{runs[3].pk}")
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("4 of at most 20")
    page.get_by_label(f"Take run-{runs[0].pk} out of the comparison").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("3 of at most 20")
    assert compared(page) == [str(run.pk) for run in runs[1:]]


def test_baseline_identical_and_direction_stand_in_the_address(open_page, runs):
    page = open_page()
    page.get_by_label(f"Make run-{runs[0].pk} the baseline").first.click()
    expect(page.locator(".compare-worse").first).to_contain_text("+1")
    page.get_by_role("switch").click()
    expect(page.get_by_role("rowheader", name="batch")).to_be_visible()
    page.get_by_label("val/loss: lower is better, turn round").click()
    expect(page.locator(".compare-better").first).to_contain_text("+1")
    query = parse_qs(urlsplit(page.url).query)
    assert (query["baseline"], query["all"], query["turned"]) == ([str(runs[0].pk)], ["1"], ["val/loss"])


def test_the_first_column_stays_while_one_scrolls(open_page):
    page = open_page(count=4)
    page.set_viewport_size({"width": 520, "height": 700})
    table = page.get_by_role("region", name="Parameters of the runs")
    cell = table.get_by_role("rowheader").first
    before = cell.bounding_box()["x"]
    table.evaluate("element => element.scrollTo(400, 0)")
    assert table.evaluate("element => element.scrollLeft") > 50
    assert abs(cell.bounding_box()["x"] - before) < 2


def test_metrics_to_draw_are_chosen(open_page):
    page = open_page("&tab=curves&key=val/loss")
    expect(page.locator("[data-curve-chart][data-state=ready]")).to_have_count(1, timeout=20_000)
    assert page.locator(".chart-entry").count() == 3


def test_relations_are_drawn_brushed_and_explained(open_page, runs):
    page = open_page("&tab=relations", count=4)
    parallel = page.locator("[data-parallel]")
    expect(parallel).to_have_attribute("data-state", "ready", timeout=20_000)
    expect(page.locator("[data-scatter]")).to_have_attribute("data-state", "ready")
    expect(page.get_by_text("4 of these runs have the metric")).to_be_visible(timeout=20_000)
    parallel.get_by_text("Data as a table").click()
    expect(parallel.get_by_role("cell", name=f"run-{runs[0].pk}")).to_be_visible()
    page.locator("[data-relation=across]").select_option("parameter:optimizer")
    assert parse_qs(urlsplit(page.url).query)["across"] == ["parameter:optimizer"]
    expect(page.locator("[data-scatter] .chart-title")).to_have_text("val/loss against optimizer")
    box = parallel.locator("canvas").first.bounding_box()
    # The last axis is the metric, from 0.005 to 3.005 by powers of ten: its upper half holds three of them.
    x = box["x"] + box["width"] - 120
    page.mouse.move(x, box["y"] + 44)
    page.mouse.down()
    page.mouse.move(x, box["y"] + box["height"] * 0.45, steps=6)
    page.mouse.up()
    expect(page.locator("[data-brushed]")).to_contain_text("3 of 4")
    page.get_by_role("link", name="Compare only these").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("3 of at most 20")


def test_groups_draw_bands(open_page):
    page = open_page("&tab=groups&group=param:optimizer", count=4)
    chart = page.locator("[data-curve-chart]").first
    expect(chart).to_have_attribute("data-state", "ready", timeout=20_000)
    expect(chart.locator(".chart-legend")).to_contain_text("n 2")
    assert int(chart.get_attribute("data-points")) > 100


def test_the_difference_of_patches_is_marked(open_page):
    page = open_page("&tab=code")
    expect(page.locator(".patch-added")).to_contain_text("+lr = 1")
    expect(page.locator(".patch-removed")).to_contain_text("+lr = 0")
