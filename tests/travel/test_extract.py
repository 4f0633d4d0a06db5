"""Streets of extracts: a real county, and small ones with one trap each."""

import datetime as dt
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import osmium
import osmium.filter
import pytest
from osmium.osm import Box, Location
from osmium.osm.mutable import Node, Relation, Way
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from locator import geodesy
from locator.errors import ImportFileError
from locator.travel import extract, walking
from locator.travel.network import Raw

ROAD = {"highway": "residential"}
DAY = dt.datetime(2026, 7, 4, tzinfo=dt.UTC)


def quiet(what: str, rows: int) -> None:
    pass


@dataclass
class Map:
    """A small extract near Oakham: places on a grid of a thousandth of a degree."""

    nodes: dict[int, tuple[float, float]]
    ways: dict[int, tuple[Sequence[int], Mapping[str, str]]]
    tags: dict[int, Mapping[str, str]] = field(default_factory=dict)
    relations: Sequence[tuple[list[tuple[str, int, str]], Mapping[str, str]]] = ()
    box: Box | None = None
    stamp: str = ""
    drawn: dt.datetime | None = DAY

    def save(self, path: Path) -> Path:
        header = osmium.io.Header()
        if self.box is not None:
            header.add_box(self.box)
        if self.stamp:
            header.set("osmosis_replication_timestamp", self.stamp)
        with osmium.SimpleWriter(str(path), header=header, overwrite=True) as writer:
            for number, (x, y) in sorted(self.nodes.items()):
                place = (-0.73 + x / 1000, 52.67 + y / 1000)
                writer.add_node(Node(id=number, location=place, tags=self.tags.get(number, {})))
            for number, (refs, tags) in sorted(self.ways.items()):
                way = Way(id=number, nodes=refs, tags=tags, timestamp=self.drawn)
                writer.add_way(way)
            for number, (members, tags) in enumerate(self.relations, 1):
                writer.add_relation(Relation(id=number, members=members, tags=tags))
        return path

    def read(self, folder: Path) -> Raw:
        return extract.read(self.save(folder / "small.osm.pbf"), quiet)


def metres(raw: Raw) -> geodesy.type_floats:
    start, end = raw.links.T
    return geodesy.geodesic_m(raw.lon[start], raw.lat[start], raw.lon[end], raw.lat[end])


def pieces(raw: Raw) -> npt.NDArray[np.int32]:
    size = len(raw.lon)
    ones = np.ones(len(raw.links))
    graph = coo_array((ones, tuple(raw.links.T)), shape=(size, size))
    return np.asarray(connected_components(graph, directed=False)[1])


def drawn(raw: Raw) -> set[frozenset[tuple[int, int]]]:
    """Give the pieces by the places of their ends, on a grid of a tenth of a thousandth."""
    x = np.rint((raw.lon + 0.73) * 1e4).astype(int).tolist()
    y = np.rint((raw.lat - 52.67) * 1e4).astype(int).tolist()
    return {frozenset({(x[a], y[a]), (x[b], y[b])}) for a, b in raw.links.tolist()}


CROSS = Map(
    # two roads that meet in 3
    nodes={1: (0, 0), 2: (0, 1), 3: (1, 1), 4: (2, 1), 5: (1, 2), 6: (1, 0)},
    ways={
        1: ([1, 2, 3, 4], {**ROAD, "name": "High Street"}),
        2: ([5, 3, 6], {"highway": "footway"}),
        3: ([4, 5], {"highway": "service", "access": "private"}),
    },
)


def test_a_crossing(tmp_path: Path) -> None:
    raw = CROSS.read(tmp_path)
    assert len(raw.lon) == 6
    assert drawn(raw) == {
        frozenset({(0, 0), (0, 10)}),
        frozenset({(0, 10), (10, 10)}),
        frozenset({(10, 10), (20, 10)}),
        frozenset({(10, 20), (10, 10)}),
        frozenset({(10, 10), (10, 0)}),
    }
    assert pieces(raw).max() == 0
    labels = Counter((raw.labels[i].kind, raw.labels[i].name) for i in raw.label)
    assert labels == {("street", "High Street"): 3, ("footpath", ""): 2}
    assert raw.source.file == "small.osm.pbf"
    assert raw.source.licence == "ODbL 1.0"
    assert "1 way was left out: closed to the public." in raw.source.notes


