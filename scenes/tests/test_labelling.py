"""Ground truth goes in as a new version, whole or not at all, and what is in stays as it is."""

import shutil
import threading
from functools import partial

import numpy as np
import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction

from scenes import services
from scenes.clouds import las, pcd
from scenes.clouds.cloud import CloudError
from scenes.label_files import LabelFile
from scenes.models import Frame, FrameLabels, FrameState, LabelSet, Ontology, Scene
from scenes.services.labeling import match_files
from scenes.tests.factories import (
    a_cloud,
    a_drive_folder,
    a_label_folder,
    a_labelled_scene,
    a_ready_scene,
    add_labels,
    an_ingested_scene,
    labels_of,
)

pytestmark = pytest.mark.django_db
POINTS = 200


def kitti() -> Ontology:
    return Ontology.objects.get(name="SemanticKITTI")


def raw_labels(*, seed: int = 0, points: int = POINTS) -> np.ndarray:
    return labels_of(a_cloud(points=points, seed=seed))


def a_file(data: bytes, name: str = "000000.label") -> dict[str, LabelFile]:
    return {"000000.pcd": LabelFile.of_bytes(data, name=name)}


def add(scene: Scene, files: dict[str, LabelFile] | None, *, kind: str = "semantic-kitti", **wishes) -> LabelSet:
    return services.add_label_set(
        scene=scene, ontology=wishes.pop("ontology", None) or kitti(), kind=kind, files=files, by=None, **wishes
    )


class TestAGoodLabelSet:
    def test_keeps_the_original_and_a_class_per_point_in_the_original_order(self):
        scene, raw = a_ready_scene(points=POINTS), raw_labels()
        instances = np.arange(POINTS, dtype="<u4") << 16
        data = (raw | instances).tobytes()
        labels = add(scene, a_file(data)).frames.get()
        assert labels.original.read() == data
        assert labels.original.storage == "originals"
        assert np.array_equal(np.frombuffer(labels.classes.read(), "u1"), np.where(raw == 40, 9, 13))
        assert (labels.classes.storage, labels.classes.size, labels.point_count) == ("derived", POINTS, POINTS)

    def test_counts_classes_by_frame_and_altogether(self):
        scene = a_labelled_scene(frames=3, points=POINTS)
        label_set = scene.label_sets.get()
        raw = [raw_labels(seed=n) for n in range(3)]
        by_frame = [labels.class_counts for labels in label_set.frames.order_by("frame__index")]
        assert [(counts[9], counts[13]) for counts in by_frame] == [
            (int((r == 40).sum()), int((r == 50).sum())) for r in raw
        ]
        assert label_set.class_counts == [sum(column) for column in zip(*by_frame, strict=True)]
        assert len(label_set.class_counts) == 20
        assert label_set.point_count == 3 * POINTS

    def test_tells_who_made_it_and_draws_its_picture(self):
        author = User.objects.create_user("lara")
        scene = a_labelled_scene(by=author)
        label_set = scene.label_sets.get()
        assert label_set.author == author
        assert label_set.history.get().history_user == author
        assert scene.label_thumbnail.read()[8:12] == b"WEBP"
        assert scene.label_thumbnail != scene.thumbnail
        assert label_set.history.get().history_change_reason == "2 frames labelled in SemanticKITTI"

    def test_may_cover_some_frames_only(self):
        scene = a_ready_scene(frames=3, points=POINTS)
        label_set = add(scene, a_file(raw_labels().tobytes()))
        assert label_set.frame_count == 1
        assert label_set.frames.get().frame.name == "000000.pcd"

    def test_same_bytes_are_kept_once(self):
        scene = a_ready_scene(points=POINTS)
        first, second = (add(scene, a_file(raw_labels().tobytes())).frames.get() for _ in range(2))
        assert (first.original, first.classes) == (second.original, second.classes)

    def test_labels_of_one_byte_and_of_numpy_files(self, tmp_path):
        scene, nuscenes = a_ready_scene(points=POINTS), Ontology.objects.get(name="nuScenes lidarseg")
        cars = np.full(POINTS, 17, "u1")
        by_byte = add(scene, a_file(cars.tobytes(), "000000.bin"), kind="lidarseg", ontology=nuscenes)
        np.save(tmp_path / "000000.npy", cars.astype("<i8"))
        by_array = add(scene, {"000000.pcd": LabelFile.at(tmp_path / "000000.npy")}, kind="npy", ontology=nuscenes)
        assert by_byte.class_counts[4] == by_array.class_counts[4] == POINTS

    def test_progress_is_told_after_each_frame(self, tmp_path):
        scene, calls = a_ready_scene(frames=3, points=POINTS), []
        folder = a_label_folder(tmp_path, points=POINTS)
        add_labels(scene, folder, progress=lambda: calls.append(1))
        assert len(calls) == 3


