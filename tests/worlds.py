"""Small worlds of kits and demand, in which everything can be counted by hand."""

import dataclasses
import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
from hypothesis import strategies as st

from locator import geodesy
from locator.demand import Accounts, Basis, Demand
from locator.facts import Facts
from locator.hours import Hours
from locator.registry.snapshot import Snapshot
from locator.travel.journey import Travel
from locator.travel.network import Detour
from locator.travel.pace import Pace

CORNER = (475_000.0, 260_000.0)  # EPSG:27700, in Northampton
DAY = dt.date(2026, 6, 10)  # a Wednesday in a week without holidays
TRAVEL = Travel(Pace(1.27, 1.8, 3.0, 60.0), Detour(1.1, 1.4, 2.0, "a test"))

# what hours mean, told apart from the library that reads them: weekday and hour -> state
HOURS: dict[str, Callable[[int, int], str]] = {
    "24/7": lambda _day, _hour: "open",
    "": lambda _day, _hour: "unknown",
    "Mo-Fr 08:00-18:00": lambda day, hour: "open" if day < 5 and 8 <= hour < 18 else "closed",
    "Mo-Su 18:00-24:00": lambda _day, hour: "open" if hour >= 18 else "closed",
    'Mo-Su 09:00-17:00 "ask"': lambda _day, hour: "unknown" if 9 <= hour < 17 else "closed",
}


@dataclass(frozen=True)
class SmallKit:
    """A kit of a small world; metres from the corner."""

    x: int
    y: int
    hours: str = "24/7"
    status: str = "installed"

    @property
    def serving(self) -> bool:
        return self.status == "installed"

    def state(self, hour: int) -> str:
        return HOURS[self.hours](hour // 24, hour % 24)


@dataclass(frozen=True)
class SmallRow:
    """A row of demand; metres from the corner, and where in ``PROFILES`` its hours are."""

    x: int
    y: int
    count: int = 1
    each: float = 1.0
    lsoa: str = "L1"
    category: str = "Robbery"
    month: str = "2025-01"
    profile: int = 0

    @property
    def weight(self) -> float:
        return self.count * self.each

    def near(self, kit: SmallKit, metres: float) -> bool:
        return (self.x - kit.x) ** 2 + (self.y - kit.y) ** 2 <= metres**2


def _one_hour(hour: int) -> np.ndarray:
    row = np.zeros(168)
    row[hour] = 1
    return row


def _nightly() -> np.ndarray:
    row = np.tile(np.where((np.arange(24) >= 22) | (np.arange(24) < 6), 3.0, 1.0), 7)
    return np.asarray(row / row.sum())


# even, more at night, Monday 10 to 11, Saturday 23 to 24
PROFILES = np.stack([np.full(168, 1 / 168), _nightly(), _one_hour(10), _one_hour(5 * 24 + 23)])

NEIGHBOURHOODS = pd.DataFrame(
    {
        "code": ["L1", "L2", "L3"],
        "name": ["Town 001A", "Town 001B", "Town 002A"],
        "authority": ["A1", "A1", "A2"],
        "ward": ["W1", "W1", "W2"],
        "ward_name": ["Castle", "Castle", "Abbey"],
        "residents": [1000, 2000, 1500],
        "imd_decile": [1, 4, 9],
    }
)


@dataclass(frozen=True)
class World:
    """Kits and demand."""

    kits: tuple[SmallKit, ...]
    rows: tuple[SmallRow, ...]

    @property
    def demand(self) -> Demand:
        return demand(self.rows)

    def snapshot(self, facts: Facts) -> Snapshot:
        return snapshot(facts, self.kits)


def snapshot(facts: Facts, kits: Sequence[SmallKit]) -> Snapshot:
    """Put kits into a picture of the registry; all else is as in the county's."""
    real = facts.snapshot()
    x = np.array([CORNER[0] + kit.x for kit in kits], dtype=np.float64)
    y = np.array([CORNER[1] + kit.y for kit in kits], dtype=np.float64)
    lon, lat = geodesy.to_wgs84(x, y) if len(kits) else (x, y)
    frame = pd.DataFrame(
        {
            "reference": [f"T-{number:02}" for number in range(len(kits))],
            "name": [f"Kit {number}" for number in range(len(kits))],
            "kind": "cabinet",
            "opening_hours": [kit.hours for kit in kits],
            "status": [kit.status for kit in kits],
            "longitude": lon,
            "latitude": lat,
            "precision_m": 5.0,
        }
    )
    placed = gpd.GeoDataFrame(frame, geometry=gpd.points_from_xy(x, y), crs=geodesy.BNG)
    hours = {text: Hours(text, real.calendar) for text in placed["opening_hours"].unique()}
    return dataclasses.replace(real, kits=placed, hours=hours)


def demand(rows: Sequence[SmallRow], basis: Basis = Basis.INCIDENTS) -> Demand:
    """Make demand of rows."""
    x = np.array([CORNER[0] + row.x for row in rows], dtype=np.float64)
    y = np.array([CORNER[1] + row.y for row in rows], dtype=np.float64)
    lon, lat = geodesy.to_wgs84(x, y) if len(rows) else (x, y)
    points = pd.DataFrame(
        {
            "easting": x,
            "northing": y,
            "longitude": lon,
            "latitude": lat,
            "lsoa": pd.Series([row.lsoa for row in rows], dtype=object),
            "category": pd.Series([row.category for row in rows], dtype=object),
            "month": pd.Series([row.month for row in rows], dtype=object),
            "count": np.array([row.count for row in rows], dtype=np.float64),
            "weight": np.array([row.weight for row in rows], dtype=np.float64),
            "exact": np.array([row.profile >= 2 for row in rows], dtype=np.bool_),
        }
    )
    records = sum(row.count for row in rows)
    return Demand(
        basis=basis,
        points=points,
        profiles=PROFILES,
        profile_of=np.array([row.profile for row in rows], dtype=np.intp),
        accounts=Accounts(read=records, placed=records),
        profile_name="even",
        profile_source="a test",
        tables=(),
    )


# steps of 200 m, so that many distances are exactly the standard
_STEP = st.integers(0, 8).map(lambda step: 200 * step)
SMALL_KITS = st.builds(
    SmallKit,
    _STEP,
    _STEP,
    st.sampled_from(list(HOURS)),
    st.sampled_from(["installed", "installed", "installed", "planned", "damaged"]),
)
SMALL_ROWS = st.builds(
    SmallRow,
    _STEP,
    _STEP,
    st.integers(1, 5),
    st.sampled_from([1.0, 2.0, 0.5]),
    st.sampled_from(["L1", "L2", "L3", "elsewhere"]),
    st.sampled_from(["Robbery", "Possession of weapons"]),
    st.sampled_from(["2025-01", "2025-02"]),
    st.integers(0, 3),
)


def worlds(*, kits: int = 5, rows: int = 8) -> st.SearchStrategy[World]:
    """Draw worlds with at most so many kits and at least one row of demand."""
    return st.builds(
        World,
        st.lists(SMALL_KITS, max_size=kits).map(tuple),
        st.lists(SMALL_ROWS, min_size=1, max_size=rows).map(tuple),
    )
