import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree

from locator.travel import _grid
from locator.travel._grid import type_floats, type_numbers
from locator.travel.index import PointIndex
from tests.conftest import ROOT

WAYS = pytest.mark.parametrize("compiled", [True, False], ids=["grid", "tree"])
RANDOM = np.random.default_rng(20261123)

# lattices make ties; tiny and far coordinates make rounding and underflow
COORDINATES = st.one_of(
    st.integers(-3, 3).map(float),
    st.floats(-1e7, 1e7),
    st.floats(450_000, 451_000),
    st.sampled_from([0.0, -0.0, 1e-200, 5e-324, 1e7, -1e7, 450_000.001]),
)
PLACES = st.tuples(COORDINATES, COORDINATES)


def as_rows(places: list[tuple[float, float]]) -> type_floats:
    return np.array(places, dtype=np.float64).reshape(-1, 2)


def ranking(points: type_floats, position: type_floats) -> tuple[type_floats, type_numbers]:
    """Compare one position with every point; ties in the order of numbers."""
    dx, dy = (points - position).T
    squares = dx * dx + dy * dy
    order = np.argsort(squares, kind="stable")
    return np.sqrt(squares[order]), order


def assert_right(index: PointIndex, points: type_floats, positions: type_floats) -> None:
    """Both questions, for every position, give what comparing with all points gives."""
    metres, numbers = index.nearest_many(positions)
    for row, position in enumerate(positions):
        expected_m, expected = ranking(points, position)
        assert (metres[row], numbers[row]) == (expected_m[0], expected[0])
        assert index.nearest(*position.tolist()) == (expected_m[0], expected[0])


@WAYS
@given(places=st.lists(PLACES, min_size=1, max_size=60), asked=st.lists(PLACES, max_size=10))
@settings(max_examples=300, deadline=None)
def test_nearest_is_what_comparing_with_all_points_gives(
    compiled: bool,  # noqa: FBT001
    places: list[tuple[float, float]],
    asked: list[tuple[float, float]],
) -> None:
    points = as_rows(places)
    assert_right(PointIndex(points, compiled=compiled), points, as_rows([*asked, *places[:5]]))


@given(places=st.lists(PLACES, max_size=40), asked=PLACES, k=st.integers(1, 50))
@settings(max_examples=300, deadline=None)
def test_the_nearest_few_are_the_head_of_the_ranking(
    places: list[tuple[float, float]], asked: tuple[float, float], k: int
) -> None:
    points = as_rows(places)
    expected_m, expected = ranking(points, np.array(asked))
    metres, numbers = PointIndex(points, compiled=False).nearest_k(*asked, k)
    assert metres.tolist() == expected_m[:k].tolist()
    assert numbers.tolist() == expected[:k].tolist()


@given(places=st.lists(PLACES, max_size=40), asked=PLACES, data=st.data())
@settings(max_examples=300, deadline=None)
def test_within_takes_the_edge_of_the_circle(
    places: list[tuple[float, float]], asked: tuple[float, float], data: st.DataObject
) -> None:
    points = as_rows(places)
    expected_m, expected = ranking(points, np.array(asked))
    edges = st.sampled_from([*expected_m.tolist(), 0.0])
    limit = data.draw(st.one_of(edges, st.floats(0, 3e7)))
    metres, numbers = PointIndex(points, compiled=False).within(*asked, limit)
    inside = expected_m <= limit
    assert metres.tolist() == expected_m[inside].tolist()
    assert numbers.tolist() == expected[inside].tolist()


def assert_all_pairs(
    index: PointIndex, points: type_floats, positions: type_floats, limit: float
) -> None:
    """The pairs are those that comparing every position with every point gives."""
    difference = points - positions[:, np.newaxis]
    every_m = np.sqrt(difference[..., 0] ** 2 + difference[..., 1] ** 2)
    rows, numbers, metres = index.pairs(positions, limit)
    expected_rows, expected = np.nonzero(every_m <= limit)
    assert rows.tolist() == expected_rows.tolist()
    assert numbers.tolist() == expected.tolist()
    assert metres.tolist() == every_m[rows, numbers].tolist()


@WAYS
@given(places=st.lists(PLACES, max_size=40), asked=st.lists(PLACES, max_size=10), data=st.data())
@settings(max_examples=300, deadline=None)
def test_pairs_take_the_edge_of_the_circle(
    compiled: bool,  # noqa: FBT001
    places: list[tuple[float, float]],
    asked: list[tuple[float, float]],
    data: st.DataObject,
) -> None:
    points, positions = as_rows(places), as_rows([*asked, *places[:5]])
    edges: list[float] = [0.0, np.inf]
    if places and len(positions):
        edges += ranking(points, positions[0])[0].tolist()
    limit = data.draw(st.one_of(st.sampled_from(edges), st.floats(0, 3e7)))
    assert_all_pairs(PointIndex(points, compiled=compiled), points, positions, limit)


