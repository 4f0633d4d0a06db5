"""Count who and what is within reach of a kit that can be had, at which hours and where."""

import dataclasses
import datetime as dt
import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import geopandas as gpd
import h3
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from scipy import sparse

from locator import geodesy
from locator.demand import NIGHT, Demand, Profile, quoted
from locator.hours import STATES, WEEK_H, State
from locator.registry.schema import Status
from locator.registry.snapshot import Snapshot
from locator.travel.journey import Pairs, Travel
from locator.travel.standard import Standard
from locator.wording import Figure, Sentence

# H3 cells of resolution 8 are about 0.74 km2: an area, never a place
CELL_RESOLUTION = 8
# an area with fewer records than this is not shown to the public
CELL_MINIMUM = 10

# parts of the day: names and first hours; the last one is the night
BANDS = (("morning", 6), ("afternoon", 12), ("evening", 18), ("night", 22))
_DAY_H = 24
# shares that differ by less are written alike
_ALIKE = 0.0005
_CLOSED, _UNKNOWN, _OPEN = (STATES.index(s) for s in (State.CLOSED, State.UNKNOWN, State.OPEN))

type_mask = npt.NDArray[np.bool_]


class Counting(StrEnum):
    """Which kits count.

    Nobody knows when most kits can be had, so the truth lies between the last two: an hour counts
    as known if a kit is known to be open from its first second to its last, and as possible if
    it is open or perhaps open at any moment of it.
    """

    PAPER = "as on paper"
    KNOWN = "known to be open"
    POSSIBLE = "open or perhaps open"


@dataclass(frozen=True, slots=True)
class Finding:
    """What closing hours cost elsewhere, as published.

    Attributes
    ----------
    share
        Coverage lost, 0 to 1, of that on paper.
    what, source
        Where, for what, at which hours; and who found it.
    """

    share: float
    what: str
    source: str


FINDINGS = (
    Finding(
        0.215,
        Sentence("Toronto, defibrillators within 100 m, all hours"),
        "Sun and others 2016, doi 10.1016/j.jacc.2016.03.609",
    ),
    Finding(
        0.534,
        Sentence("Copenhagen, the same, evenings, nights and weekends"),
        "Hansen and others 2013, doi 10.1161/CIRCULATIONAHA.113.003066",
    ),
)


def open_classes(week: type_mask) -> tuple[npt.NDArray[np.intp], type_mask]:
    """Group the hours in which the same kits are open.

    Parameters
    ----------
    week
        Which kit is open in which hour, shape ``(kits, 168)``.

    Returns
    -------
    class_of_hour
        Shape ``(168,)``.
    sets
        The open kits of each class, shape ``(classes, kits)``, in the order of first hours.
    """
    packed = np.packbits(week, axis=0).T
    first: dict[bytes, int] = {}
    classes = [first.setdefault(hour.tobytes(), len(first)) for hour in packed]
    hours = np.array([classes.index(number) for number in range(len(first))], dtype=np.intp)
    return np.array(classes, dtype=np.intp), np.ascontiguousarray(week[:, hours].T)


@dataclass(frozen=True, slots=True, eq=False)
class Opened:
    """How many kits that count are within reach of each place, hour by hour.

    Attributes
    ----------
    class_of_hour
        Shape ``(168,)``; hours of one class have the same kits open.
    sets
        The kits that count in each class, ``(classes, kits)``.
    kits
        How many of them are within the standard of each place, ``(places, classes)``.
    """

    class_of_hour: npt.NDArray[np.intp]
    sets: type_mask
    kits: npt.NDArray[np.int32]

    @classmethod
    def of(cls, near: sparse.csr_array, week: type_mask) -> "Opened":
        """Count the open kits among those ``near`` each place (places by kits)."""
        class_of_hour, sets = open_classes(week)
        return cls(class_of_hour, sets, np.asarray(near @ sets.T.astype(np.int32)))

    def with_near(self, near: sparse.csr_array) -> "Opened":
        """Count the same kits where others are near."""
        kits = np.asarray(near @ self.sets.T.astype(np.int32))
        return dataclasses.replace(self, kits=kits)

    def by_class(self, profiles: geodesy.type_floats, hours: type_mask) -> geodesy.type_floats:
        """Sum profiles over the hours of each class, shape ``(k, classes)``."""
        member = np.zeros((WEEK_H, len(self.sets)))
        member[np.arange(WEEK_H), self.class_of_hour] = hours
        return np.asarray(profiles @ member)


