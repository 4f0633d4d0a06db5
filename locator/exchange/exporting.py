"""Export the public part of the registry to a file."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from locator.errors import InputError
from locator.exchange.formats import FORMATS, Scalar, for_writing
from locator.registry import store
from locator.registry.snapshot import public_columns, public_kits


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export has written.

    Attributes
    ----------
    file, format, rows
        The file, its format, and how many kits the registry has to export.
    remarks
        What the format cannot carry, in sentences.
    version
        Of the registry.
    """

    file: str
    format: str
    rows: int
    remarks: tuple[str, ...]
    version: int

    def as_dict(self) -> dict[str, Any]:
        """Give the result as plain values for JSON."""
        return {
            "file": self.file,
            "format": self.format,
            "kits": self.rows,
            "remarks": list(self.remarks),
            "registry_version": self.version,
        }


def export_kits(engine: Engine, path: Path, note: str, *, format_key: str = "") -> Exported:
    """Write every kit that is not withdrawn to a file, without anything private.

    Parameters
    ----------
    engine
        The registry.
    path
        The file; its extension chooses the format if ``format_key`` does not.
    note
        Attribution, carried where the format has room for it.
    format_key
        Key of a format.

    Raises
    ------
    ImportFileError
        There is no such format.
    InputError
        The file cannot be written.
    RegistryError
        The registry cannot be read.
    """
    chosen = for_writing(path, format_key)
    if engine.url.database and path.resolve() == Path(engine.url.database).resolve():
        msg = f"{path} is the registry itself. Name another file."
        raise InputError(msg)
    with store.reading(engine) as connection:
        version = store.newest(connection)
        rows = [_plain(kit) for kit in public_kits(connection)]
    try:
        remarks = FORMATS[chosen.key].writer()(
            path, public_columns(), rows, title="bleed_kits", note=note
        )
    except OSError as error:
        msg = f"{path} cannot be written: {error.strerror or error}."
        raise InputError(msg) from error
    return Exported(str(path), chosen.key, len(rows), tuple(remarks), version)


def _plain(kit: Mapping[str, Any]) -> dict[str, Scalar]:
    return {
        name: value.isoformat() if isinstance(value, dt.date) else value
        for name, value in kit.items()
        if value not in (None, "")
    }
