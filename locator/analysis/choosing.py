"""Put a question of siting to the solver: what could be done, beside what stands already."""

import dataclasses
import datetime as dt
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.sparse import csc_array

from locator import geodesy
from locator.analysis.benefit import Benefit, Sites, Worth, benefit
from locator.analysis.candidates import Candidates
from locator.analysis.distance import Asked, shortest_longest, shortest_mean
from locator.analysis.goal import Action, Goal, Objective, Unknown
from locator.demand import HOURS, Demand
from locator.errors import InputError, KitNotFoundError
from locator.facts import Facts
from locator.hours import STATES, Hours, State, week
from locator.registry.schema import Kind, Status
from locator.registry.snapshot import Snapshot
from locator.solving.cover import Cover
from locator.solving.exact import solve
from locator.solving.fewest import fewest
from locator.solving.problem import Problem
from locator.solving.solution import Solution
from locator.travel.journey import Travel
from locator.travel.standard import Standard

COMING = (Status.PLANNED, Status.AGREED, Status.OBSTRUCTED)
"""Kits that may soon be in service, or are already: nobody has published that yet."""

_OPEN, _UNKNOWN = STATES.index(State.OPEN), STATES.index(State.UNKNOWN)
# nobody can leave a bag with a bus stop
_WITHOUT_STAFF = frozenset({"bus stop", "street junction", "grid", "point"})
_MOST_DECILE = 10
# pairs of sites with a row in common that are compared with one another
_MOST_COMPARED = 50_000_000
# what a sum may differ from another through rounding alone, as a part of it
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """Everything that a plan follows from.

    Attributes
    ----------
    snapshot
        The kits that there are.
    demand
        What is to be reached.
    candidates
        Where kits could go.
    travel
        How far it is.
    standard
        What counts as near.
    goal
        What is wanted, and what may be done.
    day
        A day of the week whose opening hours count.
    deciles
        Deprivation decile (1 is the most deprived) by LSOA code.
    coming
        Whether kits of :data:`COMING` count as in service, open day and night.
    """

    snapshot: Snapshot
    demand: Demand
    candidates: Candidates
    travel: Travel
    standard: Standard
    goal: Goal
    day: dt.date
    deciles: "pd.Series[int]"
    coming: bool = False

    @classmethod
    def of(
        cls,
        facts: Facts,
        demand: Demand,
        candidates: Candidates,
        standard: Standard,
        goal: Goal,
        day: dt.date | None = None,
    ) -> "Question":
        """Ask about the area as it is known now; the hours are those of this week by default."""
        return cls(
            snapshot=facts.snapshot(),
            demand=demand,
            candidates=candidates,
            travel=facts.travel,
            standard=standard,
            goal=goal,
            day=day or facts.calendar.now().date(),
            deciles=facts.neighbourhoods.set_index("code")["imd_decile"],
        )

    def week(self) -> npt.NDArray[np.bool_]:
        """Tell in which hours each kit with a position counts as open, shape ``(kits, 168)``."""
        least = _OPEN if self.goal.unknown is Unknown.CLOSED else _UNKNOWN
        is_open: npt.NDArray[np.bool_] = self.snapshot.week(self.day) >= least
        is_open |= ~self.snapshot.installed[:, None]
        return is_open & self.in_service[:, None]

    @property
    def in_service(self) -> npt.NDArray[np.bool_]:
        """Which kits with a position count as in service, shape ``(kits,)``."""
        return self.snapshot.installed | self.promised if self.coming else self.snapshot.installed

    @property
    def promised(self) -> npt.NDArray[np.bool_]:
        """Which kits with a position are not in service, but of :data:`COMING`: ``(kits,)``."""
        return np.asarray(self.snapshot.placed["status"].isin(COMING), dtype=np.bool_)

    def decile_of_points(self) -> npt.NDArray[np.float64]:
        """Give the deprivation decile of each demand point; NaN where the LSOA is not known."""
        found = self.demand.points["lsoa"].map(self.deciles)
        return np.asarray(found.to_numpy(dtype=np.float64))

    def weights(self) -> geodesy.type_floats:
        """Give the weights that the choice goes by: those of the demand times the fair share.

        A point whose neighbourhood is not known counts as in the least deprived tenth.
        """
        decile = np.nan_to_num(self.decile_of_points(), nan=_MOST_DECILE)
        more = (self.goal.fair - 1) * (_MOST_DECILE - decile) / (_MOST_DECILE - 1)
        return np.asarray(self.demand.weights * (1 + more))


