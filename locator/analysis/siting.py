"""Choose where the next kits help most, and say how far that advice can be trusted."""

import dataclasses
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment

from locator import geodesy
from locator.analysis import trust
from locator.analysis.benefit import Sites, Worth, benefit
from locator.analysis.choosing import (
    COMING,
    Choice,
    Metres,
    Question,
    bettered,
    choose,
    kept_apart,
    move_cost,
    plain_benefit_of,
    problem_of,
    without_needless,
)
from locator.analysis.goal import Action, Costs, Goal, Objective, Unknown
from locator.analysis.reasons import Around, unit
from locator.demand import HOURS, Demand, Profile
from locator.geodesy import type_floats
from locator.hours import STATES, State
from locator.solving.curve import curve
from locator.solving.problem import Problem
from locator.travel.standard import Standard

__all__ = ["Action", "Costs", "Goal", "Objective", "Plan", "Site", "Unknown", "plan"]

_LONGEST_CURVE = 100
# for numbers a limit that is never reached: the curve ends with its work
_CURVE_S, _BUDGET_CURVE_S = 60.0, 15.0
# with a budget the curve has so many steps
_STEPS = 10
_DECILES = range(1, 11)
_ONLY_COVER = (
    "What sites add, and who is within the standard, is counted plainly; it is not what they were "
    "chosen for. The curve's bounds, the sensitivity table and the resampling are made for "
    "plans that cover."
)


@dataclass(frozen=True, slots=True)
class Site:
    """One place of a plan.

    Attributes
    ----------
    rank
        From 1: each adds most to those before it.
    action
        What to do there.
    name, kind, locality
        In words, such as "High Street / Church Lane", "junction", "Corby".
    reference, source
        Of the candidate, or of the kit that is changed.
    longitude, latitude
        Degrees (EPSG:4326).
    easting, northing
        Metres (EPSG:27700).
    cost
        GBP.
    adds
        Weight that the site adds to those before it, in the unit of the objective.
    adds_share
        ``adds`` as a share of the whole weight.
    adds_night
        The part of ``adds`` at night (22:00 to 06:00).
    newly
        Weight of the demand that first comes within the standard of a kit here, plainly counted:
        no fair share, no steps, no backup.
    alone
        Weight lost if the plan went without this site only.
    residents
        People who first come within the standard of any kit in service, whatever its hours; None
        if residents were not given.
    nearest_kit
        Reference and name of the nearest other kit in service; empty if there is none.
    nearest_m
        Straight-line metres to it; infinity if there is none.
    reasons
        In sentences.
    frequency
        Share of the resampled plans that choose the site or one within 200 m of it; None if nothing
        was resampled.
    exactly
        Share of the resampled plans that choose this very site.
    moved_from
        Reference of the kit that moves here; empty otherwise.
    """

    rank: int
    action: Action
    name: str
    kind: str
    locality: str
    reference: str
    source: str
    longitude: float
    latitude: float
    easting: float
    northing: float
    cost: float
    adds: float
    adds_share: float
    adds_night: float
    newly: float
    alone: float
    residents: float | None
    nearest_kit: str
    nearest_m: float
    reasons: tuple[str, ...]
    frequency: float | None = None
    exactly: float | None = None
    moved_from: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """Where the next kits help most.

    Attributes
    ----------
    standard
        What counts as near.
    objective
        What was made as good as can be, in words.
    sites
        By rank.
    unit
        What a weight counts: "records", "weighted records" or "residents".
    before, after, total
        Weight reached without and with the plan, and the whole, in the unit of the objective:
        ``before - given_up`` and what the sites add make ``after``.
    given_up
        Weight that kits reached at the places that they leave.
    bound
        No choice with as many sites, or as much money, reaches more than this.
    least
        No plan that reaches the share needs fewer sites; None if no share was asked for.
    says
        How good the choice is, such as "proven best" or "within 0.4 % of the best possible".
    metres
        The mean or the longest way to the nearest open kit, with its bound, where that is what
        the plan shortens; None otherwise.
    covered_before, covered_after, demand
        The same three plainly counted: weight within the standard of a kit at the hours when it
        happens.
    curve
        The best known for 1, 2, ... sites, or for equal steps up to the budget (the sites of the
        plan in their order if there are more than 100): ``n``, ``cost``
        (GBP; NaN where it depends on what is done), ``adds`` (in all), ``share`` (reached then),
        ``bound`` (as above; NaN where nobody looked) and ``gap`` (of the bound).
    by_decile
        ``decile``, ``weight``, ``before`` and ``after`` as shares, plainly counted.
    sensitivity
        ``changed``, ``kept`` (sites that stay, the same or within 200 m), ``sites``, ``worth`` (of
        this plan), ``best`` and ``share`` (of the best under the change); None if left out.
    resampled
        How many times the demand was resampled; 0 if it was not.
    draws
        What was chosen then: ``draw`` (from 0), ``easting``, ``northing`` (EPSG:27700 metres);
        None if it was not.
    kept
        References of movable kits that stay where they are.
    left_out
        How many candidates were left out, by reason.
    candidates
        How many there were to choose from.
    assumptions
        In sentences.
    tables
        Names in ``sources.toml`` whose attribution is owed.
    months
        First and last month of the demand; empty for residents.
    version
        Of the registry.
    seconds
        That the plan took.
    interrupted
        Whether somebody stopped it: the choice is the best until then.
    """

    standard: Standard
    objective: str
    unit: str
    sites: tuple[Site, ...]
    before: float
    given_up: float
    after: float
    total: float
    bound: float
    least: int | None
    says: str
    metres: Metres | None
    covered_before: float
    covered_after: float
    demand: float
    curve: pd.DataFrame
    by_decile: pd.DataFrame
    sensitivity: pd.DataFrame | None
    resampled: int
    draws: pd.DataFrame | None
    kept: tuple[str, ...]
    left_out: dict[str, int]
    candidates: int
    assumptions: tuple[str, ...]
    tables: tuple[str, ...]
    months: tuple[str, str]
    version: int
    seconds: float
    interrupted: bool

    @property
    def cost(self) -> float:
        """What all sites cost, GBP."""
        return sum(site.cost for site in self.sites)

    def as_dict(self) -> dict[str, object]:
        """Give the plan as plain values for JSON."""
        plain = {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
            if field.name not in {"standard", "sites", "curve", "by_decile", "sensitivity", "draws"}
        }
        tables = {
            name: None if frame is None else _records(frame)
            for name in ("curve", "by_decile", "sensitivity")
            for frame in [getattr(self, name)]
        }
        return (
            {"standard": str(self.standard), "cost": self.cost}
            | plain
            | tables
            | {
                "sites": [_plain(site) for site in self.sites],
                "metres": self.metres and self.metres._asdict(),
            }
        )

    def layer(self) -> gpd.GeoDataFrame:
        """Give the sites as points (EPSG:4326) with one column for each fact."""
        rows = [dataclasses.asdict(site) for site in self.sites]
        columns = [field.name for field in dataclasses.fields(Site)]
        frame = pd.DataFrame(rows, columns=columns)
        frame["reasons"] = [" ".join(site.reasons) for site in self.sites]
        points = gpd.points_from_xy(frame["longitude"], frame["latitude"], crs=geodesy.WGS84)
        return gpd.GeoDataFrame(frame, geometry=points)


