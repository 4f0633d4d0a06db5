"""Define the registry's tables for SQLite and PostgreSQL.

Longitude and latitude are WGS 84 degrees (EPSG:4326) in plain columns. On PostgreSQL the
migrations add a generated PostGIS column ``geom`` with an index, which only other programs
read. Codes of cabinets have no column and are refused in every text.

``info`` of a column says what the rules need to know: ``choice`` (its values), ``longest``
(characters of a text), ``start`` (its value when nothing is said), ``private`` (never leaves
the registry).
"""

import datetime as dt
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Index,
    String,
    Table,
    Text,
    inspect,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Kind(StrEnum):
    """How a kit is kept."""

    CABINET = "cabinet"
    IN_PREMISES = "in premises"
    IN_DEFIBRILLATOR_BOX = "in defibrillator box"
    UNKNOWN = "unknown"


class Access(StrEnum):
    """How one gets the kit out."""

    CODE_FROM_999 = "code from 999"
    OPEN = "open"
    ASK_STAFF = "ask staff"
    UNKNOWN = "unknown"


class Status(StrEnum):
    """What is said of a kit; only an installed one can be in service."""

    PLANNED = "planned"
    AGREED = "agreed"
    INSTALLED = "installed"
    IN_USE = "in use"
    NEEDS_RESTOCK = "needs restock"
    DAMAGED = "damaged"
    MISSING = "missing"
    OBSTRUCTED = "obstructed"
    WITHDRAWN = "withdrawn"
    UNCONFIRMED = "unconfirmed"


class Indoor(StrEnum):
    """Whether a kit hangs inside or outside."""

    INDOOR = "indoor"
    OUTDOOR = "outdoor"
    UNKNOWN = "unknown"


class Wheelchair(StrEnum):
    """Whether a kit can be reached from a wheelchair, in OpenStreetMap's words."""

    YES = "yes"
    LIMITED = "limited"
    NO = "no"
    UNKNOWN = "unknown"


class Consent(StrEnum):
    """Whether the host has agreed to keep the kit."""

    GIVEN = "given"
    REFUSED = "refused"
    UNKNOWN = "unknown"


class EventKind(StrEnum):
    """What happened to a kit."""

    CHECK = "check"
    USE = "use"
    REPORT = "report"
    RESTOCK = "restock"


class Finding(StrEnum):
    """In what state somebody found a kit."""

    COMPLETE = "complete"
    USED = "used"
    NEEDS_RESTOCK = "needs restock"
    DAMAGED = "damaged"
    MISSING = "missing"
    OBSTRUCTED = "obstructed"
    WRONG_DETAILS = "wrong details"


class TaskKind(StrEnum):
    """What a guardian has to do."""

    RESTOCK = "restock"
    LOOK = "look"
    CHECK = "check"
    RENEW = "renew contents"


class Verdict(StrEnum):
    """What has become of a stranger's word."""

    OPEN = "open"
    ACCEPTED = "accepted"
    DISMISSED = "dismissed"
    SETTLED = "settled"


