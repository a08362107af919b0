"""The admin: every page opens, costs the same for any number of rows, and shows the history."""

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.urls import reverse

from scenes import services
from scenes.models import Drive, Frame, IngestJob, IngestState, Scene, Tag, TokenScope
from scenes.services import curating
from scenes.tests.factories import a_drive_folder, a_labelled_scene, a_queued_job, a_ready_scene, an_ingested_scene

pytestmark = pytest.mark.django_db
MODELS = [Drive, Scene, Frame, IngestJob, Tag, User]
LISTED = list(admin.site._registry)


@pytest.fixture
def curator(client):
    client.force_login(User.objects.create_superuser("curator", password="secret"))
    return client


def more_of_everything(name: str) -> None:
    """Rows of the models that scenes alone do not bring: labels, tokens, bulk changes, undone ones, groups."""
    person = User.objects.create_superuser(f"{name}-person")
    scene = a_labelled_scene(name=f"{name}-labelled", drive=f"{name}-drive", by=person)
    services.make_token(by=person, name=name, days=7, scope=TokenScope.READ)
    change = curating.add_tags(scenes=[scene.pk], tags=[name], by=person)
    curating.undo_bulk(change=change, by=person)
    Group.objects.create(name=name)


@pytest.mark.parametrize("model", LISTED, ids=lambda model: model.__name__)
def test_lists_cost_the_same_for_any_number_of_rows(
    curator, model, django_assert_max_num_queries, django_assert_num_queries
):
    address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    for number in range(2):
        a_ready_scene(name=f"first-{number}", drive=f"d{number}", tags=("a", f"b{number}"))
    more_of_everything("first")
    curator.get(address)
    with django_assert_max_num_queries(20) as few:
        assert curator.get(address).status_code == 200
    for number in range(5):
        a_ready_scene(name=f"more-{number}", drive=f"e{number}", tags=("a", f"c{number}"))
        User.objects.create_user(f"person-{number}")
    more_of_everything("more")
    more_of_everything("most")
    with django_assert_num_queries(len(few)):
        curator.get(address)


@pytest.mark.parametrize("model", MODELS)
def test_details_and_histories_open(curator, model):
    a_ready_scene(drive="a drive", tags=("a",))
    row = model.objects.first()
    name = f"{model._meta.app_label}_{model._meta.model_name}"
    assert curator.get(reverse(f"admin:{name}_change", args=[row.pk])).status_code == 200
    assert curator.get(reverse(f"admin:{name}_history", args=[row.pk])).status_code == 200


def test_the_scene_list_shows_the_picture_and_finds_by_tag(curator):
    scene = a_ready_scene(name="rainy-01", tags=("heavy-rain",))
    a_ready_scene(name="dry-01")
    page = curator.get(reverse("admin:scenes_scene_changelist"), {"q": "heavy"}).content.decode()
    assert scene.thumbnail.digest in page
    assert "rainy-01" in page
    assert "dry-01" not in page


def test_a_change_shows_who_when_and_through_which_door(curator):
    scene = a_ready_scene()
    address = reverse("admin:scenes_scene_change", args=[scene.pk])
    curator.post(address, {
        "name": scene.name, "status": "in_progress", "locked": "on", "tags": "night", "notes": "wet road",
        "frames-TOTAL_FORMS": 0, "frames-INITIAL_FORMS": 0,
        "ingest_jobs-TOTAL_FORMS": 0, "ingest_jobs-INITIAL_FORMS": 0,
        "label_sets-TOTAL_FORMS": 0, "label_sets-INITIAL_FORMS": 0,
    })  # fmt: skip
    row = scene.history.first()
    assert (row.notes, row.history_user.username, row.door) == ("wet road", "curator", "admin")
    assert (row.status, row.locked) == ("unlabeled", False)  # only the steps of the workflow change these
    assert row.request_id
    tagged = scene.tag_links.get().history.get()
    assert (tagged.history_user.username, tagged.door) == ("curator", "admin")


def test_a_job_is_retried_from_its_list(curator, tmp_path):
    folder = a_drive_folder(tmp_path, frames=1)
    (folder / "000000.pcd").write_bytes(b"not a cloud")
    job = an_ingested_scene(folder).ingest_jobs.get()
    address = reverse("admin:scenes_ingestjob_changelist")
    curator.post(address, {"action": "retry", "_selected_action": [job.pk]})
    assert IngestJob.objects.filter(state=IngestState.QUEUED).count() == 1


def test_a_job_is_cancelled_from_its_list(curator, tmp_path):
    job = a_queued_job(a_drive_folder(tmp_path))
    curator.post(reverse("admin:scenes_ingestjob_changelist"), {"action": "cancel", "_selected_action": [job.pk]})
    job.refresh_from_db()
    assert job.state == IngestState.CANCELLED
    assert job.history.first().history_user.username == "curator"


def test_who_may_only_look_is_offered_no_action(client):
    from django.contrib.auth.models import Permission

    reader = User.objects.create_user("reader", is_staff=True)
    reader.user_permissions.add(*Permission.objects.filter(codename="view_ingestjob"))
    client.force_login(reader)
    page = client.get(reverse("admin:scenes_ingestjob_changelist")).content.decode()
    assert 'value="retry"' not in page
