"""Tell how far a choice of sites can be trusted: under other assumptions, and by chance."""

import dataclasses
from collections.abc import Callable, Collection, Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.spatial import cKDTree

from locator import geodesy
from locator.analysis.choosing import (
    COMING,
    Choice,
    Choices,
    Question,
    bettered,
    choose,
    kept_apart,
    problem_of,
)
from locator.analysis.goal import Unknown
from locator.demand import Basis, Demand, Profile
from locator.solving.greedy import first_choice, improved
from locator.solving.problem import Problem
from locator.travel.pace import Pace
from locator.travel.standard import Kind, Standard

# a site this near to another one is as good as the same
SAME_M = 200.0
_NEARER, _FARTHER = 0.75, 1.25
# a plan under another assumption need not be proven to the last record; work is counted, lest a
# busy machine change the table, but for budgets that would take too long
_NODES, _SECONDS, _BUDGET_S = 20, 60.0, 4.0
_FAIR = 2.0
Told = Callable[[str, int], None]


class Stability(NamedTuple):
    """How often resampled plans choose the sites of a plan.

    Attributes
    ----------
    times
        How many plans were made.
    exactly
        Share of them with the very same site, shape ``(sites,)``.
    nearly
        Share of them with the same site or one within :data:`SAME_M`, shape ``(sites,)``.
    draws
        What they chose: ``draw`` (from 0), ``easting``, ``northing`` (EPSG:27700 metres).
    """

    times: int
    exactly: geodesy.type_floats
    nearly: geodesy.type_floats
    draws: pd.DataFrame


def sensitivity(
    question: Question,
    choice: Choice,
    profiles: Collection[Profile],
    residents: Demand | None,
    told: Told,
) -> pd.DataFrame:
    """Choose again under other assumptions, one at a time.

    Parameters
    ----------
    question, choice
        What was asked and chosen.
    profiles
        Other hours of the week.
    residents
        Where people live; None leaves that assumption out.
    told
        Called with every plan.

    Returns
    -------
    table
        ``changed`` (in words), ``sites`` (chosen then), ``kept`` (sites of ``choice`` of which
        one of those then lies within :data:`SAME_M`), ``worth`` and ``best`` (weight that
        ``choice`` and the choice then add under the assumption), ``share`` (of the first in
        the second; 1 where nothing can be added) and ``chosen`` (references of the sites chosen
        then, joined by ``"; "``).
    """
    goal = question.goal
    if goal.share is not None:
        # the same number of kits, lest a changed number hide a changed choice
        goal = dataclasses.replace(goal, share=None, new=max(len(choice.done), 1))
    longest = _SECONDS if goal.budget is None else _BUDGET_S
    goal = dataclasses.replace(goal, seconds=min(goal.seconds, longest))
    rows = []
    for changed, other in _changes(dataclasses.replace(question, goal=goal), profiles, residents):
        then = choose(other, nodes=_NODES)
        if then.interrupted:
            # half a plan is no yardstick
            raise KeyboardInterrupt
        same = _rows_of(choice.found, choice.chosen, then.found)
        then = bettered(then, np.array(same, dtype=np.int64))
        worth, best = then.cover.worth(same), then.cover.worth(then.chosen)
        near = _nearly(choice.where(), then.where())
        rows.append(
            {
                "changed": changed,
                "sites": len(then.done),
                "kept": int(near.sum()),
                "worth": worth,
                "best": best,
                "share": worth / best if best else 1.0,
                "chosen": "; ".join(_references(other, then)),
            }
        )
        told("Planning under other assumptions", 1)
    columns = ["changed", "sites", "kept", "worth", "best", "share", "chosen"]
    return pd.DataFrame(rows, columns=columns)


def resample(question: Question, choice: Choice, times: int, seed: int, told: Told) -> Stability:
    """Choose again with resampled demand, by greedy search with exchanges.

    All records of one place in one month are drawn together, as often as a Poisson number of mean 1
    says (Poisson bootstrap; Hanley & MacGibbon 2006): what happens twice at a spot in one month
    need not be independent.

    Parameters
    ----------
    question, choice
        What was asked and chosen.
    times
        At least 1.
    seed
        The same seed gives the same figures.
    told
        Called with every plan.
    """
    points = question.demand.points
    keys = pd.DataFrame({"place": question.demand.places.place_of, "month": points["month"]})
    cluster = keys.groupby(["place", "month"], sort=True).ngroup().to_numpy()
    random = np.random.default_rng(seed)
    goal, found = question.goal, choice.found
    done, where = np.array(choice.done, dtype=np.int64), choice.where()
    exactly, nearly = np.zeros(len(done)), np.zeros(len(done))
    draws = []
    for number in range(times):
        drawn = random.poisson(1.0, cluster.max() + 1)
        cover = choice.benefit.cover(choice.weights * drawn[cluster])
        if goal.budget is None:
            problem = Problem.count(cover, len(choice.chosen))
            problem = dataclasses.replace(problem, apart=kept_apart(goal, found))
        else:
            problem = problem_of(goal, found, cover)
        chosen = improved(problem, first_choice(problem))
        chosen = chosen[~found.stay[chosen]]
        exactly += np.isin(done, chosen)
        at = found.sites.grid[chosen]
        nearly += _nearly(where, at)
        draws.append(pd.DataFrame({"draw": number, "easting": at[:, 0], "northing": at[:, 1]}))
        told("Planning with resampled demand", 1)
    return Stability(times, exactly / times, nearly / times, pd.concat(draws, ignore_index=True))


