"""Ontologies: those that ship are there, and what label sets mean by a class stays."""

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import IntegrityError, transaction
from django.urls import reverse

from scenes import services
from scenes.clouds.ontologies import load_shipped
from scenes.models import Ontology, SemanticClass
from scenes.tests.factories import a_labelled_scene, a_ready_scene

pytestmark = pytest.mark.django_db


@pytest.fixture
def curator(client):
    client.force_login(User.objects.create_superuser("curator"))
    return client


def kitti() -> Ontology:
    return Ontology.objects.get(name="SemanticKITTI")


class TestThoseThatShip:
    def test_are_in_a_new_database_whole(self):
        for shipped in load_shipped():
            ontology = Ontology.objects.get(name=shipped.name)
            assert ontology.source == shipped.source
            stored = ontology.classes.order_by("index").values_list("index", "name", "colour", "ignored", "raw_ids")
            assert list(stored) == [(c.index, c.name, c.colour, c.ignored, list(c.raw_ids)) for c in shipped.classes]

    def test_begin_with_a_row_of_history(self):
        assert kitti().history.get().history_change_reason == "Ships with LAMM"
        assert kitti().classes.first().history.get().history_type == "+"

    def test_are_added_once_and_left_as_curators_want_them(self):
        road = kitti().classes.get(name="road")
        road.colour = "#ffffff"
        road.save()
        Ontology.objects.get(name="ASPRS LAS").delete()
        by = User.objects.create_user("olga")
        assert [ontology.name for ontology in services.sync_shipped_ontologies(by=by)] == ["ASPRS LAS"]
        assert services.sync_shipped_ontologies(by=by) == []
        assert kitti().classes.get(name="road").colour == "#ffffff"
        assert Ontology.objects.get(name="ASPRS LAS").history.first().history_user == by

    def test_come_back_by_a_command(self, capsys):
        Ontology.objects.get(name="ASPRS LAS").delete()
        call_command("sync_ontologies")
        call_command("sync_ontologies")
        assert capsys.readouterr().out == "Added ASPRS LAS.\nAll of them are there.\n"


class TestClassesInUse:
    @pytest.mark.parametrize("change", [{"index": 99}, {"raw_ids": [1]}, {"ignored": True}])
    def test_keep_their_meaning(self, change):
        a_labelled_scene()
        road = kitti().classes.get(name="road")
        for name, value in change.items():
            setattr(road, name, value)
        with pytest.raises(ValidationError, match="Make a new ontology"):
            road.save()
        with pytest.raises(IntegrityError, match="keep their meaning"), transaction.atomic():
            SemanticClass.objects.filter(pk=road.pk).update(**change)

    def test_may_get_a_better_name_and_colour_with_history(self):
        a_labelled_scene()
        road = kitti().classes.get(name="road")
        road.name, road.colour = "carriageway", "#123456"
        road.save()
        assert [row.name for row in road.history.all()] == ["carriageway", "road"]

    def test_are_not_joined_or_left_by_others(self):
        a_labelled_scene()
        with pytest.raises(ValidationError):
            SemanticClass.objects.create(ontology=kitti(), index=50, name="new", colour="#123456")
        with pytest.raises(ValidationError):
            kitti().classes.get(name="road").delete()
        with pytest.raises(IntegrityError), transaction.atomic():
            SemanticClass.objects.bulk_create([SemanticClass(ontology=kitti(), index=50, name="n", colour="#123456")])
        with pytest.raises(IntegrityError), transaction.atomic():
            kitti().classes.filter(name="road").delete()

    def test_change_freely_while_no_label_set_uses_them(self):
        a_ready_scene()
        road = kitti().classes.get(name="road")
        road.raw_ids = [40]
        road.save()
        road.delete()
        assert not kitti().classes.filter(name="road").exists()

    def test_a_raw_id_stands_for_one_class(self):
        road = kitti().classes.get(name="road")
        road.raw_ids = [40, 50]
        with pytest.raises(ValidationError, match="50 stands for building already"):
            road.full_clean()

    @pytest.mark.parametrize("raw", [-1, 2**32])
    def test_a_raw_id_fits_32_bits(self, raw):
        with pytest.raises(ValidationError, match="is not in"):
            SemanticClass(ontology=kitti(), index=50, name="new", colour="#123456", raw_ids=[raw]).full_clean()


class TestAdmin:
    def address(self) -> str:
        return reverse("admin:scenes_ontology_change", args=[kitti().pk])

    def test_shows_the_colours(self, curator):
        page = curator.get(self.address()).content.decode()
        assert 'fill="#4f9dff"' in page
        assert 'fill="#4f9dff"' in curator.get(reverse("admin:scenes_ontology_changelist")).content.decode()

    def test_offers_meanings_to_change_only_while_unused(self, curator):
        field = 'name="classes-0-raw_ids"'
        page = curator.get(self.address()).content.decode()
        assert field in page
        assert "everything may change" in page
        a_labelled_scene()
        page = curator.get(self.address()).content.decode()
        assert field not in page
        assert 'name="classes-0-colour"' in page
        assert "1 label sets refer to it" in page

    def form(self, ontology: Ontology, **classes: list[str]) -> dict[str, str]:
        form = {"name": ontology.name, "description": "", "source": ""}
        for place, (name, facts) in enumerate(classes.items()):
            index, colour, raw_ids = facts
            form |= {f"classes-{place}-{field}": value for field, value in {
                "id": "", "ontology": str(ontology.pk), "index": index, "name": name, "colour": colour,
                "raw_ids": raw_ids,
            }.items()}  # fmt: skip
        return form | {"classes-TOTAL_FORMS": str(len(classes)), "classes-INITIAL_FORMS": "0"}

    def test_refuses_a_raw_id_typed_twice(self, curator):
        ontology = Ontology.objects.create(name="mine")
        address = reverse("admin:scenes_ontology_change", args=[ontology.pk])
        form = self.form(ontology, road=["0", "#111111", "1,2"], wall=["1", "#222222", "2"])
        page = curator.post(address, form).content.decode()
        assert "The raw id 2 stands for road and wall" in page
        assert not ontology.classes.exists()
        form["classes-1-raw_ids"] = "3"
        assert curator.post(address, form).status_code == 302
        assert ontology.classes.get(name="wall").history.get().history_user.username == "curator"
