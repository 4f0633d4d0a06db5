"""Tell when a kit can be reached, from OSM ``opening_hours`` and England's holidays.

A library reads the syntax. Its own calendar for Great Britain misses three of England's
eight bank holidays every year, so ``PH`` is written out as dates from the ``holidays``
package before the library sees it.
"""

import datetime as dt
import functools
import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from zoneinfo import ZoneInfo

import holidays
from opening_hours import OpeningHours, ParserError  # type: ignore[attr-defined]  # not in its stubs
from opening_hours import State as _LibraryState

from locator.errors import OpeningHoursError, TimeError

# holidays are written out for these years; outside them a rule with PH is not known
FIRST_YEAR, LAST_YEAR = 2020, 2040
_LOOK_AHEAD_DAYS = 370
_DAY_H = 24
ALWAYS = "24/7"


class State(StrEnum):
    """Whether a kit can be reached at an instant, going by its hours alone."""

    OPEN = "open"
    CLOSED = "closed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Opening:
    """The state at one instant, and what comes next.

    Attributes
    ----------
    state
        Open, closed or unknown.
    until
        When ``state`` ends; None if it does not end within a year.
    opens
        When it next opens, if it is not open; None if that is not known.
    """

    state: State
    until: dt.datetime | None = None
    opens: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Calendar:
    """Local time and public holidays of the area.

    Attributes
    ----------
    zone
        Time zone, such as Europe/London.
    country, subdivision
        Codes of the ``holidays`` package, such as GB and ENG.
    lat, lon
        Where sunrise and sunset are taken, degrees (EPSG:4326).
    """

    zone: ZoneInfo
    country: str
    subdivision: str
    lat: float
    lon: float

    @classmethod
    def of(
        cls, timezone: str, holiday_codes: Mapping[str, str], lat: float, lon: float
    ) -> "Calendar":
        """Make the calendar of an area."""
        codes = holiday_codes["country"], holiday_codes["subdivision"]
        return cls(ZoneInfo(timezone), *codes, lat, lon)

    def now(self) -> dt.datetime:
        """Tell the local time."""
        return dt.datetime.now(self.zone)

    def read(self, text: str) -> dt.datetime:
        """Read a date and time; without an offset it is local time.

        Of the hour that comes twice in autumn the first is meant.

        Raises
        ------
        TimeError
            The text is no date and time, or names an hour skipped in spring.
        """
        try:
            moment = dt.datetime.fromisoformat(text.strip())
            moment.astimezone(self.zone)
        except (ValueError, OverflowError) as error:
            msg = f"“{text}” is not a date and time. An example of one: 2026-07-04 23:30."
            raise TimeError(msg) from error
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=self.zone)
            back = moment.astimezone(dt.UTC).astimezone(self.zone)
            if back.replace(tzinfo=None) != moment.replace(tzinfo=None):
                msg = f"{text} does not exist: the clocks go forward over it."
                raise TimeError(msg)
        return moment.astimezone(self.zone)

    def public_holidays(self) -> tuple[dt.date, ...]:
        """List the public holidays of the years that are written out."""
        return _public_holidays(self.country, self.subdivision)


@functools.cache
def _public_holidays(country: str, subdivision: str) -> tuple[dt.date, ...]:
    years = range(FIRST_YEAR, LAST_YEAR + 1)
    return tuple(sorted(holidays.country_holidays(country, subdiv=subdivision, years=years)))


@functools.lru_cache(maxsize=4096)
def check_syntax(text: str) -> None:
    """Refuse a text that is neither empty nor in OSM ``opening_hours`` syntax.

    Raises
    ------
    OpeningHoursError
        It is not.
    """
    if text.strip():
        _parse(text)


