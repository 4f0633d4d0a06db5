"""Search coverage: kernels that numba compiles where it is installed.

The only place of this package that asks whether numba is there (``AVAILABLE``). Each kernel
has a twin in NumPy or SciPy beside its caller. Weights are such that sums of them are exact
(see :class:`~locator.solving.cover.Cover`), so both give the same answer to the last bit.
"""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

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
type_flags = npt.NDArray[np.bool_]


def compiled(kernel: Callable[_P, _R]) -> Callable[_P, _R]:
    """Compile a kernel at its first call, without the GIL; give it back where numba is missing.

    The machine code is kept between runs where a folder for it can be written.
    """
    if not AVAILABLE:
        return kernel
    try:
        fast: Callable[_P, _R] = numba.njit(cache=True, nogil=True)(kernel)
    except RuntimeError:  # neither the package's folder nor the user's can be written
        fast = numba.njit(nogil=True)(kernel)
    return fast


@compiled
def classes(first: type_numbers, row: type_small, label: type_numbers) -> None:
    """Give rows with equal cover sets the same label: partition refinement.

    Each site splits every class of rows into those that it covers and the others
    (Paige & Tarjan 1987, doi 10.1137/0216062). No set is ever hashed.

    Parameters
    ----------
    first, row
        A cover.
    label
        Shape ``(rows,)``, zeros; written. Rows that no site covers keep 0.
    """
    rows = len(label)
    # labels of classes that have become empty are used again, so these suffice
    size = np.zeros(rows + 2, np.int64)
    size[0] = rows
    moved = np.zeros(rows + 2, np.int64)
    seen = np.full(rows + 2, -1, np.int64)
    spare = np.empty(rows + 2, np.int64)
    spares = 0
    top = 1
    for site in range(len(first) - 1):
        for k in range(first[site], first[site + 1]):
            old = label[row[k]]
            if seen[old] != site:
                seen[old] = site
                seen[old] = site
                if spares > 0:
                    spares -= 1
                    moved[old] = spare[spares]
                else:
                    moved[old] = top
                    top += 1
            new = moved[old]
            label[row[k]] = new
            size[new] += 1
            size[old] -= 1
            if size[old] == 0 and old != 0:
                spare[spares] = old
                spares += 1


@compiled
def site_sums(first: type_numbers, row: type_small, value: type_floats, out: type_floats) -> None:
    """Add up for each site the values of the rows that it covers."""
    for site in range(len(first) - 1):
        total = 0.0
        for k in range(first[site], first[site + 1]):
            total += value[row[k]]
        out[site] = total


@compiled
def row_sums(first: type_numbers, row: type_small, value: type_floats, out: type_floats) -> None:
    """Add up for each row the values of the sites that cover it; ``out`` begins as zeros."""
    for site in range(len(first) - 1):
        if value[site] != 0.0:
            for k in range(first[site], first[site + 1]):
                out[row[k]] += value[site]


@compiled
def _sift(heap: type_small, key: type_floats, at: int, size: int) -> None:
    """Move the entry at a position of a heap down to its place; ties: lower numbers first."""
    moving = heap[at]
    while True:
        child = 2 * at + 1
        if child >= size:
            break
        if child + 1 < size:
            left, right = heap[child], heap[child + 1]
            if key[right] > key[left] or (key[right] == key[left] and right < left):
                child += 1
        other = heap[child]
        if key[other] < key[moving] or (key[other] == key[moving] and other > moving):
            break
        heap[at] = other
        at = child
    heap[at] = moving


