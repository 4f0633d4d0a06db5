import datetime as dt

import pytest
from sqlalchemy import Engine, select

from locator.analysis.fetch import Availability
from locator.analysis.nearest import overview
from locator.errors import InputError, KitNotFoundError
from locator.facts import Facts
from locator.registry import snapshot, store
from locator.registry.custody import Visit, check, edit, entrust, find, normal_reference, report
from locator.registry.schema import Contact, Event, Finding, Kit, Letter, Task
from locator.settings import Settings

DAY = dt.date(2026, 7, 1)
BOB = Visit("Bob", DAY, DAY, "By the gate")
QUIET = Settings()
TOLD = Settings(mail_fallback="office@example.org")


def rows(
    engine: Engine, model: type[Kit | Task | Event | Letter | Contact]
) -> list[dict[str, object]]:
    with store.reading(engine) as connection:
        found = connection.execute(select(model.__table__)).mappings()
        return [dict(row) for row in found]


@pytest.mark.parametrize("text", ["NN-0042", "nn-42", "nn 42", " NN0042 ", "Nn-042"])
def test_a_reference_is_understood_however_it_is_said(text: str) -> None:
    assert normal_reference(text) == "NN-0042"


def test_a_kit_that_there_is_not(kits: Engine) -> None:
    with pytest.raises(KitNotFoundError, match="no kit “NN-0999”"):
        check(kits, "NN-0999", BOB)


@pytest.mark.parametrize(
    ("finding", "status"),
    [
        (Finding.USED, "in use"),
        (Finding.NEEDS_RESTOCK, "needs restock"),
        (Finding.DAMAGED, "damaged"),
        (Finding.MISSING, "missing"),
        (Finding.OBSTRUCTED, "obstructed"),
    ],
)
def test_a_report_takes_the_kit_out_of_the_answer_at_once(
    kits: Engine, facts: Facts, finding: Finding, status: str
) -> None:
    check(kits, "NN-0001", Visit("Ann", DAY, DAY))
    noon = facts.calendar.read("2026-07-02 12:00")
    ready = {
        f.kit["reference"]: f.ready
        for f in overview(snapshot.take(kits, facts.calendar, 92, 24), noon)
    }
    assert not ready["NN-0001"], "its hours are not known"
    edit(kits, "NN-0001", {"opening_hours": "24/7"}, who="Ann", why="Told")
    (first, *_) = overview(snapshot.take(kits, facts.calendar, 92, 24), noon)
    assert first.ready
    outcome = report(kits, "NN-0001", finding, BOB, QUIET)
    assert outcome.status == status
    (first, *_) = overview(snapshot.take(kits, facts.calendar, 92, 24), noon)
    assert first.availability is Availability.OUT_OF_SERVICE
    assert not first.ready
    assert len(outcome.opened) == 1


def test_only_a_check_with_new_contents_puts_a_used_kit_back(kits: Engine) -> None:
    report(kits, "NN-0001", Finding.USED, BOB, QUIET)
    with pytest.raises(InputError, match="--restocked"):
        check(kits, "NN-0001", Visit("Ann", DAY, DAY))
    assert find(kits, "NN-0001")["status"] == "in use"
    expires = dt.date(2029, 1, 1)
    outcome = check(kits, "nn1", Visit("Ann", DAY, DAY), restocked=True, expires_on=expires)
    assert outcome.closed == ("restock",)
    kit = find(kits, "NN-0001")
    assert (kit["status"], kit["last_checked"], kit["checked_by"]) == ("installed", DAY, "Ann")
    assert kit["expires_on"] == expires
    (task,) = rows(kits, Task)
    assert (task["closed_on"], task["closed_by"]) == (DAY, "Ann")
    assert [(e["kind"], e["finding"], e["who"]) for e in rows(kits, Event)] == [
        ("use", "used", "Bob"),
        ("restock", "complete", "Ann"),
        ("check", "complete", "Ann"),
    ]


