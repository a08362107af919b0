"""What lies on disk becomes sequences: a folder is a scene, a tree is one per folder with clouds."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenes.clouds.cloud import CloudError
from scenes.sources import find_sequences, natural_order
from scenes.tests.factories import a_drive_folder


def test_a_folder_is_one_scene_named_after_it(tmp_path):
    (sequence,) = find_sequences(a_drive_folder(tmp_path, name="night-drive", frames=2))
    assert sequence.name == "night-drive"
    assert [frame.name for frame in sequence.frames] == ["000000.pcd", "000001.pcd"]


def test_a_tree_is_one_scene_per_folder_with_clouds(tmp_path):
    a_drive_folder(tmp_path / "log", name="a", frames=1)
    a_drive_folder(tmp_path / "log/deeper", name="b", frames=1)
    (tmp_path / "log/pictures").mkdir()
    names = [sequence.name for sequence in find_sequences(tmp_path / "log")]
    assert names == ["log-a", "log-deeper-b"]


def test_a_single_file_is_a_scene_with_one_frame(tmp_path):
    folder = a_drive_folder(tmp_path, frames=1)
    (sequence,) = find_sequences(folder / "000000.pcd")
    assert (sequence.name, len(sequence.frames)) == ("000000", 1)


def test_frame_10_plays_after_frame_9(tmp_path):
    folder = a_drive_folder(tmp_path, frames=1)
    cloud = (folder / "000000.pcd").read_bytes()
    (folder / "000000.pcd").unlink()
    for number in (10, 9, 1):
        (folder / f"frame{number}.pcd").write_bytes(cloud)
    (sequence,) = find_sequences(folder)
    assert [frame.name for frame in sequence.frames] == ["frame1.pcd", "frame9.pcd", "frame10.pcd"]


@given(st.lists(st.text(max_size=12)))
def test_any_names_can_be_ordered(names):
    assert Counter(sorted(names, key=natural_order)) == Counter(names)


def test_the_small_files_beside_the_frames_are_found(tmp_path):
    folder = a_drive_folder(tmp_path, frames=1)
    (folder / "times.txt").write_text("0.0\n")
    (sequence,) = find_sequences(folder)
    assert sequence.beside == (folder / "times.txt",)
    assert [frame.name for frame in sequence.frames] == ["000000.pcd"]


def test_an_empty_folder_is_refused_by_name(tmp_path):
    with pytest.raises(CloudError, match=r"holds no point cloud.*\.pcd") as refused:
        find_sequences(tmp_path)
    assert refused.value.file == str(tmp_path)


def test_a_path_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(CloudError, match="does not exist"):
        find_sequences(tmp_path / "nowhere")


def test_a_file_of_no_known_format_is_refused(tmp_path):
    (tmp_path / "notes.docx").write_text("not a cloud")
    with pytest.raises(CloudError, match="format is not known"):
        find_sequences(tmp_path / "notes.docx")


def test_links_to_folders_are_not_followed(tmp_path):
    folder = a_drive_folder(tmp_path, frames=1)
    (folder / "again").symlink_to(folder)
    assert len(find_sequences(folder)) == 1
