import dataclasses
import datetime as dt
import json
import math
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from locator.analysis.coverage import (
    BANDS,
    CELL_MINIMUM,
    Counting,
    Coverage,
    coverage,
    open_classes,
    says_of_profiles,
)
from locator.demand import NIGHT, Basis, profiles
from locator.facts import Facts
from locator.hours import Hours, State
from locator.travel.standard import Standard
from tests.worlds import DAY, NEIGHBOURHOODS, PROFILES, TRAVEL, SmallKit, SmallRow, World, worlds

METRES = 400
RELAXED = settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def measured(facts: Facts, world: World, standard: Standard | None = None) -> Coverage:
    return coverage(
        world.snapshot(facts),
        world.demand,
        TRAVEL,
        standard or Standard.within(METRES),
        NEIGHBOURHOODS,
        day=DAY,
    )


def of_county(facts: Facts, metres: float = 400, at: dt.datetime | None = None) -> Coverage:
    return coverage(
        facts.snapshot(),
        facts.demand(weights={}),
        facts.travel,
        Standard.within(metres),
        facts.neighbourhoods,
        day=dt.date(2026, 7, 4),
        at=at,
    )


@pytest.fixture(scope="module")
def county(facts: Facts) -> Coverage:
    return of_county(facts)


def counts(kit: SmallKit, hour: int, counting: Counting) -> bool:
    states = {
        Counting.PAPER: {"open", "unknown", "closed"},
        Counting.KNOWN: {"open"},
        Counting.POSSIBLE: {"open", "unknown"},
    }
    return kit.serving and kit.state(hour) in states[counting]


def covered_by_hand(world: World, row: SmallRow, hour: int, counting: Counting) -> bool:
    near = [kit for kit in world.kits if row.near(kit, METRES)]
    return any(counts(kit, hour, counting) for kit in near)


@given(worlds())
@example(World((), (SmallRow(0, 0),)))
@example(World((SmallKit(400, 0),), (SmallRow(0, 0),)))
@RELAXED
def test_every_hour_counted_by_hand(facts: Facts, world: World) -> None:
    found = measured(facts, world)
    hours = {counting: np.zeros(168) for counting in Counting}
    weight = np.zeros(168)
    shares: dict[Counting, list[float]] = {counting: [] for counting in Counting}
    for row in world.rows:
        profile = PROFILES[row.profile]
        weight += row.weight * profile
        for counting in Counting:
            share = 0.0
            for hour in range(168):
                if covered_by_hand(world, row, hour, counting):
                    share += profile[hour]
                    hours[counting][hour] += row.weight * profile[hour]
            shares[counting].append(share)
    reached = found.reached
    np.testing.assert_allclose(reached.paper, shares[Counting.PAPER], atol=1e-9)
    np.testing.assert_allclose(reached.known, shares[Counting.KNOWN], atol=1e-9)
    np.testing.assert_allclose(reached.possible, shares[Counting.POSSIBLE], atol=1e-9)
    np.testing.assert_allclose(found.by_hour["weight"], weight, atol=1e-9)
    for counting in Counting:
        assert found.total[counting] == pytest.approx(hours[counting].sum() / weight.sum())
        column = found.by_hour[counting.name.lower()].to_numpy()
        assert np.isnan(column).tolist() == (weight == 0).tolist()
        np.testing.assert_allclose(np.nan_to_num(column) * weight, hours[counting], atol=1e-9)
        np.testing.assert_allclose(
            found.share(counting) + found.uncovered_share(counting), 1.0, atol=1e-9
        )
        at_night = [
            sum(
                PROFILES[row.profile][hour]
                for hour in np.flatnonzero(NIGHT).tolist()
                if covered_by_hand(world, row, hour, counting)
            )
            for row in world.rows
        ]
        np.testing.assert_allclose(found.share(counting, NIGHT), at_night, atol=1e-9)


