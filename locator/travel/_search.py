"""Search a walking network: kernels that numba compiles where it is installed.

Each does what :mod:`locator.travel.streets` does with NumPy and SciPy, with the same
arithmetic in the same order, so the answers are the same to the last bit.
"""

import numpy as np
import numpy.typing as npt

from locator.travel._grid import compiled, type_floats, type_numbers

type_small = npt.NDArray[np.int32]
type_singles = npt.NDArray[np.float32]
type_flags = npt.NDArray[np.int8]

# more than rounding can have raised a distance, so that no cell is left out in error
_SLACK = 1 + 1e-9
_NEAR, _FAR = 1, 2


@compiled
def _last_up_to(numbers: type_numbers, wanted: int) -> int:
    """Find the last of some ascending numbers that is not above another; -1 if all are."""
    low, high = 0, len(numbers)
    while low < high:
        middle = (low + high) >> 1
        if numbers[middle] <= wanted:
            low = middle + 1
        else:
            high = middle
    return low - 1


@compiled
def _spread(number: int) -> int:
    """Put a zero before each bit: one half of a Morton code."""
    number = (number | (number << 16)) & 0x0000FFFF0000FFFF
    number = (number | (number << 8)) & 0x00FF00FF00FF00FF
    number = (number | (number << 4)) & 0x0F0F0F0F0F0F0F0F
    number = (number | (number << 2)) & 0x3333333333333333
    return (number | (number << 1)) & 0x5555555555555555


@compiled
def snap(  # noqa: C901, PLR0913, PLR0917 - one flat loop compiles to the fastest code
    easting: type_floats,
    northing: type_floats,
    bits: int,
    farthest_cm: float,
    segment_cell: type_numbers,
    segment_cell_first: type_numbers,
    segment: type_small,
    point: type_small,
    point_m: type_singles,
    first: type_numbers,
) -> tuple[type_numbers, type_floats, type_floats]:
    """Find the nearest point of any street for many positions.

    Parameters
    ----------
    easting, northing
        Metres (EPSG:27700), shape ``(n,)``.
    bits
        Cells are ``2**bits`` centimetres wide.
    farthest_cm
        Streets farther than this do not count.
    segment_cell, segment_cell_first, segment, point, point_m, first
        Of a ``Network``.

    Returns
    -------
    edge, along_m, aside_m
        As in ``Snaps``, shape ``(n,)``.
    """
    size = len(easting)
    edge = np.full(size, -1, np.int64)
    along, aside = np.zeros(size), np.full(size, np.inf)
    side = 1 << bits
    for i in range(size):
        x, y = np.rint(easting[i] * 100), np.rint(northing[i] * 100)
        if not (0 <= x < 1 << 31 and 0 <= y < 1 << 31):  # NaN is neither
            continue
        column, row = int(x) >> bits, int(y) >> bits
        best, best_share, chosen = np.inf, 0.0, -1
        reach = 0
        # what lies in farther cells is farther than the cells between
        while reach * side < farthest_cm and np.sqrt(best) > reach * side:
            reach += 1
            for other in range(max(column - reach, 0), column + reach + 1):
                gap_x = max(other * side - x, x - (other + 1) * side, 0.0)
                for beside in range(max(row - reach, 0), row + reach + 1):
                    gap_y = max(beside * side - y, y - (beside + 1) * side, 0.0)
                    if gap_x * gap_x + gap_y * gap_y > best * _SLACK:
                        continue
                    code = _spread(other) | (_spread(beside) << 1)
                    spot = _last_up_to(segment_cell, code)
                    if spot < 0 or segment_cell[spot] != code:
                        continue
                    for item in range(segment_cell_first[spot], segment_cell_first[spot + 1]):
                        piece = segment[item]
                        a, b = float(point[piece, 0]), float(point[piece, 1])
                        street_x, street_y = point[piece + 1, 0] - a, point[piece + 1, 1] - b
                        way_x, way_y = x - a, y - b
                        square = street_x * street_x + street_y * street_y
                        share = (street_x * way_x + street_y * way_y) / max(square, 1.0)
                        share = min(max(share, 0.0), 1.0)
                        off_x, off_y = way_x - street_x * share, way_y - street_y * share
                        apart = off_x * off_x + off_y * off_y
                        # of pieces equally near, the one that comes first in the network
                        if apart < best or (apart == best and piece < chosen):
                            best, best_share, chosen = apart, share, piece
        if np.sqrt(best) <= farthest_cm:
            before = np.float64(point_m[chosen])
            edge[i] = _last_up_to(first, chosen)
            along[i] = before + best_share * (point_m[chosen + 1] - before)
            aside[i] = np.sqrt(best) / 100
    return edge, along, aside


