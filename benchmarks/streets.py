"""Measure ways along streets: fields, weeks, single lookups, and networks of any size."""

import contextlib
import dataclasses
import functools
import os
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import numpy.typing as npt
import osmnx as ox
import pandana
import pandas as pd
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import dijkstra, minimum_spanning_tree
from scipy.spatial import Delaunay

from benchmarks._timing import medians, versions
from locator import geodesy
from locator.travel import _grid, extract, network
from locator.travel.network import Label, Network, Raw, Source
from locator.travel.streets import Field, Snaps, Streets

_ROUNDS = 15
_FEW_ROUNDS = 3
_LOOKUPS = 2000
_SLOW_LOOKUPS = 30
_JUNCTIONS = 150_000
_SIZES = (40_000, 400_000, 4_000_000)
_NEAR_M = 5_000
# south-west corner of what is drawn, metres (EPSG:27700)
_CORNER = (400_000.0, 200_000.0)
_SPACING_M = 50.0
_WALK_M = 1_500.0

type_ints = npt.NDArray[np.int64]


def report() -> str:
    """Measure and give a section in Markdown."""
    with tempfile.TemporaryDirectory() as folder:
        cases = [
            *_rutland(Path(folder)),
            Case("drawn, no bends", _town(_JUNCTIONS, 0), Path(folder) / "straight", 400),
            Case("drawn, 4 bends a street", _town(_JUNCTIONS, 4), Path(folder) / "bent", 400),
        ]
        parts = [_fields(cases), _lookups(cases[:2])]
    return "\n".join([*parts, _sizes()])


class Case:
    """A drawing, its network with some kits, and the same drawing for the peers."""

    def __init__(self, name: str, raw: Raw, folder: Path, kits: int) -> None:
        self.name = name
        self.streets = Streets(network.build(raw, folder, _in_silence))
        links = np.unique(np.sort(raw.links, axis=1), axis=0)
        links = links[links[:, 0] != links[:, 1]].astype(np.int64)
        start, end = links.T
        metres = geodesy.geodesic_m(raw.lon[start], raw.lat[start], raw.lon[end], raw.lat[end])
        self.easting, self.northing = geodesy.to_bng(raw.lon, raw.lat)
        self.snaps = self.streets.snap(self.easting, self.northing)
        # the peers get what the network keeps, or they look for ways that are not there
        kept = (self.snaps.aside_m < 0.01)[links].all(axis=1)
        self.links, self.metres = links[kept], np.maximum(metres[kept], 1e-6)
        self.used = np.unique(self.links)
        self.alone = _alone(self.easting, self.northing) & (self.snaps.aside_m < 0.01)
        self.kits = np.random.default_rng(1).choice(
            np.intersect1d(np.flatnonzero(self.alone), self.used), kits, replace=False
        )
        self.sources = self.snaps[self.kits]

    @functools.cached_property
    def matrix(self) -> csr_array:
        """Every vertex with its neighbours in metres."""
        both = np.concatenate([self.links, self.links[:, ::-1]])
        shape = (len(self.easting), len(self.easting))
        return coo_array((np.tile(self.metres, 2), both.T), shape=shape).tocsr()

    @functools.cached_property
    def pandana(self) -> pandana.Network:
        """Every vertex in pandana, contraction hierarchies included."""
        ends = [pd.Series(column) for column in self.links.T]
        xy = (pd.Series(axis[self.used], self.used) for axis in (self.easting, self.northing))
        with _hushed():
            net = pandana.Network(*xy, *ends, pd.DataFrame({"m": self.metres}), twoway=True)
            at = (pd.Series(axis[self.kits]) for axis in (self.easting, self.northing))
            net.set_pois("kits", _NEAR_M, 1, *at)
        return net

    @functools.cached_property
    def graph(self) -> nx.MultiDiGraph:
        """Every vertex as OSMnx keeps streets, projected."""
        graph = nx.MultiDiGraph(crs=geodesy.BNG)
        places = zip(self.used, self.easting[self.used], self.northing[self.used], strict=True)
        graph.add_nodes_from((int(i), {"x": x, "y": y}) for i, x, y in places)
        for (a, b), metres in zip(self.links.tolist(), self.metres.tolist(), strict=True):
            graph.add_edge(a, b, length=metres)
            graph.add_edge(b, a, length=metres)
        return graph

    def everywhere(self) -> npt.NDArray[np.float64]:
        """Give the metres from all points of the network to the nearest kit."""
        return self.streets.field(self.sources).at_points()

    def by_scipy(self) -> npt.NDArray[np.float64]:
        """Give the metres from all vertices of the drawing to the nearest kit."""
        metres: npt.NDArray[np.float64] = dijkstra(self.matrix, indices=self.kits, min_only=True)
        return metres

    def check(self) -> float:
        """Tell by how many metres both answers differ, vertex by vertex."""
        ours = self.streets.field(self.sources).at(self.snaps[self.alone])[0]
        theirs = self.by_scipy()[self.alone]
        assert np.array_equal(np.isfinite(ours), np.isfinite(theirs))
        apart = float(np.abs(ours - theirs, where=np.isfinite(ours), out=np.zeros(len(ours))).max())
        assert apart < 0.01, apart
        return apart


