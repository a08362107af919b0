"""The labelling workflow by hand: taken, labelled, submitted, sent back with a reason, mended, accepted."""

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Page, expect

from scenes import services
from scenes.models import LabelingStatus, Priority, Scene
from scenes.tests.factories import a_label_folder, a_labelled_scene, a_ready_scene

FRAMES, POINTS = 2, 1500


@pytest.fixture
def people(live_server) -> dict[str, User]:
    services.sync_shipped_ontologies(by=None)
    services.sync_roles()
    found = {}
    for name, role in (("lara", "labeler"), ("rita", "curator")):
        found[name] = User.objects.create_user(name)
        found[name].groups.add(Group.objects.get(name=role))
        found[name] = User.objects.get(pk=found[name].pk)
    return found


@pytest.fixture
def as_person(page: Page, live_server, people) -> Callable[..., Page]:
    """`as_person("lara", "/queue/")`: the page with that person's session."""

    def go(name: str, path: str) -> Page:
        client = Client()
        client.force_login(people[name])
        session = client.cookies[settings.SESSION_COOKIE_NAME].value
        page.context.clear_cookies()
        page.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": live_server.url}])
        page.goto(live_server.url + path)
        return page

    return go


def label_files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


def row(page: Page, scene: Scene):
    return page.locator(f"#task-{scene.pk}")


def upload(page: Page, scene: Scene, files: list[Path]) -> None:
    line = row(page, scene)
    line.get_by_role("button", name="upload").click()
    line.get_by_label("Ontology").select_option("SemanticKITTI")
    line.get_by_label("The files are").select_option("semantic-kitti")
    line.get_by_label("Label files").set_input_files(files)
    line.get_by_role("button", name="Add labels").click()


def send_back(page: Page, scene: Scene) -> None:
    line = row(page, scene)
    expect(line).to_contain_text("lara")
    expect(line.get_by_role("img", name=re.compile("Classes: .*road"))).to_be_visible()
    line.get_by_role("button", name="Send back").click()
    dialog = page.get_by_role("dialog", name="Send these labels back?")
    expect(dialog.get_by_label("What has to be mended?")).to_be_focused()
    page.keyboard.type("The kerb is road in frame 1.")
    dialog.get_by_role("button", name="Send back").click()
    expect(line).to_contain_text("Sent back to lara.")
    expect(dialog).to_be_hidden()
    expect(page.get_by_text("0 waiting")).to_be_visible()


def the_scene_page_tells_it_all(page: Page) -> None:
    page.get_by_role("tab", name="History").click()
    history = page.get_by_role("region", name="History")
    for words in ("Taken", "Labels v1 added", "Submitted for review: labels v1", "Sent back: The kerb is road",
                  "Submitted for review: labels v2", "Labels accepted"):  # fmt: skip
        expect(history).to_contain_text(words)
    page.get_by_role("tab", name="Facts").click()
    panel = page.get_by_role("region", name="Labelling")
    expect(panel.get_by_role("button", name="Reopen")).to_be_visible()
    expect(panel.locator("[aria-current=step]")).to_contain_text("Labeled")


def test_from_the_queue_to_accepted_labels_with_a_detour(as_person, people, tmp_path):
    scene = a_ready_scene(frames=FRAMES, points=POINTS)
    labels = a_label_folder(tmp_path, frames=FRAMES, points=POINTS)

    page = as_person("lara", "/queue/")
    expect(page.get_by_role("heading", name="Your queue is empty")).to_be_visible()
    page.get_by_role("button", name="Take next").click()
    expect(page.get_by_text("city-drive-01 is yours")).to_be_visible()
    line = row(page, scene)
    expect(line).to_contain_text("In Progress")
    upload(page, scene, label_files(labels))
    expect(line).to_contain_text("Labels v1 are in: 2 of 2 frames.")
    line.get_by_role("button", name="Submit").click()
    expect(line).to_contain_text("Submitted. A reviewer looks at it next.")
    expect(line).to_contain_text("In Review")
    expect(page.locator("#tab-review")).to_have_text(re.compile(r"In review\s+1"))

    send_back(as_person("rita", "/review/"), scene)

    page = as_person("lara", "/queue/")
    line = row(page, scene)
    expect(page.get_by_role("heading", name="Sent back")).to_be_visible()
    expect(line).to_contain_text("The kerb is road in frame 1.")
    upload(page, scene, label_files(labels))
    expect(line).to_contain_text("Labels v2 are in")
    line.get_by_role("button", name="Submit").click()
    expect(line).to_contain_text("In Review")

    page = as_person("rita", "/review/")
    line = row(page, scene)
    expect(line).to_contain_text("The kerb is road in frame 1.")
    line.get_by_role("button", name="Accept").click()
    expect(line).to_contain_text("Accepted. The labels are locked.")
    scene.refresh_from_db()
    assert (scene.status, scene.reviewer, scene.locked) == (LabelingStatus.LABELED, people["rita"], True)

    page.goto(page.url.replace("/review/", f"/scenes/{scene.pk}/"))
    the_scene_page_tells_it_all(page)


