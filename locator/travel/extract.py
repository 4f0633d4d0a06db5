"""Read the streets that one may walk along from an extract of OpenStreetMap.

After the outlines of areas, nodes and ways are read in one pass. C++ keeps the positions of all
nodes (16 bytes each) and drops what is neither a barrier nor a way that might matter, so Python
sees few objects and keeps only numbers. Nodes are never chosen with osmium's filter by number:
their numbers are scattered over 13 thousand million, which costs it 1.4 GB for any extract.
"""

import datetime as dt
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import osmium
import osmium.filter
import osmium.index
import shapely

from locator import geodesy
from locator.errors import ImportFileError
from locator.travel import walking
from locator.travel.network import Label, Raw, Source

LICENCE = "ODbL 1.0"
ATTRIBUTION = "© OpenStreetMap contributors"

Progress = Callable[[str, int], None]
type_numbers = npt.NDArray[np.int32]
type_flags = npt.NDArray[np.bool_]

_HEAD_BYTES = 64
_TICK = 1000
_CHUNK = 100_000
_KM = 1000
# what osmium gives for a way without a time
_NEVER = dt.datetime.fromtimestamp(0, dt.UTC)


def read(path: Path, progress: Progress) -> Raw:
    """Read the streets of an extract that one may walk along.

    Parameters
    ----------
    path
        ``.osm.pbf`` file of a part of Great Britain.
    progress
        Is told what is done and how many of it.

    Returns
    -------
    raw
        Vertices in degrees (EPSG:4326) and the pieces of way between them, those that lead
        nowhere among them. A barrier that nobody may pass cuts its way: both sides end in
        vertices of their own.

    Raises
    ------
    ImportFileError
        The file is missing, no PBF, damaged, or holds no way to walk along.
    """
    with _readable(path):
        header = osmium.FileProcessor(_file(path), osmium.osm.NOTHING).header
        if header.has_multiple_object_versions:
            msg = f"{path.name} holds the history of its objects. Take a plain extract."
            raise ImportFileError(msg)
        ways = _Ways()
        _read_outlines(path, ways, progress)
        table = _read_ways(path, ways, progress)
        ids, corner = np.unique(_numbers(ways.refs), return_inverse=True)
        lon, lat = _positions(ids, table, progress)
    del table
    graph, lacking = _graph(lon, lat, corner.astype(np.int32), ways)
    if not len(graph.links):
        said = " ".join((*lacking, *_of_rules(ways)))
        msg = f"{path.name} holds no way in Great Britain that one may walk along. {said}"
        raise ImportFileError(msg.strip())
    graph, cuts = _cut(graph, np.isin(ids, _numbers(ways.barriers)))
    del ids, corner
    graph, joined = _join_outlines(graph, ways, progress)
    day, of_what = _date(header, ways)
    notes = (
        of_what,
        *lacking,
        *_beyond(graph, header.box()),
        *_of_rules(ways),
        *_told(
            cuts,
            "barrier that nobody may pass cuts a way",
            "barriers that nobody may pass cut ways",
        ),
        *_told(
            joined,
            "outline of an area was joined to a way that crosses it",
            "outlines of areas were joined to ways that cross them",
        ),
    )
    source = Source(path.name, day, LICENCE, ATTRIBUTION, notes)
    return _compact(graph, ways, source)


@dataclass(slots=True)
class _Ways:
    """What was read, as numbers.

    Attributes
    ----------
    refs
        Numbers of the nodes of all ways, one way after the other.
    size, label, level, outline
        For each way: nodes, number of its label and level, whether it is an outline.
    labels, levels
        Labels and levels with their numbers.
    barriers
        Numbers of nodes that stop everyone on foot.
    left_out
        Ways that nobody walks along.
    strange
        Kinds of highway that no rule knows.
    main
        Main roads by what they are called by: ``name``, ``ref`` or nothing.
    on_time
        Ways and barriers whose rules change with time.
    newest
        When the newest way was drawn.
    """

    refs: "array[int]" = field(default_factory=lambda: array("q"))
    size: "array[int]" = field(default_factory=lambda: array("i"))
    label: "array[int]" = field(default_factory=lambda: array("i"))
    level: "array[int]" = field(default_factory=lambda: array("i"))
    outline: "array[int]" = field(default_factory=lambda: array("b"))
    labels: dict[Label, int] = field(default_factory=dict)
    levels: dict[tuple[str, bool, bool], int] = field(default_factory=dict)
    barriers: "array[int]" = field(default_factory=lambda: array("q"))
    left_out: Counter[walking.Reason] = field(default_factory=Counter)
    strange: set[str] = field(default_factory=set)
    main: Counter[str] = field(default_factory=Counter)
    on_time: int = 0
    newest: dt.datetime = _NEVER

    def add(self, refs: Iterable[int], found: walking.Walk) -> None:
        before = len(self.refs)
        self.refs.extend(refs)
        self.size.append(len(self.refs) - before)
        self.label.append(self.labels.setdefault(found.label, len(self.labels)))
        self.level.append(self.levels.setdefault(found.level, len(self.levels)))
        self.outline.append(found.outline)

    def leave_out(self, reason: walking.Reason, tags: dict[str, str]) -> None:
        self.left_out[reason] += 1
        if reason is walking.Reason.UNKNOWN:
            self.strange.add(tags["highway"])


