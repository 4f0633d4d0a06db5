"""Keep everything about kits, with a trail of every change; add custody and planning tables."""

import datetime as dt
import json

import sqlalchemy as sa
from alembic import op
from sqlalchemy.exc import SQLAlchemyError

from locator.errors import RegistryError

revision = "0002"
down_revision = "0001"

_KNOWN = "longitude IS NOT NULL AND latitude IS NOT NULL AND precision_m IS NOT NULL"
_CORNERS = (
    (-6.5, 49.8, -0.5, 50.72),
    (-6.0, 50.72, 1.0, 51.0),
    (-5.5, 51.0, 1.8, 55.25),
    (-8.7, 55.25, -0.6, 61.0),
)
_BOXES = " OR ".join(
    f"(longitude BETWEEN {w} AND {e} AND latitude BETWEEN {s} AND {n})" for w, s, e, n in _CORNERS
)
_PLACED = f"{_KNOWN} AND precision_m > 0 AND ({_BOXES})"
_PLACED_OR_NOT = f"(longitude IS NULL AND latitude IS NULL AND precision_m IS NULL) OR ({_PLACED})"

# what the old words are called now; the old word is kept in the note
_STATUS = {
    "being installed": "agreed",
    "reported": "unconfirmed",
    "donated": "unconfirmed",
}
_APPEND_ONLY = ("edition", "change", "event")
_ON_THE_MAP = ("kit", "incident", "candidate")


def upgrade() -> None:
    """Make the new tables and move the old rows over."""
    connection = op.get_bind()
    editions = [dict(r) for r in connection.execute(sa.text(_OLD_EDITIONS)).mappings()]
    kits = [dict(r) for r in connection.execute(sa.text(_OLD_KITS)).mappings()]
    op.drop_table("kit")
    op.drop_table("edition")
    _make_tables()
    _move(connection, editions, kits)
    for table in _APPEND_ONLY:
        _forbid_changes(connection.dialect.name, table)
    if connection.dialect.name == "postgresql":
        _add_geometries(connection)


_OLD_EDITIONS = "SELECT version, written_at, source, digest FROM edition ORDER BY version"
_OLD_KITS = "SELECT * FROM kit ORDER BY reference"


def _move(
    connection: sa.Connection, editions: list[dict[str, object]], kits: list[dict[str, object]]
) -> None:
    known = sa.MetaData()
    known.reflect(connection, only=("edition", "kit"), resolve_fks=False)
    edition, kit = known.tables["edition"], known.tables["kit"]
    sources = {row["version"]: row["source"] for row in editions}
    for row in editions:
        row["written_at"] = _time(row["written_at"])
        row |= {"who": "published list", "why": "The published kits were taken over."}
    numbers: set[tuple[object, object]] = set()
    for row in kits:
        row["name"] = row["name"] or row["reference"]
        word = str(row["status"])
        if word in _STATUS:
            row["status"] = _STATUS[word]
            row["note"] = f"{row['note']} Published as “{word}”.".strip()
        if row["last_checked"] is not None:
            row["last_checked"] = dt.date.fromisoformat(str(row["last_checked"]))
        row["source"] = sources[row["edition"]]
        if (row["source"], row["source_id"]) in numbers:
            row["source_id"] = ""
        numbers.add((row["source"], row["source_id"]))
        _check_position(row)
    if editions:
        connection.execute(edition.insert(), editions)
    if not kits:
        return
    texts = {c.name: "" for c in kit.columns if isinstance(c.type, (sa.Text, sa.String))}
    texts |= dict.fromkeys(("indoor", "wheelchair", "host_consent"), "unknown")
    connection.execute(kit.insert(), [texts | row for row in kits])
    start = texts | {"kind": "unknown", "access": "unknown", "status": "unconfirmed"}
    left_out = ("reference", "edition")
    connection.execute(
        sa.text(
            "INSERT INTO change (id, edition, subject, key, before, after) "
            "VALUES (:id, :edition, 'kit', :key, NULL, :after)"
        ),
        [
            {
                "id": number,
                "edition": row["edition"],
                "key": row["reference"],
                "after": json.dumps(
                    {
                        name: value.isoformat() if isinstance(value, dt.date) else value
                        for name, value in row.items()
                        if name not in left_out and value != start.get(name)
                    }
                ),
            }
            for number, row in enumerate(kits, 1)
        ],
    )


def _check_position(row: dict[str, object]) -> None:
    """Take a position that is not in Great Britain out of the columns, but not out of the note."""
    lon, lat = row["longitude"], row["latitude"]
    if lon is None or lat is None:
        return
    if not any(w <= lon <= e and s <= lat <= n for w, s, e, n in _CORNERS):
        row |= {"longitude": None, "latitude": None, "precision_m": None}
        row["note"] = f"{row['note']} Was placed outside Great Britain: {lat}, {lon}.".strip()


def _time(value: object) -> dt.datetime:
    # a plain SELECT gives text on SQLite
    return value if isinstance(value, dt.datetime) else dt.datetime.fromisoformat(str(value))


