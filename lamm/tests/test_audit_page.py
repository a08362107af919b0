"""The audit page: all objects in one list, filtered, compared, paged and exported."""

import csv
import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from lamm import audit_rows
from lamm.audit_rows import AuditFilter, audited_models, find
from lamm.history_words import SECRET, told_fields
from lamm.pages import audit as page_of_audit
from scenes import services
from scenes.audit import save_audited
from scenes.models import ApiToken, Drive, IngestJob, Scene, SceneTag, Tag
from scenes.services import curating
from scenes.tests.factories import a_labelled_scene
from scenes.tests.test_curating import a_person, ids, some_scenes

pytestmark = pytest.mark.django_db


@pytest.fixture
def carla(client) -> User:
    services.sync_roles()
    carla = a_person("carla", "curator")
    client.force_login(carla)
    return carla


@pytest.fixture
def bea(carla) -> User:
    return a_person("bea", "labeler")


def words(client, **query) -> str:
    page = client.get(reverse("audit"), query)
    assert page.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", page.content.decode().split("<main")[1]))


def told(**wanted) -> list[str]:
    return [row.what for row in find(AuditFilter(**wanted), rows=100)]


class TestSentences:
    def test_tell_tags_assignments_and_steps(self, client, carla, bea):
        (scene,) = some_scenes(1)
        curating.add_tags(scenes=[scene.pk], tags=["night"], by=carla, reason="Dark")
        curating.assign(scenes=[scene.pk], labeler=bea, by=carla)
        services.take(scene=scene, by=bea)
        services.unassign(scene=scene, by=bea, reason="Too foggy")
        curating.remove_tags(scenes=[scene.pk], tags=["night"], by=carla)
        assert told()[:5] == [
            "Tag night removed", "Status In Progress → Unlabeled", "Status Unlabeled → In Progress",
            "Assigned to bea", "Tag night added",
        ]  # fmt: skip
        page = words(client)
        assert f"Scene {scene.name} Assigned to bea by carla" in page
        assert "Dark" in page

    def test_tell_old_and_new_of_every_fact(self, carla):
        drive = Drive.objects.create(name="monday")
        drive.vehicle, drive.date = "Van 7", timezone.localdate()
        save_audited(drive, by=carla, reason="Log book")
        row = find(AuditFilter(kind="drive"), rows=1)[0]
        assert row.what == "2 facts changed"
        changes = {change.label: (change.before, change.after) for change in row.changes}
        assert changes == {"Vehicle": ("\N{EN DASH}", "Van 7"), "Date": ("\N{EN DASH}", str(drive.date))}

    def test_name_jobs_and_labels_by_their_scene(self, carla):
        scene = a_labelled_scene()
        labels = find(AuditFilter(kind="labelset"), rows=1)[0]
        assert (labels.what, labels.object_name) == ("Labels v1 created", scene.name)
        assert labels.url == reverse("scene", args=[scene.pk])
        job = find(AuditFilter(kind="ingestjob"), rows=9)[-1]
        assert (job.what, job.object_name) == (f"Job {scene.ingest_jobs.get().pk} queued: bring in", scene.name)

    def test_tell_what_was_deleted(self, client, carla):
        scene = some_scenes(1)[0]
        name, number = scene.name, scene.pk
        scene.delete()
        page = words(client, about=name)
        assert "Scene deleted" in page
        assert f"scene {number}" in page


class TestFilters:
    def test_each_finds_its_rows(self, client, carla, bea):
        scenes = some_scenes(2)
        change = curating.add_tags(scenes=ids(scenes), tags=["night"], by=carla, reason="100 % dark_ness")
        curating.assign(scenes=ids(scenes[:1]), labeler=bea, by=carla)
        assert told(bulk=change.pk) == ["Tag night added"] * 2
        assert told(kind="scene", person=carla) == ["Assigned to bea"]
        assert told(reason="% dark_") == ["Tag night added"] * 2
        assert told(reason="0_") == []
        assert told(about=scenes[1].name) == ["Tag night added", "Scene created"]
        assert told(about="night", kind="tag") == ["Tag created"]
        assert told(about=str(scenes[1].pk), kind="scene") == ["Scene created"]
        assert told(door="api") == []
        assert told(since=timezone.now() + timedelta(hours=1)) == []
        assert told(nobody=True, kind="scene") == ["Scene created"] * 2
        assert told(person=bea) == []

    def test_of_the_address_are_applied_and_wrong_ones_named(self, client, carla):
        curating.add_tags(scenes=ids(some_scenes(1)), tags=["night"], by=carla)
        assert "Tag night added" in words(client, person="carla", kind="scenetag", since="2020-01-01")
        assert "No change matches" in words(client, until="2020-01-01")
        page = words(client, person="nobdy", kind="car", door="window", bulk="x", since="soon")
        for problem in ("nobody called “nobdy”", "kind of object called “car”", "door called “window”",
                        "“x” is not the number", "“soon” is not a date"):  # fmt: skip
            assert problem in page
        assert "Tag night added" in page

    @pytest.mark.parametrize("query", ["before=1-2", "before=x-0-1", f"after={10**15}999-0-1", "bulk=" + "9" * 30])
    def test_keys_that_make_no_sense_do_no_harm(self, client, carla, query):
        assert client.get(f"{reverse('audit')}?{query}").status_code == 200

    def test_a_search_that_takes_too_long_says_so(self, client, carla, monkeypatch):
        def slow(*_, **__):
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_sleep(5)")

        monkeypatch.setattr(page_of_audit, "MOST_MILLISECONDS", 20)
        monkeypatch.setattr(page_of_audit, "find", slow)
        assert "Narrow it by date" in words(client, reason="needle")


