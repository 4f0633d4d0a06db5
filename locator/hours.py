"""Tell when a kit can be reached, from OSM ``opening_hours`` and England's holidays.

A library reads the syntax. Its own calendar for Great Britain misses three of England's
eight bank holidays every year, so ``PH`` is written out as dates from the ``holidays``
package before the library sees it.

Each text is worked out a week at a time (Monday to Sunday, local time), when the week is first
asked for, and kept as the UTC seconds at which its state changes.
"""

import bisect
import datetime as dt
import functools
import itertools
import re
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple
from zoneinfo import ZoneInfo

import holidays
import numpy as np
import numpy.typing as npt
from opening_hours import OpeningHours, ParserError  # type: ignore[attr-defined]  # not in its stubs
from opening_hours import State as _LibraryState

from locator.errors import OpeningHoursError, TimeError

# holidays are written out for these years; outside them a rule with PH is not known
FIRST_YEAR, LAST_YEAR = 2020, 2040
# the years that the library can work out, and a year to look ahead that Python has dates for
_YEARS = range(1900, 9998)
_LOOK_AHEAD_DAYS = 369
# what looking ahead passes through, and some more
_WEEKS_KEPT = 64
_DAY_H, _DAY_S, _HOUR_S = 24, 86_400, 3600
WEEK_H = 168
# hours of one day may run through the whole next one
_BESIDE = dt.timedelta(days=3)
ALWAYS = "24/7"
_EPOCH = dt.date(1970, 1, 1).toordinal()


class State(StrEnum):
    """Whether a kit can be reached at an instant, going by its hours alone."""

    OPEN = "open"
    CLOSED = "closed"
    UNKNOWN = "unknown"


# the number of a state in tables is its place here: the worse, the lower
STATES = (State.CLOSED, State.UNKNOWN, State.OPEN)
_CLOSED, _UNKNOWN, _OPEN = range(3)


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
        """List the public holidays of the years that are written out.

        Where a holiday is kept on another day, that day alone is listed, as on
        https://www.gov.uk/bank-holidays.
        """
        return _public_holidays(self.country, self.subdivision)[0]

    def moved_holidays(self) -> tuple[dt.date, ...]:
        """List the days whose holiday is kept on another day, such as Saturday 25 December 2027.

        A shop may follow its holiday hours there, or those of the day of the week.
        """
        return _public_holidays(self.country, self.subdivision)[1]


@functools.cache
def _public_holidays(
    country: str, subdivision: str
) -> tuple[tuple[dt.date, ...], tuple[dt.date, ...]]:
    years = range(FIRST_YEAR, LAST_YEAR + 1)
    every, original = (
        holidays.country_holidays(country, subdiv=subdivision, years=years, observed=observed)
        for observed in (True, False)
    )
    # a substitute is named after its holiday in every release, "Boxing Day (observed)" in one
    substitutes = [(day, name) for day, name in every.items() if day not in original]
    moved = {
        day
        for day, name in original.items()
        for other, substitute in substitutes
        if abs(other - day) < dt.timedelta(days=7) and name in substitute
    }
    return tuple(sorted(set(every) - moved)), tuple(sorted(moved))


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


class Changes(NamedTuple):
    """The states of one week, in their order.

    Attributes
    ----------
    starts
        When each begins, seconds since 1970 (UTC); the first is the start of the week.
    codes
        Their numbers in ``STATES``.
    """

    starts: "array[int]"
    codes: bytes


