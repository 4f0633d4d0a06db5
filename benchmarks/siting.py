"""Measure siting: the best cover of demand from candidate sites, against spopt and solvers."""

import dataclasses
import importlib.util
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import highspy
import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import cdist

from benchmarks._timing import peak_bytes, versions
from locator.solving import _highs, model
from locator.solving.cover import Cover
from locator.solving.exact import solve
from locator.solving.greedy import greedy
from locator.solving.problem import Problem
from locator.travel.index import PointIndex

type_floats = npt.NDArray[np.float64]

_ROOT = Path(__file__).parent.parent
# metres: boxes as large as Northamptonshire and as England
_COUNTY = (61_000.0, 67_000.0)
_ENGLAND = (525_000.0, 635_000.0)
# demand points that are looked at together, when there are millions
_BLOCK = 200_000
# seconds that a peer gets for a county, and for ten times as much
_PEER_S = (120, 60)
_ENGLAND_S = 180
# what a proof leaves open
_GAP = 1e-6


@dataclass(frozen=True)
class Case:
    """Candidates and demand, drawn anew in each process."""

    candidates: int
    demand: int
    towns: int
    box: tuple[float, float]
    reach: float

    def drawn(self) -> tuple[type_floats, type_floats, type_floats]:
        """Give candidates and demand in metres, and weights."""
        random = np.random.default_rng(7)
        points = self._points(random, self.candidates + self.demand)
        weight = np.ceil(random.lognormal(0.5, 1.0, self.demand))
        return points[: self.candidates], points[self.candidates :], weight

    def _points(self, random: np.random.Generator, count: int) -> type_floats:
        """Put nine points in ten into towns, large and small, the others anywhere."""
        box = np.array(self.box)
        share = 1 / np.arange(1, self.towns + 1)
        town = random.choice(self.towns, count, p=share / share.sum())
        centre = random.uniform(0, box, (self.towns, 2))
        points = centre[town] + random.normal(size=(count, 2)) * (400 + 2600 * share[town, None])
        outside = random.random(count) > 0.9
        points[outside] = random.uniform(0, box, (int(outside.sum()), 2))
        clipped: type_floats = np.clip(points, 0, box)
        return clipped

    def cover(self) -> Callable[[], Cover]:
        """Draw, and give what makes the cover from points: that is part of the time."""
        sites, demand, weight = self.drawn()

        def make() -> Cover:
            row, site, _ = PointIndex(sites).pairs(demand, self.reach)
            return Cover.of_pairs(site, row, weight, sites=self.candidates)

        return make


@dataclass(frozen=True)
class Crowd(Case):
    """Millions of points anywhere in a square of 30 km (Cordeau, Furini & Ljubić 2019)."""

    def cover(self) -> Callable[[], Cover]:
        """See ``Case.cover``; points are drawn block by block, also a part of the time."""
        random = np.random.default_rng(7)
        sites = random.uniform(0, self.box, (self.candidates, 2))

        def blocks() -> Iterator[Cover]:
            for begin in range(0, self.demand, _BLOCK):
                count = min(_BLOCK, self.demand - begin)
                points = random.uniform(0, self.box, (count, 2))
                weight = random.integers(1, 101, count).astype(float)
                row, site, _ = PointIndex(sites).pairs(points, self.reach)
                yield Cover.of_pairs(site, row, weight, sites=self.candidates)

        return lambda: Cover.of_blocks(blocks())


_CASES = {
    "county": Case(1_000, 5_000, 40, _COUNTY, 800.0),
    "ten": Case(10_000, 50_000, 120, _COUNTY, 800.0),
    "england": Case(100_000, 500_000, 1_000, _ENGLAND, 400.0),
    "crowd": Crowd(100, 20_000_000, 0, (30_000.0, 30_000.0), 5_500.0),
}


@dataclass(frozen=True)
class Result:
    """What a process found, and took: at its peak, and how much of it after imports."""

    seconds: float
    megabytes: float
    since_imports: float
    worth: float | None
    bound: float | None


def report() -> str:
    """Measure and give a section in Markdown."""
    names = ["highspy", "scipy", "numba", "spopt", "pulp"]
    if importlib.util.find_spec("ortools"):
        names.append("ortools")
    return "\n".join(
        [f"## Siting\n\n{versions(*names)}.\n", _county(), _ten(), _crowd(), _england()]
    )


