"""A network on disk: what is joined, what is kept, and what happens when things go wrong."""

import itertools
import json
import os
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyproj
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from locator import geodesy
from locator.errors import DataError
from locator.travel import network
from locator.travel.network import Detour, Label, Network, Raw, Source

GRS80 = pyproj.Geod(ellps="GRS80")
MIDDLE = (490_000.0, 308_000.0)  # fields near Oakham, EPSG:27700


def silent(_what: str, _done: int) -> None:
    """Take no notice of progress."""


def raw_of(
    points: list[tuple[float, float]], links: list[tuple[int, int]], labels: list[int] | None = None
) -> Raw:
    """Draw streets from metres east and north of the middle (EPSG:27700)."""
    at = np.array(points, dtype=np.float64).reshape(-1, 2) + MIDDLE
    lon, lat = geodesy.to_wgs84(at[:, 0].copy(), at[:, 1].copy())
    label = np.zeros(len(links), dtype=np.int64) if labels is None else np.array(labels)
    named = [Label("street", f"Street {number}") for number in range(label.max(initial=0) + 1)]
    source = Source("drawn.osm.pbf", "2026-01-02", "ODbL 1.0", "© OpenStreetMap contributors", ())
    return Raw(lon, lat, np.array(links, dtype=np.int64).reshape(-1, 2), label, named, source)


class Town:
    """A small random town, drawn street by street."""

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)
        self.points: list[tuple[float, float]] = []
        self.links: list[tuple[int, int]] = []
        self.labels: list[int] = []
        self.kinds = int(self.random.integers(1, 4))
        self.spacing = float(self.random.choice([25.0, 90.0, 400.0]))

    def chance(self, share: float) -> bool:
        return bool(self.random.random() < share)

    def vertex(self, x: float, y: float) -> int:
        self.points.append((float(x), float(y)))
        return len(self.points) - 1

    def street(self, stops: list[int]) -> None:
        """Join vertices; the label may change on the way."""
        label = int(self.random.integers(self.kinds))
        for a, b in itertools.pairwise(stops):
            self.links.append((a, b) if self.chance(0.5) else (b, a))
            label = int(self.random.integers(self.kinds)) if self.chance(0.2) else label
            self.labels.append(label)

    def bent(self, a: int, b: int, aside: float) -> None:
        """Join two vertices with some more between them, off the straight line."""
        start, end = np.array(self.points[a]), np.array(self.points[b])
        across = (end - start)[::-1] * (-1, 1) * aside
        shares = np.sort(self.random.uniform(0.15, 0.85, int(self.random.integers(1, 5))))
        self.street([a, *(self.vertex(*(start + (end - start) * s + across)) for s in shares), b])

    def lattice(self) -> None:
        """Draw blocks out of true with streets left out: dead ends and several pieces."""
        columns, rows = self.random.integers(1, 6, 2)
        at = np.stack(np.meshgrid(np.arange(columns), np.arange(rows), indexing="ij"), axis=-1)
        spots = (at + self.random.uniform(-0.15, 0.15, at.shape)) * self.spacing
        corner = [[self.vertex(*spot) for spot in column] for column in spots]
        share = self.random.uniform(0.3, 1.0)
        for i, j in np.ndindex(columns, rows):
            if i + 1 < columns and self.chance(share):
                self.block(corner[i][j], corner[i + 1][j])
            if j + 1 < rows and self.chance(share):
                self.block(corner[i][j], corner[i][j + 1])
            self.oddities(corner[i][j])

    def block(self, a: int, b: int) -> None:
        self.bent(a, b, 0.0 if self.chance(0.5) else 0.03)
        if self.chance(0.15):
            self.bent(a, b, 0.08)
        if self.chance(0.1):
            self.street([a, b])

    def oddities(self, a: int) -> None:
        x, y = self.points[a]
        step = 0.2 * self.spacing
        if self.chance(0.1):  # two vertices at one spot
            twin = self.vertex(x, y)
            self.street([a, twin])
            self.street([twin, self.vertex(x - step, y - step)])
        if self.chance(0.1):  # a street that comes back
            self.street(
                [a, self.vertex(x + step, y + step - 1), self.vertex(x + step - 2, y + step), a]
            )

    def rings(self) -> None:
        """Draw rings that nothing joins."""
        for number in range(int(self.random.integers(0, 3))):
            x = -self.spacing * (1 + number)
            stops = [(x, 0.0), (x + 0.5 * self.spacing, 3.0), (x, 0.4 * self.spacing)]
            ring = [self.vertex(*stop) for stop in stops]
            self.street([*ring, ring[0]])

    def slips(self) -> None:
        """Draw some streets twice, and one from a vertex to itself."""
        for chosen in self.random.integers(0, len(self.links), int(self.random.integers(0, 4))):
            self.links.append(self.links[chosen][::-1])
            self.labels.append(self.labels[chosen])
        self.links.append((self.links[0][0], self.links[0][0]))
        self.labels.append(0)


