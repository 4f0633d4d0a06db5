import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opening_hours import OpeningHours

from locator.errors import OpeningHoursError, TimeError
from locator.hours import Calendar, Hours, State

LONDON = Calendar.of("Europe/London", {"country": "GB", "subdivision": "ENG"}, 52.3, -0.8)

# England's bank holidays as GOV.UK lists them
ENGLAND = {
    2026: ["01-01", "04-03", "04-06", "05-04", "05-25", "08-31", "12-25", "12-28"],
    2027: ["01-01", "03-26", "03-29", "05-03", "05-31", "08-30", "12-27", "12-28"],
}


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
        (
            'Mo-Fr 10:00-12:00 || "ask"',
            "2026-12-26 10:00",
            (State.UNKNOWN, "2026-12-28 00:00", "2026-12-28 10:00"),
        ),
    ],
)
def test_states(text: str, when: str, expected: tuple[State, str | None, str | None]) -> None:
    assert _at(text, when) == expected


@pytest.mark.parametrize("year", ENGLAND)
def test_england_keeps_its_own_holidays(year: int) -> None:
    for day in ENGLAND[year]:
        assert _at("Mo-Su 08:00-22:00; PH off", f"{year}-{day} 12:00")[0] is State.CLOSED
        assert _at("PH 10:00-16:00", f"{year}-{day} 12:00")[0] is State.OPEN
        assert _at("Mo-Fr,PH 10:00-16:00", f"{year}-{day} 12:00")[0] is State.OPEN
    # 26 December 2026 is a Saturday: the day itself is kept as well as the Monday after
    assert _at("Mo-Su 08:00-22:00; PH off", "2026-12-26 12:00")[0] is State.CLOSED
    # St Patrick's Day is a holiday in Northern Ireland, St Andrew's Day in Scotland
    for day in ("03-17", "11-30"):
        assert _at("Mo-Su 08:00-22:00; PH off", f"2026-{day} 12:00")[0] is State.OPEN


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
