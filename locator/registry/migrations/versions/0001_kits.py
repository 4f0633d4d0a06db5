"""Make the tables of editions and kits."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create both tables."""
    op.create_table(
        "edition",
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("written_at", sa.DateTime, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
    )
    op.create_table(
        "kit",
        sa.Column("reference", sa.String(20), primary_key=True),
        sa.Column("source_id", sa.String(40), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("kind", sa.String(30), nullable=False),
        sa.Column("position_text", sa.Text, nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("longitude", sa.Double),
        sa.Column("latitude", sa.Double),
        sa.Column("precision_m", sa.Double),
        sa.Column("position_method", sa.Text, nullable=False),
        sa.Column("opening_hours", sa.Text, nullable=False),
        sa.Column("hours_text", sa.Text, nullable=False),
        sa.Column("access", sa.String(30), nullable=False),
        sa.Column("status", sa.String(30), nullable=False),
        sa.Column("reported", sa.String(10), nullable=False),
        sa.Column("last_checked", sa.Date),
        sa.Column("source_url", sa.Text, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("edition", sa.Integer, sa.ForeignKey("edition.version"), nullable=False),
        sa.CheckConstraint(
            "kind IN ('cabinet', 'in premises', 'in defibrillator box', 'unknown')",
            name="kind_known",
        ),
        sa.CheckConstraint(
            "access IN ('code from 999', 'ask staff', 'unknown')", name="access_known"
        ),
        sa.CheckConstraint(
            "status IN ('installed', 'being installed', 'planned', 'reported', 'donated', "
            "'obstructed')",
            name="status_known",
        ),
        sa.CheckConstraint(
            "(longitude IS NULL AND latitude IS NULL AND precision_m IS NULL) OR "
            "(longitude IS NOT NULL AND latitude IS NOT NULL AND precision_m IS NOT NULL AND "
            "longitude BETWEEN -9 AND 2 AND latitude BETWEEN 49 AND 61.5 AND precision_m > 0)",
            name="position_in_great_britain",
        ),
    )


def downgrade() -> None:
    """Drop both tables."""
    op.drop_table("kit")
    op.drop_table("edition")
