"""Read and write GeoJSON."""

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import shapely
import shapely.geometry

from locator import geodesy
from locator.errors import ImportFileError
from locator.exchange.formats import Header, Limits, Row, Scalar, _rows, _writing
from locator.exchange.formats._jsonstream import Document
from locator.exchange.formats._positions import Locating, known_crs

_BATCH = 1_000
_GEOMETRIES = {
    "Point",
    "MultiPoint",
    "LineString",
    "MultiLineString",
    "Polygon",
    "MultiPolygon",
    "GeometryCollection",
}


def read(path: Path, limits: Limits) -> Iterator[Header | Row]:
    """Read features; they are numbered from 1."""
    document = Document(path, "features")
    crs, notes = _crs(document.members)
    locating = Locating(crs)
    names = _rows.Names()

    def rows(tally: _rows.Tally) -> Iterator[Row]:
        features = enumerate(_features(document), 1)
        while batch := list(itertools.islice(features, _BATCH)):
            shapes = [_shape(feature, number, tally) for number, feature in batch]
            found = locating.positions(shapes, tally)
            for (number, feature), position in zip(batch, found, strict=True):
                yield number, _properties(feature, number, names) | position

    source = _rows.Source("geojson", rows, crs=locating.crs, notes=notes)
    yield from _rows.stream(source, limits)


def write(
    path: Path,
    columns: Sequence[str],
    rows: Sequence[Mapping[str, Scalar]],
    *,
    title: str,
    note: str,
) -> list[str]:
    """Write a feature collection, one feature in a line."""
    head = {"type": "FeatureCollection", "name": title, "attribution": note}
    names = _writing.others(columns)
    with _writing.replacing(path) as draft, draft.open("w", encoding="utf-8") as file:
        file.write(f'{_json(head)[:-1]}, "features": [')
        for number, row in enumerate(rows):
            place = _writing.position(row)
            feature = {
                "type": "Feature",
                "properties": {name: row[name] for name in names if name in row},
                "geometry": None if place is None else {"type": "Point", "coordinates": place},
            }
            file.write(f"{',' if number else ''}\n{_json(feature)}")
        file.write("\n]}\n")
    return []


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _features(document: Document) -> Iterator[Any]:
    members = document.members
    if document.has_list and members.get("type") == "FeatureCollection":
        yield from document.elements()
    elif members.get("type") == "Feature":
        yield members
    elif members.get("type") == "GeometryCollection":
        for geometry in members.get("geometries") or []:
            yield {"type": "Feature", "geometry": geometry}
    elif members.get("type") in _GEOMETRIES:
        yield {"type": "Feature", "geometry": members}
    else:
        kind = _rows.shown(str(members.get("type", "nothing")))
        msg = f"The file should be a GeoJSON FeatureCollection, but says that it is {kind}."
        raise ImportFileError(msg)


def _crs(members: Mapping[str, Any]) -> tuple[Any, tuple[str, ...]]:
    if "crs" not in members:
        return known_crs(geodesy.WGS84), ()
    match members["crs"]:
        # a link would be fetched from elsewhere, so it is not followed
        case {"type": "name", "properties": {"name": str(name)}}:
            crs = known_crs(name)
        case {"type": "EPSG", "properties": {"code": int(code)}}:
            crs = known_crs(code)
        case _:
            crs = None
    if crs is None:
        return None, ("The coordinate system that the file names is not known.",)
    return crs, ()


def _shape(feature: Any, number: int, tally: _rows.Tally) -> shapely.Geometry | None:
    if not isinstance(feature, dict) or feature.get("type") != "Feature":
        msg = f"Element {number:,} of the list is not a GeoJSON feature."
        raise ImportFileError(msg)
    match feature.get("geometry"):
        case None:
            return None
        case {"type": "Point", "coordinates": [int() | float() as x, int() | float() as y, *_]}:
            return shapely.Point(x, y)
        case {"type": "Point", "coordinates": []}:
            return None
        case {"type": str(kind)} as geometry if kind in _GEOMETRIES - {"Point"}:
            try:
                return shapely.geometry.shape(geometry)
            except (ValueError, TypeError, KeyError, AttributeError, shapely.GEOSException):
                pass
    tally[_rows.UNPLACED] += 1
    return None


def _properties(feature: Any, number: int, names: _rows.Names) -> dict[str, Scalar]:
    properties = feature.get("properties") or {}
    if not isinstance(properties, dict):
        msg = f"The properties of feature {number:,} are not a JSON object."
        raise ImportFileError(msg)
    if "id" in feature and "id" not in properties:
        properties = {"id": feature["id"]} | properties
    return _rows.values(map(names.of_key, properties), properties.values())
