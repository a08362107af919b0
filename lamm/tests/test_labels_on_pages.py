"""Ground truth on the scene page and in the explorer."""

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from lamm.history import scene_history
from lamm.label_facts import class_shares
from scenes.models import LabelSet, Scene
from scenes.tests.factories import a_labelled_scene, a_ready_scene

pytestmark = pytest.mark.django_db


def page(client, scene) -> str:
    response = client.get(reverse("scene", args=[scene.pk]))
    assert response.status_code == 200
    return response.content.decode()


def another_version(scene: Scene, **facts) -> LabelSet:
    newest = scene.label_sets.first()
    return LabelSet.objects.create(
        scene=scene, version=newest.version + 1, ontology=newest.ontology, kind="npy", frame_count=1, **facts
    )


def test_the_ground_truth_stands_beside_the_picture_with_its_classes(viewer):
    scene = a_labelled_scene(by=User.objects.create_user("lara"))
    html = page(viewer, scene)
    assert reverse("scene-label-thumbnail", args=[scene.pk, scene.label_thumbnail.digest]) in html
    for words in ("Ground truth of city-drive-01", 'fill="#b06bd6"', "road", "building", "by lara", "2 of 2 frames"):
        assert words in html
    assert "motorcyclist" not in html


def test_shares_are_of_all_labelled_points_largest_first():
    label_set = a_labelled_scene(points=500).label_sets.get()
    shares = class_shares(label_set)
    assert [share.entry.name for share in shares] == ["road", "building"]
    assert sum(share.points for share in shares) == 1000
    assert sum(share.share for share in shares) == pytest.approx(1)
    assert shares[0].percent == f"{shares[0].points / 10:.2f}%"


def test_versions_notes_and_unknown_ids_are_told(viewer):
    scene = a_labelled_scene()
    another_version(scene, class_counts=[12, 5], unknown=[[1234, 12]], note="second shift")
    html = page(viewer, scene)
    for words in (">v2<", ">v1<", "second shift", "1 raw id unknown", "1234"):
        assert words in html


def test_the_history_tells_of_labels(viewer):
    scene = a_labelled_scene(by=User.objects.create_user("lara"))
    entry = next(entry for entry in scene_history(scene)[0] if entry.what.startswith("Labels"))
    assert (entry.what, entry.reason) == ("Labels v1 added", "2 frames labelled in SemanticKITTI")
    assert entry.by.startswith("by lara")
    label_set = scene.label_sets.get()
    label_set.note = "checked"
    label_set.save()
    assert scene_history(scene)[0][0].what == "Labels v1 described anew"


def test_without_labels_the_way_to_them_is_told(viewer):
    html = page(viewer, a_ready_scene())
    assert "manage.py ingest_labels city-drive-01 FOLDER" in html
    assert "Ground truth of" not in html


def test_many_versions_cost_as_many_queries_as_one(viewer, django_assert_num_queries, django_assert_max_num_queries):
    scene = a_labelled_scene()
    page(viewer, scene)
    with django_assert_max_num_queries(25) as one:
        page(viewer, scene)
    for number in range(30):
        another_version(scene, class_counts=[1], author=User.objects.create_user(f"p{number}"))
    with django_assert_num_queries(len(one)):
        html = page(viewer, scene)
    assert "The newest 20 versions are shown." in html


def test_the_explorer_offers_the_strip_to_hover(viewer):
    scene, still = a_ready_scene(frames=2), a_ready_scene(name="single")
    html = viewer.get(reverse("explorer")).content.decode()
    assert f'data-filmstrip="{reverse("scene-filmstrip", args=[scene.pk, scene.filmstrip.digest])}"' in html
    assert html.count("data-filmstrip") == 1
    assert still.name in html
