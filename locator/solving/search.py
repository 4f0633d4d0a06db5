"""Keep the best choice and the lowest bound of a search, so that it can end at any moment."""

import dataclasses
import time
from collections.abc import Callable

import numpy as np

from locator.solving import bound
from locator.solving._kernels import type_numbers
from locator.solving.greedy import apart, ordered
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
        chosen = apart(self.problem, chosen)
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
