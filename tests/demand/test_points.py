import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from locator.demand import HOURS, NIGHT, Accounts, Basis, Demand, Profile, together
from locator.demand.points import COLUMNS, THE_HOUR, weighed
from locator.facts import Facts

FLAT = Profile.of("flat", np.ones(HOURS), "no source")
EVENINGS = Profile.of("evenings", (np.arange(HOURS) % 24 >= 18).astype(float), "a test")
# what is known of four rows of profiles: nothing, that it was a Friday, Friday 23:00, Monday 05:00
KNOWN = np.array([-1, 4, THE_HOUR, THE_HOUR], dtype=np.int8)
PROFILES = np.stack([FLAT.hours, FLAT.of_day(4), np.eye(HOURS)[4 * 24 + 23], np.eye(HOURS)[5]])


def small(rows: list[tuple[int, str, str, int, int]]) -> Demand:
    """Demand of rows (place, category, month, count, row of profiles)."""
    frame = pd.DataFrame(rows, columns=["place", "category", "month", "count", "profile"])
    points = frame.assign(
        easting=470_000.0 + 0.1 * frame["place"],
        northing=260_000.0,
        longitude=-0.9,
        latitude=52.2 + frame["place"] / 1e6,
        lsoa="E01027244",
        weight=frame["count"] * 0.5,
        exact=frame["profile"] > 1,
    )
    total = int(frame["count"].sum())
    return Demand(
        basis=Basis.INCIDENTS,
        points=points[list(COLUMNS)].astype({"count": float}),
        profiles=PROFILES,
        profile_of=frame["profile"].to_numpy(dtype=np.intp),
        accounts=Accounts(read=total, placed=total),
        profile_name="flat",
        profile_source="no source",
        tables=("incidents",),
        known=KNOWN,
    )


ROWS = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.sampled_from(["Robbery", "Other"]),
        st.sampled_from(["2025-01", "2025-02"]),
        st.integers(1, 9),
        st.integers(0, 3),
    ),
    min_size=1,
    max_size=40,
)


@settings(max_examples=30, deadline=None)
@given(ROWS)
def test_aggregation_loses_nothing(rows: list[tuple[int, str, str, int, int]]) -> None:
    demand = small(rows)
    merged = demand.aggregated()
    assert len(merged.points) == len({(r[0], r[1], r[2], r[4]) for r in rows})
    assert merged.total == pytest.approx(demand.total)
    assert merged.points["count"].sum() == demand.points["count"].sum()
    assert merged.hourly_weight() == pytest.approx(demand.hourly_weight())
    assert merged.assumed_share == pytest.approx(demand.assumed_share)
    for key in ("category", "month", "lsoa", "easting", "latitude"):
        before, after = (d.points.groupby(key)["weight"].sum() for d in (demand, merged))
        assert after.to_dict() == pytest.approx(before.to_dict())
    # merging again changes nothing
    again = merged.aggregated().points
    pd.testing.assert_frame_equal(again, merged.points)


@settings(max_examples=30, deadline=None)
@given(ROWS)
def test_hours_add_up_one_record_at_a_time(rows: list[tuple[int, str, str, int, int]]) -> None:
    expected = np.zeros(HOURS)
    for *_, count, profile in rows:
        expected += 0.5 * count * PROFILES[profile]
    assert small(rows).hourly_weight() == pytest.approx(expected)


@settings(max_examples=30, deadline=None)
@given(ROWS)
def test_places_are_the_different_positions(rows: list[tuple[int, str, str, int, int]]) -> None:
    demand = small(rows)
    grid, degrees, place_of = demand.places
    assert len(grid) == len(degrees) == len({r[0] for r in rows})
    assert grid[place_of].tolist() == demand.points[["easting", "northing"]].to_numpy().tolist()
    own = demand.points[["longitude", "latitude"]].to_numpy()
    assert degrees[place_of].tolist() == own.tolist()


def test_another_profile_keeps_what_is_known() -> None:
    demand = small([(0, "Robbery", "2025-01", 4, row) for row in range(4)])
    assert demand.assumed_share == 0.5
    other = demand.with_profile(EVENINGS)
    assert (other.profile_name, other.profile_source) == ("evenings", "a test")
    assert other.profiles[0] == pytest.approx(EVENINGS.hours)
    assert other.profiles[1][4 * 24 + 18 : 5 * 24] == pytest.approx(1 / 6)
    assert other.profiles[2:].tolist() == PROFILES[2:].tolist()
    assert other.profiles.sum(axis=1) == pytest.approx(1)
    assert other.total == demand.total
    # and back
    assert other.with_profile(FLAT).profiles == pytest.approx(PROFILES)