class Choices(NamedTuple):
    """What could be done.

    Attributes
    ----------
    frame
        One row a choice: ``action``, ``candidate`` (row, or -1), ``kit`` (row of
        ``snapshot.placed``, or -1) and ``cost`` (GBP).
    sites
        Where, and the hours that each would add.
    fixed
        The kits that stay as they are.
    fixed_rows
        Their rows of ``snapshot.placed``.
    """

    frame: pd.DataFrame
    sites: Sites
    fixed: Sites
    fixed_rows: npt.NDArray[np.intp]

    @property
    def stay(self) -> npt.NDArray[np.bool_]:
        """Which choices leave a kit where it is, shape ``(n,)``."""
        return np.asarray(self.frame["action"] == Action.STAY, dtype=np.bool_)


def choices(question: Question) -> Choices:
    """List what could be done, and the kits that stay.

    Raises
    ------
    KitNotFoundError
        No kit in service has the reference of one that may be moved.
    InputError
        There is nothing to choose from.
    """
    snapshot, goal = question.snapshot, question.goal
    open_week = question.week()
    movable = _movable(snapshot, goal)
    stays = question.in_service.copy()
    stays[movable] = False
    rows = np.arange(len(question.candidates))
    parts: list[tuple[Action, npt.NDArray[np.intp], npt.NDArray[np.intp], Sites]] = []
    grid = question.candidates.grid
    # first: of equal choices the first is taken, and a kit does not move for nothing
    if len(movable):
        where = Sites(snapshot.grid[movable], open_week[movable])
        parts.append((Action.STAY, _none(movable), movable, where))
    for action in goal.allowed:
        if action is Action.NEW_CABINET:
            always = np.ones((len(rows), HOURS), dtype=np.bool_)
            parts.append((action, rows, _none(rows), Sites(grid, always)))
        elif action is Action.NEW_BAG:
            staffed = rows[~question.candidates.frame["kind"].isin(_WITHOUT_STAFF)]
            hours = np.tile(_bag_week(question), (len(staffed), 1))
            parts.append((action, staffed, _none(staffed), Sites(grid[staffed], hours)))
        elif action is Action.OPEN_ALWAYS:
            shut = np.flatnonzero(stays & ~open_week.all(axis=1))
            parts.append((action, _none(shut), shut, Sites(snapshot.grid[shut], ~open_week[shut])))
    frame = pd.concat(
        [
            pd.DataFrame(
                {"action": action, "candidate": at, "kit": kit, "cost": goal.costs.of(action)}
            )
            for action, at, kit, _ in parts
        ],
        ignore_index=True,
    )
    if frame.empty:
        msg = "There is nothing to choose from. Name more kinds of candidates, or a grid."
        raise InputError(msg)
    sites = Sites(*(np.concatenate(part) for part in zip(*(p[3] for p in parts), strict=True)))
    kept = np.flatnonzero(stays)
    return Choices(frame, sites, Sites(snapshot.grid[kept], open_week[kept]), kept)


def benefit_of(question: Question, found: Choices) -> Benefit:
    """Tell what each choice would reach, counted as the goal says."""
    worth = Worth(question.goal.steps(question.standard), question.goal.backups)
    return _benefit(question, found, worth)


