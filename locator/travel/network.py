"""Keep a walking network on disk as plain arrays that are mapped into memory, not read.

A street between two junctions is one *edge* with its whole line, so searches pass over
junctions only. Junctions and edges lie in Morton order: what is near on the ground is near
in the file, and a lookup touches a few pages whatever the size of the network.
"""

import dataclasses
import datetime as dt
import functools
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import TypeAdapter
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from locator import geodesy
from locator.errors import DataError

type_ints = npt.NDArray[np.int64]
Progress = Callable[[str, int], None]

FORMAT = 1
CM = 100
# connected pieces with less street than this are no way to anywhere
_PIECE_M = 10_000.0
# cells of 2**14 cm (164 m) hold pieces of street, cells of 2**16 cm (655 m) junctions
SEGMENT_BITS, JUNCTION_BITS = 14, 16
CELL_M = (1 << SEGMENT_BITS) / CM
_SHORTEST_M = 1e-6
_PIECES_TOLD = 5


@dataclass(frozen=True, slots=True)
class Label:
    """What a street is called in speech.

    Attributes
    ----------
    kind
        A word such as ``footpath`` or ``steps``.
    name
        Its name, else its number such as A606, else empty.
    """

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Source:
    """Where a network comes from, and what was noticed on the way."""

    file: str
    extracted_on: str
    licence: str
    attribution: str
    notes: tuple[str, ...]

    @property
    def title(self) -> str:
        """What it is, for people who do not know files."""
        return f"OpenStreetMap{f' of {self.extracted_on}' if self.extracted_on else ''}"


@dataclass(frozen=True, slots=True, eq=False)
class Raw:
    """Streets as they were drawn, before anything is joined.

    Attributes
    ----------
    lon, lat
        Vertices in degrees (EPSG:4326), shape ``(n,)``.
    links
        Numbers of the two vertices of each straight piece, shape ``(m, 2)``; walked both ways.
    label
        Number of each piece's label, shape ``(m,)``.
    labels
        Labels by number.
    source
        Provenance.
    """

    lon: geodesy.type_floats
    lat: geodesy.type_floats
    links: npt.NDArray[np.integer]
    label: npt.NDArray[np.integer]
    labels: list[Label]
    source: Source


@dataclass(frozen=True, slots=True)
class Detour:
    """Walking metres divided by straight-line metres.

    Attributes
    ----------
    low, median, high
        10th, 50th and 90th percentile.
    source
        On what they were measured.
    """

    low: float
    median: float
    high: float
    source: str


