"""Draw maps that print: the county, and closer views of where it is crowded."""

import string
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from xml.etree import ElementTree as ET

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from locator import geodesy, tables
from locator.reports._svg import INK, LINE, PAPER, QUIET, SHADES, element, path, picture, words

_WIDTH = 680.0
# two views side by side on a page
_VIEW_WIDTH, _VIEW_HEIGHT = 334.0, 268.0
_VIEW_M = 6_000.0
_MAX_VIEWS = 8
_LAND = "#f7f6f2"
_GREEN, _AMBER = "#00441f", "#8a4b00"
_KM = 1_000.0
# a village with fewer bus stops is not named on the map of the county
_STOPS = 9
# where the name of a town goes if its own place is taken, in heights of its letters
_BESIDE = (0.0, -1.5, 1.5, -3.0, 3.0)
# share of the largest weight from which each darker shade begins
_BREAKS = (0.0, 0.1, 0.25, 0.5)

# what the sign of a kit says, in the order of the legend
ALWAYS, SOMETIMES, UNKNOWN, OUT = "always", "sometimes", "unknown", "out"
_SIGNS: Mapping[str, str] = {
    ALWAYS: "kit open day and night",
    SOMETIMES: "kit shut at some hours",
    UNKNOWN: "kit whose hours are not known",
    OUT: "planned, unconfirmed or out of service",
}

# left, top, right and bottom in units of the picture
type_box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """What lies below everything on a printed map, in National Grid metres.

    Attributes
    ----------
    county
        Outline.
    neighbourhoods
        Outlines of the LSOAs.
    places
        ``name``, ``kind``, ``easting``, ``northing`` and ``stops`` (number of bus stops) of towns,
        villages and suburbs: towns first, then those with most stops.
    """

    county: shapely.Geometry
    neighbourhoods: Sequence[shapely.Geometry]
    places: pd.DataFrame

    @classmethod
    def of(cls, county: gpd.GeoDataFrame, lsoas: gpd.GeoDataFrame, geodata: Path) -> "Ground":
        """Put the outlines (EPSG:4326) on the grid, and read the names of places."""
        places = tables.table(geodata, "places")
        stops = places[places["kind"] == "bus stop"].groupby("locality").size()
        named = places[places["kind"].isin(["town", "village", "suburb"])].copy()
        at = named["longitude"].to_numpy(), named["latitude"].to_numpy()
        named["easting"], named["northing"] = geodesy.to_bng(*at)
        named["stops"] = named["name"].map(stops).fillna(0).astype(int)
        named["later"] = named["kind"] != "town"
        named = named.sort_values(["later", "stops", "name"], ascending=[True, False, True])
        return cls(on_grid(county)[0], on_grid(lsoas), named.reset_index(drop=True))


def on_grid(frame: gpd.GeoDataFrame) -> list[shapely.Geometry]:
    """Give the outlines of a frame (EPSG:4326) in National Grid metres."""
    return list(
        shapely.transform(
            frame.geometry.to_numpy(),
            lambda xy: np.column_stack(geodesy.to_bng(xy[:, 0].copy(), xy[:, 1].copy())),
        )
    )


@dataclass(frozen=True, slots=True)
class Mark:
    """A numbered place of a plan, or of the table of gaps.

    Attributes
    ----------
    label
        Its number.
    easting, northing
        Metres (EPSG:27700).
    square
        Draw a square rather than a circle: something that is there already is changed.
    """

    label: str
    easting: float
    northing: float
    square: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Content:
    """What is drawn on the ground.

    Attributes
    ----------
    cells
        Outlines on the grid and their weight, for shades.
    cells_say
        What the shades mean.
    kits
        ``sign``, ``easting``, ``northing``.
    marks
        Numbered places.
    marks_say
        What they are, for the legend: circles, and squares if there are any.
    reach_m
        Radius of the ring around each mark; 0 draws none.
    """

    cells: Sequence[tuple[shapely.Geometry, float]]
    cells_say: str
    kits: pd.DataFrame
    marks: Sequence[Mark]
    marks_say: tuple[str, str]
    reach_m: float = 0.0

    @property
    def breaks(self) -> list[float]:
        """Weights from which each shade begins, rounded up."""
        top = max((weight for _, weight in self.cells), default=0.0)
        lowest = min((weight for _, weight in self.cells), default=0.0)
        return [lowest, *(float(np.ceil(top * share)) for share in _BREAKS[1:])]


