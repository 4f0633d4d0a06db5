"""Find out where a row of a file lies, whatever it calls that, and how sure that is."""

import dataclasses
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from locator import geodesy
from locator.errors import InputError, OutsideGreatBritainError
from locator.exchange.columns import ADDRESS_PARTS
from locator.exchange.values import Cells, Note, number, short
from locator.places import OUTSIDE_M, Gazetteer, Position
from locator.registry.rules import in_great_britain

# coordinates without a word on their precision are not trusted to better than a good phone
_UNTOLD_M = 20.0
_DEGREE_M = 111_000.0
# a position and a postcode that lie farther apart than their precisions and this contradict
_APART_M = 1500.0
# places that one circle of this radius holds may be taken as one
_ONE_PLACE_M = 1000.0
# a town or a district says too little to lead anybody to a kit
_TOO_WIDE_M = 1500.0
_NUMBER = re.compile(r"[-+\u2212]?\d+(?:[.,]\d+)?")
_GRID_DIGITS = 180.0
_MANY_DECIMALS = 15
# a circle wider than a county says nothing
_VAGUE_M = 100_000.0
_PAIRS = (("@x", "@y"), ("longitude", "latitude"), ("easting", "northing"))
# all but the digits after the point; degrees, minutes and seconds count as exact
_DECIMALS = re.compile(r"^[^.,]*[.,]?|[^\d]")


