"""Find the best choice of sites, or the best that time allows, with a proof of how good it is."""

import dataclasses
from collections.abc import Callable

import numpy as np

from locator.solving import _highs, model, split
from locator.solving._kernels import type_floats
from locator.solving.greedy import greedy
from locator.solving.problem import Problem
from locator.solving.search import Search
from locator.solving.solution import Solution

# pairs of a merged cover up to which HiGHS gets all of it: it solves so many in seconds
_MOST_PAIRS = 200_000


def solve(
    problem: Problem,
    *,
    seconds: float = 60.0,
    gap: float = 1e-4,
    progress: Callable[[Solution], None] | None = None,
) -> Solution:
    """Find a choice of sites that is worth most, and prove how good it is.

    Rows with equal cover sets are merged. A problem of county size goes to HiGHS as one sparse
    model; of a larger one the connected components do (see
    :mod:`locator.solving.split`).

    Parameters
    ----------
    problem
        The question.
    seconds
        About how long to search. Where that is long enough the answer is always the same.
    gap
        How much of the bound need not be reached.
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
        quick = greedy(merged)
        search.prove(quick.bound)
        search.offer(quick.chosen, quick.method)
        if not search.over:
            small = len(merged.cover.row) <= _MOST_PAIRS
            (by_highs if small else split.by_prices)(search, merged)
    except KeyboardInterrupt:
        return search.result(interrupted=True)
    return search.result()


def by_highs(search: Search, problem: Problem) -> None:
    """Give the whole problem to HiGHS as one model."""
    sites = problem.cover.sites

    def better(x: type_floats) -> None:
        search.offer(np.flatnonzero(x[:sites] > 0.5), "HiGHS")  # noqa: PLR2004

    found = _highs.maximise(model.maximal(problem), search.left, search.gap, better=better)
    if found.x is not None:
        better(found.x)
    search.prove(found.bound)
