"""`manage.py ingest_labels`: label files find their frames by name, and what found none is told."""

import pytest
from django.core.management import CommandError, call_command

from scenes.clouds.cloud import CloudError
from scenes.label_files import find_label_files, stem
from scenes.models import LabelSet
from scenes.tests.factories import a_label_folder, a_ready_scene

pytestmark = pytest.mark.django_db


def ingest_labels(*arguments, kind: str = "semantic-kitti", ontology: str = "SemanticKITTI") -> None:
    call_command("ingest_labels", *arguments, "--kind", kind, "--ontology", ontology, verbosity=0)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("000000.pcd", "000000"),
        ("000000.LABEL", "000000"),
        ("n015__LIDAR_TOP__1532.pcd.bin", "n015__LIDAR_TOP__1532"),
        ("token_lidarseg.bin", "token"),
        ("1603.5.npy", "1603.5"),
        ("notes.txt", "notes.txt"),
        (".bin", ".bin"),
    ],
)
def test_clouds_and_labels_share_their_stem(name, wanted):
    assert stem(name) == wanted


def test_a_folder_becomes_the_next_version(tmp_path, capsys):
    scene = a_ready_scene(frames=3)
    folder = a_label_folder(tmp_path, points=200)
    ingest_labels(scene.name, folder, "--note", "first shift", ontology="semantickitti")
    assert (scene.label_sets.get().frame_count, scene.label_sets.get().note) == (3, "first shift")
    said = capsys.readouterr()
    assert said.out == "city-drive-01: labels v1 in SemanticKITTI, 3 frames, 600 points.\n"
    assert said.err == ""


def test_what_finds_no_partner_is_told(tmp_path, capsys):
    scene = a_ready_scene(frames=3)
    folder = a_label_folder(tmp_path, points=200, frames=2)
    (folder / "000009.label").write_bytes(b"")
    ingest_labels(scene.name, folder)
    said = capsys.readouterr().err
    assert "1 frames have no label file and stay unlabelled: 000002.pcd" in said
    assert "1 label files belong to no frame and are left out: 000009.label" in said
    assert scene.label_sets.get().frame_count == 2


def test_labels_of_a_frame_that_is_not_ready_are_left_out(tmp_path, capsys):
    scene = a_ready_scene(frames=2)
    scene.frames.filter(index=1).update(state="quarantined", problem="bad")
    ingest_labels(scene.name, a_label_folder(tmp_path, points=200, frames=2))
    assert "1 frames are not ready, so their labels are left out: 000001.pcd" in capsys.readouterr().err
    assert scene.label_sets.get().frame_count == 1


def test_one_file_labels_a_scene_of_one_frame_whatever_its_name(tmp_path):
    scene = a_ready_scene()
    (file,) = a_label_folder(tmp_path, points=200, frames=1).iterdir()
    ingest_labels(scene.name, file.rename(tmp_path / "truth.label"))
    assert scene.label_sets.get().frame_count == 1


def test_unknown_ids_need_a_word(tmp_path, capsys):
    scene = a_ready_scene()
    folder = a_label_folder(tmp_path, points=200, frames=1)
    (folder / "000000.label").write_bytes(bytes([0, 4, 0, 0]) * 200)
    with pytest.raises(CommandError, match=r"does not know the raw ids 1024 \(200 points\)"):
        ingest_labels(scene.name, folder)
    ingest_labels(scene.name, folder, "--accept-unknown")
    assert "the raw id 1024 is unknown: 200 points are ignored" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "wishes", "words"),
    [
        (["nowhere", "{folder}"], {}, "There is no scene 'nowhere'"),
        (["city-drive-01", "{folder}"], {"ontology": "Kitti"}, "there is no ontology 'Kitti'.*nuScenes lidarseg"),
        (["city-drive-01", "{folder}"], {"kind": "lidarseg"}, r"holds no \.bin file.*is it --kind semantic-kitti"),
        (["city-drive-01", "{folder}/missing"], {}, "does not exist"),
        (["city-drive-01"], {}, "Name the label files' PATH"),
        (["city-drive-01", "{folder}"], {"kind": "field"}, "or leave it out"),
        (["city-drive-01"], {"kind": "field"}, "has no field label"),
    ],
)
def test_mistakes_are_told_with_their_remedy(tmp_path, arguments, wishes, words):
    a_ready_scene()
    folder = a_label_folder(tmp_path, points=200, frames=1)
    with pytest.raises(CommandError, match=f"(?s){words}"):
        ingest_labels(*(argument.format(folder=folder) for argument in arguments), **wishes)
    assert not LabelSet.objects.exists()


def test_files_that_fit_no_frame_are_refused(tmp_path):
    scene = a_ready_scene()
    folder = a_label_folder(tmp_path, points=200, frames=1)
    (folder / "000000.label").rename(folder / "frame-0.label")
    with pytest.raises(CommandError, match="none of the 1 label files is named like a frame of city-drive-01"):
        ingest_labels(scene.name, folder)


def test_two_files_for_one_frame_are_refused(tmp_path):
    folder = a_label_folder(tmp_path, frames=1)
    (folder / "000000_lidarseg.bin").write_bytes(b"")
    (folder / "000000.bin").write_bytes(b"")
    with pytest.raises(CloudError, match="would label the same frame"):
        find_label_files(folder, kind="lidarseg")
