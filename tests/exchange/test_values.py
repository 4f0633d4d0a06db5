import datetime as dt

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
        ("July 2026", None),
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
    assert values.moment(Cells({"date": value}), "date") == (moment, precision)


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


def test_hours_in_words_are_kept_and_not_guessed() -> None:
    cells = Cells({"opening_hours": "9 till late"})
    assert values.hours(cells) == {"hours_text": "9 till late"}
    assert cells.remarks[0].note is Note.LOOK


def test_codes_are_taken_out_of_texts() -> None:
    cells = Cells({"note": "By the door, code C123X, ask Jo"})
    assert values.words(cells, "note", 100) == "By the door, [code removed], ask Jo"
    assert "C123X" not in cells.remarks[0].text
