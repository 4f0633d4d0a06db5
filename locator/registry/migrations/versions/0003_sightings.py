"""Keep what strangers tell of kits, apart from the kits."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the table of sightings."""
    op.create_table(
        "sighting",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kit", sa.String(length=20), nullable=False),
        sa.Column("finding", sa.String(length=30), nullable=False),
        sa.Column("told_at", sa.DateTime(), nullable=False),
        sa.Column("doubt_since", sa.DateTime(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("verdict", sa.String(length=30), nullable=False),
        sa.Column("decided_at", sa.DateTime(), nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.Column("edition", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "finding IN ('complete', 'used', 'needs restock', 'damaged', 'missing', 'obstructed', "
            "'wrong details')",
            name="finding_known",
        ),
        sa.CheckConstraint(
            "verdict IN ('open', 'accepted', 'dismissed', 'settled')", name="verdict_known"
        ),
        sa.CheckConstraint(
            "doubt_since IS NULL OR told_at IS NULL OR doubt_since <= told_at",
            name="doubt_since_before_told_at",
        ),
        sa.CheckConstraint("(verdict = 'open') = (decided_at IS NULL)", name="verdict_has_time"),
        sa.ForeignKeyConstraint(["edition"], ["edition.version"]),
        sa.ForeignKeyConstraint(["kit"], ["kit.reference"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("sighting_of_kit", "sighting", ["kit"], unique=False)
    op.create_index(
        "sighting_open_once",
        "sighting",
        ["kit", "finding"],
        unique=True,
        sqlite_where=sa.text("verdict = 'open'"),
        postgresql_where=sa.text("verdict = 'open'"),
    )