def plan(  # everything after the question may be left out
    question: Question,
    *,
    residents: Demand | None = None,
    profiles: Collection[Profile] = (),
    sensitivity: bool = False,
    resamples: int = 0,
    seed: int = 0,
    progress: Callable[[str, int], None] | None = None,
) -> Plan:
    """Choose sites and describe them.

    Somebody who stops it (``KeyboardInterrupt``) gets the best choice until then with its bound;
    what would have come after is left out, and the plan says so.

    Parameters
    ----------
    question
        What is wanted, and everything that it follows from.
    residents
        Where people live, to count who comes within reach.
    profiles
        Other hours of the week for the sensitivity table.
    sensitivity
        Whether to plan again under other assumptions.
    resamples
        How often to plan again with resampled demand; 0 for never.
    seed
        Of the resampling: the same seed gives the same figures.
    progress
        Called with what is being done and how much of it, such as ``("Searching", 1)``.

    Raises
    ------
    KitNotFoundError
        No kit in service has the reference of one that may be moved.
    InputError
        There is nothing to choose from, or the goal cannot be reached.
    """
    began = time.perf_counter()
    told = progress or _silent
    choice = choose(question, lambda _: told("Searching", 1))
    stopped = "the search" if choice.interrupted else ""
    points = None
    if not stopped and choice.metres is None:
        choice, points, stopped = _best_for_each(question, choice)
    try:
        described = _Description(question, choice, residents)
        sites = described.sites()
    except KeyboardInterrupt:
        # a choice that nobody sees is of no use; Ctrl-C once more ends this as well
        stopped = stopped or "the description of the sites"
        described = _Description(question, choice, residents)
        sites = described.sites()
    notes = _of_metres(choice.metres) if choice.metres is not None else []
    table: pd.DataFrame | None = None
    stability: trust.Stability | None = None
    stage = ""
    try:
        if not stopped and choice.metres is None:
            if question.goal.fair > 1:
                stage = "the price of fair share"
                notes += _price(question, described)
            if sensitivity:
                stage = "the sensitivity table"
                table = trust.sensitivity(question, choice, profiles, residents, told)
            if resamples:
                stage = "the resampling"
                stability = trust.resample(question, choice, resamples, seed, told)
    except KeyboardInterrupt:
        stopped = stage
    if stopped:
        notes.append(f"Somebody stopped {stopped}; what would have come after it is left out.")
    if stability is not None:
        sites = tuple(
            dataclasses.replace(site, frequency=float(nearly), exactly=float(exactly))
            for site, nearly, exactly in zip(
                sites, stability.nearly, stability.exactly, strict=True
            )
        )
    curve_frame = described.own_curve() if points is None else described.curve(points)
    return Plan(
        standard=question.standard,
        objective=_objective(question.goal, choice.metres),
        unit=described.unit,
        sites=sites,
        before=described.before,
        given_up=described.given_up,
        after=choice.after,
        total=choice.total,
        bound=_bound(question, choice, curve_frame),
        least=None if question.goal.share is None else int(choice.bound),
        says=choice.says,
        metres=choice.metres,
        covered_before=described.covered_before,
        covered_after=described.covered_after,
        demand=question.demand.total,
        curve=curve_frame,
        by_decile=described.by_decile(),
        sensitivity=table,
        resampled=stability.times if stability else 0,
        draws=stability.draws if stability else None,
        kept=described.kept,
        left_out=dict(question.candidates.left_out),
        candidates=len(question.candidates),
        assumptions=(*question.candidates.remarks, *described.assumptions(), *notes),
        tables=_tables(question, residents),
        months=question.demand.months,
        version=question.snapshot.version,
        seconds=time.perf_counter() - began,
        interrupted=bool(stopped),
    )


