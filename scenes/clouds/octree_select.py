"""Which nodes of an octree a camera needs: the largest on its picture first."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from scenes.clouds.octree_index import OctreeIndex

POINT_BUDGET = 1_000_000
SMALLEST_PIXELS = 150.0


@dataclass(frozen=True)
class Camera:
    """A perspective camera.

    Attributes:
        position: x, y, z in metres.
        target: the point it looks at.
        field_of_view: vertical, in degrees, less than 180.
        height: of the picture, in pixels.
        aspect: width of the picture by its height.
    """

    position: tuple[float, float, float]
    target: tuple[float, float, float]
    field_of_view: float = 60.0
    height: int = 1080
    aspect: float = 16 / 9

    @property
    def focal_length(self) -> float:
        """In pixels: what one metre at a distance of one metre spans."""
        return self.height / 2 / math.tan(math.radians(self.field_of_view) / 2)

    @property
    def cone(self) -> float:
        """Half the angle, in radians, of the cone around the picture."""
        half = math.tan(math.radians(self.field_of_view) / 2)
        return math.atan(half * math.hypot(1, self.aspect))


def projected_sizes(index: OctreeIndex, camera: Camera) -> npt.NDArray[np.float64]:
    """The diameter in pixels, shape (nodes,), of the sphere around each node with all below it.

    Infinite where the camera stands inside the sphere, 0 where the sphere is outside the cone of the picture.
    """
    half = index.rows["extent"].astype(np.float64) / 2
    radius = np.linalg.norm(half, axis=1)
    towards = index.rows["lo"] + half - np.array(camera.position)
    distance = np.linalg.norm(towards, axis=1)
    inside = distance <= radius
    safe = np.where(inside, 1.0, distance)
    sizes = 2 * radius / safe * camera.focal_length
    forward = np.subtract(camera.target, camera.position, dtype=np.float64)
    forward /= np.linalg.norm(forward)
    angle = np.arccos(np.clip(towards @ forward / safe, -1, 1))
    seen = angle <= camera.cone + np.arcsin(np.minimum(radius / safe, 1))
    # A single point has no extent, and is seen all the same.
    visible = np.where(seen, np.maximum(sizes, np.finfo(np.float64).tiny), 0.0)
    result: npt.NDArray[np.float64] = np.where(inside, np.inf, visible)
    return result


def nodes_by_size(index: OctreeIndex, camera: Camera) -> Iterator[tuple[int, float]]:
    """Visible nodes and their projected size, the largest first, no node before its parent."""
    sizes = projected_sizes(index, camera)
    heap = [(-float(sizes[0]), 0)] if sizes[0] else []
    while heap:
        negative, node = heapq.heappop(heap)
        yield node, -negative
        for child in index.children(node):
            if sizes[child]:
                # A parent's sphere need not hold those of its children.
                heapq.heappush(heap, (max(-float(sizes[child]), negative), child))


def select_nodes(
    index: OctreeIndex,
    camera: Camera,
    *,
    budget: int = POINT_BUDGET,
    smallest: float = SMALLEST_PIXELS,
) -> list[int]:
    """The nodes to load, in the order of loading.

    Stops before the first that would exceed `budget` points, and leaves out what is smaller than `smallest`
    pixels. Nodes without points are in the list, and cost nothing.
    """
    chosen, points = [], 0
    for node, size in nodes_by_size(index, camera):
        points += index.count(node)
        if points > budget or size < smallest:
            break
        chosen.append(node)
    return chosen
