"""The tree of nuScenes: its JSON tables tell which files are frames of which scene of which log.

Tables: H. Caesar et al., "nuScenes: A multimodal dataset for autonomous driving", CVPR 2020, schema of the
devkit. Only scenes whose files are there are given, so that a part of the download will do.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from scenes.clouds.cloud import CloudError, Viewpoint
from scenes.clouds.trees.rigid import Pose, combined
from scenes.clouds.trees.scene import TreeFrame, TreeScene

Row = dict[str, Any]
Table = dict[str, Row]

VERSION = re.compile(r"((?:.*/)?)(v1\.0-[^/]+)/sample_data\.json")
KEY_FRAMES, SWEEPS = "samples/LIDAR_TOP/", "sweeps/LIDAR_TOP/"
COPY_AGAIN = "Copy the tables again: they belong together."


class _Tables:
    """The tables of one version, each read when it is first asked for."""

    def __init__(self, paths: list[str], read: Callable[[str], bytes]) -> None:
        versions = [match for path in paths if (match := VERSION.fullmatch(path))]
        if len(versions) != 1:
            found = ", ".join(match[2] for match in versions) or "none"
            raise CloudError(
                f"the tree needs one folder of tables with sample_data.json, it has: {found}",
                "Give the folder of the dataset with one of v1.0-mini, v1.0-trainval and v1.0-test.",
                file="sample_data.json",
            )
        self.root = versions[0][1]
        self.folder = f"{self.root}{versions[0][2]}/"
        self.paths = set(paths)
        self._read = read

    def has(self, table: str) -> bool:
        return f"{self.folder}{table}.json" in self.paths

    def rows(self, table: str) -> list[Row]:
        """The rows of a table. Raises CloudError when it is missing or no list of rows with a token."""
        path = f"{self.folder}{table}.json"
        if path not in self.paths:
            raise CloudError("the table is missing", COPY_AGAIN, file=path)
        try:
            rows = json.loads(self._read(path))
        except (ValueError, RecursionError) as error:
            raise CloudError(f"the table is no JSON: {error}", COPY_AGAIN, file=path) from error
        if not isinstance(rows, list) or not all(
            isinstance(row, dict) and isinstance(row.get("token"), str) for row in rows
        ):
            raise CloudError("the table is no list of rows with a token", COPY_AGAIN, "token", path)
        return rows

    def table(self, table: str) -> Table:
        return {row["token"]: row for row in self.rows(table)}

    def value(self, table: str, row: Row, field: str, type_: type) -> Any:
        """The `field` of a row. Raises CloudError naming table, row and field when it is not of `type_`."""
        value = row.get(field)
        if not isinstance(value, type_) or isinstance(value, bool) != (type_ is bool):
            raise CloudError(
                f"the row {row['token'][:40]} has {str(value)[:40]!r} as {field}",
                COPY_AGAIN,
                field,
                f"{self.folder}{table}.json",
            )
        return value

    def referred(self, table: str, row: Row, field: str, target: Table) -> Row:
        """The row of `target` whose token stands in `field`. Raises CloudError when there is none."""
        token = self.value(table, row, field, str)
        if token not in target:
            raise CloudError(
                f"the row {row['token'][:40]} refers to {token[:40]}, which is not there",
                COPY_AGAIN,
                field,
                f"{self.folder}{table}.json",
            )
        return target[token]


def nuscenes_scenes(paths: list[str], read: Callable[[str], bytes], *, sweeps: bool) -> list[TreeScene]:
    """The scenes of which at least one LiDAR frame is among `paths`; key frames only without `sweeps`."""
    tables = _Tables(paths, read)
    rows = _lidar_rows(tables, sweeps=sweeps)
    labels = _label_paths(tables)
    poses = _poses(tables, [row for own in rows.values() for row in own])
    scenes, logs = tables.table("scene"), tables.table("log")
    found = []
    for token, own in rows.items():
        frames = _frames(tables, own, labels, poses)
        missing = _missing(tables, own, labels)
        if frames:
            found.append(_scene(tables, scenes[token], logs, frames, missing))
    return found


def _lidar_rows(tables: _Tables, *, sweeps: bool) -> dict[str, list[Row]]:
    """The rows of LiDAR frames by token of their scene, in order of time."""
    folders = (KEY_FRAMES, SWEEPS) if sweeps else (KEY_FRAMES,)
    samples, scenes = tables.table("sample"), tables.table("scene")
    found: dict[str, list[Row]] = defaultdict(list)
    for row in tables.rows("sample_data"):
        if tables.value("sample_data", row, "filename", str).startswith(folders):
            tables.value("sample_data", row, "timestamp", int)
            sample = tables.referred("sample_data", row, "sample_token", samples)
            scene = tables.referred("sample", sample, "scene_token", scenes)
            found[scene["token"]].append(row)
    return {token: sorted(rows, key=lambda row: int(row["timestamp"])) for token, rows in found.items()}


def _label_paths(tables: _Tables) -> dict[str, str]:
    """The path of the labels by token of their frame's row; empty without the lidarseg extension."""
    if not tables.has("lidarseg"):
        return {}
    return {
        tables.value("lidarseg", row, "sample_data_token", str): tables.root
        + tables.value("lidarseg", row, "filename", str)
        for row in tables.rows("lidarseg")
    }