class Hours:
    """Opening hours of one kit, ready to be asked; threads may share them."""

    def __init__(self, text: str, calendar: Calendar) -> None:
        """Compile a text in OSM syntax; an empty text means that the hours are not known.

        Raises
        ------
        OpeningHoursError
            The text is not in OSM ``opening_hours`` syntax.
        """
        self.text = text.strip()
        self._calendar = calendar
        self._week = functools.lru_cache(maxsize=_WEEKS_KEPT)(self._work_out)
        plain = _parse(self.text, calendar) if self.text else None
        bare = _without_comments(str(plain))
        spans = re.findall(r"(\d\d):\d\d-(\d\d):\d\d", bare)
        ends = [int(end) % _DAY_H + 1 for start, end in spans if int(end) >= _DAY_H or end < start]
        self._overnight_s = max(ends, default=0) * _HOUR_S
        self._disputed = set()
        if ends and "00:00-" not in bare:
            self._disputed.add((_CLOSED, _OPEN))
        if ends and not re.search(r"-(?:24|00):00", bare):
            self._disputed.add((_OPEN, _CLOSED))
        self._has_fallback = "||" in bare
        self._holiday_rules = _split(str(plain), calendar) if re.search(r"\bPH\b", bare) else ()
        self._ordinary = _written(self._holiday_rules, dt.date.max, dt.date.max, moved=False)
        if self._holiday_rules:
            plain = _parse(self._ordinary, calendar)
        # school holidays differ from school to school: no calendar is right for all
        self._rules = None if re.search(r"\bSH\b", bare) else plain
        self._always = str(self._rules) == ALWAYS and not self._holiday_rules

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
        if self._rules is None or not self._covers(local.year):
            return Opening(State.UNKNOWN)
        if self._always:
            return Opening(State.OPEN)
        today = local.toordinal()
        number, beyond = _week_number(today), today + _LOOK_AHEAD_DAYS
        starts, codes = self._week(number)
        index = bisect.bisect_right(starts, moment.timestamp()) - 1
        code = codes[index]
        until = opens = None
        while number <= _week_number(beyond):
            index += 1
            if index == len(codes):
                number, index = number + 1, -1
                starts, codes = self._week(number)
            elif codes[index] != code:
                until = starts[index] if until is None else until
                opens = starts[index] if codes[index] == _OPEN else None
                if _OPEN in {code, codes[index]}:
                    break
        return Opening(STATES[code], self._time(until, beyond), self._time(opens, beyond))

    def changes(self, day: dt.date) -> Changes:
        """Give the states of the week of a day, from Monday to Sunday in local time."""
        return self._week(_week_number(day.toordinal()))

    def _covers(self, year: int) -> bool:
        known = not self._holiday_rules or FIRST_YEAR <= year <= LAST_YEAR
        return known and year in _YEARS

    def _time(self, second: int | None, beyond: int) -> dt.datetime | None:
        if second is None:
            return None
        time = dt.datetime.fromtimestamp(second, self._calendar.zone)
        return time if time.toordinal() < beyond else None

    def _work_out(self, number: int) -> Changes:
        """Work out a week, numbered from Monday 1 January of the year 1."""
        monday = _monday(number)
        stretches = _stretches(self._calendar.zone, monday)
        if self._rules is None or self._always or monday.year not in _YEARS:
            code = _OPEN if self._always else _UNKNOWN
            return Changes(array("q", [stretches[0].start]), bytes([code]))
        local = self._local(self._rules, monday)
        starts, codes = array("q"), bytearray()
        for start, end, offset in stretches:
            first = bisect.bisect(local, (start + offset, _OPEN)) - 1
            for begins, code in local[first:]:
                if begins >= end + offset:
                    break
                if not codes or code != codes[-1]:
                    starts.append(max(begins - offset, start))
                    codes.append(code)
        return Changes(starts, bytes(codes))

    def _local(self, ordinary: OpeningHours, monday: dt.date) -> "list[_Span]":
        """Give the spans of a week and the Sunday before it, with its holidays."""
        if not self._holiday_rules:
            return self._spans(ordinary, monday)
        first, last = monday - _BESIDE, monday + _BESIDE + dt.timedelta(days=7)
        kept, either = (
            _written(self._holiday_rules, first, last, moved=moved) for moved in (False, True)
        )
        spans = self._spans(
            ordinary if kept == self._ordinary else _parse(kept, self._calendar), monday
        )
        if kept == either:
            return spans
        # nobody knows whether the shop keeps the day itself, unless that makes no difference
        return _agreed(spans, self._spans(_parse(either, self._calendar), monday))

    def _spans(self, rules: OpeningHours, monday: dt.date) -> "list[_Span]":
        """Ask the library for a week and the Sunday before it.

        Hours that run past midnight beside a day with other hours ("18:00-02:00; PH off")
        leave open to whom the first hours of a day belong. There the answer is unknown.
        """
        sunday, after = (monday + dt.timedelta(days=days) for days in (-1, 7))
        # Asked for more than a day at a time, the library (2.1.4) passes over openings that
        # follow a fallback rule ("Mo-Fr 10:00-12:00 || unknown").
        ends_year = self._holiday_rules and sunday.year != after.year
        step = 1 if self._has_fallback or ends_year else 8
        midnights = [
            dt.datetime.combine(sunday + dt.timedelta(days=days), dt.time(0), self._calendar.zone)
            for days in range(0, 9, step)
        ]
        found: list[_Span] = []
        before: int | None = None
        for first, last in itertools.pairwise(midnights):
            for begin, end, state, comment in rules.intervals(first, last):
                code = _code(state, comment) if self._covers(begin.year) else _UNKNOWN
                start, stop = _local_s(begin), _local_s(end)
                if (before, code) in self._disputed and start % _DAY_S == 0:
                    found.append(_Span(start, _UNKNOWN))
                    start = min(stop, start + self._overnight_s)
                # a span that the clocks go forward over has no length
                if start < stop:
                    found.append(_Span(start, code))
                before = code
        return found


