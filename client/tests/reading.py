"""What worker processes do in tests: a module of its own, so that spawned ones need no Django."""

from __future__ import annotations

from typing import Any

from lamm_client.frames import Split


def read_share(split: Split, index: int, count: int, answers: Any) -> None:
    """Put frame id, number of points and highest class of each frame of a share into a queue, as one list."""
    read = []
    for frame in split.share(index, count):
        assert frame.labels is not None
        read.append((frame.id, len(frame.positions), int(frame.labels.max())))
    answers.put(read)