@given(worlds())
@RELAXED
def test_the_nearest_kit_in_service(facts: Facts, world: World) -> None:
    reached = measured(facts, world).reached
    for row, metres, kit in zip(world.rows, reached.nearest_m, reached.nearest, strict=True):
        serving = {
            number: math.hypot(row.x - one.x, row.y - one.y)
            for number, one in enumerate(world.kits)
            if one.serving
        }
        assert metres == pytest.approx(min(serving.values(), default=math.inf))
        if serving:
            assert serving[int(kit)] == pytest.approx(metres)
        else:
            assert kit == -1


@given(worlds())
@RELAXED
def test_every_row_is_in_one_group_of_each_table(facts: Facts, world: World) -> None:
    found = measured(facts, world)
    ward = dict(zip(NEIGHBOURHOODS["code"], NEIGHBOURHOODS["ward"], strict=True))
    decile = dict(zip(NEIGHBOURHOODS["code"], NEIGHBOURHOODS["imd_decile"], strict=True))
    labels = {
        "by_category": [row.category for row in world.rows],
        "by_month": [row.month for row in world.rows],
        "by_lsoa": [row.lsoa if row.lsoa in ward else "" for row in world.rows],
        "by_ward": [ward.get(row.lsoa, "") for row in world.rows],
        "by_decile": [decile.get(row.lsoa, "") for row in world.rows],
    }
    total = sum(row.weight for row in world.rows)
    for name, groups in labels.items():
        table = getattr(found, name)
        assert table["weight"].sum() == pytest.approx(total)
        assert set(groups) <= set(table["group"])
        for line in table.to_dict("records"):
            own = [n for n, group in enumerate(groups) if group == line["group"]]
            weight = sum(world.rows[n].weight for n in own)
            assert line["weight"] == pytest.approx(weight)
            if not weight:
                assert math.isnan(line["paper"]), "nothing there is no share"
                continue
            known = sum(world.rows[n].weight * found.reached.known[n] for n in own)
            assert line["known"] == pytest.approx(known / weight)
            assert line["known"] <= line["possible"] + 1e-9
            assert line["possible"] <= line["paper"] + 1e-9


@given(worlds(), st.integers(0, 6), st.integers(0, 23))
@RELAXED
def test_everything_at_one_instant(facts: Facts, world: World, day: int, hour: int) -> None:
    at = dt.datetime(2026, 6, 8 + day, hour, 30, tzinfo=facts.calendar.zone)
    found = coverage(
        world.snapshot(facts),
        world.demand,
        TRAVEL,
        Standard.within(METRES),
        NEIGHBOURHOODS,
        day=DAY,
        at=at,
    )
    for counting, share in (
        (Counting.PAPER, found.reached.paper),
        (Counting.KNOWN, found.reached.known),
        (Counting.POSSIBLE, found.reached.possible),
    ):
        expected = [covered_by_hand(world, row, 24 * day + hour, counting) for row in world.rows]
        np.testing.assert_allclose(share, expected, atol=1e-9)


@given(arrays.arrays(np.bool_, st.tuples(st.integers(0, 20), st.just(168))))
@RELAXED
def test_open_classes(week: np.ndarray) -> None:
    class_of_hour, sets = open_classes(week)
    assert (sets[class_of_hour] == week.T).all()
    assert len({row.tobytes() for row in sets}) == len(sets), "no set comes twice"
    assert set(class_of_hour) == set(range(len(sets)))


def test_who_is_exactly_at_the_standard_is_covered(facts: Facts) -> None:
    world = World((SmallKit(400, 0),), (SmallRow(0, 0), SmallRow(0, 200)))
    assert measured(facts, world).reached.paper.tolist() == [True, False]


