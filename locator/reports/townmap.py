"""Draw the kits of a town on its streets, to be printed: numbers that a list explains."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

import geopandas as gpd
import numpy as np
import pyogrio
import shapely

from locator import geodesy, tables
from locator.reports._svg import INK, PAPER, QUIET, element, path, picture, words

_WIDTH, _HEIGHT = 680.0, 560.0
# a town with one kit is drawn as wide as this at least, and with so much around its kits
_LEAST_M, _MARGIN_M = 1_600.0, 250.0
_LAND, _STREET = "#f7f6f2", "#b9b3a8"
_DOT, _NAME_SIZE = 4.0, 12.0
_LABEL_HEIGHT, _DIGIT_WIDTH = 15.0, 8.0
# numbers are tried at these distances from their kit
_STEPS = (11.0, 22.0, 34.0, 48.0, 64.0, 84.0)
# where the name of a place goes if its own spot is taken, in heights of its letters
_BESIDE = (0.0, -1.5, 1.5)
_KM = 1_000.0

# left, top, right and bottom in units of the picture
type_box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Mark:
    """A kit on the map.

    Attributes
    ----------
    number
        Of the kit in the list.
    easting, northing, precision_m
        Where it is, and how far it may be from there, metres (EPSG:27700).
    installed
        Whether it is said to be installed; others are drawn as crosses.
    """

    number: int
    easting: float
    northing: float
    precision_m: float
    installed: bool


@dataclass(frozen=True, slots=True)
class _Frame:
    """Turns metres on the grid into units of the picture."""

    west: float
    north: float
    per_m: float

    @classmethod
    def around(cls, marks: Sequence[Mark]) -> "_Frame":
        around = [shapely.Point(m.easting, m.northing).buffer(m.precision_m) for m in marks]
        west, south, east, north = shapely.total_bounds(around)
        wide = max(east - west + 2 * _MARGIN_M, _LEAST_M)
        high = max(north - south + 2 * _MARGIN_M, _LEAST_M * _HEIGHT / _WIDTH)
        per_m = min(_WIDTH / wide, _HEIGHT / high)
        middle = (west + east) / 2, (south + north) / 2
        return cls(middle[0] - _WIDTH / per_m / 2, middle[1] + _HEIGHT / per_m / 2, per_m)

    def at(self, easting: float, northing: float) -> tuple[float, float]:
        return (easting - self.west) * self.per_m, (self.north - northing) * self.per_m

    @property
    def window(self) -> shapely.Polygon:
        east, south = self.west + _WIDTH / self.per_m, self.north - _HEIGHT / self.per_m
        return shapely.box(self.west, south, east, self.north)

    def data(self, shape: shapely.Geometry, *, close: bool = False) -> str:
        """Write the lines of a shape, without what is too small to be seen."""
        lines = shapely.get_parts(shapely.simplify(shape, 0.8 / self.per_m))
        return "".join(
            path((self.at(x, y) for x, y in shapely.get_coordinates(line)), close=close)
            for line in lines
        )


def town_map(
    marks: Sequence[Mark], county: shapely.Geometry, geodata: Path, title: str, tells: str
) -> str:
    """Draw the kits of a town, with streets where the basemap has any.

    Parameters
    ----------
    marks
        At least one.
    county
        Outline on the grid.
    geodata
        Folder with the basemap.
    title, tells
        For those who cannot see it.
    """
    frame = _Frame.around(marks)
    land = shapely.intersection(county, frame.window)
    style = {"stroke": QUIET, "stroke_width": "0.8", "fill": _LAND}
    outline = shapely.get_exterior_ring(shapely.get_parts(land))
    parts = [element("path", d=frame.data(shapely.multilinestrings(outline), close=True), **style)]
    if drawn := frame.data(_streets(geodata, frame.window)):
        parts.append(element("path", d=drawn, fill="none", stroke=_STREET, stroke_width="0.9"))
    parts += itertools.chain.from_iterable(_around(frame, mark) for mark in marks)
    numbers, taken = _numbers(frame, marks)
    parts += _names(frame, geodata, taken)
    parts += itertools.chain.from_iterable(_sign(frame, mark) for mark in marks)
    parts += numbers
    parts += _scale(frame)
    clip = element("clipPath", element("rect", width=_WIDTH, height=_HEIGHT), id="town-clip")
    clipped = element("g", *parts, clip_path="url(#town-clip)")
    return picture("town", _WIDTH, _HEIGHT, title, tells, [element("defs", clip), clipped])


def _streets(geodata: Path, window: shapely.Polygon) -> shapely.Geometry:
    """Read the streets of the basemap in a window, as lines on the grid."""
    file = geodata / tables.sources(geodata)["basemap"].file
    at = [geodesy.to_wgs84(x, y) for x, y in shapely.get_coordinates(window)[:4]]
    seen = gpd.GeoSeries(shapely.points(at), crs=geodesy.WGS84).to_crs(geodesy.WEB_MERCATOR)
    found = pyogrio.read_dataframe(
        file, columns=["kind"], where="kind = 'street'", bbox=tuple(seen.total_bounds)
    )
    lines = found.geometry.to_crs(geodesy.WGS84).to_numpy()
    on_grid = shapely.transform(
        shapely.multilinestrings(shapely.get_parts(lines)),
        lambda xy: np.column_stack(geodesy.to_bng(xy[:, 0].copy(), xy[:, 1].copy())),
    )
    return shapely.line_merge(shapely.clip_by_rect(on_grid, *window.bounds))


def _around(frame: _Frame, mark: Mark) -> list[ET.Element]:
    """Draw how far the kit may be from its mark."""
    x, y = frame.at(mark.easting, mark.northing)
    r = mark.precision_m * frame.per_m
    if r <= _DOT:
        return []
    style = {"fill": "none", "stroke": INK, "stroke_width": "0.8", "stroke_dasharray": "3 3"}
    return [element("circle", cx=x, cy=y, r=r, **style)]


def _sign(frame: _Frame, mark: Mark) -> list[ET.Element]:
    x, y = frame.at(mark.easting, mark.northing)
    if mark.installed:
        style = {"fill": INK, "stroke": PAPER, "stroke_width": "1.5"}
        return [element("circle", cx=x, cy=y, r=_DOT, **style)]
    r = _DOT
    cross = path(((x - r, y - r), (x + r, y + r))) + path(((x - r, y + r), (x + r, y - r)))
    return [element("path", d=cross, stroke=INK, stroke_width="2")]


def _names(frame: _Frame, geodata: Path, taken: Sequence[type_box]) -> list[ET.Element]:
    """Write the names of towns, villages and suburbs where they hide nothing."""
    places = tables.table(geodata, "places")
    places = places[places["kind"].isin(["town", "village", "suburb"])]
    places = places.sort_values("precision_m", ascending=False)
    eastings, northings = geodesy.to_bng(*(places[c].to_numpy() for c in ("longitude", "latitude")))
    # the scale stands at the bottom
    boxes = [*taken, (0.0, _HEIGHT - 34, _WIDTH / 2, _HEIGHT)]
    parts: list[ET.Element] = []
    for name, easting, northing in zip(places["name"], eastings, northings, strict=True):
        x, y = frame.at(float(easting), float(northing))
        half = 0.3 * _NAME_SIZE * len(name)
        rows = (y + _NAME_SIZE * step for step in _BESIDE)
        tried = ((x - half, row - _NAME_SIZE, x + half, row + 4) for row in rows)
        free = (b for b in tried if _inside(b) and not any(_overlap(b, other) for other in boxes))
        if box := next(free, None):
            boxes.append(box)
            style = {"fill": QUIET, "font_size": f"{_NAME_SIZE:g}", "font_style": "italic"}
            parts += words(x, box[3] - 4, str(name), anchor="middle", halo=True, **style)
    return parts


def _numbers(frame: _Frame, marks: Sequence[Mark]) -> tuple[list[ET.Element], list[type_box]]:
    """Write each number beside its kit where it hides no other, with a line to the kit."""
    spots = [frame.at(mark.easting, mark.northing) for mark in marks]
    taken: list[type_box] = [(x - _DOT, y - _DOT, x + _DOT, y + _DOT) for x, y in spots]
    parts: list[ET.Element] = []
    for mark, (x, y) in zip(marks, spots, strict=True):
        text = str(mark.number)
        wide = _DIGIT_WIDTH * len(text) + 4
        boxes = [_beside(x, y, wide, step, turn) for step in _STEPS for turn in range(8)]
        free = (b for b in boxes if _inside(b) and not any(_overlap(b, t) for t in taken))
        box = next(free, boxes[0])
        taken.append(box)
        middle = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        parts += [
            element("path", d=path(((x, y), middle)), stroke=INK, stroke_width="1"),
            element(
                "rect",
                x=box[0],
                y=box[1],
                width=wide,
                height=_LABEL_HEIGHT,
                rx=2,
                fill=PAPER,
                stroke=INK,
                stroke_width="1",
            ),
            *words(*middle, text, anchor="middle", dy="4.5", font_size="13", font_weight="bold"),
        ]
    return parts, taken


def _beside(x: float, y: float, wide: float, step: float, turn: int) -> type_box:
    angle = turn * np.pi / 4 - np.pi / 4
    middle_x = x + float(np.cos(angle)) * (step + wide / 2)
    middle_y = y + float(np.sin(angle)) * (step + _LABEL_HEIGHT / 2)
    half = wide / 2, _LABEL_HEIGHT / 2
    return middle_x - half[0], middle_y - half[1], middle_x + half[0], middle_y + half[1]


def _inside(box: type_box) -> bool:
    return box[0] > 0 and box[1] > 0 and box[2] < _WIDTH and box[3] < _HEIGHT


def _overlap(one: type_box, other: type_box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _scale(frame: _Frame) -> list[ET.Element]:
    metres = next(m for m in (5_000.0, 2_000.0, _KM, 500.0, 200.0) if m * frame.per_m < _WIDTH / 3)
    length, y = metres * frame.per_m, _HEIGHT - 10
    bar = f"M10 {y - 4:.1f}V{y:.1f}H{10 + length:.1f}V{y - 4:.1f}"
    text = f"{metres / _KM:g} km" if metres >= _KM else f"{metres:g} m"
    return [
        element("path", d=bar, fill="none", stroke=PAPER, stroke_width="5"),
        element("path", d=bar, fill="none", stroke=INK, stroke_width="1.5"),
        *words(10 + length / 2, y - 8, text, anchor="middle", halo=True, font_size="12"),
    ]
