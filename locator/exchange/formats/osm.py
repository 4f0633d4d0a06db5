"""Read bleed kits from extracts of OpenStreetMap and answers of Overpass."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import osmium
import osmium.filter
import shapely

from locator import geodesy
from locator.errors import ImportFileError
from locator.exchange.formats import Header, Limits, Row, X, Y, _rows
from locator.exchange.formats._jsonstream import Document

OSM_ID = "osm id"
_KITS = {"bleed_control_kit", "bleed_kit"}
_BOXES = {"defibrillator", "aed"}
_RING = 4

# kind, number, tags and position of an object
_Object = tuple[str, int, dict[str, str], tuple[float, float] | None]


def read(path: Path, limits: Limits) -> Iterator[Header | Row]:
    """Read the objects tagged as bleed kits; they are numbered from 1."""
    with path.open("rb") as file:
        head = file.read(64)
    is_json = head.lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n").startswith(b"{")
    objects = _overpass(path) if is_json else _extract(path, binary=b"OSMHeader" in head)
    names = _rows.Names()
    looked, kits = 0, list[dict[str, Any]]()
    for kind, number, tags, place in objects:
        looked += 1
        if not _is_kit(tags):
            continue
        position = {} if place is None else dict(zip((X, Y), place, strict=True))
        said = {OSM_ID: f"{kind}/{number}"} | tags
        kits.append(_rows.values(map(names.of_key, said), said.values()) | position)
        if len(kits) > limits.rows:
            break
    note = (
        f"Looked at {_rows.count(looked, 'object')} with the tag “emergency”; "
        f"{len(kits):,} of them are bleed kits."
    )
    source = _rows.Source(
        "osm", lambda _: iter(enumerate(kits, 1)), crs=geodesy.WGS84, notes=(note,)
    )
    yield from _rows.stream(source, limits)


def _is_kit(tags: Mapping[str, str]) -> bool:
    return tags["emergency"] in _KITS or (
        tags["emergency"] in _BOXES and tags.get("bleed_control_kit") == "yes"
    )


def _extract(path: Path, *, binary: bool) -> Iterator[_Object]:
    # the format is said so that osmium does not guess it from the name
    file = osmium.io.File(str(path), "pbf" if binary else "osm")
    wanted = osmium.filter.KeyFilter("emergency")
    for found in osmium.FileProcessor(file).with_locations().with_filter(wanted):
        tags = {tag.k: tag.v for tag in found.tags}
        match found:
            case osmium.osm.Node(location=at):
                yield "node", found.id, tags, (at.lon, at.lat) if at.valid() else None
            case osmium.osm.Way(nodes=nodes):
                corners = [(node.lon, node.lat) for node in nodes if node.location.valid()]
                yield "way", found.id, tags, _middle(corners)
            case osmium.osm.Relation():
                yield "relation", found.id, tags, None


def _overpass(path: Path) -> Iterator[_Object]:
    document = Document(path, "elements")
    if remark := document.members.get("remark"):
        msg = f"Overpass did not finish: “{_rows.shown(str(remark))}”. Ask it again."
        raise ImportFileError(msg)
    for element in document.elements():
        match element:
            case {"type": str(kind), "id": int(number), "tags": {"emergency": str()} as tags}:
                said = {key: value for key, value in tags.items() if isinstance(value, str)}
                yield kind, number, said, _place(element)


def _place(element: Mapping[str, Any]) -> tuple[float, float] | None:
    match element:
        case {"lon": int() | float() as x, "lat": int() | float() as y} | {
            "center": {"lon": int() | float() as x, "lat": int() | float() as y}
        }:
            return float(x), float(y)
        case {"geometry": list(corners)}:
            return _middle([place for c in corners if (place := _place(c or {})) is not None])
    return None


def _middle(corners: list[tuple[float, float]]) -> tuple[float, float] | None:
    """Find the centre of a way, of its area if it is closed."""
    if not corners:
        return None
    if len(corners) >= _RING and corners[0] == corners[-1]:
        shape = shapely.Polygon(corners)
    else:
        shape = shapely.MultiPoint(corners)
    return shape.centroid.x, shape.centroid.y