@pytest.mark.parametrize(
    ("stamp", "when", "day", "said"),
    [
        ("2018-02-27T21:43:02Z", DAY, "2018-02-27", "in the header"),
        ("", DAY, "2026-07-04", "of the newest way"),
        ("", None, "", "Neither"),
    ],
)
def test_its_date(
    tmp_path: Path, stamp: str, when: dt.datetime | None, day: str, said: str
) -> None:
    small = Map(CROSS.nodes, CROSS.ways, stamp=stamp, drawn=when)
    source = small.read(tmp_path).source
    assert source.extracted_on == day
    assert said in source.notes[0]


def test_a_locked_gate_cuts_the_way(tmp_path: Path) -> None:
    locked = {"barrier": "gate", "locked": "yes"}
    raw = Map(CROSS.nodes, CROSS.ways, tags={2: locked}).read(tmp_path)
    assert sorted(np.bincount(pieces(raw)).tolist()) == [2, 5]
    assert len(drawn(raw)) == 5
    assert "1 barrier that nobody may pass cuts a way." in raw.source.notes
    # at the end of a way there is nothing to cut
    raw = Map(CROSS.nodes, CROSS.ways, tags={1: locked}).read(tmp_path)
    assert pieces(raw).max() == 0
    assert not any("barrier" in note for note in raw.source.notes)


# a car park from (0, 0) to (2, 2), and a drive from (1, 1) through its side to (4, 1)
PARK = {1: (0.0, 0.0), 2: (2.0, 0.0), 3: (2.0, 2.0), 4: (0.0, 2.0), 5: (1.0, 1.0), 6: (4.0, 1.0)}
RING = [1, 2, 3, 4, 1]
DRIVE = ([5, 6], {"highway": "service"})


def test_the_outline_of_a_car_park_joins_the_drive_that_crosses_it(tmp_path: Path) -> None:
    raw = Map(PARK, {1: (RING, {"amenity": "parking"}), 2: DRIVE}).read(tmp_path)
    assert pieces(raw).max() == 0
    for half in (frozenset({(10, 10), (20, 10)}), frozenset({(20, 0), (20, 10)})):
        assert half in drawn(raw)
    assert len(raw.links) == 4 + 1 + 2
    assert Counter(raw.labels[i].kind for i in raw.label) == {"car park": 5, "service road": 2}
    assert "1 outline of an area was joined to a way that crosses it." in raw.source.notes


@pytest.mark.parametrize("apart", [{"layer": "1"}, {"bridge": "yes"}, {"tunnel": "yes"}])
def test_a_bridge_over_a_car_park_does_not_join_it(tmp_path: Path, apart: dict[str, str]) -> None:
    drive = (DRIVE[0], DRIVE[1] | apart)
    raw = Map(PARK, {1: (RING, {"amenity": "parking"}), 2: drive}).read(tmp_path)
    assert pieces(raw).max() == 1


def test_roads_that_only_cross_are_not_joined(tmp_path: Path) -> None:
    raw = Map(PARK, {1: (RING, ROAD), 2: DRIVE}).read(tmp_path)
    assert pieces(raw).max() == 1


def test_a_drive_right_through_two_areas(tmp_path: Path) -> None:
    nodes = PARK | {7: (-2.0, 1.0), 11: (2.5, 0.0), 12: (3.5, 0.5), 13: (3.5, 2.0), 14: (1.5, 1.5)}
    square = {"highway": "pedestrian", "area": "yes", "name": "Market Place"}
    ways: dict[int, tuple[Sequence[int], Mapping[str, str]]] = {
        1: (RING, {"amenity": "parking"}),
        2: ([11, 12, 13, 14, 11], square),
        3: ([7, 6], {"highway": "service"}),
    }
    raw = Map(nodes, ways).read(tmp_path)
    assert pieces(raw).max() == 0
    drive = np.array([raw.labels[i].kind == "service road" for i in raw.label])
    # it is cut where it enters and leaves each, and stays one straight line
    assert drive.sum() == 5
    whole = geodesy.geodesic_m(-0.732, 52.671, -0.726, 52.671)
    assert metres(raw)[drive].sum() == pytest.approx(float(whole), rel=1e-9)
    # the two areas overlap: their outlines cross twice, and are joined there once
    assert "6 outlines of areas were joined to ways that cross them." in raw.source.notes


