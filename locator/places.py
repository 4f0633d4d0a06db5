"""Resolve what people type to positions on the map.

Postcodes, "street, town", place names, grid references, latitude and longitude, and plus
codes become a ranked list of :class:`Position`. A name that fits several places gives
several candidates, never a silent guess; every assumption is said in ``note``.
"""

import dataclasses
import functools
import itertools
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from rapidfuzz import process
from rapidfuzz.distance import OSA
from scipy.spatial import cKDTree

from locator import geodesy, tables
from locator.errors import InputError, OutsideGreatBritainError, PlaceNotFoundError
from locator.wording import Sentence

MAX_TEXT = 200
_MAX_CANDIDATES = 60
# how near misses rank among each other, in letters of a typo
_LONGER_COST, _AROUND_COST, _ELSEWHERE_COST = 3, 4, 6

# a typo budget for each length of a name: one letter in short names, two in longer ones
_SHORT_NAME, _LONG_NAME = 5, 8

# centre of one postcode unit to its addresses, judged by how far apart units lie there
UNIT_NEIGHBOUR = 3
UNIT_PRECISION_M = (40.0, 1500.0)

_FAR_SUBURB_M = 3000.0

# half the diagonal of the area of a plus code with ten digits, with some room
_PLUS_CODE_M = 10.0
# two ways to the same centre differ by rounding only
_SAME_CENTRE_M = 0.001
# farther than this from every postcode of the area is outside it
OUTSIDE_M = 5000.0
# what one says of a place in the country: it is near this
_SETTLEMENTS = frozenset({"town", "village", "suburb"})

_ABBREVIATIONS = {
    "rd": "road",
    "st": "street",
    "str": "street",
    "av": "avenue",
    "ave": "avenue",
    "cl": "close",
    "ct": "court",
    "cres": "crescent",
    "dr": "drive",
    "gdns": "gardens",
    "gr": "grove",
    "gro": "grove",
    "la": "lane",
    "ln": "lane",
    "pk": "park",
    "pl": "place",
    "sq": "square",
    "ter": "terrace",
    "terr": "terrace",
    "wk": "walk",
    "ctr": "centre",
    "stn": "station",
}
_KIND_ORDER = (
    "town",
    "village",
    "suburb",
    "railway station",
    "bus station",
    "hospital",
    "street",
    "bus stop",
)
_ANY_CASE = re.IGNORECASE
_POSTCODE = re.compile(r"\b([A-Z]{1,2}\d[A-Z\d]?)\s*(\d[A-Z]{2})\b")
_SECTOR = re.compile(r"([A-Z]{1,2}\d[A-Z\d]?)\s+(\d)")
_NUMBER = r"[-+\u2212]?\d{1,3}(?:\.\d+)?"
_LAT_LON = re.compile(
    rf"({_NUMBER})\s*°?\s*([NSEW]?)[\s,;]+({_NUMBER})\s*°?\s*([NSEW]?)", _ANY_CASE
)
_EASTING_NORTHING = re.compile(r"(\d{6})(?:\.\d+)?[\s,;]+(\d{6,7})(?:\.\d+)?")
_GRID = re.compile(r"[A-HJ-Z]{2}\s*(?:\d\s*){2,10}", _ANY_CASE)
_PLUS = re.compile(r"([23456789CFGHJMPQRVWX0]{4,8}\+[23456789CFGHJMPQRVWX]{0,7})(.*)", _ANY_CASE)
_HOUSE = re.compile(
    r"^(?:(?:flat|unit|apartment|apt|no|number)\.?\s+)?\d+[a-z]?\s+(?=\D)", _ANY_CASE
)
_ONLY_HOUSE = re.compile(r"(?:(?:flat|unit|apartment|apt|no|number)\.?\s*)?\d+[a-z]?", _ANY_CASE)


@dataclass(frozen=True, slots=True)
class Position:
    """A place on the map that somebody named.

    Attributes
    ----------
    lon, lat
        Degrees (EPSG:4326).
    precision_m
        Radius in metres within which the real place lies.
    label
        The name to show; resolving it again gives this position first.
    kind
        What it is: ``postcode``, ``street``, ``town``, ``point`` ...
    note
        What was assumed to get here, in a sentence; empty if nothing was.
    sure
        False when the text names something else and this is only the closest known name:
        ask before relying on it.
    """

    lon: float
    lat: float
    precision_m: float
    label: str
    kind: str = "point"
    note: str = ""
    sure: bool = True


