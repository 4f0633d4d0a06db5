"""Name the formats that kits are read from and written to, each once.

A format's module is imported only when a file of that format is read or written, so that
this table costs the command line nothing.
"""

import importlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

from locator.errors import ImportFileError

Scalar = str | int | float | bool
Row = tuple[int, dict[str, Scalar]]

# what a reader adds to the values of a row that has a geometry
X, Y = "@x", "@y"


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a file may ask for before it is refused."""

    rows: int = 250_000
    file_bytes: int = 200_000_000
    unpacked_bytes: int = 500_000_000
    memory_bytes: int = 3 * 2**30
    seconds: float = 120


@dataclass(frozen=True, slots=True)
class Header:
    """What is known of a file before its first row.

    ``crs`` is what the file says of its ``@x`` and ``@y``, such as ``EPSG:4326``, or
    empty; ``notes`` are sentences for the person who imports.
    """

    format: str
    columns: tuple[str, ...]
    crs: str = ""
    notes: tuple[str, ...] = ()


class Reader(Protocol):
    """Reads a file: first its header, then its rows that are not empty."""

    def __call__(self, path: Path, limits: Limits, /) -> Iterator[Header | Row]:
        """Read; a row is the number that the user sees and its values by column."""


class Writer(Protocol):
    """Writes rows to a file and says what the format could not carry."""

    def __call__(
        self,
        path: Path,
        columns: Sequence[str],
        rows: Sequence[Mapping[str, Scalar]],
        *,
        title: str,
        note: str,
    ) -> list[str]:
        """Write; rows hold longitude and latitude in degrees where the place is known."""


@dataclass(frozen=True, slots=True)
class Format:
    """One format of files. The first extension is the one to write."""

    key: str
    name: str
    extensions: tuple[str, ...]
    module: str
    reads: bool = True
    writes: bool = True

    def reader(self) -> Reader:
        """Import what reads this format."""
        return cast("Reader", self._member("read"))

    def writer(self) -> Writer:
        """Import what writes this format."""
        return cast("Writer", self._member("write"))

    def _member(self, name: str) -> object:
        return getattr(importlib.import_module(f"{__name__}.{self.module}"), name)


FORMATS: Mapping[str, Format] = {
    f.key: f
    for f in (
        Format("csv", "CSV", (".csv", ".tsv", ".tab", ".txt"), "delimited"),
        Format("xlsx", "Excel", (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"), "workbook"),
        Format("geojson", "GeoJSON", (".geojson", ".json"), "geojson"),
        Format("gpkg", "GeoPackage", (".gpkg",), "geopackage"),
        Format("geoparquet", "GeoParquet", (".parquet", ".geoparquet"), "geoparquet"),
        Format("shapefile", "Shapefile", (".zip", ".shz"), "shapefile"),
        Format("kml", "KML", (".kml", ".kmz"), "kml"),
        Format("gpx", "GPX", (".gpx",), "gpx"),
        Format("osm", "OpenStreetMap", (".osm", ".pbf", ".json"), "osm", writes=False),
        Format("osmchange", "OpenStreetMap change", (".osc",), "osmchange", reads=False),
    )
}


def readable() -> str:
    """List the formats that can be read, for messages."""
    known = [f"{f.name} ({', '.join(f.extensions)})" for f in FORMATS.values() if f.reads]
    return f"{', '.join(known[:-1])} and {known[-1]}"


def for_writing(path: Path, key: str = "") -> Format:
    """Choose the format to write, by its key or else by the file's extension.

    Raises
    ------
    ImportFileError
        There is no such format.
    """
    writable = [f for f in FORMATS.values() if f.writes]
    for known in writable:
        if known.key == key or (not key and path.suffix.lower() in known.extensions):
            return known
    choice = ", ".join(f"{f.key} ({f.extensions[0]})" for f in writable)
    msg = f"No format to write is called “{key or path.suffix}”. Choose one of {choice}."
    raise ImportFileError(msg)
