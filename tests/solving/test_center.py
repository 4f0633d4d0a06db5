import itertools

import numpy as np
import pulp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from spopt.locate import PCenter

from locator.solving import center
from locator.solving.center import p_center
from locator.solving.distances import Assigned, Distances
from tests.solving.near import WAYS, listed, network, table, towns


def farthest(distances: Distances, sites: tuple[int, ...]) -> float:
    metres = table(distances)[:, list(sites)].min(axis=1, initial=np.inf)
    counts = (distances.weight > 0) & np.isin(np.arange(distances.rows), distances.row)
    return float(np.minimum(metres, distances.limit)[counts].max(initial=0.0))


@WAYS
@given(distances=listed(), number=st.integers(0, 7), data=st.data())
@settings(max_examples=120, deadline=None)
def test_no_other_choice_leaves_all_nearer(
    compiled: bool,  # noqa: FBT001
    distances: Distances,
    number: int,
    data: st.DataObject,
) -> None:
    some = range(distances.sites)
    fixed = tuple(data.draw(st.lists(st.sampled_from(some), max_size=2, unique=True)))
    found = p_center(distances, number, fixed=fixed, compiled=compiled)
    best = min(
        farthest(distances, (*fixed, *chosen))
        for chosen in itertools.combinations(some, min(number, distances.sites))
    )
    assert found.cost == found.bound == best
    assert found.cost == farthest(distances, (*fixed, *found.chosen.tolist()))
    assert len(found.chosen) <= number
    assert not np.isin(found.chosen, fixed).any()
    assert not np.isin(distances.row, found.unreachable).any()


@pytest.mark.filterwarnings("ignore:.*PuLP 4:DeprecationWarning")
def test_the_best_is_that_of_spopt() -> None:
    for seed in range(3):
        random = np.random.default_rng(seed)
        sites, rows = random.uniform(0, 9000, (10, 2)), random.uniform(0, 9000, (25, 2))
        metres = np.linalg.norm(rows[:, np.newaxis] - sites, axis=2)
        fixed = np.isin(np.arange(len(sites)), [2, 5]).astype(int)
        for there, number in (([], 3), ([2, 5], 2)):
            peer = PCenter.from_cost_matrix(
                metres,
                p_facilities=number + len(there),
                predefined_facilities_arr=fixed if there else None,
            ).solve(pulp.HiGHS(msg=False))
            found = p_center(Distances.of_table(metres), number, fixed=there)
            assert found.proven
            assert found.cost == pytest.approx(peer.problem.objective.value(), rel=1e-6)


def test_both_ways_to_an_answer_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    distances = Distances.of_table(network(60, 8))
    for number in (2, 6, 15):
        searched = p_center(distances, number)
        with monkeypatch.context() as patch:
            # all but the first choices is left to HiGHS
            patch.setattr(center, "_SEARCH_S", 0.0)
            asked = p_center(distances, number)
        assert searched.proven
        assert asked.proven
        assert searched.cost == asked.cost


def test_rows_that_others_imply_are_left_out() -> None:
    random = np.random.default_rng(3)
    covers = random.random((300, 12)) < random.uniform(0.1, 0.9, (300, 1))
    covers[:, 0] |= ~covers.any(axis=1)
    kept = center._hardest(csr_array(covers.astype(np.int32))).toarray() > 0
    for row in covers:
        assert (~kept | row).all(axis=1).any()  # some kept row has no other sites
    for one, other in itertools.permutations(kept, 2):
        assert (one & ~other).any()


def test_rows_out_of_reach_are_told_and_do_not_count() -> None:
    # the second row is near nothing; the third is near one site, 90 m away
    distances = Distances.of_pairs(
        [0, 0, 2], [0, 1, 1], [10.0, 30.0, 90.0], rows=3, sites=2, limit=100.0
    )
    both = p_center(distances, 2)
    assert (both.cost, both.bound, both.chosen.tolist()) == (90.0, 90.0, [1])
    assert both.unreachable.tolist() == [1]
    assert both.site_of.tolist() == [1, -1, 1]
    # one site cannot be had, so the row that is left out is as far as its limit
    none = p_center(distances, 0)
    assert (none.cost, none.bound, none.chosen.tolist()) == (100.0, 100.0, [])


def test_ctrl_c_gives_the_best_so_far_with_its_bound() -> None:
    distances = towns(300, 60, 30_000)
    seen: list[Assigned] = []

    def stop(now: Assigned) -> None:
        seen.append(now)
        if len(seen) == 2:
            raise KeyboardInterrupt

    found = p_center(distances, 5, progress=stop)
    best = p_center(distances, 5)
    assert found.interrupted
    assert best.proven
    assert not best.interrupted
    assert found.bound <= best.cost <= found.cost == seen[-1].cost


def test_time_that_is_up_leaves_a_choice_and_a_bound() -> None:
    distances = Distances.of_table(network(60, 9))
    found, best = p_center(distances, 5, seconds=0), p_center(distances, 5)
    assert found.bound <= best.cost <= found.cost
    assert best.proven


def test_questions_that_make_no_sense_are_refused() -> None:
    distances = Distances.of_table([[1.0, 2.0]])
    with pytest.raises(ValueError, match="at least 0"):
        p_center(distances, -1)
    with pytest.raises(ValueError, match="from 0 to 1"):
        p_center(distances, 1, fixed=[2])
