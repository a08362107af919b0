"""A square of points with known colours, for tests of the 3D viewer, and where its points are on the page."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from lamm.tests.browser.viewer_page import ViewerPage
from scenes.clouds import tiles
from scenes.tests.clouds.samples import cloud_of

Array = npt.NDArray[Any]

RED, GREEN, BLUE, YELLOW = (255, 60, 40), (40, 200, 80), (60, 90, 255), (250, 220, 60)
CLASSES = [
    {"index": index, "name": name, "colour": "#{:02x}{:02x}{:02x}".format(*colour), "ignored": name == "ignored"}
    for index, (name, colour) in enumerate(
        [("ignored", YELLOW), ("car", RED), ("tree", GREEN), ("road", BLUE)],
    )
]
WRONG, RIGHT, IGNORED = (255, 46, 41), (69, 87, 92), (48, 54, 64)
UNKNOWN = (102, 110, 122)
SURE, UNSURE = (44, 88, 214), (232, 36, 36)


def quadrants() -> tuple[Array, Array]:
    """A square of points around the sensor, and the quadrant 0..3 of each: by x > 0, then by y > 0.

    Where y > 0 the points are 3 m high, else on the ground.
    """
    side = np.arange(-9.75, 10, 0.5)
    x, y = (axis.ravel() for axis in np.meshgrid(side, side))
    positions = np.column_stack((x, y, np.where(y > 0, 3.0, 0.0))).astype(np.float32)
    return positions, ((x > 0) * 2 + (y > 0)).astype(np.uint8)


POSITIONS, QUADRANT = quadrants()
COUNT = len(POSITIONS)


def shares(picture: Array, colour: tuple[int, int, int], tolerance: int = 12) -> Array:
    """Which pixels have about this colour, shape (height, width)."""
    off = np.abs(picture.astype(int) - colour)
    return np.less_equal(off.max(axis=2), tolerance)


def seen(picture: Array, colour: tuple[int, int, int]) -> int:
    return int(np.count_nonzero(shares(picture, colour)))


def show_square(page: ViewerPage) -> None:
    """The quadrants from above: x is up and y is left; big points, no shading, so that colours are exact."""
    cloud = cloud_of(POSITIONS, intensity=(QUADRANT * 85).astype(np.uint8))
    page.run("viewer.setPointSize(9); viewer.setEyeDomeLighting(0); viewer.setPalette('truth', given)", CLASSES)
    chunk = tiles.encode(cloud)
    page.show(chunk.data, chunk.kept)
    page.run("viewer.setCamera({ position: [0, 0, 26], target: [0, 0, 0], up: [1, 0, 0] })")


def in_display_order(values: Array) -> Array:
    return tiles.permute(values, COUNT)


def with_classes(viewer: ViewerPage, prediction: Array | None = None) -> ViewerPage:
    viewer.set_values("truth", in_display_order(QUADRANT), kind="classes")
    if prediction is not None:
        viewer.set_values("run:1", in_display_order(prediction), kind="classes")
    return viewer


def show_colour(viewer: ViewerPage, **view: Any) -> Array:
    viewer.run("viewer.setViews([given])", view)
    return viewer.picture()


def place_of(viewer: ViewerPage, position: Any, view: int = 0, views: int = 1) -> tuple[float, float]:
    """Where a point is on the page, from the camera's own account and no code of the viewer."""
    camera = viewer.run("return viewer.getCamera()")
    size = viewer.page.viewport_size
    assert size is not None
    eye, target, up = (np.array(camera[name]) for name in ("position", "target", "up"))
    forward = (target - eye) / np.linalg.norm(target - eye)
    right = np.cross(forward, up)
    focal = size["height"] / 2 / np.tan(np.radians(55) / 2)
    off = np.asarray(position, float) - eye
    depth = off @ forward
    centre = size["width"] * (view + 0.5) / views
    return centre + focal * (off @ right) / depth, size["height"] / 2 - focal * (off @ up) / depth
