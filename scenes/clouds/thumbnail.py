"""A bird's-eye picture of one cloud: dark ground, colour by height or by class, brightness by density.

x points right and y up in the picture, as on a map; forward is right for a scan in vehicle coordinates.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from scenes.clouds.cloud import CloudError
from scenes.clouds.colours import turbo_table

Floats = npt.NDArray[np.floating[Any]]
Image3 = npt.NDArray[np.float32]
Indices = npt.NDArray[np.integer[Any]]
# From the points inside the picture (their heights, which of all points they are, their pixels) and the sorted
# pixels that hold any, to the colour of each of those pixels, float32 (filled, 3).
Painter = Callable[[Floats, Indices, Indices, Indices], Image3]

SIZE = (640, 400)
QUALITY = 82
BACKGROUND = (11, 13, 18)
INK = (118, 142, 184)

WHITE = (226, 232, 240)

# Percentiles are taken over a sample, which is as good and much faster.
SAMPLE = 20_000
HEIGHT_PERCENTILES = (2.0, 98.0)
LEAST_HEIGHT_SPAN = 0.02
WINDOW_PERCENTILES = (0.5, 99.5)
WINDOW_SLACK = 1.0
# Of the area: a scan fades out, so its fringe is cut; a map tile ends sharply and is shown whole.
SCAN_PERCENTILES = (5.0, 95.0)
MAP_PERCENTILES = (0.2, 99.8)
BESIDE = 0.3
CELLS = 96
MARGIN = 1.05
SMALLEST_EXTENT = 1e-3
# Metres; beyond the moon a coordinate is an error, and its square an overflow.
FARTHEST = 1e9

# Brightness of a pixel with one point, and the percentile of points per pixel that shines at full.
FAINTEST = 0.58
FULL_LIGHT_PERCENTILE = 95
# Share of a lone point's light that falls on its neighbours (down, right); how far around, and how full of
# points in share of pixels, makes a pixel crowded instead.
GLOW = {
    **dict.fromkeys(((0, 1), (0, -1), (1, 0), (-1, 0)), 0.75),
    **dict.fromkeys(((1, 1), (1, -1), (-1, 1), (-1, -1)), 0.4),
}
SURROUNDINGS = 3
CROWDED = 0.8
# A picture with fewer filled pixels than this draws its points larger.
FEW_PIXELS = 8_000
RING_LIGHT = 0.16

# The same for classes, whose colours are less bright than those of heights and must be told apart; brightness at
# the lowest height, and of ignored classes.
FAINTEST_CLASS = 0.8
LOWEST_LIGHT = 0.88
IGNORED_LIGHT = 0.55


@dataclass(frozen=True)
class View:
    """What part of the ground plane the picture shows: its middle, metres per pixel, whether of a sensor."""

    x: float
    y: float
    metres_per_pixel: float
    has_sensor: bool

    def pixel(self, x: float, y: float, size: tuple[int, int]) -> tuple[float, float]:
        """Column and row of a place on the ground."""
        column = size[0] / 2 + (x - self.x) / self.metres_per_pixel
        row = size[1] / 2 - (y - self.y) / self.metres_per_pixel
        return column, row


@dataclass(frozen=True)
class HeightWindow:
    """Which heights span the colour table: from `low` metres upwards over `span` metres."""

    low: float
    span: float

    @classmethod
    def of(cls, z: Floats) -> HeightWindow:
        """The window between robust percentiles of the heights `z` (n,)."""
        low, high = np.percentile(z[:: max(1, len(z) // SAMPLE)], HEIGHT_PERCENTILES).tolist()
        return cls(low, max(high - low, LEAST_HEIGHT_SPAN))

    def shade(self, z: Floats) -> npt.NDArray[np.uint8]:
        """Heights as indices into the colour table."""
        shade: npt.NDArray[np.uint8] = (np.clip((z - self.low) / self.span, 0, 1) * 255).astype(np.uint8)
        return shade


@dataclass(frozen=True, eq=False)
class ClassColours:
    """How classes are drawn: `table` holds the colour of each class index, uint8 (256, 3).

    Points of the classes in `ignored`, bool (256,), hide below the others.
    """

    table: npt.NDArray[np.uint8]
    ignored: npt.NDArray[np.bool_]


def render(positions: Floats, *, size: tuple[int, int] = SIZE, quality: int = QUALITY) -> bytes:
    """A WebP picture of `positions` (n, 3) in metres, `size` in pixels (width, height).

    Non-finite points are left out and stray points do not shrink the picture. Raises CloudError when no
    point is finite.
    """
    return encode(picture(positions, size=size), quality=quality)


def render_classes(
    positions: Floats,
    classes: npt.NDArray[np.uint8],
    colours: ClassColours,
    *,
    size: tuple[int, int] = SIZE,
    quality: int = QUALITY,
) -> bytes:
    """The picture of `render`, coloured by the class index of each point, `classes` (n,)."""
    drawable = _drawable(positions)
    x, y, z = positions[drawable].T
    view = choose_view(x, y, size)
    painter = _by_class(classes[drawable], colours)
    return encode(_compose(view, size, _Cloud(x, y, z), painter, FAINTEST_CLASS), quality=quality)


def encode(image: Image.Image, *, quality: int = QUALITY) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=quality, method=2)
    return buffer.getvalue()


def picture(positions: Floats, *, size: tuple[int, int] = SIZE) -> Image.Image:
    """The picture of `render`, not yet encoded."""
    drawable = _drawable(positions)
    x, y, z = (positions if drawable.all() else positions[drawable]).T
    return _compose(choose_view(x, y, size), size, _Cloud(x, y, z), _by_height())


def _drawable(positions: Floats) -> npt.NDArray[np.bool_]:
    drawable: npt.NDArray[np.bool_] = np.all(np.abs(positions.T) < FARTHEST, axis=0)  # False for NaN, too
    if not drawable.any():
        raise CloudError("no point has a finite position to draw", "Leave this frame out.", "x")
    return drawable


@dataclass(frozen=True, eq=False)
class _Cloud:
    x: Floats
    y: Floats
    z: Floats


def _compose(
    view: View, size: tuple[int, int], cloud: _Cloud, painter: Painter, faintest: float = FAINTEST
) -> Image.Image:
    canvas = _ground(view, size)
    _draw_points(canvas, view, cloud, painter, faintest)
    image = _to_image(canvas)
    _draw_marks(image, view)
    return image


def _ground(view: View, size: tuple[int, int]) -> Image3:
    canvas = np.empty((size[1], size[0], 3), np.float32)
    canvas[:] = BACKGROUND
    if view.has_sensor:
        _draw_rings(canvas, view)
    return canvas


def _to_image(canvas: Image3) -> Image.Image:
    return Image.fromarray(np.clip(canvas, 0, 255).astype(np.uint8))


def _by_height(window: HeightWindow | None = None) -> Painter:
    def paint(z: Floats, inside: Indices, pixel: Indices, filled: Indices) -> Image3:
        """The colour of the height of the highest point of each pixel."""
        top = np.zeros(filled[-1] + 1, np.uint8)
        np.maximum.at(top, pixel, (window or HeightWindow.of(z)).shade(z))
        return turbo_table(lift=True)[top[filled]]

    return paint


def _by_class(classes: npt.NDArray[np.uint8], colours: ClassColours) -> Painter:
    def paint(z: Floats, inside: Indices, pixel: Indices, filled: Indices) -> Image3:
        """The class of the highest point of each pixel; points of ignored classes yield to all others."""
        seen = classes[inside]
        height = HeightWindow.of(z).shade(z).astype(np.uint16) // 2 + 128
        rank = np.where(colours.ignored[seen], np.uint16(0), height)
        top = np.zeros(filled[-1] + 1, np.uint16)
        np.maximum.at(top, pixel, rank << 8 | seen)
        chosen, high = top[filled] & 0xFF, (top[filled] >> 8).astype(np.float32)
        # Lower ground is a little darker, which gives flat colours depth.
        light = np.where(high, LOWEST_LIGHT + (1 - LOWEST_LIGHT) * (high - 128) / 127, IGNORED_LIGHT)
        return (colours.table[chosen] * light[:, None]).astype(np.float32)

    return paint


class SharedDrawing:
    """Draws several clouds alike: all in the window and with the height colours of the first, without marks."""

    def __init__(self, first: Floats, size: tuple[int, int]) -> None:
        x, y, z = first[_drawable(first)].T
        self._size = size
        self._view = choose_view(x, y, size)
        self._painter = _by_height(HeightWindow.of(z))

    def draw(self, positions: Floats) -> Image.Image:
        canvas = _ground(self._view, self._size)
        _draw_points(canvas, self._view, _Cloud(*positions[_drawable(positions)].T), self._painter)
        return _to_image(canvas)


def choose_view(x: Floats, y: Floats, size: tuple[int, int]) -> View:
    """The window that shows nearly all of the cloud, centred on the sensor where that stands in its midst."""
    step = max(1, len(x) // SAMPLE)
    places = np.stack([x[::step], y[::step]]).astype(np.float64)
    around = [_with_origin(*bounds) for bounds in _bounds_by_area(places, SCAN_PERCENTILES)]
    has_sensor = all(low <= 0 <= high for low, high in around)
    (left, right), (bottom, top) = around if has_sensor else _bounds_by_area(places, MAP_PERCENTILES)
    middle_x, middle_y = (left + right) / 2, (bottom + top) / 2
    if has_sensor and _is_amid(left, right) and _is_amid(bottom, top):
        middle_x = middle_y = 0.0
    half_width = max(right - middle_x, middle_x - left)
    half_height = max(top - middle_y, middle_y - bottom)
    scale = max(half_width / (size[0] / 2), half_height / (size[1] / 2), SMALLEST_EXTENT / size[0])
    return View(middle_x, middle_y, scale * MARGIN, has_sensor)


def _bounds_by_area(
    places: npt.NDArray[np.float64], percentiles: tuple[float, float]
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Robust bounds (low, high) of both axes of `places` (2, n), counting area and not points.

    The points of a scan crowd around the sensor, so percentiles over points would cut off all that is far.
    Each occupied cell of a coarse grid counts once instead; a stray point is one cell among many.
    """
    low, high = np.percentile(places, WINDOW_PERCENTILES, axis=1)
    slack = WINDOW_SLACK * (high - low)
    within = ((places >= (low - slack)[:, None]) & (places <= (high + slack)[:, None])).all(axis=0)
    near = places[:, within] if within.any() else places
    cell = max(float((near.max(axis=1) - near.min(axis=1)).max()) / CELLS, SMALLEST_EXTENT / CELLS)
    grid = np.floor((near - near.min(axis=1, keepdims=True)) / cell).astype(np.int64)
    _, first = np.unique(grid[0] * (CELLS + 2) + grid[1], return_index=True)
    lows, highs = np.percentile(near[:, first], percentiles, axis=1).tolist()
    return (lows[0], highs[0]), (lows[1], highs[1])