def test_the_outer_ring_of_an_area_with_a_hole(tmp_path: Path) -> None:
    nodes = PARK | {7: (0.5, 0.5), 8: (1.5, 0.5), 9: (1.5, 0.8)}
    ways: dict[int, tuple[Sequence[int], Mapping[str, str]]] = {
        1: ([1, 2, 3], {}),
        2: ([3, 4, 1], {"barrier": "fence"}),
        3: ([7, 8, 9, 7], {}),
        4: DRIVE,
    }
    tags = {"type": "multipolygon", "place": "square", "name": "Market Place"}
    outer = [("w", number, "outer") for number in (1, 2)]
    small = Map(nodes, ways, relations=[([*outer, ("w", 3, "inner"), ("n", 7, "")], tags)])
    raw = small.read(tmp_path)
    assert pieces(raw).max() == 0
    assert not any(frozenset({(5, 5), (15, 5)}) == piece for piece in drawn(raw))
    names = Counter(raw.labels[i].name for i in raw.label)
    # four sides; the drive crosses one of them
    assert names == {"Market Place": 5, "": 2}
    closed = [(outer, tags | {"access": "private"})]
    raw = Map(nodes, ways, relations=closed).read(tmp_path)
    assert "1 way was left out: closed to the public." in raw.source.notes


def test_ways_that_the_border_cuts(tmp_path: Path) -> None:
    nodes = {1: (0.0, 0.0), 2: (0.0, 1.0), 4: (0.0, 3.0), 5: (0.0, 4.0), 9: (8_000.0, 0.0)}
    raw = Map(nodes, {1: ([1, 2, 3, 4, 5, 5, 9], ROAD)}).read(tmp_path)
    # no straight line over the gap, none from a node to itself, none to Germany
    assert drawn(raw) == {frozenset({(0, 0), (0, 10)}), frozenset({(0, 30), (0, 40)})}
    assert len(raw.lon) == 4
    notes = " ".join(raw.source.notes)
    assert "1 node of a way is not in the extract" in notes
    assert "1 node lies outside Great Britain" in notes


def test_streets_beyond_the_box_are_kept_and_told(tmp_path: Path) -> None:
    box = Box(Location(-0.7305, 52.6695), Location(-0.7285, 52.6715))
    raw = Map(CROSS.nodes, CROSS.ways, box=box).read(tmp_path)
    assert len(raw.lon) == 6
    said = [note for note in raw.source.notes if "the box in the header" in note]
    assert said == [
        "2 vertices lie outside the box in the header, by up to 0.1 km: ways are kept whole."
    ]


def test_what_is_told_about_names_times_and_strange_kinds(tmp_path: Path) -> None:
    main = {"highway": "primary"}
    ways: dict[int, tuple[Sequence[int], Mapping[str, str]]] = {
        1: ([1, 2], {**main, "name": "Burley Road", "ref": "A606"}),
        2: ([2, 3], {**main, "ref": "A606"}),
        3: ([3, 4], main),
        4: ([4, 5], {"highway": "footway", "opening_hours": "sunrise-sunset"}),
        5: ([5, 6], {"highway": "layby"}),
    }
    notes = Map(CROSS.nodes, ways).read(tmp_path).source.notes
    assert notes[1:] == (
        "1 way was left out: of a kind that no rule knows (layby).",
        "1 way or barrier has rules that depend on the time; they are not applied.",
        "Of 3 pieces of main road 1 have no name and are called by their number, 1 have neither.",
    )


def test_positions_are_exactly_those_of_the_extract(tmp_path: Path) -> None:
    # numbers beyond 32 bits, as nodes have had since 2013
    nodes = {12_000_000_001: (0.1234, 0.5678), 9_999_999_999: (0.4321, 0.8765)}
    raw = Map(nodes, {1_400_000_000: ([12_000_000_001, 9_999_999_999], ROAD)}).read(tmp_path)
    assert sorted(raw.lon.tolist()) == [-0.7298766, -0.7295679]