def _county() -> str:
    rows = []
    for number in (10, 20, 50):
        ours = _apart("plain", "county", number, 60)
        rows.append(_row(number, "this, without numba", ours, ours))
        rows.append(_row(number, "this", _apart("ours", "county", number, 60), ours))
        for peer in ("spopt", *_solvers()):
            theirs = _apart(peer, "county", number, _PEER_S[0])
            rows.append(_row(number, _NAMES[peer], theirs, ours))
    return _table(
        "A county: 1,000 candidates, 5,000 demand points, within 800 m",
        (
            "Each method in a process of its own, from coordinates to the answer; imports and the "
            "loading of compiled code are not counted as time. Goal: the optimum of spopt in 0.02 "
            "of its time and 0.25 of its memory."
        ),
        rows,
    )


def _ten() -> str:
    rows = []
    for number, seconds in ((10, 60), (50, 5), (200, 60)):
        ours = _apart("ours", "ten", number, seconds)
        rows.append(_row(number, f"this, {seconds} s at most", ours, ours))
        if number < 200:
            for peer in _solvers():
                theirs = _apart(peer, "ten", number, _PEER_S[1])
                rows.append(_row(number, _NAMES[peer], theirs, ours))
    return _table(
        "Ten times a county: 10,000 candidates, 50,000 demand points",
        (
            f"Peers were stopped after {_PEER_S[1]} s. spopt would need 4 GB for its matrix, and "
            "most of an hour to write the model. Goals: 10 sites proven, 50 within 0.5 % in 5 s, "
            "200 within 0.5 % in 60 s."
        ),
        rows,
    )


def _solvers() -> list[str]:
    return ["highs", "ortools"] if importlib.util.find_spec("ortools") else ["highs"]


def _crowd() -> str:
    rows = []
    for number in (10, 15):
        ours = _apart("ours", "crowd", number, 60)
        rows.append(_row(number, "this", ours, ours))
    return _table(
        "20,000,000 demand points, 100 candidates",
        "Points drawn and merged block by block. Goal: proven in 30 s and 2,000 MB.",
        rows,
    )


def _england() -> str:
    instant = _apart("instant", "england", 1_000, 60)
    ours = _apart("ours", "england", 1_000, _ENGLAND_S)
    return _table(
        "As large as England: 100,000 candidates, 500,000 demand points, within 400 m",
        "The instant plan is timed from the merged cover. Goal: 1 s, and the best proof in 10 min.",
        [
            _row(1_000, "this, instant", instant, instant),
            _row(1_000, f"this, {_ENGLAND_S} s", ours, ours),
        ],
    )


def _table(title: str, says: str, rows: list[str]) -> str:
    head = (
        "| sites | method | s | MB | MB since imports | worth | proven within % "
        "| time to this | memory to this |"
    )
    return "\n".join([f"### {title}\n", f"{says}\n", head, "|" + " --- |" * 9, *rows, ""])


def _row(number: int, name: str, result: Result | None, ours: Result | None) -> str:
    if result is None or ours is None:
        return f"| {number} | {name} | nothing in time | | | | | | |"
    worth, gap = "none", "none"
    if result.worth is not None:
        worth = f"{result.worth:,.0f}"
        if result.bound is not None:
            gap = f"{max(1 - result.worth / result.bound, 0):.4%}".rstrip("%")
    return (
        f"| {number} | {name} | {result.seconds:.2f} | {result.megabytes:,.0f} "
        f"| {result.since_imports:,.0f} | {worth} | {gap} | {result.seconds / ours.seconds:.1f} "
        f"| {result.since_imports / max(ours.since_imports, 1):.1f} |"
    )


def _apart(method: str, case: str, number: int, seconds: float) -> Result | None:
    """Measure in a process of its own; none when it did not come to an end."""
    # what peers do not need takes no memory: numba counts for nobody who does without
    start = "" if method in {"ours", "instant"} else "import sys; sys.modules['numba'] = None; "
    start += (
        f"from benchmarks import siting; siting.child({method!r}, {case!r}, {number}, {seconds})"
    )
    command = [sys.executable, "-c", start]
    try:
        done = subprocess.run(
            command, cwd=_ROOT, capture_output=True, text=True, timeout=seconds * 2 + 60, check=True
        )
    except subprocess.TimeoutExpired:
        return None
    return Result(**json.loads(done.stdout.splitlines()[-1]))


def _ours(case: Case, number: int, seconds: float) -> Callable[[], tuple[float, float]]:
    make = case.cover()

    def run() -> tuple[float, float]:
        began = time.perf_counter()
        cover = make()
        left = seconds - (time.perf_counter() - began)
        found = solve(Problem.count(cover, number), seconds=left, gap=_GAP)
        return found.worth, found.bound

    return run


