import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from locator.exchange import values
from locator.exchange.values import Cells, Note, Scalar
from locator.registry.schema import Access, Indoor, Kind, Status, TimePrecision, Wheelchair


@pytest.mark.parametrize(
    ("value", "day"),
    [
        ("2026-07-04", dt.date(2026, 7, 4)),
        ("2026-07-04T10:30:00Z", dt.date(2026, 7, 4)),
        ("04/07/2026", dt.date(2026, 7, 4)),
        ("4.7.26", dt.date(2026, 7, 4)),
        ("4 July 2026", dt.date(2026, 7, 4)),
        ("4th Jul 2026", dt.date(2026, 7, 4)),
        (46207, dt.date(2026, 7, 4)),
        ("46207", dt.date(2026, 7, 4)),
        ("31/02/2026", None),
        ("July 2026", dt.date(2026, 7, 31)),
        ("05/2027", dt.date(2027, 5, 31)),
        ("2027", None),
        ("soon", None),
        ("n/a", None),
    ],
)
def test_days(value: Scalar, day: dt.date | None) -> None:
    cells = Cells({"expires_on": value})
    assert values.day(cells, "expires_on") == day
    if day is None and value != "n/a":
        assert [r.note for r in cells.remarks] == [Note.LEFT_OUT]


@pytest.mark.parametrize(
    ("value", "text"),
    [(2023, "2023"), ("2023-02", "2023-02"), ("Feb 2023", "2023-02"), ("1/2/2023", "2023-02-01")],
)
def test_dates_of_sources_keep_their_precision(value: Scalar, text: str) -> None:
    assert values.month_or_day(Cells({"reported": value}), "reported") == text


@pytest.mark.parametrize(
    ("value", "moment", "precision"),
    [
        ("2026-07-04 23:10", dt.datetime(2026, 7, 4, 23, 10), TimePrecision.MINUTE),  # noqa: DTZ001
        ("04/07/2026 23:10", dt.datetime(2026, 7, 4, 23, 10), TimePrecision.MINUTE),  # noqa: DTZ001
        ("2026-07", dt.datetime(2026, 7, 1), TimePrecision.MONTH),  # noqa: DTZ001
    ],
)
def test_moments(value: str, moment: dt.datetime, precision: TimePrecision) -> None:
    assert values.moment(Cells({"date": value}), "date", None) == (moment, precision)


@pytest.mark.parametrize(
    ("value", "hour"),
    [("2026-07-04T21:30Z", 22), ("2026-01-04T21:30Z", 21), ("2026-07-04T21:30+01:00", 21)],
)
def test_a_time_that_names_its_zone_becomes_local(value: str, hour: int) -> None:
    """In summer London is an hour ahead of UTC."""
    found = values.moment(Cells({"date": value}), "date", ZoneInfo("Europe/London"))
    assert found is not None
    assert (found[0].hour, found[0].minute, found[0].tzinfo) == (hour, 30, None)


@pytest.mark.parametrize(
    ("value", "kept", "precision", "remark"),
    [
        ("2026-03-29 01:30", "2026-03-29 00:00", "day", "does not exist"),
        ("29/03/2026 01:00", "2026-03-29 00:00", "day", "does not exist"),
        ("2026-03-29 00:59", "2026-03-29 00:59", "minute", ""),
        ("2026-03-29 02:00", "2026-03-29 02:00", "minute", ""),
        ("2026-03-29 01:30Z", "2026-03-29 02:30", "minute", ""),
        ("2026-10-25 01:30", "2026-10-25 01:30", "minute", "comes twice"),
        ("2026-10-25 02:00", "2026-10-25 02:00", "minute", ""),
        ("2026-03-29", "2026-03-29 00:00", "day", ""),
        ("2026-03", "2026-03-01 00:00", "month", ""),
    ],
)
def test_times_when_the_clocks_change(value: str, kept: str, precision: str, remark: str) -> None:
    cells = Cells({"happened_at": value})
    found = values.moment(cells, "happened_at", ZoneInfo("Europe/London"))
    assert found == (dt.datetime.fromisoformat(kept), precision)
    assert [remark in said.text for said in cells.remarks] == ([True] if remark else [])


