"""Check values before they are written, by what the schema says of each column."""

import datetime as dt
import functools
import math
import re
import sys
import unicodedata
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from sqlalchemy import Column, Date, Double, Integer

from locator.errors import InputError
from locator.hours import check_syntax
from locator.registry.schema import GREAT_BRITAIN, Base, table_of

_WORD = (
    r"(?<![^\W_])(?<!post)(?<!post )(?<!post-)"
    r"(?:(?:key|pass|door|access)?codes?|pin|passw(?:or)?d|combination|key ?pad|key ?safe|lock"
    r"|press)"
    r"(?![^\W_])"
)
# digits that may be set apart, with a letter before or after, or letters and digits in turn
_SECRET = r"(?:[a-z]?\d(?:[ .\-]?\d){2,7}[a-z]?|[a-z]\d[a-z]\d)"  # noqa: S105  # its shape
# numbers that everybody may dial
_HARMLESS = r"(?!(?:999|112|111|101)\b)"
_YEAR = r"(?!(?:19|20)\d\d\b)"
_CODES = re.compile(
    rf"{_WORD}(?:\W|_|\b(?:is|are|no|number|the)\b){{0,8}}"
    rf"{_HARMLESS}{_SECRET}\b"
    rf"|{_WORD}[^\d.;]{{0,20}}?\b{_HARMLESS}{_YEAR}{_SECRET}\b"
    rf"|\b{_HARMLESS}{_SECRET}\b\s*(?:#|opens\b|is the {_WORD}|\({_WORD}\))"
    r"|#\s?\d{3,8}\b|\b(?-i:[A-Z]\d{3,4}[A-Z])\b",
    re.IGNORECASE,
)
# what every code comes with; quick to look for
_SUSPECT = re.compile(
    r"code|pin|passw|combination|key|lock|press|#|opens|(?-i:[A-Z]\d{3,4}[A-Z])", re.IGNORECASE
)
_REMOVED = "[removed]"
_CONTACTS = re.compile(
    r"[^\s@<>(),;:]+@[^\s@<>(),;:]+\.\w+|(?:\+44\s?(?:\(0\)\s?)?|\b0)\d(?:[\s-]?\d){8,9}\b"
)
_POSTCODE = re.compile(r"[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2}")
_OSM_ID = re.compile(r"(node|way|relation)/\d+")
_ADDRESS_OF_A_PAGE = re.compile(r"https?://\S+")
# what a text of a column must look like, and how to say so
_SHAPES: Mapping[str, tuple[re.Pattern[str], str]] = {
    "postcode": (_POSTCODE, "a whole postcode such as NN1 1DE"),
    "osm_id": (_OSM_ID, "like node/123"),
    "source_url": (_ADDRESS_OF_A_PAGE, "an address that begins with https://"),
    "photo": (_ADDRESS_OF_A_PAGE, "an address that begins with https://"),
}
# days of things that have happened
_PAST = ("installed_on", "last_checked", "host_consent_on")
_REPORTED = re.compile(r"\d{4}(-\d{2}(-\d{2})?)?")


def single_line(text: str) -> str:
    """Normalise a text to one line without control characters (Unicode NFC)."""
    return _line_once(text) if len(text) <= _SHORT else _line(text)


def _line(text: str) -> str:
    text = unicodedata.normalize("NFC", text)
    if not text.isprintable():
        text = "".join(
            " " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c
            for c in text
            if unicodedata.category(c) not in ("Cs", "Co", "Cn", "Cf")
        )
    return " ".join(text.split())


def without_codes(text: str) -> str:
    """Take out what looks like the code of a cabinet."""
    if not _SUSPECT.search(text):
        return text
    return _open_once(text) if len(text) <= _SHORT else _CODES.sub(_REMOVED, text)


# lists repeat the same short words in most of their rows
_SHORT = 100


@functools.lru_cache(maxsize=1 << 14)
def _line_once(text: str) -> str:
    return sys.intern(_line(text))


@functools.lru_cache(maxsize=1 << 14)
def _open_once(text: str) -> str:
    return _CODES.sub(_REMOVED, text)


def without_contacts(text: str) -> str:
    """Take out telephone numbers and addresses for mail."""
    if "@" not in text and "0" not in text:
        return text
    return _CONTACTS.sub(_REMOVED, text)


def refuse_codes(name: str, text: str) -> None:
    """Refuse a text that seems to hold the code of a cabinet.

    Raises
    ------
    InputError
        It does; ``name`` says which text it is.
    """
    if without_codes(text) != text:
        msg = (
            f"The field {name} seems to hold the code of a cabinet. Codes are never stored: the "
            "999 operator gives them. Take it out."
        )
        raise InputError(msg)


