import datetime as dt
import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opening_hours import OpeningHours
from opening_hours import State as LibraryState

from locator.errors import OpeningHoursError, TimeError
from locator.hours import STATES, Calendar, Hours, State, week

LONDON = Calendar.of("Europe/London", {"country": "GB", "subdivision": "ENG"}, 52.3, -0.8)

# https://www.gov.uk/bank-holidays, England and Wales
ENGLAND = {
    2024: ["01-01", "03-29", "04-01", "05-06", "05-27", "08-26", "12-25", "12-26"],
    2025: ["01-01", "04-18", "04-21", "05-05", "05-26", "08-25", "12-25", "12-26"],
    2026: ["01-01", "04-03", "04-06", "05-04", "05-25", "08-31", "12-25", "12-28"],
    2027: ["01-01", "03-26", "03-29", "05-03", "05-31", "08-30", "12-27", "12-28"],
    2028: ["01-03", "04-14", "04-17", "05-01", "05-29", "08-28", "12-25", "12-26"],
}
HOLIDAYS = {
    dt.date.fromisoformat(f"{year}-{day}") for year, days in ENGLAND.items() for day in days
}
# the days that those of 2024 to 2028 were moved from
MOVED = {dt.date(2026, 12, 26), dt.date(2027, 12, 25), dt.date(2027, 12, 26), dt.date(2028, 1, 1)}


def _at(text: str, when: str) -> tuple[State, str | None, str | None]:
    opening = Hours(text, LONDON).at(LONDON.read(when))
    until, opens = (
        t.strftime("%Y-%m-%d %H:%M") if t else None for t in (opening.until, opening.opens)
    )
    return opening.state, until, opens


@pytest.mark.parametrize(
    ("text", "when", "expected"),
    [
        ("24/7", "2026-07-04 23:30", (State.OPEN, None, None)),
        ("Mo-Sa 08:00-22:00", "2026-07-04 21:30", (State.OPEN, "2026-07-04 22:00", None)),
        (
            "Mo-Sa 08:00-22:00",
            "2026-07-04 22:00",
            (State.CLOSED, "2026-07-06 08:00", "2026-07-06 08:00"),
        ),
        ("", "2026-07-04 12:00", (State.UNKNOWN, None, None)),
        ("Mo-Fr 10:00-12:00; SH off", "2026-07-06 11:00", (State.UNKNOWN, None, None)),
        ("off", "2026-07-06 11:00", (State.CLOSED, None, None)),
        ("Fr,Sa 18:00-02:00", "2026-07-05 01:30", (State.OPEN, "2026-07-05 02:00", None)),
        (
            '10:00-12:00 "by appointment"',
            "2026-07-06 11:00",
            (State.UNKNOWN, "2026-07-06 12:00", None),
        ),
        # it looks a year ahead
        (
            "Jul 1 10:00-12:00",
            "2026-07-01 12:00",
            (State.CLOSED, "2027-07-01 10:00", "2027-07-01 10:00"),
        ),
        ("2027 Aug 1 10:00-12:00", "2026-07-01 12:00", (State.CLOSED, None, None)),
        (
            'Mo-Fr 10:00-12:00 || "ask"',
            "2026-12-26 10:00",
            (State.UNKNOWN, "2026-12-28 00:00", "2026-12-28 10:00"),
        ),
    ],
)
def test_states(text: str, when: str, expected: tuple[State, str | None, str | None]) -> None:
    assert _at(text, when) == expected


def test_holidays_are_those_of_the_official_list() -> None:
    told = {day for day in LONDON.public_holidays() if day.year in ENGLAND}
    assert told == HOLIDAYS
    assert {day for day in LONDON.moved_holidays() if day.year in ENGLAND} == MOVED


