"""Find which of many points are nearest, or within a distance, as the crow flies."""

import contextlib
import math
from functools import cache, cached_property

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from locator.travel import _grid
from locator.travel._grid import type_floats, type_numbers

# Farther from the origin than any place on Earth in any grid: squares stay finite.
_FAR_M = 1e7
# Trees round squares in their own way. Points whose distances differ by less are compared anew.
_NEARLY = 1 + 1e-12
# Positions searched in a tree at a time, in the order of blocks, so that what a search touches
# is still in the processor's cache from the one before.
_CHUNK = 262_144
_BLOCKS = 256
# Pairs per position that room is made for at first, and how much more than it looks like later.
_PAIRS = 2
_SPARE = 1.1
# Points asked of a tree where two are equally near: a lattice has up to four such.
_TIED = 8


class PointIndex:
    """Points in a plane, ready for questions about the nearest of them.

    Distances are planar metres on the National Grid, ``sqrt(dx * dx + dy * dy)`` in double
    precision. Of points equally near the lowest number comes first. Answers are the same
    with and without numba.

    Parameters
    ----------
    points
        Eastings and northings in metres (EPSG:27700), shape ``(n, 2)``; ``n`` may be zero.
        The number of a point is its row. Copied.
    compiled
        Whether ``nearest``, ``nearest_many`` and ``pairs`` use compiled kernels on a grid, or a
        tree (``scipy.spatial.cKDTree``). The first index of a process loads the kernels, and
        compiles them (1 s) where no folder can be written to keep them: a process that asks
        one question is faster without.

    Raises
    ------
    ValueError
        The shape is another, or a coordinate is not a number or beyond 10,000 km.
    """

    def __init__(self, points: npt.ArrayLike, *, compiled: bool = _grid.AVAILABLE) -> None:
        rows = _checked(points)
        # Points in one place become one location, else cells and leaves could not stay small.
        # The sort is stable, so the first point of a location has its lowest number.
        order = np.lexsort((rows[:, 1], rows[:, 0]))
        new = np.ones(len(rows), bool)
        new[1:] = (rows[order[1:]] != rows[order[:-1]]).any(axis=1)
        starts = np.flatnonzero(new)
        ascending = np.argsort(order[starts])
        self._order: type_numbers = order
        self._starts: type_numbers = starts[ascending]
        self._sizes: type_numbers = np.diff(starts, append=len(rows))[ascending]
        self._numbers: type_numbers = order[self._starts]
        self._locations: type_floats = rows[self._numbers]
        self._grid: _grid.Grid | None = None
        if compiled and len(rows):
            self._grid = _grid.Grid.of(self._locations, self._numbers)
            # Compile before the first visitor asks. On a full disk the machine code cannot be
            # kept, which numba tells only once it is in use.
            with contextlib.suppress(OSError):
                self.nearest(0.0, 0.0)
            with contextlib.suppress(OSError):
                self.nearest_many(np.zeros((1, 2)))

    def __len__(self) -> int:
        """Count the points."""
        return len(self._order)

    @cached_property
    def _tree(self) -> cKDTree:
        return cKDTree(self._locations)

    def nearest(self, easting: float, northing: float) -> tuple[float, int]:
        """Find the point nearest to one position.

        Parameters
        ----------
        easting, northing
            Metres (EPSG:27700).

        Returns
        -------
        metres, number
            Infinity and -1 when there are no points.

        Raises
        ------
        ValueError
            A coordinate is not a number or beyond 10,000 km.
        """
        if not (-_FAR_M <= easting <= _FAR_M and -_FAR_M <= northing <= _FAR_M):
            raise ValueError(_unusable(easting, northing))
        if self._grid is not None:
            metres, number = _grid.nearest(float(easting), float(northing), *self._grid)
            if number != _grid.GAVE_UP:
                return metres, number
        elif not len(self):
            return math.inf, -1
        (near_m, next_m), (location, _) = self._tree.query((easting, northing), k=2)
        if next_m <= near_m * _NEARLY:
            some_m, numbers = self.nearest_k(easting, northing, 1)
            return float(some_m[0]), int(numbers[0])
        x, y = self._locations[location].tolist()
        dx, dy = x - easting, y - northing
        return math.sqrt(dx * dx + dy * dy), int(self._numbers[location])

    def nearest_many(self, positions: npt.ArrayLike) -> tuple[type_floats, type_numbers]:
        """Find the point nearest to each of many positions.

        Parameters
        ----------
        positions
            Metres (EPSG:27700), shape ``(m, 2)``.

        Returns
        -------
        metres, numbers
            Shape ``(m,)`` each; infinity and -1 when there are no points.

        Raises
        ------
        ValueError
            The shape is another, or a coordinate is not a number or beyond 10,000 km.
        """
        rows = _checked(positions)
        if not len(self):
            return np.full(len(rows), np.inf), np.full(len(rows), -1)
        if self._grid is None:
            return self._nearest_by_tree(rows)
        metres, numbers = np.empty(len(rows)), np.empty(len(rows), np.int64)
        _grid.nearest_many(rows, *self._grid, metres, numbers)
        left = np.flatnonzero(numbers == _grid.GAVE_UP)
        if left.size:
            metres[left], numbers[left] = self._nearest_by_tree(rows[left])
        return metres, numbers

    def nearest_k(
        self, easting: float, northing: float, k: int
    ) -> tuple[type_floats, type_numbers]:
        """Find the ``k`` points nearest to one position.

        Parameters
        ----------
        easting, northing
            Metres (EPSG:27700).
        k
            At least one.

        Returns
        -------
        metres, numbers
            Shape ``(min(k, n),)`` each, nearest first.

        Raises
        ------
        ValueError
            A coordinate is not a number or beyond 10,000 km, or ``k`` is less than one.
        """
        if k < 1:
            msg = f"k is {k}, but must be at least 1."
            raise ValueError(msg)
        position = _checked([[easting, northing]])[0]
        if not len(self):
            return np.empty(0), np.empty(0, np.int64)
        # so many locations hold as many points or more
        reach_m = self._tree.query(position, k=[min(k, len(self._numbers))])[0][0]
        metres, numbers = self._around(position, reach_m)
        return metres[:k], numbers[:k]

    def within(
        self, easting: float, northing: float, metres: float
    ) -> tuple[type_floats, type_numbers]:
        """Find the points within a distance of one position.

        Parameters
        ----------
        easting, northing, metres
            Metres (EPSG:27700).

        Returns
        -------
        metres, numbers
            One shape, nearest first; points exactly so far away are within.

        Raises
        ------
        ValueError
            A coordinate is not a number or beyond 10,000 km, or the distance is negative or
            not a number.
        """
        _check_distance(metres)
        position = _checked([[easting, northing]])[0]
        found_m, numbers = self._around(position, metres)
        inside = found_m <= metres
        return found_m[inside], numbers[inside]

    def pairs(
        self, positions: npt.ArrayLike, metres: float
    ) -> tuple[type_numbers, type_numbers, type_floats]:
        """Find the points within a distance of each of many positions.

        Parameters
        ----------
        positions
            Metres (EPSG:27700), shape ``(m, 2)``.
        metres
            Points exactly so far away are within.

        Returns
        -------
        rows, numbers, metres
            Shape ``(k,)`` each, one entry per pair: the row of the position, the number of the
            point and how far they are apart, sorted by row, then by number. A pair takes 24
            bytes.

        Raises
        ------
        ValueError
            The shape is another, a coordinate is not a number or beyond 10,000 km, or the
            distance is negative or not a number.
        """
        _check_distance(metres)
        rows = _checked(positions)
        if not (len(self) and len(rows)):
            return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0)
        if self._grid is None:
            return self._pairs_by_tree(rows, metres)
        _compile_pairs()
        points = np.empty((len(self), 2))
        every = np.arange(len(self._locations))
        points[self._members(every)] = np.repeat(self._locations, self._sizes, axis=0)
        reach_m = min(metres, 4 * _FAR_M)
        cells = _grid.Cells.of(points, reach_m)
        square = _largest_square(reach_m)
        done, count, room = 0, 0, _PAIRS * len(rows) + len(points)
        found = _room(room)
        while True:
            done, count = _grid.pairs(rows, done, count, reach_m, square, *cells, points, *found)
            if done == len(rows):
                break
            guess = _SPARE * count * len(rows) / max(done, 1)
            room = int(min(max(2 * room, guess), 4 * room))
            larger = _room(room)
            for old, new in zip(found, larger, strict=True):
                new[:count] = old[:count]
            found = larger
        for some in found:
            some.resize(count, refcheck=False)  # given back without a copy
        return found

    def _pairs_by_tree(
        self, positions: type_floats, metres: float
    ) -> tuple[type_numbers, type_numbers, type_floats]:
        found = []
        for start in range(0, len(positions), _CHUNK):
            part = positions[start : start + _CHUNK]
            near = cKDTree(part).sparse_distance_matrix(
                self._tree, metres * _NEARLY, output_type="ndarray"
            )
            row, location = near["i"].astype(np.int64), near["j"].astype(np.int64)
            apart_m = np.sqrt(_squares(self._locations[location], part[row]))
            inside = apart_m <= metres
            row, location, apart_m = row[inside], location[inside], apart_m[inside]
            sizes = self._sizes[location]
            row, numbers, apart_m = (
                np.repeat(row, sizes),
                self._members(location),
                np.repeat(apart_m, sizes),
            )
            order = np.lexsort((numbers, row))
            found.append((start + row[order], numbers[order], apart_m[order]))
        rows, numbers, apart_m = (np.concatenate(some) for some in zip(*found, strict=True))
        return rows, numbers, apart_m

    def _members(self, locations: type_numbers) -> type_numbers:
        """List the points of some locations."""
        sizes = self._sizes[locations]
        within_location = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        numbers: type_numbers = self._order[
            np.repeat(self._starts[locations], sizes) + within_location
        ]
        return numbers

    def _around(self, position: type_floats, metres: float) -> tuple[type_floats, type_numbers]:
        """Find all points within a distance, perhaps a few just beyond, nearest first."""
        near = np.array(self._tree.query_ball_point(position, metres * _NEARLY), np.int64)
        numbers = self._members(near)
        squares = np.repeat(_squares(self._locations[near], position), self._sizes[near])
        order = np.lexsort((numbers, squares))
        return np.sqrt(squares[order]), numbers[order]

    def _nearest_by_tree(self, positions: type_floats) -> tuple[type_floats, type_numbers]:
        metres, numbers = np.empty(len(positions)), np.empty(len(positions), np.int64)
        corner = self._locations.min(axis=0)
        block_m = np.maximum(np.ptp(self._locations, axis=0) / _BLOCKS, 1.0)
        for start in range(0, len(positions), _CHUNK):
            part = positions[start : start + _CHUNK]
            block = np.clip((part - corner) / block_m, 0, _BLOCKS - 1).astype(np.uint16)
            # two bytes are sorted by counting
            order = np.argsort(block[:, 1] * np.uint16(_BLOCKS) + block[:, 0], kind="stable")
            part = part[order]
            near_m, near = self._tree.query(part, k=2)
            chosen = near[:, 0]
            tied = np.flatnonzero(near_m[:, 1] <= near_m[:, 0] * _NEARLY)
            if tied.size:
                chosen[tied] = self._lowest(part[tied])
            metres[start + order] = np.sqrt(_squares(self._locations[chosen], part))
            numbers[start + order] = self._numbers[chosen]
        return metres, numbers

    def _lowest(self, positions: type_floats) -> type_numbers:
        """Choose the location with the lowest number for positions between two or more."""
        count = min(_TIED, len(self._numbers))
        near_m, near = self._tree.query(positions, k=count)
        near.sort(axis=1)  # locations are in the order of their numbers
        squares = _squares(self._locations[near], positions[:, np.newaxis])
        chosen: type_numbers = np.take_along_axis(
            near, squares.argmin(axis=1, keepdims=True), axis=1
        )[:, 0]
        for row in np.flatnonzero(near_m[:, -1] <= near_m[:, 0] * _NEARLY):
            number = self._around(positions[row], near_m[row, 0])[1][0]
            chosen[row] = np.searchsorted(self._numbers, number)
        return chosen


