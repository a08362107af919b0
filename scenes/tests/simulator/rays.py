"""Ray grids for the tests of the simulator."""

import numpy as np
from numpy.typing import NDArray

from scenes.simulator.raycast import Hits, RayGrid


def ray_grid(
    *,
    origin: tuple[float, float, float] = (0.0, 0.0, 1.73),
    elevations: NDArray[np.float64] | None = None,
    columns: int = 360,
    seed: int = 0,
) -> RayGrid:
    """A grid whose column 0 looks along +x and whose columns turn counter-clockwise."""
    slopes = np.tan(np.radians(np.linspace(-25, 15, 24) if elevations is None else elevations))
    rng = np.random.default_rng(seed)
    size = (len(slopes), columns)
    return RayGrid(
        np.array(origin),
        0.0,
        2 * np.pi / columns,
        columns,
        slopes,
        rng.standard_exponential(size),
        rng.random(size),
    )


def hit_points(grid: RayGrid, hits: Hits) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """World places (M, 3) of all hits and the index of what was hit (M,)."""
    beam, column = np.nonzero(np.isfinite(hits.rho))
    azimuth = grid.azimuths[column]
    direction = np.stack([np.cos(azimuth), np.sin(azimuth), grid.slopes[beam]], axis=1)
    return grid.origin + hits.rho[beam, column, None] * direction, hits.index[beam, column]