def _poses(tables: _Tables, rows: list[Row]) -> dict[str, Viewpoint]:
    """Poses of the LiDAR in the map by token of the frame's row: ego pose after mounting of the sensor."""
    if not (tables.has("ego_pose") and tables.has("calibrated_sensor")):
        return {}
    egos, sensors = tables.table("ego_pose"), tables.table("calibrated_sensor")
    return {
        row["token"]: combined(
            _pose(tables, "ego_pose", tables.referred("sample_data", row, "ego_pose_token", egos)),
            _pose(
                tables,
                "calibrated_sensor",
                tables.referred("sample_data", row, "calibrated_sensor_token", sensors),
            ),
        )
        for row in rows
    }


def _pose(tables: _Tables, table: str, row: Row) -> Pose:
    place = tables.value(table, row, "translation", list)
    turn = tables.value(table, row, "rotation", list)
    try:
        x, y, z = map(float, place)
        qw, qx, qy, qz = map(float, turn)
    except (TypeError, ValueError) as error:
        raise CloudError(
            f"the row {row['token'][:40]} has no translation of 3 and rotation of 4 numbers",
            COPY_AGAIN,
            "rotation",
            f"{tables.folder}{table}.json",
        ) from error
    return (x, y, z), (qw, qx, qy, qz)


def _frames(
    tables: _Tables, rows: list[Row], labels: dict[str, str], poses: dict[str, Viewpoint]
) -> tuple[TreeFrame, ...]:
    frames = []
    for number, row in enumerate(rows):
        path = tables.root + row["filename"]
        if path in tables.paths:
            own = labels.get(row["token"])
            frame = TreeFrame(
                path,
                number,
                labels=own if own in tables.paths else None,
                nanoseconds=row["timestamp"] * 1000,
                pose=poses.get(row["token"]),
            )
            frames.append(frame)
    return tuple(frames)


def _missing(tables: _Tables, rows: list[Row], labels: dict[str, str]) -> tuple[str, ...]:
    declared = [tables.root + row["filename"] for row in rows]
    declared += [labels[row["token"]] for row in rows if row["token"] in labels]
    return tuple(path for path in declared if path not in tables.paths)


def _scene(
    tables: _Tables, scene: Row, logs: Table, frames: tuple[TreeFrame, ...], missing: tuple[str, ...]
) -> TreeScene:
    log = tables.referred("scene", scene, "log_token", logs)
    labelled = any(frame.labels for frame in frames)
    return TreeScene(
        tables.value("scene", scene, "name", str),
        tables.value("log", log, "logfile", str),
        frames,
        "nuscenes",
        label_kind="lidarseg" if labelled else None,
        ontology="nuscenes_lidarseg" if labelled else None,
        vehicle=str(log.get("vehicle", "")),
        location=str(log.get("location", "")),
        date=str(log.get("date_captured", "")),
        description=str(scene.get("description", "")),
        missing=missing,
    )
