"""Tell whether a position lies in the area, and in which neighbourhood."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import shapely
from scipy.spatial import cKDTree

from locator import geodesy, tables

# the outline of the county is simplified to this, so places on its edge lie up to so far outside
TOLERANCE_M = 60.0


def county(folder: Path) -> shapely.Geometry:
    """Read the outline of the county, widened by what its simplification may have cut off.

    Returns
    -------
    outline
        EPSG:27700, prepared for many questions.

    Raises
    ------
    DataError
        The table is missing or damaged.
    """
    outlines = tables.outlines(folder, "areas").to_crs(geodesy.BNG)
    outline = outlines.geometry[outlines["level"] == "county"].union_all().buffer(TOLERANCE_M)
    shapely.prepare(outline)
    return outline


@dataclass(frozen=True, slots=True, eq=False)
class Homes:
    """Where people live in the county, and in which LSOA.

    Attributes
    ----------
    county
        From :func:`county`.
    points
        Of the table ``residents`` (EPSG:27700 metres).
    lsoa
        Code of 2021 of each point.
    """

    county: shapely.Geometry
    points: cKDTree
    lsoa: npt.NDArray[np.object_]

    @classmethod
    def of(cls, folder: Path) -> "Homes":
        """Read them from a geodata folder.

        Raises
        ------
        DataError
            A table is missing or damaged.
        """
        table = tables.table(folder, "residents")
        points = cKDTree(table[["easting", "northing"]].to_numpy(dtype=np.float64))
        return cls(county(folder), points, table["lsoa"].to_numpy(dtype=object))

    def lsoa_at(
        self, easting: geodesy.type_floats, northing: geodesy.type_floats
    ) -> npt.NDArray[np.object_]:
        """Give the LSOA of positions: that of the nearest home.

        The nearest home names the LSOA that the police give for 93 % of their points, the
        generalised outlines for 89 %.

        Parameters
        ----------
        easting, northing
            EPSG:27700 metres, shape ``(n,)``; NaN lies nowhere.

        Returns
        -------
        lsoa
            Codes of 2021, shape ``(n,)``; empty outside the county.
        """
        found = np.full(len(easting), "", dtype=object)
        inside = shapely.contains_xy(self.county, easting, northing)
        if inside.any():
            xy = np.column_stack([easting[inside], northing[inside]])
            found[inside] = self.lsoa[self.points.query(xy)[1]]
        return found
