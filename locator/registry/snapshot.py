"""Turn the registry's rows into an immutable picture that lookups read."""

from collections.abc import Mapping
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
from sqlalchemy import Engine, select
from sqlalchemy.exc import SQLAlchemyError

from locator import geodesy
from locator.errors import RegistryError
from locator.hours import Calendar, Hours
from locator.registry import store
from locator.registry.schema import Kit, Status


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """What the registry knew at one version.

    Attributes
    ----------
    version
        Number of the edition.
    kits
        One row a kit in the order of references: the columns of the table ``kit`` and a
        point geometry (EPSG:27700), None where the position is not known.
    hours
        Opening hours by text, each compiled once.
    calendar
        Local time and holidays.
    """

    version: int
    kits: gpd.GeoDataFrame
    hours: Mapping[str, Hours]
    calendar: Calendar

    @property
    def placed(self) -> gpd.GeoDataFrame:
        """Kits with a position."""
        return self.kits[self.kits.geometry.notna()]

    @property
    def in_service(self) -> gpd.GeoDataFrame:
        """Kits with a position that are said to be installed."""
        placed = self.placed
        return placed[placed["status"] == Status.INSTALLED]


def take(engine: Engine, calendar: Calendar) -> Snapshot:
    """Read the whole registry once.

    Parameters
    ----------
    engine
        From :func:`locator.registry.store.open_registry`.
    calendar
        Of the area.

    Raises
    ------
    OpeningHoursError
        A kit has hours that are not in OSM syntax.
    RegistryError
        The database cannot be read.
    """
    columns = [column.name for column in Kit.__table__.columns]
    version = store.version(engine)
    try:
        with engine.connect() as connection:
            rows = connection.execute(select(Kit.__table__).order_by(Kit.reference)).all()
    except SQLAlchemyError as error:
        msg = f"The registry cannot be read: {error}"
        raise RegistryError(msg) from error
    frame = pd.DataFrame([tuple(row) for row in rows], columns=columns)
    at = frame[["longitude", "latitude"]].to_numpy(dtype=np.float64, na_value=np.nan)
    easting, northing = geodesy.to_bng(at[:, 0].copy(), at[:, 1].copy())
    points = gpd.points_from_xy(easting, northing)
    points[np.isnan(easting)] = None
    kits = gpd.GeoDataFrame(frame, geometry=points, crs=geodesy.BNG)
    hours = {text: Hours(text, calendar) for text in kits["opening_hours"].unique()}
    return Snapshot(version, kits, hours, calendar)
