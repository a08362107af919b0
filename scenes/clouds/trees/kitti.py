"""The trees of SemanticKITTI and of KITTI's raw recordings (A. Geiger et al., IJRR 2013)."""

from __future__ import annotations

import re
from collections import defaultdict

from scenes.clouds.cloud import CloudError
from scenes.clouds.trees.scene import TreeFrame, TreeScene

FRAME_NUMBER = re.compile(r"[0-9]{1,12}")
RAW_DATE = re.compile(r"(\d{4})_(\d{2})_(\d{2})_drive_\d+")
Files = dict[int, str]


def semantic_kitti_scenes(paths: list[str]) -> list[TreeScene]:
    """The sequences among `paths`: folders with velodyne/*.bin, and labels/*.label beside it."""
    known = set(paths)
    labels = _by_number(paths, "labels", ".label")
    clouds = _by_number(paths, "velodyne", ".bin")
    _check_belonging(labels, clouds)
    scenes = []
    for folder, files in clouds.items():
        own = labels.get(folder, {})
        name = _name(folder, "sequence")
        frames = (TreeFrame(cloud, number, own.get(number)) for number, cloud in sorted(files.items()))
        scene = TreeScene(
            name,
            name,
            tuple(frames),
            "kitti",
            label_kind="semantic-kitti" if own else None,
            ontology="semantic_kitti" if own else None,
            times=_present(known, folder, "times.txt"),
            poses=_present(known, folder, "poses.txt"),
            calibration=_present(known, folder, "calib.txt"),
        )
        scenes.append(scene)
    return scenes


def kitti_raw_scenes(paths: list[str]) -> list[TreeScene]:
    """The drives among `paths`: folders with velodyne_points/data/*.bin, and oxts/data/*.txt beside it."""
    known = set(paths)
    positions = _by_number(paths, "oxts/data", ".txt")
    scenes = []
    for folder, files in _by_number(paths, "velodyne_points/data", ".bin").items():
        own = positions.get(folder, {})
        name = _name(folder, "drive")
        date = RAW_DATE.match(folder.rstrip("/").rsplit("/", 1)[-1])
        frames = (TreeFrame(cloud, number, position=own.get(number)) for number, cloud in sorted(files.items()))
        scene = TreeScene(
            name,
            name,
            tuple(frames),
            "kitti",
            times=_present(known, folder, "velodyne_points/timestamps.txt"),
            date="-".join(date.groups()) if date else "",
        )
        scenes.append(scene)
    return scenes


def _by_number(paths: list[str], inside: str, suffix: str) -> dict[str, Files]:
    """The files below `<folder>/<inside>/` by folder, which ends in a slash or is empty, and frame number."""
    pattern = re.compile(rf"((?:.*/)?){inside}/([^/]+){re.escape(suffix)}")
    found: dict[str, Files] = defaultdict(dict)
    for path in paths:
        match = pattern.fullmatch(path)
        if not match:
            continue
        folder, stem = match.groups()
        if not FRAME_NUMBER.fullmatch(stem):
            raise CloudError(f"the name {stem[:40]!r} is no frame number", "Name it as 000000.", "frame", path)
        if int(stem) in found[folder]:
            other = found[folder][int(stem)]
            raise CloudError(f"the frame {int(stem)} is there as {other}, too", "Keep one.", "frame", path)
        found[folder][int(stem)] = path
    return dict(found)


def _check_belonging(labels: dict[str, Files], clouds: dict[str, Files]) -> None:
    for folder, files in labels.items():
        for number, path in files.items():
            if number not in clouds.get(folder, {}):
                raise CloudError(
                    f"the labels belong to frame {number}, which has no cloud in {folder}velodyne",
                    "Add the cloud, or remove the labels.",
                    "frame",
                    path,
                )


def _present(known: set[str], folder: str, name: str) -> str | None:
    return f"{folder}{name}" if f"{folder}{name}" in known else None


def _name(folder: str, fallback: str) -> str:
    return "-".join(part for part in folder.split("/") if part) or fallback