@dataclass(frozen=True, slots=True)
class About:
    """Facts of a network that people ask for."""

    source: Source
    built_on: str
    vertices: int
    junctions: int
    edges: int
    metres: float
    pieces_kept: int
    pieces_dropped: int
    metres_dropped: float
    largest_dropped: tuple[str, ...]
    detour: Detour | None = None

    def as_dict(self) -> dict[str, object]:
        """Give the facts as plain values for JSON."""
        return dataclasses.asdict(self)


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """A walking network; every array is mapped read-only.

    Attributes
    ----------
    about
        Provenance and counts.
    labels
        Labels by number, read from ``label_text`` as needed with :meth:`label_of`.
    junction
        Easting and northing of the junctions, whole centimetres (EPSG:27700), ``(j, 2)`` int32.
    adjacent_first, adjacent, adjacent_m, adjacent_edge
        Neighbours of junction ``i`` at ``adjacent_first[i]:adjacent_first[i + 1]``: their
        numbers, metres and the edge taken. Of parallel edges the shortest; no loops.
    ends
        Junctions at the two ends of each edge, ``(e, 2)`` int32.
    length_m
        Ellipsoidal metres of each edge, ``(e,)`` float64.
    edge_label
        Number of each edge's label, ``(e,)`` int32.
    first
        Edge ``i`` has the points ``first[i]:first[i + 1]``, both ends among them.
    point, point_m
        Points of all edges, whole centimetres ``(p, 2)`` int32, and how many metres of the
        edge lie before each, ``(p,)`` float32.
    junction_cell, junction_cell_first
        Morton codes of occupied 655 m cells and their first junctions.
    segment_cell, segment_cell_first, segment
        Morton codes of occupied 164 m cells, and the first points of the pieces of street
        that run through each.
    label_text, label_first
        UTF-8 bytes of the labels (kind, tab, name) and where each begins.
    """

    about: About
    junction: npt.NDArray[np.int32]
    adjacent_first: npt.NDArray[np.int32]
    adjacent: npt.NDArray[np.int32]
    adjacent_m: geodesy.type_floats
    adjacent_edge: npt.NDArray[np.int32]
    ends: npt.NDArray[np.int32]
    length_m: geodesy.type_floats
    edge_label: npt.NDArray[np.int32]
    first: type_ints
    point: npt.NDArray[np.int32]
    point_m: npt.NDArray[np.float32]
    junction_cell: type_ints
    junction_cell_first: type_ints
    segment_cell: type_ints
    segment_cell_first: type_ints
    segment: npt.NDArray[np.int32]
    label_text: npt.NDArray[np.uint8]
    label_first: type_ints

    @classmethod
    def open(cls, folder: Path) -> "Network":
        """Map a network that :func:`build` has written.

        Raises
        ------
        DataError
            There is no network, it is damaged, or it was written by another version.
        """
        try:
            while True:
                before = folder.stat()
                facts = json.loads((folder / _FACTS).read_text("utf-8"))
                version = facts.pop("format")
                arrays = {name: _mapped(folder / f"{name}.npy") for name in _ARRAYS}
                # not one half of a network and one of the one that has just replaced it
                if os.path.samestat(before, folder.stat()):
                    break
            about = _ABOUT.validate_python(facts)
        except (OSError, EOFError, ValueError, LookupError, TypeError, AttributeError) as error:
            msg = f"{folder} holds no complete walking network. Run locator network build."
            raise DataError(msg) from error
        if version != FORMAT:
            msg = f"{folder} was built by another version. Run locator network build again."
            raise DataError(msg)
        network = cls(about=about, **arrays)
        if not _fits(network):
            msg = f"The parts of {folder} do not fit together. Run locator network build again."
            raise DataError(msg)
        return network

    def label_of(self, edge: int) -> Label:
        """Tell what an edge is called."""
        number = self.edge_label[edge]
        start, end = self.label_first[number], self.label_first[number + 1]
        kind, name = self.label_text[start:end].tobytes().decode().split("\t")
        return Label(kind, name)


_FACTS = "network.json"
_ABOUT = TypeAdapter(About)
_ARRAYS = tuple(field.name for field in dataclasses.fields(Network) if field.name != "about")


def _mapped(file: Path) -> npt.NDArray[Any]:
    # a plain view: the subclass of mapped arrays is slow to slice
    return np.asarray(np.load(file, mmap_mode="r"))


def _fits(network: Network) -> bool:
    """Tell whether types and lengths agree: compiled kernels read whatever they are told to."""
    edges, points = len(network.ends), len(network.point)
    junctions, cells = len(network.junction), len(network.junction_cell)
    ways, segments = len(network.adjacent), len(network.segment)
    segment_cells, labels = len(network.segment_cell), len(network.label_first) - 1
    text = len(network.label_text)
    wanted: dict[str, tuple[type[np.generic], tuple[int, ...], int | None]] = {
        "junction": (np.int32, (junctions, 2), None),
        "adjacent_first": (np.int32, (junctions + 1,), ways),
        "adjacent": (np.int32, (ways,), None),
        "adjacent_m": (np.float64, (ways,), None),
        "adjacent_edge": (np.int32, (ways,), None),
        "ends": (np.int32, (edges, 2), None),
        "length_m": (np.float64, (edges,), None),
        "edge_label": (np.int32, (edges,), None),
        "first": (np.int64, (edges + 1,), points),
        "point": (np.int32, (points, 2), None),
        "point_m": (np.float32, (points,), None),
        "junction_cell": (np.int64, (cells,), None),
        "junction_cell_first": (np.int64, (cells + 1,), junctions),
        "segment_cell": (np.int64, (segment_cells,), None),
        "segment_cell_first": (np.int64, (segment_cells + 1,), segments),
        "segment": (np.int32, (segments,), None),
        "label_text": (np.uint8, (text,), None),
        "label_first": (np.int64, (labels + 1,), text),
    }
    for name, (dtype, shape, last) in wanted.items():
        array = getattr(network, name)
        if array.dtype != dtype or array.shape != shape:
            return False
        if last is not None and array[-1] != last:
            return False
    return True


