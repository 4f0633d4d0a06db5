"""Prove how much any choice can be worth at most: prices on rows of demand."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from locator.solving._kernels import type_floats, type_numbers
from locator.solving.cover import Cover
from locator.solving.problem import Problem

# prices are rounded to so many bits of the total, so that sums of them are exact
_BITS = 40
# rounds without a lower bound before steps are shortened
_PATIENCE = 20
# what adding up floats may have taken off a bound, as a part of it, at the very most
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Priced:
    """What prices prove.

    Attributes
    ----------
    bound
        No choice within the budget is worth more.
    price
        Shape ``(rows,)``.
    share
        Shape ``(sites,)``, 0 to 1: how much of each site an almost best mixture of choices has.
    """

    bound: float
    price: type_floats
    share: type_floats


def safe(cover: Cover, bound: float) -> float:
    """Raise a bound by what rounding can have taken off it; whole weights have whole bounds."""
    raised = bound * (1 + _ROUNDING)
    if bool((cover.weight == np.rint(cover.weight)).all()):
        return float(np.floor(raised))
    return raised


def start_prices(cover: Cover, chosen: type_numbers) -> type_floats:
    """Price rows by a choice: in full where nothing covers them, less where several sites do."""
    count = cover.counts(chosen)
    level = np.clip(count, 1, cover.levels) - 1
    price: type_floats = np.take_along_axis(cover.weight, level[:, None], axis=1)[:, 0]
    return price / np.maximum(count, 1)


def bound_of(problem: Problem, price: type_floats) -> float:
    """Bound the worth of all choices by some prices, at least 0 each.

    A row that is covered pays its price to each site that covers it, and keeps what it is
    worth beyond: no choice is worth more than what rows keep and the best sites earn
    (Lagrangian relaxation, Galvão & ReVelle 1996, doi 10.1016/0377-2217(94)00159-6).
    """
    kept = np.maximum(problem.cover.weight - price[:, None], 0).sum()
    earned, _ = _best_mix(problem, problem.cover.site_sums(price))
    return float(kept) + earned


def least_budget(problem: Problem, price: type_floats, target: float) -> float:
    """Find the least budget that can reach a worth, by some prices; infinity if none can."""
    cover = problem.cover
    earned = cover.site_sums(price)
    need = target - float(np.maximum(cover.weight - price[:, None], 0).sum())
    if need <= 0:
        return 0.0
    order = np.argsort(-earned / problem.cost, kind="stable")
    sums, costs = np.cumsum(earned[order]), np.cumsum(problem.cost[order])
    last = int(np.searchsorted(sums, need * (1 - _ROUNDING)))
    if last == len(order):
        return float("inf")
    over = max(sums[last] - need, 0.0) / earned[order[last]]
    return float(costs[last] - over * problem.cost[order[last]])


def lagrangian(
    problem: Problem,
    price: type_floats,
    target: float,
    rounds: int,
    each: Callable[[Priced], bool] | None = None,
) -> Priced:
    """Lower the bound by changing prices: the volume algorithm.

    Barahona & Anbil (2000), doi 10.1007/s101070050002. It moves prices along the average of
    what was short in the rounds so far, which converges where single rounds zigzag.

    Parameters
    ----------
    problem
        The question.
    price
        Shape ``(rows,)``; where to begin.
    target
        Worth of a choice that is known.
    rounds
        At most so many.
    each
        Called after each round that lowered the bound; true stops.

    Returns
    -------
    priced
        Always valid, however few the rounds.
    """
    cover = problem.cover
    unit = np.ldexp(1.0, int(np.frexp(max(cover.weight.sum(), 1e-300))[1]) - _BITS)
    top = cover.weight[:, 0]

    def look(price: type_floats) -> tuple[float, type_floats, type_floats]:
        earned, x = _best_mix(problem, cover.site_sums(price))
        above = cover.weight - price[:, None]
        kept = np.maximum(above, 0).sum()
        return kept + earned, x, cover.row_sums(x) - (above > 0).sum(axis=1)

    best_price = np.rint(np.clip(price, 0, top) / unit) * unit
    best, share, spare = look(best_price)
    found = Priced(float(best), best_price, share)
    factor, worse = 0.1, 0
    for _ in range(rounds):
        norm = float((spare * spare).sum())
        aim = max(best - target, best * 1e-6)
        if norm == 0:
            break
        price = np.clip(best_price - factor * aim / norm * spare, 0, top)
        price = np.rint(price / unit) * unit
        value, x, short = look(price)
        # the nearer of the two ends of the line between old and new average
        change = short - spare
        length = float((change * change).sum())
        mix = -float((spare * change).sum()) / length if length else 1.0
        mix = min(max(mix, 0.01), 0.1)
        along = float((spare * short).sum())
        share, spare = share + mix * (x - share), spare + mix * change
        if value < best:
            best, best_price, worse = value, price, 0
            found = Priced(float(best), best_price, share)
            # a step in the right direction that could have been longer
            factor = min(factor * (1.1 if along > 0 else 1.0), 2.0)
            if each is not None and each(found):
                break
        else:
            worse += 1
            if worse == _PATIENCE:
                factor, worse = max(factor * 0.66, 1e-4), 0
    return Priced(found.bound, found.price, share)


def _best_mix(problem: Problem, earned: type_floats) -> tuple[float, type_floats]:
    """Fill the budget with what earns most per cost, the last one in part."""
    limit = problem.limit
    share = np.zeros(len(earned))
    if problem.alike:
        most = min(int(limit / problem.cost[0]), len(earned)) if len(earned) else 0
        if most < len(earned):
            chosen = np.argpartition(-earned, most)[:most] if most else np.empty(0, np.int64)
        else:
            chosen = np.arange(len(earned))
        chosen = chosen[earned[chosen] > 0]
        share[chosen] = 1.0
        return float(earned[chosen].sum()), share
    order = np.argsort(-earned / problem.cost, kind="stable")
    order = order[earned[order] > 0]
    spent = np.cumsum(problem.cost[order])
    whole = int(np.searchsorted(spent, limit, side="right"))
    share[order[:whole]] = 1.0
    if whole < len(order):
        left = limit - (spent[whole - 1] if whole else 0.0)
        share[order[whole]] = left / problem.cost[order[whole]]
    return float(earned @ share), share
