"""Hold demand: weighted points, each with its hours of the week."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from locator import geodesy
from locator.demand.profile import HOURS, Profile, quoted
from locator.wording import Figure, Sentence

COLUMNS = (
    "easting",
    "northing",
    "longitude",
    "latitude",
    "lsoa",
    "category",
    "month",
    "count",
    "weight",
    "exact",
)

# what is known of the hours of a row of profiles: the day of the week (0 to 6), or
NOTHING, THE_HOUR = -1, 7


_NEARLY_ALL = 0.999


class Basis(StrEnum):
    """What counts as demand."""

    INCIDENTS = "incidents"
    RESIDENTS = "residents"


@dataclass(frozen=True, slots=True)
class Accounts:
    """What became of every record that was read.

    Attributes
    ----------
    read
        All records; the others add up to it.
    placed
        Those that count.
    without_position
        Records for which no position is given.
    outside
        Records outside the area.
    other_categories
        Records of categories that do not count.
    other
        Rows that cannot be understood.
    """

    read: int
    placed: int
    without_position: int = 0
    outside: int = 0
    other_categories: int = 0
    other: int = 0

    def __post_init__(self) -> None:
        """Refuse accounts that do not add up."""
        if self.read != sum(self.as_dict().values()) - self.read:
            msg = f"{self} does not add up."
            raise ValueError(msg)

    def __add__(self, more: "Accounts") -> "Accounts":
        """Add up two accounts."""
        mine, theirs = self.as_dict(), more.as_dict()
        return Accounts(**{name: mine[name] + theirs[name] for name in mine})

    @property
    def says(self) -> str:
        """The counts in a sentence."""
        named = {
            "without a position": self.without_position,
            "outside the area": self.outside,
            "of other categories": self.other_categories,
            "not understood": self.other,
        }
        rest = "".join(f", {count:,} {what}" for what, count in named.items() if count)
        return f"{self.read:,} read: {self.placed:,} placed{rest}."

    def as_dict(self) -> dict[str, int]:
        """Give the counts by name."""
        return {
            "read": self.read,
            "placed": self.placed,
            "without_position": self.without_position,
            "outside": self.outside,
            "other_categories": self.other_categories,
            "other": self.other,
        }


class Places(NamedTuple):
    """The different positions of demand points.

    Attributes
    ----------
    grid
        Easting and northing (EPSG:27700 metres), shape ``(m, 2)``.
    degrees
        Longitude and latitude (EPSG:4326), shape ``(m, 2)``.
    place_of
        Row of ``grid`` for each point, shape ``(n,)``.
    """

    grid: geodesy.type_floats
    degrees: geodesy.type_floats
    place_of: npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Demand:
    """Weighted points with their hours of the week.

    Attributes
    ----------
    basis
        What is counted.
    points
        One row a point: ``easting``, ``northing`` (EPSG:27700 metres), ``longitude``,
        ``latitude`` (EPSG:4326), ``lsoa`` (2021 code; empty if not known), ``category``,
        ``month`` (``YYYY-MM``; empty for residents), ``count`` (records or people), ``weight``
        (count times the weight of its category) and ``exact`` (whether its hour is known).
    profiles
        Shape ``(k, 168)``: each row spreads a weight of 1 over the week; hour 0 is Monday 00:00
        to 01:00 local time.
    profile_of
        Row of ``profiles`` for each point, shape ``(n,)``.
    accounts
        What became of every record that was read; those of the whole, also for a part of it.
    profile_name, profile_source
        Of the profile that stands for hours that are not known; empty if all are known.
    tables
        Tables whose attributions are owed where this demand is shown.
    notes
        Sentences that a reader of any result must see.
    known
        What is known of the hours of each row of ``profiles``, shape ``(k,)``: 0 to 6 the day
        of the week, 7 the hour, -1 nothing.
    """

    basis: Basis
    points: pd.DataFrame
    profiles: npt.NDArray[np.float64]
    profile_of: npt.NDArray[np.intp]
    accounts: Accounts
    profile_name: str
    profile_source: str
    tables: tuple[str, ...]
    notes: tuple[str, ...] = ()
    known: npt.NDArray[np.int8] | None = None

    def __post_init__(self) -> None:
        """Refuse parts that do not fit together."""
        rows, points = len(self.profiles), len(self.points)
        if self.profiles.shape != (rows, HOURS) or self.profile_of.shape != (points,):
            msg = "profiles must have the shape (k, 168), and profile_of one row of it a point."
            raise ValueError(msg)
        if list(self.points.columns) != list(COLUMNS):
            msg = f"points must have the columns {COLUMNS}."
            raise ValueError(msg)

    @property
    def weights(self) -> npt.NDArray[np.float64]:
        """Weight of each point, shape ``(n,)``."""
        return self.points["weight"].to_numpy(dtype=np.float64)

    @property
    def total(self) -> float:
        """Sum of all weights."""
        return float(self.weights.sum())

    @property
    def months(self) -> tuple[str, str]:
        """First and last month; empty where there are none."""
        months = self.points["month"]
        months = months[months != ""]
        return ("", "") if months.empty else (str(months.min()), str(months.max()))

    @property
    def assumed_share(self) -> float:
        """Share of the weight whose hour is the profile's, not the record's."""
        weights = self.weights
        assumed = weights[~self.points["exact"].to_numpy(dtype=np.bool_)].sum()
        return float(assumed / weights.sum()) if weights.any() else 0.0

    @property
    def says(self) -> str:
        """What is assumed, in a sentence."""
        share = self.assumed_share
        if self.total == 0:
            return Sentence("Nothing has any weight, so nothing can be said about hours.")
        if self.basis is Basis.RESIDENTS:
            return Sentence(
                "Residents are counted where they live, not where they are at an hour; the "
                "profile %(profile)s spreads them over the week.",
                profile=quoted(self.profile_name),
            )
        if share == 0:
            return Sentence("The hour of every incident is known; no profile is assumed.")
        # all but a few are not all
        said = {
            "part": Figure(min(share, _NEARLY_ALL), ".1%"),
            "profile": quoted(self.profile_name),
        }
        if share == 1:
            return Sentence(
                "The hour of all incidents is not in the records: the profile %(profile)s stands "
                "for it.",
                profile=said["profile"],
            )
        if share > _NEARLY_ALL:
            return Sentence(
                "The hour of more than %(part)s of the weight is not in the records: the profile "
                "%(profile)s stands for it.",
                **said,
            )
        return Sentence(
            "The hour of %(part)s of the weight is not in the records: the profile %(profile)s "
            "stands for it.",
            **said,
        )

    @functools.cached_property
    def places(self) -> Places:
        """The different positions, each once."""
        grid = self.points[["easting", "northing"]].to_numpy(dtype=np.float64)
        degrees = self.points[["longitude", "latitude"]].to_numpy(dtype=np.float64)
        # complex numbers are sorted by both parts, and much faster than rows
        _, first, place_of = np.unique(
            grid[:, 0] + 1j * grid[:, 1], return_index=True, return_inverse=True
        )
        return Places(grid[first], degrees[first], place_of.astype(np.intp))

    def hourly_weight(self) -> npt.NDArray[np.float64]:
        """Add up the weight that falls into each hour of the week.

        Returns
        -------
        weight
            Shape ``(168,)``; adds up to ``total``.
        """
        by_profile = np.bincount(self.profile_of, self.weights, len(self.profiles))
        return np.asarray(by_profile @ self.profiles)

    def only(self, mask: npt.NDArray[np.bool_]) -> "Demand":
        """Keep some points.

        Parameters
        ----------
        mask
            Shape ``(n,)``.
        """
        points = self.points[mask].reset_index(drop=True)
        return replace(self, points=points, profile_of=self.profile_of[mask])

    def reweighted(self, weights: npt.NDArray[np.float64]) -> "Demand":
        """Give the points other weights, shape ``(n,)``."""
        return replace(self, points=self.points.assign(weight=weights))

    def with_profile(self, profile: Profile) -> "Demand":
        """Spread what has no known hour by another profile.

        A point of which the day is known keeps its day, and one of which the hour is known is
        left as it is.
        """
        rows = self.profiles.copy()
        for row, known in enumerate(self.known_of_rows):
            if known != THE_HOUR:
                rows[row] = hours_of(profile, int(known))
        if not self.profile_name:
            return replace(self, profiles=rows)
        return replace(
            self,
            profiles=rows,
            profile_name=profile.name,
            profile_source=profile.source,
            tables=(*(name for name in self.tables if name != "profile"), *profile.tables),
        )

    @property
    def known_of_rows(self) -> npt.NDArray[np.int8]:
        """What is known of the hours of each row of ``profiles``, shape ``(k,)``."""
        if self.known is not None:
            return self.known
        return np.full(len(self.profiles), NOTHING, dtype=np.int8)

    def aggregated(self) -> "Demand":
        """Merge points that share position, LSOA, category, month and hours.

        Counts and weights are added up, so every sum over points stays what it was.
        """
        keys = ["easting", "northing", "lsoa", "category", "month", "exact", "profile"]
        merged = (
            self.points.assign(profile=self.profile_of)
            .groupby(keys, sort=True)
            .agg({"longitude": "first", "latitude": "first", "count": "sum", "weight": "sum"})
            .reset_index()
        )
        profile_of = merged["profile"].to_numpy(dtype=np.intp)
        return replace(self, points=merged[list(COLUMNS)], profile_of=profile_of)


def together(first: Demand, second: Demand) -> Demand:
    """Join two demands of one basis and profile; nothing is merged."""
    # empty tables would only blur the types of the columns
    filled = [part.points for part in (first, second) if len(part.points)]
    return Demand(
        basis=first.basis,
        points=pd.concat(filled, ignore_index=True) if filled else first.points,
        profiles=np.vstack([first.profiles, second.profiles]),
        profile_of=np.concatenate([first.profile_of, second.profile_of + len(first.profiles)]),
        accounts=first.accounts + second.accounts,
        profile_name=first.profile_name or second.profile_name,
        profile_source=first.profile_source or second.profile_source,
        tables=tuple(dict.fromkeys(first.tables + second.tables)),
        notes=first.notes + second.notes,
        known=np.concatenate([first.known_of_rows, second.known_of_rows]),
    )


def hours_of(profile: Profile, known: int) -> npt.NDArray[np.float64]:
    """Spread a weight of 1 by a profile and what is known.

    Parameters
    ----------
    profile
        For what is not known.
    known
        The day of the week (0 is Monday), or -1 if nothing is known.
    """
    return profile.hours if known == NOTHING else profile.of_day(known)


def weighed(counts: pd.DataFrame, weights: Mapping[str, float]) -> npt.NDArray[np.float64]:
    """Weigh counts by their category; a category that is not named weighs 1.

    Parameters
    ----------
    counts
        With the columns ``category`` and ``count``.
    weights
        Category -> weight of one record.
    """
    each = counts["category"].map(lambda name: weights.get(name, 1.0)).to_numpy(dtype=np.float64)
    return np.asarray(each * counts["count"].to_numpy(dtype=np.float64))