@dataclass(frozen=True, slots=True, eq=False)
class _Graph:
    """Vertices, and the straight pieces of way between them.

    Attributes
    ----------
    lon, lat
        Degrees (EPSG:4326), ``(n,)``.
    links
        Both vertices of each piece, ``(m, 2)``.
    way
        Number of the way that each piece belongs to, ``(m,)``.
    """

    lon: geodesy.type_floats
    lat: geodesy.type_floats
    links: type_numbers
    way: type_numbers


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Say what is wrong with a file that cannot be read."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
        if b"OSMHeader" not in head:
            msg = f"{path.name} is no OpenStreetMap extract in PBF format (.osm.pbf)."
            raise ImportFileError(msg)
        yield
    except OSError as error:
        msg = f"{path} cannot be read: {error.strerror or error}."
        raise ImportFileError(msg) from error
    except (RuntimeError, ValueError) as error:  # osmium has no errors of its own
        msg = f"{path.name} is damaged or not complete ({error}). Download it again."
        raise ImportFileError(msg) from error


def _file(path: Path) -> Any:
    # the format is said so that osmium does not guess it from the name
    return osmium.io.File(str(path), "pbf")


def _ticking(objects: Iterable[Any], what: str, progress: Progress) -> Iterator[Any]:
    count = 0
    for count, found in enumerate(objects, 1):
        yield found
        if count % _TICK == 0:
            progress(what, _TICK)
    progress(what, count % _TICK)


def _read_ways(path: Path, ways: _Ways, progress: Progress) -> Any:
    """Gather ways and barriers, and give the positions of all nodes."""
    # grows by steps; the table that osmium takes otherwise doubles its memory to grow
    table: Any = osmium.index.create_map("sparse_mmap_array")
    barriers = osmium.filter.KeyFilter("barrier")
    barriers.enable_for(osmium.osm.NODE)
    streets = osmium.filter.KeyFilter(*walking.KEYS)
    streets.enable_for(osmium.osm.WAY)
    objects = osmium.FileProcessor(_file(path), osmium.osm.NODE | osmium.osm.WAY)
    objects = objects.with_locations(table).with_filter(barriers).with_filter(streets)
    for found in _ticking(objects, "Reading", progress):
        tags = dict(found.tags)
        if found.is_node():
            ways.on_time += walking.depends_on_time(tags)
            if walking.blocks(tags):
                ways.barriers.append(found.id)
            continue
        _take(found, tags, ways)
    return table


def _take(way: Any, tags: dict[str, str], ways: _Ways) -> None:
    match walking.walk(tags, closed=way.is_closed()):
        case walking.Walk() as found:
            ways.add((node.ref for node in way.nodes), found)
            ways.on_time += walking.depends_on_time(tags)
            ways.newest = max(ways.newest, way.timestamp)
            if tags.get("highway") in walking.MAIN_ROADS:
                called = [key for key in ("name", "ref") if tags.get(key)]
                ways.main[(*called, "")[0]] += 1
        case walking.Reason() as reason:
            ways.leave_out(reason, tags)