@pytest.mark.parametrize("day", sorted(HOLIDAYS), ids=str)
def test_england_keeps_its_own_holidays(day: dt.date) -> None:
    assert _at("Mo-Su 08:00-22:00; PH off", f"{day} 12:00")[0] is State.CLOSED
    assert _at("PH 10:00-16:00", f"{day} 12:00")[0] is State.OPEN
    assert _at("Mo-Fr,PH 10:00-16:00", f"{day} 12:00")[0] is State.OPEN


@pytest.mark.parametrize("day", ["2026-03-17", "2026-11-30"])
def test_holidays_of_ireland_and_scotland_are_no_holidays(day: str) -> None:
    assert _at("Mo-Su 08:00-22:00; PH off", f"{day} 12:00")[0] is State.OPEN


@pytest.mark.parametrize(
    ("text", "when", "state"),
    [
        # Saturday hours, or those of Christmas Day?
        ("Sa 09:00-17:00; PH off", "2027-12-25 12:00", State.UNKNOWN),
        ("Sa 09:00-17:00; PH off", "2027-12-25 08:00", State.CLOSED),
        ("Sa 09:00-17:00; PH off", "2027-12-24 12:00", State.CLOSED),
        ("Mo-Su 09:00-17:00; PH 11:00-15:00", "2027-12-25 12:00", State.OPEN),
        ("Mo-Su 09:00-17:00; PH 11:00-15:00", "2027-12-26 10:00", State.UNKNOWN),
        ("Mo-Fr 09:00-17:00; PH off", "2027-12-25 12:00", State.CLOSED),
        ("Mo-Su 09:00-17:00", "2027-12-25 12:00", State.OPEN),
        ("24/7", "2027-12-25 12:00", State.OPEN),
        # what such a day may do to the day after it
        ("Mo-Su 09:00-17:00; PH +1 day off", "2028-01-02 12:00", State.UNKNOWN),
        ("Mo-Su 09:00-17:00; PH +1 day off", "2028-01-01 12:00", State.OPEN),
        ("Mo-Fr 09:00-17:00; PH 22:00-04:00", "2028-01-02 03:00", State.UNKNOWN),
        ("Mo-Su 09:00-17:00; Jan PH off", "2027-12-25 12:00", State.OPEN),
    ],
)
def test_days_whose_holiday_is_kept_on_another(text: str, when: str, state: State) -> None:
    assert _at(text, when)[0] is state


@pytest.mark.parametrize(
    ("text", "when", "state"),
    [
        ("Sa,Su,PH 10:00-16:00", "2026-08-31 11:00", State.OPEN),
        ("Sa,Su,PH 10:00-16:00", "2026-09-01 11:00", State.CLOSED),
        ("Mo-Sa 09:00-17:00; PH 10:00-12:00 || 13:00-14:00", "2026-08-31 11:00", State.OPEN),
        ("Dec 20-Jan 5 PH off; Mo-Su 09:00-10:00", "2026-12-25 09:30", State.OPEN),
        ("Mo-Su 09:00-10:00; Dec 20-Jan 5 PH off", "2026-12-25 09:30", State.CLOSED),
        ("Mo-Su 09:00-10:00; Dec 20-Jan 5 PH off", "2026-08-31 09:30", State.OPEN),
        ("24/7; PH +1 day off", "2026-12-29 11:00", State.CLOSED),
        # from the end of one week into the next
        ("PH +2 days 22:00-04:00", "2026-04-06 02:00", State.OPEN),
        ('Mo-Sa 09:00-17:00; Sa,PH 10:00-16:00 "a PH b"', "2026-08-31 11:00", State.UNKNOWN),
        ('Mo-Sa 09:00-17:00 "no PH here"', "2026-08-31 11:00", State.UNKNOWN),
        ("PH off", "2050-01-01 10:00", State.UNKNOWN),
    ],
)
def test_holiday_rules(text: str, when: str, state: State) -> None:
    assert _at(text, when)[0] is state


