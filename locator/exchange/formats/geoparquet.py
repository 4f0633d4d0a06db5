"""Read and write GeoParquet, and read Parquet without positions."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from locator import geodesy
from locator.errors import ImportFileError
from locator.exchange.formats import Header, Limits, Row, Scalar, _arrow, _rows, _writing
from locator.exchange.formats._positions import Locating, known_crs

_BATCH = 1_000


def read(path: Path, limits: Limits) -> Iterator[Header | Row]:
    """Read rows; they are numbered from 1."""
    with path.open("rb") as file:
        parquet = pq.ParquetFile(file)
        if parquet.metadata.num_rows > limits.rows:
            # known without reading any
            msg = f"The file has more than {limits.rows:,} rows; split it and import the parts."
            raise ImportFileError(msg)
        geometry, crs = _geometry(parquet.schema_arrow.metadata or {})
        locating = Locating(crs)
        fields = [
            name
            for name in parquet.schema_arrow.names
            # pandas keeps its row labels so
            if name != geometry and not name.startswith("__index_level_")
        ]
        names = _rows.Names()
        columns = [names.add(field) for field in fields]

        def rows(tally: _rows.Tally) -> Iterator[Row]:
            number = 0
            for batch in parquet.iter_batches(_BATCH):
                table = [batch.column(field).to_pylist() for field in fields]
                found: list[dict[str, Scalar]] = [{}] * batch.num_rows
                if geometry:
                    found = locating.positions_of_wkb(batch.column(geometry).to_pylist(), tally)
                for at, position in enumerate(found):
                    number += 1
                    yield number, _rows.values(columns, [c[at] for c in table]) | position

        yield from _rows.stream(_rows.Source("geoparquet", rows, columns, locating.crs), limits)


def write(
    path: Path,
    columns: Sequence[str],
    rows: Sequence[Mapping[str, Scalar]],
    *,
    title: str,
    note: str,
) -> list[str]:
    """Write GeoParquet with the title and the note in its metadata."""
    table = _arrow.table(_writing.typed(_writing.others(columns), rows), rows)
    # without a "crs" the specification means longitude and latitude on WGS 84
    geometry = {"encoding": "WKB", "geometry_types": ["Point"]}
    geo = {
        "version": "1.0.0",
        "primary_column": _arrow.GEOMETRY,
        "columns": {_arrow.GEOMETRY: geometry},
    }
    metadata = {"geo": json.dumps(geo), "title": title, "attribution": note}
    with _writing.replacing(path) as draft:
        pq.write_table(table.replace_schema_metadata(metadata), draft)
    return []


def _geometry(metadata: Mapping[bytes, bytes]) -> tuple[str, Any]:
    """Give the column with positions, if there is one, and its coordinate system."""
    if b"geo" not in metadata:
        return "", None
    match json.loads(metadata[b"geo"]):
        case {"primary_column": str(name), "columns": dict(columns)}:
            match columns.get(name):
                case {"encoding": "WKB", "crs": None}:
                    return name, None
                case {"encoding": "WKB", "crs": dict(crs)}:
                    return name, known_crs(json.dumps(crs))
                case {"encoding": "WKB"}:
                    return name, known_crs(geodesy.WGS84)
    msg = "The geometries are stored in a way that is not read here. Save them as WKB."
    raise ImportFileError(msg)
