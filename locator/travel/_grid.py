"""Search a grid of points: kernels that numba compiles where it is installed.

The only place that asks whether numba is there (``AVAILABLE``); without it kernels are slow
plain Python. Other modules decorate their kernels with ``compiled``.
"""

from collections import deque
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
type_small = npt.NDArray[np.int32]

GAVE_UP = -2
"""Answered in place of a number when a search would take too long."""

# points and cells looked at before giving up; one search in a hundred looks at more than 40
_PATIENCE = 2048
# side of a cell in points per cell, were they evenly spread
_POINTS_PER_CELL = 3.0
# a cell with more points has a grid of its own
_CROWD = 32
_SMALLEST_CELL_M = 1e-3
# grids of crowded cells that may wait during a search
_WAITING = 64
# Sides of cells that are searched for pairs: in reaches, since few large cells are found faster
# than many small ones; and so long that the number of no cell overflows.
_REACHES = 3.0
_SMALLEST_SIDE_M = 0.02
# reaches are widened by more than rounding can move a point across the edge of a cell
_WIDER, _WIDER_M = 1 + 1e-9, 1e-6
# numbers fewer than this are sorted in place
_FEW = 40
# sides of a ring in the order of looking at them: south, north, west, east
_WEST, _EAST = 2, 3
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
    """Points sorted into square cells; crowded cells are grids again, however deep.

    Attributes
    ----------
    boxes
        Shape ``(g, 5)``: west, south, east and north of the points of each grid and the side
        of its cells, all in metres (EPSG:27700). The first grid has all points.
    shapes
        Shape ``(g, 3)``: columns, rows and where the cells begin in ``starts``, row by row
        from the south-west.
    starts
        The points of cell ``c`` are ``starts[c]`` up to ``starts[c + 1]``. After the cells
        of each grid comes the end of its points.
    crowds
        Shaped like ``starts``: how many crowded cells come before. The grids of crowded
        cells have the same order, so that of cell ``c`` is number ``crowds[c] + 1``.
    points
        Shape ``(n, 2)``: eastings and northings in metres (EPSG:27700), cell by cell.
    numbers
        Shape ``(n,)``: what callers call these points.
    """

    boxes: type_floats
    shapes: type_numbers
    starts: type_small
    crowds: type_small
    points: type_floats
    numbers: type_small

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
        # small numbers: more of them stay in the processor's cache
        points, small = points.copy(), numbers.astype(np.int32)
        boxes, shapes = [], []
        starts: list[type_numbers] = []
        crowded: list[npt.NDArray[np.bool_]] = []
        waiting = deque([(0, len(points))])
        cells = 0
        while waiting:
            begin, end = waiting.popleft()
            part = points[begin:end]
            box, (columns, rows), cell = _cells(part)
            order = np.argsort(cell, kind="stable")
            points[begin:end], small[begin:end] = part[order], small[begin:end][order]
            sizes = np.bincount(cell, minlength=columns * rows)
            edges = begin + np.concatenate([[0], np.cumsum(sizes)])
            # points in a single smallest cell cannot be told apart further
            crowd = np.append(sizes > _CROWD, False) & (columns * rows > 1)
            some = np.flatnonzero(crowd)
            waiting.extend(zip(edges[some].tolist(), edges[some + 1].tolist(), strict=True))
            boxes.append(box)
            shapes.append((columns, rows, cells))
            starts.append(edges)
            crowded.append(crowd)
            cells += len(edges)
        flags = np.concatenate(crowded)
        return cls(
            np.array(boxes),
            np.array(shapes, np.int64),
            np.concatenate(starts, dtype=np.int32),
            np.cumsum(flags, dtype=np.int32) - flags,
            points,
            small,
        )


def _cells(
    points: type_floats,
) -> tuple[tuple[float, float, float, float, float], tuple[int, int], type_numbers]:
    """Lay a grid over points: its box and side, its columns and rows, the cell of each point."""
    west, south = points.min(axis=0).tolist()
    east, north = points.max(axis=0).tolist()
    width, height = east - west, north - south
    cells = max(len(points) / _POINTS_PER_CELL, 1.0)
    # the length bounds the number of cells of a box that is a line
    cell_m = max((width * height / cells) ** 0.5, max(width, height) / cells, _SMALLEST_CELL_M)
    columns, rows = int(width / cell_m) + 1, int(height / cell_m) + 1
    column, row = ((points - (west, south)) / cell_m).astype(np.int64).T
    return (west, south, east, north, cell_m), (columns, rows), row * columns + column