class TestLabelsInTheCloud:
    def a_scene(self, tmp_path, frames: int = 2) -> Scene:
        folder = tmp_path / "labelled"
        folder.mkdir()
        for index in range(frames):
            cloud = a_cloud(points=POINTS, seed=index)
            labelled = np.zeros(POINTS, [*cloud.dtype.descr, ("label", "<u2")])
            for name in cloud.dtype.names:
                labelled[name] = cloud[name]
            labelled["label"] = labels_of(cloud)
            (folder / f"{index:06d}.pcd").write_bytes(pcd.write(labelled))
        return an_ingested_scene(folder)

    def test_all_ready_frames_are_labelled_from_their_field(self, tmp_path):
        scene = self.a_scene(tmp_path)
        label_set = add(scene, None, kind="field")
        assert label_set.frame_count == 2
        assert label_set.class_counts[9] == sum(int((raw_labels(seed=n) == 40).sum()) for n in range(2))
        assert not label_set.frames.exclude(original=None).exists()

    def test_clouds_without_such_a_field_are_refused_by_name(self):
        with pytest.raises(CloudError, match=r"frame 000000\.pcd: the cloud has no field label or classification"):
            add(a_ready_scene(), None, kind="field")

    def test_files_beside_the_field_are_refused(self):
        with pytest.raises(CloudError, match="Leave the files out"):
            add(a_ready_scene(), a_file(b""), kind="field")


