"""Frozen versions of datasets: `connection.dataset("Urban_Night_Scenes@v2")["train"]` iterates frames."""

from __future__ import annotations

import hashlib
import json
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, as_completed, wait
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from lamm_client import fetching
from lamm_client.cache import Cache
from lamm_client.errors import DamagedError, IncompatibleError, LammError, NotFoundError, UnreachableError
from lamm_client.frames import Frame, SceneFrames, Source, Split
from lamm_client.labels import IGNORE_INDEX, Classes, Ids, Ontology, Unmatched, mapping_table
from lamm_client.transport import Transport

MANIFEST, FRAMES = "lamm-dataset-manifest/1", "lamm-dataset-frames/1"
VERSION = re.compile(r"(?P<name>[^@]+)@v?(?P<number>\d{1,9})")
SPLITS = ("train", "val", "test")
DEPRECATED = "deprecated"
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Downloaded:
    """What `Dataset.download` did: frames in all, frames that were not here before, and bytes of these."""

    frames: int
    fetched: int
    bytes: int


class Dataset:
    """A frozen version of a dataset. Nothing of it changes any more; `digest` names its content.

    Attributes:
        name: of the dataset; `number` is that of the version.
        digest: sha256 of the manifest.
        state: frozen or deprecated.
        splits: names of the splits that have scenes.
        ontology: of its labels; None when no scene has labels.
        table: what labels are mapped by, uint8 of shape (256,), or None; see `mapped`.
        ignore_index: what `mapped` gives to points that do not count.
    """

    def __init__(
        self, source: Source, facts: dict[str, Any], scenes: Sequence[SceneFrames], ignore_index: int = IGNORE_INDEX
    ) -> None:
        version = facts["version"]
        self.name, self.number = str(version["dataset"]), int(version["number"])
        self.digest, self.state = str(version["digest"]), str(version["state"])
        self.ontology = Ontology.of(facts["ontology"]) if facts["ontology"] else None
        self.splits = tuple(split for split in SPLITS if any(scene.split == split for scene in scenes))
        self.ignore_index = ignore_index
        self._source = replace(source, ontology=self.ontology)
        self._facts, self._scenes = facts, scenes

    def __repr__(self) -> str:
        sizes = ", ".join(f"{split} {len(self[split])}" for split in self.splits)
        return f"<{self._source.version}, {self.state}, frames: {sizes}>"

    def __getitem__(self, split: str) -> Split:
        """The frames of a split. Raises LammError when there is no such split, or nothing in it."""
        if split not in self.splits:
            raise LammError(f"{self._source.version} has no {split!r}. It has: {', '.join(self.splits)}.")
        return Split(self._source, split, [scene for scene in self._scenes if scene.split == split])

    @property
    def table(self) -> Classes | None:
        return self._source.table

    def mapped(
        self,
        to: str | Ontology | Ids | None = None,
        *,
        ignore_index: int = IGNORE_INDEX,
        unmatched: Unmatched = "refuse",
    ) -> Dataset:
        """The same dataset with its labels in other classes.

        `to` is the name of an ontology, whose classes of the same names are meant; a mapping by name or index, such as
        {"car": 1, "road": 0, "vegetation": None}; or an array with one id per class. Without it the indices stay.
        Points of classes that are left out of metrics, and those mapped to None, get `ignore_index`. Raises LammError
        for classes of which nothing is said, unless `unmatched` is "ignore", and for a dataset without labels.
        """
        if self.ontology is None:
            raise LammError(f"{self._source.version} has no labels.")
        goal = self._named_ontology(to) if isinstance(to, str) else to
        table = mapping_table(self.ontology, goal, ignore_index=ignore_index, unmatched=unmatched)
        return Dataset(replace(self._source, table=table), self._facts, self._scenes, ignore_index)

    def _named_ontology(self, name: str) -> Ontology:
        return Ontology.of(_ontology(self._source.transport, self._source.cache, name))

    def download(
        self,
        splits: str | Sequence[str] | None = None,
        *,
        workers: int = 8,
        progress: Progress | None = None,
    ) -> Downloaded:
        """Bring all files of all, or of some, splits to this machine; what is here already is not sent again.

        `progress` is called with the bytes that are here and the bytes in all, as the server stores them. A download
        that was cut goes on where it stopped. Raises LammError: the first that goes wrong ends it; what came is kept.
        """
        chosen = self.splits if splits is None else [splits] if isinstance(splits, str) else splits
        frames, total, wanted = 0, 0, 0
        missing: list[tuple[Split, int]] = []
        for split in map(self.__getitem__, chosen):
            frames += len(split)
            for number in range(len(split)):
                frame = split[number]
                total += frame.size
                if not frame.is_local():
                    missing.append((split, number))
                    wanted += frame.size
        self._refuse_beyond_limit(total)
        told = progress or (lambda done, total: None)
        told(total - wanted, total)
        done = total - wanted
        for frame in _fetched((split[number] for split, number in missing), workers):
            done += frame.size
            told(done, total)
        return Downloaded(frames, len(missing), wanted)

    def _refuse_beyond_limit(self, total: int) -> None:
        cache = self._source.cache
        if total > cache.limit:
            raise LammError(
                f"{self._source.version}: {total:,} bytes are wanted, the cache {cache.folder} keeps {cache.limit:,}. "
                "Set LAMM_CACHE_BYTES to more, or pass connection.dataset a cache with a higher limit."
            )


