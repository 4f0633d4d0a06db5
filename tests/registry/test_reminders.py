import datetime as dt

import pytest
from sqlalchemy import Engine, select

from locator.registry import store
from locator.registry.custody import Visit, check, edit, entrust, report
from locator.registry.reminders import remind
from locator.registry.schema import Finding, Letter, Task
from locator.settings import Settings

DAY = dt.date(2026, 7, 1)
OFFICE = Settings(mail_fallback="office@example.org", check_every_days=31, remind_again_days=14)


def letters(engine: Engine) -> list[tuple[str, str]]:
    with store.reading(engine) as connection:
        rows = connection.execute(select(Letter.recipient, Letter.body).order_by(Letter.id))
        return [(row.recipient, row.body) for row in rows]


@pytest.fixture
def checked(kits: Engine) -> Engine:
    """Every kit was checked today."""
    for number in (1, 2, 3):
        check(kits, f"NN-000{number}", Visit("Ann", DAY, DAY))
    return kits


def test_nothing_is_due(checked: Engine) -> None:
    version = store.version(checked)
    result = remind(checked, today=DAY, settings=OFFICE)
    assert (result.opened, result.reminded, result.nobody) == ({}, (), ())
    assert letters(checked) == []
    assert store.version(checked) == version


def test_an_overdue_check_is_said_once_and_again_after_a_while(checked: Engine) -> None:
    late = DAY + dt.timedelta(days=31)
    first = remind(checked, today=late, settings=OFFICE)
    assert first.opened == {"check": 3}
    assert len(first.reminded) == 3
    version = store.version(checked)
    for days in (0, 1, 13):
        again = remind(checked, today=late + dt.timedelta(days=days), settings=OFFICE)
        assert again.reminded == ()
    assert store.version(checked) == version
    fortnight = remind(checked, today=late + dt.timedelta(days=14), settings=OFFICE)
    assert len(fortnight.reminded) == 3
    assert fortnight.opened == {}
    assert len(letters(checked)) == 2, "one message for all kits of a guardian"
    assert "Not checked since 2026-07-01" in letters(checked)[0][1]


def test_a_check_ends_the_reminders(checked: Engine) -> None:
    late = DAY + dt.timedelta(days=40)
    remind(checked, today=late, settings=OFFICE)
    outcome = check(checked, "NN-0001", Visit("Ann", late, late))
    assert outcome.closed == ("check",)
    again = remind(checked, today=late + dt.timedelta(days=20), settings=OFFICE)
    assert [kit for kit, _ in again.reminded] == ["NN-0002", "NN-0003"]


def test_contents_that_expire(checked: Engine) -> None:
    edit(checked, "NN-0001", {"expires_on": DAY + dt.timedelta(60)}, who="Ann", why="Read")
    edit(checked, "NN-0002", {"expires_on": DAY + dt.timedelta(61)}, who="Ann", why="Read")
    edit(checked, "NN-0003", {"expires_on": DAY - dt.timedelta(1)}, who="Ann", why="Read")
    result = remind(checked, today=DAY, settings=OFFICE)
    assert result.reminded == (("NN-0001", "renew contents"), ("NN-0003", "renew contents"))
    ((_, body),) = letters(checked)
    assert "expired on 2026-06-30" in body
    outcome = check(checked, "NN-0001", Visit("Ann", DAY, DAY))
    assert outcome.closed == (), "a look does not renew contents"
    day = DAY + dt.timedelta(900)
    outcome = check(checked, "NN-0001", Visit("Ann", DAY, DAY), expires_on=day)
    assert outcome.closed == ("renew contents",)


def test_each_guardian_hears_of_their_own_kits(checked: Engine) -> None:
    for number, name in ((1, "gia"), (2, "hal")):
        contact = {"name": name, "email": f"{name}@example.org"}
        entrust(checked, f"NN-000{number}", contact, who="Ann", why="Agreed")
    late = DAY + dt.timedelta(days=31)
    result = remind(checked, today=late, settings=Settings())
    assert [(to, body.count("NN-000")) for to, body in letters(checked)] == [
        ("gia@example.org", 1),
        ("hal@example.org", 1),
    ]
    assert result.nobody == (("NN-0003", "check"),)


def test_planned_and_damaged_kits_are_not_to_be_checked(kits: Engine) -> None:
    report(kits, "NN-0001", Finding.DAMAGED, Visit("Bob", DAY, DAY), Settings())
    result = remind(kits, today=DAY, settings=OFFICE)
    assert result.reminded == (("NN-0001", "restock"), ("NN-0003", "check"))


def test_reminders_stand_in_the_trail(kits: Engine) -> None:
    remind(kits, today=DAY, settings=OFFICE)
    with store.reading(kits) as connection:
        tasks = connection.execute(select(Task.kit, Task.reminded_on)).all()
    assert {tuple(task) for task in tasks} == {("NN-0001", DAY), ("NN-0003", DAY)}


def test_who_has_just_heard_of_a_report_is_not_reminded_at_once(checked: Engine) -> None:
    report(checked, "NN-0001", Finding.DAMAGED, Visit("Bob", DAY, DAY), OFFICE)
    assert remind(checked, today=DAY, settings=OFFICE).reminded == ()
    later = DAY + dt.timedelta(days=14)
    assert remind(checked, today=later, settings=OFFICE).reminded == (("NN-0001", "restock"),)


def test_nobody_is_reminded_of_a_withdrawn_kit(kits: Engine) -> None:
    remind(kits, today=DAY, settings=OFFICE)
    for number in (1, 3):
        edit(kits, f"NN-000{number}", {"status": "withdrawn"}, who="Ann", why="Closed")
    later = DAY + dt.timedelta(days=30)
    assert remind(kits, today=later, settings=OFFICE).reminded == ()
