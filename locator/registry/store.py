"""Open the registry and change it in transactions.

Every change is one transaction that writes the rows and a new edition together, so that a
reader sees either all of it or none.
"""

import contextlib
import datetime as dt
import hashlib
import sqlite3
import time
from pathlib import Path

import pandas as pd
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, delete, event, func, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry

from locator import tables
from locator.errors import DataError, OpeningHoursError, RegistryError
from locator.hours import check_syntax
from locator.registry.schema import Edition, Kit

_BUSY_S = 15
# a page waits no longer than this for the number of the newest edition
_READ_TIMEOUT_MS = 2000
_CONNECT_S = 2
_POSTGRES = ("postgresql", "postgresql+psycopg")
# any number does, as long as every process asks for the same
_TURN = 999
_MIGRATIONS = Path(__file__).parent / "migrations"


def open_registry(url: str) -> Engine:
    """Open the registry, making or upgrading its tables if needed.

    Parameters
    ----------
    url
        SQLAlchemy URL, such as ``sqlite:///var/registry.sqlite`` or
        ``postgresql+psycopg://user@host/name``.

    Returns
    -------
    engine
        Ready to use. SQLite runs in WAL mode with ``synchronous=FULL``.

    Raises
    ------
    RegistryError
        The database cannot be reached or written.
    """
    try:
        location = make_url(url)
        if location.get_backend_name() == "sqlite" and location.database:
            Path(location.database).parent.mkdir(parents=True, exist_ok=True)
        arguments = {"connect_timeout": _CONNECT_S} if location.drivername in _POSTGRES else {}
        engine = create_engine(location, connect_args=arguments)
        if engine.dialect.name == "sqlite":
            _use_wal(location.database)
            event.listen(engine, "connect", _prepare_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
        with _writer(engine).begin() as connection:
            _take_turn(connection)
            config = Config()
            config.set_main_option("script_location", str(_MIGRATIONS))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except (SQLAlchemyError, sqlite3.Error, OSError, ImportError) as error:
        msg = f"The registry cannot be opened ({error}). Check LOCATOR_DATABASE_URL."
        raise RegistryError(msg) from error
    return engine


def _use_wal(database: str | None) -> None:
    """Switch a file to WAL for good; two processes that do so at once do not wait by themselves."""
    deadline = time.monotonic() + _BUSY_S
    with contextlib.closing(sqlite3.connect(database or ":memory:")) as connection:
        while True:
            try:
                connection.execute("PRAGMA journal_mode=WAL")
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
            else:
                return


def _prepare_sqlite(connection: object, record: ConnectionPoolEntry) -> None:
    del record
    # SQLAlchemy says when a transaction begins, not the driver
    connection.isolation_level = None  # type: ignore[attr-defined]  # a sqlite3 connection
    cursor = connection.cursor()  # type: ignore[attr-defined]  # a sqlite3 connection
    for pragma in (f"busy_timeout={_BUSY_S * 1000}", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # a writer takes its turn at once: it would be refused if it had read an older state
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _writer(engine: Engine) -> Engine:
    return engine.execution_options(writes=True)


def _take_turn(connection: Connection) -> None:
    """Wait until no other process changes the registry, up to the end of the transaction."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_TURN)))


def version(engine: Engine) -> int:
    """Tell the number of the newest edition; 0 for an empty registry.

    Raises
    ------
    RegistryError
        The database cannot be reached.
    """
    try:
        with engine.connect() as connection:
            if engine.dialect.name == "postgresql":
                connection.exec_driver_sql(f"SET LOCAL statement_timeout = {_READ_TIMEOUT_MS}")
            return connection.scalar(select(func.max(Edition.version))) or 0
    except SQLAlchemyError as error:
        msg = f"The registry cannot be read: {error}"
        raise RegistryError(msg) from error


def load_published(engine: Engine, folder: Path) -> int:
    """Take over the published kits of a geodata folder, unless they were taken over already.

    What people have recorded since, such as the last check, stays.

    Parameters
    ----------
    engine
        From :func:`open_registry`.
    folder
        The geodata folder.

    Returns
    -------
    version
        Number of the newest edition.

    Raises
    ------
    DataError
        The table of kits is missing or damaged, or a kit's opening hours are not in OSM syntax.
    RegistryError
        The database refuses the rows; nothing is changed then.
    """
    source = tables.sources(folder)["kits"]
    frame = tables.table(folder, "kits")
    _check_hours(frame)
    digest = hashlib.sha256((folder / source.file).read_bytes()).hexdigest()
    try:
        with Session(_writer(engine)) as session, session.begin():
            _take_turn(session.connection())
            editions = session.scalars(select(Edition).order_by(Edition.version.desc())).all()
            newest = editions[0].version if editions else 0
            taken_over = next((e.digest for e in editions if e.source == source.title), None)
            if taken_over == digest:
                return newest
            edition = Edition(
                version=newest + 1,
                written_at=dt.datetime.now(dt.UTC).replace(tzinfo=None),
                source=source.title,
                digest=digest,
            )
            session.add(edition)
            session.flush()
            published = [_kit(row, edition.version) for row in _rows(frame)]
            gone = Kit.reference.not_in([kit.reference for kit in published])
            session.execute(delete(Kit).where(gone))
            for kit in published:
                session.merge(kit)
            return edition.version
    except SQLAlchemyError as error:
        msg = f"The published kits were not loaded, nothing was changed: {error}"
        raise RegistryError(msg) from error


def _check_hours(frame: pd.DataFrame) -> None:
    for reference, text in zip(frame["reference"], frame["opening_hours"], strict=True):
        try:
            check_syntax(text)
        except OpeningHoursError as error:
            msg = f"Kit {reference}: {error}"
            raise DataError(msg) from error


def _rows(frame: pd.DataFrame) -> list[dict[str, object]]:
    whole = frame.astype(object).where(frame.notna(), None)
    return [{str(key): value for key, value in row.items()} for row in whole.to_dict("records")]


def _kit(row: dict[str, object], edition: int) -> Kit:
    known = {key: value for key, value in row.items() if key in Kit.__table__.columns}
    return Kit(**known, edition=edition)