def build(
    raw: Raw,
    folder: Path,
    progress: Progress,
    complete: Callable[["Network", Path], None] | None = None,
) -> Network:
    """Contract streets to junctions and write the network.

    The folder is replaced as a whole when everything is written; a process that has the
    old one open goes on reading it.

    Parameters
    ----------
    raw
        From :func:`locator.travel.extract.read`.
    folder
        Where the network goes.
    progress
        Is told what is done and how many links of it.
    complete
        Adds to the new folder what else belongs there, before it replaces the old one.

    Raises
    ------
    DataError
        There is no street, the folder cannot be written, or it holds anything but a network.
    """
    folder = folder.resolve()
    _check_replaceable(folder)
    streets = _connected(_unique(raw))
    if not len(streets.links):
        msg = f"{raw.source.file} holds no piece of street that one could walk along."
        raise DataError(msg)
    progress("Joining streets", len(streets.links))
    easting, northing = geodesy.to_bng(raw.lon, raw.lat)
    at = np.rint(np.column_stack([easting, northing]) * CM)
    edges = _contract(streets, len(raw.lon))
    progress("Ordering", len(streets.links))
    arrays = _ordered(edges, at)
    arrays |= _packed(raw.labels)
    about = About(
        source=raw.source,
        built_on=f"{dt.datetime.now(dt.UTC):%Y-%m-%d}",
        vertices=len(np.unique(streets.links)),
        junctions=len(arrays["junction"]),
        edges=len(arrays["ends"]),
        metres=float(streets.metres.sum()),
        pieces_kept=streets.kept,
        pieces_dropped=len(streets.dropped_m),
        metres_dropped=float(streets.dropped_m.sum()),
        largest_dropped=streets.told,
    )
    progress("Writing", len(streets.links))
    try:
        _write(arrays, about, folder, complete)
    except OSError as error:
        msg = f"The network cannot be written to {folder}: {error.strerror or error}."
        raise DataError(msg) from error
    return Network.open(folder)


def annotate(network: Network, folder: Path, detour: Detour) -> Network:
    """Keep the detour that was measured on a network with it.

    Raises
    ------
    DataError
        The folder cannot be written.
    """
    about = dataclasses.replace(network.about, detour=detour)
    try:
        _write_facts(about, folder)
    except OSError as error:
        msg = f"The network in {folder} cannot be changed: {error.strerror or error}."
        raise DataError(msg) from error
    return dataclasses.replace(network, about=about)


def _check_replaceable(folder: Path) -> None:
    """Never replace what is no network: the folder is one that somebody has typed."""
    if not folder.exists():
        return
    if not folder.is_dir() or (any(folder.iterdir()) and not (folder / _FACTS).exists()):
        msg = f"{folder} holds something else than a network. Name another folder."
        raise DataError(msg)


@dataclass(frozen=True, slots=True, eq=False)
class _Links:
    """Links that are kept, with lengths, and what was dropped."""

    links: type_ints
    metres: geodesy.type_floats
    label: type_ints
    piece: type_ints
    kept: int = 0
    dropped_m: geodesy.type_floats = dataclasses.field(default_factory=lambda: np.zeros(0))
    told: tuple[str, ...] = ()


