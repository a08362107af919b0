"""A tree like that of nuScenes (H. Caesar et al., CVPR 2020; lidarseg: W. Fong et al., RA-L 2022).

Tokens are the first 32 digits of sha256 over the table's name and the digest of what the row is about, so that equal
content has equal tokens. The tables about cameras, boxes and maps are there and empty.
"""

import hashlib
import itertools
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np

from datasets.exports import beside, clouds
from datasets.exports.content import ExportedFrame, ExportedScene
from datasets.exports.entries import Entry, KeptRows
from datasets.exports.labels import RawIds
from datasets.models import Split
from scenes.models import LabelKind, SemanticClass

TABLES = "v1.0-custom"
EMPTY = ("attribute", "instance", "sample_annotation", "visibility")
WRITTEN = ("log", "scene", "sample", "sample_data", "ego_pose", "calibrated_sensor", "sensor", "lidarseg")
UNTURNED = [1.0, 0.0, 0.0, 0.0]


def token(table: str, *about: object) -> str:
    """32 hexadecimal digits that follow from what the row is about."""
    return hashlib.sha256("\n".join([table, *map(str, about)]).encode()).hexdigest()[:32]


class NuScenes:
    key = "nuscenes"
    title = "nuScenes-like"
    summary = "samples/LIDAR_TOP/*.pcd.bin, lidarseg/*.bin and the JSON tables of v1.0-custom, tokens from digests."
    carries = (
        "x, y, z, intensity and ring as float32, every point in its place",
        "labels as raw ids of one byte",
        "names of scenes and drives, times to the microsecond, poses as quaternions, splits.json",
    )
    leaves_out = (
        "fields beyond x, y, z, intensity and ring, which are 0 where a cloud has none",
        "digits of coordinates beyond float32",
        "positions; cameras, boxes and maps, whose tables are empty",
    )
    ingest = "manage.py ingest FOLDER --tree nuscenes --wait (with --labels-in for other ontologies)"

    def __init__(self) -> None:
        self._raw = RawIds()
        self._tables = {name: KeptRows() for name in WRITTEN}
        self._splits: dict[str, list[str]] = defaultdict(list)
        self._logs: list[str] = []
        self._ontologies: set[int] = set()
        self._sensor = token("sensor", "LIDAR_TOP")
        self._mounted = token("calibrated_sensor", "LIDAR_TOP")
        self._add("sensor", token=self._sensor, channel="LIDAR_TOP", modality="lidar")
        self._add(
            "calibrated_sensor", token=self._mounted, sensor_token=self._sensor, translation=[0.0, 0.0, 0.0],
            rotation=UNTURNED, camera_intrinsic=[],
        )  # fmt: skip

    def _add(self, table: str, **row: Any) -> None:
        self._tables[table].add(row)

    def folder(self, scene: ExportedScene) -> str:
        return "samples/LIDAR_TOP"

    def stems(self, scene: ExportedScene) -> list[str]:
        return [f"scene-{scene.number:04d}__LIDAR_TOP__{frame.number:06d}" for frame in scene.frames]

    def files(self, scene: ExportedScene) -> Iterator[Entry]:
        self._tell_scene(scene)
        times, tokens = _microseconds(scene), [token("sample", scene.digest, frame.number) for frame in scene.frames]
        for place, (name, frame) in enumerate(zip(self.stems(scene), scene.frames, strict=True)):
            path = f"{self.folder(scene)}/{name}.pcd.bin"
            yield clouds.records(path, scene, frame, clouds.NUSCENES)
            self._tell_frame(scene, frame, path, times[place], tokens)
            data = token("sample_data", scene.digest, frame.number)
            labels = self._raw.entry(f"lidarseg/{TABLES}/{data}_lidarseg.bin", scene, frame, LabelKind.LIDARSEG)
            if labels is not None:
                self._add("lidarseg", token=data, sample_data_token=data, filename=labels.path)
                yield labels

    def _tell_scene(self, scene: ExportedScene) -> None:
        drive, row = scene.row.drive, scene.row
        name = drive.name if drive else row.name
        log, samples = token("log", name), [token("sample", scene.digest, frame.number) for frame in scene.frames]
        if log not in self._logs:
            self._logs.append(log)
            date = drive.date.isoformat() if drive and drive.date else ""
            self._add(
                "log", token=log, logfile=name, vehicle=drive.vehicle if drive else "", date_captured=date,
                location=drive.location if drive else "",
            )  # fmt: skip
        self._splits[scene.split].append(row.name)
        if scene.label_set is not None:
            self._ontologies.add(scene.label_set.ontology_id)
        self._add(
            "scene", token=token("scene", scene.digest), log_token=log, nbr_samples=len(samples), name=row.name,
            first_sample_token=samples[0] if samples else "", last_sample_token=samples[-1] if samples else "",
            description=row.notes,
        )  # fmt: skip

    def _tell_frame(self, scene: ExportedScene, frame: ExportedFrame, path: str, time: int, samples: list[str]) -> None:
        number = frame.number
        data = [token("sample_data", scene.digest, other) for other in (number - 1, number, number + 1)]
        last = number == len(samples) - 1
        following = {"prev": samples[number - 1] if number else "", "next": "" if last else samples[number + 1]}
        self._add(
            "sample", token=samples[number], timestamp=time, **following, scene_token=token("scene", scene.digest)
        )
        pose = token("ego_pose", scene.digest, number)
        place, turn = motion(frame.row.pose)
        self._add("ego_pose", token=pose, timestamp=time, rotation=turn, translation=place)
        self._add(
            "sample_data", token=data[1], sample_token=samples[number], ego_pose_token=pose, timestamp=time,
            calibrated_sensor_token=self._mounted, fileformat="pcd", is_key_frame=True, height=0, width=0,
            filename=path, prev=data[0] if number else "", next="" if last else data[2],
        )  # fmt: skip

    def missing(self, scene: ExportedScene) -> list[str]:
        told = [words for words in beside.missing(scene) if "no file" not in words]
        if scene.times_ns is None:
            told.append("a frame has no time, or they do not increase: timestamps are the numbers of the frames")
        if scene.poses is None:
            told.append("a frame has no pose: the identity stands there")
        return told

    def closing(self) -> Iterator[Entry]:
        for name in WRITTEN:
            yield self._tables[name].entry(f"{TABLES}/{name}.json")
        for name in EMPTY:
            yield KeptRows().entry(f"{TABLES}/{name}.json")
        yield Entry.of_json(f"{TABLES}/category.json", self._categories())
        maps = [{"token": token("map"), "log_tokens": self._logs, "category": "none", "filename": ""}]
        yield Entry.of_json(f"{TABLES}/map.json", maps)
        yield Entry.of_json(f"{TABLES}/splits.json", {split: self._splits[split] for split in Split.values})

    def _categories(self) -> list[dict[str, Any]]:
        """A category for each raw id of a byte; `index` is what the lidarseg files hold."""
        rows = []
        for entry in SemanticClass.objects.filter(ontology__in=self._ontologies).order_by("ontology", "index"):
            small = [raw for raw in entry.raw_ids if raw <= 0xFF]
            for raw in small:
                name = entry.name if len(small) == 1 else f"{entry.name}.{raw}"
                rows.append({"token": token("category", name), "name": name, "description": entry.name, "index": raw})
        return sorted(rows, key=lambda row: int(str(row["index"])))


