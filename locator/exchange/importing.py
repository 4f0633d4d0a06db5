"""Import a file of kits, candidate sites or incidents: report first, then write all or nothing."""

import datetime as dt
import functools
import hashlib
import logging
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, func, select

from locator.errors import ConflictError, DataError, InputError
from locator.exchange import columns, points
from locator.exchange.columns import Recognised
from locator.exchange.formats import FORMATS, Limits
from locator.exchange.kits import Duplicates, Known, Row, Verdict, judge, understand
from locator.exchange.positions import Finder
from locator.exchange.reading import reading
from locator.exchange.values import Cells, Note, Remark
from locator.places import Gazetteer
from locator.registry import rules, store
from locator.registry.custody import contact_id
from locator.registry.schema import (
    Base,
    Candidate,
    Change,
    Contact,
    Edition,
    Incident,
    Kit,
    key_of,
    table_of,
)

_log = logging.getLogger(__name__)


class Subject(StrEnum):
    """What the rows of a file are."""

    KITS = "kits"
    CANDIDATES = "candidates"
    INCIDENTS = "incidents"


_MODELS: Mapping[Subject, type[Base]] = {
    Subject.KITS: Kit,
    Subject.CANDIDATES: Candidate,
    Subject.INCIDENTS: Incident,
}
_NAMES = {
    Subject.KITS: columns.KIT,
    Subject.CANDIDATES: columns.CANDIDATE,
    Subject.INCIDENTS: columns.INCIDENT,
}
_CANDIDATE_PREFIX = "CS"
_LONGEST_SOURCE = 300
_MANY_COLUMNS = 30

Progress = Callable[[str, int], None]


def _silent(what: str, rows: int) -> None:
    del what, rows