@dataclass(frozen=True, slots=True, eq=False)
class Reached:
    """What each row of the demand has within reach.

    Attributes
    ----------
    paper
        Whether any kit in service is within the standard, ``(n,)``.
    known, possible
        Share of the row's hours, 0 to 1, in which a kit is that is known to be open all through,
        and that is open or perhaps open for a part at least.
    nearest_m
        Metres to the nearest kit in service, as the standard counts them; infinite if there is
        none.
    nearest
        Row of that kit among the placed ones; -1 if there is none.
    """

    paper: type_mask
    known: geodesy.type_floats
    possible: geodesy.type_floats
    nearest_m: geodesy.type_floats
    nearest: npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Coverage:
    """Demand within and beyond a service standard, in three countings.

    Tables have the columns ``group``, ``weight`` and the shares of it that each counting
    covers, ``paper``, ``known`` and ``possible`` (0 to 1; NaN where there is no weight). Every
    row of the demand is in exactly one group of each table; what belongs to no known group is
    in the group ``""``.

    Attributes
    ----------
    standard
        What counts as near.
    demand
        Who is to be covered; what could not be placed is told in ``demand.accounts``.
    monday
        First day of the week whose opening hours were used.
    at
        The instant at which everything was asked, if not over a whole week.
    kits
        The placed kits, in service or not, one column of ``near`` each.
    in_service
        Which of them are in service, ``(kits,)``.
    near
        Which kits are within the standard of which place of ``demand.places``, by place.
    opened
        The kits that count, in each counting.
    neighbourhoods
        From :attr:`locator.facts.Facts.neighbourhoods`.
    nearest_m, nearest
        Of each place, as in :class:`Reached`.
    hours_not_known
        Kits in service whose hours are not known at some time of the week.
    known_to_shut
        Kits in service that are known to be shut at some time of the week.
    unplaced
        Kits in service whose place is not known: they count nowhere.
    version
        Of the registry.
    """

    standard: Standard
    demand: Demand
    monday: dt.date
    at: dt.datetime | None
    kits: gpd.GeoDataFrame
    in_service: type_mask
    near: Pairs
    opened: Mapping[Counting, Opened]
    neighbourhoods: pd.DataFrame
    nearest_m: geodesy.type_floats
    nearest: npt.NDArray[np.int64]
    hours_not_known: int
    known_to_shut: int
    unplaced: int
    version: int

    def share(self, counting: Counting, hours: type_mask | None = None) -> geodesy.type_floats:
        """Give the share of each row that is covered.

        Parameters
        ----------
        counting
            Which kits count.
        hours
            Hours of the week, ``(168,)``; all if left out.

        Returns
        -------
        share
            The sum of the row's profile over those hours in which it is covered, ``(n,)``.
        """
        return self._shares(counting, hours, covered=True)

    def uncovered_share(
        self, counting: Counting, hours: type_mask | None = None
    ) -> geodesy.type_floats:
        """Give the share of each row that is not covered, as :meth:`share` does."""
        return self._shares(counting, hours, covered=False)

    def _shares(
        self, counting: Counting, hours: type_mask | None, *, covered: bool
    ) -> geodesy.type_floats:
        opened, demand = self.opened[counting], self.demand
        every = np.ones(WEEK_H, dtype=np.bool_)
        parts = opened.by_class(demand.profiles, every if hours is None else hours)
        share = np.zeros(len(demand.points))
        for number, part in enumerate(parts.T):
            counts = (opened.kits[:, number] > 0) == covered
            share += part[demand.profile_of] * counts[demand.places.place_of]
        # a profile adds up to 1 but for a hair, which would decide between equals
        return np.round(share, 12)

    @functools.cached_property
    def reached(self) -> Reached:
        """What each row of the demand has within reach."""
        place_of = self.demand.places.place_of
        return Reached(
            paper=self.opened[Counting.PAPER].kits[place_of, 0] > 0,
            known=self.share(Counting.KNOWN),
            possible=self.share(Counting.POSSIBLE),
            nearest_m=self.nearest_m[place_of],
            nearest=self.nearest[place_of],
        )

    @functools.cached_property
    def weight(self) -> geodesy.type_floats:
        """Weight of each row of the demand, ``(n,)``."""
        return self.demand.points["weight"].to_numpy(dtype=np.float64)

    @functools.cached_property
    def total(self) -> Mapping[Counting, float]:
        """Share of all weight that each counting covers, 0 to 1; NaN without any weight."""
        row = self._grouped(np.zeros(len(self.weight), dtype=np.intp), ["all"]).iloc[0]
        return {counting: float(row[counting.name.lower()]) for counting in Counting}

    @property
    def loss(self) -> float:
        """What closing hours cost at most: paper less known, over paper.

        Hours that nobody knows count as closed here; NaN if nothing is covered on paper.
        """
        return self._lost(Counting.KNOWN)

    @property
    def loss_least(self) -> float:
        """What closing hours cost at least: paper less possible, over paper."""
        return self._lost(Counting.POSSIBLE)

    @property
    def loss_is_ignorance(self) -> bool:
        """Whether the range of what closing hours cost tells of nothing but unknown hours."""
        return self.hours_not_known > 0 and self.known_to_shut == 0

    def _lost(self, counting: Counting) -> float:
        paper = self.total[Counting.PAPER]
        return (paper - self.total[counting]) / paper if paper else np.nan

    @property
    def says(self) -> str:
        """What is assumed of the hours, in a sentence."""
        if self.at is None:
            return self.demand.says
        return "Everything is counted as if it happened at that instant; no profile is used."

    @functools.cached_property
    def by_hour(self) -> pd.DataFrame:
        """Coverage in each hour of the week; 0 is Monday 00:00 to 01:00 local time."""
        demand = self.demand
        weight = demand.hourly_weight()
        shares = {}
        for counting, opened in self.opened.items():
            held = np.column_stack(
                [
                    np.bincount(
                        demand.profile_of,
                        self.weight * (kits > 0)[demand.places.place_of],
                        len(demand.profiles),
                    )
                    for kits in opened.kits.T
                ]
            )
            covered = (demand.profiles * held[:, opened.class_of_hour]).sum(axis=0)
            shares[counting.name.lower()] = _ratio(covered, weight)
        return pd.DataFrame({"group": np.arange(WEEK_H), "weight": weight} | shares)

    @functools.cached_property
    def by_band(self) -> pd.DataFrame:
        """Coverage by part of the day, in the order of :data:`BANDS`."""
        hours = self.by_hour
        starts = [start for _, start in BANDS]
        band = np.searchsorted(starts, hours["group"] % _DAY_H, side="right") - 1
        names = [name for name, _ in BANDS]
        return _summed(hours, band % len(names), names)

    def by_profile(self, profiles: Iterable[Profile]) -> pd.DataFrame:
        """Measure the same with other profiles in place of the one that is assumed.

        Returns
        -------
        table
            One row a profile, the one in use first: ``profile`` (name), ``night`` (weight from
            22:00 to 05:59), ``paper``, ``known``, ``possible`` (shares of all weight).
        """
        used = self.demand.profile_name
        others = [self.demand.with_profile(p) for p in profiles if used and p.name != used]
        rows = []
        for demand in (self.demand, *others):
            total = dataclasses.replace(self, demand=demand).total
            rows.append(
                {"profile": demand.profile_name, "night": demand.hourly_weight()[NIGHT].sum()}
                | {counting.name.lower(): share for counting, share in total.items()}
            )
        return pd.DataFrame(rows)

    def if_moved(self, travel: Travel, *, draws: int = 60, seed: int = 1) -> pd.DataFrame:
        """Measure again with each kit moved at random within the precision of its place.

        Parameters
        ----------
        travel
            The one that this was measured with.
        draws
            How many times.
        seed
            Of the random numbers.

        Returns
        -------
        shares
            One row a draw: the total shares ``paper``, ``known`` and ``possible``. Every place
            in the circle around a kit is as likely as any other.
        """
        rng = np.random.default_rng(seed)
        places = self.demand.places.grid
        grid = shapely.get_coordinates(self.kits.geometry.array)
        precision = np.nan_to_num(self.kits["precision_m"].to_numpy(dtype=np.float64))
        rows = []
        for _ in range(draws):
            metres = precision * np.sqrt(rng.random(len(grid)))
            angle = rng.random(len(grid)) * 2 * np.pi
            moved = grid + np.column_stack([metres * np.cos(angle), metres * np.sin(angle)])
            near = travel.pairs(places, moved, self.standard)
            matrix = _matrix(near, (len(places), len(grid)))
            opened = {c: o.with_near(matrix) for c, o in self.opened.items()}
            total = dataclasses.replace(self, near=near, opened=opened).total
            rows.append([total[counting] for counting in Counting])
        return pd.DataFrame(rows, columns=[c.name.lower() for c in Counting], dtype=np.float64)

    @property
    def alike_by_band(self) -> bool:
        """Whether the shares are the same in every part of the day, as far as they are written."""
        shares = self.by_band[["paper", "known", "possible"]].dropna()
        return bool((shares.max() - shares.min() < _ALIKE).all())

    @functools.cached_property
    def by_category(self) -> pd.DataFrame:
        """Coverage by category of incident."""
        return self._by_column("category")

    @functools.cached_property
    def by_month(self) -> pd.DataFrame:
        """Coverage by month; residents have none."""
        return self._by_column("month")

    @functools.cached_property
    def by_lsoa(self) -> pd.DataFrame:
        """Coverage of every LSOA, with its ``name``."""
        return self._by_area("code", "name")

    @functools.cached_property
    def by_ward(self) -> pd.DataFrame:
        """Coverage of every ward, with its ``name``; an LSOA belongs to one ward as a whole."""
        return self._by_area("ward", "ward_name")

    @functools.cached_property
    def by_authority(self) -> pd.DataFrame:
        """Coverage of every local authority."""
        return self._by_area("authority")

    @functools.cached_property
    def by_decile(self) -> pd.DataFrame:
        """Coverage by deprivation decile of the LSOA; 1 is the most deprived tenth of England."""
        return self._by_area("imd_decile")

    def by_name(self, names: Sequence[str]) -> pd.DataFrame:
        """Group by names of the places.

        Parameters
        ----------
        names
            One for each of ``demand.places``, such as those of
            :class:`locator.analysis.gaps.Localities`.
        """
        codes, groups = pd.factorize(np.array(names, dtype=object), sort=True)
        return self._grouped(codes[self.demand.places.place_of], list(groups))

    def _by_column(self, column: str) -> pd.DataFrame:
        codes, names = pd.factorize(self.demand.points[column], sort=True)
        return self._grouped(codes, list(names))

    def _by_area(self, column: str, name: str = "") -> pd.DataFrame:
        areas = self.neighbourhoods
        codes, groups = pd.factorize(areas[column], sort=True)
        table = self._grouped(np.append(codes, -1)[self.lsoa_of], list(groups))
        if name:
            names = dict(zip(areas[column], areas[name], strict=True))
            table.insert(1, "name", [names.get(group, "") for group in table["group"]])
        return table

    @functools.cached_property
    def lsoa_of(self) -> npt.NDArray[np.intp]:
        """Row in ``neighbourhoods`` of each row of the demand; -1 if it is in none of them."""
        codes = pd.Index(self.neighbourhoods["code"])
        return np.asarray(codes.get_indexer(pd.Index(self.demand.points["lsoa"])))

    def _grouped(self, codes: npt.NDArray[np.intp], names: Sequence[Any]) -> pd.DataFrame:
        """Sum over groups; the code -1 is a group of its own, if it is used."""
        if (codes < 0).any():
            codes, names = np.where(codes < 0, len(names), codes), [*names, ""]
        reached = self.reached
        table = pd.DataFrame(
            {
                "group": np.arange(len(self.weight)),
                "weight": self.weight,
                "paper": reached.paper.astype(np.float64),
                "known": reached.known,
                "possible": reached.possible,
            }
        )
        return _summed(table, codes, names)

    @functools.cached_property
    def uncovered(self) -> gpd.GeoDataFrame:
        """Every place of which something is not known to be covered (EPSG:4326 points).

        For planners only, as it holds incident points: ``records`` (or people), ``weight``, how
        much of that is beyond reach in each counting (``beyond_paper``, ``beyond_known``,
        ``beyond_possible``), and the nearest kit in service with metres.
        """
        places = self.demand.places
        beyond = {
            f"beyond_{c.name.lower()}": self.place_sums(self.weight * self.uncovered_share(c))
            for c in Counting
        }
        kits = np.append(self.kits["reference"].to_numpy(dtype=object), "")
        frame = gpd.GeoDataFrame(
            {
                "records": self.place_sums(self.demand.points["count"].to_numpy()),
                "weight": self.place_sums(self.weight),
            }
            | beyond
            | {"nearest_kit": kits[self.nearest], "nearest_m": self.nearest_m.round(1)},
            geometry=gpd.points_from_xy(*places.degrees.T),
            crs=geodesy.WGS84,
        )
        return frame[frame["beyond_known"] > 0].reset_index(drop=True)

    def place_sums(self, values: geodesy.type_floats) -> geodesy.type_floats:
        """Sum values of rows by place."""
        places = self.demand.places
        return np.asarray(np.bincount(places.place_of, values, len(places.grid)), dtype=np.float64)

    def cells(self, counting: Counting) -> tuple[gpd.GeoDataFrame, float]:
        """Sum the records out of reach in cells that may be shown to the public.

        Returns
        -------
        cells
            H3 cells (EPSG:4326) with ``records``, at least :data:`CELL_MINIMUM` each, the
            fullest first.
        in_small_cells
            Records out of reach in cells with fewer.
        """
        count = self.demand.points["count"].to_numpy(dtype=np.float64)
        beyond = self.place_sums(count * self.uncovered_share(counting))
        some = np.flatnonzero(beyond)
        at = self.demand.places.degrees[some].tolist()
        cell = pd.Series([h3.latlng_to_cell(lat, lon, CELL_RESOLUTION) for lon, lat in at], some)
        sums = pd.Series(beyond[some], some).groupby(cell.astype(object)).sum()
        # shares of hours are added up: what should be ten may be a hair less
        drawn = sums[sums.round(6) >= CELL_MINIMUM].sort_values(ascending=False, kind="stable")
        outlines = [
            shapely.Polygon([xy[::-1] for xy in h3.cell_to_boundary(c)]) for c in drawn.index
        ]
        cells = gpd.GeoDataFrame(
            {"cell": drawn.index.astype(str), "records": drawn.to_numpy().round().astype(np.int64)},
            geometry=outlines,
            crs=geodesy.WGS84,
        )
        return cells, float(sums.sum() - drawn.sum())

    def counts(self, counting: Counting) -> type_mask:
        """Tell which kits count at some hour, ``(kits,)``."""
        return np.asarray(self.opened[counting].sets.any(axis=0), dtype=np.bool_)

    @property
    def placed_roughly(self) -> int:
        """Kits in service whose place is known less exactly than the standard."""
        rough = self.kits["precision_m"].to_numpy() > self.standard.metres
        return int((rough & self.in_service).sum())

    def as_dict(self) -> dict[str, object]:
        """Give the figures as plain values for JSON; places are left to the layer."""
        tables = {
            name: _plain(getattr(self, name))
            for name in (
                "by_band",
                "by_hour",
                "by_category",
                "by_month",
                "by_ward",
                "by_lsoa",
                "by_authority",
                "by_decile",
            )
        }
        return {
            "data": "published, unconfirmed kits",
            "standard": str(self.standard),
            "standard_m": self.standard.metres,
            "on_foot": self.standard.walking,
            "basis": str(self.demand.basis),
            "week_from": self.monday.isoformat(),
            "at": self.at.isoformat() if self.at else None,
            "months": list(self.demand.months),
            "accounts": self.demand.accounts.as_dict(),
            "weight": self.demand.total,
            "covered": {c.name.lower(): _number(share) for c, share in self.total.items()},
            "loss_at_most": _number(self.loss),
            "loss_at_least": _number(self.loss_least),
            "loss_is_ignorance": self.loss_is_ignorance,
            "elsewhere": [dataclasses.asdict(finding) for finding in FINDINGS],
            "assumed": self.says,
            "profile": self.demand.profile_name,
            "profile_source": self.demand.profile_source,
            "notes": list(self.demand.notes),
            "assumed_share": self.demand.assumed_share,
            "kits_in_service": int(self.in_service.sum()),
            "kits_hours_not_known": self.hours_not_known,
            "kits_placed_roughly": self.placed_roughly,
            "kits_in_service_not_placed": self.unplaced,
            **tables,
            "registry_version": self.version,
        }


