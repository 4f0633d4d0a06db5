"""Find the kits to fetch: nearest first, those that can be reached before all others."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from locator import geodesy
from locator.hours import Opening, State
from locator.places import Position
from locator.registry.schema import Status
from locator.registry.snapshot import Snapshot
from locator.travel.straight import Pace, Straight

# planar distances on the National Grid are within 0.04 % of the geodesic
_GRID_SLACK = 1.002


_PUBLIC = (
    "reference",
    "name",
    "kind",
    "position_text",
    "address",
    "longitude",
    "latitude",
    "precision_m",
    "opening_hours",
    "hours_text",
    "access",
    "status",
    "reported",
    "source_url",
)


class Availability(StrEnum):
    """Whether it makes sense to go for a kit, from what is known."""

    OPEN = "open"
    UNKNOWN_HOURS = "hours not known"
    CLOSING = "closes before you get there"
    CLOSED = "closed"
    OUT_OF_SERVICE = "not in service"
    UNPLACED = "place not known"


@dataclass(frozen=True, slots=True)
class Span:
    """A low and a high estimate in seconds."""

    low_s: float
    high_s: float

    @property
    def minutes(self) -> tuple[int, int]:
        """Whole minutes, outward: 3.2 to 4.1 minutes are 3 to 5, and never less than 1."""
        return max(1, int(self.low_s // 60)), max(1, int(np.ceil(self.high_s / 60)))


@dataclass(frozen=True, slots=True)
class Fetch:
    """One kit, and what fetching it would take.

    Attributes
    ----------
    kit
        The kit's row of the snapshot.
    availability, opening
        Whether it can be reached, and until when or from when.
    distance_m
        Straight-line metres (geodesic); None if the kit's position is not known.
    walk, run
        Fetch time there and back, as a range that carries the uncertainty of both ends.
    """

    kit: "pd.Series[object]"
    availability: Availability
    opening: Opening
    distance_m: float | None = None
    walk: Span | None = None
    run: Span | None = None

    @property
    def confirmed(self) -> bool:
        """Whether somebody has checked the kit and told the registry."""
        return bool(pd.notna(self.kit["last_checked"]))

    def as_dict(self) -> dict[str, object]:
        """Give the public facts as plain values for JSON."""
        kit = {key: self.kit[key] for key in _PUBLIC if pd.notna(self.kit[key])}
        opening = self.opening
        return kit | {
            "availability": str(self.availability),
            "confirmed": self.confirmed,
            "ready": self.ready,
            "open_until": opening.until.isoformat() if opening.until and self._open else None,
            "opens": opening.opens.isoformat() if opening.opens else None,
            "distance_m": None if self.distance_m is None else round(self.distance_m),
            "fetch_walking_s": self.walk and [round(self.walk.low_s), round(self.walk.high_s)],
            "fetch_running_s": self.run and [round(self.run.low_s), round(self.run.high_s)],
        }

    @property
    def _open(self) -> bool:
        return self.opening.state is State.OPEN

    @property
    def ready(self) -> bool:
        """Whether the kit may be shown as ready: open, in service and confirmed."""
        return self.availability is Availability.OPEN and self.confirmed


@dataclass(frozen=True, slots=True)
class Answer:
    """Which kits to fetch from a position at an instant.

    Attributes
    ----------
    position, at
        What was asked.
    reachable
        Open now and still open on arrival, by fetch time.
    unknown
        In service, hours not known, by fetch time.
    unavailable
        Closed, closing or not in service, by fetch time.
    unplaced
        Kits whose position is not known, by reference.
    version
        Of the registry.
    travel
        How times were estimated.
    """

    position: Position
    at: dt.datetime
    reachable: tuple[Fetch, ...]
    unknown: tuple[Fetch, ...]
    unavailable: tuple[Fetch, ...]
    unplaced: tuple[Fetch, ...]
    version: int
    travel: Straight

    def as_dict(self) -> dict[str, object]:
        """Give the answer as plain values for JSON."""
        position = self.position
        return {
            "position": {
                "label": position.label,
                "longitude": round(position.lon, 6),
                "latitude": round(position.lat, 6),
                "precision_m": round(position.precision_m),
                "note": position.note,
            },
            "at": self.at.isoformat(),
            "reachable": [fetch.as_dict() for fetch in self.reachable],
            "hours_not_known": [fetch.as_dict() for fetch in self.unknown],
            "unavailable": [fetch.as_dict() for fetch in self.unavailable],
            "place_not_known": [fetch.as_dict() for fetch in self.unplaced],
            "registry_version": self.version,
            "method": "straight line times a detour factor",
            "detour_factor": self.travel.detour_factor,
            "overhead_s": self.travel.overhead_s,
        }


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
    placed = snapshot.placed
    easting, northing = geodesy.to_bng(position.lon, position.lat)
    planar = np.hypot(placed.geometry.x - easting, placed.geometry.y - northing).to_numpy()
    openings = {text: hours.at(at) for text, hours in snapshot.hours.items()}
    walk_s = travel.one_way_s(planar, travel.walk)
    states = _availabilities(placed, openings, at, walk_s)

    def ranked(*wanted: Availability) -> tuple[Fetch, ...]:
        rows = np.flatnonzero(np.isin(states, wanted))
        if len(rows) > count:
            reach = np.partition(planar[rows], count - 1)[count - 1] * _GRID_SLACK + 1
            rows = rows[planar[rows] <= reach]
        chosen = placed.iloc[rows]
        exact = geodesy.geodesic_m(
            position.lon,
            position.lat,
            chosen["longitude"].to_numpy(dtype=np.float64),
            chosen["latitude"].to_numpy(dtype=np.float64),
        )
        order = np.argsort(exact, kind="stable")[:count]
        return tuple(
            _fetch(chosen.iloc[i], states[rows[i]], float(exact[i]), position, openings, travel)
            for i in order
        )

    unplaced = snapshot.kits[snapshot.kits.geometry.isna()]
    return Answer(
        position=position,
        at=at.astimezone(snapshot.calendar.zone),
        reachable=ranked(Availability.OPEN),
        unknown=ranked(Availability.UNKNOWN_HOURS),
        unavailable=ranked(Availability.CLOSING, Availability.CLOSED, Availability.OUT_OF_SERVICE),
        unplaced=tuple(
            Fetch(kit, Availability.UNPLACED, openings[kit["opening_hours"]])
            for _, kit in unplaced.iterrows()
        ),
        version=snapshot.version,
        travel=travel,
    )


def availabilities(
    snapshot: Snapshot, kits: gpd.GeoDataFrame, at: dt.datetime
) -> list[Availability]:
    """Tell for each placed kit whether it can be reached at an instant, travel left aside."""
    openings = {text: hours.at(at) for text, hours in snapshot.hours.items()}
    return list(_availabilities(kits, openings, at, np.zeros(len(kits))))


def _availabilities(
    kits: gpd.GeoDataFrame,
    openings: Mapping[str, Opening],
    at: dt.datetime,
    one_way_s: geodesy.type_floats,
) -> npt.NDArray[np.object_]:
    rows = zip(kits["status"], kits["opening_hours"], one_way_s, strict=True)
    states = np.empty(len(kits), dtype=object)
    for row, (status, text, seconds) in enumerate(rows):
        states[row] = _availability(status, openings[text], at, float(seconds))
    return states


def _availability(status: str, opening: Opening, at: dt.datetime, one_way_s: float) -> Availability:
    if status != Status.INSTALLED:
        return Availability.OUT_OF_SERVICE
    if opening.state is State.CLOSED:
        return Availability.CLOSED
    if opening.state is State.UNKNOWN:
        return Availability.UNKNOWN_HOURS
    # two times of one zone subtract as wall clocks, an hour off when the clocks change
    if opening.until and opening.until.timestamp() - at.timestamp() < one_way_s:
        return Availability.CLOSING
    return Availability.OPEN


def _fetch(
    kit: "pd.Series[object]",
    availability: Availability,
    distance_m: float,
    position: Position,
    openings: dict[str, Opening],
    travel: Straight,
) -> Fetch:
    blur = position.precision_m + float(str(kit["precision_m"]))
    ends = np.array([max(distance_m - blur, 0.0), distance_m + blur])

    def span(pace: Pace) -> Span:
        low, high = travel.fetch_s(ends, pace)
        return Span(float(low), float(high))

    return Fetch(
        kit=kit,
        availability=availability,
        opening=openings[str(kit["opening_hours"])],
        distance_m=distance_m,
        walk=span(travel.walk),
        run=span(travel.run),
    )
