"""Parquet with positions and without."""

import datetime as dt
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from locator.errors import ImportFileError
from locator.exchange.formats import Limits
from tests.exchange.formats.files import read, save, write


def test_what_geopandas_writes(tmp_path: Path) -> None:
    frame = gpd.GeoDataFrame(
        {"name": ["Gym", None], "day": [dt.date(2026, 7, 1), None], "price": [1.5, float("nan")]},
        geometry=[shapely.Point(475_000, 260_000), None],
        crs="EPSG:27700",
        index=["a", "b"],
    )
    frame.to_parquet(tmp_path / "kits.parquet")
    header, rows = read(tmp_path / "kits.parquet")
    assert (header.crs, header.columns) == (
        "EPSG:27700",
        ("name", "day", "price", "@x", "@y"),
    )
    assert header.notes == ("Empty rows were left out (1 row).",)
    values = {"name": "Gym", "day": "2026-07-01", "price": 1.5, "@x": 475_000.0, "@y": 260_000.0}
    assert rows == [(1, values)]


def test_geopandas_reads_what_is_written(tmp_path: Path) -> None:
    frame = gpd.read_parquet(write(tmp_path, "geoparquet"))
    assert frame.crs.to_epsg(min_confidence=20) in {4326, None}
    assert frame.geometry[0] == shapely.Point(-0.9, 52.25)


def test_plain_parquet(tmp_path: Path) -> None:
    table = {"name": ["Gym"], "when": [pd.Timestamp("2026-07-01 09:30")], "list": [[1, 2]]}
    pd.DataFrame(table).to_parquet(tmp_path / "kits.parquet")
    header, rows = read(tmp_path / "kits.parquet")
    assert header.crs == ""
    assert rows == [(1, {"name": "Gym", "when": "2026-07-01T09:30:00", "list": "[1, 2]"})]


def test_too_many_rows_and_damage(tmp_path: Path) -> None:
    path = write(tmp_path, "geoparquet")
    with pytest.raises(ImportFileError, match="more than 1 rows"):
        read(path, Limits(rows=1))
    with pytest.raises(ImportFileError, match="damaged"):
        read(save(path, path.read_bytes()[:-20]))


def test_geometries_stored_otherwise(tmp_path: Path) -> None:
    frame = gpd.GeoDataFrame(geometry=[shapely.Point(0, 52)], crs="EPSG:4326")
    frame.to_parquet(tmp_path / "kits.parquet", geometry_encoding="geoarrow")
    with pytest.raises(ImportFileError, match="Save them as WKB"):
        read(tmp_path / "kits.parquet")