def coverage(
    snapshot: Snapshot,
    demand: Demand,
    travel: Travel,
    standard: Standard,
    neighbourhoods: pd.DataFrame,
    *,
    day: dt.date,
    at: dt.datetime | None = None,
) -> Coverage:
    """Measure how much demand has a kit within a service standard.

    A row of the demand is covered in an hour of the week if a kit that counts is within the
    standard then. Its share covered is the sum of its profile over those hours.

    Parameters
    ----------
    snapshot
        What is known of kits.
    demand
        Incidents or residents.
    travel
        How far it is on foot, for standards that ask for that.
    standard
        What counts as near; exactly at it is within.
    neighbourhoods
        LSOAs with ward, authority and deprivation.
    day
        Opening hours are those of the week that holds this day, from Monday to Sunday.
    at
        Count as if everything happened at this instant.
    """
    places = demand.places
    in_service = snapshot.installed
    near = travel.pairs(places.grid, snapshot.grid, standard)
    matrix = _matrix(near, (len(places.grid), len(snapshot.grid)))
    if at is None:
        worst, best = snapshot.week(day), snapshot.week(day, best=True)
    else:
        states = [STATES.index(hours.at(at).state) for hours in snapshot.hours.values()]
        codes = np.array(states, dtype=np.int8)[snapshot.hours_of, None]
        worst = best = np.repeat(codes, WEEK_H, axis=1)
    not_known = ((worst == _UNKNOWN) | (best == _UNKNOWN)).any(axis=1)
    serving = in_service[:, None]
    opened = {
        Counting.PAPER: Opened.of(matrix, np.repeat(serving, WEEK_H, axis=1)),
        Counting.KNOWN: Opened.of(matrix, serving & (worst == _OPEN)),
        Counting.POSSIBLE: Opened.of(matrix, serving & (best >= _UNKNOWN)),
    }
    rows = np.append(np.flatnonzero(in_service), -1)
    metres, nearest = travel.metres_to_nearest(
        places.grid, snapshot.grid[in_service], walking=standard.walking
    )
    return Coverage(
        standard=standard,
        demand=demand,
        monday=day - dt.timedelta(days=day.weekday()),
        at=at,
        kits=snapshot.placed,
        in_service=in_service,
        near=near,
        opened=opened,
        neighbourhoods=neighbourhoods,
        nearest_m=metres,
        nearest=rows[nearest],
        hours_not_known=int((in_service & not_known).sum()),
        known_to_shut=int((in_service & (worst == _CLOSED).any(axis=1)).sum()),
        unplaced=int((snapshot.kits["status"] == Status.INSTALLED).sum() - in_service.sum()),
        version=snapshot.version,
    )


