"""Rows of demand near sites, for tests of medians and centers."""

import numpy as np
import pytest
from hypothesis import strategies as st

from locator.solving._kernels import type_floats
from locator.solving.distances import Distances

WAYS = pytest.mark.parametrize("compiled", [True, False], ids=["kernels", "arrays"])
RANDOM = np.random.default_rng(20261123)


@st.composite
def listed(draw: st.DrawFn) -> Distances:
    """Rows near some of a few sites: with ties, without weight, or near none."""
    rows, sites = draw(st.integers(0, 9)), draw(st.integers(1, 6))
    metre = draw(st.sampled_from([st.integers(0, 4).map(float), st.floats(0, 100)]))
    pairs = draw(
        st.lists(st.tuples(st.integers(0, rows - 1), st.integers(0, sites - 1), metre), max_size=40)
        if rows
        else st.just([])
    )
    row, site, metres = np.array(pairs, np.float64).reshape(-1, 3).T
    limit = draw(st.lists(metre, min_size=rows, max_size=rows))
    weight = draw(st.lists(st.integers(0, 3).map(float), min_size=rows, max_size=rows))
    return Distances.of_pairs(
        row.astype(int),
        site.astype(int),
        metres,
        rows=rows,
        sites=sites,
        limit=limit,
        weight=weight,
    )


def table(distances: Distances) -> type_floats:
    """Metres from every row to every site, the limit where none is listed."""
    metres = np.repeat(distances.limit[:, np.newaxis], distances.sites, axis=1)
    metres[distances.row, distances.site] = distances.metres
    return metres


def network(count: int, seed: int) -> type_floats:
    """Whole metres between the places of a random network, with many ties."""
    random = np.random.default_rng(seed)
    metres = np.where(
        random.random((count, count)) < 0.08, random.integers(1, 100, (count,) * 2), 1e6
    )
    metres = np.minimum(metres, metres.T)
    np.fill_diagonal(metres, 0)
    for place in range(count):
        metres = np.minimum(metres, metres[:, [place]] + metres[[place]])
    return np.minimum(metres, 1000.0)


def towns(rows: int, sites: int, within: float) -> Distances:
    """Rows and sites in a few towns, listed within a distance."""
    centres = RANDOM.uniform(0, 20_000, (6, 2))
    demand, places = (
        centres[RANDOM.integers(0, 6, count)] + RANDOM.normal(size=(count, 2)) * 800
        for count in (rows, sites)
    )
    metres = np.linalg.norm(demand[:, np.newaxis] - places, axis=2)
    row, site = np.nonzero(metres <= within)
    return Distances.of_pairs(
        row,
        site,
        metres[row, site],
        rows=rows,
        sites=sites,
        limit=within,
        weight=RANDOM.integers(0, 5, rows),
    )
