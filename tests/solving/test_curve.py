import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from locator.solving.cover import Cover
from locator.solving.curve import curve
from locator.solving.exact import solve
from locator.solving.problem import Problem
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
    table = curve(problem, n, gap=0.0)
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
    table = curve(Problem.count(cover, 8), 8, seconds=30.0, gap=0.0)
    for k in (1, 4, 8):
        single = solve(Problem.count(cover, k), gap=0.0)
        assert table["worth"][k - 1] == single.worth
        assert table["number"][k - 1] == k


def test_without_time_the_curve_is_still_bounded() -> None:
    cover = town(80, 1_500, 0.12, 3)
    quick = curve(Problem.count(cover, 8), 8, seconds=0.0)
    long = curve(Problem.count(cover, 8), 8, seconds=30.0, gap=0.0)
    assert (quick["bound"] >= long["worth"]).all()
    assert (quick["worth"] <= long["worth"]).all()
    assert (quick["gap"] < 0.2).all()
