import dataclasses
import itertools
import os
import signal
import subprocess
import sys
import textwrap
import warnings
from typing import Any

import numpy as np
import pulp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from spopt.locate import LSCP, MCLP
from spopt.locate.util import simulated_geo_points

from locator.solving import _kernels, exact, split
from locator.solving.cover import Cover
from locator.solving.exact import solve
from locator.solving.fewest import fewest
from locator.solving.problem import Problem
from locator.solving.search import Search
from locator.solving.solution import Solution
from tests.conftest import ROOT
from tests.solving.instances import best, choices, covers, problems, town

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import geopandas as gpd
    import spaghetti  # type: ignore[import-untyped]

# spopt calls pulp in ways that will end
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@settings(max_examples=60)
@given(problems())
def test_every_choice_confirms_the_best(problem: Problem) -> None:
    solution = solve(problem, gap=0.0)
    most = best(problem)
    assert problem.affords(solution.chosen)
    assert solution.worth == problem.cover.worth(solution.chosen)
    assert solution.worth == pytest.approx(most, rel=1e-9)
    assert solution.bound >= most
    assert solution.proven


@settings(max_examples=40)
@given(problems())
def test_every_choice_confirms_the_bounds_of_large_problems(problem: Problem) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exact, "_MOST_PAIRS", -1)
        patch.setattr(split, "_ROUNDS", 30)
        patch.setattr(split, "_TURNS", 50)
        solution = solve(problem, gap=0.0, seconds=10)
    most = best(problem)
    assert problem.affords(solution.chosen)
    assert most <= solution.bound
    assert solution.worth <= most * (1 + 1e-12)


def distances(seed: int) -> np.ndarray[Any, Any]:
    random = np.random.default_rng(seed)
    metres: np.ndarray[Any, Any] = cdist(random.random((120, 2)), random.random((25, 2)))
    return metres


def covering(metres: np.ndarray[Any, Any], radius: float, weight: Any) -> Cover:
    row, site = np.nonzero(metres <= radius)
    return Cover.of_pairs(site, row, weight, sites=metres.shape[1])


def by_spopt(metres: np.ndarray[Any, Any], radius: float, weight: Any, number: int) -> float:
    model = MCLP.from_cost_matrix(metres, np.asarray(weight), radius, p_facilities=number)
    model = model.solve(pulp.HiGHS(msg=False, gapRel=0.0), results=False)
    assert model.problem.status == pulp.LpStatusOptimal
    return float(pulp.value(model.problem.objective))


@pytest.mark.parametrize("seed", range(4))
def test_spopt_finds_the_same_optimum(seed: int) -> None:
    metres = distances(seed)
    weight = np.random.default_rng(seed).integers(1, 100, len(metres))
    for radius, number in itertools.product((0.1, 0.2), (3, 8)):
        solution = solve(Problem.count(covering(metres, radius, weight), number), gap=0.0)
        assert solution.proven
        assert solution.worth == pytest.approx(by_spopt(metres, radius, weight, number))