class TestPages:
    @pytest.fixture(autouse=True)
    def short_pages(self, monkeypatch):
        monkeypatch.setattr(page_of_audit, "ROWS", 7)

    def test_go_through_all_rows_once_also_among_equal_times(self, client, carla):
        curating.add_tags(scenes=ids(some_scenes(20)), tags=["a", "b"], by=carla)
        Scene.history.update(history_date=SceneTag.history.first().history_date)
        every = [row.key for row in find(AuditFilter(), rows=1000)]
        assert every == sorted(every, reverse=True)
        assert len({key[0] for key in every}) < len(every) - 55
        assert self.walk(client, "older", "before", {}) == every
        last = {"after": "-".join(map(str, every[-1]))}
        assert self.walk(client, "newer", "after", last) == every[:-1]

    def walk(self, client, link, parameter, query):
        """The keys of all pages from a first one on, newest first."""
        seen = []
        while query is not None:
            page = client.get(reverse("audit"), query)
            keys = [row.key for row in page.context["rows"]]
            seen = [*seen, *keys] if parameter == "before" else [*keys, *seen]
            query = {parameter: page.context[link]} if page.context[link] else None
        return seen

    def test_lead_back_to_the_newest(self, client, carla):
        some_scenes(10)
        first = client.get(reverse("audit"))
        second = client.get(reverse("audit"), {"before": first.context["older"]})
        again = client.get(reverse("audit"), {"after": second.context["newer"]})
        assert [row.key for row in again.context["rows"]] == [row.key for row in first.context["rows"]]
        assert again.context["newer"] is None

    def test_cost_the_same_queries_however_many_rows_there_are(self, client, carla, bea, django_assert_num_queries):
        def something(number):
            scenes = some_scenes(number)
            curating.add_tags(scenes=ids(scenes), tags=["night"], by=carla)
            curating.assign(scenes=ids(scenes), labeler=bea, by=carla)

        something(2)
        client.get(reverse("audit"), {"kind": "scene"})
        with CaptureQueriesContext(connection) as counted:
            client.get(reverse("audit"), {"kind": "scene"})
        assert len(counted) <= 16
        something(40)
        with django_assert_num_queries(len(counted)):
            client.get(reverse("audit"), {"kind": "scene"})


class TestCsv:
    def test_streams_what_the_filters_find_without_formulas(self, client, carla, monkeypatch):
        monkeypatch.setattr(page_of_audit, "EXPORT_ROWS", 3)
        curating.add_tags(scenes=ids(some_scenes(8)), tags=["=1+1"], by=carla, reason="=cmd()")
        answer = client.get(reverse("audit-csv"), {"kind": "scenetag"})
        assert answer.streaming
        rows = list(csv.DictReader(answer.getvalue().decode().splitlines()))
        assert len(rows) == 8
        assert {(row["person"], row["what"], row["reason"]) for row in rows} == {
            ("carla", "Tag =1+1 added", "'=cmd()")
        }  # fmt: skip
        assert rows[0]["bulk"]

    def test_refuses_filters_that_make_no_sense(self, client, carla):
        assert client.get(reverse("audit-csv"), {"person": "nobdy"}).status_code == 400


class TestSecrets:
    # What a dataset version is cited by; it is public.
    PUBLIC = {("datasetversion", "digest"), ("slice", "digest"), ("modelversion", "digest")}

    def test_no_history_has_a_column_for_one(self):
        for model in audited_models():
            columns = {field.name for field in model.history.model._meta.fields}
            public = {name for kind, name in self.PUBLIC if kind == model._meta.model_name}
            assert not (columns - public) & SECRET, model

    def test_a_column_that_should_have_one_is_not_told(self):
        class History:
            tracked_fields = [User._meta.get_field("password"), User._meta.get_field("username")]

        assert [field.name for field in told_fields(History)] == ["username"]

    def test_a_token_and_its_hash_are_nowhere_on_the_page(self, client, carla):
        _, secret = services.make_token(by=carla, name="laptop", scope="read", days=7)
        digest = ApiToken.objects.get().digest
        page = client.get(reverse("audit")).content.decode()
        export = client.get(reverse("audit-csv")).getvalue().decode()
        assert "laptop" in page
        for hidden in (secret, digest):
            assert hidden not in page
            assert hidden not in export


def test_every_model_with_a_history_is_in_it():
    assert {Scene, SceneTag, Drive, Tag, IngestJob, ApiToken} <= set(audited_models())


def test_who_may_not_see_it_has_no_entry_and_no_page(client, carla, bea):
    assert reverse("audit") in client.get(reverse("explorer")).content.decode()
    client.force_login(bea)
    assert reverse("audit") not in client.get(reverse("explorer")).content.decode()
    assert client.get(reverse("audit")).status_code == 403
    assert client.get(reverse("audit-csv")).status_code == 403


def test_an_index_serves_each_table(carla):
    """The plan of a page walks the indexes of AuditedRecords once sorting is as dear as on a large table."""
    some_scenes(3)
    with connection.cursor() as cursor, CaptureQueriesContext(connection) as captured:
        find(AuditFilter(), rows=50, before=(10**15, 0, 1))
        statement = next(query["sql"] for query in captured if "UNION ALL" in query["sql"])
        cursor.execute("SET LOCAL enable_sort = off")
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("EXPLAIN " + statement)
        plan = "\n".join(line for (line,) in cursor.fetchall())
    for model in audited_models():
        assert f"{model._meta.model_name}_audit" in plan, audit_rows.__name__