def _with_origin(low: float, high: float) -> tuple[float, float]:
    """The bounds, widened to hold a sensor that stands just beside the cloud: one that looks ahead only."""
    near = BESIDE * (high - low)
    return (min(low, 0.0) if low <= near else low), (max(high, 0.0) if high >= -near else high)


def _is_amid(low: float, high: float) -> bool:
    """Whether 0 lies well between the bounds, so that a picture centred there wastes little."""
    return min(-low, high) >= 0.22 * (high - low)


def _draw_points(canvas: Image3, view: View, cloud: _Cloud, painter: Painter, faintest: float = FAINTEST) -> None:
    height, width, _ = canvas.shape
    column = (cloud.x - view.x) / view.metres_per_pixel + width / 2
    row = height / 2 - (cloud.y - view.y) / view.metres_per_pixel
    inside = np.flatnonzero((column >= 0) & (column < width) & (row >= 0) & (row < height))
    pixel = row[inside].astype(np.int64) * width + column[inside].astype(np.int64)
    count = np.bincount(pixel, minlength=width * height)
    filled = np.flatnonzero(count)
    if len(filled):
        light = _light(count[filled], faintest)
        _paint(canvas, count, filled, painter(cloud.z[inside], inside, pixel, filled) * light[:, None])


def _light(count: Indices, faintest: float) -> npt.NDArray[np.float32]:
    """Brightness of pixels with these many points, `faintest` to 1."""
    full = math.log1p(max(float(np.percentile(count, FULL_LIGHT_PERCENTILE)), 2.0))
    return np.minimum(faintest + (1 - faintest) * np.log1p(count) / full, 1).astype(np.float32)


