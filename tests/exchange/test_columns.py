import pytest

from locator.errors import InputError
from locator.exchange.columns import CANDIDATE, CODE, INCIDENT, KIT, recognise


def understood(*columns: str, chosen: dict[str, str] | None = None) -> dict[str, str]:
    return {r.column: r.field for r in recognise(columns, KIT, chosen)}


@pytest.mark.parametrize(
    ("column", "field"),
    [
        ("Venue", "name"),
        ("POST CODE", "postcode"),
        ("addr:postcode", "postcode"),
        ("Lattitude", "latitude"),
        ("lng", "longitude"),
        ("kit_type", "kind"),
        ("Opening Times", "opening_hours"),
        ("opening_hours", "opening_hours"),
        ("Expiry date", "expires_on"),
        ("Last checked", "last_checked"),
        ("E-mail", "guardian_email"),
        ("Grid Ref.", "grid_reference"),
        ("Recieved parcels", ""),
        ("bleed_control_kit:location", "position_text"),
    ],
)
def test_usual_names(column: str, field: str) -> None:
    assert understood(column) == {column: field}


def test_a_typing_mistake_is_said() -> None:
    (found,) = recognise(["Postocde"], KIT)
    assert (found.field, found.why) == ("postcode", "“Postocde” looks like a typing mistake")


def test_the_fields_own_name_goes_first() -> None:
    assert understood("Venue", "name") == {"Venue": "", "name": "name"}
    (venue, _) = recognise(["Venue", "name"], KIT)
    assert venue.why == "another column fills name already"


def test_what_the_user_says_goes_before_everything() -> None:
    chosen = {"Where": "name", "Venue": ""}
    assert understood("Where", "Venue", chosen=chosen) == {"Where": "name", "Venue": ""}


@pytest.mark.parametrize("column", ["Code", "Access code", "PIN", "Keypad code", "door_code"])
def test_codes_are_known_and_never_used(column: str) -> None:
    (found,) = recognise([column], KIT)
    assert found.field == CODE
    assert "never read" in found.why


def test_a_choice_that_makes_no_sense() -> None:
    with pytest.raises(InputError, match=r"no column “Nome”.*Name"):
        recognise(["Name"], KIT, {"Nome": "name"})
    with pytest.raises(InputError, match="no field “title”"):
        recognise(["Name"], KIT, {"Name": "title"})
    with pytest.raises(InputError, match="no field “code”"):
        recognise(["Name"], KIT, {"Name": "code"})


@pytest.mark.parametrize("names", [KIT, CANDIDATE, INCIDENT])
def test_no_name_stands_for_two_fields(names: dict[str, tuple[str, ...]]) -> None:
    every = [name for field, more in names.items() for name in {field, *more}]
    assert sorted(n for n in set(every) if every.count(n) > 1) == []
