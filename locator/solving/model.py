"""Write covering problems as models for HiGHS.

Columns are the sites, 1 if chosen, then the rows of demand level by level: how much of a level
is covered. All levels of a row together are covered no more than sites that cover it are chosen
(Church & ReVelle 1974, doi 10.1007/BF01942293).
"""

import dataclasses

import numpy as np

from locator.solving._highs import Model
from locator.solving.problem import Problem


def maximal(problem: Problem) -> Model:
    """Cover as much as the budget allows; of sites to be kept apart at most one."""
    cover = problem.cover
    sites, rows, levels = cover.sites, cover.rows, cover.levels
    begin, site = cover.by_row()
    begins = begin + levels * np.arange(rows + 1)
    two = begins[-1] + 2 * np.arange(1, len(problem.apart) + 1)
    start = np.concatenate([begins, two, [0]])
    start[-1] = start[-2] + sites
    column = np.empty(start[-1], np.int32)
    value = np.ones(start[-1])
    pairs = np.arange(len(site)) + np.repeat(levels * np.arange(rows), np.diff(begin))
    column[pairs] = site
    value[pairs] = -1.0
    for level in range(levels):
        column[begins[1:] - levels + level] = sites + level * rows + np.arange(rows)
    column[begins[-1] : start[-2]] = problem.apart.ravel()
    column[start[-2] :] = np.arange(sites)
    value[start[-2] :] = problem.cost
    return Model(
        objective=np.concatenate([np.zeros(sites), cover.weight.T.ravel()]),
        whole=np.arange(sites + rows * levels) < sites,
        start=start,
        column=column,
        value=value,
        lower=np.full(rows + len(two) + 1, -np.inf),
        upper=np.concatenate([np.zeros(rows), np.ones(len(two)), [problem.limit]]),
    )


def priced(problem: Problem, multiplier: float) -> Model:
    """Cover as much as pays: a unit of cost takes so much worth away, there is no budget."""
    model = maximal(problem)
    objective, upper = model.objective.copy(), model.upper.copy()
    objective[: problem.cover.sites] = -multiplier * problem.cost
    upper[-1] = np.inf
    return dataclasses.replace(model, objective=objective, upper=upper)


def cheapest(problem: Problem, need: float) -> Model:
    """Spend as little as covers so much: the worth is a limit, costs are the objective."""
    model, sites = maximal(problem), problem.cover.sites
    last = model.start[-2]
    worth = np.arange(sites, len(model.objective), dtype=np.int32)
    return Model(
        objective=np.concatenate([-problem.cost, np.zeros(len(worth))]),
        whole=model.whole,
        start=np.concatenate([model.start[:-1], [last + len(worth)]]),
        column=np.concatenate([model.column[:last], worth]),
        value=np.concatenate([model.value[:last], model.objective[sites:]]),
        lower=np.concatenate([model.lower[:-1], [need]]),
        upper=np.concatenate([model.upper[:-1], [np.inf]]),
    )
