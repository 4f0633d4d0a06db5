import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from locator.demand import NIGHT, Basis
from locator.demand.census import spread
from locator.facts import Facts


def test_neighbourhoods_have_their_ward(facts: Facts) -> None:
    lsoas = facts.neighbourhoods
    assert len(lsoas) == 443
    assert lsoas["residents"].sum() == 425_744 + 359_494
    assert set(lsoas["imd_decile"]) == set(range(1, 11))
    assert (lsoas["ward_name"] != "").all()
    named = lsoas.set_index("name")
    assert named.loc["North Northamptonshire 005B", "ward_name"] == "Kingswood"
    # the ward that fits best may lie outside the county, the authority never does
    assert named.loc["West Northamptonshire 048E", "authority"] == "E06000062"
    assert lsoas[["easting", "northing"]].notna().all(axis=None)


def test_residents_add_up_to_the_census_everywhere(facts: Facts) -> None:
    people = facts.demand(Basis.RESIDENTS)
    assert len(people.points) > 15_000
    assert people.total == people.accounts.read == 785_238
    assert people.months == ("", "")
    by_lsoa = people.points.groupby("lsoa")["count"].sum()
    census = facts.neighbourhoods.set_index("code")["residents"]
    assert by_lsoa.reindex(census.index).tolist() == census.tolist()


def test_residents_are_alike_at_every_hour_unless_a_profile_is_asked_for(facts: Facts) -> None:
    people = facts.demand(Basis.RESIDENTS)
    assert people.profile_name == "flat"
    assert people.hourly_weight() == pytest.approx(785_238 / 168)
    assert "where they live" in people.says
    at_night = facts.demand(Basis.RESIDENTS, profile="violence").hourly_weight()[NIGHT].sum()
    assert at_night / people.total == pytest.approx(0.469, abs=0.001)


def test_a_neighbourhood_that_has_grown_fills_its_new_units() -> None:
    units = pd.DataFrame({"lsoa": ["a", "a", "a", "b", "b"], "people": [30, 10, 0, 5, 0]})
    # usual is 15 a unit: of 12 more in "a" all live in the new unit, of 45 more only 15
    assert spread(units, pd.Series({"a": 52, "b": 5})).tolist() == [30, 10, 12, 5, 0]
    assert spread(units, pd.Series({"a": 95, "b": 5})).tolist() == [60, 20, 15, 5, 0]
    # one that has shrunk has nobody in its new units
    assert spread(units, pd.Series({"a": 20, "b": 4})).tolist() == [15, 5, 0, 4, 0]


def test_units_without_any_count_share_alike() -> None:
    units = pd.DataFrame({"lsoa": ["a", "a", "a"], "people": [0, 0, 0]})
    assert sorted(spread(units, pd.Series({"a": 10}))) == [3, 3, 4]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 300)), min_size=1, max_size=30),
    st.fixed_dictionaries({name: st.integers(0, 5_000) for name in "abc"}),
)
def test_every_neighbourhood_adds_up(rows: list[tuple[str, int]], total: dict[str, int]) -> None:
    units = pd.DataFrame(rows, columns=["lsoa", "people"])
    people = spread(units, pd.Series(total))
    assert (people >= 0).all()
    for name, part in pd.Series(people).groupby(units["lsoa"]):
        assert part.sum() == total[str(name)]
    # in proportion: a unit with more people before never has fewer now
    for _, unit in units.groupby("lsoa"):
        counted = unit[unit["people"] > 0].sort_values("people", kind="stable")
        assert (np.diff(people[counted.index]) >= -1).all()