class Hours:
    """Opening hours of one kit, ready to be asked."""

    def __init__(self, text: str, calendar: Calendar) -> None:
        """Compile a text in OSM syntax; an empty text means that the hours are not known.

        Raises
        ------
        OpeningHoursError
            The text is not in OSM ``opening_hours`` syntax.
        """
        self.text = text.strip()
        self._calendar = calendar
        self._rules = _compiled(self.text, calendar) if self.text else None
        spans = re.findall(r"(\d\d):\d\d-(\d\d):\d\d", str(self._rules))
        ends = [int(end) % _DAY_H + 1 for start, end in spans if int(end) >= _DAY_H or end < start]
        self._overnight = dt.timedelta(hours=max(ends, default=0))
        self._disputed = set()
        if ends and "00:00-" not in str(self._rules):
            self._disputed.add((State.CLOSED, State.OPEN))
        if ends and not re.search(r"-(?:24|00):00", str(self._rules)):
            self._disputed.add((State.OPEN, State.CLOSED))
        self._needs_holidays = bool(re.search(r"\bPH\b", _without_comments(self.text)))
        # school holidays differ from school to school: no calendar is right for all
        if re.search(r"\bSH\b", _without_comments(self.text)):
            self._rules = None

    def at(self, moment: dt.datetime) -> Opening:
        """Tell the state at an instant.

        Parameters
        ----------
        moment
            With a time zone.

        Returns
        -------
        opening
            Times in the calendar's zone.
        """
        local = moment.astimezone(self._calendar.zone)
        beyond = not FIRST_YEAR <= local.year <= LAST_YEAR
        if self._rules is None or (self._needs_holidays and beyond):
            return Opening(State.UNKNOWN)
        if str(self._rules) == ALWAYS:
            return Opening(State.OPEN)
        spans = self._spans(self._rules, local)
        _, state = next(spans)
        until = opens = None
        for start, here in spans:
            until = until or (start if here is not state else None)
            opens = opens or (start if here is State.OPEN else None)
            if until and (opens or state is State.OPEN):
                break
        return Opening(state, until, None if state is State.OPEN else opens)

    def _spans(
        self, rules: OpeningHours, local: dt.datetime
    ) -> Iterator[tuple[dt.datetime, State]]:
        """Give the start and state of each span from ``local`` on.

        Hours that run past midnight beside a day with other hours ("18:00-02:00; PH off")
        leave open to whom the first hours of a day belong. There the answer is unknown.
        """
        before: State | None = None
        for start, end, state in self._day_by_day(rules, local):
            disputed = (before, state) in self._disputed and start.time() == dt.time(0)
            before = state
            dawn = min(end, start + self._overnight) if disputed else start
            if disputed and dawn > local:
                yield start, State.UNKNOWN
            if end > max(local, dawn):
                yield dawn, state

    @staticmethod
    def _day_by_day(
        rules: OpeningHours, local: dt.datetime
    ) -> Iterator[tuple[dt.datetime, dt.datetime, State]]:
        """Give the spans of each day, from the day before ``local`` on.

        Asked for more than a day at a time, the library (2.1.4) passes over openings that
        follow a fallback rule ("Mo-Fr 10:00-12:00 || unknown").
        """
        yesterday = local.date() - dt.timedelta(days=1)
        for number in range(_LOOK_AHEAD_DAYS):
            day = yesterday + dt.timedelta(days=number)
            first = dt.datetime.combine(day, dt.time(0), local.tzinfo)
            last = dt.datetime.combine(day + dt.timedelta(days=1), dt.time(0), local.tzinfo)
            for start, end, state, comment in rules.intervals(first, last):
                yield start, end, _state(state, comment)


def _state(state: _LibraryState, comment: str) -> State:
    # "by appointment" and other comments: nobody knows whether the door is open
    if comment or state == _LibraryState.UNKNOWN:
        return State.UNKNOWN
    return State.OPEN if state == _LibraryState.OPEN else State.CLOSED


def _parse(text: str, calendar: Calendar | None = None) -> OpeningHours:
    try:
        if calendar is None:
            return OpeningHours(text)
        return OpeningHours(text, timezone=calendar.zone, coords=(calendar.lat, calendar.lon))
    except ParserError as error:
        msg = (
            f"“{text}” is not in OSM opening_hours syntax. Examples: 24/7, "
            "Mo-Sa 08:00-22:00; Su 10:00-16:00, Mo-Su 11:00-23:00; PH off."
        )
        raise OpeningHoursError(msg) from error


def _compiled(text: str, calendar: Calendar) -> OpeningHours:
    plain = _parse(text, calendar)
    if not re.search(r"\bPH\b", _without_comments(text)):
        return plain
    return _parse(_with_dates_for_holidays(str(plain), calendar), calendar)


_COMMENT = re.compile(r'"[^"]*"')


def _without_comments(text: str) -> str:
    return _COMMENT.sub('""', text)


def _with_dates_for_holidays(canonical: str, calendar: Calendar) -> str:
    """Write ``PH`` out as dates in a text that the library has put in canonical form.

    There, rules are divided by ``; ``, ``, `` or `` || `` and lists have no space after the
    comma. ``Sa,PH 10:00-16:00`` becomes ``Sa 10:00-16:00; 2026 Jan 1,... 10:00-16:00``.
    """
    comments = _COMMENT.findall(canonical)
    numbers = itertools.count()
    bare = _COMMENT.sub(lambda _: f'"{next(numbers)}"', canonical)
    parts = re.split(r"(; |, | \|\| )", bare)
    written: list[str] = []
    for index in range(0, len(parts), 2):
        joint = parts[index - 1] if index else ""
        for rule in _split_rule(parts[index], calendar):
            written += [joint or "; ", rule] if written else [rule]
    text = "".join(written) or "off"
    return _COMMENT.sub(lambda match: comments[int(match[0][1:-1])], text)


def _split_rule(rule: str, calendar: Calendar) -> list[str]:
    words = rule.split(" ")
    spot = next((i for i, word in enumerate(words) if "PH" in word.split(",")), None)
    if spot is None:
        return [rule]
    before, after = words[:spot], words[spot + 1 :]
    days = [day for day in words[spot].split(",") if day != "PH"]
    shift = dt.timedelta()
    if len(after) > 1 and re.fullmatch(r"[+-]?\d+", after[0]) and after[1].startswith("day"):
        shift, after = dt.timedelta(days=int(after[0])), after[2:]
    dates = [day + shift for day in calendar.public_holidays()]
    if before:
        season = OpeningHours(" ".join([*before, "00:00-24:00"]))
        dates = [d for d in dates if season.is_open(dt.datetime.combine(d, dt.time(12)))]
    rules = []
    if days:
        rules.append(" ".join([*before, ",".join(days), *after]))
    if dates:
        listed = ",".join(f"{d.year} {d:%b} {d.day}" for d in dates)
        rules.append(" ".join([listed, *after]))
    return rules