@dataclass(frozen=True, slots=True)
class View:
    """A closer view: its letter, its name, its corners in National Grid metres, what is in it.

    Attributes
    ----------
    letter
        From A.
    name
        Of the largest place in it that no view before it is named after; empty if there is none.
    west, south, east, north
        Metres (EPSG:27700).
    labels
        Of the marks that it was cut for.
    """

    letter: str
    name: str
    west: float
    south: float
    east: float
    north: float
    labels: tuple[str, ...]

    def holds(self, easting: float, northing: float) -> bool:
        """Tell whether a place lies in it."""
        return self.west <= easting <= self.east and self.south <= northing <= self.north


def views(marks: Sequence[Mark], places: pd.DataFrame) -> list[View]:
    """Cut closer views so that marks, the first ones first, lie well inside one of them.

    Parameters
    ----------
    marks
        In the order of their importance.
    places
        Of :class:`Ground`, for names.
    """
    height_m = _VIEW_M * _VIEW_HEIGHT / _VIEW_WIDTH
    left = list(marks)
    found: list[View] = []
    while left and len(found) < _MAX_VIEWS:
        inside = [left[0]]
        for mark in left[1:]:
            east = [m.easting for m in (*inside, mark)]
            north = [m.northing for m in (*inside, mark)]
            if max(east) - min(east) <= _VIEW_M * 0.8 and max(north) - min(north) <= height_m * 0.8:
                inside.append(mark)
        x = (max(m.easting for m in inside) + min(m.easting for m in inside)) / 2
        y = (max(m.northing for m in inside) + min(m.northing for m in inside)) / 2
        corners = x - _VIEW_M / 2, y - height_m / 2, x + _VIEW_M / 2, y + height_m / 2
        letter, labels = string.ascii_uppercase[len(found)], tuple(m.label for m in inside)
        seen = View(letter, "", *corners, labels)
        taken = {view.name for view in found}
        at = zip(places["name"], places["easting"], places["northing"], strict=True)
        names = (str(name) for name, *place in at if name not in taken and seen.holds(*place))
        found.append(replace(seen, name=next(names, "")))
        left = [mark for mark in left if mark not in inside]
    return found


@dataclass(frozen=True, slots=True)
class _Frame:
    """Turns metres on the grid into units of the picture."""

    west: float
    north: float
    per_m: float
    width: float
    height: float

    def at(self, easting: float, northing: float) -> tuple[float, float]:
        return (easting - self.west) * self.per_m, (self.north - northing) * self.per_m

    def outline(self, shape: shapely.Geometry, **style: object) -> list[ET.Element]:
        rings = []
        for part in shapely.get_parts(shape):
            for ring in (part.exterior, *part.interiors):
                xy = shapely.get_coordinates(ring)
                rings.append(path((self.at(x, y) for x, y in xy), close=True))
        return [element("path", d="".join(rings), fill_rule="evenodd", **style)] if rings else []

    def holds(self, box: type_box) -> bool:
        inside_x = box[0] >= 2 and box[2] <= self.width - 2  # noqa: PLR2004  # from the edge
        return inside_x and box[1] >= 2 and box[3] <= self.height - 2  # noqa: PLR2004

    def window(self) -> shapely.Geometry:
        south = self.north - self.height / self.per_m
        east = self.west + self.width / self.per_m
        return shapely.box(self.west, south, east, self.north)


