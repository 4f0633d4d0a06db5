"""Read residents as demand, and the neighbourhoods that results are grouped by."""

from pathlib import Path

import numpy as np
import pandas as pd

from locator import geodesy, tables
from locator.demand.points import COLUMNS, Accounts, Basis, Demand
from locator.demand.profile import Profile


def neighbourhoods(folder: Path) -> pd.DataFrame:
    """Read the LSOAs of the area.

    Returns
    -------
    frame
        One row an LSOA 2021: ``code``, ``name``, ``authority``, ``ward``, ``ward_name``,
        ``residents`` (people), ``imd_decile`` (1 is the most deprived tenth of England),
        ``longitude``, ``latitude`` (EPSG:4326), ``easting``, ``northing`` (EPSG:27700).

    Raises
    ------
    DataError
        The table is missing or damaged.
    """
    frame = tables.table(folder, "lsoa")
    easting, northing = geodesy.to_bng(frame["longitude"].to_numpy(), frame["latitude"].to_numpy())
    return frame.assign(easting=easting, northing=northing)


def residents(folder: Path, profile: Profile) -> Demand:
    """Read residents as weighted points: postcode units, or what the table holds.

    Parameters
    ----------
    folder
        The geodata folder.
    profile
        How residents spread over the week.

    Raises
    ------
    DataError
        The table is missing or damaged.
    """
    frame = tables.table(folder, "residents")
    easting = frame["easting"].to_numpy(dtype=np.float64)
    northing = frame["northing"].to_numpy(dtype=np.float64)
    longitude, latitude = geodesy.to_wgs84(easting, northing)
    people = frame["residents"].to_numpy(dtype=np.float64)
    points = frame.assign(
        easting=easting,
        northing=northing,
        longitude=longitude,
        latitude=latitude,
        category="residents",
        month="",
        count=people,
        weight=people,
        exact=False,
    )
    return Demand(
        basis=Basis.RESIDENTS,
        points=points[list(COLUMNS)],
        profiles=profile.hours[None].copy(),
        profile_of=np.zeros(len(points), dtype=np.intp),
        accounts=Accounts(read=int(people.sum()), placed=int(people.sum())),
        profile_name=profile.name,
        profile_source=profile.source,
        tables=("residents", *profile.tables),
    )
