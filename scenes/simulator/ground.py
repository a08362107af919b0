"""The ground: streets with raised kerbs in a city, a curved carriageway on a motorway. Both level, with
painted markings.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scenes.simulator.classes import SemanticClass
from scenes.simulator.raycast import Floats, RayGrid

KERB_HEIGHT = 0.13
SIDEWALK_WIDTH = 3.2
VERGE_WIDTH = 1.5
LANE_WIDTH = 3.3
PARKING_WIDTH = 2.2
ASPHALT, PAVING, GRASS, PAINT_MARK, KERB_STONE = 0.14, 0.28, 0.36, 0.85, 0.4


@dataclass(frozen=True)
class GroundHits:
    """What the ground is at M points: class ids (M,), reflectivity (M,), cosine of the angle of incidence
    (M,).
    """

    label: NDArray[np.uint16]
    reflectivity: Floats
    cosine: Floats


def _level_distance(grid: RayGrid, height: float, limit: float) -> Floats:
    """Horizontal distance (B, 1) at which each beam meets the level plane at `height`; inf where it does
    not within `limit`.
    """
    slopes = np.where(grid.slopes == 0, 1e-12, grid.slopes)
    rho = (height - grid.origin[2]) / slopes
    return np.where((rho > 0) & (rho <= limit), rho, np.inf)[:, None]


def _level_cosine(rho: Floats, fall: Floats) -> Floats:
    return np.abs(fall) / np.maximum(np.hypot(rho, fall), 1e-9)


@dataclass(frozen=True)
class StreetAxis:
    """Parallel streets: centre lines, half widths between kerbs, and whether a grass verge follows the
    kerb. Arrays (S,).
    """

    centres: Floats
    half_widths: Floats
    verges: NDArray[np.bool_]

    def nearest(self, position: Floats) -> NDArray[np.intp]:
        """Index of the street whose centre line is nearest."""
        return np.searchsorted((self.centres[1:] + self.centres[:-1]) / 2, position)

    def beyond_kerb(self, position: Floats) -> Floats:
        """Distance from the nearest street's kerb, negative on the carriageway, metres."""
        street = self.nearest(position)
        return np.abs(position - self.centres[street]) - self.half_widths[street]


@dataclass(frozen=True)
class StreetGround:
    """Streets that run north-south (`across_x`: their positions along x) and east-west (`across_y`) around
    raised blocks.
    """

    across_x: StreetAxis
    across_y: StreetAxis

    def cast(self, grid: RayGrid, limit: float) -> Floats:
        """Horizontal distance to carriageway, kerb face or raised ground, (B, C).

        A ray that clips a kerb corner without ending on the block is taken to end on the road behind it.
        """
        upper = self._plane(grid, KERB_HEIGHT, limit)
        lower = self._plane(grid, 0.0, limit)
        rho = np.full((len(grid.slopes), grid.columns), np.inf)
        beams = int(np.searchsorted(grid.slopes, 0))
        cosines, sines = np.cos(grid.azimuths), np.sin(grid.azimuths)
        x, y = grid.origin[0] + upper[:beams] * cosines, grid.origin[1] + upper[:beams] * sines
        beyond_x, beyond_y = self.across_x.beyond_kerb(x), self.across_y.beyond_kerb(y)
        ends_above = (beyond_x > 0) & (beyond_y > 0)
        rho[:beams] = np.where(ends_above, upper[:beams], lower[:beams])
        low_x, low_y = grid.origin[0] + lower[:beams] * cosines, grid.origin[1] + lower[:beams] * sines
        behind_kerb = ~ends_above & self.raised(low_x, low_y)
        rows, columns = np.nonzero(behind_kerb)
        east = self._entry(self.across_x, low_x[rows, columns], grid.origin[0], cosines[columns])
        north = self._entry(self.across_y, low_y[rows, columns], grid.origin[1], sines[columns])
        outside_x, outside_y = beyond_x[rows, columns] <= 0, beyond_y[rows, columns] <= 0
        rho[rows, columns] = np.maximum(np.where(outside_x, east, 0), np.where(outside_y, north, 0))
        rho[rho > limit] = np.inf
        return rho

    def _plane(self, grid: RayGrid, height: float, limit: float) -> Floats:
        # Beams that end beyond the limit are cut later; a finite stand-in keeps the coordinates finite.
        return np.minimum(_level_distance(grid, height, np.inf), 4 * limit)

    @staticmethod
    def _entry(axis: StreetAxis, position: Floats, origin: float, rate: Floats) -> Floats:
        """Distance at which a ray that ends at `position` crosses the kerb line of the nearest street."""
        street = axis.nearest(position)
        side = np.sign(position - axis.centres[street])
        kerb = axis.centres[street] + side * axis.half_widths[street]
        return (kerb - origin) / np.where(rate == 0, 1e-12, rate)

    def raised(self, x: Floats, y: Floats) -> NDArray[np.bool_]:
        """Whether a place lies inside the kerbs of a block."""
        return (self.across_x.beyond_kerb(x) > 0) & (self.across_y.beyond_kerb(y) > 0)

    def describe(self, x: Floats, y: Floats, z: Floats, rho: Floats, fall: Floats) -> GroundHits:
        """Class, reflectivity and incidence at ground points. x, y, z: world (M,); rho, fall: the ray's way
        across and down (M,).
        """
        beyond_x, beyond_y = self.across_x.beyond_kerb(x), self.across_y.beyond_kerb(y)
        raised = z > KERB_HEIGHT - 1e-6
        face = (z > 1e-6) & ~raised
        inside = np.minimum(beyond_x, beyond_y)
        verge = np.where(
            beyond_x < beyond_y,
            self.across_x.verges[self.across_x.nearest(x)],
            self.across_y.verges[self.across_y.nearest(y)],
        )
        grass = (inside > SIDEWALK_WIDTH) | (verge & (inside > 0.2) & (inside < VERGE_WIDTH))
        label = np.where(raised, np.where(grass, SemanticClass.TERRAIN, SemanticClass.SIDEWALK), SemanticClass.ROAD)
        label = np.where(face, SemanticClass.SIDEWALK, label)
        painted = ~raised & ~face & self._painted(x, y, beyond_x, beyond_y)
        surface = np.where(raised, np.where(grass, GRASS, PAVING), np.where(painted, PAINT_MARK, ASPHALT))
        surface = np.where(face | (raised & (inside < 0.18)), KERB_STONE, surface)
        cosine = np.where(face, 0.7, _level_cosine(rho, fall))
        return GroundHits(label.astype(np.uint16), surface, cosine)

    def _painted(self, x: Floats, y: Floats, beyond_x: Floats, beyond_y: Floats) -> NDArray[np.bool_]:
        along_y = _street_markings(self.across_x, x, y, beyond_y)
        along_x = _street_markings(self.across_y, y, x, beyond_x)
        return np.where(beyond_x < 0, np.where(beyond_y < 0, False, along_y), along_x)


