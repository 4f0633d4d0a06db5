"""Keep which site covers which demand, and what that is worth."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array, csc_array
from scipy.sparse.csgraph import connected_components

from locator.solving import _kernels
from locator.solving._kernels import type_floats, type_numbers, type_small

# Weights are rounded to this part of a power of two above their total, so that sums of them
# are exact in any order. What was counted in whole numbers stays as it is.
_BITS = 48
# numbers below fit into 32 bits
_SMALL = 1 << 31


@dataclass(frozen=True, slots=True, eq=False)
class Cover:
    """Which rows of demand each site covers; each pair once, nothing dense.

    Time of day, gradual cover, kinds of demand and what stands already are all just rows:
    the caller makes one row for each place and hour, or for each ring of distance, and leaves
    out what is covered in any case.

    Attributes
    ----------
    first
        Shape ``(sites + 1,)``. Site ``j`` covers ``row[first[j]:first[j + 1]]``.
    row
        Shape ``(pairs,)``; ascending within each site, without repeats.
    weight
        Shape ``(rows, levels)``: what the first, second ... cover of a row is worth, finite,
        at least 0 and not rising along levels. More than one level is backup cover (Hogan &
        ReVelle 1986, doi 10.1287/mnsc.32.11.1434). Rounded to one part in 2 to the power of 48
        of the total, so that sums are exact in any order; whole numbers stay whole.

    Raises
    ------
    ValueError
        Shapes do not fit together, or weights are negative, not finite, or rise along levels.
    """

    first: type_numbers
    row: type_small
    weight: type_floats

    def __post_init__(self) -> None:
        """Check shapes, and round weights."""
        weight = np.asarray(self.weight, np.float64)
        if weight.ndim == 1:
            weight = weight[:, None]
        if weight.ndim != 2 or not weight.shape[1]:  # noqa: PLR2004
            message = "weights must have one row each of demand, and a column for each level"
            raise ValueError(message)
        if not np.isfinite(weight).all() or (weight < 0).any():
            message = "weights must be finite and at least 0"
            raise ValueError(message)
        if (np.diff(weight, axis=1) > 0).any():
            message = "a further cover of a row cannot be worth more than the one before"
            raise ValueError(message)
        if self.first[0] != 0 or self.first[-1] != len(self.row) or (np.diff(self.first) < 0).any():
            message = "first must rise from 0 to the number of pairs"
            raise ValueError(message)
        if len(self.row) and not 0 <= self.row.min() <= self.row.max() < len(weight):
            message = "a site covers a row that there is not"
            raise ValueError(message)
        total = float(weight.sum())
        if total > 0:
            unit = math.ldexp(1.0, math.frexp(total)[1] - _BITS)
            weight = np.rint(weight / unit) * unit
        object.__setattr__(self, "first", np.ascontiguousarray(self.first, np.int64))
        object.__setattr__(self, "row", np.ascontiguousarray(self.row, np.int32))
        object.__setattr__(self, "weight", np.ascontiguousarray(weight))

    @classmethod
    def of_pairs(
        cls, site: npt.ArrayLike, row: npt.ArrayLike, weight: npt.ArrayLike, *, sites: int
    ) -> "Cover":
        """Make a cover from pairs in any order.

        Parameters
        ----------
        site, row
            Shape ``(pairs,)`` each; repeats count once.
        weight
            Shape ``(rows,)``, or ``(rows, levels)``.
        sites
            How many there are, also such as cover nothing.

        Raises
        ------
        ValueError
            A number is out of range, or weights are not what a cover needs.
        """
        site, row = np.asarray(site, np.int64), np.asarray(row, np.int64)
        rows = len(np.asarray(weight))
        if len(site) != len(row):
            message = "there must be as many sites as rows in pairs"
            raise ValueError(message)
        if len(site) and not (0 <= site.min() <= site.max() < sites):
            message = f"sites must be numbered from 0 to {sites - 1}"
            raise ValueError(message)
        if len(row) and not (0 <= row.min() <= row.max() < rows):
            message = f"rows must be numbered from 0 to {rows - 1}"
            raise ValueError(message)
        # sorts by counting, and adds repeats up: only where ones are is of interest
        ones = coo_array((np.ones(len(row), np.int8), (row, site)), shape=(rows, sites)).tocsc()
        ones.sum_duplicates()
        return cls(ones.indptr, ones.indices, np.asarray(weight, np.float64))

    @classmethod
    def of_blocks(cls, blocks: Iterable["Cover"]) -> "Cover":
        """Put together covers of the same sites with other rows each, and merge equal rows.

        Blocks are merged one by one, so that demand of any size needs the memory of one block
        and of the merged rows.

        Parameters
        ----------
        blocks
            At least one; all with as many sites and levels.

        Raises
        ------
        ValueError
            There is no block, or they do not fit together.
        """
        whole: Cover | None = None
        for block in blocks:
            part = block.merged()
            whole = part if whole is None else _joined(whole, part).merged()
        if whole is None:
            message = "there must be at least one block"
            raise ValueError(message)
        return whole

    @property
    def sites(self) -> int:
        """How many sites there are."""
        return len(self.first) - 1

    @property
    def rows(self) -> int:
        """How many rows of demand there are."""
        return len(self.weight)

    @property
    def levels(self) -> int:
        """How many covers of a row are worth something."""
        return int(self.weight.shape[1])

    @property
    def total(self) -> float:
        """What it is worth to cover every row once, also those that no site covers."""
        return float(self.weight[:, 0].sum())

    def by_row(self) -> tuple[type_numbers, type_small]:
        """Turn the pairs round: the sites that cover row ``i`` are ``site[start[i]:start[i + 1]]``.

        Returns
        -------
        start, site
            Shapes ``(rows + 1,)`` and ``(pairs,)``; sites ascend.
        """
        first = self.first.astype(np.int32) if len(self.row) < _SMALL else self.first
        flags = np.ones(len(self.row), np.int8)
        turned = csc_array((flags, self.row, first), shape=(self.rows, self.sites)).tocsr()
        return turned.indptr.astype(np.int64), turned.indices.astype(np.int32, copy=False)

    def counts(self, chosen: npt.ArrayLike) -> type_small:
        """Count for each row the chosen sites that cover it: int32 ``(rows,)``."""
        count = np.zeros(self.rows, np.int32)
        for site in np.asarray(chosen, np.int64):
            count[self.row[self.first[site] : self.first[site + 1]]] += 1
        return count

    def worth(self, chosen: npt.ArrayLike) -> float:
        """Add up what the chosen sites cover."""
        count = self.counts(chosen)
        return float(self.weight[count[:, None] > np.arange(self.levels)].sum())

    def gains(self, chosen: npt.ArrayLike) -> type_floats:
        """Tell what each site would add to the chosen ones: float64 ``(sites,)``.

        For sites that are chosen already: what a second kit there would add.
        """
        return self.site_sums(self.next_worth(self.counts(chosen)))

    def next_worth(self, count: type_small) -> type_floats:
        """Tell what one more cover of each row is worth: float64 ``(rows,)``."""
        level = np.minimum(count, self.levels - 1)
        worth: type_floats = np.take_along_axis(self.weight, level[:, None], axis=1)[:, 0]
        worth[count >= self.levels] = 0.0
        return worth

    def site_sums(self, value: type_floats) -> type_floats:
        """Add up for each site a value of each row that it covers.

        Parameters
        ----------
        value
            Shape ``(rows,)``.
        """
        if not _kernels.AVAILABLE:
            site = np.repeat(np.arange(self.sites), np.diff(self.first))
            return np.bincount(site, value[self.row], self.sites).astype(np.float64)
        sums = np.empty(self.sites)
        _kernels.site_sums(self.first, self.row, value, sums)
        return sums

    def row_sums(self, value: type_floats) -> type_floats:
        """Add up for each row a value of each site that covers it.

        Parameters
        ----------
        value
            Shape ``(sites,)``.
        """
        if not _kernels.AVAILABLE:
            shares = np.repeat(value, np.diff(self.first))
            return np.bincount(self.row, shares, self.rows).astype(np.float64)
        sums = np.zeros(self.rows)
        _kernels.row_sums(self.first, self.row, value, sums)
        return sums

    def merged(self) -> "Cover":
        """Merge rows that the same sites cover, and drop those that no site covers.

        Every choice of sites is worth the same before and after. Rows are compared by their
        sets of sites, not by hashes of them; they stay in the order of their first ones.
        """
        label = np.zeros(self.rows, np.int32)
        if _kernels.AVAILABLE:
            _kernels.classes(self.first, self.row, label)
        else:
            label = _split_classes(self.first, self.row, label)
        covered = np.zeros(self.rows, bool)
        covered[self.row] = True
        # the first row of each class; where a number is written twice the last one stays
        lead = np.full(int(label.max(initial=-1)) + 1, -1)
        lead[label[::-1]] = np.arange(self.rows)[::-1]
        kept = np.flatnonzero(lead >= 0)
        kept = kept[covered[lead[kept]]]
        kept = kept[np.argsort(lead[kept])]
        number = np.full(len(lead), -1)
        number[kept] = np.arange(len(kept))
        new = number[label]
        some = new >= 0
        weight = np.empty((len(kept), self.levels))
        for level, column in enumerate(self.weight.T):
            weight[:, level] = np.bincount(new[some], column[some], len(kept))
        leads = np.zeros(self.rows, bool)
        leads[lead[kept]] = True
        stays = leads[self.row]
        before = np.concatenate([[0], np.cumsum(stays)])
        return Cover(before[self.first], new[self.row[stays]].astype(np.int32), weight)

    def part(self, sites: type_numbers) -> tuple["Cover", type_numbers]:
        """Cut out some sites and the rows that they cover.

        Parameters
        ----------
        sites
            Shape ``(k,)``, without repeats; they are numbered 0 to k - 1 in the part.

        Returns
        -------
        part, rows
            And the number here of each row of it, ascending.
        """
        sizes = self.first[sites + 1] - self.first[sites]
        first = np.concatenate([[0], np.cumsum(sizes)])
        pairs = np.arange(first[-1]) + np.repeat(self.first[sites] - first[:-1], sizes)
        rows, row = np.unique(self.row[pairs], return_inverse=True)
        return Cover(first, row.astype(np.int32), self.weight[rows]), rows.astype(np.int64)

    def components(self) -> tuple[type_numbers, type_numbers]:
        """Find the connected components: no site of one covers a row of another.

        Returns
        -------
        of_site, of_row
            Shapes ``(sites,)`` and ``(rows,)``; numbered from 0 in the order of their first
            sites. Rows that no site covers are components of their own, after all others.
        """
        size = self.sites + self.rows
        graph = csc_array(
            (
                np.ones(len(self.row), np.int8),
                self.row + self.sites,
                np.concatenate([self.first, np.full(self.rows, len(self.row))]),
            ),
            shape=(size, size),
        )
        _, label = connected_components(graph, directed=False)
        _, lead, group = np.unique(label, return_index=True, return_inverse=True)
        number = np.empty(len(lead), np.int64)
        number[np.argsort(lead)] = np.arange(len(lead))
        return number[group[: self.sites]], number[group[self.sites :]]


def _joined(one: Cover, other: Cover) -> Cover:
    """Put rows of one cover after those of another with the same sites."""
    if one.sites != other.sites or one.levels != other.levels:
        message = "blocks must have as many sites and levels each"
        raise ValueError(message)
    sites = np.arange(one.sites)
    site = np.concatenate([np.repeat(sites, np.diff(c.first)) for c in (one, other)])
    row = np.concatenate([one.row, other.row + np.int32(one.rows)])
    order = np.argsort(site, kind="stable")
    return Cover(one.first + other.first, row[order], np.concatenate([one.weight, other.weight]))


def _split_classes(first: type_numbers, row: type_small, label: type_small) -> type_small:
    """Do what ``_kernels.classes`` does, with other labels."""
    wide = label.astype(np.int64)
    top = 1
    for begin, end in zip(first[:-1].tolist(), first[1:].tolist(), strict=True):
        rows = row[begin:end]
        classes, within = np.unique(wide[rows], return_inverse=True)
        wide[rows] = top + within
        top += len(classes)
    return np.unique(wide, return_inverse=True)[1].astype(np.int32)
