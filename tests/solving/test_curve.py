import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from locator.solving.cover import Cover
from locator.solving.curve import curve
from locator.solving.exact import solve
from locator.solving.problem import Problem
from locator.solving.solution import Solution
from tests.solving.instances import best, covers, town


@settings(max_examples=40)
@given(covers(most_sites=6), st.integers(1, 6), st.booleans())
def test_every_choice_confirms_each_point(
    cover: Cover,
    n: int,
    costly: bool,  # noqa: FBT001
) -> None:
    cost = np.ones(cover.sites)
    if costly:
        cost += np.arange(cover.sites)
    problem = Problem(cover, float(cost.sum()), cost)
    table = curve(problem, n, gap=0.0, nodes=None).table
    assert len(table) == n
    for budget, spent, worth, most in table[["budget", "cost", "worth", "bound"]].to_numpy():
        top = best(Problem(cover, budget, cost))
        assert most >= top
        assert worth == pytest.approx(top, rel=1e-9)
        assert spent <= budget * (1 + 1e-9)
    assert (np.diff(table["worth"]) >= 0).all()
    assert (np.diff(table["bound"]) >= 0).all()


def test_curve_has_the_proven_optimum_of_each_number() -> None:
    cover = town(80, 1_500, 0.12, 3)
    table = curve(Problem.count(cover, 8), 8, gap=0.0, nodes=None).table
    for k in (1, 4, 8):
        single = solve(Problem.count(cover, k), gap=0.0)
        assert table["worth"][k - 1] == single.worth
        assert table["number"][k - 1] == k


def test_without_time_the_curve_is_still_bounded() -> None:
    cover = town(80, 1_500, 0.12, 3)
    quick = curve(Problem.count(cover, 8), 8, seconds=0.0).table
    long = curve(Problem.count(cover, 8), 8, gap=0.0, nodes=None).table
    assert (quick["bound"] >= long["worth"]).all()
    assert (quick["worth"] <= long["worth"]).all()
    assert (quick["gap"] < 0.2).all()


def test_a_budget_is_kept_where_all_sites_cost_the_same() -> None:
    cover = town(80, 1_500, 0.12, 3)
    table = curve(Problem(cover, 2_000.0, np.full(80, 585.0)), 10).table
    assert (table["cost"] <= table["budget"] * (1 + 1e-9)).all()
    assert table["number"].iloc[-1] == 3
    assert (table["gap"] >= 0).all()


def test_no_point_is_below_what_a_known_choice_begins_with() -> None:
    cover = town(80, 1_500, 0.12, 3)
    known = solve(Problem.count(cover, 8), gap=0.0).chosen[::-1]
    found = curve(Problem.count(cover, 8), 8, known=known, seconds=0.0)
    for k, chosen in enumerate(found.chosen, start=1):
        worth = found.table["worth"][k - 1]
        assert worth == cover.worth(chosen) >= cover.worth(known[:k])
        assert len(chosen) == found.table["number"][k - 1] <= k
    assert found.table["worth"][7] == cover.worth(known)


def test_the_work_is_counted_so_that_a_busy_machine_has_the_same_curve() -> None:
    cover = town(120, 3_000, 0.1, 5)
    problem = Problem(cover, 2_000.0, np.where(np.arange(120) % 3, 96.0, 585.0))
    one, other = (curve(problem, 5, nodes=1).table for _ in range(2))
    assert one.equals(other)


def test_ctrl_c_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(problem: Problem, **limits: float) -> Solution:
        del limits
        return Solution(np.empty(0, np.int64), 0.0, problem.cover.total, "", 0.0, interrupted=True)

    monkeypatch.setattr("locator.solving.curve.solve", stopped)
    found = curve(Problem.count(town(80, 1_500, 0.12, 3), 8), 8, gap=0.0)
    assert found.interrupted
    assert len(found.table) == 8
