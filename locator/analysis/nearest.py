"""Find the kits to fetch: nearest first, those that can be reached before all others."""

import datetime as dt
import functools
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from locator import geodesy
from locator.analysis.fetch import Answer, Availability, Fetch, Span, Standing, Way, checked
from locator.hours import Opening, State
from locator.places import Position
from locator.registry.snapshot import Snapshot
from locator.travel.directions import Route
from locator.travel.journey import Method, Travel, Ways
from locator.travel.pace import Pace
from locator.travel.streets import Snaps

# streets are searched as far as this first, then farther, then not at all: who would have to
# walk for longer than an hour is told no more than that
_REACHES_M = (1_500.0, 6_000.0)


def nearest(
    snapshot: Snapshot,
    position: Position,
    travel: Travel,
    *,
    at: dt.datetime,
    count: int = 5,
    routes: int = 3,
) -> Answer:
    """Rank kits by the time that fetching them takes.

    Parameters
    ----------
    snapshot
        What is known.
    position
        Where the casualty is.
    travel
        How far it is, and how long that takes.
    at
        The instant, with a time zone.
    count
        At most this many kits in each list.
    routes
        The way is described for so many kits that are open, that shut soon, and whose hours are
        not known.

    Returns
    -------
    answer
        In the order of walking metres: along streets where a network is loaded and both ends
        lie near a street, else estimated from the straight line.

    Raises
    ------
    OutsideGreatBritainError
        The position is not in Great Britain.
    """
    here = geodesy.to_bng(position.lon, position.lat)
    openings = {text: hours.at(at) for text, hours in snapshot.hours.items()}
    snaps = _snapped(travel, snapshot.ground)
    groups: list[list[int]] = []
    for reach_m in _REACHES_M:
        ways = travel.ways(
            here,
            position.precision_m,
            snapshot.grid,
            snapshot.precision_m,
            snaps,
            reach_m=reach_m,
        )
        # who walks, from the far side of the uncertainty, after the call: too late is shut
        arrival_s = travel.pace.arrival_s(ways.high_m, travel.pace.walk_m_per_s)
        codes = _availability_codes(snapshot, openings, at, arrival_s)
        listed_in = _GROUP_OF[codes]
        groups = [_first(ways.metres, listed_in == group, count) for group in range(len(_GROUPS))]
        if ways.tree is None or snaps is None or _settled(ways, snaps, groups, reach_m):
            break

    def fetches(rows: list[int], described: int = 0) -> tuple[Fetch, ...]:
        kits = snapshot.records(snapshot.placed_rows[rows])
        exact = geodesy.geodesic_m(position.lon, position.lat, *snapshot.degrees[rows].T.copy())
        return tuple(
            _fetch(
                kit,
                _standing(snapshot, kit, _STATES[codes[row]], at),
                openings[str(kit["opening_hours"])],
                float(distance_m),
                _way(ways, row),
                travel.pace,
                at=at,
                route=ways.route_to(row) if number < described else None,
            )
            for number, (kit, row, distance_m) in enumerate(zip(kits, rows, exact, strict=True))
        )

    return Answer(
        position=position,
        at=at.astimezone(snapshot.calendar.zone),
        reachable=fetches(groups[0], routes),
        closing=fetches(groups[1], routes),
        unknown=fetches(groups[2], routes),
        unavailable=fetches(groups[3]),
        unplaced=tuple(
            Fetch(
                kit,
                _standing(snapshot, kit, Availability.UNPLACED, at),
                openings[str(kit["opening_hours"])],
            )
            for kit in snapshot.unplaced
        ),
        version=snapshot.version,
        travel=travel,
    )


@functools.lru_cache(maxsize=4)
def _snapped(travel: Travel, snapshot: Snapshot) -> Snaps | None:
    """Find the streets next to the placed kits, once for each state of the registry."""
    return travel.snap(snapshot.grid)


