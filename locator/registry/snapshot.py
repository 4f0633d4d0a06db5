"""Turn the registry's rows into an immutable picture that lookups read."""

import datetime as dt
import functools
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
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
from locator.registry.schema import (
    TELLABLE,
    Candidate,
    Finding,
    Kit,
    Sighting,
    Status,
    Verdict,
    table_of,
)

Word = dict[str, Any]

# somebody who tells one of these may be right that fetching the kit is of no use
GRAVE = frozenset(TELLABLE) - {Finding.WRONG_DETAILS}


@dataclass(frozen=True, slots=True)
class Doubt:
    """A stranger's word about a kit that nobody has confirmed.

    Attributes
    ----------
    finding
        What was told.
    at, until
        When it was told last, and when it no longer counts; local time.
    """

    finding: Finding
    at: dt.datetime
    until: dt.datetime

    @classmethod
    def of(
        cls, finding: str, told_at: dt.datetime, until: dt.datetime, zone: dt.tzinfo | None
    ) -> "Doubt":
        """Make a doubt of what the registry keeps: UTC without a zone."""
        at, end = (one.replace(tzinfo=dt.UTC).astimezone(zone) for one in (told_at, until))
        return cls(Finding(finding), at, end)

    def as_dict(self) -> dict[str, str]:
        """Give the doubt as plain values for JSON."""
        at, until = self.at.isoformat(timespec="seconds"), self.until.isoformat(timespec="seconds")
        return {"finding": str(self.finding), "at": at, "until": until}

    def lasts(self, at: dt.datetime) -> bool:
        """Whether it counts at an instant."""
        # two times of one zone compare as wall clocks, an hour off when the clocks change
        return self.at.timestamp() <= at.timestamp() < self.until.timestamp()


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
    doubts
        What strangers told and nobody has decided, by reference, the gravest and latest first.
        Old ones as well: ask :meth:`doubt`.
    unconfirmed
        Every grave word that nobody has decided, shown or not, by reference: for as long as it
        counts no check confirms the kit. Ask :meth:`unconfirmed_until`.
    base
        See :attr:`ground`.
    """

    version: int
    kits: gpd.GeoDataFrame
    hours: Mapping[str, Hours]
    calendar: Calendar
    check_valid_days: int
    doubts: Mapping[str, Sequence[Doubt]] = field(default_factory=dict)
    unconfirmed: Mapping[str, Sequence[Doubt]] = field(default_factory=dict)
    base: "Snapshot | None" = None

    @property
    def ground(self) -> "Snapshot":
        """The same kits without doubts, and the same object for as long as the kits are the same.

        What follows from the kits alone is kept by it, so that no stranger's word makes anything
        large be worked out again.
        """
        return self.base or self

    def doubt(self, reference: str, at: dt.datetime) -> Doubt | None:
        """Tell what strangers say of a kit at an instant; None if nothing."""
        return next((one for one in self.doubts.get(reference, ()) if one.lasts(at)), None)

    def unconfirmed_until(self, reference: str, at: dt.datetime) -> dt.datetime | None:
        """Tell how long grave words, even muted ones, keep a kit from being confirmed."""
        ends = [one.until for one in self.unconfirmed.get(reference, ()) if one.lasts(at)]
        return max(ends, key=dt.datetime.timestamp, default=None)

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


def take(
    engine: Engine,
    calendar: Calendar,
    check_valid_days: int,
    doubt_hours: int,
    before: Snapshot | None = None,
) -> Snapshot:
    """Read the whole registry once.

    Parameters
    ----------
    engine
        From :func:`locator.registry.store.open_registry`.
    calendar
        Of the area.
    check_valid_days
        For how long a check confirms a kit.
    doubt_hours
        For how long a stranger's word is shown.
    before
        An earlier snapshot; if the kits are still as it has them, they are shared.

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
        told = _told(connection)
    lasts = dt.timedelta(hours=doubt_hours)
    doubts, unconfirmed = _doubts(told, calendar, lasts), _unconfirmed(told, calendar, lasts)
    frame = pd.DataFrame(rows, columns=public_columns())
    for column in _DAYS:
        frame[column] = pd.Series([row[column] for row in rows], dtype=object)
    if before is not None and frame.equals(pd.DataFrame(before.kits[frame.columns])):
        ground = replace(before.ground, version=version)
        return replace(ground, doubts=doubts, unconfirmed=unconfirmed, base=before.ground)
    at = frame[["longitude", "latitude"]].to_numpy(dtype=np.float64, na_value=np.nan)
    easting, northing = geodesy.to_bng(at[:, 0].copy(), at[:, 1].copy())
    points = gpd.points_from_xy(easting, northing)
    points[np.isnan(easting)] = None
    kits = gpd.GeoDataFrame(frame, geometry=points, crs=geodesy.BNG)
    hours = {text: Hours(text, calendar) for text in kits["opening_hours"].unique()}
    ground = Snapshot(version, kits, hours, calendar, check_valid_days)
    if not told:
        return ground
    return replace(ground, doubts=doubts, unconfirmed=unconfirmed, base=ground)


def not_less_grave(finding: str, words: Iterable[Word]) -> list[Word]:
    """Choose the words that can keep a word of some finding from being shown."""
    return [word for word in words if word["finding"] in GRAVE or finding not in GRAVE]


def shown_until(word: Word, words: Iterable[Word], lasts: dt.timedelta) -> dt.datetime | None:
    """Tell when an open word is shown no longer.

    Parameters
    ----------
    word
        The row of the table ``sighting``.
    words
        All open ones of the kit.
    lasts
        For how long a word counts.

    Returns
    -------
    until
        UTC; None if the word is for the moderators only. However often words that run together
        are told, they are shown for twice the time from the first of them.
    """
    since: dt.datetime | None = word["doubt_since"]
    if since is None:
        return None
    starts = [one["doubt_since"] for one in not_less_grave(word["finding"], words)]
    began = min(start for start in starts if start is not None and since - lasts <= start <= since)
    until: dt.datetime = min(word["told_at"] + lasts, began + 2 * lasts)
    return until


def _told(connection: Connection) -> dict[str, list[Word]]:
    """Read every open word by the reference of its kit, the gravest and latest first."""
    columns = Sighting.kit, Sighting.finding, Sighting.told_at, Sighting.doubt_since
    wanted = select(*columns).where(Sighting.verdict == Verdict.OPEN)
    found: defaultdict[str, list[Word]] = defaultdict(list)
    for word in connection.execute(wanted.order_by(Sighting.told_at.desc())).mappings():
        found[word["kit"]].append(dict(word))
    for words in found.values():
        words.sort(key=lambda word: TELLABLE.index(word["finding"]))
    return dict(found)


def _doubts(
    told: Mapping[str, list[Word]], calendar: Calendar, lasts: dt.timedelta
) -> dict[str, list[Doubt]]:
    return {
        kit: [
            Doubt.of(word["finding"], word["told_at"], until, calendar.zone)
            for word in words
            if (until := shown_until(word, words, lasts)) is not None
        ]
        for kit, words in told.items()
    }


def _unconfirmed(
    told: Mapping[str, list[Word]], calendar: Calendar, lasts: dt.timedelta
) -> dict[str, list[Doubt]]:
    return {
        kit: [
            Doubt.of(word["finding"], word["told_at"], word["told_at"] + lasts, calendar.zone)
            for word in words
            if word["finding"] in GRAVE
        ]
        for kit, words in told.items()
    }


_DAYS = ("installed_on", "expires_on", "last_checked")
