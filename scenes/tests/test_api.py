"""The REST API of scenes: what a script sees."""

import pytest
from django.contrib.auth.models import User

from scenes.tests.factories import a_drive_folder, a_ready_scene, an_ingested_scene

pytestmark = pytest.mark.django_db


@pytest.fixture
def script(client):
    client.force_login(User.objects.create_superuser("script"))
    return client


def names(answer):
    return [row["name"] for row in answer.json()["results"]]


def test_a_scene_is_told_with_its_facts(script):
    scene = a_ready_scene(name="rainy-01", points=250, tags=("rain",), drive="log-1")
    row = script.get(f"/api/scenes/{scene.pk}/").json()
    assert (row["name"], row["drive"], row["tags"], row["point_count"]) == (
        "rainy-01",
        "log-1",
        ["rain"],
        250,
    )
    assert script.get(row["thumbnail"]).headers["Content-Type"] == "image/webp"


def test_lists_take_the_explorers_filters(script):
    a_ready_scene(name="rainy-01", tags=("rain",))
    a_ready_scene(name="dry-01")
    assert names(script.get("/api/scenes/?tag=rain")) == ["rainy-01"]
    assert names(script.get("/api/scenes/?search=dry")) == ["dry-01"]
    assert names(script.get("/api/scenes/?status=labeled")) == []


def test_an_unknown_parameter_is_refused_by_name(script):
    answer = script.get("/api/scenes/?stauts=labeled")
    assert answer.status_code == 400
    assert "stauts" in answer.json()["detail"]


def test_pages_are_keysets_that_new_rows_do_not_shift(script):
    for number in range(3):
        a_ready_scene(name=f"scene-{number}")
    first = script.get("/api/scenes/?page_size=2").json()
    a_ready_scene(name="scene-new")
    second = script.get(first["next"]).json()
    assert [row["name"] for row in first["results"] + second["results"]] == ["scene-2", "scene-1", "scene-0"]


@pytest.mark.parametrize("address", ["/api/scenes/", "/api/frames/", "/api/ingest-jobs/", "/api/drives/"])
def test_lists_cost_the_same_for_any_number_of_rows(
    script, address, django_assert_max_num_queries, django_assert_num_queries
):
    a_ready_scene(name="one", drive="log-1", tags=("a",))
    with django_assert_max_num_queries(8) as one_row:
        script.get(address)
    for number in range(4):
        a_ready_scene(name=f"more-{number}", frames=2, drive=f"log-{number + 2}", tags=("a", "b"))
    with django_assert_num_queries(len(one_row)):
        script.get(address)


def test_the_original_of_a_frame_comes_back_byte_for_byte(script, tmp_path):
    folder = a_drive_folder(tmp_path, frames=1)
    an_ingested_scene(folder)
    (row,) = script.get("/api/frames/").json()["results"]
    answer = script.get(row["cloud"])
    assert b"".join(answer.streaming_content) == (folder / "000000.pcd").read_bytes()
    assert answer.headers["ETag"] == f'"{row["sha256"]}"'
    assert "immutable" in answer.headers["Cache-Control"]


def test_bytes_that_are_known_are_not_sent_again(script):
    scene = a_ready_scene()
    address = f"/files/scenes/{scene.pk}/{scene.thumbnail.digest}.webp"
    answer = script.get(address, headers={"If-None-Match": f'"{scene.thumbnail.digest}"'})
    assert answer.status_code == 304


def test_another_rows_bytes_are_not_served_under_this_row(script):
    one, other = a_ready_scene(name="one", points=100), a_ready_scene(name="other", points=300)
    assert one.thumbnail != other.thumbnail
    assert script.get(f"/files/scenes/{one.pk}/{other.thumbnail.digest}.webp").status_code == 404


def test_an_error_has_an_object_as_its_body(script, client):
    assert "detail" in script.get("/api/scenes/999999/").json()
    client.logout()
    assert "detail" in client.get("/api/scenes/").json()
