"""Releases of Segments.ai: one JSON file with the labels of point clouds, a list of numbers for each cloud.

What is read of it (docs.segments.ai, "Structure of the release file" and "Label formats"):

    {"dataset": {"task_attributes": {"categories": [{"id": 1, "name": "road"}, ...]},
                 "samples": [{"name": "...", "attributes": {...}, "labels": {"ground-truth": {"attributes": LABEL}}}]}}

LABEL of a cloud is {"annotations": [{"id": 7, "category_id": 1}, ...], "point_annotations": [7, 7, 0, ...]}: an
object's id for each point, 0 where nothing was labelled; of a sequence {"frames": [LABEL, ...]}. Categories are the
classes of the ontology by their names.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt

from scenes.clouds.cloud import CloudError
from scenes.label_files import LabelFile, stem
from scenes.models import Ontology

MOST_BYTES = 2 * 1024**3
LABEL_SET = "ground-truth"
HEADER_BYTES = 256
EXPORT_AGAIN = "Export the release again."
Frames = Sequence[tuple[str, str, int]]
Label = Mapping[str, Any]


class Release:
    """The samples of a release that were not taken yet, by name."""

    def __init__(self, name: str, samples: dict[str, dict[str, Any]], raw: dict[int, int], unlabelled: int) -> None:
        self._name, self._samples, self._raw, self._unlabelled = name, samples, raw, unlabelled

    @classmethod
    def read(cls, path: Path, ontology: Ontology) -> "Release":
        """Raises CloudError when the file is none, or has a category that is no class of the ontology."""
        if not path.is_file() or path.stat().st_size > MOST_BYTES:
            raise CloudError(f"it is no file, or larger than {MOST_BYTES:,} bytes", EXPORT_AGAIN, file=str(path))
        try:
            told = json.loads(path.read_bytes())
            dataset = told["dataset"]
            categories = [(int(one["id"]), str(one["name"])) for one in dataset["task_attributes"]["categories"]]
            samples = {str(one["name"]): one for one in dataset["samples"]}
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise CloudError(
                f"it is no release of Segments.ai: {type(error).__name__} {str(error)[:60]}",
                EXPORT_AGAIN,
                file=path.name,
            ) from error
        classes = {entry.name.casefold(): entry for entry in ontology.classes.all()}
        strange = [name for _, name in categories if name.casefold() not in classes]
        if strange:
            raise CloudError(
                f"{ontology.name} has no class {', '.join(strange[:5])}", "Name the categories after its classes.",
                "categories", path.name,
            )  # fmt: skip
        bare = [entry.name for _, name in categories if not (entry := classes[name.casefold()]).raw_ids]
        ignored = next((entry for entry in ontology.classes.order_by("index") if entry.ignored and entry.raw_ids), None)
        if bare or ignored is None:
            what = f"the class {bare[0]} has no raw id" if bare else "there is no ignored class with a raw id"
            raise CloudError(what, "Give it one.", file=ontology.name)
        raw = {number: classes[name.casefold()].raw_ids[0] for number, name in categories}
        return cls(path.name, samples, raw, ignored.raw_ids[0])

    def files_of(self, scene: str, folder: str, frames: Frames) -> dict[str, LabelFile]:
        """The labels of a scene's frames, given as (name, stem in the export, points), by the frames' names.

        A sample is a whole scene when it is named as the scene or as its folder in the export, or else one frame,
        when it is named as the frame's file below either of these. Raises CloudError when counts differ.
        """
        names = (scene, folder, PurePosixPath(folder).name)
        for name in names:
            sample = self._samples.pop(name, None)
            if sample is not None:
                return self._sequence(name, _label(sample), sample, frames)
        files = {}
        for frame, exported, points in frames:
            for place in names:
                known = (f"{place}/{exported}", f"{place}/{stem(frame)}", f"{place}/velodyne/{exported}")
                found = next((name for name in self._samples if stem(name) in known), None)
                if found is not None:
                    label = _label(self._samples.pop(found))
                    if label is not None:
                        files[frame] = self._file(f"{self._name}, {found}", label, points)
                    break
        return files

    def refuse_left(self) -> None:
        """Raises CloudError when labelled samples were taken by no scene."""
        left = sorted(name for name, sample in self._samples.items() if _label(sample) is not None)
        if left:
            raise CloudError(
                f"{len(left)} samples belong to no scene or frame of the version: {', '.join(left[:5])}",
                "Name them after the scene, or after the file in the export.",
                file=self._name,
            )

    def _sequence(
        self, name: str, label: Label | None, sample: Mapping[str, Any], frames: Frames
    ) -> dict[str, LabelFile]:
        if label is None:
            return {}
        labels = label.get("frames", [label])
        where = f"{self._name}, {name}"
        if not isinstance(labels, list) or len(labels) != len(frames):
            count = len(labels) if isinstance(labels, list) else 0
            raise CloudError(
                f"there are labels of {count} frames, the scene has {len(frames)}", EXPORT_AGAIN, file=where
            )
        return {
            frame: self._file(f"{where}, frame {place}", one, points)
            for place, ((frame, _, points), one) in enumerate(zip(frames, labels, strict=True))
            if isinstance(one, dict) and one.get("point_annotations")
        }

    def _file(self, name: str, label: Label, points: int) -> LabelFile:
        return LabelFile(name, points * 4 + HEADER_BYTES, _npy(lambda: self._raw_ids(label, name)))

    def _raw_ids(self, label: Label, name: str) -> npt.NDArray[np.uint32]:
        """The raw id of each point. Raises CloudError for an object that is not listed, or of no known category."""
        try:
            objects = {int(one["id"]): int(one["category_id"]) for one in label.get("annotations", [])}
            ids = np.array(label["point_annotations"], np.int64)
        except (ValueError, KeyError, TypeError, OverflowError) as error:
            raise CloudError("the annotations are not what they should be", EXPORT_AGAIN, file=name) from error
        known, places = np.unique(ids, return_inverse=True)
        raw = np.empty(len(known), np.uint32)
        for place, one in enumerate(known.tolist()):
            category = objects.get(one)
            if category is None and one != 0:
                raise CloudError(f"the object {one} is not among the annotations", EXPORT_AGAIN, file=name)
            if category is not None and category not in self._raw:
                raise CloudError(f"the category {category} is not among the categories", EXPORT_AGAIN, file=name)
            raw[place] = self._unlabelled if category is None else self._raw[category]
        return raw[places.reshape(-1)]


def _label(sample: Mapping[str, Any]) -> Label | None:
    """The ground truth of a sample; None when nobody labelled it."""
    found = (sample.get("labels") or {}).get(LABEL_SET) or {}
    attributes = found.get("attributes")
    if not isinstance(attributes, dict) or not (attributes.get("point_annotations") or attributes.get("frames")):
        return None
    return attributes


def _npy(raw_ids: Callable[[], npt.NDArray[np.uint32]]) -> Callable[[], bytes]:
    def read() -> bytes:
        file = BytesIO()
        np.save(file, raw_ids().astype("<u4"), allow_pickle=False)
        return file.getvalue()

    return read