@pytest.mark.parametrize("finding", [Finding.USED, Finding.OBSTRUCTED])
def test_no_edit_puts_a_kit_back(kits: Engine, finding: Finding) -> None:
    report(kits, "NN-0001", finding, BOB, QUIET)
    with pytest.raises(InputError, match="Only a check puts it back"):
        edit(kits, "NN-0001", {"status": "installed"}, who="Ann", why="Fine again")


def test_a_check_confirms_what_was_only_planned(kits: Engine) -> None:
    check(kits, "NN-0002", BOB)
    assert find(kits, "NN-0002")["status"] == "installed"


def test_wrong_details_leave_the_kit_in_the_answer(kits: Engine) -> None:
    outcome = report(kits, "NN-0001", Finding.WRONG_DETAILS, BOB, TOLD)
    assert outcome.status == "installed"
    assert outcome.opened == ("look",)
    (letter,) = rows(kits, Letter)
    assert "still offer" in str(letter["body"])


def test_two_reports_make_one_task(kits: Engine) -> None:
    report(kits, "NN-0001", Finding.MISSING, BOB, QUIET)
    second = report(kits, "NN-0001", Finding.MISSING, Visit("Cem", DAY, DAY, "Gone"), QUIET)
    assert second.opened == ()
    (task,) = rows(kits, Task)
    assert "Gone" in str(task["why"])


def test_the_guardian_is_told_and_else_the_office(kits: Engine) -> None:
    entrust(kits, "NN-0001", {"name": "Gia", "email": "gia@example.org"}, who="Ann", why="Agreed")
    assert report(kits, "NN-0001", Finding.MISSING, BOB, TOLD).written_to
    assert report(kits, "NN-0002", Finding.DAMAGED, BOB, TOLD).written_to
    assert not report(kits, "NN-0003", Finding.DAMAGED, BOB, QUIET).written_to
    gia, office = rows(kits, Letter)
    assert (gia["recipient"], office["recipient"]) == ("gia@example.org", "office@example.org")
    assert gia["subject"] == "NN-0001 missing: Market Square"
    body = str(gia["body"])
    assert "By the gate" in body
    assert "do not offer" in body
    assert "locator check NN-0001" in body


def test_the_same_guardian_is_kept_once(kits: Engine) -> None:
    for reference, mail in (("NN-0001", "gia@example.org"), ("NN-0002", "GIA@example.org")):
        entrust(kits, reference, {"name": "Gia", "email": mail}, who="Ann", why="Agreed")
    (contact,) = rows(kits, Contact)
    assert contact["name"] == "Gia"
    with pytest.raises(InputError, match="this guardian already"):
        entrust(kits, "NN-0002", {"email": "GIA@example.org"}, who="Ann", why="Again")


def test_a_guardian_needs_an_address_that_can_be_one(kits: Engine) -> None:
    with pytest.raises(InputError, match="not an address"):
        entrust(kits, "NN-0001", {"name": "Gia", "email": "gia@"}, who="Ann", why="Agreed")
    with pytest.raises(InputError, match="A contact needs"):
        entrust(kits, "NN-0001", {"name": ""}, who="Ann", why="Agreed")


def test_days_that_cannot_be(kits: Engine) -> None:
    with pytest.raises(InputError, match="has not come"):
        Visit("Bob", DAY + dt.timedelta(1), DAY)
    check(kits, "NN-0001", BOB)
    with pytest.raises(InputError, match="checked later already"):
        check(kits, "NN-0001", Visit("Bob", DAY - dt.timedelta(1), DAY))


def test_a_withdrawn_kit_is_left_alone(kits: Engine) -> None:
    edit(kits, "NN-0001", {"status": "withdrawn"}, who="Ann", why="Host closed")
    with pytest.raises(InputError, match="withdrawn"):
        check(kits, "NN-0001", BOB)
    with pytest.raises(InputError, match="withdrawn"):
        report(kits, "NN-0001", Finding.MISSING, BOB, QUIET)