class TimePrecision(StrEnum):
    """How exactly the time of an incident is known."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    MONTH = "month"
    YEAR = "year"


class Decision(StrEnum):
    """What has become of a candidate site."""

    OPEN = "open"
    AGREED = "agreed"
    REFUSED = "refused"
    BUILT = "built"


_PRIVATE = {"private": True}

# west, south, east, north of the south coast, of Kent, of England and Wales with southern
# Scotland, and of the north; Ireland and France are outside
GREAT_BRITAIN = (
    (-6.5, 49.8, -0.5, 50.72),
    (-6.0, 50.72, 1.0, 51.0),
    (-5.5, 51.0, 1.8, 55.25),
    (-8.7, 55.25, -0.6, 61.0),
)

_IN_GREAT_BRITAIN = " OR ".join(
    f"(longitude BETWEEN {west} AND {east} AND latitude BETWEEN {south} AND {north})"
    for west, south, east, north in GREAT_BRITAIN
)


def _position(*, required: bool) -> CheckConstraint:
    # a CHECK that gives NULL passes, so every column is asked for NULL as well
    known = (
        "longitude IS NOT NULL AND latitude IS NOT NULL AND precision_m IS NOT NULL AND "
        f"precision_m > 0 AND ({_IN_GREAT_BRITAIN})"
    )
    none = "longitude IS NULL AND latitude IS NULL AND precision_m IS NULL"
    rule = known if required else f"({none}) OR ({known})"
    return CheckConstraint(rule, name="position_in_great_britain")


def _one_of(column: str, values: type[StrEnum]) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=f"{column}_known")


def _choice(values: type[StrEnum], default: str = "unknown", *, private: bool = False) -> Any:
    # the first value, unless there is one that says that nothing is known
    start = default if default in set(values) else next(iter(values))
    return mapped_column(String(30), info={"choice": values, "start": start, "private": private})


def _words(longest: int = 300, *, private: bool = False) -> Any:
    return mapped_column(Text, info={"longest": longest, "start": "", "private": private})


def _edition() -> Any:
    return mapped_column(ForeignKey("edition.version"), info=_PRIVATE)


def _in_order(first: str, second: str) -> CheckConstraint:
    rule = f"{first} IS NULL OR {second} IS NULL OR {first} <= {second}"
    return CheckConstraint(rule, name=f"{first}_before_{second}")


def _unique_if(condition: str, name: str, *columns: str) -> Index:
    where = text(condition)
    return Index(name, *columns, unique=True, sqlite_where=where, postgresql_where=where)


class Base(DeclarativeBase):
    """Collects the tables."""


class Edition(Base):
    """One change of the registry; its highest number is the registry's version.

    Rows are only ever added. ``source`` and ``digest`` name the file of an import.
    """

    __tablename__ = "edition"

    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    written_at: Mapped[dt.datetime]
    who: Mapped[str] = mapped_column(Text)
    why: Mapped[str] = mapped_column(Text)
    source: Mapped[str] = mapped_column(Text)
    digest: Mapped[str] = mapped_column(String(64))


class Change(Base):
    """What one edition did to one row. Rows are only ever added.

    ``before`` and ``after`` hold the fields that changed; ``before`` is None when the row was
    added.
    """

    __tablename__ = "change"
    __table_args__ = (Index("change_of_row", "subject", "key"), Index("change_in", "edition"))

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    edition: Mapped[int] = _edition()
    subject: Mapped[str] = mapped_column(String(20))
    key: Mapped[str] = mapped_column(String(40))
    before: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    after: Mapped[dict[str, Any]] = mapped_column(JSON)


class Contact(Base):
    """Somebody who looks after kits or hosts one. Private."""

    __tablename__ = "contact"
    __table_args__ = (CheckConstraint("name <> '' OR email <> '' OR phone <> ''", name="somebody"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str] = _words()
    organisation: Mapped[str] = _words()
    email: Mapped[str] = _words(254)
    phone: Mapped[str] = _words(40)
    note: Mapped[str] = _words(2000)
    edition: Mapped[int] = _edition()


class Kit(Base):
    """One bleed kit.

    ``reported`` is the date of the source as exactly as it is known: a year, a month or a day.
    ``edition`` is the last one that changed the row: who writes says which one they have seen.
    """

    __tablename__ = "kit"
    __table_args__ = (
        _one_of("kind", Kind),
        _one_of("access", Access),
        _one_of("status", Status),
        _one_of("indoor", Indoor),
        _one_of("wheelchair", Wheelchair),
        _one_of("host_consent", Consent),
        _position(required=False),
        _in_order("installed_on", "expires_on"),
        _in_order("installed_on", "last_checked"),
        CheckConstraint("name <> ''", name="named"),
        CheckConstraint("cost_gbp IS NULL OR cost_gbp >= 0", name="cost_is_no_debt"),
        _unique_if("osm_id <> ''", "kit_osm_id", "osm_id"),
        _unique_if("source_id <> ''", "kit_source_id", "source", "source_id"),
    )

    reference: Mapped[str] = mapped_column(String(20), primary_key=True, info={"longest": 20})
    name: Mapped[str] = _words(200)
    kind: Mapped[str] = _choice(Kind)
    status: Mapped[str] = _choice(Status, Status.UNCONFIRMED)
    longitude: Mapped[float | None] = mapped_column(Double)
    latitude: Mapped[float | None] = mapped_column(Double)
    precision_m: Mapped[float | None] = mapped_column(Double)
    position_method: Mapped[str] = _words(1000)
    position_text: Mapped[str] = _words(500)
    floor: Mapped[str] = _words(20)
    indoor: Mapped[str] = _choice(Indoor)
    address: Mapped[str] = _words(500)
    postcode: Mapped[str] = _words(8)
    opening_hours: Mapped[str] = _words(1000)
    hours_text: Mapped[str] = _words(500)
    access: Mapped[str] = _choice(Access)
    wheelchair: Mapped[str] = _choice(Wheelchair)
    contents: Mapped[str] = _words(2000)
    host: Mapped[str] = _words()
    funder: Mapped[str] = _words()
    cost_gbp: Mapped[float | None] = mapped_column(Double)
    installed_on: Mapped[dt.date | None]
    expires_on: Mapped[dt.date | None]
    last_checked: Mapped[dt.date | None]
    reported: Mapped[str] = _words(10)
    source: Mapped[str] = _words()
    source_id: Mapped[str] = _words(80)
    source_url: Mapped[str] = _words(500)
    osm_id: Mapped[str] = _words(40)
    photo: Mapped[str] = _words(500)
    note: Mapped[str] = _words(2000)
    checked_by: Mapped[str] = _words(private=True)
    guardian_id: Mapped[int | None] = mapped_column(ForeignKey("contact.id"), info=_PRIVATE)
    host_contact_id: Mapped[int | None] = mapped_column(ForeignKey("contact.id"), info=_PRIVATE)
    host_consent: Mapped[str] = _choice(Consent, private=True)
    host_consent_on: Mapped[dt.date | None] = mapped_column(info=_PRIVATE)
    edition: Mapped[int] = _edition()


class Event(Base):
    """A check, use, report or restock of a kit. Rows are only ever added. Private."""

    __tablename__ = "event"
    __table_args__ = (
        _one_of("kind", EventKind),
        _one_of("finding", Finding),
        Index("event_of_kit", "kit"),
    )

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    kit: Mapped[str] = mapped_column(ForeignKey("kit.reference"))
    kind: Mapped[str] = _choice(EventKind)
    finding: Mapped[str] = _choice(Finding)
    happened_on: Mapped[dt.date]
    who: Mapped[str] = _words()
    note: Mapped[str] = _words(2000)
    edition: Mapped[int] = _edition()


class Task(Base):
    """Something a guardian has to do; open while ``closed_on`` is None. Private."""

    __tablename__ = "task"
    __table_args__ = (
        _one_of("kind", TaskKind),
        _in_order("opened_on", "closed_on"),
        _unique_if("closed_on IS NULL", "task_open_once", "kit", "kind"),
    )

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    kit: Mapped[str] = mapped_column(ForeignKey("kit.reference"))
    kind: Mapped[str] = _choice(TaskKind)
    why: Mapped[str] = _words(2500)
    opened_on: Mapped[dt.date]
    due_on: Mapped[dt.date]
    reminded_on: Mapped[dt.date | None]
    closed_on: Mapped[dt.date | None]
    closed_by: Mapped[str] = _words()
    edition: Mapped[int] = _edition()


class Sighting(Base):
    """What strangers told of a kit on the public pages. It changes nothing of the kit. Private.

    Times are UTC. ``told_at`` is when it was told last. ``doubt_since`` is when it began to be
    shown as a doubt; None if it is for moderators only. Nothing about the person is kept.
    """

    __tablename__ = "sighting"
    __table_args__ = (
        _one_of("finding", Finding),
        _one_of("verdict", Verdict),
        _in_order("doubt_since", "told_at"),
        CheckConstraint("(verdict = 'open') = (decided_at IS NULL)", name="verdict_has_time"),
        _unique_if("verdict = 'open'", "sighting_open_once", "kit", "finding"),
        Index("sighting_of_kit", "kit"),
    )

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    kit: Mapped[str] = mapped_column(ForeignKey("kit.reference"))
    finding: Mapped[str] = _choice(Finding)
    told_at: Mapped[dt.datetime]
    doubt_since: Mapped[dt.datetime | None]
    note: Mapped[str] = _words()
    verdict: Mapped[str] = _choice(Verdict)
    decided_at: Mapped[dt.datetime | None]
    decided_by: Mapped[str] = _words()
    edition: Mapped[int] = _edition()


class Letter(Base):
    """A message to send. It stands here from the change that caused it until it is sent. Private.

    Times are UTC. Whoever sends it takes it until ``next_try_at``; ``message_id`` stays the same
    at every try, so that a message sent twice after a crash is recognised.
    """

    __tablename__ = "outbox"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    message_id: Mapped[str] = mapped_column(String(80), unique=True)
    created_at: Mapped[dt.datetime]
    recipient: Mapped[str] = _words(254)
    subject: Mapped[str] = _words()
    body: Mapped[str] = mapped_column(Text)
    attempts: Mapped[int]
    next_try_at: Mapped[dt.datetime]
    sent_at: Mapped[dt.datetime | None]
    last_error: Mapped[str] = mapped_column(Text)


class Incident(Base):
    """A point of recorded violence. Never shown to the public.

    ``happened_at`` is the local beginning of the minute, hour, day, month or year that is known.
    """

    __tablename__ = "incident"
    __table_args__ = (
        _one_of("time_precision", TimePrecision),
        _position(required=True),
        _unique_if("source_id <> ''", "incident_source_id", "source", "source_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    category: Mapped[str] = _words(100)
    happened_at: Mapped[dt.datetime]
    time_precision: Mapped[str] = _choice(TimePrecision)
    longitude: Mapped[float] = mapped_column(Double)
    latitude: Mapped[float] = mapped_column(Double)
    precision_m: Mapped[float] = mapped_column(Double)
    source: Mapped[str] = _words()
    source_id: Mapped[str] = _words(80)
    licence: Mapped[str] = _words()
    edition: Mapped[int] = _edition()


class Candidate(Base):
    """A site where a kit could go."""

    __tablename__ = "candidate"
    __table_args__ = (
        _one_of("decision", Decision),
        _position(required=True),
        CheckConstraint("name <> ''", name="named"),
        _unique_if("source_id <> ''", "candidate_source_id", "source", "source_id"),
    )

    reference: Mapped[str] = mapped_column(String(20), primary_key=True, info={"longest": 20})
    name: Mapped[str] = _words(200)
    kind: Mapped[str] = _words(60)
    longitude: Mapped[float] = mapped_column(Double)
    latitude: Mapped[float] = mapped_column(Double)
    precision_m: Mapped[float] = mapped_column(Double)
    position_method: Mapped[str] = _words(1000)
    address: Mapped[str] = _words(500)
    postcode: Mapped[str] = _words(8)
    host: Mapped[str] = _words()
    decision: Mapped[str] = _choice(Decision)
    source: Mapped[str] = _words()
    source_id: Mapped[str] = _words(80)
    licence: Mapped[str] = _words()
    note: Mapped[str] = _words(2000)
    edition: Mapped[int] = _edition()


def table_of(model: type[Base]) -> Table:
    """Return the table of a model."""
    found = inspect(model).local_table
    assert isinstance(found, Table)  # noqa: S101  # tells mypy what SQLAlchemy promises
    return found


def key_of(model: type[Base]) -> "Column[Any]":
    """Return the primary key of a table."""
    (key,) = table_of(model).primary_key.columns
    return key


# in the order in which rows may be written
TABLES = (Edition, Change, Contact, Kit, Event, Task, Sighting, Letter, Incident, Candidate)
APPEND_ONLY = (Edition, Change, Event)
# what strangers may tell, gravest first: of several the gravest is shown
TELLABLE = (
    Finding.USED,
    Finding.MISSING,
    Finding.DAMAGED,
    Finding.OBSTRUCTED,
    Finding.WRONG_DETAILS,
)
