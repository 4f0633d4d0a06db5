"""Measure p-median and p-center beside spopt, on the same instances."""

import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import cdist

from benchmarks import orlib
from benchmarks._timing import peak_bytes, versions
from locator.solving.center import p_center
from locator.solving.distances import Distances
from locator.solving.median import p_median

# sites, rows of demand, sites to choose, and whether spopt can be expected to end
_CASES = (
    (100, 500, 5, True),
    (200, 1000, 10, True),
    (1000, 5000, 10, False),
    (1000, 5000, 50, False),
)
_SECONDS = 60.0
# of the peer, to which its model is built in Python as well
_PEER_S = 60.0
_COUNTY = ((450_000, 230_000), (511_000, 297_000))
_TOWNS = 40

type_floats = npt.NDArray[np.float64]


def report() -> str:
    """Measure and give a section in Markdown."""
    lines = [
        "## Medians and centers\n",
        (
            "`p_median` and `p_center` of all pairs of demand and sites in a county, nine in ten "
            "of them in towns, against `PMedian` and `PCenter` of spopt with HiGHS "
            f"({versions('spopt', 'pulp', 'highspy')}): each in a process of its own with what "
            f"it needs to build, ours for {_SECONDS:.0f} s at most, spopt for "
            f"{_PEER_S:.0f} s. Where both came to an end their values are the same.\n"
        ),
        "| problem | sites | demand | chosen | ours s | MB | says | spopt s | MB | ratio | says |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for sites, rows, number, small in _CASES:
        for problem in ("p-median", "p-center"):
            size = [str(some) for some in (sites, rows, number)]
            ours = _measured("ours", problem, *size)
            cells = [problem, *size, f"{ours[1]:.2f}", f"{ours[2]:.0f}", str(ours[3])]
            if small:
                peer = _measured("spopt", problem, *size)
                if peer[3] == "proven best":
                    np.testing.assert_allclose(ours[0], peer[0], rtol=1e-6)
                ratio = f"{ours[1] / peer[1]:.4f}"
                cells += [f"{peer[1]:.1f}", f"{peer[2]:.0f}", ratio, str(peer[3])]
            else:
                cells += ["", "", "", "not tried"]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, "", orlib.report()])


def _measured(*asked: str) -> tuple[float, float, float, str]:
    """Run a contestant in a process of its own: its value, seconds, megabytes and what it says."""
    command = [sys.executable, "-m", "benchmarks.median", *asked]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=True, timeout=_PEER_S + _SECONDS
        )
    except subprocess.TimeoutExpired:
        return float("nan"), _PEER_S + _SECONDS, float("nan"), "did not end"
    value, seconds, megabytes, says = done.stdout.strip().rsplit("\n", 1)[-1].split(" ", 3)
    return float(value), float(seconds), float(megabytes), says


def _instance(sites: int, rows: int) -> tuple[type_floats, type_floats]:
    """Draw metres from rows to sites, ``(rows, sites)``, and weights of rows."""
    random = np.random.default_rng(7)
    share = 1 / np.arange(1, _TOWNS + 1)
    centres = random.uniform(*_COUNTY, (_TOWNS, 2))
    town = random.choice(_TOWNS, sites + rows, p=share / share.sum())
    spread_m = (400 + 2600 * share[town])[:, np.newaxis]
    points = centres[town] + random.normal(size=(sites + rows, 2)) * spread_m
    rural = random.random(len(points)) > 0.9
    points[rural] = random.uniform(*_COUNTY, (int(rural.sum()), 2))
    return cdist(points[sites:], points[:sites]), np.ceil(random.lognormal(0.5, 1, rows))


def _ours(problem: str, metres: type_floats, weight: type_floats, number: int) -> tuple[float, str]:
    distances = Distances.of_table(metres, weight)
    if problem == "p-median":
        found = p_median(distances, number, seconds=_SECONDS)
    else:
        found = p_center(distances, number, seconds=_SECONDS)
    return found.cost, found.says


def _spopt(
    problem: str, metres: type_floats, weight: type_floats, number: int
) -> tuple[float, str]:
    # imported here, so that the memory of the other contestant has none of it
    import pulp  # noqa: PLC0415
    from spopt.locate import PCenter, PMedian  # noqa: PLC0415

    warnings.simplefilter("ignore", DeprecationWarning)
    began = time.perf_counter()
    model: Any
    if problem == "p-median":
        model = PMedian.from_cost_matrix(metres, weight, p_facilities=number)
    else:
        model = PCenter.from_cost_matrix(metres, p_facilities=number)
    left = max(_PEER_S - (time.perf_counter() - began), 1.0)
    solver = pulp.HiGHS(msg=False, threads=1, timeLimit=left, gapRel=1e-6)
    model = model.solve(solver, results=False)
    late = time.perf_counter() - began > _PEER_S
    value = model.problem.objective.value()
    return (np.nan if value is None else value), "out of time" if late else "proven best"


def _contest() -> None:
    who, problem = sys.argv[1:3]
    sites, rows, number = map(int, sys.argv[3:])
    metres, weight = _instance(sites, rows)
    contestants: dict[str, Callable[..., tuple[float, str]]] = {"ours": _ours, "spopt": _spopt}
    contestants["ours"](problem, metres[:9, :5], weight[:9], 2)  # compiled, or read from disk
    began = time.perf_counter()
    value, says = contestants[who](problem, metres, weight, number)
    seconds = time.perf_counter() - began
    megabytes = peak_bytes() / 1e6
    print(value, seconds, megabytes, says)


if __name__ == "__main__":
    if sys.argv[1:]:
        _contest()
    else:
        print(report())
