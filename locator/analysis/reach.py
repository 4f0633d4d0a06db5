"""Draw the areas from which a kit can be fetched within a time."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely

from locator import geodesy
from locator.travel.journey import Travel
from locator.travel.network import CM
from locator.travel.streets import Field

# untreated, a catastrophic bleed kills in 3 to 5 minutes
FETCH_S = (180.0, 300.0)
# a street is taken this wide, and a block that small counts as reached
_WIDTH_M, _BLOCK_M2 = 25.0, 5_000.0
_TOLERANCE_M = 3.0


@dataclass(frozen=True, slots=True, eq=False)
class Reach:
    """Areas of one or several fetch times around some kits.

    Attributes
    ----------
    areas
        ``fetch_s``, ``metres`` (one way), ``method`` and outlines (EPSG:4326), the longest
        time first; what takes less time lies within.
    m_per_s
        The speed.
    too_rough
        Kits left out because their place is known less exactly than two thirds of the shortest way.
    """

    areas: gpd.GeoDataFrame
    m_per_s: float
    too_rough: int


def reach(
    kits: gpd.GeoDataFrame, travel: Travel, m_per_s: float, fetch_s: Sequence[float] = FETCH_S
) -> Reach:
    """Find where from any of the kits is fetched within each time.

    Parameters
    ----------
    kits
        Placed kits (EPSG:27700) with ``precision_m``.
    travel
        Streets, or the detour where there are none; there the area is a circle.
    m_per_s
        Speed of whoever fetches.
    fetch_s
        Seconds there and back with everything in between.
    """
    metres = [travel.pace.reach_m(seconds, m_per_s) for seconds in fetch_s]
    exact = kits[kits["precision_m"] <= min(metres) * 2 / 3]
    grid = shapely.get_coordinates(exact.geometry.array)
    snaps = travel.snap(grid)
    # a kit may lie as much farther away as its place is unsure
    unsure = exact["precision_m"].to_numpy(dtype=np.float64)
    on_street = np.zeros(len(grid), dtype=np.bool_)
    field = None
    if travel.streets and snaps is not None:
        # a kit in the middle of a park is farther from any street than the area is wide
        snaps = dataclasses.replace(snaps, aside_m=snaps.aside_m + unsure)
        on_street = snaps.on_street & (snaps.aside_m < min(metres))
        field = travel.streets.field(snaps.only(on_street), max(metres))
    rows = []
    for seconds, reach_m in sorted(zip(fetch_s, metres, strict=True), reverse=True):
        known = {"fetch_s": seconds, "metres": reach_m}
        if field is not None and on_street.any():
            rows.append(known | {"method": "streets", "geometry": _along_streets(field, reach_m)})
        if not on_street.all():
            circles = shapely.buffer(
                shapely.points(grid[~on_street]),
                (reach_m - unsure[~on_street]) / travel.detour.median,
            )
            rows.append(known | {"method": "straight", "geometry": shapely.union_all(circles)})
    columns = ["fetch_s", "metres", "method", "geometry"]
    areas = gpd.GeoDataFrame(rows, columns=columns, geometry="geometry", crs=geodesy.BNG)
    return Reach(_in_degrees(areas), m_per_s, len(kits) - len(exact))


def _along_streets(field: Field, reach_m: float) -> shapely.Geometry:
    """Outline the streets that lie within some metres of a source."""
    net = field.streets.network
    metres = field.at_points()
    near = np.flatnonzero(metres <= reach_m)
    last = np.zeros(len(metres), dtype=np.bool_)
    last[net.first[1:] - 1] = True
    first = np.zeros(len(metres), dtype=np.bool_)
    first[net.first[:-1]] = True
    # every piece of street that leads on from a reached point, as far as one gets
    onward = np.concatenate([near[~last[near]], near[~first[near]]])
    towards = np.concatenate([near[~last[near]] + 1, near[~first[near]] - 1])
    a, b = net.point[onward] / CM, net.point[towards] / CM
    length = np.maximum(np.abs(net.point_m[towards] - net.point_m[onward]), 1 / CM)
    share = np.clip((reach_m - metres[onward]) / length, 0.0, 1.0)[:, None]
    ends = np.concatenate([np.stack([a, a + (b - a) * share], axis=1), _at_kits(field, reach_m)])
    lines = shapely.union_all(shapely.linestrings(ends))
    area = shapely.buffer(lines, _WIDTH_M, quad_segs=4)
    return _without_blocks(area).simplify(_TOLERANCE_M)


def _at_kits(field: Field, reach_m: float) -> geodesy.type_floats:
    """Give both ends of what is reached on the kits' own pieces of street, ``(n, 2, 2)``.

    The ends of a long piece may lie beyond the reach of a kit in its middle.
    """
    net, kits = field.streets.network, field.sources
    first, last = net.first[kits.edge], net.first[kits.edge + 1] - 2
    found = [
        begin + np.searchsorted(net.point_m[begin : end + 1], along, side="right") - 1
        for begin, end, along in zip(first, last, kits.along_m, strict=True)
    ]
    piece = np.array(found, dtype=np.int64)
    a, b = net.point[piece] / CM, net.point[piece + 1] / CM
    before = net.point_m[piece].astype(np.float64)
    length = np.maximum(net.point_m[piece + 1] - before, 1 / CM)
    rest = np.maximum(reach_m - kits.aside_m, 0.0)
    ends = [
        a + (b - a) * np.clip((kits.along_m + far - before) / length, 0.0, 1.0)[:, None]
        for far in (-rest, rest)
    ]
    return np.stack(ends, axis=1)


def _without_blocks(area: shapely.Geometry) -> shapely.Geometry:
    filled = []
    for part in shapely.get_parts(area):
        holes = [ring for ring in part.interiors if shapely.Polygon(ring).area > _BLOCK_M2]
        filled.append(shapely.Polygon(part.exterior, holes))
    return shapely.union_all(filled)


def _in_degrees(areas: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    at = shapely.get_coordinates(areas.geometry.array)
    lon, lat = geodesy.to_wgs84(at[:, 0].copy(), at[:, 1].copy())
    # to a tenth of a metre: the outlines go over the air
    degrees = np.round(np.column_stack([lon, lat]), 6)
    outlines = shapely.set_coordinates(areas.geometry.array.copy(), degrees)
    return areas.set_geometry(gpd.GeoSeries(outlines, index=areas.index), crs=geodesy.WGS84)