def test_says_how_much_is_assumed() -> None:
    some = small([(0, "Robbery", "2025-01", 1, 0), (0, "Robbery", "2025-01", 3, 2)])
    assert some.says.startswith("The hour of 25.0% of the weight is not in the records")
    assert "“flat”" in some.says
    exact = small([(0, "Robbery", "2025-01", 1, 2)])
    assert exact.says == "The hour of every incident is known; no profile is assumed."
    every = small([(0, "Robbery", "2025-01", 1, 1)])
    assert every.says.startswith("The hour of all incidents is not")


def test_parts_and_other_weights() -> None:
    demand = small([(0, "Robbery", "2025-01", 4, 0), (1, "Other", "2025-03", 2, 2)])
    assert demand.months == ("2025-01", "2025-03")
    part = demand.only(np.array([False, True]))
    assert part.months == ("2025-03", "2025-03")
    assert (part.total, part.assumed_share, part.places.grid.shape) == (1, 0, (1, 2))
    assert part.accounts == demand.accounts
    assert demand.reweighted(np.array([1.0, 3.0])).assumed_share == 0.25
    nothing = demand.only(np.array([False, False]))
    assert (nothing.total, nothing.months, nothing.assumed_share) == (0, ("", ""), 0)
    assert not nothing.hourly_weight().any()
    assert len(nothing.aggregated().points) == 0
    assert len(nothing.places.grid) == 0


def test_two_demands_together() -> None:
    first = small([(0, "Robbery", "2025-01", 4, 0), (1, "Other", "2025-03", 2, 2)])
    second = dataclasses.replace(
        small([(2, "Robbery", "2025-02", 7, 3)]), tables=("profile",), notes=("Look.",)
    )
    both = together(first, second)
    assert both.total == first.total + second.total
    assert both.hourly_weight() == pytest.approx(first.hourly_weight() + second.hourly_weight())
    assert both.accounts == Accounts(read=13, placed=13)
    assert (both.tables, both.notes) == (("incidents", "profile"), ("Look.",))
    expected = first.with_profile(EVENINGS).hourly_weight()
    expected = expected + second.with_profile(EVENINGS).hourly_weight()
    assert both.with_profile(EVENINGS).hourly_weight() == pytest.approx(expected)


def test_categories_weigh_what_is_said_and_one_otherwise() -> None:
    counts = pd.DataFrame({"category": ["a", "b", "c"], "count": [2, 3, 4]})
    assert weighed(counts, {"a": 0.5, "c": 0}).tolist() == [1, 3, 0]
    assert weighed(counts, {}).tolist() == [2, 3, 4]


def test_accounts_that_do_not_add_up_are_refused() -> None:
    with pytest.raises(ValueError, match="does not add up"):
        Accounts(read=3, placed=1, outside=1)


def test_accounts_in_a_sentence(facts: Facts) -> None:
    assert facts.demand().accounts.says == (
        "74,962 read: 27,533 placed, 678 without a position, 413 outside the area, "
        "46,338 of other categories."
    )
    assert Accounts(read=1, placed=1).says == "1 read: 1 placed."


def test_parts_that_do_not_fit_are_refused() -> None:
    demand = small([(0, "Robbery", "2025-01", 4, 0)])
    with pytest.raises(ValueError, match="must have the shape"):
        dataclasses.replace(demand, profiles=np.ones((1, 24)))
    with pytest.raises(ValueError, match="must have the columns"):
        dataclasses.replace(demand, points=demand.points.drop(columns="lsoa"))


def test_night_is_from_22_to_6() -> None:
    assert NIGHT.sum() == 56
    assert (
        NIGHT.reshape(7, 24)[:, [21, 22, 23, 0, 5, 6]].tolist()
        == [[False, True, True, True, True, False]] * 7
    )


@settings(max_examples=5, deadline=None)
@given(st.sampled_from(["flat", "violence", "survey", "young adults", "children"]))
def test_no_profile_changes_how_much_there_is(facts: Facts, name: str) -> None:
    demand = facts.demand(profile=name)
    assert demand.profiles.sum(axis=1) == pytest.approx(1)
    assert demand.hourly_weight().sum() == pytest.approx(demand.total)
    assert demand.total == 27_533
    assert demand.assumed_share == 1


def test_what_is_said_of_no_weight_and_of_nearly_all() -> None:
    demand = small([(0, "Robbery", "2025-01", 9_999, 0), (0, "Robbery", "2025-01", 1, 2)])
    assert "more than 99.9% of the weight" in demand.says
    assert "all incidents" in demand.only(np.array([True, False])).says
    nothing = demand.reweighted(np.zeros(2))
    assert nothing.says == "Nothing has any weight, so nothing can be said about hours."