def _alone(
    easting: npt.NDArray[np.float64], northing: npt.NDArray[np.float64]
) -> npt.NDArray[np.bool_]:
    """Tell which vertices have a spot of their own: a barrier cuts a way into two at one spot."""
    spot = np.rint(np.column_stack([easting, northing]) * 100)
    which, count = np.unique(spot, axis=0, return_inverse=True, return_counts=True)[1:]
    return np.asarray(count[which.reshape(-1)] == 1)


def _rutland(folder: Path) -> Iterator[Case]:
    data = os.environ.get("LOCATOR_TEST_DATA")
    if data:
        raw = extract.read(Path(data) / "street" / "rutland_2018-02-27.osm.pbf", _in_silence)
        yield Case("Rutland, OpenStreetMap of 2018", raw, folder / "rutland", 40)


def _in_silence(what: str, count: int) -> None:
    del what, count


@contextlib.contextmanager
def _hushed() -> Iterator[None]:
    """Keep pandana's progress and its warnings of pairs without a way to itself."""
    kept = os.dup(1)
    with Path(os.devnull).open("w") as nowhere, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        os.dup2(nowhere.fileno(), 1)
        try:
            yield
        finally:
            os.dup2(kept, 1)
            os.close(kept)


@contextlib.contextmanager
def _plain() -> Iterator[None]:
    """Search as where numba is not installed."""
    before = _grid.AVAILABLE
    _grid.AVAILABLE = False
    try:
        yield
    finally:
        _grid.AVAILABLE = before


def _plainly(run: Callable[[], object]) -> Callable[[], object]:
    def without_numba() -> object:
        with _plain():
            return run()

    return without_numba


def _raw(at: npt.NDArray[np.float64], links: type_ints, label: type_ints, names: int) -> Raw:
    lon, lat = geodesy.to_wgs84(at[:, 0].copy(), at[:, 1].copy())
    labels = [Label("street", f"Street {number}") for number in range(names)]
    return Raw(lon, lat, links, label, labels, Source("drawn", "", "", "", ()))