class Metres(NamedTuple):
    """The mean or the longest way to the nearest open kit, metres.

    Attributes
    ----------
    before, after
        Without and with the choice; ways longer than ``cap`` count as so long.
    bound
        No choice makes it shorter than this.
    cap
        Metres.
    full_before, full_after
        The first two with all ways as long as they are; None where at some hour no kit is open.
    """

    before: float
    after: float
    bound: float
    cap: float
    full_before: float | None
    full_after: float | None

    @property
    def capped(self) -> bool:
        """Whether any way that counts is longer than ``cap``."""
        pairs = ((self.before, self.full_before), (self.after, self.full_after))
        return any(
            full is None or not math.isclose(short, full, rel_tol=_ROUNDING, abs_tol=_ROUNDING)
            for short, full in pairs
        )


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """What was chosen, and how good that is.

    Attributes
    ----------
    found
        What there was to choose from.
    benefit, cover, weights
        What each would reach, with the weights that the choice went by.
    chosen
        Rows of ``found.frame``: kits that may move and stay first, then what is done, in the
        order in which each adds most.
    done
        The same without kits that stay.
    bound
        No choice reaches more weight in all; for a share to reach: no choice needs less to be done.
    says
        How good the choice is, in words.
    interrupted
        Whether somebody stopped the search.
    metres
        The mean or the longest way where that is the goal; None otherwise.
    """

    found: Choices
    benefit: Benefit
    cover: Cover
    weights: geodesy.type_floats
    chosen: tuple[int, ...]
    done: tuple[int, ...]
    bound: float
    says: str
    interrupted: bool
    metres: Metres | None = None

    @property
    def before(self) -> float:
        """Weight that the fixed kits reach."""
        return self.benefit.before(self.weights)

    @property
    def after(self) -> float:
        """Weight reached with the choice."""
        return self.before + self.cover.worth(self.chosen)

    @property
    def total(self) -> float:
        """What it would be worth to reach everything."""
        return self.benefit.total(self.weights)

    def where(self) -> geodesy.type_floats:
        """Give eastings and northings of what is done (EPSG:27700 metres), shape ``(k, 2)``."""
        return self.found.sites.grid[list(self.done)]


def choose(
    question: Question,
    progress: Callable[[object], None] | None = None,
    *,
    nodes: int | None = None,
) -> Choice:
    """Find the best choice, or the best until somebody stops the search, with its bound.

    Parameters
    ----------
    question
        What is wanted, and everything that it follows from.
    progress
        Called at each better choice.
    nodes
        See :func:`locator.solving.exact.solve`.

    Raises
    ------
    KitNotFoundError
        No kit in service has the reference of one that may be moved.
    InputError
        There is nothing to choose from, too much, or the share cannot be reached.
    """
    goal, found = question.goal, choices(question)
    made, weights = benefit_of(question, found), question.weights()
    cover = made.cover(weights)
    if goal.share is not None:
        return _fewest(goal.share, goal.seconds, found, made, weights)
    if goal.objective in _BY_DISTANCE:
        return _by_distance(question, found, made, weights, progress)
    problem = problem_of(goal, found, cover)
    solution = solved(problem, seconds=goal.seconds, nodes=nodes, progress=progress)
    chosen = _in_order(found, cover, solution.chosen)
    return Choice(
        found=found,
        benefit=made,
        cover=cover,
        weights=weights,
        chosen=chosen,
        done=_done(found, chosen),
        bound=made.before(weights) + solution.bound,
        says=solution.says,
        interrupted=solution.interrupted,
    )


def bettered(choice: Choice, chosen: npt.NDArray[np.int64], bound: float = np.inf) -> Choice:
    """Take another choice for as much money where it is worth more, and a lower bound.

    Parameters
    ----------
    choice
        One that covers.
    chosen
        Rows of ``found.frame``.
    bound
        No choice for as much money adds more weight to what the fixed kits reach.
    """
    cover, rows = choice.cover, choice.chosen
    if cover.worth(chosen) > cover.worth(rows):
        rows = _in_order(choice.found, cover, chosen)
    worth = cover.worth(rows)
    most = max(min(bound, choice.bound - choice.before), worth)
    says = Solution(np.array(rows, np.int64), worth, most, "", 0.0).says
    return dataclasses.replace(
        choice,
        chosen=rows,
        done=_done(choice.found, rows),
        bound=choice.before + most,
        says=says,
    )


