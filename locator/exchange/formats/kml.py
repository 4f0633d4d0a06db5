"""Read KML and KMZ, and write KML."""

import contextlib
import itertools
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any
from xml.sax.saxutils import escape, quoteattr

import shapely

from locator import geodesy
from locator.errors import ImportFileError
from locator.exchange.formats import Header, Limits, Row, Scalar, _archive, _rows, _writing, _xml
from locator.exchange.formats._positions import Locating, known_crs

_OWN = ("name", "address", "description")
_LINKS = "Links to other KML files were not followed ({rows})."
_PLACES = {"Point", "LineString", "LinearRing", "Polygon", "MultiGeometry"}
_RING = 4
_BATCH = 1_000


def read(path: Path, limits: Limits) -> Iterator[Header | Row]:
    """Read placemarks; they are numbered from 1."""
    locating = Locating(known_crs(geodesy.WGS84))
    names = _rows.Names()

    def rows(tally: _rows.Tally) -> Iterator[Row]:
        number = 0
        with _opened(path, limits) as file:
            placemarks = _placemarks(file, tally)
            while batch := list(itertools.islice(placemarks, _BATCH)):
                found = locating.positions([shape for _, shape in batch], tally)
                for (said, _), position in zip(batch, found, strict=True):
                    number += 1
                    values = _rows.values(map(names.of_key, said), said.values())
                    yield number, values | position

    yield from _rows.stream(_rows.Source("kml", rows, crs=locating.crs), limits)


def write(
    path: Path,
    columns: Sequence[str],
    rows: Sequence[Mapping[str, Scalar]],
    *,
    title: str,
    note: str,
) -> list[str]:
    """Write one document of placemarks, described by the note."""
    own = [c for c in _OWN if c in columns]
    rest = [c for c in _writing.others(columns) if c not in own]
    with _writing.replacing(path) as draft, draft.open("w", encoding="utf-8") as file:
        file.write(
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            '<kml xmlns="http://www.opengis.net/kml/2.2">\n<Document>\n'
            f"<name>{_text(title)}</name>\n<description>{_text(note)}</description>\n"
        )
        for row in rows:
            file.write("<Placemark>\n")
            file.writelines(f"<{c}>{_text(row[c])}</{c}>\n" for c in own if c in row)
            file.write("<ExtendedData>\n")
            file.writelines(_data(c, row[c]) for c in rest if c in row)
            file.write("</ExtendedData>\n")
            if place := _writing.position(row):
                x, y = map(_writing.text, place)
                file.write(f"<Point><coordinates>{x},{y}</coordinates></Point>\n")
            file.write("</Placemark>\n")
        file.write("</Document>\n</kml>\n")
    return []


def _data(column: str, value: Scalar) -> str:
    name = quoteattr(_writing.xml_text(column))
    return f"<Data name={name}><value>{_text(value)}</value></Data>\n"


def _text(value: Scalar) -> str:
    return escape(_writing.xml_text(value))


@contextlib.contextmanager
def _opened(path: Path, limits: Limits) -> Iterator[IO[bytes]]:
    if not zipfile.is_zipfile(path):
        with path.open("rb") as file:
            yield file
        return
    with _archive.opened(path, limits) as archive:
        found = [name for name in archive.namelist() if name.lower().endswith(".kml")]
        if not found:
            msg = "The archive holds no KML file."
            raise ImportFileError(msg)
        # the specification takes the first, programs write doc.kml
        with archive.open("doc.kml" if "doc.kml" in found else found[0]) as file:
            yield file


def _placemarks(
    file: IO[bytes], tally: _rows.Tally
) -> Iterator[tuple[dict[str, str], shapely.Geometry | None]]:
    """Yield what each placemark says and where it is."""
    for element in _xml.elements(file, "Placemark", "NetworkLink"):
        if _xml.local(element) == "Placemark":
            yield _said(element), _shape(element, tally)
        else:
            tally[_LINKS] += 1


def _said(placemark: Any) -> dict[str, str]:
    """Collect what a placemark says, by name."""
    said = {_xml.local(e): _xml.text(e) for e in placemark if _xml.local(e) in _OWN}
    extended = (e for e in placemark if _xml.local(e) == "ExtendedData")
    for element in itertools.chain.from_iterable(e.iter() for e in extended):
        kind, name = _xml.local(element), element.attrib.get("name", "")
        if kind == "Data":
            value = next((_xml.text(e) for e in element if _xml.local(e) == "value"), "")
        elif kind == "SimpleData":
            value = _xml.text(element)
        else:
            continue
        key, use = name, 1
        while said.get(key, value) != value:
            use += 1
            key = f"{name} ({use})"
        said[key] = value
    return said


def _shape(placemark: Any, tally: _rows.Tally) -> shapely.Geometry | None:
    """Give the first point, else the first line or outline, of a placemark."""
    shapes = {}
    places = (e for e in placemark if _xml.local(e) in _PLACES)
    for element in itertools.chain.from_iterable(e.iter() for e in places):
        kind = _xml.local(element)
        if kind in {"Point", "LineString", "LinearRing"} and kind not in shapes:
            found = next((_xml.text(e) for e in element if _xml.local(e) == "coordinates"), "")
            try:
                shapes[kind] = _shaped(kind, found)
            except (ValueError, shapely.GEOSException):
                tally[_rows.UNPLACED] += 1
    return next((shapes[k] for k in ("Point", "LinearRing", "LineString") if k in shapes), None)


def _shaped(kind: str, coordinates: str) -> shapely.Geometry:
    corners = [[float(n) for n in corner.split(",")[:2]] for corner in coordinates.split()]
    if kind == "Point":
        return shapely.Point(*corners)
    if kind == "LinearRing" and len(corners) >= _RING:
        return shapely.Polygon(corners)
    return shapely.LineString(corners)