def _fetched(frames: Iterator[Frame], workers: int) -> Iterator[Frame]:
    """Frames as their files arrive, fetched by so many threads. The first error ends it."""
    pool = ThreadPoolExecutor(max(1, workers), thread_name_prefix="lamm-download")
    running: set[Future[Frame]] = set()
    try:
        for frame in frames:
            running.add(pool.submit(_fetch, frame))
            if len(running) >= 2 * workers:
                ended, running = wait(running, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in ended)
        yield from (future.result() for future in as_completed(running))
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _fetch(frame: Frame) -> Frame:
    frame.fetch()
    return frame


def open_dataset(transport: Transport, cache: Cache, name: str, *, refresh: bool = False) -> Dataset:
    """The frozen version `NAME@v2`. Raises LammError.

    Its manifest is fetched once and checked against the digest. What is known of its frames beside the manifest is
    kept, too, until `refresh` asks anew. A server that can't be reached is not needed for what is all here.
    """
    found = VERSION.fullmatch(name)
    if found is None:
        raise LammError(f"{name!r} is no version of a dataset. Write it as NAME@v2.")
    written = f"{found['name']}@v{int(found['number'])}"
    facts = _facts(transport, cache, found["name"], int(found["number"]), refresh)
    version = facts["version"]
    if version["state"] == DEPRECATED:
        warnings.warn(f"{written} is deprecated: {version['deprecation_reason']}", stacklevel=3)
    columns = _lines(_kept_frames(cache, facts, written), FRAMES)
    header = next(columns)
    source = Source(written, transport, cache, {kind: header[kind] for kind in ("cloud", "points", "labels")})
    return Dataset(source, facts, list(_scenes(_manifest(transport, cache, version), columns, written)))


def _facts(transport: Transport, cache: Cache, name: str, number: int, refresh: bool) -> dict[str, Any]:
    """The version, its ontology, and the sha256 of what is known of its frames; from the cache without a server."""
    key = _key(transport, f"{name}@{number}")
    known = json.loads(cache.read(key) or b"{}")
    try:
        version = _version(transport, name, number)
    except UnreachableError as error:
        if not known:
            raise UnreachableError(
                f"{name}@v{number} was never opened with the cache {cache.folder}, and nobody can be asked: {error}"
            ) from error
        return dict(known)
    same = bool(known) and known["version"]["digest"] == version["digest"]
    if refresh or not same or cache.find(known["frames"]) is None:
        known = {
            "ontology": _ontology_of(transport, cache, version),
            "frames": _frames_digest(transport, cache, version),
        }
    known["version"] = version
    cache.write(key, json.dumps(known).encode())
    return dict(known)


