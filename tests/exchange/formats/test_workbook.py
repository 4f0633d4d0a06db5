"""Workbooks, as people fill them in."""

import datetime as dt
import zipfile
from pathlib import Path

import pytest
import xlsxwriter

from locator.errors import ImportFileError
from tests.exchange.formats.files import NOTE, pack, read, save, write

Sheets = dict[str, list[list[object]]]


def _book(path: Path, sheets: Sheets) -> Path:
    with xlsxwriter.Workbook(str(path), {"default_date_format": "dd/mm/yyyy hh:mm"}) as book:
        for name, rows in sheets.items():
            sheet = book.add_worksheet(name)
            for number, cells in enumerate(rows):
                sheet.write_row(number, 0, cells)
    return path


def test_dates_numbers_and_truth(tmp_path: Path) -> None:
    when = dt.datetime(2026, 7, 1, 9, 30)  # noqa: DTZ001  # workbooks know no time zones
    rows: list[list[object]] = [
        ["name", "checked", "at", "price", "count", "works", "wrong"],
        ["Gym", dt.date(2026, 7, 1), when, 1.5, 5, True, "=1/0"],
    ]
    header, found = read(_book(tmp_path / "kits.xlsx", {"Kits": rows}))
    assert header.notes == ()
    (number, values) = found[0]
    values.pop("wrong", None)
    assert (number, values) == (
        2,
        {
            "name": "Gym",
            "checked": "2026-07-01",
            "at": "2026-07-01T09:30:00",
            "price": 1.5,
            "count": 5,
            "works": True,
        },
    )
    assert type(values["count"]) is int


def test_several_sheets_titles_and_empty_rows(tmp_path: Path) -> None:
    kits: list[list[object]] = [
        ["Bleed kits 2026"],
        [],
        ["name", "town", "postcode", "note"],
        ["Gym", "Corby", "NN17 1AA"],
        [],
        ["Bar", "Rushden", "", "ring the bell"],
    ]
    header, rows = read(_book(tmp_path / "kits.xlsx", {"Empty": [], "Kits": kits, "Old": kits}))
    assert header.columns == ("name", "town", "postcode", "note")
    assert header.notes == (
        "Only one of 3 sheets, “Kits”, was read.",
        "Rows above the column names were left out.",
        "Empty rows were left out (1 row).",
    )
    assert rows == [
        (4, {"name": "Gym", "town": "Corby", "postcode": "NN17 1AA"}),
        (6, {"name": "Bar", "town": "Rushden", "note": "ring the bell"}),
    ]


def test_a_table_that_begins_in_the_middle(tmp_path: Path) -> None:
    rows: list[list[object]] = [[], [], ["", "", "name", "town"], ["", "", "Gym", "Corby"]]
    _, found = read(_book(tmp_path / "kits.xlsx", {"Kits": rows}))
    assert found == [(4, {"name": "Gym", "town": "Corby"})]


def test_an_empty_workbook(tmp_path: Path) -> None:
    path = _book(tmp_path / "kits.xlsx", {"Kits": []})
    with pytest.raises(ImportFileError, match="holds no filled sheet"):
        read(path)


def test_nothing_is_a_formula_or_a_link(tmp_path: Path) -> None:
    with zipfile.ZipFile(write(tmp_path, "xlsx")) as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml").decode()
        about = archive.read("xl/worksheets/sheet2.xml").decode()
        styles = archive.read("xl/styles.xml").decode()
    assert "<f>" not in sheet
    assert "hyperlink" not in sheet
    assert 'quotePrefix="1"' in styles
    assert "autoFilter" in sheet
    assert 'state="frozen"' in sheet
    assert NOTE.partition("&")[0] in about


def test_a_cell_at_the_far_corner_does_not_fill_the_memory(tmp_path: Path) -> None:
    path = tmp_path / "kits.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet()
        sheet.write(0, 0, "name")
        sheet.write(1_048_575, 16_383, "far")
    with pytest.raises(ImportFileError, match="needs too much memory"):
        read(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("<html><body><table>", "a web page"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "damaged"),
        (b"PK\x03\x04 and no more", "a damaged ZIP archive"),
    ],
)
def test_what_is_no_workbook(content: str | bytes, message: str, tmp_path: Path) -> None:
    path = save(tmp_path / "kits.xlsx", content)
    with pytest.raises(ImportFileError, match=message):
        read(path)


def test_a_workbook_of_nonsense(tmp_path: Path) -> None:
    path = pack(tmp_path / "kits.xlsx", {"xl/workbook.xml": "<a><b>"})
    with pytest.raises(ImportFileError, match="damaged"):
        read(path)
