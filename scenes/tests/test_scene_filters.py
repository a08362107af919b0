"""The explorer's filters: what each parameter finds, and that what it can't mean is refused with the value."""

import json
from datetime import UTC, date, datetime, timedelta

import pytest
from django.http import QueryDict
from django.utils import timezone

from scenes.filters import SceneFilterSet, known_parameters
from scenes.models import Drive, IngestJob, LabelSet, Ontology, Scene, SemanticClass
from scenes.services.training import record_training_use
from scenes.services.uncertainty import SceneUncertainty, record_uncertainty
from scenes.tests.workflows import a_person

pytestmark = pytest.mark.django_db


@pytest.fixture
def library():
    """Three scenes that differ in everything; `a` has all, `c` has nothing."""
    drive, other = Drive.objects.create(name="Log-7"), Drive.objects.create(name="log-8")
    lena = a_person("lena", "labeler")
    a = Scene.objects.create(
        name="2026-05-04-highway-01", drive=drive, captured_at=datetime(2026, 5, 4, 12, tzinfo=UTC),
        status="in_progress", labeler=lena, priority=4, due_on=timezone.localdate() - timedelta(days=1),
        frame_count=100, point_count=5000, size_bytes=9000, duration_seconds=60, position_state="known",
        start_latitude=10, start_longitude=179, end_latitude=10, end_longitude=179, notes="wet road",
    )  # fmt: skip
    b = Scene.objects.create(
        name="2026-06-01-urban-02", drive=other, captured_at=datetime(2026, 6, 1, tzinfo=UTC), priority=2,
        frame_count=10,
        point_count=500, size_bytes=900, duration_seconds=6, position_state="known", start_latitude=-10,
        start_longitude=-179, end_latitude=0, end_longitude=0, quarantined_count=2,
        due_on=timezone.localdate() + timedelta(days=9),
    )  # fmt: skip
    c = Scene.objects.create(name="bare", priority=1)
    a.tags.add("Rain", "night")
    b.tags.add("rain")
    ontology = Ontology.objects.create(name="small")
    for index, name in enumerate(("road", "car")):
        SemanticClass.objects.create(ontology=ontology, index=index, name=name, colour="#000000")
    LabelSet.objects.create(scene=a, version=1, ontology=ontology, kind="npy", class_counts=[3, 4])
    LabelSet.objects.create(scene=b, version=1, ontology=ontology, kind="npy", class_counts=[3, 0])
    facts = {"measure": "entropy", "mean": 0.2}
    record_uncertainty(
        scores=[
            SceneUncertainty(scene=a.pk, highest=0.9, source="ens-1", **facts),
            SceneUncertainty(scene=b.pk, highest=0.3, source="ens-2", **facts),
        ]
    )
    record_training_use(scenes=[a.pk])
    IngestJob.objects.create(scene=a, state="failed")
    IngestJob.objects.create(scene=b, state="failed")
    IngestJob.objects.create(scene=b, state="queued")
    return {"a": a, "b": b, "c": c}


def found(library, query):
    filterset = SceneFilterSet(QueryDict(query), queryset=Scene.objects.all())
    assert filterset.is_valid(), filterset.form.errors
    by_id = {scene.pk: letter for letter, scene in library.items()}
    letters = "".join(sorted(by_id[pk] for pk in filterset.qs.values_list("pk", flat=True)))
    links = filterset.tag_links()
    if links is not None:
        assert "".join(sorted(by_id[pk] for pk in links.values_list("content_object_id", flat=True))) == letters
    return letters


def problem(query):
    filterset = SceneFilterSet(QueryDict(query), queryset=Scene.objects.all())
    assert not filterset.is_valid()
    assert not filterset.qs.exists()
    assert filterset.tag_links() is None
    return " ".join(words for messages in filterset.form.errors.values() for words in messages)


