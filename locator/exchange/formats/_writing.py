"""Write files whole or not at all, and find the type of each column."""

import contextlib
import errno
import os
import re
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from locator.exchange.formats import Scalar
from locator.exchange.formats._rows import count

LONGITUDE, LATITUDE = "longitude", "latitude"
# beyond it, floating point skips whole numbers
MAX_INTEGER = 2**53
_NOT_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

Record = Mapping[str, Scalar]


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Lend a path beside the target, and move what was written there over the target.

    When the block fails, the target stays as it was.

    Raises
    ------
    FileNotFoundError
        There is no such folder; libraries that write would each say it in their own way.
    """
    path = path.absolute()
    if not path.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path.parent))
    draft = path.with_name(f".{secrets.token_hex(8)}{path.suffix}")
    try:
        yield draft
        with draft.open("rb+") as file:
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def text(value: Scalar) -> str:
    """Write a value so that ``float`` reads the very same number."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(float(value)) if isinstance(value, float) else str(value)


def xml_text(value: Scalar) -> str:
    """Write a value without the characters that no XML file may hold."""
    return _NOT_XML.sub("", text(value))


def position(row: Record) -> tuple[float, float] | None:
    """Give longitude and latitude in degrees, None where the place is not known."""
    if LONGITUDE in row and LATITUDE in row:
        return float(row[LONGITUDE]), float(row[LATITUDE])
    return None


def others(columns: Sequence[str]) -> list[str]:
    """List the columns that are not the position, for formats with a geometry."""
    return [c for c in columns if c not in {LONGITUDE, LATITUDE}]


def kind(values: Sequence[Scalar | None]) -> type[Scalar]:
    """Find the one type that carries all values of a column exactly; else text."""
    types = {type(v) for v in values if v is not None}
    small = all(abs(v) <= MAX_INTEGER for v in values if isinstance(v, int))
    if types == {bool} or (types == {int} and small):
        return bool if types == {bool} else int
    if types and types <= {int, float} and small:
        return float
    return str


def typed(columns: Sequence[str], rows: Sequence[Record]) -> dict[str, list[Scalar | None]]:
    """Turn rows into columns, each of a single type."""
    table: dict[str, list[Scalar | None]] = {}
    for column in columns:
        raw = [row.get(column) for row in rows]
        wanted = kind(raw)
        convert: Callable[[Scalar], Scalar] = text if wanted is str else wanted
        table[column] = [None if v is None else convert(v) for v in raw]
    return table


def left_out(number: int, why: str) -> list[str]:
    """Say how many kits a format could not carry; nothing if it carried all."""
    return [f"{count(number, 'kit')} {why}"] if number else []
