"""SemanticKITTI's tree (J. Behley et al., ICCV 2019): numbered sequences, .bin, .label, and a file of settings."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from datasets.exports import beside, clouds
from datasets.exports.content import ExportedScene
from datasets.exports.entries import Entry
from datasets.exports.labels import RawIds
from datasets.models import DatasetVersion, Split
from scenes.models import LabelKind, Ontology

SETTINGS = "semantic-kitti.yaml"
SPLIT_NAMES = {Split.TRAIN: "train", Split.VAL: "valid", Split.TEST: "test"}


class SemanticKitti:
    key = "semantic-kitti"
    title = "SemanticKITTI"
    summary = "sequences/NN with .bin, .label, poses, times, and the splits and classes in semantic-kitti.yaml."
    carries = (
        "x, y, z and intensity as float32, every point in its place",
        "labels as raw ids; instance numbers where the labels came in as .label files",
        "poses of the LiDAR (calib.txt is the identity), times",
    )
    leaves_out = (
        "fields beyond x, y, z and intensity, which is 0 where a cloud has none",
        "digits of coordinates beyond float32: a millimetre within 10 km of the origin",
        "the names of scenes and frames (scenes.jsonl tells them), positions, absolute times",
    )
    ingest = "manage.py ingest FOLDER --tree semantic-kitti --wait (with --labels-in for other ontologies)"

    def __init__(self, version: DatasetVersion) -> None:
        self._digits = max(2, len(str(max(version.items.count() - 1, 0))))
        self._raw = RawIds()
        self._splits: dict[str, list[int]] = defaultdict(list)
        self._ontology: Ontology | None = None

    def folder(self, scene: ExportedScene) -> str:
        return f"sequences/{scene.number:0{self._digits}d}"

    def stems(self, scene: ExportedScene) -> list[str]:
        return [f"{frame.number:06d}" for frame in scene.frames]

    def files(self, scene: ExportedScene) -> Iterator[Entry]:
        folder = self.folder(scene)
        self._splits[scene.split].append(scene.number)
        if scene.label_set is not None:
            self._ontology = scene.label_set.ontology
        for name, frame in zip(self.stems(scene), scene.frames, strict=True):
            yield clouds.records(f"{folder}/velodyne/{name}.bin", scene, frame, clouds.KITTI)
            labels = self._raw.entry(f"{folder}/labels/{name}.label", scene, frame, LabelKind.SEMANTIC_KITTI)
            if labels is not None:
                yield labels
        files = {
            "times.txt": beside.seconds(beside.relative(scene)),
            "poses.txt": beside.poses(scene.poses or []),
            "calib.txt": [f"{name}: {beside.IDENTITY}" for name in ("P0", "P1", "P2", "P3", "Tr")],
        }
        yield from beside.some(folder, files)

    def missing(self, scene: ExportedScene) -> list[str]:
        return beside.missing(scene)

    def closing(self) -> Iterator[Entry]:
        import yaml

        text = yaml.safe_dump(self._settings(), sort_keys=False, allow_unicode=True)
        yield Entry.of(SETTINGS, text.encode())

    def _settings(self) -> dict[str, Any]:
        """The keys of SemanticKITTI's own file of settings; colours are blue, green, red, as there."""
        classes = list(self._ontology.classes.order_by("index")) if self._ontology else []
        pairs = [(raw, entry) for entry in classes for raw in entry.raw_ids]
        return {
            "name": self._ontology.name if self._ontology else "unlabelled",
            "labels": {raw: entry.name for raw, entry in sorted(pairs, key=lambda pair: pair[0])},
            "color_map": {raw: _blue_green_red(entry.colour) for raw, entry in sorted(pairs, key=lambda one: one[0])},
            "learning_map": {raw: entry.index for raw, entry in sorted(pairs, key=lambda one: one[0])},
            "learning_map_inv": {entry.index: entry.raw_ids[0] for entry in classes if entry.raw_ids},
            "learning_ignore": {entry.index: entry.ignored for entry in classes},
            "split": {SPLIT_NAMES[Split(split)]: sorted(self._splits[split]) for split in Split.values},
        }


def _blue_green_red(colour: str) -> list[int]:
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return [blue, green, red]