@pytest.mark.parametrize(
    ("when", "state"),
    [
        # Thursday's evening may run into Good Friday's first hours, or Friday off may end it
        ("2026-04-03 01:00", State.UNKNOWN),
        ("2026-04-03 12:00", State.CLOSED),
        ("2026-04-03 23:00", State.CLOSED),
        # no evening on Friday, so nothing of it should run into Saturday
        ("2026-04-04 01:00", State.UNKNOWN),
        ("2026-04-04 03:00", State.CLOSED),
        ("2026-04-04 19:00", State.OPEN),
        ("2026-04-05 01:00", State.OPEN),
    ],
)
def test_hours_past_midnight_beside_a_holiday(when: str, state: State) -> None:
    assert _at("Mo-Su 18:00-02:00; PH off", when)[0] is state


def test_hours_that_run_through_the_whole_next_day() -> None:
    assert _at("Mo-Fr 20:00-47:00; PH off", "2026-04-04 12:00")[0] is State.UNKNOWN


def test_hours_until_midnight_are_not_in_dispute() -> None:
    text = "Mo-Th 10:00-24:00; Fr-Sa 10:00-02:00"
    assert _at(text, "2026-07-03 00:30")[0] is State.CLOSED
    assert _at(text, "2026-07-04 01:30")[0] is State.OPEN


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 1), ("2026-10-25", 3)])
def test_clock_changes(day: str, hours: int) -> None:
    opening = Hours("Su 00:30-02:30", LONDON).at(LONDON.read(f"{day} 00:30"))
    assert opening.state is State.OPEN
    assert opening.until is not None
    assert (opening.until.timestamp() - LONDON.read(f"{day} 00:30").timestamp()) == hours * 3600


def test_an_instant_in_another_zone() -> None:
    summer = dt.datetime(2026, 7, 4, 21, 30, tzinfo=dt.UTC)
    assert Hours("Mo-Su 08:00-22:00", LONDON).at(summer).state is State.CLOSED


@pytest.mark.parametrize("text", ["Mo-Fr 9am-5pm", "9-5", "dawn till dusk", "Mon to Fri"])
def test_other_syntax_is_refused_with_examples(text: str) -> None:
    with pytest.raises(OpeningHoursError, match="Examples: 24/7"):
        Hours(text, LONDON)


def test_reading_times() -> None:
    assert LONDON.read("2026-07-04 23:30").isoformat() == "2026-07-04T23:30:00+01:00"
    assert LONDON.read("2026-07-04T22:30:00Z").isoformat() == "2026-07-04T23:30:00+01:00"
    assert LONDON.read("2026-10-25 01:30").isoformat() == "2026-10-25T01:30:00+01:00"
    with pytest.raises(TimeError, match="clocks go forward"):
        LONDON.read("2026-03-29 01:30")
    with pytest.raises(TimeError, match="2026-07-04 23:30"):
        LONDON.read("tomorrow")


@given(
    text=st.sampled_from(
        [
            "Mo-Su 08:00-22:00",
            "Mo-Fr 10:00-12:00 || unknown",
            "Mo-Th 10:00-24:00; Fr-Sa 10:00-02:00",
            "Mo-Fr 09:00-17:30, We 19:00-21:00",
            "Mar-Oct Mo-Su 08:00-20:00; Nov-Feb Mo-Fr 09:00-15:00",
            "Mo-Su 18:00-02:00",
            "Mo[1] 10:00-12:00",
            "sunrise-sunset",
        ]
    ),
    minute=st.integers(0, 525_599),
)
def test_states_equal_the_library_asked_for_each_instant(text: str, minute: int) -> None:
    moment = dt.datetime(2026, 1, 1, tzinfo=dt.UTC) + dt.timedelta(minutes=minute)
    local = moment.astimezone(LONDON.zone)
    oracle = OpeningHours(text, timezone=LONDON.zone, coords=(LONDON.lat, LONDON.lon))
    here = State.OPEN if oracle.is_open(local) else State.CLOSED
    here = State.UNKNOWN if oracle.is_unknown(local) else here
    opening = Hours(text, LONDON).at(moment)
    assert opening.state is here
    if opening.until is not None:
        assert opening.until.timestamp() > moment.timestamp()
        after = Hours(text, LONDON).at(opening.until).state
        assert after is not opening.state
    if opening.opens is not None:
        assert oracle.is_open(opening.opens)


