"""Frames in torch's data loaders; skipped where torch is not installed."""

from __future__ import annotations

import importlib.util
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lamm_client as lamm
from lamm_client.cache import Cache
from tests.stories import NAME, POINTS, a_dataset, cloud_of

HERE = importlib.util.find_spec("torch") is not None
needs_torch = pytest.mark.skipif(not HERE, reason="torch is not installed: data loaders are not tried")


@pytest.mark.skipif(HERE, reason="torch is installed: its absence is not tried")
def test_without_torch_its_datasets_say_what_to_do() -> None:
    with pytest.raises(lamm.LammError, match="torch is not installed"):
        importlib.import_module("lamm_client.torch_datasets")


@pytest.fixture
def train(connection: lamm.Connection, tmp_path: Path) -> lamm.Split:
    a_dataset(tmp_path)
    return connection.dataset(f"{NAME}@v1", cache=Cache(tmp_path / "cache"))["train"]


@needs_torch
@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.parametrize("workers", [0, 1, 2])
def test_a_map_style_dataset_gives_batches(train: lamm.Split, workers: int, method: str) -> None:
    from torch.utils.data import DataLoader

    from lamm_client.torch_datasets import FrameMap, collate

    wishes: dict[str, Any] = {"multiprocessing_context": method} if workers else {}
    batches = list(DataLoader(FrameMap(train), batch_size=3, num_workers=workers, collate_fn=collate, **wishes))
    assert [batch["offsets"].tolist() for batch in batches] == [[0, POINTS, 2 * POINTS, 3 * POINTS], [0, POINTS]]
    assert list(chain.from_iterable(batch["frame"] for batch in batches)) == [frame.id for frame in train]
    np.testing.assert_array_equal(batches[1]["positions"][:, 2].numpy(), cloud_of(1)["z"])
    assert batches[0]["batch"].bincount().tolist() == [POINTS] * 3


@needs_torch
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers_of_a_stream_read_every_frame_once_in_each_epoch(train: lamm.Split, method: str) -> None:
    from torch.utils.data import DataLoader

    from lamm_client.torch_datasets import FrameStream

    stream = FrameStream(train, id_of, shuffle=True, seed=3)
    loader = DataLoader(stream, batch_size=None, num_workers=2, multiprocessing_context=method)
    whole = sorted(frame.id for frame in train)
    for epoch in range(2):
        stream.set_epoch(epoch)
        assert sorted(loader) == whole
    parts = [list(FrameStream(train, id_of, shuffle=True, part=part, parts=2)) for part in range(2)]
    assert sorted(parts[0] + parts[1]) == whole


def id_of(frame: lamm.Frame) -> int | None:
    """A transform that a spawned worker can import."""
    return frame.id
