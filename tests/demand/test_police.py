from pathlib import Path

import pytest

from locator import demand
from locator.errors import DataError
from locator.facts import Facts


def test_the_county_in_2025(facts: Facts) -> None:
    found = facts.demand()
    assert found.total == found.points["count"].sum() == found.accounts.placed
    assert found.months == ("2025-01", "2025-12")
    assert set(found.points["category"]) == set(demand.SERIOUS_CATEGORIES)
    assert found.points[["easting", "northing"]].notna().all(axis=None)
    # snapped points lie in or close to the county, none in another part of the country
    assert found.points["easting"].between(445_000, 520_000).all()


def test_residents(facts: Facts) -> None:
    people = facts.neighbourhoods
    assert people["residents"].sum() == 425_744 + 359_494
    assert len(people) == 443
    assert set(people["imd_decile"]) == set(range(1, 11))


def test_a_file_that_is_not_of_the_police(tmp_path: Path) -> None:
    path = tmp_path / "2025-01-northamptonshire-street.csv"
    path.write_text("a,b\n1,2\n", "utf-8")
    with pytest.raises(DataError, match=r"data\.police\.uk"):
        demand.read_police_csv(path)
