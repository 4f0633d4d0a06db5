"""Read incidents and residents as weighted demand points."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from locator import geodesy, tables
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


def residents(folder: Path) -> pd.DataFrame:
    """Read residents by LSOA 2021 with National Grid positions.

    Returns
    -------
    frame
        ``code``, ``name``, ``authority``, ``residents`` (people), ``imd_decile`` (1 is the
        most deprived tenth of England), ``longitude``, ``latitude``, ``easting``, ``northing``.

    Raises
    ------
    DataError
        The table is missing or damaged.
    """
    frame = tables.table(folder, "lsoa")
    easting, northing = geodesy.to_bng(frame["longitude"].to_numpy(), frame["latitude"].to_numpy())
    return frame.assign(easting=easting, northing=northing)
