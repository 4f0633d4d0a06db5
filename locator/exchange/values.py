"""Read cells as people fill them in, and say what was corrected."""

import calendar
import contextlib
import datetime as dt
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from locator.errors import OpeningHoursError
from locator.hours import ALWAYS, check_syntax
from locator.registry import rules
from locator.registry.schema import (
    Access,
    Consent,
    Decision,
    Indoor,
    Kind,
    Status,
    TimePrecision,
    Wheelchair,
)

Scalar = str | int | float | bool

_EXCEL_ZERO = dt.datetime(1899, 12, 30)  # noqa: DTZ001  # a calendar, not an instant
_EXCEL_DAYS = range(20_000, 80_000)
_DAY_MONTH_YEAR = re.compile(r"(\d{1,2})[/.\- ](\d{1,2})[/.\- ](\d{4}|\d{2})\b")
_MONTHS = tuple(calendar.month_abbr[n].casefold() for n in range(1, 13))
_DAY_NAME_YEAR = re.compile(r"(\d{1,2})(?:st|nd|rd|th)?[\s\-]+([a-z]{3,9})\.?,?[\s\-]+(\d{4})")
_NAME_YEAR = re.compile(r"([a-z]{3,9})\.?[\s\-]+(\d{4})")
_EMPTY = frozenset(
    (
        "",
        "-",
        "--",
        "n/a",
        "na",
        "nan",
        "none",
        "null",
        "nil",
        "?",
        "tbc",
        "tba",
        "#n/a",
        "unknown",
        "not stated",
        "not known",
        "not given",
    )
)
_CENTURY = 2000
_LONGEST_HOURS = 500
_PRIVATE = ("guardian_", "checked_by")
_ALL_DAY = re.compile(
    r"(24|twenty[ -]?four)[ -]?(/|-)?[ -]?(7|hours?|hrs)( a day)?|always( open)?|24 ?hr?s? ?7",
    re.IGNORECASE,
)


class Note(StrEnum):
    """What a remark means for the person who reads the report."""

    CORRECTED = "corrected"
    LEFT_OUT = "left out"
    LOOK = "please look"


@dataclass(frozen=True, slots=True)
class Remark:
    """One sentence about a row."""

    note: Note
    text: str


@dataclass(slots=True)
class Cells:
    """The cells of one row by field, and what is remarked about them."""

    values: Mapping[str, Scalar]
    remarks: list[Remark] = field(default_factory=list)
    _texts: dict[str, str] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """Return a cell as clean text; what stands for nothing is empty."""
        known = self._texts.get(name)
        if known is None:
            known = self._texts[name] = self._text(name)
        return known

    def _text(self, name: str) -> str:
        value = self.values.get(name)
        if value is None:
            return ""
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        text = rules.single_line(str(value))
        return "" if text.casefold() in _EMPTY else text

    def remark(self, note: Note, text: str) -> None:
        """Say something about the row."""
        self.remarks.append(Remark(note, text))


# words that people write -> value; the first that is found in the cell counts
_Words = tuple[tuple[str, str], ...]
_WORDS: Mapping[type[StrEnum], _Words] = {
    Kind: (
        (r"defib|\baed\b", Kind.IN_DEFIBRILLATOR_BOX),
        (r"cabinet|outdoor box|wall box", Kind.CABINET),
        (r"premises|bag|indoor|inside|shop|pub|counter", Kind.IN_PREMISES),
    ),
    Access: (
        (r"999|code|keypad|pin", Access.CODE_FROM_999),
        (r"staff|ask|counter|reception|bar|duty", Access.ASK_STAFF),
        (r"^open|unlocked|no lock|not locked|public|^no$|^yes$", Access.OPEN),
    ),
    Status: (
        (r"uninstalled|withdrawn|removed|decommission|taken down|closed", Status.WITHDRAWN),
        (r"not (yet )?installed|agreed|being installed|in progress|approved", Status.AGREED),
        (r"missing|stolen|lost|gone", Status.MISSING),
        (r"damag|broken|vandal", Status.DAMAGED),
        (r"obstruct|blocked|taped", Status.OBSTRUCTED),
        (r"restock|refill|empty|incomplete", Status.NEEDS_RESTOCK),
        (r"in use|used|taken", Status.IN_USE),
        (r"plan|propos|request|wanted", Status.PLANNED),
        (r"install|active|live|in place|operational|in service|working", Status.INSTALLED),
        (r"unconfirmed|reported|donated|unverified", Status.UNCONFIRMED),
    ),
    Indoor: (
        (r"out|external|^no$|^false$", Indoor.OUTDOOR),
        (r"in|^yes$|^true$", Indoor.INDOOR),
    ),
    Wheelchair: (
        (r"limit|part", Wheelchair.LIMITED),
        (r"^no$|^no\b(?! steps)|^false|inaccess|^steps", Wheelchair.NO),
        (r"^yes|^true|access|designated|no steps|step.?free", Wheelchair.YES),
    ),
    Consent: (
        (r"^no|refus|declin|withdrawn|^false", Consent.REFUSED),
        (r"^yes|given|agreed|^true|ok", Consent.GIVEN),
    ),
    Decision: (
        (r"refus|reject|^no|declin", Decision.REFUSED),
        (r"built|installed|done", Decision.BUILT),
        (r"agreed|yes|approved", Decision.AGREED),
        (r"open|new|candidate|propos", Decision.OPEN),
    ),
}


