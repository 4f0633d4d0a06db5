"""Walking metres by another way: networkx on streets as they were drawn, shapely to find them."""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import networkx as nx
import numpy as np
import pyproj
import shapely
from click.testing import CliRunner

from locator import geodesy
from locator.cli import main
from locator.travel import extract, network
from locator.travel.network import Label, Network, Raw, Source
from locator.travel.streets import Streets

MIDDLE = (490_000.0, 308_000.0)  # fields near Oakham, EPSG:27700
_GEOD = pyproj.Geod(ellps="GRS80")
# connected pieces with less street than this are left out, as in the product
_PIECE_M = 10_000.0


@dataclass(frozen=True)
class Spot:
    """A point on one straight piece of street, and how far the position is from it."""

    start: int
    end: int
    before_m: float
    after_m: float
    aside_m: float


class Walked:
    """Streets as a plain graph of all vertices; nothing is contracted."""

    def __init__(self, raw: Raw, piece_m: float = _PIECE_M) -> None:
        start, end = raw.links.T
        ends = [axis[side] for side in (start, end) for axis in (raw.lon, raw.lat)]
        metres = np.asarray(_GEOD.inv(*ends)[2])
        graph = nx.Graph()
        rows = zip(start.tolist(), end.tolist(), metres.tolist(), raw.label, strict=True)
        for a, b, m, label in rows:
            if not graph.has_edge(a, b):
                graph.add_edge(a, b, metres=m, label=raw.labels[label])
        for piece in list(nx.connected_components(graph)):
            if graph.subgraph(piece).size("metres") < piece_m:
                graph.remove_nodes_from(piece)
        self.graph = graph
        self.grid = np.column_stack(geodesy.to_bng(raw.lon, raw.lat))
        self.links = [(a, b) for a, b in raw.links.tolist() if a in graph and a != b]

    @cached_property
    def lines(self) -> shapely.STRtree:
        return shapely.STRtree(shapely.linestrings(self.grid[np.array(self.links)]))

    def spot(self, x: float, y: float) -> Spot:
        """Find the nearest street (EPSG:27700 metres)."""
        at = shapely.Point(x, y)
        number = int(self.lines.nearest(at))
        line = self.lines.geometries[number]
        start, end = self.links[number]
        share = line.project(at, normalized=True)
        metres = self.graph.edges[start, end]["metres"]
        return Spot(start, end, share * metres, (1 - share) * metres, line.distance(at))

    def field(self, *spots: Spot, limit_m: float | None = None) -> dict[int, float]:
        """Tell how far it is from each vertex to the nearest of some spots."""
        for number, spot in enumerate(spots):
            name = ("spot", number)
            self.graph.add_edge(name, spot.start, metres=spot.aside_m + spot.before_m)
            self.graph.add_edge(name, spot.end, metres=spot.aside_m + spot.after_m)
        names = [("spot", number) for number in range(len(spots))]

        def metres(a: object, b: object, known: dict[str, float]) -> float | None:
            # nobody walks through a position that lies beside a street
            return None if b in names else known["metres"]

        try:
            found: dict[int, float] = nx.multi_source_dijkstra_path_length(
                self.graph, names, cutoff=limit_m, weight=metres
            )
        finally:
            self.graph.remove_nodes_from(names)
        return found

    @staticmethod
    def read(field: dict[int, float], sources: tuple[Spot, ...], target: Spot) -> float:
        """Tell how far it is from the sources of a field to a spot."""
        ways = [
            field.get(target.start, np.inf) + target.before_m,
            field.get(target.end, np.inf) + target.after_m,
            *(
                abs(source.before_m - target.before_m) + source.aside_m
                for source in sources
                if (source.start, source.end) == (target.start, target.end)
            ),
        ]
        return float(min(ways) + target.aside_m)

    def metres(self, here: tuple[float, float], there: tuple[float, float]) -> float:
        """Tell how far it is between two positions (EPSG:27700 metres)."""
        source, target = self.spot(*here), self.spot(*there)
        return self.read(self.field(source), (source,), target)

    def stretches(
        self, here: tuple[float, float], there: tuple[float, float]
    ) -> list[tuple[Label, float]]:
        """Tell along what the shortest way leads, and how far along each."""
        source, target = self.spot(*here), self.spot(*there)
        for name, spot in (("here", source), ("there", target)):
            label = self.graph.edges[spot.start, spot.end]["label"]
            self.graph.add_edge(name, spot.start, metres=spot.before_m, label=label)
            self.graph.add_edge(name, spot.end, metres=spot.after_m, label=label)
        try:
            way = nx.dijkstra_path(self.graph, "here", "there", weight="metres")
            pieces = [self.graph.edges[pair] for pair in nx.utils.pairwise(way)]
        finally:
            self.graph.remove_nodes_from(["here", "there"])
        found: list[tuple[Label, float]] = []
        for piece in pieces:
            if found and found[-1][0] == piece["label"]:
                found[-1] = (piece["label"], found[-1][1] + piece["metres"])
            else:
                found.append((piece["label"], piece["metres"]))
        return found


def silent(_what: str, _done: int) -> None:
    """Take no notice of progress."""


@lru_cache(maxsize=1)
def rutland_by_networkx(test_data: Path) -> Walked:
    """Read the streets of Rutland as they were drawn, once for all tests."""
    return Walked(extract.read(test_data / "street" / "rutland_2018-02-27.osm.pbf", silent))


def drawn(streets: list[tuple[Label, list[tuple[float, float]]]]) -> Raw:
    """Draw streets from metres east and north of the middle; equal corners are joined."""
    number: dict[tuple[float, float], int] = {}
    labels: dict[Label, int] = {}
    links, kinds = [], []
    for label, corners in streets:
        stops = [number.setdefault(corner, len(number)) for corner in corners]
        links += list(nx.utils.pairwise(stops))
        kinds += [labels.setdefault(label, len(labels))] * (len(stops) - 1)
    at = np.array(list(number)) + MIDDLE
    lon, lat = geodesy.to_wgs84(at[:, 0].copy(), at[:, 1].copy())
    source = Source("drawn.osm.pbf", "2026-01-02", "ODbL 1.0", "© OpenStreetMap contributors", ())
    return Raw(lon, lat, np.array(links), np.array(kinds), list(labels), source)


def built(raw: Raw, folder: Path) -> Streets:
    """Build a network from a drawing of one piece."""
    network.build(raw, folder, silent)
    return Streets(Network.open(folder))


def import_kits_of_rutland(database_url: str) -> None:
    """Add four kits that do not exist to a registry, by the way that anybody's kits come in."""
    environment = {"LOCATOR_DATABASE_URL": database_url, "LOCATOR_BY": "a test"}
    done = CliRunner(env=environment).invoke(main, ["import", str(_KITS), "--write"])
    assert done.exit_code == 0, done.output


_KITS = Path(__file__).parent / "data" / "rutland_kits.csv"
