"""Open the registry and change it in transactions.

Every change is one transaction that writes the rows and a new edition together, so that a
reader sees either all of it or none.
"""

import datetime as dt
import hashlib
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
from locator.errors import RegistryError
from locator.registry.schema import Edition, Kit

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
        engine = create_engine(location)
        if engine.dialect.name == "sqlite":
            event.listen(engine, "connect", _prepare_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
        with _writer(engine).begin() as connection:
            _take_turn(connection)
            config = Config()
            config.set_main_option("script_location", str(_MIGRATIONS))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except (SQLAlchemyError, OSError) as error:
        msg = f"The registry cannot be opened ({error}). Check LOCATOR_DATABASE_URL."
        raise RegistryError(msg) from error
    return engine


def _prepare_sqlite(connection: object, record: ConnectionPoolEntry) -> None:
    del record
    # SQLAlchemy says when a transaction begins, not the driver
    connection.isolation_level = None  # type: ignore[attr-defined]  # a sqlite3 connection
    cursor = connection.cursor()  # type: ignore[attr-defined]  # a sqlite3 connection
    for pragma in ("busy_timeout=15000", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
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
            return connection.scalar(select(func.max(Edition.version))) or 0
    except SQLAlchemyError as error:
        msg = f"The registry cannot be read: {error}"
        raise RegistryError(msg) from error


def load_published(engine: Engine, folder: Path) -> int:
    """Replace the kits by the published ones of a geodata folder, unless nothing changed.

    Parameters
    ----------
    engine
        From :func:`open_registry`.
    folder
        The geodata folder.

    Returns
    -------
    version
        Number of the edition that holds these kits.

    Raises
    ------
    DataError
        The table of kits is missing or damaged.
    RegistryError
        The database refuses the rows; nothing is changed then.
    """
    source = tables.sources(folder)["kits"]
    frame = tables.table(folder, "kits")
    digest = hashlib.sha256((folder / source.file).read_bytes()).hexdigest()
    try:
        with Session(_writer(engine)) as session, session.begin():
            _take_turn(session.connection())
            newest = session.scalars(select(Edition).order_by(Edition.version.desc())).first()
            if newest is not None and newest.digest == digest:
                return newest.version
            edition = Edition(
                version=newest.version + 1 if newest else 1,
                written_at=dt.datetime.now(dt.UTC).replace(tzinfo=None),
                source=source.title,
                digest=digest,
            )
            session.add(edition)
            session.flush()
            session.execute(delete(Kit))
            session.add_all(_kit(row, edition.version) for row in _rows(frame))
            return edition.version
    except SQLAlchemyError as error:
        msg = f"The published kits were not loaded, nothing was changed: {error}"
        raise RegistryError(msg) from error


def _rows(frame: pd.DataFrame) -> list[dict[str, object]]:
    whole = frame.astype(object).where(frame.notna(), None)
    return [{str(key): value for key, value in row.items()} for row in whole.to_dict("records")]


def _kit(row: dict[str, object], edition: int) -> Kit:
    known = {key: value for key, value in row.items() if key in Kit.__table__.columns}
    return Kit(**known, edition=edition)