def test_a_time_of_another_zone_is_not_taken_for_local() -> None:
    cells = Cells({"date": "2026-07-04T21:30Z"})
    assert values.moment(cells, "date", None) is None
    assert "names a time zone" in cells.remarks[0].text


@pytest.mark.parametrize(
    ("value", "number"),
    [("£585.00", 585), ("1,250.50", 1250.5), ("12,5", 12.5), ("25 m", 25), (7, 7), ("dear", None)],
)
def test_numbers(value: Scalar, number: float | None) -> None:
    assert values.number(Cells({"cost_gbp": value}), "cost_gbp") == number


@pytest.mark.parametrize(
    ("choices", "said", "meant"),
    [
        (Kind, "Cabinet", "cabinet"),
        (Kind, "in-premises", "in premises"),
        (Kind, "Bag behind the bar", "in premises"),
        (Kind, "inside AED cabinet", "in defibrillator box"),
        (Access, "Keypad, ring 999", "code from 999"),
        (Access, "ask at reception", "ask staff"),
        (Access, "unlocked", "open"),
        (Status, "Live", "installed"),
        (Status, "not yet installed", "agreed"),
        (Status, "Removed", "withdrawn"),
        (Status, "stolen", "missing"),
        (Indoor, "outside", "outdoor"),
        (Indoor, "Yes", "indoor"),
        (Wheelchair, "no - steps", "no"),
        (Wheelchair, "no steps", "yes"),
        (Status, "unused", None),
        (Status, "never used", None),
        (Status, "not working", None),
        (Status, "Not damaged", None),
        (Kind, "not a cabinet", None),
        (Status, "purple", None),
        (Status, "", None),
    ],
)
def test_choices(choices: type[Kind], said: str, meant: str | None) -> None:
    assert values.choice(Cells({"x": said}), "x", choices) == meant


def test_a_correction_is_said() -> None:
    cells = Cells({"status": "Live"})
    values.choice(cells, "status", Status)
    assert [(r.note, r.text) for r in cells.remarks] == [
        (Note.CORRECTED, "status: “Live” read as “installed”")
    ]


@pytest.mark.parametrize("text", ["24/7", "24 hours", "24 hrs a day", "Always open", "24-7"])
def test_hours_that_never_end(text: str) -> None:
    assert values.hours(Cells({"opening_hours": text}))["opening_hours"] == "24/7"


@pytest.mark.parametrize(
    ("text", "osm"),
    [
        ("9am-5pm", "Mo-Su 09:00-17:00"),
        ("Mon-Fri 9am to 5.30pm", "Mo-Fr 09:00-17:30"),
        ("Mon - Fri: 08:00 - 18:00, Sat 9am-1pm", "Mo-Fr 08:00-18:00; Sa 09:00-13:00"),
        ("Daily 12pm-11pm", "Mo-Su 12:00-23:00"),
        ("9-5", None),
        ("13am-5pm", None),
        ("Mon-Fri 9 till late", None),
    ],
)
def test_hours_as_they_stand_on_doors(text: str, osm: str | None) -> None:
    found = values.hours(Cells({"opening_hours": text}))
    assert found.get("opening_hours") == osm
    assert found["hours_text"] == text


def test_an_access_that_holds_a_code_is_not_repeated() -> None:
    for said in ("keypad 4471", "C7788Y", "ring, then 4471"):
        cells = Cells({"access": said})
        values.choice(cells, "access", Access)
        assert "4471" not in cells.remarks[0].text
        assert "7788" not in cells.remarks[0].text


def test_telephone_numbers_do_not_become_public() -> None:
    cells = Cells({"note": "Call Dave 07700 900123 or dave@example.org"})
    assert values.words(cells, "note", 100) == "Call Dave [removed] or [removed]"
    assert "public" in cells.remarks[0].text


def test_hours_in_words_are_kept_and_not_guessed() -> None:
    cells = Cells({"opening_hours": "9 till late"})
    assert values.hours(cells) == {"hours_text": "9 till late"}
    assert cells.remarks[0].note is Note.LOOK


def test_codes_are_taken_out_of_texts() -> None:
    cells = Cells({"note": "By the door, code C123X, ask Jo"})
    assert values.words(cells, "note", 100) == "By the door, [removed], ask Jo"
    assert "C123X" not in cells.remarks[0].text