def _done(found: Choices, chosen: tuple[int, ...]) -> tuple[int, ...]:
    stay = found.stay
    return tuple(row for row in chosen if not stay[row])


def problem_of(goal: Goal, found: Choices, cover: Cover) -> Problem:
    """Put a number or a budget to the solver."""
    apart = kept_apart(goal, found)
    if goal.budget is not None:
        return Problem(cover, goal.budget, found.frame["cost"].to_numpy(np.float64), apart)
    number = (goal.new or 0) + int(found.stay.sum())
    return dataclasses.replace(Problem.count(cover, number), apart=apart)


def kept_apart(goal: Goal, found: Choices) -> npt.NDArray[np.int64]:
    """Pair the cabinet and the bag of each candidate, shape ``(pairs, 2)``.

    Only where second kits count: beside the cabinet the bag adds nothing otherwise.
    """
    frame = found.frame.reset_index(names="row")
    cabinets, bags = (
        frame.loc[frame["action"] == action, ["candidate", "row"]]
        for action in (Action.NEW_CABINET, Action.NEW_BAG)
    )
    pairs = cabinets.merge(bags, on="candidate")[["row_x", "row_y"]].to_numpy(np.int64)
    return pairs if goal.backup else pairs[:0]


_BY_DISTANCE = {
    Objective.MEDIAN: shortest_mean,
    Objective.CENTER: shortest_longest,
}


def _by_distance(
    question: Question,
    found: Choices,
    made: Benefit,
    weights: geodesy.type_floats,
    progress: Callable[[object], None] | None,
) -> Choice:
    goal = question.goal
    asked = Asked(
        question.demand,
        weights,
        found.fixed,
        found.sites.grid,
        question.travel,
        question.standard,
        goal.new or 0,
        goal.seconds,
    )
    ways = _BY_DISTANCE[goal.objective](asked, progress)
    cover, chosen = made.cover(weights), tuple(ways.chosen.tolist())
    return Choice(
        found=found,
        benefit=made,
        cover=cover,
        weights=weights,
        chosen=chosen,
        done=chosen,
        # what all candidates together reach: distance is what was asked for
        bound=made.before(weights) + cover.total,
        says=ways.says,
        interrupted=ways.interrupted,
        metres=Metres(
            ways.before, ways.after, ways.bound, ways.cap, ways.full_before, ways.full_after
        ),
    )


def solved(
    problem: Problem,
    *,
    seconds: float,
    gap: float = 1e-4,
    nodes: int | None = None,
    progress: Callable[[Solution], None] | None = None,
) -> Solution:
    """Solve a problem without the sites that another one makes needless.

    Half of the candidates of a county reach nothing that another of the same cost does not
    reach as well. Parameters as of :func:`locator.solving.exact.solve`.
    """
    smaller, kept = without_needless(problem)
    solution = solve(smaller, seconds=seconds, gap=gap, nodes=nodes, progress=progress)
    return dataclasses.replace(solution, chosen=kept[solution.chosen])


def without_needless(
    problem: Problem, chosen: Sequence[int] = ()
) -> tuple[Problem, npt.NDArray[np.int64]]:
    """Leave out sites that another one makes needless; give the numbers of the others.

    Parameters
    ----------
    problem
        The question.
    chosen
        Sites that stay in any case.
    """
    kept = np.union1d(_needed(problem), np.asarray(chosen, np.int64))
    return problem.part(kept), kept


