"""Connecting to the real server, and listing what it holds."""

from __future__ import annotations

from typing import Any

import pytest

import lamm_client as lamm
from lamm_client.connection import checked
from scenes.tests.factories import a_ready_scene


def test_a_trainer_reads_scenes_with_the_explorers_filters(connection: lamm.Connection) -> None:
    for name in ("night-01", "night-02", "noon-01"):
        a_ready_scene(name=name)
    assert [scene["name"] for scene in connection.scenes(search="night")] == ["night-02", "night-01"]
    assert len(list(connection.scenes(search="night", page_size=1))) == 2


def test_a_filter_that_nobody_knows_is_refused_by_name(connection: lamm.Connection) -> None:
    with pytest.raises(lamm.RefusedError, match="wether"):
        list(connection.scenes(wether="rain"))


def test_a_wrong_token_is_refused_at_once(live_server: Any) -> None:
    with pytest.raises(lamm.NotLoggedInError, match="not valid"):
        lamm.connect(live_server.url, "lamm_" + "0" * 64)


def test_address_and_token_come_from_the_environment(
    live_server: Any, token_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAMM_URL", live_server.url)
    with pytest.raises(lamm.LammError, match="No token"):
        lamm.connect()
    monkeypatch.setenv("LAMM_TOKEN", token_of("trainer"))
    with lamm.connect() as connection:
        assert list(connection.scenes()) == []
        assert connection.server["version"]


@pytest.mark.parametrize(
    ("server", "words"),
    [
        ({"version": "9.1.0", "oldest_client": "8.0.0"}, "pip install --upgrade lamm-client"),
        ({"version": "0.0.9", "oldest_client": "0.0.1"}, "lamm-client~=0.0.0"),
    ],
)
def test_versions_that_do_not_fit_say_what_to_install(server: dict[str, Any], words: str) -> None:
    with pytest.raises(lamm.IncompatibleError, match=words.replace("~", r"\~")):
        checked(server)


def test_a_newer_server_that_still_knows_this_client_fits() -> None:
    server = {"version": "0.2.0", "oldest_client": "0.1.0"}
    assert checked(server) == server