def towns(count: int) -> type_floats:
    """A few dense towns in a wide county, and two kits with wrong positions."""
    centres = RANDOM.uniform((450_000, 230_000), (511_000, 297_000), (7, 2))
    spread = RANDOM.normal(size=(count, 2)) * RANDOM.choice([60, 400, 3000], (count, 1))
    return np.concatenate([centres[RANDOM.integers(0, 7, count)] + spread, [[0, 0], [655e3, 0]]])


LAYOUTS: dict[str, Callable[[], type_floats]] = {
    "towns": lambda: towns(3000),
    "one town and an outlier": lambda: np.concatenate(
        [RANDOM.normal(size=(5000, 2)) * 50 + 300_000, [[900_000.0, 1_200_000.0]]]
    ),
    "a street due east": lambda: np.column_stack(
        [RANDOM.uniform(450_000, 500_000, 3000), np.full(3000, 260_000.0)]
    ),
    "a street due north": lambda: np.column_stack(
        [np.full(3000, 460_000.0), RANDOM.uniform(230_000, 290_000, 3000)]
    ),
    "a street aslant": lambda: np.outer(RANDOM.uniform(0, 50_000, 3000), (1, 1.5)) + 450_000,
    "one point": lambda: np.array([[475_000.0, 260_000.0]]),
    "a lattice": lambda: np.stack(np.meshgrid(*[np.arange(50.0)] * 2), axis=-1).reshape(-1, 2),
    "a circle": lambda: (
        np.column_stack([f(np.linspace(0, 2 * np.pi, 3000)) for f in (np.cos, np.sin)]) * 1000
    ),
    "a thousandth of a millimetre": lambda: RANDOM.uniform(0, 1e-6, (3000, 2)),
}


@WAYS
@pytest.mark.parametrize("layout", LAYOUTS)
def test_points_may_lie_anyhow(layout: str, compiled: bool) -> None:  # noqa: FBT001
    points = LAYOUTS[layout]()
    low, high = points.min(axis=0), points.max(axis=0)
    positions = np.concatenate(
        [
            RANDOM.uniform(low, high, (100, 2)),
            RANDOM.choice(points, 50) + RANDOM.normal(size=(50, 2)),
            RANDOM.choice(points, 20),
            np.round(RANDOM.uniform(low, high, (50, 2))) + 0.5,
            [low, high, (low + high) / 2, [0.0, 0.0]],
            RANDOM.uniform(low - 500_000, high + 500_000, (50, 2)),
        ]
    )
    assert_right(PointIndex(points, compiled=compiled), points, positions)


@WAYS
def test_a_hundred_thousand_points_in_one_place_are_one_place(compiled: bool) -> None:  # noqa: FBT001
    index = PointIndex(np.tile([475_000.0, 260_000.0], (100_000, 1)), compiled=compiled)
    assert index.nearest(475_003, 260_004) == (5.0, 0)
    # each question would take half a minute if it looked at every point
    metres, numbers = index.nearest_many(np.tile([475_003.0, 260_004.0], (200_000, 1)))
    assert set(metres.tolist()) == {5.0}
    assert set(numbers.tolist()) == {0}
    assert index.nearest_k(475_003, 260_004, 3)[1].tolist() == [0, 1, 2]
    assert index.within(475_003, 260_004, 5)[1].size == len(index) == 100_000


def test_a_search_that_takes_long_is_left_to_the_tree() -> None:
    angles = RANDOM.uniform(0, 2 * np.pi, 100_000)
    points = np.column_stack([np.cos(angles), np.sin(angles)]) * 30_000
    grid, tree = PointIndex(points, compiled=True), PointIndex(points, compiled=False)
    around = _grid.Grid.of(points, np.arange(len(points)))
    assert _grid.nearest(0.0, 0.0, *around)[1] == _grid.GAVE_UP
    positions = RANDOM.normal(size=(500, 2)) * 100
    np.testing.assert_array_equal(grid.nearest_many(positions), tree.nearest_many(positions))
    assert_right(grid, points, positions[:20])


def test_more_towns_around_than_can_wait_are_left_to_the_tree() -> None:
    angles = np.linspace(0, 2 * np.pi, 100, endpoint=False)
    centres = np.column_stack([np.cos(angles), np.sin(angles)]) * 10_000
    points = np.repeat(centres, 40, axis=0) + RANDOM.normal(size=(4000, 2))
    around = _grid.Grid.of(points, np.arange(len(points)))
    assert _grid.nearest(0.0, 0.0, *around)[1] == _grid.GAVE_UP
    assert_right(PointIndex(points, compiled=True), points, RANDOM.normal(size=(20, 2)))


