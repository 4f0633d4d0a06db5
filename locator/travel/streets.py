"""Find ways on foot along streets.

Positions are snapped to the nearest point of an *edge*, a street between two junctions, and
the metres to it are walked as well. Slopes and one-way rules, which bind no one on foot, are
left aside. All distances are metres; :mod:`locator.travel` turns them into seconds.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from locator import geodesy
from locator.travel import _grid, _search
from locator.travel.network import (
    CELL_M,
    CM,
    JUNCTION_BITS,
    SEGMENT_BITS,
    Network,
    morton,
    ranges,
    type_ints,
)

# farther from any street than this, the network says nothing about a position
SNAP_M = 250.0
# lengths on the National Grid and on the ellipsoid differ by less than 0.1 %
_GRID_SLACK = 1.001
# the band of a search in lengths of edges; from 1 to 10 the time hardly changes
_BAND_EDGES = 2.0
_CHUNK = 20_000
_ORIGINS = 64
_NOTHING_M = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Snaps:
    """Positions, and the points of the network nearest to them.

    Attributes
    ----------
    edge
        Number of the edge, ``(n,)``; -1 where no street is within :data:`SNAP_M`.
    along_m
        Metres of the edge before the point.
    aside_m
        Metres from the position to the point; infinite without a street.
    """

    edge: type_ints
    along_m: geodesy.type_floats
    aside_m: geodesy.type_floats

    def __len__(self) -> int:
        """Count the positions."""
        return len(self.edge)

    def __getitem__(self, rows: npt.NDArray[np.bool_] | type_ints | slice) -> "Snaps":
        """Choose some of them."""
        return Snaps(self.edge[rows], self.along_m[rows], self.aside_m[rows])

    @property
    def on_street(self) -> npt.NDArray[np.bool_]:
        """Which of them have a street near them, ``(n,)``."""
        return self.edge >= 0

    def only(self, chosen: npt.NDArray[np.bool_]) -> "Snaps":
        """Keep all positions, but take those not chosen off their streets."""
        return Snaps(np.where(chosen, self.edge, -1), self.along_m, self.aside_m)


@dataclass(frozen=True, slots=True, eq=False)
class Leg:
    """A stretch of one edge, in the direction of walking.

    Attributes
    ----------
    edge
        Its number.
    start_m, end_m
        Metres along the edge; walked backwards if the end is smaller.
    """

    edge: int
    start_m: float
    end_m: float


@dataclass(frozen=True, eq=False)
class Streets:
    """Searches on one network.

    ``network`` stays mapped; nothing of its size is read for a lookup.
    """

    network: Network

    def snap(self, easting: geodesy.type_floats, northing: geodesy.type_floats) -> Snaps:
        """Find the nearest point of any street.

        Parameters
        ----------
        easting, northing
            Metres (EPSG:27700), shape ``(n,)``. NaN is nowhere near a street.
        """
        east, north = (np.ascontiguousarray(axis, dtype=np.float64) for axis in (easting, northing))
        if _grid.AVAILABLE:
            net = self.network
            found = _search.snap(
                east,
                north,
                SEGMENT_BITS,
                SNAP_M * CM,
                net.segment_cell,
                net.segment_cell_first,
                net.segment,
                net.point,
                net.point_m,
                net.first,
            )
            return Snaps(*found)
        # the network is drawn in whole centimetres: a position on it is to lie on it exactly
        at = np.rint(np.column_stack([east, north]) * CM)
        parts = [self._snap(at[i : i + _CHUNK]) for i in range(0, max(len(at), 1), _CHUNK)]
        return Snaps(
            np.concatenate([part.edge for part in parts]),
            np.concatenate([part.along_m for part in parts]),
            np.concatenate([part.aside_m for part in parts]),
        )

    def _snap(self, at: geodesy.type_floats) -> Snaps:
        net = self.network
        edge = np.full(len(at), -1, dtype=np.int64)
        along, aside = np.zeros(len(at)), np.full(len(at), np.inf)
        side = 1 << SEGMENT_BITS
        open_ = np.flatnonzero((at >= 0).all(axis=1) & (at < 1 << 31).all(axis=1))
        reach = 0
        # what lies in farther cells is farther than the cells between
        while len(open_) and reach * CELL_M < SNAP_M:
            reach += 1
            cell = (at[open_] // side).astype(np.int64)
            owner, item = _in_cells(net.segment_cell, net.segment_cell_first, cell, reach)
            piece = net.segment[item].astype(np.int64)
            apart, share = _nearest_on(net.point[piece], net.point[piece + 1], at[open_[owner]])
            # of pieces equally near, the one that comes first in the network
            best = np.lexsort((piece, apart, owner))
            best = best[np.diff(owner[best], prepend=-1) > 0]
            rows, chosen = open_[owner[best]], piece[best]
            aside[rows] = np.sqrt(apart[best]) / CM
            before = net.point_m[chosen].astype(np.float64)
            along[rows] = before + share[best] * (net.point_m[chosen + 1] - before)
            edge[rows] = np.searchsorted(net.first, chosen, side="right") - 1
            open_ = open_[aside[open_] > reach * CELL_M]
        lost = aside > SNAP_M
        edge[lost], along[lost], aside[lost] = -1, 0.0, np.inf
        return Snaps(edge, along, aside)

    def tree(self, origin: Snaps, limit_m: float) -> "Tree":
        """Find the ways from one position to everything within a limit.

        Only the streets within ``limit_m`` of the position are looked at.

        Parameters
        ----------
        origin
            One position that is on a street.
        limit_m
            Ways longer than this are not looked for; infinite for all of them.
        """
        centre = self._point_of(int(origin.edge[0]), origin.along_m[0])
        inside = self._junctions_near(centre[None], limit_m)
        graph = self._graph_of(inside, origin)
        start = len(inside)
        metres, before = dijkstra(graph, indices=start, limit=limit_m, return_predecessors=True)
        return Tree(self, origin, limit_m, inside, metres, before)

    def field(self, sources: Snaps, limit_m: float = np.inf) -> "Field":
        """Find for all junctions at once the way to the nearest of several positions.

        Parameters
        ----------
        sources
            Positions; those that are not on a street are passed over.
        limit_m
            Ways longer than this are not looked for.
        """
        number = np.flatnonzero(sources.on_street)
        number = number[np.argsort(sources.edge[number], kind="stable")]
        used = sources[number]
        net = self.network
        if _grid.AVAILABLE:
            starts, away = self._ends_of(used)
            band = _BAND_EDGES * net.about.metres / net.about.edges
            metres, owner = _search.spread(
                starts,
                away,
                number,
                limit_m,
                band,
                net.adjacent_first,
                net.adjacent,
                net.adjacent_m,
            )
        else:
            metres, owner = self._spread(used, number, limit_m)
        return Field(self, used, number, limit_m, metres, owner)

    def _spread(
        self, used: Snaps, number: type_ints, limit_m: float
    ) -> tuple[geodesy.type_floats, type_ints]:
        net = self.network
        size = len(net.junction)
        if not len(used):
            return np.full(size, np.inf), np.full(size, -1)
        metres, _, nearest = dijkstra(
            self._graph_of(None, used),
            indices=np.arange(size, size + len(used)),
            limit=limit_m,
            min_only=True,
            return_predecessors=True,
        )
        metres, nearest = metres[:size], nearest[:size].astype(np.int64) - size
        reached = np.isfinite(metres)
        owner = np.where(reached, number[np.where(reached, nearest, 0)], -1)
        # SciPy takes any of several positions equally near: take the one that comes first
        starts, away = self._ends_of(used)
        first = away == metres[starts]
        np.minimum.at(owner, starts[first], np.broadcast_to(number[:, None], first.shape)[first])
        here = np.repeat(np.arange(size), np.diff(net.adjacent_first))
        there = net.adjacent.astype(np.int64)
        on_way = np.flatnonzero(metres[here] + net.adjacent_m == metres[there])
        here, there = here[on_way], there[on_way]
        while (lower := owner[here] < owner[there]).any():
            np.minimum.at(owner, there[lower], owner[here[lower]])
        return metres, owner

    def week(self, sources: Snaps, open_sets: npt.NDArray[np.bool_]) -> list["Field"]:
        """Find the fields of several sets of positions, each distinct set once.

        Parameters
        ----------
        sources
            Positions, ``n`` of them.
        open_sets
            Which of them are open, by hour, ``(hours, n)``.

        Returns
        -------
        fields
            One for each hour; hours with the same set share one.
        """
        distinct, which = np.unique(open_sets, axis=0, return_inverse=True)
        fields = [self.field(sources.only(chosen)) for chosen in distinct]
        return [fields[number] for number in which.reshape(-1)]

    def within(
        self, origins: Snaps, targets: Snaps, limit_m: float
    ) -> tuple[type_ints, type_ints, geodesy.type_floats]:
        """Find all ways from many positions to many others within a limit.

        Parameters
        ----------
        origins, targets
            Positions; those that are not on a street are passed over.
        limit_m
            Metres of the longest way.

        Returns
        -------
        origin, target, metres
            The pairs, in the order of origins and then of targets.
        """
        parts = list(self._within(origins, targets, limit_m))
        if not parts:
            nobody = np.zeros(0, dtype=np.int64)
            return nobody, nobody, np.zeros(0)
        origin, target, metres = (np.concatenate(column) for column in zip(*parts, strict=True))
        order = np.lexsort((target, origin))
        return origin[order], target[order], metres[order]

    def _within(
        self, origins: Snaps, targets: Snaps, limit_m: float
    ) -> Iterator[tuple[type_ints, type_ints, geodesy.type_floats]]:
        net = self.network
        target_of = np.flatnonzero(targets.on_street)
        ends = net.ends[targets.edge[target_of]]
        by_junction = np.argsort(ends.reshape(-1), kind="stable")
        ends_sorted = ends.reshape(-1)[by_junction]
        origin_of = np.flatnonzero(origins.on_street)
        # edges lie in Morton order: neighbours are searched together
        origin_of = origin_of[np.argsort(origins.edge[origin_of], kind="stable")]
        for i in range(0, len(origin_of), _ORIGINS):
            chosen = origin_of[i : i + _ORIGINS]
            some = origins[chosen]
            centres = np.array(
                [self._point_of(*at) for at in zip(some.edge, some.along_m, strict=True)]
            )
            inside = self._junctions_near(centres, limit_m)
            metres = dijkstra(
                self._graph_of(inside, some),
                indices=np.arange(len(inside), len(inside) + len(some)),
                limit=limit_m,
            )
            begin = np.searchsorted(ends_sorted, inside, side="left")
            count = np.searchsorted(ends_sorted, inside, side="right") - begin
            near = np.unique(by_junction[ranges(begin, count)] >> 1)
            same = np.flatnonzero(np.isin(targets.edge[target_of], some.edge))
            near = np.union1d(near, same)
            reached = targets[target_of[near]]
            total = self._by_the_ends(inside, metres[:, : len(inside)], reached)
            direct = np.abs(some.along_m[:, None] - reached.along_m[None, :])
            direct += some.aside_m[:, None] + reached.aside_m[None, :]
            on_one = some.edge[:, None] == reached.edge[None, :]
            total = np.where(on_one, np.minimum(total, direct), total)
            row, column = np.nonzero(total <= limit_m)
            yield chosen[row], target_of[near[column]], total[row, column]

    def legs_line(self, legs: list[Leg]) -> geodesy.type_floats:
        """Give the line of a way in National Grid metres (EPSG:27700), shape ``(n, 2)``."""
        parts = [self._leg_line(leg) for leg in legs]
        line = np.concatenate(parts)
        moved = np.ones(len(line), dtype=np.bool_)
        moved[1:] = (np.abs(np.diff(line, axis=0)) > 1 / CM / 2).any(axis=1)
        return np.asarray(line[moved])

    def _leg_line(self, leg: Leg) -> geodesy.type_floats:
        net = self.network
        rows = slice(int(net.first[leg.edge]), int(net.first[leg.edge + 1]))
        low, high = sorted((leg.start_m, leg.end_m))
        at = net.point_m[rows]
        inner = net.point[rows][(at > low) & (at < high)].astype(np.float64)
        line = np.vstack([self._point_of(leg.edge, low), inner, self._point_of(leg.edge, high)])
        return line / CM if leg.start_m <= leg.end_m else line[::-1] / CM

    def _point_of(self, edge: int, along_m: float) -> geodesy.type_floats:
        """Give the centimetres (EPSG:27700) of a point of an edge, shape ``(2,)``."""
        net = self.network
        rows = slice(int(net.first[edge]), int(net.first[edge + 1]))
        point = net.point[rows]
        at = net.point_m[rows]
        return np.array([np.interp(along_m, at, point[:, 0]), np.interp(along_m, at, point[:, 1])])

    def _junctions_near(self, centres: geodesy.type_floats, radius_m: float) -> type_ints:
        """List the junctions that a circle around any centre may hold, and some more."""
        net = self.network
        # an infinite radius reaches beyond everything
        reach = int(min((radius_m * _GRID_SLACK + 1) * CM, 1 << 31)) >> JUNCTION_BITS
        cell = np.unique(centres.astype(np.int64) >> JUNCTION_BITS, axis=0)
        if len(cell) * (2 * reach + 3) ** 2 > len(net.junction_cell):
            return np.arange(len(net.junction))
        return np.unique(_in_cells(net.junction_cell, net.junction_cell_first, cell, reach + 1)[1])

    def _ends_of(self, starts: Snaps) -> tuple[npt.NDArray[np.int32], geodesy.type_floats]:
        """Give the ends of the edges of positions and the metres to them, ``(n, 2)``."""
        net = self.network
        rest = net.length_m[starts.edge] - starts.along_m
        away = np.column_stack([starts.along_m, rest]) + starts.aside_m[:, None]
        # SciPy takes a length of nothing for no way at all
        return net.ends[starts.edge], np.maximum(away, _NOTHING_M)

    def _graph_of(self, inside: type_ints | None, starts: Snaps) -> csr_array:
        """Join some junctions, and a vertex more for each position to start from.

        The ways lead from the positions, never to them, so none leads through them.
        """
        net = self.network
        ends, away = self._ends_of(starts)
        if inside is None:
            size = len(net.junction)
            first = net.adjacent_first.astype(np.int64)
            there, metres = net.adjacent.astype(np.int64), net.adjacent_m
            local = ends.astype(np.int64)
            known = np.ones(local.shape, dtype=np.bool_)
        else:
            size = len(inside)
            begin = net.adjacent_first[inside].astype(np.int64)
            count = net.adjacent_first[inside + 1] - begin
            rows = ranges(begin, count)
            there, kept = _local(inside, net.adjacent[rows])
            first = np.concatenate([[0], np.cumsum(kept)])[np.append(0, np.cumsum(count))]
            there, metres = there[kept], net.adjacent_m[rows[kept]]
            local, known = _local(inside, ends)
        more = first[-1] + np.cumsum(known.sum(axis=1))
        return csr_array(
            (
                np.concatenate([metres, away[known]]),
                np.concatenate([there, local[known]]).astype(np.int32),
                np.concatenate([first, more]).astype(np.int32),
            ),
            shape=(size + len(starts), size + len(starts)),
        )

    def _by_the_ends(
        self, inside: type_ints | None, metres: geodesy.type_floats, targets: Snaps
    ) -> geodesy.type_floats:
        """Add the last stretch from either end of the target's edge; infinite off the streets."""
        net = self.network
        edge = np.maximum(targets.edge, 0)
        ends = net.ends[edge].astype(np.int64)
        if inside is not None:
            local, known = _local(inside, ends)
            padded = np.concatenate([metres, np.full((*metres.shape[:-1], 1), np.inf)], axis=-1)
            at_ends = padded[..., np.where(known, local, len(inside))]
        else:
            at_ends = metres[..., ends]
        rest = net.length_m[edge] - targets.along_m
        total = np.minimum(at_ends[..., 0] + targets.along_m, at_ends[..., 1] + rest)
        return np.asarray(total + targets.aside_m)


