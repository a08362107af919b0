"""What is exported is ingested again by LAMM itself and is the same: clouds, labels, times, poses, positions."""

import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest
import yaml

from datasets.exports import formats
from datasets.services import exporting
from datasets.tests.exported import BEGAN, STEP, a_pcd_scene, a_recorded_version, as_tree, poses, tree
from datasets.tests.stories import a_person
from datasets.tests.test_freezing import frozen
from scenes import ingest, services, sources
from scenes.models import Ontology, Scene

pytestmark = pytest.mark.django_db


@pytest.fixture
def version(tmp_path):
    return a_recorded_version(tmp_path / "recorded", a_person(), bare=True)


@pytest.fixture
def exported(version, tmp_path):
    def export(form):
        folder = tmp_path / f"exported-{form}"
        exporting.export_to_folder(version=version, form=form, folder=folder, by=None)
        return folder

    return export


def lines(folder) -> list[dict]:
    return [json.loads(line) for line in (folder / "scenes.jsonl").read_text().splitlines()]


def frames_of(scene: Scene) -> list:
    return list(scene.frames.select_related("cloud").order_by("index"))


def same_labels(one: Scene, other: Scene) -> None:
    was, now = one.label_sets.get(), other.label_sets.get()
    digests = [
        list(labels.frames.order_by("frame__index").values_list("classes__digest", flat=True)) for labels in (was, now)
    ]
    assert digests[0] == digests[1]
    assert len(digests[0]) == was.frame_count > 0
    assert (now.ontology, now.class_counts) == (was.ontology, was.class_counts)


def same_positions(one: Scene, other: Scene, fields=("x", "y", "z", "intensity")) -> None:
    pairs = list(zip(frames_of(one), frames_of(other), strict=True))
    assert pairs
    for was, now in pairs:
        before, after = was.read_cloud().points, now.read_cloud().points
        for field in fields:
            assert np.array_equal(before[field], after[field].astype(before[field].dtype)), field


def in_again(folder, **wishes: str) -> Scene:
    """An exported folder as a scene of another name."""
    (sequence,) = sources.find_sequences(folder)
    sequence = replace(sequence, name=f"again {sequence.name}")
    job = services.ingest_sequence(sequence=sequence, wishes=services.IngestWishes(**wishes), by=None)
    ingest.work(job.pk)
    return Scene.objects.get(pk=job.scene_id)


def digests(scene: Scene) -> list[str]:
    return [frame.cloud.digest for frame in frames_of(scene)]


def test_plain_folders_keep_every_byte(version, exported):
    folder = exported("plain")
    alpha, beta = Scene.objects.get(name="alpha"), Scene.objects.get(name="beta")
    places = {line["scene"]: folder / line["folder"] for line in lines(folder)}
    assert {place.parent.name for place in places.values()} <= {"train", "val"}
    again = in_again(places["alpha"], format="kitti"), in_again(places["beta"])
    for was, now, kind in zip((alpha, beta), again, ("semantic-kitti", "npy"), strict=True):
        assert digests(was) == digests(now)
        assert [frame.name for frame in frames_of(was)] == [frame.name for frame in frames_of(now)]
        for name in ("timestamp_ns", "pose", "latitude", "longitude", "fields"):
            assert [getattr(frame, name) for frame in frames_of(was)] == [getattr(f, name) for f in frames_of(now)]
        matched = services.match_files(scene=now, path=places[was.name] / "labels", kind=kind)
        kitti = Ontology.objects.get(name="SemanticKITTI")
        services.add_label_set(scene=now, ontology=kitti, kind=kind, files=matched.files, by=None)
        same_labels(was, now)
        originals = [
            [one.original.digest for one in scene.label_sets.get().frames.order_by("frame__index")]
            for scene in (was, now)
        ]
        assert originals[0] == originals[1]


