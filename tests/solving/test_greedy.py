import numpy as np
import pytest
from hypothesis import given

from locator.solving import _kernels, greedy
from locator.solving.cover import Cover
from locator.solving.problem import Problem
from tests.solving.instances import best, problems, town


@given(problems())
def test_bound_and_worth_hold_against_every_choice(problem: Problem) -> None:
    solution = greedy.greedy(problem)
    most = best(problem)
    assert problem.affords(solution.chosen)
    assert solution.worth == problem.cover.worth(solution.chosen)
    assert solution.worth <= most * (1 + 1e-12)
    assert solution.bound >= most
    guarantee = 1 - 1 / np.e if problem.alike else (1 - 1 / np.e) / 2
    assert solution.worth >= guarantee * most * (1 - 1e-9)


@given(problems())
def test_each_site_adds_and_what_comes_first_adds_most(problem: Problem) -> None:
    chosen = greedy.greedy(problem).chosen
    sums = [problem.cover.worth(chosen[:k]) for k in range(len(chosen) + 1)]
    adds = np.diff(sums)
    assert (adds > 0).all()
    assert (np.diff(adds) <= 0).all()


@given(problems())
def test_answers_are_the_same_without_numba(problem: Problem) -> None:
    answers = []
    for available in (True, False):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(_kernels, "AVAILABLE", available)
            answers.append(greedy.greedy(problem))
    one, other = answers
    assert np.array_equal(one.chosen, other.chosen)
    assert (one.worth, one.bound) == (other.worth, other.bound)


@pytest.mark.parametrize("levels", [1, 2])
@pytest.mark.parametrize("costs", [False, True])
def test_large_answers_are_the_same_without_numba(
    levels: int,
    costs: bool,  # noqa: FBT001
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cover = town(200, 3_000, 0.08, 4, levels=levels)
    cost = np.random.default_rng(2).choice([96.0, 585.0, 489.0], 200) if costs else np.empty(0)
    problem = Problem(cover, 4_000.0 if costs else 15.0, cost)
    one = greedy.greedy(problem)
    monkeypatch.setattr(_kernels, "AVAILABLE", False)
    other = greedy.greedy(problem)
    assert np.array_equal(one.chosen, other.chosen)
    assert (one.worth, one.bound) == (other.worth, other.bound)


@given(problems())
def test_no_single_exchange_and_no_further_site_adds(problem: Problem) -> None:
    cover = problem.cover
    chosen = greedy.greedy(problem).chosen.tolist()
    worth = cover.worth(chosen)
    for site in set(range(cover.sites)) - set(chosen):
        for rest in [chosen, *([c for c in chosen if c != out] for out in chosen)]:
            if problem.affords([*rest, site]):
                assert cover.worth([*rest, site]) <= worth


def test_exchanges_find_what_greedy_choice_misses() -> None:
    # the middle one comes first, though the two outer ones cover everything
    rows = {0: [0, 1, 2, 3], 1: [0, 1, 4], 2: [2, 3, 5]}
    pairs = [(site, row) for site, covered in rows.items() for row in covered]
    site, row = np.array(pairs).T
    problem = Problem.count(Cover.of_pairs(site, row, np.ones(6), sites=3), 2)
    assert problem.cover.worth(greedy.first_choice(problem)) == 5
    assert greedy.greedy(problem).worth == 6


def test_cheap_sites_do_not_hide_a_dear_one_that_is_worth_all() -> None:
    cover = Cover.of_pairs([0, 1], [0, 1], [2.0, 100.0], sites=2)
    solution = greedy.greedy(Problem(cover, 100.0, np.array([1.0, 100.0])))
    assert solution.chosen.tolist() == [1]
