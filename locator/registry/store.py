"""Open the registry and change it in transactions.

Every change is one transaction that writes the rows, what changed in them and a new edition
together, so that a reader sees either all of it or none. Writers take turns.
"""

import contextlib
import datetime as dt
import sqlite3
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import (
    Connection,
    Engine,
    bindparam,
    create_engine,
    event,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from locator.errors import ConflictError, InputError, LocatorError, RegistryError
from locator.registry import rules
from locator.registry.schema import Base, Change, Edition, key_of, table_of

_BUSY_S = 60
# longer than an import needs between two statements
_IDLE_S = 600
# a page waits no longer than this for the number of the newest edition
_READ_TIMEOUT_MS = 2000
_CONNECT_S = 2
_POSTGRES = ("postgresql", "postgresql+psycopg")
# any number does, as long as every process asks for the same
_TURN = 999
_MIGRATIONS = Path(__file__).parent / "migrations"
# rows sent to the database at once, and keys asked for at once
_BATCH, _KEYS = 5000, 500


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
            # contacts are private: only the owner may read them
            Path(location.database).touch(mode=0o600, exist_ok=True)
        arguments = {"connect_timeout": _CONNECT_S} if location.drivername in _POSTGRES else {}
        engine = create_engine(location, connect_args=arguments, hide_parameters=True)
        if engine.dialect.name == "sqlite":
            _use_wal(location.database)
            event.listen(engine, "connect", _prepare_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
        if not _is_up_to_date(engine):
            with turn(engine) as connection:
                migrate(connection)
    except (SQLAlchemyError, sqlite3.Error, OSError, ImportError) as error:
        msg = f"The registry cannot be opened ({error}). Check LOCATOR_DATABASE_URL."
        raise RegistryError(msg) from error
    return engine


def migrate(connection: Connection, revision: str = "head") -> None:
    """Make or upgrade the tables within the caller's transaction."""
    config = _alembic()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def _alembic() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    return config


def _is_up_to_date(engine: Engine) -> bool:
    """Look whether the tables are there, without taking a writer's turn."""
    with engine.connect() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
    return found == ScriptDirectory.from_config(_alembic()).get_current_head()


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


@contextlib.contextmanager
def turn(engine: Engine) -> Iterator[Connection]:
    """Begin a transaction that no other writer shares, and commit it if the block succeeds."""
    with engine.execution_options(writes=True).begin() as connection:
        if connection.dialect.name == "postgresql":
            # a writer that hangs must not hold up the others for ever
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{_BUSY_S}s'")
            connection.exec_driver_sql(
                f"SET LOCAL idle_in_transaction_session_timeout = '{_IDLE_S}s'"
            )
            connection.execute(select(func.pg_advisory_xact_lock(_TURN)))
        yield connection


@contextlib.contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Begin a transaction that sees one state of the registry throughout.

    Raises
    ------
    RegistryError
        The database cannot be read.
    """
    try:
        with engine.connect() as connection:
            if connection.dialect.name == "postgresql":
                connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            yield connection
    except SQLAlchemyError as error:
        msg = f"The registry cannot be read: {error}"
        raise RegistryError(msg) from error


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
            return newest(connection)
    except SQLAlchemyError as error:
        msg = f"The registry cannot be read: {error}"
        raise RegistryError(msg) from error


def newest(connection: Connection) -> int:
    """Tell the number of the newest edition within a transaction; 0 for an empty registry."""
    return connection.scalar(select(func.max(Edition.version))) or 0


def rows_by_key(
    connection: Connection, model: type[Base], keys: Iterable[object]
) -> dict[object, dict[str, Any]]:
    """Read the rows that have the given primary keys."""
    table, key, wanted = table_of(model), key_of(model), list(dict.fromkeys(keys))
    found: dict[object, dict[str, Any]] = {}
    for start in range(0, len(wanted), _KEYS):
        some = select(table).where(key.in_(wanted[start : start + _KEYS]))
        for row in connection.execute(some).mappings():
            found[row[key.name]] = dict(row)
    return found


def now_utc() -> dt.datetime:
    """Return the time as the registry keeps it: UTC, without a zone."""
    return dt.datetime.now(dt.UTC).replace(tzinfo=None)


# what a broken rule of the database means to the person who broke it
_BROKEN_RULES = {
    "installed_on_before_expires_on": "A kit cannot expire before it is installed.",
    "installed_on_before_last_checked": "A kit cannot be checked before it is installed.",
    "position_in_great_britain": (
        "A position needs longitude, latitude and precision_m, and lies in Great Britain."
    ),
    "cost_is_no_debt": "A cost cannot be negative.",
    "named": "A name is needed.",
    "somebody": "A contact needs a name, an address for mail or a telephone number.",
    "task_open_once": "Another task of this kind has been opened since.",
    "task.kit, task.kind": "Another task of this kind has been opened since.",
    "sighting_open_once": "The same was told of this kit again since.",
    "sighting.kit, sighting.finding": "The same was told of this kit again since.",
    "osm_id": "Another kit has this OpenStreetMap id.",
    "source_id": "Another row has this number of the same source.",
    "reference": "This reference is taken.",
}


def _said(error: IntegrityError) -> LocatorError:
    text = str(error.orig)
    for rule, sentence in _BROKEN_RULES.items():
        if rule in text:
            return InputError(f"{sentence} Nothing was changed.")
    return RegistryError(f"The registry refuses the change, nothing was changed: {text}")


@contextlib.contextmanager
def writing(
    engine: Engine, *, who: str, why: str, source: str = "", digest: str = ""
) -> Iterator["Writing"]:
    """Change the registry in one transaction: all of the block, or nothing of it.

    Parameters
    ----------
    engine
        From :func:`open_registry`.
    who, why
        The author and the reason, for the trail.
    source, digest
        Name and SHA-256 of the file of an import.

    Raises
    ------
    ConflictError
        Somebody else has changed a row since it was read.
    InputError
        Author or reason are missing, or a value breaks a rule.
    RegistryError
        The database cannot be written.
    """
    who, why = rules.single_line(who), rules.single_line(why)
    if not who or not why:
        msg = "Every change needs an author and a reason: say who you are and why."
        raise InputError(msg)
    rules.refuse_codes("reason", why)
    try:
        with turn(engine) as connection:
            yield Writing(connection, who, why, source, digest)
    except IntegrityError as error:
        raise _said(error) from error
    except SQLAlchemyError as error:
        lost = isinstance(error, DBAPIError) and error.connection_invalidated
        outcome = "look at the history whether it was written" if lost else "nothing was changed"
        msg = f"The registry cannot be written, {outcome}: {error}"
        raise RegistryError(msg) from error


# key, fields before (None: the row was added), fields after
_Recorded = tuple[Any, dict[str, Any] | None, dict[str, Any]]


@dataclass(eq=False)
class Writing:
    """One transaction that is being written; from :func:`writing`.

    Attributes
    ----------
    connection
        Reads within the transaction see what it has written.
    who, why, source, digest
        As given.
    at
        Time of the edition (UTC).
    """

    connection: Connection
    who: str
    why: str
    source: str
    digest: str
    at: dt.datetime = field(default_factory=now_utc)
    _edition: int = 0
    _next_change: int = 0

    @property
    def edition(self) -> int:
        """Number of the new edition, which is written when it is first asked for."""
        if not self._edition:
            self._edition = newest(self.connection) + 1
            self._next_change = self.next_id(Change)
            values = {"version": self._edition, "written_at": self.at, "who": self.who}
            values |= {"why": self.why, "source": self.source, "digest": self.digest}
            self.connection.execute(insert(Edition), [values])
        return self._edition

    @property
    def has_changed(self) -> bool:
        """Whether anything has been written."""
        return bool(self._edition)

    def next_id(self, model: type[Base]) -> int:
        """Give the next free number of a table; writers take turns, so it stays free."""
        return (self.connection.scalar(select(func.max(key_of(model)))) or 0) + 1

    def row(self, model: type[Base], key: object) -> dict[str, Any] | None:
        """Read one row."""
        return rows_by_key(self.connection, model, [key]).get(key)

    def add(
        self,
        model: type[Base],
        rows: Sequence[Mapping[str, Any]],
        progress: Callable[[int], None] = lambda _: None,
    ) -> None:
        """Add rows; columns that are left out hold what the schema starts with.

        Parameters
        ----------
        model
            The table.
        rows
            With their primary keys; values from :func:`locator.registry.rules.clean`.
        progress
            Called with the number of rows written since the last call.
        """
        if not rows:
            return
        columns, key = table_of(model).columns, key_of(model).name
        start = {c.name: c.info.get("start") for c in columns} | {"edition": self.edition}
        for first in range(0, len(rows), _BATCH):
            batch = rows[first : first + _BATCH]
            self.connection.execute(insert(model), [start | dict(row) for row in batch])
            self._record(
                model,
                [
                    (
                        row[key],
                        None,
                        {f: v for f, v in row.items() if f != key and v not in (None, "")},
                    )
                    for row in batch
                ],
            )
            progress(len(batch))

    def change(
        self,
        model: type[Base],
        changes: Mapping[Any, Mapping[str, Any]],
        *,
        seen: Mapping[Any, int] | None = None,
        progress: Callable[[int], None] = lambda _: None,
    ) -> set[Any]:
        """Change fields of rows; a row that holds the values already is left alone.

        Parameters
        ----------
        model
            The table.
        changes
            Primary key -> field -> value from :func:`locator.registry.rules.clean`.
        seen
            Primary key -> the edition of the row that the author has seen.
        progress
            Called with the number of rows looked at since the last call.

        Returns
        -------
        changed
            Keys of the rows that were changed.

        Raises
        ------
        ConflictError
            A row has another edition than the author has seen.
        """
        current = rows_by_key(self.connection, model, changes)
        recorded: list[_Recorded] = []
        updates: defaultdict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
        for key, values in changes.items():
            row = current[key]
            if seen is not None and row["edition"] != seen[key]:
                raise self._conflict(model, key, row["edition"], seen[key])
            after = {name: value for name, value in values.items() if row[name] != value}
            if after:
                recorded.append((key, {name: row[name] for name in after}, after))
                bound = {f"to_{name}": value for name, value in after.items()}
                updates[tuple(sorted(after))].append(bound | {"this_key": key})
        for names, bound_rows in updates.items():
            values_to: dict[str, Any] = {name: bindparam(f"to_{name}") for name in names}
            statement = (
                update(table_of(model))
                .where(key_of(model) == bindparam("this_key"))
                .values(values_to | {"edition": self.edition})
            )
            for first in range(0, len(bound_rows), _BATCH):
                batch = bound_rows[first : first + _BATCH]
                self.connection.execute(statement, batch)
                progress(len(batch))
        self._record(model, recorded)
        return {key for key, _, _ in recorded}

    def _record(self, model: type[Base], entries: list[_Recorded]) -> None:
        edition = self.edition if entries else 0
        rows = [
            {
                "id": self._next_change + number,
                "edition": edition,
                "subject": model.__tablename__,
                "key": str(key),
                "before": None if before is None else _plain(before),
                "after": _plain(after),
            }
            for number, (key, before, after) in enumerate(entries)
        ]
        self._next_change += len(rows)
        for first in range(0, len(rows), _BATCH):
            self.connection.execute(insert(Change), rows[first : first + _BATCH])

    def _conflict(self, model: type[Base], key: Any, edition: int, seen: int) -> ConflictError:
        by = self.row(Edition, edition)
        who, at = (by["who"], by["written_at"]) if by else ("somebody", self.at)
        return ConflictError(
            f"{model.__tablename__.capitalize()} {key} was changed by {who} at "
            f"{at:%Y-%m-%d %H:%M} UTC (edition {edition}) after you read it (edition {seen}). "
            "Nothing was changed. Read it again, then repeat your change."
        )


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value.isoformat() if isinstance(value, dt.date) else value
        for name, value in values.items()
    }
