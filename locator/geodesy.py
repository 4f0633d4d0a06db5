"""Convert between WGS 84, British National Grid, grid references and plus codes.

This is the only module that knows a coordinate reference system. The National Grid
comes from the OSTN15 transformation (Ordnance Survey), which pyproj wheels lack: without
it, positions in Northamptonshire are about 2 m off.
"""

import math
import re
from typing import overload

import numpy as np
import numpy.typing as npt
import pyproj
from convertbng.cutil import convert_bng, convert_lonlat
from openlocationcode import openlocationcode as olc

from locator.errors import InputError, OutsideGreatBritainError
from locator.wording import Sentence

WGS84 = "EPSG:4326"
BNG = "EPSG:27700"
WEB_MERCATOR = "EPSG:3857"

type_floats = npt.NDArray[np.float64]

_ELLIPSOID = pyproj.Geod(ellps="GRS80")
_MERCATOR_RADIUS_M = 6_378_137.0
_SQUARE_M = 100_000
_GRID_LETTERS = "ABCDEFGHJKLMNOPQRSTUVWXYZ"
_MAX_GRID_DIGITS = 5


@overload
def to_bng(lon: float, lat: float) -> tuple[float, float]: ...
@overload
def to_bng(lon: type_floats, lat: type_floats) -> tuple[type_floats, type_floats]: ...
def to_bng(
    lon: float | type_floats, lat: float | type_floats
) -> tuple[float | type_floats, float | type_floats]:
    """Convert WGS 84 to British National Grid (OSTN15).

    Parameters
    ----------
    lon, lat
        Degrees (EPSG:4326), two numbers or two arrays of one shape ``(n,)``.

    Returns
    -------
    easting, northing
        Metres (EPSG:27700), to the millimetre. In arrays, positions outside the
        transformation are NaN.

    Raises
    ------
    OutsideGreatBritainError
        A single position lies outside the transformation.
    """
    if isinstance(lon, np.ndarray):
        return _floats(*convert_bng(np.ascontiguousarray(lon), np.ascontiguousarray(lat)))
    easting, northing = convert_bng(lon, lat)
    if np.isnan(easting[0]):
        msg = Sentence(
            "Latitude %(lat)s, longitude %(lon)s is not in Great Britain. "
            "Check the order (latitude first) and the minus sign of the longitude.",
            lat=f"{lat:.5f}",
            lon=f"{lon:.5f}",
        )
        raise OutsideGreatBritainError(msg)
    return float(easting[0]), float(northing[0])


@overload
def to_wgs84(easting: float, northing: float) -> tuple[float, float]: ...
@overload
def to_wgs84(easting: type_floats, northing: type_floats) -> tuple[type_floats, type_floats]: ...
def to_wgs84(
    easting: float | type_floats, northing: float | type_floats
) -> tuple[float | type_floats, float | type_floats]:
    """Convert British National Grid (OSTN15) to WGS 84.

    Parameters
    ----------
    easting, northing
        Metres (EPSG:27700), two numbers or two arrays of one shape ``(n,)``.

    Returns
    -------
    lon, lat
        Degrees (EPSG:4326). In arrays, positions outside the transformation are NaN.

    Raises
    ------
    OutsideGreatBritainError
        A single position lies outside the transformation.
    """
    if isinstance(easting, np.ndarray):
        return _floats(
            *convert_lonlat(np.ascontiguousarray(easting), np.ascontiguousarray(northing))
        )
    lon, lat = convert_lonlat(easting, northing)
    if np.isnan(lon[0]):
        msg = Sentence(
            "Easting %(easting)s, northing %(northing)s is not in Great Britain.",
            easting=f"{easting:.0f}",
            northing=f"{northing:.0f}",
        )
        raise OutsideGreatBritainError(msg)
    return float(lon[0]), float(lat[0])


def grid_or_none(easting: float, northing: float) -> tuple[float, float] | None:
    """Convert National Grid metres to degrees (EPSG:4326); None outside Great Britain."""
    try:
        return to_wgs84(easting, northing)
    except OutsideGreatBritainError:
        return None


def mercator_or_none(x: float, y: float) -> tuple[float, float] | None:
    """Convert Web Mercator metres (EPSG:3857) to degrees; None off the world.

    Source: EPSG guidance note 7-2, method 1024.
    """
    if max(abs(x), abs(y)) > math.pi * _MERCATOR_RADIUS_M:
        return None
    lat = math.degrees(math.atan(math.sinh(y / _MERCATOR_RADIUS_M)))
    return math.degrees(x / _MERCATOR_RADIUS_M), lat