@WAYS
def test_of_hundreds_equally_near_the_first_is_chosen(compiled: bool) -> None:  # noqa: FBT001
    # a circle through 324 whole coordinates, for its radius is 5 * 13 * 17 * 29
    x = np.arange(-32_045, 32_046)
    y = np.sqrt(32_045**2 - x**2).round()
    on = x**2 + y**2 == 32_045**2
    points = np.unique(np.stack([np.tile(x[on], 2), [*y[on], *-y[on]]], axis=1), axis=0)
    assert len(points) == 324
    for _ in range(5):
        RANDOM.shuffle(points)
        index = PointIndex(points, compiled=compiled)
        assert index.nearest(0, 0) == (32_045, 0)
        assert index.nearest_many([[0, 0]])[1].tolist() == [0]
        assert index.nearest_k(0, 0, 100)[1].tolist() == list(range(100))


@given(rings=st.lists(st.floats(-9, 6.9), min_size=1, max_size=40), asked=PLACES)
@settings(max_examples=200, deadline=None)
def test_towns_inside_towns_are_searched_to_the_bottom(
    rings: list[float], asked: tuple[float, float]
) -> None:
    # each power of ten is a town in the middle of the next
    points = np.concatenate([RANDOM.normal(size=(20, 2)) * 10**ring for ring in rings])
    points = np.clip(points, -1e7, 1e7)
    positions = np.concatenate([[asked], points[:3] * 1.01, [[0.0, 0.0]]]).clip(-1e7, 1e7)
    assert_right(PointIndex(points, compiled=True), points, positions)


def test_both_ways_agree_on_many_positions() -> None:
    # more positions than a tree is asked at a time
    points = np.round(towns(20_000))
    positions = np.round(RANDOM.uniform((440_000, 220_000), (520_000, 300_000), (150_000, 2)))
    grid = PointIndex(points, compiled=True).nearest_many(positions)
    tree = PointIndex(points, compiled=False).nearest_many(positions)
    np.testing.assert_array_equal(grid, tree)


@WAYS
@pytest.mark.parametrize("layout", LAYOUTS)
def test_pairs_of_points_that_lie_anyhow(layout: str, compiled: bool) -> None:  # noqa: FBT001
    points = LAYOUTS[layout]()
    index = PointIndex(points, compiled=compiled)
    nearby = RANDOM.choice(points, 30)
    positions = np.concatenate([nearby, nearby + RANDOM.normal(size=(30, 2)), [[0.0, 0.0]]])
    # 5 m along a lattice is an edge with up to four points on it
    for limit in (0.0, 1e-7, 5.0, 400.0, 1e6):
        assert_all_pairs(index, points, positions, limit)


@WAYS
def test_pairs_are_those_of_both_trees(compiled: bool) -> None:  # noqa: FBT001
    # in steps of 10 m, so that many are exactly 400 m apart; each tenth kit shares its place
    kits, positions = np.split(RANDOM.permutation(np.round(towns(20_000), -1)), [1000])
    kits[::10] = kits[5]
    rows, numbers, metres = PointIndex(kits, compiled=compiled).pairs(positions, 400)
    assert (metres == 400).sum() > 20
    tree = cKDTree(positions).sparse_distance_matrix(cKDTree(kits), 400, output_type="ndarray")
    order = np.lexsort((tree["j"], tree["i"]))
    assert np.array_equal(rows, tree["i"][order])
    assert np.array_equal(numbers, tree["j"][order])
    np.testing.assert_allclose(metres, tree["v"][order], rtol=1e-12)
    boxes = shapely.STRtree(shapely.points(kits))
    found = boxes.query(shapely.points(positions), predicate="dwithin", distance=400)
    assert np.array_equal(np.stack([rows, numbers]), found[:, np.lexsort(found[::-1])])


@WAYS
def test_more_pairs_than_room_was_made_for(compiled: bool) -> None:  # noqa: FBT001
    points = RANDOM.uniform(0, 100, (300, 2))
    # nothing is near the first positions, everything is near the others
    positions = np.repeat([[1e6, 1e6], [50.0, 50.0]], [3000, 500], axis=0)
    rows, numbers, _ = PointIndex(points, compiled=compiled).pairs(positions, 400)
    assert rows.tolist() == np.repeat(np.arange(3000, 3500), 300).tolist()
    assert numbers.tolist() == list(range(300)) * 500


