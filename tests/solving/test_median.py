import itertools
import time

import numpy as np
import pulp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import LinearConstraint, milp
from scipy.sparse import coo_array
from spopt.locate import PMedian

from locator.solving import _interchange, median
from locator.solving._kernels import type_floats
from locator.solving.distances import Assigned, Distances
from locator.solving.median import p_median
from tests.solving.near import WAYS, listed, network, table, towns

RANDOM = np.random.default_rng(1)


def cost_of(distances: Distances, sites: tuple[int, ...]) -> float:
    metres = table(distances)[:, list(sites)].min(axis=1, initial=np.inf)
    return float(distances.weight @ np.minimum(metres, distances.limit))


def least(distances: Distances, number: int, fixed: tuple[int, ...]) -> float:
    """Compare all choices of so many new sites."""
    some = range(distances.sites)
    return min(
        cost_of(distances, (*fixed, *chosen))
        for chosen in itertools.combinations(some, min(number, distances.sites))
    )


def assert_consistent(distances: Distances, found: Assigned, fixed: tuple[int, ...]) -> None:
    """What is said of the choice holds for it."""
    every = (*fixed, *found.chosen.tolist())
    assert len(set(every)) == len(set(fixed)) + len(found.chosen)
    assert found.cost == pytest.approx(cost_of(distances, every))
    assert found.bound <= found.cost
    near = table(distances)
    for row, site in enumerate(found.site_of.tolist()):
        listing = set(distances.site[distances.row == row].tolist()) & set(every)
        assert (site >= 0) == bool(listing)
        if listing:
            assert site == min(listing, key=lambda one: (near[row, one], one))
    reachable = set(distances.row.tolist())
    assert found.unreachable.tolist() == [
        row for row in range(distances.rows) if row not in reachable
    ]


@WAYS
@given(distances=listed(), number=st.integers(0, 7), data=st.data())
@settings(max_examples=120, deadline=None)
def test_no_other_choice_costs_less(
    compiled: bool,  # noqa: FBT001
    distances: Distances,
    number: int,
    data: st.DataObject,
) -> None:
    fixed = tuple(data.draw(st.lists(st.integers(0, distances.sites - 1), max_size=2, unique=True)))
    found = p_median(distances, number, fixed=fixed, compiled=compiled)
    best = least(distances, number, fixed)
    assert found.proven
    assert found.says == "proven best"
    assert found.cost == pytest.approx(best, rel=1e-6)
    assert found.bound <= best * (1 + 1e-12)
    assert len(found.chosen) <= number
    assert_consistent(distances, found, fixed)


def by_milp(metres: type_floats, weight: type_floats, number: int) -> float:
    """Solve the formulation of textbooks: one variable for each pair."""
    rows, sites = metres.shape
    pairs = rows * sites
    row, site = np.indices(metres.shape).reshape(2, -1)
    pair = np.arange(pairs)
    served = coo_array((np.ones(pairs), (row, pair)), (rows, pairs + sites))
    linked = coo_array(
        (np.repeat([1.0, -1.0], pairs), (np.tile(pair, 2), [*pair, *(pairs + site)])),
        (pairs, pairs + sites),
    )
    count = np.concatenate([np.zeros(pairs), np.ones(sites)])
    outcome = milp(
        np.concatenate([(weight[:, np.newaxis] * metres).ravel(), np.zeros(sites)]),
        constraints=[
            LinearConstraint(served, 1, 1),
            LinearConstraint(linked, -np.inf, 0),
            LinearConstraint(count[np.newaxis], number, number),
        ],
        integrality=count,
        bounds=(0, 1),
        options={"mip_rel_gap": 0},
    )
    return float(outcome.fun)


