"""What a ray meets where it hits: class, reflectivity, angle of incidence, windows."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scenes.simulator.buildings import STOREY, WINDOW_PITCH
from scenes.simulator.primitives import BLOCK, CYLINDER, ELLIPSOID, FACADE, GLASS, Primitives, local_offset
from scenes.simulator.raycast import GROUND, Floats, Hits, RayGrid
from scenes.simulator.world import DescribedGround

LEAF_COSINE = 0.65  # leaves face every way; this is near the mean cosine of those that are seen
WINDOW_RECESS = 0.14


@dataclass
class Returns:
    """The M rays that met something, in firing order (column by column, beams upwards). All arrays (M,).

    beam, column: place in the grid. range: metres along the ray. label: class id. reflectivity: 0..1.
    cosine: of the angle of incidence. level: on level ground. glass: on a window.
    """

    beam: NDArray[np.int64]
    column: NDArray[np.int64]
    range: Floats
    label: NDArray[np.uint16]
    reflectivity: Floats
    cosine: Floats
    level: NDArray[np.bool_]
    glass: NDArray[np.bool_]


def describe(grid: RayGrid, hits: Hits, shapes: Primitives, ground: DescribedGround) -> Returns:
    """The returns of a cast, described by what each ray hit."""
    column, beam = np.nonzero(np.isfinite(hits.rho).T)
    rho, index = hits.rho[beam, column], hits.index[beam, column]
    slopes, azimuths = grid.slopes[beam], grid.azimuths[column]
    direction = np.stack([np.cos(azimuths), np.sin(azimuths), slopes])
    place = grid.origin[:, None] + rho * direction
    place[2, index == GROUND] = np.maximum(place[2, index == GROUND], 0)
    stretch = np.sqrt(1 + slopes**2)
    count = len(rho)
    returns = Returns(
        beam, column, rho * stretch, np.zeros(count, np.uint16), np.zeros(count), np.zeros(count),
        index == GROUND, np.zeros(count, bool),
    )  # fmt: skip
    _describe_ground(returns, place, rho, slopes, ground)
    solid = np.flatnonzero(index >= 0)
    _describe_shapes(returns, solid, shapes[index[solid]], place[:, solid], (direction / stretch)[:, solid])
    return returns


def _describe_ground(returns: Returns, place: Floats, rho: Floats, slopes: Floats, ground: DescribedGround) -> None:
    at = np.flatnonzero(returns.level)
    x, y, z = place[:, at]
    found = ground.describe(x, y, z, rho[at], rho[at] * slopes[at])
    returns.label[at], returns.reflectivity[at], returns.cosine[at] = (
        found.label,
        found.reflectivity,
        found.cosine,
    )


def _describe_shapes(
    returns: Returns, at: NDArray[np.int64], met: Primitives, place: Floats, direction: Floats
) -> None:
    along, across = local_offset(met, place[0], place[1])
    normal, face = _normals(met, along, across, place[2])
    cosine, sine = np.cos(met["yaw"]), np.sin(met["yaw"])
    ahead = cosine * direction[0] + sine * direction[1]
    left = cosine * direction[1] - sine * direction[0]
    incidence = np.abs(ahead * normal[0] + left * normal[1] + direction[2] * normal[2])
    returns.label[at], returns.reflectivity[at] = met["label"], met["reflectivity"]
    returns.cosine[at] = np.where(met["free_path"] > 0, LEAF_COSINE, incidence)
    window = (met["surface"] == FACADE) & _windows(met, np.where(face == 0, across, along), place[2]) & (face < 2)
    returns.glass[at] = window | (met["surface"] == GLASS)
    returns.range[at] += np.where(window, WINDOW_RECESS / np.maximum(incidence, 0.25), 0)


def _windows(met: Primitives, along: Floats, z: Floats) -> NDArray[np.bool_]:
    """Whether a place on a facade is a window: a regular grid per storey, none in a gable or beside the
    corners.
    """
    height = (z - met["bottom"]) / STOREY
    span = np.where(met["top"] > met["eaves"], np.maximum(met["eaves"] - met["bottom"], 0), 0)
    below = (span == 0) | (z < met["eaves"] - 0.4)
    storey, place = np.mod(height, 1.0), np.mod(along / WINDOW_PITCH, 1.0)
    return below & (storey > 0.3) & (storey < 0.78) & (np.abs(place - 0.5) < 0.24)


def _normals(met: Primitives, along: Floats, across: Floats, z: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """Outward normals (3, M) in the shapes' frames, and the face: 0 front or rear, 1 a side, 2 level, 3..
    leaning.
    """
    normal = np.zeros((3, len(met)))
    face = np.full(len(met), 2)
    blocks, tubes, balls = (np.flatnonzero(met["shape"] == kind) for kind in (BLOCK, CYLINDER, ELLIPSOID))
    normal[:, blocks], face[blocks] = _block_normals(met[blocks], along[blocks], across[blocks], z[blocks])
    for round_ones in (tubes, balls):
        part = met[round_ones]
        middle, half = (part["top"] + part["bottom"]) / 2, (part["top"] - part["bottom"]) / 2
        vector = np.stack(
            [
                along[round_ones] / part["half_length"] ** 2,
                across[round_ones] / part["half_width"] ** 2,
                (z[round_ones] - middle) / half**2,
            ]
        )
        if round_ones is tubes:
            cap = half - np.abs(z[round_ones] - middle) < 1e-6
            vector = np.where(cap, np.array([[0], [0], [1]]), vector * np.array([[1], [1], [0]]))
        normal[:, round_ones] = vector / np.maximum(np.linalg.norm(vector, axis=0), 1e-12)
    return normal, face


def _block_normals(met: Primitives, along: Floats, across: Floats, z: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """The face of each block that the place lies on, found as the face with the least distance to it."""
    lift = z - met["eaves"]
    middle, half = (met["top"] + met["bottom"]) / 2, (met["top"] - met["bottom"]) / 2
    lean = [
        np.where(met[name] > 0, np.abs(extent - place - met[name] * lift), np.inf)
        for name, extent, place in (
            ("front", met["half_length"], along),
            ("rear", met["half_length"], -along),
            ("side", met["half_width"], np.abs(across)),
        )
    ]
    distances = [
        np.abs(met["half_length"] - np.abs(along)),
        np.abs(met["half_width"] - np.abs(across)),
        np.abs(half - np.abs(z - middle)),
        *lean,
    ]
    face = np.argmin(distances, axis=0)
    rise = np.select([face == 2, face == 3, face == 4, face == 5], [1.0, met["front"], met["rear"], met["side"]], 0.0)
    ahead = np.select([face == 0, face == 3, face == 4], [np.sign(along), 1.0, -1.0], 0.0)
    aside = np.where((face == 1) | (face == 5), np.sign(across), 0.0)
    vector = np.stack([ahead, aside, rise])
    return vector / np.linalg.norm(vector, axis=0), face
