"""Tell what one more site is worth, from the first to the last."""

import dataclasses
import math
import time
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from locator.solving import bound, greedy
from locator.solving._kernels import type_floats, type_numbers
from locator.solving.exact import solve
from locator.solving.problem import Problem

# price vectors, each good for budgets about one
_PRICED = 8
_ROUNDS = 150
# of the search tree of HiGHS for each point: a second or two at county size. Counted, not timed,
# so that a busy machine gives the same curve.
_NODES = 100


class Curve(NamedTuple):
    """The best known for rising budgets.

    Attributes
    ----------
    table
        One row each: ``number`` of sites chosen, ``budget``, ``cost`` of what was chosen,
        ``worth``, ``bound`` (no choice within the budget is worth more) and ``gap``. Worth
        and bounds never fall.
    chosen
        The sites of each row in the order in which each adds most.
    interrupted
        Whether somebody stopped the search: there may be better choices.
    """

    table: pd.DataFrame
    chosen: tuple[type_numbers, ...]
    interrupted: bool


def curve(
    problem: Problem,
    n: int,
    *,
    known: npt.ArrayLike = (),
    proven: float = math.inf,
    seconds: float = 60.0,
    nodes: int | None = _NODES,
    gap: float = 1e-4,
) -> Curve:
    """Find the best worth known for ``n`` equal steps up to the budget.

    Parameters
    ----------
    problem
        The question; the best for 1 to ``n`` sites is asked by ``Problem.count(cover, n)``.
    n
        How many points the curve has, at least 1.
    known
        A choice within the budget: no point is below what its first sites are worth.
    proven
        No choice within the whole budget is worth more.
    seconds
        The longest that it looks for better choices than greedy ones, with proofs; Ctrl-C ends
        that earlier. Where it is long enough the answer is always the same.
    nodes
        How many nodes of its search tree HiGHS may look at for each point.
    gap
        How much of a bound need not be reached.
    """
    began = time.perf_counter()
    cover, start = problem.cover.merged(), np.asarray(known, np.int64)
    asked = [
        dataclasses.replace(problem, cover=cover, budget=problem.budget * k / n)
        for k in range(1, n + 1)
    ]
    plans: list[type_numbers] = []
    for one in asked:
        # a choice that is known, the best for a smaller budget made larger, or a new one
        grown = greedy.improved(one, plans[-1]) if plans else start[:0]
        fresh = greedy.improved(one, greedy.first_choice(one))
        plans.append(max(_first(one, start), grown, fresh, key=cover.worth))
    worth = np.array([cover.worth(plan) for plan in plans])
    most = _most(asked, plans)
    most[-1] = min(most[-1], proven)
    interrupted = False
    for k, one in enumerate(asked):
        left = seconds - (time.perf_counter() - began)
        if left > 0 and not interrupted and most[k] - worth[k] > gap * most[k]:
            found = solve(one, seconds=left, gap=gap, nodes=nodes)
            most[k] = min(most[k], found.bound)
            if found.worth > worth[k]:
                plans[k], worth[k] = found.chosen, found.worth
            interrupted = found.interrupted
    _spread(asked, plans)
    worth = np.array([cover.worth(plan) for plan in plans])
    most = np.maximum(np.minimum.accumulate(most[::-1])[::-1], worth)
    table = pd.DataFrame(
        {
            "number": [len(plan) for plan in plans],
            "budget": [one.budget for one in asked],
            "cost": [float(problem.cost[plan].sum()) for plan in plans],
            "worth": worth,
            "bound": most,
            "gap": np.divide(most - worth, most, out=np.zeros(n), where=most > 0),
        }
    )
    return Curve(table, tuple(plans), interrupted)


def _most(asked: list[Problem], plans: list[type_numbers]) -> type_floats:
    """Bound every point by the prices of some."""
    n, cover = len(asked), asked[0].cover
    most = np.full(n, cover.worth(np.arange(cover.sites)))
    for k in np.unique(np.geomspace(1, n, _PRICED).astype(int) - 1):
        prices = bound.Prices(asked[k], bound.start_prices(cover, plans[k]))
        prices.lower(cover.worth(plans[k]), _ROUNDS)
        for i, one in enumerate(asked):
            most[i] = min(most[i], bound.safe(cover, bound.bound_of(one, prices.price)))
    return most


def _spread(asked: list[Problem], plans: list[type_numbers]) -> None:
    """Let no point be below what its neighbours prove to be possible."""
    worth = asked[0].cover.worth
    for k in range(len(plans) - 2, -1, -1):
        plans[k] = max(plans[k], _first(asked[k], plans[k + 1]), key=worth)
    for k in range(1, len(plans)):
        plans[k] = max(plans[k], plans[k - 1], key=worth)


def _first(problem: Problem, chosen: type_numbers) -> type_numbers:
    """Keep the first of the chosen sites that the budget pays for."""
    spent = np.cumsum(problem.cost[chosen])
    return chosen[: np.searchsorted(spent, problem.limit, side="right")]
