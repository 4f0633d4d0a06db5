"""Tell what happened to a row, show it as it was, and undo a mistake."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Date, DateTime, Engine, Integer, func, select

from locator.errors import ConflictError, InputError
from locator.registry import store
from locator.registry.schema import (
    Base,
    Candidate,
    Change,
    Contact,
    Decision,
    Edition,
    Event,
    Incident,
    Kit,
    Sighting,
    Status,
    Task,
    Verdict,
    key_of,
    table_of,
)

_FEW = 500
_SUBJECTS: dict[str, type[Base]] = {
    model.__tablename__: model
    for model in (Kit, Contact, Candidate, Incident, Event, Task, Sighting)
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One change of one row.

    Attributes
    ----------
    edition, at, who, why, source
        Of the transaction; ``at`` is UTC.
    before, after
        The fields that changed as plain JSON values; ``before`` is None if the row was added.
    """

    edition: int
    at: dt.datetime
    who: str
    why: str
    source: str
    before: dict[str, Any] | None
    after: dict[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """Give the entry as plain values for JSON."""
        return {
            "edition": self.edition,
            "at": f"{self.at.isoformat(timespec='seconds')}Z",
            "who": self.who,
            "why": self.why,
            "source": self.source,
            "before": self.before,
            "after": self.after,
        }


def history(engine: Engine, model: type[Base], key: object) -> list[Entry]:
    """List what happened to a row, oldest first; empty if there never was such a row.

    Raises
    ------
    RegistryError
        The database cannot be read.
    """
    with store.reading(engine) as connection:
        return _entries(connection, model, key)


def _entries(
    connection: Connection, model: type[Base], key: object, until: dt.datetime | None = None
) -> list[Entry]:
    wanted = (
        select(
            Edition.version,
            Edition.written_at,
            Edition.who,
            Edition.why,
            Edition.source,
            Change.before,
            Change.after,
        )
        .join(Edition, Edition.version == Change.edition)
        .where(Change.subject == model.__tablename__, Change.key == str(key))
        .order_by(Change.id)
    )
    if until is not None:
        wanted = wanted.where(Edition.written_at <= until)
    return [Entry(*row) for row in connection.execute(wanted)]


def story(engine: Engine, reference: str) -> list[tuple[str, Entry]]:
    """List what happened to a kit with its checks, reports, tasks and sightings, oldest first.

    Returns
    -------
    entries
        Each with its subject: kit, event, task or sighting.

    Raises
    ------
    RegistryError
        The database cannot be read.
    """
    with store.reading(engine) as connection:
        found = [("kit", entry) for entry in _entries(connection, Kit, reference)]
        for model in (Event, Task, Sighting):
            numbers = select(model.id).where(model.kit == reference)
            for key in connection.scalars(numbers).all():
                entries = _entries(connection, model, key)
                found += [(model.__tablename__, entry) for entry in entries]
    return sorted(found, key=lambda pair: pair[1].edition)


def as_of(engine: Engine, model: type[Base], key: object, at: dt.datetime) -> dict[str, Any] | None:
    """Show a row as it was at an instant.

    Parameters
    ----------
    engine
        The registry.
    model, key
        The row.
    at
        UTC, without a zone.

    Returns
    -------
    row
        Every column, or None if there was no such row yet.

    Raises
    ------
    RegistryError
        The database cannot be read.
    """
    with store.reading(engine) as connection:
        entries = _entries(connection, model, key, until=at)
    if not entries:
        return None
    columns = table_of(model).columns
    row = {column.name: column.info.get("start") for column in columns}
    row[key_of(model).name] = key
    for entry in entries:
        row |= stored(model, entry.after) | {"edition": entry.edition}
    return row


def stored(model: type[Base], plain: dict[str, Any]) -> dict[str, Any]:
    """Turn plain JSON values of the trail back into what the columns hold."""
    columns = table_of(model).columns
    values: dict[str, Any] = {}
    for name, value in plain.items():
        kind = columns[name].type if name in columns else None
        if value is not None and isinstance(kind, DateTime):
            values[name] = dt.datetime.fromisoformat(value)
        elif value is not None and isinstance(kind, Date):
            values[name] = dt.date.fromisoformat(value)
        elif kind is not None:
            values[name] = value
    return values


def size(engine: Engine, edition: int) -> int:
    """Count the rows that an edition added or changed.

    Raises
    ------
    RegistryError
        The database cannot be read.
    """
    with store.reading(engine) as connection:
        wanted = select(func.count()).where(Change.edition == edition)
        return connection.scalar(wanted) or 0


def undo(engine: Engine, edition: int, *, who: str, why: str) -> int:
    """Take back everything that one edition did, as a new edition.

    Rows that it added are not deleted: kits are withdrawn, candidates refused, tasks closed,
    sightings dismissed.
    What happened (checks, uses, reports) stays on record.

    Parameters
    ----------
    engine
        The registry.
    edition
        Number of the edition to take back.
    who, why
        The author and the reason.

    Returns
    -------
    edition
        Number of the new edition.

    Raises
    ------
    ConflictError
        A field was changed again since; nothing is undone then.
    InputError
        There is no such edition, or nothing in it that can be undone.
    RegistryError
        The database cannot be written.
    """
    with store.writing(engine, who=who, why=why) as writing:
        found = writing.connection.execute(
            select(Change.subject, Change.key, Change.before, Change.after)
            .where(Change.edition == edition)
            .order_by(Change.id)
        ).all()
        if not found:
            msg = f"There is no edition {edition} that changed anything."
            raise InputError(msg)
        _refuse_if_seen_since(writing, edition, [key for of, key, _, _ in found if of == "kit"])
        for subject, model in _SUBJECTS.items():
            numbered = isinstance(key_of(model).type, Integer)
            changes = {
                (int(key) if numbered else key): (before, after)
                for of, key, before, after in found
                if of == subject
            }
            _take_back(writing, model, changes)
        if not writing.has_changed:
            msg = f"Everything that edition {edition} did is undone already."
            raise InputError(msg)
        return writing.edition


def _refuse_if_seen_since(writing: store.Writing, edition: int, kits: list[str]) -> None:
    """Refuse to take back what later checks or reports of the same kits rest on."""
    if len(kits) > _FEW:
        return
    later = (
        select(Event.kit)
        .where(Event.kit.in_(kits), Event.edition > edition)
        .order_by(Event.kit)
        .limit(1)
    )
    kit = writing.connection.scalar(later)
    if kit is not None:
        msg = (
            f"Kit {kit} was checked or reported again after edition {edition}, so that cannot be "
            "undone. Nothing was changed. Record a check, or change the field."
        )
        raise ConflictError(msg)


def _take_back(
    writing: store.Writing,
    model: type[Base],
    changes: dict[Any, tuple[dict[str, Any] | None, dict[str, Any]]],
) -> None:
    rows = store.rows_by_key(writing.connection, model, changes)
    back: dict[Any, dict[str, Any]] = {}
    for key, (before, after) in changes.items():
        if before is None:
            ended = _ended(writing, model, rows[key])
            if ended:
                back[key] = ended
            continue
        for name, value in stored(model, after).items():
            if rows[key][name] != value and rows[key][name] != stored(model, before)[name]:
                msg = (
                    f"{model.__tablename__.capitalize()} {key}: {name} was changed again after "
                    "that edition, so it cannot be undone. Nothing was changed. Undo the later "
                    "change first, or set the field."
                )
                raise ConflictError(msg)
        back[key] = stored(model, before)
    writing.change(model, back)


def _ended(writing: store.Writing, model: type[Base], row: dict[str, Any]) -> dict[str, Any] | None:
    if model is Kit:
        # without its numbers, so that a better list may bring the kit again
        return {"status": Status.WITHDRAWN, "source_id": "", "osm_id": ""}
    if model is Candidate:
        return {"decision": Decision.REFUSED}
    if model is Task and row["closed_on"] is None:
        return {"closed_on": max(writing.at.date(), row["opened_on"]), "closed_by": writing.who}
    if model is Sighting and row["verdict"] == Verdict.OPEN:
        ended = {"decided_at": max(writing.at, row["told_at"]), "decided_by": writing.who}
        return ended | {"verdict": Verdict.DISMISSED}
    return None
