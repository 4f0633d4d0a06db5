import numpy as np
import pytest

from locator.solving.problem import Problem
from locator.solving.solution import Solution
from tests.solving.instances import town

COVER = town(3, 9, 0.5, 1)


def test_pence_that_rounding_adds_do_not_exceed_a_budget() -> None:
    problem = Problem(COVER, 0.3, np.array([0.1, 0.2, 0.1]))
    assert problem.affords([0, 1])
    assert not problem.affords([0, 1, 2])


def test_without_costs_the_budget_is_a_number_of_sites() -> None:
    assert Problem.count(COVER, 2).affords([0, 2])
    assert not Problem.count(COVER, 2).affords([0, 1, 2])


@pytest.mark.parametrize("cost", [[1.0, 0.0, 1.0], [1.0], [1.0, 1.0, np.inf]])
def test_costs_that_are_none_are_refused(cost: list[float]) -> None:
    with pytest.raises(ValueError, match="cost above 0"):
        Problem(COVER, 1.0, np.array(cost))


@pytest.mark.parametrize("budget", [-1.0, np.nan, np.inf])
def test_budgets_that_are_none_are_refused(budget: float) -> None:
    with pytest.raises(ValueError, match="budget"):
        Problem(COVER, budget)


@pytest.mark.parametrize(
    ("worth", "bound", "says"),
    [
        (100.0, 100.0, "proven best"),
        (0.0, 0.0, "proven best"),
        (99.6, 100.0, "within 0.4 % of the best possible"),
        (99.59, 100.0, "within 0.5 % of the best possible"),
        (99.999, 100.0, "within 0.01 % of the best possible"),
        (50.0, 100.0, "within 50.0 % of the best possible"),
    ],
)
def test_a_solution_says_no_more_than_it_proves(worth: float, bound: float, says: str) -> None:
    assert Solution(np.array([1]), worth, bound, "drawn", 0.0).says == says
