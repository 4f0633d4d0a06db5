"""Tell from a file's content which format it is.

The extension only helps: a file that is not what its name says is refused, because the
library for the one format may follow instructions that are hidden in the other.
"""

import codecs
import re
import stat
import zipfile
from pathlib import Path

from locator.errors import ImportFileError
from locator.exchange.formats import FORMATS, Format, readable
from locator.exchange.formats._rows import shown

_HEAD = 65_536
_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
_STARTS = (
    (b"SQLite format 3\0", "gpkg"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "xlsx"),
    (b"PAR1", "geoparquet"),
)
_ROOTS = {"kml": "kml", "gpx": "gpx", "osm": "osm"}
_STRANGERS = (
    (b"\x1f\x8b", "packed with gzip. Unpack it first"),
    (b"%PDF", "a PDF document. Copy its table into a spreadsheet"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"Rar!", "a RAR archive. Unpack it first"),
    (b"7z\xbc\xaf", "a 7-Zip archive. Unpack it first"),
    (b"\0\0\x27\x0a", "one part of a Shapefile. Put its .shp, .shx, .dbf and .prj into a ZIP"),
)
_OTHER_ROOTS = {
    "OGRVRTDataSource": "a GDAL virtual file, which only points to other files",
    "html": "a web page. Perhaps the download needed a login",
    "osmChange": "an OpenStreetMap change file, which can only be written",
}


def recognise(path: Path, wanted: Format | None = None) -> Format:
    """Choose the format to read a file as.

    Parameters
    ----------
    path
        Absolute path of the file.
    wanted
        The format that the user named, if any.

    Raises
    ------
    ImportFileError
        The file is no regular file or of no format that can be read, or its content is not
        what the user or its name says.
    """
    if str(path).startswith("/vsi") or not stat.S_ISREG(path.stat().st_mode):
        msg = f"{path.name} is no ordinary file. Copy the list into one and import that."
        raise ImportFileError(msg)
    with path.open("rb") as file:
        head = file.read(_HEAD)
    found = FORMATS[_content(path, head)]
    extension = path.suffix.lower()
    modules = {f.module for f in FORMATS.values() if extension in f.extensions}
    named = wanted.name if wanted else f"a {extension} file"
    if found.module not in ({wanted.module} if wanted else modules or {found.module}):
        msg = (
            f"{shown(path.name)} should be {named}, but seems to be {found.name}. If that is "
            f"what it is, rename it to end in {found.extensions[0]} and import it again."
        )
        raise ImportFileError(msg)
    return found


def encoding(head: bytes) -> tuple[str, int]:
    """Tell the encoding that a byte order mark names, or "", and the length of the mark."""
    for mark, name in _MARKS.items():
        if head.startswith(mark):
            return name, len(mark)
    return "", 0


def _content(path: Path, head: bytes) -> str:
    if not head.strip():
        msg = f"{shown(path.name)} is empty."
        raise ImportFileError(msg)
    for start, key in _STARTS:
        if head.startswith(start):
            return key
    if head.startswith(b"PK"):
        return _archive(path)
    if head[4:].startswith(b"\n\tOSMHeader"):
        return "osm"
    for start, what in _STRANGERS:
        if head.startswith(start):
            raise _stranger(path, what)
    return _text(path, head)


def _text(path: Path, head: bytes) -> str:
    name, mark = encoding(head)
    text = head[mark:].decode(name or "utf-8", "replace").lstrip()
    if "\0" in text:
        raise _stranger(path, "neither text nor a file of another known format")
    if text.startswith("<"):
        return _markup(path, text)
    if text.startswith(("{", "[")):
        overpass = re.search(r'"elements"\s*:\s*\[', text)
        return "osm" if overpass and '"features"' not in text[: overpass.start()] else "geojson"
    return "csv"


def _archive(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name.lower() for name in archive.namelist()]
    except (zipfile.BadZipFile, NotImplementedError, ValueError):
        raise _stranger(path, "a damaged ZIP archive") from None
    if any(name.startswith("xl/workbook.") for name in names) or "content.xml" in names:
        return "xlsx"
    for extension, key in ((".shp", "shapefile"), (".kml", "kml")):
        if any(name.endswith(extension) for name in names):
            return key
    raise _stranger(path, "a ZIP archive that holds none of them. Unpack it first")


def _markup(path: Path, text: str) -> str:
    text = re.sub(r"<!--.*?-->|<\?.*?\?>", "", text, flags=re.DOTALL)
    root = re.search(r"<(?:[\w.-]+:)?([A-Za-z_][\w.-]*)", text)
    name = root[1] if root else ""
    if name in _ROOTS:
        return _ROOTS[name]
    known = _OTHER_ROOTS.get("html" if "<!doctype html" in text.lower() else name)
    raise _stranger(path, known or f"an XML file of another kind (<{shown(name)}>)")


def _stranger(path: Path, what: str) -> ImportFileError:
    return ImportFileError(
        f"{shown(path.name)} seems to be {what}. The formats that can be read are {readable()}."
    )
