"""Choose sites at once: the one that adds most, again and again, then exchanges."""

import heapq
import time

import numpy as np

from locator.solving import _kernels, bound
from locator.solving._kernels import type_floats, type_numbers
from locator.solving.cover import Cover
from locator.solving.problem import Problem
from locator.solving.solution import Solution

# Entries of the cover to look at: a few tenths of a second in each case. Counted, not timed, so
# that the same question has the same answer.
_EXCHANGE_WORK = 40_000_000
_BOUND_WORK = 50_000_000
_MOST_ROUNDS = 300


def greedy(problem: Problem) -> Solution:
    """Choose sites by lazy greedy search and exchanges, with a bound.

    Greedy choices have at least 63 % of the best possible worth where all sites cost the same
    (Nemhauser, Wolsey & Fisher 1978, doi 10.1007/BF01588971), the better of two of them at
    least 31 % where not (Leskovec et al. 2007, doi 10.1145/1281192.1281239); in practice 98 %.
    The bound says how much it is here.

    Parameters
    ----------
    problem
        The question.

    Returns
    -------
    solution
        The same for the same question, with and without numba.
    """
    began = time.perf_counter()
    chosen = improved(problem, first_choice(problem))
    worth = problem.cover.worth(chosen)
    rounds = min(_MOST_ROUNDS, 2 + _BOUND_WORK // (len(problem.cover.row) + problem.cover.rows + 1))
    prices = bound.Prices(problem, bound.start_prices(problem.cover, chosen))
    prices.lower(worth, rounds)
    return Solution(
        chosen=chosen,
        worth=worth,
        bound=max(worth, bound.safe(problem.cover, prices.bound)),
        method="greedy choice with exchanges",
        seconds=time.perf_counter() - began,
    )


def first_choice(problem: Problem) -> type_numbers:
    """Choose what adds most per cost, or what adds most, whichever ends up higher."""
    ones = np.ones(problem.cover.sites)
    plain = lazy_greedy(problem, ones)
    if problem.alike:
        return plain
    thrifty = lazy_greedy(problem, problem.cost)
    return max(thrifty, plain, key=problem.cover.worth)


def improved(problem: Problem, chosen: type_numbers, *, work: int = _EXCHANGE_WORK) -> type_numbers:
    """Exchange sites one for one while that adds worth, add what fits, and put in order.

    Parameters
    ----------
    problem
        The question.
    chosen
        Within the budget.
    work
        About how many entries of the cover to look at.

    Returns
    -------
    better
        At least as much worth; see ``ordered``.
    """
    cover = problem.cover
    plan = np.empty(cover.sites, np.int64)
    plan[: len(chosen)] = chosen
    count = cover.counts(chosen)
    gain = cover.site_sums(cover.next_worth(count))
    change = _kernels.improve if _kernels.AVAILABLE else _improve
    size = change(
        cover.first,
        cover.row,
        *cover.by_row(),
        cover.weight,
        problem.cost,
        problem.limit,
        plan,
        len(chosen),
        count,
        gain,
        work,
    )
    return ordered(cover, apart(problem, plan[:size]))


def apart(problem: Problem, chosen: type_numbers) -> type_numbers:
    """Leave out the second site of each chosen pair that is to be kept apart, and add what fits."""
    if problem.permits(chosen):
        return chosen
    cover, pairs = problem.cover, problem.apart
    both = np.isin(pairs, chosen).all(axis=1)
    kept = chosen[~np.isin(chosen, pairs[both, 1])]
    while True:
        room = problem.limit - problem.cost[kept].sum()
        gain = np.where(problem.cost <= room, cover.gains(kept), 0.0)
        gain[kept] = 0.0
        taken = np.isin(pairs, kept)
        gain[pairs[taken[:, ::-1]]] = 0.0
        best = int(gain.argmax())
        if gain[best] <= 0:
            return kept
        kept = np.append(kept, best)


def ordered(cover: Cover, chosen: type_numbers) -> type_numbers:
    """Sort chosen sites by what each adds to those before it; drop those that add nothing."""
    among, _ = cover.part(np.sort(chosen))
    return np.sort(chosen)[lazy_greedy(Problem.count(among, among.sites), np.ones(among.sites))]


def lazy_greedy(problem: Problem, price: type_floats) -> type_numbers:
    """Choose site after site, each time the one that adds most per price.

    Gains only ever shrink, so a site is looked at again only when what it added before is
    more than what others add now (Minoux 1978; CELF, Leskovec et al. 2007). Of sites that add
    as much the lowest number comes first.
    """
    cover = problem.cover
    worth = cover.weight[:, 0].copy()
    key = cover.site_sums(worth) / price
    choose = _kernels.lazy_greedy if _kernels.AVAILABLE else _lazy_greedy
    return choose(
        cover.first, cover.row, cover.weight, price, problem.cost, problem.limit, key, worth
    )


def _lazy_greedy(  # noqa: PLR0917 - those of the kernel
    first: type_numbers,
    row: _kernels.type_small,
    weight: type_floats,
    price: type_floats,
    cost: type_floats,
    room: float,
    key: type_floats,
    worth: type_floats,
) -> type_numbers:
    """Do what ``_kernels.lazy_greedy`` does."""
    count = np.zeros(len(weight), np.int32)
    levels = weight.shape[1]
    heap = [(-gain, site, 0) for site, gain in enumerate(key.tolist()) if gain > 0]
    heapq.heapify(heap)
    chosen: list[int] = []
    while heap:
        gain, site, fresh = heap[0]
        rows = row[first[site] : first[site + 1]]
        if cost[site] > room or gain >= 0:
            heapq.heappop(heap)
        elif fresh == len(chosen):
            heapq.heappop(heap)
            count[rows] += 1
            more = count[rows] < levels
            worth[rows] = 0.0
            worth[rows[more]] = weight[rows[more], count[rows[more]]]
            room -= cost[site]
            chosen.append(site)
        else:
            heapq.heapreplace(heap, (-float(worth[rows].sum() / price[site]), site, len(chosen)))
    return np.array(chosen, np.int64)


def _improve(  # noqa: C901, PLR0913, PLR0915, PLR0917 - those of the kernel
    first: type_numbers,
    row: _kernels.type_small,
    start: type_numbers,
    site_of: _kernels.type_small,
    weight: type_floats,
    cost: type_floats,
    room: float,
    result: type_numbers,
    size: int,
    count: _kernels.type_small,
    gain: type_floats,
    work: int,
) -> int:
    """Do what ``_kernels.improve`` does."""
    sites, (rows_in_all, levels) = len(cost), weight.shape
    # what a cover more is worth, by how many there are
    steps = np.column_stack([weight, np.zeros(rows_in_all)])
    drops = -np.diff(np.column_stack([steps, np.zeros(rows_in_all)]))
    reach = np.diff(start)
    plan = result[:size].tolist()
    within = np.zeros(sites, bool)
    within[plan] = True
    spent = 0.0
    for site in plan:
        spent += cost[site]

    def spread(rows: type_numbers, value: type_floats) -> type_floats:
        """Give the value of each row to all sites that cover it."""
        nonlocal work
        rows, value = rows[value > 0], value[value > 0]
        work -= int(reach[rows].sum())
        sizes = reach[rows]
        at = np.arange(sizes.sum()) + np.repeat(start[rows] - np.cumsum(sizes) + sizes, sizes)
        return np.bincount(site_of[at], np.repeat(value, sizes), sites).astype(np.float64)

    at, idle = 0, 0
    while idle <= len(plan) and work > 0:
        out = plan[at] if at < len(plan) else -1
        loss, value, left = 0.0, gain.copy(), room - spent
        if out >= 0:
            rows = row[first[out] : first[out + 1]].astype(np.int64)
            rows = rows[count[rows] <= levels]
            loss = float(steps[rows, count[rows] - 1].sum())
            value += spread(rows, drops[rows, count[rows] - 1])
            left += cost[out]
        work -= sites >> 3
        value[within | (cost > left)] = -1.0
        into = int(value.argmax()) if sites else -1
        if sites and value[into] <= loss:
            into = -1
        if into < 0 and (out < 0 or loss > 0):
            at = at + 1 if at < len(plan) else 0
            idle += 1
            continue
        idle = 0
        if out >= 0:
            within[out] = False
            spent -= cost[out]
            rows = row[first[out] : first[out + 1]].astype(np.int64)
            count[rows] -= 1
            rows = rows[count[rows] < levels]
            gain += spread(rows, drops[rows, count[rows]])
        if into >= 0:
            within[into] = True
            spent += cost[into]
            rows = row[first[into] : first[into + 1]].astype(np.int64)
            few = rows[count[rows] < levels]
            gain -= spread(few, drops[few, count[few]])
            count[rows] += 1
        if out >= 0 and into >= 0:
            plan[at] = into
            at += 1
        elif out >= 0:
            last = plan.pop()
            if at < len(plan):
                plan[at] = last
        else:
            plan.append(into)
            at = 0
    result[: len(plan)] = plan
    return len(plan)