def _library(text: str) -> Callable[[dt.datetime], State]:
    """Ask the library for single local times; it knows of no clocks that change here."""
    rules = OpeningHours(text)

    def state(local: dt.datetime) -> State:
        told, comment = rules.state(local)
        if comment or told == LibraryState.UNKNOWN:
            return State.UNKNOWN
        return State.OPEN if told == LibraryState.OPEN else State.CLOSED

    return state


def _with_disputes(text: str, until_h: int) -> Callable[[dt.datetime], State]:
    """Doubt the first hours of a day whose hours do not go on from those of the evening."""
    plain = _library(text)

    def state(local: dt.datetime) -> State:
        midnight = dt.datetime.combine(local.date(), dt.time(0))
        evening, first = plain(midnight - dt.timedelta(minutes=1)), plain(midnight)
        quarters = (local - midnight) // dt.timedelta(minutes=15)
        if (
            {evening, first} == {State.OPEN, State.CLOSED}
            and local < midnight + dt.timedelta(hours=until_h)
            and all(
                plain(midnight + n * dt.timedelta(minutes=15)) is first for n in range(quarters)
            )
            and plain(local) is first
        ):
            return State.UNKNOWN
        return plain(local)

    return state


def _with_holidays(ordinary: str, holiday: str) -> Callable[[dt.datetime], State]:
    """Ask one text on the days of the official list and another on all others."""
    readings = _library(ordinary), _library(holiday)

    def state(local: dt.datetime) -> State:
        if local.date() in MOVED:
            one, other = (reading(local) for reading in readings)
            return one if one is other else State.UNKNOWN
        return readings[local.date() in HOLIDAYS](local)

    return state


# what is said of any local time, found without the code under test; all on the quarter hours
ORACLES = {
    text: _library(text)
    for text in (
        "Mo-Su 08:00-22:00",
        "Su 00:30-02:30",
        "Mo-Su 01:15-01:45",
        "Mo-Fr 10:00-12:00 || unknown",
        'Mo-Fr 10:00-12:00, Sa 10:00-11:00 || "ask at the bar"',
        '10:00-12:00 "by appointment", 14:00-16:00',
        "Mo-Th 10:00-24:00; Fr-Sa 10:00-02:00",
        "Mo-Fr 09:00-17:30, We 19:00-21:00",
        "Mar-Oct Mo-Su 08:00-20:00; Nov-Feb Mo-Fr 09:00-15:15",
        "Dec 24-Jan 2 off || Mo-Sa 09:00-17:00",
        "Mo-Su 18:00-02:00",
        "Mo[1] 10:00-12:00; Fr[-1] off",
        "week 1-53/2 Mo-Fr 07:45-19:00",
        "Mo-Sa; Su off",
        "easter -2 days off; Mo-Su 11:00-23:00",
    )
} | {
    "Fr,Sa 18:00-02:00; Su off": _with_disputes("Fr,Sa 18:00-02:00; Su off", 3),
    "Mo-Fr 20:00-04:00; We off": _with_disputes("Mo-Fr 20:00-04:00; We off", 5),
    "Mo-Su 18:00-01:30; Sa 12:00-14:00": _with_disputes("Mo-Su 18:00-01:30; Sa 12:00-14:00", 2),
    "Mo-Sa 08:00-22:00; PH off": _with_holidays("Mo-Sa 08:00-22:00", "off"),
    "Sa,PH 10:00-16:00 || 18:00-19:00": _with_holidays(
        "Sa 10:00-16:00 || 18:00-19:00", "10:00-16:00 || 18:00-19:00"
    ),
    'Mo-Su 09:00-17:00; PH 11:00-15:00 "ring; || PH"': _with_holidays(
        "Mo-Su 09:00-17:00", '11:00-15:00 "ring"'
    ),
    "Mo-Fr 09:00-12:00; PH 10:00-11:00,14:00-15:00": _with_holidays(
        "Mo-Fr 09:00-12:00", "10:00-11:00,14:00-15:00"
    ),
}
DAY, MINUTE = dt.timedelta(days=1), dt.timedelta(minutes=1)
QUARTER = 15 * MINUTE
# Sundays on which the clocks change, and days beside which hours are in question
SPECIAL = [
    *(dt.date(2026, 3, 29), dt.date(2026, 10, 25), dt.date(2027, 3, 28), dt.date(2027, 10, 31)),
    *sorted(MOVED | HOLIDAYS),
]
days = st.sampled_from(SPECIAL) | st.dates(dt.date(2024, 1, 8), dt.date(2028, 12, 20))


