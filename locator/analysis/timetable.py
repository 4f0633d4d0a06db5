"""Write opening hours and local time down as instants, for who cannot work them out."""

import datetime as dt
from collections.abc import Callable
from typing import NamedTuple
from zoneinfo import ZoneInfo

from locator.hours import Hours, State

_DAY_S = 86_400


class Change(NamedTuple):
    """What begins at an instant.

    Attributes
    ----------
    at
        Seconds since 1970 (UTC).
    state
        What holds from then until the next change.
    """

    at: int
    state: State


def timetable(hours: Hours, first: dt.datetime, last: dt.datetime) -> list[Change]:
    """List the states of some hours between two instants.

    Parameters
    ----------
    hours
        Of one kit.
    first, last
        With time zones.

    Returns
    -------
    changes
        The first is the state at ``first``. They go on after ``last`` until a state has begun
        that is open, so that the list tells of every instant between the two what
        :meth:`locator.hours.Hours.at` does: the state, until when, and when it next opens. What
        does not end has no change after it.
    """
    end = last.timestamp()
    opening = hours.at(first)
    changes = [Change(int(first.timestamp()), opening.state)]
    while opening.until is not None:
        moment = opening.until
        opening = hours.at(moment)
        changes.append(Change(int(moment.timestamp()), opening.state))
        settled = opening.state is State.OPEN or opening.opens is None
        if moment.timestamp() > end and settled:
            break
    return changes


class Offset(NamedTuple):
    """How far local time is ahead from an instant on.

    Attributes
    ----------
    at
        Seconds since 1970 (UTC).
    seconds
        Local time minus UTC.
    """

    at: int
    seconds: int


def offsets(zone: ZoneInfo, first: dt.datetime, days: int) -> list[Offset]:
    """List how far local time is ahead of UTC: at an instant, and whenever clocks change after it.

    Parameters
    ----------
    zone
        Of the local time.
    first
        With a time zone.
    days
        So many are looked through.
    """

    def ahead(second: int) -> int:
        offset = dt.datetime.fromtimestamp(second, zone).utcoffset()
        return int(offset.total_seconds()) if offset is not None else 0

    start = int(first.timestamp())
    found = [Offset(start, ahead(start))]
    for low in range(start, start + days * _DAY_S, _DAY_S):
        high = low + _DAY_S
        if ahead(high) != found[-1].seconds:
            change = _first_after(low, high, lambda second: ahead(second) != found[-1].seconds)
            found.append(Offset(change, ahead(change)))
    return found


def _first_after(low: int, high: int, holds: Callable[[int], bool]) -> int:
    """Find the first second from which something holds, between one where not and one where so."""
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high
