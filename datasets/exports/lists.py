"""The manifest as one file: the canonical lines as they were frozen, or a row a frame as Parquet."""

import tempfile
from collections.abc import Iterator
from typing import IO, Any, cast

from datasets import manifests
from datasets.exports.content import ExportedScene, scenes
from datasets.exports.entries import PIECE_BYTES, Entry
from datasets.models import DatasetVersion

ROWS_OF_A_GROUP = 20_000
COLUMNS = {
    "scene": "string", "split": "string", "drive": "string", "ontology": "string", "labels_version": "int32",
    "frame": "string", "index": "int32", "cloud_sha256": "string", "classes_sha256": "string", "format": "string",
    "points": "int64", "bytes": "int64", "timestamp_ns": "int64", "pose": "doubles", "latitude": "float64",
    "longitude": "float64",
}  # fmt: skip


def canonical(version: DatasetVersion, path: str = "manifest.jsonl") -> Entry:
    """The manifest as it was frozen; its sha256 is the version's digest."""
    assert version.manifest is not None
    return Entry(path, version.manifest.size, lambda: manifests.stored_chunks(version))


def parquet(version: DatasetVersion) -> Iterator[Entry]:
    """A row a frame, in the order of the manifest."""
    import pyarrow
    from pyarrow import parquet  # here, since most of the site's processes never need it

    kinds = {"string": pyarrow.string(), "int32": pyarrow.int32(), "int64": pyarrow.int64()}
    kinds |= {"float64": pyarrow.float64(), "doubles": pyarrow.list_(pyarrow.float64())}
    schema = pyarrow.schema([(name, kinds[kind]) for name, kind in COLUMNS.items()])
    file = cast(IO[bytes], tempfile.TemporaryFile())  # noqa: SIM115 - the entry reads it, and it is gone with that
    rows: list[dict[str, Any]] = []
    frames = 0
    with parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        for scene in scenes(version):
            rows += _rows(scene)
            frames += len(scene.frames)
            if len(rows) >= ROWS_OF_A_GROUP:
                writer.write_table(pyarrow.Table.from_pylist(rows, schema))
                rows.clear()
        if rows:
            writer.write_table(pyarrow.Table.from_pylist(rows, schema))
    size = file.tell()

    def pieces() -> Iterator[bytes]:
        file.seek(0)
        while piece := file.read(PIECE_BYTES):
            yield piece

    yield Entry("manifest.parquet", size, pieces, frames=frames)


def _rows(scene: ExportedScene) -> list[dict[str, Any]]:
    labels = scene.label_set
    of_scene = {
        "scene": scene.row.name,
        "split": scene.split,
        "drive": scene.row.drive.name if scene.row.drive else None,
        "ontology": labels.ontology.name if labels else None,
        "labels_version": labels.version if labels else None,
    }
    return [
        of_scene
        | {
            "frame": frame.row.name,
            "index": frame.row.index,
            "cloud_sha256": frame.cloud.digest,
            "classes_sha256": frame.labels.classes.digest if frame.labels else None,
            "format": frame.row.format,
            "points": frame.row.point_count,
            "bytes": frame.cloud.size,
            "timestamp_ns": frame.row.timestamp_ns,
            "pose": frame.row.pose,
            "latitude": frame.row.latitude,
            "longitude": frame.row.longitude,
        }
        for frame in scene.frames
    ]
