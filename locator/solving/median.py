"""Choose sites so that demand is near them on average: the p-median problem.

Hakimi (1964), doi 10.1287/opre.12.3.450. Fixed sites bound what each row can cost, and are
then forgotten. Choices come from greedy search and swaps, bounds from the Lagrangian that
lets rows be served as often as it pays (Cornuejols, Fisher & Nemhauser 1977, doi
10.1287/mnsc.23.8.789), with subgradients that remember the way they came from (Camerini,
Fratta & Maffioli 1975, doi 10.1007/BFb0120697). Sites that no better choice can have, or
do without, are fixed by reduced costs (Beasley 1985, doi 10.1016/0377-2217(85)90040-2). What
is left is branched on, and handed to HiGHS in the radius formulation of Cornuejols, Nemhauser
& Wolsey (1980) and Elloumi (2010, doi 10.1007/s10878-008-9200-3) as soon as it is small.
"""

import heapq
import itertools
import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array

from locator.solving import _highs, _interchange
from locator.solving._interchange import Costs
from locator.solving._kernels import AVAILABLE, type_flags, type_floats, type_numbers, type_small
from locator.solving.distances import Assigned, Distances
from locator.solving.solution import OPTIMAL

# Steps along subgradients, of the whole and of what is left after branching: how many, how many
# in vain before they are shortened, how far the first goes, and when they are too short.
_ROOT, _INNER = (2000, 20, 1.5, 1e-3), (100, 8, 1.0, 0.02)
# to what part steps are shortened, and how much of the last direction is kept
_SHORTER, _KEPT = 0.7, 0.7
# a bound that rises by a smaller part has not risen
_RISES = 1e-7
# steps between two choices that are taken from the Lagrangian and swapped
_TRY_AFTER = 25
# how much of the share of steps in which a site was chosen is kept at each step
_MEMORY = 0.95
# HiGHS is often faster than branching when fewer pairs are left. Seconds before branching goes
# on; HiGHS is asked again only for so much less.
_PAIRS = 12_000
_CLOSING_S = 1.0
_LESS = 0.5
# what models are scaled to, for tolerances are absolute
_SCALE = 1e4
# whole numbers up to here are exact
_WHOLE = 2.0**52
_ROUNDING = 1e-9


def p_median(
    distances: Distances,
    number: int,
    *,
    fixed: npt.ArrayLike = (),
    seconds: float = 60.0,
    gap: float = OPTIMAL,
    progress: Callable[[Assigned], None] | None = None,
    compiled: bool = AVAILABLE,
) -> Assigned:
    """Choose sites so that the weighted metres from all rows to the nearest are least.

    Parameters
    ----------
    distances
        Rows with sites near them. A row that no chosen site is near costs its limit.
    number
        How many new sites there may be, at least 0.
    fixed
        Numbers of sites that are there already.
    seconds
        After which the best so far is given, with its bound.
    gap
        Stop when no choice can cost less by a greater part than this.
    progress
        Called with each better choice, and with the bound when it has risen.
    compiled
        Whether compiled kernels search, or NumPy, which is slower and does the same.

    Returns
    -------
    assigned
        ``chosen`` is in the order in which each saves most. Ctrl-C (``KeyboardInterrupt``)
        gives the best so far with its bound.

    Raises
    ------
    ValueError
        There is no such fixed site, or the number is negative.
    """
    if number < 0:
        msg = f"The number of sites is {number}, but must be at least 0."
        raise ValueError(msg)
    search = Search(distances, distances.numbers(fixed), number, seconds, compiled=compiled)
    if progress is not None:
        search.tell = lambda: progress(search.assigned())
    try:
        search.run(gap)
    except KeyboardInterrupt:
        search.interrupted = True
    return search.assigned()


@dataclass(frozen=True, slots=True, eq=False)
class _Node:
    """Choices that have some sites and not others.

    Attributes
    ----------
    bound
        None of these choices costs less.
    on, off
        Shape ``(sites,)``: sites that all of them have, and that none of them has.
    worth
        Shape ``(rows,)``: what being served is worth to each row, to begin with.
    """

    bound: float
    on: type_flags
    off: type_flags
    worth: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """What is left to decide in a node: rows that free sites can save something.

    Attributes
    ----------
    rows, sites
        Numbers in the whole of the rows and sites that ``costs`` has.
    number
        How many of them may be chosen.
    constant
        What all other rows cost.
    """

    costs: Costs
    rows: type_numbers
    sites: type_numbers
    number: int
    constant: float


