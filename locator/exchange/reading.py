"""Read a file that somebody sent, in a process that can do no harm.

The process is limited in memory and time and knows no secrets. What it says is checked
here as well, because a hostile file may have taken it over.
"""

import contextlib
import dataclasses
import json
import math
import os
import re
import select
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

from locator.errors import ImportFileError
from locator.exchange.formats import FORMATS, Header, Limits, Row, Scalar, readable

# runs the reader without importing all of the package, which would take it two seconds
_START = """
import runpy, sys, types
package = types.ModuleType("locator")
package.__path__ = [sys.argv.pop(1)]
sys.modules["locator"] = package
runpy.run_module("locator.exchange.formats", run_name="__main__", alter_sys=True)
"""
_PACKAGE = Path(__file__).parent.parent
_ENVIRONMENT = {
    "LC_ALL": "C.UTF-8",
    "MALLOC_ARENA_MAX": "2",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}
_MAX_LINE = 16_000_000
_MAX_TEXT = 1_000_000
_MAX_COLUMNS = 1_000
_MAX_SENTENCE = 2_000
_CHUNK = 1 << 18
_CRS = re.compile(r"(EPSG:\d{4,6})?", re.ASCII)

_STOPPED = (
    "The reader of the file was stopped: the file needs too much memory or time, or is made "
    "to break readers. Nothing was imported."
)
_NONSENSE = "The reader of the file gave no sensible answer. Nothing was imported."


class Reading:
    """A file being read: its :attr:`header`, and then its rows."""

    def __init__(self, lines: Iterator[Any], limits: Limits) -> None:
        self._lines = lines
        self._limits = limits
        self.header = _header(next(lines, None))

    def rows(self) -> Iterator[Row]:
        """Yield the number and the values of each row, once.

        Raises
        ------
        ImportFileError
            The file turns out to be damaged, too large or hostile.
        """
        columns = frozenset(self.header.columns)
        for read, line in enumerate(self._lines):
            if line == {"end": read}:
                return
            if read == self._limits.rows:
                raise ImportFileError(_NONSENSE)
            yield _row(line, columns)
        raise ImportFileError(_STOPPED)


@contextlib.contextmanager
def reading(
    path: Path,
    *,
    format: str = "",  # noqa: A002  # the word that users know
    limits: Limits = Limits(),  # noqa: B008  # frozen
) -> Iterator[Reading]:
    """Read a list of kits within limits.

    Parameters
    ----------
    path
        Any file.
    format
        Key of a format, if the user named one; else the content decides.
    limits
        What the file may ask for. ``seconds`` counts the time spent waiting for the
        reader, not what the caller does between rows.

    Yields
    ------
    reading
        Good until the context ends; the process that reads ends then at the latest.

    Raises
    ------
    ImportFileError
        The file is not one that can be read, or needs more than the limits allow.
    """
    if format and (format not in FORMATS or not FORMATS[format].reads):
        _refuse(f"“{_printable(format)}” is no format. Those that can be read are {readable()}.")
    file = _checked(path, limits)
    with (
        tempfile.TemporaryDirectory(prefix="locator-") as folder,
        subprocess.Popen(  # noqa: S603  # nothing of it comes from the user but a checked path
            [
                *(sys.executable, "-I", "-c", _START, str(_PACKAGE)),
                *(str(file), format, json.dumps(dataclasses.asdict(limits))),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            env=_ENVIRONMENT | {"TMPDIR": folder},
        ) as process,
    ):
        try:
            yield Reading(_lines(process, limits.seconds), limits)
        finally:
            process.kill()


def _checked(path: Path, limits: Limits) -> Path:
    try:
        file = path.resolve(strict=True)
        found = file.stat()
    except (OSError, RuntimeError, ValueError):
        _refuse(f"There is no file {_printable(str(path))}. Check the name and the folder.")
    if not stat.S_ISREG(found.st_mode) or str(file).startswith("/vsi"):
        _refuse(f"{_printable(str(path))} is not a file. Name the file with the list of kits.")
    if not os.access(file, os.R_OK):
        _refuse(f"You may not read {_printable(str(path))}. Ask its owner for permission.")
    if found.st_size > limits.file_bytes:
        _refuse(
            f"The file has {found.st_size / 1e6:,.0f} MB; at most "
            f"{limits.file_bytes / 1e6:,.0f} MB are read. Keep only the kits in it."
        )
    return file


def _lines(process: "subprocess.Popen[bytes]", seconds: float) -> Iterator[Any]:
    """Yield what the process says, line by line, and raise what it complains about."""
    buffer = b""
    for chunk in _chunks(process, seconds):
        *lines, buffer = (buffer + chunk).split(b"\n")
        if len(buffer) > _MAX_LINE:
            raise ImportFileError(_NONSENSE)
        yield from map(_parsed, lines)
    if process.wait() < 0 or buffer:
        raise ImportFileError(_STOPPED)


def _chunks(process: "subprocess.Popen[bytes]", seconds: float) -> Iterator[bytes]:
    if process.stdout is None:
        return
    pipe = process.stdout.fileno()
    left = seconds
    waiting = select.poll()
    waiting.register(pipe, select.POLLIN)
    while True:
        since = time.monotonic()
        if not waiting.poll(max(left, 0) * 1_000):
            raise ImportFileError(_STOPPED)
        chunk = os.read(pipe, _CHUNK)
        left -= time.monotonic() - since
        if not chunk:
            return
        yield chunk


def _parsed(line: bytes) -> Any:
    try:
        said = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ImportFileError(_NONSENSE) from error
    if isinstance(said, dict) and isinstance(said.get("error"), str):
        _refuse(_printable(said["error"]))
    return said


def _header(said: Any) -> Header:
    if said is None:
        raise ImportFileError(_STOPPED)
    match said:
        case {"format": str(key), "columns": list(columns), "crs": str(crs), "notes": list(notes)}:
            if (
                key in FORMATS
                and len(columns) <= _MAX_COLUMNS
                and len(notes) <= _MAX_COLUMNS
                and all(isinstance(text, str) and text.isprintable() for text in (*columns, *notes))
                and _CRS.fullmatch(crs)
            ):
                return Header(key, tuple(columns), crs, tuple(map(_printable, notes)))
    raise ImportFileError(_NONSENSE)


def _row(said: Any, columns: frozenset[str]) -> Row:
    match said:
        case [int(number), dict(values)] if type(number) is int:
            if values.keys() <= columns and _sound(values):
                return number, values
    raise ImportFileError(_NONSENSE)


def _sound(values: Mapping[str, Scalar]) -> bool:
    for value in values.values():
        if isinstance(value, str):
            if len(value) > _MAX_TEXT or not (value.isprintable() or _is_unicode(value)):
                return False
        elif not isinstance(value, int | float) or not math.isfinite(value):
            return False
    return True


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text[:_MAX_SENTENCE])


def _refuse(msg: str) -> NoReturn:
    raise ImportFileError(msg)
