"""Prove how much any choice can be worth at most: prices on rows of demand."""

import math

import numpy as np

from locator.solving._kernels import type_floats, type_numbers
from locator.solving.cover import Cover
from locator.solving.problem import Problem

# prices are rounded to so many bits of the total, so that sums of them are exact
_BITS = 40
# what adding up floats may have taken off a bound, as a part of it, at the very most
_ROUNDING = 1e-9
# The volume algorithm: steps as parts of the way to the target, and how they change; rounds
# without a lower bound before they become shorter; the part of a round in the average.
_FIRST_STEP, _LONGEST_STEP = 0.1, 2.0
_LONGER, _SHORTER = 1.1, 0.66
_PATIENCE = 20
_LEAST_MIX, _MOST_MIX = 0.01, 0.1
# the way to the target is taken to be so long at least, as a part of the bound
_LEAST_AIM = 1e-6


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
    earned, _ = best_mix(problem, problem.cover.site_sums(price))
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


class Prices:
    """Prices on rows that prove a bound, and lower it round by round: the volume algorithm.

    Barahona & Anbil (2000), doi 10.1007/s101070050002. Prices move along the average of what
    was short in the rounds so far, which converges where single rounds zigzag; the average of
    what was chosen is then almost the best mixture of choices.

    Parameters
    ----------
    problem
        The question.
    price
        Shape ``(rows,)``; where to begin.

    Attributes
    ----------
    bound
        No choice within the budget is worth more (see ``bound_of``), up to rounding.
    price
        Shape ``(rows,)``: prices that prove it.
    share
        Shape ``(sites,)``, 0 to 1: how much of each site the average has.
    """

    def __init__(self, problem: Problem, price: type_floats) -> None:
        self._problem = problem
        total = max(float(problem.cover.weight.sum()), np.finfo(np.float64).tiny)
        self._unit = math.ldexp(1.0, math.frexp(total)[1] - _BITS)
        self.price = self._rounded(price)
        self.bound, self.share, self._short = self._look(self.price)
        self._factor, self._worse = _FIRST_STEP, 0

    def lower(self, target: float, rounds: int) -> None:
        """Change prices so many times.

        Parameters
        ----------
        target
            Worth of the best choice that is known.
        rounds
            Each looks once at all pairs.
        """
        for _ in range(rounds):
            norm = _dot(self._short, self._short)
            if norm == 0:
                return
            step = self._factor * max(self.bound - target, self.bound * _LEAST_AIM) / norm
            price = self._rounded(self.price - step * self._short)
            value, chosen, short = self._look(price)
            forward = _dot(self._short, short) > 0
            change = short - self._short
            length = _dot(change, change)
            # the shortest on the line between the average and this round, within limits
            mix = -_dot(self._short, change) / length if length else 0.0
            mix = min(max(mix, _LEAST_MIX), _MOST_MIX)
            self.share = self.share + mix * (chosen - self.share)
            self._short = self._short + mix * change
            if value < self.bound:
                self.bound, self.price, self._worse = value, price, 0
                if forward:
                    self._factor = min(self._factor * _LONGER, _LONGEST_STEP)
            else:
                self._worse += 1
                if self._worse == _PATIENCE:
                    self._factor, self._worse = self._factor * _SHORTER, 0

    def _rounded(self, price: type_floats) -> type_floats:
        """Keep prices between 0 and full, and such that sums of them are exact."""
        full = self._problem.cover.weight[:, 0]
        return np.clip(np.rint(price / self._unit) * self._unit, 0, full)

    def _look(self, price: type_floats) -> tuple[float, type_floats, type_floats]:
        """Give the bound of some prices, what is chosen at them, and how much rows are over."""
        cover = self._problem.cover
        earned, share = best_mix(self._problem, cover.site_sums(price))
        above = cover.weight - price[:, None]
        value = float(np.maximum(above, 0).sum()) + earned
        return value, share, cover.row_sums(share) - (above > 0).sum(axis=1)


def useful(problem: Problem, price: type_floats, worth: float) -> type_numbers:
    """Find the sites that a choice worth more can have.

    Any choice with another site loses what that site earns too little: that leaves it below
    ``worth`` (reduced cost fixing).

    Parameters
    ----------
    problem, price
        See ``bound_of``.
    worth
        Of a choice that is known.

    Returns
    -------
    sites
        Ascending.
    """
    earned = problem.cover.site_sums(price)
    multiplier = marginal(problem, earned)
    profit = earned - multiplier * problem.cost
    kept = float(np.maximum(problem.cover.weight - price[:, None], 0).sum())
    most = kept + float(np.maximum(profit, 0).sum()) + multiplier * problem.limit
    return np.flatnonzero(most * (1 + _ROUNDING) + profit >= worth)


def _dot(one: type_floats, other: type_floats) -> float:
    """Multiply two vectors on one thread: those of BLAS wait for busy processors."""
    return float((one * other).sum())


def marginal(problem: Problem, earned: type_floats) -> float:
    """Tell what a site must earn per cost to be chosen by ``best_mix``: 0 if all can be."""
    ratio = earned / problem.cost
    order = np.argsort(-ratio, kind="stable")
    last = int(np.searchsorted(np.cumsum(problem.cost[order]), problem.limit, side="right"))
    return max(float(ratio[order[last]]), 0.0) if last < len(order) else 0.0


def best_mix(problem: Problem, earned: type_floats) -> tuple[float, type_floats]:
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
    # what no budget pays for alone is never chosen, not even in part
    order = order[(earned[order] > 0) & (problem.cost[order] <= limit)]
    spent = np.cumsum(problem.cost[order])
    whole = int(np.searchsorted(spent, limit, side="right"))
    share[order[:whole]] = 1.0
    if whole < len(order):
        left = limit - (spent[whole - 1] if whole else 0.0)
        share[order[whole]] = left / problem.cost[order[whole]]
    return _dot(earned, share), share