def county_map(
    name: str, ground: Ground, content: Content, closer: Sequence[View], title: str, tells: str
) -> str:
    """Draw the whole county, with a frame and a letter where a closer view is cut.

    Parameters
    ----------
    name
        Unlike that of every other picture of the page.
    ground, content
        What is drawn.
    closer
        From :func:`views`.
    title, tells
        For those who cannot see it.
    """
    west, south, east, north = shapely.bounds(ground.county)
    margin = 0.02 * (east - west)
    per_m = _WIDTH / (east - west + 2 * margin)
    height = (north - south + 2 * margin) * per_m
    frame = _Frame(west - margin, north + margin, per_m, _WIDTH, height)
    parts = frame.outline(ground.county, fill=_LAND, stroke=QUIET, stroke_width="1.2")
    parts += _shades(frame, content)
    taken: list[type_box] = []
    signs = _kits(frame, content.kits, 3.2)
    boxes: list[ET.Element] = []
    frames = [(*frame.at(v.west, v.north), *frame.at(v.east, v.south)) for v in closer]
    for view, (x, y, far_x, far_y) in zip(closer, frames, strict=True):
        boxes.append(
            element(
                "rect",
                x=x,
                y=y,
                width=far_x - x,
                height=far_y - y,
                fill="none",
                stroke=INK,
                stroke_width="1.2",
            )
        )
        label = f"{view.letter} {view.name}"
        wide = 7.5 * len(label)
        above = (x, y - 16, x + wide, y - 1)
        below = (x, far_y + 1, x + wide, far_y + 16)
        others = [box for box in frames if box != (x, y, far_x, far_y)]
        crowded = any(_overlap(above, box) for box in others)
        spot = below if crowded else above
        boxes += words(x, spot[3] - 3, label, halo=True, font_weight="bold", font_size="12.5")
        taken += [spot, (x, y, far_x, far_y)]
    for mark in content.marks:
        x, y = frame.at(mark.easting, mark.northing)
        inside = any(view.holds(mark.easting, mark.northing) for view in closer)
        signs += _mark(x, y, mark, small=inside)
        taken.append((x - 8, y - 8, x + 8, y + 8))
    places = ground.places[ground.places["kind"] != "suburb"]
    named = places["name"].isin([view.name for view in closer])
    places = places[((places["kind"] == "town") | (places["stops"] >= _STOPS)) & ~named]
    parts += signs + boxes + _names(frame, places, taken, size=11, apart=40)
    parts += _scale(frame, 10 * _KM)
    legend, more = _legend(content, height + 14)
    return picture(name, _WIDTH, height + more, title, tells, [*parts, *legend])


def view_map(name: str, ground: Ground, content: Content, view: View, title: str) -> str:
    """Draw one closer view; the legend is that of the county's map."""
    per_m = _VIEW_WIDTH / (view.east - view.west)
    frame = _Frame(view.west, view.north, per_m, _VIEW_WIDTH, _VIEW_HEIGHT)
    window = frame.window()
    parts: list[ET.Element] = []
    land = shapely.intersection(ground.county, window)
    parts += frame.outline(land, fill=_LAND, stroke=QUIET, stroke_width="1.2")
    for shape in ground.neighbourhoods:
        seen = shapely.intersection(shape, window)
        if not seen.is_empty and seen.area > 0:
            only = shapely.union_all([p for p in shapely.get_parts(seen) if p.area > 0])
            parts += frame.outline(only, fill="none", stroke=LINE, stroke_width="0.6")
    parts += _shades(frame, content)
    taken: list[type_box] = []
    for mark in content.marks:
        x, y = frame.at(mark.easting, mark.northing)
        if content.reach_m and view.holds(mark.easting, mark.northing):
            parts += _ring(x, y, content.reach_m * per_m)
            taken.append((x - 10, y - 10, x + 10, y + 10))
    parts += _kits(frame, content.kits, 4.5)
    signs: list[ET.Element] = []
    # the first lies on top
    for mark in reversed(content.marks):
        if view.holds(mark.easting, mark.northing):
            signs += _mark(*frame.at(mark.easting, mark.northing), mark)
    taken.append((_VIEW_WIDTH - 90, _VIEW_HEIGHT - 34, _VIEW_WIDTH, _VIEW_HEIGHT))
    taken.append((0, 0, 7 + 8.5 * len(f"{view.letter} {view.name}"), 24))
    places = ground.places[ground.places["name"] != view.name]
    parts += _names(frame, places, taken, size=10, apart=58)
    parts += signs + _scale(frame, _KM)
    clip = element(
        "clipPath",
        element("rect", x=0, y=0, width=_VIEW_WIDTH, height=_VIEW_HEIGHT),
        id=f"{name}-clip",
    )
    edge = element(
        "rect",
        x=0.5,
        y=0.5,
        width=_VIEW_WIDTH - 1,
        height=_VIEW_HEIGHT - 1,
        fill="none",
        stroke=INK,
        stroke_width="1",
    )
    called = f"{view.letter} {view.name}"
    letter = words(7, 18, called, halo=True, font_weight="bold", font_size="14")
    drawn = element("g", *parts, clip_path=f"url(#{name}-clip)")
    tells = f"Numbers in this view: {', '.join(view.labels)}."
    size = _VIEW_WIDTH, _VIEW_HEIGHT
    return picture(name, *size, title, tells, [element("defs", clip), drawn, edge, *letter])