@compiled
def lazy_greedy(  # noqa: PLR0917 - numba is slow at calls
    first: type_numbers,
    row: type_small,
    weight: type_floats,
    price: type_floats,
    cost: type_floats,
    room: float,
    key: type_floats,
    worth: type_floats,
) -> type_numbers:
    """Choose site after site, each time the one that adds most per price: CELF.

    Parameters
    ----------
    first, row, weight
        A cover.
    price
        Shape ``(sites,)``; what a gain is divided by.
    cost, room
        Shape ``(sites,)``, and what all chosen sites may cost.
    key
        Shape ``(sites,)``; each site's gain over its price, or minus infinity for sites that
        must not be chosen; written.
    worth
        Shape ``(rows,)``; what one more cover of each row adds; written.

    Returns
    -------
    chosen
        In the order of choosing.
    """
    sites = len(first) - 1
    levels = weight.shape[1]
    count = np.zeros(len(weight), np.int32)
    heap = np.empty(sites, np.int32)
    size = 0
    for site in range(sites):
        if key[site] > 0.0:
            heap[size] = site
            size += 1
    for at in range(size // 2 - 1, -1, -1):
        _sift(heap, key, at, size)
    fresh = np.zeros(sites, np.int32)
    chosen = np.empty(size, np.int64)
    done = 0
    while size > 0:
        site = heap[0]
        if cost[site] > room or key[site] <= 0.0:
            size -= 1
            heap[0] = heap[size]
        elif fresh[site] == done:
            for k in range(first[site], first[site + 1]):
                i = row[k]
                count[i] += 1
                worth[i] = weight[i, count[i]] if count[i] < levels else 0.0
            room -= cost[site]
            chosen[done] = site
            done += 1
            size -= 1
            heap[0] = heap[size]
        else:
            total = 0.0
            for k in range(first[site], first[site + 1]):
                total += worth[row[k]]
            key[site] = total / price[site]
            fresh[site] = done
        if size > 0:
            _sift(heap, key, 0, size)
    return chosen[:done]


@compiled
def improve(  # noqa: C901, PLR0912, PLR0913, PLR0915, PLR0917 - numba is slow at calls
    first: type_numbers,
    row: type_small,
    start: type_numbers,
    site_of: type_small,
    weight: type_floats,
    cost: type_floats,
    room: float,
    chosen: type_numbers,
    work: int,
) -> type_numbers:
    """Exchange a chosen site for another while that adds worth, and add what then fits.

    For each chosen site the best other one is found from the rows that only it covers often
    enough: the interchange of Teitz & Bart (1968) with the tables of Resende & Werneck (2007).

    Parameters
    ----------
    first, row, weight
        A cover.
    start, site_of
        The same row by row: the sites that cover row ``i`` are ``site_of[start[i]:start[i + 1]]``.
    cost, room
        Shape ``(sites,)``, and what all chosen sites may cost.
    chosen
        Shape ``(k,)``, without repeats.
    work
        About how many entries of the cover to look at before giving up.

    Returns
    -------
    better
        No exchange of one for one adds more, unless the work was used up.
    """
    sites = len(first) - 1
    rows, levels = weight.shape
    count = np.zeros(rows, np.int32)
    within = np.zeros(sites, np.bool_)
    spent = 0.0
    for c in chosen:
        within[c] = True
        spent += cost[c]
        for k in range(first[c], first[c + 1]):
            count[row[k]] += 1
    gain = np.zeros(sites)
    for c in range(sites):
        for k in range(first[c], first[c + 1]):
            i = row[k]
            if count[i] < levels:
                gain[c] += weight[i, count[i]]
    work -= len(row)
    plan = np.empty(sites, np.int64)
    plan[: len(chosen)] = chosen
    size = len(chosen)
    extra = np.zeros(sites)
    touched = np.empty(sites, np.int64)
    # the positions of the plan are gone round until none of them changed anything
    at, idle = 0, 0
    while idle <= size and work > 0:
        # position `size` means: add one without taking one out
        out = plan[at] if at < size else -1
        loss, seen = 0.0, 0
        if out >= 0:
            for k in range(first[out], first[out + 1]):
                i = row[k]
                c = count[i]
                if c > levels:
                    continue
                back = weight[i, c - 1]
                loss += back
                if c < levels:
                    back -= weight[i, c]
                if back <= 0.0:
                    continue
                work -= start[i + 1] - start[i]
                for q in range(start[i], start[i + 1]):
                    j = site_of[q]
                    if extra[j] == 0.0:
                        touched[seen] = j
                        seen += 1
                    extra[j] += back
        left = room - spent
        if out >= 0:
            left += cost[out]
        best, into = loss, -1
        work -= sites >> 3
        for j in range(sites):
            if not within[j] and cost[j] <= left and gain[j] > best:
                best, into = gain[j], j
        for t in range(seen):
            j = touched[t]
            add = gain[j] + extra[j]
            if (
                not within[j]
                and cost[j] <= left
                and (add > best or (add == best and -1 < j < into))
            ):
                best, into = add, j
            extra[j] = 0.0
        if into < 0 and (out < 0 or loss > 0.0):
            at = at + 1 if at < size else 0
            idle += 1
            continue
        idle = 0
        if out >= 0:
            within[out] = False
            spent -= cost[out]
            for k in range(first[out], first[out + 1]):
                i = row[k]
                count[i] -= 1
                c = count[i]
                if c < levels:
                    more = weight[i, c] - (weight[i, c + 1] if c + 1 < levels else 0.0)
                    if more > 0.0:
                        work -= start[i + 1] - start[i]
                        for q in range(start[i], start[i + 1]):
                            gain[site_of[q]] += more
        if into >= 0:
            within[into] = True
            spent += cost[into]
            for k in range(first[into], first[into + 1]):
                i = row[k]
                c = count[i]
                count[i] += 1
                if c < levels:
                    less = weight[i, c] - (weight[i, c + 1] if c + 1 < levels else 0.0)
                    if less > 0.0:
                        work -= start[i + 1] - start[i]
                        for q in range(start[i], start[i + 1]):
                            gain[site_of[q]] -= less
        if out >= 0 and into >= 0:
            plan[at] = into
            at += 1
        elif out >= 0:
            # nothing is lost without it: the last one takes its position
            size -= 1
            plan[at] = plan[size]
        else:
            plan[size] = into
            size += 1
            at = 0
    return plan[:size].copy()