def _best_for_each(question: Question, choice: Choice) -> tuple[Choice, pd.DataFrame | None, str]:
    """Find the best for each smaller number or budget, and with it perhaps a better choice.

    Returns
    -------
    choice
        At least as good, with a bound at most as high.
    points
        ``number``, ``cost``, ``worth`` and ``bound`` as of :func:`locator.solving.curve.curve`,
        with kits that stay; None where there are too many or none.
    stopped
        What somebody stopped; empty otherwise.
    """
    goal, staying = question.goal, int(choice.found.stay.sum())
    if not staying < len(choice.chosen) <= _LONGEST_CURVE + staying:
        return choice, None, ""
    steps, whole = len(choice.chosen), True
    if goal.budget is None:
        problem = dataclasses.replace(
            Problem.count(choice.cover, steps), apart=kept_apart(goal, choice.found)
        )
        whole = goal.new is not None and steps == goal.new + staying
    else:
        problem, steps = problem_of(goal, choice.found, choice.cover), _STEPS
    smaller, kept = without_needless(problem, choice.chosen)
    if goal.budget is not None and smaller.alike:
        # where all costs are alike a budget is a number
        most = int(smaller.limit // smaller.cost[0])
        steps = min(most, len(choice.chosen))
        whole = steps == most
        smaller = dataclasses.replace(smaller, budget=steps * float(smaller.cost[0]))
    limit = choice.bound - choice.before if whole else np.inf
    known = np.searchsorted(kept, choice.chosen)
    try:
        longest = _CURVE_S if goal.budget is None else _BUDGET_CURVE_S
        found = curve(smaller, steps, known=known, proven=limit, seconds=longest)
    except KeyboardInterrupt:
        return choice, None, "the curve"
    if whole:
        best = found.table.iloc[-1]
        choice = bettered(choice, kept[found.chosen[-1]], float(best["bound"]))
    return choice, found.table.iloc[staying:], "the curve" if found.interrupted else ""


def _of_metres(way: Metres) -> list[str]:
    """Say what holds of a plan that shortens ways."""
    said = [_ONLY_COVER]
    if way.capped and way.full_before is not None and way.full_after is not None:
        said.append(
            f"Ways over {way.cap:,.0f} m were counted as so long when choosing: "
            f"{way.before:,.0f} m now, {way.after:,.0f} m with the plan. Counted in full that is "
            f"{way.full_before:,.0f} m now and {way.full_after:,.0f} m with the plan."
        )
    elif way.capped:
        said.append(
            f"Ways over {way.cap:,.0f} m were counted as so long when choosing; at some hours no "
            "kit is open."
        )
    return said


class _Description:
    """Counts what a choice reaches, plainly and as the goal counts it."""

    def __init__(self, question: Question, choice: Choice, residents: Demand | None) -> None:
        self._question, self._choice, self._residents = question, choice, residents
        self._weights = question.demand.weights
        self._plain = plain_benefit_of(question, choice.found)
        self._added = choice.benefit.added(choice.chosen, choice.weights)
        self._plainly = self._plain.added(choice.chosen, self._weights)
        stay = choice.found.stay
        self._kept = len(choice.chosen) - len(choice.done)
        movable = np.flatnonzero(stay).tolist()
        self.before = choice.before + choice.cover.worth(movable)
        kept = choice.chosen[: self._kept]
        self.given_up = self.before - choice.before - choice.cover.worth(kept)
        self._before, self._staying, self._after = map(
            self._plain.share, (movable, kept, choice.chosen)
        )
        self._alone = choice.benefit.alone(choice.chosen, choice.weights)
        self.covered_before = float(self._before @ self._weights)
        self.covered_after = float(self._after @ self._weights)
        self.unit = unit(question.demand)
        self._moves, self.kept = self._moved()

    def sites(self) -> tuple[Site, ...]:
        """Describe every site."""
        around = Around(self._question, self._choice, self._staying, self._residents)
        return tuple(self._site(number, around) for number in range(len(self._choice.done)))

    def own_curve(self) -> pd.DataFrame:
        """Give the curve of the choice itself, without the best of smaller numbers."""
        costs = np.cumsum([self._cost(number) for number in range(len(self._choice.done))])
        adds = np.cumsum([each.weight for each in self._added[self._kept :]])
        return _curve_frame(
            self._choice.total,
            self.before,
            np.arange(1.0, len(adds) + 1),
            costs,
            adds - self.given_up,
            np.full(len(adds), np.nan),
        )

    def curve(self, points: pd.DataFrame) -> pd.DataFrame:
        """Give the best of smaller numbers or budgets; the last is the plan itself."""
        goal, choice = self._question.goal, self._choice
        staying = int(choice.found.stay.sum())
        numbers = points["number"].to_numpy(dtype=np.float64) - staying
        if goal.budget is not None:
            costs = points["cost"].to_numpy()
        elif goal.allowed == (Action.NEW_CABINET,) and not staying:
            costs = numbers * goal.costs.of(Action.NEW_CABINET)
        else:
            costs = np.full(len(points), np.nan)
        adds = points["worth"].to_numpy() + choice.before - self.before
        bound = points["bound"].to_numpy() + choice.before
        return _curve_frame(choice.total, self.before, numbers, costs, adds, bound)

    def by_decile(self) -> pd.DataFrame:
        """Give shares covered before and after by deprivation decile, plainly counted."""
        decile = self._question.decile_of_points()
        rows = []
        for number in _DECILES:
            weights = np.where(decile == number, self._weights, 0.0)
            total = float(weights.sum())
            if total > 0:
                before, after = self._before @ weights, self._after @ weights
                rows.append((number, total, float(before) / total, float(after) / total))
        return pd.DataFrame(rows, columns=["decile", "weight", "before", "after"])

    def assumptions(self) -> tuple[str, ...]:
        """Say in sentences what the plan rests on."""
        question = self._question
        snapshot, goal, demand = question.snapshot, question.goal, question.demand
        week = snapshot.week(question.day)[snapshot.installed]
        unknown = int((week == STATES.index(State.UNKNOWN)).all(axis=1).sum())
        rough = int((snapshot.precision_m[snapshot.installed] > question.standard.metres).sum())
        said = [
            demand.says,
            *demand.notes,
            (
                f"{int(snapshot.installed.sum())} kits in service are counted where they are said "
                f"to be, {rough} of them placed less exactly than "
                f"{question.standard.metres:.0f} m; kits that nobody has published are missing."
            ),
            f"The hours of {unknown} of them are not known; they count as {goal.unknown}."
            + (self._ask_first() if unknown and goal.unknown is Unknown.CLOSED else ""),
        ]
        if question.standard.walking:
            said.append(str(question.travel))
        else:
            said.append("Straight lines overstate what is within reach on foot.")
        if self._residents is not None:
            said.append("Residents are counted where they live, not where they are at an hour.")
        if goal.fair > 1:
            said.append(
                f"Demand in the most deprived tenth of neighbourhoods counts {goal.fair:g} times "
                "as much as in the least deprived, in even steps between; what a site adds, the "
                "curve and the bound are in these weights."
            )
        if goal.backup:
            said.append(f"A second kit within the standard is worth {goal.backup:g} of the first.")
        if goal.full is not None:
            said.append(f"A kit counts in full within {goal.full}, and less up to the standard.")
        costs = goal.costs
        said.append(
            f"Costs: {costs.cabinet:g} GBP for a cabinet, {costs.fitting:g} GBP for fitting it, "
            f"{costs.kit:g} GBP for a kit (Milton Keynes, 2022: up to 385, up to 200 and about 96)."
        )
        said += self._promised()
        said.append("Nobody has asked any host: each site is a proposal until its host agrees.")
        return tuple(said)

    def _promised(self) -> list[str]:
        """Say how many sites stand beside a kit that may soon be in service."""
        question, kits = self._question, f"{', '.join(COMING[:-1])} or {COMING[-1]}"
        grid = question.snapshot.grid[question.promised]
        near = question.travel.pairs(self._choice.where(), grid, question.standard)
        count, of = len(np.unique(near.origin)), len(self._choice.done)
        if not count:
            return []
        sites, lie = "site" if of == 1 else "sites", "lies" if count == 1 else "lie"
        return [
            (
                f"{count} of the {of} {sites} {lie} within the standard of a kit that is {kits}: "
                "ask first whether it is in place."
            )
        ]

    def _ask_first(self) -> str:
        """Say what is covered already if every kit of unknown hours is open."""
        question = self._question
        goal = dataclasses.replace(question.goal, unknown=Unknown.OPEN)
        week, kits = dataclasses.replace(question, goal=goal).week(), question.snapshot.installed
        nothing = Sites(np.empty((0, 2)), np.empty((0, HOURS), dtype=np.bool_))
        covered = benefit(
            question.demand,
            Sites(question.snapshot.grid[kits], week[kits]),
            nothing,
            question.travel,
            question.standard,
            Worth(((question.standard.metres, 1.0),)),
        ).before(self._weights)
        return (
            f" If all were open, {covered:,.0f} {self.unit} would be within the standard now, not "
            f"{self.covered_before:,.0f}: ask their hosts first."
        )

    def _site(self, number: int, around: Around) -> Site:
        row = self._choice.done[number]
        option = self._choice.found.frame.iloc[row]
        added, plainly = (part[self._kept + number] for part in (self._added, self._plainly))
        night_share = added.at_night / added.weight if added.weight else 0.0
        told = around.tell(number, plainly.weight, night_share)
        total = self._choice.total
        moved = self._moves.get(number, -1)
        return Site(
            rank=number + 1,
            action=Action.MOVE if moved >= 0 else Action(option["action"]),
            **self._place(row, int(option["candidate"]), int(option["kit"])),
            cost=self._cost(number),
            adds=added.weight,
            adds_share=added.weight / total if total else 0.0,
            adds_night=added.at_night,
            newly=plainly.weight,
            alone=self._alone[self._kept + number],
            residents=told.residents,
            nearest_kit=told.nearest_kit,
            nearest_m=told.nearest_m,
            reasons=told.reasons,
            moved_from=str(self._kits["reference"].iloc[moved]) if moved >= 0 else "",
        )

    @property
    def _kits(self) -> gpd.GeoDataFrame:
        return self._question.snapshot.placed

    def _place(self, row: int, candidate: int, kit: int) -> dict[str, Any]:
        """Say what stands at a choice and where."""
        easting, northing = self._choice.found.sites.grid[row].tolist()
        columns: tuple[str, ...] = ("name", "kind", "reference", "longitude", "latitude")
        if kit < 0:
            columns = (*columns, "locality", "source")
            known = self._question.candidates.frame.iloc[candidate]
            place: dict[str, Any] = {column: known[column] for column in columns}
        else:
            known = self._kits.iloc[kit]
            place = {column: known[column] for column in columns}
            place |= {"locality": str(known["address"]).rpartition(", ")[2], "source": "kit"}
        return place | {"easting": easting, "northing": northing}

    def _cost(self, number: int) -> float:
        moved = self._moves.get(number, -1)
        if moved >= 0:
            return move_cost(self._question, moved)
        return float(self._choice.found.frame["cost"].iloc[self._choice.done[number]])

    def _moved(self) -> tuple[dict[int, int], tuple[str, ...]]:
        """Say which kit moves to which site, the shortest ways in all, and which stay."""
        choice = self._choice
        frame = choice.found.frame
        kits = frame.loc[frame["action"] == Action.STAY, "kit"].to_numpy(dtype=np.int64)
        staying = frame["kit"].iloc[list(choice.chosen[: self._kept])].to_numpy(dtype=np.int64)
        going = kits[~np.isin(kits, staying)]
        grid = self._question.snapshot.grid
        apart = np.hypot(*(grid[going][:, None] - choice.where()[None]).transpose(2, 0, 1))
        rows, numbers = linear_sum_assignment(apart)
        moves = dict(zip(numbers.tolist(), going[rows].tolist(), strict=True))
        left = kits[~np.isin(kits, list(moves.values()))]
        return moves, tuple(self._kits["reference"].iloc[left])


def _plain(site: Site) -> dict[str, object]:
    """Give a site as plain values; JSON knows no infinity."""
    known = dataclasses.asdict(site)
    return known | {"nearest_m": site.nearest_m if np.isfinite(site.nearest_m) else None}


def _records(frame: pd.DataFrame) -> list[dict[str, object]]:
    """Give rows as plain values; what is not known is None."""
    plain = frame.astype(object).where(frame.notna(), None)
    return [{str(key): value for key, value in row.items()} for row in plain.to_dict("records")]


def _curve_frame(
    total: float,
    before: float,
    numbers: type_floats,
    costs: type_floats,
    adds: type_floats,
    bound: type_floats,
) -> pd.DataFrame:
    after = before + adds
    return pd.DataFrame(
        {
            "n": numbers.astype(np.int64),
            "cost": costs,
            "adds": adds,
            "share": after / total if total else np.zeros(len(adds)),
            "bound": bound,
            "gap": np.divide(bound - after, bound, out=np.zeros(len(adds)), where=bound > 0),
        }
    )


def _bound(question: Question, choice: Choice, points: pd.DataFrame) -> float:
    """Say what no choice of as many sites, or of as much money, reaches more than."""
    if question.goal.share is None:
        return choice.bound
    known = points["bound"].dropna()
    return float(known.iloc[-1]) if len(known) else choice.total


def _price(question: Question, described: _Description) -> tuple[str, ...]:
    """Say what fair share costs in demand plainly covered."""
    goal = dataclasses.replace(question.goal, fair=1.0)
    alike = dataclasses.replace(question, goal=goal)
    other = _Description(alike, choose(alike), None)
    lost, total = other.covered_after - described.covered_after, question.demand.total
    return (
        (
            f"Fair share costs {lost:,.0f} {described.unit} ({lost / total:.1%} of all): counting "
            "everyone alike as many sites or pounds would cover "
            f"{other.covered_after / total:.1%}, this plan covers "
            f"{described.covered_after / total:.1%}."
        ),
    )


def _objective(goal: Goal, way: Metres | None) -> str:
    wish = {
        Objective.COVER: "as much demand as possible within the standard",
        Objective.GRADUAL: "as much demand as possible, the nearer the better",
        Objective.MEDIAN: "the shortest mean way to a kit",
        Objective.CENTER: "the shortest way from the place that is farthest from a kit",
    }[goal.objective]
    if goal.share is not None:
        return f"the fewest new kits that bring {goal.share:.0%} of demand within the standard"
    if goal.budget is not None:
        return f"{wish}, for {goal.budget:,.0f} GBP"
    if way is not None and way.capped:
        wish += f" (ways over {way.cap:,.0f} m counted as so long)"
    return f"{wish}, with {goal.new} new"


def _tables(question: Question, residents: Demand | None) -> tuple[str, ...]:
    """List the tables whose attribution is owed."""
    used = [
        *question.demand.tables,
        *question.candidates.tables,
        *(residents.tables if residents else ()),
        "kits",
        "lsoa",
    ]
    return tuple(dict.fromkeys(used))


def _silent(what: str, count: int) -> None:
    del what, count