def _unique(raw: Raw) -> Raw:
    """Leave out links drawn twice, and links from a vertex to itself."""
    links = np.sort(raw.links.astype(np.int64), axis=1)
    key = links[:, 0] * len(raw.lon) + links[:, 1]
    chosen = np.unique(key, return_index=True)[1]
    chosen = chosen[links[chosen, 0] != links[chosen, 1]]
    return dataclasses.replace(raw, links=links[chosen], label=raw.label[chosen])


def _connected(raw: Raw) -> _Links:
    """Measure the links and drop the pieces that lead nowhere."""
    start, end = raw.links.T
    metres = geodesy.geodesic_m(raw.lon[start], raw.lat[start], raw.lon[end], raw.lat[end])
    metres = np.maximum(metres, _SHORTEST_M)
    size = len(raw.lon)
    graph = coo_array((np.ones(len(start), dtype=np.int8), (start, end)), shape=(size, size))
    piece = connected_components(graph, directed=False)[1][start]
    total = np.bincount(piece, weights=metres, minlength=1)
    large = (total >= _PIECE_M) | (total == total.max())
    keep = large[piece]
    dropped = np.flatnonzero(~large & (total > 0))
    dropped = dropped[np.argsort(-total[dropped], kind="stable")]
    told = []
    for number in dropped[:_PIECES_TOLD]:
        spot = start[np.flatnonzero(piece == number)[0]]
        told.append(
            f"{total[number]:.0f} m near {geodesy.grid_reference(raw.lon[spot], raw.lat[spot])}"
        )
    return _Links(
        raw.links[keep].astype(np.int64),
        metres[keep],
        raw.label[keep].astype(np.int64),
        piece[keep].astype(np.int64),
        int((large & (total > 0)).sum()),
        np.asarray(total[dropped], dtype=np.float64),
        tuple(told),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Edges:
    """Contracted streets: vertices of all edges one after the other."""

    vertex: type_ints
    point_m: geodesy.type_floats
    first: type_ints
    label: type_ints


def _contract(streets: _Links, size: int) -> _Edges:
    """Join links at vertices where nothing branches off and the label stays the same.

    All streets are followed at once, a link at a time, from both ends; of the two walks
    along each street one is kept.
    """
    count = len(streets.links)
    origin = streets.links.reshape(-1)
    target = streets.links[:, ::-1].reshape(-1)
    half = np.arange(2 * count)
    degree = np.bincount(origin, minlength=size)
    label = np.repeat(streets.label, 2)
    lowest, highest = np.full(size, np.iinfo(np.int64).max), np.full(size, -1, dtype=np.int64)
    np.minimum.at(lowest, origin, label)
    np.maximum.at(highest, origin, label)
    junction = (degree != 2) | (lowest != highest)  # noqa: PLR2004  # a street goes in and out
    junction[degree == 0] = False
    junction[_one_of_each_ring(streets, junction)] = True
    leaving = np.zeros(size, dtype=np.int64)
    np.add.at(leaving, origin, half)

    walk = np.flatnonzero(junction[origin])
    here, number = walk.copy(), np.arange(len(walk))
    last = walk.copy()
    numbers, vertices, taken = [], [], []
    while len(here):
        numbers.append(number)
        vertices.append(target[here])
        taken.append(streets.metres[here >> 1])
        last[number] = here
        goes_on = ~junction[target[here]]
        here, number = here[goes_on], number[goes_on]
        here = leaving[target[here]] - (here ^ 1)
    chosen = walk < (last ^ 1)
    of = np.concatenate(numbers)
    keep = np.flatnonzero(chosen[of])
    # a stable sort keeps the steps of each walk in their order
    keep = keep[np.argsort(of[keep], kind="stable")]
    counts = np.bincount(of[keep], minlength=len(walk))[chosen]
    first = np.concatenate([[0], np.cumsum(counts + 1)])
    inner = np.ones(first[-1], dtype=np.bool_)
    inner[first[:-1]] = False
    vertex = np.empty(first[-1], dtype=np.int64)
    vertex[first[:-1]] = origin[walk[chosen]]
    vertex[inner] = np.concatenate(vertices)[keep]
    step = np.zeros(first[-1])
    step[inner] = np.concatenate(taken)[keep]
    total = np.cumsum(step)
    point_m = total - np.repeat(total[first[:-1]], counts + 1)
    return _Edges(vertex, point_m, first, label[walk[chosen]])


def _one_of_each_ring(streets: _Links, junction: npt.NDArray[np.bool_]) -> type_ints:
    """Give one vertex of each piece that is a ring without any junction."""
    ends = streets.links[:, 0]
    touched = np.zeros(streets.piece.max() + 1, dtype=np.bool_)
    np.logical_or.at(touched, streets.piece, junction[streets.links].any(axis=1))
    lonely = ~touched[streets.piece]
    return ends[lonely][np.unique(streets.piece[lonely], return_index=True)[1]]


def _ordered(edges: _Edges, at: geodesy.type_floats) -> dict[str, npt.NDArray[np.generic]]:
    """Put junctions and edges in Morton order and index them."""
    begin, finish = edges.vertex[edges.first[:-1]], edges.vertex[edges.first[1:] - 1]
    junctions = np.unique(np.concatenate([begin, finish]))
    code = morton(at[junctions].astype(np.int64))
    order = np.argsort(code, kind="stable")
    junctions, code = junctions[order], code[order]
    number = np.full(len(at), -1, dtype=np.int64)
    number[junctions] = np.arange(len(junctions))
    ends = np.column_stack([number[begin], number[finish]])
    by_place = np.lexsort((ends.max(axis=1), ends.min(axis=1)))
    counts = np.diff(edges.first)[by_place]
    first = np.concatenate([[0], np.cumsum(counts)])
    rows = ranges(edges.first[:-1][by_place], counts)
    ends = ends[by_place]
    point = at[edges.vertex[rows]].astype(np.int32)
    # single precision is 0.1 mm in a kilometre; edges are as long as their last points say
    point_m = edges.point_m[rows].astype(np.float32)
    length = point_m[first[1:] - 1].astype(np.float64)
    cells, cell_first = np.unique(code >> (2 * JUNCTION_BITS), return_index=True)
    return (
        {
            "junction": at[junctions].astype(np.int32),
            "ends": ends.astype(np.int32),
            "length_m": length,
            "edge_label": edges.label[by_place].astype(np.int32),
            "first": first,
            "point": point,
            "point_m": point_m,
            "junction_cell": cells,
            "junction_cell_first": np.append(cell_first, len(junctions)),
        }
        | _adjacency(ends, length, len(junctions))
        | _segments(point, first)
    )


def _adjacency(
    ends: type_ints, length: geodesy.type_floats, size: int
) -> dict[str, npt.NDArray[np.generic]]:
    edge = np.flatnonzero(ends[:, 0] != ends[:, 1])
    here = np.concatenate([ends[edge, 0], ends[edge, 1]])
    there = np.concatenate([ends[edge, 1], ends[edge, 0]])
    edge = np.concatenate([edge, edge])
    order = np.lexsort((edge, length[edge], there, here))
    here, there, edge = here[order], there[order], edge[order]
    shortest = np.ones(len(here), dtype=np.bool_)
    shortest[1:] = (here[1:] != here[:-1]) | (there[1:] != there[:-1])
    here, there, edge = here[shortest], there[shortest], edge[shortest]
    counts = np.bincount(here, minlength=size)
    return {
        "adjacent_first": np.concatenate([[0], np.cumsum(counts)]).astype(np.int32),
        "adjacent": there.astype(np.int32),
        "adjacent_m": length[edge],
        "adjacent_edge": edge.astype(np.int32),
    }


def _segments(point: npt.NDArray[np.int32], first: type_ints) -> dict[str, npt.NDArray[np.generic]]:
    """List for each cell the pieces of street that run through it."""
    starts = np.ones(len(point), dtype=np.bool_)
    starts[first[1:] - 1] = False
    begin = np.flatnonzero(starts)
    side = 1 << SEGMENT_BITS
    a, b = point[begin].astype(np.float64), point[begin + 1].astype(np.float64)
    cell_a, cell_b = point[begin] >> SEGMENT_BITS, point[begin + 1] >> SEGMENT_BITS
    # where each piece crosses the lines of the grid, as a share of its length
    owner, share = [np.arange(len(begin))] * 2, [np.zeros(len(begin)), np.ones(len(begin))]
    for axis in (0, 1):
        low = np.minimum(cell_a[:, axis], cell_b[:, axis]).astype(np.int64)
        crossed = np.abs(cell_b[:, axis] - cell_a[:, axis]).astype(np.int64)
        line = ranges(low + 1, crossed) * side
        of = np.repeat(np.arange(len(begin)), crossed)
        owner.append(of)
        share.append((line - a[of, axis]) / (b - a)[of, axis])
    of, cut = np.concatenate(owner), np.concatenate(share)
    order = np.lexsort((cut, of))
    of, cut = of[order], cut[order]
    middle = (cut[1:] + cut[:-1]) / 2
    same = of[1:] == of[:-1]
    of, middle = of[1:][same], middle[same]
    spot = a[of] + (b - a)[of] * middle[:, None]
    code = morton(np.floor(spot).astype(np.int64) >> SEGMENT_BITS)
    pairs = np.unique(np.column_stack([code, begin[of]]), axis=0)
    cells, cell_first = np.unique(pairs[:, 0], return_index=True)
    return {
        "segment_cell": cells,
        "segment_cell_first": np.append(cell_first, len(pairs)),
        "segment": pairs[:, 1].astype(np.int32),
    }


def _packed(labels: Iterable[Label]) -> dict[str, npt.NDArray[np.generic]]:
    texts = [f"{label.kind}\t{label.name.replace(chr(9), ' ')}".encode() for label in labels]
    first = np.cumsum([0, *map(len, texts)], dtype=np.int64)
    return {"label_text": np.frombuffer(b"".join(texts), dtype=np.uint8), "label_first": first}


def ranges(start: type_ints, count: type_ints) -> type_ints:
    """Join the runs ``start[i], start[i] + 1, ...`` of ``count[i]`` numbers each."""
    stop = np.cumsum(count)
    total = int(stop[-1]) if len(stop) else 0
    return np.asarray(np.arange(total) + np.repeat(start - (stop - count), count))


def morton(cell: type_ints) -> type_ints:
    """Interleave the bits of columns and rows, shape ``(n, 2)``, up to 31 bits each."""
    spread = cell
    for shift, mask in _SPREAD:
        spread = (spread | (spread << shift)) & mask
    return np.asarray(np.bitwise_or(spread[:, 0], spread[:, 1] << 1))


_SPREAD = (
    (16, 0x0000FFFF0000FFFF),
    (8, 0x00FF00FF00FF00FF),
    (4, 0x0F0F0F0F0F0F0F0F),
    (2, 0x3333333333333333),
    (1, 0x5555555555555555),
)


def _write(
    arrays: dict[str, npt.NDArray[np.generic]],
    about: About,
    folder: Path,
    complete: Callable[[Network, Path], None] | None,
) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    drop = functools.partial(shutil.rmtree, ignore_errors=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    old = fresh.with_name(f"{fresh.name}-old")
    try:
        fresh.chmod(0o755)
        for name in _ARRAYS:
            np.save(fresh / f"{name}.npy", arrays[name])
        _write_facts(about, fresh)
        if complete is not None:
            complete(Network.open(fresh), fresh)
        if folder.exists():
            folder.rename(old)
        fresh.rename(folder)
    finally:
        if old.exists() and not folder.exists():
            old.rename(folder)
        drop(fresh)
        drop(old)


def _write_facts(about: About, folder: Path) -> None:
    text = json.dumps({"format": FORMAT} | about.as_dict(), ensure_ascii=False, indent=1)
    half = folder / f".{_FACTS}"
    half.write_text(text, "utf-8")
    os.replace(half, folder / _FACTS)  # noqa: PTH105  # one step, whatever the system
