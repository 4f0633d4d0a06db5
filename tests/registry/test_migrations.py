"""Registries of every earlier schema, with data, become what the newest one expects."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import make_url

from locator.registry import custody, sightings, store, trail
from locator.registry.schema import Edition, Finding, Kit, Status
from locator.settings import Settings

OLD_KIT = {
    "source_id": "K01",
    "name": "Station",
    "kind": "cabinet",
    "position_text": "By the door",
    "address": "Black Lion Hill",
    "longitude": -0.9,
    "latitude": 52.24,
    "precision_m": 150.0,
    "position_method": "Looked up",
    "opening_hours": "24/7",
    "hours_text": "",
    "access": "code from 999",
    "status": "installed",
    "reported": "2023",
    "last_checked": None,
    "source_url": "",
    "note": "A note.",
    "edition": 1,
}


@pytest.fixture
def old(database_url: str) -> Iterator[Engine]:
    """A registry of revision 0001 with an edition and five kits."""
    store.open_registry(database_url).dispose()
    plain = create_engine(database_url)
    with plain.begin() as connection:
        tables = "sighting outbox event task incident candidate kit contact change edition"
        for table in [*tables.split(), "alembic_version"]:
            connection.execute(text(f"DROP TABLE {table}"))
        if plain.dialect.name == "postgresql":
            for table in ("edition", "change", "event"):
                connection.execute(text(f"DROP FUNCTION {table}_is_kept"))
        store.migrate(connection, "0001")
        connection.execute(
            text("INSERT INTO edition VALUES (1, :at, 'The list', 'abc')"),
            {"at": "2026-05-01 10:00:00.000000"},
        )
        kits = [
            OLD_KIT | {"reference": "NN-0001", "last_checked": "2026-05-02"},
            OLD_KIT | {"reference": "NN-0002", "status": "being installed", "source_id": "K02"},
            OLD_KIT | {"reference": "NN-0003", "status": "donated", "source_id": ""},
            # the old rules allowed these
            OLD_KIT | {"reference": "NN-0004", "longitude": -8.0, "latitude": 52.0},
            OLD_KIT
            | {"reference": "NN-0005", "name": "", "longitude": None, "latitude": None}
            | {"precision_m": None, "source_id": "K05"},
        ]
        names = ", ".join(kits[0])
        values = ", ".join(f":{name}" for name in kits[0])
        connection.execute(text(f"INSERT INTO kit ({names}) VALUES ({values})"), kits)
    plain.dispose()
    opened = store.open_registry(database_url)
    yield opened
    opened.dispose()


def test_kits_are_kept_with_their_words(old: Engine) -> None:
    kits = {f"NN-000{n}": custody.find(old, f"NN-000{n}") for n in range(1, 6)}
    first = kits["NN-0001"]
    for name, value in OLD_KIT.items():
        if name != "last_checked":
            assert first[name] == value, name
    assert first["last_checked"] == dt.date(2026, 5, 2)
    assert first["source"] == "The list"
    assert (first["indoor"], first["wheelchair"], first["host_consent"]) == ("unknown",) * 3
    assert kits["NN-0002"]["status"] == Status.AGREED
    assert kits["NN-0002"]["note"] == "A note. Published as “being installed”."
    assert kits["NN-0003"]["status"] == Status.UNCONFIRMED
    assert kits["NN-0004"]["longitude"] is None
    assert "52.0, -8.0" in kits["NN-0004"]["note"]
    assert kits["NN-0004"]["source_id"] == "", "the old rules allowed a number twice"
    assert kits["NN-0005"]["name"] == "NN-0005"


def test_the_trail_begins_with_what_there_was(old: Engine) -> None:
    (entry,) = trail.history(old, Kit, "NN-0001")
    assert entry.before is None
    assert entry.after["name"] == "Station"
    assert (entry.edition, entry.who) == (1, "published list")
    assert entry.at == dt.datetime(2026, 5, 1, 10, 0)  # noqa: DTZ001
    assert trail.as_of(old, Kit, "NN-0001", entry.at) == custody.find(old, "NN-0001")
    with old.connect() as connection:
        assert store.rows_by_key(connection, Edition, [1])[1]["digest"] == "abc"


def test_a_moved_registry_can_be_changed(old: Engine) -> None:
    assert custody.edit(old, "NN-0001", {"floor": "1"}, who="Ann", why="Looked") == 2
    assert store.version(old) == 2


def test_an_empty_old_registry_moves_too(database_url: str) -> None:
    location = make_url(database_url)
    if location.database and location.get_backend_name() == "sqlite":
        Path(location.database).parent.mkdir(parents=True)
    plain = create_engine(database_url)
    with plain.begin() as connection:
        store.migrate(connection, "0001")
    plain.dispose()
    opened = store.open_registry(database_url)
    assert store.version(opened) == 0
    opened.dispose()


def test_a_registry_without_sightings_takes_them_from_then_on(kits: Engine) -> None:
    day = dt.date(2026, 7, 1)
    custody.check(kits, "NN-0001", custody.Visit("Ann", day, day))
    before = custody.find(kits, "NN-0001"), trail.story(kits, "NN-0001")
    with store.turn(kits) as connection:
        connection.execute(text("DROP TABLE sighting"))
        connection.execute(text("UPDATE alembic_version SET version_num = '0002'"))
    url = kits.url.render_as_string(hide_password=False)
    moved = store.open_registry(url)
    assert (custody.find(moved, "NN-0001"), trail.story(moved, "NN-0001")) == before
    at = dt.datetime(2026, 7, 4, 22, 14, tzinfo=dt.UTC)
    assert sightings.tell(moved, "NN-0001", Finding.USED, at=at, settings=Settings())
    moved.dispose()
