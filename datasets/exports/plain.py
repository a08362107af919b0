"""Plain folders: a folder a split, in it a folder a scene with the original files, and labels beside them."""

from collections.abc import Iterator

from datasets.exports import beside, clouds
from datasets.exports.content import ExportedFrame, ExportedScene
from datasets.exports.entries import Entry, folder_name
from datasets.exports.labels import RawIds
from scenes.label_files import stem
from scenes.models import LabelKind
from scenes.sources import natural_order


class PlainFolders:
    key = "plain"
    title = "Plain folders"
    summary = "The original files byte for byte, a folder for each scene; labels beside them."
    carries = (
        "the original files with all their fields",
        "labels as raw ids: .label files as they came in, else .npy",
        "times to the nanosecond, poses, positions",
    )
    leaves_out = ("predictions, comments, tags",)
    ingest = "manage.py ingest FOLDER/train --wait (with --format kitti or nuscenes for .bin files)"

    def __init__(self) -> None:
        self._raw = RawIds()

    def folder(self, scene: ExportedScene) -> str:
        return f"{scene.split}/{folder_name(scene.row.name, scene.digest)}"

    def names(self, scene: ExportedScene) -> list[str]:
        """The frames' own names, numbered where they would not sort in playing order or clash."""
        names = [frame.row.name.replace("/", "__") for frame in scene.frames]
        stems = [stem(name) for name in names]
        if sorted(names, key=natural_order) == names and len(set(stems)) == len(stems):
            return names
        return [f"{number:06d}_{name}" for number, name in enumerate(names)]

    def stems(self, scene: ExportedScene) -> list[str]:
        return [stem(name) for name in self.names(scene)]

    def files(self, scene: ExportedScene) -> Iterator[Entry]:
        folder, times = self.folder(scene), scene.times_ns
        for name, frame in zip(self.names(scene), scene.frames, strict=True):
            yield clouds.original(f"{folder}/{name}", scene, frame)
            labels = self._labels(f"{folder}/labels/{stem(name)}", scene, frame)
            if labels is not None:
                yield labels
        since_1970 = bool(times) and beside.is_absolute(times or [])
        files = {
            "timestamps.txt": beside.dates(times or []) if since_1970 else None,
            "times.txt": None if since_1970 else beside.seconds(times or []),
            "poses.txt": beside.poses(scene.poses or []),
            "gps.csv": beside.positions(scene),
        }
        yield from beside.some(folder, files)

    def _labels(self, path: str, scene: ExportedScene, frame: ExportedFrame) -> Entry | None:
        came_as = scene.label_set.kind if scene.label_set else ""
        if came_as == LabelKind.SEMANTIC_KITTI and frame.labels is not None and frame.labels.original is not None:
            return self._raw.entry(f"{path}.label", scene, frame, LabelKind.SEMANTIC_KITTI)
        return self._raw.entry(f"{path}.npy", scene, frame, LabelKind.NPY)

    def missing(self, scene: ExportedScene) -> list[str]:
        return beside.missing(scene, positions_too=True)

    def closing(self) -> Iterator[Entry]:
        return iter(())
