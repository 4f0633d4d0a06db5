"""Turn the registry's rows into an immutable picture that lookups read."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from sqlalchemy import Engine, select
from sqlalchemy.exc import SQLAlchemyError

from locator import geodesy
from locator.errors import RegistryError
from locator.hours import Calendar, Hours
from locator.registry import store
from locator.registry.schema import Kit, Status


@dataclass(frozen=True, eq=False)
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

    @functools.cached_property
    def placed(self) -> gpd.GeoDataFrame:
        """Kits with a position."""
        return self.kits[self.kits.geometry.notna()]

    @functools.cached_property
    def in_service(self) -> gpd.GeoDataFrame:
        """Kits with a position that are said to be installed."""
        return self.placed[self.installed]

    @functools.cached_property
    def grid(self) -> geodesy.type_floats:
        """Easting and northing of the placed kits (EPSG:27700 metres), shape ``(n, 2)``."""
        return np.asarray(shapely.get_coordinates(self.placed.geometry.array))

    @functools.cached_property
    def installed(self) -> npt.NDArray[np.bool_]:
        """Which placed kits are said to be installed, shape ``(n,)``."""
        return np.asarray(self.placed["status"] == Status.INSTALLED, dtype=np.bool_)

    @functools.cached_property
    def hours_of(self) -> npt.NDArray[np.intp]:
        """Number of each placed kit's text in the order of ``hours``, shape ``(n,)``."""
        order = pd.Index(list(self.hours))
        return np.asarray(order.get_indexer(pd.Index(self.placed["opening_hours"])))


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