@pytest.fixture(scope="module")
def file(test_data: Path) -> Path:
    return test_data / "street" / "rutland_2018-02-27.osm.pbf"


@pytest.fixture(scope="module")
def rutland(file: Path) -> Raw:
    return extract.read(file, quiet)


@dataclass(frozen=True)
class County:
    """Rutland read the plain way: every object in Python, each way with its positions."""

    tags: list[dict[str, str]]
    closed: list[bool]
    nodes: list[frozenset[int]]
    metres: geodesy.type_floats

    def km(self, wanted: Callable[[dict[str, str]], bool]) -> float:
        rows = [wanted(tags) for tags in self.tags]
        return float(self.metres[rows].sum() / 1000)


@pytest.fixture(scope="module")
def county(file: Path) -> County:
    tags, closed, nodes, lengths = [], [], [], []
    for way in osmium.FileProcessor(str(file)).with_locations():
        if not isinstance(way, osmium.osm.Way):
            continue
        said = {tag.k: tag.v for tag in way.tags}
        if not set(walking.KEYS).isdisjoint(said):
            at = np.array([(node.lon, node.lat) for node in way.nodes])
            tags.append(said)
            closed.append(way.is_closed())
            nodes.append(frozenset(node.ref for node in way.nodes))
            lengths.append(geodesy.geodesic_m(*at[:-1].T, *at[1:].T).sum())
    return County(tags, closed, nodes, np.array(lengths))


def test_no_metre_of_the_county_is_lost(rutland: Raw, county: County) -> None:
    both = zip(county.tags, county.closed, strict=True)
    walked = [isinstance(walking.walk(t, closed=c), walking.Walk) for t, c in both]
    assert metres(rutland).sum() == pytest.approx(county.metres[walked].sum(), rel=1e-9)
    nodes = frozenset().union(*(n for n, w in zip(county.nodes, walked, strict=True) if w))
    told = " ".join(rutland.source.notes)
    joined = int(re.findall(r"(\d+) outlines of areas were joined", told)[0])
    # each of two gates has two sides
    assert len(rutland.lon) == len(nodes) + joined + 2


def test_the_difference_from_pyrosm_is_understood(rutland: Raw, county: County) -> None:
    """pyrosm's walking network of this file has 1,290 km in 107 pieces, the largest of 25,944."""
    not_for_pyrosm = {"cycleway", "platform", "motorway", "motorway_link"}

    def as_pyrosm(tags: dict[str, str]) -> bool:
        return (
            tags.get("highway", "cycleway") not in not_for_pyrosm
            and tags.get("area") != "yes"
            and tags.get("foot") != "no"
            and tags.get("access") not in {"private", "no"}
        )

    assert county.km(as_pyrosm) == pytest.approx(1290, rel=0.005)
    kinds = np.array([label.kind for label in rutland.labels])[rutland.label]
    ours = metres(rutland)
    km = {kind: float(ours[kinds == kind].sum() / 1000) for kind in np.unique(kinds)}
    cycle_paths = county.km(lambda tags: tags.get("highway") == "cycleway")
    assert km["cycle path"] == pytest.approx(cycle_paths)
    areas = km["car park"] + km["square"] + km["platform"] + km["pier"]
    assert areas == pytest.approx(19.6, abs=0.1)
    # the rest is equal within a thousandth: private footways against rights of way
    rest = ours.sum() / 1000 - cycle_paths - areas
    assert rest == pytest.approx(county.km(as_pyrosm), rel=0.001)
    sizes = np.bincount(pieces(rutland))
    assert sizes.max() > 28_000


def test_real_places(rutland: Raw) -> None:
    assert rutland.source.extracted_on == "2018-02-27"
    names = {(label.kind, label.name) for label in rutland.labels}
    assert ("square", "School House Quad") in names
    assert ("road", "A606") in names
    assert any(kind == "steps" for kind, _ in names)