def _changes(
    question: Question, profiles: Collection[Profile], residents: Demand | None
) -> Iterator[tuple[str, Question]]:
    demand, goal = question.demand, question.goal
    yield from _other_standards(question)
    if demand.assumed_share and demand.basis is Basis.INCIDENTS:
        for profile in profiles:
            if profile.name != demand.profile_name:
                other = demand.with_profile(profile)
                yield f"hours by the profile “{profile.name}”", _with(question, demand=other)
    unknown = Unknown.OPEN if goal.unknown is Unknown.CLOSED else Unknown.CLOSED
    asked = dataclasses.replace(goal, unknown=unknown)
    yield f"kits with unknown hours count as {unknown}", _with(question, goal=asked)
    if question.promised.any():
        kits = f"{', '.join(COMING[:-1])} or {COMING[-1]}"
        label = f"kits {kits} come into service, open day and night"
        yield label, _with(question, coming=True)
    categories = sorted(set(demand.points["category"]))
    for category in categories if len(categories) > 1 else ():
        only = np.where(demand.points["category"] == category, demand.weights, 0.0)
        label = f"only {category[:1].lower()}{category[1:]}"
        yield label, _with(question, demand=demand.reweighted(only))
    if residents is not None and demand.basis is Basis.INCIDENTS:
        yield "residents instead of records", _with(question, demand=residents)
    fair = _FAIR if goal.fair == 1 else 1.0
    label = "the most deprived count double" if fair == _FAIR else "no fair share"
    yield label, _with(question, goal=dataclasses.replace(goal, fair=fair))


def _other_standards(question: Question) -> Iterator[tuple[str, Question]]:
    standard, full, pace = question.standard, question.goal.full, question.travel.pace
    others: list[tuple[Standard | None, Standard | None]] = []
    if standard.kind is Kind.METRES:
        for factor in (_NEARER, _FARTHER):
            metres = standard.metres * factor
            others.append((Standard.within(metres, walking=standard.walking), full))
        walking = not standard.walking
        others.append(
            (
                Standard.within(standard.metres, walking=walking),
                full and Standard.within(full.metres, walking=walking),
            )
        )
    else:
        speed = standard.m_per_s or pace.run_m_per_s
        others += [(_timed(standard, standard.limit + by, speed, pace), full) for by in (-1, 1)]
        for other in (pace.walk_m_per_s, pace.brisk_m_per_s, pace.run_m_per_s):
            if other != speed:
                slower = full and _timed(full, full.limit, other, pace)
                others.append((_timed(standard, standard.limit, other, pace), slower or None))
    for changed, near in others:
        if changed is not None and (near is None or near.metres < changed.metres):
            goal = dataclasses.replace(question.goal, full=near)
            yield str(changed), _with(question, standard=changed, goal=goal)


def _timed(standard: Standard, minutes: float, speed: float, pace: Pace) -> Standard | None:
    """Change a standard in minutes; None if nothing can be reached in that time."""
    if standard.kind is Kind.ONE_WAY:
        return Standard.one_way(minutes, speed) if minutes > 0 else None
    reach_m = pace.reach_m(minutes * 60, speed)
    return Standard.fetch(minutes, pace, speed) if reach_m > 0 else None


def _with(question: Question, **changes: object) -> Question:
    return dataclasses.replace(question, **changes)  # type: ignore[arg-type]  # fields by name


def _references(question: Question, choice: Choice) -> list[str]:
    """Name the chosen sites: a candidate, or the kit that is changed."""
    candidates = question.candidates.frame["reference"].tolist()
    kits = question.snapshot.placed["reference"].tolist()
    rows = choice.found.frame.iloc[list(choice.done)]
    return [
        str(candidates[candidate] if candidate >= 0 else kits[kit])
        for candidate, kit in zip(rows["candidate"], rows["kit"], strict=True)
    ]


def _rows_of(found: Choices, chosen: Collection[int], then: Choices) -> list[int]:
    """Find what was chosen among other choices."""
    keys = ["action", "candidate", "kit"]
    number = {tuple(row): at for at, row in enumerate(then.frame[keys].to_numpy().tolist())}
    rows = found.frame[keys].to_numpy()[list(chosen)].tolist()
    return [number[tuple(row)] for row in rows if tuple(row) in number]


def _nearly(where: geodesy.type_floats, others: geodesy.type_floats) -> geodesy.type_floats:
    """Tell which sites have one of the others within ``SAME_M``, as 0 or 1."""
    if not len(others) or not len(where):
        return np.zeros(len(where))
    metres, _ = cKDTree(others).query(where)
    return np.asarray(metres <= SAME_M, dtype=np.float64)
