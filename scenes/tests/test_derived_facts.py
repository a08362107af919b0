"""Links, search texts and classes follow the scenes, whichever way these change; `check_facts` finds what does not."""

import math
import threading

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction

from scenes.errors import RefusedError
from scenes.facts import DERIVED, scene_id_ranges, wrong_scenes
from scenes.models import Drive, LabelSet, Ontology, Scene, SceneTag, SearchText, SemanticClass, Tag
from scenes.services import curating
from scenes.services.training import record_training_use
from scenes.services.uncertainty import SceneUncertainty, forget_uncertainty, record_uncertainty
from scenes.tests.workflows import a_person

pytestmark = pytest.mark.django_db


def all_right():
    return not any(wrong_scenes(fact, *ends) for fact in DERIVED for ends in scene_id_ranges())


def link(scene, tag="rain"):
    return SceneTag.objects.values_list("status", "max_uncertainty").get(content_object=scene, tag__name=tag)


def text(scene):
    return SearchText.objects.get(scene=scene).text


def sql(statement, *parameters):
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def score(scene, highest=0.75, **other):
    facts = {"mean": 0.25, "source": "ensemble-v2", "measure": "entropy, normalised, mean", "evaluation": 7}
    return SceneUncertainty(scene=scene.pk, highest=highest, **facts | other)


@pytest.fixture
def drive():
    return Drive.objects.create(name="Log-7")


@pytest.fixture
def scene(drive):
    scene = Scene.objects.create(name="2026-05-04-City_Drive", drive=drive)
    scene.tags.add("rain")
    return scene


@pytest.fixture
def uncertain(scene):
    record_uncertainty(scores=[score(scene)])
    return scene


def add_by_orm(scene, tag):
    scene.tags.add(tag)


def add_by_bulk_create(scene, tag):
    SceneTag.objects.bulk_create([SceneTag(content_object=scene, tag=tag)])


def add_by_sql(scene, tag):
    sql("INSERT INTO scenes_scenetag (content_object_id, tag_id) VALUES (%s, %s)", scene.pk, tag.pk)


def add_by_service(scene, tag):
    curating.add_tags(scenes=[scene.pk], tags=[tag.name], by=a_person("carla", "curator"))


def add_with_lies(scene, tag):
    SceneTag.objects.create(content_object=scene, tag=tag, status="labeled", max_uncertainty=9.0)


class TestLinks:
    @pytest.mark.parametrize("add", [add_by_orm, add_by_bulk_create, add_by_sql, add_by_service, add_with_lies])
    def test_a_new_link_carries_the_scenes_facts(self, uncertain, add):
        sql("UPDATE scenes_scene SET status = 'in_progress', labeler_id = %s", a_person("lena").pk)
        add(uncertain, Tag.objects.create(name="night"))
        assert link(uncertain, "night") == link(uncertain) == ("in_progress", 0.75)
        assert text(uncertain).count("night") == 2
        assert all_right()

    @pytest.mark.parametrize("way", ["save", "update", "bulk_update", "sql"])
    def test_a_changed_scene_changes_its_links(self, scene, way):
        other = Scene.objects.create(name="other")
        other.tags.add("rain")
        scene.status, scene.labeler = "in_progress", a_person("lena")
        match way:
            case "save":
                scene.save()
            case "update":
                Scene.objects.filter(pk=scene.pk).update(status=scene.status, labeler=scene.labeler)
            case "bulk_update":
                Scene.objects.bulk_update([scene], ["status", "labeler"])
            case "sql":
                sql("UPDATE scenes_scene SET status = 'in_progress', labeler_id = %s WHERE id = %s", scene.labeler_id, scene.pk)  # fmt: skip # noqa: E501
        assert (link(scene), link(other)) == (("in_progress", None), ("unlabeled", None))

    def test_uncertainty_reaches_the_links_and_leaves_them(self, uncertain):
        assert link(uncertain) == ("unlabeled", 0.75)
        assert record_uncertainty(scores=[score(uncertain, 0.5)]) == 1
        assert link(uncertain) == ("unlabeled", 0.5)
        assert forget_uncertainty(scenes=[uncertain.pk]) == 1
        assert link(uncertain) == ("unlabeled", None)

    def test_a_link_that_is_written_itself_comes_right_again(self, uncertain):
        SceneTag.objects.update(status="labeled", max_uncertainty=3.0)
        assert link(uncertain) == ("unlabeled", 0.75)
        other = Scene.objects.create(name="other")
        SceneTag.objects.update(content_object=other)
        assert link(other) == ("unlabeled", None)
        assert ("rain" in text(other), "rain" in text(uncertain)) == (True, False)

    def test_history_does_not_repeat_what_the_link_carries(self, scene):
        names = {field.name for field in SceneTag.history.model._meta.fields}
        assert {"tag", "content_object"} <= names
        assert not {"status", "max_uncertainty"} & names
        before = Scene.history.count()
        record_uncertainty(scores=[score(scene)])
        assert Scene.history.count() == before


