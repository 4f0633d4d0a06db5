"""Write the public list of kits as files for other programs."""

import datetime as dt
import tempfile
from collections.abc import Sequence
from pathlib import Path

from locator.analysis.fetch import Fetch
from locator.exchange.formats import FORMATS, Scalar
from locator.registry.snapshot import public_columns

# of kits that nobody has checked lately, and of those that somebody has
_UNCONFIRMED, _CHECKED = "published, unconfirmed", "checked"
_DATA, _OWED = "data", "attribution"


def kits_file(fetches: Sequence[Fetch], form: str, note: str) -> bytes:
    """Write all kits to a file, without anything private.

    Parameters
    ----------
    fetches
        From :func:`locator.analysis.nearest.overview`.
    form
        Key of a format.
    note
        Date, licence and attribution: at the head of the file, or in a column where the format
        has no head.

    Returns
    -------
    content
        Every kit says whether it was ``checked`` or is ``published, unconfirmed``.
    """
    columns = [*public_columns(), _DATA]
    rows = [_row(fetch, columns) for fetch in fetches]
    if form == "csv":
        columns.append(_OWED)
        rows = [row | {_OWED: note} for row in rows]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "kits"
        FORMATS[form].writer()(path, columns, rows, title="Bleed kits", note=note)
        return path.read_bytes()


def _row(fetch: Fetch, columns: Sequence[str]) -> dict[str, Scalar]:
    values = {**fetch.kit, _DATA: _CHECKED if fetch.confirmed else _UNCONFIRMED}
    return {name: _plain(values[name]) for name in columns if _says(values[name])}


def _says(value: object) -> bool:
    # NaN is not equal to itself
    return value is not None and value != "" and value == value  # noqa: PLR0124


def _plain(value: object) -> Scalar:
    if isinstance(value, dt.date):
        return value.isoformat()
    return value if isinstance(value, str | int | float | bool) else str(value)
