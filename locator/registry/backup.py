"""Copy a whole registry to one file, and make a registry of it again, row by row.

A backup is an SQLite file whichever database it comes from, so that it can be restored into
either. Values stand in it as plain text and numbers; a digest of every table proves that they
come back as they were. It holds private contacts: only its owner may read it.
"""

import contextlib
import datetime as dt
import hashlib
import json
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, func, insert, select, text
from sqlalchemy.exc import SQLAlchemyError

from locator.errors import DataError, InputError, RegistryError
from locator.registry import store
from locator.registry.schema import APPEND_ONLY, TABLES, Edition, key_of

_FORMAT = "1"
_BATCH = 5000
_MAGIC = b"SQLite format 3\x00"

Progress = Callable[[str, int], None]


def _silent(what: str, rows: int) -> None:
    del what, rows


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds.

    Attributes
    ----------
    written_at
        UTC, ISO text.
    revision
        Of the schema.
    version
        Of the registry.
    tables
        Name -> number of rows and SHA-256 of all its rows.
    """

    written_at: str
    revision: str
    version: int
    tables: dict[str, tuple[int, str]]

    def as_dict(self) -> dict[str, Any]:
        """Give the manifest as plain values for JSON."""
        return {
            "written_at": self.written_at,
            "schema": self.revision,
            "registry_version": self.version,
            "rows": {name: rows for name, (rows, _) in self.tables.items()},
            "sha256": {name: digest for name, (_, digest) in self.tables.items()},
        }


def backup(engine: Engine, path: Path, progress: Progress = _silent) -> Manifest:
    """Copy the registry as it is at one instant; writers may go on meanwhile.

    The file is read again and compared before it gets its name.

    Parameters
    ----------
    engine
        The registry.
    path
        The file to write; an existing one is replaced at the end.
    progress
        Called with the table and how many rows more are copied.

    Raises
    ------
    InputError
        The file cannot be written.
    RegistryError
        The registry cannot be read.
    """
    _refuse_to_overwrite(engine, path)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.unlink(missing_ok=True)
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        with contextlib.closing(sqlite3.connect(part)) as file:
            with store.reading(engine) as connection:
                manifest = _copy(connection, file, progress)
            _write_manifest(file, manifest)
            file.commit()
        with _opened(part) as file:
            _verify(file, manifest, part)
        with part.open("rb") as written:
            os.fsync(written.fileno())
        part.replace(path)
    except (OSError, sqlite3.Error) as error:
        msg = f"The backup cannot be written to {path}: {error}."
        raise InputError(msg) from error
    finally:
        part.unlink(missing_ok=True)
    return manifest


def _refuse_to_overwrite(engine: Engine, path: Path) -> None:
    """Let a backup replace an older backup, and nothing else."""
    database = engine.url.database if engine.dialect.name == "sqlite" else None
    live = [Path(f"{database}{end}").resolve() for end in ("", "-wal", "-shm")] if database else []
    if path.resolve() in live:
        msg = f"{path} is the registry itself. Name another file for the backup."
        raise InputError(msg)
    if path.is_file() and path.stat().st_size:
        try:
            with _opened(path) as file:
                _read_manifest(file, path)
        except (DataError, sqlite3.Error):
            msg = f"{path} is there already and is no backup; it is left alone. Name another file."
            raise InputError(msg) from None


def restore(
    engine: Engine, path: Path, *, replace: bool = False, progress: Progress = _silent
) -> Manifest:
    """Make the registry what a backup holds, in one transaction.

    Every row is read back and compared before it counts. One more edition says that it was
    restored, so that running servers notice.

    Parameters
    ----------
    engine
        The registry to fill; other than the backup's database if need be.
    path
        From :func:`backup`.
    replace
        Whether a registry that holds something may be replaced.
    progress
        Called with the table and how many rows more are copied.

    Raises
    ------
    DataError
        The file is no backup, or is damaged.
    InputError
        The registry holds something and ``replace`` is not set.
    RegistryError
        The registry cannot be written; it is left as it was.
    """
    try:
        with _opened(path) as file:
            manifest = _read_manifest(file, path)
            _verify(file, manifest, path)
            with store.turn(engine) as connection:
                _fill(connection, file, manifest, path, replace=replace, progress=progress)
    except sqlite3.Error as error:
        msg = f"{path} is no backup of a registry, or is damaged: {error}."
        raise DataError(msg) from error
    except SQLAlchemyError as error:
        msg = f"The backup cannot be restored; the registry is as it was: {error}"
        raise RegistryError(msg) from error
    return manifest


def _fill(
    connection: Connection,
    file: sqlite3.Connection,
    manifest: Manifest,
    path: Path,
    *,
    replace: bool,
    progress: Progress,
) -> None:
    version = store.newest(connection)
    if version and not replace:
        msg = (
            f"The registry holds {version} editions already. Back it up, then restore with "
            "--replace, or name another database in LOCATOR_DATABASE_URL."
        )
        raise InputError(msg)
    _drop_everything(connection)
    store.migrate(connection, manifest.revision)
    for name in manifest.tables:
        columns, rows = _rows_of_file(file, name)
        _insert(connection, name, columns, rows, progress)
    for name, expected in manifest.tables.items():
        columns, rows = _rows_of_registry(connection, name)
        if _digest(columns, rows) != expected:
            msg = f"The rows of {name} did not come back as {path} has them; nothing was changed."
            raise DataError(msg)
    store.migrate(connection)
    values = {"version": max(version, manifest.version) + 1, "written_at": store.now_utc()}
    values |= {"who": "locator restore", "source": path.name, "digest": ""}
    values |= {"why": f"Restored from the backup of {manifest.written_at}"}
    connection.execute(insert(Edition), [values])


def _copy(connection: Connection, file: sqlite3.Connection, progress: Progress) -> Manifest:
    tables = {}
    for model in TABLES:
        name = model.__tablename__
        columns, rows = _rows_of_registry(connection, name)
        listed = ", ".join(f'"{column}"' for column in columns)
        file.execute(f'CREATE TABLE "{name}" ({listed})')
        marks = ", ".join("?" * len(columns))
        digest = _Digest(columns)
        for batch in _batches(digest.through(rows)):
            file.executemany(f'INSERT INTO "{name}" VALUES ({marks})', batch)  # noqa: S608
            progress(name, len(batch))
        tables[name] = digest.result()
    revision = connection.scalar(text("SELECT version_num FROM alembic_version"))
    now = store.now_utc().isoformat(timespec="seconds")
    version = connection.scalar(select(func.max(Edition.version))) or 0
    return Manifest(f"{now}Z", str(revision), version, tables)


class _Digest:
    """Counts and hashes rows as they pass."""

    def __init__(self, columns: Sequence[str]) -> None:
        self._hash = hashlib.sha256(json.dumps(list(columns)).encode())
        self._rows = 0

    def through(self, rows: Iterable[Sequence[object]]) -> Iterator[Sequence[object]]:
        for row in rows:
            self._hash.update(json.dumps(list(row), ensure_ascii=False).encode())
            self._rows += 1
            yield row

    def result(self) -> tuple[int, str]:
        return self._rows, self._hash.hexdigest()


def _digest(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> tuple[int, str]:
    digest = _Digest(columns)
    for _ in digest.through(rows):
        pass
    return digest.result()


def _batches(rows: Iterable[Sequence[object]]) -> Iterator[list[Sequence[object]]]:
    batch = []
    for row in rows:
        batch.append(row)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _rows_of_registry(
    connection: Connection, name: str
) -> tuple[list[str], Iterator[tuple[object, ...]]]:
    """Read a table in the order of its key, as plain values that both databases share."""
    columns = _columns(connection, name)
    # the text of JSON is compared, not what it means
    listed = ", ".join(
        f'CAST("{column}" AS TEXT)' if kind == "json" else f'"{column}"'
        for column, kind in columns.items()
    )
    key = next(key_of(model).name for model in TABLES if model.__tablename__ == name)
    order = f'"{key}" COLLATE "C"' if connection.dialect.name == "postgresql" else f'"{key}"'
    if columns[key] in ("integer", "INTEGER"):
        order = f'"{key}"'
    found = connection.exec_driver_sql(
        f'SELECT {listed} FROM "{name}" ORDER BY {order}',  # noqa: S608  # names of our tables
        execution_options={"yield_per": _BATCH},
    )
    return list(columns), (tuple(_plain(value) for value in row) for row in found)


def _columns(connection: Connection, name: str) -> dict[str, str]:
    """List the columns of a table with their types, in an order that databases share."""
    if connection.dialect.name == "postgresql":
        found = connection.execute(
            text(
                "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = "
                ":name AND table_schema = current_schema() AND is_generated = 'NEVER'"
            ),
            {"name": name},
        ).all()
        return {row.column_name: row.data_type for row in sorted(found)}
    found = connection.exec_driver_sql(f'PRAGMA table_info("{name}")').all()
    return {row[1]: str(row[2]) for row in sorted(found, key=lambda row: str(row[1]))}


def _plain(value: object) -> object:
    if isinstance(value, dt.datetime):
        # as SQLite keeps it
        return value.isoformat(sep=" ", timespec="microseconds")
    return value.isoformat() if isinstance(value, dt.date) else value


def _rows_of_file(
    file: sqlite3.Connection, name: str
) -> tuple[list[str], Iterator[tuple[object, ...]]]:
    found = file.execute(f'SELECT * FROM "{name}" ORDER BY rowid')  # noqa: S608
    return [column[0] for column in found.description], found


def _insert(
    connection: Connection,
    name: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    progress: Progress,
) -> None:
    # the driver itself turns text into what the column holds
    mark = "%s" if connection.dialect.name == "postgresql" else "?"
    listed = ", ".join(f'"{column}"' for column in columns)
    marks = ", ".join([mark] * len(columns))
    statement = f'INSERT INTO "{name}" ({listed}) VALUES ({marks})'  # noqa: S608
    cursor = connection.connection.cursor()
    try:
        for batch in _batches(rows):
            cursor.executemany(statement, batch)
            progress(name, len(batch))
    finally:
        cursor.close()


def _drop_everything(connection: Connection) -> None:
    cascade = " CASCADE" if connection.dialect.name == "postgresql" else ""
    for name in (*(model.__tablename__ for model in reversed(TABLES)), "alembic_version"):
        connection.exec_driver_sql(f'DROP TABLE IF EXISTS "{name}"{cascade}')
    if cascade:
        for model in APPEND_ONLY:
            connection.exec_driver_sql(f"DROP FUNCTION IF EXISTS {model.__tablename__}_is_kept")


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    try:
        with path.open("rb") as file:
            magic = file.read(len(_MAGIC))
    except OSError as error:
        msg = f"{path} cannot be read: {error.strerror}."
        raise DataError(msg) from error
    if magic != _MAGIC:
        msg = f"{path} is no backup of a registry."
        raise DataError(msg)
    address = f"{path.resolve().as_uri()}?mode=ro&immutable=1"
    with contextlib.closing(sqlite3.connect(address, uri=True)) as file:
        yield file


def _write_manifest(file: sqlite3.Connection, manifest: Manifest) -> None:
    file.execute("CREATE TABLE manifest (name, value)")
    about = {"format": _FORMAT, "written_at": manifest.written_at, "revision": manifest.revision}
    about |= {"version": str(manifest.version), "tables": json.dumps(manifest.tables)}
    file.executemany("INSERT INTO manifest VALUES (?, ?)", about.items())


def _read_manifest(file: sqlite3.Connection, path: Path) -> Manifest:
    try:
        about = dict(file.execute("SELECT name, value FROM manifest").fetchall())
        tables = {
            name: (rows, digest) for name, (rows, digest) in json.loads(about["tables"]).items()
        }
        manifest = Manifest(about["written_at"], about["revision"], int(about["version"]), tables)
    except (sqlite3.Error, KeyError, ValueError, AttributeError, TypeError) as error:
        msg = f"{path} is no backup of a registry: it has no manifest."
        raise DataError(msg) from error
    # a backup of an earlier schema may lack tables that came later
    if about["format"] != _FORMAT or not set(tables) <= {m.__tablename__ for m in TABLES}:
        msg = f"{path} was written by another version of the program, which can restore it."
        raise DataError(msg)
    return manifest


def _verify(file: sqlite3.Connection, manifest: Manifest, path: Path) -> None:
    for name, expected in manifest.tables.items():
        if _digest(*_rows_of_file(file, name)) != expected:
            msg = f"{path} is damaged: the rows of {name} are not those that were saved."
            raise DataError(msg)
