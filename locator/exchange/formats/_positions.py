"""Find one position for any geometry, in a coordinate system that the importer knows."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyproj
import shapely

from locator import geodesy
from locator.exchange.formats import Scalar, X, Y
from locator.exchange.formats._rows import REPLACED, UNPLACED, Tally

# left as they are: the importer knows them, and the National Grid better than pyproj does
_KEPT = (geodesy.WGS84, geodesy.BNG, "EPSG:3857")


def known_crs(said: str | int | Mapping[str, Any] | None) -> pyproj.CRS | None:
    """Understand what a file says of its coordinate system; None if it cannot be."""
    if not said:
        return None
    try:
        return pyproj.CRS.from_user_input(said)
    except pyproj.exceptions.CRSError:
        return None


class Locating:
    """Turns geometries of one coordinate system into ``@x`` and ``@y``.

    ``crs`` is the code of the system that they are in, or empty if it is not known.
    """

    def __init__(self, crs: pyproj.CRS | None) -> None:
        self.crs, self._transform = _code(crs), None
        if crs is not None and not self.crs:
            self.crs = geodesy.WGS84
            self._transform = pyproj.Transformer.from_crs(crs, geodesy.WGS84, always_xy=True)

    def positions(
        self, geometries: Sequence[shapely.Geometry | None], tally: Tally
    ) -> list[dict[str, Scalar]]:
        """Find a position for each geometry, an empty one where there is none."""
        shapes = np.array(geometries, dtype=object)
        areas = shapely.get_type_id(shapes) > shapely.GeometryType.POINT
        areas &= ~shapely.is_empty(shapes)
        if areas.any():
            tally[REPLACED] += int(areas.sum())
            shapes[areas] = _inside(shapes[areas])
        x, y = shapely.get_x(shapes), shapely.get_y(shapes)
        if self._transform is not None:
            x, y = self._transform.transform(x, y)
        good = np.isfinite(x) & np.isfinite(y)
        lost = ~good & ~shapely.is_missing(shapes) & ~shapely.is_empty(shapes)
        tally[UNPLACED] += int(lost.sum())
        return [
            {X: one, Y: other} if sound else {}
            for one, other, sound in zip(x.tolist(), y.tolist(), good.tolist(), strict=True)
        ]

    def positions_of_wkb(
        self, blobs: Sequence[bytes | None], tally: Tally
    ) -> list[dict[str, Scalar]]:
        """Find a position for each geometry in well-known binary."""
        shapes = shapely.from_wkb(np.array(blobs, dtype=object), on_invalid="ignore")
        tally[UNPLACED] += sum(
            shape is None and blob is not None for shape, blob in zip(shapes, blobs, strict=True)
        )
        return self.positions(shapes, tally)


def _code(crs: pyproj.CRS | None) -> str:
    if crs is None:
        return ""
    # heights are of no use here
    flat = crs.sub_crs_list[0] if crs.is_compound else crs
    code = f"EPSG:{flat.to_epsg()}"
    if code in _KEPT:
        return code
    wgs84 = pyproj.CRS.from_user_input(geodesy.WGS84)
    return geodesy.WGS84 if flat.equals(wgs84, ignore_axis_order=True) else ""


def _inside(areas: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    try:
        return np.asarray(shapely.point_on_surface(areas))
    except shapely.GEOSException:
        # an outline that crosses itself
        return np.asarray(shapely.centroid(areas))