def _needed(problem: Problem) -> npt.NDArray[np.int64]:
    """Drop sites whose rows another site covers for no higher cost; of equal ones keep the first.

    Where a second cover of a row is worth something both may be wanted, and all are kept.
    """
    cover = problem.cover
    wanted = cover.weight[:, 0] > 0
    shape, first = (cover.rows, cover.sites), cover.first.astype(np.int64)
    pairs = csc_array((np.ones(len(cover.row)), cover.row.astype(np.int64), first), shape=shape)
    pairs = pairs.tocsr()[wanted]
    sizes, degrees = pairs.sum(axis=0), pairs.sum(axis=1)
    reaches = np.asarray(sizes > 0)
    if problem.cover.levels > 1 or (degrees**2).sum() > _MOST_COMPARED:
        return np.flatnonzero(reaches)
    shared = (pairs.T @ pairs).tocoo()
    one, other, cost = shared.row, shared.col, problem.cost
    within = (shared.data == sizes[one]) & (one != other) & (cost[one] >= cost[other])
    alike = within & (sizes[one] == sizes[other]) & (cost[one] == cost[other])
    reaches[one[within & (~alike | (other < one))]] = False
    return np.flatnonzero(reaches)


def _fewest(
    share: float,
    seconds: float,
    found: Choices,
    made: Benefit,
    weights: geodesy.type_floats,
) -> Choice:
    cover, total, before = made.cover(weights), made.total(weights), made.before(weights)
    most = before + cover.total
    if total * share > most * (1 + _ROUNDING):
        msg = (
            f"All candidates together bring the share to {most / total:.1%}, not {share:.1%}. Ask "
            "for less, allow a longer distance, or name more kinds of candidates."
        )
        raise InputError(msg)
    problem, kept = without_needless(Problem.count(cover, cover.sites))
    target = min(max(total * share - before, 0.0), problem.cover.total)
    few = fewest(problem.cover, target, seconds=seconds)
    chosen = tuple(kept[few.chosen].tolist())
    spare = len(few.chosen) - int(few.bound)
    says = "proven fewest" if few.proven else f"at most {spare} more than the fewest possible"
    return Choice(
        found=found,
        benefit=made,
        cover=cover,
        weights=weights,
        chosen=chosen,
        done=chosen,
        bound=few.bound,
        says=says,
        interrupted=few.interrupted,
    )


def _in_order(found: Choices, cover: Cover, chosen: npt.NDArray[np.int64]) -> tuple[int, ...]:
    """Put kits that stay first, then whatever adds most to those before it."""
    stay = found.stay[chosen]
    count = cover.counts(chosen[stay])
    left, order = chosen[~stay].tolist(), chosen[stay].tolist()
    while left and stay.any():
        gains = cover.site_sums(cover.next_worth(count))[left]
        best = left.pop(int(np.argmax(gains)))
        count += cover.counts([best])
        order.append(best)
    return tuple(order + left)


def plain_benefit_of(question: Question, found: Choices) -> Benefit:
    """Tell what each choice would reach, counted plainly: within the standard or not."""
    return _benefit(question, found, Worth(((question.standard.metres, 1.0),)))


def _benefit(question: Question, found: Choices, worth: Worth) -> Benefit:
    return benefit(
        question.demand, found.fixed, found.sites, question.travel, question.standard, worth
    )


def move_cost(question: Question, kit: int) -> float:
    """Tell what it costs to move a kit, GBP; one without a cabinet needs a new one."""
    costs = question.goal.costs
    has_cabinet = question.snapshot.placed["kind"].iloc[kit] == Kind.CABINET
    return costs.of(Action.MOVE) + (0.0 if has_cabinet else costs.cabinet)


def _movable(snapshot: Snapshot, goal: Goal) -> npt.NDArray[np.intp]:
    references = snapshot.placed["reference"].to_numpy()
    rows = []
    for reference in dict.fromkeys(goal.movable):
        found = np.flatnonzero((references == reference) & snapshot.installed)
        if not len(found):
            msg = f"No kit in service whose place is known has the reference {reference}."
            raise KitNotFoundError(msg)
        rows.append(int(found[0]))
    return np.array(rows, dtype=np.intp)


def _bag_week(question: Question) -> npt.NDArray[np.bool_]:
    hours = Hours(question.goal.bag_hours, question.snapshot.calendar)
    return np.asarray(week([hours], question.day, question.snapshot.calendar)[0] == _OPEN)


def _none(rows: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    return np.full(len(rows), -1, dtype=np.intp)
