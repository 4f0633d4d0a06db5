import datetime as dt
import shutil
import sqlite3
import stat
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
from sqlalchemy import CheckConstraint, Engine, inspect, select, text
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from locator.errors import ConflictError, DataError, InputError, RegistryError
from locator.registry import custody, store
from locator.registry.schema import APPEND_ONLY, Base, Contact, Edition, Kit
from tests.registry.conftest import load

# what workers import is there when they begin, so that they do so at the same moment; the server
# that forks them serves benchmarks.durability as well
_TOGETHER = get_context("forkserver")
_TOGETHER.set_forkserver_preload(["benchmarks.durability", __name__])


def test_published_kits_are_loaded_once(engine: Engine, geodata: Path) -> None:
    assert store.version(engine) == 0
    assert load(engine, geodata) == 1
    assert load(engine, geodata) == 1
    assert store.version(engine) == 1
    with engine.connect() as connection:
        rows = connection.execute(select(Kit.__table__).order_by(Kit.reference)).all()
    assert len(rows) == 49
    assert rows[0].reference == "NN-0001"
    assert rows[0].last_checked is None


def _open_and_load(url: str, folder: str, count: int) -> int:
    engine = store.open_registry(url)
    try:
        return [load(engine, Path(folder)) for _ in range(count)][-1]
    finally:
        engine.dispose()


def test_workers_that_start_together_fill_one_registry(database_url: str, geodata: Path) -> None:
    with ProcessPoolExecutor(6, mp_context=_TOGETHER) as pool:
        runs = [pool.submit(_open_and_load, database_url, str(geodata), 2) for _ in range(6)]
        assert {run.result(timeout=300) for run in runs} == {1}


def test_changed_facts_make_a_new_edition(engine: Engine, geodata: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(geodata, tmp_path / "geodata")
    load(engine, copy)
    kits = copy / "kits.csv"
    kits.write_text(kits.read_text("utf-8").replace("The Sevens (pub)", "The Eights"), "utf-8")
    assert load(engine, copy) == 2
    with engine.connect() as connection:
        names = set(connection.scalars(select(Kit.name)))
    assert "The Eights" in names
    assert len(names) <= 49


@pytest.mark.parametrize(
    "change",
    [
        "longitude = 12.5",
        "longitude = 0.9, latitude = 50.0",
        "longitude = -6.3, latitude = 53.3",
        "installed_on = '2026-01-02', expires_on = '2026-01-01'",
        "installed_on = '2026-01-02', last_checked = '2026-01-01'",
        "cost_gbp = -1",
        "name = ''",
        "osm_id = 'node/1'",
        "guardian_id = 7",
        "edition = 999",
        "latitude = NULL",
        "precision_m = 0",
        "status = 'fine'",
        "kind = 'drawer'",
        "access = '1234'",
    ],
)
def test_the_database_keeps_the_rules_itself(engine: Engine, geodata: Path, change: str) -> None:
    load(engine, geodata)
    statement = text(f"UPDATE kit SET {change} WHERE reference IN ('NN-0001', 'NN-0002')")
    with engine.connect() as connection, pytest.raises(IntegrityError):
        connection.execute(statement)


@pytest.mark.filterwarnings("ignore:Did not recognize type 'geometry'")
def test_migrations_make_the_tables_of_the_schema(engine: Engine) -> None:
    inspector = inspect(engine)
    for table in Base.metadata.tables.values():
        found = {c["name"]: c for c in inspector.get_columns(table.name)}
        assert set(found) - {"geom"} == {column.name for column in table.columns}
        for column in table.columns:
            assert found[column.name]["nullable"] == column.nullable, column
        rules = {c["name"] for c in inspector.get_check_constraints(table.name)}
        assert rules == {c.name for c in table.constraints if isinstance(c, CheckConstraint)}
        indexes = {i["name"] for i in inspector.get_indexes(table.name)}
        assert {i.name for i in table.indexes} <= indexes


def test_sqlite_waits_for_the_disk(tmp_path: Path) -> None:
    engine = store.open_registry(f"sqlite:///{tmp_path}/registry.sqlite")
    with engine.connect() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(text("PRAGMA synchronous")).scalar() == 2
        assert connection.execute(text("PRAGMA foreign_keys")).scalar() == 1


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "registry.sqlite").write_bytes(b"not a database" * 100)
    with pytest.raises(RegistryError, match="LOCATOR_DATABASE_URL"):
        store.open_registry(f"sqlite:///{tmp_path}/registry.sqlite")