# a word such as “unused” or “never damaged” says the opposite of what is looked for
_ASSERTED = (Status, Kind)
_NEGATED = re.compile(
    r"\b(not|never|no|non|un(?!confirmed|verified|installed)\w+)\b", re.IGNORECASE
)
_NOT_YET = re.compile(r"not (yet )?installed|uninstalled|unconfirmed|unverified", re.IGNORECASE)
_SAFE = re.compile(r"^[^\d]*((999|24/7|112)[^\d]*)*$")


def choice(cells: Cells, name: str, values: type[StrEnum]) -> str | None:
    """Read one of a few values; None if the cell is empty or not understood."""
    text = cells.text(name)
    if not text:
        return None
    plain = " ".join(re.findall(r"\w+", text.casefold()))
    if plain in set(values):
        return plain
    # how one gets in may name the code: no digit of it is repeated
    shown = re.sub(r"\d", "•", text) if name == "access" and not _SAFE.search(text) else text
    for pattern, value in _WORDS[values]:
        if re.search(pattern, text, re.IGNORECASE):
            if values in _ASSERTED and _NEGATED.search(text) and not re.match(_NOT_YET, text):
                break
            cells.remark(Note.CORRECTED, f"{name}: “{short(shown)}” read as “{value}”")
            return value
    if name == "access" and hours_in_access(cells):
        return None
    listed = ", ".join(values)
    cells.remark(
        Note.LEFT_OUT, f"{name}: “{short(shown)}” is not understood. Values that work: {listed}"
    )
    return None


def hours_in_access(cells: Cells) -> dict[str, str]:
    """Take the hours out of a cell that says both how and when one gets to the kit."""
    text = fitting(rules.without_codes(cells.text("access")), _LONGEST_HOURS)
    if not re.search(r"hours|24/7", text, re.IGNORECASE):
        return {}
    always = {"opening_hours": ALWAYS} if re.search(r"\b24/7\b", text) else {}
    return {"hours_text": text} | always


def fitting(text: str, longest: int) -> str:
    """Shorten a text; what is cut may then look like a code, and is taken out."""
    if len(text) > longest:
        text = rules.without_codes(f"{text[: longest - 1].rstrip()}…")
    return text[:longest].rstrip()


def words(cells: Cells, name: str, longest: int) -> str | None:
    """Read a text, without what looks like a cabinet's code; None if it is empty."""
    text = cells.text(name)
    open_text = rules.without_codes(text)
    if open_text != text:
        cells.remark(Note.CORRECTED, f"{name}: a cabinet's code was taken out; codes are not kept")
    if not name.startswith(_PRIVATE) and rules.without_contacts(open_text) != open_text:
        open_text = rules.without_contacts(open_text)
        cells.remark(
            Note.CORRECTED,
            f"{name}: a telephone number or address for mail was taken out, because this is public",
        )
    if len(open_text) > longest:
        cells.remark(Note.LOOK, f"{name}: shortened from {len(open_text)} to {longest} characters")
        open_text = fitting(open_text, longest)
    if open_text and not rules.fits(name, open_text):
        cells.remark(Note.LEFT_OUT, f"{name}: “{short(open_text)}” does not begin with https://")
        return None
    return open_text or None


def day(cells: Cells, name: str) -> dt.date | None:
    """Read a whole date; None if the cell is empty or not understood."""
    found = _moment(cells, name)
    if found is None:
        return None
    moment, precision = found
    if name == "expires_on" and precision is TimePrecision.MONTH:
        last = calendar.monthrange(moment.year, moment.month)[1]
        cells.remark(Note.CORRECTED, f"{name}: “{cells.text(name)}” read as the end of that month")
        return moment.date().replace(day=last)
    if precision in (TimePrecision.MONTH, TimePrecision.YEAR):
        cells.remark(
            Note.LEFT_OUT, f"{name}: “{cells.text(name)}” has no day; write it as 2026-07-04"
        )
        return None
    return moment.date()