def test_hours_take_coverage_away(facts: Facts) -> None:
    kits = (SmallKit(0, 0, "Mo-Su 18:00-24:00"), SmallKit(0, 0, ""))
    rows = (SmallRow(0, 0, profile=3), SmallRow(0, 0, profile=2, count=2))
    found = measured(facts, World(kits, rows))
    assert found.total[Counting.PAPER] == 1
    assert found.total[Counting.KNOWN] == pytest.approx(1 / 3), "Saturday evening only"
    assert found.total[Counting.POSSIBLE] == 1
    assert found.loss == pytest.approx(2 / 3)
    assert found.loss_least == pytest.approx(0)
    assert found.hours_not_known == 1
    bands = found.by_band.set_index("group")
    assert bands.loc["night", "weight"] == 1
    assert bands.loc["night", "known"] == 1
    assert bands.loc["morning", "known"] == 0
    assert list(bands.index) == [name for name, _ in BANDS]


@pytest.mark.parametrize(
    "text",
    [
        "Mo-Su 09:30-17:30",
        "Mo-Su 09:30-10:29",
        "Mo-Fr 09:15-09:45; Sa 23:30-24:00",
        'Mo-Su 09:30-12:00, 12:00-17:30 "ask"',
        "Mo-Su 22:30-01:30",
    ],
)
def test_hours_open_in_part_lie_between_by_the_minute(facts: Facts, text: str) -> None:
    small = World((SmallKit(0, 0),), (SmallRow(0, 0), SmallRow(0, 0, profile=1)))
    kits = small.snapshot(facts)
    kits = dataclasses.replace(
        kits,
        kits=kits.kits.assign(opening_hours=text),
        hours={text: Hours(text, kits.calendar)},
    )
    found = coverage(kits, small.demand, TRAVEL, Standard.within(METRES), NEIGHBOURHOODS, day=DAY)
    monday = dt.datetime(2026, 6, 8, tzinfo=facts.calendar.zone)
    minutes = [
        kits.hours[text].at(monday + dt.timedelta(minutes=minute)).state
        for minute in range(168 * 60)
    ]
    states = np.array(minutes, dtype=object).reshape(168, 60)
    surely, perhaps = (states == State.OPEN).mean(axis=1), (states != State.CLOSED).mean(axis=1)
    hours = found.by_hour
    assert (hours["known"] <= surely + 1e-9).all()
    assert (hours["possible"] >= perhaps - 1e-9).all()
    # nothing is wider than the hours in which something changes
    assert (hours["known"][surely == 1] == 1).all()
    assert (hours["possible"][perhaps == 0] == 0).all()
    weight = small.demand.hourly_weight()
    share = float(surely @ weight / weight.sum())
    assert found.total[Counting.KNOWN] <= share
    assert found.loss_least <= 1 - float(perhaps @ weight / weight.sum()) + 1e-9
    assert found.loss >= 1 - share - 1e-9


def test_other_profiles_are_measured_as_if_they_were_assumed(facts: Facts) -> None:
    kits = (SmallKit(0, 0, "Mo-Su 18:00-24:00"),)
    world = World(kits, (SmallRow(0, 0, count=3), SmallRow(800, 0)))
    found = measured(facts, world)
    others = profiles(facts.settings.geodata)
    table = found.by_profile(others.values()).set_index("profile")
    assert table.index.tolist() == ["even", *others]
    for name, profile in others.items():
        evening = profile.hours.reshape(7, 24)[:, 18:].sum()
        assert table.loc[name, "known"] == pytest.approx(0.75 * evening)
        assert table.loc[name, "paper"] == 0.75
        assert table.loc[name, "night"] == pytest.approx(4 * profile.night_share)
    shares, night = says_of_profiles(table.reset_index())
    assert f"{table['known'].min():.1%} to {table['known'].max():.1%} known open" in shares
    assert "on paper" not in shares
    assert "“flat”" in night
    always = measured(facts, World((SmallKit(0, 0),), world.rows))
    shares, _ = says_of_profiles(always.by_profile(others.values()))
    assert "do not depend" in shares
    assert says_of_profiles(always.by_profile([])) == ("", "")