def _microseconds(scene: ExportedScene) -> list[int]:
    """Times that increase; the numbers of the frames where there are none."""
    times = [time // 1000 for time in scene.times_ns or []]
    if not times or any(b <= a for a, b in itertools.pairwise(times)):
        return [frame.number for frame in scene.frames]
    return times


def motion(pose: list[float] | None) -> tuple[list[float], list[float]]:
    """Translation and unit quaternion (w, x, y, z) of a row-major 3x4 pose; the identity for None.

    The largest of the four components is taken from the trace or the diagonal (S. W. Shepperd, "Quaternion from
    rotation matrix", J. Guidance and Control 1978), so that no small number is divided by.
    """
    if pose is None:
        return [0.0, 0.0, 0.0], UNTURNED
    matrix = np.array(pose, np.float64).reshape(3, 4)
    turn, place = matrix[:, :3], matrix[:, 3]
    squares = np.array([np.trace(turn), *np.diag(turn)])
    largest = int(squares.argmax())
    if largest == 0:
        found = [1 + squares[0], turn[2, 1] - turn[1, 2], turn[0, 2] - turn[2, 0], turn[1, 0] - turn[0, 1]]
    else:
        i, j, k = [(0, 1, 2), (1, 2, 0), (2, 0, 1)][largest - 1]
        found = [turn[k, j] - turn[j, k], 0.0, 0.0, 0.0]
        found[1 + i] = 1 + turn[i, i] - turn[j, j] - turn[k, k]
        found[1 + j], found[1 + k] = turn[i, j] + turn[j, i], turn[i, k] + turn[k, i]
    quaternion = np.array(found) / np.linalg.norm(found)
    return place.tolist(), quaternion.tolist()
