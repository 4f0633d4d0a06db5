"""Search choices of medians: kernels that numba compiles, and twins of them in NumPy.

Both add in the same order, so they give the same answer to the last bit.
"""

from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array

from locator.solving._kernels import AVAILABLE, type_flags, type_floats, type_numbers, type_small
from locator.solving._kernels import compiled as compile_

# sums of floats that should be equal differ by less than this part of the cost
_ROUNDING = 1e-12


class Costs(NamedTuple):
    """What each row costs if it is served by each of the sites that it lists.

    Attributes
    ----------
    first
        Shape ``(rows + 1,)``: where the sites of each row begin; none is without.
    site, cost
        Shape ``(pairs,)``: sites and costs, cheapest first within a row, each below ``top``.
    top
        Shape ``(rows,)``: what a row costs when none of its sites is chosen.
    begin
        Shape ``(sites + 1,)``: where the rows of each site begin.
    row, at
        Shape ``(pairs,)``: rows and costs, by site, then by row.
    """

    first: type_numbers
    site: type_small
    cost: type_floats
    top: type_floats
    begin: type_numbers
    row: type_small
    at: type_floats

    @classmethod
    def of(
        cls,
        first: type_numbers,
        site: type_small,
        cost: type_floats,
        top: type_floats,
        sites: int,
    ) -> "Costs":
        """List the rows of each site as well."""
        by_site = csr_array((cost, site, first), shape=(len(top), sites)).tocsc()
        begin, row = by_site.indptr.astype(np.int64), by_site.indices.astype(np.int32)
        return cls(first, site, cost, top, begin, row, by_site.data)

    @property
    def sites(self) -> int:
        """How many sites there are."""
        return len(self.begin) - 1


def greedy(costs: Costs, number: int, *, compiled: bool = AVAILABLE) -> type_numbers:
    """Choose sites one by one, each of which saves most; fewer if no more save anything."""
    least = _ROUNDING * costs.top.sum()
    chosen = np.empty(number, np.int64)
    count = _greedy(*costs, chosen, least) if compiled else _greedy_twin(costs, chosen, least)
    return chosen[:count]


def interchange(costs: Costs, chosen: type_numbers, *, compiled: bool = AVAILABLE) -> type_numbers:
    """Swap one chosen site for another, as long as that saves anything.

    As Whitaker (1983) and Resende & Werneck (2007, doi 10.1007/s10479-006-0154-0) do: each
    other site is tried in turn, and takes the place of the chosen one whose loss it makes up
    for best.
    """
    chosen = chosen.copy()
    least = _ROUNDING * costs.top.sum()
    if compiled:
        _interchange(*costs, chosen, least)
    else:
        _interchange_twin(costs, chosen, least)
    return chosen


def price(costs: Costs, worth: type_floats, *, compiled: bool = AVAILABLE) -> type_floats:
    """Sum for each site what it costs rows less than what it is worth to them, ``(sites,)``."""
    if compiled:
        sums = np.zeros(costs.sites)
        _price(costs.first, costs.site, costs.cost, worth, sums)
        return sums
    less = costs.cost - np.repeat(worth, np.diff(costs.first))
    some = less < 0
    return np.bincount(costs.site[some], less[some], costs.sites).astype(np.float64)


def served(
    costs: Costs, worth: type_floats, chosen: type_flags, *, compiled: bool = AVAILABLE
) -> type_numbers:
    """Count the chosen sites that cost each row less than it is worth, ``(rows,)``."""
    if compiled:
        counts = np.zeros(len(costs.top), np.int64)
        _served(costs.first, costs.site, costs.cost, worth, chosen, counts)
        return counts
    some = (costs.cost < np.repeat(worth, np.diff(costs.first))) & chosen[costs.site]
    return np.add.reduceat(some, costs.first[:-1], dtype=np.int64)