def _floats(first: type_floats, second: type_floats) -> tuple[type_floats, type_floats]:
    return np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)


def geodesic_m(
    lon: float | type_floats,
    lat: float | type_floats,
    other_lon: float | type_floats,
    other_lat: float | type_floats,
) -> type_floats:
    """Measure the shortest distance on the GRS 80 ellipsoid.

    Parameters
    ----------
    lon, lat, other_lon, other_lat
        Degrees (EPSG:4326); numbers or arrays that broadcast together.

    Returns
    -------
    distance
        Metres.
    """
    ends = np.broadcast_arrays(lon, lat, other_lon, other_lat)
    # pyproj takes an array of one element for a number and warns
    plain = [end.item() if end.size == 1 else end for end in ends]
    distance = _ELLIPSOID.inv(plain[0], plain[1], plain[2], plain[3])[2]
    return np.reshape(np.asarray(distance, dtype=np.float64), ends[0].shape)


def grid_reference(lon: float, lat: float, digits: int = 4) -> str:
    """Write a position as a National Grid reference.

    Parameters
    ----------
    lon, lat
        Degrees (EPSG:4326).
    digits
        Digits for each axis, 1 to 5; 4 names a square of 10 m.

    Returns
    -------
    reference
        For example ``SP 7536 6071``. Digits are cut, not rounded: the reference names
        the square that holds the position.

    Raises
    ------
    OutsideGreatBritainError
        The position lies outside the National Grid.
    """
    easting, northing = to_bng(lon, lat)
    column, row = int(easting // _SQUARE_M), int(northing // _SQUARE_M)
    first = _GRID_LETTERS[(3 - row // 5) * 5 + column // 5 + 2]
    second = _GRID_LETTERS[(4 - row % 5) * 5 + column % 5]
    step = 10 ** (_MAX_GRID_DIGITS - digits)
    x, y = (int(value % _SQUARE_M) // step for value in (easting, northing))
    return f"{first}{second} {x:0{digits}d} {y:0{digits}d}"


def parse_grid_reference(text: str) -> tuple[float, float, float]:
    """Read a National Grid reference.

    Parameters
    ----------
    text
        Two letters and 2 to 10 digits, with or without spaces.

    Returns
    -------
    lon, lat, precision_m
        Middle of the named square in degrees (EPSG:4326) and half its diagonal in metres.

    Raises
    ------
    InputError
        The text is not a National Grid reference.
    OutsideGreatBritainError
        The square lies outside the transformation.
    """
    match = re.fullmatch(r"([A-HJ-Z])([A-HJ-Z])((?:\d\d){1,5})", re.sub(r"\s+", "", text).upper())
    if match is None:
        msg = Sentence(
            "“%(text)s” is not a grid reference. An example of one: SP 7536 6071.", text=text
        )
        raise InputError(msg)
    first, second = (_GRID_LETTERS.index(letter) for letter in match.group(1, 2))
    column = (first % 5 - 2) * 5 + second % 5
    row = (3 - first // 5) * 5 + 4 - second // 5
    digits = match.group(3)
    half = len(digits) // 2
    side = 10 ** (_MAX_GRID_DIGITS - half)
    easting = column * _SQUARE_M + int(digits[:half]) * side + side / 2
    northing = row * _SQUARE_M + int(digits[half:]) * side + side / 2
    lon, lat = to_wgs84(easting, northing)
    return lon, lat, side / 2 * 2**0.5


def plus_code(lon: float, lat: float) -> str:
    """Write a position as a plus code (Open Location Code) of ten digits, about 14 m wide."""
    return str(olc.encode(lat, lon))


def parse_plus_code(text: str, *, near: tuple[float, float]) -> tuple[float, float, float]:
    """Read a plus code, full or shortened.

    Parameters
    ----------
    text
        For example ``9C4X64P4+2V`` or ``64P4+2V``.
    near
        Longitude and latitude in degrees (EPSG:4326); a shortened code is completed to
        the place nearest to it.

    Returns
    -------
    lon, lat, precision_m
        Middle of the code's area in degrees and half its diagonal in metres.

    Raises
    ------
    InputError
        The text is not a plus code.
    """
    code = text.strip().upper()
    if not olc.isValid(code):
        msg = Sentence("“%(text)s” is not a plus code. An example of one: 9C4X64P4+2V.", text=text)
        raise InputError(msg)
    if olc.isShort(code):
        code = olc.recoverNearest(code, near[1], near[0])
    area = olc.decode(code)
    lon, lat = float(area.longitudeCenter), float(area.latitudeCenter)
    corner = geodesic_m(lon, lat, area.longitudeHi, area.latitudeHi)
    return lon, lat, float(corner)
