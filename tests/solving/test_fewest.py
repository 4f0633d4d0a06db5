import numpy as np
import pulp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from spopt.locate import LSCP

from locator.errors import InputError
from locator.solving import _kernels
from locator.solving.cover import Cover
from locator.solving.fewest import fewest
from tests.solving.instances import choices, covers, town

# spopt calls pulp in ways that will end
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@settings(max_examples=60)
# of a share nearer to nothing a solver of floats proves nothing, and says so
@given(covers(), st.just(0.0) | st.floats(1e-9, 1), st.data())
def test_every_choice_confirms_the_cheapest(
    cover: Cover, share: float, data: st.DataObject
) -> None:
    price = st.one_of(st.just(1.0), st.sampled_from([96.0, 585.0]), st.floats(0.01, 1000))
    cost = np.array(data.draw(st.lists(price, min_size=cover.sites, max_size=cover.sites)))
    target = share * cover.worth(np.arange(cover.sites))
    found = fewest(cover, target, cost=cost, gap=0.0)
    enough = [c for c in choices(cover.sites) if cover.worth(c) >= target * (1 - 1e-9)]
    least = min(cost[chosen].sum() for chosen in enough)
    assert found.reached == cover.worth(found.chosen) >= target * (1 - 1e-9)
    assert found.cost == pytest.approx(cost[found.chosen].sum())
    assert found.bound <= least * (1 + 1e-12)
    assert found.cost == pytest.approx(least, rel=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_spopt_needs_as_many_sites(seed: int) -> None:
    random = np.random.default_rng(seed)
    metres = cdist(random.random((150, 2)), random.random((60, 2)))
    radius = metres.min(axis=1).max() * 1.05
    row, site = np.nonzero(metres <= radius)
    cover = Cover.of_pairs(site, row, np.ones(150), sites=60)
    model = LSCP.from_cost_matrix(metres, radius).solve(pulp.HiGHS(msg=False), results=False)
    found = fewest(cover, cover.total, gap=0.0)
    assert found.proven
    assert found.cost == pulp.value(model.problem.objective)


def test_target_out_of_reach_is_refused_with_what_can_be_reached() -> None:
    cover = Cover.of_pairs([0, 1], [0, 1], [30.0, 20.0, 50.0], sites=2)
    with pytest.raises(InputError, match=r"all 2 sites together cover 50 of 100 \(50\.0%\)"):
        fewest(cover, 50.1)
    assert fewest(cover, 50.0).cost == 2


def test_bound_holds_where_time_is_too_short_for_a_proof() -> None:
    cover = town(300, 3_000, 0.08, 5)
    quick = fewest(cover, 0.7 * cover.total, seconds=0.0)
    long = fewest(cover, 0.7 * cover.total, seconds=20.0, gap=0.02)
    assert 0 < quick.bound <= long.cost <= quick.cost
    assert quick.reached >= 0.7 * cover.total


def test_answers_without_numba_are_as_good(monkeypatch: pytest.MonkeyPatch) -> None:
    cover = town(60, 800, 0.15, 7)
    one = fewest(cover, 0.8 * cover.total, gap=0.0)
    monkeypatch.setattr(_kernels, "AVAILABLE", False)
    other = fewest(cover, 0.8 * cover.total, gap=0.0)
    assert np.array_equal(one.chosen, other.chosen)
    assert one.proven
