"""The upload page: who finds it, what it offers, and what it says about uploads that are not finished."""

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.urls import reverse

from scenes import services
from scenes.models import UploadState

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada():
    person = User.objects.create_user("ada")
    person.user_permissions.add(*Permission.objects.filter(codename__in=["add_upload", "view_scene"]))
    return person


@pytest.fixture
def uploader(client, ada):
    client.force_login(ada)
    return client


def page(client, name="upload") -> str:
    response = client.get(reverse(name))
    assert response.status_code == 200
    return response.content.decode()


class TestWhoFindsIt:
    def test_a_viewer_is_refused_and_not_led_there(self, client):
        viewer = User.objects.create_user("vera")
        viewer.groups.add(Group.objects.get(name="viewer"))
        client.force_login(viewer)
        assert client.get(reverse("upload")).status_code == 403
        assert reverse("upload") not in page(client, "explorer")

    def test_an_uploader_finds_it_in_the_rail_and_in_the_empty_explorer(self, uploader):
        html = page(uploader, "explorer")
        assert html.count(f'href="{reverse("upload")}"') == 3
        assert "Upload the first scenes" in html


class TestWhatItOffers:
    def test_every_format_is_named(self, uploader):
        html = page(uploader)
        assert all(f"<code>{suffix}</code>" in html for suffix in (".pcd", ".ply", ".bin", "times.txt", ".gpx"))

    def test_headless_files_can_be_declared(self, uploader):
        assert '<option value="kitti">KITTI</option>' in page(uploader)

    def test_nothing_is_said_of_unfinished_uploads_when_there_are_none(self, uploader):
        assert 'id="open-uploads"' not in page(uploader)


class TestUnfinishedUploads:
    def test_are_shown_with_how_far_they_are(self, uploader, ada):
        upload = services.open_upload(scene_name="harbour-01", by=ada, tags=["rain", "night"], rate_hz=10)
        files = [services.DeclaredFile("a.pcd", 3_000_000), services.DeclaredFile("b.pcd", 1_000_000)]
        services.declare_files(upload=upload, files=files, by=ada)
        html = page(uploader)
        assert "harbour-01" in html
        assert "0 of 2 files" in html
        assert 'data-tags="rain, night"' in html
        assert 'data-rate="10.0"' in html

    def test_without_a_date_or_rate_have_none_in_the_form(self, uploader, ada):
        services.open_upload(scene_name="harbour-01", by=ada)
        html = page(uploader)
        assert 'data-captured=""' in html
        assert 'data-rate=""' in html

    def test_of_others_and_ended_ones_are_not_shown(self, uploader, ada):
        services.open_upload(scene_name="foreign", by=User.objects.create_superuser("root"))
        ended = services.open_upload(scene_name="ended", by=ada)
        services.abandon_upload(upload=ended, by=ada)
        ended.refresh_from_db()
        assert ended.state == UploadState.ABANDONED
        assert 'id="open-uploads"' not in page(uploader)

    def test_cost_the_same_however_many_there_are(self, uploader, ada, django_assert_max_num_queries):
        services.open_upload(scene_name="one", by=ada)
        with django_assert_max_num_queries(8) as one:
            page(uploader)
        for number in range(5):
            services.open_upload(scene_name=f"more-{number}", by=ada)
        with django_assert_max_num_queries(len(one)):
            page(uploader)
