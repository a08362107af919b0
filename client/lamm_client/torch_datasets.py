"""Frames for torch's data loaders; importing this module imports torch, nothing else of this package does.

from lamm_client.torch_datasets import FrameMap, FrameStream, collate

loader = DataLoader(FrameMap(dataset["train"]), batch_size=4, shuffle=True, num_workers=2, collate_fn=collate)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from typing import Any

import numpy as np

from lamm_client.errors import LammError
from lamm_client.frames import Frame, Split

try:
    torch: Any = import_module("torch")
    loading: Any = import_module("torch.utils.data")
except ImportError as missing:
    raise LammError(
        "torch is not installed here. Install it as https://pytorch.org tells for your machine."
    ) from missing

MapBase: Any = loading.Dataset
StreamBase: Any = loading.IterableDataset
Transform = Callable[[Frame], Any]


def sample(frame: Frame) -> dict[str, Any]:
    """What a model needs of a frame: `positions`, float32 of shape (n, 3), `labels`, int64 of shape (n,), if it has
    any, and `frame`, its id.
    """
    made = {"positions": torch.from_numpy(frame.positions.astype(np.float32, copy=False)), "frame": frame.id}
    if frame.labels is not None:
        made["labels"] = torch.from_numpy(frame.labels.astype(np.int64))
    return made


def collate(samples: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """One batch of frames of different lengths: tensors one after the other, lists of all else.

    `offsets`, int64 of shape (frames + 1,), says where each frame begins; `batch`, int64 of shape (n,), which frame a
    point is of.
    """
    lengths = torch.tensor([len(one["positions"]) for one in samples])
    made: dict[str, Any] = {
        key: torch.cat([one[key] for one in samples])
        if torch.is_tensor(samples[0][key])
        else [one[key] for one in samples]
        for key in samples[0]
    }
    made["offsets"] = torch.cat([torch.zeros(1, dtype=torch.int64), lengths.cumsum(0)])
    made["batch"] = torch.repeat_interleave(torch.arange(len(samples)), lengths)
    return made


class FrameMap(MapBase):
    """A map-style dataset: the loader says which frames, and shuffles. `transform` makes of a frame what is wanted."""

    def __init__(self, split: Split, transform: Transform = sample) -> None:
        self.split, self.transform = split, transform

    def __len__(self) -> int:
        return len(self.split)

    def __getitem__(self, number: int) -> Any:
        return self.transform(self.split[number])


class FrameStream(StreamBase):
    """An iterable dataset: every worker of the loader reads its own share, files are fetched ahead.

    Shuffled by `seed` and epoch: the same on every machine and for any number of workers, whose shares are every n-th
    frame of the same order. Each pass is the next epoch where passes are made by the same object, as with
    `persistent_workers=True`; otherwise say which one it is by `set_epoch` before each pass. `part` and `parts` share
    the frames among several processes that train together.
    """

    def __init__(
        self,
        split: Split,
        transform: Transform = sample,
        *,
        shuffle: bool = False,
        seed: int = 0,
        part: int = 0,
        parts: int = 1,
    ) -> None:
        self.split, self.transform = split, transform
        self.shuffle, self.seed, self.part, self.parts = shuffle, seed, part, parts
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """The next pass is in the order of this epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.split.share(self.part, self.parts))

    def __iter__(self) -> Iterator[Any]:
        frames = self.split.epoch(self.epoch, seed=self.seed) if self.shuffle else self.split
        self.epoch += 1
        frames, worker = frames.share(self.part, self.parts), loading.get_worker_info()
        for frame in frames if worker is None else frames.share(worker.id, worker.num_workers):
            yield self.transform(frame)
