"""Lists as text, in all the ways in which people save them."""

from pathlib import Path

import pytest

from locator.errors import ImportFileError
from locator.exchange.formats import Limits
from tests.exchange.formats.files import read, save, values, write


@pytest.mark.parametrize(
    ("encoding", "note"),
    [
        ("utf-8", ()),
        ("utf-8-sig", ()),
        ("utf-16", ()),
        ("cp1252", ("Read as Windows-1252.",)),
    ],
)
def test_encodings(encoding: str, note: tuple[str, ...], tmp_path: Path) -> None:
    path = save(tmp_path / "kits.csv", "name,town\r\nCafé “Zoë”,Corby\r\n".encode(encoding))
    header, rows = read(path)
    assert (header.columns, header.crs, header.notes) == (("name", "town"), "", note)
    assert rows == [(2, {"name": "Café “Zoë”", "town": "Corby"})]


@pytest.mark.parametrize(
    ("sign", "word"), [(";", "semicolons"), ("\t", "tabs"), ("|", "upright strokes")]
)
def test_delimiters(sign: str, word: str, tmp_path: Path) -> None:
    lines = [("name", "lat", "lon"), ("Bar, The", "52,2", "-0,9"), ("Gym", "52,3", "-0,8")]
    path = save(tmp_path / "kits.csv", "\n".join(sign.join(line) for line in lines))
    header, rows = read(path)
    assert header.notes == (f"Fields are separated by {word}.",)
    assert rows[0] == (2, {"name": "Bar, The", "lat": "52,2", "lon": "-0,9"})


def test_titles_empty_rows_and_uneven_rows(tmp_path: Path) -> None:
    text = (
        "Bleed kits 2024,,,\n\nname,town, postcode ,\n"
        'Gym,"Corby\nNorth",NN17 1AA\n,,,\n\nBar,Rushden,NN10 0AA,,"a note"\nHall\n'
    )
    header, rows = read(save(tmp_path / "kits.csv", text))
    assert header.columns == ("name", "town", "postcode", "column 5")
    assert header.notes == (
        "Lines above the column names were left out (1 line).",
        "Empty rows were left out (2 rows).",
    )
    assert rows == [
        (4, {"name": "Gym", "town": "Corby\nNorth", "postcode": "NN17 1AA"}),
        (8, {"name": "Bar", "town": "Rushden", "postcode": "NN10 0AA", "column 5": "a note"}),
        (9, {"name": "Hall"}),
    ]


def test_repeated_and_missing_and_reserved_names(tmp_path: Path) -> None:
    header, rows = read(save(tmp_path / "kits.csv", "name,name, name ,,@x\na,b,c,d,5\n"))
    assert header.columns == ("name", "name (2)", "name (3)", "x", "column 4")
    assert rows == [(2, dict(zip(header.columns, "abc5d", strict=True)))]


def test_a_single_column(tmp_path: Path) -> None:
    assert values(save(tmp_path / "kits.txt", "postcode\nNN1 1DE\n")) == [{"postcode": "NN1 1DE"}]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"name,town\nA,\0\nB,b\n", "neither text nor"),
        (b"a,b\n" * 40_000 + b"c,\0\n", "holds zero bytes"),
        (b"name,town\n\x81\x8d,b\n", "Save the list as “CSV UTF-8” again"),
        (b"a,b\n" + b"x" * 1_500_000 + b",1\n", "field larger than field limit"),
        (b'a,b\n"Bar,1\n' + b"Gym,2\n" * 500, "quotation mark in line 2 is not closed"),
        (b"a,b\n" + b",1" * 2_000 + b"\n", "more than 1,000 columns"),
        (b" \n\n", "is empty"),
        (b",,\n,,\n", "holds no text"),
    ],
)
def test_what_is_no_list(content: bytes, message: str, tmp_path: Path) -> None:
    path = save(tmp_path / "kits.csv", content)
    with pytest.raises(ImportFileError, match=message):
        read(path)


def test_no_formula_reaches_a_spreadsheet(tmp_path: Path) -> None:
    path = write(tmp_path, "csv")
    content = path.read_bytes()
    assert content.startswith(b"\xef\xbb\xbf")
    assert content.decode("utf-8-sig").splitlines() == [
        '"reference","name","note","longitude","latitude"',
        '"BK1","Café","",-0.9,52.25',
        '"BK2","\'=1+1","behind the bar","",""',
    ]


def test_two_million_rows_are_refused_soon(tmp_path: Path) -> None:
    path = save(tmp_path / "kits.csv", "a,b\n" + "1,2\n" * 2_000_000)
    with pytest.raises(ImportFileError, match="more than 250,000 rows; split it"):
        read(path, Limits(seconds=10, memory_bytes=400_000_000))