def _first(
    metres: geodesy.type_floats, chosen_from: npt.NDArray[np.bool_], count: int
) -> list[int]:
    """Give the rows of the nearest of some kits."""
    rows = np.flatnonzero(chosen_from)
    if len(rows) > count:
        far = np.partition(metres[rows], count - 1)[count - 1]
        rows = rows[metres[rows] <= far]
    chosen: list[int] = rows[np.argsort(metres[rows], kind="stable")[:count]].tolist()
    return chosen


def _settled(ways: Ways, snaps: Snaps, groups: list[list[int]], reach_m: float) -> bool:
    """Tell whether no kit beyond the reach can be nearer than those chosen."""
    rows = np.array([row for group in groups for row in group], dtype=np.int64)
    near_enough = ~snaps.on_street[rows] & (ways.metres[rows] <= reach_m)
    return bool((ways.led_to[rows] | near_enough).all())


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
        for kit in snapshot.records(np.arange(len(snapshot.kits)))
    ]


def standings(snapshot: Snapshot, at: dt.datetime) -> list[Standing]:
    """Tell for each placed kit how it stands at an instant, travel left aside."""
    return [
        _standing(snapshot, kit, availability, at)
        for kit, availability in zip(
            snapshot.records(snapshot.placed_rows),
            _availabilities(snapshot, at),
            strict=True,
        )
    ]


def open_for(snapshot: Snapshot, at: dt.datetime, seconds: float) -> npt.NDArray[np.bool_]:
    """Tell which placed kits in service are open and stay so for a while, shape ``(n,)``."""
    lasting = [state is Availability.OPEN for state in _availabilities(snapshot, at, seconds)]
    return np.array(lasting, dtype=np.bool_)


def _availabilities(snapshot: Snapshot, at: dt.datetime, lead_s: float = 0.0) -> list[Availability]:
    """Judge each placed kit for somebody who is there after ``lead_s`` seconds."""
    openings = {text: hours.at(at) for text, hours in snapshot.hours.items()}
    lead = np.full(len(snapshot.grid), lead_s)
    return [_STATES[code] for code in _availability_codes(snapshot, openings, at, lead)]


def _standing(
    snapshot: Snapshot, kit: Mapping[str, object], availability: Availability, at: dt.datetime
) -> Standing:
    day = at.astimezone(snapshot.calendar.zone).date()
    last, expires = (_day(kit[column]) for column in ("last_checked", "expires_on"))
    reference = str(kit["reference"])
    return Standing(
        availability,
        checked(last, expires, day, snapshot.check_valid_days),
        snapshot.doubt(reference, at),
        snapshot.unconfirmed_until(reference, at),
    )


def _day(value: object) -> dt.date | None:
    return value if isinstance(value, dt.date) else None


_STATES = tuple(Availability)
_GROUPS = (
    (Availability.OPEN,),
    (Availability.CLOSING,),
    (Availability.UNKNOWN_HOURS,),
    (Availability.CLOSED, Availability.OUT_OF_SERVICE),
)
# in which of the groups a state is listed; places that are not known are in none
_GROUP_OF = np.array(
    [next((i for i, group in enumerate(_GROUPS) if state in group), -1) for state in _STATES]
)
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
    opening: Opening,
    distance_m: float,
    way: Way,
    pace: Pace,
    *,
    at: dt.datetime,
    route: Route | None,
) -> Fetch:
    def span(m_per_s: float) -> Span:
        return Span(pace.fetch_s(way.low_m, m_per_s), pace.fetch_s(way.high_m, m_per_s))

    left_s = opening.until.timestamp() - at.timestamp() if opening.until else np.inf
    closing = standing.availability is Availability.CLOSING
    return Fetch(
        kit=kit,
        standing=standing,
        opening=opening,
        distance_m=distance_m,
        way=way,
        walk=span(pace.walk_m_per_s),
        brisk=span(pace.brisk_m_per_s),
        run=span(pace.run_m_per_s),
        runner_in_time=closing and pace.arrival_s(way.high_m, pace.run_m_per_s) <= left_s,
        route=route,
    )


def _way(ways: Ways, row: int) -> Way:
    method = Method.STREETS if ways.by_street[row] else Method.STRAIGHT
    return Way(float(ways.metres[row]), float(ways.low_m[row]), float(ways.high_m[row]), method)