@dataclass(frozen=True, slots=True, eq=False)
class Tree:
    """The shortest ways from one position.

    Attributes
    ----------
    limit_m
        What is farther than this is not known.
    inside
        Junctions that were looked at.
    metres, before
        Metres to each of them, and from which it is reached; the position itself comes last.
    """

    streets: Streets
    origin: Snaps
    limit_m: float
    inside: type_ints
    metres: geodesy.type_floats
    before: npt.NDArray[np.int32]

    def metres_to(self, targets: Snaps) -> geodesy.type_floats:
        """Tell how far it is to some positions, ``(n,)``; infinite beyond the limit."""
        total = self.streets._by_the_ends(self.inside, self.metres[:-1], targets)  # noqa: SLF001  # one room
        direct = np.abs(targets.along_m - self.origin.along_m[0])
        direct += targets.aside_m + self.origin.aside_m[0]
        total = np.where(targets.edge == self.origin.edge[0], np.minimum(total, direct), total)
        return np.where(total <= self.limit_m, total, np.inf)

    def legs_to(self, target: Snaps) -> list[Leg]:
        """Give the way to one position that lies within the limit, edge by edge.

        Raises
        ------
        ValueError
            The position does not lie within the limit.
        """
        if not np.isfinite(self.metres_to(target)[0]):
            msg = "There is no way to this position within the limit."
            raise ValueError(msg)
        net = self.streets.network
        edge, along = int(target.edge[0]), float(target.along_m[0])
        start = int(self.origin.edge[0]), float(self.origin.along_m[0])
        local, known = _local(self.inside, net.ends[edge][None])
        padded = np.where(known[0], self.metres[np.where(known[0], local[0], 0)], np.inf)
        by_end = padded + np.array([along, net.length_m[edge] - along])
        direct = abs(along - start[1]) + self.origin.aside_m[0]
        if edge == start[0] and direct <= by_end.min():
            return [Leg(edge, start[1], along)]
        end = int(by_end.argmin())
        legs = [Leg(edge, 0.0 if end == 0 else float(net.length_m[edge]), along)]
        here, origin = int(local[0, end]), len(self.inside)
        while (there := int(self.before[here])) != origin:
            legs.append(self._between(int(self.inside[there]), int(self.inside[here])))
            here = there
        legs.append(self._out_of(start, int(self.inside[here])))
        return [leg for leg in reversed(legs) if leg.start_m != leg.end_m] or legs[:1]

    def _between(self, here: int, there: int) -> Leg:
        net = self.streets.network
        rows = slice(int(net.adjacent_first[here]), int(net.adjacent_first[here + 1]))
        edge = int(net.adjacent_edge[rows][net.adjacent[rows] == there][0])
        length = float(net.length_m[edge])
        return Leg(edge, 0.0, length) if net.ends[edge, 0] == here else Leg(edge, length, 0.0)

    def _out_of(self, start: tuple[int, float], junction: int) -> Leg:
        net = self.streets.network
        edge, along = start
        length = float(net.length_m[edge])
        to_first, to_last = net.ends[edge] == junction
        if to_first and (not to_last or along <= length - along):
            return Leg(edge, along, 0.0)
        return Leg(edge, along, length)


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """The way from everywhere to the nearest of several positions.

    Attributes
    ----------
    sources, number
        The positions on streets in the order of their edges, and their numbers among those
        that were given.
    limit_m
        What is farther than this is not known.
    metres, owner
        Metres from each junction, and the number of the position; infinite and -1 where none
        can be reached. Of positions equally near, the one that comes first.
    """

    streets: Streets
    sources: Snaps
    number: type_ints
    limit_m: float
    metres: geodesy.type_floats
    owner: type_ints

    def at(self, positions: Snaps) -> tuple[geodesy.type_floats, type_ints]:
        """Read the answer for some positions.

        Returns
        -------
        metres, number
            Shape ``(n,)``; infinite and -1 where no position can be reached.
        """
        net, sources = self.streets.network, self.sources
        if _grid.AVAILABLE:
            return _search.read(
                positions.edge,
                positions.along_m,
                positions.aside_m,
                sources.edge,
                sources.along_m,
                sources.aside_m,
                self.number,
                self.limit_m,
                self.metres,
                self.owner,
                net.ends,
                net.length_m,
            )
        edge = np.maximum(positions.edge, 0)
        ends = net.ends[edge]
        away = np.column_stack([positions.along_m, net.length_m[edge] - positions.along_m])
        away += positions.aside_m[:, None]
        by_end = self.metres[ends] + away
        better = by_end.argmin(axis=1)
        row = np.arange(len(edge))
        metres, owner = by_end[row, better], self.owner[ends[row, better]]
        begin = np.searchsorted(sources.edge, positions.edge, side="left")
        count = np.searchsorted(sources.edge, positions.edge, side="right") - begin
        rows, source = np.repeat(row, count), ranges(begin, count)
        direct = np.abs(positions.along_m[rows] - sources.along_m[source])
        direct += positions.aside_m[rows] + sources.aside_m[source]
        best = np.lexsort((source, direct, rows))
        best = best[np.diff(rows[best], prepend=-1) > 0]
        best = best[direct[best] < metres[rows[best]]]
        metres[rows[best]], owner[rows[best]] = direct[best], self.number[source[best]]
        known = np.isfinite(metres) & (metres <= self.limit_m)
        return np.where(known, metres, np.inf), np.where(known, owner, -1)

    def at_points(self) -> geodesy.type_floats:
        """Tell the metres from every point of the network, in the order of its ``point``."""
        net, sources = self.streets.network, self.sources
        if _grid.AVAILABLE:
            return _search.expand(
                sources.edge,
                sources.along_m,
                sources.aside_m,
                self.limit_m,
                self.metres,
                net.ends,
                net.length_m,
                net.first,
                net.point_m,
            )
        count = np.diff(net.first)
        near_a = np.repeat(self.metres[net.ends[:, 0]], count)
        near_a += net.point_m
        near_b = np.repeat(self.metres[net.ends[:, 1]] + net.length_m, count)
        near_b -= net.point_m
        metres = np.minimum(near_a, near_b, out=near_a)
        for edge, along, aside in zip(sources.edge, sources.along_m, sources.aside_m, strict=True):
            rows = slice(int(net.first[edge]), int(net.first[edge + 1]))
            direct = np.abs(net.point_m[rows] - along) + aside
            np.minimum(metres[rows], direct, out=metres[rows])
        metres[metres > self.limit_m] = np.inf
        return metres