def _shades(frame: _Frame, content: Content) -> list[ET.Element]:
    window, breaks = frame.window(), content.breaks
    parts = []
    for shape, weight in content.cells:
        band = sum(weight >= edge for edge in breaks) - 1
        if shapely.intersects(shape, window):
            parts += frame.outline(
                shape, fill=SHADES[max(band, 0)], stroke=PAPER, stroke_width="0.7"
            )
    return parts


def _kits(frame: _Frame, kits: pd.DataFrame, size: float) -> list[ET.Element]:
    parts = []
    west, south, east, north = shapely.bounds(frame.window())
    # those that can be relied on lie on top
    for sign in reversed(list(_SIGNS)):
        for easting, northing in kits.loc[kits["sign"] == sign, ["easting", "northing"]].to_numpy():
            if west <= easting <= east and south <= northing <= north:
                parts += _sign(sign, *frame.at(easting, northing), size)
    return parts


def _sign(sign: str, x: float, y: float, r: float) -> list[ET.Element]:
    if sign == ALWAYS:
        return [
            element(
                "rect",
                x=x - r,
                y=y - r,
                width=2 * r,
                height=2 * r,
                fill=_GREEN,
                stroke=PAPER,
                stroke_width="1",
            )
        ]
    if sign == SOMETIMES:
        corners = ((x, y - 1.4 * r), (x + 1.4 * r, y), (x, y + 1.4 * r), (x - 1.4 * r, y))
        return [
            element(
                "path", d=path(corners, close=True), fill=PAPER, stroke=_GREEN, stroke_width="1.5"
            )
        ]
    if sign == UNKNOWN:
        return [element("circle", cx=x, cy=y, r=r, fill=PAPER, stroke=_AMBER, stroke_width="1.5")]
    down, up = ((x - r, y - r), (x + r, y + r)), ((x - r, y + r), (x + r, y - r))
    return [element("path", d=path(down) + path(up), fill="none", stroke=QUIET, stroke_width="1.5")]


def _mark(x: float, y: float, mark: Mark, *, small: bool = False) -> list[ET.Element]:
    r = 3.0 if small else 9.0
    if mark.square:
        shape = element(
            "rect",
            x=x - r,
            y=y - r,
            width=2 * r,
            height=2 * r,
            fill=INK,
            stroke=PAPER,
            stroke_width="1.2",
        )
    else:
        shape = element("circle", cx=x, cy=y, r=r, fill=INK, stroke=PAPER, stroke_width="1.2")
    if small:
        return [shape]
    number = words(
        x, y + 3.8, mark.label, anchor="middle", fill=PAPER, font_weight="bold", font_size="10.5"
    )
    return [shape, *number]


def _ring(x: float, y: float, r: float) -> list[ET.Element]:
    """Draw how far a kit reaches, to be seen on dark and light ground."""
    around = element("circle", cx=x, cy=y, r=r, fill="none", stroke=PAPER, stroke_width="3")
    ring = element(
        "circle",
        cx=x,
        cy=y,
        r=r,
        fill="none",
        stroke=INK,
        stroke_width="1.3",
        stroke_dasharray="4 3",
    )
    return [around, ring]


