"""Read police records as demand."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from locator import geodesy, tables
from locator.demand.points import COLUMNS, Accounts, Basis, Demand, weighed
from locator.demand.profile import Profile
from locator.errors import DataError

# The categories of data.police.uk in which serious bleeding is most likely. They are far
# wider than stabbings: the open records carry no knife flag, day or hour.
SERIOUS_CATEGORIES = (
    "Possession of weapons",
    "Robbery",
    "Violence and sexual offences",
)

_POLICE_COLUMNS = {
    "Month": "month",
    "Crime type": "category",
    "Longitude": "longitude",
    "Latitude": "latitude",
    "Location": "location",
    "LSOA code": "lsoa",
}


def read_police_csv(path: Path) -> pd.DataFrame:
    """Read one street-level file of data.police.uk.

    Parameters
    ----------
    path
        A ``YYYY-MM-force-street.csv``, gzipped or not.

    Returns
    -------
    records
        Columns ``month``, ``category``, ``longitude``, ``latitude`` (EPSG:4326 degrees, NaN
        where the police give none), ``location`` and ``lsoa`` (2021 code), one row a record.

    Raises
    ------
    DataError
        The file cannot be read or lacks a column.
    """
    try:
        frame = pd.read_csv(path, usecols=list(_POLICE_COLUMNS))
    except (OSError, ValueError) as error:
        msg = f"{path} is not a street-level file of data.police.uk: {error}"
        raise DataError(msg) from error
    return frame.rename(columns=_POLICE_COLUMNS)


@dataclass(frozen=True, slots=True)
class Incidents:
    """Police records of the area, with those that cannot be placed counted apart.

    Attributes
    ----------
    placed
        One row for each snapped point, month and category inside the area: ``month``,
        ``category``, ``lsoa``, ``longitude``, ``latitude`` (EPSG:4326), ``easting``,
        ``northing`` (EPSG:27700) and ``records`` (count).
    without_position
        Records for which the police give no coordinates.
    outside
        Records whose LSOA code is not one of the area's.
    """

    placed: pd.DataFrame
    without_position: int
    outside: int

    @property
    def total(self) -> int:
        """All records, placed or not."""
        return int(self.placed["records"].sum()) + self.without_position + self.outside

    @property
    def months(self) -> tuple[str, str]:
        """First and last month, as ``YYYY-MM``."""
        return str(self.placed["month"].min()), str(self.placed["month"].max())


def incidents(folder: Path) -> Incidents:
    """Read the table of incidents of a geodata folder.

    A record belongs to the area when its own LSOA code does: the police's snapped point lies
    in a neighbouring outline for one record in eight.

    Raises
    ------
    DataError
        The table is missing or damaged.
    """
    frame = tables.table(folder, "incidents")
    known = set(tables.table(folder, "lsoa")["code"])
    blank = frame["longitude"].isna()
    inside = frame["lsoa"].isin(known) & ~blank
    placed = frame[inside].reset_index(drop=True)
    easting, northing = geodesy.to_bng(
        placed["longitude"].to_numpy(), placed["latitude"].to_numpy()
    )
    return Incidents(
        placed=placed.assign(easting=easting, northing=northing),
        without_position=int(frame.loc[blank, "records"].sum()),
        outside=int(frame.loc[~inside & ~blank, "records"].sum()),
    )


def police_demand(folder: Path, profile: Profile, weights: Mapping[str, float]) -> Demand:
    """Read the police records of a geodata folder as demand.

    Parameters
    ----------
    folder
        The geodata folder.
    profile
        Stands for the hours, which the police do not give.
    weights
        Category -> weight of one record; a category that is not named weighs 1.

    Raises
    ------
    DataError
        The table is missing or damaged.
    """
    found = incidents(folder)
    points = found.placed.rename(columns={"records": "count"}).assign(exact=False)
    points = points.assign(count=points["count"].astype(np.float64))
    points = points.assign(weight=weighed(points, weights))
    return Demand(
        basis=Basis.INCIDENTS,
        points=points[list(COLUMNS)],
        profiles=profile.hours[None].copy(),
        profile_of=np.zeros(len(points), dtype=np.intp),
        accounts=Accounts(
            read=found.total,
            placed=int(found.placed["records"].sum()),
            without_position=found.without_position,
            outside=found.outside,
        ),
        profile_name=profile.name,
        profile_source=profile.source,
        tables=("incidents", "profile"),
    )
