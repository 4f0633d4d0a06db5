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
from sqlalchemy import Engine, create_engine, delete, event, func, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry

from locator import tables
from locator.errors import RegistryError
from locator.registry.schema import Edition, Kit

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
        with engine.begin() as connection:
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
    cursor = connection.cursor()  # type: ignore[attr-defined]  # a sqlite3 connection
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=5000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


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
        with Session(engine) as session, session.begin():
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