def _matrix(near: Pairs, shape: tuple[int, int]) -> sparse.csr_array:
    """Turn pairs into ones, places by kits."""
    ones = np.ones(len(near.origin), dtype=np.int32)
    return sparse.csr_array((ones, (near.origin, near.target)), shape=shape)


def says_of_profiles(table: pd.DataFrame) -> tuple[str, str]:
    """Say what depends on the profile that is assumed.

    Parameters
    ----------
    table
        From :meth:`Coverage.by_profile`.

    Returns
    -------
    of_shares, of_night
        A sentence on the shares, and one on the weight at night; empty if there is nothing to
        compare.
    """
    if len(table) < 2 or table["paper"].isna().any():  # noqa: PLR2004  # two are a comparison
        return "", ""
    *first, last = (quoted(name) for name in table["profile"])
    names = Sentence(
        "%(first)s and %(last)s", first=Sentence.joined(*first, between=", "), last=last
    )
    spans = []
    if np.ptp(table["known"]) >= _ALIKE:
        spans.append(Sentence("%(low)s to %(high)s known open", **_ends(table["known"], ".1%")))
    if np.ptp(table["possible"]) >= _ALIKE:
        ends = _ends(table["possible"], ".1%")
        spans.append(Sentence("%(low)s to %(high)s open or perhaps open", **ends))
    shares = Sentence("These shares do not depend on the profile of hours that is assumed.")
    if spans:
        shares = Sentence(
            "These shares depend on the assumed profile of hours: %(spans)s with %(profiles)s.",
            spans=Sentence.joined(*spans, between=", "),
            profiles=names,
        )
    night = Sentence(
        "%(low)s to %(high)s of all fall between 22:00 and 06:00, by the profile: %(profiles)s.",
        **_ends(table["night"], ",.0f"),
        profiles=names,
    )
    return shares, night


