"""Trees of known datasets are found in lists of paths: scenes, frames, labels and what lies beside them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from scenes.clouds.cloud import CloudError
from scenes.clouds.formats import format_named
from scenes.clouds.labels import LABEL_KINDS
from scenes.clouds.ontologies import load_shipped
from scenes.clouds.trees import TREE_KINDS, TreeScene, find_tree_scenes
from scenes.clouds.trees.rigid import combined

SEQUENCE = "dataset/sequences/00"
DRIVE = "2011_09_26/2011_09_26_drive_0001_sync"
SWEEP = "LIDAR_TOP/n008__LIDAR_TOP__"


def unread(path: str) -> bytes:
    """Trees that need no table read none."""
    raise AssertionError(path)


def sequence_paths(folder: str = SEQUENCE) -> list[str]:
    """A SemanticKITTI sequence of three frames, two of them labelled."""
    names = ["velodyne/000002.bin", "velodyne/000000.bin", "velodyne/000010.bin", "image_2/000000.png"]
    names += ["labels/000000.label", "labels/000010.label", "poses.txt", "times.txt", "calib.txt"]
    return [f"{folder}/{name}".lstrip("/") for name in names]


def test_a_semantic_kitti_sequence_has_its_frames_labels_times_and_poses() -> None:
    (scene,) = find_tree_scenes("semantic-kitti", sequence_paths(), read=unread)
    assert (scene.name, scene.drive, scene.format) == ("dataset-sequences-00", "dataset-sequences-00", "kitti")
    assert [(frame.number, frame.labels) for frame in scene.frames] == [
        (0, f"{SEQUENCE}/labels/000000.label"),
        (2, None),
        (10, f"{SEQUENCE}/labels/000010.label"),
    ]
    assert (scene.label_kind, scene.ontology) == ("semantic-kitti", "semantic_kitti")
    files = (scene.times, scene.poses, scene.calibration)
    assert files == tuple(f"{SEQUENCE}/{name}.txt" for name in ("times", "poses", "calib"))


def test_each_sequence_is_a_scene_and_labels_are_optional() -> None:
    paths = [*sequence_paths("sequences/00"), "sequences/11/velodyne/000000.bin"]
    first, second = find_tree_scenes("semantic-kitti", paths, read=unread)
    assert [first.name, second.name] == ["sequences-00", "sequences-11"]
    assert (second.label_kind, second.ontology, second.times, second.poses) == (None, None, None, None)


def test_a_single_sequence_may_be_given_by_its_own_folder() -> None:
    (scene,) = find_tree_scenes("semantic-kitti", sequence_paths(""), read=unread)
    assert (scene.name, len(scene.frames), scene.times) == ("sequence", 3, "times.txt")


@pytest.mark.parametrize(
    ("extra", "reason"),
    [
        (f"{SEQUENCE}/labels/000003.label", "the labels belong to frame 3, which has no cloud"),
        ("other/labels/000000.label", "the labels belong to frame 0, which has no cloud in other/velodyne"),
        (f"{SEQUENCE}/velodyne/last.bin", "the name 'last' is no frame number"),
        (f"{SEQUENCE}/velodyne/2.bin", "the frame 2 is there as"),
    ],
)
def test_a_file_that_fits_no_frame_is_refused_by_name(extra: str, reason: str) -> None:
    with pytest.raises(CloudError, match=reason) as caught:
        find_tree_scenes("semantic-kitti", [*sequence_paths(), extra], read=unread)
    assert caught.value.field == "frame"
    assert caught.value.file


def test_a_raw_drive_has_times_and_positions_by_frame() -> None:
    clouds = [f"{DRIVE}/velodyne_points/data/000000000{number}.bin" for number in (0, 1, 3)]
    oxts = [f"{DRIVE}/oxts/data/000000000{number}.txt" for number in range(4)]
    paths = [*clouds, *oxts, f"{DRIVE}/velodyne_points/timestamps.txt", f"{DRIVE}/oxts/timestamps.txt"]
    (scene,) = find_tree_scenes("kitti-raw", paths, read=unread)
    assert (scene.name, scene.date) == ("2011_09_26-2011_09_26_drive_0001_sync", "2011-09-26")
    assert [(frame.cloud, frame.number) for frame in scene.frames] == list(zip(clouds, (0, 1, 3), strict=True))
    assert scene.positions == (oxts[0], oxts[1], oxts[3])
    assert scene.times == f"{DRIVE}/velodyne_points/timestamps.txt"


def nuscenes_tables() -> dict[str, list[dict[str, Any]]]:
    """Two scenes of one log: key frames a and b of the first, c of the second, and a sweep between a and b."""

    def data(token: str, sample: str, folder: str, time: int) -> dict[str, Any]:
        return {
            "token": token,
            "sample_token": sample,
            "ego_pose_token": "e",
            "calibrated_sensor_token": "k",
            "timestamp": time,
            "filename": f"{folder}/{SWEEP}{time}.pcd.bin",
        }

    camera = {"token": "cam", "sample_token": "s1", "timestamp": 1, "filename": "samples/CAM_FRONT/a.jpg"}
    half = 0.5**0.5
    return {
        "sample_data": [
            data("b", "s2", "samples", 1500),
            data("a", "s1", "samples", 1000),
            data("ab", "s1", "sweeps", 1050),
            data("c", "s3", "samples", 2000),
            camera,
        ],
        "sample": [{"token": f"s{i}", "scene_token": "x" if i < 3 else "y"} for i in (1, 2, 3)],
        "scene": [
            {"token": "x", "log_token": "l", "name": "scene-0061", "description": "Parked truck"},
            {"token": "y", "log_token": "l", "name": "scene-0103", "description": ""},
        ],
        "log": [
            {
                "token": "l",
                "logfile": "n008-2018-08-01",
                "vehicle": "n008",
                "date_captured": "2018-08-01",
                "location": "boston-seaport",
            }
        ],
        "lidarseg": [
            {"token": "a", "sample_data_token": "a", "filename": "lidarseg/v1.0-mini/a_lidarseg.bin"},
            {"token": "b", "sample_data_token": "b", "filename": "lidarseg/v1.0-mini/b_lidarseg.bin"},
        ],
        "ego_pose": [{"token": "e", "translation": [100, 200, 0], "rotation": [half, 0, 0, half]}],
        "calibrated_sensor": [{"token": "k", "translation": [1, 0, 1.8], "rotation": [1, 0, 0, 0]}],
    }


def found(
    tables: dict[str, list[dict[str, Any]]], *, absent: tuple[str, ...] = (), sweeps: bool = False, root: str = ""
) -> list[TreeScene]:
    """The scenes of a tree that holds `tables` and every file they name but `absent`."""
    contents = {f"{root}v1.0-mini/{name}.json": json.dumps(rows).encode() for name, rows in tables.items()}
    files = [root + row["filename"] for name in ("sample_data", "lidarseg") for row in tables.get(name, [])]
    paths = [path for path in (*contents, *files) if path not in absent]
    return find_tree_scenes("nuscenes", paths, read=contents.__getitem__, sweeps=sweeps)


def test_nuscenes_scenes_know_their_drive_frames_labels_times_and_poses() -> None:
    first, second = found(nuscenes_tables())
    assert [first.name, second.name] == ["scene-0061", "scene-0103"]
    assert first.drive == second.drive == "n008-2018-08-01"
    assert (first.vehicle, first.location, first.date) == ("n008", "boston-seaport", "2018-08-01")
    assert (first.description, first.format, first.label_kind) == ("Parked truck", "nuscenes", "lidarseg")
    assert [(frame.number, frame.nanoseconds, frame.labels) for frame in first.frames] == [
        (0, 1_000_000, "lidarseg/v1.0-mini/a_lidarseg.bin"),
        (1, 1_500_000, "lidarseg/v1.0-mini/b_lidarseg.bin"),
    ]
    assert first.frames[0].cloud == f"samples/{SWEEP}1000.pcd.bin"
    half = 0.5**0.5
    # The car looks along y of the map, so a sensor 1 m in front of its origin is 1 m farther in y.
    assert first.frames[0].pose == pytest.approx((100, 201, 1.8, half, 0, 0, half))
    assert (second.label_kind, second.ontology, second.missing) == (None, None, ())


def test_sweeps_come_between_key_frames_when_asked_for() -> None:
    first, _ = found(nuscenes_tables(), sweeps=True, root="data/")
    assert [frame.nanoseconds for frame in first.frames] == [1_000_000, 1_050_000, 1_500_000]
    assert [bool(frame.labels) for frame in first.frames] == [True, False, True]
    assert first.frames[1].cloud == f"data/sweeps/{SWEEP}1050.pcd.bin"


def test_what_was_not_downloaded_is_listed_or_left_out() -> None:
    absent = (f"samples/{SWEEP}1500.pcd.bin", f"samples/{SWEEP}2000.pcd.bin", "lidarseg/v1.0-mini/a_lidarseg.bin")
    (scene,) = found(nuscenes_tables(), absent=absent)
    assert (scene.name, len(scene.frames), scene.label_kind) == ("scene-0061", 1, None)
    assert scene.missing == (absent[0], absent[2])


def test_tables_of_poses_and_labels_are_optional() -> None:
    tables = nuscenes_tables()
    for name in ("lidarseg", "ego_pose", "calibrated_sensor"):
        del tables[name]
    first, _ = found(tables)
    assert (first.frames[0].pose, first.frames[0].labels) == (None, None)


@pytest.mark.parametrize(
    ("table", "change", "reason", "field"),
    [
        ("sample_data", {"filename": 7}, "has '7' as filename", "filename"),
        ("sample_data", {"timestamp": "noon"}, "has 'noon' as timestamp", "timestamp"),
        ("sample_data", {"timestamp": True}, "has 'True' as timestamp", "timestamp"),
        ("sample_data", {"sample_token": "z"}, "the row b refers to z, which is not there", "sample_token"),
        ("sample_data", {"ego_pose_token": None}, "has 'None' as ego_pose_token", "ego_pose_token"),
        ("sample", {"scene_token": "z"}, "refers to z", "scene_token"),
        ("scene", {"log_token": "z"}, "refers to z", "log_token"),
        ("scene", {"name": None}, "as name", "name"),
        ("log", {"logfile": 3}, "as logfile", "logfile"),
        ("lidarseg", {"sample_data_token": 3}, "as sample_data_token", "sample_data_token"),
        ("ego_pose", {"rotation": [1, 0]}, "no translation of 3 and rotation of 4", "rotation"),
        ("ego_pose", {"translation": "here"}, "has 'here' as translation", "translation"),
        ("log", {"token": 4}, "no list of rows with a token", "token"),
    ],
)
def test_a_damaged_table_is_refused_by_file_and_field(
    table: str, change: dict[str, Any], reason: str, field: str
) -> None:
    tables = nuscenes_tables()
    tables[table][0] |= change
    files = [row for row in tables["sample_data"] if isinstance(row["filename"], str)]
    contents = {f"v1.0-mini/{name}.json": json.dumps(rows).encode() for name, rows in tables.items()}
    with pytest.raises(CloudError, match=reason) as caught:
        find_tree_scenes("nuscenes", [*contents, *(row["filename"] for row in files)], read=contents.__getitem__)
    assert (caught.value.file, caught.value.field) == (f"v1.0-mini/{table}.json", field)


def test_a_table_that_is_missing_or_no_json_is_refused_by_file() -> None:
    tables = nuscenes_tables()
    with pytest.raises(CloudError, match=r"v1\.0-mini/scene\.json: the table is missing"):
        found(tables, absent=("v1.0-mini/scene.json",))
    with pytest.raises(CloudError, match=r"v1\.0-mini/sample\.json: the table is no JSON"):
        find_tree_scenes("nuscenes", ["v1.0-mini/sample_data.json", "v1.0-mini/sample.json"], read=lambda _: b"{")
    with pytest.raises(CloudError, match=r"it has: v1\.0-mini, v1\.0-test"):
        find_tree_scenes("nuscenes", ["v1.0-mini/sample_data.json", "v1.0-test/sample_data.json"], read=unread)


@pytest.mark.parametrize("kind", TREE_KINDS)
def test_a_folder_without_the_tree_is_refused(kind: str) -> None:
    with pytest.raises(CloudError, match=r"there is no scene of the tree|it has: none"):
        find_tree_scenes(kind, ["notes.txt", "a/000000.bin"], read=unread)


def test_an_unknown_kind_of_tree_is_refused() -> None:
    with pytest.raises(CloudError, match="Use one of: semantic-kitti, kitti-raw, nuscenes"):
        find_tree_scenes("waymo", [], read=unread)


def test_what_a_tree_declares_can_be_read() -> None:
    keys = {ontology.key for ontology in load_shipped()}
    scenes = [*found(nuscenes_tables()), *find_tree_scenes("semantic-kitti", sequence_paths(), read=unread)]
    for scene in scenes:
        assert format_named(scene.format)
        assert scene.ontology is None or scene.ontology in keys
        assert scene.label_kind is None or scene.label_kind in LABEL_KINDS


def test_motions_combine_as_matrices_do() -> None:
    half = 0.5**0.5
    quarter = ((1.0, 0.0, 0.0), (half, half, 0.0, 0.0))
    # A quarter turn about x takes y to z; two of them make half a turn.
    assert combined(quarter, ((0.0, 2.0, 0.0), (half, half, 0.0, 0.0))) == pytest.approx((1, 0, 2, 0, 1, 0, 0))