@compiled
def spread(  # noqa: C901, PLR0912, PLR0915, PLR0917 - as above
    starts: type_small,
    away_m: type_floats,
    number: type_numbers,
    limit_m: float,
    band_m: float,
    adjacent_first: type_small,
    adjacent: type_small,
    adjacent_m: type_floats,
) -> tuple[type_floats, type_numbers]:
    """Find the way from every junction to the nearest of several positions.

    Junctions within a band of metres are taken as they come, and again when a shorter way
    turns up; those beyond wait until the band has moved on (Meyer and Sanders 2003, "Delta-
    stepping"). On streets that takes a fifth of the time of a heap.

    Parameters
    ----------
    starts, away_m
        Two junctions at the ends of the edge of each position, and metres to them,
        shape ``(k, 2)``.
    number
        What callers call the positions, shape ``(k,)``.
    limit_m
        Ways longer than this are not looked for.
    band_m
        Width of the band; changes the time taken only.
    adjacent_first, adjacent, adjacent_m
        Of a ``Network``.

    Returns
    -------
    metres, owner
        For each junction; infinite and -1 where no position can be reached. Of positions
        equally near, the one with the lowest number.
    """
    size = len(adjacent_first) - 1
    # numbers without a sign: no code for indices that count from the end, a sixth of the time
    first, neighbour = adjacent_first.view(np.uint32), adjacent.view(np.uint32)
    metres = np.full(size, np.inf)
    owner = np.full(size, -1, np.int64)
    state = np.zeros(size, np.int8)
    near, far = np.empty(size, np.uint32), np.empty(size, np.uint32)
    begin, count, waiting = 0, 0, 0
    for k in range(len(starts)):
        for end in range(2):
            here, total = starts[k, end], away_m[k, end]
            if total > limit_m or total > metres[here]:
                continue
            if total < metres[here] or number[k] < owner[here]:
                metres[here], owner[here] = total, number[k]
                if state[here] == 0:
                    state[here] = _FAR
                    far[waiting] = here
                    waiting += 1
    until = -np.inf
    while waiting:
        least = np.inf
        for i in range(waiting):
            if state[far[i]] == _FAR:
                least = min(least, metres[far[i]])
        until = least + band_m
        kept = 0
        for i in range(waiting):
            here = far[i]
            if state[here] != _FAR:
                continue
            if metres[here] < until:
                state[here] = _NEAR
                near[(begin + count) % size] = here
                count += 1
            else:
                far[kept] = here
                kept += 1
        waiting = kept
        while count:
            here = near[begin]
            begin = begin + 1 if begin + 1 < size else 0
            count -= 1
            state[here] = 0
            base, whose = metres[here], owner[here]
            for i in range(first[here], first[here + 1]):
                there, total = neighbour[i], base + adjacent_m[i]
                if total > metres[there] or total > limit_m:
                    continue
                if total == metres[there] and whose >= owner[there]:
                    continue
                metres[there], owner[there] = total, whose
                if first[there + 1] - first[there] == 1:  # a dead end leads nowhere else
                    continue
                if total < until:
                    if state[there] != _NEAR:
                        state[there] = _NEAR
                        end = begin + count
                        near[end if end < size else end - size] = there
                        count += 1
                elif state[there] == 0:
                    state[there] = _FAR
                    far[waiting] = there
                    waiting += 1
    return metres, owner


@compiled
def read(  # noqa: PLR0913, PLR0917 - as above
    edge: type_numbers,
    along_m: type_floats,
    aside_m: type_floats,
    source_edge: type_numbers,
    source_along_m: type_floats,
    source_aside_m: type_floats,
    number: type_numbers,
    limit_m: float,
    metres: type_floats,
    owner: type_numbers,
    ends: type_small,
    length_m: type_floats,
) -> tuple[type_floats, type_numbers]:
    """Read a field at many positions.

    Parameters
    ----------
    edge, along_m, aside_m
        Of ``Snaps``, shape ``(n,)``.
    source_edge, source_along_m, source_aside_m, number, limit_m, metres, owner
        Of a ``Field``.
    ends, length_m
        Of a ``Network``.

    Returns
    -------
    metres, number
        Shape ``(n,)``; infinite and -1 where no position can be reached.
    """
    size = len(edge)
    least, whose = np.full(size, np.inf), np.full(size, -1, np.int64)
    for i in range(size):
        on = edge[i]
        if on < 0:
            continue
        along, aside = along_m[i], aside_m[i]
        total = metres[ends[on, 0]] + (along + aside)
        nearest = owner[ends[on, 0]]
        by_last = metres[ends[on, 1]] + (length_m[on] - along + aside)
        if by_last < total:
            total, nearest = by_last, owner[ends[on, 1]]
        for k in range(_last_up_to(source_edge, on - 1) + 1, len(source_edge)):
            if source_edge[k] != on:
                break
            direct = abs(along - source_along_m[k]) + (aside + source_aside_m[k])
            if direct < total:
                total, nearest = direct, number[k]
        if total <= limit_m and nearest >= 0:
            least[i], whose[i] = total, nearest
    return least, whose


@compiled
def expand(  # noqa: PLR0913, PLR0917 - as above
    source_edge: type_numbers,
    source_along_m: type_floats,
    source_aside_m: type_floats,
    limit_m: float,
    metres: type_floats,
    ends: type_small,
    length_m: type_floats,
    first: type_numbers,
    point_m: type_singles,
) -> type_floats:
    """Read a field at every point of the network.

    Parameters
    ----------
    source_edge, source_along_m, source_aside_m, limit_m, metres
        Of a ``Field``.
    ends, length_m, first, point_m
        Of a ``Network``.

    Returns
    -------
    metres
        In the order of ``point_m``; infinite where no position can be reached.
    """
    total = np.empty(len(point_m))
    for edge in range(len(ends)):
        at_first, at_last = metres[ends[edge, 0]], metres[ends[edge, 1]] + length_m[edge]
        for i in range(first[edge], first[edge + 1]):
            total[i] = min(at_first + point_m[i], at_last - point_m[i])
    for k in range(len(source_edge)):
        edge = source_edge[k]
        for i in range(first[edge], first[edge + 1]):
            direct = abs(point_m[i] - source_along_m[k]) + source_aside_m[k]
            total[i] = min(total[i], direct)
    if limit_m < np.inf:
        for i in range(len(total)):
            if total[i] > limit_m:
                total[i] = np.inf
    return total