@dataclass(frozen=True, slots=True)
class Options:
    """How a file is to be imported.

    Attributes
    ----------
    subject
        What its rows are.
    licence
        Of candidates and incidents that do not say theirs.
    format
        Key of a format; found out from the file if empty.
    mapping
        Column -> field, where the usual names do not do.
    source
        Name of the list; the file's name if empty.
    duplicates
        What to do with rows that look like a known kit.
    limits
        On the file.
    zone
        In which times are kept; those that name their own are turned into it.
    """

    format: str = ""
    mapping: Mapping[str, str] = field(default_factory=dict)
    source: str = ""
    duplicates: Duplicates = Duplicates.HOLD
    limits: Limits = field(default_factory=Limits)
    subject: Subject = Subject.KITS
    licence: str = ""
    zone: dt.tzinfo | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What importing a file would do; nothing is written yet.

    Attributes
    ----------
    file, digest, source
        The file, its SHA-256, and the name of the list.
    format, notes
        What it is, and how it was read.
    columns
        How its columns were understood.
    rows
        One for each row, in their order.
    edition
        Of the registry that the plan was made for.
    """

    file: str
    digest: str
    source: str
    format: str
    notes: tuple[str, ...]
    columns: tuple[Recognised, ...]
    rows: tuple[Row, ...]
    edition: int
    subject: Subject = Subject.KITS

    def counts(self) -> dict[str, int]:
        """Count the rows by verdict."""
        found = Counter(row.verdict for row in self.rows)
        return {str(verdict): found[verdict] for verdict in Verdict}

    @property
    def held(self) -> list[Row]:
        """Rows that cannot be written as they are."""
        return [r for r in self.rows if r.verdict in (Verdict.REJECTED, Verdict.DUPLICATE)]

    def as_dict(self) -> dict[str, Any]:
        """Give the plan as plain values for JSON."""
        return {
            "file": self.file,
            "subject": str(self.subject),
            "format": self.format,
            "source": self.source,
            "notes": list(self.notes),
            "columns": [
                {"column": c.column, "field": c.field or None, "why": c.why} for c in self.columns
            ],
            "counts": self.counts(),
            "rows": [_row_as_dict(row) for row in self.rows],
            "registry_version": self.edition,
        }


def _row_as_dict(row: Row) -> dict[str, Any]:
    return {
        "row": row.number,
        "verdict": str(row.verdict),
        "reference": row.reference or None,
        "name": row.values.get("name", ""),
        "position": _position(row),
        "changes": {n: [_shown(a), _shown(b)] for n, (a, b) in row.changes.items()},
        "remarks": [{"kind": str(r.note), "text": r.text} for r in row.remarks],
    }


def _position(row: Row) -> str:
    if row.values.get("longitude") is None:
        return "none"
    precision = row.values["precision_m"]
    return f"{row.values['latitude']:.5f}, {row.values['longitude']:.5f} ±{precision:.0f} m"


def _shown(value: object) -> object:
    return value if value is None or isinstance(value, (int, float)) else str(value)


def write_report(plan: Plan, path: Path) -> None:
    """Write the report as CSV, one row for each row of the file, to be read in a spreadsheet.

    Raises
    ------
    InputError
        The file cannot be written.
    """
    if path.exists() and hashlib.sha256(path.read_bytes()).hexdigest() == plan.digest:
        msg = f"{path} is the file itself. Name another one for the report."
        raise InputError(msg)
    head = ["row", "verdict", "reference", "name", "position"]
    rows = []
    for row in plan.rows:
        told = _row_as_dict(row)
        cells = {name: told[name] for name in head if told[name]}
        cells["changes"] = "; ".join(f"{n}: {a} → {b}" for n, (a, b) in told["changes"].items())
        for note in Note:
            cells[str(note)] = "; ".join(r.text for r in row.remarks if r.note is note)
        rows.append({name: value for name, value in cells.items() if value != ""})
    try:
        names = [*head, "changes", *map(str, Note)]
        FORMATS["csv"].writer()(path, names, rows, title="report", note="")
    except OSError as error:
        msg = f"The report cannot be written to {path}: {error.strerror}."
        raise InputError(msg) from error


def plan_import(
    engine: Engine,
    path: Path,
    gazetteer: Gazetteer,
    options: Options | None = None,
    progress: Progress = _silent,
) -> Plan:
    """Read a file of kits and tell what importing it would do.

    Parameters
    ----------
    engine
        The registry; it is only read.
    path
        The file: CSV, XLSX, GeoJSON, GeoPackage, GeoParquet, Shapefile (zip), KML, GPX or OSM.
    gazetteer
        Finds positions of postcodes and addresses.
    options
        How to import it.
    progress
        Called with what is being done and how many rows more are.

    Raises
    ------
    ImportFileError
        The file cannot be read.
    InputError
        The mapping names a column or field that does not exist, or no column is understood.
    RegistryError
        The registry cannot be read.
    """
    options = options or Options()
    name = rules.single_line(path.name.encode("utf-8", "replace").decode())
    source = rules.without_codes(rules.single_line(options.source or name))[:_LONGEST_SOURCE]
    with reading(path, format=options.format, limits=options.limits) as file:
        header = file.header
        found = columns.recognise(
            [c for c in header.columns if not c.startswith("@")],
            _NAMES[options.subject],
            options.mapping,
        )
        fields = {r.column: r.field for r in found if r.field and r.field != columns.CODE}
        has_position = "@x" in header.columns
        if not fields and not has_position:
            msg = (
                f"No column of {name} is understood. Its columns: "
                f"{', '.join(header.columns[:_MANY_COLUMNS])}. Use --map COLUMN=FIELD."
            )
            raise InputError(msg)
        fields |= {c: c for c in ("@x", "@y") if has_position}
        finder = Finder(gazetteer, name, header.crs)
        model = _MODELS[options.subject]
        as_point = functools.partial(points.understand, model=model, zone=options.zone)
        read = understand if model is Kit else as_point
        rows = []
        for number, values in file.rows():
            cells = Cells({fields[c]: v for c, v in values.items() if c in fields})
            rows.append(read(number, cells, finder))
            progress("Reading", 1)
        digest = _digest(path)
    with store.reading(engine) as connection:
        edition = store.newest(connection)
        known = [dict(row) for row in connection.execute(select(table_of(model))).mappings()]
        contacts = [dict(row) for row in connection.execute(select(table_of(Contact))).mappings()]
    if model is Kit:
        prefix = gazetteer.area.reference_prefix
        judge(rows, Known.of(known, contacts, prefix), source, options.duplicates)
    else:
        points.judge(rows, known, model, source=source, licence=options.licence)
    plan = Plan(
        name,
        digest,
        source,
        header.format,
        tuple(header.notes),
        tuple(found),
        tuple(rows),
        edition,
        options.subject,
    )
    with store.reading(engine) as connection:
        before = _imported_before(connection, digest)
    if before and options.subject is Subject.KITS:
        _spare_what_people_changed(engine, plan, digest)
    return plan


def _imported_before(connection: Connection, digest: str) -> bool:
    return connection.scalar(select(Edition.version).where(Edition.digest == digest)) is not None


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_plan(
    engine: Engine,
    plan: Plan,
    prefix: str,
    *,
    who: str,
    why: str,
    leave_out: bool = False,
    progress: Progress = _silent,
) -> int:
    """Write what a plan says, all of it in one transaction.

    Parameters
    ----------
    engine
        The registry.
    plan
        From :func:`plan_import`.
    prefix
        Of the references of new kits.
    who, why
        The author and the reason.
    leave_out
        Write the other rows even if some are rejected or look like duplicates.
    progress
        Called with what is being done and how many rows more are.

    Returns
    -------
    edition
        Of the registry afterwards; the old one if the file changes nothing.

    Raises
    ------
    ConflictError
        Kits were changed since the plan was made.
    InputError
        Rows are held back and ``leave_out`` is not set.
    RegistryError
        The database cannot be written.
    """
    if plan.held and not leave_out:
        counts = plan.counts()
        rejected, doubles = counts[Verdict.REJECTED], counts[Verdict.DUPLICATE]
        msg = (
            f"Nothing was written: {rejected} rows are rejected and {doubles} look like "
            "duplicates. Correct the file, or leave these rows out (--leave-out)."
        )
        raise InputError(msg)
    new = [row for row in plan.rows if row.verdict is Verdict.NEW]
    changed = [row for row in plan.rows if row.verdict is Verdict.CHANGED]
    if not new and not changed:
        return plan.edition
    with store.writing(engine, who=who, why=why, source=plan.source, digest=plan.digest) as writing:
        model = _MODELS[plan.subject]
        later = select(func.count()).where(
            Change.subject == model.__tablename__, Change.edition > plan.edition
        )
        if writing.connection.scalar(later):
            msg = (
                f"The {plan.subject} were changed while the file was read. Nothing was written. "
                "Import it again to see what it would do now."
            )
            raise ConflictError(msg)
        numbers = _number(writing, new, model, prefix)
        guardians = _guardians(writing, [*new, *changed])

        def advance(rows: int) -> None:
            progress("Writing", rows)

        key = key_of(model).name
        writing.add(
            model,
            [
                row.values | guardians[id(row)] | {key: number}
                for row, number in zip(new, numbers, strict=True)
            ],
            advance,
        )
        to = key_of(model).type.python_type
        writing.change(
            model,
            {
                to(row.reference): {
                    name: after for name, (_, after) in row.changes.items() if name != "guardian"
                }
                | guardians[id(row)]
                for row in changed
            },
            progress=advance,
        )
        return writing.edition


def _number(
    writing: store.Writing, rows: list[Row], model: type[Base], prefix: str
) -> list[str] | list[int]:
    """Give new rows the next free keys; a reference is never used twice."""
    if model is Incident:
        first = writing.next_id(model)
        return list(range(first, first + len(rows)))
    prefix = prefix if model is Kit else _CANDIDATE_PREFIX
    known = writing.connection.scalars(select(key_of(model))).all()
    taken = [r for r in (*known, *(row.reference for row in rows)) if r.startswith(f"{prefix}-")]
    following = max((int(r.rpartition("-")[2]) for r in taken), default=0) + 1
    for row in rows:
        if not row.reference:
            row.reference = f"{prefix}-{following:04d}"
            following += 1
    return [row.reference for row in rows]


def _guardians(writing: store.Writing, rows: list[Row]) -> dict[int, dict[str, int]]:
    """Find or add the guardians that rows name: row -> what that sets."""
    numbers: dict[tuple[tuple[str, str], ...], int] = {}
    found: dict[int, dict[str, int]] = {}
    for row in rows:
        found[id(row)] = {}
        if not row.contact or (row.verdict is Verdict.CHANGED and "guardian" not in row.changes):
            continue
        key = tuple(sorted(row.contact.items()))
        if key not in numbers:
            numbers[key] = contact_id(writing, row.contact)
        found[id(row)] = {"guardian_id": numbers[key]}
    return found


def load_published(engine: Engine, path: Path, title: str, gazetteer: Gazetteer) -> int:
    """Take over the published list of kits, unless this very list was taken over already.

    It goes through the same import as any other file. What people have recorded since stays: a
    field that anybody else has changed is not touched again.

    Parameters
    ----------
    engine
        The registry.
    path, title
        The list and its name.
    gazetteer
        Of the area.

    Returns
    -------
    edition
        Of the registry afterwards.

    Raises
    ------
    DataError
        The list is damaged, or rows of it are not accepted as they are.
    RegistryError
        The registry cannot be written.
    """
    while True:
        digest = _checksum(path)
        with store.reading(engine) as connection:
            if _newest_digest(connection, title) == digest:
                return store.newest(connection)
        try:
            plan = plan_import(engine, path, gazetteer, Options(source=title, format="csv"))
        except InputError as error:
            msg = f"{path} cannot be used: {error}"
            raise DataError(msg) from error
        _insist(plan, path)
        _spare_what_people_changed(engine, plan, digest)
        _skip_kits_of_others(engine, plan)
        why = "The published kits were taken over."
        try:
            if not any(row.verdict in (Verdict.NEW, Verdict.CHANGED) for row in plan.rows):
                # nothing is new but the list: it need not be read again
                with store.writing(
                    engine, who=title, why=why, source=title, digest=plan.digest
                ) as writing:
                    if _newest_digest(writing.connection, title) == plan.digest:
                        return store.newest(writing.connection)
                    return writing.edition
            return write_plan(
                engine,
                plan,
                gazetteer.area.reference_prefix,
                who=title,
                why=why,
                leave_out=True,
            )
        except ConflictError:
            # another process was faster; its work is looked at afresh
            continue


def _checksum(path: Path) -> str:
    try:
        return _digest(path)
    except OSError as error:
        msg = f"{path} cannot be read ({error}). `locator data build kits` makes it again."
        raise DataError(msg) from error


def _newest_digest(connection: Connection, title: str) -> str:
    """Tell which version of a list was taken over last."""
    newest = (
        select(Edition.digest)
        .where(Edition.source == title)
        .order_by(Edition.version.desc())
        .limit(1)
    )
    return connection.scalar(newest) or ""


def _insist(plan: Plan, path: Path) -> None:
    """Refuse a published list that is not clean: it is made with care and must stay so."""
    for row in plan.rows:
        wrong = [r for r in row.remarks if r.note is not Note.LOOK or "opening_hours" in r.text]
        if row.rejected or wrong:
            told = (wrong or row.remarks)[0].text
            msg = f"{path}, row {row.number}, kit {row.reference}: {told}"
            raise DataError(msg)


def _skip_kits_of_others(engine: Engine, plan: Plan) -> None:
    """Leave out rows whose reference or place a kit of another list has taken, and log them."""
    with store.reading(engine) as connection:
        references = [row.reference for row in plan.rows if row.reference]
        known = store.rows_by_key(connection, Kit, references)
    for row in plan.rows:
        other = known.get(row.reference)
        taken = other is not None and other["source"] != plan.source
        if taken and row.verdict is Verdict.CHANGED:
            row.verdict = Verdict.DUPLICATE
        if row.verdict is Verdict.DUPLICATE:
            _log.warning(
                "Published kit of row %d is left out: %s",
                row.number,
                f"{row.reference} is another kit here" if taken else row.remarks[-1].text,
            )


def _spare_what_people_changed(engine: Engine, plan: Plan, digest: str) -> None:
    """Leave fields alone that others have changed since this list, or this very file, came in."""
    changed = {row.reference: row for row in plan.rows if row.verdict is Verdict.CHANGED}
    with store.reading(engine) as connection:
        for reference, row in changed.items():
            by_others = (
                select(Change.after)
                .join(Edition, Edition.version == Change.edition)
                .where(Change.subject == "kit", Change.key == reference)
                .where(Change.before.is_not(None), Edition.digest != digest)
                .where(Edition.source != plan.source)
            )
            spared = {name for after in connection.scalars(by_others) for name in after}
            spared &= set(row.changes)
            for name in spared:
                del row.changes[name]
            if spared:
                text = f"{', '.join(sorted(spared))}: changed by somebody since; left as it is"
                row.remarks.append(Remark(Note.LOOK, text))
            if not row.changes:
                row.verdict = Verdict.SAME