@WAYS
def test_nothing_is_infinitely_far(compiled: bool) -> None:  # noqa: FBT001
    index = PointIndex(np.empty((0, 2)), compiled=compiled)
    assert len(index) == 0
    assert index.nearest(475_000, 260_000) == (np.inf, -1)
    metres, numbers = index.nearest_many(np.zeros((2, 2)))
    assert (metres.tolist(), numbers.tolist()) == ([np.inf] * 2, [-1] * 2)
    assert index.nearest_k(0, 0, 3)[1].size == index.within(0, 0, 9)[1].size == 0
    assert [some.size for some in index.pairs(np.zeros((2, 2)), np.inf)] == [0, 0, 0]


@WAYS
def test_no_positions_have_no_answers(compiled: bool) -> None:  # noqa: FBT001
    index = PointIndex([[0, 0]], compiled=compiled)
    metres, numbers = index.nearest_many(np.empty((0, 2)))
    assert metres.shape == numbers.shape == (0,)
    assert [some.size for some in index.pairs(np.empty((0, 2)), 9)] == [0, 0, 0]


@WAYS
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1.1e7])
def test_what_is_no_position_is_refused(bad: float, compiled: bool) -> None:  # noqa: FBT001
    index = PointIndex([[0, 0]], compiled=compiled)
    asks: list[Callable[[], object]] = [
        lambda: index.nearest(bad, 0),
        lambda: index.nearest(0, bad),
        lambda: index.nearest_many([[0.0, 0.0], [0.0, bad]]),
        lambda: index.nearest_k(0, bad, 1),
        lambda: index.within(bad, 0, 1),
        lambda: index.pairs([[0.0, 0.0], [bad, 0.0]], 1),
        lambda: PointIndex([[bad, 0]]),
    ]
    for ask in asks:
        with pytest.raises(ValueError, match="is no position"):
            ask()


def test_questions_that_make_no_sense_are_refused() -> None:
    index = PointIndex([[0, 0]], compiled=False)
    for shape in ((2,), (1, 3), (1, 2, 1)):
        with pytest.raises(ValueError, match="shape"):
            index.nearest_many(np.zeros(shape))
    for metres in (-1, np.nan):
        with pytest.raises(ValueError, match="0 m or more"):
            index.within(0, 0, metres)
        with pytest.raises(ValueError, match="0 m or more"):
            index.pairs([[0, 0]], metres)
    with pytest.raises(ValueError, match="at least 1"):
        index.nearest_k(0, 0, 0)


def test_points_and_positions_stay_the_callers() -> None:
    points = np.array([[0.0, 0.0], [10.0, 0.0]])
    index = PointIndex(points, compiled=True)
    points[:] = 99
    positions = np.array([[9.0, 0.0]])
    positions.flags.writeable = False  # as pandas gives its columns
    assert index.nearest_many(positions)[1].tolist() == [1]
    assert index.nearest_many(positions.astype(np.float32))[1].tolist() == [1]
    assert index.nearest_many(np.asfortranarray(np.repeat(positions, 3, 0)))[1].tolist() == [1] * 3


def run(folder: Path, code: str, *, limit: Callable[[], None] | None = None) -> str:
    # neither in the home nor in a cache can folders be made
    nowhere = {"HOME": "/dev/null", "XDG_CACHE_HOME": "/dev/null/cache"}
    kept = {key: os.environ[key] for key in ("PATH",) if key in os.environ}
    done = subprocess.run(
        [sys.executable, "-B", "-W", "error", "-c", code],
        cwd=folder,
        env=kept | nowhere,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        preexec_fn=limit,
    )
    assert not done.returncode, done.stderr
    return done.stdout.strip()


@pytest.fixture
def install(tmp_path: Path) -> Path:
    """Folder with the two modules alone, which import nothing else of the package."""
    travel = tmp_path / "locator" / "travel"
    travel.mkdir(parents=True)
    for module in (travel.parent, travel):
        (module / "__init__.py").touch()
    for name in ("_grid.py", "index.py"):
        shutil.copy(ROOT / "locator" / "travel" / name, travel)
    return tmp_path


CODE = (
    "from locator.travel.index import PointIndex as I; index = I([[0, 0], [9, 0]]);"
    "print(index.nearest(7, 0), *index.pairs([[7, 0]], 2.0))"
)


def test_an_install_that_cannot_be_written_works(install: Path) -> None:
    # the suite may run as root, who may write anywhere but into a file's inside
    (install / "locator" / "travel" / "__pycache__").touch()
    assert run(install, CODE) == "(2.0, 1) [0] [1] [2.]"


def test_a_full_disk_stops_no_lookup(install: Path) -> None:
    def full() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))

    assert run(install, CODE, limit=full) == "(2.0, 1) [0] [1] [2.]"


def test_numba_is_optional(install: Path) -> None:
    code = f"import sys; sys.modules['numba'] = None; {CODE}; print(type(sys.modules['numba']))"
    assert run(install, code).split("\n") == ["(2.0, 1) [0] [1] [2.]", "<class 'NoneType'>"]