def _version(transport: Transport, name: str, number: int) -> dict[str, Any]:
    """What the server tells of a frozen version. Raises NotFoundError, and ConflictError for a draft."""
    versions = {row["number"]: row for row in transport.pages("api/dataset-versions/", dataset=name)}
    if number not in versions:
        known = ", ".join(f"v{number} ({versions[number]['state']})" for number in sorted(versions))
        raise NotFoundError(
            404, f"There is no {name}@v{number}. " + (f"It has {known}." if known else "No such dataset.")
        )
    version: dict[str, Any] = versions[number]
    if not version["digest"]:
        transport.get(f"{_place(version)}manifest/")  # the server says why there is none
    return version


def _place(version: dict[str, Any]) -> str:
    return f"api/dataset-versions/{version['id']}/"


def _manifest(transport: Transport, cache: Cache, version: dict[str, Any]) -> Path:
    return cache.get(version["digest"], fetching.original(transport, f"{_place(version)}manifest/", version["digest"]))


def _frames_digest(transport: Transport, cache: Cache, version: dict[str, Any]) -> str:
    """The sha256 of what is known of the frames, which is kept in the cache then."""
    content = transport.request("GET", f"{_place(version)}frames/").content
    digest = hashlib.sha256(content).hexdigest()
    cache.get(digest, lambda file, offset: _rest(file, content[offset:]))
    return digest


def _kept_frames(cache: Cache, facts: dict[str, Any], version: str) -> Path:
    found = cache.find(facts["frames"])
    if found is None:
        raise UnreachableError(f"What is known of the frames of {version} is not in the cache {cache.folder} any more.")
    return found


def _rest(file: BinaryIO, content: bytes) -> None:
    file.write(content)


def _ontology_of(transport: Transport, cache: Cache, version: dict[str, Any]) -> dict[str, Any] | None:
    """The ontology of the pinned labels, as the manifest names it. Raises LammError when there are several."""
    lines = _lines(_manifest(transport, cache, version), MANIFEST)
    next(lines)
    names = {line["labels"]["ontology"] for line in lines if line["labels"]}
    if len(names) > 1:
        raise LammError(
            f"The labels are of several ontologies: {', '.join(sorted(names))}. Ask for a version with one."
        )
    return _ontology(transport, cache, names.pop()) if names else None


def _ontology(transport: Transport, cache: Cache, name: str) -> dict[str, Any]:
    """What the API tells of an ontology, or told before when it can't be reached. Raises LammError without one."""
    key = _key(transport, f"ontology {name}")
    try:
        known = {row["name"]: row for row in transport.pages("api/ontologies/")}
    except UnreachableError:
        kept = cache.read(key)
        if kept is None:
            raise
        return dict(json.loads(kept))
    if name not in known:
        raise LammError(f"There is no ontology {name!r}. There are: {', '.join(sorted(known))}.")
    cache.write(key, json.dumps(known[name]).encode())
    return dict(known[name])


def _key(transport: Transport, what: str) -> str:
    """The name in the cache of what a server said of something."""
    return f"{hashlib.sha256(f'{transport.url} {what}'.encode()).hexdigest()}.json"


def _lines(path: Path, form: str) -> Iterator[dict[str, Any]]:
    """Objects of a JSON Lines file whose first line names its format. Raises IncompatibleError for another format."""
    with path.open("rb") as file:
        for number, line in enumerate(file):
            told = json.loads(line)
            if number == 0 and told.get("format") != form:
                raise IncompatibleError(
                    f"The server writes {told.get('format')!r}, this client reads {form!r}. Upgrade lamm-client."
                )
            yield {**told, "line": hashlib.sha256(line).hexdigest()}


def _scenes(manifest: Path, columns: Iterator[dict[str, Any]], version: str) -> Iterator[SceneFrames]:
    """The scenes of the manifest, in its order, each with the columns that belong to it."""
    known = {facts["digest"]: facts for facts in columns}
    lines = _lines(manifest, MANIFEST)
    next(lines)
    for line in lines:
        facts = known.get(line["line"])
        if facts is None:
            raise DamagedError(
                f"The server tells nothing of the scene {line['scene']} of {version}. Open it with refresh=True."
            )
        places = {name: place for place, name in enumerate(facts["name"])}
        yield SceneFrames(
            id=facts["scene"],
            name=line["scene"],
            split=line["split"],
            listed=line["frames"],
            facts=facts,
            places=[places.get(frame[0]) for frame in line["frames"]],
        )
