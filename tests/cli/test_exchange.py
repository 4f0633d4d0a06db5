"""Import and export on the command line."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Locator

MESSY = (
    "Bleed kits of our town,,,,\n"
    "Venue;Post code;Opening times;PIN;Lat;Long\n"
    "Corner Shop;NN11DE;24 hours;1234;;\n"
    "Library;;9 till 5;;52.237;0.897\n"
    "Museum;;;;41.9;12.5\n"
)


@pytest.fixture
def messy(tmp_path: Path) -> Path:
    path = tmp_path / "kits of the town.csv"
    path.write_bytes(MESSY.replace(",", ";").encode("cp1252"))
    return path


def test_a_dry_run_tells_all_and_writes_nothing(
    locator: Locator, messy: Path, tmp_path: Path
) -> None:
    report = tmp_path / "report.csv"
    told = locator("import", str(messy), "--report", str(report))
    assert told.returncode == 0, told.stderr
    for said in (
        "codes of cabinets are never read",
        "the longitude had lost its minus sign",
        "is kept as text only",
        "not in Great Britain",
        "2 new, 1 rejected",
        "Nothing was written",
        "--leave-out",
    ):
        assert said in " ".join(told.stdout.split()), said
    assert "1234" not in told.stdout
    assert report.read_text("utf-8-sig").count("\n") == 4
    assert json.loads(locator("kit", "history", "nn1", "--json").stdout)[-1]["edition"] == 1


def test_writing_is_all_or_nothing_unless_rows_are_left_out(locator: Locator, messy: Path) -> None:
    refused = locator("import", str(messy), "--write", "--by", "Ann")
    assert refused.returncode == 2
    assert "Nothing was written: 1 rows are rejected" in refused.stderr
    written = locator("import", str(messy), "--write", "--by", "Ann", "--leave-out", "--json")
    plain = json.loads(written.stdout)
    assert (plain["written"], plain["edition"]) == (True, 2)
    assert plain["counts"]["new"] == 2
    assert [row["reference"] for row in plain["rows"]] == ["NN-0050", "NN-0051", None]
    again = locator("import", str(messy), "--write", "--by", "Ann", "--leave-out")
    assert "nothing was changed" in again.stdout
    undone = locator("kit", "undo", "2", "--by", "Ann", "--why", "Wrong town")
    assert undone.returncode == 0


def test_who_writes_must_be_said(locator: Locator, messy: Path) -> None:
    result = locator("import", str(messy), "--write")
    assert result.returncode == 2
    assert "--by" in result.stderr


def test_candidates_are_imported_as_such(locator: Locator, tmp_path: Path) -> None:
    path = tmp_path / "sites.csv"
    path.write_text("name,postcode\nLibrary,NN1 1DE\n", "utf-8")
    result = locator("import", str(path), "--as", "candidates", "--write", "--by", "A", "--json")
    assert json.loads(result.stdout)["rows"][0]["reference"] == "CS-0001"


@pytest.mark.parametrize(
    ("content", "name"),
    [(b"<html><body>hi</body></html>", "kits.xlsx"), (b"\x00\x01\x02", "a.csv"), (b"", "a.csv")],
)
def test_what_is_no_list_is_refused(
    locator: Locator, tmp_path: Path, content: bytes, name: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    result = locator("import", str(path))
    assert result.returncode == 2
    assert "Traceback" not in result.stderr
    assert result.stderr.startswith("Error: ")


def test_an_export_can_be_imported_again(locator: Locator, tmp_path: Path) -> None:
    path = str(tmp_path / "kits.geojson")
    result = json.loads(locator("export", path, "--json").stdout)
    assert (result["kits"], result["format"]) == (49, "geojson")
    again = json.loads(locator("import", path, "--json").stdout)
    assert again["counts"]["unchanged"] == 49


def test_a_column_by_hand(locator: Locator, tmp_path: Path) -> None:
    path = tmp_path / "wo.csv"
    path.write_text("Wo,Wie\nLaden,NN1 1DE\n", "utf-8")
    plain = locator("import", str(path), "--map", "Wo=name", "--map", "Wie=postcode", "--json")
    assert json.loads(plain.stdout)["rows"][0]["name"] == "Laden"
    wrong = locator("import", str(path), "--map", "Wo")
    assert "COLUMN=FIELD" in wrong.stderr
