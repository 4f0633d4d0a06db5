"""Find the best choice of sites, or the best that time allows, with a proof of how good it is."""

import dataclasses
import time
from collections.abc import Callable

import numpy as np

from locator.solving import _highs, bound
from locator.solving._kernels import type_floats, type_numbers
from locator.solving.cover import Cover
from locator.solving.greedy import greedy, ordered
from locator.solving.problem import Problem
from locator.solving.solution import Solution


class Search:
    """The best choice and the lowest bound so far: whatever happens, there is an answer.

    Parameters
    ----------
    problem
        The question.
    gap
        The search ends when the bound is higher by no greater part.
    seconds
        And after so long.
    progress
        Called with each better choice.
    """

    def __init__(
        self,
        problem: Problem,
        gap: float,
        seconds: float,
        progress: Callable[[Solution], None] | None,
    ) -> None:
        self.problem = problem
        self.gap = gap
        self._began = time.perf_counter()
        self._until = self._began + seconds
        self._progress = progress
        everywhere = problem.cover.worth(np.arange(problem.cover.sites))
        self.best = Solution(np.empty(0, np.int64), 0.0, everywhere, "nothing chosen yet", 0.0)

    @property
    def left(self) -> float:
        """Seconds that are left."""
        return self._until - time.perf_counter()

    @property
    def over(self) -> bool:
        """Whether the best is good enough, or the time is up."""
        return self.best.gap <= self.gap or self.left <= 0

    def offer(self, chosen: type_numbers, method: str) -> bool:
        """Take a choice if it is better than the best so far, and tell."""
        worth = self.problem.cover.worth(chosen)
        if worth <= self.best.worth or not self.problem.affords(chosen):
            return False
        chosen = ordered(self.problem.cover, chosen)
        self._take(chosen=chosen, worth=worth, bound=max(self.best.bound, worth), method=method)
        if self._progress is not None:
            self._progress(self.best)
        return True

    def prove(self, most: float) -> None:
        """Take a bound if it is lower than the lowest so far."""
        most = max(bound.safe(self.problem.cover, most), self.best.worth)
        if most < self.best.bound:
            self._take(bound=most)

    def _take(self, **changes: object) -> None:
        seconds = time.perf_counter() - self._began
        # one assignment, so that Ctrl-C finds either the old or the new
        self.best = dataclasses.replace(self.best, seconds=seconds, **changes)  # type: ignore[arg-type]

    def result(self, *, interrupted: bool = False) -> Solution:
        """Give the best so far."""
        self._take(interrupted=interrupted)
        return self.best


def solve(
    problem: Problem,
    *,
    seconds: float = 60.0,
    gap: float = 1e-4,
    progress: Callable[[Solution], None] | None = None,
) -> Solution:
    """Find a choice of sites that is worth most, and prove how good it is.

    Rows with equal cover sets are merged. A problem of county size goes to HiGHS as one sparse
    model; it begins with the greedy choice.

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
            by_highs(search, merged)
    except KeyboardInterrupt:
        return search.result(interrupted=True)
    return search.result()


def by_highs(search: Search, problem: Problem) -> None:
    """Give the whole problem to HiGHS as one model."""
    sites = problem.cover.sites

    def better(x: type_floats) -> None:
        search.offer(np.flatnonzero(x[:sites] > 0.5), "HiGHS")  # noqa: PLR2004

    chosen = np.zeros(sites)
    chosen[search.best.chosen] = 1.0
    start = np.concatenate([chosen, levels_covered(problem.cover, search.best.chosen)])
    found = _highs.maximise(model(problem), search.left, search.gap, start=start, better=better)
    if found.x is not None:
        better(found.x)
    search.prove(found.bound)


def model(problem: Problem) -> _highs.Model:
    """Write the maximal covering problem as a model.

    Columns are the sites, 1 if chosen, then the rows of demand level by level: how much of a
    level is covered. All levels together are covered no more than there are chosen sites.
    """
    cover = problem.cover
    sites, rows, levels = cover.sites, cover.rows, cover.levels
    begin, site = cover.by_row()
    sizes = np.diff(begin) + levels
    start = np.concatenate([[0], np.cumsum(sizes), [sizes.sum() + sites]])
    column = np.empty(start[-1], np.int32)
    value = np.ones(start[-1])
    pairs = np.arange(len(site)) + np.repeat(np.arange(rows) * levels, np.diff(begin))
    column[pairs] = site
    value[pairs] = -1.0
    for level in range(levels):
        column[start[1:-1] - levels + level] = sites + level * rows + np.arange(rows)
    column[start[-2] :] = np.arange(sites)
    value[start[-2] :] = problem.cost
    return _highs.Model(
        objective=np.concatenate([np.zeros(sites), cover.weight.T.ravel()]),
        whole=np.arange(sites + rows * levels) < sites,
        start=start,
        column=column,
        value=value,
        lower=np.full(rows + 1, -np.inf),
        upper=np.concatenate([np.zeros(rows), [problem.limit]]),
    )


def levels_covered(cover: Cover, chosen: type_numbers) -> type_floats:
    """Tell for each level of each row, level by level, whether a choice covers it."""
    covered = cover.counts(chosen) > np.arange(cover.levels)[:, None]
    return covered.ravel().astype(np.float64)