def town(seed: int) -> Raw:
    """Draw a small random town with everything that real drawings have."""
    drawing = Town(seed)
    drawing.lattice()
    drawing.rings()
    if not drawing.links:
        drawing.street([drawing.vertex(-900, 0), drawing.vertex(-950, 10)])
    drawing.slips()
    return raw_of(drawing.points, drawing.links, drawing.labels)


def built(raw: Raw, folder: Path, piece_m: float = 0.0) -> Network:
    """Build a network that keeps small pieces."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(network, "_PIECE_M", piece_m)
        return network.build(raw, folder, silent)


def links_of(raw: Raw) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Give the links of a drawing once each, and their metres on the ellipsoid."""
    links = np.unique(np.sort(raw.links, axis=1), axis=0)
    links = links[links[:, 0] != links[:, 1]]
    ends = [axis[links[:, end]] for end in (0, 1) for axis in (raw.lon, raw.lat)]
    # an array of one element makes old versions warn
    return links, np.array(GRS80.inv(*(end.tolist() for end in ends))[2])


def label_of_each(raw: Raw) -> dict[tuple[int, int], int]:
    """Give the label of each link; of one drawn twice, that of the first."""
    pairs = [(min(link), max(link)) for link in raw.links.tolist()]
    return dict(zip(pairs[::-1], raw.label.tolist()[::-1], strict=True))


def centimetres(raw: Raw) -> npt.NDArray[np.int64]:
    easting, northing = geodesy.to_bng(raw.lon, raw.lat)
    return np.rint(np.column_stack([easting, northing]) * 100).astype(np.int64)


seeds = st.integers(0, 2**32 - 1)
thorough = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@given(seed=seeds)
@thorough
def test_streets_are_joined_without_loss(seed: int, tmp_path: Path) -> None:
    raw = town(seed)
    net = built(raw, tmp_path / "net")
    links, metres = links_of(raw)
    at = centimetres(raw)
    label = {pair: raw.labels[number] for pair, number in label_of_each(raw).items()}

    drawn: Counter[object] = Counter()
    for a, b in links:
        drawn[frozenset([tuple(at[a]), tuple(at[b])]), label[a, b]] += 1
    kept: Counter[object] = Counter()
    for edge in range(len(net.ends)):
        line = net.point[net.first[edge] : net.first[edge + 1]]
        assert np.array_equal(line[[0, -1]], net.junction[net.ends[edge]])
        for a, b in itertools.pairwise(line):
            kept[frozenset([tuple(a), tuple(b)]), net.label_of(edge)] += 1
    assert kept == drawn
    assert net.about.metres == pytest.approx(metres.sum(), abs=1e-3)
    assert net.length_m.sum() == pytest.approx(metres.sum(), abs=1e-3)
    assert (net.length_m > 0).all()
    assert np.array_equal(net.point_m[net.first[1:] - 1], net.length_m)
    assert net.about.edges == len(net.ends)
    assert net.about.junctions == len(net.junction)