def _read_outlines(path: Path, ways: _Ways, progress: Progress) -> None:
    """Add the outer rings of areas that are relations."""
    relations = osmium.FileProcessor(_file(path), osmium.osm.RELATION)
    relations = relations.with_filter(osmium.filter.TagFilter(("type", "multipolygon")))
    relations = relations.with_filter(osmium.filter.KeyFilter(*walking.KEYS))
    rings: dict[int, walking.Walk] = {}
    for relation in _ticking(relations, "Reading areas", progress):
        tags = dict(relation.tags) | {"area": "yes"}
        match walking.walk(tags, closed=True):
            case walking.Walk() as found:
                members = (m for m in relation.members if m.type == "w")
                rings |= {m.ref: found for m in members if m.role in {"", "outer"}}
            case walking.Reason() as reason:
                ways.leave_out(reason, tags)
    if not rings:
        return
    outlines = osmium.FileProcessor(_file(path), osmium.osm.WAY)
    outlines = outlines.with_filter(osmium.filter.IdFilter(rings))
    for way in _ticking(outlines, "Reading outlines", progress):
        ways.add((node.ref for node in way.nodes), rings[way.id])


def _numbers(values: "array[int]") -> npt.NDArray[Any]:
    return np.frombuffer(values, dtype=values.typecode)


def _positions(
    ids: npt.NDArray[np.int64], table: Any, progress: Progress
) -> tuple[geodesy.type_floats, geodesy.type_floats]:
    """Look up nodes; NaN for those that the extract lacks."""
    lon, lat = np.full(len(ids), np.nan), np.full(len(ids), np.nan)
    for start in range(0, len(ids), _CHUNK):
        numbers = ids[start : start + _CHUNK].tolist()
        for i, number in enumerate(numbers, start):
            try:
                at = table.get(number)
            except KeyError:
                continue
            lon[i], lat[i] = at.lon, at.lat
        progress("Placing", len(numbers))
    return lon, lat


def _graph(
    lon: geodesy.type_floats, lat: geodesy.type_floats, corner: type_numbers, ways: _Ways
) -> tuple[_Graph, list[str]]:
    """Take ways apart, without what has no position in Great Britain."""
    on_grid = ~np.isnan(geodesy.to_bng(lon, lat)[0])
    lacking = int(np.isnan(lon).sum())
    abroad = len(lon) - lacking - int(on_grid.sum())
    way = np.repeat(np.arange(len(ways.size), dtype=np.int32), _numbers(ways.size))
    links = np.column_stack([corner[:-1], corner[1:]])
    kept = (way[:-1] == way[1:]) & (links[:, 0] != links[:, 1]) & on_grid[links].all(axis=1)
    notes = [
        *_told(
            lacking,
            "node of a way is not in the extract; the way ends before it",
            "nodes of ways are not in the extract; the ways end before them",
        ),
        *_told(
            abroad,
            "node lies outside Great Britain and was left out",
            "nodes lie outside Great Britain and were left out",
        ),
    ]
    return _Graph(lon, lat, links[kept], way[:-1][kept]), notes


def _cut(graph: _Graph, stops: type_flags) -> tuple[_Graph, int]:
    """Give each piece that ends at a barrier an end of its own."""
    ends = graph.links.reshape(-1).copy()
    at = np.flatnonzero(stops[ends])
    barrier, pieces = np.unique(ends[at], return_counts=True)
    lon, lat = (np.concatenate([axis, axis[ends[at]]]) for axis in (graph.lon, graph.lat))
    ends[at] = len(graph.lon) + np.arange(len(at))
    cut = _Graph(lon, lat, ends.reshape(-1, 2), graph.way)
    return cut, len(barrier[pieces > 1])


def _join_outlines(graph: _Graph, ways: _Ways, progress: Progress) -> tuple[_Graph, int]:
    """Join outlines of areas to the ways of their level that cross them without a node.

    Whoever drew the way into a car park often did not join it to the outline; on the ground
    one steps from one to the other.
    """
    is_outline = _numbers(ways.outline).astype(np.bool_)[graph.way]
    level = _numbers(ways.level)[graph.way]
    outlines = np.flatnonzero(is_outline)
    tree = shapely.STRtree(_lines(graph, outlines))
    found = []
    for start in range(0, len(graph.links), _CHUNK):
        rows = np.arange(start, min(start + _CHUNK, len(graph.links)))
        one, other = tree.query(_lines(graph, rows), predicate="crosses")
        one, other = rows[one], outlines[other]
        # two outlines find each other twice
        wanted = (level[one] == level[other]) & (~is_outline[one] | (one < other))
        found.append(np.column_stack([one, other])[wanted])
        progress("Joining areas", len(rows))
    return _split(graph, np.concatenate(found))


def _lines(graph: _Graph, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.object_]:
    at = graph.links[rows]
    lines = shapely.linestrings(np.stack([graph.lon[at], graph.lat[at]], axis=-1))
    return np.asarray(lines, dtype=np.object_)