def _paint(canvas: Image3, count: Indices, filled: Indices, colour: Image3) -> None:
    """Colour the pixels that hold points, and let points that stand alone shine onto their neighbours."""
    height, width, _ = canvas.shape
    flat = canvas.reshape(-1, 3)
    alone = _loneliness(count, (height, width))[filled]
    few = max(0.0, 1 - len(filled) / FEW_PIXELS)
    for (down, right), usual in GLOW.items():
        share = usual + (1 - usual) * few
        target = filled + down * width + right
        on = (target >= 0) & (target < len(flat)) & (alone > 0)
        target, shine = target[on], colour[on] * (share * alone[on])[:, None]
        flat[target] = np.maximum(flat[target], shine)
    flat[filled] = colour


def _loneliness(count: Indices, shape: tuple[int, int]) -> npt.NDArray[np.float32]:
    """1 where a pixel's surroundings are empty, 0 where they are well filled, by pixel."""
    mask = Image.fromarray(((count > 0) * np.uint8(255)).reshape(shape))
    filled = np.asarray(mask.filter(ImageFilter.BoxBlur(SURROUNDINGS)), np.float32).ravel() / 255
    return np.clip((CROWDED - filled) / CROWDED, 0, 1)


def _round_length(view: View, size: tuple[int, int]) -> float:
    """A round number of metres that spans about a seventh of the picture."""
    wanted = size[0] * view.metres_per_pixel / 7
    power = 10.0 ** math.floor(math.log10(wanted))
    return max((step * power for step in (1, 2.5, 5, 10) if step * power <= wanted * 1.25), default=power)


