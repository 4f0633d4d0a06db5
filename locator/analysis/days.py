"""Write opening hours out day by day, as a reader looks them up."""

import bisect
import datetime as dt
import itertools
from dataclasses import dataclass

from locator.hours import STATES, Calendar, Hours, State

_ONE = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time of one day in which a state holds.

    Attributes
    ----------
    begins, ends
        Local wall-clock times such as ``08:00``; the end of the day is ``24:00``.
    state
        Open, or unknown: what is shut is left out.
    """

    begins: str
    ends: str
    state: State


@dataclass(frozen=True, slots=True)
class Day:
    """The hours of one day.

    Attributes
    ----------
    date
        Local day.
    holiday
        Whether it is a public holiday.
    stretches
        In their order; none on a day that is shut.
    """

    date: dt.date
    holiday: bool
    stretches: tuple[Stretch, ...]

    @property
    def whole(self) -> State | None:
        """The state of the whole day, None if it changes."""
        if not self.stretches:
            return State.CLOSED
        first = self.stretches[0]
        return first.state if (first.begins, first.ends) == ("00:00", "24:00") else None


def days(hours: Hours, first: dt.date, calendar: Calendar, *, count: int = 7) -> list[Day]:
    """Write out the hours of some days in a row.

    Parameters
    ----------
    hours
        Of one kit.
    first
        Local day to begin with.
    calendar
        The one that the hours were compiled with.
    count
        Number of days.
    """
    return [day(hours, first + number * _ONE, calendar) for number in range(count)]


def next_holidays(
    hours: Hours, after: dt.date, calendar: Calendar, *, within_days: int = 120, count: int = 2
) -> list[Day]:
    """Write out the hours of the public holidays that follow a day."""
    listed = calendar.public_holidays()
    coming = itertools.islice(listed, bisect.bisect_right(listed, after), None)
    near = (date for date in coming if date <= after + within_days * _ONE)
    return [day(hours, date, calendar) for date in itertools.islice(near, count)]


def day(hours: Hours, date: dt.date, calendar: Calendar) -> Day:
    """Write out the hours of one day; clocks that change make it shorter or longer."""
    midnights = [
        int(dt.datetime.combine(on, dt.time(0), calendar.zone).timestamp())
        for on in (date, date + _ONE)
    ]
    starts, codes = hours.changes(date)
    first = max(bisect.bisect_right(starts, midnights[0]) - 1, 0)
    last = bisect.bisect_left(starts, midnights[1])
    edges = [midnights[0], *starts[first + 1 : last], midnights[1]]
    stretches = tuple(
        Stretch(
            _clock(begins, calendar),
            "24:00" if ends == midnights[1] else _clock(ends, calendar),
            STATES[code],
        )
        for (begins, ends), code in zip(itertools.pairwise(edges), codes[first:last], strict=True)
        if STATES[code] is not State.CLOSED
    )
    return Day(date, date in calendar.public_holidays(), stretches)


def _clock(second: int, calendar: Calendar) -> str:
    return f"{dt.datetime.fromtimestamp(second, calendar.zone):%H:%M}"