@dataclass(frozen=True, slots=True, eq=False)
class _Relaxed:
    """The best bound found for a part.

    Attributes
    ----------
    worth
        Shape ``(rows,)``: multipliers that give the bound.
    sums
        Shape ``(sites,)``: reduced costs of sites.
    often
        Shape ``(sites,)``: share of the steps in which each was chosen, late ones most.
    """

    bound: float
    worth: type_floats
    sums: type_floats
    often: type_floats


class Search:
    """The best choice so far, its bound, and what raises the one and lowers the other.

    Parameters
    ----------
    distances, fixed, number, seconds, compiled
        As for ``p_median``.

    Attributes
    ----------
    cost, bound
        Of the best choice so far, and of any.
    target
        Choices that cost so much or more are none to look at.
    tell
        Called when either has changed.
    """

    def __init__(
        self,
        distances: Distances,
        fixed: type_numbers,
        number: int,
        seconds: float,
        *,
        compiled: bool = AVAILABLE,
    ) -> None:
        self._began = time.monotonic()
        self._until = self._began + seconds
        self._distances = distances
        self._fixed = fixed
        self._compiled = compiled
        given = distances.nearest(fixed)[1]
        row = distances.row
        saves = (distances.metres < given[row]) & (distances.weight[row] > 0)
        sizes = np.bincount(row[saves], minlength=distances.rows)
        rows = np.flatnonzero(sizes)
        sizes = sizes[rows]
        weight = distances.weight[rows]
        top = weight * given[rows]
        self._constant = float((distances.weight * given).sum() - top.sum())
        self._whole = Costs.of(
            np.concatenate([[0], np.cumsum(sizes)]),
            distances.site[saves],
            np.repeat(weight, sizes) * distances.metres[saves],
            top,
            distances.sites,
        )
        every = (self._whole.cost, top, np.array([self._constant]))
        # if all costs are whole numbers, so is that of every choice
        self._steps = all((some == np.rint(some)).all() for some in every)
        self._steps &= bool(top.sum() + self._constant < _WHOLE)
        self._number = min(number, int(np.count_nonzero(np.diff(self._whole.begin))))
        self.chosen: type_numbers = np.empty(0, np.int64)
        self.cost = float(top.sum()) + self._constant
        lowest = self._whole.cost[self._whole.first[:-1]].sum() if self._number else top.sum()
        self.bound = float(lowest) + self._constant
        self.interrupted = False
        self.tell: Callable[[], object] = lambda: None
        self.target = math.inf
        self._least = _ROUNDING
        self._tried: set[bytes] = set()
        self._pairs: float = _PAIRS

    def assigned(self) -> Assigned:
        """Give the best choice so far with its bound."""
        chosen = self._ranked()
        site_of, metres = self._distances.nearest(np.concatenate([self._fixed, chosen]))
        cost = float((self._distances.weight * metres).sum())
        return Assigned(
            chosen=chosen,
            cost=cost,
            bound=min(self.bound, cost),
            site_of=site_of,
            unreachable=self._distances.unreachable,
            method="greedy search, swaps and branching on a Lagrangian bound",
            seconds=time.monotonic() - self._began,
            interrupted=self.interrupted,
        )

    def run(self, gap: float, *, prove: bool = True) -> None:
        """Search until no choice can cost less by a greater part than ``gap``, or time is up.

        Without proof only greedy search and swaps are tried.
        """
        self._least = max(gap / 2, _ROUNDING)  # the gap is not exceeded by rounding
        if not self._number:
            self.bound = self.cost
            return
        greedy = _interchange.greedy(self._whole, self._number, compiled=self._compiled)
        self._offer(greedy)
        if len(greedy) < self._number:
            # nothing is left to save
            self.bound = self.cost
            return
        self._offer(self._swapped(greedy))
        if not prove or self._pruned(self.bound):
            return
        none = np.zeros(self._whole.sites, bool)
        _, low, high = _interchange.two_lowest(self._whole, self.chosen)
        root = _Node(self.bound, none, none, ((low + high) / 2).astype(np.float32))
        self._branch(root)

    @property
    def _late(self) -> bool:
        return time.monotonic() > self._until

    @property
    def _ceiling(self) -> float:
        """What choices must cost less than to be looked at."""
        better = self.cost - 0.5 if self._steps else self.cost * (1 - self._least)
        return min(better, self.target)

    def _pruned(self, bound: float) -> bool:
        return bound >= self._ceiling

    def _rounded(self, bound: float) -> float:
        """Raise a bound to the next cost that a choice can have."""
        if not self._steps:
            return bound
        return math.ceil(bound - _ROUNDING * max(abs(bound), 1.0))

    def _raise(self, bound: float) -> None:
        if bound > self.bound:
            self.bound = min(bound, self.cost)
            self.tell()

    def _offer(self, chosen: type_numbers) -> None:
        """Keep a choice if it is better than the best so far."""
        cost = float(_interchange.two_lowest(self._whole, chosen)[1].sum()) + self._constant
        if cost < self.cost:
            self.chosen, self.cost = chosen, cost
            self.tell()

    def _swapped(self, chosen: type_numbers) -> type_numbers:
        return _interchange.interchange(self._whole, chosen, compiled=self._compiled)

    def _ranked(self) -> type_numbers:
        """Order the best choice so that each saves most; leave out what saves nothing."""
        flags = np.zeros(self._whole.sites, bool)
        flags[self.chosen] = True
        part = self._part(_Node(0.0, np.zeros_like(flags), ~flags, np.empty(0, np.float32)))
        order = _interchange.greedy(part.costs, len(part.sites), compiled=self._compiled)
        return part.sites[order]

    def _branch(self, root: _Node) -> None:
        """Split choices, those with the lowest bound first, until none can be better."""
        count = itertools.count()
        waiting = [(root.bound, next(count), root)]
        done = math.inf
        while waiting and not self._late:
            self._raise(min(waiting[0][0], done))
            if self._pruned(self.bound):
                return
            node = heapq.heappop(waiting)[2]
            bound, children = self._split(node, is_root=node is root)
            if not children:
                done = min(done, bound)
            for child in children:
                heapq.heappush(waiting, (child.bound, next(count), child))
        self._raise(self._rounded(min([done, self._ceiling, *(some for some, _, _ in waiting)])))

    def _split(self, node: _Node, *, is_root: bool) -> tuple[float, list[_Node]]:
        """Bound the choices of a node; split them in two if any can still be better."""
        part = self._part(node)
        if part.number in {0, len(part.sites)}:
            self._offer(np.concatenate([np.flatnonzero(node.on), part.sites[: part.number]]))
            return self._ceiling, []
        relaxed = self._relax(part, node.worth[part.rows].astype(np.float64), is_root=is_root)
        bound = max(node.bound, self._rounded(relaxed.bound))
        if is_root:
            self._raise(bound)
        if self._pruned(bound):
            return bound, []
        slack = self._ceiling - relaxed.bound + _ROUNDING * self.cost
        was_on = np.flatnonzero(node.on)
        on, off = _decided(relaxed, part.number, slack)
        worth = node.worth.copy()
        worth[part.rows] = relaxed.worth
        node = _Node(bound, node.on.copy(), node.off.copy(), worth)
        node.on[part.sites[on]] = True
        node.off[part.sites[off]] = True
        left = part.number - int(on.sum())
        free = np.flatnonzero(~on & ~off)
        if left <= 0 or len(free) <= left:
            # a single choice is left
            some = np.concatenate([np.flatnonzero(node.on), part.sites[free][: max(left, 0)]])
            self._offer(some)
            return self._ceiling, []
        best = np.argpartition(relaxed.sums, part.number - 1)[: part.number]
        self._try(np.concatenate([was_on, part.sites[best]]))
        closed, bound = self._close(node, relaxed.bound)
        if closed or self._pruned(bound):
            return bound, []
        # the site that the steps could agree on least
        site = part.sites[free[np.abs(relaxed.often[free] - 0.5).argmin()]]
        with_it, without = node.on.copy(), node.off.copy()
        with_it[site] = without[site] = True
        return bound, [
            _Node(bound, with_it, node.off, worth),
            _Node(bound, node.on, without, worth),
        ]

    def _part(self, node: _Node) -> _Part:
        """Leave out sites and rows on which nothing more depends in a node."""
        whole = self._whole
        row = np.repeat(np.arange(len(whole.top)), np.diff(whole.first))
        mine = node.on[whole.site]
        top = whole.top.copy()
        np.minimum.at(top, row[mine], whole.cost[mine])
        kept = ~node.on[whole.site] & ~node.off[whole.site] & (whole.cost < top[row])
        sizes = np.bincount(row[kept], minlength=len(top))
        rows = np.flatnonzero(sizes)
        sites = np.flatnonzero(np.bincount(whole.site[kept], minlength=whole.sites))
        number_of = np.zeros(whole.sites, np.int32)
        number_of[sites] = np.arange(len(sites))
        return _Part(
            Costs.of(
                np.concatenate([[0], np.cumsum(sizes[rows])]),
                number_of[whole.site[kept]],
                whole.cost[kept],
                top[rows],
                len(sites),
            ),
            rows,
            sites,
            min(self._number - int(node.on.sum()), len(sites)),
            self._constant + float(top.sum() - top[rows].sum()),
        )

    def _relax(self, part: _Part, worth: type_floats, *, is_root: bool) -> _Relaxed:
        """Raise the bound of a part by steps along subgradients."""
        costs = part.costs
        lowest = costs.cost[costs.first[:-1]]
        most, patience, step, last = _ROOT if is_root else _INNER
        worth = np.clip(worth, lowest, costs.top)
        direction, often = np.zeros(len(worth)), np.zeros(costs.sites)
        best = _Relaxed(-math.inf, worth, np.zeros(costs.sites), often)
        idle = 0
        for count in range(1, most + 1):
            sums = _interchange.price(costs, worth, compiled=self._compiled)
            order = np.argpartition(sums, part.number - 1)[: part.number]
            bound = part.constant + float(worth.sum() + sums[order].sum())
            idle = 0 if bound > best.bound + _RISES * abs(best.bound) else idle + 1
            if bound > best.bound:
                best = _Relaxed(bound, worth, sums, often)
            often *= _MEMORY
            often[order] += 1 - _MEMORY
            if is_root and not count % _TRY_AFTER:
                self._raise(self._rounded(best.bound))
                self._try(part.sites[order])
            if self._late or self._pruned(self._rounded(best.bound)):
                break
            if idle == patience:
                step, idle, worth = step * _SHORTER, 0, best.worth
                direction[:] = 0.0
                if step < last:
                    break
                continue
            chosen = np.zeros(costs.sites, bool)
            chosen[order] = True
            served = _interchange.served(costs, worth, chosen, compiled=self._compiled)
            direction = 1.0 - served + _KEPT * direction
            length = float(direction @ direction)
            if not length:
                break
            ahead = step * max(self.cost - bound, 0.0) / length
            worth = np.clip(worth + ahead * direction, lowest, costs.top)
        return best

    def _try(self, chosen: type_numbers) -> None:
        """Offer what swaps make of a choice, once."""
        key = np.sort(chosen).tobytes()
        if key not in self._tried:
            self._tried.add(key)
            self._offer(self._swapped(chosen))

    def _close(self, node: _Node, relaxed_bound: float) -> tuple[bool, float]:
        """Let HiGHS find the best choice of a node if little is left to decide.

        A level of a row are its sites of one cost. ``served`` of a level is 1 if the row is
        served at this cost or less; it saves what the next level costs more. One column more
        stands for all choices that are not better than the best so far.

        Returns
        -------
        closed, bound
            Whether no choice of the node is left to look at, and what none costs less than.
        """
        part = self._part(node)
        costs, ceiling = part.costs, self._ceiling
        row = np.repeat(np.arange(len(costs.top)), np.diff(costs.first))
        worth = node.worth[part.rows].astype(np.float64)
        slack = ceiling - relaxed_bound + _ROUNDING * self.cost
        kept = costs.cost - worth[row] <= slack
        pairs = np.count_nonzero(kept)
        if pairs > self._pairs:
            return False, node.bound
        must = costs.top - worth > slack
        row, site, cost = row[kept], costs.site[kept], costs.cost[kept]
        if not np.isin(np.flatnonzero(must), row).all():
            return True, ceiling
        base = part.constant + float(costs.top.sum())
        scale = _SCALE / self.cost
        model = _model(part, row, site, cost, must, (base - ceiling) * scale, scale)
        tolerance = (0.25 if self._steps else self._least * self.cost / 4) * scale
        found = _highs.maximise(
            model,
            min(_CLOSING_S, self._until - time.monotonic()),
            tolerance / max(abs(model.objective[-1]), tolerance),
        )
        if found.x is None or not math.isfinite(found.bound):
            self._pairs = pairs * _LESS
            return False, node.bound
        if found.x[-1] < 0.5:  # noqa: PLR2004 - rounded
            some = part.sites[found.x[: len(part.sites)] > 0.5]  # noqa: PLR2004
            self._offer(np.concatenate([np.flatnonzero(node.on), some]))
        bound = min(max(base - found.bound / scale, node.bound), ceiling)
        closed = found.bound <= float(model.objective @ found.x) + 2 * tolerance
        if not closed:
            self._pairs = pairs * _LESS
        return closed, bound


