"""Write the public list of kits as files for other programs."""

import datetime as dt
import tempfile
from collections.abc import Sequence
from pathlib import Path

from locator.analysis.fetch import Fetch
from locator.exchange.formats import FORMATS, Scalar
from locator.registry.schema import Status
from locator.registry.snapshot import public_columns

# of kits that nobody has checked lately, and of those that somebody has
_UNCONFIRMED, _CHECKED = "published, unconfirmed", "checked"
_DATA, _OWED = "data", "attribution"
# what maps and satnavs show of a point: its name and this
_DESCRIBES = {"gpx": "desc", "kml": "description"}


def kits_file(fetches: Sequence[Fetch], form: str, note: str, advice: str) -> bytes:
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
    advice
        What to do first in an emergency; each point of a map says it.

    Returns
    -------
    content
        Every kit says whether it was ``checked`` or is ``published, unconfirmed``, and what a
        stranger told of it. On maps the names of kits that are not said to be installed begin
        with their status.
    """
    columns = [*public_columns(), _DATA]
    rows = [_row(fetch, columns) for fetch in fetches]
    if form in _DESCRIBES:
        column = _DESCRIBES[form]
        columns.append(column)
        rows = [
            row | {"name": _named(fetch), column: f"{advice} {_described(fetch)}"}
            for fetch, row in zip(fetches, rows, strict=True)
        ]
    if form == "csv":
        columns.append(_OWED)
        rows = [row | {_OWED: note} for row in rows]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "kits"
        FORMATS[form].writer()(path, columns, rows, title="Bleed kits", note=note)
        return path.read_bytes()


def _row(fetch: Fetch, columns: Sequence[str]) -> dict[str, Scalar]:
    values = {**fetch.kit, _DATA: _sure(fetch)}
    return {name: _plain(values[name]) for name in columns if _says(values[name])}


def _sure(fetch: Fetch) -> str:
    if fetch.doubt is None:
        return _CHECKED if fetch.confirmed else _UNCONFIRMED
    told = f"{fetch.doubt.at:%Y-%m-%d %H:%M}"
    return f"{_UNCONFIRMED}; somebody told us at {told}, not confirmed: {fetch.doubt.finding}"


def _installed(fetch: Fetch) -> bool:
    return fetch.kit["status"] == Status.INSTALLED


def _named(fetch: Fetch) -> str:
    name, status = str(fetch.kit["name"]), str(fetch.kit["status"])
    return name if _installed(fetch) else f"{status.capitalize()}: {name}"


def _described(fetch: Fetch) -> str:
    kit = fetch.kit
    reported = f" when reported in {kit['reported']}" if _says(kit["reported"]) else ""
    said = [f"Status: {kit['status']}{reported}."]
    if not _installed(fetch):
        said.append("Not said to be in service.")
    elif _says(kit["hours_text"]):
        said.append(f"Hours as published: {kit['hours_text']}.")
    else:
        said.append("Hours not known, may be shut.")
    return " ".join([*said, f"Data: {_sure(fetch)}."])


def _says(value: object) -> bool:
    # NaN is not equal to itself
    return value is not None and value != "" and value == value  # noqa: PLR0124


def _plain(value: object) -> Scalar:
    if isinstance(value, dt.date):
        return value.isoformat()
    return value if isinstance(value, str | int | float | bool) else str(value)