def _draw_rings(canvas: Image3, view: View) -> None:
    """Faint circles around the sensor, as far apart as the scale bar is long."""
    height, width, _ = canvas.shape
    column, row = view.pixel(0, 0, (width, height))
    spacing = _round_length(view, (width, height)) / view.metres_per_pixel
    across = (np.arange(width, dtype=np.float32) + 0.5 - column) ** 2
    down = (np.arange(height, dtype=np.float32) + 0.5 - row) ** 2
    distance = np.sqrt(across[None, :] + down[:, None])
    off = np.abs(distance - spacing * np.maximum(np.rint(distance / spacing), 1))
    canvas += (np.clip(1.3 - off, 0, 1) * RING_LIGHT)[..., None] * (np.array(INK, np.float32) - BACKGROUND)


def _draw_marks(image: Image.Image, view: View) -> None:
    """The sensor and the scale bar."""
    draw = ImageDraw.Draw(image, "RGBA")
    if view.has_sensor:
        column, row = view.pixel(0, 0, image.size)
        for radius, alpha in ((5, 230), (9, 70)):
            draw.ellipse((column - radius, row - radius, column + radius, row + radius), outline=(*WHITE, alpha))
        draw.line((column - 2, row, column + 2, row), fill=(*WHITE, 230))
        draw.line((column, row - 2, column, row + 2), fill=(*WHITE, 230))
    length = _round_length(view, image.size)
    left, bottom = 18, image.height - 18
    right = left + length / view.metres_per_pixel
    draw.rounded_rectangle((left - 8, bottom - 32, right + 8, bottom + 8), 6, fill=(*BACKGROUND, 190))
    draw.line((left, bottom, right, bottom), fill=(*WHITE, 220), width=2)
    for end in (left, right):
        draw.line((end, bottom - 5, end, bottom), fill=(*WHITE, 220), width=2)
    draw.text(((left + right) / 2, bottom - 8), _metres(length), (*WHITE, 230), _font(), anchor="ms")


def _metres(length: float) -> str:
    if length >= 1000:
        return f"{length / 1000:g} km"
    return f"{length:g} m" if length >= 1 else f"{length * 100:g} cm"


@lru_cache(maxsize=1)
def _font() -> Any:
    return ImageFont.load_default(18)