def _room(pairs: int) -> tuple[type_numbers, type_numbers, type_floats]:
    return np.empty(pairs, np.int64), np.empty(pairs, np.int64), np.empty(pairs)


@cache
def _compile_pairs() -> None:
    """Compile the kernels of pairs once; what is said of a full disk above holds here."""
    point = np.zeros((1, 2))
    with contextlib.suppress(OSError):
        _grid.Cells.of(point, 0.0)
    with contextlib.suppress(OSError):
        _grid.pairs(point, 0, 0, 0.0, 0.0, *_grid.Cells.of(point, 0.0), point, *_room(1))


def _largest_square(metres: float) -> float:
    """Find the largest square of a distance whose root is within ``metres``."""
    square = metres * metres
    while math.sqrt(square) > metres:
        square = math.nextafter(square, 0.0)
    while math.sqrt(above := math.nextafter(square, math.inf)) <= metres:
        square = above
    return square


def _squares(points: type_floats, positions: type_floats) -> type_floats:
    difference = points - positions
    dx, dy = difference[..., 0], difference[..., 1]
    squares: type_floats = dx * dx + dy * dy
    return squares


def _checked(positions: npt.ArrayLike) -> type_floats:
    # kernels are compiled for arrays that can be written
    rows = np.require(np.asarray(positions, np.float64), requirements=["C", "W"])
    if rows.ndim != 2 or rows.shape[1] != 2:  # noqa: PLR2004 - two coordinates
        msg = f"Positions have the shape (n, 2), not {rows.shape}."
        raise ValueError(msg)
    # NaN is neither; no array of a million rows is made for what is hardly ever so
    if rows.size and not (rows.min() >= -_FAR_M and rows.max() <= _FAR_M):
        row = int(np.flatnonzero(~(np.abs(rows) <= _FAR_M).all(axis=1))[0])
        msg = f"Row {row}: {_unusable(*rows[row].tolist())}"
        raise ValueError(msg)
    return rows


def _check_distance(metres: float) -> None:
    if not metres >= 0:
        msg = f"The distance is {metres} m, but must be 0 m or more."
        raise ValueError(msg)


def _unusable(easting: float, northing: float) -> str:
    return f"Easting {easting}, northing {northing} is no position in metres within 10,000 km."