def _ends(values: "pd.Series[float]", form: str) -> dict[str, Figure]:
    return {"low": Figure(values.min(), form), "high": Figure(values.max(), form)}


def _summed(table: pd.DataFrame, codes: npt.NDArray[np.intp], names: Sequence[Any]) -> pd.DataFrame:
    """Put rows of a table together, shares weighted by ``weight``."""
    weight = table["weight"].to_numpy(dtype=np.float64)
    sums = np.bincount(codes, weight, len(names))
    shares = {}
    for column in ("paper", "known", "possible"):
        # an hour without weight has no share
        covered = weight * table[column].fillna(0.0).to_numpy(dtype=np.float64)
        shares[column] = _ratio(np.bincount(codes, covered, len(names)), sums)
    return pd.DataFrame({"group": pd.Series(names, dtype=object), "weight": sums} | shares)


def _ratio(part: npt.NDArray[Any], whole: npt.NDArray[Any]) -> geodesy.type_floats:
    share = np.full(len(whole), np.nan)
    np.divide(part, whole, out=share, where=whole > 0)
    # sums of shares that should be 1 may be a hair more
    return np.asarray(np.minimum(share, 1.0), dtype=np.float64)


def _number(value: float) -> float | None:
    return None if np.isnan(value) else round(value, 6)


def _plain(table: pd.DataFrame) -> list[dict[str, object]]:
    return [
        {
            str(name): _number(value) if isinstance(value, float) else value
            for name, value in row.items()
        }
        for row in table.to_dict("records")
    ]
