"""Count who and what lies out of reach of every kit, and where."""

import datetime as dt
from dataclasses import dataclass

import geopandas as gpd
import h3
import numpy as np
import pandas as pd
import shapely

from locator import geodesy
from locator.demand import Incidents
from locator.hours import ALWAYS, State
from locator.registry.snapshot import Snapshot
from locator.travel.index import PointIndex

# H3 cells of resolution 8 are about 0.74 km2: an area, never a place
CELL_RESOLUTION = 8
# a cell with fewer records than this is not drawn
CELL_MINIMUM = 10


@dataclass(frozen=True, slots=True, eq=False)
class Coverage:
    """Incidents and residents within and beyond a service standard.

    Attributes
    ----------
    within_m
        The standard, straight-line metres.
    at
        The instant for which opening hours were counted; None: every kit in service counts,
        whatever its hours ("as on paper").
    kits
        The kits that were counted (EPSG:27700).
    hours_not_known
        Kits in service left out because nobody knows whether they are open at ``at``.
    records
        All records: those within, beyond, without a position and outside the area.
    beyond, within
        Records placed in the area, by the standard.
    without_position, outside
        Records that cannot be placed, and records outside the area.
    by_category, by_authority, by_decile
        ``records``, ``beyond`` and ``share_beyond`` for each group.
    cells
        H3 cells (EPSG:4326) with ``records`` beyond the standard, at least
        :data:`CELL_MINIMUM` each.
    in_small_cells
        Records beyond the standard in cells that are not drawn.
    lsoas
        ``code``, ``name``, ``residents``, ``imd_decile``, ``records``, ``beyond`` and
        ``nearest_m`` (metres from the centre to the nearest counted kit) for each LSOA.
    residents, residents_beyond
        People, all and in LSOAs whose centre lies beyond the standard.
    rough_kits
        Counted kits whose position is known less exactly than the standard.
    months
        First and last month of the records.
    version
        Of the registry.
    """

    within_m: float
    at: dt.datetime | None
    kits: gpd.GeoDataFrame
    hours_not_known: int
    records: int
    beyond: int
    within: int
    without_position: int
    outside: int
    by_category: pd.DataFrame
    by_authority: pd.DataFrame
    by_decile: pd.DataFrame
    cells: gpd.GeoDataFrame
    in_small_cells: int
    lsoas: pd.DataFrame
    residents: int
    residents_beyond: int
    rough_kits: int
    months: tuple[str, str]
    version: int

    @property
    def share_beyond(self) -> float:
        """Share of the placed records that lie beyond the standard."""
        placed = self.beyond + self.within
        return self.beyond / placed if placed else 0.0

    def as_dict(self) -> dict[str, object]:
        """Give the figures as plain values for JSON; cells and LSOAs are left to the map."""
        return {
            "data": "published, unconfirmed kits",
            "within_m": self.within_m,
            "at": self.at.isoformat() if self.at else None,
            "kits_counted": len(self.kits),
            "kits_placed_roughly": self.rough_kits,
            "kits_hours_not_known": self.hours_not_known,
            "months": list(self.months),
            "records": self.records,
            "beyond": self.beyond,
            "within": self.within,
            "share_beyond": round(self.share_beyond, 4),
            "without_position": self.without_position,
            "outside_area": self.outside,
            "residents": self.residents,
            "residents_beyond": self.residents_beyond,
            "by_category": self.by_category.to_dict("records"),
            "by_authority": self.by_authority.to_dict("records"),
            "by_imd_decile": self.by_decile.to_dict("records"),
            "registry_version": self.version,
        }