def _forbid_changes(dialect: str, table: str) -> None:
    words = f"rows of {table} are never changed or deleted"
    if dialect == "sqlite":
        for deed in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{deed.lower()} BEFORE {deed} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{words}'); END"
            )
        return
    op.execute(
        f"CREATE FUNCTION {table}_is_kept() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{words}'; END $$"
    )
    op.execute(
        f"CREATE TRIGGER {table}_is_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {table}_is_kept()"
    )


def _add_geometries(connection: sa.Connection) -> None:
    has = "SELECT count(*) FROM pg_extension WHERE extname = 'postgis'"
    if not connection.scalar(sa.text(has)):
        try:
            with connection.begin_nested():
                op.execute("CREATE EXTENSION postgis")
        except SQLAlchemyError as error:
            msg = (
                "The registry needs PostGIS. Install it (on Debian: apt install "
                "postgresql-15-postgis-3), then have the administrator of the database run "
                "CREATE EXTENSION postgis in it."
            )
            raise RegistryError(msg) from error
    for table in _ON_THE_MAP:
        op.execute(
            f"ALTER TABLE {table} ADD COLUMN geom geometry(Point, 4326) GENERATED ALWAYS AS "
            "(ST_SetSRID(ST_MakePoint(longitude, latitude), 4326)) STORED"
        )
        op.execute(f"CREATE INDEX {table}_geom ON {table} USING gist (geom)")


