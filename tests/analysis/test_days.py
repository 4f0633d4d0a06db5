import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from locator.analysis.days import Day, day, days, next_holidays
from locator.hours import Calendar, Hours, State

CALENDAR = Calendar(ZoneInfo("Europe/London"), "GB", "ENG", 52.24, -0.9)


def _said(found: Day) -> str:
    return ", ".join(f"{s.begins}-{s.ends} {s.state}" for s in found.stretches)


def test_a_shop_through_a_week_with_a_bank_holiday() -> None:
    hours = Hours("Mo-Fr 08:00-20:00; Sa 09:00-13:00,14:00-17:00; PH off", CALENDAR)
    week = days(hours, dt.date(2026, 8, 27), CALENDAR)
    assert [d.date.isoformat() for d in week][:2] == ["2026-08-27", "2026-08-28"]
    assert [_said(d) for d in week] == [
        "08:00-20:00 open",
        "08:00-20:00 open",
        "09:00-13:00 open, 14:00-17:00 open",
        "",
        "",  # the summer bank holiday
        "08:00-20:00 open",
        "08:00-20:00 open",
    ]
    assert [d.holiday for d in week] == [False, False, False, False, True, False, False]
    assert week[3].whole is week[4].whole is State.CLOSED
    assert week[0].whole is None


def test_hours_past_midnight_belong_to_both_days() -> None:
    friday = day(Hours("Fr,Sa 18:00-02:00", CALENDAR), dt.date(2026, 7, 3), CALENDAR)
    saturday = day(Hours("Fr,Sa 18:00-02:00", CALENDAR), dt.date(2026, 7, 4), CALENDAR)
    assert _said(friday) == "18:00-24:00 open"
    assert _said(saturday) == "00:00-02:00 open, 18:00-24:00 open"


@pytest.mark.parametrize(
    ("text", "state"), [("24/7", State.OPEN), ("", State.UNKNOWN), ("off", State.CLOSED)]
)
def test_days_that_do_not_change(text: str, state: State) -> None:
    for found in days(Hours(text, CALENDAR), dt.date(2026, 7, 3), CALENDAR):
        assert found.whole is state


def test_what_is_not_known_is_said() -> None:
    hours = Hours('Mo-Fr 08:00-18:00; Sa 10:00-12:00 "by appointment"', CALENDAR)
    saturday = day(hours, dt.date(2026, 7, 4), CALENDAR)
    assert _said(saturday) == "10:00-12:00 unknown"


@pytest.mark.parametrize("date", [dt.date(2026, 3, 29), dt.date(2026, 10, 25)])
def test_the_day_on_which_the_clocks_change(date: dt.date) -> None:
    assert _said(day(Hours("Su 00:30-12:00", CALENDAR), date, CALENDAR)) == "00:30-12:00 open"
    assert day(Hours("24/7", CALENDAR), date, CALENDAR).whole is State.OPEN


def test_the_holidays_that_come_next() -> None:
    hours = Hours("Mo-Su 09:00-17:00; PH 10:00-16:00", CALENDAR)
    found = next_holidays(hours, dt.date(2026, 12, 1), CALENDAR)
    assert [d.date.isoformat() for d in found] == ["2026-12-25", "2026-12-28"]
    assert all(d.holiday and _said(d) == "10:00-16:00 open" for d in found)
    assert next_holidays(hours, dt.date(2026, 9, 1), CALENDAR, within_days=30) == []