def coverage(
    snapshot: Snapshot,
    incidents: Incidents,
    residents: pd.DataFrame,
    *,
    within_m: float,
    at: dt.datetime | None = None,
    only_always_open: bool = False,
) -> Coverage:
    """Count incidents and residents beyond a straight-line distance from every kit.

    Parameters
    ----------
    snapshot
        What is known of kits.
    incidents
        From :func:`locator.demand.incidents`.
    residents
        From :func:`locator.demand.residents`.
    within_m
        The service standard in straight-line metres on the National Grid; exactly at the
        standard counts as within.
    at
        Count only kits known to be open at this instant; None counts all in service.
    only_always_open
        Count only kits whose hours are 24/7.

    Returns
    -------
    coverage
        Every record is in exactly one of ``within``, ``beyond``, ``without_position`` and
        ``outside``.
    """
    kits = snapshot.in_service
    hours_not_known = 0
    if at is not None:
        states = {text: hours.at(at).state for text, hours in snapshot.hours.items()}
        state = kits["opening_hours"].map(states)
        hours_not_known = int((state == State.UNKNOWN).sum())
        kits = kits[state == State.OPEN]
    if only_always_open:
        kits = kits[kits["opening_hours"] == ALWAYS]
    placed = incidents.placed
    far = _nearest_m(placed, kits) > within_m
    records = placed["records"].to_numpy()
    counted = placed.assign(beyond=np.where(far, records, 0))
    lsoas = _by_lsoa(counted, residents, kits)
    counted = counted.merge(
        lsoas[["code", "imd_decile", "authority"]], left_on="lsoa", right_on="code"
    )
    cells, in_small_cells = _cells(counted)
    beyond_people = lsoas.loc[lsoas["nearest_m"] > within_m, "residents"]
    return Coverage(
        within_m=within_m,
        at=at,
        kits=kits,
        hours_not_known=hours_not_known,
        records=incidents.total,
        beyond=int(records[far].sum()),
        within=int(records[~far].sum()),
        without_position=incidents.without_position,
        outside=incidents.outside,
        by_category=_shares(counted, "category"),
        by_authority=_shares(counted, "authority"),
        by_decile=_shares(counted, "imd_decile"),
        cells=cells,
        in_small_cells=in_small_cells,
        lsoas=lsoas,
        residents=int(lsoas["residents"].sum()),
        residents_beyond=int(beyond_people.sum()),
        rough_kits=int((kits["precision_m"] > within_m).sum()),
        months=incidents.months,
        version=snapshot.version,
    )


def _nearest_m(points: pd.DataFrame, kits: gpd.GeoDataFrame) -> geodesy.type_floats:
    index = PointIndex(shapely.get_coordinates(kits.geometry.array))
    return index.nearest_many(points[["easting", "northing"]].to_numpy())[0]


def _shares(counted: pd.DataFrame, column: str) -> pd.DataFrame:
    sums = counted.groupby(column)[["records", "beyond"]].sum().reset_index()
    return sums.assign(share_beyond=sums["beyond"] / sums["records"])


def _by_lsoa(
    counted: pd.DataFrame, residents: pd.DataFrame, kits: gpd.GeoDataFrame
) -> pd.DataFrame:
    sums = counted.groupby("lsoa")[["records", "beyond"]].sum()
    frame = residents.merge(sums, left_on="code", right_index=True, how="left")
    frame[["records", "beyond"]] = frame[["records", "beyond"]].fillna(0).astype(int)
    return frame.assign(nearest_m=_nearest_m(frame, kits))


def _cells(counted: pd.DataFrame) -> tuple[gpd.GeoDataFrame, int]:
    far = counted[counted["beyond"] > 0]
    places = far.groupby(["longitude", "latitude"])["beyond"].sum().reset_index()
    cell = [
        h3.latlng_to_cell(lat, lon, CELL_RESOLUTION)
        for lon, lat in zip(places["longitude"], places["latitude"], strict=True)
    ]
    sums = places["beyond"].groupby(pd.Series(cell, index=places.index, dtype=object)).sum()
    drawn = sums[sums >= CELL_MINIMUM].sort_values(ascending=False)
    outlines = [shapely.Polygon([xy[::-1] for xy in h3.cell_to_boundary(c)]) for c in drawn.index]
    cells = gpd.GeoDataFrame(
        {"cell": drawn.index.astype(str), "records": drawn.to_numpy()},
        geometry=outlines,
        crs=geodesy.WGS84,
    )
    return cells, int(sums.sum() - drawn.sum())