def _decided(relaxed: _Relaxed, number: int, slack: float) -> tuple[type_flags, type_flags]:
    """Find sites that each better choice has, and those that none has, by reduced costs."""
    order = np.argsort(relaxed.sums, kind="stable")
    sums = relaxed.sums[order]
    on, off = np.zeros(len(order), bool), np.zeros(len(order), bool)
    off[order[number:]] = sums[number:] - sums[number - 1] > slack
    if number < len(order):
        on[order[:number]] = sums[number] - sums[:number] > slack
    return on, off


def _model(  # noqa: PLR0917 - one row of arrays
    part: _Part,
    row: type_numbers,
    site: type_small,
    cost: type_floats,
    must: type_flags,
    enough: float,
    scale: float,
) -> _highs.Model:
    """Build the radius formulation of a part.

    Parameters
    ----------
    part
        The part.
    row, site, cost
        Pairs of it that are left, cheapest first within a row.
    must
        Shape ``(rows,)``: which rows must be served by one of their pairs.
    enough
        What the best choice so far saves, scaled.
    scale
        Of the objective.

    Returns
    -------
    model
        Columns are the sites, the levels and one for all choices that save no more than is
        enough.
    """
    sites = part.costs.sites
    starts = np.append(True, (np.diff(row) != 0) | (np.diff(cost) != 0))[: len(row)]
    level = np.cumsum(starts) - 1
    level_row, level_cost = row[starts], cost[starts]
    levels = len(level_row)
    last = np.append(np.diff(level_row) != 0, True)[:levels]
    after = np.append(level_cost[1:], 0.0)[:levels]
    after[last] = part.costs.top[level_row[last]]
    follows = np.flatnonzero(~last) + 1
    needed = np.flatnonzero(last & must[level_row])
    stop_column, count_row = sites + levels, levels + len(needed)
    ones = np.ones(max(sites, levels, len(row)))
    entries: list[tuple[npt.ArrayLike, type_numbers, type_floats]] = [
        # a level is served if the one before is, or one of its sites is chosen
        (np.arange(levels), sites + np.arange(levels), ones),
        (follows, sites + follows - 1, -ones),
        (level, site.astype(np.int64), -ones),
        # rows that must be served
        (levels + np.arange(len(needed)), sites + needed, ones),
        (levels + np.arange(len(needed)), np.full(len(needed), stop_column), ones),
        # so many sites, or none at all
        (np.full(sites, count_row), np.arange(sites), ones),
        ([count_row], np.array([stop_column]), np.array([float(part.number)])),
    ]
    matrix = coo_array(
        (
            np.concatenate([value[: len(column)] for _, column, value in entries]),
            (
                np.concatenate([some for some, _, _ in entries]),
                np.concatenate([column for _, column, _ in entries]),
            ),
        ),
        shape=(count_row + 1, stop_column + 1),
    ).tocsr()
    lower, upper = np.full(count_row + 1, -np.inf), np.zeros(count_row + 1)
    lower[levels:count_row], upper[levels:count_row] = 1.0, np.inf
    upper[count_row] = part.number
    whole = np.ones(stop_column + 1, bool)
    whole[sites:stop_column] = False
    saves = np.maximum(after - level_cost, 0.0) * scale
    objective = np.concatenate([np.zeros(sites), saves, [enough]])
    return _highs.Model(
        objective,
        whole,
        matrix.indptr.astype(np.int64),
        matrix.indices.astype(np.int32),
        matrix.data,
        lower,
        upper,
    )
