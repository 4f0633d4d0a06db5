import dataclasses
import datetime as dt
import json
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, example, given, settings

from locator import geodesy, tables
from locator.analysis.coverage import CELL_MINIMUM, Counting, Coverage, coverage
from locator.analysis.gaps import Cause, Gaps, Localities, by_locality, gaps
from locator.demand import NIGHT, Basis
from locator.facts import Facts
from locator.travel.standard import Standard
from locator.travel.streets import Streets
from tests.worlds import (
    CORNER,
    DAY,
    NEIGHBOURHOODS,
    PROFILES,
    TRAVEL,
    SmallKit,
    SmallRow,
    World,
    demand,
    worlds,
)

METRES = 400
RELAXED = settings(
    deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def at(row: SmallRow) -> tuple[int, int]:
    return row.x, row.y


@pytest.fixture(scope="module")
def localities(facts: Facts) -> Localities:
    return Localities(tables.table(facts.settings.geodata, "streets"))


def measured(facts: Facts, world: World, standard: Standard | None = None) -> Coverage:
    return coverage(
        world.snapshot(facts),
        world.demand,
        TRAVEL,
        standard or Standard.within(METRES),
        NEIGHBOURHOODS,
        day=DAY,
    )


def beyond_by_hand(world: World, row: SmallRow, counting: Counting) -> dict[Cause, float]:
    """Divide the weight of a row out of reach by cause, hour by hour."""
    near = [kit for kit in world.kits if row.near(kit, METRES)]
    serving = [kit for kit in near if kit.serving]
    parts = dict.fromkeys(Cause, 0.0)
    for hour, part in enumerate(PROFILES[row.profile]):
        states = {kit.state(hour) for kit in serving}
        if not serving:
            parts[Cause.OUT_OF_SERVICE if near else Cause.TOO_FAR] += row.weight * part
        elif counting is not Counting.PAPER and states == {"closed"}:
            parts[Cause.CLOSED] += row.weight * part
        elif counting is Counting.KNOWN and "open" not in states:
            parts[Cause.NOT_KNOWN] += row.weight * part
    return parts


def gaps_by_hand(world: World, counting: Counting, metres: float) -> list[float]:
    """Take the heaviest disc, then the heaviest of what is left, and so on."""
    left: dict[tuple[int, int], float] = {}
    for row in world.rows:
        weight = sum(beyond_by_hand(world, row, counting).values())
        left[row.x, row.y] = left.get((row.x, row.y), 0.0) + weight
    found: list[float] = []
    while True:
        held = {
            middle: sum(weight for at, weight in left.items() if math.dist(at, middle) <= metres)
            for middle in left
        }
        middle, weight = max(sorted(held.items()), key=lambda pair: round(pair[1], 6))
        if weight < 1e-6:
            return found
        found.append(weight)
        for at in left:
            if math.dist(at, middle) <= metres:
                left[at] = 0.0


@given(worlds(rows=12))
@example(World((), (SmallRow(0, 0), SmallRow(400, 0), SmallRow(800, 0))))
@RELAXED
@pytest.mark.parametrize("counting", list(Counting))
def test_gaps_by_hand(
    facts: Facts, localities: Localities, counting: Counting, world: World
) -> None:
    found = gaps(measured(facts, world), TRAVEL, localities, count=99, counting=counting)
    expected = gaps_by_hand(world, counting, METRES)
    assert [gap.weight for gap in found.gaps] == pytest.approx(expected)
    assert found.rest == pytest.approx(0)
    assert found.weight == pytest.approx(sum(expected))
    # where nothing is beyond reach there is no gap
    by_hand = [beyond_by_hand(world, row, counting) for row in world.rows]
    beyond = [sum(parts.values()) > 0 for parts in by_hand]
    for number, row in enumerate(world.rows):
        here = [far for far, other in zip(beyond, world.rows, strict=True) if at(other) == at(row)]
        assert (found.gap_of[number] >= 0) == any(here)
    for cause in Cause:
        total = sum(parts[cause] for parts in by_hand)
        assert found.causes[cause] == pytest.approx(total, abs=1e-9)
    for number, gap in enumerate(found.gaps):
        own = [row for row in range(len(world.rows)) if found.gap_of[row] == number]
        parts = {cause: sum(by_hand[row][cause] for row in own) for cause in Cause}
        assert gap.weight == pytest.approx(sum(parts.values()))
        for cause, part in parts.items():
            assert gap.causes[cause] == pytest.approx(part / gap.weight, abs=1e-9)
        assert gap.rank == number + 1


def test_only_so_many_gaps_and_the_rest(facts: Facts, localities: Localities) -> None:
    rows = tuple(SmallRow(1000 * n, 0, count=n) for n in range(1, 7))
    found = gaps(measured(facts, World((), rows)), TRAVEL, localities, count=2)
    assert [gap.weight for gap in found.gaps] == [6, 5]
    assert found.rest == 10
    assert found.weight == 21
    assert found.gap_of.tolist() == [-1, -1, -1, -1, 1, 0]
    published = gaps(measured(facts, World((), rows)), TRAVEL, localities, least=4)
    assert [gap.records for gap in published.gaps] == [6, 5, 4]
    assert published.rest == 6


def test_records_decide_what_is_published(facts: Facts, localities: Localities) -> None:
    rows = (SmallRow(0, 0, count=3, each=9.0), SmallRow(1000, 0, count=12))
    found = gaps(measured(facts, World((), rows)), TRAVEL, localities, least=10)
    assert [(gap.weight, gap.records) for gap in found.gaps] == [(12, 12)]
    assert found.rest == 27


def test_of_equal_places_the_westernmost_comes_first(facts: Facts, localities: Localities) -> None:
    rows = (SmallRow(2000, 0), SmallRow(0, 600), SmallRow(0, 0), SmallRow(1000, 0))
    found = gaps(measured(facts, World((), rows)), TRAVEL, localities, count=4)
    at = [(gap.easting - CORNER[0], gap.northing - CORNER[1]) for gap in found.gaps]
    assert at == [(0, 0), (0, 600), (1000, 0), (2000, 0)]


def test_what_is_said_of_a_gap(facts: Facts, localities: Localities) -> None:
    kits = (
        SmallKit(0, 0, ""),
        SmallKit(0, 300, "Mo-Su 18:00-24:00"),
        SmallKit(1600, 0, status="planned"),
        SmallKit(0, 5000),
    )
    rows = (
        SmallRow(0, 0, profile=3),  # the evening kit covers it
        SmallRow(0, 600, profile=2, lsoa="L3"),  # shut on Monday morning
        SmallRow(1600, 0, count=3),
        SmallRow(0, 2000, count=2, lsoa="elsewhere"),
    )
    found = gaps(measured(facts, World(kits, rows)), TRAVEL, localities)
    said = [(gap.why, gap.ward, gap.kits) for gap in found.gaps]
    assert said == [
        ("Near a kit not in service.", "Castle", ("T-02",)),
        ("Too far from every kit.", "", ()),
        ("Near a kit that is shut then.", "Abbey", ("T-01",)),
    ]
    planned = found.gaps[0]
    assert planned.nearest_kit == "T-00 Kit 0"
    assert planned.nearest_m == 1600
    assert planned.share == pytest.approx(3 / 7)
    assert planned.night == pytest.approx(PROFILES[0][NIGHT].sum())
    assert math.isnan(planned.residents)
    mixed = gaps(
        measured(facts, World(kits[:1], (rows[0], SmallRow(0, 500, count=3)))), TRAVEL, localities
    )
    # the disc around the second place holds the first one only within 400 m
    assert [gap.why for gap in mixed.gaps] == [
        "Too far from every kit.",
        "Near a kit perhaps open then.",
    ]
    both = gaps(
        measured(facts, World(kits[:1], (rows[0], SmallRow(0, 401, count=3), SmallRow(0, 200)))),
        TRAVEL,
        localities,
        count=1,
    )
    assert both.gaps[0].why == ("60% too far from every kit, 40% near a kit perhaps open then.")


def test_residents_are_counted_once(facts: Facts, localities: Localities) -> None:
    rows = (SmallRow(0, 0, count=3), SmallRow(600, 0, count=2))
    people = (
        SmallRow(-100, 0, count=50),
        SmallRow(300, 0, count=70),
        SmallRow(900, 0, count=20),
        SmallRow(0, 3000, count=9),
    )
    kit = SmallKit(900, 400)
    world = World((kit,), rows)
    residents = dataclasses.replace(world, rows=people)
    measured_people = coverage(
        residents.snapshot(facts),
        demand(people, Basis.RESIDENTS),
        TRAVEL,
        Standard.within(METRES),
        NEIGHBOURHOODS,
        day=DAY,
    )
    found = gaps(measured(facts, world), TRAVEL, localities, residents=measured_people)
    assert [gap.residents for gap in found.gaps] == [120, 0]


def test_no_gap_at_all(facts: Facts, localities: Localities) -> None:
    found = gaps(measured(facts, World((SmallKit(0, 0),), (SmallRow(0, 0),))), TRAVEL, localities)
    assert found.gaps == ()
    assert found.weight == found.rest == 0
    assert found.table.empty
    assert found.layer.empty
    assert json.dumps(found.as_dict(), allow_nan=False)


def test_without_kits_nothing_is_near(facts: Facts, localities: Localities) -> None:
    (gap,) = gaps(measured(facts, World((), (SmallRow(0, 0),))), TRAVEL, localities).gaps
    assert gap.nearest_kit == ""
    assert math.isinf(gap.nearest_m)
    assert json.loads(json.dumps(gap.as_dict(), allow_nan=False))["nearest_m"] is None


def test_discs_on_foot_are_smaller(facts: Facts, localities: Localities) -> None:
    world = World((), (SmallRow(0, 0), SmallRow(280, 0), SmallRow(700, 0)))
    on_foot = gaps(measured(facts, world, Standard.within(400, walking=True)), TRAVEL, localities)
    assert [gap.weight for gap in on_foot.gaps] == [2, 1]  # 280 m are 392 m on foot
    straight = gaps(measured(facts, world, Standard.within(420)), TRAVEL, localities)
    assert [gap.weight for gap in straight.gaps] == [3]


def test_discs_along_streets(facts: Facts, localities: Localities, rutland: Streets) -> None:
    travel = dataclasses.replace(TRAVEL, streets=rutland)
    random = np.random.default_rng(4)
    # around the market of Oakham
    at = np.array([486_000, 308_800]) - CORNER + random.integers(-600, 600, (60, 2))
    rows = tuple(SmallRow(a, b, count=1 + n % 3) for n, (a, b) in enumerate(at.tolist()))
    (x, y), (other_x, other_y) = at[0].tolist(), at[7].tolist()
    kits = (SmallKit(x, y), SmallKit(other_x, other_y, status="planned"))
    world = World(kits, rows)
    standard = Standard.within(400, walking=True)
    found = coverage(world.snapshot(facts), world.demand, travel, standard, NEIGHBOURHOODS, day=DAY)
    ranked = gaps(found, travel, localities, count=99)
    grid = found.demand.points[["easting", "northing"]].to_numpy(dtype=np.float64)
    beyond = found.weight * found.uncovered_share(Counting.KNOWN)
    assert 0 < found.total[Counting.KNOWN] < 1
    left = np.ones(len(grid), dtype=bool)
    for number, gap in enumerate(ranked.gaps):
        # by one search for each place, without what the gaps' own search leaves out
        held = np.zeros(len(grid))
        for middle in range(len(grid)):
            near = travel.pairs(grid, grid[[middle]], standard).origin
            held[middle] = beyond[near][left[near]].sum()
        assert gap.weight == pytest.approx(held.max())
        left[ranked.gap_of == number] = False
    assert not beyond[left].any()


@pytest.fixture(scope="module")
def county(facts: Facts, localities: Localities) -> Gaps:
    bases = [
        coverage(
            facts.snapshot(),
            facts.demand(basis, weights={}),
            facts.travel,
            Standard.within(METRES),
            facts.neighbourhoods,
            day=dt.date(2026, 7, 4),
        )
        for basis in Basis
    ]
    return gaps(
        bases[0], facts.travel, localities, count=400, least=CELL_MINIMUM, residents=bases[1]
    )


def test_the_county_adds_up(county: Gaps) -> None:
    weights = [gap.weight for gap in county.gaps]
    assert weights == sorted(weights, reverse=True)
    assert sum(weights) + county.rest == pytest.approx(county.weight) == pytest.approx(25_646)
    assert sum(county.causes.values()) == pytest.approx(county.weight)
    assert min(gap.records for gap in county.gaps) >= CELL_MINIMUM
    table = county.table
    causes = table[[cause.name.lower() for cause in Cause]]
    np.testing.assert_allclose(causes.sum(axis=1), 1.0)
    assert table["residents"].sum() < 785_238
    assert county.layer.crs == "EPSG:4326"


def test_the_largest_gaps_of_the_county_have_names(county: Gaps) -> None:
    first = county.gaps[0]
    assert first.name == "Kettering"
    assert first.causes[Cause.OUT_OF_SERVICE] > 0.9
    assert "NN-0015" in first.kits
    assert first.nearest_m > 8_000
    names = {gap.name for gap in county.gaps}
    assert {"Wellingborough", "Corby", "Far Cotton, Northampton"} <= names
    assert all(gap.ward for gap in county.gaps)


def test_left_behind_places_by_name(facts: Facts, localities: Localities) -> None:
    found = coverage(
        facts.snapshot(),
        facts.demand(weights={}),
        facts.travel,
        Standard.within(METRES),
        facts.neighbourhoods,
        day=DAY,
    )
    table = by_locality(found, localities)
    assert table["weight"].sum() == pytest.approx(27_533)
    named = {row["group"]: row for row in table.to_dict("records")}
    for name in ("Hazel Leys, Corby", "Kings Heath, Northampton"):
        assert named[name]["weight"] > 150
        assert named[name]["paper"] == 0
    assert named["Kingswood, Corby"]["known"] == pytest.approx(0.45, abs=0.05)
    # by hand: the nearest street of all, in plain Python
    streets = tables.table(facts.settings.geodata, "streets")
    x, y = geodesy.to_bng(streets["longitude"].to_numpy(), streets["latitude"].to_numpy())
    for place in (0, 1000, 3000, 6000):
        at = found.demand.places.grid[place]
        nearest = int(np.hypot(x - at[0], y - at[1]).argmin())
        name, street = localities.near(at[None])[0]
        assert street == streets["name"][nearest]
        assert streets["locality"][nearest] in name


def test_left_behind_places_are_found_by_ward(county: Gaps) -> None:
    wards = pd.Series([gap.ward for gap in county.gaps]).value_counts()
    for ward in ("Kingswood", "Talavera", "Brickhill and Queensway", "Dallington Spencer"):
        assert wards[ward] >= 1
