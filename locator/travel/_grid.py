"""Search a uniform grid of points: kernels that numba compiles where it is installed.

The only place that asks whether numba is there (``AVAILABLE``); without it kernels are slow
plain Python. Other modules decorate their kernels with ``compiled``.
"""

from collections.abc import Callable
from typing import Literal, NamedTuple, ParamSpec, TypeVar

import numpy as np
import numpy.typing as npt

try:
    import numba
except ImportError:
    AVAILABLE = False
else:
    AVAILABLE = True

_P = ParamSpec("_P")
_R = TypeVar("_R")

type_floats = npt.NDArray[np.float64]
type_numbers = npt.NDArray[np.int64]

GAVE_UP = -2
"""Answered in place of a number when a search would take too long."""

# points and cells looked at before giving up; the densest town of a hundred thousand kits
# takes a few hundred
_PATIENCE = 2048
# side of a cell in points per cell, were they evenly spread
_POINTS_PER_CELL = 2.0
_SMALLEST_CELL_M = 1e-3
# Distances to the edges of cells are lowered by more than rounding can have raised them, so
# that a search never stops before the point that all-pairs arithmetic calls the nearest.
_EDGE_CELLS = 1e-6
_ROUNDED_DOWN = 1 - 1e-12


def compiled(kernel: Callable[_P, _R]) -> Callable[_P, _R]:
    """Compile a kernel at its first call, without the GIL; give it back where numba is missing.

    The machine code is kept between runs where a folder for it can be written, until the
    kernel's file changes. Call no kernels of other files: a change there is not noticed.
    """
    return _compile(kernel, inline="never")


def inlined(kernel: Callable[_P, _R]) -> Callable[_P, _R]:
    """Compile like ``compiled``, and into its callers: counting references at calls is slow."""
    return _compile(kernel, inline="always")


def _compile(kernel: Callable[_P, _R], *, inline: Literal["never", "always"]) -> Callable[_P, _R]:
    if not AVAILABLE:
        return kernel
    try:
        fast: Callable[_P, _R] = numba.njit(cache=True, nogil=True, inline=inline)(kernel)
    except RuntimeError:  # neither the package's folder nor the user's can be written
        fast = numba.njit(nogil=True, inline=inline)(kernel)
    return fast


class Grid(NamedTuple):
    """Points sorted into square cells, row by row from the south-west.

    Attributes
    ----------
    west, south, east, north
        Bounding box in metres (EPSG:27700).
    cell_m
        Side of a cell in metres.
    columns, rows
        Number of cells.
    starts
        Shape ``(columns * rows + 1,)``: the points of cell ``c`` are ``starts[c]`` up to
        ``starts[c + 1]``.
    points
        Shape ``(n, 2)``: eastings and northings in metres (EPSG:27700), cell by cell.
    numbers
        Shape ``(n,)``: what callers call these points.
    """

    west: float
    south: float
    east: float
    north: float
    cell_m: float
    columns: int
    rows: int
    starts: type_numbers
    points: type_floats
    numbers: type_numbers

    @classmethod
    def of(cls, points: type_floats, numbers: type_numbers) -> "Grid":
        """Sort points into cells.

        Parameters
        ----------
        points
            Metres (EPSG:27700), shape ``(n, 2)``, at least one, no two of them equal.
        numbers
            Shape ``(n,)``.
        """
        west, south = points.min(axis=0).tolist()
        east, north = points.max(axis=0).tolist()
        width, height = east - west, north - south
        cells = max(len(points) / _POINTS_PER_CELL, 1.0)
        # the length bounds the number of cells of a box that is a line
        cell_m = max((width * height / cells) ** 0.5, max(width, height) / cells, _SMALLEST_CELL_M)
        columns, rows = int(width / cell_m) + 1, int(height / cell_m) + 1
        column, row = ((points - (west, south)) / cell_m).astype(np.int64).T
        cell = row * columns + column
        order = np.argsort(cell, kind="stable")
        starts = np.zeros(columns * rows + 1, np.int64)
        np.cumsum(np.bincount(cell, minlength=columns * rows), out=starts[1:])
        box = (west, south, east, north)
        return cls(*box, cell_m, columns, rows, starts, points[order], numbers[order])