def test_a_url_that_is_none() -> None:
    with pytest.raises(RegistryError, match="LOCATOR_DATABASE_URL"):
        store.open_registry("what is this")


def test_what_people_recorded_stays(engine: Engine, geodata: Path, tmp_path: Path) -> None:
    load(engine, geodata)
    day = dt.date(2026, 7, 1)
    custody.check(engine, "NN-0001", custody.Visit("Ann", day, day))
    custody.edit(engine, "NN-0003", {"name": "Sevens"}, who="Ann", why="As they say")
    copy = shutil.copytree(geodata, tmp_path / "geodata")
    kits = copy / "kits.csv"
    lines = kits.read_text("utf-8").replace("The Sevens (pub)", "The Eights").splitlines()
    changed = [line.replace("Weedon Road, Northampton", "Weedon Road") for line in lines]
    kits.write_text("\n".join(line for line in changed if "NN-0049" not in line), "utf-8")
    load(engine, copy)
    with engine.connect() as connection:
        rows = connection.execute(select(Kit.__table__)).mappings()
        found = {row["reference"]: row for row in rows}
    assert len(found) == 49, "what a new list no longer names is not deleted"
    assert found["NN-0001"]["last_checked"] == day
    assert found["NN-0003"]["name"] == "Sevens"
    assert found["NN-0003"]["address"] == "Weedon Road"


def test_hours_that_cannot_be_read_are_refused_with_the_kit(
    engine: Engine, geodata: Path, tmp_path: Path
) -> None:
    copy = shutil.copytree(geodata, tmp_path / "geodata")
    kits = copy / "kits.csv"
    kits.write_text(kits.read_text("utf-8").replace(",24/7,24/7 via", ",9-5,24/7 via", 1), "utf-8")
    with pytest.raises(DataError, match="kit NN-0001: opening_hours: “9-5”"):
        load(engine, copy)
    assert store.version(engine) == 0


