"""GeoPackages, with the traps that a database can hold."""

import contextlib
import sqlite3
from pathlib import Path

import pytest

from locator.errors import ImportFileError
from tests.exchange.formats.files import NOTE, TITLE, read, save, values, write

VIRTUAL = (
    "INSERT INTO sqlite_master (type, name, tbl_name, rootpage, sql) VALUES ('table', 'x', 'x', 0,"
    " 'CREATE VIRTUAL TABLE x USING VirtualOGR(''/etc/passwd'')')"
)
DISGUISED = VIRTUAL.replace("'x'", "'rtree_x'").replace("TABLE x", "TABLE rtree_x")


def _change(path: Path, *statements: str) -> Path:
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA writable_schema = ON")
        for name in ("ST_IsEmpty", "ST_MinX", "ST_MaxX", "ST_MinY", "ST_MaxY"):
            database.create_function(name, 1, lambda _: 1)
        for statement in statements:
            database.execute(statement)
        database.commit()
    return path


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        (VIRTUAL, "a virtual table"),
        (DISGUISED, "a virtual table"),
        ("CREATE VIRTUAL TABLE words USING fts5(x)", "a virtual table"),
        ("CREATE VIEW kits AS SELECT * FROM bleed_kits", "a view"),
        ("CREATE VIEW geometry_columns AS SELECT load_extension('x') AS a", "a view"),
        (
            "CREATE TRIGGER spy AFTER INSERT ON bleed_kits BEGIN SELECT load_extension('x'); END",
            "a trigger",
        ),
        ("ALTER TABLE bleed_kits ADD COLUMN y AS (upper(name))", "is computed"),
    ],
)
def test_a_schema_that_runs_something(statement: str, message: str, tmp_path: Path) -> None:
    path = _change(write(tmp_path, "gpkg"), statement)
    with pytest.raises(ImportFileError, match=message):
        read(path)


def test_what_is_usual_is_read(tmp_path: Path) -> None:
    path = _change(
        write(tmp_path, "gpkg"),
        "CREATE VIEW st_geometry_columns AS SELECT * FROM gpkg_geometry_columns",
        "ALTER TABLE bleed_kits ADD COLUMN works BOOLEAN",
        "ALTER TABLE bleed_kits ADD COLUMN photo BLOB",
        "UPDATE bleed_kits SET works = 1, photo = x'00' WHERE reference = 'BK1'",
    )
    header, rows = read(path)
    assert header.columns == ("reference", "name", "note", "works", "photo", "@x", "@y")
    assert (header.crs, header.notes) == ("EPSG:4326", ())
    assert rows[0] == (
        1,
        {"reference": "BK1", "name": "Café", "works": True, "@x": -0.9, "@y": 52.25},
    )


def test_several_layers_and_another_coordinate_system(tmp_path: Path) -> None:
    path = _change(
        write(tmp_path, "gpkg"),
        "CREATE TABLE 'a \"table\"' (fid INTEGER PRIMARY KEY, name TEXT)",
        "INSERT INTO 'a \"table\"' (name) VALUES ('Gym')",
        "INSERT INTO gpkg_contents (table_name, data_type) VALUES ('a \"table\"', 'attributes')",
        "INSERT INTO gpkg_contents (table_name, data_type) VALUES ('gone', 'features')",
        "INSERT INTO gpkg_spatial_ref_sys VALUES ('grid', 27700, 'EPSG', 27700, 'undefined', '')",
        "UPDATE gpkg_geometry_columns SET srs_id = 27700",
    )
    header, rows = read(path)
    assert header.notes == ("Only one of 2 layers, “bleed_kits”, was read.",)
    assert (header.crs, len(rows)) == ("EPSG:27700", 2)
    assert values(_change(path, "DELETE FROM bleed_kits")) == [{"name": "Gym"}]


def test_damaged_geometries_are_counted(tmp_path: Path) -> None:
    path = _change(
        write(tmp_path, "gpkg"),
        "UPDATE bleed_kits SET geom = x'4750000000000000ff' WHERE reference = 'BK1'",
    )
    header, rows = read(path)
    assert header.notes == ("Positions that could not be understood were left out (1 row).",)
    assert rows[0] == (1, {"reference": "BK1", "name": "Café"})


def test_damaged_and_other_databases(tmp_path: Path) -> None:
    whole = write(tmp_path, "gpkg").read_bytes()
    with pytest.raises(ImportFileError, match="GeoPackage is damaged"):
        read(save(tmp_path / "half.gpkg", whole[: len(whole) // 3]))
    with contextlib.closing(sqlite3.connect(tmp_path / "other.gpkg")) as database:
        database.execute("CREATE TABLE kits (name)")
    with pytest.raises(ImportFileError, match="a database but no GeoPackage"):
        read(tmp_path / "other.gpkg")
    with pytest.raises(ImportFileError, match="seems to be CSV"):
        read(save(tmp_path / "text.gpkg", "name,town\nGym,Corby\n"))


def test_the_layer_is_named_and_described(tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(write(tmp_path, "gpkg"))) as database:
        found = database.execute("SELECT table_name, description FROM gpkg_contents").fetchall()
    assert found == [(TITLE, NOTE)]
