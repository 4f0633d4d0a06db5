"""Ways along streets, against searches on the drawing itself and measuring of every street."""

import itertools
from pathlib import Path

import networkx as nx
import numpy as np
import numpy.typing as npt
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

from locator import geodesy
from locator.travel import _grid, extract, network
from locator.travel.network import CELL_M, Network, Raw
from locator.travel.streets import SNAP_M, Snaps, Streets

# the same small towns; a module of tests is no package to import from
from tests.travel.test_network import MIDDLE, built, centimetres, links_of, raw_of, silent, town

type_floats = npt.NDArray[np.float64]

CLOSE_M = 0.01
seeds = st.integers(0, 2**32 - 1)
thorough = settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(params=["compiled", "plain"])
def kernels(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Search with numba, then as where it is not installed."""
    if request.param == "plain":
        monkeypatch.setattr(_grid, "AVAILABLE", False)


def drawn(raw: Raw) -> nx.Graph:
    """Give the drawing as it is, every vertex in it."""
    graph = nx.Graph()
    links, metres = links_of(raw)
    graph.add_weighted_edges_from(
        (int(a), int(b), float(m)) for (a, b), m in zip(links, metres, strict=True)
    )
    return graph


def snapped(streets: Streets, raw: Raw) -> Snaps:
    return streets.snap(*geodesy.to_bng(raw.lon, raw.lat))


def one(snaps: Snaps, number: int) -> Snaps:
    return snaps[number : number + 1]


def ground(streets: Streets, edge: int, along_m: float) -> type_floats:
    """Give the metres (EPSG:27700) of a point of an edge."""
    net = streets.network
    rows = slice(net.first[edge], net.first[edge + 1])
    return np.array(
        [np.interp(along_m, net.point_m[rows], axis) / 100 for axis in net.point[rows].T]
    )


def all_metres(graph: nx.Graph, vertices: int, sources: list[int]) -> type_floats:
    metres = np.full((len(sources), vertices), np.inf)
    for row, source in enumerate(sources):
        for vertex, total in nx.single_source_dijkstra_path_length(graph, source).items():
            metres[row, vertex] = total
    return metres


def close(got: type_floats, wanted: type_floats) -> bool:
    return bool(np.allclose(got, wanted, rtol=0, atol=CLOSE_M))


class Case:
    """A random town, its network, and metres from some of its vertices to all."""

    def __init__(self, seed: int, folder: Path) -> None:
        random = np.random.default_rng(seed)
        self.raw = town(seed)
        self.streets = Streets(built(self.raw, folder))
        self.snaps = snapped(self.streets, self.raw)
        self.vertices = np.unique(links_of(self.raw)[0])
        self.chosen = random.choice(self.vertices, min(6, len(self.vertices)))
        self.limit = float(random.uniform(0, 3)) * 200
        graph = drawn(self.raw)
        self.metres = all_metres(graph, len(self.raw.lon), self.chosen.tolist())[:, self.vertices]


@given(seed=seeds)
@thorough
def test_a_field_is_the_way_to_the_nearest_source(seed: int, tmp_path: Path) -> None:
    case = Case(seed, tmp_path / "net")
    assert (case.snaps.aside_m[case.vertices] == 0).all()
    field = case.streets.field(case.snaps[case.chosen])
    metres, number = field.at(case.snaps[case.vertices])
    least = case.metres.min(axis=0)
    assert close(metres, least)
    assert np.array_equal(number < 0, np.isinf(least))
    reached = np.flatnonzero(number >= 0)
    assert close(case.metres[number[reached], reached], least[reached])

    some = case.streets.field(case.snaps[case.chosen], case.limit)
    metres, number = some.at(case.snaps[case.vertices])
    inside, outside = least < case.limit - CLOSE_M, least > case.limit + CLOSE_M
    assert close(metres[inside], least[inside])
    assert np.isinf(metres[outside]).all()
    assert (number[outside] == -1).all()


@given(seed=seeds)
@thorough
def test_a_field_at_the_points_of_the_network(seed: int, tmp_path: Path) -> None:
    case = Case(seed, tmp_path / "net")
    net = case.streets.network
    edge = np.repeat(np.arange(len(net.ends)), np.diff(net.first))
    here = Snaps(edge, net.point_m.astype(np.float64), np.zeros(len(edge)))
    for limit in (np.inf, case.limit):
        field = case.streets.field(case.snaps[case.chosen], limit)
        assert close(field.at_points(), field.at(here)[0])


@given(seed=seeds)
@thorough
def test_a_tree_is_exact_up_to_its_limit(seed: int, tmp_path: Path) -> None:
    case = Case(seed, tmp_path / "net")
    for row, vertex in enumerate(case.chosen):
        for limit in (case.limit, np.inf):
            tree = case.streets.tree(one(case.snaps, vertex), limit)
            metres = tree.metres_to(case.snaps[case.vertices])
            inside = case.metres[row] < limit - CLOSE_M
            assert close(metres[inside], case.metres[row][inside])
            assert np.isinf(metres[case.metres[row] > limit + CLOSE_M]).all()


@given(seed=seeds)
@thorough
def test_all_ways_within_a_limit(seed: int, tmp_path: Path) -> None:
    case = Case(seed, tmp_path / "net")
    origins, targets = case.snaps[case.chosen], case.snaps[case.vertices]
    for limit in (case.limit, np.inf):
        origin, target, metres = case.streets.within(origins, targets, limit)
        assert (np.diff(origin * len(targets) + target) > 0).all()
        assert close(metres, case.metres[origin, target])
        assert (metres <= limit).all()
        found = np.zeros(case.metres.shape, dtype=np.bool_)
        found[origin, target] = True
        assert found[np.isfinite(case.metres) & (case.metres < limit - CLOSE_M)].all()


@given(seed=seeds)
@thorough
def test_a_way_is_one_line_from_origin_to_target(seed: int, tmp_path: Path) -> None:
    case = Case(seed, tmp_path / "net")
    random = np.random.default_rng(seed)
    net = case.streets.network
    spots = net.point[random.integers(0, len(net.point), 8)] / 100 + random.normal(0, 9, (8, 2))
    snaps = case.streets.snap(spots[:, 0], spots[:, 1])
    for i, j in itertools.product(range(4), range(4, 8)):
        tree = case.streets.tree(one(snaps, i), np.inf)
        target = one(snaps, j)
        metres = float(tree.metres_to(target)[0])
        if np.isinf(metres):
            with pytest.raises(ValueError, match="no way"):
                tree.legs_to(target)
            continue
        legs = tree.legs_to(target)
        walked = sum(abs(leg.end_m - leg.start_m) for leg in legs)
        asides = snaps.aside_m[i] + snaps.aside_m[j]
        assert walked + asides == pytest.approx(metres, abs=1e-6)
        for leg, after in itertools.pairwise(legs):
            here = ground(case.streets, leg.edge, leg.end_m)
            assert here == pytest.approx(ground(case.streets, after.edge, after.start_m))
        line = case.streets.legs_line(legs)
        start = ground(case.streets, int(snaps.edge[i]), float(snaps.along_m[i]))
        end = ground(case.streets, int(snaps.edge[j]), float(snaps.along_m[j]))
        assert line[0] == pytest.approx(start, abs=0.006)
        assert line[-1] == pytest.approx(end, abs=0.006)
        # the National Grid's scale here is 0.9996 to 0.9997; points lie on whole centimetres
        length = float(np.hypot(*np.diff(line, axis=0).T).sum())
        assert length == pytest.approx(walked, rel=5e-4, abs=0.012 * len(line))


@given(seed=seeds)
@thorough
def test_snapping_finds_the_nearest_street(seed: int, tmp_path: Path) -> None:
    random = np.random.default_rng(seed)
    raw = town(seed)
    streets = Streets(built(raw, tmp_path / "net"))
    net = streets.network
    low, high = net.point.min(axis=0) / 100 - 300, net.point.max(axis=0) / 100 + 300
    spots = random.uniform(low, high, (60, 2))
    # on borders of cells, on streets and at their ends
    spots[:10] = np.round(spots[:10] / CELL_M) * CELL_M
    spots[10:20, 0] = np.round(spots[10:20, 0] / CELL_M) * CELL_M
    spots[20:30] = net.point[random.integers(0, len(net.point), 10)] / 100
    spots = np.round(spots, 2)
    snaps = streets.snap(spots[:, 0], spots[:, 1])
    bounds = zip(net.first[:-1], net.first[1:], strict=True)
    lines = [shapely.LineString(net.point[a:b] / 100) for a, b in bounds]
    for i, spot in enumerate(spots):
        apart = shapely.distance(lines, shapely.Point(spot))
        if not snaps.on_street[i]:
            assert apart.min() > SNAP_M - 1e-6
            assert np.isinf(snaps.aside_m[i])
            continue
        assert snaps.aside_m[i] == pytest.approx(apart.min(), abs=1e-6)
        assert apart[snaps.edge[i]] == pytest.approx(apart.min(), abs=1e-6)
        there = ground(streets, int(snaps.edge[i]), float(snaps.along_m[i]))
        assert np.hypot(*(there - spot)) == pytest.approx(apart.min(), abs=0.001)


@given(seed=seeds)
@thorough
def test_compiled_and_plain_searches_agree_to_the_last_bit(seed: int, tmp_path: Path) -> None:
    case = Case(seed, tmp_path / "net")
    random = np.random.default_rng(seed)
    low = case.streets.network.point.min(axis=0) / 100
    spots = np.vstack(
        [low + random.uniform(-300, 900, (40, 2)), [[np.nan, 0], [-5, 9], [1e9, 1e9]]]
    )
    # kits at one spot are equally near
    chosen = np.concatenate([case.chosen, case.chosen[::-1]])
    answers = []
    for compiled in (True, False):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(_grid, "AVAILABLE", compiled and _grid.AVAILABLE)
            snaps = case.streets.snap(spots[:, 0], spots[:, 1])
            answer = [snaps.edge, snaps.along_m, snaps.aside_m]
            for limit in (np.inf, case.limit):
                field = case.streets.field(case.snaps[chosen], limit)
                answer += [field.metres, field.owner, *field.at(snaps), *field.at(case.snaps)]
                answer.append(field.at_points())
        answers.append(answer)
    for fast, slow in zip(*answers, strict=True):
        assert fast.dtype == slow.dtype
        assert np.array_equal(fast, slow)


@pytest.mark.usefixtures("kernels")
def test_of_streets_equally_near_the_first_is_taken(tmp_path: Path) -> None:
    cross = raw_of(
        [(0, 0), (100, 0), (-100, 0), (0, 100), (0, -100)], [(0, i) for i in range(1, 5)]
    )
    streets = Streets(built(cross, tmp_path / "net"))
    easting, northing = np.array([[1, 1], [-1, 1], [0, 0]]).T * 20.0 + np.array(MIDDLE)[:, None]
    edges = streets.snap(easting, northing).edge
    for spot, edge in zip(zip(easting, northing, strict=True), edges, strict=True):
        lines = [shapely.LineString(streets.network.point[i : i + 2]) for i in range(0, 8, 2)]
        apart = shapely.distance(lines, shapely.Point(np.array(spot) * 100))
        assert edge == np.flatnonzero(apart <= apart.min() + 2)[0]


@pytest.mark.usefixtures("kernels")
def test_a_long_straight_street_is_found_from_everywhere_beside_it(tmp_path: Path) -> None:
    streets = Streets(built(raw_of([(0, 0), (20_000, 7_000)], [(0, 1)]), tmp_path / "net"))
    line = shapely.LineString(streets.network.point / 100)
    along = np.linspace(0, line.length, 400)
    for aside in (-249.0, -1.0, 0.0, 140.0, 249.0, 251.0):
        spots = shapely.get_coordinates(shapely.offset_curve(line, aside).interpolate(along))
        snaps = streets.snap(*spots.T)
        assert snaps.on_street.all() == (aside < SNAP_M)
        if aside < SNAP_M:
            assert snaps.aside_m == pytest.approx(abs(aside), abs=0.01)
            share = snaps.along_m / streets.network.length_m[0]
            assert share == pytest.approx(along / line.length, abs=1e-5)


@pytest.mark.usefixtures("kernels")
def test_many_positions_are_snapped_as_each_alone(tmp_path: Path) -> None:
    streets = Streets(built(town(21), tmp_path / "net"))
    low = streets.network.point.min(axis=0) / 100
    easting, northing = (low + np.random.default_rng(0).uniform(-200, 400, (21_000, 2))).T
    every = streets.snap(easting, northing)
    for i in (0, 19_999, 20_000, 20_999):
        alone = streets.snap(easting[i : i + 1], northing[i : i + 1])
        assert alone.edge[0] == every.edge[i]
        assert (alone.along_m[0], alone.aside_m[0]) == (every.along_m[i], every.aside_m[i])
    assert len(streets.snap(easting[:0], northing[:0])) == 0


@pytest.mark.usefixtures("kernels")
def test_nothing_open_is_nowhere(tmp_path: Path) -> None:
    raw = town(21)
    streets = Streets(built(raw, tmp_path / "net"))
    snaps = snapped(streets, raw)
    for sources in (snaps[:0], snaps.only(np.zeros(len(snaps), dtype=np.bool_))):
        field = streets.field(sources)
        metres, number = field.at(snaps)
        assert np.isinf(metres).all()
        assert (number == -1).all()
        assert np.isinf(field.at_points()).all()
        assert [len(part) for part in streets.within(snaps, sources, 500)] == [0, 0, 0]
        assert [len(part) for part in streets.within(sources, snaps, 500)] == [0, 0, 0]
    far_away = streets.snap(np.array([0.0]), np.array([0.0]))
    assert not far_away.on_street[0]
    metres, number = streets.field(snaps).at(far_away)
    assert (metres[0], number[0]) == (np.inf, -1)


def test_a_week_is_the_fields_of_its_hours(tmp_path: Path) -> None:
    raw = town(33)
    streets = Streets(built(raw, tmp_path / "net"))
    snaps = snapped(streets, raw)
    kits = snaps[np.random.default_rng(1).integers(0, len(snaps), 9)]
    distinct = np.random.default_rng(2).random((4, 9)) < 0.5
    distinct[0] = False
    open_sets = distinct[np.arange(168) % 4]
    fields = streets.week(kits, open_sets)
    assert len({id(field) for field in fields}) == 4
    for hour in range(8):
        open_now = np.flatnonzero(open_sets[hour])
        metres, number = streets.field(kits[open_now]).at(snaps)
        assert np.array_equal(fields[hour].at(snaps)[0], metres)
        reached = number >= 0
        assert np.array_equal(fields[hour].at(snaps)[1][reached], open_now[number[reached]])
    assert len(streets.week(kits[:0], np.zeros((168, 0), dtype=np.bool_))) == 168


def test_a_tree_looks_at_its_neighbourhood_only(tmp_path: Path) -> None:
    points = [(x * 200.0, y * 200.0) for x in range(60) for y in range(60)]
    links = [(i, i + 1) for i in range(3600) if i % 60 < 59] + [(i, i + 60) for i in range(3540)]
    streets = Streets(built(raw_of(points, links), tmp_path / "net"))
    origin = streets.snap(*(np.array([[6000.0], [6000.0]]) + np.array(MIDDLE)[:, None]))
    tree = streets.tree(origin, 700)
    assert len(tree.inside) < 300
    near = streets.network.junction[tree.inside[tree.metres[:-1] <= 700]] / 100 - MIDDLE - 6000
    # on a lattice the way is the sum of both sides
    assert (np.abs(near).sum(axis=1) < 701).all()
    assert len(near) == 25


@pytest.fixture(scope="module")
def rutland_raw(test_data: Path) -> Raw:
    return extract.read(test_data / "street" / "rutland_2018-02-27.osm.pbf", silent)


@pytest.fixture(scope="module")
def rutland_drawn(rutland_raw: Raw, rutland: Streets) -> tuple[npt.NDArray[np.int64], coo_array]:
    """Vertices that the network keeps, alone at their spots, and metres between neighbours."""
    links, metres = links_of(rutland_raw)
    size = len(rutland_raw.lon)
    both = np.concatenate([links, links[:, ::-1]])
    graph = coo_array((np.tile(np.maximum(metres, 1e-9), 2), both.T), shape=(size, size)).tocsr()
    # a barrier cuts a way into two vertices at one spot
    spot, count = np.unique(
        centimetres(rutland_raw), axis=0, return_inverse=True, return_counts=True
    )[1:]
    on_street = snapped(rutland, rutland_raw).aside_m < 0.005
    return np.flatnonzero(on_street & (count[spot] == 1)), graph


@pytest.mark.usefixtures("kernels")
def test_ways_in_rutland_are_those_of_the_drawing(
    rutland: Streets, rutland_raw: Raw, rutland_drawn: tuple[npt.NDArray[np.int64], coo_array]
) -> None:
    kept, graph = rutland_drawn
    random = np.random.default_rng(5)
    snaps = snapped(rutland, rutland_raw)
    plain_graph = drawn(rutland_raw)
    kits = random.choice(kept, 40, replace=False)
    metres = rutland.field(snaps[kits]).at(snaps[kept])[0]
    assert close(metres, dijkstra(graph, indices=kits, min_only=True)[kept])
    for a, b in random.choice(kept, (12, 2)):
        tree = rutland.tree(one(snaps, a), np.inf)
        metres = tree.metres_to(one(snaps, b))
        assert close(metres, np.array([nx.dijkstra_path_length(plain_graph, int(a), int(b))]))
        walked = sum(abs(leg.end_m - leg.start_m) for leg in tree.legs_to(one(snaps, b)))
        assert walked == pytest.approx(metres[0], abs=0.02)


# (what lies between, one side, other side, times the straight line, where everyone must pass);
# metres (EPSG:27700), found on the map of February 2018
BARRIERS = [
    ("railway north of Oakham", (485803, 309597), (485727, 309622), 25, (485688, 308908)),
    ("railway at Oakham station", (485651, 309252), (485730, 309244), 10.5, (485688, 308908)),
    ("railway, footbridge in Oakham", (485825, 308517), (485751, 308488), 6, (485735, 308648)),
    ("railway at Greatford Road", (504027, 313229), (504095, 313271), 17, (504281, 312905)),
    ("river at Tickencote", (499668, 309087), (499576, 309218), 9.5, (499632, 309160)),
    ("river south of Stamford", (501582, 306082), (501742, 305903), 8, (501648, 305980)),
]


@pytest.mark.parametrize(("what", "side", "other", "factor", "bridge"), BARRIERS)
def test_who_stands_across_a_barrier_walks_round_by_the_bridge(
    what: str,
    side: tuple[float, float],
    other: tuple[float, float],
    factor: float,
    bridge: tuple[float, float],
    rutland: Streets,
) -> None:
    snaps = rutland.snap(*np.array([side, other], dtype=np.float64).T)
    for origin, target in ((0, 1), (1, 0)):
        tree = rutland.tree(one(snaps, origin), 5000)
        metres = float(tree.metres_to(one(snaps, target))[0])
        assert factor < metres / np.hypot(*np.subtract(side, other)) < factor * 1.15
        line = shapely.LineString(rutland.legs_line(tree.legs_to(one(snaps, target))))
        assert line.distance(shapely.Point(bridge)) < 3


def test_rutland_water_is_walked_around(rutland: Streets) -> None:
    # the tip of the Hambleton peninsula, and the southern shore 1.8 km away
    snaps = rutland.snap(np.array([491_500.0, 492_500.0]), np.array([307_000.0, 305_500.0]))
    metres = rutland.tree(one(snaps, 0), np.inf).metres_to(one(snaps, 1))
    assert 12_000 < metres[0] < 15_000
    assert len(rutland.within(one(snaps, 0), one(snaps, 1), 10_000)[0]) == 0
    assert rutland.within(one(snaps, 0), one(snaps, 1), 15_000)[2] == pytest.approx(metres)


def test_a_small_network_with_pieces_left_out_opens_again(tmp_path: Path) -> None:
    raw = town(21)
    network.build(raw, tmp_path / "net", silent)
    streets = Streets(Network.open(tmp_path / "net"))
    snaps = snapped(streets, raw)
    assert snaps.on_street.any()
