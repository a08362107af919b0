"""A strip of small bird's-eye pictures in one WebP file, left to right in playing order, for a pointer that hovers.

All pictures share the window and the colours of the first one, so that what moves in the strip moved in the world.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from scenes.clouds import thumbnail
from scenes.clouds.cloud import CloudError

FRAMES = 12
SIZE = (320, 200)
QUALITY = 70
# More points than this do not show in a picture of this size.
MOST_POINTS = 40_000


def chosen(count: int) -> list[int]:
    """Which of `count` frames the strip shows: all, or twelve that are evenly spaced with both ends."""
    if count <= FRAMES:
        return list(range(count))
    return [round(n * (count - 1) / (FRAMES - 1)) for n in range(FRAMES)]


def render(frames: Iterable[npt.NDArray[np.floating[Any]]], *, count: int, size: tuple[int, int] = SIZE) -> bytes:
    """The WebP strip of `count` clouds, positions (n, 3) in metres each, `size` pixels (width, height) per picture.

    One cloud is held at a time. Raises CloudError when there are none, or one has no finite point.
    """
    strip = Image.new("RGB", (size[0] * count, size[1]))
    drawing = None
    for place, positions in enumerate(frames):
        thin = _thinned(positions)
        drawing = drawing or thumbnail.SharedDrawing(thin, size)
        strip.paste(drawing.draw(thin), (place * size[0], 0))
    if drawing is None:
        raise CloudError("there is no frame to draw", "Ingest frames first.")
    return thumbnail.encode(strip, quality=QUALITY)


def _thinned(positions: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.floating[Any]]:
    # An odd step leaves points of every beam where the beams of a sensor, an even number, alternate in the file.
    step = len(positions) // MOST_POINTS
    return positions[:: step | 1 if step > 1 else 1]
