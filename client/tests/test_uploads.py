"""Uploading through the real API: whole, resumed, and over a connection that breaks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import lamm_client as lamm
from lamm_client import uploads
from scenes.models import FrameState, Scene, UploadedFile
from scenes.tests.factories import a_drive_folder


@pytest.fixture
def engineer(live_server: Any, token_of: Callable[..., str]) -> lamm.Connection:
    return lamm.connect(live_server.url, token_of("engineer"))


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "PIECE_BYTES", 1000)


def test_a_folder_becomes_a_scene(engineer: lamm.Connection, tmp_path: Path) -> None:
    folder = a_drive_folder(tmp_path, frames=3)
    seen: list[tuple[int, int]] = []
    sent = engineer.upload_scene(
        folder, name="harbour-01", tags=["rain"], wait=False, progress=lambda done, total: seen.append((done, total))
    )
    scene = Scene.objects.get(name="harbour-01")
    assert sent["scene"] == scene.pk
    assert sent["total"] == scene.frames.count() == 3
    assert {frame.state for frame in scene.frames.all()} == {FrameState.PENDING}
    whole = sum(path.stat().st_size for path in folder.iterdir())
    assert seen[0] == (0, whole)
    assert seen[-1] == (whole, whole)


def test_an_upload_that_was_cut_sends_only_what_is_missing(
    engineer: lamm.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = a_drive_folder(tmp_path, frames=3)
    put, calls = uploads._put, []

    def cut(*given: Any) -> int:
        calls.append(given)
        if len(calls) > 4:
            raise lamm.NotAllowedError(403, "Your token was revoked.")
        return put(*given)

    monkeypatch.setattr(uploads, "_put", cut)
    with pytest.raises(lamm.NotAllowedError):
        engineer.upload_scene(folder, name="harbour-01", wait=False)
    there = sum(UploadedFile.objects.values_list("received", flat=True))
    assert there > 0
    monkeypatch.setattr(uploads, "_put", put)
    seen: list[tuple[int, int]] = []
    engineer.upload_scene(
        folder, name="harbour-01", wait=False, progress=lambda done, total: seen.append((done, total))
    )
    assert seen[0][0] == there
    assert Scene.objects.get(name="harbour-01").frames.count() == 3


def test_a_lost_answer_is_no_lost_byte(
    engineer: lamm.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bytes arrive, the answer does not: the client asks where the file stands and goes on."""
    folder = a_drive_folder(tmp_path, frames=2)
    put, lost = uploads._put, []

    def losing(transport: Any, address: str, offset: int, piece: bytes) -> int:
        arrived = put(transport, address, offset, piece)
        if len(lost) < 3:
            lost.append(address)
            raise lamm.UnreachableError("The connection broke.")
        return arrived

    monkeypatch.setattr(uploads, "_put", losing)
    monkeypatch.setattr(engineer.transport, "_sleep", lambda seconds: None)
    engineer.upload_scene(folder, name="harbour-01", wait=False)
    originals = {path.name: path.stat().st_size for path in folder.iterdir()}
    assert dict(UploadedFile.objects.values_list("name", "received")) == originals
    assert len(lost) == 3


def test_files_of_one_name_are_refused_before_anything_is_sent(tmp_path: Path) -> None:
    paths = []
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        paths.append(tmp_path / folder / "000000.pcd")
        paths[-1].write_bytes(b"points")
    with pytest.raises(lamm.LammError, match="have the same name"):
        uploads.local_files(paths)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(lamm.LammError, match="There is no file"):
        uploads.local_files(tmp_path)


def test_a_trainer_may_not_upload(connection: lamm.Connection, tmp_path: Path) -> None:
    with pytest.raises(lamm.NotAllowedError):
        connection.upload_scene(a_drive_folder(tmp_path), name="harbour-01")
