"""The store stays sound: what changed is found and named, what nobody needs goes, what is used never goes."""

import itertools
import os
import threading
import time
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.files.storage import storages
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from scenes import ingest, services, storage
from scenes.models import Frame, FrameLabels, FrameState, LabelSet, Ontology, Scene, StoredFile
from scenes.references import file_references, file_uses, files_of_scene, unreferenced_files
from scenes.tests.factories import a_drive_folder, a_queued_job, a_ready_scene

pytestmark = pytest.mark.django_db
serial = itertools.count()


def place(file: StoredFile) -> Path:
    """Where a stored file's bytes lie on the disk."""
    return Path(storages[file.storage].path(file.path or storage.key(file.digest)))


def flip_a_byte(file: StoredFile) -> None:
    data = bytearray(place(file).read_bytes())
    data[len(data) // 2] ^= 1
    place(file).write_bytes(data)


def age(path: Path, *, hours: float = 48) -> None:
    then = time.time() - 3600 * hours
    os.utime(path, (then, then))


def a_file(*, alias: str = storage.DERIVED, hours: float = 48) -> StoredFile:
    """A stored file that nobody refers to, unlike all others, saved hours ago."""
    stored = storage.save_bytes(f"{os.getpid()} {next(serial)} {time.time_ns()}".encode(), storage=alias)
    row = StoredFile.objects.row_for(stored)
    StoredFile.objects.filter(pk=row.pk).update(created_at=timezone.now() - timedelta(hours=hours))
    age(place(row), hours=hours)
    return row


def verified() -> list[services.DamagedFile]:
    return list(services.verify_files(files=StoredFile.objects.all()))


@pytest.fixture
def scene():
    """A scene whose stored files no other test has, so that they may be damaged."""
    return a_ready_scene(name="verified-01", frames=2, points=300 + next(serial))


@pytest.fixture(autouse=True)
def own_places(tmp_path, settings):
    """Storages of their own for each test: bytes are damaged and counted here."""
    settings.STORAGES = settings.STORAGES | {
        alias: {
            "BACKEND": "scenes.storage.AtomicFileSystemStorage",
            "OPTIONS": {"location": str(tmp_path / "files" / alias), "fsync": False},
        }
        for alias in (storage.ORIGINALS, storage.DERIVED)
    }


class TestVerifying:
    def test_whole_files_are_marked_as_verified(self, scene):
        before = timezone.now()
        assert verified() == []
        assert StoredFile.objects.filter(verified_at__gte=before, problem="").count() == StoredFile.objects.count() >= 5

    def test_a_flipped_byte_is_found_and_named_with_its_frame_and_scene(self, scene):
        frame = scene.frames.get(index=1)
        flip_a_byte(frame.cloud)
        (found,) = verified()
        assert found.file.problem == "content changed"
        assert [(use.frame, use.scene) for use in found.uses] == [(frame.name, "verified-01")]
        frame.cloud.refresh_from_db()
        assert frame.cloud.problem == "content changed"
        assert "cloud of frame 000001.pcd in scene verified-01" in str(found)

    def test_a_derived_file_that_is_missing_is_found(self, scene):
        place(scene.thumbnail).unlink()
        (found,) = verified()
        assert found.file.problem == "missing"
        assert "thumbnail of scene verified-01" in str(found)

    def test_a_truncated_file_tells_both_sizes(self, scene):
        file = scene.frames.first().cloud
        place(file).write_bytes(b"short")
        (found,) = verified()
        assert found.file.problem == f"size differs: 5 bytes, {file.size} are on record"

    def test_a_file_in_place_is_read_where_it_lies(self, tmp_path, settings):
        settings.STORAGES = settings.STORAGES | {
            "root-fleet": {"BACKEND": "scenes.storage.RootStorage", "OPTIONS": {"location": str(tmp_path / "fleet")}}
        }
        (tmp_path / "fleet").mkdir()
        (tmp_path / "fleet" / "a.pcd").write_bytes(b"as registered")
        row = StoredFile.objects.row_for(storage.known_in_place([b"as registered"], path="a.pcd", root="root-fleet"))
        assert verified() == []
        (tmp_path / "fleet" / "a.pcd").write_bytes(b"as rewritten!")
        (found,) = verified()
        assert (found.file.pk, found.file.problem) == (row.pk, "content changed")
        assert "root-fleet:a.pcd" in str(found)

    def test_a_root_that_is_no_longer_set_up_counts_as_missing(self):
        StoredFile.objects.create(digest="0" * 64, size=1, storage="root-gone", path="a.pcd")
        (found,) = verified()
        assert found.file.problem.startswith("missing")

    def test_a_problem_that_is_gone_is_taken_back(self, scene):
        file = scene.frames.first().cloud
        whole = place(file).read_bytes()
        flip_a_byte(file)
        assert len(verified()) == 1
        place(file).write_bytes(whole)
        assert verified() == []
        file.refresh_from_db()
        assert file.problem == ""

    def test_the_longest_not_verified_come_first_so_that_an_interrupted_run_goes_on(self, scene):
        files = StoredFile.objects.order_by("pk")
        fresh = files.first()
        StoredFile.objects.filter(pk=fresh.pk).update(verified_at=timezone.now())
        for file in files:
            flip_a_byte(file)
        run = services.verify_files(files=StoredFile.objects.all())
        assert next(run).file.verified_at is not None
        run.close()
        assert StoredFile.objects.filter(verified_at__isnull=True).count() == files.count() - 2
        rest = services.files_to_verify(files=StoredFile.objects.all(), older_than=timedelta(days=1))
        assert rest.count() == files.count() - 2
        assert [found.file.pk for found in verified()][-2:] != [fresh.pk]

    def test_memory_stays_small_because_bytes_are_read_in_pieces(self, scene):
        pieces = []
        list(services.verify_files(files=StoredFile.objects.all(), on_bytes=pieces.append))
        assert sum(pieces) == sum(StoredFile.objects.values_list("size", flat=True))
        assert max(pieces) <= 1 << 20


class TestTheVerifyCommand:
    def test_ends_with_an_error_that_lists_what_is_damaged(self, scene, capsys):
        flip_a_byte(scene.frames.first().cloud)
        with pytest.raises(CommandError, match=f"1 of {StoredFile.objects.count()} files are damaged"):
            call_command("verify_files")
        assert "content changed: originals:" in capsys.readouterr().out

    def test_of_one_scene_reads_its_files_only(self, scene, capsys):
        own = StoredFile.objects.count()
        flip_a_byte(a_file())
        call_command("verify_files", "--scene", scene.name)
        assert f"{own} files are what they were" in capsys.readouterr().out

    def test_of_an_unknown_scene_is_refused(self):
        with pytest.raises(CommandError, match="no scene called nowhere"):
            call_command("verify_files", "--scene", "nowhere")

    def test_skips_what_was_verified_lately(self, scene, capsys):
        call_command("verify_files")
        flip_a_byte(scene.frames.first().cloud)
        call_command("verify_files", "--older-than", "7")
        assert "0 files are what they were" in capsys.readouterr().out


class TestReferences:
    def test_every_enforced_key_to_a_stored_file_counts(self):
        found = {f"{field.model.__name__}.{field.name}" for field in file_references()}
        assert {"Frame.cloud", "Frame.display", "Scene.thumbnail", "FrameLabels.classes", "UploadedFile.file"} <= found
        assert not any(name.startswith("Historical") for name in found)

    def test_uses_cost_the_same_for_any_number_of_files(self, scene, django_assert_num_queries):
        ids = list(StoredFile.objects.values_list("pk", flat=True))
        with django_assert_num_queries(len(file_references())):
            uses = file_uses(ids)
        assert [len(found) for found in uses.values()] == [1] * len(ids)

    def test_the_files_of_a_scene_are_those_of_its_frames_pictures_and_labels(self, scene):
        own, labels = set(StoredFile.objects.all()), a_file()
        other = a_ready_scene(name="other-01", points=50)
        label_set = LabelSet.objects.create(
            scene=scene, version=1, ontology=Ontology.objects.first() or Ontology.objects.create(name="o"), kind="npy"
        )
        FrameLabels.objects.create(label_set=label_set, frame=scene.frames.first(), classes=labels, point_count=1)
        assert set(files_of_scene(scene)) == own | {labels}
        assert other.thumbnail in files_of_scene(other)


class TestPruning:
    def test_takes_rows_that_nobody_refers_to_with_their_bytes(self, scene):
        orphan = a_file()
        report = services.prune_orphans(by=None)
        assert (report.rows, report.files, report.bytes) == (1, 1, orphan.size)
        assert not place(orphan).exists()
        assert not StoredFile.objects.filter(pk=orphan.pk).exists()
        assert verified() == []

    def test_a_dry_run_says_the_same_and_removes_nothing(self):
        orphan, stray = a_file(), a_file(alias=storage.ORIGINALS)
        stray_place = place(stray)
        StoredFile.objects.filter(pk=stray.pk).delete()
        report = services.prune_orphans(by=None, dry_run=True)
        assert (report.rows, report.files) == (1, 2)
        assert place(orphan).exists()
        assert stray_place.exists()
        assert services.prune_orphans(by=None) == report

    def test_leaves_what_is_young_because_an_ingest_may_be_under_way(self):
        orphan = a_file(hours=2)
        assert services.prune_orphans(by=None).rows == 0
        assert place(orphan).exists()
        assert services.prune_orphans(by=None, older_than=timedelta(hours=1)).rows == 1

    def test_below_an_hour_is_refused(self):
        with pytest.raises(ValueError, match="one hour"):
            services.prune_orphans(by=None, older_than=timedelta(minutes=5))

    def test_leaves_an_old_file_that_was_saved_again_a_moment_ago(self):
        orphan = a_file()
        storage.save_bytes(place(orphan).read_bytes(), storage=orphan.storage)
        report = services.prune_orphans(by=None)
        assert (report.rows, report.files) == (0, 0)
        assert place(orphan).exists()

    def test_takes_bytes_without_a_row_and_pieces_of_broken_writes(self):
        stray = a_file()
        kept_place = place(stray)
        stray.delete()
        piece = kept_place.with_name(".incoming-abc")
        piece.write_bytes(b"half")
        age(piece)
        report = services.prune_orphans(by=None)
        assert (report.rows, report.files) == (0, 2)
        assert not kept_place.exists()
        assert not piece.exists()

    def test_leaves_files_whose_names_are_not_its_own(self):
        foreign = Path(storages[storage.DERIVED].path("notes.txt"))
        foreign.parent.mkdir(parents=True, exist_ok=True)
        foreign.write_text("of somebody else")
        age(foreign)
        services.prune_orphans(by=None)
        assert foreign.exists()

    def test_forgets_a_file_in_place_and_never_touches_it(self, tmp_path, settings):
        settings.STORAGES = settings.STORAGES | {
            "root-fleet": {"BACKEND": "scenes.storage.RootStorage", "OPTIONS": {"location": str(tmp_path / "fleet")}}
        }
        (tmp_path / "fleet").mkdir()
        (tmp_path / "fleet" / "a.pcd").write_bytes(b"theirs")
        row = StoredFile.objects.row_for(storage.known_in_place([b"theirs"], path="a.pcd", root="root-fleet"))
        StoredFile.objects.update(created_at=timezone.now() - timedelta(days=2))
        report = services.prune_orphans(by=None)
        assert (report.rows, report.files) == (1, 0)
        assert not StoredFile.objects.filter(pk=row.pk).exists()
        assert (tmp_path / "fleet" / "a.pcd").read_bytes() == b"theirs"

    def test_leaves_bytes_that_a_row_of_the_other_storage_does_not_protect(self, scene):
        """The same digest in both storages: each copy lives and dies with its own row."""
        used = scene.frames.first().cloud
        copy = storage.save_bytes(place(used).read_bytes(), storage=storage.DERIVED)
        row = StoredFile.objects.row_for(copy)
        StoredFile.objects.filter(pk=row.pk).update(created_at=timezone.now() - timedelta(days=2))
        age(place(row))
        age(place(used))
        assert services.prune_orphans(by=None).rows == 1
        assert place(used).exists()
        assert not place(row).exists()

    @hypothesis_settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        references=st.lists(st.tuples(st.integers(0, 5), st.sampled_from(["cloud", "display", "octree_index"]))),
        ages=st.lists(st.sampled_from([2, 48]), min_size=6, max_size=6),
    )
    def test_never_removes_what_is_used_and_keeps_no_old_orphan(self, references, ages):
        files = [a_file(hours=hours) for hours in ages]
        owner = Scene.objects.create(name=f"graph-{next(serial)}")
        for index, (number, field) in enumerate(references):
            Frame.objects.create(scene=owner, index=index, name=f"{index}", **{field: files[number]})
        used = {number for number, _ in references}
        services.prune_orphans(by=None)
        for number, (file, hours) in enumerate(zip(files, ages, strict=True)):
            kept = number in used or hours < 24
            assert place(file).exists() == kept
            assert StoredFile.objects.filter(pk=file.pk).exists() == kept
        owner.delete()
        StoredFile.objects.update(created_at=timezone.now() - timedelta(days=2))
        for file in filter(Path.exists, map(place, files)):
            age(file)
        services.prune_orphans(by=None)
        assert not any(place(file).exists() for file in files)

    def test_what_an_ingest_has_made_stays_and_a_replaced_picture_goes(self, scene):
        old = scene.thumbnail
        Scene.objects.filter(pk=scene.pk).update(thumbnail=a_file())
        StoredFile.objects.update(created_at=timezone.now() - timedelta(days=2))
        for file in StoredFile.objects.all():
            age(place(file))
        assert services.prune_orphans(by=None).rows == 1
        assert not place(old).exists()
        assert unreferenced_files().count() == 0

    def test_the_command_lists_in_a_dry_run_and_removes_without(self, capsys):
        orphan = a_file()
        call_command("prune_orphans", "--dry-run")
        assert f"derived:{storage.key(orphan.digest)}" in capsys.readouterr().out
        call_command("prune_orphans", "--older-than", "24")
        assert "1 rows and 1 files" in capsys.readouterr().out
        with pytest.raises(CommandError, match="one hour"):
            call_command("prune_orphans", "--older-than", "0.5")


