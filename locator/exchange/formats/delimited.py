"""Read and write lists as comma-separated text, however it was saved."""

import codecs
import contextlib
import csv
import itertools
import re
import statistics
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import IO

from locator.errors import ImportFileError
from locator.exchange.formats import Header, Limits, Row, Scalar, _rows, _sniffing, _writing

_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "upright strokes"}
_SAMPLE = 50
_MAX_LINES_OF_RECORD = 200
_CHUNK = 1 << 20

# a spreadsheet may run text that begins like this, after any quotes and spaces
_FORMULA = re.compile(r"['\s]*[=+\-@|\t\r＝＋－＠]")

Record = tuple[int, list[str]]


def read(path: Path, limits: Limits) -> Iterator[Header | Row]:
    """Read a CSV file: its header, then rows numbered by the line where they start."""
    encoding = _encoding(path)
    notes = ["Read as Windows-1252."] if encoding == "cp1252" else []
    with _refusing():
        delimiter, sample = _delimiter(path, encoding)
    if delimiter != ",":
        notes.append(f"Fields are separated by {_DELIMITERS[delimiter]}.")
    if not sample:
        msg = "The file holds no text. Ask for the list again."
        raise ImportFileError(msg)
    skipped = _titles(sample)
    if skipped:
        notes.append(
            f"Lines above the column names were left out ({_rows.count(skipped, 'line')})."
        )
    heads = [_unguarded(cell) for cell in sample[skipped]]
    names = _rows.Names()
    columns = [names.add(head) for head in heads]

    def rows(_: _rows.Tally) -> Iterator[Row]:
        with _refusing(), path.open(encoding=encoding, newline="") as file:
            records = _records(file, delimiter)
            next(itertools.islice(filter(_filled, records), skipped, None))
            for number, cells in records:
                while any(cells[len(columns) :]):
                    columns.append(names.add(""))
                yield number, _rows.values(columns, map(_unguarded, cells))

    named = [name for name, head in zip(columns, heads, strict=True) if head.strip()]
    yield from _rows.stream(_rows.Source("csv", rows, named, notes=tuple(notes)), limits)


def write(
    path: Path,
    columns: Sequence[str],
    rows: Sequence[Mapping[str, Scalar]],
    *,
    title: str,
    note: str,
) -> list[str]:
    """Write a CSV file in which a spreadsheet program runs nothing.

    The format has no room for ``title`` and ``note``.
    """
    del title, note
    # the byte order mark is what makes Excel read UTF-8
    with (
        _writing.replacing(path) as draft,
        draft.open("w", encoding="utf-8-sig", newline="") as file,
    ):
        writer = csv.writer(file, quoting=csv.QUOTE_NONNUMERIC)
        writer.writerow([_guarded(column) for column in columns])
        writer.writerows([_cell(row.get(column, "")) for column in columns] for row in rows)
    return []


def looks_like_formula(text: str) -> bool:
    """Tell whether a spreadsheet program may run a text rather than show it."""
    return _FORMULA.match(text) is not None


def _cell(value: Scalar) -> Scalar:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    return _guarded(_writing.text(value))


def _guarded(text: str) -> str:
    return f"'{text}" if looks_like_formula(text) else text


def _unguarded(text: str) -> str:
    return text[1:] if text[:1] == "'" and looks_like_formula(text[1:]) else text


def _encoding(path: Path) -> str:
    with path.open("rb") as file:
        marked, _ = _sniffing.encoding(file.read(4))
        if marked:
            # the names of the codecs that take the mark off
            return "utf-8-sig" if marked == "utf-8" else "utf-16"
        file.seek(0)
        decoder = codecs.getincrementaldecoder("utf-8")()
        try:
            for chunk in iter(partial(file.read, _CHUNK), b""):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return "cp1252"
    return "utf-8"


@contextlib.contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except UnicodeDecodeError as error:
        msg = "The text is damaged or no text at all. Save the list as “CSV UTF-8” again."
        raise ImportFileError(msg) from error
    except csv.Error as error:
        msg = (
            f"The file cannot be read as a list ({error}). Perhaps a quotation mark is not "
            "closed: open the file in a spreadsheet program and save it again."
        )
        raise ImportFileError(msg) from error


def _records(file: IO[str], delimiter: str) -> Iterator[Record]:
    """Yield each record with the line where it starts."""
    csv.field_size_limit(_rows.MAX_TEXT)
    reader = csv.reader(_lines(file), delimiter=delimiter)
    start = 1
    for cells in reader:
        if reader.line_num - start > _MAX_LINES_OF_RECORD:
            msg = f"The quotation mark in line {start:,} is not closed. Close it."
            raise ImportFileError(msg)
        yield start, cells
        start = reader.line_num + 1


def _lines(file: Iterable[str]) -> Iterator[str]:
    for line in file:
        if "\0" in line:
            msg = "The file holds zero bytes, so it is no text. Save the list as CSV again."
            raise ImportFileError(msg)
        yield line


def _filled(record: Record) -> bool:
    return any(cell and not cell.isspace() for cell in record[1])


def _delimiter(path: Path, encoding: str) -> tuple[str, list[list[str]]]:
    """Choose the delimiter that cuts the first records most evenly, and give those."""
    best: tuple[float, int] = (0, 0)
    chosen, sample = ",", _sample(path, encoding, ",")
    for delimiter in _DELIMITERS:
        cut = _sample(path, encoding, delimiter)
        widths = Counter(len(cells) for cells in cut if len(cells) > 1)
        for width, times in widths.items():
            if (times / len(cut), width) > best:
                best, chosen, sample = (times / len(cut), width), delimiter, cut
    return chosen, sample


def _sample(path: Path, encoding: str, delimiter: str) -> list[list[str]]:
    with path.open(encoding=encoding, newline="") as file:
        filled = filter(_filled, _records(file, delimiter))
        return [cells for _, cells in itertools.islice(filled, _SAMPLE)]


def _titles(sample: list[list[str]]) -> int:
    """Count the records before the column names: those far emptier than what follows."""
    filled = [sum(bool(cell.strip()) for cell in cells) for cells in sample]
    for position in range(len(filled) - 1):
        if 2 * filled[position] >= statistics.median_high(filled[position + 1 :]):
            return position
    return len(filled) - 1