@pytest.mark.parametrize(
    ("query", "letters"),
    [
        ("", "abc"),
        ("search=HIGHWAY", "a"),
        ("search=05-04-hi", "a"),
        ("search=og-8 02", "b"),
        ("search=NIGHT 2026", "a"),
        ("search=ur", "b"),
        ("search=rb", ""),
        ("search=06-0_", ""),
        ("search=%25", ""),
        ("status=in_progress", "a"),
        ("status=in_progress&status=unlabeled", "abc"),
        ("tag=rain", "ab"),
        ("tag=rain&tag=NIGHT", "a"),
        ("tag=rain&status=unlabeled", "b"),
        ("tag=rain&status=unlabeled&max_uncertainty_min=0.3", "b"),
        ("tag=rain&tag=night&max_uncertainty_max=0.5", ""),
        ("tag=rain&priority=4", "a"),
        ("tag_any=night&tag_any=rain", "ab"),
        ("tag_none=night", "bc"),
        ("tag=rain&tag_none=night", "b"),
        ("labeler=lena", "a"),
        ("drive=Log-7&drive=log-8", "ab"),
        ("position=missing", "c"),
        ("position=missing&position=known", "abc"),
        ("captured_after=2026-05-04&captured_before=2026-05-04", "a"),
        ("captured_before=2026-05-31", "a"),
        ("duration_min=6.5", "a"),
        ("duration_max=6", "b"),
        ("points_min=500&points_max=500", "b"),
        ("frames_min=1", "ab"),
        ("size_max=900", "bc"),
        ("priority=1&priority=4", "ac"),
        ("overdue=true", "a"),
        ("overdue=false", "bc"),
        ("due_after=2026-01-01", "ab"),
        ("used_in_training=true", "a"),
        ("used_in_training=false", "bc"),
        ("class=small/road", "ab"),
        ("class=small/road&class=small/car", "a"),
        ("max_uncertainty_min=0.3", "ab"),
        ("max_uncertainty_min=0.4", "a"),
        ("mean_uncertainty_max=0.2", "ab"),
        ("source_model=ens-1", "a"),
        ("source_model=ens-1&source_model=ens-2", "ab"),
        ("ingest=failed", "a"),
        ("ingest=running", "b"),
        ("ingest=quarantined", "b"),
        ("ingest=ok", "c"),
        ("ingest=ok&ingest=failed", "ac"),
        ("thumbnail=true", ""),
        ("thumbnail=false", "abc"),
        ("area=170,0,180,20", "a"),
        ("area=170,-20,-170,20", "ab"),
        ("area=-180,-90,180,0", "b"),
    ],
)
def test_a_parameter_finds_its_scenes(library, query, letters):
    assert found(library, query) == letters