class TestBadLabels:
    def refused(self, scene: Scene, files: dict[str, LabelFile], words: str, **wishes) -> None:
        with pytest.raises(CloudError, match=words):
            add(scene, files, **wishes)
        assert not LabelSet.objects.exists()
        assert not FrameLabels.objects.exists()
        assert Scene.objects.get(pk=scene.pk).label_thumbnail is None

    @pytest.mark.parametrize("points", [POINTS - 1, POINTS + 1])
    def test_a_wrong_number_names_file_frame_and_both_counts(self, points):
        words = rf"000000\.label for frame 000000\.pcd: there are {points} labels, the cloud has {POINTS} points"
        self.refused(a_ready_scene(points=POINTS), a_file(raw_labels(points=points).tobytes()), words)

    def test_one_bad_file_of_many_keeps_all_out(self, tmp_path):
        scene, folder = a_ready_scene(frames=3, points=POINTS), a_label_folder(tmp_path, points=POINTS)
        (folder / "000001.label").write_bytes(b"\0" * 4)
        self.refused(
            scene, match_files(scene=scene, path=folder, kind="semantic-kitti").files, r"000001\.label for frame"
        )

    def test_several_bad_files_are_told_at_once(self, tmp_path):
        scene, folder = a_ready_scene(frames=3, points=POINTS), a_label_folder(tmp_path, points=POINTS)
        for name in ("000000.label", "000002.label"):
            (folder / name).write_bytes(b"\0" * 4)
        files = match_files(scene=scene, path=folder, kind="semantic-kitti").files
        self.refused(scene, files, r"(?s)000000\.label for .*000002\.label for ")

    def test_a_file_far_too_large_is_not_even_read(self):
        def never() -> bytes:
            raise AssertionError("the bytes were asked for")

        big = {"000000.pcd": LabelFile("000000.label", 10**12, never)}
        self.refused(a_ready_scene(points=POINTS), big, "too many for the labels of 200 points")

    def test_unknown_raw_ids_are_listed_with_their_frame(self):
        raw = raw_labels()
        raw[:7], raw[7:9] = 1234, 77
        self.refused(
            a_ready_scene(points=POINTS), a_file(raw.tobytes()),
            r"frame 000000\.pcd: SemanticKITTI does not know the raw ids 77 \(2 points\), 1234 \(7 points\)",
        )  # fmt: skip

    def test_accepted_unknown_ids_are_ignored_and_remembered(self):
        raw = raw_labels()
        raw[:7] = 1234
        label_set = add(a_ready_scene(points=POINTS), a_file(raw.tobytes()), accept_unknown=True)
        assert label_set.unknown == label_set.frames.get().unknown == [[1234, 7]]
        assert (label_set.class_counts[0], label_set.unknown_points) == (7, 7)

    def test_unknown_ids_never_become_a_class_that_counts(self):
        ontology = Ontology.objects.create(name="no ignored class")
        ontology.classes.create(index=0, name="road", colour="#4c8dff", raw_ids=[40])
        self.refused(
            a_ready_scene(points=POINTS), a_file(raw_labels().tobytes()), "not left out of metrics",
            ontology=ontology, accept_unknown=True,
        )  # fmt: skip

    @pytest.mark.parametrize(("kind", "name"), [("lidarseg", "000000.label"), ("semantic-kitti", "000000.npy")])
    def test_a_name_that_contradicts_the_declared_kind_is_refused(self, kind, name):
        self.refused(a_ready_scene(points=POINTS), a_file(raw_labels().tobytes(), name), "Declare", kind=kind)

    def test_four_bytes_a_point_are_not_taken_for_one(self):
        files = a_file(raw_labels().tobytes(), "000000.bin")
        self.refused(a_ready_scene(points=POINTS), files, f"there are {4 * POINTS} labels", kind="lidarseg")

    def test_a_pickle_is_never_loaded(self, tmp_path):
        np.save(tmp_path / "000000.npy", np.array([object()] * POINTS), allow_pickle=True)
        files = {"000000.pcd": LabelFile.at(tmp_path / "000000.npy")}
        self.refused(a_ready_scene(points=POINTS), files, "the labels have the type object", kind="npy")

    def test_a_kind_nobody_knows(self):
        self.refused(a_ready_scene(points=POINTS), a_file(b""), "there is no kind 'guess'", kind="guess")

    def test_a_frame_that_is_not_there(self):
        files = {"000009.pcd": LabelFile.of_bytes(b"", name="000009.label")}
        self.refused(a_ready_scene(points=POINTS), files, r"the scene has no frame '000009\.pcd'")

    def test_a_frame_that_is_not_ready(self, tmp_path):
        folder = a_drive_folder(tmp_path, frames=1)
        (folder / "000000.pcd").write_bytes(b"no cloud")
        scene = an_ingested_scene(folder)
        self.refused(scene, a_file(raw_labels().tobytes()), "the frame is quarantined")

    def test_no_file_at_all(self):
        self.refused(a_ready_scene(points=POINTS), {}, "there is no label file")

    def test_an_ontology_without_classes(self):
        self.refused(
            a_ready_scene(points=POINTS), a_file(raw_labels().tobytes()), "has no classes",
            ontology=Ontology.objects.create(name="empty"),
        )  # fmt: skip

    def test_classes_that_change_while_labels_are_read(self):
        ontology = Ontology.objects.create(name="moving")
        ontology.classes.create(index=0, name="rest", colour="#7d848f", ignored=True, raw_ids=[50])
        road = ontology.classes.create(index=1, name="road", colour="#4c8dff", raw_ids=[40])

        def change() -> None:
            road.raw_ids = [41]
            road.save()

        self.refused(
            a_ready_scene(points=POINTS), a_file(raw_labels().tobytes()), "changed meanwhile",
            ontology=ontology, progress=change,
        )  # fmt: skip


