import dataclasses
import datetime as dt
import itertools
import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from locator.analysis.coverage import Counting, Coverage, coverage
from locator.analysis.worth import needed, worth
from locator.demand import NIGHT, Basis
from locator.facts import Facts
from locator.travel.standard import Standard
from tests.worlds import (
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
    deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def measured(facts: Facts, world: World) -> Coverage:
    return coverage(
        world.snapshot(facts),
        world.demand,
        TRAVEL,
        Standard.within(METRES),
        NEIGHBOURHOODS,
        day=DAY,
    )


def covered(world: World, counting: Counting, hours: np.ndarray) -> float:
    """Add up what a world's kits cover, hour by hour."""
    good = {
        Counting.PAPER: {"open", "unknown", "closed"},
        Counting.KNOWN: {"open"},
        Counting.POSSIBLE: {"open", "unknown"},
    }[counting]
    total = 0.0
    for row in world.rows:
        near = [kit for kit in world.kits if kit.serving and row.near(kit, METRES)]
        for hour in np.flatnonzero(hours).tolist():
            if any(kit.state(hour) in good for kit in near):
                total += row.weight * PROFILES[row.profile][hour]
    return total


def shapley_by_hand(world: World, counting: Counting, hours: np.ndarray) -> list[float]:
    """Let the kits come in every order, and note what each adds."""
    kits = range(len(world.kits))
    worth_of = {
        chosen: covered(
            dataclasses.replace(world, kits=tuple(world.kits[k] for k in sorted(chosen))),
            counting,
            hours,
        )
        for size in range(len(world.kits) + 1)
        for chosen in map(frozenset, itertools.combinations(kits, size))
    }
    added = [0.0] * len(world.kits)
    orders = list(itertools.permutations(kits))
    for order in orders:
        come: frozenset[int] = frozenset()
        for kit in order:
            added[kit] += worth_of[come | {kit}] - worth_of[come]
            come |= {kit}
    return [total / len(orders) for total in added]


@given(worlds(kits=4, rows=4))
@RELAXED
@pytest.mark.parametrize("counting", list(Counting))
def test_shares_of_all_orders(facts: Facts, counting: Counting, world: World) -> None:
    found = worth(measured(facts, world), counting)
    table = found.table.set_index("reference").sort_index()
    every = np.ones(168, dtype=bool)
    np.testing.assert_allclose(table["shapley"], shapley_by_hand(world, counting, every), atol=1e-9)
    np.testing.assert_allclose(
        table["shapley_night"], shapley_by_hand(world, counting, NIGHT), atol=1e-9
    )
    assert table["shapley"].sum() == pytest.approx(found.covered)
    assert found.covered == pytest.approx(covered(world, counting, every))


@given(worlds(kits=4, rows=5))
@RELAXED
@pytest.mark.parametrize("counting", list(Counting))
def test_without_one_and_always_open(facts: Facts, counting: Counting, world: World) -> None:
    table = worth(measured(facts, world), counting).table.set_index("reference").sort_index()
    every = np.ones(168, dtype=bool)
    everything = covered(world, counting, every)
    for number, kit in enumerate(table.itertuples()):
        others = world.kits[:number] + world.kits[number + 1 :]
        lost = everything - covered(dataclasses.replace(world, kits=others), counting, every)
        assert kit.marginal == pytest.approx(lost, abs=1e-9)
        assert bool(kit.redundant or kit.nothing_near) == (kit.counts and abs(lost) < 1e-9)
        alone = covered(dataclasses.replace(world, kits=(world.kits[number],)), counting, every)
        assert kit.nothing_near == (kit.counts and alone < 1e-9)
        always = SmallKit(world.kits[number].x, world.kits[number].y)
        opened = dataclasses.replace(world, kits=(*others, always))
        adds = covered(opened, counting, every) - everything
        assert kit.always_adds == pytest.approx(adds, abs=1e-9)
        at_night = covered(opened, counting, NIGHT) - covered(world, counting, NIGHT)
        assert kit.always_adds_night == pytest.approx(at_night, abs=1e-9)
        possible = Counting.POSSIBLE if counting is Counting.KNOWN else counting
        least = covered(opened, possible, every) - covered(world, possible, every)
        assert kit.always_adds_least == pytest.approx(least, abs=1e-9)


@given(worlds(kits=4, rows=4))
@RELAXED
@pytest.mark.parametrize("counting", list(Counting))
def test_the_fewest_that_are_needed(facts: Facts, counting: Counting, world: World) -> None:
    found = needed(measured(facts, world), counting)
    every = np.ones(168, dtype=bool)

    def kept(kits: tuple[SmallKit, ...]) -> float:
        return covered(dataclasses.replace(world, kits=kits), counting, every)

    everything = kept(world.kits)
    least = next(
        size
        for size in range(len(world.kits) + 1)
        if any(kept(some) > everything - 1e-9 for some in itertools.combinations(world.kits, size))
    )
    assert len(found.kits) == least
    assert found.proven
    chosen = tuple(world.kits[int(reference[2:])] for reference in found.kits)
    assert kept(chosen) == pytest.approx(everything)
    assert not set(found.kits) & set(found.doubled)
    # a kit that covers nothing is doubled by none
    for reference in found.doubled:
        assert kept((world.kits[int(reference[2:])],)) > 1e-9


def test_three_kits(facts: Facts) -> None:
    kits = (
        SmallKit(0, 0),
        SmallKit(200, 0, "Mo-Su 18:00-24:00"),
        SmallKit(200, 200, status="damaged"),
    )
    rows = (SmallRow(0, 0, count=4, profile=3), SmallRow(600, 0, count=2, profile=2))
    found = worth(measured(facts, World(kits, rows)))
    table = found.table.set_index("reference")
    assert table.index.tolist() == ["T-01", "T-00", "T-02"]
    assert table["shapley"].tolist() == [2, 2, 0]
    assert table["shapley_night"].tolist() == [2, 2, 0], "Saturday 23:00"
    assert table["marginal"].tolist() == [0, 0, 0]
    assert table["redundant"].tolist() == [True, True, False], "either, but not both"
    assert table.loc["T-01", "always_adds"] == 2, "Monday morning"
    assert table["near"].tolist() == [6, 4, 4]
    assert found.covered == 4
    fewest = needed(measured(facts, World(kits, rows)))
    assert len(fewest.kits) == len(fewest.doubled) == 1


def test_who_lives_near_a_kit_that_no_record_is_near(facts: Facts) -> None:
    kits = (SmallKit(0, 0), SmallKit(3000, 0), SmallKit(3000, 0, ""))
    people = demand((SmallRow(3000, 100, count=70), SmallRow(0, 0, count=5)), Basis.RESIDENTS)
    small = World(kits, (SmallRow(0, 0),))
    incidents = measured(facts, small)
    residents = coverage(
        small.snapshot(facts), people, TRAVEL, Standard.within(METRES), NEIGHBOURHOODS, day=DAY
    )
    found = worth(incidents, residents=residents)
    table = found.table.set_index("reference").sort_index()
    assert table["nothing_near"].tolist() == [False, True, False]
    assert table["redundant"].tolist() == [False, False, False]
    assert table["residents"].tolist() == [5, 70, 70]
    assert found.not_judged == 1, "its hours are not known"
    assert needed(incidents).doubled == ()
    assert worth(incidents).table["residents"].isna().all()


def test_no_kits(facts: Facts) -> None:
    found = worth(measured(facts, World((), (SmallRow(0, 0),))))
    assert found.table.empty
    assert found.covered == 0
    assert json.dumps(found.as_dict(), allow_nan=False)


@pytest.mark.parametrize("counting", list(Counting))
def test_the_county_adds_up(facts: Facts, counting: Counting) -> None:
    county = coverage(
        facts.snapshot(),
        facts.demand(weights={}),
        facts.travel,
        Standard.within(METRES),
        facts.neighbourhoods,
        day=dt.date(2026, 7, 4),
    )
    found = worth(county, counting)
    assert found.table["shapley"].sum() == pytest.approx(found.covered)
    assert found.covered == pytest.approx(county.total[counting] * 27_533)
    assert (found.table["marginal"] <= found.table["shapley"] + 1e-9).all()
    assert (found.table["shapley"] <= found.table["near"] + 1e-9).all()
    assert len(found.table) == len(facts.snapshot().placed)
    assert json.dumps(found.as_dict(), allow_nan=False)
