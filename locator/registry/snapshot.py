"""Turn the registry's rows into an immutable picture that lookups read."""

import datetime as dt
import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from sqlalchemy import Connection, Engine, select

from locator import geodesy
from locator.hours import Calendar, Hours, week
from locator.registry import store
from locator.registry.schema import Candidate, Kit, Status, table_of


@dataclass(frozen=True, eq=False)
class Snapshot:
    """What the registry knew at one version.

    Attributes
    ----------
    version
        Number of the edition.
    kits
        One row a kit in the order of references, without withdrawn ones: the public columns of
        the table ``kit`` and a point geometry (EPSG:27700), None where the position is not
        known. What is private never gets here.
    hours
        Opening hours by text, each compiled once.
    calendar
        Local time and holidays.
    check_valid_days
        For how long a check confirms a kit.
    """

    version: int
    kits: gpd.GeoDataFrame
    hours: Mapping[str, Hours]
    calendar: Calendar
    check_valid_days: int

    @functools.cached_property
    def placed(self) -> gpd.GeoDataFrame:
        """Kits with a position."""
        return self.kits.iloc[self.placed_rows]

    @functools.cached_property
    def placed_rows(self) -> npt.NDArray[np.intp]:
        """Rows of the placed kits in ``kits``, shape ``(n,)``."""
        return np.flatnonzero(self.kits.geometry.notna())

    @functools.cached_property
    def unplaced(self) -> list[Mapping[str, object]]:
        """Kits without a position, by column."""
        return self.records(np.flatnonzero(self.kits.geometry.isna()))

    def records(self, rows: npt.NDArray[np.intp]) -> list[Mapping[str, object]]:
        """Give some rows of ``kits`` by column, without their geometry."""
        columns = [values[rows].tolist() for values in self._values.values()]
        return [dict(zip(self._values, row, strict=True)) for row in zip(*columns, strict=True)]

    @functools.cached_property
    def _values(self) -> dict[str, npt.NDArray[np.object_]]:
        """Columns as plain values: taking a few rows out of a frame takes milliseconds."""
        plain = {}
        for column in self.kits.columns.drop(self.kits.geometry.name):
            values = np.empty(len(self.kits), dtype=np.object_)
            values[:] = self.kits[column].to_list()
            plain[column] = values
        return plain

    @functools.cached_property
    def in_service(self) -> gpd.GeoDataFrame:
        """Kits with a position that are said to be installed."""
        return self.placed[self.installed]

    @functools.cached_property
    def grid(self) -> geodesy.type_floats:
        """Easting and northing of the placed kits (EPSG:27700 metres), shape ``(n, 2)``."""
        return np.asarray(shapely.get_coordinates(self.placed.geometry.array))

    @functools.cached_property
    def degrees(self) -> geodesy.type_floats:
        """Longitude and latitude of the placed kits (EPSG:4326), shape ``(n, 2)``."""
        return np.asarray(self.placed[["longitude", "latitude"]], dtype=np.float64)

    @functools.cached_property
    def precision_m(self) -> geodesy.type_floats:
        """How far each placed kit may lie from its position, metres, shape ``(n,)``."""
        return np.asarray(self.placed["precision_m"], dtype=np.float64)

    @functools.cached_property
    def installed(self) -> npt.NDArray[np.bool_]:
        """Which placed kits are said to be installed, shape ``(n,)``."""
        return np.asarray(self.placed["status"] == Status.INSTALLED, dtype=np.bool_)

    def week(self, day: dt.date, *, best: bool = False) -> npt.NDArray[np.int8]:
        """Tell how each placed kit stands in each hour of the week that holds a day.

        Parameters
        ----------
        day
            Any day of the week.
        best
            Let the best state of an hour count, not its worst.

        Returns
        -------
        codes
            Shape ``(n, 168)``, as :func:`locator.hours.week` has them; equal texts are worked
            out once.
        """
        return week(self.hours.values(), day, self.calendar, best=best)[self.hours_of]

    @functools.cached_property
    def hours_of(self) -> npt.NDArray[np.intp]:
        """Number of each placed kit's text in the order of ``hours``, shape ``(n,)``."""
        order = pd.Index(list(self.hours))
        return np.asarray(order.get_indexer(pd.Index(self.placed["opening_hours"])))


def public_columns() -> list[str]:
    """List the columns of a kit that may leave the registry, in their order."""
    return [column.name for column in table_of(Kit).columns if not column.info.get("private")]


def public_kits(connection: Connection) -> list[dict[str, Any]]:
    """Read the public columns of every kit that is not withdrawn, in the order of references."""
    table = table_of(Kit)
    wanted = (
        select(*(table.c[name] for name in public_columns()))
        .where(table.c.status != Status.WITHDRAWN)
        .order_by(table.c.reference)
    )
    return [dict(row) for row in connection.execute(wanted).mappings()]


_OF_A_SITE = ("reference", "name", "kind", "longitude", "latitude", "precision_m", "decision")


def candidate_sites(engine: Engine) -> list[dict[str, Any]]:
    """Read every candidate site in the order of references: what it is, where, and decided how.

    Raises
    ------
    RegistryError
        The database cannot be read.
    """
    columns = table_of(Candidate).columns
    wanted = select(*(columns[name] for name in _OF_A_SITE)).order_by(columns["reference"])
    with store.reading(engine) as connection:
        return [dict(row) for row in connection.execute(wanted).mappings()]


def take(engine: Engine, calendar: Calendar, check_valid_days: int) -> Snapshot:
    """Read the whole registry once.

    Parameters
    ----------
    engine
        From :func:`locator.registry.store.open_registry`.
    calendar
        Of the area.
    check_valid_days
        For how long a check confirms a kit.

    Raises
    ------
    OpeningHoursError
        A kit has hours that are not in OSM syntax.
    RegistryError
        The database cannot be read.
    """
    with store.reading(engine) as connection:
        version = store.newest(connection)
        rows = public_kits(connection)
    frame = pd.DataFrame(rows, columns=public_columns())
    for column in _DAYS:
        frame[column] = pd.Series([row[column] for row in rows], dtype=object)
    at = frame[["longitude", "latitude"]].to_numpy(dtype=np.float64, na_value=np.nan)
    easting, northing = geodesy.to_bng(at[:, 0].copy(), at[:, 1].copy())
    points = gpd.points_from_xy(easting, northing)
    points[np.isnan(easting)] = None
    kits = gpd.GeoDataFrame(frame, geometry=points, crs=geodesy.BNG)
    hours = {text: Hours(text, calendar) for text in kits["opening_hours"].unique()}
    return Snapshot(version, kits, hours, calendar, check_valid_days)


_DAYS = ("installed_on", "expires_on", "last_checked")
