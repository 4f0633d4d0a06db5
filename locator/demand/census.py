"""Spread the residents that a census counts by neighbourhood over the homes within it."""

import numpy as np
import numpy.typing as npt
import pandas as pd


def spread(units: pd.DataFrame, residents: "pd.Series[int]") -> npt.NDArray[np.int64]:
    """Estimate the residents of small units so that neighbourhoods add up to their census.

    An older count by unit says how residents spread within a neighbourhood. Units that are
    newer than it have none there: where a neighbourhood has grown, its new units share the
    growth, each at most as much as a unit of the older count holds on average; the rest, and
    any loss, goes to the older units in proportion. Shares are rounded to whole people by the
    largest remainder, so that every neighbourhood adds up exactly.

    Parameters
    ----------
    units
        One row a unit: ``lsoa`` and ``people`` (of the older count; 0 for a newer unit). A
        neighbourhood may have units of which none has people; they then share alike.
    residents
        Residents by LSOA. Every LSOA has a unit.

    Returns
    -------
    people
        Residents of each unit, shape ``(n,)``, adding up to ``residents``.
    """
    people = np.zeros(len(units), dtype=np.int64)
    older = units["people"].to_numpy(dtype=np.float64)
    usual = float(older[older > 0].mean()) if (older > 0).any() else np.inf
    for lsoa, rows in units.groupby("lsoa").indices.items():
        total, counted = int(residents[str(lsoa)]), older[rows]
        new = counted == 0
        shares = counted.copy()
        if new.all():
            shares[:] = 1.0
        elif new.any() and total > counted.sum():
            each = min((total - counted.sum()) / new.sum(), usual)
            shares[~new] *= (total - each * new.sum()) / counted.sum()
            shares[new] = each
        people[rows] = _whole(shares / shares.sum() * total)
    return people


def _whole(parts: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Round parts that add up to a whole number so that they still do."""
    floor = np.floor(parts + 1e-9).astype(np.int64)
    missing = round(float(parts.sum())) - int(floor.sum())
    # equal remainders: the first rows get the missing ones, so that a build can be repeated
    order = np.argsort(floor - parts, kind="stable")
    floor[order[:missing]] += 1
    return floor