def test_a_real_gate_that_is_locked(rutland: Raw, file: Path) -> None:
    """Cemetery Lane in Oakham: “Now locked with no evidence of access permitted”."""
    gate = osmium.filter.IdFilter([4756699834])
    nodes = osmium.FileProcessor(str(file), osmium.osm.NODE).with_filter(gate)
    [(lon, lat)] = [(node.lon, node.lat) for node in nodes if isinstance(node, osmium.osm.Node)]
    ends = np.flatnonzero((rutland.lon == lon) & (rutland.lat == lat))
    lanes = np.isin(rutland.links, ends).any(axis=1)
    assert {rutland.labels[i].name for i in rutland.label[lanes]} == {"Cemetery Lane"}
    # both parts of the lane end at the gate, each for itself
    assert lanes.sum() == len(ends) == 2


def test_car_parks_are_within_reach(rutland: Raw) -> None:
    kinds = np.array([label.kind for label in rutland.labels])[rutland.label]
    piece = pieces(rutland)[rutland.links[:, 0]]
    main = np.bincount(pieces(rutland)).argmax()
    parks = kinds == "car park"
    reached = metres(rutland)[parks & (piece == main)].sum() / metres(rutland)[parks].sum()
    # 0.3 of their outlines without the joints where drives cross them
    assert reached > 0.6


def test_what_the_county_tells(rutland: Raw) -> None:
    assert rutland.source.notes == (
        "The date is the one in the header of the extract.",
        "188 vertices lie outside the box in the header, by up to 2.2 km: ways are kept whole.",
        "179 ways were left out: closed to the public.",
        "2 ways were left out: of a kind that no rule knows (layby, traffic_island).",
        (
            "Of 492 pieces of main road 73 have no name and are called by their number, 77 have "
            "neither."
        ),
        "2 barriers that nobody may pass cut ways.",
        "62 outlines of areas were joined to ways that cross them.",
    )


def test_progress_is_told(file: Path) -> None:
    done: Counter[str] = Counter()

    def note(what: str, rows: int) -> None:
        done[what] += rows

    extract.read(file, note)
    assert done["Reading"] > 4_000
    assert done["Joining areas"] > 30_000


def test_files_that_are_no_extract(tmp_path: Path) -> None:
    whole = CROSS.save(tmp_path / "small.osm.pbf")
    empty, junk = tmp_path / "empty.osm.pbf", tmp_path / "junk.osm.pbf"
    empty.touch()
    junk.write_text("<osm/>", "utf-8")
    cut = tmp_path / "cut.osm.pbf"
    cut.write_bytes(whole.read_bytes()[:-40])
    bare = Map(CROSS.nodes, {3: CROSS.ways[3]}).save(tmp_path / "bare.osm.pbf")
    lost = Map({}, CROSS.ways).save(tmp_path / "lost.osm.pbf")
    for path, message in (
        (tmp_path / "none.osm.pbf", "No such file"),
        (tmp_path, "Is a directory"),
        (empty, r"no OpenStreetMap extract in PBF format \(\.osm\.pbf\)"),
        (junk, "no OpenStreetMap extract"),
        (cut, "damaged or not complete"),
        (bare, "no way in Great Britain.* 1 way was left out: closed to the public"),
        (lost, "no way in Great Britain.* 6 nodes of ways are not in the extract"),
    ):
        with pytest.raises(ImportFileError, match=message):
            extract.read(path, quiet)
    # the name does not matter
    assert len(extract.read(whole.rename(tmp_path / "download"), quiet).lon) == 6


def test_a_history(tmp_path: Path) -> None:
    path = tmp_path / "small.osh.pbf"
    CROSS.save(path)
    with pytest.raises(ImportFileError, match="history"):
        extract.read(path, quiet)


def test_a_download_that_stopped_or_was_damaged(file: Path, tmp_path: Path) -> None:
    whole = file.read_bytes()
    random = np.random.default_rng(1)
    for at in random.integers(1, len(whole), 12).tolist():
        broken = tmp_path / "broken.osm.pbf"
        flipped = whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :]
        for content in (whole[:at], flipped):
            broken.write_bytes(content)
            with pytest.raises(ImportFileError, match=r"damaged|no OpenStreetMap extract"):
                extract.read(broken, quiet)