@inlined
def _scan(  # noqa: PLR0917 - what several loops share
    easting: float,
    northing: float,
    begin: int,
    end: int,
    best: float,
    chosen: int,
    points: type_floats,
    numbers: type_small,
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
def _search(  # noqa: C901, PLR0912, PLR0913, PLR0915, PLR0917 - numba is slow at calls
    easting: float,
    northing: float,
    boxes: type_floats,
    shapes: type_numbers,
    starts: type_small,
    crowds: type_small,
    points: type_floats,
    numbers: type_small,
    waiting: type_numbers,
    room: type_floats,
) -> tuple[float, int]:
    """Find the point nearest to one position.

    Squares of cells around the position are looked at ring by ring. Each of the four sides
    of a ring is left out when everything on and beyond it is farther than the best so far.
    The grid of a crowded cell that has the position goes before the cells around, those of
    other crowded cells go after all cells.

    Parameters
    ----------
    easting, northing
        Position in metres (EPSG:27700).
    boxes, shapes, starts, crowds, points, numbers
        A ``Grid``.
    waiting, room
        Shape ``(_WAITING,)`` each; scratch: grids yet to be looked at, and squares of distances
        within which they have nothing new.

    Returns
    -------
    metres, number
        The lowest number of those equally near; infinity and ``GAVE_UP`` after so many
        points and cells that a tree is faster.
    """
    best, chosen, work = np.inf, -1, 0
    waiting[0] = 0
    room[0] = 0.0
    top = 1
    while top > 0:
        top -= 1
        if room[top] > best:
            continue
        grid = waiting[top]
        # marked by inversion: the cell that has the position was looked at
        inner = grid < 0
        if inner:
            grid = ~grid
        west, south, cell_m = boxes[grid, 0], boxes[grid, 1], boxes[grid, 4]
        # no point is nearer than the box, in either direction
        outside_x = max(west - easting, easting - boxes[grid, 2], 0.0)
        outside_y = max(south - northing, northing - boxes[grid, 3], 0.0)
        outside_x *= outside_x
        outside_y *= outside_y
        if (outside_x + outside_y) * _ROUNDED_DOWN > best:
            continue
        columns, rows, base = shapes[grid, 0], shapes[grid, 1], shapes[grid, 2]
        # in cells from the south-west corner
        u = (easting - west) / cell_m
        v = (northing - south) / cell_m
        column = min(max(int(u), 0), columns - 1)
        row = min(max(int(v), 0), rows - 1)
        own = base + row * columns + column
        if not inner:
            if crowds[own] != crowds[own + 1]:
                if top + 2 > _WAITING:
                    return np.inf, GAVE_UP
                waiting[top] = ~grid
                gap = min(u - column, column + 1 - u, v - row, row + 1 - v)
                gap = max(gap - _EDGE_CELLS, 0.0) * cell_m
                room[top] = gap * gap * _ROUNDED_DOWN
                waiting[top + 1] = crowds[own] + 1
                room[top + 1] = 0.0
                top += 2
                continue
            work += starts[own + 1] - starts[own]
            if work > _PATIENCE:
                return np.inf, GAVE_UP
            best, chosen = _scan(
                easting, northing, starts[own], starts[own + 1], best, chosen, points, numbers
            )
        for ring in range(1, max(columns, rows)):
            done = True
            for side in range(4):
                # cells to the near edge of the side, and the spans of cells on it
                if side < _WEST:
                    at = row + ring if side else row - ring
                    if at < 0 or at >= rows:
                        continue
                    gap = at - v if side else v - (at + 1)
                    aside = outside_x
                else:
                    at = column + ring if side == _EAST else column - ring
                    if at < 0 or at >= columns:
                        continue
                    gap = at - u if side == _EAST else u - (at + 1)
                    aside = outside_y
                gap = max(gap - _EDGE_CELLS, 0.0) * cell_m
                if (gap * gap + aside) * _ROUNDED_DOWN > best:
                    continue
                done = False
                if side < _WEST:
                    low, high = max(column - ring, 0), min(column + ring, columns - 1)
                    first = base + at * columns + low
                    # cells of a row are one run of points, unless a crowded one is among them
                    width, count, stride = high - low + 1, 1, 1
                    if crowds[first] != crowds[first + width]:
                        width, count = 1, width
                else:  # without the corners
                    low, high = max(row - ring + 1, 0), min(row + ring - 1, rows - 1)
                    first = base + low * columns + at
                    width, count, stride = 1, high - low + 1, columns
                for i in range(count):
                    cell = first + i * stride
                    begin, end = starts[cell], starts[cell + width]
                    if crowds[cell] != crowds[cell + width]:
                        if top == _WAITING:
                            return np.inf, GAVE_UP
                        waiting[top] = crowds[cell] + 1
                        room[top] = 0.0
                        top += 1
                        # one point bounds how far to look around
                        end = begin + 1
                    work += end - begin + 1
                    if work > _PATIENCE:
                        return np.inf, GAVE_UP
                    best, chosen = _scan(
                        easting, northing, begin, end, best, chosen, points, numbers
                    )
            if done:
                break
    return np.sqrt(best), numbers[chosen]


@compiled
def nearest(  # noqa: PLR0917 - the fields of a Grid
    easting: float,
    northing: float,
    boxes: type_floats,
    shapes: type_numbers,
    starts: type_small,
    crowds: type_small,
    points: type_floats,
    numbers: type_small,
) -> tuple[float, int]:
    """Do what ``_search`` does, with its own scratch."""
    waiting = np.empty(_WAITING, np.int64)
    room = np.empty(_WAITING)
    return _search(easting, northing, boxes, shapes, starts, crowds, points, numbers, waiting, room)


@compiled
def nearest_many(  # noqa: PLR0913, PLR0917 - the fields of a Grid
    positions: type_floats,
    boxes: type_floats,
    shapes: type_numbers,
    starts: type_small,
    crowds: type_small,
    points: type_floats,
    numbers: type_small,
    metres: type_floats,
    found: type_numbers,
) -> None:
    """Do what ``nearest`` does for each of many positions.

    Parameters
    ----------
    positions
        Metres (EPSG:27700), shape ``(m, 2)``.
    boxes, shapes, starts, crowds, points, numbers
        A ``Grid``.
    metres, found
        Shape ``(m,)``; written.
    """
    waiting = np.empty(_WAITING, np.int64)
    room = np.empty(_WAITING)
    for i in range(len(positions)):
        metres[i], found[i] = _search(
            positions[i, 0],
            positions[i, 1],
            boxes,
            shapes,
            starts,
            crowds,
            points,
            numbers,
            waiting,
            room,
        )


class Cells(NamedTuple):
    """Points sorted into square cells of one size; only cells that have points are kept.

    Attributes
    ----------
    keys
        Shape ``(2 ** b,)``: a hash table of cells, each its row times the number of columns
        plus its column; -1 where a slot is empty.
    spans
        Shape ``(2 ** b, 2)``: the points of a cell are the first up to the second.
    points
        Shape ``(n, 2)``: eastings and northings in metres (EPSG:27700), cell by cell.
    numbers
        Shape ``(n,)``: rows that these points had; they rise within each cell.
    lie
        Shape ``(3,)``: west and south edge and side of the cells in metres (EPSG:27700).
    shape
        Shape ``(2,)``: rows and columns of cells.
    """

    keys: type_numbers
    spans: type_small
    points: type_floats
    numbers: type_small
    lie: type_floats
    shape: type_numbers

    @classmethod
    def of(cls, points: type_floats, reach_m: float) -> "Cells":
        """Sort points into cells.

        Parameters
        ----------
        points
            Metres (EPSG:27700), shape ``(n, 2)``, at least one.
        reach_m
            How far from a position points will be looked for.
        """
        side_m = max(reach_m * _REACHES, _SMALLEST_SIDE_M)
        west, south = points.min(axis=0).tolist()
        column, row = ((points - (west, south)) / side_m).astype(np.int64).T
        rows, columns = int(row.max()) + 1, int(column.max()) + 1
        key = row * columns + column
        order = np.argsort(key, kind="stable")
        begins = np.flatnonzero(np.diff(key[order], prepend=-1))
        # more than twice as many slots as cells, so that searches are short
        slots = 2 << len(begins).bit_length()
        keys, spans = np.full(slots, -1), np.zeros((slots, 2), np.int32)
        _keep(key[order[begins]], np.append(begins, len(points)), keys, spans)
        return cls(
            keys,
            spans,
            points[order],
            order.astype(np.int32),
            np.array([west, south, side_m]),
            np.array([rows, columns]),
        )


@inlined
def _slot(key: int, keys: type_numbers) -> int:
    """Find the slot that has a cell, or the empty one where it belongs."""
    last = len(keys) - 1
    slot = ((key * 0x9E3779B1) >> 12) & last  # may overflow, which scatters as well
    while keys[slot] >= 0 and keys[slot] != key:
        slot = (slot + 1) & last
    return slot


@compiled
def _keep(cells: type_numbers, edges: type_numbers, keys: type_numbers, spans: type_small) -> None:
    for i in range(len(cells)):
        slot = _slot(cells[i], keys)
        keys[slot] = cells[i]
        spans[slot, 0], spans[slot, 1] = edges[i], edges[i + 1]


@compiled
def pairs(  # noqa: C901, PLR0913, PLR0917 - the fields of Cells; numba is slow at calls
    positions: type_floats,
    begin: int,
    count: int,
    reach_m: float,
    square: float,
    keys: type_numbers,
    spans: type_small,
    points: type_floats,
    numbers: type_small,
    lie: type_floats,
    shape: type_numbers,
    rows: type_floats,
    origin: type_numbers,
    target: type_numbers,
    metres: type_floats,
) -> tuple[int, int]:
    """Write the points within a distance of each of many positions, until there is no room.

    Parameters
    ----------
    positions
        Metres (EPSG:27700), shape ``(m, 2)``.
    begin
        Position to begin with.
    count
        Pairs that have been written.
    reach_m
        Metres, that of the ``Cells`` or less.
    square
        The largest square of a distance that is within.
    keys, spans, points, numbers, lie, shape
        ``Cells``.
    rows
        Shape ``(n, 2)``: the points in the order of their numbers.
    origin, target, metres
        Shape ``(k,)``; written: position, number and distance of each pair, by position, then
        by number.

    Returns
    -------
    position, count
        The first position that has not been looked at, and how many pairs there are now.
    """
    room = len(origin)
    top, right = shape[0] - 1, shape[1] - 1
    side_m = lie[2]
    reach_m = reach_m * _WIDER + _WIDER_M
    for position in range(begin, len(positions)):
        x, y = positions[position, 0], positions[position, 1]
        west, east = (x - reach_m - lie[0]) / side_m, (x + reach_m - lie[0]) / side_m
        south, north = (y - reach_m - lie[1]) / side_m, (y + reach_m - lie[1]) / side_m
        if east < 0 or north < 0 or west > right + 1 or south > top + 1:
            continue
        end = count
        for row in range(int(max(south, 0.0)), min(int(north), top) + 1):
            for column in range(int(max(west, 0.0)), min(int(east), right) + 1):
                slot = _slot(row * shape[1] + column, keys)
                first, last = spans[slot, 0], spans[slot, 1]
                if end + last - first > room:
                    return position, count
                for i in range(first, last):
                    dx = points[i, 0] - x
                    dy = points[i, 1] - y
                    # written in any case: a branch would be guessed wrong half the time
                    target[end] = numbers[i]
                    end += dx * dx + dy * dy <= square
        if end - count < _FEW:
            for i in range(count + 1, end):
                number = target[i]
                j = i
                while j > count and target[j - 1] > number:
                    target[j] = target[j - 1]
                    j -= 1
                target[j] = number
        else:
            target[count:end].sort()
        for i in range(count, end):
            dx = rows[target[i], 0] - x
            dy = rows[target[i], 1] - y
            metres[i] = np.sqrt(dx * dx + dy * dy)
            origin[i] = position
        count = end
    return len(positions), count
