"""Score siting on months that it has not seen, beside other ways to choose."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from locator import geodesy
from locator.analysis.benefit import Sites, Worth, benefit
from locator.analysis.choosing import Question, solved
from locator.demand import HOURS, Basis, Demand
from locator.errors import InputError
from locator.solving.cover import Cover
from locator.solving.greedy import first_choice
from locator.solving.problem import Problem
from locator.travel.standard import Standard

OPTIMISED, GREEDY, RANDOM = "optimised", "greedy", "random sites"
DENSEST, POPULATION, HINDSIGHT = "densest spots", "most residents", "best in hindsight"
CHARITY, CHARITY_OPEN = "the charity's order", "the charity's, at known hours"

_DRAWS, _BOOTSTRAPS = 200, 2000
_GAP, _SECONDS = 1e-3, 30.0
# the middle of a year, or of a month, where no more is known of when a kit was reported
_MIDDLE = ("06", "15")
_LOW, _HIGH = 2.5, 97.5
_FEWEST_MONTHS = 2
_CHUNK = 200

type_score = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Backtest:
    """Siting on earlier months, scored on the next one.

    Attributes
    ----------
    standard
        What counts as near.
    new
        Number of kits that each strategy places.
    table
        One row for each start and strategy: ``start`` (what stands already), ``strategy``,
        ``kits`` (placed), ``share`` (of all test months' weight that is covered), ``low``,
        ``high`` (95 % interval), ``adds`` (the part of ``share`` that is not covered without the
        placed kits), ``gain`` (how much more share the optimised choice covers), ``gain_low``,
        ``gain_high`` (its 95 % interval) and ``relative`` (``gain`` as a part of ``adds``; NaN
        where nothing is added).
    by_month
        ``start``, ``strategy``, ``month`` (the test month), ``trained`` (months that the
        choice knew) and ``share``.
    chosen
        ``start``, ``strategy``, ``month`` (empty where the choice is the same for all),
        ``easting`` and ``northing`` (EPSG:27700 metres) of the candidates that were chosen.
        Densest spots are left out, for these are incident points.
    months
        All months, in order.
    placed_in_order
        Kits of the charity's actual order, those in service whose place is known.
    without_position
        Kits in service that are left out, for their place is not known.
    says
        What the table shows, in sentences.
    assumptions
        In sentences.
    tables
        Names in ``sources.toml`` whose attribution is owed.
    seconds
        That it took.
    """

    standard: Standard
    new: int
    table: pd.DataFrame
    by_month: pd.DataFrame
    chosen: pd.DataFrame
    months: tuple[str, ...]
    placed_in_order: int
    without_position: int
    says: tuple[str, ...]
    assumptions: tuple[str, ...]
    tables: tuple[str, ...]
    seconds: float

    def as_dict(self) -> dict[str, object]:
        """Give the figures as plain values for JSON."""
        table = self.table.astype(object).where(self.table.notna(), None)
        return {
            "standard": str(self.standard),
            "new": self.new,
            "table": table.to_dict("records"),
            "by_month": self.by_month.to_dict("records"),
            "months": list(self.months),
            "placed_in_order": self.placed_in_order,
            "without_position": self.without_position,
            "says": list(self.says),
            "assumptions": list(self.assumptions),
            "tables": list(self.tables),
            "seconds": round(self.seconds, 2),
        }


def backtest(
    question: Question,
    residents: Demand | None = None,
    *,
    new: int | None = None,
    seed: int = 0,
    progress: Callable[[str, int], None] | None = None,
) -> Backtest:
    """Choose on the months up to one, score on the next, for every month but the first.

    Three starts are compared: beside the kits in service at the hours when they are known to be
    open; from nothing with as many kits; and from nothing with as many kits as the charity has
    placed. From nothing every kit counts as open day and night, so that places alone are compared.

    Intervals come from resampling the places of the test months with all their records (Poisson
    bootstrap of clusters, the same draws for every strategy, so that differences are paired).

    Parameters
    ----------
    question
        Its demand has the months.
    residents
        For the strategy that serves most of them; left out if not given.
    new
        Number of new kits; that of the question's goal if left out.
    seed
        Of random sites and of the intervals.
    progress
        Called with what is being done and how much of it.

    Raises
    ------
    InputError
        The goal is not a number of new kits, or there are fewer than two months.
    """
    began = time.perf_counter()
    new, demand = new or question.goal.new, question.demand
    months = tuple(sorted(set(demand.points["month"]) - {""}))
    if new is None or demand.basis is not Basis.INCIDENTS or len(months) < _FEWEST_MONTHS:
        msg = "A back-test needs a number of new kits and incidents of at least two months."
        raise InputError(msg)
    told = progress or _silent
    order = actual_order(question)
    tests = [_Test.beside(question, residents, new)]
    tests += [
        _Test.from_nothing(question, residents, order[:count])
        for count in dict.fromkeys((min(new, len(order)), len(order)))
        if count
    ]
    tables, by_month, chosen = [], [], []
    for test in tests:
        scores = test.run(months, seed, told)
        tables.append(_table(test, scores, seed))
        by_month.append(scores.by_month)
        chosen.append(scores.chosen)
    snapshot = question.snapshot
    in_service = int((snapshot.kits["status"] == "installed").sum())
    table = pd.concat(tables, ignore_index=True)
    return Backtest(
        standard=question.standard,
        new=new,
        table=table,
        by_month=pd.concat(by_month, ignore_index=True),
        chosen=pd.concat(chosen, ignore_index=True),
        months=months,
        placed_in_order=len(order),
        without_position=in_service - len(order),
        says=_says(table),
        assumptions=_assumptions(question, len(order), in_service - len(order)),
        tables=_tables(question, residents),
        seconds=time.perf_counter() - began,
    )


def actual_order(question: Question) -> list[int]:
    """Give the placed kits in service in the order in which they were put up or reported.

    Returns
    -------
    rows
        Of ``snapshot.placed``. A year counts as its middle, a month as its 15th; kits of one day
        are in the order of their references.
    """
    snapshot = question.snapshot
    placed = snapshot.placed
    dates = [
        _middle(str(reported) if installed is None else str(installed))
        for installed, reported in zip(placed["installed_on"], placed["reported"], strict=True)
    ]
    references = placed["reference"].to_numpy()
    rows = np.flatnonzero(snapshot.installed).tolist()
    return sorted(rows, key=lambda row: (dates[row], references[row]))


def _middle(known: str) -> str:
    """Complete a date of which only the year or the month is known."""
    parts = known.split("-")
    return "-".join((*parts, *_MIDDLE[len(parts) - 1 :]))


class _Scores(NamedTuple):
    """What every strategy covers of all test months.

    Attributes
    ----------
    covered
        Weight that each strategy covers at each place, by strategy, shape ``(places,)``.
    without
        The same before any kit is placed.
    weight
        Of each place.
    draws
        Share that each random draw covers, shape ``(draws,)``.
    by_month, chosen
        As in :class:`Backtest`.
    """

    covered: dict[str, type_score]
    without: type_score
    weight: type_score
    draws: type_score
    by_month: pd.DataFrame
    chosen: pd.DataFrame


class _Test:
    """One start, and all ways to place kits from there."""

    def __init__(
        self,
        question: Question,
        residents: Demand | None,
        start: str,
        fixed: Sites,
        order: Sequence[int] = (),
    ) -> None:
        demand, grid = question.demand, question.candidates.grid
        self.start, self.fixed = start, fixed
        self._demand, self._places = demand, demand.places
        self._candidates = np.arange(len(grid))
        kits = question.snapshot.grid[list(order)]
        spots = _always(np.concatenate([grid, self._places.grid, kits]))
        worth = Worth(((question.standard.metres, 1.0),))
        ask = (question.travel, question.standard, worth)
        self._spots = spots.grid
        self._benefit = benefit(demand, fixed, spots, *ask)
        self._first_place = len(grid)
        self._order = len(grid) + len(self._places.grid) + np.arange(len(order))
        self._homes = (
            benefit(residents, fixed, _always(grid), *ask).cover(residents.weights)
            if residents is not None
            else None
        )
        self.number = len(order)
        self._actual: type_score | None = None

    @classmethod
    def beside(cls, question: Question, residents: Demand | None, new: int) -> "_Test":
        """Start with the kits in service."""
        installed = question.snapshot.installed
        fixed = Sites(question.snapshot.grid[installed], question.week()[installed])
        start = f"beside the {int(installed.sum())} kits in service"
        test = cls(question, residents, start, fixed)
        test.number = new
        return test

    @classmethod
    def from_nothing(
        cls, question: Question, residents: Demand | None, order: Sequence[int]
    ) -> "_Test":
        """Start with nothing, and place as many kits as the charity did."""
        nothing = Sites(np.empty((0, 2)), np.empty((0, HOURS), dtype=np.bool_))
        test = cls(question, residents, f"from nothing, {len(order)} kits", nothing, order)
        kits = Sites(question.snapshot.grid[list(order)], question.week()[list(order)])
        worth = Worth(((question.standard.metres, 1.0),))
        none = _always(np.empty((0, 2)))
        test._actual = benefit(
            question.demand, kits, none, question.travel, question.standard, worth
        ).reached
        return test

    def run(self, months: Sequence[str], seed: int, told: Callable[[str, int], None]) -> _Scores:
        """Choose and score for every month but the first."""
        month_of = self._demand.points["month"].to_numpy()
        random = np.random.default_rng(seed)
        few = min(self.number, len(self._candidates))
        draws = [
            self._share(random.choice(self._candidates, few, replace=False)) for _ in range(_DRAWS)
        ]
        always = {RANDOM: np.mean(draws, axis=0)}
        chosen: list[tuple[str, str, npt.NDArray[np.int64]]] = []
        if self._homes is not None:
            chosen.append((POPULATION, "", self._best(self._homes)))
            always[POPULATION] = self._share(chosen[0][-1])
        if len(self._order):
            always[CHARITY] = self._share(self._order)
        if self._actual is not None:
            always[CHARITY_OPEN] = self._actual
        weight = np.zeros(len(self._places.grid))
        covered: dict[str, type_score] = {}
        rows = []
        for number, month in enumerate(months[1:], start=1):
            train = np.where(np.isin(month_of, months[:number]), self._demand.weights, 0.0)
            test = np.where(month_of == month, self._demand.weights, 0.0)
            weight += self._by_place(test)
            spots = dict(self._chosen(train, test))
            chosen += [(name, month, at) for name, at in spots.items() if name != DENSEST]
            shares = {name: self._share(at) for name, at in spots.items()} | always
            for strategy, share in shares.items():
                part = self._by_place(test * share)
                covered[strategy] = covered.get(strategy, 0.0) + part
                reached = float(part.sum() / test.sum()) if test.any() else 0.0
                rows.append((self.start, strategy, month, number, reached))
            told("Choosing on past months", 1)
        tested = np.where(np.isin(month_of, months[1:]), self._demand.weights, 0.0)
        columns = ["start", "strategy", "month", "trained", "share"]
        return _Scores(
            covered,
            self._by_place(tested * self._benefit.reached),
            weight,
            np.array([float(draw @ tested) for draw in draws]) / max(tested.sum(), 1e-300),
            pd.DataFrame(rows, columns=columns),
            pd.concat([self._where(*choice) for choice in chosen], ignore_index=True),
        )

    def _where(self, strategy: str, month: str, spots: npt.NDArray[np.int64]) -> pd.DataFrame:
        at = self._spots[spots]
        where = {"easting": at[:, 0], "northing": at[:, 1]}
        return pd.DataFrame({"start": self.start, "strategy": strategy, "month": month} | where)

    def _chosen(
        self, train: type_score, test: type_score
    ) -> Iterator[tuple[str, npt.NDArray[np.int64]]]:
        """Give the spots that each strategy chooses."""
        cover = self._of_candidates(train)
        yield OPTIMISED, self._best(cover)
        yield GREEDY, first_choice(Problem.count(cover, self.number))
        busiest = np.argsort(-self._by_place(train), kind="stable")[: self.number]
        yield DENSEST, self._first_place + busiest
        yield HINDSIGHT, self._best(self._of_candidates(test))

    def _of_candidates(self, weights: type_score) -> Cover:
        return self._benefit.cover(weights).part(self._candidates)[0]

    def _best(self, cover: Cover) -> npt.NDArray[np.int64]:
        found = solved(Problem.count(cover, self.number), seconds=_SECONDS, gap=_GAP)
        if found.interrupted:
            # half a table would be no table
            raise KeyboardInterrupt
        return found.chosen

    def _share(self, spots: npt.NDArray[np.int64]) -> type_score:
        """Tell which share of each point's weight is covered with kits at some spots."""
        covered = self._benefit.blank.counts(spots) > 0
        return np.asarray(self._benefit.reached + covered.astype(np.float64) @ self._benefit.spread)

    def _by_place(self, weights: type_score) -> type_score:
        size = len(self._places.grid)
        return np.asarray(np.bincount(self._places.place_of, weights, size), dtype=np.float64)


def _always(grid: geodesy.type_floats) -> Sites:
    return Sites(grid, np.ones((len(grid), HOURS), dtype=np.bool_))


def _table(test: _Test, scores: _Scores, seed: int) -> pd.DataFrame:
    """Score every strategy over all test months, with intervals."""
    names = list(scores.covered)
    counted = scores.weight > 0
    sums = np.column_stack([*scores.covered.values(), scores.weight])[counted]
    share = sums[:, :-1].sum(axis=0) / sums[:, -1].sum()
    without = float(scores.without.sum() / sums[:, -1].sum())
    random = np.random.default_rng(seed)
    again = np.vstack(
        [random.poisson(1.0, (_CHUNK, len(sums))) @ sums for _ in range(_BOOTSTRAPS // _CHUNK)]
    )
    shares = again[:, :-1] / np.maximum(again[:, -1:], 1e-300)
    best = names.index(OPTIMISED)
    gains = shares[:, [best]] - shares
    low, high = np.percentile(shares, [_LOW, _HIGH], axis=0)
    gain_low, gain_high = np.percentile(gains, [_LOW, _HIGH], axis=0)
    at = names.index(RANDOM)
    # where sites are drawn, chance is the draw as well
    low[at], high[at] = np.percentile(scores.draws, [_LOW, _HIGH])
    gain, adds = share[best] - share, share - without
    table = pd.DataFrame(
        {
            "start": test.start,
            "strategy": names,
            "kits": test.number,
            "share": share,
            "low": low,
            "high": high,
            "adds": adds,
            "gain": gain,
            "gain_low": gain_low,
            "gain_high": gain_high,
            "relative": np.divide(gain, adds, out=np.full(len(names), np.nan), where=adds > 0),
        }
    )
    return table.sort_values("share", ascending=False, kind="stable", ignore_index=True)


def _says(table: pd.DataFrame) -> tuple[str, ...]:
    """Say what the table shows, also where the gain is small."""
    said = []
    for start, rows in table.groupby("start", sort=False):
        by = rows.set_index("strategy")
        best = by.loc[OPTIMISED]
        said.append(
            f"{_capital(str(start))}: {best['kits']} kits chosen on earlier months cover "
            f"{best['share']:.1%} of the next month's weight (95 % interval {best['low']:.1%} to "
            f"{best['high']:.1%}), {best['adds'] * 100:.1f} points of it by these kits."
        )
        said += [_compared(str(name), row) for name, row in by.iterrows() if name in _OTHERS]
        if HINDSIGHT in by.index:
            lost = (by["share"][HINDSIGHT] - best["share"]) * 100
            said.append(
                f"Who knew the month itself could cover {lost:.1f} points more: so much is lost "
                "for not knowing the future."
            )
    return tuple(said)


_OTHERS = (GREEDY, RANDOM, DENSEST, POPULATION, CHARITY)


def _compared(name: str, row: "pd.Series[float]") -> str:
    points = f"{abs(row['gain']) * 100:.1f} points"
    interval = f"{row['gain_low'] * 100:+.1f} to {row['gain_high'] * 100:+.1f}"
    if row["gain_low"] <= 0 <= row["gain_high"]:
        return (
            f"Beside “{name}” there is no clear difference: {row['gain'] * 100:+.1f} points (95 % "
            f"interval {interval})."
        )
    more = "more" if row["gain"] > 0 else "less"
    part = f", {abs(row['relative']):.0%} {more}" if row["relative"] == row["relative"] else ""
    return f"That is {points} {more} than “{name}” (95 % interval {interval}){part}."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _assumptions(question: Question, placed: int, left_out: int) -> tuple[str, ...]:
    snapshot, metres = question.snapshot, question.standard.metres
    rough = int((snapshot.precision_m[snapshot.installed] > metres).sum())
    return (
        question.demand.says,
        *question.demand.notes,
        (
            "Police records are snapped to the same few thousand places every month, which makes "
            "months more alike than the incidents themselves are; the gain on exact positions may "
            "be smaller."
        ),
        (
            f"The charity's order is that in which {placed} kits in service were reported; it "
            f"speaks of over 200 in all. {left_out} more in service are left out, for their place "
            "is not known, "
            f"and {rough} are placed less exactly than {metres:.0f} m, which counts against them. "
            "Dates are those of the first report, some only a year."
        ),
        (
            "The charity had neither these records nor a free choice: hosts must agree, and many "
            "kits went to who asked. The comparison says what places are worth, not who chose "
            "well."
        ),
        "From nothing, every kit counts as open day and night.",
        f"Optimised choices are proven within {_GAP:.1%} of the best for the months they know.",
        (
            f"Random sites: the mean of {_DRAWS} draws from the candidates; their interval holds "
            "95 % of the draws, that of the lead over them is of the mean."
        ),
        (
            "Other intervals: places of the test months resampled with all their records "
            f"({_BOOTSTRAPS:,} times), the same for every strategy; what was chosen stays as it is."
        ),
        "The kits of today stand in all months, also before they were put up.",
        "Densest spots are taken without a distance between them: a weak opponent.",
    )


def _tables(question: Question, residents: Demand | None) -> tuple[str, ...]:
    homes = residents.tables if residents is not None else ()
    used = (*question.demand.tables, *question.candidates.tables, *homes, "kits")
    return tuple(dict.fromkeys(used))


def _silent(what: str, count: int) -> None:
    del what, count