def week(
    hours: Iterable[Hours], day: dt.date, calendar: Calendar, *, best: bool = False
) -> npt.NDArray[np.int8]:
    """Tell the state in each hour of a week.

    Parameters
    ----------
    hours
        Each is worked out once; take the rows per kit with ``week(...)[snapshot.hours_of]``.
    day
        Any day of the week.
    calendar
        The one that the hours were compiled with.
    best
        Let the best state of an hour count, so that it is open if it is for a moment, and closed
        only if it is from its first second to its last. What is true of an hour lies between
        its worst and its best state.

    Returns
    -------
    codes
        Shape ``(n, 168)``, numbers in ``STATES``: 0 closed, 1 unknown, 2 open. Column 0 is Monday
        00:00 to 01:00 local time. The worst state of an hour counts, so that it is open only if
        it is from its first second to its last. The hour that the clocks skip in spring
        has the state of the instant after it; the hour that comes twice in autumn has the worst
        of both (or the best).
    """
    weeks = [one.changes(day) for one in hours]
    if not weeks:
        return np.empty((0, WEEK_H), dtype=np.int8)
    slots, begins = _slots(calendar.zone, _monday(_week_number(day.toordinal())))
    rows = np.repeat(np.arange(len(weeks)), [len(codes) for _, codes in weeks])
    starts = np.concatenate([np.frombuffer(starts, dtype=np.int64) for starts, _ in weeks])
    codes = np.frombuffer(b"".join(codes for _, codes in weeks), dtype=np.int8)
    # one search through all weeks, laid end to end
    span = 2 * WEEK_H * _HOUR_S
    asked = np.arange(len(weeks))[:, np.newaxis] * span + (begins - begins[0])
    found = np.searchsorted(rows * span + (starts - begins[0]), asked.ravel(), side="right") - 1
    table = codes[found].reshape(asked.shape)
    decides = np.maximum if best else np.minimum
    decides.at(table, (rows, np.searchsorted(begins, starts, side="right") - 1), codes)
    order = np.argsort(slots, kind="stable")
    firsts = np.searchsorted(slots[order], np.arange(WEEK_H))
    return np.asarray(decides.reduceat(table[:, order], firsts, axis=1))


class _Stretch(NamedTuple):
    """A time without a change of the clocks: seconds of UTC, and local time minus UTC."""

    start: int
    end: int
    offset: int


class _Span(NamedTuple):
    """What holds from a local second (counted from 1970 as if it were UTC) to the next span."""

    start: int
    code: int


def _week_number(ordinal: int) -> int:
    return (ordinal - 1) // 7


def _monday(number: int) -> dt.date:
    return dt.date.fromordinal(number * 7 + 1)


def _local_s(time: dt.datetime) -> int:
    days = time.toordinal() - _EPOCH
    return days * _DAY_S + time.hour * _HOUR_S + time.minute * 60 + time.second


@functools.lru_cache(maxsize=_WEEKS_KEPT)
def _stretches(zone: ZoneInfo, monday: dt.date) -> tuple[_Stretch, ...]:
    """Divide a week where the clocks change."""

    def offset(second: int) -> int:
        return _local_s(dt.datetime.fromtimestamp(second, zone)) - second

    start, end = (
        int(dt.datetime.combine(day, dt.time(0), zone).timestamp())
        for day in (monday, monday + dt.timedelta(days=7))
    )
    edges = [start]
    for low in range(start, end, _DAY_S):
        seconds = range(low, min(low + _DAY_S, end - 1) + 1)
        old = offset(low)
        if offset(seconds[-1]) != old:
            edges.append(low + bisect.bisect(seconds, x=False, key=lambda s: offset(s) != old))
    return tuple(_Stretch(a, b, offset(a)) for a, b in itertools.pairwise([*edges, end]))


