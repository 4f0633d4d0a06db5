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

# sites taken out at once at most, exchanges tried around them, and changes to be undone
_MOST_OUT = 8
_ATTEMPTS = 30
_LOG = 256

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
def classes(first: type_numbers, row: type_small, label: type_small) -> None:
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
    size = np.zeros(rows + 2, np.int32)
    size[0] = rows
    moved = np.zeros(rows + 2, np.int32)
    seen = np.full(rows + 2, -1, np.int32)
    spare = np.empty(rows + 2, np.int32)
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
def _change(  # noqa: PLR0913, PLR0917 - numba is slow at calls
    site: int,
    by: int,
    first: type_numbers,
    row: type_small,
    start: type_numbers,
    site_of: type_small,
    weight: type_floats,
    count: type_small,
    gain: type_floats,
) -> int:
    """Put a site in (``by`` 1) or take it out (-1): write counts of rows and gains of all sites.

    Returns
    -------
    work
        Entries of the cover that were looked at.
    """
    levels = weight.shape[1]
    work = 0
    for k in range(first[site], first[site + 1]):
        i = row[k]
        level = count[i] if by > 0 else count[i] - 1
        count[i] += by
        if level >= levels:
            continue
        step = weight[i, level]
        if level + 1 < levels:
            step -= weight[i, level + 1]
        if step > 0.0:
            step *= by
            work += start[i + 1] - start[i]
            for q in range(start[i], start[i + 1]):
                gain[site_of[q]] -= step
    return work


@compiled
def _replacement(  # noqa: C901, PLR0913, PLR0917 - numba is slow at calls
    out: int,
    left: float,
    first: type_numbers,
    row: type_small,
    start: type_numbers,
    site_of: type_small,
    weight: type_floats,
    cost: type_floats,
    count: type_small,
    gain: type_floats,
    within: type_flags,
    extra: type_floats,
    touched: type_numbers,
) -> tuple[int, float, float, int]:
    """Find the best site to put in for one that is taken out; ties: the lowest number.

    Parameters
    ----------
    out
        -1 for none: the best site to add.
    left
        What the new one may cost.
    first, row, start, site_of, weight, cost, count, gain, within
        See ``improve``.
    extra, touched
        Shape ``(sites,)`` each; scratch, ``extra`` is zeros before and after.

    Returns
    -------
    into, add, loss, work
        The site, -1 if none adds more than is lost, what is added and lost, and how many entries
        of the cover were looked at.
    """
    levels = weight.shape[1]
    loss, seen, work = 0.0, 0, len(gain) >> 3
    if out >= 0:
        for k in range(first[out], first[out + 1]):
            i = row[k]
            c = count[i]
            if c > levels:
                continue
            # what is lost with this site comes back with any other one that covers the row
            back = weight[i, c - 1]
            loss += back
            if c < levels:
                back -= weight[i, c]
            if back > 0.0:
                work += start[i + 1] - start[i]
                for q in range(start[i], start[i + 1]):
                    j = site_of[q]
                    if extra[j] == 0.0:
                        touched[seen] = j
                        seen += 1
                    extra[j] += back
    best, into = loss, -1
    for j in range(len(gain)):
        if gain[j] > best and not within[j] and cost[j] <= left:
            best, into = gain[j], j
    for t in range(seen):
        j = touched[t]
        add = gain[j] + extra[j]
        extra[j] = 0.0
        if within[j] or cost[j] > left:
            continue
        if add > best or (add == best and -1 < j < into):
            best, into = add, j
    return into, best, loss, work