def _street_markings(axis: StreetAxis, across: Floats, along: Floats, to_crossing: Floats) -> NDArray[np.bool_]:
    """Paint of a street: lane dashes, the edge of the parking lane, a zebra crossing and a stop line before
    each crossing.
    """
    street = axis.nearest(across)
    offset = across - axis.centres[street]
    away, half_width = np.abs(offset), axis.half_widths[street]
    edge = half_width - PARKING_WIDTH
    dash = np.mod(along, 6.0) < 3.0
    lane = np.mod(away + 0.06, LANE_WIDTH) < 0.12
    lines = (to_crossing > 6.5) & (away < edge + 0.2) & ((lane & dash) | (np.abs(away - edge) < 0.06))
    zebra = (to_crossing > 1.2) & (to_crossing < 4.2) & (np.mod(offset, 1.0) < 0.5) & (away < half_width - 0.4)
    stop = (to_crossing > 5.2) & (to_crossing < 5.7) & (away < edge)
    return lines | zebra | stop


@dataclass(frozen=True)
class MotorwayGround:
    """A level motorway whose centre line swings as y = amplitude * sin(2 pi x / wavelength), between grass.
    All metres.
    """

    amplitude: float = 45.0
    wavelength: float = 1500.0
    median: float = 2.0
    lanes: int = 3
    lane_width: float = 3.6
    shoulder: float = 2.6

    @property
    def inner_edge(self) -> float:
        """Distance from the centre line to the first lane."""
        return self.median + 0.8

    @property
    def outer_edge(self) -> float:
        """Distance from the centre line to the last lane's outer side."""
        return self.inner_edge + self.lanes * self.lane_width

    @property
    def paved(self) -> float:
        """Distance from the centre line to the grass."""
        return self.outer_edge + self.shoulder

    def centre(self, x: Floats) -> Floats:
        """y of the centre line at x."""
        return self.amplitude * np.sin(2 * np.pi * x / self.wavelength)

    def heading(self, x: Floats) -> Floats:
        """Direction of the centre line at x, radians."""
        rate = 2 * np.pi / self.wavelength
        return np.arctan(self.amplitude * rate * np.cos(rate * x))

    def offset(self, x: Floats, y: Floats) -> Floats:
        """Distance to the left of the centre line (exact for a straight line, within centimetres on these
        curves).
        """
        return (y - self.centre(x)) * np.cos(self.heading(x))

    def cast(self, grid: RayGrid, limit: float) -> Floats:
        """Horizontal distance to the ground, (B, C); inf above the horizon."""
        return np.repeat(_level_distance(grid, 0.0, limit), grid.columns, axis=1)

    def describe(self, x: Floats, y: Floats, z: Floats, rho: Floats, fall: Floats) -> GroundHits:
        """Class, reflectivity and incidence at ground points; arguments as for `StreetGround.describe`."""
        away = np.abs(self.offset(x, y))
        road = (away > self.median) & (away < self.paved)
        label = np.where(road, SemanticClass.ROAD, SemanticClass.TERRAIN).astype(np.uint16)
        lane = np.mod(away - self.inner_edge + 0.08, self.lane_width) < 0.16
        between = (away > self.inner_edge + 1) & (away < self.outer_edge - 1)
        edges = np.minimum(np.abs(away - self.inner_edge), np.abs(away - self.outer_edge)) < 0.15
        painted = (between & lane & (np.mod(x, 18.0) < 6.0)) | edges
        surface = np.where(road, np.where(painted, PAINT_MARK, ASPHALT), GRASS)
        return GroundHits(label, surface, _level_cosine(rho, fall))
