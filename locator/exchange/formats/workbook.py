"""Read workbooks of Excel and LibreOffice, and write those of Excel."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import python_calamine
import xlsxwriter

from locator.errors import ImportFileError
from locator.exchange.formats import Header, Limits, Row, Scalar, _archive, _rows, _writing
from locator.exchange.formats.delimited import looks_like_formula

_SAMPLE = 50
_MAX_WIDTH = 60


class _Exact(float):
    """A number that xlsxwriter writes in full; by itself it writes 16 digits."""

    def __format__(self, spec: str) -> str:
        return repr(float(self))


def read(path: Path, limits: Limits) -> Iterator[Header | Row]:
    """Read the first sheet that holds something; rows are numbered as Excel does."""
    with path.open("rb") as file:
        if file.read(2) == b"PK":
            with _archive.opened(path, limits):
                pass
        file.seek(0)
        try:
            book = python_calamine.load_workbook(file)
        except python_calamine.PasswordError as error:
            msg = "The workbook is protected by a password. Remove it and import the file again."
            raise ImportFileError(msg) from error
        sheet, notes = _sheet(book)
    if sheet is None:
        msg = "The workbook holds no filled sheet."
        raise ImportFileError(msg)
    sample = [list(row) for row in itertools.islice(sheet.iter_rows(), _leading(sheet))]
    top = _top(sample)
    if any(_filled(row) for row in sample[:top]):
        notes.append("Rows above the column names were left out.")
    names = _rows.Names()
    # calamine leaves out the empty columns before the first one in use
    heads = [_rows.scalar(cell) for cell in sample[top]]
    columns = [names.add("" if head is None else _writing.text(head)) for head in heads]

    def rows(_: _rows.Tally) -> Iterator[Row]:
        for number, cells in enumerate(itertools.islice(sheet.iter_rows(), top + 1, None), top + 2):
            yield number, {k: _whole(v) for k, v in _rows.values(columns, cells).items()}

    named = [name for name, head in zip(columns, heads, strict=True) if head is not None]
    yield from _rows.stream(_rows.Source("xlsx", rows, named, notes=tuple(notes)), limits)


def write(
    path: Path,
    columns: Sequence[str],
    rows: Sequence[Mapping[str, Scalar]],
    *,
    title: str,
    note: str,
) -> list[str]:
    """Write a workbook with the rows on one sheet and the note on another."""
    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    with (
        _writing.replacing(path) as draft,
        xlsxwriter.Workbook(str(draft), options) as book,
    ):
        bold = book.add_format({"bold": True})
        # Excel shows such text as it is, also after someone edits the cell
        quoted = book.add_format({"quote_prefix": True})
        sheet = book.add_worksheet(title[:31])
        sheet.freeze_panes(1, 0)
        sheet.autofilter(0, 0, max(len(rows), 1), max(len(columns) - 1, 0))
        for at, column in enumerate(columns):
            longest = max((len(_writing.text(r[column])) for r in rows if column in r), default=0)
            sheet.set_column(at, at, min(max(longest, len(column) + 3), _MAX_WIDTH))
            sheet.write_string(0, at, column, bold)
        for number, row in enumerate(rows, 1):
            for at, column in enumerate(columns):
                value = row.get(column)
                if isinstance(value, bool):
                    sheet.write_boolean(number, at, value)
                elif isinstance(value, float):
                    sheet.write_number(number, at, _Exact(value))
                elif isinstance(value, int) and abs(value) <= _writing.MAX_INTEGER:
                    sheet.write_number(number, at, value)
                elif value is not None:
                    text = _writing.text(value)
                    sheet.write_string(
                        number, at, text, quoted if looks_like_formula(text) else None
                    )
        about = book.add_worksheet("About")
        about.set_column(0, 0, 100)
        about.write_string(0, 0, note)
    return []


def _sheet(
    book: python_calamine.CalamineWorkbook,
) -> tuple[python_calamine.CalamineSheet | None, list[str]]:
    names = book.sheet_names
    for position, name in enumerate(names):
        sheet = book.get_sheet_by_index(position)
        if sheet.start is not None:
            if len(names) == 1:
                return sheet, []
            return sheet, [f"Only one of {len(names)} sheets, “{_rows.shown(name)}”, was read."]
    return None, []


def _leading(sheet: python_calamine.CalamineSheet) -> int:
    """Count the rows among which the column names are looked for."""
    return (sheet.start or (0, 0))[0] + _SAMPLE


def _top(sample: Sequence[Sequence[object]]) -> int:
    widths = [_filled(row) for row in sample]
    return next(at for at, width in enumerate(widths) if 2 * width >= max(widths))


def _filled(row: Sequence[object]) -> int:
    return sum(_rows.scalar(cell) is not None for cell in row)


def _whole(value: Scalar) -> Scalar:
    """Turn 5.0 into 5: workbooks hold no whole numbers."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
