"""Registered models: found by name, fetched with a check of their bytes, registered from runs, promoted."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from lamm_client.cache import Cache
from lamm_client.errors import LammError
from lamm_client.fetching import original
from lamm_client.transport import Transport

VERSIONS, PROMOTIONS = "api/model-versions/", "api/promotions/"


class Model:
    """A version of a registered model, as it was when it was asked for.

    Attributes:
        facts: all that the server says of it, such as "metrics", "release_notes", "ontology" and "members".
        name: "production-classifier@v3.2", which means this version for ever.
        label: "v3.2".
        stage: "development", "staging" or "production".
        sha256: of the artifact, in hexadecimal digits; None for an ensemble, which has none.
    """

    def __init__(self, transport: Transport, cache: Cache, facts: Mapping[str, Any]) -> None:
        self._transport, self._cache = transport, cache
        self.facts = dict(facts)
        self.name: str = facts["name"]
        self.label: str = facts["label"]
        self.stage: str = facts["stage"]
        self.sha256: str | None = facts["sha256"] or None

    def __repr__(self) -> str:
        return f"<Model {self.name} ({self.stage})>"

    @property
    def metrics(self) -> dict[str, Any]:
        """The server's figures of the run when the version was registered."""
        return dict(self.facts["metrics"])

    def download(self, to: Path | str | None = None) -> Path:
        """The artifact as a file whose bytes have the pinned sha256; fetched when it is not in the cache.

        `to` is where a copy goes: a file, or a folder, in which it gets its own name. Without it the answer is the
        file in the cache: read it, do not change it. Nothing is ever loaded: what a file of weights may do when it is
        unpickled is for you to know. Raises DamagedError, LammError for an ensemble without an artifact.
        """
        if self.sha256 is None:
            raise LammError(f"{self.name} has no artifact: it is an ensemble. Ask for its members.")
        kept = self._cache.get(self.sha256, original(self._transport, self.facts["content"], self.sha256))
        if to is None:
            return kept
        target = Path(to)
        if target.is_dir():
            target = target / PurePosixPath(self.facts["artifact_path"]).name
        return _copied(kept, target)

    def members(self) -> list[Model]:
        """The registered versions that this ensemble is made of, in their order; members that are runs are left out."""
        ids = [member["version"] for member in self.facts["members"] if member["version"] is not None]
        return [Model(self._transport, self._cache, self._transport.get(f"{VERSIONS}{pk}/")) for pk in ids]

    def promote(self, target: str = "production", note: str = "") -> dict[str, Any]:
        """Ask for a promotion to "staging" or "production"; another person decides on the site.

        The answer tells in "results" what each gate said.
        """
        body = {"version": self.facts["id"], "target": target, "note": note}
        answer: dict[str, Any] = self._transport.post(PROMOTIONS, body)
        return answer


def open_model(transport: Transport, cache: Cache, name: str) -> Model:
    """The version that a name means now. Raises NotFoundError with what is there."""
    return Model(transport, cache, transport.get(f"{VERSIONS}resolve/", params={"name": name}))


def list_versions(transport: Transport, filters: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Every version that the filters of the server match, newest first."""
    return transport.pages(VERSIONS, **filters)


def register(
    transport: Transport,
    cache: Cache,
    model: str,
    *,
    run: int | None = None,
    artifact: str = "",
    version: str = "",
    members: Sequence[str] = (),
    tags: Sequence[str] = (),
    **card: str,
) -> Model:
    """Register a version; see Connection.register_model."""
    body: dict[str, Any] = {"model": model, "tags": list(tags), **card}
    if run is not None:
        body["run"] = run
    if members:
        body["members"] = list(members)
    body |= {key: value for key, value in {"artifact_path": artifact, "label": version}.items() if value}
    return Model(transport, cache, transport.post(VERSIONS, body))


def _copied(kept: Path, target: Path) -> Path:
    """A copy that is there whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    os.close(handle)
    try:
        shutil.copyfile(kept, name)
        Path(name).chmod(0o644)
        return Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