def _local(
    inside: type_ints, junction: npt.NDArray[np.integer]
) -> tuple[type_ints, npt.NDArray[np.bool_]]:
    """Find the places of junctions among those inside, and whether they are there."""
    place = np.searchsorted(inside, junction)
    known = place < len(inside)
    known[known] = inside[place[known]] == junction[known]
    return place, known


def _in_cells(
    cells: type_ints, first: type_ints, cell: type_ints, reach: int
) -> tuple[type_ints, type_ints]:
    """List what lies in the cells around each position: whose it is, and its row."""
    step = np.arange(-reach, reach + 1)
    around = np.stack(np.meshgrid(step, step, indexing="ij"), axis=-1).reshape(-1, 2)
    wanted = (cell[:, None] + around).reshape(-1, 2)
    code = morton(np.maximum(wanted, 0))
    spot = np.minimum(np.searchsorted(cells, code), len(cells) - 1)
    found = (cells[spot] == code) & (wanted >= 0).all(axis=1)
    count = np.where(found, first[spot + 1] - first[spot], 0)
    owner = np.repeat(np.repeat(np.arange(len(cell)), len(around)), count)
    return owner, ranges(first[spot], count)


def _nearest_on(
    start: npt.NDArray[np.int32], end: npt.NDArray[np.int32], at: geodesy.type_floats
) -> tuple[geodesy.type_floats, geodesy.type_floats]:
    """Give squares of the distances to straight pieces, and which share of each lies before."""
    a_x, a_y = start.T.astype(np.float64)
    b_x, b_y = end.T.astype(np.float64)
    street_x, street_y = b_x - a_x, b_y - a_y
    way_x, way_y = at[:, 0] - a_x, at[:, 1] - a_y
    square = street_x * street_x + street_y * street_y
    share = (street_x * way_x + street_y * way_y) / np.maximum(square, 1.0)
    share = np.clip(share, 0.0, 1.0)
    off_x, off_y = way_x - street_x * share, way_y - street_y * share
    return off_x * off_x + off_y * off_y, share