@pytest.mark.parametrize(
    ("rules", "letters"),
    [
        ({"column": "tag", "is": "night"}, "a"),
        ({"column": "tag", "empty": True}, "c"),
        ({"column": "tag", "contains": "IGH"}, "a"),
        ({"not": {"column": "tag", "is": ["rain"]}}, "c"),
        ({"column": "labeler", "empty": True}, "bc"),
        ({"column": "labeler", "is": "lena"}, "a"),
        ({"column": "drive", "empty": False}, "ab"),
        ({"column": "drive", "contains": "LOG-"}, "ab"),
        ({"column": "class", "is": "small/car"}, "a"),
        ({"column": "class", "contains": "small"}, "ab"),
        ({"column": "class", "empty": True}, "c"),
        ({"column": "points", "above": 500}, "a"),
        ({"column": "points", "below": 500}, "c"),
        ({"column": "points", "between": [0, 500]}, "bc"),
        ({"column": "points", "is": [500, 5000]}, "ab"),
        ({"not": {"column": "duration", "above": 6}}, "bc"),
        ({"column": "max_uncertainty", "empty": True}, "c"),
        ({"column": "source_model", "empty": True}, "c"),
        ({"column": "source_model", "contains": "ENS"}, "ab"),
        ({"column": "name", "contains": "urban"}, "b"),
        ({"column": "notes", "empty": True}, "bc"),
        ({"column": "captured", "is": "2026-05-04"}, "a"),
        ({"column": "captured", "above": "2026-05-04"}, "b"),
        ({"column": "captured", "below": "2026-05-04"}, ""),
        ({"column": "captured", "between": ["2026-05-04", "2026-06-01"]}, "ab"),
        ({"column": "captured", "empty": True}, "c"),
        ({"column": "due", "empty": False}, "ab"),
        ({"column": "due", "below": "2100-01-01"}, "ab"),
        ({"column": "status", "is": ["in_progress", "labeled"]}, "a"),
        ({"column": "position", "is": "missing"}, "c"),
        ({"column": "ingest", "is": "running"}, "b"),
        ({"column": "overdue", "is": True}, "a"),
        ({"column": "used_in_training", "is": False}, "bc"),
        ({"column": "thumbnail", "is": False}, "abc"),
        ({"column": "priority", "above": 1}, "ab"),
        ({"any": [{"column": "tag", "is": "night"}, {"column": "drive", "empty": True}]}, "ac"),
        ({"all": [{"column": "tag", "is": "rain"}, {"not": {"column": "labeler", "empty": False}}]}, "b"),
    ],
)
def test_rules_find_their_scenes(library, rules, letters):
    query = QueryDict(mutable=True)
    query["rules"] = json.dumps(rules)
    assert found(library, query.urlencode()) == letters


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("tag=rain&tag=snow", "There is no tag “snow”."),
        ("labeler=nobody", "There is no labeler “nobody”."),
        ("drive=log-9", "There is no drive “log-9”."),
        ("class=small/bus", "There is no class “small/bus”."),
        ("status=done", "done is not one of the available choices"),
        ("overdue=maybe", "“maybe” is neither true nor false."),
        ("points_min=many", "“many”: Enter a number."),
        ("points_min=5&points_max=4", "“5, 4”: The lowest value is above the highest."),
        ("captured_after=yesterday", "“yesterday”: Enter a valid date."),
        ("area=1,2,3", "“1,2,3” is not west,south,east,north in degrees."),
        ("area=1,50,3,40", "South 50 must not be above north 40"),
        ("area=nan,0,0,1", "must be within -180 to 180 degrees"),
        ("max_uncertainty_min=nan", "“nan”: Enter a number."),
        ('rules={"column":"tag","is":"snow"}', "rules.tag.is: There is no tag “snow”."),
        ('rules={"all":[{"column":"priority","is":9}]}', "rules.all[0].priority.is: 9 is none of 1, 2, 3, 4"),
        ("&".join(f"tag=t{n}" for n in range(51)), "51 values are given, 50 can be asked at once."),
    ],
)
def test_a_refusal_names_the_value_and_nothing_is_found(library, query, words):
    assert words in problem(query)


def test_ranges_are_known_by_their_ends_only():
    known = known_parameters(SceneFilterSet(QueryDict("")))
    assert {"points_min", "points_max", "captured_after", "due_before", "class", "tag_none", "rules"} <= known
    assert not {"points", "captured", "points_after", "tag_min"} & known


def test_the_same_question_costs_the_same_number_of_queries(library, django_assert_num_queries):
    tags, tag = {"column": "tag", "is": ["rain", "night"]}, {"column": "tag", "is": "rain"}
    rules = {"any": [tags, tag, {"column": "drive", "is": "Log-7"}]}
    query = QueryDict(mutable=True)
    query.setlist("tag", ["rain", "night"])
    query["rules"] = json.dumps(rules)
    with django_assert_num_queries(5):  # names of tags in their case and in any, twice; drives
        SceneFilterSet(query, queryset=Scene.objects.all()).is_valid()


def test_dates_at_the_end_of_time_are_no_error(library):
    rules = json.dumps({"column": "captured", "above": str(date.max)})
    query = QueryDict(mutable=True)
    query["rules"] = rules
    assert found(library, query.urlencode()) == ""