def test_labels_that_do_not_fit_are_told_in_place(as_person, people, tmp_path, allowed_faults):
    allowed_faults.append("400")
    scene = a_ready_scene(frames=FRAMES, points=POINTS)
    services.take(scene=scene, by=people["lara"])
    files = label_files(a_label_folder(tmp_path, frames=FRAMES, points=POINTS))
    files[1].write_bytes(files[1].read_bytes()[:-4])
    page = as_person("lara", "/queue/")
    upload(page, scene, files)
    line = row(page, scene)
    alert = line.get_by_role("alert")
    expect(alert).to_contain_text("000001.label for frame 000001.pcd")
    expect(alert).to_contain_text("there are 1499 labels, the cloud has 1500 points")
    expect(line.get_by_label("Label files")).to_be_visible()
    files[1].write_bytes(files[1].read_bytes() + b"\x28\0\0\0")
    line.get_by_label("Label files").set_input_files(files)
    line.get_by_role("button", name="Add labels").click()
    expect(line).to_contain_text("Labels v1 are in: 2 of 2 frames.")


def test_more_files_than_a_form_may_hold(as_person, people, tmp_path):
    scene = a_ready_scene(frames=120, points=20)
    services.take(scene=scene, by=people["lara"])
    files = label_files(a_label_folder(tmp_path, frames=120, points=20))
    page = as_person("lara", "/queue/")
    upload(page, scene, files)
    expect(row(page, scene)).to_contain_text("Labels v1 are in: 120 of 120 frames.", timeout=20_000)


def test_what_somebody_else_did_meanwhile_is_told(as_person, people, allowed_faults):
    allowed_faults.append("409")
    scene = a_ready_scene()
    page = as_person("lara", "/queue/?show=open")
    services.assign(scene=scene, labeler=people["lara"], by=people["rita"])
    services.take(scene=scene, by=people["lara"])
    services.unassign(scene=scene, by=people["lara"])
    other = User.objects.create_superuser("otto")
    services.take(scene=scene, by=other)
    line = row(page, scene)
    line.get_by_role("button", name="Take").click()
    expect(line.get_by_role("alert")).to_contain_text("in progress by otto")
    expect(line.get_by_role("button", name="Take")).to_have_count(0)


def test_the_queue_needs_no_mouse(as_person, people):
    first, second = a_ready_scene(name="first"), a_ready_scene(name="second")
    for scene in (first, second):
        services.assign(scene=scene, labeler=people["lara"], by=people["rita"])
    page = as_person("lara", "/queue/")
    page.keyboard.press("j")
    expect(page.get_by_role("link", name="first", exact=True)).to_be_focused()
    page.keyboard.press("j")
    page.keyboard.press("t")
    expect(row(page, second)).to_contain_text("It is yours.")
    expect(page.get_by_role("link", name="second", exact=True)).to_be_focused()
    page.keyboard.press("u")
    expect(row(page, second).get_by_label("Ontology")).to_be_focused()
    page.keyboard.press("t")
    expect(row(page, first)).to_contain_text("Unlabeled")


@pytest.mark.parametrize("width", [1280, 1920])
def test_nothing_is_wider_than_the_window(as_person, people, width):
    today = timezone.localdate()
    scene = a_labelled_scene(name="a-name-that-is-much-longer-than-most-others-2026-05-04-city-drive-with-rain-0001")
    services.assign(
        scene=scene, labeler=people["lara"], by=people["rita"], due_on=today - timedelta(3), priority=Priority.URGENT
    )
    page = as_person("lara", "/queue/")
    page.set_viewport_size({"width": width, "height": 900})
    fits = "document.documentElement.scrollWidth <= innerWidth"
    assert page.evaluate(fits)
    expect(row(page, scene)).to_contain_text("overdue")
    services.take(scene=scene, by=people["lara"])
    page.goto(page.url.replace("/queue/", f"/scenes/{scene.pk}/"))
    assert page.evaluate(fits)
    services.submit(scene=scene, by=people["lara"], without_labels="right as they are")
    page = as_person("rita", "/review/")
    assert page.evaluate(fits)
    expect(row(page, scene)).to_contain_text("right as they are")
