"""Find the kits to fetch: nearest first, those that can be reached before all others."""

import datetime as dt
from collections.abc import Mapping

import geopandas as gpd
import numpy as np
import numpy.typing as npt

from locator import geodesy
from locator.analysis.fetch import Answer, Availability, Fetch, Span, Standing, checked
from locator.hours import Opening, State
from locator.places import Position
from locator.registry.snapshot import Snapshot
from locator.travel.straight import Straight

# planar distances on the National Grid are within 0.04 % of the geodesic
_GRID_SLACK = 1.002


def nearest(
    snapshot: Snapshot,
    position: Position,
    travel: Straight,
    *,
    at: dt.datetime,
    count: int = 5,
) -> Answer:
    """Rank kits by the time that fetching them takes.

    Parameters
    ----------
    snapshot
        What is known.
    position
        Where the casualty is.
    travel
        How to turn metres into seconds.
    at
        The instant, with a time zone.
    count
        At most this many kits in each list.

    Returns
    -------
    answer
        Equal to a search through all kits by geodesic distance.

    Raises
    ------
    OutsideGreatBritainError
        The position is not in Great Britain.
    """
    planar = np.hypot(*(snapshot.grid - geodesy.to_bng(position.lon, position.lat)).T)
    openings = {text: hours.at(at) for text, hours in snapshot.hours.items()}
    # who walks, from the far side of the uncertainty, after the call: too late is not reachable
    blur = snapshot.placed["precision_m"].to_numpy(dtype=np.float64) + position.precision_m
    arrival_s = travel.overhead_s + travel.one_way_s(planar + blur, travel.walk_m_per_s)
    codes = _availability_codes(snapshot, openings, at, arrival_s)

    def ranked(*wanted: Availability) -> tuple[Fetch, ...]:
        rows = np.flatnonzero(np.isin(codes, [_STATES.index(state) for state in wanted]))
        if len(rows) > count:
            reach = np.partition(planar[rows], count - 1)[count - 1] * _GRID_SLACK + 1
            rows = rows[planar[rows] <= reach]
        chosen = snapshot.placed.iloc[rows]
        exact = geodesy.geodesic_m(
            position.lon,
            position.lat,
            chosen["longitude"].to_numpy(dtype=np.float64),
            chosen["latitude"].to_numpy(dtype=np.float64),
        )
        order = np.argsort(exact, kind="stable")[:count]
        kits = _rows(chosen.iloc[order])
        return tuple(
            _fetch(
                kit,
                _standing(snapshot, kit, _STATES[codes[rows[i]]], at),
                float(exact[i]),
                position,
                openings,
                travel,
            )
            for kit, i in zip(kits, order, strict=True)
        )

    unplaced = snapshot.kits[snapshot.kits.geometry.isna()]
    return Answer(
        position=position,
        at=at.astimezone(snapshot.calendar.zone),
        reachable=ranked(Availability.OPEN),
        unknown=ranked(Availability.UNKNOWN_HOURS),
        unavailable=ranked(Availability.CLOSING, Availability.CLOSED, Availability.OUT_OF_SERVICE),
        unplaced=tuple(
            Fetch(
                kit,
                _standing(snapshot, kit, Availability.UNPLACED, at),
                openings[str(kit["opening_hours"])],
            )
            for kit in _rows(unplaced)
        ),
        version=snapshot.version,
        travel=travel,
    )


def overview(snapshot: Snapshot, at: dt.datetime) -> list[Fetch]:
    """Tell for every kit whether it can be reached at an instant, travel left aside.

    Returns
    -------
    fetches
        In the order of the snapshot's kits, without distance and times.
    """
    openings = {text: hours.at(at) for text, hours in snapshot.hours.items()}
    states = dict(zip(snapshot.placed["reference"], _availabilities(snapshot, at), strict=True))
    return [
        Fetch(
            kit,
            _standing(snapshot, kit, states.get(str(kit["reference"]), Availability.UNPLACED), at),
            openings[str(kit["opening_hours"])],
        )
        for kit in _rows(snapshot.kits)
    ]


def standings(snapshot: Snapshot, at: dt.datetime) -> list[Standing]:
    """Tell for each placed kit how it stands at an instant, travel left aside."""
    return [
        _standing(snapshot, kit, availability, at)
        for kit, availability in zip(
            _rows(snapshot.placed[["last_checked", "expires_on", "geometry"]]),
            _availabilities(snapshot, at),
            strict=True,
        )
    ]


def _availabilities(snapshot: Snapshot, at: dt.datetime) -> list[Availability]:
    openings = {text: hours.at(at) for text, hours in snapshot.hours.items()}
    codes = _availability_codes(snapshot, openings, at, np.zeros(len(snapshot.grid)))
    return [_STATES[code] for code in codes]


def _standing(
    snapshot: Snapshot, kit: Mapping[str, object], availability: Availability, at: dt.datetime
) -> Standing:
    day = at.astimezone(snapshot.calendar.zone).date()
    last, expires = (_day(kit[column]) for column in ("last_checked", "expires_on"))
    return Standing(availability, checked(last, expires, day, snapshot.check_valid_days))


def _day(value: object) -> dt.date | None:
    return value if isinstance(value, dt.date) else None


def _rows(kits: gpd.GeoDataFrame) -> list[Mapping[str, object]]:
    columns = [column for column in kits.columns if column != kits.geometry.name]
    values = zip(*(kits[column].to_list() for column in columns), strict=True)
    return [dict(zip(columns, row, strict=True)) for row in values]


_STATES = tuple(Availability)
_BY_HOURS = {
    State.OPEN: Availability.OPEN,
    State.CLOSED: Availability.CLOSED,
    State.UNKNOWN: Availability.UNKNOWN_HOURS,
}


def _availability_codes(
    snapshot: Snapshot,
    openings: Mapping[str, Opening],
    at: dt.datetime,
    arrival_s: geodesy.type_floats,
) -> npt.NDArray[np.int8]:
    """Give the availability of each placed kit as its number in :class:`Availability`."""
    told = [openings[text] for text in snapshot.hours]
    by_text = np.array([_STATES.index(_BY_HOURS[o.state]) for o in told], dtype=np.int8)
    # two times of one zone subtract as wall clocks, an hour off when the clocks change
    ends = np.array([o.until.timestamp() if o.until else np.inf for o in told])
    codes = by_text[snapshot.hours_of]
    too_late = ends[snapshot.hours_of] - at.timestamp() < arrival_s
    codes[(codes == _STATES.index(Availability.OPEN)) & too_late] = _STATES.index(
        Availability.CLOSING
    )
    codes[~snapshot.installed] = _STATES.index(Availability.OUT_OF_SERVICE)
    return codes


def _fetch(
    kit: Mapping[str, object],
    standing: Standing,
    distance_m: float,
    position: Position,
    openings: dict[str, Opening],
    travel: Straight,
) -> Fetch:
    blur = position.precision_m + float(str(kit["precision_m"]))
    ends = np.array([max(distance_m - blur, 0.0), distance_m + blur])

    def span(m_per_s: float) -> Span:
        low, high = travel.fetch_s(ends, m_per_s)
        return Span(float(low), float(high))

    return Fetch(
        kit=kit,
        standing=standing,
        opening=openings[str(kit["opening_hours"])],
        distance_m=distance_m,
        walk=span(travel.walk_m_per_s),
        run=span(travel.run_m_per_s),
    )