def test_kits_moved_within_the_precision_of_their_place(facts: Facts) -> None:
    small = World((SmallKit(0, 0),), tuple(SmallRow(x, 0) for x in (0, 350, 450, 3000)))
    exact = small.snapshot(facts)

    def shares(precision_m: float, draws: int = 400) -> pd.DataFrame:
        kits = dataclasses.replace(exact, kits=exact.kits.assign(precision_m=precision_m))
        found = coverage(
            kits, small.demand, TRAVEL, Standard.within(METRES), NEIGHBOURHOODS, day=DAY
        )
        assert found.if_moved(TRAVEL, draws=3).equals(found.if_moved(TRAVEL, draws=3))
        return found.if_moved(TRAVEL, draws=draws)

    assert (shares(10) == 0.5).all(axis=None)
    moved = shares(200)
    assert set(moved["known"]) == {0.25, 0.5, 0.75}, "the farthest is never reached"
    # in a circle of 200 m, the part more than 50 m to one side of its middle
    part = (math.acos(0.25) - 0.25 * math.sqrt(1 - 0.25**2)) / math.pi
    assert (moved["known"] == 0.75).mean() == pytest.approx(part, abs=0.07)
    assert (moved["known"] == 0.25).mean() == pytest.approx(part, abs=0.07)


def test_nothing_to_cover(facts: Facts) -> None:
    found = measured(facts, World((SmallKit(0, 0),), ()))
    assert math.isnan(found.total[Counting.PAPER])
    assert found.uncovered.empty
    assert json.dumps(found.as_dict(), allow_nan=False)


def test_on_foot_reaches_less(facts: Facts) -> None:
    world = World((SmallKit(0, 0),), (SmallRow(200, 200), SmallRow(400, 0)))
    on_foot = measured(facts, world, Standard.within(400, walking=True))
    assert on_foot.reached.paper.tolist() == [True, False]  # 283 m and 400 m, times 1.4
    assert on_foot.reached.nearest_m[1] == pytest.approx(560)
    fetched = measured(facts, world, Standard.fetch(5, TRAVEL.pace, 3.0))
    assert fetched.standard.metres == 360
    assert fetched.reached.paper.tolist() == [False, False]


def test_every_record_of_the_county_is_counted_once(county: Coverage) -> None:
    accounts = county.demand.accounts
    assert accounts.read - accounts.other_categories == 28_624
    assert accounts.placed == county.demand.total == 27_533
    for name in ("hour", "band", "category", "month", "ward", "lsoa", "authority", "decile"):
        table = getattr(county, f"by_{name}")
        assert table["weight"].sum() == pytest.approx(accounts.placed)
        for counting in Counting:
            column = table[counting.name.lower()].fillna(0)
            covered = (table["weight"] * column).sum()
            assert covered == pytest.approx(county.total[counting] * accounts.placed)
    assert len(county.by_hour) == 168
    assert len(county.by_lsoa) == len(county.neighbourhoods)
    assert county.demand.months == ("2025-01", "2025-12")
    for counting in Counting:
        cells, in_small_cells = county.cells(counting)
        beyond = (1 - county.total[counting]) * accounts.placed
        assert cells["records"].sum() + in_small_cells == pytest.approx(beyond)


def test_an_independent_check_gives_the_same_number(county: Coverage, facts: Facts) -> None:
    folder = facts.settings.geodata
    rows = pd.read_csv(folder / "incidents.csv.gz").dropna(subset=["longitude"])
    rows = rows[rows["lsoa"].isin(pd.read_csv(folder / "lsoa.csv")["code"])]
    kits = (
        pd.read_csv(folder / "kits.csv").query("status == 'installed'").dropna(subset="longitude")
    )
    points = gpd.points_from_xy(rows["longitude"], rows["latitude"], crs=4326).to_crs(27700)
    for chosen, counting in (
        (kits, Counting.PAPER),
        # every kit of the county with known hours is open day and night
        (kits[kits["opening_hours"] == "24/7"], Counting.KNOWN),
    ):
        at = gpd.points_from_xy(chosen["longitude"], chosen["latitude"], crs=4326).to_crs(27700)
        every = shapely.MultiPoint(shapely.get_coordinates(at))
        near = shapely.distance(points, every) <= 400
        expected = rows.loc[near, "records"].sum() / rows["records"].sum()
        assert county.total[counting] == pytest.approx(expected)
    assert county.hours_not_known == int(kits["opening_hours"].isna().sum()) == 20
    assert county.unplaced == 2


