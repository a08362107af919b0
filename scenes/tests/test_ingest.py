"""From a folder to a scene: what goes in, what is quarantined, and that doing it twice changes nothing."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.utils import timezone

from scenes import ingest, services, sources, storage
from scenes.clouds import pcd, tiles
from scenes.clouds.cloud import CloudError
from scenes.models import Drive, Frame, FrameState, IngestState, PositionState, Scene, StoredFile
from scenes.tests.factories import a_cloud, a_drive_folder, a_pcd, a_queued_job, an_ingested_scene

pytestmark = pytest.mark.django_db


class TestAFolderOfFrames:
    def test_becomes_a_scene_with_its_counts(self, tmp_path):
        scene = an_ingested_scene(a_drive_folder(tmp_path, frames=3, points=400))
        assert (scene.name, scene.frame_count, scene.point_count) == ("city-drive-01", 3, 1200)
        assert scene.quarantined_count == 0
        assert scene.ingest_jobs.get().state == IngestState.DONE

    def test_keeps_every_original_byte(self, tmp_path):
        folder = a_drive_folder(tmp_path, frames=2)
        scene = an_ingested_scene(folder)
        for frame in scene.frames.select_related("cloud"):
            kept = storage.read_bytes(frame.cloud.digest, storage=frame.cloud.storage)
            assert kept == (folder / frame.name).read_bytes()
        assert scene.size_bytes == sum(path.stat().st_size for path in folder.iterdir())

    def test_gets_statistics_and_a_display_chunk_per_frame(self, tmp_path):
        frame = an_ingested_scene(a_drive_folder(tmp_path, frames=1, points=300)).frames.get()
        assert (frame.state, frame.point_count, frame.finite_count) == (FrameState.READY, 300, 300)
        assert [field["name"] for field in frame.fields] == ["x", "y", "z", "intensity"]
        positions, _ = tiles.decode(storage.read_bytes(frame.display.digest, storage="derived"))
        assert positions.shape == (300, 3)
        assert positions.min(axis=0) == pytest.approx(frame.lower_bound, abs=0.01)

    def test_gets_a_thumbnail(self, tmp_path):
        scene = an_ingested_scene(a_drive_folder(tmp_path))
        picture = storage.read_bytes(scene.thumbnail.digest, storage="derived")
        assert (picture[:4], picture[8:12]) == (b"RIFF", b"WEBP")

    def test_joins_a_drive_and_gets_tags_and_a_date(self, tmp_path):
        moment = datetime(2026, 5, 4, 9, 12, tzinfo=UTC)
        scene = an_ingested_scene(a_drive_folder(tmp_path), drive="log-7", tags=("night", "rain"), captured_at=moment)
        assert scene.drive == Drive.objects.get(name="log-7")
        assert sorted(scene.tags.names()) == ["night", "rain"]
        assert scene.captured_at == moment

    def test_has_bounds_around_all_its_frames(self, tmp_path):
        scene = an_ingested_scene(a_drive_folder(tmp_path, frames=3))
        lowers = [frame.lower_bound for frame in scene.frames.all()]
        assert scene.lower_bound == [min(axis) for axis in zip(*lowers, strict=True)]


class TestIntensity:
    def test_is_scaled_alike_in_all_frames_so_that_a_dim_one_stays_dim(self, tmp_path):
        folder = a_drive_folder(tmp_path, frames=0)
        for index, brightest in enumerate((200, 1)):
            cloud = a_cloud(points=100)
            cloud["intensity"] = brightest
            (folder / f"{index}.pcd").write_bytes(pcd.write(cloud))
        scene = an_ingested_scene(folder)
        chunks = [storage.read_bytes(f.display.digest, storage="derived") for f in scene.frames.all()]
        brightness = [tiles.decode(chunk)[1].max() for chunk in chunks]
        assert brightness == [200 * 257, 257]


class TestTimes:
    def test_without_any_the_duration_is_unknown(self, tmp_path):
        assert an_ingested_scene(a_drive_folder(tmp_path)).duration_seconds is None

    def test_follow_from_a_rate(self, tmp_path):
        scene = an_ingested_scene(a_drive_folder(tmp_path, frames=5), rate_hz=10)
        assert scene.duration_seconds == pytest.approx(0.4)

    def test_follow_from_the_times_beside_the_frames(self, tmp_path):
        folder = a_drive_folder(tmp_path, frames=3)
        (folder / "times.txt").write_text("0.0\n0.5\n2.25\n")
        start = datetime(2026, 5, 4, tzinfo=UTC)
        scene = an_ingested_scene(folder, captured_at=start)
        assert scene.duration_seconds == pytest.approx(2.25)
        last = scene.frames.get(index=2).timestamp_ns
        assert last == round(start.timestamp()) * 10**9 + 2_250_000_000

    def test_of_another_count_are_refused_and_nothing_is_registered(self, tmp_path):
        folder = a_drive_folder(tmp_path, frames=3)
        (folder / "times.txt").write_text("0.0\n0.5\n")
        with pytest.raises(CloudError, match=r"2 times for 3 frames"):
            a_queued_job(folder)
        assert not Scene.objects.exists()


class TestPositions:
    def test_start_and_end_come_from_the_track(self, tmp_path):
        folder = a_drive_folder(tmp_path, frames=1)
        (folder / "gps.csv").write_text("time,latitude,longitude\n0,50.77,6.08\n1,50.78,6.09\n")
        scene = an_ingested_scene(folder)
        assert scene.position_state == PositionState.KNOWN
        assert (scene.start_latitude, scene.end_longitude) == (50.77, 6.09)

    def test_none_is_a_state_of_its_own(self, tmp_path):
        scene = an_ingested_scene(a_drive_folder(tmp_path))
        assert (scene.position_state, scene.position_problem) == (PositionState.MISSING, "")

    @pytest.mark.parametrize("bad", ["nan,6.08", "0,0", "91,6.08", "50.7,181"])
    def test_bad_ones_count_as_missing_with_the_reason_kept(self, tmp_path, bad):
        folder = a_drive_folder(tmp_path, frames=1)
        (folder / "gps.csv").write_text(f"time,latitude,longitude\n0,{bad}\n")
        scene = an_ingested_scene(folder)
        assert scene.position_state == PositionState.UNUSABLE
        assert scene.position_problem
        assert scene.start_latitude is None


class TestABadFrame:
    def test_is_quarantined_with_its_reason_while_the_rest_goes_in(self, tmp_path):
        folder = a_drive_folder(tmp_path, frames=3)
        (folder / "000001.pcd").write_bytes((folder / "000001.pcd").read_bytes()[:-100])
        scene = an_ingested_scene(folder)
        assert (scene.frame_count, scene.quarantined_count) == (2, 1)
        bad = scene.frames.get(state=FrameState.QUARANTINED)
        assert "000001.pcd" in bad.problem
        assert bad.cloud is not None, "the original stays re-readable"
        assert "1 frames are quarantined" in scene.ingest_jobs.get().problem

    def test_goes_in_after_it_was_mended(self, tmp_path):
        folder = a_drive_folder(tmp_path, frames=2)
        whole = (folder / "000001.pcd").read_bytes()
        (folder / "000001.pcd").write_bytes(b"not a cloud")
        an_ingested_scene(folder)
        (folder / "000001.pcd").write_bytes(whole)
        scene = an_ingested_scene(folder)
        assert (scene.frame_count, scene.quarantined_count) == (2, 0)

    def test_that_vanished_says_so(self, tmp_path):
        folder = a_drive_folder(tmp_path, frames=2)
        job = a_queued_job(folder)
        (folder / "000000.pcd").unlink()
        ingest.work(job.pk)
        assert "can't be read" in Frame.objects.get(index=0).problem

    def test_alone_fails_the_job(self, tmp_path):
        folder = a_drive_folder(tmp_path, frames=1)
        (folder / "000000.pcd").write_bytes(b"")
        scene = an_ingested_scene(folder)
        assert scene.ingest_jobs.get().state == IngestState.FAILED
        assert scene.thumbnail is None

    def test_that_kills_its_worker_again_and_again_is_given_up(self, tmp_path, settings):
        job = a_queued_job(a_drive_folder(tmp_path, frames=2))
        Frame.objects.filter(index=0).update(attempts=settings.INGEST_MAX_ATTEMPTS)
        ingest.work(job.pk)
        assert "worker died" in Frame.objects.get(index=0).problem
        assert Frame.objects.get(index=1).state == FrameState.READY


class TestDoingItAgain:
    def test_changes_nothing(self, tmp_path):
        folder = a_drive_folder(tmp_path, frames=2)
        first = an_ingested_scene(folder)
        frames = list(first.frames.values())
        again = an_ingested_scene(folder)
        assert again.pk == first.pk
        assert list(again.frames.values()) == frames
        assert StoredFile.objects.count() == 6  # two originals, two display chunks, a picture and a filmstrip

    def test_adds_the_frames_that_are_new(self, tmp_path):
        folder = a_drive_folder(tmp_path, frames=2)
        an_ingested_scene(folder)
        (folder / "000002.pcd").write_bytes(a_pcd(seed=9))
        assert an_ingested_scene(folder).frame_count == 3

    def test_while_a_job_is_active_gives_that_job(self, tmp_path):
        folder = a_drive_folder(tmp_path)
        assert a_queued_job(folder) == a_queued_job(folder)

    def test_of_a_finished_job_does_nothing(self, tmp_path):
        scene = an_ingested_scene(a_drive_folder(tmp_path))
        job = scene.ingest_jobs.get()
        assert ingest.work(job.pk) is False
        assert job.history.first().history_date <= timezone.now()


class TestLeases:
    def test_a_claimed_frame_is_left_to_its_worker(self, tmp_path):
        job = a_queued_job(a_drive_folder(tmp_path, frames=2))
        Frame.objects.filter(index=0).update(claimed_at=timezone.now())
        assert ingest.work(job.pk) is True, "a frame is still out, so the job is not finished"
        assert Frame.objects.get(index=0).state == FrameState.PENDING
        assert Frame.objects.get(index=1).state == FrameState.READY

    def test_a_lease_that_ran_out_is_taken_over(self, tmp_path, settings):
        job = a_queued_job(a_drive_folder(tmp_path, frames=2))
        long_ago = timezone.now() - timedelta(seconds=settings.INGEST_LEASE_SECONDS + 1)
        Frame.objects.filter(index=0).update(claimed_at=long_ago)
        assert ingest.work(job.pk) is False
        assert Frame.objects.filter(state=FrameState.READY).count() == 2


class TestCancelAndRetry:
    def test_a_cancelled_job_takes_no_more_frames(self, tmp_path):
        job = a_queued_job(a_drive_folder(tmp_path, frames=2))
        services.cancel_ingest(job=job, by=None)
        ingest.work(job.pk)
        assert Frame.objects.filter(state=FrameState.PENDING).count() == 2

    def test_retry_reads_the_stored_originals_again(self, tmp_path):
        folder = a_drive_folder(tmp_path, frames=1)
        (folder / "000000.pcd").write_bytes(b"not a cloud")
        scene = an_ingested_scene(folder)
        (folder / "000000.pcd").unlink()
        person = User.objects.create_user("olga")
        job = services.retry_ingest(job=scene.ingest_jobs.get(), by=person)
        ingest.work(job.pk)
        assert "PCD header" in Frame.objects.get().problem, "read from the kept bytes, not from the folder"
        assert Frame.objects.get().state == FrameState.QUARANTINED
        assert job.history.last().history_user == person

    def test_a_finished_job_cannot_be_finished_again(self, tmp_path):
        job = an_ingested_scene(a_drive_folder(tmp_path)).ingest_jobs.get()
        with pytest.raises(ValueError, match="can't go from done"):
            job.finish(IngestState.DONE)


class TestTheRecord:
    def test_says_who_queued_what_and_through_which_door(self, tmp_path):
        person = User.objects.create_user("carla")
        scene = an_ingested_scene(a_drive_folder(tmp_path), by=person, tags=("rain",))
        first = scene.history.last()
        assert first.history_user == person
        assert first.history_change_reason.startswith("Ingested from")
        assert first.door
        assert scene.tag_links.get().history.count() == 1

    def test_names_that_do_not_fit_are_refused_before_anything_is_written(self, tmp_path):
        (sequence,) = sources.find_sequences(a_drive_folder(tmp_path))
        long_name = sources.Sequence("n" * 300, sequence.folder, sequence.frames)
        with pytest.raises(ValidationError, match="200 characters"):
            services.ingest_sequence(sequence=long_name, wishes=services.IngestWishes(), by=None)
        assert not Scene.objects.exists()