def test_a_missing_table_of_kits(engine: Engine, geodata: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(geodata, tmp_path / "geodata")
    (copy / "kits.csv").unlink()
    with pytest.raises(DataError, match="locator data build kits"):
        load(engine, copy)


def test_an_older_registry_is_left_readable_by_plain_sqlite(tmp_path: Path, geodata: Path) -> None:
    engine = store.open_registry(f"sqlite:///{tmp_path}/registry.sqlite")
    load(engine, geodata)
    with sqlite3.connect(tmp_path / "registry.sqlite") as plain:
        (count,) = plain.execute("SELECT count(*) FROM kit").fetchone()
    plain.close()
    assert count == 49


def test_a_change_is_one_edition_with_author_reason_and_trail(kits: Engine) -> None:
    before = store.version(kits)
    with store.writing(kits, who="Bob", why="Moved") as writing:
        changed = writing.change(Kit, {"NN-0001": {"name": "Square", "floor": "1"}})
    assert changed == {"NN-0001"}
    assert store.version(kits) == before + 1
    with kits.connect() as connection:
        edition = connection.execute(select(Edition).order_by(Edition.version.desc())).first()
        kit = connection.execute(select(Kit.name, Kit.edition).where(Kit.floor == "1")).one()
    assert edition is not None
    assert (edition.who, edition.why) == ("Bob", "Moved")
    assert kit == ("Square", before + 1)


def test_a_change_to_what_is_there_already_is_none(kits: Engine) -> None:
    before = store.version(kits)
    with store.writing(kits, who="Bob", why="Again") as writing:
        assert writing.change(Kit, {"NN-0001": {"name": "Market Square"}}) == set()
    assert store.version(kits) == before


def test_the_second_of_two_editors_hears_of_the_first(kits: Engine) -> None:
    seen = custody.find(kits, "NN-0001")["edition"]
    custody.edit(kits, "NN-0001", {"name": "First"}, who="Bob", why="Mine", seen=seen)
    with pytest.raises(ConflictError, match=r"NN-0001 was changed by Bob .* after you read it"):
        custody.edit(kits, "NN-0001", {"name": "Second"}, who="Cem", why="Mine", seen=seen)
    assert custody.find(kits, "NN-0001")["name"] == "First"


def test_a_change_that_fails_half_way_leaves_nothing(kits: Engine) -> None:
    before = store.version(kits)
    dates = {"installed_on": dt.date(2026, 2, 1), "expires_on": dt.date(2026, 1, 1)}

    def change() -> None:
        with store.writing(kits, who="Bob", why="Wrong") as writing:
            writing.add(Contact, [{"id": 1, "name": "Cem"}])
            writing.change(Kit, {"NN-0001": {"name": "New"}, "NN-0002": dates})

    with pytest.raises(InputError, match="cannot expire before it is installed"):
        change()
    assert store.version(kits) == before
    assert custody.find(kits, "NN-0001")["name"] == "Market Square"
    with kits.connect() as connection:
        assert connection.scalars(select(Contact.id)).all() == []


@pytest.mark.parametrize(("who", "why"), [("", "because"), ("Ann", " ")])
def test_a_change_needs_author_and_reason(engine: Engine, who: str, why: str) -> None:
    with (
        pytest.raises(InputError, match="author and a reason"),
        store.writing(engine, who=who, why=why),
    ):
        pass


@pytest.mark.parametrize("table", [model.__tablename__ for model in APPEND_ONLY])
@pytest.mark.parametrize("deed", ["DELETE FROM {}", "UPDATE {} SET edition = 1"])
def test_the_trail_cannot_be_changed(kits: Engine, table: str, deed: str) -> None:
    day = dt.date(2026, 7, 1)
    custody.check(kits, "NN-0001", custody.Visit("Ann", day, day))
    statement = deed.format(table).replace("edition SET edition", "edition SET version")
    with kits.connect() as connection, pytest.raises(SQLAlchemyError, match="never changed"):
        connection.execute(text(statement))


@pytest.mark.postgres
def test_qgis_finds_a_geometry_with_an_index(kits: Engine) -> None:
    if kits.dialect.name != "postgresql":
        return
    with kits.connect() as connection:
        rows = connection.execute(
            text("SELECT ST_AsText(geom), ST_SRID(geom) FROM kit ORDER BY reference")
        ).all()
        kinds = connection.execute(
            text(
                "SELECT type, srid FROM geometry_columns WHERE f_table_name = 'kit' "
                "AND f_table_schema = current_schema()"
            )
        ).all()
        indexes = connection.scalars(
            text("SELECT indexdef FROM pg_indexes WHERE tablename = 'kit'")
        )
        assert any("USING gist (geom)" in index for index in indexes)
    assert rows == [("POINT(-0.9 52.24)", 4326)] * 2 + [(None, None)]
    assert kinds == [("POINT", 4326)]


def test_a_published_kit_never_replaces_one_that_somebody_added(
    engine: Engine, geodata: Path, tmp_path: Path
) -> None:
    load(engine, geodata)
    here = {"longitude": -0.9, "latitude": 52.24, "precision_m": 10.0, "source": "Ours"}
    with store.writing(engine, who="Ann", why="Ours") as writing:
        writing.add(Kit, [here | {"reference": "NN-0050", "name": "Our kit"}])
    copy = shutil.copytree(geodata, tmp_path / "geodata")
    kits = copy / "kits.csv"
    lines = kits.read_text("utf-8").splitlines()
    new = lines[1].replace("NN-0001,K01", "NN-0050,K50").replace("railway station", "depot")
    kits.write_text("\n".join([*lines, new]) + "\n", "utf-8")
    load(engine, copy)
    assert custody.find(engine, "NN-0050")["name"] == "Our kit"
    assert load(engine, copy) == store.version(engine), "it is not looked at again"


def test_only_the_owner_may_read_the_registry(tmp_path: Path) -> None:
    path = tmp_path / "registry.sqlite"
    store.open_registry(f"sqlite:///{path}").dispose()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