class TestSearchTexts:
    def test_it_holds_scene_id_drive_and_tags_as_written_and_in_words(self, scene):
        assert text(scene) == " 2026-05-04-city_drive log-7 rain 2026 05 04 city drive log 7 rain"

    def test_it_follows_new_names_of_scene_drive_and_tag(self, scene, drive):
        Scene.objects.filter(pk=scene.pk).update(name="Harbour")
        Drive.objects.filter(pk=drive.pk).update(name="Log-8")
        Tag.objects.filter(name="rain").update(name="Drizzle")
        assert text(scene) == " harbour log-8 drizzle harbour log 8 drizzle"
        Scene.objects.update(drive=None)
        scene.tags.clear()
        assert text(scene) == " harbour harbour"

    def test_new_scenes_have_one_whichever_way_they_come(self):
        Scene.objects.bulk_create([Scene(name="a"), Scene(name="b")])
        assert SearchText.objects.count() == 2
        assert all_right()

    def test_it_goes_with_its_scene(self, scene):
        scene.delete()
        sql("INSERT INTO scenes_drive (name, vehicle, location, notes, created_at) VALUES ('x', '', '', '', now())")
        assert not SearchText.objects.exists()
        bare = Scene.objects.create(name="bare")
        sql("DELETE FROM scenes_scene WHERE id = %s", bare.pk)
        assert not SearchText.objects.exists()

    @pytest.mark.django_db(transaction=True)
    def test_two_who_tag_a_scene_at_once_are_both_found(self):
        scene = Scene.objects.create(name="scene")
        tags = [Tag.objects.create(name=f"tag{number}") for number in range(4)]
        start = threading.Barrier(len(tags) + 1)

        def tag_it(tag):
            start.wait()
            with transaction.atomic():
                SceneTag.objects.create(content_object=scene, tag=tag)
            connection.close()

        def take_it():
            start.wait()
            record_uncertainty(scores=[score(scene)])
            connection.close()

        threads = [threading.Thread(target=tag_it, args=(tag,)) for tag in tags] + [threading.Thread(target=take_it)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert SceneTag.objects.filter(max_uncertainty=0.75).count() == 4
        assert all(tag.name in text(scene) for tag in tags)


class TestClasses:
    @pytest.fixture
    def classes(self):
        ontology = Ontology.objects.create(name="small")
        names = ("road", "car", "tree")
        return [SemanticClass.objects.create(ontology=ontology, index=i, name=n, colour="#000000") for i, n in enumerate(names)]  # fmt: skip # noqa: E501

    def test_the_newest_labels_say_which_are_present(self, scene, classes):
        road, car, tree = (one.pk for one in classes)
        facts = {"scene": scene, "ontology": classes[0].ontology, "kind": "npy"}
        LabelSet.objects.create(version=1, class_counts=[5, 0, 1], **facts)
        scene.refresh_from_db()
        assert scene.class_ids == [road, tree]
        LabelSet.objects.create(version=2, class_counts=[0, 7, 0], **facts)
        scene.refresh_from_db()
        assert scene.class_ids == [car]
        LabelSet.objects.get(version=2).delete()
        scene.refresh_from_db()
        assert scene.class_ids == [road, tree]
        assert all_right()


class TestServices:
    def test_uncertainty_stands_on_the_scene_with_its_source(self, uncertain):
        uncertain.refresh_from_db()
        assert (uncertain.max_frame_uncertainty, uncertain.mean_frame_uncertainty) == (0.75, 0.25)
        assert (uncertain.uncertainty_source, uncertain.uncertainty_evaluation) == ("ensemble-v2", 7)
        assert record_uncertainty(scores=[score(uncertain)]) == 0

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"highest": math.nan}, "highest uncertainty nan"),
            ({"mean": -0.1}, "mean uncertainty -0.1"),
            ({"source": " "}, "name the source"),
            ({"measure": ""}, "the measure"),
        ],
    )
    def test_what_is_no_score_is_refused_with_its_scene_and_nothing_is_written(self, scene, change, words):
        other = Scene.objects.create(name="other")
        with pytest.raises(RefusedError, match=f"Scene {scene.pk}.*{words}"):
            record_uncertainty(scores=[score(other), score(scene, **change)])
        assert not Scene.objects.filter(max_frame_uncertainty__isnull=False).exists()

    def test_a_scene_that_stands_twice_is_refused_and_one_that_is_gone_left_out(self, scene):
        with pytest.raises(RefusedError, match="twice"):
            record_uncertainty(scores=[score(scene), score(scene)])
        gone = Scene(pk=10**9)
        assert record_uncertainty(scores=[score(gone), score(scene)]) == 1

    def test_the_database_itself_wants_a_source(self, scene):
        with pytest.raises(IntegrityError, match="scene_uncertainty_names_its_source"):
            Scene.objects.update(max_frame_uncertainty=0.5, mean_frame_uncertainty=0.5)

    def test_many_scenes_cost_as_many_statements_as_one(self, scene, django_assert_num_queries):
        Scene.objects.bulk_create(Scene(name=f"scene-{number}") for number in range(50))
        many = list(Scene.objects.all())
        with django_assert_num_queries(4):  # savepoint, lock, update, release
            assert record_uncertainty(scores=[score(one) for one in many]) == 51
        with django_assert_num_queries(4):
            assert record_training_use(scenes=[one.pk for one in many]) == 51

    def test_use_in_training_is_said_and_taken_back(self, scene):
        assert record_training_use(scenes=Scene.objects.all()) == 1
        assert record_training_use(scenes=[scene.pk]) == 0
        assert Scene.objects.get().used_in_training
        assert record_training_use(scenes=[scene.pk], used=False) == 1


class TestCheckFacts:
    @pytest.fixture
    def broken(self, uncertain):
        """A scene of which every derived fact is wrong, as after a restore without triggers."""
        sql("SET session_replication_role = replica")
        SceneTag.objects.update(status="labeled")
        SearchText.objects.all().delete()
        Scene.objects.update(class_ids=[1])
        sql("SET session_replication_role = origin")
        return uncertain

    def test_it_says_that_all_is_well(self, uncertain, capsys):
        call_command("check_facts")
        assert capsys.readouterr().out.count("as they should be") == 3

    def test_it_tells_what_is_wrong_and_changes_nothing(self, broken, capsys):
        with pytest.raises(CommandError, match="--mend"):
            call_command("check_facts")
        assert capsys.readouterr().out.count(f"1 scenes are wrong ({broken.pk})") == 3
        assert link(broken)[0] == "labeled"

    def test_it_mends_what_is_wrong(self, broken):
        call_command("check_facts", "--mend")
        assert all_right()
        assert link(broken) == ("unlabeled", 0.75)
        assert "rain" in text(broken)