def _split(graph: _Graph, pairs: npt.NDArray[np.int64]) -> tuple[_Graph, int]:
    """Put a vertex where two pieces cross, into both."""
    one, other = pairs.T
    spot = shapely.intersection(_lines(graph, one), _lines(graph, other))
    x, y = shapely.get_x(spot), shapely.get_y(spot)
    crossing = np.arange(len(pairs), dtype=np.int32) + np.int32(len(graph.lon))
    lon, lat = np.concatenate([graph.lon, x]), np.concatenate([graph.lat, y])

    touched = np.unique(pairs)
    begin, finish = graph.links[touched].T
    piece = np.concatenate([touched, one, other, touched])
    vertex = np.concatenate([begin, crossing, crossing, finish])
    start = graph.links[piece, 0]
    # the way along a piece is in the order of the distances from its beginning
    away = np.hypot(lon[vertex] - lon[start], lat[vertex] - lat[start])
    rank = np.repeat([0, 1, 2], [len(touched), 2 * len(pairs), len(touched)])
    order = np.lexsort((away, rank, piece))
    piece, vertex = piece[order], vertex[order]
    goes_on = piece[:-1] == piece[1:]
    whole = np.ones(len(graph.links), dtype=np.bool_)
    whole[touched] = False
    parts = np.column_stack([vertex[:-1], vertex[1:]])[goes_on]
    links = np.concatenate([graph.links[whole], parts])
    way = np.concatenate([graph.way[whole], graph.way[piece[:-1][goes_on]]])
    return _Graph(lon, lat, links, way), len(pairs)


def _compact(graph: _Graph, ways: _Ways, source: Source) -> Raw:
    """Leave out vertices that no piece needs."""
    used = np.zeros(len(graph.lon), dtype=np.bool_)
    used[graph.links] = True
    number = np.cumsum(used, dtype=np.int32) - 1
    return Raw(
        lon=graph.lon[used],
        lat=graph.lat[used],
        links=number[graph.links],
        label=_numbers(ways.label)[graph.way],
        labels=list(ways.labels),
        source=source,
    )


def _date(header: Any, ways: _Ways) -> tuple[str, str]:
    """Tell the day of an extract, and what it is the day of."""
    for key in ("osmosis_replication_timestamp", "timestamp"):
        try:
            day = dt.datetime.fromisoformat(header.get(key)).date()
        except ValueError:
            continue
        return f"{day}", "The date is the one in the header of the extract."
    if ways.newest > _NEVER:
        return f"{ways.newest.date()}", "The date is that of the newest way; the header has none."
    return "", "Neither the header nor the ways of the extract have a date."


def _beyond(graph: _Graph, box: Any) -> list[str]:
    """Tell how far streets go on outside the header's box."""
    if not box.valid():
        return []
    used = np.unique(graph.links)
    lon, lat = graph.lon[used], graph.lat[used]
    low, high = box.bottom_left, box.top_right
    x, y = np.clip(lon, low.lon, high.lon), np.clip(lat, low.lat, high.lat)
    out = np.flatnonzero((x != lon) | (y != lat))
    if not len(out):
        return []
    metres = geodesy.geodesic_m(lon[out], lat[out], x[out], y[out])
    return _told(
        len(out),
        f"vertex lies outside the box in the header, by {metres.max() / _KM:.1f} km",
        f"vertices lie outside the box in the header, by up to {metres.max() / _KM:.1f} km: "
        "ways are kept whole",
    )


def _of_rules(ways: _Ways) -> list[str]:
    notes = []
    for reason, count in ways.left_out.most_common():
        kinds = f" ({', '.join(sorted(ways.strange))})" * (reason is walking.Reason.UNKNOWN)
        tail = f"left out: {reason}{kinds}"
        notes += _told(count, f"way was {tail}", f"ways were {tail}")
    notes += _told(
        ways.on_time,
        "way or barrier has rules that depend on the time; they are not applied",
        "ways or barriers have rules that depend on the time; they are not applied",
    )
    if ways.main["ref"] or ways.main[""]:
        notes.append(
            f"Of {ways.main.total():,} pieces of main road {ways.main['ref']:,} have no name and "
            f"are called by their number, {ways.main['']:,} have neither."
        )
    return notes


def _told(count: int, one: str, many: str) -> list[str]:
    if not count:
        return []
    return [f"{count:,} {one if count == 1 else many}."]