@given(seed=seeds)
@thorough
def test_nothing_is_a_junction_without_need(seed: int, tmp_path: Path) -> None:
    raw = town(seed)
    net = built(raw, tmp_path / "net")
    links = links_of(raw)[0]
    named = label_of_each(raw)
    labels: dict[int, list[int]] = {}
    for a, b in links:
        labels.setdefault(a, []).append(named[a, b])
        labels.setdefault(b, []).append(named[a, b])
    needed = sum(len(met) != 2 or met[0] != met[1] for met in labels.values())
    alone = Counter(net.ends.reshape(-1).tolist())
    rings = sum(
        a == b and alone[a] == 2 and _is_one_label(net, edge)
        for edge, (a, b) in enumerate(net.ends.tolist())
    )
    assert len(net.junction) == needed + rings


def _is_one_label(net: Network, edge: int) -> bool:
    """Tell whether an edge is a ring of its own; always so where nothing else meets it."""
    return int(net.ends[edge, 0]) not in net.adjacent


@given(seed=seeds)
@thorough
def test_every_piece_of_street_is_listed_in_the_cells_it_runs_through(
    seed: int, tmp_path: Path
) -> None:
    net = built(town(seed), tmp_path / "net")
    side = 1 << network.SEGMENT_BITS
    inner = np.setdiff1d(np.arange(len(net.point)), net.first[1:] - 1)
    cells = {int(code): number for number, code in enumerate(net.segment_cell)}
    for piece in inner:
        line = shapely.LineString(net.point[piece : piece + 2])
        low, high = (np.array(corner) // side for corner in np.split(np.array(line.bounds), 2))
        for column in range(int(low[0]), int(high[0]) + 1):
            for row in range(int(low[1]), int(high[1]) + 1):
                # a hair smaller: which cell its border belongs to is left open
                west, south = column * side + 1e-3, row * side + 1e-3
                box = shapely.box(west, south, west + side - 2e-3, south + side - 2e-3)
                if box.intersects(line):
                    number = cells[int(network.morton(np.array([[column, row]]))[0])]
                    first, last = net.segment_cell_first[number : number + 2]
                    assert piece in net.segment[first:last]


def test_what_is_near_on_the_ground_is_near_in_the_file(tmp_path: Path) -> None:
    net = built(town(7), tmp_path / "net")
    code = network.morton(net.junction.astype(np.int64))
    assert (np.diff(code) >= 0).all()
    assert (np.diff(net.ends.min(axis=1)) >= 0).all()
    assert (np.diff(net.segment_cell) > 0).all()


@given(columns=st.integers(0, 2**31 - 1), rows=st.integers(0, 2**31 - 1))
def test_morton_interleaves_bits(columns: int, rows: int) -> None:
    code = int(network.morton(np.array([[columns, rows]]))[0])
    assert int(f"{code:064b}"[1::2], 2) == columns
    assert int(f"{code:064b}"[0::2], 2) == rows


def test_a_ring_alone_is_a_network(tmp_path: Path) -> None:
    net = built(raw_of([(0, 0), (90, 0), (0, 90)], [(0, 1), (1, 2), (2, 0)]), tmp_path / "net")
    assert net.ends.tolist() == [[0, 0]]
    assert len(net.adjacent) == 0
    assert Network.open(tmp_path / "net").length_m == pytest.approx(90 * (2 + 2**0.5), rel=1e-3)


def test_small_pieces_are_left_out_and_told(tmp_path: Path) -> None:
    raw = raw_of(
        [(0, 0), (9000, 0), (0, 500), (70, 500), (0, 800), (40, 800)], [(0, 1), (2, 3), (4, 5)]
    )
    about = network.build(raw, tmp_path / "net", silent).about
    # the largest stays even if it is small
    assert (about.pieces_kept, about.pieces_dropped) == (1, 2)
    assert about.metres == pytest.approx(9000, rel=1e-3)
    assert about.metres_dropped == pytest.approx(110, rel=1e-3)
    assert about.largest_dropped == ("70 m near SK 9000 0850", "40 m near SK 9000 0880")


def test_two_builds_give_the_same_files(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        built(town(11), tmp_path / folder)
    files = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert files == sorted(path.name for path in (tmp_path / "b").iterdir())
    for name in files:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_the_order_of_a_drawing_hardly_matters(tmp_path: Path) -> None:
    raw = town(12)
    shuffled = np.random.default_rng(0).permutation(len(raw.links))
    other = Raw(
        raw.lon, raw.lat, raw.links[shuffled][:, ::-1], raw.label[shuffled], raw.labels, raw.source
    )
    one, two = built(raw, tmp_path / "a"), built(other, tmp_path / "b")
    assert np.array_equal(one.junction, two.junction)
    assert np.allclose(np.sort(one.length_m), np.sort(two.length_m))


@pytest.mark.parametrize("points", [[], [(0, 0), (10, 0)]])
def test_without_streets_there_is_no_network(
    points: list[tuple[float, float]], tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="no piece of street"):
        network.build(raw_of(points, []), tmp_path / "net", silent)
    assert not list(tmp_path.iterdir())


def test_facts_survive_the_disk(tmp_path: Path) -> None:
    net = built(town(3), tmp_path / "net")
    assert Network.open(tmp_path / "net").about == net.about
    detour = Detour(1.1, 1.3, 1.9, "a trial")
    annotated = network.annotate(net, tmp_path / "net", detour)
    assert annotated.about.detour == detour
    assert Network.open(tmp_path / "net").about == annotated.about
    assert json.loads((tmp_path / "net" / "network.json").read_text())["detour"]["median"] == 1.3


def _gone(file: Path) -> None:
    file.unlink()


def _empty(file: Path) -> None:
    file.write_bytes(b"")


def _cut_short(file: Path) -> None:
    os.truncate(file, file.stat().st_size - 3)


def _garbage(file: Path) -> None:
    file.write_bytes(bytes(range(256)) * 4)


def _another_kind(file: Path) -> None:
    np.save(file.with_suffix(".npy"), np.zeros((3, 3), dtype=np.complex64))
    file.with_suffix(".npy").replace(file)


def _longer(file: Path) -> None:
    array = np.load(file)
    np.save(file, np.concatenate([array, array[-1:] + 1]))


def _pickle(file: Path) -> None:
    np.save(file, np.array([{"a": 1}], dtype=object), allow_pickle=True)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sound") / "net"
    built(town(5), folder)
    return folder


@pytest.mark.parametrize(
    "damage", [_gone, _empty, _cut_short, _garbage, _another_kind, _longer, _pickle]
)
@pytest.mark.parametrize("name", network._ARRAYS)
def test_damage_is_noticed(
    name: str, damage: Callable[[Path], None], sound: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(sound, tmp_path / "net")
    damage(folder / f"{name}.npy")
    with pytest.raises(DataError, match="locator network build"):
        Network.open(folder)


@pytest.mark.parametrize(
    "facts", ["", "[]", "1", '"a"', "null", "{", "{}", '{"format": 1}', '{"format": 2}', "\xff"]
)
def test_foreign_facts_are_noticed(facts: str, sound: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(sound, tmp_path / "net")
    (folder / "network.json").write_text(facts, "latin-1")
    with pytest.raises(DataError, match="locator network build"):
        Network.open(folder)


def test_a_folder_that_is_none_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder in (tmp_path, tmp_path / "nothing", tmp_path / "file"):
        with pytest.raises(DataError, match="locator network build"):
            Network.open(folder)


def test_nothing_but_a_network_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "will.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    for name in ("letters", "file"):
        with pytest.raises(DataError, match="something else"):
            built(town(5), tmp_path / name)
    assert (tmp_path / "letters" / "will.txt").read_text() == "mine"
    assert (tmp_path / "file").read_text() == "mine"
    (tmp_path / "empty").mkdir()
    built(town(5), tmp_path / "empty")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "file", "letters"]


def test_a_link_to_a_folder_stays_a_link(tmp_path: Path) -> None:
    built(town(5), tmp_path / "real")
    (tmp_path / "link").symlink_to("real")
    about = built(town(6), tmp_path / "link").about
    assert (tmp_path / "link").is_symlink()
    assert Network.open(tmp_path / "real").about == about
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "real"]


def test_who_has_a_network_open_keeps_it_when_it_is_replaced(tmp_path: Path) -> None:
    old = built(town(5), tmp_path / "net")
    kept = {name: getattr(old, name).copy() for name in network._ARRAYS}
    new = built(town(6), tmp_path / "net")
    assert all(np.array_equal(getattr(old, name), array) for name, array in kept.items())
    assert Network.open(tmp_path / "net").about == new.about != old.about
    assert [path.name for path in tmp_path.iterdir()] == ["net"]


def test_no_network_is_opened_half_old_and_half_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built(town(5), tmp_path / "net")
    mapped, count = network._mapped, 0

    def slow(file: Path) -> npt.NDArray[Any]:
        nonlocal count
        count += 1
        if count == 7:
            new = built(town(6), tmp_path / "new")
            (tmp_path / "net").rename(tmp_path / "old")
            (tmp_path / "new").rename(tmp_path / "net")
            assert new.about.edges
        return mapped(file)

    monkeypatch.setattr(network, "_mapped", slow)
    opened = Network.open(tmp_path / "net")
    monkeypatch.undo()
    new = Network.open(tmp_path / "net")
    assert all(
        np.array_equal(getattr(opened, name), getattr(new, name)) for name in network._ARRAYS
    )


@pytest.mark.parametrize("moment", ["save", "facts", "first rename", "second rename"])
def test_whoever_interrupts_a_build_has_the_old_network(
    moment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    about = built(town(5), tmp_path / "net").about
    real_rename, renames = Path.rename, 0

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    def rename(self: Path, target: Path) -> Path:
        nonlocal renames
        renames += 1
        if renames == (1 if moment == "first rename" else 2):
            raise KeyboardInterrupt
        return real_rename(self, target)

    if moment == "save":
        monkeypatch.setattr(np, "save", interrupted)
    elif moment == "facts":
        monkeypatch.setattr(network, "_write_facts", interrupted)
    else:
        monkeypatch.setattr(Path, "rename", rename)
    with pytest.raises(KeyboardInterrupt):
        built(town(6), tmp_path / "net")
    monkeypatch.undo()
    assert Network.open(tmp_path / "net").about == about
    assert [path.name for path in tmp_path.iterdir()] == ["net"]


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    places = [tmp_path / "file" / "net"]
    if Path("/proc/self").exists():
        places.append(Path("/proc/network"))  # even root may not write there
    for folder in places:
        with pytest.raises(DataError, match="cannot be written"):
            built(town(5), folder)
    net = built(town(5), tmp_path / "net")
    shutil.rmtree(tmp_path / "net")
    with pytest.raises(DataError, match="cannot be changed"):
        network.annotate(net, tmp_path / "net", Detour(1, 1, 1, ""))


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_to_read_from_only(tmp_path: Path) -> None:
    net = built(town(5), tmp_path / "parent" / "net")
    (tmp_path / "parent" / "net").chmod(0o500)
    (tmp_path / "parent").chmod(0o500)
    assert Network.open(tmp_path / "parent" / "net").about == net.about
    with pytest.raises(DataError, match="Permission denied"):
        built(town(6), tmp_path / "parent" / "net")
    (tmp_path / "parent").chmod(0o700)