@compiled
def improve(  # noqa: PLR0913, PLR0917 - numba is slow at calls
    first: type_numbers,
    row: type_small,
    start: type_numbers,
    site_of: type_small,
    weight: type_floats,
    cost: type_floats,
    room: float,
    plan: type_numbers,
    size: int,
    count: type_small,
    gain: type_floats,
    work: int,
) -> int:
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
    plan, size
        Shape ``(sites,)``, of which the first so many are chosen, without repeats; written.
    count, gain
        Shapes ``(rows,)`` and ``(sites,)``: covers of each row and what each site would add;
        written.
    work
        About how many entries of the cover to look at before giving up.

    Returns
    -------
    size
        How many are chosen now. No exchange of one for one adds more, unless the work was used
        up.
    """
    sites = len(first) - 1
    within = np.zeros(sites, np.bool_)
    spent = 0.0
    for c in plan[:size]:
        within[c] = True
        spent += cost[c]
    extra = np.zeros(sites)
    touched = np.empty(sites, np.int64)
    # the positions of the plan are gone round until none of them changed anything; the one
    # after the last stands for adding a site without taking one out
    at, idle = 0, 0
    while idle <= size and work > 0:
        out = plan[at] if at < size else -1
        left = room - spent + (cost[out] if out >= 0 else 0.0)
        into, _, loss, looked = _replacement(
            out, left, first, row, start, site_of, weight, cost, count, gain, within, extra, touched
        )
        work -= looked
        if into < 0 and (out < 0 or loss > 0.0):
            at = at + 1 if at < size else 0
            idle += 1
            continue
        idle = 0
        if out >= 0:
            within[out] = False
            spent -= cost[out]
            work -= _change(out, -1, first, row, start, site_of, weight, count, gain)
        if into >= 0:
            within[into] = True
            spent += cost[into]
            work -= _change(into, 1, first, row, start, site_of, weight, count, gain)
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
    return size


@compiled
def _neighbour(
    site: int,
    first: type_numbers,
    row: type_small,
    start: type_numbers,
    site_of: type_small,
    within: type_flags,
) -> int:
    """Walk at random to a chosen site that shares rows with one that shares rows with this.

    Returns
    -------
    neighbour
        -1 if the walk ended at none.
    """
    for _ in range(2):
        size = first[site + 1] - first[site]
        if size == 0:
            return -1
        i = row[first[site] + np.random.randint(size)]  # noqa: NPY002
        size = start[i + 1] - start[i]
        for _ in range(4):
            site = site_of[start[i] + np.random.randint(size)]  # noqa: NPY002
            if within[site]:
                return site
    return -1


@compiled
def stir(  # noqa: C901, PLR0912, PLR0913, PLR0915, PLR0917 - numba is slow at calls
    first: type_numbers,
    row: type_small,
    start: type_numbers,
    site_of: type_small,
    weight: type_floats,
    cost: type_floats,
    room: float,
    plan: type_numbers,
    size: int,
    count: type_small,
    gain: type_floats,
    worth: float,
    best: float,
    best_plan: type_numbers,
    turns: int,
    bear: float,
    seed: int,
) -> tuple[int, float, int]:
    """Take out a few sites near each other, fill up, exchange around; keep what is no worse.

    Ruin and recreate (Schrimpf et al. 2000, doi 10.1006/jcph.1999.6413); worse choices are
    kept at times, ever less so (threshold accepting, Dueck & Scheuer 1990).

    Parameters
    ----------
    first, row, start, site_of, weight, cost, room, plan, size, count, gain
        See ``improve``.
    worth, best
        Of the plan, and of the best known.
    best_plan
        Shape ``(sites,)``; the best plan if a better one was found; written.
    turns
        How often.
    bear
        Worth that may be lost in a turn.
    seed
        For numbers at random.

    Returns
    -------
    size, worth, best_size
        Of the plan as it is now; of the best plan, -1 if none was better.
    """
    np.random.seed(seed)  # noqa: NPY002 - what numba knows
    sites = len(first) - 1
    within = np.zeros(sites, np.bool_)
    spent = 0.0
    for c in plan[:size]:
        within[c] = True
        spent += cost[c]
    extra = np.zeros(sites)
    touched = np.empty(sites, np.int64)
    best_size = -1
    # what was put in (the number) and taken out (its inversion), to be undone
    log = np.empty(_LOG, np.int64)
    for _ in range(turns):
        if size == 0:
            break
        change, logged = 0.0, 0
        centre = plan[np.random.randint(size)]  # noqa: NPY002
        wanted = 1 + np.random.randint(_MOST_OUT)  # noqa: NPY002
        out = centre
        for _ in range(4 * wanted):
            if out >= 0 and within[out]:
                _change(out, -1, first, row, start, site_of, weight, count, gain)
                within[out] = False
                spent -= cost[out]
                change -= gain[out]
                log[logged] = ~out
                logged += 1
            if logged == wanted:
                break
            out = _neighbour(centre, first, row, start, site_of, within)
        # filled up, and then exchanged: what is new first, then what is around it
        around = -1
        while logged < _LOG - 2:
            add, into = 0.0, -1
            for j in range(sites):
                if gain[j] > add and not within[j] and cost[j] <= room - spent:
                    # the first to be put in is another than the first that was taken out
                    if around < 0 and j == centre:
                        continue
                    add, into = gain[j], j
            if into < 0:
                break
            _change(into, 1, first, row, start, site_of, weight, count, gain)
            within[into] = True
            spent += cost[into]
            change += add
            log[logged] = into
            logged += 1
            around = into
        filled = logged
        for attempt in range(_ATTEMPTS):
            site = log[attempt % filled]
            if site < 0:
                site = ~site
            if attempt >= filled:
                site = _neighbour(site, first, row, start, site_of, within)
            if site < 0 or not within[site] or logged > _LOG - 2:
                continue
            left = room - spent + cost[site]
            into, add, loss, _ = _replacement(
                site,
                left,
                first,
                row,
                start,
                site_of,
                weight,
                cost,
                count,
                gain,
                within,
                extra,
                touched,
            )
            if into >= 0:
                _change(site, -1, first, row, start, site_of, weight, count, gain)
                _change(into, 1, first, row, start, site_of, weight, count, gain)
                within[site], within[into] = False, True
                spent += cost[into] - cost[site]
                change += add - loss
                log[logged], log[logged + 1] = ~site, into
                logged += 2
        if change < -bear * np.random.random():  # noqa: NPY002
            for k in range(logged - 1, -1, -1):
                by = -1 if log[k] >= 0 else 1
                site = log[k] if log[k] >= 0 else ~log[k]
                _change(site, by, first, row, start, site_of, weight, count, gain)
                within[site] = by > 0
                spent += by * cost[site]
            continue
        worth += change
        size = 0
        for j in range(sites):
            if within[j]:
                plan[size] = j
                size += 1
        if worth > best:
            best, best_size = worth, size
            best_plan[:size] = plan[:size]
    return size, worth, best_size