def fold(text: str) -> str:
    """Reduce a name to what is compared: case, accents, punctuation and abbreviations go."""
    plain = unicodedata.normalize("NFKD", text).casefold().replace("&", " and ")
    plain = re.sub(r"['\u2018\u2019`.]", "", plain)
    words = re.findall(r"[a-z0-9]+", plain)
    if len(words) > 1 and words[0] == "the":
        del words[0]
    last = len(words) - 1
    return " ".join(_unabbreviated(word, i, last) for i, word in enumerate(words))


def _unabbreviated(word: str, index: int, last: int) -> str:
    if word == "st" and index < max(last, 1):
        return "saint"
    return _ABBREVIATIONS.get(word, word) if index else word


@dataclass(frozen=True, slots=True)
class _Entry:
    """One named place of the gazetteer."""

    position: Position
    name: str
    locality: str
    town: str
    sector: str

    @property
    def hints(self) -> frozenset[str]:
        """Towns that may be named with the place."""
        return frozenset(filter(None, (self.locality, self.town)))


class _Nearby:
    """Named places by where they are."""

    def __init__(self, positions: Sequence[Position]) -> None:
        degrees = np.array([(p.lon, p.lat) for p in positions], dtype=np.float64).reshape(-1, 2)
        grid = np.column_stack(geodesy.to_bng(degrees[:, 0].copy(), degrees[:, 1].copy()))
        # a place that is not in Great Britain is near nothing
        inside = ~np.isnan(grid[:, 0])
        self._positions = [p for p, keep in zip(positions, inside, strict=True) if keep]
        self._tree = cKDTree(grid[inside])

    def nearest(self, lon: float, lat: float, within_m: float) -> Position | None:
        try:
            at = geodesy.to_bng(lon, lat)
        except OutsideGreatBritainError:
            return None
        distance, row = self._tree.query(at)
        return self._positions[row] if distance <= within_m else None


