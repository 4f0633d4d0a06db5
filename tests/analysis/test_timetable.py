import datetime as dt
import random
from zoneinfo import ZoneInfo

import pytest

from locator.analysis.timetable import Change, offsets, timetable
from locator.hours import Calendar, Hours, State

LONDON = Calendar.of("Europe/London", {"country": "GB", "subdivision": "ENG"}, 52.3, -0.8)
TEXTS = [
    "24/7",
    "",
    "Mo-Fr 08:00-18:00; PH off",
    "Mo-Su 18:00-02:00",
    "sunrise-sunset",
    'Mo-Fr 09:00-17:00 "ask at the desk"',
    "Mo-Fr 10:00-12:00 || unknown",
    "Jul-Aug 10:00-18:00",
    "2026 Dec 25 10:00-12:00",
    "Su 01:30-02:30",
]
# around both changes of the clocks, the end of a year, and at any time
STARTS = ["2026-03-20 15:30", "2026-10-16 00:00", "2026-12-20 23:59", "2027-06-01 12:00"]


def _told(changes: list[Change], at: dt.datetime) -> tuple[State, float | None, float | None]:
    """Read a list as a phone does: what holds, until when, and when it next opens."""
    now = at.timestamp()
    begun = max(number for number, change in enumerate(changes) if change.at <= now)
    later = changes[begun + 1 :]
    state = changes[begun].state
    opens = next((change.at for change in later if change.state is State.OPEN), None)
    return state, later[0].at if later else None, None if state is State.OPEN else opens


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("text", TEXTS)
def test_the_list_tells_what_the_hours_tell(text: str, start: str) -> None:
    hours, first = Hours(text, LONDON), LONDON.read(start)
    last = first + dt.timedelta(days=28)
    changes = timetable(hours, first, last)
    draw = random.Random(f"{text} {start}")
    seconds = [draw.uniform(first.timestamp(), last.timestamp()) for _ in range(200)]
    seconds += [
        change.at + aside
        for change in changes
        for aside in (-1, 0, 1)
        if first.timestamp() <= change.at + aside <= last.timestamp()
    ]
    for second in seconds:
        at = dt.datetime.fromtimestamp(second, LONDON.zone)
        opening = hours.at(at)
        until, opens = (t and t.timestamp() for t in (opening.until, opening.opens))
        if opening.state is State.OPEN:
            opens = None
        assert _told(changes, at) == (opening.state, until, opens), at


def test_what_never_ends_is_one_line() -> None:
    first = LONDON.read("2026-07-01 00:00")
    for text, state in (("24/7", State.OPEN), ("", State.UNKNOWN)):
        changes = timetable(Hours(text, LONDON), first, first + dt.timedelta(days=28))
        assert changes == [Change(int(first.timestamp()), state)]


def test_clocks_change_twice_a_year() -> None:
    first = LONDON.read("2026-07-01 00:00")
    spans = offsets(ZoneInfo("Europe/London"), first, 400)
    autumn, spring = (
        dt.datetime.fromisoformat(f"{day}T01:00Z") for day in ("2026-10-25", "2027-03-28")
    )
    assert [(span.at, span.seconds) for span in spans] == [
        (first.timestamp(), 3600),
        (autumn.timestamp(), 0),
        (spring.timestamp(), 3600),
    ]
    assert offsets(ZoneInfo("UTC"), first, 400) == [(int(first.timestamp()), 0)]
