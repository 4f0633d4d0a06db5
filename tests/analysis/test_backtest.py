import dataclasses
import itertools
import json
import signal
from collections.abc import Sequence

import numpy as np
import pytest

from locator.analysis import backtest as module
from locator.analysis.backtest import (
    CHARITY,
    CHARITY_OPEN,
    DENSEST,
    GREEDY,
    HINDSIGHT,
    OPTIMISED,
    POPULATION,
    RANDOM,
    Backtest,
    actual_order,
    backtest,
)
from locator.analysis.candidates import gather
from locator.analysis.choosing import Question
from locator.analysis.goal import Goal
from locator.demand import Basis
from locator.errors import InputError
from locator.facts import Facts
from locator.travel.standard import Standard
from tests.analysis.test_siting import METRES, asked, type_spot
from tests.worlds import DAY, SmallKit, SmallRow, World, demand

MONTHS = ("2025-01", "2025-02", "2025-03", "2025-04")
SPOTS: tuple[type_spot, ...] = tuple((x, 0, "bus stop") for x in range(0, 8000, 1000))


def drawn(seed: int) -> tuple[SmallRow, ...]:
    """Records of four months around eight spots, no two of which weigh the same."""
    random = np.random.default_rng(seed)
    return tuple(
        SmallRow(x + int(random.integers(0, 3)) * 100, 0, int(count), month=month, profile=2)
        for month in MONTHS
        for (x, _, _), count in zip(SPOTS, 1 + random.permutation(60)[: len(SPOTS)], strict=True)
    )


def covered(rows: Sequence[SmallRow], month: str, places: Sequence[tuple[int, int]]) -> float:
    return sum(
        row.weight
        for row in rows
        if row.month == month
        and any((row.x - x) ** 2 + (row.y - y) ** 2 <= METRES**2 for x, y in places)
    )


def best(
    rows: Sequence[SmallRow],
    months: Sequence[str],
    new: int,
    beside: Sequence[tuple[int, int]] = (),
) -> list[tuple[int, int]]:
    """Choose by trying every pair; give the kits that stand already as well."""

    def worth(chosen: tuple[tuple[int, int], ...]) -> float:
        return sum(covered(rows, month, [*beside, *chosen]) for month in months)

    places = [(x, y) for x, y, _ in SPOTS]
    return [*beside, *max(itertools.combinations(places, new), key=worth)]


@pytest.mark.parametrize("seed", range(3))
def test_every_strategy_recounted_by_hand(facts: Facts, seed: int) -> None:
    rows, new = drawn(seed), 2
    kits = (SmallKit(1000, 0), SmallKit(5000, 0, ""), SmallKit(3000, 0))
    question = asked(facts, World(kits, rows), SPOTS, Goal(new=new))
    known = ["2023", "2022-01", "2023-07"]
    snapshot = dataclasses.replace(
        question.snapshot, kits=question.snapshot.kits.assign(reported=known)
    )
    question = dataclasses.replace(question, snapshot=snapshot)
    assert actual_order(question) == [1, 0, 2]
    people = demand([SmallRow(7000, 0, 90), SmallRow(0, 0, 80), SmallRow(2000, 0)], Basis.RESIDENTS)
    found = backtest(question, people)
    shares = {
        (row["start"], row["strategy"]): row["share"] for row in found.table.to_dict("records")
    }
    test_months = MONTHS[1:]
    total = sum(row.weight for row in rows if row.month in test_months)

    def share(places: Sequence[Sequence[tuple[int, int]]]) -> float:
        pairs = zip(test_months, places, strict=True)
        return sum(covered(rows, month, each) for month, each in pairs) / total

    nothing = "from nothing, 2 kits"
    past = [best(rows, MONTHS[:count], new) for count in (1, 2, 3)]
    assert shares[nothing, OPTIMISED] == pytest.approx(share(past))
    known_months = [best(rows, [month], new) for month in test_months]
    assert shares[nothing, HINDSIGHT] == pytest.approx(share(known_months))
    busiest = []
    for count in (1, 2, 3):
        weight: dict[tuple[int, int], float] = {}
        for row in rows:
            if row.month in MONTHS[:count]:
                weight[row.x, row.y] = weight.get((row.x, row.y), 0) + row.weight
        busiest.append(sorted(weight, key=lambda at: (-weight[at], at))[:new])
    assert shares[nothing, DENSEST] == pytest.approx(share(busiest))
    assert shares[nothing, POPULATION] == pytest.approx(share([[(7000, 0), (0, 0)]] * 3))
    assert shares[nothing, CHARITY] == pytest.approx(share([[(5000, 0), (1000, 0)]] * 3))
    assert shares[nothing, CHARITY_OPEN] == pytest.approx(share([[(1000, 0)]] * 3))
    assert shares["from nothing, 3 kits", CHARITY] == pytest.approx(
        share([[(5000, 0), (1000, 0), (3000, 0)]] * 3)
    )
    # beside kits: those that are known to be open stay, whatever is chosen
    beside = "beside the 3 kits in service"
    population = share([[(1000, 0), (3000, 0), (7000, 0), (0, 0)]] * 3)
    assert shares[beside, POPULATION] == pytest.approx(population)
    stand = [(1000, 0), (3000, 0)]
    past = [best(rows, MONTHS[:count], new, stand) for count in (1, 2, 3)]
    assert shares[beside, OPTIMISED] == pytest.approx(share(past))


