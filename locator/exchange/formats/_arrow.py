"""Build Arrow tables of kits, which GDAL and Parquet take."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import shapely

from locator.exchange.formats import Scalar, _writing

GEOMETRY = "geometry"
_TYPES = {str: pa.string(), bool: pa.bool_(), int: pa.int64(), float: pa.float64()}


def table(
    columns: Mapping[str, Sequence[Scalar | None]], rows: Sequence[Mapping[str, Scalar]]
) -> Any:
    """Build a table of typed columns, with the positions of the rows as points.

    Parameters
    ----------
    columns
        Values of a single type each, as :func:`._writing.typed` gives them.
    rows
        The same rows with longitude and latitude in degrees (EPSG:4326).
    """
    arrays = {
        name: pa.array(values, type=_TYPES[_writing.kind(values)])
        for name, values in columns.items()
    }
    places = [_writing.position(row) for row in rows]
    points = [None if at is None else shapely.to_wkb(shapely.Point(at)) for at in places]
    return pa.table(arrays | {GEOMETRY: pa.array(points, type=pa.binary())})
