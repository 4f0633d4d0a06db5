import contextlib
import datetime as dt
import json
import sqlite3
import stat
import threading
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select

from locator.errors import DataError, InputError
from locator.registry import custody, sightings, store, trail
from locator.registry.backup import backup, restore
from locator.registry.custody import Visit, edit, entrust, find, report
from locator.registry.schema import TABLES, Finding, Kit
from locator.settings import Settings
from tests.registry.conftest import load

DAY = dt.date(2026, 7, 1)


@pytest.fixture
def busy(engine: Engine, geodata: Path) -> Engine:
    """A registry where every table but those of planning has rows."""
    load(engine, geodata)
    contact = {"name": "Gia Ünal", "email": "gia@example.org"}
    entrust(engine, "NN-0001", contact, who="Ann", why="Agreed")
    custody.check(engine, "NN-0002", Visit("Ann", DAY, DAY))
    report(engine, "NN-0001", Finding.MISSING, Visit("Bob", DAY, DAY, "“Gone”"), Settings())
    for reference, note in (("NN-0004", "“Gone” as well"), ("NN-0005", "")):
        at = dt.datetime(2026, 7, 1, 22, 14, 3, 7, tzinfo=dt.UTC)
        told = Finding.MISSING
        sightings.tell(engine, reference, told, at=at, settings=Settings(), note=note)
    sightings.dismiss(engine, [2], who="Ann", why="Seen", at=at)
    edit(engine, "NN-0003", {"expires_on": DAY, "cost_gbp": 96.1}, who="Ann", why="x")
    return engine


def everything(engine: Engine) -> dict[str, list[dict[str, Any]]]:
    with store.reading(engine) as connection:
        return {
            model.__tablename__: [
                dict(row) for row in connection.execute(select(model.__table__)).mappings()
            ]
            for model in TABLES
        }