@dataclass(frozen=True, slots=True)
class Placed:
    """A position in degrees (EPSG:4326), how exact it is, and how it was found.

    ``stated`` is True for coordinates, False for what was looked up from words. ``assumed`` names
    the fields that the file does not give.
    """

    lon: float
    lat: float
    precision_m: float
    method: str
    stated: bool
    assumed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Finder:
    """Finds positions in the area of a gazetteer.

    Attributes
    ----------
    gazetteer
        Of the area.
    file
        Name of the file, for the method.
    crs
        What the file says of its geometries, such as ``EPSG:4326``; may be wrong.
    """

    gazetteer: Gazetteer
    file: str
    crs: str = ""

    def find(self, cells: Cells) -> Placed | None:
        """Find the position of a row.

        Returns
        -------
        placed
            None if the row names no place, or one that is not certain; a remark says which.

        Raises
        ------
        InputError
            The row has coordinates that cannot be right.
        """
        placed = self._stated(cells)
        if placed is None and cells.text("position_method"):
            # somebody has thought about it and says why there is no position
            return None
        looked_up = self._looked_up(cells, quiet=placed is not None)
        if placed is None:
            return looked_up
        if looked_up is not None:
            self._compare(cells, placed, looked_up)
        return placed

    def _stated(self, cells: Cells) -> Placed | None:
        pair = _pair(cells)
        if pair is not None:
            lon, lat = self._understood(cells, *pair)
            precision, method = number(cells, "precision_m"), cells.text("position_method")
            if precision is not None and not 0 < precision <= _VAGUE_M:
                cells.remark(Note.LEFT_OUT, f"precision_m: {precision:g} m cannot be right")
                precision = None
            assumed = ("precision_m",) if precision is None else ()
            assumed = assumed if method else (*assumed, "position_method")
            how = f"Coordinates of {self.file}"
            if precision is None:
                precision = max(_UNTOLD_M, _rounded_m(cells, *pair))
                how = f"{how}, which does not say how exact they are"
            return Placed(lon, lat, precision, method or how, stated=True, assumed=assumed)
        for name in ("grid_reference", "plus_code", "coordinates"):
            text = cells.text(name)
            if text:
                return self._named(cells, name, text)
        return None

    def _named(self, cells: Cells, name: str, text: str) -> Placed | None:
        try:
            found = self.gazetteer.resolve(text)
        except OutsideGreatBritainError:
            raise
        except InputError:
            cells.remark(Note.LEFT_OUT, f"{name}: “{short(text)}” is not understood")
            return None
        at = found[0]
        if at.kind != "point":
            cells.remark(Note.LEFT_OUT, f"{name}: “{short(text)}” is not understood")
            return None
        if at.note and "outside" not in at.note.lower():
            cells.remark(Note.CORRECTED, f"{name}: {at.note}")
        lon, lat = self._understood(cells, at.lon, at.lat)
        method = f"{name.replace('_', ' ').capitalize()} of {self.file}"
        return Placed(lon, lat, max(at.precision_m, _UNTOLD_M), method, stated=True)

    def _understood(self, cells: Cells, x: float, y: float) -> tuple[float, float]:
        """Find the reading of two numbers that lies in the area, or else in Great Britain."""
        readings = []
        for reading in _readings(x, y, self.crs):
            if not in_great_britain(reading.lon, reading.lat):
                continue
            if self._away_m(reading.lon, reading.lat) <= OUTSIDE_M:
                if reading.said:
                    cells.remark(Note.CORRECTED, f"position: {reading.said}")
                return reading.lon, reading.lat
            readings.append(reading)
        if not readings:
            msg = (
                f"The coordinates {x:.10g}, {y:.10g} are not in Great Britain, however they are "
                "read. Correct them, or empty them and give a postcode."
            )
            raise OutsideGreatBritainError(msg)
        best = readings[0]
        away = self._away_m(best.lon, best.lat) / 1000
        if not math.isfinite(away):
            msg = f"{best.lat:.5f}, {best.lon:.5f} lies in the sea or outside Great Britain."
            raise OutsideGreatBritainError(msg)
        if best.said:
            cells.remark(Note.CORRECTED, f"position: {best.said}")
        cells.remark(
            Note.LOOK, f"position: {away:.0f} km outside {self.gazetteer.area.name}; is that right?"
        )
        return best.lon, best.lat

    def _away_m(self, lon: float, lat: float) -> float:
        try:
            return self.gazetteer.distance_to_postcodes_m(lon, lat)
        except OutsideGreatBritainError:
            return math.inf

    def _looked_up(self, cells: Cells, *, quiet: bool) -> Placed | None:
        postcode = cells.text("postcode")
        if postcode:
            at = self._sole(cells, "postcode", postcode, quiet=quiet)
            if at is not None and at.kind.startswith("postcode"):
                return Placed(at.lon, at.lat, at.precision_m, f"Postcode {at.label}", stated=False)
        if quiet:
            # words are only needed where there is nothing better
            return None
        for words in _addresses(cells):
            at = self._sole(cells, "address", words, quiet=False)
            if at is not None and at.precision_m > _TOO_WIDE_M:
                cells.remark(
                    Note.LOOK,
                    f"address: “{short(words)}” is known only to {at.precision_m / 1000:.1f} km; "
                    "kept without a position. A postcode or a street would do",
                )
            elif at is not None:
                how = f"{at.kind.capitalize()} {at.label}, from the address"
                return Placed(at.lon, at.lat, at.precision_m, how, stated=False)
        if not any(cells.text(part) for part in (*ADDRESS_PARTS, "postcode")):
            cells.remark(Note.LOOK, "position: there is none; give coordinates or a postcode")
        return None

    def _sole(self, cells: Cells, name: str, text: str, *, quiet: bool) -> Position | None:
        try:
            found = self.gazetteer.resolve(text)
        except InputError:
            found = []
        if len(found) == 1 and found[0].sure:
            return found[0]
        one = _one_place(found)
        if one is not None:
            if not quiet:
                cells.remark(
                    Note.LOOK,
                    f"{name}: “{short(text)}” fits {len(found)} places close together; taken as "
                    f"one, within {one.precision_m:.0f} m",
                )
            return one
        if not quiet:
            options = "; ".join(p.label for p in found[:4])
            fits = f"fits {len(found)} places: {options}" if len(found) > 1 else "was not found"
            if len(found) == 1:
                fits = f"is not certain; did you mean {options}?"
            cells.remark(
                Note.LOOK, f"{name}: “{short(text)}” {fits}. Kept without a position from it"
            )
        return None

    def _compare(self, cells: Cells, placed: Placed, looked_up: Placed) -> None:
        north, east = abs(placed.lat - looked_up.lat), abs(placed.lon - looked_up.lon)
        if (north + east) * _DEGREE_M <= _APART_M:
            return
        apart = float(geodesy.geodesic_m(placed.lon, placed.lat, looked_up.lon, looked_up.lat))
        if apart > placed.precision_m + looked_up.precision_m + _APART_M:
            cells.remark(
                Note.LOOK,
                f"position: {apart / 1000:.1f} km from {_in_sentence(looked_up.method)}; one is "
                "wrong",
            )


def _in_sentence(text: str) -> str:
    return text[:1].lower() + text[1:]