@pytest.fixture(scope="module")
def lattice() -> tuple[np.ndarray[Any, Any], Any]:
    """Streets, clients and facilities with which spopt tests itself."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        net = spaghetti.Network(in_data=spaghetti.regular_lattice((0, 0, 10, 10), 9, exterior=True))
        arcs = spaghetti.element_as_gdf(net, arcs=True)
        space = gpd.GeoDataFrame(geometry=[arcs.buffer(0.2).union_all()], crs=arcs.crs)
        for name, count, seed in (("clients", 100, 5), ("facilities", 5, 6)):
            points = simulated_geo_points(space, needed=count, seed=seed)
            net.snapobservations(points, name, attribute=True)
        metres = net.allneighbordistances(
            sourcepattern=net.pointpatterns["clients"], destpattern=net.pointpatterns["facilities"]
        )
    return metres, np.random.randint(1, 12, 100)  # noqa: NPY002 - seeded by the line above


def test_example_of_spopt(lattice: tuple[np.ndarray[Any, Any], Any]) -> None:
    metres, weight = lattice
    cover = covering(metres, 7.0, weight)
    solution = solve(Problem.count(cover, 4), gap=0.0)
    assert solution.worth == by_spopt(metres, 7.0, weight, 4)
    # what its own tests expect
    assert np.count_nonzero(cover.counts(solution.chosen) == 0) == 1
    every = covering(metres, 8.0, np.ones(100))
    model = LSCP.from_cost_matrix(metres, 8.0).solve(pulp.HiGHS(msg=False), results=False)
    found = fewest(every, every.total)
    assert found.proven
    assert found.cost == pulp.value(model.problem.objective)


def test_larger_problem_is_taken_apart_and_still_proven(monkeypatch: pytest.MonkeyPatch) -> None:
    # eight towns that share nothing
    towns = [town(40, 500, 0.15, seed) for seed in range(8)]
    site = np.concatenate(
        [np.repeat(np.arange(40), np.diff(t.first)) + 40 * i for i, t in enumerate(towns)]
    )
    row = np.concatenate([t.row + 500 * i for i, t in enumerate(towns)])
    weight = np.concatenate([t.weight for t in towns])
    problem = Problem.count(Cover.of_pairs(site, row, weight, sites=320), 20)
    whole = solve(problem, gap=0.0)
    monkeypatch.setattr(exact, "_MOST_PAIRS", 0)
    apart = solve(problem, gap=1e-3)
    assert whole.proven
    assert apart.bound >= whole.worth >= apart.worth
    assert apart.gap <= 1e-3


def test_components_alone_find_and_prove() -> None:
    problem = Problem.count(town(60, 800, 0.1, 3).merged(), 10)
    most = solve(problem, gap=0.0).worth
    search = Search(problem, 0.0, 20.0, None)
    search.offer(np.arange(10), "the first ten")
    split.by_components(search, problem, np.full(problem.cover.rows, 2.0))
    assert search.best.bound >= most
    assert search.best.worth > problem.cover.worth(np.arange(10))


@pytest.mark.parametrize("levels", [1, 2])
def test_the_same_question_has_the_same_answer(
    levels: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exact, "_MOST_PAIRS", 0)
    monkeypatch.setattr(split, "_TURNS", 50)
    problem = Problem.count(town(150, 2_000, 0.1, 6, levels=levels), 12)
    answers = [solve(problem, gap=0.0) for _ in range(2)]
    assert np.array_equal(answers[0].chosen, answers[1].chosen)
    assert answers[0].bound == answers[1].bound


def test_progress_tells_of_better_and_better_choices() -> None:
    seen: list[Solution] = []
    last = solve(Problem.count(town(120, 2_000, 0.08, 2), 12), gap=0.0, progress=seen.append)
    worths = [solution.worth for solution in seen]
    assert worths == sorted(set(worths))
    assert worths[-1] == last.worth
    assert all(solution.bound >= last.worth for solution in seen)


def test_interruption_during_the_first_choice_leaves_the_first() -> None:
    def stop(_: Solution) -> None:
        raise KeyboardInterrupt

    solution = solve(Problem.count(town(50, 500, 0.1, 2), 5), gap=0.0, progress=stop)
    assert solution.interrupted
    assert len(solution.chosen) == 5
    assert solution.bound >= solution.worth > 0


def test_control_c_gives_the_best_so_far_with_its_bound() -> None:
    script = """
        import os, signal, threading, time
        from locator.solving import exact
        from locator.solving.greedy import greedy
        from locator.solving.problem import Problem
        from tests.solving.instances import town
        cover = town(400, 6_000, 0.12, 8)
        problem = Problem.count(cover, 25)
        first = greedy(problem)  # compiles what there is to compile
        def press():
            time.sleep(1.5)
            os.kill(os.getpid(), signal.SIGINT)
        for pairs in (10**9, 0):  # one model for HiGHS, and taken apart
            exact._MOST_PAIRS = pairs
            threading.Thread(target=press).start()
            began = time.perf_counter()
            found = exact.solve(problem, seconds=300, gap=0.0)
            took = time.perf_counter() - began
            assert found.interrupted, "it had come to an end"
            assert took < 8, took
            assert problem.affords(found.chosen) and found.worth == cover.worth(found.chosen)
            assert found.bound >= found.worth >= first.worth
        print("best so far, twice")
    """
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout == "best so far, twice\n"
    # an interrupt may fall into a library's destructor, where Python only mentions it
    assert not run.stderr or run.stderr.startswith("Exception ignored in")


def test_nothing_is_lost_without_numba(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = Problem.count(town(120, 2_000, 0.08, 2), 12)
    one = solve(problem, gap=0.0)
    monkeypatch.setattr(_kernels, "AVAILABLE", False)
    other = solve(problem, gap=0.0)
    assert np.array_equal(one.chosen, other.chosen)
    assert one.proven
    assert other.proven


def test_signal_is_that_of_python() -> None:
    # HiGHS runs in another thread, and leaves Ctrl-C to Python
    solve(Problem.count(town(50, 500, 0.1, 2), 5), gap=0.0)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@settings(max_examples=40)
@given(covers(most_sites=7), st.integers(1, 4), st.data())
def test_sites_to_be_kept_apart_are(cover: Cover, number: int, data: st.DataObject) -> None:
    pair = st.tuples(*[st.integers(0, cover.sites - 1)] * 2).filter(lambda two: two[0] < two[1])
    pairs = data.draw(st.lists(pair, max_size=4)) if cover.sites > 1 else []
    apart = np.array(pairs, np.int64).reshape(-1, 2)
    problem = dataclasses.replace(Problem.count(cover, number), apart=apart)
    found = solve(problem, gap=0.0)
    top = max(
        cover.worth(chosen)
        for chosen in choices(cover.sites)
        if len(chosen) <= number and not any({*two} <= {*chosen} for two in pairs)
    )
    assert problem.permits(found.chosen)
    assert found.worth == cover.worth(found.chosen)
    assert found.worth == pytest.approx(top, rel=1e-6)
    assert found.bound >= top