def _make_tables() -> None:
    op.create_table(
        "edition",
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("written_at", sa.DateTime(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("version"),
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("message_id", sa.String(length=80), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_try_at", sa.DateTime(), nullable=False),
        sa.Column("sent_at", sa.DateTime(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("message_id"),
    )
    op.create_table(
        "candidate",
        sa.Column("reference", sa.String(length=20), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("longitude", sa.Double(), nullable=False),
        sa.Column("latitude", sa.Double(), nullable=False),
        sa.Column("precision_m", sa.Double(), nullable=False),
        sa.Column("position_method", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("postcode", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("decision", sa.String(length=30), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Text(), nullable=False),
        sa.Column("licence", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("edition", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "decision IN ('open', 'agreed', 'refused', 'built')", name="decision_known"
        ),
        sa.CheckConstraint("name <> ''", name="named"),
        sa.CheckConstraint(_PLACED, name="position_in_great_britain"),
        sa.ForeignKeyConstraint(
            ["edition"],
            ["edition.version"],
        ),
        sa.PrimaryKeyConstraint("reference"),
    )
    op.create_index(
        "candidate_source_id",
        "candidate",
        ["source", "source_id"],
        unique=True,
        sqlite_where=sa.text("source_id <> ''"),
        postgresql_where=sa.text("source_id <> ''"),
    )
    op.create_table(
        "change",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("edition", sa.Integer(), nullable=False),
        sa.Column("subject", sa.String(length=20), nullable=False),
        sa.Column("key", sa.String(length=40), nullable=False),
        sa.Column("before", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("after", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["edition"],
            ["edition.version"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("change_in", "change", ["edition"], unique=False)
    op.create_index("change_of_row", "change", ["subject", "key"], unique=False)
    op.create_table(
        "contact",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("organisation", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("edition", sa.Integer(), nullable=False),
        sa.CheckConstraint("name <> '' OR email <> '' OR phone <> ''", name="somebody"),
        sa.ForeignKeyConstraint(
            ["edition"],
            ["edition.version"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "incident",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("happened_at", sa.DateTime(), nullable=False),
        sa.Column("time_precision", sa.String(length=30), nullable=False),
        sa.Column("longitude", sa.Double(), nullable=False),
        sa.Column("latitude", sa.Double(), nullable=False),
        sa.Column("precision_m", sa.Double(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Text(), nullable=False),
        sa.Column("licence", sa.Text(), nullable=False),
        sa.Column("edition", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "time_precision IN ('minute', 'hour', 'day', 'month', 'year')",
            name="time_precision_known",
        ),
        sa.CheckConstraint(_PLACED, name="position_in_great_britain"),
        sa.ForeignKeyConstraint(
            ["edition"],
            ["edition.version"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "incident_source_id",
        "incident",
        ["source", "source_id"],
        unique=True,
        sqlite_where=sa.text("source_id <> ''"),
        postgresql_where=sa.text("source_id <> ''"),
    )
    op.create_table(
        "kit",
        sa.Column("reference", sa.String(length=20), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("status", sa.String(length=30), nullable=False),
        sa.Column("longitude", sa.Double(), nullable=True),
        sa.Column("latitude", sa.Double(), nullable=True),
        sa.Column("precision_m", sa.Double(), nullable=True),
        sa.Column("position_method", sa.Text(), nullable=False),
        sa.Column("position_text", sa.Text(), nullable=False),
        sa.Column("floor", sa.Text(), nullable=False),
        sa.Column("indoor", sa.String(length=30), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("postcode", sa.Text(), nullable=False),
        sa.Column("opening_hours", sa.Text(), nullable=False),
        sa.Column("hours_text", sa.Text(), nullable=False),
        sa.Column("access", sa.String(length=30), nullable=False),
        sa.Column("wheelchair", sa.String(length=30), nullable=False),
        sa.Column("contents", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("funder", sa.Text(), nullable=False),
        sa.Column("cost_gbp", sa.Double(), nullable=True),
        sa.Column("installed_on", sa.Date(), nullable=True),
        sa.Column("expires_on", sa.Date(), nullable=True),
        sa.Column("last_checked", sa.Date(), nullable=True),
        sa.Column("reported", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Text(), nullable=False),
        sa.Column("source_url", sa.Text(), nullable=False),
        sa.Column("osm_id", sa.Text(), nullable=False),
        sa.Column("photo", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("checked_by", sa.Text(), nullable=False),
        sa.Column("guardian_id", sa.Integer(), nullable=True),
        sa.Column("host_contact_id", sa.Integer(), nullable=True),
        sa.Column("host_consent", sa.String(length=30), nullable=False),
        sa.Column("host_consent_on", sa.Date(), nullable=True),
        sa.Column("edition", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "access IN ('code from 999', 'open', 'ask staff', 'unknown')", name="access_known"
        ),
        sa.CheckConstraint(
            "host_consent IN ('given', 'refused', 'unknown')", name="host_consent_known"
        ),
        sa.CheckConstraint("indoor IN ('indoor', 'outdoor', 'unknown')", name="indoor_known"),
        sa.CheckConstraint(
            "kind IN ('cabinet', 'in premises', 'in defibrillator box', 'unknown')",
            name="kind_known",
        ),
        sa.CheckConstraint("name <> ''", name="named"),
        sa.CheckConstraint(
            "status IN ('planned', 'agreed', 'installed', 'in use', 'needs restock', 'damaged', "
            "'missing', 'obstructed', 'withdrawn', 'unconfirmed')",
            name="status_known",
        ),
        sa.CheckConstraint(
            "wheelchair IN ('yes', 'limited', 'no', 'unknown')", name="wheelchair_known"
        ),
        sa.CheckConstraint(_PLACED_OR_NOT, name="position_in_great_britain"),
        sa.CheckConstraint("cost_gbp IS NULL OR cost_gbp >= 0", name="cost_is_no_debt"),
        sa.CheckConstraint(
            "installed_on IS NULL OR expires_on IS NULL OR installed_on <= expires_on",
            name="installed_on_before_expires_on",
        ),
        sa.CheckConstraint(
            "installed_on IS NULL OR last_checked IS NULL OR installed_on <= last_checked",
            name="installed_on_before_last_checked",
        ),
        sa.ForeignKeyConstraint(
            ["edition"],
            ["edition.version"],
        ),
        sa.ForeignKeyConstraint(
            ["guardian_id"],
            ["contact.id"],
        ),
        sa.ForeignKeyConstraint(
            ["host_contact_id"],
            ["contact.id"],
        ),
        sa.PrimaryKeyConstraint("reference"),
    )
    op.create_index(
        "kit_osm_id",
        "kit",
        ["osm_id"],
        unique=True,
        sqlite_where=sa.text("osm_id <> ''"),
        postgresql_where=sa.text("osm_id <> ''"),
    )
    op.create_index(
        "kit_source_id",
        "kit",
        ["source", "source_id"],
        unique=True,
        sqlite_where=sa.text("source_id <> ''"),
        postgresql_where=sa.text("source_id <> ''"),
    )
    op.create_table(
        "event",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kit", sa.String(length=20), nullable=False),
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("finding", sa.String(length=30), nullable=False),
        sa.Column("happened_on", sa.Date(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("edition", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "finding IN ('complete', 'used', 'needs restock', 'damaged', 'missing', 'obstructed', "
            "'wrong details')",
            name="finding_known",
        ),
        sa.CheckConstraint("kind IN ('check', 'use', 'report', 'restock')", name="kind_known"),
        sa.ForeignKeyConstraint(
            ["edition"],
            ["edition.version"],
        ),
        sa.ForeignKeyConstraint(
            ["kit"],
            ["kit.reference"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("event_of_kit", "event", ["kit"], unique=False)
    op.create_table(
        "task",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kit", sa.String(length=20), nullable=False),
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("opened_on", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("reminded_on", sa.Date(), nullable=True),
        sa.Column("closed_on", sa.Date(), nullable=True),
        sa.Column("closed_by", sa.Text(), nullable=False),
        sa.Column("edition", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('restock', 'look', 'check', 'renew contents')", name="kind_known"
        ),
        sa.CheckConstraint(
            "opened_on IS NULL OR closed_on IS NULL OR opened_on <= closed_on",
            name="opened_on_before_closed_on",
        ),
        sa.ForeignKeyConstraint(
            ["edition"],
            ["edition.version"],
        ),
        sa.ForeignKeyConstraint(
            ["kit"],
            ["kit.reference"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(
        "task_open_once",
        "task",
        ["kit", "kind"],
        unique=True,
        sqlite_where=sa.text("closed_on IS NULL"),
        postgresql_where=sa.text("closed_on IS NULL"),
    )