def month_or_day(cells: Cells, name: str) -> str | None:
    """Read a date that may be only a year or a month, as text: 2024, 2024-05 or 2024-05-03."""
    found = _moment(cells, name)
    if found is None:
        return None
    moment, precision = found
    length = {TimePrecision.YEAR: 4, TimePrecision.MONTH: 7}.get(precision, 10)
    return moment.date().isoformat()[:length]


def moment(
    cells: Cells, name: str, zone: dt.tzinfo | None
) -> tuple[dt.datetime, TimePrecision] | None:
    """Read a local time with the precision in which it is given; None if it is not understood.

    Parameters
    ----------
    cells, name
        The cell.
    zone
        In which the time is kept. A time that says its own zone, such as ``22:30Z``, is turned
        into it, or left out if it is None. Of a time that the clocks skip in spring only the day
        is kept.
    """
    found = _moment(cells, name)
    if found is None:
        return None
    at, precision = found
    if at.tzinfo is None:
        return _of_the_clock(cells, name, at, precision, zone)
    if precision is TimePrecision.DAY:
        return at.replace(tzinfo=None), precision
    if zone is None:
        text = short(cells.text(name))
        cells.remark(Note.LEFT_OUT, f"{name}: “{text}” names a time zone; write local time")
        return None
    return at.astimezone(zone).replace(tzinfo=None), precision