@pytest.fixture(scope="module")
def question(facts: Facts) -> Question:
    """The county with few candidates and few months, to be quick."""
    records = facts.demand()
    few = records.only((records.points["month"] >= "2025-09").to_numpy())
    standard = Standard.within(METRES)
    sites = gather(facts, ["GP practice", "school"], near=(few.places.grid, standard.metres))
    return Question.of(facts, few, sites, standard, Goal(new=5), DAY)


@pytest.fixture(scope="module")
def county(facts: Facts, question: Question) -> Backtest:
    return backtest(question, facts.demand(Basis.RESIDENTS))


def test_the_county_s_table_is_sound(county: Backtest) -> None:
    assert county.months == ("2025-09", "2025-10", "2025-11", "2025-12")
    assert county.placed_in_order == 30
    assert county.without_position == 2
    assert county.table["start"].unique().tolist() == [
        "beside the 30 kits in service",
        "from nothing, 5 kits",
        "from nothing, 30 kits",
    ]
    for start, rows in county.table.groupby("start"):
        by = rows.set_index("strategy")
        share = by["share"].to_dict()
        assert share[HINDSIGHT] >= share[OPTIMISED] - 0.005
        assert share[OPTIMISED] > share[RANDOM]
        assert rows["share"].is_monotonic_decreasing
        for row in rows.to_dict("records"):
            assert row["low"] <= row["share"] <= row["high"], (start, row["strategy"])
            assert row["gain_low"] - 1e-9 <= row["gain"] <= row["gain_high"] + 1e-9
        assert (rows["share"] - rows["adds"]).min() > -1e-12
        gains = [by[column][OPTIMISED] for column in ("gain", "gain_low", "gain_high")]
        assert gains == [0, 0, 0]
        strategies = {OPTIMISED, GREEDY, RANDOM, DENSEST, POPULATION, HINDSIGHT}
        charity = {CHARITY, CHARITY_OPEN} if str(start).startswith("from nothing") else set()
        assert set(by.index) == strategies | charity


def test_months_add_up_to_the_table(county: Backtest, question: Question) -> None:
    weights = question.demand.points.groupby("month")["weight"].sum()
    for (start, strategy), rows in county.by_month.groupby(["start", "strategy"]):
        of = rows["month"].map(weights)
        table = county.table
        (share,) = table.loc[(table["start"] == start) & (table["strategy"] == strategy), "share"]
        assert (rows["share"] * of).sum() / of.sum() == pytest.approx(share), strategy
        assert rows["trained"].tolist() == [1, 2, 3]


def test_what_is_said_fits_the_table(county: Backtest) -> None:
    row = county.table.query("start == 'from nothing, 30 kits' and strategy == @CHARITY").iloc[0]
    said = " ".join(county.says)
    assert f"{row['gain'] * 100:.1f} points more than “the charity's order”" in said
    assert any("snapped" in sentence for sentence in county.assumptions)
    plain = json.loads(json.dumps(county.as_dict(), allow_nan=False))
    assert len(plain["table"]) == len(county.table)


def test_the_same_seed_gives_the_same_table(facts: Facts) -> None:
    question = asked(facts, World((), drawn(1)), SPOTS, Goal(new=2))
    one, two, other = (backtest(question, seed=seed) for seed in (0, 0, 1))
    assert one.table.equals(two.table)
    assert not one.table.equals(other.table)
    assert POPULATION not in set(one.table["strategy"])
    assert one.table["start"].unique().tolist() == ["beside the 0 kits in service"]


def test_no_difference_is_said_where_there_is_none(facts: Facts) -> None:
    """With one candidate there is nothing to choose, so nothing is gained by choosing."""
    question = asked(facts, World((), drawn(1)), SPOTS[:1], Goal(new=1))
    said = backtest(question).says
    assert any("Beside “greedy” there is no clear difference" in sentence for sentence in said)
    assert any("Beside “random sites” there is no clear diff" in sentence for sentence in said)


@pytest.mark.parametrize(
    ("known", "order"),
    [
        (["2023", "2023-07", "2023-06-14"], [2, 0, 1]),
        (["2024-01-01", "2023", "2023"], [1, 2, 0]),
    ],
)
def test_dates_known_only_roughly(facts: Facts, known: list[str], order: list[int]) -> None:
    kits = tuple(SmallKit(1000 * number, 0) for number in range(3))
    question = asked(facts, World(kits, drawn(0)), SPOTS, Goal(new=1))
    frame = question.snapshot.kits.assign(reported=known)
    snapshot = dataclasses.replace(question.snapshot, kits=frame)
    assert actual_order(dataclasses.replace(question, snapshot=snapshot)) == order


def test_what_cannot_be_tested(facts: Facts) -> None:
    one_month = World((), (SmallRow(0, 0), SmallRow(0, 0, month="2025-01")))
    with pytest.raises(InputError, match="at least two months"):
        backtest(asked(facts, one_month, SPOTS, Goal(new=1)))
    with pytest.raises(InputError, match="number of new kits"):
        backtest(asked(facts, World((), drawn(0)), SPOTS, Goal(budget=700.0)))


def test_ctrl_c_ends_it(facts: Facts, monkeypatch: pytest.MonkeyPatch) -> None:
    question = asked(facts, World((), drawn(0)), SPOTS, Goal(new=1))

    def stopped(*args: object, **options: object) -> object:
        del args, options
        signal.raise_signal(signal.SIGINT)
        return None

    monkeypatch.setattr(module, "solved", stopped)
    with pytest.raises(KeyboardInterrupt):
        backtest(question)
