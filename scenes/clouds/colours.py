"""Colour maps for pictures that are made on the server."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

# Coefficients, lowest power first, of the fifth-degree polynomials that approximate the turbo colour map
# (A. Mikhailov, "Turbo, An Improved Rainbow Colormap for Visualization", Google Research, 2019).
TURBO_RED = (0.13572138, 4.61539260, -42.66032258, 132.13108234, -152.94239396, 59.28637943)
TURBO_GREEN = (0.09140261, 2.19418839, 4.84296658, -14.18503333, 4.27729857, 2.82956604)
TURBO_BLUE = (0.10667330, 12.64194608, -60.58204836, 110.36276771, -89.90310912, 27.34824973)

# The ends of turbo are too dark to see on a dark ground, and its red is kept for alarms.
LOWEST, HIGHEST = 0.06, 0.9


# With `lift`, the brightest channel of every entry is at least this share of full.
LIFTED = 0.92


@lru_cache(maxsize=8)
def turbo_table(entries: int = 256, *, lift: bool = False) -> npt.NDArray[np.float32]:
    """Turbo between 0.06 and 0.9, shape (entries, 3), red green blue in 0..255.

    `lift` brightens the dark ends without changing their hue, for pictures whose brightness says
    something else than the value.
    """
    t = np.linspace(LOWEST, HIGHEST, entries)
    channels = [np.polynomial.polynomial.polyval(t, c) for c in (TURBO_RED, TURBO_GREEN, TURBO_BLUE)]
    table = np.clip(np.stack(channels, axis=1), 0, 1)
    if lift:
        table *= np.maximum(LIFTED / table.max(axis=1, keepdims=True), 1)
    table = (table * 255).astype(np.float32)
    table.flags.writeable = False
    return table
