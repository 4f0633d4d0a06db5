"""Tell what one more site is worth, from the first to the last."""

import time

import numpy as np
import pandas as pd

from locator.solving import bound, greedy
from locator.solving.exact import solve
from locator.solving.problem import Problem

# price vectors, each good for budgets about one
_PRICED = 8
_ROUNDS = 150


def curve(problem: Problem, n: int, *, seconds: float = 5.0, gap: float = 1e-4) -> pd.DataFrame:
    """Find the best worth known for 1 to ``n`` sites, or for ``n`` budgets.

    Parameters
    ----------
    problem
        The question. Where all sites cost the same its budget plays no part; else budgets are
        ``n`` equal steps up to its budget.
    n
        How many points the curve has.
    seconds
        About how long to look for better choices than greedy ones, with proofs; Ctrl-C ends
        that earlier.
    gap
        How much of a bound need not be reached.

    Returns
    -------
    curve
        One row each: ``number`` of sites chosen, ``budget``, ``cost`` of what was chosen,
        ``worth``, ``bound`` (no choice within the budget is worth more) and ``gap``. Worth
        and bounds never fall.
    """
    began = time.perf_counter()
    cover = problem.cover.merged()
    step = problem.cost[0] if problem.alike and cover.sites else problem.budget / max(n, 1)
    asked = [Problem(cover, float(step * k), problem.cost) for k in range(1, n + 1)]
    plans = [np.empty(0, np.int64)]
    for one in asked:
        # the best for a smaller budget, made larger, or a new one
        grown = greedy.improved(one, plans[-1])
        fresh = greedy.improved(one, greedy.first_choice(one))
        plans.append(max(grown, fresh, key=cover.worth))
    worth = np.array([cover.worth(plan) for plan in plans[1:]])
    most = np.full(n, cover.worth(np.arange(cover.sites)))
    for k in np.unique(np.geomspace(1, max(n, 1), _PRICED).astype(int) - 1)[: n or 0]:
        prices = bound.Prices(asked[k], bound.start_prices(cover, plans[k + 1]))
        prices.lower(worth[k], _ROUNDS)
        for i, one in enumerate(asked):
            most[i] = min(most[i], bound.safe(cover, bound.bound_of(one, prices.price)))
    for k, one in enumerate(asked):
        left = seconds - (time.perf_counter() - began)
        if left > 0 and most[k] - worth[k] > gap * most[k]:
            found = solve(one, seconds=left, gap=gap)
            most[k] = min(most[k], found.bound)
            if found.worth > worth[k]:
                plans[k + 1], worth[k] = found.chosen, found.worth
            if found.interrupted:
                break
    for k in range(1, n):
        if worth[k - 1] > worth[k]:
            worth[k], plans[k + 1] = worth[k - 1], plans[k]
    most = np.maximum(np.minimum.accumulate(most[::-1])[::-1], worth)
    return pd.DataFrame(
        {
            "number": [len(plan) for plan in plans[1:]],
            "budget": [one.budget for one in asked],
            "cost": [float(problem.cost[plan].sum()) for plan in plans[1:]],
            "worth": worth,
            "bound": most,
            "gap": np.divide(most - worth, most, out=np.zeros(n), where=most > 0),
        }
    )
