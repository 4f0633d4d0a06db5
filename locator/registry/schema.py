"""Define the registry's tables for SQLite and PostgreSQL."""

import datetime as dt
from enum import StrEnum

from sqlalchemy import CheckConstraint, Double, ForeignKey, String, Text
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
    ASK_STAFF = "ask staff"
    UNKNOWN = "unknown"


class Status(StrEnum):
    """What is said of a kit; only an installed one can be in service."""

    INSTALLED = "installed"
    BEING_INSTALLED = "being installed"
    PLANNED = "planned"
    REPORTED = "reported"
    DONATED = "donated"
    OBSTRUCTED = "obstructed"


def _one_of(column: str, values: type[StrEnum]) -> CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=f"{column}_known")


class Base(DeclarativeBase):
    """Collects the tables."""


class Edition(Base):
    """One state of the registry; its highest number is the registry's version."""

    __tablename__ = "edition"

    version: Mapped[int] = mapped_column(primary_key=True)
    written_at: Mapped[dt.datetime]
    source: Mapped[str] = mapped_column(Text)
    digest: Mapped[str] = mapped_column(String(64))


class Kit(Base):
    """One bleed kit. Positions are WGS 84 degrees; codes of cabinets are never stored."""

    __tablename__ = "kit"
    __table_args__ = (
        _one_of("kind", Kind),
        _one_of("access", Access),
        _one_of("status", Status),
        CheckConstraint(
            "(longitude IS NULL AND latitude IS NULL AND precision_m IS NULL) OR "
            "(longitude IS NOT NULL AND latitude IS NOT NULL AND precision_m IS NOT NULL AND "
            "longitude BETWEEN -9 AND 2 AND latitude BETWEEN 49 AND 61.5 AND precision_m > 0)",
            name="position_in_great_britain",
        ),
    )

    reference: Mapped[str] = mapped_column(String(20), primary_key=True)
    source_id: Mapped[str] = mapped_column(String(40))
    name: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(String(30))
    position_text: Mapped[str] = mapped_column(Text)
    address: Mapped[str] = mapped_column(Text)
    longitude: Mapped[float | None] = mapped_column(Double)
    latitude: Mapped[float | None] = mapped_column(Double)
    precision_m: Mapped[float | None] = mapped_column(Double)
    position_method: Mapped[str] = mapped_column(Text)
    opening_hours: Mapped[str] = mapped_column(Text)
    hours_text: Mapped[str] = mapped_column(Text)
    access: Mapped[str] = mapped_column(String(30))
    status: Mapped[str] = mapped_column(String(30))
    reported: Mapped[str] = mapped_column(String(10))
    last_checked: Mapped[dt.date | None]
    source_url: Mapped[str] = mapped_column(Text)
    note: Mapped[str] = mapped_column(Text)
    edition: Mapped[int] = mapped_column(ForeignKey("edition.version"))