def _local(moment: dt.datetime) -> dt.datetime:
    return moment.astimezone(LONDON.zone).replace(tzinfo=None)


@settings(deadline=None, max_examples=300)
@given(text=st.sampled_from(sorted(ORACLES)), day=days, minute=st.integers(-1440, 2880))
def test_answers_equal_those_found_minute_by_minute(text: str, day: dt.date, minute: int) -> None:
    midnight = dt.datetime.combine(day, dt.time(0), dt.UTC)
    moment = midnight + minute * MINUTE
    oracle = ORACLES[text]
    opening = Hours(text, LONDON).at(moment)
    # times of two zones are never equal in the hour that comes twice
    until, opens = (time.timestamp() if time else np.inf for time in (opening.until, opening.opens))
    state = oracle(_local(moment))
    assert opening.state is state
    # hours change on the quarter hour
    later = [midnight + n * QUARTER for n in range(minute // 15 + 1, minute // 15 + 4 * 24 * 14)]
    told = [(time.timestamp(), oracle(_local(time))) for time in later]
    changes = [time for time, then in told if then is not state]
    openings = [time for time, then in told if then is State.OPEN]
    assert until == changes[0] if changes else until > told[-1][0]
    if state is State.OPEN:
        assert opening.opens is None
    else:
        assert opens == openings[0] if openings else opens > told[-1][0]


@settings(deadline=None, max_examples=12)
@given(day=days)
@pytest.mark.parametrize("best", [False, True])
def test_a_week_has_the_worst_or_best_state_of_each_hour(*, day: dt.date, best: bool) -> None:
    monday = day - dt.timedelta(days=day.weekday())
    start = LONDON.read(f"{monday} 00:00").astimezone(dt.UTC)
    times = [start + n * QUARTER for n in range(4 * 170)]
    texts = sorted(ORACLES)
    table = week([Hours(text, LONDON) for text in texts], day, LONDON, best=best)
    assert table.shape == (len(texts), 168)
    assert table.dtype == np.int8
    for text, row in zip(texts, table, strict=True):
        told: dict[int, int] = {}
        for time in times:
            hour = (_local(time) - dt.datetime.combine(monday, dt.time(0))) // dt.timedelta(hours=1)
            code = STATES.index(ORACLES[text](_local(time)))
            told[hour] = (max if best else min)(told.get(hour, code), code)
        if 145 not in told:  # Sunday 01:00, when the clocks go forward
            told[145] = STATES.index(
                ORACLES[text](dt.datetime.combine(monday, dt.time(2)) + 6 * DAY)
            )
        assert row.tolist() == [told[hour] for hour in range(168)], text


def test_a_week_of_hours_that_need_no_library() -> None:
    texts = ["24/7", "", "off", "Mo-Su 10:00-11:00; SH off", "Mo-Su 10:00-11:00; PH off"]
    compiled = [Hours(text, LONDON) for text in texts]
    table = week(compiled, dt.date(2026, 7, 5), LONDON)
    assert [set(row.tolist()) for row in table] == [{2}, {1}, {0}, {1}, {0, 2}]
    assert week([], dt.date(2026, 7, 5), LONDON).shape == (0, 168)
    # holidays are known to the end of 2040, which is a Monday
    assert week(compiled, dt.date(2041, 1, 1), LONDON)[4].tolist() == (
        [0] * 10 + [2] + [0] * 13 + [1] * 144
    )


@pytest.mark.parametrize(
    ("zone", "day", "open_h"),
    [
        # half an hour is skipped or comes twice
        ("Australia/Lord_Howe", "2026-10-04", 23.5),
        ("Australia/Lord_Howe", "2026-04-05", 24.5),
        # at midnight
        ("Atlantic/Azores", "2026-03-29", 23.0),
        ("Atlantic/Azores", "2026-10-25", 25.0),
        ("America/Santiago", "2026-09-06", 23.0),
    ],
)
def test_clocks_of_other_places(zone: str, day: str, open_h: float) -> None:
    calendar = Calendar.of(zone, {"country": "GB", "subdivision": "ENG"}, 52.3, -0.8)
    sunday = dt.date.fromisoformat(day)
    hours = Hours("Su", calendar)
    starts, codes = hours.changes(sunday)
    end = dt.datetime.combine(sunday + DAY, dt.time(0), calendar.zone).timestamp()
    assert codes == bytes([0, 2])
    assert end - starts[1] == open_h * 3600
    assert week([hours], sunday, calendar).tolist() == [[0] * 144 + [2] * 24]


@given(text=st.sampled_from([t for t in ORACLES if "||" not in t]), day=days)
def test_the_library_says_the_same_of_a_week_as_of_its_days(text: str, day: dt.date) -> None:
    rules = OpeningHours(text.replace("PH", "2026 Dec 28,2027 Dec 27"), timezone=LONDON.zone)
    midnights = [dt.datetime.combine(day + n * DAY, dt.time(0), LONDON.zone) for n in range(9)]

    def changes(times: list[dt.datetime]) -> list[tuple[dt.datetime, object]]:
        spans = [
            (start, (state, comment))
            for first, last in itertools.pairwise(times)
            for start, _, state, comment in rules.intervals(first, last)
        ]
        groups = itertools.groupby(spans, key=lambda span: span[1])
        return [next(group) for _, group in groups]

    assert changes(midnights[::8]) == changes(midnights)


def test_threads_get_the_answers_that_one_gets() -> None:
    texts = list(ORACLES)
    times = [dt.datetime(2026, 1, 1, tzinfo=dt.UTC) + n * dt.timedelta(days=5.3) for n in range(90)]
    alone = [[Hours(text, LONDON).at(time) for time in times] for text in texts]
    shared = [Hours(text, LONDON) for text in texts]
    with ThreadPoolExecutor(8) as pool:
        runs = [
            pool.submit(lambda: [[hours.at(time) for time in times] for hours in shared])
            for _ in range(8)
        ]
    assert all(run.result() == alone for run in runs)


@pytest.mark.parametrize("year", [1, 1850, 9999])
def test_nothing_is_known_of_years_that_cannot_be_worked_out(year: int) -> None:
    moment = dt.datetime(year, 12, 31, 12, tzinfo=dt.UTC)
    assert Hours("Mo-Su 08:00-22:00", LONDON).at(moment).state is State.UNKNOWN


def test_the_hour_that_comes_twice() -> None:
    hours = Hours("Su 01:15-01:45", LONDON)
    told = [hours.at(dt.datetime(2026, 10, 25, 0, 0, tzinfo=dt.UTC)).opens]
    for _ in range(2):
        assert told[-1] is not None
        opening = hours.at(told[-1])
        assert opening.state is State.OPEN
        assert opening.until is not None
        told += [opening.until, hours.at(opening.until).opens]
    assert [time.isoformat()[8:] for time in told[:4] if time] == [
        "25T01:15:00+01:00",
        "25T01:45:00+01:00",
        "25T01:15:00+00:00",
        "25T01:45:00+00:00",
    ]