class TestVersions:
    def test_labelling_again_makes_a_new_version_and_leaves_the_old_one(self):
        scene = a_labelled_scene(frames=1, points=POINTS)
        old = scene.label_sets.get()
        counts, picture = list(old.class_counts), scene.label_thumbnail
        new = add(scene, a_file(np.full(POINTS, 10, "<u4").tobytes()))
        old.refresh_from_db()
        assert (old.version, new.version) == (1, 2)
        assert old.class_counts == counts
        assert old.frames.count() == 1
        assert Scene.objects.get(pk=scene.pk).label_thumbnail != picture

    def test_what_it_says_cannot_be_changed(self):
        label_set = a_labelled_scene().label_sets.get()
        label_set.class_counts = [1]
        with pytest.raises(ValidationError, match="label the scene again"):
            label_set.save()
        labels = FrameLabels.objects.first()
        labels.point_count = 3
        with pytest.raises(ValidationError, match="label the scene again"):
            labels.save()

    @pytest.mark.parametrize("change", [{"version": 7}, {"kind": "npy"}, {"class_counts": [1]}, {"unknown": [[1, 2]]}])
    def test_the_database_refuses_as_well(self, change):
        a_labelled_scene()
        with pytest.raises(IntegrityError, match="is fixed"), transaction.atomic():
            LabelSet.objects.update(**change)
        with pytest.raises(IntegrityError, match="are fixed"), transaction.atomic():
            FrameLabels.objects.update(point_count=0)

    def test_its_note_may_be_written_better_and_its_author_may_leave(self):
        author = User.objects.create_user("lara")
        label_set = a_labelled_scene(by=author).label_sets.get()
        label_set.note = "second shift"
        label_set.save()
        author.delete()
        label_set.refresh_from_db()
        assert (label_set.note, label_set.author) == ("second shift", None)

    def test_it_goes_with_its_scene(self):
        a_labelled_scene().delete()
        assert not LabelSet.objects.exists()

    @pytest.mark.django_db(transaction=True, serialized_rollback=True)
    def test_numbers_are_given_once_however_many_label_at_the_same_time(self):
        services.sync_shipped_ontologies(by=None)
        scene = a_ready_scene(points=POINTS)
        at_once, found = threading.Barrier(4), []

        def label(seed: int) -> None:
            at_once.wait()
            try:
                found.append(add(scene, a_file(raw_labels(seed=seed).tobytes())).version)
            finally:
                connection.close()

        threads = [threading.Thread(target=label, args=(seed,)) for seed in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(found) == [1, 2, 3, 4]


class TestPicturesOfAScene:
    def test_reading_frames_again_keeps_the_ground_truth_picture(self):
        from scenes.ingest import roll_up

        scene = a_labelled_scene(points=POINTS)
        picture = scene.label_thumbnail
        again = roll_up(scene, reason="again")
        assert again.label_thumbnail == picture

    def test_labels_are_kept_when_their_frame_cannot_be_drawn(self, monkeypatch):
        def broken(*args) -> bytes:
            raise FileNotFoundError("the cloud is gone")

        monkeypatch.setattr("scenes.labelling.draw_labels", broken)
        scene = a_ready_scene(points=POINTS)
        assert add(scene, a_file(raw_labels().tobytes())).version == 1
        assert Scene.objects.get(pk=scene.pk).label_thumbnail is None


DATA = settings.BASE_DIR.parent / "shared/data"
KITTI = DATA / "mit-han-lab__spvnas/assets"
TILE = DATA / "laspy__laspy/tests/data/autzen_trim.laz"
REAL = DATA / "derived__ika_drive_labelled"


@pytest.mark.skipif(not KITTI.is_dir(), reason="the real point clouds of ../shared/data are not here")
def test_a_real_scan_of_semantic_kitti_has_its_labels():
    scene = an_ingested_scene(KITTI, format="kitti")
    label_set = add_labels(scene, KITTI)
    raw = np.fromfile(KITTI / "000000.label", "<u4") & 0xFFFF
    assert label_set.point_count == scene.point_count == len(raw)
    roads, cars = np.isin(raw, [40, 60]).sum(), np.isin(raw, [10, 252]).sum()
    assert (label_set.class_counts[9], label_set.class_counts[1]) == (roads, cars)
    assert roads > 10_000
    assert label_set.unknown == []


@pytest.mark.skipif(not TILE.is_file(), reason="the real point clouds of ../shared/data are not here")
def test_a_large_tile_is_labelled_piece_by_piece(tmp_path, settings, monkeypatch):
    folder = tmp_path / "tile"
    folder.mkdir()
    shutil.copy(TILE, folder)
    scene = an_ingested_scene(folder)
    settings.INGEST_STREAM_BYTES = 1000
    monkeypatch.setattr("scenes.clouds.las.chunks", partial(las.chunks, points_per_chunk=7001))
    monkeypatch.setattr(Frame, "read_cloud", None)  # never as a whole
    label_set = add(scene, None, kind="field", ontology=Ontology.objects.get(name="ASPRS LAS"))
    raw = las.read(TILE.read_bytes()).field("classification")
    assert label_set.class_counts == np.bincount(raw, minlength=23).tolist()
    assert label_set.frames.get().classes.read() == raw.astype("u1").tobytes()


@pytest.mark.skipif(not REAL.is_dir(), reason="the real point clouds of ../shared/data are not here")
def test_the_real_drive_brings_its_labels_in_a_field():
    scene = an_ingested_scene(REAL)
    ontology = Ontology.objects.create(name="ika")
    for index in range(11):
        ontology.classes.create(
            index=index, name=f"class {index}", colour=f"#{0x404040 + index * 0x101010:06x}", ignored=index == 0,
            raw_ids=[index],
        )  # fmt: skip
    label_set = add(scene, None, kind="field", ontology=ontology)
    assert label_set.frame_count == Frame.objects.filter(scene=scene, state=FrameState.READY).count()
    assert label_set.point_count == scene.point_count
    first = label_set.frames.get(frame__name="1603960637314959526.pcd")
    assert first.class_counts == [1339, 400, 80, 23, 550, 0, 0, 464, 0, 0, 429]
