"""Read partners' incidents, whose time may be known, as demand."""

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from locator import geodesy
from locator.demand.area import Homes
from locator.demand.points import (
    COLUMNS,
    NOTHING,
    THE_HOUR,
    Accounts,
    Basis,
    Demand,
    hours_of,
    weighed,
)
from locator.demand.profile import HOURS, Profile

_EXACT = ("minute", "hour")
_DAY_HOURS = 24
_NOTE = (
    "An incident may stand both in the police records and in a partner's list: the police give "
    "neither its number nor its day, so this cannot be known."
)


def hour_of_week(moment: dt.datetime) -> int:
    """Tell the hour of the week of a local time; 0 is Monday 00:00 to 01:00.

    The hour that comes twice when clocks go back is one hour of the week.
    """
    return moment.weekday() * _DAY_HOURS + moment.hour


def partners(
    rows: Sequence[Mapping[str, Any]],
    folder: Path,
    profile: Profile,
    weights: Mapping[str, float],
) -> Demand:
    """Turn incidents of the registry into demand.

    An incident whose minute or hour is known counts in that hour of the week. Of one whose day
    is known the profile within that day is assumed, of any other the whole profile.

    Parameters
    ----------
    rows
        With ``category``, ``happened_at`` (local time), ``time_precision``, ``longitude`` and
        ``latitude`` (EPSG:4326), as the registry keeps them.
    folder
        The geodata folder.
    profile
        Stands for what is not known of the hours.
    weights
        Category -> weight of one incident; a category that is not named weighs 1.

    Raises
    ------
    DataError
        A table of the geodata folder is missing or damaged.
    """
    columns = ["category", "happened_at", "time_precision", "longitude", "latitude"]
    frame = pd.DataFrame([{name: row[name] for name in columns} for row in rows], columns=columns)
    longitude = frame["longitude"].to_numpy(dtype=np.float64)
    easting, northing = geodesy.to_bng(longitude, frame["latitude"].to_numpy(dtype=np.float64))
    frame["lsoa"] = Homes.of(folder).lsoa_at(easting, northing)
    inside = (frame["lsoa"] != "").to_numpy(dtype=np.bool_)
    frame = frame.assign(easting=easting, northing=northing)[inside].reset_index(drop=True)
    moments = [pd.Timestamp(moment).to_pydatetime() for moment in frame["happened_at"]]
    precisions = frame["time_precision"].tolist()
    points = frame.assign(
        category=frame["category"].where(frame["category"] != "", "not said").astype(object),
        month=[
            "" if precision == "year" else f"{moment:%Y-%m}"
            for moment, precision in zip(moments, precisions, strict=True)
        ],
        count=1.0,
        exact=[precision in _EXACT for precision in precisions],
    )
    points = points.assign(weight=weighed(points, weights))
    codes = np.array(
        [_code(moment, precision) for moment, precision in zip(moments, precisions, strict=True)],
        dtype=np.int64,
    )
    used, profile_of = np.unique(codes, return_inverse=True)
    assumes = bool((used < THE_HOUR).any())
    return Demand(
        basis=Basis.INCIDENTS,
        points=points[list(COLUMNS)],
        profiles=np.array([_row(int(code), profile) for code in used]).reshape(-1, HOURS),
        profile_of=profile_of.astype(np.intp),
        accounts=Accounts(read=len(rows), placed=int(inside.sum()), outside=int((~inside).sum())),
        profile_name=profile.name if assumes else "",
        profile_source=profile.source if assumes else "",
        tables=profile.tables if assumes else (),
        notes=(_NOTE,),
        known=np.minimum(used, THE_HOUR).astype(np.int8),
    ).aggregated()


def _code(moment: dt.datetime, precision: str) -> int:
    """Give a number to what is known of the hours: nothing, the day, from 7 on the hour."""
    if precision in _EXACT:
        return THE_HOUR + hour_of_week(moment)
    return moment.weekday() if precision == "day" else NOTHING


def _row(code: int, profile: Profile) -> np.ndarray:
    return np.eye(HOURS)[code - THE_HOUR] if code >= THE_HOUR else hours_of(profile, code)
