"""Say what fetching a kit takes and whether it makes sense."""

import dataclasses
import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from locator.hours import Opening, State
from locator.places import Position
from locator.registry.snapshot import Doubt
from locator.travel.directions import Route
from locator.travel.journey import Method, Travel


def _known(value: object) -> bool:
    return value is not None and value == value  # noqa: PLR0124  # NaN is not equal to itself


_PUBLIC = (
    "reference",
    "name",
    "kind",
    "position_text",
    "floor",
    "indoor",
    "address",
    "postcode",
    "longitude",
    "latitude",
    "precision_m",
    "opening_hours",
    "hours_text",
    "access",
    "wheelchair",
    "contents",
    "host",
    "status",
    "installed_on",
    "expires_on",
    "last_checked",
    "reported",
    "source_url",
    "osm_id",
    "photo",
)


# a quarter of an hour between the low and the high estimate
VAGUE_S = 900.0
# what is open and ends within a quarter of an hour says so
SOON_S = 900.0


class Availability(StrEnum):
    """Whether it makes sense to go for a kit, from what is known."""

    OPEN = "open"
    UNKNOWN_HOURS = "hours not known"
    CLOSING = "may close before you get there"
    CLOSED = "closed"
    OUT_OF_SERVICE = "not in service"
    UNPLACED = "place not known"


class Checked(StrEnum):
    """What the last check says of a kit."""

    NEVER = "never checked"
    LONG_AGO = "not checked since"
    EXPIRED = "contents expired"
    RECENTLY = "checked"