@pytest.mark.parametrize("pairs", [0, 1e9], ids=["branching", "HiGHS"])
@pytest.mark.parametrize("number", [2, 5, 15])
def test_both_ways_to_the_best_agree_with_the_textbook(
    number: int, pairs: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(median, "_PAIRS", pairs)
    monkeypatch.setattr(median, "_CLOSING_S", 60.0)
    # few steps leave more to branching
    monkeypatch.setattr(median, "_ROOT", (30, 8, 1.0, 1e-2))
    monkeypatch.setattr(median, "_INNER", (20, 8, 1.0, 1e-2))
    for seed in range(3):
        whole = network(45, seed)
        uneven = whole + np.random.default_rng(seed).random(whole.shape)
        for metres in (whole, uneven):
            weight = np.random.default_rng(seed).integers(1, 9, len(metres)).astype(float)
            found = p_median(Distances.of_table(metres, weight), number)
            assert found.proven
            assert found.cost == pytest.approx(by_milp(metres, weight, number), rel=1e-6)


@pytest.mark.filterwarnings("ignore:.*PuLP 4:DeprecationWarning")
def test_the_best_is_that_of_spopt() -> None:
    for seed in range(4):
        random = np.random.default_rng(seed)
        sites, rows = random.uniform(0, 9000, (12, 2)), random.uniform(0, 9000, (40, 2))
        metres = np.linalg.norm(rows[:, np.newaxis] - sites, axis=2)
        weight = random.integers(1, 9, len(rows)).astype(float)
        fixed = np.isin(np.arange(len(sites)), [3, 7]).astype(int)
        for there, number in (([], 4), ([3, 7], 3)):
            peer = PMedian.from_cost_matrix(
                metres,
                weight,
                p_facilities=number + len(there),
                predefined_facilities_arr=fixed if there else None,
            ).solve(pulp.HiGHS(msg=False))
            found = p_median(Distances.of_table(metres, weight), number, fixed=there)
            assert found.proven
            assert found.cost == pytest.approx(peer.problem.objective.value(), rel=1e-6)


def test_kernels_and_arrays_do_the_same_to_the_last_bit() -> None:
    for whole in (True, False):
        distances = towns(400, 90, 1500)
        first = np.concatenate([[0], np.cumsum(np.diff(distances.first)[distances.weight > 0])])
        some = distances.weight[distances.row] > 0
        cost = distances.metres[some] * distances.weight[distances.row][some]
        kept = np.diff(first) > 0
        costs = _interchange.Costs.of(
            np.concatenate([[0], np.cumsum(np.diff(first)[kept])]),
            distances.site[some],
            cost.round() if whole else cost,
            (distances.limit * distances.weight)[distances.weight > 0][kept] + 1,
            distances.sites,
        )
        greedy = [_interchange.greedy(costs, 12, compiled=way) for way in (True, False)]
        assert np.array_equal(greedy[0], greedy[1])
        bad = RANDOM.choice(distances.sites, 12, replace=False)
        swapped = [_interchange.interchange(costs, bad, compiled=way) for way in (True, False)]
        assert np.array_equal(swapped[0], swapped[1])
        assert not np.array_equal(swapped[0], bad)
        worth = costs.top * RANDOM.uniform(0, 1, len(costs.top))
        sums = [_interchange.price(costs, worth, compiled=c) for c in (True, False)]
        assert np.array_equal(sums[0], sums[1])
        chosen = np.isin(np.arange(distances.sites), bad)
        counts = [_interchange.served(costs, worth, chosen, compiled=c) for c in (True, False)]
        assert np.array_equal(counts[0], counts[1])
        assert counts[0].any()


def test_sites_come_in_the_order_in_which_each_saves_most() -> None:
    distances = towns(400, 90, 2500)
    found = p_median(distances, 10, fixed=[4])
    saves = []
    for count in range(len(found.chosen)):
        before = (4, *found.chosen[:count].tolist())
        now = cost_of(distances, before)
        each = [now - cost_of(distances, (*before, site)) for site in found.chosen[count:].tolist()]
        assert each[0] >= max(each) - 1e-6
        saves.append(each[0])
    assert len(saves) == 10
    assert saves == sorted(saves, reverse=True)
    assert min(saves) > 0


def test_what_saves_nothing_is_left_out() -> None:
    # two places of demand, each with a kit at no distance
    distances = Distances.of_table([[0.0, 5.0, 9.0], [5.0, 0.0, 9.0]])
    found = p_median(distances, 3)
    assert sorted(found.chosen.tolist()) == [0, 1]
    assert (found.cost, found.bound, found.says) == (0.0, 0.0, "proven best")
    assert p_median(distances, 2, fixed=[0, 1]).chosen.tolist() == []


def test_ctrl_c_gives_the_best_so_far_with_its_bound() -> None:
    distances = towns(300, 60, 9000)
    seen: list[Assigned] = []

    def stop(now: Assigned) -> None:
        seen.append(now)
        if len(seen) == 3:
            raise KeyboardInterrupt

    found = p_median(distances, 8, progress=stop)
    assert found.interrupted
    assert found.cost == seen[-1].cost
    assert 0 < found.bound <= p_median(distances, 8).cost
    assert_consistent(distances, found, ())
    assert not p_median(distances, 8).interrupted


def test_progress_only_gets_better() -> None:
    seen: list[Assigned] = []
    found = p_median(towns(500, 120, 9000), 10, progress=seen.append)
    assert len(seen) > 2
    assert all(one.cost >= other.cost for one, other in itertools.pairwise(seen))
    assert all(one.bound <= other.bound for one, other in itertools.pairwise(seen))
    assert (seen[-1].cost, seen[-1].bound) == (found.cost, found.bound)


def test_time_that_is_up_leaves_a_choice_and_a_bound() -> None:
    distances = Distances.of_table(network(80, 5))
    began = time.monotonic()
    found = p_median(distances, 7, seconds=0)
    assert time.monotonic() - began < 5
    best = p_median(distances, 7)
    assert best.proven
    assert found.bound <= best.cost <= found.cost
    assert not found.proven
    assert found.says.startswith("within ")


def test_a_gap_that_is_good_enough_ends_the_search() -> None:
    distances = Distances.of_table(network(80, 6))
    found = p_median(distances, 7, gap=0.2)
    assert found.gap <= 0.2
    assert found.seconds <= p_median(distances, 7).seconds + 1


def test_what_is_said_of_a_gap_holds() -> None:
    def says(bound: float) -> str:
        none = np.empty(0, np.int64)
        return Assigned(none, 100.0, bound, none, none, "by hand", 0.0).says

    assert says(100.0) == "proven best"
    assert says(99.992) == "within 0.01 % of the best possible"
    assert says(99.985) == "within 0.02 % of the best possible"
    assert says(98.76) == "within 1.3 % of the best possible"


def test_questions_that_make_no_sense_are_refused() -> None:
    distances = Distances.of_table([[1.0, 2.0]])
    with pytest.raises(ValueError, match="at least 0"):
        p_median(distances, -1)
    with pytest.raises(ValueError, match="from 0 to 1"):
        p_median(distances, 1, fixed=[2])
    for row, site, metres, limit, weight, said in (
        (1, 0, 1.0, 5.0, 1.0, "row is a number"),
        (0, 2, 1.0, 5.0, 1.0, "site is a number"),
        (0, 0, -1.0, 5.0, 1.0, "distances"),
        (0, 0, np.nan, 5.0, 1.0, "distances"),
        (0, 0, 1.0, np.inf, 1.0, "limits"),
        (0, 0, 1.0, 5.0, -1.0, "weights"),
    ):
        with pytest.raises(ValueError, match=said):
            Distances.of_pairs([row], [site], [metres], rows=1, sites=2, limit=limit, weight=weight)


def test_of_equal_pairs_the_nearest_counts() -> None:
    distances = Distances.of_pairs(
        [0, 0, 1, 0], [1, 1, 0, 0], [9.0, 3.0, 4.0, 11.0], rows=2, sites=2, limit=10.0
    )
    assert distances.site.tolist() == [1, 0]
    assert distances.metres.tolist() == [3.0, 4.0]