@inlined
def _scan(  # noqa: PLR0917 - what two loops share
    easting: float,
    northing: float,
    begin: int,
    end: int,
    best: float,
    chosen: int,
    points: type_floats,
    numbers: type_numbers,
) -> tuple[float, int]:
    for i in range(begin, end):
        dx = points[i, 0] - easting
        dy = points[i, 1] - northing
        square = dx * dx + dy * dy
        if square < best or (square == best and numbers[i] < numbers[chosen]):
            best = square
            chosen = i
    return best, chosen


@inlined
def nearest(  # noqa: C901, PLR0913, PLR0917 - a flat loop is fastest
    easting: float,
    northing: float,
    west: float,
    south: float,
    east: float,
    north: float,
    cell_m: float,
    columns: int,
    rows: int,
    starts: type_numbers,
    points: type_floats,
    numbers: type_numbers,
) -> tuple[float, int]:
    """Find the point nearest to one position.

    Squares of cells around the position are looked at ring by ring. Each of the four sides
    of a ring is left out when everything on and beyond it is farther than the best so far.

    Parameters
    ----------
    easting, northing
        Position in metres (EPSG:27700).
    west, south, east, north, cell_m, columns, rows, starts, points, numbers
        A ``Grid``.

    Returns
    -------
    metres, number
        The lowest number of those equally near; infinity and ``GAVE_UP`` after so many
        points and cells that a tree is faster.
    """
    # in cells from the south-west corner
    u = (easting - west) / cell_m
    v = (northing - south) / cell_m
    column = min(max(int(u), 0), columns - 1)
    row = min(max(int(v), 0), rows - 1)
    # no point is nearer than the box, in either direction
    outside_x = max(west - easting, easting - east, 0.0)
    outside_y = max(south - northing, northing - north, 0.0)
    outside_x *= outside_x
    outside_y *= outside_y

    cell = row * columns + column
    begin, end = starts[cell], starts[cell + 1]
    work = end - begin
    if work > _PATIENCE:
        return np.inf, GAVE_UP
    best, chosen = _scan(easting, northing, begin, end, np.inf, -1, points, numbers)

    for ring in range(1, max(columns, rows)):
        done = True
        first, last = max(column - ring, 0), min(column + ring, columns - 1)
        for side in (-1, 1):  # south, north: the whole side is one run of points
            at = row + side * ring
            if at < 0 or at >= rows:
                continue
            # to the near edge of that row
            gap = v - (at + 1) if side < 0 else at - v
            gap = max(gap - _EDGE_CELLS, 0.0) * cell_m
            if (gap * gap + outside_x) * _ROUNDED_DOWN > best:
                continue
            done = False
            begin, end = starts[at * columns + first], starts[at * columns + last + 1]
            work += end - begin + 1
            if work > _PATIENCE:
                return np.inf, GAVE_UP
            best, chosen = _scan(easting, northing, begin, end, best, chosen, points, numbers)
        lowest, highest = max(row - ring + 1, 0), min(row + ring - 1, rows - 1)
        for side in (-1, 1):  # west, east: without the corners, cell by cell
            at = column + side * ring
            if at < 0 or at >= columns:
                continue
            gap = u - (at + 1) if side < 0 else at - u
            gap = max(gap - _EDGE_CELLS, 0.0) * cell_m
            if (gap * gap + outside_y) * _ROUNDED_DOWN > best:
                continue
            done = False
            for other in range(lowest, highest + 1):
                begin = starts[other * columns + at]
                end = starts[other * columns + at + 1]
                work += end - begin + 1
                if work > _PATIENCE:
                    return np.inf, GAVE_UP
                best, chosen = _scan(easting, northing, begin, end, best, chosen, points, numbers)
        if done:
            break
    return np.sqrt(best), numbers[chosen]


@compiled
def nearest_many(  # noqa: PLR0913, PLR0917 - the fields of a Grid
    positions: type_floats,
    west: float,
    south: float,
    east: float,
    north: float,
    cell_m: float,
    columns: int,
    rows: int,
    starts: type_numbers,
    points: type_floats,
    numbers: type_numbers,
    metres: type_floats,
    found: type_numbers,
) -> None:
    """Do what ``nearest`` does for each of many positions.

    Parameters
    ----------
    positions
        Metres (EPSG:27700), shape ``(m, 2)``.
    west, south, east, north, cell_m, columns, rows, starts, points, numbers
        A ``Grid``.
    metres, found
        Shape ``(m,)``; written.
    """
    for i in range(len(positions)):
        metres[i], found[i] = nearest(
            positions[i, 0],
            positions[i, 1],
            west,
            south,
            east,
            north,
            cell_m,
            columns,
            rows,
            starts,
            points,
            numbers,
        )
