"""Uploading: local files become a scene; a cut upload goes on where it stopped."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from lamm_client.errors import AnswerError, ConflictError, LammError, UnreachableError
from lamm_client.transport import PASSING, Transport

PIECE_BYTES = 8 * 1024**2
FILES_A_CALL = 5000
SIDE_BY_SIDE = 4
FOLLOW_SECONDS = 1.0
OPEN, ENDED = "open", ("done", "failed", "cancelled")
Progress = Callable[[int, int], None]


def upload_scene(
    transport: Transport,
    files: Path | str | Iterable[Path | str],
    *,
    name: str,
    wishes: Mapping[str, Any],
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Send files, or all files of a folder, as the scene `name`; returns the upload's ingestion as it starts.

    An open upload of the same name is gone on with: files that are there already are not sent again. `progress` is
    called with bytes sent and bytes in all. Raises LammError for missing or doubled names, AnswerError.
    """
    local = local_files(files)
    upload = _open(transport, name, wishes)
    declared = list(_declared(transport, upload["id"], local))
    sent = _Sent(sum(file["received"] for file in declared), sum(file["size"] for file in declared), progress)
    with ThreadPoolExecutor(SIDE_BY_SIDE) as threads:
        list(threads.map(lambda file: _send(transport, upload["id"], file, local[file["name"]], sent.add), declared))
    ingest: dict[str, Any] = transport.post(f"api/uploads/{upload['id']}/commit/", repeatable=True)
    return {"upload": upload["id"], **ingest}


def follow(transport: Transport, upload: int, *, sleep: Callable[[float], None] = time.sleep) -> dict[str, Any]:
    """Wait until a committed upload is ingested; returns its end: `state`, `problem`, quarantined frames."""
    while True:
        ingest: dict[str, Any] = transport.get(f"api/uploads/{upload}/ingest/")
        if ingest["state"] in ENDED:
            return ingest
        sleep(FOLLOW_SECONDS)


def local_files(files: Path | str | Iterable[Path | str]) -> dict[str, Path]:
    """By the name the server will know it by: the files given, or all files directly in a folder.

    Raises LammError for a missing file, an empty folder and two files of one name.
    """
    given = [files] if isinstance(files, (str, Path)) else list(files)
    paths = [path for one in given for path in _in_folder(Path(one))]
    found: dict[str, Path] = {}
    for path in paths:
        if not path.is_file():
            raise LammError(f"{path} is not a file. Give files, or one folder of files.")
        if path.name in found:
            raise LammError(f"{path} and {found[path.name]} have the same name. Upload them as two scenes.")
        found[path.name] = path
    if not found:
        raise LammError(f"There is no file in {', '.join(map(str, given)) or 'what was given'}.")
    return found


def _in_folder(path: Path) -> list[Path]:
    return sorted(child for child in path.iterdir() if child.is_file()) if path.is_dir() else [path]


def _open(transport: Transport, name: str, wishes: Mapping[str, Any]) -> dict[str, Any]:
    for upload in transport.pages("api/uploads/", scene_name=name, state=OPEN):
        return upload
    opened: dict[str, Any] = transport.post("api/uploads/", {"scene_name": name, **wishes})
    return opened


def _declared(transport: Transport, upload: int, local: Mapping[str, Path]) -> Iterator[dict[str, Any]]:
    names = sorted(local)
    for first in range(0, len(names), FILES_A_CALL):
        files = [_declaration(name, local[name]) for name in names[first : first + FILES_A_CALL]]
        yield from transport.post(f"api/uploads/{upload}/files/", {"files": files}, repeatable=True)["files"]


def _declaration(name: str, path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"name": name, "size": path.stat().st_size, "sha256": digest}


def _send(transport: Transport, upload: int, file: dict[str, Any], path: Path, add: Callable[[int], None]) -> None:
    """All pieces of a file from where the server is; a piece that failed is asked for again, not guessed."""
    address = f"api/uploads/{upload}/files/{file['id']}/"
    received, failures = file["received"], 0
    with path.open("rb") as source:
        while received < file["size"]:
            source.seek(received)
            piece = source.read(PIECE_BYTES)
            if not piece:
                raise LammError(f"{path} became shorter while it was sent. Upload it again when it is complete.")
            try:
                arrived = _put(transport, f"{address}content/", received, piece)
                failures = 0
            except (UnreachableError, AnswerError) as error:
                failures += 1
                if not _passing(error) or failures == transport.attempts:
                    raise
                transport.pause(failures)
                arrived = transport.get(address)["received"]
            add(arrived - received)
            received = arrived


def _put(transport: Transport, address: str, offset: int, piece: bytes) -> int:
    headers = {"Upload-Offset": str(offset), "Content-Type": "application/octet-stream"}
    received: int = transport.request("PUT", address, content=piece, headers=headers).json()["received"]
    return received


def _passing(error: Exception) -> bool:
    """Whether asking where the file stands and going on from there may help.

    A conflict says that the server is elsewhere: an answer was lost after the bytes had arrived.
    """
    passing = isinstance(error, AnswerError) and error.status in PASSING
    return passing or isinstance(error, (UnreachableError, ConflictError))


class _Sent:
    """Bytes sent by all threads together."""

    def __init__(self, done: int, total: int, progress: Progress | None) -> None:
        self.done, self.total, self.progress = done, total, progress
        self.add(0)

    def add(self, count: int) -> None:
        self.done += count
        if self.progress is not None:
            self.progress(self.done, self.total)
