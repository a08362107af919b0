"""Label files on their way in from a form: streamed to a folder of their own, so that memory stays bounded.

The page's script sends the files as one pack with their names and sizes beside it, because the number of files in a
form is limited; without the script they come one by one.
"""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import IO, Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler
from django.http import HttpRequest

from scenes.errors import RefusedError, TooLargeError
from scenes.labelling import HEADER_BYTES, WIDEST
from scenes.models import Scene

PACK = "pack"
FORM_BYTES = 4 * 1024**2
# In characters: a folder takes 255 bytes.
LONGEST_NAME = 60


class ToFolder(FileUploadHandler):
    """Writes each file of a form into a folder under its name; a second one of a name is refused later."""

    def __init__(self, request: HttpRequest, folder: Path) -> None:
        super().__init__(request)
        self.folder = folder
        self.twice: list[str] = []
        self.file: IO[bytes] | None = None

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        path = self.folder / str(self.file_name)[:LONGEST_NAME]
        if path.exists():
            self.twice.append(path.name)
        self.file = path.open("wb")

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        assert self.file is not None
        self.file.write(raw_data)

    def file_complete(self, file_size: int) -> UploadedFile:
        assert self.file is not None
        self.file.close()
        return UploadedFile(None, self.file_name, self.content_type, file_size)


@contextmanager
def receiving(request: HttpRequest, scene: Scene) -> Iterator[ToFolder]:
    """Have the form's files written to a folder, which goes at the end. Must be entered before the form is read.

    Raises TooLargeError when the form is larger than any labels of the scene can be.
    """
    most = max(WIDEST.values()) * scene.point_count + HEADER_BYTES * (scene.frame_count + 1) + FORM_BYTES
    given = request.META.get("CONTENT_LENGTH") or ""
    if not given.isdigit() or int(given) > most:
        raise TooLargeError(f"The labels of {scene.point_count:,} points have at most {most:,} bytes.")
    with TemporaryDirectory(prefix="labels-", dir=settings.FILE_UPLOAD_TEMP_DIR) as place:
        handler = ToFolder(request, Path(place))
        request.upload_handlers = [handler]
        yield handler


def received(request: HttpRequest, handler: ToFolder) -> Path:
    """The folder with the files, the only file in it when there is one. Raises RefusedError without any."""
    for pack in request.FILES.getlist(PACK)[:1]:
        _unpack(handler.folder, str(pack.name), request.POST.get("sizes", ""))
    if handler.twice:
        raise RefusedError(f"Two files are named {handler.twice[0]}. Choose the files of one folder.")
    files = list(handler.folder.iterdir())
    if not files:
        raise RefusedError("Choose the label files, one for each frame.")
    return files[0] if len(files) == 1 else handler.folder


def _unpack(folder: Path, pack: str, sizes: str) -> None:
    names = _sizes(sizes)
    source = folder / pack
    with source.open("rb") as stream:
        if sum(size for _, size in names) != source.stat().st_size:
            raise RefusedError("The files did not come whole. Send them again.")
        for name, size in names:
            path = folder / name
            if path.exists():
                raise RefusedError(f"Two files are named {name}. Choose the files of one folder.")
            with path.open("wb") as target:
                _copy(stream, target, size)
    source.unlink()


def _sizes(text: str) -> list[tuple[str, int]]:
    try:
        names = [(PurePosixPath(str(name)).name, int(size)) for name, size in json.loads(text)]
    except (ValueError, TypeError):
        names = []
    if not names or any(
        name in ("", "..") or len(name) > LONGEST_NAME or "\0" in name or size < 0 for name, size in names
    ):
        raise RefusedError("The names of the files did not come along. Send them again.")
    return names


def _copy(stream: IO[bytes], target: IO[bytes], size: int) -> None:
    while size:
        block = stream.read(min(size, shutil.COPY_BUFSIZE))  # type: ignore[attr-defined]
        if not block:
            raise RefusedError("The files did not come whole. Send them again.")
        target.write(block)
        size -= len(block)