def two_lowest(costs: Costs, chosen: type_numbers) -> tuple[type_numbers, type_floats, type_floats]:
    """Find the chosen site that costs each row least, that cost, and the next lowest.

    Returns
    -------
    place, low, next_low
        Shape ``(rows,)`` each. The place in ``chosen`` is -1 and costs are the top where none
        is left.
    """
    place = np.full(costs.sites, -1)
    place[chosen] = np.arange(len(chosen))
    pair = np.flatnonzero(place[costs.site] >= 0)
    row = np.searchsorted(costs.first, pair, side="right") - 1
    rank = np.arange(len(pair)) - np.searchsorted(row, row)
    nearest = np.full(len(costs.top), -1)
    low, next_low = costs.top.copy(), costs.top.copy()
    nearest[row[rank == 0]] = place[costs.site[pair[rank == 0]]]
    low[row[rank == 0]] = costs.cost[pair[rank == 0]]
    next_low[row[rank == 1]] = costs.cost[pair[rank == 1]]
    return nearest, low, next_low


@compile_
def _greedy(  # noqa: PLR0913, PLR0917 - the fields of Costs
    first: type_numbers,
    site: type_small,
    cost: type_floats,
    top: type_floats,
    begin: type_numbers,
    row: type_small,
    at: type_floats,
    chosen: type_numbers,
    least: float,
) -> int:
    now = top.copy()
    saves = np.zeros(len(begin) - 1)
    for i in range(len(top)):
        for k in range(first[i], first[i + 1]):
            saves[site[k]] += now[i] - cost[k]
    for count in range(len(chosen)):
        best = np.argmax(saves)
        if saves[best] <= least:
            return count
        chosen[count] = best
        for k in range(begin[best], begin[best + 1]):
            i = row[k]
            before = now[i]
            if at[k] < before:
                for other in range(first[i], first[i + 1]):
                    if cost[other] >= before:
                        break
                    saves[site[other]] -= before - max(cost[other], at[k])
                now[i] = at[k]
        saves[best] = 0.0
    return len(chosen)


@compile_
def _interchange(  # noqa: C901, PLR0912, PLR0913, PLR0915, PLR0917 - numba is slow at calls
    first: type_numbers,
    site: type_small,
    cost: type_floats,
    top: type_floats,
    begin: type_numbers,
    row: type_small,
    at: type_floats,
    chosen: type_numbers,
    least: float,
) -> None:
    rows, sites = len(top), len(begin) - 1
    # chosen sites are called by their places in ``chosen``
    place = np.full(sites, -1)
    for k in range(len(chosen)):
        place[chosen[k]] = k
    nearest, second = np.full(rows, -1), np.full(rows, -1)
    low, next_low = np.empty(rows), np.empty(rows)
    loss = np.zeros(len(chosen))
    saved = np.zeros(len(chosen))
    stale = np.arange(rows)
    stales = rows
    candidate, idle = 0, 0
    while True:
        for s in range(stales):
            i = stale[s]
            nearest[i] = second[i] = -1
            low[i] = next_low[i] = top[i]
            for k in range(first[i], first[i + 1]):
                if place[site[k]] >= 0:
                    if nearest[i] < 0:
                        nearest[i], low[i] = place[site[k]], cost[k]
                    else:
                        second[i], next_low[i] = place[site[k]], cost[k]
                        break
        loss[:] = 0.0
        for i in range(rows):
            if nearest[i] >= 0:
                loss[nearest[i]] += next_low[i] - low[i]
        found = -1
        while idle < sites:
            if place[candidate] < 0 and begin[candidate] < begin[candidate + 1]:
                gain = 0.0
                saved[:] = 0.0
                for k in range(begin[candidate], begin[candidate + 1]):
                    i = row[k]
                    if at[k] < low[i]:
                        gain += low[i] - at[k]
                        if nearest[i] >= 0:
                            saved[nearest[i]] += next_low[i] - low[i]
                    elif at[k] < next_low[i]:
                        saved[nearest[i]] += next_low[i] - at[k]
                best = saved[0] - loss[0]
                out = 0
                for k in range(1, len(chosen)):
                    if saved[k] - loss[k] > best:
                        best = saved[k] - loss[k]
                        out = k
                if gain + best > least:
                    found = candidate
                    break
            candidate = (candidate + 1) % sites
            idle += 1
        if found < 0:
            return
        idle = 0
        stales = 0
        left = chosen[out]
        place[left] = -1
        chosen[out] = found
        place[found] = out
        for k in range(begin[left], begin[left + 1]):
            i = row[k]
            if nearest[i] == out or second[i] == out:
                stale[stales] = i
                stales += 1
                # not listed twice if the new site is near as well
                low[i] = next_low[i] = -1.0
        for k in range(begin[found], begin[found + 1]):
            i = row[k]
            if at[k] < next_low[i]:
                stale[stales] = i
                stales += 1


