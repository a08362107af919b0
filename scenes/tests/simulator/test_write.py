"""A written drive is a complete folder of readable files, and nobody's files are overwritten."""

from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from scenes.clouds import pcd
from scenes.simulator.drive import SimulatedFrame, simulate_drive
from scenes.simulator.sensor import POINT
from scenes.simulator.write import FolderNotEmptyError, write_drive


@pytest.fixture(scope="module")
def frames() -> list[SimulatedFrame]:
    return list(simulate_drive(frames=3, columns=180))


def test_frames_read_back_as_they_were_made(tmp_path: Path, frames: list[SimulatedFrame]) -> None:
    assert write_drive(tmp_path, frames) == 3
    for number, frame in enumerate(frames):
        read = pcd.read((tmp_path / f"{number:06d}.pcd").read_bytes()).points
        assert read.dtype.names == POINT.names
        for name in POINT.names or ():
            np.testing.assert_array_equal(read[name], frame.points[name])


def test_times_poses_and_track_stand_beside_the_frames(tmp_path: Path, frames: list[SimulatedFrame]) -> None:
    write_drive(tmp_path, frames)
    np.testing.assert_allclose(np.loadtxt(tmp_path / "times.txt"), [0.0, 0.1, 0.2], atol=1e-9)
    poses = np.loadtxt(tmp_path / "poses.txt").reshape(-1, 3, 4)
    np.testing.assert_allclose(poses, [frame.pose[:3] for frame in frames], atol=1e-6)
    assert (tmp_path / "gps.csv").read_text().splitlines()[0] == "time,latitude,longitude,altitude"
    track = np.loadtxt(tmp_path / "gps.csv", delimiter=",", skiprows=1)
    np.testing.assert_allclose(track[:, 0] * 1e9, [frame.timestamp_ns for frame in frames], atol=1e3)
    np.testing.assert_allclose(track[:, 1:], [frame.position for frame in frames], atol=1e-3)
    assert {path.name for path in tmp_path.iterdir()} == {
        "000000.pcd", "000001.pcd", "000002.pcd", "times.txt", "poses.txt", "gps.csv",
    }  # fmt: skip


def test_progress_is_told_after_each_frame(tmp_path: Path, frames: list[SimulatedFrame]) -> None:
    told: list[int] = []
    write_drive(tmp_path / "new" / "folder", islice(frames, 2), progress=lambda frame: told.append(frame.index))
    assert told == [0, 1]


def test_a_folder_with_files_is_refused_and_left_alone(tmp_path: Path, frames: list[SimulatedFrame]) -> None:
    (tmp_path / "mine.txt").write_text("kept")
    with pytest.raises(FolderNotEmptyError, match="not empty"):
        write_drive(tmp_path, frames)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_frame_that_fails_leaves_no_half_file(
    tmp_path: Path, frames: list[SimulatedFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(source: Path, target: Path) -> Path:
        if target.name == "000001.pcd":
            raise OSError("No space left on device")
        return source.rename(target)

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        write_drive(tmp_path, frames)
    assert [path.name for path in tmp_path.iterdir()] == ["000000.pcd"]


def test_the_command_writes_a_drive(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("simulate_drive", str(tmp_path / "drive"), "--frames=2", "--columns=90", "--weather=rain")
    assert "2 frames written" in capsys.readouterr().out
    assert len(list((tmp_path / "drive").glob("*.pcd"))) == 2


def test_the_command_refuses_a_folder_in_use(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("kept")
    with pytest.raises(CommandError, match="not empty"):
        call_command("simulate_drive", str(tmp_path), "--frames=1", "--columns=90", verbosity=0)


@pytest.mark.parametrize("wrong", ["--start=yesterday", "--start=2026-01-01T00:00:00", "--frames=0"])
def test_the_command_refuses_wrong_options(tmp_path: Path, wrong: str) -> None:
    with pytest.raises(CommandError):
        call_command("simulate_drive", str(tmp_path / "drive"), "--columns=90", wrong, verbosity=0)
