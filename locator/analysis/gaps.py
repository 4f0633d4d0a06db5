"""Find where most demand is out of reach, name those places and say why."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from locator import geodesy
from locator.analysis.coverage import Counting, Coverage
from locator.demand import NIGHT
from locator.travel.index import PointIndex
from locator.travel.journey import Travel
from locator.travel.standard import Standard
from locator.wording import Figure, Sentence

# a name farther away than this says nothing about a place
_NAMED_M = 3_000.0
# pairs of places are looked for a block at a time, to bound the memory
_BLOCK, _PAIRS = 64, 4_000_000
# planar distances on the National Grid are a little shorter than geodesic ones
_SLACK = 1.01
# what is left of a sum after all of it was taken
_HAIR = 1e-6
# a cause with a smaller share than this is left out of the sentence
_LEAST_SAID = 0.005


class Cause(StrEnum):
    """Why something is out of reach."""

    TOO_FAR = "too far from every kit"
    OUT_OF_SERVICE = "near a kit not in service"
    CLOSED = "near a kit that is shut then"
    # hours that nobody knows, or that are open in part
    NOT_KNOWN = "near a kit perhaps open then"


class Localities:
    """Names of the streets and localities by position.

    Parameters
    ----------
    streets
        The table ``streets`` of the geodata folder: the locality of a place is that of the
        nearest street.
    """

    def __init__(self, streets: pd.DataFrame) -> None:
        at = streets[["longitude", "latitude"]].to_numpy(dtype=np.float64)
        self._index = PointIndex(np.column_stack(geodesy.to_bng(at[:, 0], at[:, 1])))
        columns = (streets[column] for column in ("name", "locality", "town"))
        self._names = [
            (", ".join(dict.fromkeys(filter(None, (locality, town)))), name)
            for name, locality, town in zip(*columns, strict=True)
        ]

    def near(self, grid: geodesy.type_floats) -> list[tuple[str, str]]:
        """Name the locality and the street nearest to each position (EPSG:27700, ``(n, 2)``).

        Returns
        -------
        names
            Such as "Kings Heath, Northampton" and "Park Square"; empty where no street is known
            within 3 km.
        """
        metres, numbers = self._index.nearest_many(grid)
        return [
            self._names[number] if metre <= _NAMED_M else ("", "")
            for metre, number in zip(metres, numbers, strict=True)
        ]


@dataclass(frozen=True, slots=True)
class Gap:
    """Demand out of reach that one more kit could cover.

    Attributes
    ----------
    rank
        From 1, by weight.
    name, street, ward
        The nearest locality and street, and the ward that holds most of the weight; empty if not
        known. The street is for planners only, lest a host be branded.
    longitude, latitude
        Of the place in its middle, degrees (EPSG:4326). For planners only: it is an incident
        point.
    easting, northing
        The same in metres (EPSG:27700).
    weight, records
        What is out of reach here and in no gap before, weighted and as records (or people).
    share
        ``weight`` as a share of the weight of all demand.
    night
        Share of ``weight`` that falls into the hours 22:00 to 05:59.
    residents
        People in the gap and out of reach; NaN if residents were not given.
    nearest_kit, nearest_m
        Reference and name of the kit in service that is nearest to the middle, and metres, as
        the standard counts them.
    causes
        Share of ``weight`` by cause; adds up to 1.
    kits
        References of kits that are near enough to a part of the gap, but shut at some hour, of
        unknown hours or not in service.
    """

    rank: int
    name: str
    street: str
    ward: str
    longitude: float
    latitude: float
    easting: float
    northing: float
    weight: float
    records: float
    share: float
    night: float
    residents: float
    nearest_kit: str
    nearest_m: float
    causes: Mapping[Cause, float]
    kits: tuple[str, ...]

    @property
    def why(self) -> str:
        """Say in a sentence why this is a gap."""
        return _why(self.causes)

    def as_dict(self) -> dict[str, object]:
        """Give the gap as plain values for JSON."""
        plain = dataclasses.asdict(self)
        for name in ("weight", "records", "share", "night", "residents", "nearest_m"):
            plain[name] = round(plain[name], 4) if np.isfinite(plain[name]) else None
        shares = {cause.name.lower(): round(part, 4) for cause, part in self.causes.items()}
        return plain | {"causes": shares, "kits": list(self.kits), "why": self.why}


@dataclass(frozen=True, slots=True, eq=False)
class Gaps:
    """Gaps, the heaviest first, and what lies in none of them.

    Attributes
    ----------
    counting
        Which kits count.
    gaps
        At most as many as were asked for.
    gap_of
        Position in ``gaps`` of each row of the demand, all rows of one place alike; -1 for rows
        in none of them.
    weight
        Everything out of reach, in gaps or not.
    rest
        What is out of reach and in none of them.
    causes
        Weight out of reach by cause, in gaps or not; adds up to ``weight``.
    """

    counting: Counting
    gaps: tuple[Gap, ...]
    gap_of: npt.NDArray[np.intp]
    weight: float
    rest: float
    causes: Mapping[Cause, float]

    @property
    def table(self) -> pd.DataFrame:
        """One row a gap; causes as columns ``too_far``, ``out_of_service`` ..., and ``why``."""
        rows = []
        for gap in self.gaps:
            row = dataclasses.asdict(gap)
            shares = {cause.name.lower(): part for cause, part in row.pop("causes").items()}
            rows.append(row | {"kits": " ".join(gap.kits)} | shares | {"why": gap.why})
        columns = [field.name for field in dataclasses.fields(Gap) if field.name != "causes"]
        return pd.DataFrame(rows, columns=[*columns, *(c.name.lower() for c in Cause), "why"])

    @property
    def layer(self) -> gpd.GeoDataFrame:
        """The table with the middle of each gap (EPSG:4326 points), for planners only."""
        table = self.table
        points = gpd.points_from_xy(table["longitude"], table["latitude"])
        return gpd.GeoDataFrame(table, geometry=points, crs=geodesy.WGS84)

    def as_dict(self) -> dict[str, object]:
        """Give the gaps as plain values for JSON, for planners only."""
        return {
            "counting": str(self.counting),
            "weight": round(self.weight, 4),
            "rest": round(self.rest, 4),
            "causes": {cause.name.lower(): round(part, 4) for cause, part in self.causes.items()},
            "gaps": [gap.as_dict() for gap in self.gaps],
        }


def by_locality(coverage: Coverage, localities: Localities) -> pd.DataFrame:
    """Give coverage by the locality of the nearest street, as other tables of coverage are."""
    return coverage.by_name([name for name, _ in localities.near(coverage.demand.places.grid)])


def gaps(
    coverage: Coverage,
    travel: Travel,
    localities: Localities,
    *,
    count: int = 20,
    counting: Counting = Counting.KNOWN,
    least: float = 0.0,
    residents: Coverage | None = None,
) -> Gaps:
    """Rank the places where most demand is out of reach.

    The first gap is the disc, as wide as the standard, around the place of the demand whose disc
    holds most weight out of reach; it takes all that it holds. The next is found among
    what is left, and so on. So everything out of reach is in exactly one gap or in the rest, and
    no gap is heavier than the one before. Of places with equal weight the one farthest
    west, then south, comes first.

    Parameters
    ----------
    coverage
        Who is out of reach.
    travel
        The one that ``coverage`` was measured with.
    localities
        Give the gaps their names.
    count
        At most this many gaps.
    counting
        Which kits count.
    least
        Gaps with less records (or people) are left to the rest: 10 for what is published.
    residents
        The same standard measured on residents, to count those in each gap.
    """
    demand = coverage.demand
    place_of, grid = demand.places.place_of, demand.places.grid
    causes = _causes(coverage, counting)
    weight = np.sum(list(causes.values()), axis=0)
    records = demand.points["count"].to_numpy(dtype=np.float64)
    records = records * coverage.uncovered_share(counting)
    discs = _Discs(travel, coverage.standard, grid)
    values = np.column_stack([coverage.place_sums(weight), coverage.place_sums(records)])
    middles, gap_of_place = discs.chosen(values, count, least)
    gap_of = gap_of_place[place_of]

    def by_gap(values: geodesy.type_floats) -> geodesy.type_floats:
        sums = np.bincount(gap_of + 1, values, len(middles) + 1)[1:]
        return np.asarray(sums, dtype=np.float64)

    in_gap = by_gap(weight)
    names = localities.near(grid[middles])
    table = pd.DataFrame(
        {
            "name": [name for name, _ in names],
            "street": [street for _, street in names],
            "ward": _wards(coverage, gap_of, weight, len(middles)),
            "weight": in_gap,
            "records": by_gap(records),
            "share": in_gap / demand.total if demand.total else 0.0,
            "night": by_gap(coverage.weight * coverage.uncovered_share(counting, NIGHT)) / in_gap,
            "residents": _residents(residents, counting, travel, grid[middles]),
            "nearest_kit": _nearest_kits(coverage, middles),
            "nearest_m": coverage.nearest_m[middles],
            "kits": _kits_near(coverage, counting, gap_of_place, len(middles)),
        }
    )
    table[["easting", "northing"]] = grid[middles]
    table[["longitude", "latitude"]] = demand.places.degrees[middles]
    parts = np.column_stack([by_gap(part) for part in causes.values()]) / in_gap[:, None]
    return Gaps(
        counting=counting,
        gaps=tuple(
            Gap(
                rank=rank,
                causes=dict(zip(causes, shares, strict=True)),
                **{str(name): value for name, value in row.items()},
            )
            for rank, (row, shares) in enumerate(
                zip(table.to_dict("records"), parts.tolist(), strict=True), start=1
            )
        ),
        gap_of=gap_of,
        weight=float(weight.sum()),
        rest=float(weight[gap_of < 0].sum()),
        causes={cause: float(part.sum()) for cause, part in causes.items()},
    )


class _Discs:
    """Discs as wide as a standard around places."""

    def __init__(self, travel: Travel, standard: Standard, grid: geodesy.type_floats) -> None:
        self._travel, self._standard, self._grid = travel, standard, grid
        self._index = PointIndex(grid)

    def chosen(
        self, values: geodesy.type_floats, count: int, least: float
    ) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
        """Choose discs that hold most, each of what those before have left.

        Parameters
        ----------
        values
            Weight and records of each place, ``(n, 2)``.
        count
            At most so many discs.
        least
            A disc holds at least so many records.

        Returns
        -------
        middles
            Rows of the places in the middle, in the order of choice.
        gap_of
            Which disc took each place; -1 if none did.
        """
        left = values.copy()
        gap_of = np.full(len(values), -1, dtype=np.intp)
        held = np.zeros(values.shape)
        self._add(held, values, np.flatnonzero(values[:, 0]), np.arange(len(values)))
        middles: list[int] = []
        while len(middles) < count:
            enough = (held[:, 0] > _HAIR) & (held[:, 1] >= least - _HAIR)
            if not enough.any():
                break
            middle = int(np.where(enough, held[:, 0].round(6), 0.0).argmax())
            around = self._around(middle, 1)
            disc = self._travel.pairs(self._grid[around], self._grid[[middle]], self._standard)
            taken = around[disc.origin]
            taken = taken[left[taken, 0] > 0]
            gap_of[taken] = len(middles)
            self._add(held, -left, taken, self._around(middle, 2))
            left[taken] = 0.0
            middles.append(middle)
        return np.array(middles, dtype=np.intp), gap_of

    def _around(self, middle: int, discs: int) -> npt.NDArray[np.int64]:
        """List the places that may be within one or two standards of one, in their order."""
        metres = discs * (self._standard.metres * _SLACK + 1)
        easting, northing = self._grid[middle].tolist()
        return np.sort(self._index.within(easting, northing, metres)[1])

    def _add(
        self,
        held: geodesy.type_floats,
        values: geodesy.type_floats,
        places: npt.NDArray[np.intp],
        middles: npt.NDArray[np.int64],
    ) -> None:
        """Add values of some places to the discs around some others."""
        start, size = 0, _BLOCK
        while start < len(places):
            block = places[start : start + size]
            found = self._travel.pairs(self._grid[block], self._grid[middles], self._standard)
            for column in range(held.shape[1]):
                value = values[block[found.origin], column]
                held[middles, column] += np.bincount(found.target, value, len(middles))
            start += size
            # as many places at a time as have about so many neighbours in all
            size = max(_BLOCK, int(_PAIRS * len(block) / max(len(found.origin), 1)))


def _causes(coverage: Coverage, counting: Counting) -> dict[Cause, geodesy.type_floats]:
    """Divide the weight of each row that is out of reach by cause."""
    places = coverage.demand.places
    any_kit = np.bincount(coverage.near.origin, minlength=len(places.grid)) > 0
    paper, possible, known = (
        coverage.weight * coverage.uncovered_share(each)
        for each in (Counting.PAPER, Counting.POSSIBLE, Counting.KNOWN)
    )
    nothing = np.zeros_like(paper)
    closed = nothing if counting is Counting.PAPER else np.maximum(possible - paper, 0.0)
    not_known = np.maximum(known - possible, 0.0) if counting is Counting.KNOWN else nothing
    out_of_service = any_kit[places.place_of]
    return {
        Cause.TOO_FAR: np.where(out_of_service, 0.0, paper),
        Cause.OUT_OF_SERVICE: np.where(out_of_service, paper, 0.0),
        Cause.CLOSED: closed,
        Cause.NOT_KNOWN: not_known,
    }


def _wards(
    coverage: Coverage, gap_of: npt.NDArray[np.intp], weight: geodesy.type_floats, count: int
) -> list[str]:
    """Name the ward that holds most weight of each gap."""
    names = np.append(coverage.neighbourhoods["ward_name"].to_numpy(dtype=object), "")
    rows = gap_of >= 0
    frame = pd.DataFrame(
        {"gap": gap_of[rows], "ward": names[coverage.lsoa_of[rows]], "weight": weight[rows]}
    )
    sums = frame.groupby(["gap", "ward"])["weight"].sum().sort_values(ascending=False)
    heaviest = sums.reset_index().drop_duplicates("gap").set_index("gap")["ward"]
    return [str(heaviest[number]) for number in range(count)]


def _residents(
    residents: Coverage | None, counting: Counting, travel: Travel, middles: geodesy.type_floats
) -> list[float]:
    """Count the people out of reach around each middle, each of them once."""
    if residents is None:
        return [np.nan] * len(middles)
    count = residents.demand.points["count"].to_numpy(dtype=np.float64)
    beyond = residents.place_sums(count * residents.uncovered_share(counting))
    near = travel.pairs(residents.demand.places.grid, middles, residents.standard)
    first = np.full(len(beyond), len(middles))
    np.minimum.at(first, near.origin, near.target)
    return [float(people) for people in np.bincount(first, beyond, len(middles) + 1)[:-1]]


def _nearest_kits(coverage: Coverage, middles: npt.NDArray[np.intp]) -> list[str]:
    names = [f"{kit.reference} {kit.name}" for kit in coverage.kits.itertuples()]
    return [[*names, ""][number] for number in coverage.nearest[middles]]


def _kits_near(
    coverage: Coverage, counting: Counting, gap_of_place: npt.NDArray[np.intp], count: int
) -> list[tuple[str, ...]]:
    """List the kits within the standard of a part of each gap, by reference."""
    gap = gap_of_place[coverage.near.origin]
    always = np.asarray(coverage.opened[counting].sets.all(axis=0), dtype=np.bool_)
    kept = (gap >= 0) & ~always[coverage.near.target]
    pairs = np.unique(np.column_stack([gap[kept], coverage.near.target[kept]]), axis=0)
    references = coverage.kits["reference"].tolist()
    return [
        tuple(sorted(references[kit] for kit in pairs[pairs[:, 0] == number, 1]))
        for number in range(count)
    ]


def _why(causes: Mapping[Cause, float]) -> str:
    said = sorted(
        ((part, cause) for cause, part in causes.items() if part >= _LEAST_SAID),
        key=lambda pair: -pair[0],
    )
    if len(said) == 1:
        return _SOLE[said[0][1]]
    parts = (_part(cause, Figure(part, ".0%")) for part, cause in said)
    return Sentence.joined(*parts, between=", ", end=".")


_SOLE = {
    Cause.TOO_FAR: Sentence("Too far from every kit."),
    Cause.OUT_OF_SERVICE: Sentence("Near a kit not in service."),
    Cause.CLOSED: Sentence("Near a kit that is shut then."),
    Cause.NOT_KNOWN: Sentence("Near a kit perhaps open then."),
}


def _part(cause: Cause, share: Figure) -> Sentence:
    if cause is Cause.TOO_FAR:
        return Sentence("%(share)s too far from every kit", share=share)
    if cause is Cause.OUT_OF_SERVICE:
        return Sentence("%(share)s near a kit not in service", share=share)
    if cause is Cause.CLOSED:
        return Sentence("%(share)s near a kit that is shut then", share=share)
    return Sentence("%(share)s near a kit perhaps open then", share=share)
