"""Exports of the list: what is in the files, that they are the same twice, and their life as jobs."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.utils import timezone
from pyarrow import parquet

from scenes import bulk_tasks, storage
from scenes.errors import ConflictError, NotAllowedError, RefusedError
from scenes.exporting import COLUMNS, CSV, JSON_LINES, PARQUET, export_pieces, exported_columns
from scenes.models import ExportState, Scene, SceneExport, StoredFile
from scenes.services import exporting
from scenes.tests.workflows import a_plain_scene

pytestmark = pytest.mark.django_db


@pytest.fixture
def vera() -> User:
    person = User.objects.create_user("vera")
    person.groups.add(Group.objects.get(name="viewer"))
    return person


@pytest.fixture
def library() -> list[Scene]:
    first = a_plain_scene("first", point_count=7, captured_at=datetime(2026, 5, 4, 12, tzinfo=UTC), notes="=1+1")
    first.tags.add("rain", "@night")
    return [
        first,
        a_plain_scene(
            "second",
            duration_seconds=1.5,
            max_frame_uncertainty=0.25,
            mean_frame_uncertainty=0.1,
            uncertainty_source="ensemble-v2",
            uncertainty_measure="entropy",
            uncertainty_evaluation=3,
        ),
    ]


@pytest.fixture
def as_jobs(monkeypatch) -> list[int]:
    """Every export is a job; the ids that workers were told."""
    told: list[int] = []
    monkeypatch.setattr(exporting, "DIRECT_ROWS", 0)
    monkeypatch.setattr(exporting, "wake", told.append)
    return told


def whole(form: str, columns=tuple(COLUMNS)) -> bytes:
    return b"".join(export_pieces(Scene.objects.all(), form, columns))


class TestFiles:
    def test_csv_has_a_header_and_defuses_formulas(self, library):
        rows = list(csv.DictReader(io.StringIO(whole(CSV).decode())))
        assert list(rows[0]) == COLUMNS
        assert (rows[0]["name"], rows[0]["point_count"], rows[0]["notes"]) == ("first", "7", "'=1+1")
        assert rows[0]["tags"] == "'@night, rain"
        assert (rows[1]["duration_seconds"], rows[1]["captured_at"], rows[1]["tags"]) == ("1.5", "", "")

    def test_json_lines_keep_types(self, library):
        first, second = map(json.loads, whole(JSON_LINES).decode().splitlines())
        assert (first["id"], first["tags"], first["notes"]) == (library[0].pk, ["@night", "rain"], "=1+1")
        assert first["captured_at"] == "2026-05-04T12:00:00+00:00"
        assert (second["max_frame_uncertainty"], second["used_in_training"], second["drive"]) == (0.25, False, None)

    def test_parquet_has_types_and_the_same_rows(self, library):
        table = parquet.read_table(io.BytesIO(whole(PARQUET)))
        assert table.column_names == COLUMNS
        rows = table.to_pylist()
        assert [row["name"] for row in rows] == ["first", "second"]
        assert rows[0]["captured_at"] == datetime(2026, 5, 4, 12, tzinfo=UTC)
        assert (rows[0]["tags"], rows[1]["tags"], rows[1]["used_in_training"]) == (["@night", "rain"], [], False)

    @pytest.mark.parametrize("form", [CSV, JSON_LINES, PARQUET])
    def test_the_same_facts_give_the_same_bytes(self, library, form):
        assert whole(form) == whole(form)

    @pytest.mark.parametrize("form", [CSV, JSON_LINES, PARQUET])
    def test_nothing_found_is_a_file_all_the_same(self, form):
        data = whole(form)
        if form == PARQUET:
            assert parquet.read_table(io.BytesIO(data)).num_rows == 0
        else:
            assert data == (b"" if form == JSON_LINES else ",".join(COLUMNS).encode() + b"\r\n")

    def test_chosen_columns_in_their_order_the_id_first(self, library):
        columns = exported_columns(["points", "thumbnail", "name", "max_uncertainty"])
        assert columns == ["id", "point_count", "name", "max_frame_uncertainty", "uncertainty_measure"]
        assert whole(CSV, columns).decode().splitlines()[1] == f"{library[0].pk},7,first,,"

    @pytest.mark.parametrize("form", [CSV, PARQUET])
    def test_pieces_come_before_all_rows_are_read(self, form, monkeypatch):
        from scenes import exporting as files

        monkeypatch.setattr(files, "ROWS_AT_ONCE", 10)
        monkeypatch.setattr(files, "ROWS_OF_A_GROUP", 10)
        Scene.objects.bulk_create(Scene(name=f"s{number}") for number in range(35))
        told: list[int] = []
        pieces = [piece for piece in export_pieces(Scene.objects.all(), form, ["id", "name"], told.append) if piece]
        assert told == [10, 20, 30, 35]
        assert len(pieces) >= 4


class TestAsking:
    def test_a_small_list_is_ready_at_once(self, vera, library):
        export = exporting.request_export(by=vera, form=CSV, matching="search=first", columns=["name"])
        assert (export.state, export.total, export.columns) == (ExportState.DIRECT, 1, ["id", "name"])
        assert b"".join(exporting.open_export(export=export, by=vera)).decode().splitlines()[1].endswith(",first")

    def test_ids_are_kept_and_not_the_rule(self, vera, library):
        export = exporting.request_export(by=vera, form=JSON_LINES, scenes=[library[1].pk])
        a_plain_scene("third")
        lines = b"".join(exporting.open_export(export=export, by=vera)).decode().splitlines()
        assert [json.loads(line)["name"] for line in lines] == ["second"]

    @pytest.mark.parametrize(
        ("wishes", "words"),
        [
            ({"form": "xlsx", "matching": ""}, "xlsx"),
            ({"form": "csv", "matching": "", "columns": ["colour"]}, "colour"),
            ({"form": "csv", "matching": "search=nothing-like-it"}, "nothing to export"),
            ({"form": "csv", "matching": "stauts=x"}, "stauts"),
            ({"form": "csv", "scenes": []}, "No scene"),
            ({"form": "csv"}, "one of them"),
            ({"form": "csv", "scenes": [1], "matching": ""}, "one of them"),
        ],
    )
    def test_what_can_not_be_exported_is_refused(self, vera, library, wishes, words):
        with pytest.raises(RefusedError, match=words):
            exporting.request_export(by=vera, **wishes)
        assert not SceneExport.objects.exists()

    def test_only_who_sees_scenes_and_only_the_owner(self, vera, library):
        nora = User.objects.create_user("nora")
        with pytest.raises(NotAllowedError):
            exporting.request_export(by=nora, form=CSV, matching="")
        export = exporting.request_export(by=vera, form=CSV, matching="")
        with pytest.raises(NotAllowedError):
            exporting.open_export(export=export, by=nora)

    def test_a_person_has_three_at_work(self, vera, library, as_jobs):
        for _ in range(3):
            exporting.request_export(by=vera, form=CSV, matching="")
        with pytest.raises(ConflictError, match="3 of your exports"):
            exporting.request_export(by=vera, form=CSV, matching="")


class TestJobs:
    @pytest.mark.parametrize("form", [CSV, JSON_LINES, PARQUET])
    def test_a_worker_writes_the_file(self, vera, library, as_jobs, form, django_capture_on_commit_callbacks):
        with django_capture_on_commit_callbacks(execute=True):
            export = exporting.request_export(by=vera, form=form, matching="")
        assert (export.state, as_jobs) == (ExportState.QUEUED, [export.pk])
        with pytest.raises(ConflictError, match="not ready"):
            exporting.open_export(export=export, by=vera)
        bulk_tasks.work_on_export(export.pk)
        export.refresh_from_db()
        assert (export.state, export.done, export.total) == (ExportState.DONE, 2, 2)
        file = exporting.open_export(export=export, by=vera)
        assert isinstance(file, StoredFile)
        assert file.read() == whole(form)

    def test_a_second_worker_leaves_it_alone_until_the_first_is_silent(self, vera, library, as_jobs):
        export = exporting.request_export(by=vera, form=CSV, matching="")
        assert exporting._take(export.pk) is not None
        assert exporting._take(export.pk) is None
        SceneExport.objects.update(heartbeat_at=timezone.now() - 2 * exporting.LEASE)
        exporting.work(export.pk)
        export.refresh_from_db()
        assert (export.state, export.attempts) == (ExportState.DONE, 2)

    def test_a_worker_that_was_only_slow_does_no_harm(self, vera, library, as_jobs, monkeypatch):
        """While the first writes, another one takes over: what the first says afterwards does not count."""
        export = exporting.request_export(by=vera, form=CSV, matching="")
        pieces = exporting.pieces

        def overtaken(export, on_rows):
            SceneExport.objects.update(attempts=2)
            return pieces(export, on_rows)

        monkeypatch.setattr(exporting, "pieces", overtaken)
        exporting.work(export.pk)
        export.refresh_from_db()
        assert (export.state, export.file, export.attempts) == (ExportState.RUNNING, None, 2)

    def test_stuck_ones_are_woken_and_given_up_after_three_attempts(self, vera, library, as_jobs):
        export = exporting.request_export(by=vera, form=CSV, matching="")
        bulk_tasks.wake_stuck_exports()
        assert as_jobs == []
        long_ago = timezone.now() - 2 * exporting.LEASE
        SceneExport.objects.update(state=ExportState.RUNNING, heartbeat_at=long_ago, attempts=3)
        bulk_tasks.wake_stuck_exports()
        assert as_jobs == [export.pk]
        exporting.work(export.pk)
        export.refresh_from_db()
        assert (export.state, "3 times" in export.problem) == (ExportState.FAILED, True)
        with pytest.raises(ConflictError, match="failed"):
            exporting.open_export(export=export, by=vera)

    def test_a_rule_that_names_what_is_gone_fails_in_words(self, vera, library, as_jobs):
        library[0].tags.add("fog")
        export = exporting.request_export(by=vera, form=CSV, matching="tag=fog")
        library[0].tags.through.tag_model().objects.filter(name="fog").delete()
        exporting.work(export.pk)
        export.refresh_from_db()
        assert (export.state, "fog" in export.problem) == (ExportState.FAILED, True)

    def test_what_is_old_is_taken_back_with_its_file(self, vera, library, as_jobs, monkeypatch):
        export = exporting.request_export(by=vera, form=CSV, matching="")
        exporting.work(export.pk)
        export.refresh_from_db()
        digest = export.file.digest
        bulk_tasks.sweep_exports()
        assert SceneExport.objects.get().state == ExportState.DONE
        SceneExport.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
        monkeypatch.setattr("scenes.services.maintaining.LEAST_AGE", timedelta(seconds=-60))
        bulk_tasks.sweep_exports()
        export.refresh_from_db()
        assert (export.state, export.file) == (ExportState.EXPIRED, None)
        assert not StoredFile.objects.filter(digest=digest).exists()
        with pytest.raises(FileNotFoundError):
            storage.read_bytes(digest, storage=storage.DERIVED)
        with pytest.raises(ConflictError, match="expired"):
            exporting.open_export(export=export, by=vera)
