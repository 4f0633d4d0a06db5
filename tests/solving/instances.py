"""Small covering problems at random, and what trying every choice says about them."""

import itertools
from typing import Any

import numpy as np
from hypothesis import strategies as st

from locator.solving.cover import Cover
from locator.solving.problem import Problem


@st.composite
def covers(draw: st.DrawFn, most_sites: int = 7, most_levels: int = 3) -> Cover:
    """Rows that nothing covers, sites that cover nothing, ties, and weights of 0 among them."""
    sites = draw(st.integers(0, most_sites))
    rows = draw(st.integers(0, 12))
    levels = draw(st.integers(1, most_levels))
    whole = draw(st.booleans())
    number: st.SearchStrategy[float] = (
        st.integers(0, 5).map(float) if whole else st.floats(0, 1e6, allow_subnormal=False)
    )
    weight = [draw(st.lists(number, min_size=levels, max_size=levels)) for _ in range(rows)]
    pairs = []
    if sites and rows:
        pair = st.tuples(st.integers(0, sites - 1), st.integers(0, rows - 1))
        pairs = draw(st.lists(pair, max_size=40))
    return Cover.of_pairs(
        [site for site, _ in pairs],
        [row for _, row in pairs],
        -np.sort(-np.reshape(np.array(weight, np.float64), (rows, levels)), axis=1),
        sites=sites,
    )


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    cover = draw(covers())
    if draw(st.booleans()):
        return Problem.count(cover, draw(st.integers(0, 8)))
    price = st.one_of(st.sampled_from([96.0, 585.0, 0.1, 0.2]), st.floats(0.01, 1000))
    cost = draw(st.lists(price, min_size=cover.sites, max_size=cover.sites))
    share = draw(st.floats(0, 1.2))
    return Problem(cover, sum(cost) * share, np.array(cost))


def choices(sites: int) -> list[list[int]]:
    """Every set of sites."""
    numbers = range(sites)
    return [list(c) for k in range(sites + 1) for c in itertools.combinations(numbers, k)]


def worth(cover: Cover, chosen: list[int]) -> float:
    """Add up a choice row by row: an oracle that shares nothing with the package."""
    total = 0.0
    for row in range(cover.rows):
        times = sum(
            row in cover.row[cover.first[site] : cover.first[site + 1]].tolist() for site in chosen
        )
        total += sum(cover.weight[row, :times].tolist())
    return total


def best(problem: Problem) -> float:
    """Try every choice."""
    return max(
        worth(problem.cover, chosen)
        for chosen in choices(problem.cover.sites)
        if problem.affords(chosen)
    )


def town(sites: int, rows: int, reach: float, seed: int, **kinds: Any) -> Cover:
    """Points in a square of side 1; weights 1 to 9, or ``levels`` of them."""
    random = np.random.default_rng(seed)
    at, demand = random.random((sites, 2)), random.random((rows, 2))
    near = ((at[:, None] - demand[None]) ** 2).sum(axis=2) <= reach**2
    weight = random.integers(1, 10, rows).astype(float)
    if kinds.get("levels", 1) > 1:
        weight = weight[:, None] / (1 + np.arange(kinds["levels"]))
    site, row = np.nonzero(near)
    return Cover.of_pairs(site, row, weight, sites=sites)