def _instant(case: Case, number: int, seconds: float) -> Callable[[], tuple[float, float]]:
    del seconds
    problem = Problem.count(case.cover()().merged(), number)

    def run() -> tuple[float, float]:
        found = greedy(problem)
        return found.worth, found.bound

    return run


def _spopt(case: Case, number: int, seconds: float) -> Callable[[], tuple[float, float]]:
    import pulp  # noqa: PLC0415 - each process loads its own solver alone
    from spopt.locate import MCLP  # noqa: PLC0415

    sites, demand, weight = case.drawn()

    def run() -> tuple[float, float]:
        metres = cdist(demand, sites)
        asked = MCLP.from_cost_matrix(metres, weight, case.reach, p_facilities=number)
        solver = pulp.HiGHS(msg=False, timeLimit=seconds, threads=1, gapRel=_GAP)
        asked = asked.solve(solver, results=False)
        worth = float(pulp.value(asked.problem.objective))
        return worth, worth if asked.problem.status == pulp.LpStatusOptimal else np.inf

    return run


def _plain_highs(case: Case, number: int, seconds: float) -> Callable[[], tuple[float, float]]:
    make = case.cover()

    def run() -> tuple[float, float]:
        problem = Problem.count(make(), number)
        highs = highspy.Highs()  # type: ignore[no-untyped-call]
        for option, setting in (("threads", 1), ("time_limit", seconds), ("mip_rel_gap", _GAP)):
            highs.setOptionValue(option, setting)
        highs.passModel(_highs.as_lp(model.maximal(problem)))
        highs.run()
        x = np.array(highs.getSolution().col_value[: case.candidates])
        bound = highs.getInfo().mip_dual_bound
        return problem.cover.worth(np.flatnonzero(x > 0.5)), bound

    return run


def _ortools(case: Case, number: int, seconds: float) -> Callable[[], tuple[float, float]]:
    import datetime as dt  # noqa: PLC0415

    from ortools.math_opt.python import mathopt  # noqa: PLC0415

    make = case.cover()

    def run() -> tuple[float, float]:
        cover = make()
        start, site = cover.by_row()
        asked = mathopt.Model()
        x = [asked.add_binary_variable() for _ in range(cover.sites)]
        y = [asked.add_variable(lb=0, ub=1) for _ in range(cover.rows)]
        for i, one in enumerate(y):
            near = [x[j] for j in site[start[i] : start[i + 1]].tolist()]
            asked.add_linear_constraint(mathopt.fast_sum(near) >= one)
        asked.add_linear_constraint(mathopt.fast_sum(x) <= number)
        weight = cover.weight[:, 0].tolist()
        asked.maximize(mathopt.fast_sum([w * one for w, one in zip(weight, y, strict=True)]))
        limits = mathopt.SolveParameters(
            time_limit=dt.timedelta(seconds=seconds), relative_gap_tolerance=_GAP, threads=1
        )
        found = mathopt.solve(asked, mathopt.SolverType.GSCIP, params=limits)
        values: list[float] = (
            found.variable_values(x) if found.has_primal_feasible_solution() else []
        )
        chosen = np.flatnonzero(np.array(values) > 0.5)
        return cover.worth(chosen), found.termination.objective_bounds.dual_bound

    return run


_METHODS: dict[str, Callable[[Case, int, float], Callable[[], tuple[float, float]]]] = {
    "ours": _ours,
    "plain": _ours,
    "instant": _instant,
    "spopt": _spopt,
    "highs": _plain_highs,
    "ortools": _ortools,
}
_NAMES = {
    "spopt": "spopt + HiGHS",
    "highs": "HiGHS, rows not merged",
    "ortools": "OR-Tools MathOpt, GSCIP",
}


def child(method: str, case: str, number: int, seconds: float) -> None:
    """Measure one method in this process, and print the result."""
    run = _METHODS[method](_CASES[case], number, seconds)
    if method in {"ours", "instant"}:
        # what is compiled is loaded now
        small = dataclasses.replace(_CASES["county"], candidates=60, demand=300)
        _ours(small, 3, 1.0)()
    before = _peak()
    began = time.perf_counter()
    worth, bound = run()
    took = time.perf_counter() - began
    proven = bound if np.isfinite(bound) else None
    result = Result(took, _peak(), _peak() - before, worth, proven)
    print(json.dumps(dataclasses.asdict(result)))


def _peak() -> float:
    """Give the most memory that this process has held, in megabytes."""
    return peak_bytes() / 1e6


if __name__ == "__main__":
    print(report())