def fits(name: str, text: str) -> bool:
    """Whether a text has the shape that its column asks for."""
    return name not in _SHAPES or _SHAPES[name][0].fullmatch(text) is not None


def clean(model: type[Base], values: Mapping[str, object]) -> dict[str, Any]:
    """Check values for some columns of a table.

    Parameters
    ----------
    model
        A table of the schema.
    values
        By column name. Texts are normalised; None empties a column.

    Returns
    -------
    cleaned
        The values as the column keeps them.

    Raises
    ------
    InputError
        A column is not known, or a value does not fit it; the message names it.
    OpeningHoursError
        Opening hours are not in OSM syntax.
    """
    columns = {column.name: column for column in table_of(model).columns}
    unknown = sorted(set(values) - set(columns))
    if unknown:
        known = ", ".join(name for name in columns if name != "edition")
        msg = f"There is no field “{unknown[0]}”. Fields: {known}."
        raise InputError(msg)
    cleaned: dict[str, Any] = {name: _value(columns[name], value) for name, value in values.items()}
    lon, lat = cleaned.get("longitude"), cleaned.get("latitude")
    if lon is not None and lat is not None:
        _check_position(lon, lat)
    return cleaned


def _value(column: "Column[Any]", value: object) -> object:
    start = column.info.get("start")
    if value is None or value == "":
        return start
    if "choice" in column.info:
        return _one_of(column, str(value))
    if "longest" in column.info:
        return _text(column, value)
    if isinstance(column.type, Date):
        return _date(column, value)
    if isinstance(column.type, Double):
        return _number(column, value)
    if isinstance(column.type, Integer) and isinstance(value, int):
        return value
    msg = f"“{value}” does not fit the field {column.name}."
    raise InputError(msg)


def _one_of(column: "Column[Any]", value: str) -> str:
    values: type[StrEnum] = column.info["choice"]
    try:
        return str(values(value))
    except ValueError:
        msg = f"“{value}” is not a {column.name}. Use one of: {', '.join(values)}."
        raise InputError(msg) from None


def _text(column: "Column[Any]", value: object) -> str:
    text, longest = single_line(str(value)), column.info["longest"]
    if len(text) > longest:
        msg = f"The field {column.name} holds {len(text)} characters; at most {longest} fit."
        raise InputError(msg)
    refuse_codes(column.name, text)
    if not fits(column.name, text):
        msg = f"“{text}” does not fit the field {column.name}: write {_SHAPES[column.name][1]}."
        raise InputError(msg)
    if column.name == "opening_hours" and text:
        check_syntax(text)
    if column.name == "reported" and not _REPORTED.fullmatch(text):
        msg = f"“{text}” is no date of a source. Use a year, 2024-05 or 2024-05-03."
        raise InputError(msg)
    return text


def _date(column: "Column[Any]", value: object) -> dt.date:
    try:
        day = value if isinstance(value, dt.date) else dt.date.fromisoformat(str(value))
    except ValueError:
        msg = f"“{value}” is not a date for {column.name}. Write it as 2026-07-04."
        raise InputError(msg) from None
    if isinstance(day, dt.datetime):
        day = day.date()
    if not dt.date(1990, 1, 1) <= day <= dt.date(2100, 1, 1):
        msg = f"{day} cannot be right for {column.name}."
        raise InputError(msg)
    if column.name in _PAST and day > latest_day():
        msg = f"{column.name}: {day} has not come yet."
        raise InputError(msg)
    return day


def latest_day() -> dt.date:
    """Tell which day it is at most, wherever the clock of this machine stands."""
    return dt.datetime.now(dt.UTC).date() + dt.timedelta(days=1)


def _number(column: "Column[Any]", value: object) -> float:
    try:
        number = float(str(value))
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        msg = f"“{value}” is not a number for {column.name}."
        raise InputError(msg)
    if column.name in ("precision_m", "cost_gbp") and number < 0:
        msg = f"{column.name} cannot be negative."
        raise InputError(msg)
    return number


def in_great_britain(lon: float, lat: float) -> bool:
    """Whether a position (EPSG:4326 degrees) lies in the boxes that the database accepts."""
    return any(
        west <= lon <= east and south <= lat <= north for west, south, east, north in GREAT_BRITAIN
    )


def _check_position(lon: float, lat: float) -> None:
    if not in_great_britain(lon, lat):
        msg = (
            f"Latitude {lat:.5f}, longitude {lon:.5f} is not in Great Britain. Check the order "
            "and the minus sign of the longitude."
        )
        raise InputError(msg)
