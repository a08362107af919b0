"""The formats of exports by key, and the files of a version in one of them, in the order in which they go out."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from datasets.exports import labels, lists
from datasets.exports.content import ExportedScene, scenes
from datasets.exports.entries import Entry, Kept, folder_name
from datasets.exports.kitti_raw import KittiRaw
from datasets.exports.nuscenes import NuScenes
from datasets.exports.plain import PlainFolders
from datasets.exports.semantic_kitti import SemanticKitti
from datasets.exports.trees import Tree
from datasets.models import DatasetVersion, ExportFormat
from scenes.errors import RefusedError
from scenes.models import LabelKind

FORMAT = "lamm-export/1"
TOLD, SCENES, MANIFEST, README = "EXPORT.json", "scenes.jsonl", "manifest.jsonl", "README.md"
NOTES_KEPT = 500
TREES: dict[str, Callable[[DatasetVersion], Tree]] = {
    ExportFormat.PLAIN: lambda version: PlainFolders(),
    ExportFormat.SEMANTIC_KITTI: SemanticKitti,
    ExportFormat.NUSCENES: lambda version: NuScenes(),
    ExportFormat.KITTI_RAW: lambda version: KittiRaw(),
}
LABELS = {
    ExportFormat.PLAIN: LabelKind.NPY,
    ExportFormat.SEMANTIC_KITTI: LabelKind.SEMANTIC_KITTI,
    ExportFormat.NUSCENES: LabelKind.LIDARSEG,
}


@dataclass(frozen=True)
class Described:
    """A format in words."""

    key: str
    title: str
    summary: str
    carries: tuple[str, ...]
    leaves_out: tuple[str, ...]


LISTS = (
    Described(
        ExportFormat.MANIFEST, "Manifest, JSON Lines", "One file: a line a scene, with the sha256 of every file.",
        ("names, splits, versions of labels, digests",), ("the files themselves",),
    ),
    Described(
        ExportFormat.PARQUET, "Manifest, Parquet", "One file: a row a frame, for data frames and SQL.",
        ("the manifest with times, poses, positions and numbers of points",), ("the files themselves",),
    ),
)  # fmt: skip
DESCRIBED: dict[str, Described] = {
    one.key: Described(one.key, one.title, one.summary, one.carries, one.leaves_out)
    for one in (PlainFolders, SemanticKitti, NuScenes, KittiRaw, *LISTS)
}


def is_single(key: str) -> bool:
    """Whether the export is one file and no tree."""
    return key not in TREES


def name(version: DatasetVersion, key: str) -> str:
    """What the archive, or the one file, is called up to its ending."""
    return f"{folder_name(version.dataset.name, version.digest)}-v{version.number}-{key}"


def ending(key: str) -> str:
    """What follows it."""
    return {ExportFormat.MANIFEST: ".jsonl", ExportFormat.PARQUET: ".parquet"}.get(ExportFormat(key), ".tar")


def refusals(version: DatasetVersion) -> dict[str, str]:
    """By format: why it can't hold the version's labels, where it can't. One query."""
    classes = labels.used_classes(version)
    found = {key: labels.problem(classes, kind) for key, kind in LABELS.items()}
    return {str(key): words for key, words in found.items() if words}


def check(version: DatasetVersion, key: str) -> None:
    """Raises RefusedError when this format can't hold the version's labels."""
    words = refusals(version).get(key) if key in LABELS else None
    if words:
        raise RefusedError(words)


def entries(version: DatasetVersion, key: str) -> Iterator[Entry]:
    """All files of the export; EXPORT.json is the last one of a tree, so where it is, all is there."""
    if key == ExportFormat.MANIFEST:
        return iter([lists.canonical(version)])
    if key == ExportFormat.PARQUET:
        return lists.parquet(version)
    return _tree(version, TREES[key](version))


def _tree(version: DatasetVersion, tree: Tree) -> Iterator[Entry]:
    told = _Told()
    for scene in scenes(version):
        yield from tree.files(scene)
        told.add(tree, scene)
    yield from tree.closing()
    yield told.lines.entry(SCENES)
    yield lists.canonical(version, MANIFEST)
    yield Entry.of(README, _readme(version, tree).encode())
    yield Entry.of_json(TOLD, _summary(version, tree, told))


@dataclass
class _Told:
    """What is gathered over the scenes."""

    lines: Kept = field(default_factory=Kept)
    counts: Counter[str] = field(default_factory=Counter)
    splits: Counter[str] = field(default_factory=Counter)
    ontologies: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)

    def add(self, tree: Tree, scene: ExportedScene) -> None:
        labels = scene.label_set
        missing = tree.missing(scene)
        line = {
            "folder": tree.folder(scene),
            "scene": scene.row.name,
            "split": scene.split,
            "drive": scene.row.drive.name if scene.row.drive else None,
            "digest": scene.digest,
            "labels": {"ontology": labels.ontology.name, "version": labels.version} if labels else None,
            "start_ns": scene.times_ns[0] if scene.times_ns else None,
            "frames": [
                [stem, frame.row.name, frame.row.point_count]
                for stem, frame in zip(tree.stems(scene), scene.frames, strict=True)
            ],
            "missing": missing,
        }
        text = json.dumps(line, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        self.lines.write(f"{text}\n".encode())
        self.counts.update(scenes=1, frames=len(scene.frames), points=sum(f.row.point_count for f in scene.frames))
        self.counts["notes"] += len(missing)
        self.splits[scene.split] += 1
        self.ontologies |= {labels.ontology.name} if labels else set()
        self.notes += [f"{scene.row.name}: {words}" for words in missing][: max(0, NOTES_KEPT - len(self.notes))]


def _summary(version: DatasetVersion, tree: Tree, told: _Told) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "tree": tree.key,
        "dataset": str(version),
        "digest": version.digest,
        "ontology": next(iter(told.ontologies), None),
        "scenes": told.counts["scenes"],
        "frames": told.counts["frames"],
        "points": told.counts["points"],
        "splits": dict(sorted(told.splits.items())),
        "carries": list(tree.carries),
        "leaves_out": list(tree.leaves_out),
        "notes": told.notes,
        "note_count": told.counts["notes"],
    }


def _readme(version: DatasetVersion, tree: Tree) -> str:
    return "\n".join(
        [
            f"# {version}, {tree.title}",
            "",
            tree.summary,
            "",
            f"Digest of the version: {version.digest}",
            "",
            "Carried:",
            "",
            *(f"- {words}" for words in tree.carries),
            "",
            "Left out:",
            "",
            *(f"- {words}" for words in tree.leaves_out),
            "",
            f"`{SCENES}` tells which scene and frame each file is, `{MANIFEST}` is the manifest of the version (its",
            f"sha256 is the digest), `{TOLD}` sums up; where it is, the export is complete.",
            "",
            f"Into LAMM again: `{tree.ingest}`.",
            f"Labels made on this tree: `manage.py import_labels {version} THIS_FOLDER --kind KIND`.",
            "",
        ]
    )