def test_the_records_equal_the_downloaded_files(county: Coverage, test_data: Path) -> None:
    files = sorted((test_data / "crime").glob("*-northamptonshire-street.csv.gz"))
    raw = pd.concat([pd.read_csv(path) for path in files])
    serious = raw[
        raw["Crime type"].isin(["Violence and sexual offences", "Robbery", "Possession of weapons"])
    ]
    accounts = county.demand.accounts
    assert len(raw) == accounts.read
    assert len(serious) == accounts.read - accounts.other_categories
    assert int(serious["Longitude"].isna().sum()) == accounts.without_position
    names = serious["LSOA name"].fillna("")
    ours = names.str.startswith(("North Northamptonshire", "West Northamptonshire"))
    assert int(ours.sum()) == accounts.placed


def test_a_wider_standard_never_leaves_more_out(facts: Facts) -> None:
    shares = [of_county(facts, metres).total for metres in (1, 150, 400, 800, 20_000)]
    for counting in Counting:
        covered = [share[counting] for share in shares]
        assert covered == sorted(covered)


def test_one_night_in_the_county(facts: Facts, county: Coverage) -> None:
    night = of_county(facts, at=facts.calendar.read("2026-07-04 23:30"))
    assert night.total[Counting.KNOWN] == pytest.approx(county.total[Counting.KNOWN])
    assert night.as_dict()["at"] == "2026-07-04T23:30:00+01:00"


def test_small_cells_are_not_drawn(county: Coverage) -> None:
    cells, _ = county.cells(Counting.KNOWN)
    assert cells["records"].min() >= CELL_MINIMUM
    area_km2 = cells.to_crs(27700).area / 1e6
    assert area_km2.between(0.5, 1.1).all()
    assert cells["records"].is_monotonic_decreasing


def test_the_layer_of_what_is_out_of_reach(county: Coverage) -> None:
    layer = county.uncovered
    assert layer.crs == "EPSG:4326"
    for counting in Counting:
        beyond = layer[f"beyond_{counting.name.lower()}"].sum()
        assert beyond == pytest.approx((1 - county.total[counting]) * county.demand.total)
    assert (layer["weight"] >= layer["beyond_known"] - 1e-9).all()
    far = layer[layer["beyond_paper"] > 0]
    assert (far["nearest_m"] > 399.9).all()
    assert set(layer["nearest_kit"]) <= set(county.kits["reference"])


def test_residents(facts: Facts) -> None:
    found = coverage(
        facts.snapshot(),
        facts.demand(Basis.RESIDENTS),
        facts.travel,
        Standard.within(400),
        facts.neighbourhoods,
        day=DAY,
    )
    people = pd.read_csv(facts.settings.geodata / "residents.csv.gz")
    kits = facts.snapshot().in_service
    every = shapely.MultiPoint(shapely.get_coordinates(kits.geometry.array))
    near = shapely.distance(shapely.points(people["easting"], people["northing"]), every) <= 400
    assert found.demand.total == 785_238
    covered = people.loc[near, "residents"].sum()
    assert found.total[Counting.PAPER] == pytest.approx(covered / 785_238)


def test_as_json(county: Coverage) -> None:
    plain = json.loads(json.dumps(county.as_dict(), allow_nan=False))
    assert plain["covered"]["paper"] == pytest.approx(county.total[Counting.PAPER], abs=1e-6)
    assert {row["group"] for row in plain["by_decile"]} == set(range(1, 11))
    assert plain["week_from"] == "2026-06-29"
    assert plain["accounts"]["placed"] == 27_533
    assert len(plain["by_hour"]) == 168
    assert [finding["share"] for finding in plain["elsewhere"]] == [0.215, 0.534]