def test_a_semantic_kitti_tree_comes_back_with_its_labels(version, exported):
    folder = exported("semantic-kitti")
    by_folder = {line["folder"]: line["scene"] for line in lines(folder)}
    assert by_folder == {"sequences/00": "alpha", "sequences/01": "bare", "sequences/02": "beta"}
    alpha, bare, beta = as_tree(folder, "semantic-kitti")
    recorded = {name: Scene.objects.get(name=name) for name in ("alpha", "beta", "bare")}
    assert digests(alpha) == digests(recorded["alpha"])  # KITTI stays KITTI, byte for byte
    for was, now in ((recorded["alpha"], alpha), (recorded["beta"], beta)):
        same_labels(was, now)
        same_positions(was, now)
        count = len(frames_of(was))
        assert [frame.pose for frame in frames_of(now)] == [frame.pose for frame in frames_of(was)] == poses(count)
        assert [frame.timestamp_ns for frame in frames_of(now)] == [STEP * number for number in range(count)]
    same_positions(recorded["bare"], bare)
    assert not bare.label_sets.exists()
    first = recorded["alpha"].label_sets.get().frames.order_by("frame__index").first()
    assert (folder / "sequences/00/labels/000000.label").read_bytes() == first.original.read()


def test_semantic_kitti_settings_tell_splits_classes_and_raw_ids(version, exported):
    folder = exported("semantic-kitti")
    told = yaml.safe_load((folder / "semantic-kitti.yaml").read_text())
    numbers = {line["scene"]: int(line["folder"][-2:]) for line in lines(folder)}
    splits = dict(version.items.values_list("scene__name", "split"))
    for ours, theirs in (("train", "train"), ("val", "valid"), ("test", "test")):
        assert told["split"][theirs] == sorted(numbers[name] for name, split in splits.items() if split == ours)
    assert told["learning_map"][252] == 1
    assert told["learning_map_inv"][9] == 40
    assert told["labels"][40] == "road"
    assert told["color_map"][40] == [0xD6, 0x6B, 0xB0]
    assert told["learning_ignore"][0] is True


def test_a_nuscenes_tree_comes_back_with_names_times_poses_and_labels(version, exported):
    folder = exported("nuscenes")
    recorded = {name: Scene.objects.get(name=name) for name in ("alpha", "beta")}
    for name, scene in recorded.items():
        Scene.objects.filter(pk=scene.pk).update(name=f"recorded {name}")
    Scene.objects.filter(name="bare").update(name="recorded bare")
    again = {scene.name: scene for scene in as_tree(folder, "nuscenes", field_ontology="SemanticKITTI")}
    assert set(again) == {"alpha", "beta", "bare"}
    for name, was in recorded.items():
        now = again[name]
        same_labels(was, now)
        same_positions(was, now)
        assert now.drive.name == f"drive of {name}"
        for before, after in zip(frames_of(was), frames_of(now), strict=True):
            assert after.timestamp_ns == before.timestamp_ns // 1000 * 1000
            assert np.allclose(after.pose, before.pose, atol=1e-12)
    same_positions(recorded["beta"], again["beta"], ("ring",))


def test_nuscenes_tables_refer_to_each_other_and_name_files_that_are_there(version, exported):
    folder = exported("nuscenes")
    tables = {path.stem: json.loads(path.read_text()) for path in (folder / "v1.0-custom").iterdir()}
    splits = tables.pop("splits")
    known = {name: {row["token"] for row in rows} for name, rows in tables.items()}
    assert all(len(known[name]) == len(rows) for name, rows in tables.items())
    refers = {
        "sample_data": {"sample_token": "sample", "ego_pose_token": "ego_pose",
                        "calibrated_sensor_token": "calibrated_sensor", "prev": "sample_data", "next": "sample_data"},
        "sample": {"scene_token": "scene", "prev": "sample", "next": "sample"},
        "scene": {"log_token": "log", "first_sample_token": "sample", "last_sample_token": "sample"},
        "calibrated_sensor": {"sensor_token": "sensor"},
        "lidarseg": {"sample_data_token": "sample_data"},
    }  # fmt: skip
    for table, fields in refers.items():
        for row in tables[table]:
            for field, other in fields.items():
                assert row[field] in known[other] or (field in ("prev", "next") and row[field] == "")
    files = [row["filename"] for name in ("sample_data", "lidarseg") for row in tables[name]]
    assert len(set(files)) == len(files) == 7 + 5
    assert all((folder / name).is_file() for name in files)
    held = {int(value) for name in files if "lidarseg" in name for value in np.fromfile(folder / name, "u1")}
    assert held <= {row["index"] for row in tables["category"]}
    assert splits == {
        split: sorted(version.items.filter(split=split).values_list("scene__name", flat=True))
        for split in ("train", "val", "test")
    }