@pytest.mark.django_db(transaction=True)
def test_a_row_that_somebody_is_about_to_refer_to_is_left_alone():
    """Referring to a row locks it until the commit; pruning passes over locked rows."""
    wanted, unwanted = a_file(), a_file()
    held, done = threading.Event(), threading.Event()

    def hold():
        with transaction.atomic():
            StoredFile.objects.select_for_update(no_key=True).get(pk=wanted.pk)
            held.set()
            done.wait(30)
        connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    try:
        assert held.wait(30)
        report = services.prune_orphans(by=None)
    finally:
        done.set()
        holder.join()
    assert report.rows == 1
    assert place(wanted).exists()
    assert not StoredFile.objects.filter(pk=unwanted.pk).exists()


class TestReadingAgain:
    def facts(self, scene):
        names = [field.attname for field in Frame._meta.concrete_fields if field.name not in ("attempts",)]
        return list(scene.frames.order_by("index").values(*names)), {
            name: getattr(scene, name) for name in ("frame_count", "point_count", "size_bytes", "thumbnail_id")
        }

    def test_a_reingest_finds_the_facts_that_the_first_ingest_found(self, scene):
        first = self.facts(scene)
        scene.frames.update(point_count=1, range_max=None, fields=[])
        Scene.objects.filter(pk=scene.pk).update(point_count=2)
        job = services.queue_job(scene=scene, kind="reingest", by=None)
        ingest.work(job.pk)
        scene.refresh_from_db()
        assert self.facts(scene) == first
        job.refresh_from_db()
        assert job.state == "done"

    def test_a_reingest_does_not_need_the_folder(self, tmp_path):
        folder = a_drive_folder(tmp_path, frames=2)
        first = a_queued_job(folder)
        ingest.work(first.pk)
        for file in folder.iterdir():
            file.unlink()
        ingest.work(services.queue_job(scene=first.scene, kind="reingest", by=None).pk)
        assert first.scene.frames.filter(state=FrameState.READY).count() == 2

    def test_pictures_that_were_lost_are_drawn_again(self, scene):
        old = scene.thumbnail
        Scene.objects.filter(pk=scene.pk).update(thumbnail=None)
        ingest.work(services.queue_job(scene=scene, kind="thumbnails", by=None).pk)
        scene.refresh_from_db()
        assert scene.thumbnail == old

    def test_display_files_that_were_lost_are_made_again(self, scene):
        displays = [frame.display for frame in scene.frames.all()]
        for file in displays:
            place(file).unlink()
        scene.frames.update(display=None)
        ingest.work(services.queue_job(scene=scene, kind="display", by=None).pk)
        assert [frame.display for frame in scene.frames.all()] == displays
        assert all(place(file).exists() for file in displays)
