"""Estimate walking metres from the straight line, where no street network can tell.

The factor between the two is measured on a street network: on the one that is loaded, or
on the extract that ``geodata/detour.csv`` names.
"""

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree

from locator import geodesy, tables
from locator.travel.network import Detour, type_ints
from locator.travel.streets import Leg, Snaps, Streets

NEAREST_M, FARTHEST_M = 100, 1500
_BANDS = 14
_PLACES = 1500
_PAIRS_PER_BAND = 1000
_PERCENTILES = (10, 50, 90)
_FEWEST = 100
# a way that is not found counts as so long
_LONGEST_M = 5.0 * FARTHEST_M


def shipped(folder: Path) -> Detour:
    """Read the detour that was measured on the extract of ``geodata/``.

    Raises
    ------
    DataError
        The table is missing or damaged.
    """
    row = tables.table(folder, "detour").iloc[0]
    low, median, high = (float(row[name]) for name in ("low", "median", "high"))
    return Detour(low, median, high, f"{row['extract']} of {row['date']}")


def measure(streets: Streets, source: str, seed: int = 1) -> Detour | None:
    """Compare walking metres with straight ones on a network.

    Places are drawn evenly along all streets; of the pairs of places, equally many are taken
    from each band of 100 m between 100 and 1,500 m. A way that is not found counts
    as five times 1,500 m.

    Parameters
    ----------
    streets
        The network.
    source
        What it is, for people.
    seed
        Of the random numbers; the same seed gives the same figures.

    Returns
    -------
    detour
        None if the network is too small to tell.
    """
    random = np.random.default_rng(seed)
    starts, start_xy = _places(streets, random)
    ends, end_xy = _places(streets, random)
    near = cKDTree(start_xy).sparse_distance_matrix(
        cKDTree(end_xy), FARTHEST_M, output_type="coo_matrix"
    )
    pairs = np.concatenate(list(_banded(near.data, random)))
    if len(pairs) < _FEWEST:
        return None
    row, column, straight = near.row[pairs], near.col[pairs], near.data[pairs]
    origin, target, metres = streets.within(starts, ends, _LONGEST_M)
    key = origin * len(ends) + target
    wanted = row.astype(np.int64) * len(ends) + column
    place = np.minimum(np.searchsorted(key, wanted), len(key) - 1)
    walked = np.where(key[place] == wanted, metres[place], _LONGEST_M)
    low, median, high = np.percentile(walked / straight, _PERCENTILES, method="higher")
    return Detour(float(low), float(median), float(high), source)


def _places(streets: Streets, random: np.random.Generator) -> tuple[Snaps, geodesy.type_floats]:
    net = streets.network
    total = np.cumsum(net.length_m)
    at = np.sort(random.uniform(0, total[-1], _PLACES))
    edge = np.searchsorted(total, at)
    along = at - (total[edge] - net.length_m[edge])
    snaps = Snaps(edge.astype(np.int64), along, np.zeros(_PLACES))
    spots = [streets.legs_line([Leg(e, m, m)])[0] for e, m in zip(edge, along, strict=True)]
    return snaps, np.array(spots)


def _banded(straight: geodesy.type_floats, random: np.random.Generator) -> Iterator[type_ints]:
    edges = np.linspace(NEAREST_M, FARTHEST_M, _BANDS + 1)
    for low, high in itertools.pairwise(edges):
        inside = np.flatnonzero((straight >= low) & (straight < high))
        yield random.choice(inside, min(_PAIRS_PER_BAND, len(inside)), replace=False)
