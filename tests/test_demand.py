from pathlib import Path

import pytest

from locator import demand
from locator.errors import DataError


def test_the_county_in_2025(geodata: Path) -> None:
    found = demand.incidents(geodata)
    assert found.total == 28_624
    assert found.months == ("2025-01", "2025-12")
    assert set(found.placed["category"]) == set(demand.SERIOUS_CATEGORIES)
    assert found.placed[["easting", "northing"]].notna().all(axis=None)
    # snapped points lie in or close to the county, none in another part of the country
    assert found.placed["easting"].between(445_000, 520_000).all()


def test_residents(geodata: Path) -> None:
    people = demand.residents(geodata)
    assert people["residents"].sum() == 425_744 + 359_494
    assert len(people) == 443
    assert set(people["imd_decile"]) == set(range(1, 11))


def test_a_file_that_is_not_of_the_police(tmp_path: Path) -> None:
    path = tmp_path / "2025-01-northamptonshire-street.csv"
    path.write_text("a,b\n1,2\n", "utf-8")
    with pytest.raises(DataError, match=r"data\.police\.uk"):
        demand.read_police_csv(path)
