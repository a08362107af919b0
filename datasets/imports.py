"""Which labels of a tree made elsewhere belong to which frame of a version, by the layout that its export has.

The layout follows from the version alone, so nothing that lies beside the labels is trusted. Kinds: files per frame
(.label, lidarseg, .npy) in the places where an export puts them, and one JSON file in the form of a release of
Segments.ai (segments_release.py).
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datasets import segments_release
from datasets.exports import formats
from datasets.exports.content import ExportedScene, scenes
from datasets.exports.nuscenes import TABLES, token
from datasets.exports.trees import Tree
from datasets.models import DatasetVersion, ExportFormat
from scenes.clouds.cloud import CloudError
from scenes.label_files import LabelFile
from scenes.models import LabelKind, Ontology, Scene

SEGMENTS = "segments"
KINDS = (LabelKind.SEMANTIC_KITTI, LabelKind.LIDARSEG, LabelKind.NPY, SEGMENTS)
ENDINGS = {LabelKind.SEMANTIC_KITTI: ".label", LabelKind.LIDARSEG: "_lidarseg.bin", LabelKind.NPY: ".npy"}
TREES = (ExportFormat.SEMANTIC_KITTI, ExportFormat.NUSCENES, ExportFormat.PLAIN, ExportFormat.KITTI_RAW)
MOST_NAMED = 5


@dataclass(frozen=True)
class FoundLabels:
    """Labels of one scene: the kind of its files, and the file of each labelled frame by the frame's name."""

    scene: Scene
    kind: str
    files: dict[str, LabelFile]


def tree_of(path: Path, version: DatasetVersion, named: str) -> str:
    """The layout that the labels have: the one that is named, else what EXPORT.json tells.

    Raises CloudError when there is neither, and when EXPORT.json is of another version or layout.
    """
    told = _told(path)
    if told and told.get("digest") != version.digest:
        raise CloudError(
            f"this is an export of {str(told.get('dataset'))[:100]}, with another digest than {version}",
            "Name the version that was exported.",
            file=str(path / formats.TOLD),
        )
    found = named or str(told.get("tree", ""))
    if found not in TREES:
        raise CloudError(f"the layout {found[:40]!r} is not known", f"Declare one of: {', '.join(TREES)}.")
    if told and told.get("tree") != found:
        raise CloudError(f"this is an export as {told.get('tree')}, not as {found}", "Leave --tree out.")
    return found


def _told(path: Path) -> dict[str, Any]:
    file = path / formats.TOLD
    if not file.is_file():
        return {}
    try:
        told = json.loads(file.read_bytes())
    except (ValueError, RecursionError) as error:
        raise CloudError("it is no JSON", "Export the version again, or remove it.", file=str(file)) from error
    return told if isinstance(told, dict) else {}


def find(version: DatasetVersion, path: Path, *, tree: str, kind: str, ontology: Ontology) -> Iterator[FoundLabels]:
    """The labels of each scene that has some, in the order of the manifest.

    Raises CloudError when there are none, when a file belongs to no frame, and for a damaged release.
    """
    layout = formats.TREES[tree](version)
    if kind == SEGMENTS:
        yield from _of_release(version, path, layout, ontology)
        return
    ending = ENDINGS[LabelKind(kind)]
    left = {one.relative_to(path).as_posix() for one in path.rglob(f"*{ending}") if one.is_file()}
    if not left:
        raise CloudError(
            f"no *{ending} is there", "Give the folder of the whole tree, or the right kind.", file=str(path)
        )
    for scene in scenes(version):
        paths = {frame.row.name: _label_path(layout, scene, number, kind) for number, frame in enumerate(scene.frames)}
        files = {name: LabelFile.at(path / place) for name, place in paths.items() if place in left}
        left -= {paths[name] for name in files}
        if files:
            yield FoundLabels(scene.row, kind, files)
    if left:
        named = ", ".join(sorted(left)[:MOST_NAMED])
        raise CloudError(
            f"{len(left)} label files belong to no frame of {version}: {named}", "Remove them, or check the layout."
        )


def _label_path(layout: Tree, scene: ExportedScene, number: int, kind: str) -> str:
    if layout.key == ExportFormat.NUSCENES:
        return f"lidarseg/{TABLES}/{token('sample_data', scene.digest, number)}_lidarseg.bin"
    return f"{layout.folder(scene)}/labels/{layout.stems(scene)[number]}{ENDINGS[LabelKind(kind)]}"


def _of_release(version: DatasetVersion, path: Path, layout: Tree, ontology: Ontology) -> Iterator[FoundLabels]:
    release = segments_release.Release.read(path, ontology)
    for scene in scenes(version):
        stems, folder = layout.stems(scene), layout.folder(scene)
        frames = [
            (frame.row.name, stem, frame.row.point_count) for frame, stem in zip(scene.frames, stems, strict=True)
        ]
        files = release.files_of(scene.row.name, folder, frames)
        if files:
            yield FoundLabels(scene.row, LabelKind.NPY, files)
    release.refuse_left()