def test_a_kitti_raw_tree_comes_back_without_labels(version, exported):
    folder = exported("kitti-raw")
    by_folder = {line["folder"]: line for line in lines(folder)}
    assert "its labels are left out" in next(one for one in by_folder.values() if one["scene"] == "alpha")["missing"]
    again = {scene.name: scene for scene in as_tree(folder, "kitti-raw")}
    for place, line in by_folder.items():
        was, now = Scene.objects.get(name=line["scene"]), again[place.replace("/", "-")]
        same_positions(was, now)
        assert not now.label_sets.exists()
        for before, after in zip(frames_of(was), frames_of(now), strict=True):
            assert (after.timestamp_ns, after.latitude) == (before.timestamp_ns, before.latitude)
    assert BEGAN in [frame.timestamp_ns for scene in again.values() for frame in frames_of(scene)]


@pytest.mark.parametrize("form", ["plain", "semantic-kitti", "nuscenes", "kitti-raw"])
def test_a_second_export_has_the_same_bytes_and_times(form, version, exported, tmp_path):
    first = exported(form)
    second = tmp_path / "again"
    exporting.export_to_folder(version=version, form=form, folder=second, by=None)
    assert tree(first) == tree(second)
    assert {path.stat().st_mtime for path in first.rglob("*") if path.is_file()} == {315532800}
    assert hashlib.sha256((first / "manifest.jsonl").read_bytes()).hexdigest() == version.digest


@pytest.mark.parametrize("form", ["plain", "semantic-kitti", "nuscenes", "kitti-raw"])
def test_what_is_missing_or_dropped_is_told(form, version, exported):
    folder = exported(form)
    told = json.loads((folder / "EXPORT.json").read_text())
    assert (told["tree"], told["dataset"], told["digest"]) == (form, str(version), version.digest)
    assert (told["scenes"], told["frames"], told["ontology"]) == (3, 7, "SemanticKITTI")
    assert told["points"] == sum(frame.point_count for scene in Scene.objects.all() for frame in frames_of(scene))
    assert told["leaves_out"] == list(formats.DESCRIBED[form].leaves_out)
    assert any(note.startswith("bare: ") for note in told["notes"])
    assert told["note_count"] == len(told["notes"]) == sum(len(line["missing"]) for line in lines(folder))
    assert str(version) in (folder / "README.md").read_text()


def test_frames_that_would_not_sort_in_playing_order_are_numbered(tmp_path):
    services.sync_shipped_ontologies(by=None)
    scene = a_pcd_scene(tmp_path / "recorded", "turned", frames=3)
    for index, name in enumerate(["c.pcd", "b.pcd", "a.pcd"]):
        scene.frames.filter(index=index).update(name=name)
    version = frozen([scene], a_person("other"))
    exporting.export_to_folder(version=version, form="plain", folder=tmp_path / "out", by=None)
    (line,) = lines(tmp_path / "out")
    (sequence,) = sources.find_sequences(tmp_path / "out" / line["folder"])
    assert [path.name for path in sequence.frames] == ["000000_c.pcd", "000001_b.pcd", "000002_a.pcd"]
    assert [name for _, name, _ in line["frames"]] == ["c.pcd", "b.pcd", "a.pcd"]
