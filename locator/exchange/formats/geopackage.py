"""Read GeoPackages with SQLite alone, and write them.

GDAL is kept from what people send: its SQLite has functions and virtual tables that read
other files, and a GeoPackage may hold a schema that calls them.
"""

import contextlib
import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from locator.errors import ImportFileError
from locator.exchange.formats import Header, Limits, Row, Scalar, _rows, _writing
from locator.exchange.formats._positions import Locating, known_crs

_BATCH = 1_000
_MAX_CELL = 64_000_000
_VIRTUAL = re.compile(
    r"CREATE VIRTUAL TABLE\s+\"?rtree_.*\sUSING\s+\"?rtree\"?\s*\(", re.IGNORECASE | re.DOTALL
)
_TRIGGER = re.compile(
    r"(rtree|gpkg|trigger_insert_feature_count|trigger_delete_feature_count)_", re.IGNORECASE
)
_VIEWS = {"st_spatial_ref_sys", "st_geometry_columns", "spatial_ref_sys", "geometry_columns"}

# length of a geometry's header by its kind of envelope
_ENVELOPES = (8, 40, 56, 56, 72)


@dataclass(frozen=True, slots=True)
class _Layer:
    table: str
    geometry: str
    srs: int | None


def read(path: Path, limits: Limits) -> Iterator[Header | Row]:
    """Read the first layer that holds something; features are numbered from 1."""
    with _refusing(), contextlib.closing(_connect(path)) as database:
        _check(database)
        layer, notes = _layer(database)
        fields = _fields(database, layer)
        names = _rows.Names()
        columns = [names.add(field) for field in fields]
        locating = Locating(_crs(database, layer))
        wanted = ", ".join(_quoted(f) for f in (*fields, *filter(None, [layer.geometry])))
        query = f"SELECT {wanted} FROM {_quoted(layer.table)}"  # noqa: S608  # all are quoted

        def rows(tally: _rows.Tally) -> Iterator[Row]:
            cursor = database.execute(query)
            number = 0
            while batch := cursor.fetchmany(_BATCH):
                blobs = [_wkb(record[len(columns)]) if layer.geometry else None for record in batch]
                found = locating.positions_of_wkb(blobs, tally)
                for record, position in zip(batch, found, strict=True):
                    number += 1
                    cells = map(_value, fields.values(), record)
                    yield number, _rows.values(columns, cells) | position

        source = _rows.Source("gpkg", rows, columns, locating.crs, notes)
        yield from _rows.stream(source, limits)


def write(
    path: Path,
    columns: Sequence[str],
    rows: Sequence[Mapping[str, Scalar]],
    *,
    title: str,
    note: str,
) -> list[str]:
    """Write a GeoPackage with one layer, which the note describes."""
    from locator.exchange.formats import _gdal  # noqa: PLC0415  # keeps GDAL out of reading

    named = _writing.typed(_writing.others(columns), rows)
    with _writing.replacing(path) as draft:
        _gdal.write(draft, "GPKG", named, rows, layer=title, DESCRIPTION=note)
    return []


@contextlib.contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        msg = "The GeoPackage is damaged. Save it again and import that."
        raise ImportFileError(msg) from error


def _connect(path: Path) -> sqlite3.Connection:
    # immutable: a journal that lies beside the file is not played back
    database = sqlite3.connect(f"file:{quote(str(path))}?mode=ro&immutable=1", uri=True)
    database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MAX_CELL)
    database.text_factory = lambda text: text.decode("utf-8", "replace")
    database.execute("PRAGMA trusted_schema = OFF")
    return database


def _check(database: sqlite3.Connection) -> None:
    """Refuse a schema that may run or fetch something when it is read."""
    for kind, name, root, sql in database.execute(
        "SELECT type, name, rootpage, coalesce(sql, '') FROM sqlite_master"
    ):
        usual = {
            "view": name.lower() in _VIEWS and "(" not in sql,
            "trigger": _TRIGGER.match(name),
            "table": root or _VIRTUAL.match(sql),
            "index": True,
        }
        if not usual.get(kind):
            msg = (
                f"The GeoPackage holds a {'virtual table' if kind == 'table' else kind} "
                f"(“{_rows.shown(name)}”), which may read other files. "
                "Export the layer of kits alone and import that."
            )
            raise ImportFileError(msg)


def _layer(database: sqlite3.Connection) -> tuple[_Layer, tuple[str, ...]]:
    tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
    if not tables >= {"gpkg_contents", "gpkg_geometry_columns"}:
        msg = "The file is a database but no GeoPackage. Export the kits as a GeoPackage."
        raise ImportFileError(msg)
    found = [
        _Layer(table, geometry or "", srs)
        for table, geometry, srs in database.execute(
            "SELECT c.table_name, g.column_name, g.srs_id FROM gpkg_contents AS c"
            " LEFT JOIN gpkg_geometry_columns AS g USING (table_name)"
            " WHERE data_type IN ('features', 'attributes') ORDER BY data_type DESC, c.rowid"
        )
        if table in tables
    ]
    for layer in found:
        if database.execute(f"SELECT 1 FROM {_quoted(layer.table)} LIMIT 1").fetchone():  # noqa: S608
            if len(found) == 1:
                return layer, ()
            name = _rows.shown(layer.table)
            return layer, (f"Only one of {len(found)} layers, “{name}”, was read.",)
    msg = "The GeoPackage holds no features."
    raise ImportFileError(msg)


def _fields(database: sqlite3.Connection, layer: _Layer) -> dict[str, str]:
    """List the columns beside the key and the geometry, with their declared types."""
    fields = {}
    for _, name, kind, _, _, key, hidden in database.execute(
        f"PRAGMA table_xinfo({_quoted(layer.table)})"
    ):
        if hidden:
            msg = f"The column “{_rows.shown(name)}” is computed. Export the layer as plain values."
            raise ImportFileError(msg)
        if name != layer.geometry and not (key and kind.upper() == "INTEGER"):
            fields[name] = kind.upper()
    return fields


def _crs(database: sqlite3.Connection, layer: _Layer) -> Any:
    for organisation, number, definition in database.execute(
        "SELECT organization, organization_coordsys_id, definition"
        " FROM gpkg_spatial_ref_sys WHERE srs_id = ? AND srs_id > 0",
        [layer.srs],
    ):
        return known_crs(f"{organisation}:{number}") or known_crs(definition)
    return None


def _value(kind: str, value: object) -> object:
    return bool(value) if kind == "BOOLEAN" and value in (0, 1) else value


def _wkb(blob: object) -> bytes | None:
    if not isinstance(blob, bytes) or blob[:2] != b"GP" or len(blob) < _ENVELOPES[0]:
        return None
    kind = blob[3] >> 1 & 7
    # no well-known binary is empty, so that damaged geometries are counted as such
    return blob[_ENVELOPES[kind] :] if kind < len(_ENVELOPES) else b"?"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