def _town(junctions: int, bends: int) -> Raw:
    """Draw towns whose streets follow Delaunay's triangles: a tree and the shorter of the others.

    Every street has a name of its own, so that each vertex stays a junction.
    """
    random = np.random.default_rng(20261123)
    side = 60_000.0
    centre, size = random.uniform(0, side, (40, 2)), 1 / np.arange(1, 41)
    which = random.choice(40, junctions, p=size / size.sum())
    at = centre[which] + random.normal(size=(junctions, 2)) * (400 + 2600 * size[which, None])
    apart = random.random(junctions) < 0.2
    at[apart] = random.uniform(0, side, (int(apart.sum()), 2))
    at += np.array(_CORNER) + 10_000
    triangles = Delaunay(at).simplices
    pairs = np.sort(triangles[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    start, end = np.unique(pairs.astype(np.int64), axis=0).T
    metres = np.hypot(*(at[start] - at[end]).T) + 0.01
    shape = (junctions, junctions)
    tree = minimum_spanning_tree(coo_array((metres, (start, end)), shape=shape).tocsr()).tocoo()
    chosen = np.isin(start * junctions + end, tree.row.astype(np.int64) * junctions + tree.col)
    score = np.where(chosen, np.inf, metres * random.uniform(0.5, 1.5, len(metres)))
    chosen[np.argsort(score)[: int(1.35 * junctions) - int(chosen.sum())]] = True
    start, end = start[chosen], end[chosen]
    streets = np.arange(len(start))
    share = np.arange(1, bends + 1)[None, :, None] / (bends + 1)
    way = (at[end] - at[start])[:, None]
    # out of the straight line by a twentieth of the street
    bent = at[start][:, None] + way * share
    bent += way[..., ::-1] * (-1, 1) * random.normal(0, 0.05, (len(start), bends, 1))
    inner = junctions + np.arange(len(start) * bends).reshape(len(start), bends)
    stops = np.column_stack([start, inner, end])
    links = np.stack([stops[:, :-1], stops[:, 1:]], axis=-1).reshape(-1, 2)
    points = np.concatenate([at, bent.reshape(-1, 2)])
    return _raw(points, links, np.repeat(streets, bends + 1), len(streets))


def _lattice(junctions: int) -> Raw:
    """Draw blocks out of true, with 15 % of the streets left out."""
    random = np.random.default_rng(1)
    side = int((junctions / 0.89) ** 0.5)  # the others are dead, or in the middle of a street
    column, row = np.divmod(np.arange(side * side), side)
    at = np.column_stack([column, row]) + random.uniform(-0.2, 0.2, (side * side, 2))
    number = np.arange(side * side).reshape(side, side)
    across = np.column_stack([number[:-1].reshape(-1), number[1:].reshape(-1)])
    up = np.column_stack([number[:, :-1].reshape(-1), number[:, 1:].reshape(-1)])
    links = np.concatenate([across, up])
    links = links[random.random(len(links)) < 0.85]
    return _raw(at * _SPACING_M + _CORNER, links, np.zeros(len(links), dtype=np.int64), 1)


def _open_sets(kits: int) -> npt.NDArray[np.bool_]:
    """Give who is open in each hour of a week: a third always, the others by five habits."""
    random = np.random.default_rng(3)
    day, hour = np.divmod(np.arange(168), 24)
    habits = np.stack(
        [
            np.ones(168, dtype=np.bool_),
            (hour >= 9) & (hour < 17) & (day < 5),
            (hour >= 9) & (hour < 17) & (day < 6),
            (hour >= 7) & (hour < 22),
            (hour >= 11) & (hour < 23),
            (hour >= 10) & (hour < 16) & (day == 6),
        ]
    )
    share = [1 / 3, 1 / 6, 1 / 6, 1 / 6, 1 / 12, 1 / 12]
    return habits[random.choice(len(habits), kits, p=share)].T


def _goal(ratio: float, goal: float) -> str:
    return f"{ratio:.3g} ({'' if ratio <= goal else 'not '}≤ {goal:g})"


def _fields(cases: list[Case]) -> str:
    lines = [
        "## Fields along streets\n",
        (
            "Metres from every point of a network to the nearest of all kits (`field` and "
            "`at_points`), against `scipy.sparse.csgraph.dijkstra(min_only=True)` on the drawing "
            "with a vertex at every bend; both give the same metres to 1 cm. "
            f"`week` is the fields of 168 hours. `nearest_pois` of pandana looks {_NEAR_M:,} m far "
            f"({versions('scipy', 'pandana')}; kernels by {versions('numba')}).\n"
        ),
        (
            "| network | vertices | junctions | streets | kits | ours ms | without numba ms "
            "| scipy ms | pandana ms | to scipy | without numba to scipy | to pandana "
            "| open sets | week to scipy | without numba |"
        ),
        "|" + " --- |" * 15,
    ]
    for case in cases:
        case.check()
        with _plain():
            case.check()
        open_sets = _open_sets(len(case.kits))
        week = functools.partial(case.streets.week, case.sources, open_sets)
        contestants: dict[str, Callable[[], object]] = {
            "ours": case.everywhere,
            "plain": _plainly(case.everywhere),
            "scipy": case.by_scipy,
            "week": week,
            "plain week": _plainly(week),
        }
        times = medians(contestants, _ROUNDS)
        near = functools.partial(case.pandana.nearest_pois, _NEAR_M, "kits", num_pois=1)
        beside = medians({"ours": case.everywhere, "pandana": near}, _FEW_ROUNDS)
        net = case.streets.network
        row = [
            case.name,
            f"{len(case.easting):,}",
            f"{len(net.junction):,}",
            f"{len(net.ends):,}",
            f"{len(case.kits):,}",
            *(f"{times[name] * 1e3:.2f}" for name in ("ours", "plain", "scipy")),
            f"{beside['pandana'] * 1e3:.0f}",
            _goal(times["ours"] / times["scipy"], 0.25),
            f"{times['plain'] / times['scipy']:.2f}",
            _goal(beside["ours"] / beside["pandana"], 0.03),
            str(len(np.unique(open_sets, axis=0))),
            _goal(times["week"] / times["scipy"], 3),
            f"{times['plain week'] / times['scipy']:.2f}",
        ]
        lines.append(f"| {' | '.join(row)} |")
    lines += [
        "",
        (
            "Without bends, the drawing has no more vertices than junctions and only the kernel "
            "helps; with bends as on real streets, passing over them helps as well."
        ),
    ]
    return "\n".join([*lines, ""])


def _lookups(cases: list[Case]) -> str:
    lines = [
        "## One walk\n",
        (
            "From a position in National Grid metres to the walking metres of the nearest kit and "
            "which it is (`snap` and `Field.at`), against pandana (`get_node_ids`, then "
            "`shortest_path_lengths` to all kits) and against OSMnx with networkx "
            "(`nearest_nodes`, then `multi_source_dijkstra` from all kits up to the position) "
            f"({versions('pandana', 'osmnx', 'networkx')}). Each lookup is at another place.\n"
        ),
        (
            "| network | kits | ours µs | 99 % below µs | without numba µs | 99 % below µs "
            "| pandana ms | networkx ms | to pandana | to networkx |"
        ),
        "|" + " --- |" * 10,
    ]
    for case in cases:
        random = np.random.default_rng(4)
        chosen = random.choice(np.flatnonzero(case.alone), _LOOKUPS)
        spots = np.column_stack([case.easting[chosen], case.northing[chosen]])
        spots += random.normal(0, 30, spots.shape)
        field = case.streets.field(case.sources)
        ours = _each(functools.partial(_walk, case.streets, field), spots)
        with _plain():
            plain = _each(functools.partial(_walk, case.streets, field), spots)
        with _hushed():
            theirs = _each(functools.partial(_by_pandana, case), spots[:_SLOW_LOOKUPS])
        slow = _each(functools.partial(_by_networkx, case), spots[:_SLOW_LOOKUPS])
        middle = float(np.median(ours))
        row = [
            case.name,
            f"{len(case.kits)}",
            *(f"{x * 1e6:.1f}" for x in (middle, np.quantile(ours, 0.99))),
            *(f"{x * 1e6:.0f}" for x in (np.median(plain), np.quantile(plain, 0.99))),
            f"{np.median(theirs) * 1e3:.1f}",
            f"{np.median(slow) * 1e3:.0f}",
            _goal(middle / float(np.median(theirs)), 0.001),
            _goal(middle / float(np.median(slow)), 0.001),
        ]
        lines.append(f"| {' | '.join(row)} |")
    return "\n".join([*lines, ""])


def _each(run: Callable[[Any], object], spots: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Time each of many calls; the first ones warm up."""
    for spot in spots[:5]:
        run(spot)
    taken = np.empty(len(spots))
    for i, spot in enumerate(spots):
        start = time.perf_counter()
        run(spot)
        taken[i] = time.perf_counter() - start
    return taken


def _walk(streets: Streets, field: Field, spot: npt.NDArray[np.float64]) -> tuple[float, int]:
    metres, number = field.at(streets.snap(spot[:1], spot[1:]))
    return metres[0], number[0]


def _by_pandana(case: Case, spot: npt.NDArray[np.float64]) -> tuple[float, int]:
    node = case.pandana.get_node_ids(pd.Series(spot[:1]), pd.Series(spot[1:])).iloc[0]
    metres = case.pandana.shortest_path_lengths([node] * len(case.kits), case.kits)
    best = int(np.argmin(metres))
    return metres[best], best


def _by_networkx(case: Case, spot: npt.NDArray[np.float64]) -> tuple[float, int]:
    node = ox.distance.nearest_nodes(case.graph, *spot)
    try:
        metres, way = nx.multi_source_dijkstra(
            case.graph, set(case.kits.tolist()), node, weight="length"
        )
    except nx.NetworkXNoPath:
        return np.inf, -1
    return metres, way[0]


@dataclasses.dataclass(frozen=True)
class _Size:
    """What one size of network takes."""

    net: Network
    snap_s: float
    tree_s: float
    read_s: float


def _sizes() -> str:
    lines = [
        "## Networks of any size\n",
        (
            f"A lattice of blocks with some streets left out, {_SPACING_M:.0f} m a side. Opening "
            "maps the files and checks that they fit together; a lookup is at another place each "
            f"time. `tree` has a limit of {_WALK_M:,.0f} m.\n"
        ),
        (
            "| junctions | on disk MB | built s | opened ms | `snap` µs | `tree` ms "
            "| `Field.at` µs | without numba: `snap` µs | `tree` ms | `Field.at` µs |"
        ),
        "|" + " --- |" * 10,
    ]
    for size in _SIZES:
        with tempfile.TemporaryDirectory() as parent:
            folder = Path(parent) / "net"
            start = time.perf_counter()
            network.build(_lattice(size), folder, _in_silence)
            built = time.perf_counter() - start
            opening = functools.partial(Network.open, folder)
            opened = medians({"open": opening}, _ROUNDS)["open"]
            net = Network.open(folder)
            stored = sum(path.stat().st_size for path in folder.iterdir()) / 1e6
            streets = Streets(net)
            row = [
                f"{len(net.junction):,}",
                f"{stored:,.0f}",
                f"{built:.1f}",
                f"{opened * 1e3:.1f}{'' if opened < 0.2 else ' (not < 200)'}",
                *_at_random(streets),
            ]
            with _plain():
                row += _at_random(streets)
        lines.append(f"| {' | '.join(row)} |")
    return "\n".join([*lines, ""])


def _at_random(streets: Streets) -> list[str]:
    net, random = streets.network, np.random.default_rng(5)
    spots = net.junction[random.integers(0, len(net.junction), 300)] / 100
    spots = spots + random.normal(0, 15, spots.shape)
    snaps = streets.snap(*spots.T)
    field = streets.field(snaps[:200])
    one: list[Snaps] = [snaps[i : i + 1] for i in range(len(snaps))]
    numbers = np.arange(len(spots))
    snap = _each(lambda spot: streets.snap(spot[:1], spot[1:]), spots)
    tree = _each(lambda i: streets.tree(one[i], _WALK_M), numbers)
    read = _each(lambda i: field.at(one[i]), numbers)
    return [
        f"{np.median(snap) * 1e6:.1f}",
        f"{np.median(tree) * 1e3:.2f}",
        f"{np.median(read) * 1e6:.1f}",
    ]


if __name__ == "__main__":
    print(report())