@compile_
def _price(
    first: type_numbers,
    site: type_small,
    cost: type_floats,
    worth: type_floats,
    sums: type_floats,
) -> None:
    for i in range(len(worth)):
        for k in range(first[i], first[i + 1]):
            if cost[k] >= worth[i]:
                break
            sums[site[k]] += cost[k] - worth[i]


@compile_
def _served(
    first: type_numbers,
    site: type_small,
    cost: type_floats,
    worth: type_floats,
    chosen: type_flags,
    counts: type_numbers,
) -> None:
    for i in range(len(worth)):
        for k in range(first[i], first[i + 1]):
            if cost[k] >= worth[i]:
                break
            if chosen[site[k]]:
                counts[i] += 1


def _greedy_twin(costs: Costs, chosen: type_numbers, least: float) -> int:
    now = costs.top.copy()
    saves = np.bincount(costs.site, np.repeat(now, np.diff(costs.first)) - costs.cost, costs.sites)
    for count in range(len(chosen)):
        best = int(saves.argmax())
        if saves[best] <= least:
            return count
        chosen[count] = best
        rows, at = _column(costs, best)
        nearer = at < now[rows]
        rows, at = rows[nearer], at[nearer]
        owner, entry = _entries(costs, rows)
        before, cost = now[rows][owner], costs.cost[entry]
        some = cost < before
        less = (before - np.maximum(cost, at[owner]))[some]
        np.subtract.at(saves, costs.site[entry[some]], less)
        now[rows] = at
        saves[best] = 0.0
    return len(chosen)


def _interchange_twin(costs: Costs, chosen: type_numbers, least: float) -> None:
    candidate = 0
    while True:
        nearest, low, next_low = two_lowest(costs, chosen)
        loss = np.bincount(nearest[nearest >= 0], (next_low - low)[nearest >= 0], len(chosen))
        for tried in range(candidate, candidate + costs.sites):
            candidate = tried % costs.sites
            rows, at = _column(costs, candidate)
            if candidate in chosen or not len(rows):
                continue
            gains = np.append(0.0, (low[rows] - at)[at < low[rows]])
            helped = (at < next_low[rows]) & (nearest[rows] >= 0)
            rows, at = rows[helped], at[helped]
            saved = np.bincount(
                nearest[rows], next_low[rows] - np.maximum(low[rows], at), len(chosen)
            )
            net = saved - loss
            # a running sum, for sum() adds in another order than the kernel
            if gains.cumsum()[-1] + net.max() > least:
                chosen[net.argmax()] = candidate
                break
        else:
            return


def _column(costs: Costs, site: int) -> tuple[type_small, type_floats]:
    mine = slice(costs.begin[site], costs.begin[site + 1])
    return costs.row[mine], costs.at[mine]


def _entries(costs: Costs, rows: type_small) -> tuple[type_numbers, type_numbers]:
    """List the pairs of some rows: which of the rows, and the number of the pair."""
    sizes = costs.first[rows + 1] - costs.first[rows]
    owner = np.repeat(np.arange(len(rows)), sizes)
    entry = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return owner, entry + costs.first[rows][owner]
