"""Place points on the grid, and group those that lie together."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from locator import geodesy, tables
from locator.demand import area


def lies_inside(frame: pd.DataFrame, folder: Path) -> "pd.Series[bool]":
    """Tell which rows (``x``, ``y`` in EPSG:27700 metres) lie in the county."""
    inside = shapely.contains_xy(area.county(folder), frame["x"], frame["y"])
    return pd.Series(inside, index=frame.index)


def gridded(frame: pd.DataFrame, lon: str, lat: str) -> pd.DataFrame:
    """Add ``x`` and ``y`` (EPSG:27700 metres) and leave out what has no place on the grid."""
    x, y = geodesy.to_bng(frame[lon].to_numpy(np.float64), frame[lat].to_numpy(np.float64))
    return frame.assign(x=x, y=y).dropna(subset=["x"])


def at_postcode(frame: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """Add ``x`` and ``y`` (EPSG:27700 metres) of the postcode; rows without one are left out."""
    units = tables.table(folder, "postcodes").rename(columns={"easting": "x", "northing": "y"})
    return frame.merge(units[["postcode", "x", "y"]], on="postcode")


def clusters(xy: geodesy.type_floats, gap_m: float) -> Iterator[np.ndarray]:
    """Split points into groups that hang together at ``gap_m`` (single linkage)."""
    pairs = cKDTree(xy).query_pairs(gap_m, output_type="ndarray")
    ones = np.ones(len(pairs), dtype=bool)
    graph = coo_array((ones, (pairs[:, 0], pairs[:, 1])), shape=(len(xy), len(xy)))
    count, label = connected_components(graph, directed=False)
    for group in range(count):
        yield np.flatnonzero(label == group)


def middle(xy: geodesy.type_floats) -> tuple[float, float, float]:
    """Return the point nearest to the mean of all points, and its distance to the farthest."""
    mean = xy.mean(axis=0)
    at = xy[np.hypot(*(xy - mean).T).argmin()]
    return float(at[0]), float(at[1]), float(np.hypot(*(xy - at).T).max())
