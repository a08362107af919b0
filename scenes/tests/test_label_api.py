"""Ontologies and labels over the API, and the bytes behind them."""

import numpy as np
import pytest
from django.contrib.auth.models import Group, User
from django.urls import reverse

from scenes.models import FrameLabels, LabelSet, Ontology
from scenes.tests.factories import a_cloud, a_labelled_scene, a_ready_scene, labels_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def script(client):
    viewer = User.objects.create_user("script")
    viewer.groups.add(Group.objects.get(name="viewer"))
    client.force_login(viewer)
    return client


def rows(answer):
    assert answer.status_code == 200, answer.content
    return answer.json()["results"]


def test_an_ontology_comes_with_its_classes(script):
    (found,) = rows(script.get("/api/ontologies/?search=kitti"))
    road = next(entry for entry in found["classes"] if entry["name"] == "road")
    assert road == {"index": 9, "name": "road", "colour": "#b06bd6", "ignored": False, "raw_ids": [40, 60]}


def test_a_label_set_leads_to_the_labels_of_its_frames_and_to_their_bytes(script):
    scene = a_labelled_scene(frames=2, points=300, by=User.objects.create_user("lara"))
    a_labelled_scene(name="other")
    (found,) = rows(script.get(f"/api/label-sets/?scene={scene.pk}"))
    assert (found["version"], found["ontology"], found["author"]) == (1, "SemanticKITTI", "lara")
    assert found["frame_count"] == 2
    assert sum(found["class_counts"]) == 600
    frames = rows(script.get(found["frames"]))
    assert [frame["frame_name"] for frame in frames] == ["000000.pcd", "000001.pcd"]
    answer = script.get(frames[1]["classes"])
    classes = np.frombuffer(b"".join(answer.streaming_content), "u1")
    assert np.array_equal(classes, np.where(labels_of(a_cloud(points=300, seed=1)) == 40, 9, 13))
    assert answer.headers["ETag"] == f'"{frames[1]["classes_sha256"]}"'
    assert "immutable" in answer.headers["Cache-Control"]


def test_label_sets_are_found_by_ontology(script):
    a_labelled_scene()
    kitti, other = Ontology.objects.get(name="SemanticKITTI"), Ontology.objects.get(name="ASPRS LAS")
    assert len(rows(script.get(f"/api/label-sets/?ontology={kitti.pk}"))) == 1
    assert rows(script.get(f"/api/label-sets/?ontology={other.pk}")) == []
    assert script.get("/api/label-sets/?sceen=1").status_code == 400


def test_a_scene_leads_to_its_pictures(script):
    scene = a_labelled_scene(frames=2)
    row = script.get(f"/api/scenes/{scene.pk}/").json()
    for name in ("thumbnail", "label_thumbnail", "filmstrip"):
        answer = script.get(row[name])
        assert answer.headers["Content-Type"] == "image/webp"
    bare = script.get(f"/api/scenes/{a_ready_scene(name='one frame').pk}/").json()
    assert bare["label_thumbnail"] is bare["filmstrip"] is None


def test_the_labels_of_another_frame_are_not_served_under_this_one(script):
    first, second = a_labelled_scene(frames=2).label_sets.get().frames.order_by("frame__index")
    address = f"/files/frame-labels/{first.pk}/{second.classes.digest}"
    assert script.get(address).status_code == 404


@pytest.mark.parametrize("address", ["/api/ontologies/", "/api/label-sets/", "/api/frame-labels/"])
def test_lists_cost_the_same_for_any_number_of_rows(
    script, address, django_assert_max_num_queries, django_assert_num_queries
):
    a_labelled_scene(frames=1)
    with django_assert_max_num_queries(8) as one_row:
        rows(script.get(address))
    for number in range(3):
        a_labelled_scene(name=f"more-{number}", frames=2)
        Ontology.objects.create(name=f"more-{number}").classes.create(index=0, name="a", colour="#111111")
    with django_assert_num_queries(len(one_row)):
        rows(script.get(address))


class TestAdmin:
    @pytest.mark.parametrize("model", [Ontology, LabelSet, FrameLabels])
    def test_lists_cost_the_same_for_any_number_of_rows(
        self, admin_client, model, django_assert_max_num_queries, django_assert_num_queries
    ):
        address = reverse(f"admin:scenes_{model._meta.model_name}_changelist")
        a_labelled_scene(frames=2)
        admin_client.get(address)
        with django_assert_max_num_queries(20) as few:
            assert admin_client.get(address).status_code == 200
        for number in range(3):
            a_labelled_scene(name=f"more-{number}", frames=2, by=User.objects.create_user(f"p{number}"))
        with django_assert_num_queries(len(few)):
            admin_client.get(address)

    @pytest.mark.parametrize("model", [Ontology, LabelSet])
    def test_details_and_histories_open(self, admin_client, model):
        row = a_labelled_scene().label_sets.get()
        row = row if model is LabelSet else row.ontology
        for page in ("change", "history"):
            address = reverse(f"admin:scenes_{model._meta.model_name}_{page}", args=[row.pk])
            assert admin_client.get(address).status_code == 200

    def test_only_the_note_of_a_label_set_is_typed(self, admin_client):
        label_set = a_labelled_scene().label_sets.get()
        address = reverse("admin:scenes_labelset_change", args=[label_set.pk])
        page = admin_client.get(address).content.decode()
        assert 'name="note"' in page
        assert 'name="version"' not in page
        assert 'fill="#b06bd6"' in page
        admin_client.post(address, {"note": "checked twice", "version": "9"})
        label_set.refresh_from_db()
        assert (label_set.note, label_set.version) == ("checked twice", 1)
        frames = reverse("admin:scenes_framelabels_changelist") + f"?label_set__id__exact={label_set.pk}"
        assert frames in page
        assert "000001.pcd" in admin_client.get(frames).content.decode()

    def test_a_scene_lists_its_label_sets(self, admin_client):
        scene = a_labelled_scene()
        page = admin_client.get(reverse("admin:scenes_scene_change", args=[scene.pk])).content.decode()
        assert reverse("admin:scenes_labelset_change", args=[scene.label_sets.get().pk]) in page
