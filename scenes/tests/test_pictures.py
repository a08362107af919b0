"""Which pictures a scene has once it is in."""

import io

import pytest
from PIL import Image

from scenes.models import Scene
from scenes.tests.factories import a_labelled_scene, a_ready_scene
from scenes.thumbnails import render_filmstrip, render_label_thumbnail

pytestmark = pytest.mark.django_db


def size(picture: bytes) -> tuple[int, int]:
    return Image.open(io.BytesIO(picture)).size


@pytest.mark.parametrize(("frames", "pictures"), [(2, 2), (13, 12)])
def test_a_sequence_has_a_strip_of_its_frames(frames, pictures):
    scene = a_ready_scene(frames=frames, points=50)
    assert size(scene.filmstrip.read()) == (320 * pictures, 200)


def test_a_single_cloud_has_none():
    assert a_ready_scene(frames=1).filmstrip is None


def test_quarantined_frames_are_not_in_it():
    scene = a_ready_scene(frames=4, points=50)
    scene.frames.filter(index=2).update(state="quarantined", problem="bad")
    assert size(render_filmstrip(scene)) == (960, 200)


def test_very_large_frames_are_not_drawn_in_strips(monkeypatch):
    monkeypatch.setattr("scenes.thumbnails.MOST_STRIP_POINTS", 49)
    assert render_filmstrip(a_ready_scene(frames=2, points=50)) is None


def test_the_ground_truth_picture_is_drawn_again_as_it_was():
    scene = a_labelled_scene(frames=3)
    assert render_label_thumbnail(scene) == scene.label_thumbnail.read()


def test_without_labels_there_is_no_ground_truth_picture():
    assert render_label_thumbnail(Scene.objects.create(name="bare")) is None