def checked(
    last_checked: dt.date | None, expires_on: dt.date | None, day: dt.date, valid_days: int
) -> Checked:
    """Judge the last check on a day; after ``valid_days`` it no longer confirms the kit."""
    if last_checked is None:
        return Checked.NEVER
    if expires_on is not None and expires_on < day:
        return Checked.EXPIRED
    fresh = last_checked >= day - dt.timedelta(days=valid_days)
    return Checked.RECENTLY if fresh else Checked.LONG_AGO


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether it makes sense to go for a kit, what the last check says, and what strangers say.

    A doubt moves a kit to no other place of any list; it only takes its confirmation away. So does
    a grave word that is not shown, up to ``unconfirmed_until`` (None if there is none).
    """

    availability: Availability
    checked: Checked
    doubt: Doubt | None = None
    unconfirmed_until: dt.datetime | None = None

    @property
    def confirmed(self) -> bool:
        """Whether a check lately found the kit complete, and nobody has said otherwise since."""
        told = self.doubt is not None or self.unconfirmed_until is not None
        return self.checked is Checked.RECENTLY and not told

    @property
    def ready(self) -> bool:
        """Whether the kit may be shown as ready: open, in service and confirmed."""
        return self.availability is Availability.OPEN and self.confirmed


@dataclass(frozen=True, slots=True)
class Span:
    """A low and a high estimate in seconds."""

    low_s: float
    high_s: float

    @property
    def minutes(self) -> tuple[int, int]:
        """Whole minutes, outward: 3.2 to 4.1 minutes are 3 to 5, and never less than 1."""
        return max(1, int(self.low_s // 60)), max(1, int(np.ceil(self.high_s / 60)))

    @property
    def vague(self) -> bool:
        """Whether the estimates lie so far apart that minutes would only mislead."""
        return self.high_s - self.low_s > VAGUE_S


@dataclass(frozen=True, slots=True)
class Way:
    """How far it is on foot.

    Attributes
    ----------
    metres
        Along streets, or the median estimate.
    low_m, high_m
        A range that carries the uncertainty of both ends, and that of the estimate.
    method
        How it was found.
    """

    metres: float
    low_m: float
    high_m: float
    method: Method

    @property
    def by_street(self) -> bool:
        """Whether it was measured along streets."""
        return self.method is Method.STREETS


@dataclass(frozen=True, slots=True)
class Fetch:
    """One kit, and what fetching it would take.

    Attributes
    ----------
    kit
        The kit's row of the snapshot, by column.
    standing, opening
        Whether it can be reached and was checked, and until when or from when it is open.
    distance_m
        Straight-line metres (geodesic); None if the kit's position is not known.
    way
        How far it is on foot, and how that was found.
    walk, brisk, run
        Fetch time there and back, as a range that carries the uncertainty of both ends.
    runner_in_time
        The kit shuts before somebody who walks is there, but not before somebody who runs is.
    route
        The way along streets, for the kits listed first.
    """

    kit: Mapping[str, object]
    standing: Standing
    opening: Opening
    distance_m: float | None = None
    way: Way | None = None
    walk: Span | None = None
    brisk: Span | None = None
    run: Span | None = None
    runner_in_time: bool = False
    route: Route | None = None

    @property
    def availability(self) -> Availability:
        """Whether it makes sense to go for the kit."""
        return self.standing.availability

    @property
    def doubt(self) -> Doubt | None:
        """What a stranger told of the kit in the last hours, if anything."""
        return self.standing.doubt

    @property
    def unconfirmed_until(self) -> dt.datetime | None:
        """Until when a grave word, even one that is not shown, takes the confirmation away."""
        return self.standing.unconfirmed_until

    @property
    def confirmed(self) -> bool:
        """Whether a check lately found the kit complete, and nobody has said otherwise since."""
        return self.standing.confirmed

    @property
    def ready(self) -> bool:
        """Whether the kit may be shown as ready: open, in service and confirmed."""
        return self.standing.ready

    def as_dict(self) -> dict[str, object]:
        """Give the public facts as plain values for JSON."""
        known = {key: self.kit[key] for key in _PUBLIC if _known(self.kit[key])}
        kit = {k: v.isoformat() if isinstance(v, dt.date) else v for k, v in known.items()}
        opening = self.opening
        return kit | {
            "availability": str(self.availability),
            "confirmed": self.confirmed,
            "ready": self.ready,
            "runner_in_time": self.runner_in_time,
            "open_until": opening.until.isoformat() if opening.until and self._open else None,
            "opens": opening.opens.isoformat() if opening.opens else None,
            "data": "published, unconfirmed" if not self.confirmed else "checked",
            "checked": str(self.standing.checked),
            "doubt": self.doubt and self.doubt.as_dict(),
            "distance_m": None if self.distance_m is None else round(self.distance_m),
            "walking_m": self.way and round(self.way.metres),
            "walking_m_range": self.way and [round(self.way.low_m), round(self.way.high_m)],
            "method": self.way and str(self.way.method),
            "fetch_walking_s": self.walk and [round(self.walk.low_s), round(self.walk.high_s)],
            "fetch_brisk_s": self.brisk and [round(self.brisk.low_s), round(self.brisk.high_s)],
            "fetch_running_s": self.run and [round(self.run.low_s), round(self.run.high_s)],
            "route": self.route and self.route.as_dict(),
        }

    @property
    def _open(self) -> bool:
        return self.opening.state is State.OPEN


@dataclass(frozen=True, slots=True)
class Answer:
    """Which kits to fetch from a position at an instant.

    Attributes
    ----------
    position, at
        What was asked.
    reachable
        Open now and still open on arrival, by fetch time.
    closing
        Open now, but shut before somebody who walks is there, by fetch time.
    unknown
        In service, hours not known, by fetch time.
    unavailable
        Closed or not in service, by fetch time.
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
    closing: tuple[Fetch, ...]
    unknown: tuple[Fetch, ...]
    unavailable: tuple[Fetch, ...]
    unplaced: tuple[Fetch, ...]
    version: int
    travel: Travel

    def as_dict(self) -> dict[str, object]:
        """Give the answer as plain values for JSON."""
        position, travel = self.position, self.travel
        about = travel.streets and travel.streets.network.about
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
            "closing": [fetch.as_dict() for fetch in self.closing],
            "hours_not_known": [fetch.as_dict() for fetch in self.unknown],
            "unavailable": [fetch.as_dict() for fetch in self.unavailable],
            "place_not_known": [fetch.as_dict() for fetch in self.unplaced],
            "registry_version": self.version,
            "streets": about and about.as_dict(),
            "detour_factor": dataclasses.asdict(travel.detour),
            "speeds_m_per_s": {
                "walking": travel.pace.walk_m_per_s,
                "brisk": travel.pace.brisk_m_per_s,
                "running": travel.pace.run_m_per_s,
            },
            "slope": "ignored",
            "overhead_s": travel.pace.overhead_s,
        }