def without_restore(rows: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    kept = [row for row in rows["edition"] if row["who"] != "locator restore"]
    return rows | {"edition": kept}


def by_key(rows: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    return {
        name: sorted(found, key=lambda r: str(next(iter(r.values()))))
        for name, found in rows.items()
    }


def test_every_row_and_audit_entry_comes_back(busy: Engine, tmp_path: Path) -> None:
    file = tmp_path / "registry.backup"
    manifest = backup(busy, file)
    before = everything(busy)
    assert manifest.as_dict()["rows"]["kit"] == 49
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    other = store.open_registry(f"sqlite:///{tmp_path}/other.sqlite")
    restore(other, file)
    assert by_key(without_restore(everything(other))) == by_key(before)
    assert trail.history(other, Kit, "NN-0001") == trail.history(busy, Kit, "NN-0001")
    other.dispose()


def test_a_backup_of_either_database_fills_either(busy: Engine, tmp_path: Path) -> None:
    first, second = tmp_path / "first.backup", tmp_path / "second.backup"
    before = everything(busy)
    made = backup(busy, first)
    other = store.open_registry(f"sqlite:///{tmp_path}/other.sqlite")
    restore(other, first)
    backup(other, second)
    edit(busy, "NN-0001", {"name": "Changed"}, who="Ann", why="After the backup")
    restore(busy, second, replace=True)
    after = without_restore(everything(busy))
    assert by_key(after) == by_key(before)
    assert {n: d for n, d in backup(busy, first).tables.items() if n != "edition"} == {
        n: d for n, d in made.tables.items() if n != "edition"
    }
    other.dispose()


def test_a_restored_registry_works_on_and_servers_notice(busy: Engine, tmp_path: Path) -> None:
    file = tmp_path / "registry.backup"
    backup(busy, file)
    version = store.version(busy)
    restore(busy, file, replace=True)
    assert store.version(busy) == version + 1
    assert edit(busy, "NN-0001", {"name": "On"}, who="Ann", why="Goes on") == version + 2
    early = DAY - dt.timedelta(1)
    with pytest.raises(InputError, match="checked later"):
        custody.check(busy, "NN-0002", Visit("Ann", early, DAY))


def test_a_registry_with_something_in_it_is_not_replaced_by_mistake(
    busy: Engine, tmp_path: Path
) -> None:
    file = tmp_path / "registry.backup"
    backup(busy, file)
    edit(busy, "NN-0001", {"name": "Newer"}, who="Ann", why="x")
    with pytest.raises(InputError, match="--replace"):
        restore(busy, file)
    assert find(busy, "NN-0001")["name"] == "Newer"


@pytest.mark.parametrize("where", [0.1, 0.5, 0.9])
def test_a_damaged_backup_is_refused_and_nothing_changes(
    busy: Engine, tmp_path: Path, where: float
) -> None:
    file = tmp_path / "registry.backup"
    backup(busy, file)
    data = bytearray(file.read_bytes())
    at = data.index(b"Gia") if where == 0.5 else int(len(data) * where)
    data[at : at + 3] = b"\xff\xfe\xfd"
    file.write_bytes(bytes(data))
    before = everything(busy)
    with pytest.raises(DataError):
        restore(busy, file, replace=True)
    assert everything(busy) == before


def test_a_backup_from_before_there_were_sightings(busy: Engine, tmp_path: Path) -> None:
    file = tmp_path / "old.backup"
    backup(busy, file)
    with contextlib.closing(sqlite3.connect(file)) as old:
        old.execute("DROP TABLE sighting")
        (tables,) = old.execute("SELECT value FROM manifest WHERE name = 'tables'").fetchone()
        kept = {name: told for name, told in json.loads(tables).items() if name != "sighting"}
        values = {"tables": json.dumps(kept), "revision": "0002"}.items()
        old.executemany("UPDATE manifest SET value = ? WHERE name = ?", [(v, n) for n, v in values])
        old.commit()
    before = everything(busy)
    restore(busy, file, replace=True)
    assert by_key(without_restore(everything(busy))) == by_key(before) | {"sighting": []}


def test_what_is_no_backup(engine: Engine, tmp_path: Path) -> None:
    for content in (b"", b"hello", b"SQLite format 3\x00" + b"\x00" * 100):
        (tmp_path / "file").write_bytes(content)
        with pytest.raises(DataError, match="no backup"):
            restore(engine, tmp_path / "file")
    with pytest.raises(DataError, match="cannot be read"):
        restore(engine, tmp_path / "nothing")


def test_a_backup_that_cannot_be_written_says_so(busy: Engine, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        backup(busy, tmp_path / "no" / "folder" / "file")


def test_a_backup_during_writes_is_one_state(busy: Engine, tmp_path: Path) -> None:
    stop = threading.Event()
    done = []
    for number in (4, 5):
        edit(busy, f"NN-000{number}", {"note": "n0"}, who="Ann", why="Start")

    def write() -> None:
        count = 0
        while not stop.is_set():
            count += 1
            # two kits change together, always to the same words
            with store.writing(busy, who="Bob", why="Busy") as writing:
                words = {"note": f"n{count}"}
                writing.change(Kit, {"NN-0004": words, "NN-0005": words})
        done.append(count)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for number in range(5):
            file = tmp_path / f"{number}.backup"
            manifest = backup(busy, file)
            other = store.open_registry(f"sqlite:///{tmp_path}/{number}.sqlite")
            restore(other, file)
            fourth, fifth = (find(other, f"NN-000{n}") for n in (4, 5))
            assert fourth["note"] == fifth["note"]
            assert fourth["edition"] == fifth["edition"] or fourth["note"] == "n0"
            for reference in ("NN-0001", "NN-0004", "NN-0005"):
                now = store.now_utc()
                assert trail.as_of(other, Kit, reference, now) == find(other, reference)
            assert store.version(other) == manifest.version + 1
            other.dispose()
    finally:
        stop.set()
        thread.join()
    assert done[0] > 5, "writing went on"


def test_a_backup_never_overwrites_anything_but_a_backup(busy: Engine, tmp_path: Path) -> None:
    note = tmp_path / "important.txt"
    note.write_text("keep me", "utf-8")
    with pytest.raises(InputError, match="is no backup; it is left alone"):
        backup(busy, note)
    assert note.read_text("utf-8") == "keep me"
    if busy.dialect.name == "sqlite":
        before = everything(busy)
        for end in ("", "-wal"):
            with pytest.raises(InputError, match="is the registry itself"):
                backup(busy, Path(f"{busy.url.database}{end}"))
        assert everything(busy) == before
    file = tmp_path / "registry.backup"
    backup(busy, file)
    backup(busy, file)
