"""Find the best choice of sites, or the best that time allows, with a proof of how good it is."""

import dataclasses
from collections.abc import Callable

import numpy as np

from locator.solving import _highs, _kernels, bound, model, split
from locator.solving._kernels import type_floats, type_numbers
from locator.solving.greedy import first_choice, improved
from locator.solving.problem import Problem
from locator.solving.search import Search
from locator.solving.solution import Solution

# pairs up to which HiGHS needs an instant, and up to which it gets all in one model
_FEW_PAIRS = 3_000
_MOST_PAIRS = 200_000


def solve(
    problem: Problem,
    *,
    seconds: float = 60.0,
    gap: float = 1e-4,
    nodes: int | None = None,
    progress: Callable[[Solution], None] | None = None,
) -> Solution:
    """Find a choice of sites that is worth most, and prove how good it is.

    Rows with equal cover sets are merged. A greedy choice is the first answer; prices on rows
    lower the bound, guide better choices, and tell which sites cannot be in a better one. What is
    left of a problem of county size goes to HiGHS as one sparse model, of a larger one component by
    component (see :mod:`locator.solving.split`).

    Parameters
    ----------
    problem
        The question.
    seconds
        About how long to search. Where that is long enough the answer is always the same.
    gap
        How much of the bound need not be reached.
    nodes
        How many nodes of its search tree HiGHS may look at: unlike seconds as many on every
        machine.
    progress
        Called with each better choice, the first after an instant.

    Returns
    -------
    solution
        After Ctrl-C the best until then, with its bound, as ``interrupted``.
    """
    search = Search(problem, gap, seconds, progress)
    try:
        merged = dataclasses.replace(problem, cover=problem.cover.merged())
        chosen = improved(merged, first_choice(merged))
        prices = bound.Prices(merged, bound.start_prices(merged.cover, chosen))
        search.prove(prices.bound)
        search.offer(chosen, "greedy choice with exchanges")
        split.by_prices(search, merged, prices)
        if not search.over:
            _finish(search, merged, prices, nodes)
    except KeyboardInterrupt:
        return search.result(interrupted=True)
    return search.result()


def _finish(search: Search, problem: Problem, prices: bound.Prices, nodes: int | None) -> None:
    """Let HiGHS choose among the sites that a better choice can have."""
    small, sites = _useful(search, problem, prices.price)
    if len(small.cover.row) > _FEW_PAIRS and _kernels.AVAILABLE:
        split.stir(search, problem, prices.share)
        small, sites = _useful(search, problem, prices.price)
    if search.over:
        return
    if len(small.cover.row) > _MOST_PAIRS:
        split.by_components(search, problem, prices.price)
        return

    def better(x: type_floats) -> None:
        search.offer(sites[np.flatnonzero(x[: len(sites)] > 0.5)], "HiGHS")  # noqa: PLR2004

    asked = model.maximal(small)
    found = _highs.maximise(asked, search.left, search.gap, nodes=nodes, better=better)
    if found.x is not None:
        better(found.x)
    search.prove(found.bound)


def _useful(search: Search, problem: Problem, price: type_floats) -> tuple[Problem, type_numbers]:
    """Leave out the sites that prices prove to be in no better choice."""
    sites = bound.useful(problem, price, search.best.worth)
    return problem.part(sites), sites
