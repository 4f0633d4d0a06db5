"""List how far rows of demand are from the sites that could serve them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from locator.solving._kernels import type_floats, type_numbers, type_small
from locator.solving.solution import OPTIMAL, in_words

_NONE = -1


@dataclass(frozen=True, slots=True, eq=False)
class Distances:
    """Rows of demand, each with the sites near it. Memory follows the number of listed pairs.

    Attributes
    ----------
    first
        Shape ``(rows + 1,)``: where the sites of each row begin in ``site``.
    site, metres
        Shape ``(pairs,)``: sites within each row's limit, nearest first, then by number; how
        far they are.
    weight
        Shape ``(rows,)``: demand, at least 0.
    limit
        Shape ``(rows,)``: metres that stand for whatever is farther or not listed.
    sites
        How many sites there are.
    """

    first: type_numbers
    site: type_small
    metres: type_floats
    weight: type_floats
    limit: type_floats
    sites: int

    @classmethod
    def of_pairs(
        cls,
        row: npt.ArrayLike,
        site: npt.ArrayLike,
        metres: npt.ArrayLike,
        *,
        rows: int,
        sites: int,
        limit: npt.ArrayLike,
        weight: npt.ArrayLike = 1.0,
    ) -> "Distances":
        """List pairs in any order.

        Parameters
        ----------
        row, site, metres
            Shape ``(pairs,)``. Of equal pairs the nearest counts; pairs beyond the row's limit
            are left out. Distances and limits count to the nanometre: below it, what is gained
            would drown in the rounding of sums.
        rows, sites
            How many there are of each.
        limit, weight
            One number for all rows, or shape ``(rows,)``; finite, at least 0.

        Raises
        ------
        ValueError
            A row or a site is not among those, or a number is negative or not finite.
        """
        row, site = np.asarray(row, np.int64), np.asarray(site, np.int64)
        metres = np.asarray(metres, np.float64)
        limits = np.broadcast_to(np.asarray(limit, np.float64), rows).copy()
        weights = np.broadcast_to(np.asarray(weight, np.float64), rows).copy()
        for numbers, count, name in ((row, rows, "row"), (site, sites, "site")):
            if len(numbers) and not (numbers.min() >= 0 and numbers.max() < count):
                msg = f"Each {name} is a number from 0 to {count - 1}."
                raise ValueError(msg)
        for some, name in ((metres, "distances"), (limits, "limits"), (weights, "weights")):
            if not (np.isfinite(some) & (some >= 0)).all():
                msg = f"All {name} are finite and at least 0."
                raise ValueError(msg)
        metres, limits = metres.round(9), limits.round(9)
        order = np.flatnonzero(metres <= limits[row])
        if not (np.diff(row[order] * sites + site[order]) > 0).all():
            order = order[np.lexsort((metres[order], site[order], row[order]))]
            order = order[np.diff(row[order] * sites + site[order], prepend=-1) > 0]
        # stable, so those equally near stay in the order of their numbers
        order = order[np.lexsort((metres[order], row[order]))]
        first = np.concatenate([[0], np.cumsum(np.bincount(row[order], minlength=rows))])
        return cls(first, site[order].astype(np.int32), metres[order], weights, limits, sites)

    @classmethod
    def of_table(cls, metres: npt.ArrayLike, weight: npt.ArrayLike = 1.0) -> "Distances":
        """List all pairs of a small table, shape ``(rows, sites)``; all sites are within limits."""
        table = np.asarray(metres, np.float64)
        row, site = np.indices(table.shape).reshape(2, -1)
        limit = table.max(axis=1, initial=0.0)
        rows, sites = table.shape
        return cls.of_pairs(
            row, site, table.ravel(), rows=rows, sites=sites, limit=limit, weight=weight
        )

    @property
    def rows(self) -> int:
        """How many rows of demand there are."""
        return len(self.limit)

    @property
    def row(self) -> type_numbers:
        """The row of each pair, ``(pairs,)``."""
        return np.repeat(np.arange(self.rows), np.diff(self.first))

    @property
    def unreachable(self) -> type_numbers:
        """Rows that list no site."""
        return np.flatnonzero(np.diff(self.first) == 0)

    def nearest(self, chosen: npt.ArrayLike) -> tuple[type_numbers, type_floats]:
        """Find the chosen site nearest to each row.

        Parameters
        ----------
        chosen
            Numbers of sites.

        Returns
        -------
        site_of, metres
            Shape ``(rows,)`` each: the lowest number of those equally near; -1 and the limit
            where none is listed.
        """
        flags = np.zeros(self.sites, bool)
        flags[np.asarray(chosen, np.int64)] = True
        pairs = np.flatnonzero(flags[self.site])
        rows, begins = np.unique(
            np.searchsorted(self.first, pairs, side="right") - 1, return_index=True
        )
        site_of, metres = np.full(self.rows, _NONE), self.limit.copy()
        site_of[rows] = self.site[pairs[begins]]
        metres[rows] = self.metres[pairs[begins]]
        return site_of, metres

    def numbers(self, fixed: npt.ArrayLike) -> type_numbers:
        """Check numbers of sites; give them once each, in order.

        Raises
        ------
        ValueError
            There is no such site.
        """
        some = np.unique(np.asarray(fixed, np.int64))
        if len(some) and not (some[0] >= 0 and some[-1] < self.sites):
            msg = f"Each site is a number from 0 to {self.sites - 1}."
            raise ValueError(msg)
        return some


@dataclass(frozen=True, slots=True, eq=False)
class Assigned:
    """A choice of sites with the rows that each serves, and the bound that comes with it.

    Attributes
    ----------
    chosen
        Shape ``(k,)``: numbers of new sites; those that save nothing are left out.
    cost
        What the choice costs: weighted metres in all (p-median) or the greatest metres of any
        row (p-center).
    bound
        No choice of as many sites costs less. Never above ``cost``.
    site_of
        Shape ``(rows,)``: the nearest site, new or fixed, -1 where none is within the limit.
    unreachable
        Rows that no site is near enough to serve, whichever are chosen.
    method
        In words, for reports.
    seconds
        Since the search began.
    interrupted
        Whether somebody stopped the search: there may be better choices.
    """

    chosen: type_numbers
    cost: float
    bound: float
    site_of: type_numbers
    unreachable: type_numbers
    method: str
    seconds: float
    interrupted: bool = False

    @property
    def gap(self) -> float:
        """How much of the cost may be too much, 0 to 1; 0 if it costs nothing."""
        return (self.cost - self.bound) / self.cost if self.cost > 0 else 0.0

    @property
    def proven(self) -> bool:
        """Whether no choice costs less by more than one part in a million: ``OPTIMAL``."""
        return self.gap <= OPTIMAL

    @property
    def says(self) -> str:
        """How good the choice is, in English."""
        return in_words(self.gap)
