"""Take large problems apart: by prices on rows, then by connected components."""

import numpy as np

from locator.solving import _highs, _kernels, bound, model
from locator.solving._kernels import type_floats, type_numbers
from locator.solving.bound import Prices
from locator.solving.cover import Cover
from locator.solving.greedy import improved, lazy_greedy
from locator.solving.problem import Problem
from locator.solving.search import Search

# rounds of prices between two attempts at a better choice, turns of stirring for each site
# chosen in each of these, and in one call that Ctrl-C has to wait for
_ROUNDS = 200
_TURNS = 500
_TURNS_AT_ONCE = 2_000
# entries of the cover to look at for exchanges
_WORK = 400_000_000
# worth that stirring may lose, as a part of what a site must earn to be chosen
_BEAR = 0.4
# prices are left alone when the bound is lowered by a smaller part
_LEAST_PROGRESS = 5e-4
# sites with a smaller share of the average are left out when looking for choices
_CORE_SHARE = 0.01
_STARTS = (0.02, 0.05)
# pairs of a component that HiGHS can do something with
_MOST_PAIRS = 150_000
# seconds that it gets for one
_COMPONENT_S = 10.0
_HALF = 0.5


def by_prices(search: Search, problem: Problem, prices: Prices) -> None:
    """Lower the bound by prices, and look for choices among sites that prices favour.

    Parameters
    ----------
    search
        Of this problem, with a first choice.
    problem
        Its cover is merged.
    prices
        Changed.
    """
    while not search.over:
        before = search.best
        prices.lower(search.best.worth, _ROUNDS)
        search.prove(prices.bound)
        _guided(search, problem, prices.share)
        if search.best.bound > before.bound * (1 - _LEAST_PROGRESS):
            break


def by_components(search: Search, problem: Problem, price: type_floats) -> None:
    """Solve connected components on their own, with one price on the budget.

    A site costs ``multiplier`` per unit of cost in place of the limit on the sum. Sites that
    prices prove to be of no use for more than the best choice are left out before HiGHS sees
    a component; where too many are left its bound by prices stays.

    Parameters
    ----------
    search
        Of this problem, with a choice.
    problem
        Its cover is merged.
    price
        Shape ``(rows,)``.
    """
    cover = problem.cover
    earned = cover.site_sums(price)
    multiplier = bound.marginal(problem, earned)
    profit = earned - multiplier * problem.cost
    of_site, of_row = cover.components()
    size = int(of_site.max(initial=-1)) + 1
    kept = np.maximum(cover.weight - price[:, None], 0).sum(axis=1)
    most = np.bincount(of_row, kept, size) + np.bincount(of_site, np.maximum(profit, 0), size)
    spare = multiplier * problem.limit
    choice = search.best.chosen
    value = _values(cover, choice, of_row, size)
    value -= multiplier * np.bincount(of_site[choice], problem.cost[choice], size)
    gaps = most - value
    chosen = np.zeros(cover.sites, bool)
    chosen[choice] = True
    for component in np.argsort(-gaps, kind="stable").tolist():
        if search.over or gaps[component] <= search.gap * search.best.bound / size:
            break
        # a choice with any other site is worth less than what is chosen now
        useful = (of_site == component) & (profit >= -gaps[component] * (1 + 1e-9))
        sites = np.flatnonzero(useful)
        part, _ = cover.part(sites)
        part = part.merged()
        if len(part.row) > _MOST_PAIRS:
            continue
        one = Problem(part, float(problem.cost[sites].sum()), problem.cost[sites])
        asked = model.priced(one, multiplier)
        found = _highs.maximise(asked, min(search.left, _COMPONENT_S), search.gap / 10)
        most[component] = min(most[component], max(found.bound, value[component]))
        search.prove(float(most.sum()) + spare)
        if found.x is not None:
            here = sites[found.x[: len(sites)] > _HALF]
            chosen[of_site == component] = False
            chosen[here] = True
            search.offer(_affordable(problem, np.flatnonzero(chosen)), "components by HiGHS")
    search.offer(improved(problem, search.best.chosen, work=_WORK), "greedy choices stirred")


def _values(cover: Cover, chosen: type_numbers, of_row: type_numbers, size: int) -> type_floats:
    """Tell what a choice covers in each component."""
    covered = cover.counts(chosen)[:, None] > np.arange(cover.levels)
    return np.bincount(of_row, (cover.weight * covered).sum(axis=1), size).astype(np.float64)


def _affordable(problem: Problem, chosen: type_numbers) -> type_numbers:
    """Leave out what a budget is too small for, and add what it has room for."""
    part, _ = problem.cover.part(chosen)
    within = Problem(part, problem.budget, problem.cost[chosen])
    return improved(problem, chosen[lazy_greedy(within, within.cost)])


def _core(search: Search, problem: Problem, share: type_floats) -> tuple[Problem, type_numbers]:
    """Keep the sites that prices favour, and those chosen."""
    core = np.union1d(np.flatnonzero(share > _CORE_SHARE), search.best.chosen)
    return problem.part(core), core


def _guided(search: Search, problem: Problem, share: type_floats) -> None:
    """Look for better choices among the sites that prices favour."""
    small, core = _core(search, problem, share)
    for least in _STARTS:
        some = np.flatnonzero(share[core] > least)
        among, _ = small.cover.part(some)
        start = Problem(among, small.budget, small.cost[some])
        chosen = improved(small, some[lazy_greedy(start, start.cost)], work=_WORK)
        search.offer(core[chosen], "greedy choice guided by prices")


def stir(search: Search, problem: Problem, share: type_floats) -> None:
    """Stir the best choice among the sites that prices favour, ever more gently.

    Parameters
    ----------
    search
        Of this problem, with a choice.
    problem
        Its cover is merged.
    share
        Shape ``(sites,)``: see :class:`~locator.solving.bound.Prices`.
    """
    small, core = _core(search, problem, share)
    cover, by_row = small.cover, small.cover.by_row()
    chosen = np.searchsorted(core, search.best.chosen)
    plan, best = np.empty(cover.sites, np.int64), np.empty(cover.sites, np.int64)
    plan[: len(chosen)] = chosen
    size, worth = len(chosen), search.best.worth
    count = cover.counts(chosen)
    gain = cover.site_sums(cover.next_worth(count))
    bear = _BEAR * bound.marginal(small, gain)
    calls = -(-_TURNS * size // _TURNS_AT_ONCE)
    for call in range(calls):
        if search.over:
            break
        size, worth, better = _kernels.stir(
            cover.first,
            cover.row,
            *by_row,
            cover.weight,
            small.cost,
            small.limit,
            plan,
            size,
            count,
            gain,
            worth,
            search.best.worth,
            best,
            _TURNS_AT_ONCE,
            bear * (1 - call / calls),
            call,
        )
        if better >= 0:
            search.offer(core[best[:better]], "greedy choices stirred")