def test_a_report_of_nothing(kits: Engine) -> None:
    with pytest.raises(InputError, match="recorded as a check"):
        report(kits, "NN-0001", Finding.COMPLETE, BOB, QUIET)


@pytest.mark.parametrize(
    "text",
    [
        "Code 4521",
        "the code is C1234X",
        "PIN: 9876",
        "keypad 4521#",
        "access code = 1234",
        "ring 12345# to open",
        "1234 is the code",
        "code, 73159",
        "Code 12-34",
        "code: 1 2 3 4",
        "cabinet_code=73159",
        '{"access_code": "73159"}',
        "keysafe 4471",
        "PIN is C12 34X",
        "press 1234",
        "C1234X",
        "co\u200bde 4471",
    ],
)
def test_codes_of_cabinets_are_never_stored(kits: Engine, text: str) -> None:
    with pytest.raises(InputError, match="code of a cabinet"):
        edit(kits, "NN-0001", {"note": text}, who="Ann", why="So that we know")
    with pytest.raises(InputError, match="code of a cabinet"):
        report(kits, "NN-0001", Finding.DAMAGED, Visit("Bob", DAY, DAY, text), QUIET)
    with pytest.raises(InputError, match="code of a cabinet"):
        edit(kits, "NN-0001", {"floor": "1"}, who="Ann", why=text)


@pytest.mark.parametrize(
    "text",
    [
        "Call 999 for the code",
        "code from 999",
        "Postcode NN1 1DE, 250 m from the square",
        "Behind the till, ask staff; 24/7",
        "Installed 2023, No. 1200 of the list",
        "Bar code reader at desk 3",
        "Keypad installed 2024",
        "Code changed in 2025",
        "NN1 1DE, lock is stiff",
    ],
)
def test_harmless_numbers_stay(kits: Engine, text: str) -> None:
    edit(kits, "NN-0001", {"note": text}, who="Ann", why="Told")
    assert find(kits, "NN-0001")["note"] == text


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"status": "fine"}, "Use one of: planned"),
        ({"colour": "red"}, "no field “colour”"),
        ({"reference": "NN-9"}, "reference cannot be changed"),
        ({"expires_on": "soon"}, "Write it as 2026-07-04"),
        ({"expires_on": "1066-01-01"}, "cannot be right"),
        ({"cost_gbp": "cheap"}, "not a number"),
        ({"cost_gbp": float("nan")}, "not a number"),
        ({"precision_m": -1}, "cannot be negative"),
        ({"longitude": 0.9, "latitude": 50.0, "precision_m": 5}, "not in Great Britain"),
        ({"longitude": None}, "A position needs"),
        ({"opening_hours": "9-5"}, "not in OSM"),
        ({"name": ""}, "A name is needed"),
        ({"name": "x" * 201}, "at most 200"),
        ({"reported": "lately"}, "no date of a source"),
        ({"name": "Market Square"}, "holds these values already"),
    ],
)
def test_a_bad_value_is_refused_with_what_to_do(
    kits: Engine, values: dict[str, object], complaint: str
) -> None:
    before = find(kits, "NN-0001")
    with pytest.raises(InputError, match=complaint):
        edit(kits, "NN-0001", values, who="Ann", why="Try")
    assert find(kits, "NN-0001") == before


def test_text_is_one_clean_line(kits: Engine) -> None:
    edit(kits, "NN-0001", {"note": " Left\n of\tthe\u0000 do\ufeffor "}, who="Ann", why="x")
    assert find(kits, "NN-0001")["note"] == "Left of the door"


def test_what_is_private_is_not_in_the_snapshot(kits: Engine, facts: Facts) -> None:
    entrust(kits, "NN-0001", {"name": "Gia", "email": "gia@example.org"}, who="Ann", why="Agreed")
    check(kits, "NN-0001", Visit("Secret Bob", DAY, DAY))
    taken = snapshot.take(kits, facts.calendar, 92, 24)
    assert not {"checked_by", "guardian_id", "host_contact_id", "host_consent"} & set(taken.kits)
    assert "Secret Bob" not in taken.kits.to_csv()