@functools.lru_cache(maxsize=_WEEKS_KEPT)
def _slots(zone: ZoneInfo, monday: dt.date) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Give the hour of the week and the first UTC second of each part of a week, in time's order.

    An hour that is skipped is a part without length.
    """
    midnight = _local_s(dt.datetime.combine(monday, dt.time(0)))
    parts: list[tuple[int, int]] = []
    reached = 0
    for start, end, offset in _stretches(zone, monday):
        first, last = (
            (start + offset - midnight) // _HOUR_S,
            (end - 1 + offset - midnight) // _HOUR_S,
        )
        parts += [(slot, start) for slot in range(reached, first)]
        parts += [
            (slot, max(start, midnight + slot * _HOUR_S - offset))
            for slot in range(first, last + 1)
        ]
        reached = last + 1
    slots, begins = np.array(parts, dtype=np.int64).T
    return slots, begins


def _agreed(one: Sequence[_Span], other: Sequence[_Span]) -> list[_Span]:
    """Say unknown wherever two readings of a week differ."""
    changes = sorted((start, who, code) for who in (0, 1) for start, code in (one, other)[who])
    now = [_UNKNOWN, _UNKNOWN]
    agreed = {}
    for start, who, code in changes:
        now[who] = code
        agreed[start] = code if now[0] == now[1] else _UNKNOWN
    return [_Span(start, code) for start, code in agreed.items()]


def _code(state: _LibraryState, comment: str) -> int:
    # "by appointment" and other comments: nobody knows whether the door is open
    if comment or state == _LibraryState.UNKNOWN:
        return _UNKNOWN
    return _OPEN if state == _LibraryState.OPEN else _CLOSED


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


_COMMENT = re.compile(r'"[^"]*"')


def _without_comments(text: str) -> str:
    return _COMMENT.sub('""', text)


class _Rule(NamedTuple):
    """One rule of a text, what it says about holidays apart.

    Attributes
    ----------
    joint
        What divides it from the rule before.
    ordinary
        What it says about other days, empty if nothing.
    on_holidays
        What it says about holidays, without ``PH`` itself.
    kept, moved
        The days that ``PH`` means in it, and those that it may mean, in their order.
    """

    joint: str
    ordinary: str
    on_holidays: str = ""
    kept: tuple[dt.date, ...] = ()
    moved: tuple[dt.date, ...] = ()


def _split(canonical: str, calendar: Calendar) -> tuple[_Rule, ...]:
    """Divide a text that the library has put in canonical form into rules.

    There, rules are divided by ``; ``, ``, `` or `` || `` and lists have no space after the
    comma.
    """
    comments = _COMMENT.findall(canonical)
    numbers = itertools.count()
    bare = _COMMENT.sub(lambda _: f'"{next(numbers)}"', canonical)

    def whole(text: str) -> str:
        return _COMMENT.sub(lambda match: comments[int(match[0][1:-1])], text)

    parts = ["; ", *re.split(r"(; |, | \|\| )", bare)]
    rules = (_split_rule(*pair, calendar) for pair in zip(parts[::2], parts[1::2], strict=True))
    return tuple(
        rule._replace(ordinary=whole(rule.ordinary), on_holidays=whole(rule.on_holidays))
        for rule in rules
    )


def _split_rule(joint: str, rule: str, calendar: Calendar) -> _Rule:
    words = rule.split(" ")
    spot = next((i for i, word in enumerate(words) if "PH" in word.split(",")), None)
    if spot is None:
        return _Rule(joint, rule)
    before, after = words[:spot], words[spot + 1 :]
    days = [day for day in words[spot].split(",") if day != "PH"]
    kept, moved = calendar.public_holidays(), calendar.moved_holidays()
    if len(after) > 1 and re.fullmatch(r"[+-]?\d+", after[0]) and after[1].startswith("day"):
        shift, after = dt.timedelta(days=int(after[0])), after[2:]
        kept, moved = (tuple(day + shift for day in dates) for dates in (kept, moved))
    if before:
        season = OpeningHours(" ".join([*before, "00:00-24:00"]))
        kept, moved = (
            tuple(d for d in dates if season.is_open(dt.datetime.combine(d, dt.time(12))))
            for dates in (kept, moved)
        )
    ordinary = " ".join([*before, ",".join(days), *after]) if days else ""
    return _Rule(joint, ordinary, " ".join(after), kept, moved)


def _written(rules: Iterable[_Rule], first: dt.date, last: dt.date, *, moved: bool) -> str:
    """Write ``PH`` out as the dates from ``first`` to ``last``.

    ``Sa,PH 10:00-16:00`` becomes ``Sa 10:00-16:00; 2026 Dec 28 10:00-16:00``. All dates of all
    years would be right as well, but slow for the library.
    """
    written: list[str] = []
    for rule in rules:
        dates = [*_between(rule.kept, first, last)]
        if moved:
            dates = sorted({*dates, *_between(rule.moved, first, last)})
        listed = ",".join(f"{d.year} {d:%b} {d.day}" for d in dates)
        on_dates = f"{listed} {rule.on_holidays}" if listed else ""
        for text in filter(None, (rule.ordinary, on_dates)):
            written += [rule.joint, text] if written else [text]
    return "".join(written) or "off"


def _between(dates: Sequence[dt.date], first: dt.date, last: dt.date) -> Sequence[dt.date]:
    return dates[bisect.bisect_left(dates, first) : bisect.bisect_right(dates, last)]
