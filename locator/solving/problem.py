"""State what may be chosen: sites, what each costs, and how much there is to spend."""

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from locator.solving._kernels import type_floats, type_numbers
from locator.solving.cover import Cover

# sums of pounds and pence may exceed a budget by so much through rounding alone
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """Cover as much weight as a budget allows: the maximal covering location problem.

    Church & ReVelle (1974), doi 10.1007/BF01942293; with costs the budgeted maximum coverage
    problem of Khuller, Moss & Naor (1999), doi 10.1016/S0020-0190(99)00031-9.

    Attributes
    ----------
    cover
        What each site covers.
    budget
        At least 0; in the unit of costs.
    cost
        Shape ``(sites,)``; finite, above 0. Ones if left out: the budget is then a number of
        sites.
    apart
        Shape ``(pairs, 2)``: of each pair one site at most may be chosen; none if left out.

    Raises
    ------
    ValueError
        A cost or the budget is not such a number.
    """

    cover: Cover
    budget: float
    cost: type_floats = field(default_factory=lambda: np.empty(0))
    apart: type_numbers = field(default_factory=lambda: np.empty((0, 2), np.int64))

    def __post_init__(self) -> None:
        """Check costs."""
        cost = np.ascontiguousarray(self.cost, np.float64)
        if not len(cost):
            cost = np.ones(self.cover.sites)
        if cost.shape != (self.cover.sites,) or not np.isfinite(cost).all() or (cost <= 0).any():
            message = "each site must have a cost above 0"
            raise ValueError(message)
        if not (math.isfinite(self.budget) and self.budget >= 0):
            message = "the budget must be a number of at least 0"
            raise ValueError(message)
        object.__setattr__(self, "cost", cost)

    @classmethod
    def count(cls, cover: Cover, number: int) -> "Problem":
        """Ask for so many sites, whatever they cost."""
        return cls(cover, float(number))

    def part(self, sites: type_numbers) -> "Problem":
        """Ask the same of some sites only, numbered 0 to k - 1."""
        cover, _ = self.cover.part(sites)
        number = np.full(self.cover.sites, -1)
        number[sites] = np.arange(len(sites))
        apart = number[self.apart]
        apart = apart[(apart >= 0).all(axis=1)]
        return Problem(cover.merged(), self.budget, self.cost[sites], apart)

    @property
    def limit(self) -> float:
        """The budget, with what sums of costs can exceed it by through rounding."""
        return self.budget * (1 + _ROUNDING)

    @property
    def alike(self) -> bool:
        """Whether all sites cost the same."""
        return not len(self.cost) or bool((self.cost == self.cost[0]).all())

    def affords(self, chosen: npt.ArrayLike) -> bool:
        """Tell whether the chosen sites are within the budget."""
        return bool(self.cost[np.asarray(chosen, np.int64)].sum() <= self.limit)

    def permits(self, chosen: npt.ArrayLike) -> bool:
        """Tell whether no two of the chosen sites are to be kept apart."""
        return not np.isin(self.apart, np.asarray(chosen, np.int64)).all(axis=1).any()
