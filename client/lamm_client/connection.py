"""`lamm.connect(url, token)`: the door to everything of one server."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from lamm_client import uploads
from lamm_client.errors import IncompatibleError, LammError
from lamm_client.transport import Transport
from lamm_client.version import __version__, version_numbers

URL_VARIABLE, TOKEN_VARIABLE = "LAMM_URL", "LAMM_TOKEN"


class Connection:
    """A server, and what it offers.

    Attributes:
        transport: how requests reach it, for what this package has no words for yet.
        server: version facts of the server.
    """

    def __init__(self, transport: Transport, server: dict[str, Any]) -> None:
        self.transport = transport
        self.server = server

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *fault: object) -> None:
        self.close()

    def close(self) -> None:
        self.transport.close()

    def scenes(self, **filters: Any) -> Iterator[dict[str, Any]]:
        """Every scene that the filters of the explorer match, newest first, one by one.

        `connection.scenes(tag=["night", "rain"], status="labeled", max_uncertainty_min=0.4)`: a list stands for a
        parameter that is given several times. Raises RefusedError for a filter that the server does not know.
        """
        return self.transport.pages("api/scenes/", **filters)

    def frames(self, scene: int) -> Iterator[dict[str, Any]]:
        """The frames of a scene in playing order."""
        return self.transport.pages("api/frames/", scene=scene)

    def upload_scene(
        self,
        files: Path | str | Iterable[Path | str],
        *,
        name: str,
        wait: bool = True,
        progress: uploads.Progress | None = None,
        **wishes: Any,
    ) -> dict[str, Any]:
        """Make a scene of local files, or of all files in a folder.

        Further wishes are `drive`, `tags`, `captured_at`, `rate_hz` and `format` (what `.bin` files are: "kitti" or
        "nuscenes"). An upload that was cut goes on where it stopped when it is asked for again. With `wait` the answer
        is how the ingestion ended, with the problems of quarantined frames; else how it starts. `progress` is called
        with the bytes sent and the bytes in all. Raises LammError.
        """
        sent = uploads.upload_scene(self.transport, files, name=name, wishes=wishes, progress=progress)
        return {**sent, **uploads.follow(self.transport, sent["upload"])} if wait else sent

    def ontologies(self) -> Iterator[dict[str, Any]]:
        """The ontologies with their classes."""
        return self.transport.pages("api/ontologies/")


def connect(url: str | None = None, token: str | None = None) -> Connection:
    """A connection to the server at `url` with an API token; both come from LAMM_URL and LAMM_TOKEN when left out.

    Raises LammError when they are missing, NotLoggedInError for a token that is not valid, UnreachableError,
    IncompatibleError.
    """
    found = {"url": url or os.environ.get(URL_VARIABLE), "token": token or os.environ.get(TOKEN_VARIABLE)}
    missing = [name for name, value in found.items() if not value]
    if missing:
        raise LammError(
            f"No {' and no '.join(missing)}. Pass them to connect, or set {URL_VARIABLE} and {TOKEN_VARIABLE}. "
            "Tokens are made on the page API tokens of your account."
        )
    transport = Transport(str(found["url"]), str(found["token"]))
    return Connection(transport, checked(transport.get("api/version/")))


def checked(server: dict[str, Any]) -> dict[str, Any]:
    """The server's version facts. Raises IncompatibleError when one of the two is too old for the other."""
    if version_numbers(__version__) < version_numbers(server["oldest_client"]):
        raise IncompatibleError(
            f"This is lamm-client {__version__}; LAMM {server['version']} needs {server['oldest_client']} or newer. "
            "Upgrade it: pip install --upgrade lamm-client"
        )
    if version_numbers(server["version"])[:2] < version_numbers(__version__)[:2]:
        raise IncompatibleError(
            f"This is lamm-client {__version__}, the server is the older LAMM {server['version']}. "
            f"Install the client that fits: pip install 'lamm-client~={'.'.join(server['version'].split('.')[:2])}.0'"
        )
    return server


def cache_folder() -> Path:
    """Where downloads are kept unless told otherwise: LAMM_CACHE, else below the user's cache folder."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get("LAMM_CACHE") or home / "lamm")
