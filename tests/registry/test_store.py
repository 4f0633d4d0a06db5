import shutil
import sqlite3
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
from sqlalchemy import Engine, inspect, select, text
from sqlalchemy.exc import IntegrityError

from locator.errors import DataError, RegistryError
from locator.registry import store
from locator.registry.schema import Base, Kit


@pytest.fixture
def engine(database_url: str) -> Engine:
    return store.open_registry(database_url)


def test_published_kits_are_loaded_once(engine: Engine, geodata: Path) -> None:
    assert store.version(engine) == 0
    assert store.load_published(engine, geodata) == 1
    assert store.load_published(engine, geodata) == 1
    assert store.version(engine) == 1
    with engine.connect() as connection:
        rows = connection.execute(select(Kit.__table__).order_by(Kit.reference)).all()
    assert len(rows) == 49
    assert rows[0].reference == "NN-0001"
    assert rows[0].last_checked is None
    engine.dispose()


def _open_and_load(url: str, folder: str, count: int) -> int:
    engine = store.open_registry(url)
    try:
        return [store.load_published(engine, Path(folder)) for _ in range(count)][-1]
    finally:
        engine.dispose()


def test_workers_that_start_together_fill_one_registry(database_url: str, geodata: Path) -> None:
    with ProcessPoolExecutor(6, mp_context=get_context("spawn")) as pool:
        runs = [pool.submit(_open_and_load, database_url, str(geodata), 2) for _ in range(6)]
        assert {run.result(timeout=90) for run in runs} == {1}


def test_changed_facts_make_a_new_edition(engine: Engine, geodata: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(geodata, tmp_path / "geodata")
    store.load_published(engine, copy)
    kits = copy / "kits.csv"
    kits.write_text(kits.read_text("utf-8").replace("The Sevens (pub)", "The Eights"), "utf-8")
    assert store.load_published(engine, copy) == 2
    with engine.connect() as connection:
        names = set(connection.scalars(select(Kit.name)))
    assert "The Eights" in names
    assert len(names) <= 49
    engine.dispose()


def test_a_row_that_breaks_a_rule_changes_nothing(
    engine: Engine, geodata: Path, tmp_path: Path
) -> None:
    store.load_published(engine, geodata)
    copy = shutil.copytree(geodata, tmp_path / "geodata")
    kits = copy / "kits.csv"
    kits.write_text(kits.read_text("utf-8").replace(",installed,", ",splendid,", 1), "utf-8")
    with pytest.raises(RegistryError, match="nothing was changed"):
        store.load_published(engine, copy)
    assert store.version(engine) == 1
    with engine.connect() as connection:
        assert len(connection.execute(select(Kit.reference)).all()) == 49
    engine.dispose()


@pytest.mark.parametrize(
    "change",
    [
        "longitude = 12.5",
        "latitude = NULL",
        "precision_m = 0",
        "status = 'fine'",
        "kind = 'drawer'",
        "access = '1234'",
    ],
)
def test_the_database_keeps_the_rules_itself(engine: Engine, geodata: Path, change: str) -> None:
    store.load_published(engine, geodata)
    statement = text(f"UPDATE kit SET {change} WHERE reference = 'NN-0001'")
    with engine.connect() as connection, pytest.raises(IntegrityError):
        connection.execute(statement)
    engine.dispose()


def test_migrations_make_the_tables_of_the_schema(engine: Engine) -> None:
    inspector = inspect(engine)
    for table in Base.metadata.tables.values():
        found = {c["name"]: c for c in inspector.get_columns(table.name)}
        assert set(found) == {column.name for column in table.columns}
        for column in table.columns:
            assert found[column.name]["nullable"] == column.nullable, column
    engine.dispose()


def test_sqlite_waits_for_the_disk(tmp_path: Path) -> None:
    engine = store.open_registry(f"sqlite:///{tmp_path}/registry.sqlite")
    with engine.connect() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(text("PRAGMA synchronous")).scalar() == 2
        assert connection.execute(text("PRAGMA foreign_keys")).scalar() == 1
    engine.dispose()


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "registry.sqlite").write_bytes(b"not a database" * 100)
    with pytest.raises(RegistryError, match="LOCATOR_DATABASE_URL"):
        store.open_registry(f"sqlite:///{tmp_path}/registry.sqlite")


def test_a_url_that_is_none() -> None:
    with pytest.raises(RegistryError, match="LOCATOR_DATABASE_URL"):
        store.open_registry("what is this")


def test_what_people_recorded_stays(engine: Engine, geodata: Path, tmp_path: Path) -> None:
    store.load_published(engine, geodata)
    with engine.begin() as connection:
        connection.execute(text("UPDATE kit SET last_checked = '2026-07-01'"))
    copy = shutil.copytree(geodata, tmp_path / "geodata")
    kits = copy / "kits.csv"
    lines = kits.read_text("utf-8").replace("The Sevens (pub)", "The Eights").splitlines()
    kits.write_text("\n".join(line for line in lines if "NN-0049" not in line), "utf-8")
    assert store.load_published(engine, copy) == 2
    with engine.connect() as connection:
        rows = connection.execute(select(Kit.reference, Kit.name, Kit.last_checked)).all()
    assert len(rows) == 48
    assert all(row.last_checked for row in rows)
    assert "The Eights" in {row.name for row in rows}
    engine.dispose()


def test_hours_that_cannot_be_read_are_refused_with_the_kit(
    engine: Engine, geodata: Path, tmp_path: Path
) -> None:
    copy = shutil.copytree(geodata, tmp_path / "geodata")
    kits = copy / "kits.csv"
    kits.write_text(kits.read_text("utf-8").replace(",24/7,24/7 via", ",9-5,24/7 via", 1), "utf-8")
    with pytest.raises(DataError, match="Kit NN-0001: “9-5” is not in OSM"):
        store.load_published(engine, copy)
    assert store.version(engine) == 0
    engine.dispose()


def test_a_missing_table_of_kits(engine: Engine, geodata: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(geodata, tmp_path / "geodata")
    (copy / "kits.csv").unlink()
    with pytest.raises(DataError, match="locator data build kits"):
        store.load_published(engine, copy)
    engine.dispose()


def test_an_older_registry_is_left_readable_by_plain_sqlite(tmp_path: Path, geodata: Path) -> None:
    engine = store.open_registry(f"sqlite:///{tmp_path}/registry.sqlite")
    store.load_published(engine, geodata)
    engine.dispose()
    with sqlite3.connect(tmp_path / "registry.sqlite") as plain:
        (count,) = plain.execute("SELECT count(*) FROM kit").fetchone()
    plain.close()
    assert count == 49