def _one_place(found: list[Position]) -> Position | None:
    """Join places that lie close together, such as a street and its bus stop, to a wider one."""
    if not found or not all(place.sure for place in found):
        return None
    first = found[0]
    reach = max(
        float(geodesy.geodesic_m(first.lon, first.lat, place.lon, place.lat)) + place.precision_m
        for place in found
    )
    return dataclasses.replace(first, precision_m=reach) if reach <= _ONE_PLACE_M else None


def _pair(cells: Cells) -> tuple[float, float] | None:
    """Return two numbers as x and y, if the row has them; 0, 0 stands for nothing."""
    for east, north in _PAIRS:
        if cells.text(east) and cells.text(north):
            x, y = _degrees(cells, east), _degrees(cells, north)
            if x is None or y is None:
                return None
            if x == 0 and y == 0:
                cells.remark(Note.LEFT_OUT, "position: 0, 0 stands for no position")
                return None
            return x, y
        if cells.text(east) or cells.text(north):
            cells.remark(Note.LEFT_OUT, f"position: only one of {east} and {north} is given")
    return None


def _degrees(cells: Cells, name: str) -> float | None:
    """Read a number, or degrees with minutes, seconds and a letter."""
    value = cells.values.get(name)
    if isinstance(value, (int, float)):
        return number(cells, name)
    text = cells.text(name)
    letter = re.search(r"[NSEWnsew]\s*$|^\s*[NSEWnsew]", text)
    parts = [float(p.replace("\u2212", "-").replace(",", ".")) for p in _NUMBER.findall(text)]
    if letter is None and ("°" not in text or not parts):
        return number(cells, name)
    if not 1 <= len(parts) <= 3:  # noqa: PLR2004  # degrees, minutes, seconds
        return number(cells, name)
    size: float = sum(abs(part) / 60.0**place for place, part in enumerate(parts))
    negative = parts[0] < 0 or (letter is not None and letter[0].strip().upper() in ("S", "W"))
    return -size if negative else size


def _rounded_m(cells: Cells, x: float, y: float) -> float:
    """Judge from the decimals of degrees how far they may be rounded, in metres."""
    if max(abs(x), abs(y)) > _GRID_DIGITS:
        return 1.0
    given = [cells.text(name) for pair in _PAIRS for name in pair if cells.text(name)][:2]
    decimals = max((len(_DECIMALS.sub("", text)) for text in given), default=0)
    return float(_DEGREE_M / 10 ** min(decimals, _MANY_DECIMALS))


@dataclass(frozen=True, slots=True)
class _Reading:
    lon: float
    lat: float
    said: str


def _readings(x: float, y: float, crs: str) -> Iterator[_Reading]:
    """Give the ways to read two numbers, the one that they claim first."""
    if max(abs(x), abs(y)) <= 180:  # noqa: PLR2004  # degrees
        yield _Reading(x, y, "degrees, though the file says metres" if _metric(crs) else "")
        yield _Reading(-x, y, "the longitude had lost its minus sign")
        yield _Reading(y, x, "latitude and longitude were swapped")
        yield _Reading(-y, x, "latitude and longitude were swapped, and a minus sign lost")
        return
    for first, second, swapped in ((x, y, ""), (y, x, ", with the two swapped")):
        grid = geodesy.grid_or_none(first, second)
        if grid is not None:
            plain = crs == geodesy.BNG and not swapped
            yield _Reading(*grid, "" if plain else f"metres of the National Grid{swapped}")
    for first, second, swapped in ((x, y, ""), (-x, y, ", with a minus sign lost"),
                                   (y, x, ", with the two swapped")):  # fmt: skip
        mercator = geodesy.mercator_or_none(first, second)
        if mercator is not None:
            plain = crs == geodesy.WEB_MERCATOR and not swapped
            yield _Reading(*mercator, "" if plain else f"metres of Web Mercator{swapped}")


def _metric(crs: str) -> bool:
    return crs in (geodesy.BNG, geodesy.WEB_MERCATOR)


def _addresses(cells: Cells) -> Iterator[str]:
    """Give the texts that may name the place, the fullest first."""
    address = cells.text("address")
    street = " ".join(filter(None, (cells.text("house"), cells.text("street"))))
    around = [cells.text(part) for part in ("locality", "town")]
    whole = ", ".join(filter(None, (street, *around)))
    for text in dict.fromkeys((address, whole)):
        if text:
            yield text
