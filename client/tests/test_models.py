"""Registered models through the real API: found by name, fetched and checked, registered, promoted."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import lamm_client as lamm
from lamm_client.cache import Cache
from registry import services
from registry.models import ModelVersion, PromotionRequest
from registry.tests.stories import MODEL, World, a_gate, a_trained_run, a_version, a_world, promote

WEIGHTS = b"weights" * 5000


@pytest.fixture
def world(live_server: Any) -> World:
    return a_world()


@pytest.fixture
def engineer(live_server: Any, token_of: Callable[..., str]) -> lamm.Connection:
    return lamm.connect(live_server.url, token_of("engineer"))


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


def test_an_alias_becomes_a_file_with_the_pinned_bytes(
    world: World, connection: lamm.Connection, cache: Cache, tmp_path: Path
) -> None:
    run = a_trained_run(world, weights=WEIGHTS)
    version = services.register_version(model=MODEL, run=run, by=world.engineer, label="v3.2")
    services.set_alias(version=version, name="champion", by=world.engineer)
    model = connection.model(f"{MODEL}@champion", cache=cache)
    assert (model.name, model.label, model.stage) == (f"{MODEL}@v3.2", "v3.2", "development")
    assert model.download().read_bytes() == WEIGHTS
    assert model.sha256 == hashlib.sha256(WEIGHTS).hexdigest()
    there = model.download(tmp_path)
    assert (there.name, there.read_bytes()) == ("best.pt", WEIGHTS)
    there.write_bytes(b"changed by its owner")
    assert model.download(tmp_path / "deep" / "copy.pt").read_bytes() == WEIGHTS


def test_what_is_in_the_cache_is_not_fetched_again(
    world: World, connection: lamm.Connection, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    promote(world, a_version(world))
    first = connection.model(MODEL, cache=cache)
    assert first.stage == "production"
    path = first.download()

    def refuse(*given: Any, **options: Any) -> None:
        raise AssertionError("fetched again")

    monkeypatch.setattr(connection.transport, "stream", refuse)
    assert connection.model(MODEL, cache=cache).download() == path


def test_damaged_bytes_are_refused(
    world: World, connection: lamm.Connection, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = a_version(world)
    model = connection.model(f"{MODEL}@{version.label}", cache=cache)
    model.facts["content"] = model.facts["content"].replace(f"/{version.pk}/", f"/{a_version(world).pk}/")
    with pytest.raises(lamm.DamagedError):
        model.download()


def test_an_engineer_registers_and_asks_and_hears_the_gates(world: World, engineer: lamm.Connection) -> None:
    run = a_trained_run(world, weights=WEIGHTS)
    model = engineer.register_model(
        MODEL, run=run.pk, artifact="checkpoints/best.pt", version="v2.0", release_notes="Better.", tags=["night"]
    )
    version = ModelVersion.objects.get()
    assert (model.label, version.release_notes, version.tags) == ("v2.0", "Better.", ["night"])
    a_gate(world, version)
    asked = model.promote(note="Please.")
    assert (asked["state"], asked["target"]) == ("open", "production")
    assert "was not evaluated" in asked["results"][0]["words"]
    assert PromotionRequest.objects.get().note == "Please."
    with pytest.raises(lamm.ConflictError, match="has asked to promote"):
        model.promote()


def test_an_ensemble_names_its_members_and_has_no_file(world: World, engineer: lamm.Connection) -> None:
    first = a_version(world)
    ensemble = engineer.register_model("ensemble", members=[f"{MODEL}@{first.label}", f"run-{first.run_id}"])
    assert [member.name for member in ensemble.members()] == [f"{MODEL}@v1"]
    with pytest.raises(lamm.LammError, match="it is an ensemble"):
        ensemble.download()


def test_versions_are_listed_and_filtered(world: World, connection: lamm.Connection) -> None:
    promote(world, a_version(world))
    a_version(world)
    assert [one["label"] for one in connection.models()] == ["v2", "v1"]
    assert [one["label"] for one in connection.models(stage=["production"])] == ["v1"]
    with pytest.raises(lamm.RefusedError, match="Unknown parameters: colour"):
        list(connection.models(colour="red"))


def test_names_that_mean_nothing_and_trainers_who_register_are_told(world: World, connection: lamm.Connection) -> None:
    with pytest.raises(lamm.NotFoundError, match="no model 'none'"):
        connection.model("none")
    with pytest.raises(lamm.NotAllowedError):
        connection.register_model(MODEL, run=a_trained_run(world).pk)
    assert not ModelVersion.objects.exists()