def _names(
    frame: _Frame,
    places: pd.DataFrame,
    taken: Iterable[type_box],
    *,
    size: float,
    apart: float,
) -> list[ET.Element]:
    """Write names of places where nothing else stands, the larger places first."""
    boxes, parts = list(taken), []
    middles: list[tuple[float, float]] = []
    columns = (places[column] for column in ("name", "kind", "easting", "northing"))
    for name, kind, easting, northing in zip(*columns, strict=True):
        x, at_y = frame.at(easting, northing)
        town = kind == "town"
        half = 0.28 * size * (1.15 if town else 1) * len(name)
        tried = ((x - half, y - size, x + half, y + 4) for y in _rows(at_y, size, town=town))
        free = (box for box in tried if not any(_overlap(box, other) for other in boxes))
        box = next(filter(frame.holds, free), None)
        near = any(np.hypot(x - a, at_y - b) < apart for a, b in middles) and not town
        if box is None or near:
            continue
        y = box[3] - 4
        boxes.append(box)
        middles.append((x, y))
        style = {"font_weight": "bold"} if town else {"fill": "#333333"}
        parts += words(
            x,
            y,
            str(name),
            anchor="middle",
            halo=True,
            font_size=f"{size * (1.15 if town else 1):g}",
            **style,
        )
    return parts


def _rows(y: float, size: float, *, town: bool) -> list[float]:
    """Give the heights at which a name may stand; that of a town must stand somewhere."""
    return [y + size * step for step in (_BESIDE if town else _BESIDE[:1])]


def _overlap(one: type_box, other: type_box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _scale(frame: _Frame, metres: float) -> list[ET.Element]:
    length = metres * frame.per_m
    x, y = frame.width - 10 - length, frame.height - 10
    bar = f"M{x:.1f} {y - 4:.1f}V{y:.1f}H{x + length:.1f}V{y - 4:.1f}"
    around = element("path", d=bar, fill="none", stroke=PAPER, stroke_width="4")
    line = element("path", d=bar, fill="none", stroke=INK, stroke_width="1.5")
    text = words(
        x + length / 2, y - 7, f"{metres / _KM:g} km", anchor="middle", halo=True, font_size="10"
    )
    return [around, line, *text]


def _legend(content: Content, top: float) -> tuple[list[ET.Element], float]:
    """Draw what every sign means, in columns below the map; gives its height too."""
    entries: list[tuple[list[ET.Element], str]] = []
    number = Mark("1", 0, 0)
    if content.marks:
        entries.append((_mark(0, 0, number), content.marks_say[0]))
        if any(mark.square for mark in content.marks):
            entries.append((_mark(0, 0, Mark("2", 0, 0, square=True)), content.marks_say[1]))
        if content.reach_m:
            entries.append((_ring(0, 0, 8), f"{content.reach_m:.0f} m around it"))
    present = set(content.kits["sign"])
    entries += [(_sign(s, 0, 0, 4.5), says) for s, says in _SIGNS.items() if s in present]
    breaks = content.breaks if content.cells else []
    edges = sorted(set(breaks))
    for number_of, low in enumerate(edges):
        colour = SHADES[max(sum(low >= edge for edge in breaks) - 1, 0)]
        box = element(
            "rect",
            x=-9,
            y=-6,
            width=18,
            height=12,
            fill=colour,
        )
        last = number_of == len(edges) - 1
        high = "or more" if last else f"to {edges[number_of + 1] - 1:,.0f}"
        entries.append(([box], f"{low:,.0f} {high} {content.cells_say}"))
    parts, row_height, columns = [], 21.0, 3
    for place, (sign, says) in enumerate(entries):
        x = 12 + (place % columns) * _WIDTH / columns
        y = top + 8 + (place // columns) * row_height
        parts.append(element("g", *sign, transform=f"translate({x:.1f} {y:.1f})"))
        parts += words(x + 15, y + 4, says, font_size="10.5")
    rows = -(-len(entries) // columns)
    return parts, 14 + rows * row_height + 6
