"""The map of the explorer: where the scenes that a query finds were recorded, and how many it cannot show."""

from typing import Any

import pytest
from django.urls import reverse

from scenes import mapping
from scenes.models import Frame, FrameState, PositionState, Scene

pytestmark = pytest.mark.django_db


def a_scene(name: str, latitude: float | None = None, longitude: float = 6.0, *, frames: int = 0) -> Scene:
    """A scene that drives east for `frames` frames; without a latitude its position is missing."""
    if latitude is None:
        return Scene.objects.create(name=name)
    scene = Scene.objects.create(
        name=name,
        position_state=PositionState.KNOWN,
        start_latitude=latitude,
        start_longitude=longitude,
        end_latitude=latitude,
        end_longitude=longitude + 0.01,
        frame_count=frames,
    )
    Frame.objects.bulk_create(
        Frame(
            scene=scene,
            index=index,
            name=f"{index:06}.pcd",
            state=FrameState.QUARANTINED,
            problem="Not read here.",
            latitude=latitude,
            longitude=longitude + 0.01 * index / frames,
        )
        for index in range(frames)
    )
    return scene


def drawn(client, query: str = "") -> dict[str, Any]:
    answer = client.get(reverse("explorer-map") + query)
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_a_scene_is_drawn_along_the_way_of_its_frames(viewer):
    scene = a_scene("aachen-01", 50.78, 6.08, frames=200)
    found = drawn(viewer)["scenes"]
    assert [(one["id"], one["name"], one["url"]) for one in found] == [(scene.pk, "aachen-01", f"/scenes/{scene.pk}/")]
    way = found[0]["way"]
    assert len(way) == mapping.TRACK_POINTS
    assert way[0] == [50.78, 6.08]
    assert way == sorted(way)
    assert way[-1][1] == pytest.approx(6.08 + 0.01 * 199 / 200)


def test_a_scene_whose_frames_tell_no_place_is_drawn_from_its_start_to_its_end(viewer):
    a_scene("aachen-01", 50.78, 6.08)
    assert drawn(viewer)["scenes"][0]["way"] == [[50.78, 6.08], [50.78, 6.09]]


def test_scenes_without_a_position_are_counted_and_one_click_away(viewer):
    a_scene("aachen-01", 50.78)
    a_scene("indoors-01")
    a_scene("indoors-02")
    found = drawn(viewer, "?search=indoor&area=0,0,10,60")
    assert (found["located"], found["missing"]) == ("0", "2")
    page = viewer.get(found["missing_url"]).content.decode()
    assert "indoors-01" in page
    assert "indoors-02" in page
    assert "aachen-01" not in page


def test_filters_and_bounds_both_hold(viewer):
    a_scene("aachen-01", 50.78, 6.08)
    a_scene("aachen-02", 50.79, 6.10)
    a_scene("tokyo-01", 35.7, 139.7)
    assert {one["name"] for one in drawn(viewer, "?bounds=0,45,10,55")["scenes"]} == {"aachen-01", "aachen-02"}
    assert [one["name"] for one in drawn(viewer, "?bounds=0,45,10,55&search=02")["scenes"]] == ["aachen-02"]
    assert {one["name"] for one in drawn(viewer, "?bounds=130,0,-170,60")["scenes"]} == {"tokyo-01"}


def test_the_extent_holds_everything_that_is_drawn(viewer):
    a_scene("aachen-01", 50.78, 6.08)
    a_scene("tokyo-01", 35.7, 139.7)
    assert drawn(viewer)["extent"] == pytest.approx([6.08, 35.7, 139.71, 50.78])
    assert drawn(viewer, "?search=nothing")["extent"] is None


def test_many_scenes_become_clusters_that_count_them_all(viewer, monkeypatch):
    monkeypatch.setattr(mapping, "MOST_POINTS", 4)
    for number in range(5):
        a_scene(f"aachen-{number}", 50.78 + number / 1000, 6.08)
    a_scene("tokyo-01", 35.7, 139.7)
    found = drawn(viewer, "?zoom=3")
    assert (found["scenes"], found["sampled"]) == ([], False)
    assert sorted(one["count"] for one in found["clusters"]) == [1, 5]
    monkeypatch.setattr(mapping, "MOST_SAMPLED", 4)
    found = drawn(viewer, "?zoom=3")
    assert found["sampled"]
    assert sum(one["count"] for one in found["clusters"]) == 5


def test_it_asks_as_many_questions_for_one_scene_as_for_many(viewer, django_assert_max_num_queries):
    a_scene("aachen-0", 50.78, frames=5)
    drawn(viewer)
    for number in range(1, 30):
        a_scene(f"aachen-{number}", 50.78 + number / 100, frames=5)
    with django_assert_max_num_queries(11):  # four of them for who is there and what they may
        assert len(drawn(viewer)["scenes"]) == 30


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("?zoom=20", "zoom"),
        ("?zoom=-1", "zoom"),
        ("?bounds=1,2,3", "west,south,east,north"),
        ("?bounds=0,50,9,40", "South"),
    ],
)
def test_what_is_no_place_is_refused_in_words(viewer, query, words):
    answer = viewer.get(reverse("explorer-map") + query)
    assert answer.status_code == 400
    assert words in answer.content.decode()
