"""Find the fewest sites, or the cheapest, that reach a target."""

import math
import time
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from locator.errors import InputError
from locator.solving import _highs, bound, model
from locator.solving._kernels import type_numbers
from locator.solving.cover import Cover
from locator.solving.greedy import lazy_greedy, ordered
from locator.solving.problem import Problem
from locator.solving.solution import OPTIMAL

# what sums may be short of a target through rounding, as a part of it
_ROUNDING = 1e-9
_ROUNDS = 200
# pairs of a merged cover that HiGHS can do something with in a minute
_MOST_PAIRS = 500_000


@dataclass(frozen=True, slots=True, eq=False)
class Fewest:
    """A choice that reaches a target.

    Attributes
    ----------
    chosen
        Shape ``(k,)``: numbers of sites in the order in which each adds most.
    cost
        Of all of them; how many there are if all cost 1.
    bound
        Nothing cheaper reaches the target.
    reached
        Weight that they cover, at least the target.
    method
        In words, for reports.
    seconds
        Since the search began.
    interrupted
        Whether somebody stopped the search: there may be cheaper choices.
    """

    chosen: type_numbers
    cost: float
    bound: float
    reached: float
    method: str
    seconds: float
    interrupted: bool = False

    @property
    def gap(self) -> float:
        """How much of the cost may not be needed, 0 to 1."""
        return (self.cost - self.bound) / self.cost if self.cost > 0 else 0.0

    @property
    def proven(self) -> bool:
        """Whether nothing can be cheaper by more than one part in a million: ``OPTIMAL``."""
        return self.gap <= OPTIMAL


def fewest(
    cover: Cover,
    target: float,
    *,
    cost: npt.ArrayLike | None = None,
    seconds: float = 60.0,
    gap: float = 1e-4,
) -> Fewest:
    """Find the fewest sites, or the cheapest, that cover so much weight.

    With everything that can be covered as target this is the location set covering problem
    (Toregas et al. 1971, doi 10.1287/opre.19.6.1363). The greedy choice is that of Wolsey
    (1982), doi 10.1007/BF02579435; HiGHS improves and proves it.

    Parameters
    ----------
    cover
        What each site covers.
    target
        Weight to reach: ``0.9 * cover.total`` for nine tenths.
    cost
        Shape ``(sites,)``, above 0; ones if left out.
    seconds
        About how long to search.
    gap
        How much of the cost need not be proven.

    Returns
    -------
    fewest
        After Ctrl-C the best until then, as ``interrupted``.

    Raises
    ------
    InputError
        All sites together do not reach the target.
    """
    began = time.perf_counter()
    merged = cover.merged()
    paid = np.ones(cover.sites) if cost is None else np.asarray(cost, np.float64)
    everything = Problem(merged, float(paid.sum()), paid)
    most = cover.worth(np.arange(cover.sites))
    if target > most * (1 + _ROUNDING):
        share = most / cover.total if cover.total else 0.0
        message = (
            f"The target is out of reach: all {cover.sites:,} sites together cover "
            f"{most:,.0f} of {cover.total:,.0f} ({share:.1%}). Lower the target, allow a longer "
            "distance, or add candidate sites."
        )
        raise InputError(message)
    target = min(target, most)
    need = target * (1 - _ROUNDING)
    whole = bool((paid == np.rint(paid)).all())

    def as_bound(value: float) -> float:
        lowered = value * (1 - _ROUNDING)
        return float(math.ceil(lowered)) if whole else max(lowered, 0.0)

    chosen, method = np.arange(cover.sites), "all sites"
    proven, interrupted = 0.0, False
    try:
        chosen, method = _greedy(everything, need), "greedy choice"
        proven = as_bound(_least(everything, chosen, need))
        spent = float(paid[chosen].sum())
        pairs = len(merged.row)
        if (spent - proven) > gap * spent and pairs <= _MOST_PAIRS:
            left = seconds - (time.perf_counter() - began)
            found = _highs.maximise(model.cheapest(everything, need), left, gap)
            if math.isfinite(found.bound):
                proven = max(proven, as_bound(-found.bound))
            if found.x is not None:
                other = np.flatnonzero(found.x[: cover.sites] > 0.5)  # noqa: PLR2004
                if merged.worth(other) >= need and paid[other].sum() < spent:
                    chosen, method = other, "HiGHS"
    except KeyboardInterrupt:
        interrupted = True
    chosen = ordered(merged, chosen)
    spent = float(paid[chosen].sum())
    return Fewest(
        chosen=chosen,
        cost=spent,
        bound=min(proven, spent),
        reached=cover.worth(chosen),
        method=method,
        seconds=time.perf_counter() - began,
        interrupted=interrupted,
    )


def _greedy(problem: Problem, need: float) -> type_numbers:
    """Choose by gain per cost until the target is reached, then drop what is not needed."""
    cover = problem.cover
    if need <= 0:
        return np.empty(0, np.int64)
    plans = []
    for price in (problem.cost, np.ones(cover.sites)):
        order = lazy_greedy(problem, price)
        # fewest of the first that reach it
        low, high = 1, len(order)
        while low < high:
            middle = (low + high) // 2
            if cover.worth(order[:middle]) >= need:
                high = middle
            else:
                low = middle + 1
        plans.append(_without_spare(problem, order[:low], need))
    return min(plans, key=lambda plan: problem.cost[plan].sum())


def _without_spare(problem: Problem, plan: type_numbers, need: float) -> type_numbers:
    """Drop what is not needed, the most costly first; each looks at its own rows only."""
    cover = problem.cover
    count, worth = cover.counts(plan), cover.worth(plan)
    kept = np.ones(len(plan), bool)
    for at in np.argsort(-problem.cost[plan], kind="stable").tolist():
        rows = cover.row[cover.first[plan[at]] : cover.first[plan[at] + 1]]
        level = count[rows] - 1
        few = level < cover.levels
        loss = float(cover.weight[rows[few], level[few]].sum())
        # sums of weights are exact in any order
        if worth - loss >= need:
            kept[at] = False
            worth -= loss
            count[rows] -= 1
    return plan[kept]


def _least(problem: Problem, chosen: type_numbers, need: float) -> float:
    """Find with the prices of a choice the lowest budget that can reach a target."""
    cover = problem.cover
    spent = Problem(cover, float(problem.cost[chosen].sum()), problem.cost)
    prices = bound.Prices(spent, bound.start_prices(cover, chosen))
    prices.lower(cover.worth(chosen), _ROUNDS)
    return bound.least_budget(problem, prices.price, need)
