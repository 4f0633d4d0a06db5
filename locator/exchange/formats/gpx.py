"""Read and write waypoints as GPX."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from locator import geodesy
from locator.exchange.formats import Header, Limits, Row, Scalar, X, Y, _rows, _writing, _xml
from locator.exchange.formats._rows import Tally

# in the order in which GPX wants them
_OWN = ("name", "cmt", "desc", "sym", "type")
_KIT = "https://openstreetmap.org/wiki/Tag:emergency=bleed_control_kit"
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")


def read(path: Path, limits: Limits) -> Iterator[Header | Row]:
    """Read waypoints; they are numbered from 1."""
    names = _rows.Names()

    def rows(tally: Tally) -> Iterator[Row]:
        with path.open("rb") as file:
            for number, element in enumerate(_xml.elements(file, "wpt"), 1):
                said = _said(element)
                values = _rows.values(map(names.of_key, said), said.values())
                yield number, values | _position(element, tally)

    yield from _rows.stream(_rows.Source("gpx", rows, crs=geodesy.WGS84), limits)


def write(
    path: Path,
    columns: Sequence[str],
    rows: Sequence[Mapping[str, Scalar]],
    *,
    title: str,
    note: str,
) -> list[str]:
    """Write a waypoint for each row with a position."""
    own = [c for c in _OWN if c in columns]
    rest = [c for c in _writing.others(columns) if c not in own]
    left_out = 0
    with _writing.replacing(path) as draft, draft.open("w", encoding="utf-8") as file:
        file.write(
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            '<gpx version="1.1" creator="bleed-kit-locator"'
            f' xmlns="http://www.topografix.com/GPX/1/1" xmlns:kit="{_KIT}">\n'
            f"<metadata><name>{_text(title)}</name><desc>{_text(note)}</desc></metadata>\n"
        )
        for row in rows:
            place = _writing.position(row)
            if place is None:
                left_out += 1
                continue
            x, y = map(_writing.text, place)
            file.write(f'<wpt lat="{y}" lon="{x}">\n')
            file.writelines(f"<{c}>{_text(row[c])}</{c}>\n" for c in own if c in row)
            file.write("<extensions>\n")
            file.writelines(_extension(c, row[c]) for c in rest if c in row)
            file.write("</extensions>\n</wpt>\n")
        file.write("</gpx>\n")
    return _writing.left_out(left_out, "without a position left out: GPX can only hold points.")


def _text(value: Scalar) -> str:
    return escape(_writing.xml_text(value))


def _extension(column: str, value: Scalar) -> str:
    if _PLAIN.fullmatch(column):
        return f"<kit:{column}>{_text(value)}</kit:{column}>\n"
    return f"<kit:value column={quoteattr(_writing.xml_text(column))}>{_text(value)}</kit:value>\n"


def _said(waypoint: Any) -> dict[str, str]:
    """Collect what a waypoint says, by name."""
    said = {}
    for element in waypoint:
        name = _xml.local(element)
        if name in _OWN:
            said[name] = _xml.text(element)
        elif name == "extensions":
            for inner in element.iter():
                # what holds others is an envelope
                if not len(inner):
                    said.setdefault(inner.attrib.get("column", _xml.local(inner)), _xml.text(inner))
    return said


def _position(waypoint: Any, tally: Tally) -> dict[str, Scalar]:
    try:
        x, y = float(waypoint.attrib["lon"]), float(waypoint.attrib["lat"])
    except (KeyError, ValueError):
        x = y = math.nan
    if math.isfinite(x) and math.isfinite(y):
        return {X: x, Y: y}
    tally[_rows.UNPLACED] += 1
    return {}