def _of_the_clock(
    cells: Cells, name: str, at: dt.datetime, precision: TimePrecision, zone: dt.tzinfo | None
) -> tuple[dt.datetime, TimePrecision]:
    """Look at a local time on a day when the clocks change."""
    if zone is None or precision not in (TimePrecision.MINUTE, TimePrecision.HOUR):
        return at, precision
    first, second = (at.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    text = short(cells.text(name))
    if first.astimezone(dt.UTC).astimezone(zone).replace(tzinfo=None, fold=0) != at:
        cells.remark(
            Note.LOOK,
            f"{name}: “{text}” does not exist, the clocks go forward over it; only the day is kept",
        )
        return at.replace(hour=0, minute=0, second=0, microsecond=0), TimePrecision.DAY
    if first.utcoffset() != second.utcoffset():
        cells.remark(Note.LOOK, f"{name}: “{text}” comes twice, as the clocks go back; it is kept")
    return at, precision


def _moment(cells: Cells, name: str) -> tuple[dt.datetime, TimePrecision] | None:
    value, text = cells.values.get(name), cells.text(name)
    if not text:
        return None
    serial = _excel_serial(value if isinstance(value, (int, float)) else text)
    if serial is not None:
        shown = f"{serial[0]:%Y-%m-%d}"
        cells.remark(Note.CORRECTED, f"{name}: Excel's day number {text} read as {shown}")
        return serial
    for reader in (_iso, _british, _month_year, _named):
        try:
            found = reader(text.casefold())
        except ValueError:
            continue
        if found is not None:
            return found
    cells.remark(Note.LEFT_OUT, f"{name}: “{short(text)}” is not a date; write it as 2026-07-04")
    return None


def _excel_serial(value: Scalar) -> tuple[dt.datetime, TimePrecision] | None:
    try:
        number = float(value)
    except ValueError:
        return None
    if not math.isfinite(number) or int(number) not in _EXCEL_DAYS:
        return None
    whole = number == int(number)
    at = _EXCEL_ZERO + dt.timedelta(days=number)
    return at.replace(microsecond=0), TimePrecision.DAY if whole else TimePrecision.MINUTE


def _iso(text: str) -> tuple[dt.datetime, TimePrecision] | None:
    match = re.fullmatch(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?(?:\.0)?", text)
    if match:
        year, month, the_day = (int(part or 1) for part in match.groups())
        given = sum(part is not None for part in match.groups())
        precision = (TimePrecision.YEAR, TimePrecision.MONTH, TimePrecision.DAY)[given - 1]
        return dt.datetime(year, month, the_day), precision  # noqa: DTZ001  # local time
    if not re.match(r"\d{4}-?\d\d-?\d\d", text):
        return None
    at = dt.datetime.fromisoformat(text.replace("z", "+00:00"))
    midnight = at.time() == dt.time(0)
    return at, TimePrecision.DAY if midnight else TimePrecision.MINUTE


def _british(text: str) -> tuple[dt.datetime, TimePrecision] | None:
    match = _DAY_MONTH_YEAR.match(text)
    if match is None:
        return None
    the_day, month, year = (int(part) for part in match.groups())
    at = dt.datetime(year if year > 99 else year + _CENTURY, month, the_day)  # noqa: DTZ001, PLR2004
    clock = re.search(r"(\d{1,2}):(\d{2})", text[match.end() :])
    if clock is None:
        return at, TimePrecision.DAY
    return at.replace(hour=int(clock[1]), minute=int(clock[2])), TimePrecision.MINUTE


def _month_year(text: str) -> tuple[dt.datetime, TimePrecision] | None:
    match = re.fullmatch(r"(\d{1,2})[/.\-](\d{4})", text)
    if match is None:
        return None
    return dt.datetime(int(match[2]), int(match[1]), 1), TimePrecision.MONTH  # noqa: DTZ001


def _named(text: str) -> tuple[dt.datetime, TimePrecision] | None:
    whole, month = _DAY_NAME_YEAR.search(text), _NAME_YEAR.fullmatch(text)
    if whole:
        number = _MONTHS.index(whole[2][:3]) + 1
        return dt.datetime(int(whole[3]), number, int(whole[1])), TimePrecision.DAY  # noqa: DTZ001
    if month:
        number = _MONTHS.index(month[1][:3]) + 1
        return dt.datetime(int(month[2]), number, 1), TimePrecision.MONTH  # noqa: DTZ001
    return None


def number(cells: Cells, name: str) -> float | None:
    """Read a number that may have a unit, a pound sign or a decimal comma; None if empty."""
    text = cells.text(name)
    if not text:
        return None
    found = _number_in_words(text)
    if found is None:
        cells.remark(Note.LEFT_OUT, f"{name}: “{short(text)}” is not a number")
        return None
    if found != found or found in (float("inf"), float("-inf")):  # noqa: PLR0124  # NaN
        return None
    return found


def _number_in_words(text: str) -> float | None:
    with contextlib.suppress(ValueError):
        return float(text)
    plain = re.sub(r"(?i)^[£\s]+|\s*(?:m|metres|meters|gbp|pounds)\.?$", "", text)
    plain = plain.replace("\u2212", "-")
    plain = re.sub(r",(?=\d{3}\b)", "", plain) if plain.count(".") <= 1 else plain
    try:
        return float(plain.replace(",", "."))
    except ValueError:
        return None


def hours(cells: Cells) -> dict[str, str]:
    """Read opening hours: OSM syntax is kept as such, anything else only as it was given."""
    given = words(cells, "opening_hours", _LONGEST_HOURS) or ""
    told = words(cells, "hours_text", _LONGEST_HOURS) or ""
    found = {"hours_text": told} if told else {}
    if not given:
        return found
    if _ALL_DAY.fullmatch(given):
        if given != ALWAYS:
            cells.remark(Note.CORRECTED, f"opening_hours: “{given}” read as “{ALWAYS}”")
        return found | {"opening_hours": ALWAYS}
    try:
        check_syntax(given)
    except OpeningHoursError:
        read = _plain_hours(given)
        if read:
            cells.remark(Note.CORRECTED, f"opening_hours: “{short(given)}” read as “{read}”")
            return {"hours_text": told or given, "opening_hours": read}
        cells.remark(
            Note.LOOK,
            f"opening_hours: “{short(given)}” is kept as text only, so the hours count as not "
            "known. In OSM's way of writing: Mo-Fr 09:00-17:30; Sa 10:00-16:00",
        )
        return {"hours_text": told or given}
    return found | {"opening_hours": given}


_DAY = r"(mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?"
_CLOCK = r"(\d{1,2})(?:[:.](\d{2}))?\s*(am|pm)?"
_PLAIN = re.compile(
    rf"(?:{_DAY}(?:\s*(?:-|–|to)\s*{_DAY})?:?\s*|daily:?\s*|every day:?\s*)?"
    rf"{_CLOCK}\s*(?:-|–|to|until|till)\s*{_CLOCK}",
    re.IGNORECASE,
)


def _plain_hours(text: str) -> str:
    """Read “Mon-Fri 9am-5pm” and the like; “” where a part of it could mean something else."""
    rules_read = []
    for part in re.split(r"[;,]\s*(?=[A-Za-z])", text.strip(" .")):
        match = _PLAIN.fullmatch(part.strip())
        if match is None:
            return ""
        first, last, *clock = match.groups()
        times = [_clock(*clock[:3]), _clock(*clock[3:])]
        if "" in times:
            return ""
        days = "-".join(day[:2].capitalize() for day in (first, last) if day) or "Mo-Su"
        rules_read.append(f"{days} {times[0]}-{times[1]}")
    return "; ".join(rules_read)


def _clock(hour: str, minute: str | None, half: str | None) -> str:
    number = int(hour)
    if half:
        if not 1 <= number <= 12:  # noqa: PLR2004  # hours of half a day
            return ""
        number = number % 12 + (12 if half.casefold() == "pm" else 0)
    elif minute is None or number > 24:  # noqa: PLR2004  # “9-5” may be anything
        return ""
    return f"{number:02d}:{minute or '00'}"


def short(text: str) -> str:
    """Shorten a cell for a remark, without what looks like a code."""
    text = rules.without_codes(text)
    return text if len(text) <= 60 else f"{text[:59]}…"  # noqa: PLR2004  # fits a line
