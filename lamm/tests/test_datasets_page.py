"""The list of datasets: what a row tells, how it is searched and sorted, and how a dataset begins."""

import re

import pytest
from django.contrib.auth.models import Group, User
from django.urls import reverse

from datasets import services
from datasets.models import Dataset, DatasetVersion
from datasets.selectors import certificate
from datasets.tests.stories import a_draft, a_person, some_scenes
from lamm.dataset_figures import segments
from scenes.models import SavedView

pytestmark = pytest.mark.django_db
QUERIES = 10
HTMX = {"HX-Request": "true"}


@pytest.fixture
def carla(client):
    person = a_person()
    client.force_login(person)
    return person


def frozen(version: DatasetVersion, by: User) -> DatasetVersion:
    """The draft, with every warning acknowledged."""
    services.draw_splits(version=version, by=by)
    version.refresh_from_db()
    names = [one["name"] for one in certificate(version)["warnings"]]
    return services.freeze(version=version, by=by, acknowledged=names)


def html(client, query: str = "", **headers) -> str:
    response = client.get(reverse("datasets") + query, headers=headers or None)
    assert response.status_code == 200
    return response.content.decode()


def names(text: str) -> list[str]:
    return re.findall(r'<h2 id="dataset-\d+"><svg.*?</svg> ([^<]+)</h2>', text, re.DOTALL)


class TestTheList:
    def test_it_says_what_a_dataset_is_while_there_is_none(self, client, carla):
        assert "No datasets yet" in html(client)
        assert "Build the first dataset" in html(client)

    def test_who_may_only_look_is_not_offered_to_build(self, client):
        client.force_login(a_person("vera", "viewer"))
        text = html(client)
        assert "Curators and engineers build datasets" in text
        assert reverse("dataset-create") not in text

    def test_a_frozen_version_shows_its_splits_its_certificate_and_its_digest(self, client, carla):
        version = frozen(a_draft(some_scenes(10, drives=10), by=carla), carla)
        text = html(client)
        for words in (
            "<b>10</b> scenes",
            ">train 8<",
            ">val 1<",
            ">test 1<",
            version.digest[:10],
            "Frozen",
            "carla",
        ):
            assert words in text
        assert ("Clean" in text) == version.certificate["clean"]
        warnings = len(version.certificate["warnings"])
        assert (f"{warnings} warning" in text) == bool(warnings)

    def test_a_draft_is_counted_as_it_is_now(self, client, carla):
        version = a_draft(some_scenes(3), by=carla)
        assert "<b>3</b> scenes" in html(client)
        services.add_scenes(version=version, scenes=[one.pk for one in some_scenes(2, name="more")], by=carla)
        text = html(client)
        assert "<b>5</b> scenes" in text
        assert "no split 5" in text
        assert "not written yet" in text

    def test_search_and_state_and_sort(self, client, carla):
        frozen(a_draft(some_scenes(4), by=carla, name="alpha_night"), carla)
        services.create_dataset(name="beta_night", by=carla)
        services.create_dataset(name="gamma", by=carla)
        assert names(html(client, "?search=NIGHT&sort=name")) == ["alpha_night", "beta_night"]
        assert names(html(client, "?state=frozen")) == ["alpha_night"]
        assert names(html(client, "?sort=-name")) == ["gamma", "beta_night", "alpha_night"]
        assert names(html(client)) == ["gamma", "beta_night", "alpha_night"]
        assert "No dataset matches" in html(client, "?search=nothing-like-it")

    def test_only_the_newest_versions_are_listed_and_the_rest_is_counted(self, client, carla):
        version = services.create_dataset(name="long", by=carla)
        for _ in range(6):
            version = services.new_version(of=version, by=carla)
        text = html(client)
        assert text.count('class="version-link"') == 5
        assert "2 older versions" in text

    def test_a_part_is_answered_to_htmx_with_its_own_address(self, client, carla):
        services.create_dataset(name="alpha", by=carla)
        response = client.get(reverse("datasets") + "?search=al", headers=HTMX)
        assert "<html" not in response.content.decode()
        assert response["HX-Push-Url"] == "/datasets/?search=al"

    def test_the_number_of_queries_does_not_grow(self, client, carla, django_assert_max_num_queries):
        for number in range(6):
            frozen(a_draft(some_scenes(2, name=f"s{number}"), by=carla, name=f"data-{number}"), carla)
            services.new_version(of=DatasetVersion.objects.get(dataset__name=f"data-{number}"), by=carla)
        html(client)
        with django_assert_max_num_queries(QUERIES):
            html(client)


class TestANewDataset:
    def test_begins_as_a_draft_in_the_builder(self, client, carla):
        response = client.post(reverse("dataset-create"), {"name": "Urban_Night_Scenes", "notes": "For night."})
        version = DatasetVersion.objects.get()
        assert response["Location"] == reverse("builder", args=[version.pk])
        assert (str(version), version.notes, version.created_by) == ("Urban_Night_Scenes@v1", "For night.", carla)

    def test_may_begin_with_what_a_saved_view_finds(self, client, carla):
        night, *_ = some_scenes(3)
        night.tags.add("night")
        view = SavedView.objects.create(owner=carla, name="nights", query="sort=name&tag=night")
        assert "what the view “nights” finds" in html(client)
        client.post(reverse("dataset-create"), {"name": "Nights", "view": view.pk})
        assert [item.scene for item in DatasetVersion.objects.get().items.all()] == [night]

    @pytest.mark.parametrize("name", ["", "two words", "../etc"])
    def test_a_name_that_is_none_is_refused_and_the_dialog_opens_again(self, client, carla, name):
        response = client.post(reverse("dataset-create"), {"name": name}, follow=True)
        assert not Dataset.objects.exists()
        assert "notice-error" in response.content.decode()
        assert "data-open-now" in response.content.decode()

    def test_nothing_is_left_of_one_whose_view_can_not_be_read(self, client, carla):
        view = SavedView.objects.create(owner=carla, name="odd", query="nonsense=1")
        client.post(reverse("dataset-create"), {"name": "Odd", "view": view.pk})
        assert not Dataset.objects.exists()

    def test_somebody_elses_private_view_is_not_used(self, client, carla):
        other = User.objects.create_user("otto")
        other.groups.add(Group.objects.get(name="curator"))
        view = SavedView.objects.create(owner=other, name="his", query="tag=night")
        assert client.post(reverse("dataset-create"), {"name": "Mine", "view": view.pk}).status_code == 404
        assert not Dataset.objects.exists()


def test_the_parts_of_a_bar_fill_it():
    parts = segments({"train": 6, "val": 0, "test": 2, "": 2})
    assert [(part.split, part.begin, part.width) for part in parts] == [
        ("train", 0, 60),
        ("test", 60, 20),
        ("none", 80, 20),
    ]
    assert segments({}) == []