class Gazetteer:
    """Every name and postcode that is known in the area, ready to be searched."""

    def __init__(self, area: tables.Area, postcodes: pd.DataFrame, named: pd.DataFrame) -> None:
        self.area = area
        self._load_postcodes(postcodes)
        self._load_names(named)

    @classmethod
    @functools.cache
    def load(cls, folder: Path) -> "Gazetteer":
        """Build the gazetteer of a geodata folder once for the process.

        Raises
        ------
        DataError
            A table is missing or damaged.
        """
        streets = tables.table(folder, "streets").assign(kind="street")
        named = pd.concat([tables.table(folder, "places"), streets], ignore_index=True)
        return cls(tables.area(folder), tables.table(folder, "postcodes"), named)

    def _load_postcodes(self, postcodes: pd.DataFrame) -> None:
        grid = postcodes[["easting", "northing"]].to_numpy(dtype=np.float64)
        lon, lat = geodesy.to_wgs84(grid[:, 0].copy(), grid[:, 1].copy())
        tree = cKDTree(grid)
        neighbour = min(UNIT_NEIGHBOUR + 1, len(grid))
        spacing = tree.query(grid, k=[neighbour])[0][:, 0]
        precision = np.clip(spacing, *UNIT_PRECISION_M).round(-1)
        self._units: dict[str, Position] = {
            code: Position(x, y, p, code, "postcode")
            for code, x, y, p in zip(postcodes["postcode"], lon, lat, precision, strict=True)
        }
        members: defaultdict[str, list[int]] = defaultdict(list)
        for row, code in enumerate(postcodes["postcode"]):
            members[code[:-2]].append(row)
            members[code.split()[0]].append(row)
        self._districts = {
            code: self._district(code, grid[np.asarray(rows)]) for code, rows in members.items()
        }
        self.centre = geodesy.to_wgs84(*(float(x) for x in np.median(grid, axis=0)))
        self._unit_tree, self._unit_codes = tree, postcodes["postcode"].to_numpy()

    @staticmethod
    def _district(code: str, grid: geodesy.type_floats) -> Position:
        # the median keeps a few far units of a district from pulling its centre away
        centre = np.median(grid, axis=0)
        reach = np.quantile(np.hypot(*(grid - centre).T), 0.9)
        lon, lat = geodesy.to_wgs84(float(centre[0]), float(centre[1]))
        kind = "postcode sector" if " " in code else "postcode district"
        return Position(lon, lat, max(round(float(reach), -1), 100.0), code, kind)

    def _load_names(self, named: pd.DataFrame) -> None:
        entries = [self._entry(row) for row in named.itertuples(index=False)]
        self._streets = _Nearby([e.position for e in entries if e.position.kind == "street"])
        settled = [e.position for e in entries if e.position.kind in _SETTLEMENTS]
        self._settlements = _Nearby(settled)
        repeated = defaultdict(list)
        for entry in entries:
            repeated[entry.position.label.casefold()].append(entry)
        self._labels: dict[str, _Entry] = {}
        self._names: defaultdict[str, list[_Entry]] = defaultdict(list)
        for group in repeated.values():
            for number, entry in enumerate(group, 1):
                known = self._told_apart(entry, number, len(group))
                self._labels[known.position.label.casefold()] = known
                self._names[known.name].append(known)
        self._town_centres = {e.name: e.position for e in entries if e.position.kind == "town"}
        streets = [e for e in entries if e.position.kind == "street"]
        self._streets_in = Counter(e.town or e.locality for e in streets)
        self._all_hints = sorted(set().union(*(e.hints for e in entries)))

    @staticmethod
    def _entry(row: "tuple[object, ...]") -> _Entry:
        place = row._asdict()  # type: ignore[attr-defined]  # pandas' named tuple
        name, kind = str(place["name"]), str(place["kind"])
        around = [str(place[c]) for c in ("locality", "town") if place[c]]
        around = [town for town in around if kind != "railway station" or town not in name]
        shown = f"{name} ({kind})" if kind == "bus stop" else name
        label = ", ".join(dict.fromkeys([shown, *around]))
        at = (float(place["longitude"]), float(place["latitude"]), float(place["precision_m"]))
        locality, town = (fold(str(place[c])) for c in ("locality", "town"))
        return _Entry(Position(*at, label, kind), fold(name), locality, town, str(place["sector"]))

    @staticmethod
    def _told_apart(entry: _Entry, number: int, group: int) -> _Entry:
        if group == 1:
            return entry
        position = entry.position
        apart = f"{position.label} (near {entry.sector}, {number} of {group})"
        return dataclasses.replace(entry, position=dataclasses.replace(position, label=apart))

    def names(self) -> list[str]:
        """List every name that is known, folded."""
        return list(self._names)

    def listed(self, kinds: Collection[str]) -> list[Position]:
        """List the places of some kinds under the labels that name them."""
        positions = (entry.position for entry in self._labels.values())
        return [position for position in positions if position.kind in kinds]

    def nearest_postcode(self, lon: float, lat: float, within_m: float = 300.0) -> str | None:
        """Name the postcode unit whose centre is nearest, if one is within ``within_m``.

        Units of one building share a centre: the first by the alphabet is named.
        """
        try:
            at = geodesy.to_bng(lon, lat)
        except OutsideGreatBritainError:
            return None
        nearest_m, _ = self._unit_tree.query(at)
        if nearest_m > within_m:
            return None
        rows = self._unit_tree.query_ball_point(at, nearest_m + _SAME_CENTRE_M)
        return min(str(self._unit_codes[row]) for row in rows)

    def nearest_street(self, lon: float, lat: float, within_m: float = 150.0) -> Position | None:
        """Name the street whose middle is nearest, if one is within ``within_m``.

        Streets are known by one point each: a long one may be nearer than its middle is.
        """
        return self._streets.nearest(lon, lat, within_m)

    def nearest_settlement(
        self, lon: float, lat: float, within_m: float = 4000.0
    ) -> Position | None:
        """Name the town, village or suburb whose middle is nearest, if one is that near."""
        return self._settlements.nearest(lon, lat, within_m)

    def distance_to_postcodes_m(self, lon: float, lat: float) -> float:
        """Tell how many metres the nearest postcode of the area is away.

        Raises
        ------
        OutsideGreatBritainError
            The position is not in Great Britain.
        """
        return float(self._unit_tree.query(geodesy.to_bng(lon, lat))[0])

    def resolve(self, text: str) -> list[Position]:
        """Find the positions that a text may mean, best first.

        Parameters
        ----------
        text
            A postcode (whole, sector or district, any case and spacing), a street with or
            without its town, a place name, a National Grid reference, easting and northing,
            ``latitude, longitude``, or a plus code.

        Returns
        -------
        candidates
            At least one :class:`Position`. More than one means that the text fits several
            places and that the reader has to choose.

        Raises
        ------
        InputError
            The text is empty, too long, or a position outside Great Britain.
        PlaceNotFoundError
            Nothing known fits; the message says what would work.
        """
        asked = " ".join(text.split())
        if not asked:
            msg = Sentence.joined(Sentence("Type a place."), self._what_works())
            raise InputError(msg)
        if len(asked) > MAX_TEXT:
            long = Sentence("That is too long for a place name.")
            msg = Sentence.joined(long, self._what_works())
            raise InputError(msg)
        label = self._labels.get(asked.casefold())
        if label is not None:
            return [label.position]
        # the sector NN1 1 is a grid reference as well: postcodes go first
        postcodes = self._postcodes(asked)
        if postcodes:
            return postcodes
        for reader in (self._coordinates, self._plus_code, self._grid_reference):
            found = reader(asked)
            if found is not None:
                return [self.noted_if_outside(found)]
        candidates = list(itertools.islice(self._named(asked), _MAX_CANDIDATES))
        if candidates:
            return candidates
        unknown = Sentence(
            "“%(place)s” was not found in %(area)s.", place=asked, area=self.area.name
        )
        msg = Sentence.joined(unknown, self._what_works())
        raise PlaceNotFoundError(msg)

    def _what_works(self) -> Sentence:
        return Sentence(
            "What works: a postcode (%(postcode)s), a street and town (%(street)s), a place name, "
            "a grid reference, latitude and longitude, or a plus code.",
            postcode=self.area.example_postcode,
            street=self.area.example_street,
        )

    def _coordinates(self, text: str) -> Position | None:
        grid = _EASTING_NORTHING.fullmatch(text)
        if grid is not None:
            easting, northing = float(grid[1]), float(grid[2])
            lon, lat = geodesy.to_wgs84(easting, northing)
            return Position(lon, lat, 1.0, f"Easting {easting:.0f}, northing {northing:.0f}")
        match = _LAT_LON.fullmatch(text)
        if match is None:
            return None
        first, second = (_signed(match[i], match[i + 1]) for i in (1, 3))
        letters = (match[2] + match[4]).upper()
        swapped = letters[:1] in ("E", "W") or (not letters and abs(first) < abs(second))
        lat, lon = (second, first) if swapped else (first, second)
        first_is_lon = Sentence("Read as longitude first, then latitude.")
        note = first_is_lon if swapped and not letters else ""
        geodesy.to_bng(lon, lat)
        decimals = min(len(match[i].partition(".")[2]) for i in (1, 3))
        # one unit in the last decimal of a latitude, in metres
        precision = max(111_000.0 / 10**decimals, 1.0)
        return Position(lon, lat, precision, f"{lat:.5f}, {lon:.5f}", note=note)

    def noted_if_outside(self, position: Position) -> Position:
        """Add a note to a position that lies outside the area."""
        if self.distance_to_postcodes_m(position.lon, position.lat) <= OUTSIDE_M:
            return position
        outside = Sentence(
            "This is outside %(area)s: only its kits are listed.", area=self.area.name
        )
        return dataclasses.replace(position, note=Sentence.joined(outside, position.note))

    def _plus_code(self, text: str) -> Position | None:
        match = _PLUS.fullmatch(text)
        if match is None:
            return None
        near = self.centre
        if match[2].strip(" ,"):
            place = self.resolve(match[2].strip(" ,"))[0]
            near = place.lon, place.lat
        lon, lat, precision = geodesy.parse_plus_code(match[1], near=near)
        geodesy.to_bng(lon, lat)
        whole = geodesy.plus_code(lon, lat)
        # a code of fewer digits names a wider area: it is shown as it was typed
        label = whole if precision <= _PLUS_CODE_M else match[1].upper()
        return Position(lon, lat, precision, label)

    def _grid_reference(self, text: str) -> Position | None:
        if _GRID.fullmatch(text) is None or sum(c.isdigit() for c in text) % 2:
            return None
        lon, lat, precision = geodesy.parse_grid_reference(text)
        digits = sum(c.isdigit() for c in text) // 2
        return Position(lon, lat, precision, geodesy.grid_reference(lon, lat, digits))

    def _postcodes(self, text: str) -> list[Position]:
        upper = text.upper()
        codes = dict.fromkeys(_POSTCODE.findall(upper))
        if len(codes) > 1:
            note = Sentence("Several postcodes were typed.")
            return [dataclasses.replace(self._unit(*code), note=note, sure=False) for code in codes]
        if codes:
            return [self._unit(*code) for code in codes]
        match = _POSTCODE.fullmatch(_postcode_shape(upper))
        if match is not None and match[1] in self._districts:
            return [self._unit(match[1], match[2])]
        sector = _SECTOR.fullmatch(upper)
        found = self._districts.get(f"{sector[1]} {sector[2]}" if sector else upper)
        return [found] if found else []

    def _unit(self, outward: str, inward: str) -> Position:
        code = f"{outward} {inward}"
        if code in self._units:
            return self._units[code]
        for wider in (f"{outward} {inward[0]}", outward):
            if wider in self._districts:
                note = Sentence(
                    "%(code)s is not in our list of postcodes: this is the middle of %(wider)s.",
                    code=code,
                    wider=wider,
                )
                return dataclasses.replace(self._districts[wider], note=note)
        unknown = Sentence(
            "%(code)s is not a postcode of %(area)s.", code=code, area=self.area.name
        )
        msg = Sentence.joined(unknown, self._what_works())
        raise PlaceNotFoundError(msg)

    def _named(self, text: str) -> Iterator[Position]:
        readings = list(self._readings(text))
        found: dict[str, tuple[int, Position]] = {}
        for allow_typos in (False, True):
            for reading in readings:
                for cost, position in self._matches(*reading, allow_typos=allow_typos):
                    _keep_cheaper(found, cost, position)
            if found:
                break
        if not any(position.sure for _, position in found.values()):
            for cost, position in list(self._near_misses(readings, found=bool(found))):
                _keep_cheaper(found, cost, position)
        ranked = sorted(found.values(), key=lambda item: (item[0], *self._rank(item[1])))
        yield from (position for _, position in ranked)

    def _rank(self, position: Position) -> tuple[int, int, str]:
        """Put streets of large towns first: more people stand in them."""
        entry = self._labels.get(position.label.casefold())
        streets = self._streets_in[entry.town or entry.locality] if entry else 0
        return _KIND_ORDER.index(position.kind), -streets, position.label

    def _readings(self, text: str) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Split a text into a name and the towns that should hold it, in every likely way."""
        county = {fold(self.area.name), "uk", "england", ""}
        parts = [p.strip() for p in text.split(",")]
        parts = [_HOUSE.sub("", p) for p in parts if not _ONLY_HOUSE.fullmatch(p)]
        parts = [p for p in parts if fold(p) not in county]
        if not parts:
            return
        yield fold(parts[0]), tuple(map(fold, parts[1:]))
        if len(parts) == 1:
            words = parts[0].split()
            for cut in range(1, len(words)):
                first, second = (fold(" ".join(w)) for w in (words[:cut], words[cut:]))
                yield first, (second,)
                yield second, (first,)

    def _matches(
        self, name: str, hints: tuple[str, ...], *, allow_typos: bool
    ) -> Iterator[tuple[int, Position]]:
        towns = [self._near_names(hint, self._all_hints, allow_typos=allow_typos) for hint in hints]
        by_district = len(hints) == 1 and hints[0] in self._districts_folded and not allow_typos
        if not (all(towns) or by_district):
            return
        for known, cost in self._near_names(name, self._names, allow_typos=allow_typos).items():
            for entry in self._names[known]:
                extra = _hint_cost(entry, hints, towns)
                if extra is not None:
                    total = cost + extra
                    note = self._why_unsure(entry, name, hints, exact=not total)
                    yield total, dataclasses.replace(entry.position, note=note, sure=not note)

    def _why_unsure(self, entry: _Entry, name: str, hints: tuple[str, ...], *, exact: bool) -> str:
        if not exact:
            return Sentence("The closest name to “%(name)s”.", name=", ".join((name, *hints)))
        if self._in_far_suburb(entry, hints):
            return Sentence("This one is in a suburb that you did not name.")
        return ""

    def _in_far_suburb(self, entry: _Entry, hints: tuple[str, ...]) -> bool:
        """Tell whether only the town was named and the place lies well away from its middle.

        The lists of streets have gaps: the street that was meant may be missing from them.
        """
        centre = self._town_centres.get(entry.town)
        if centre is None or entry.town not in hints or entry.locality in hints:
            return False
        at = entry.position
        return bool(geodesy.geodesic_m(centre.lon, centre.lat, at.lon, at.lat) > _FAR_SUBURB_M)

    def _near_misses(
        self, readings: list[tuple[str, tuple[str, ...]]], *, found: bool
    ) -> Iterator[tuple[int, Position]]:
        """Offer what is close when nothing fits: longer names, the area around, other towns."""
        for name, hints in readings:
            in_known_towns = all(hint in self._all_hints for hint in hints)
            if len(readings) > 1 and not in_known_towns:
                continue
            for known in self._longer_names(name):
                for entry in self._within(known, hints if in_known_towns else ()):
                    note = Sentence("“%(name)s” is part of this name.", name=name)
                    yield _LONGER_COST, _unsure(entry, note)
            for skipped, around in enumerate(() if found else hints):
                for entry in self._within(around, hints[skipped + 1 :]):
                    note = Sentence(
                        "“%(name)s” is not known there. This is the whole of “%(around)s”.",
                        name=name,
                        around=around,
                    )
                    yield _AROUND_COST + skipped, _unsure(entry, note)
            for entry in self._names.get(name, ()) if hints else ():
                note = Sentence(
                    "No “%(name)s” is known in “%(towns)s”. This one is elsewhere.",
                    name=name,
                    towns=", ".join(hints),
                )
                yield _ELSEWHERE_COST, _unsure(entry, note)

    def _within(self, name: str, hints: tuple[str, ...]) -> Iterator[_Entry]:
        towns = [{hint: 0} for hint in hints]
        for entry in self._names.get(name, ()):
            if _hint_cost(entry, hints, towns) is not None:
                yield entry

    def _longer_names(self, name: str) -> list[str]:
        if len(name) < _SHORT_NAME - 1:
            return []
        inside = f" {name} "
        return [known for known in self._names if inside in f" {known} " and known != name]

    @functools.cached_property
    def _districts_folded(self) -> frozenset[str]:
        return frozenset(code.casefold() for code in self._districts)

    @staticmethod
    def _near_names(
        name: str, names: Mapping[str, object] | Sequence[str], *, allow_typos: bool
    ) -> dict[str, int]:
        if not allow_typos:
            return {name: 0} if name in names else {}
        budget = 0 if len(name) < _SHORT_NAME - 1 else 1 if len(name) < _LONG_NAME else 2
        found = process.extract(
            name, list(names), scorer=OSA.distance, score_cutoff=budget, limit=_MAX_CANDIDATES
        )
        return {match: int(cost) for match, cost, _ in found}


def _unsure(entry: _Entry, note: str) -> Position:
    return dataclasses.replace(entry.position, note=note, sure=False)


def _keep_cheaper(found: dict[str, tuple[int, Position]], cost: int, position: Position) -> None:
    if position.label not in found or cost < found[position.label][0]:
        found[position.label] = (cost, position)


def _hint_cost(
    entry: _Entry, hints: tuple[str, ...], towns: Iterable[Mapping[str, int]]
) -> int | None:
    cost = 0
    for hint, spellings in zip(hints, towns, strict=True):
        fits = [c for town, c in spellings.items() if town in entry.hints]
        if fits:
            cost += min(fits)
        elif not entry.sector.casefold().startswith(hint):
            return None
    return cost


def _signed(number: str, letter: str) -> float:
    value = float(number.replace("\u2212", "-"))
    return -abs(value) if letter.upper() in ("S", "W") and letter else value


_POSTCODE_LENGTHS = range(5, 8)
_LETTERS_AS_DIGITS = str.maketrans("OIL", "011")


def _postcode_shape(text: str) -> str:
    """Mend the letters O, I and L typed for digits where a postcode must have a digit."""
    code = text.replace(" ", "")
    if len(code) not in _POSTCODE_LENGTHS:
        return text
    outward, inward = code[:-3], code[-3:]
    letters = 2 if outward[1:2].isalpha() and outward[1:2] not in "OIL" else 1
    mended = outward[:letters] + outward[letters:].translate(_LETTERS_AS_DIGITS)
    return f"{mended} {inward[0].translate(_LETTERS_AS_DIGITS)}{inward[1:]}"
