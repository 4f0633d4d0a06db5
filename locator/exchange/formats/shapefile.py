"""Read and write Shapefiles as ZIP archives.

The format allows column names of 10 characters and texts of 254 bytes; longer ones are
written in a way that the reader undoes.
"""

import re
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

import pyogrio

from locator.errors import ImportFileError
from locator.exchange.formats import Header, Limits, Row, Scalar, _archive, _gdal, _rows, _writing
from locator.exchange.formats._positions import Locating, known_crs

_PARTS = (".shp", ".shx", ".dbf", ".prj", ".cpg")
_NEEDED = (".shp", ".shx", ".dbf")
_MAGIC = b"\0\0\x27\x0a"
_BATCH = 1_000

_MAX_NAME = 10
_SHORT = {
    "position_text": "pos_text",
    "position_method": "pos_method",
    "installed_on": "installed",
    "opening_hours": "open_hours",
    "last_checked": "checked",
    "precision_m": "precis_m",
}
_LONG = {short: long for long, short in _SHORT.items()}

_MAX_BYTES = 254
# stands where a text is cut, at both sides: dBASE trims spaces
_CUT = "…"
_CONTINUED = re.compile(r".+__(\d+)")


def read(path: Path, limits: Limits) -> Iterator[Header | Row]:
    """Read the first Shapefile of the archive; features are numbered from 1."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "kits.shp"
        with _archive.opened(path, limits) as archive:
            notes = _unpack(archive, file)
        with pyogrio.open_arrow(file, batch_size=1) as (meta, _):
            said = meta["crs"]
        locating = Locating(known_crs(said))
        if not said:
            notes.append("There is no .prj, so the coordinate system is not known.")
        names = _rows.Names()
        fields = [str(field) for field in meta["fields"]]
        if not fields:
            msg = "The .dbf is damaged or has no columns. Ask for the Shapefile again."
            raise ImportFileError(msg)
        columns = [names.add(_LONG.get(field, field)) for field in fields]

        def rows(tally: _rows.Tally) -> Iterator[Row]:
            number = 0
            with pyogrio.open_arrow(file, batch_size=_BATCH, use_pyarrow=True) as (_, batches):
                for batch in batches:
                    table = [batch.column(field).to_pylist() for field in fields]
                    blobs = batch.column(meta["geometry_name"] or "wkb_geometry").to_pylist()
                    for at, position in enumerate(locating.positions_of_wkb(blobs, tally)):
                        number += 1
                        cells = [column[at] for column in table]
                        yield number, _joined(columns, cells) | position

        named = [column for column in columns if not _CONTINUED.fullmatch(column)]
        source = _rows.Source("shapefile", rows, named, locating.crs, tuple(notes))
        yield from _rows.stream(source, limits)


def write(
    path: Path,
    columns: Sequence[str],
    rows: Sequence[Mapping[str, Scalar]],
    *,
    title: str,
    note: str,
) -> list[str]:
    """Write a ZIP archive with a Shapefile and the note as a text beside it."""
    fields, said = _fields(_writing.typed(_writing.others(columns), rows))
    with _writing.replacing(path) as draft, tempfile.TemporaryDirectory() as folder:
        _gdal.write(
            Path(folder) / f"{title}.shp",
            "ESRI Shapefile",
            fields,
            rows,
            layer=title,
            ENCODING="UTF-8",
        )
        with zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED) as archive:
            for part in sorted(Path(folder).iterdir()):
                archive.write(part, part.name)
            archive.writestr(f"{title}.txt", f"{note}\n")
    return said


def _unpack(archive: zipfile.ZipFile, file: Path) -> list[str]:
    """Unpack the parts of the first Shapefile under names of our own."""
    stems: dict[str, dict[str, str]] = {}
    for name in archive.namelist():
        stem, dot, extension = name.rpartition(".")
        # what a Mac adds
        if not name.startswith("__MACOSX/"):
            stems.setdefault(stem, {})[(dot + extension).lower()] = name
    found = sorted(stem for stem, parts in stems.items() if ".shp" in parts)
    if not found:
        msg = "The archive holds no Shapefile."
        raise ImportFileError(msg)
    parts = stems[found[0]]
    if missing := [part for part in _NEEDED if part not in parts]:
        msg = f"The Shapefile lacks its {' and '.join(missing)}. Put all its parts into the ZIP."
        raise ImportFileError(msg)
    for part in _PARTS:
        if part in parts:
            with archive.open(parts[part]) as source, file.with_suffix(part).open("wb") as target:
                shutil.copyfileobj(source, target)
    with file.open("rb") as begun:
        if begun.read(len(_MAGIC)) != _MAGIC:
            msg = "The .shp in the archive is not a Shapefile."
            raise ImportFileError(msg)
    if len(found) == 1:
        return []
    name = _rows.shown(PurePosixPath(found[0]).name)
    return [f"Only one of {len(found)} Shapefiles, “{name}”, was read."]


def _joined(columns: Sequence[str], cells: Sequence[object]) -> dict[str, Scalar]:
    """Pair cells with columns, and put together the texts that were cut."""
    values: dict[str, Scalar] = {}
    base = ""
    for column, cell in zip(columns, cells, strict=True):
        value = _rows.scalar(cell)
        begun = values.get(base)
        if not (goes_on := _CONTINUED.fullmatch(column)):
            base = column
        if value is None:
            continue
        if (
            goes_on
            and isinstance(begun, str)
            and isinstance(value, str)
            and begun.endswith(_CUT)
            and value.startswith(_CUT)
        ):
            values[base] = begun.removesuffix(_CUT) + value.removeprefix(_CUT)
        else:
            values[column] = value
    return values


def _fields(
    columns: Mapping[str, Sequence[Scalar | None]],
) -> tuple[dict[str, Sequence[Scalar | None]], list[str]]:
    """Fit columns to the format; and say which names had to change for good."""
    fields: dict[str, Sequence[Scalar | None]] = {}
    said = []
    for number, (column, raw) in enumerate(columns.items(), 1):
        name = _free(_SHORT.get(column, re.sub(r"\W", "_", column, flags=re.ASCII)), fields)
        if _LONG.get(name, name) != column:
            said.append(f"The column “{column}” is called “{name}” in the Shapefile.")
        values = (
            raw if all(map(_fits, raw)) else [None if v is None else _writing.text(v) for v in raw]
        )
        pieces = [_pieces(v) if isinstance(v, str) else [v] for v in values]
        fields[name] = [piece[0] for piece in pieces]
        for more in range(1, max(map(len, pieces), default=1)):
            ending = f"__{more + 1}"
            if len(name + ending) > _MAX_NAME:
                ending = f"{number}{ending}"
            fields[name[: _MAX_NAME - len(ending)] + ending] = [
                piece[more] if more < len(piece) else None for piece in pieces
            ]
    return fields, said


def _free(name: str, taken: Mapping[str, object]) -> str:
    used = {other.upper() for other in taken}
    free, number = name[:_MAX_NAME], 1
    while free.upper() in used:
        number += 1
        free = f"{name[: _MAX_NAME - len(str(number))]}{number}"
    return free


def _fits(value: Scalar | None) -> bool:
    """Tell whether dBASE, which writes 24 signs with 15 decimals, keeps a number exactly."""
    if not isinstance(value, float):
        return True
    written = f"{value:.15f}"
    return len(written) <= 24 and float(written) == value  # noqa: PLR2004


def _pieces(text: str) -> list[str]:
    data = text.encode()
    if len(data) <= _MAX_BYTES:
        return [text]
    room = _MAX_BYTES - 2 * len(_CUT.encode())
    pieces: list[str] = []
    while data:
        # a character is never cut in two
        piece = data[:room].decode(errors="ignore")
        data = data[len(piece.encode()) :]
        pieces.append(f"{_CUT if pieces else ''}{piece}{_CUT if data else ''}")
    return pieces
