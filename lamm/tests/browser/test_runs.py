"""The tracker in the browser: a query and its error, columns, baseline, archive with undo, live rows, shared links."""

import re

import pytest
from playwright.sync_api import expect

from experiments import services
from experiments.models import Run
from experiments.tests.stories import a_batch, a_run


@pytest.fixture
def runs(curator) -> list[Run]:
    """Three runs: two good ones, of which one is tagged night, and one that is bad and still goes on."""
    made = []
    for number, (loss, tags) in enumerate([(0.2, {"night": ""}), (0.3, {}), (0.9, {"night": ""})]):
        run = a_run(by=curator, name=f"try-{number}", parameters={"lr": 0.1 / (number + 1)}, tags=tags)
        steps = list(range(1, 31))
        values = [loss + 1 / step for step in steps[:-1]] + [loss]
        services.record_metrics(run=run, batch=a_batch("val/loss", steps=steps, values=values), by=curator)
        if number < 2:
            services.finish_run(run=run, by=curator, status="completed")
        made.append(run)
    return made


@pytest.fixture
def tracker(live_server, logged_in, runs):
    logged_in.goto(f"{live_server.url}/runs/")
    return logged_in


def row(page, run: Run):
    return page.locator(f"#run-{run.pk}")


def test_a_query_is_completed_by_keyboard_and_its_error_is_mended_where_it_points(tracker, runs):
    page = tracker
    page.keyboard.press("/")
    field = page.get_by_role("combobox", name="Query")
    expect(field).to_be_focused()
    field.press_sequentially("metrics.va")
    option = page.get_by_role("option", name="val/loss")
    expect(option).to_be_visible()
    page.keyboard.press("Tab")
    expect(field).to_have_value("metrics.val/loss ")
    field.press_sequentially("< 0.5 an status = completed")
    page.keyboard.press("Enter")
    problem = page.locator("#query-problem")
    expect(problem).to_contain_text("“an” does not fit here")
    expect(problem.locator("pre b")).to_have_text(re.compile(r"^ {23}\^\^$"), use_inner_text=False)
    expect(field).to_have_attribute("aria-invalid", "true")
    page.get_by_role("button", name="To the place").click()
    page.keyboard.type("and")
    page.keyboard.press("Enter")
    expect(problem).to_have_count(0)
    expect(page.locator("#found")).to_contain_text("2 runs")
    expect(row(page, runs[2])).to_have_count(0)
    assert "query=metrics.val" in page.url


def test_columns_are_added_and_the_address_shows_another_person_the_same(tracker, runs, browser, live_server, context):
    page = tracker
    page.keyboard.press("c")
    page.get_by_label("Add a metric, parameter or tag").fill("params.lr")
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_role("button", name="Show these").click()
    expect(page.get_by_role("columnheader", name="lr")).to_be_visible()
    expect(row(page, runs[1])).to_contain_text("0.05")
    page.get_by_role("link", name=re.compile("Validation Loss")).click()
    page.wait_for_url(re.compile("sort=validation_loss"))
    names = page.locator("tr[data-run] .run-link")
    expect(names.first).to_have_text(str(runs[0]))
    expect(page.locator("td.best .value-text")).to_have_text(["0.2000"])
    row(page, runs[1]).locator(".run-link").focus()
    page.keyboard.press("b")
    expect(page.locator(".baseline-said")).to_contain_text(str(runs[1]))
    expect(row(page, runs[0])).to_contain_text("\N{MINUS SIGN}0.1000")
    shared = context.new_page()
    shared.goto(page.url)
    expect(shared.locator(".baseline-said")).to_contain_text(str(runs[1]))
    expect(shared.locator("tr[data-run] .run-link").nth(1)).to_have_text(str(runs[0]))


def test_runs_are_archived_by_keyboard_and_taken_back(tracker, runs):
    page = tracker
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(row(page, runs[1]).locator(".run-link")).to_be_focused()
    page.keyboard.press("x")
    expect(page.locator("[data-bulk-count]")).to_have_text("1")
    page.keyboard.press("e")
    expect(page.locator("#bulk-said")).to_contain_text("1 run archived")
    expect(row(page, runs[1])).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(row(page, runs[1])).to_be_visible()
    assert not Run.objects.get(pk=runs[1].pk).archived


def test_a_running_row_follows_its_run_and_keeps_its_curve(tracker, runs, curator):
    page = tracker
    expect(row(page, runs[2]).locator("svg.sparkline path")).to_have_count(1)
    services.beat(run=runs[2], by=curator, steps_done=50, steps_total=100)
    expect(row(page, runs[2]).locator("progress")).to_have_attribute("value", "50", timeout=15_000)
    services.finish_run(run=runs[2], by=curator, status="failed", failure="no memory")
    expect(row(page, runs[2])).to_contain_text("Failed", timeout=15_000)
    expect(row(page, runs[2]).locator("svg.sparkline path")).to_have_count(1)
    a_run(by=curator, name="newcomer")


def test_tags_are_edited_in_their_cell_and_a_view_is_saved(tracker, runs):
    page = tracker
    cell = row(page, runs[0]).locator(".cell-tags")
    cell.get_by_role("button", name="Edit the tags").focus()
    page.keyboard.press("Enter")
    field = page.get_by_label(f"Tags of {runs[0]}")
    expect(field).to_be_focused()
    field.fill("night, team=perception")
    page.keyboard.press("Enter")
    expect(cell.locator(".tag")).to_have_count(2)
    cell.get_by_role("link", name="team=perception").click()
    page.wait_for_url(re.compile("tag=team"))
    expect(page.locator("#found")).to_contain_text("1 run")
    page.keyboard.press("v")
    page.get_by_role("button", name="Save this view").click()
    page.locator("#dialog-save-view input[name=name]").fill("Perception")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#bulk-said")).to_contain_text("Saved as “Perception”")
    page.locator("#clear").click()
    expect(page.locator("#found")).to_contain_text("3 runs")
    page.keyboard.press("v")
    page.get_by_role("link", name="Perception", exact=True).click()
    expect(page.locator("#found")).to_contain_text("1 run")


def test_a_new_run_is_queued_and_seen_to_be_taken(live_server, logged_in, curator):
    page = logged_in
    page.goto(f"{live_server.url}/runs/new/")
    page.locator("input[name=experiment]").fill("night")
    page.get_by_label("Key of parameter 1").fill("lr")
    page.get_by_label("Value of parameter 1").fill("0.01")
    page.get_by_text("YAML", exact=True).click()
    expect(page.locator("textarea[name=yaml]")).to_have_value("lr: 0.01")
    page.get_by_role("button", name="Queue the run").click()
    expect(page.get_by_role("status").first).to_contain_text("It waits for a trainer")
    expect(page.locator("pre.command").nth(1)).to_contain_text("lamm_client worker --once --experiment night")
    services.claim_run(worker="node-7", by=curator, experiment="night")
    expect(page.get_by_role("status").first).to_contain_text("node-7 has taken it", timeout=15_000)
