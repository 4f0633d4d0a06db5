import csv
import gzip
import shutil
import zipfile
from collections import Counter
from pathlib import Path

import pytest

from locator import demand, tables
from locator.demand import police
from locator.errors import DataError
from locator.facts import Facts

HEAD = (
    "Crime ID,Month,Reported by,Falls within,Longitude,Latitude,Location,LSOA code,"
    "LSOA name,Crime type,Last outcome category,Context"
)
NAME = "2025-01-northamptonshire-street.csv"
# a code of the county, and a point in the middle of Northampton
LSOA = "E01027244"
AT = "-0.9,52.24"


def row(  # as many as the police's columns that matter
    number: str = "",
    month: str = "2025-01",
    at: str = AT,
    lsoa: str = LSOA,
    category: str = "Robbery",
) -> str:
    return f"{number},{month},N,N,{at},On or near A,{lsoa},Somewhere,{category},,"


def write(path: Path, *rows: str, head: str = HEAD) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([head, *rows, ""]), "utf-8")
    return path


def counts(tally: police.Tally) -> dict[str, int]:
    return {str(k): int(n) for k, n in tally.frame.groupby("account")["records"].sum().items()}


def test_the_county_in_2025(facts: Facts) -> None:
    found = facts.demand()
    assert found.total == found.points["count"].sum() == found.accounts.placed == 27_533
    assert found.months == ("2025-01", "2025-12")
    assert set(found.points["category"]) == set(demand.SERIOUS_CATEGORIES)
    assert found.points[["easting", "northing"]].notna().all(axis=None)
    # snapped points lie in or close to the county, none in another part of the country
    assert found.points["easting"].between(445_000, 520_000).all()
    assert set(found.points["lsoa"]) <= set(facts.neighbourhoods["code"])
    assert not found.points.duplicated(["easting", "northing", "lsoa", "category", "month"]).any()


def test_every_record_of_every_month_is_accounted_for(test_data: Path, geodata: Path) -> None:
    table = tables.table(geodata, "incidents")
    county = set(tables.table(geodata, "lsoa")["code"])
    assert table["records"].sum() == 74_962
    files = sorted((test_data / "crime").glob("2025-??-northamptonshire-street.csv.gz"))
    assert len(files) == 12
    for path in files:
        expected: Counter[str] = Counter()
        with gzip.open(path, "rt", encoding="utf-8") as stream:
            for record in csv.DictReader(stream):
                if record["Crime type"] not in demand.SERIOUS_CATEGORIES:
                    expected["other category"] += 1
                elif not record["Longitude"]:
                    expected["without position"] += 1
                elif record["LSOA code"] in county:
                    expected["placed"] += 1
                else:
                    expected["outside"] += 1
        ours = table[table["month"] == path.name[:7]].groupby("account")["records"].sum()
        assert ours.to_dict() == dict(expected)


def test_what_is_not_placed_stays_in_the_accounts(geodata: Path, tmp_path: Path) -> None:
    rows = [
        row("a"),
        row("a"),
        row("b", category="Shoplifting"),
        row("c", at=",", lsoa=""),
        row("d", at="-1.9,52.5", lsoa="E01008899"),
        row("e", at="x,52.24"),
        row("f", at="0,0"),
        row("g", at="-0.9,"),
        row("h", month="January"),
        row("i", category=""),
        row("j") + ",,,too,many,fields",
        "k,2025-01,N",
    ]
    write(tmp_path / NAME, *rows)
    tally = police.tally(tmp_path, geodata)
    assert counts(tally) == {
        "placed": 2,
        "without position": 1,
        "outside": 1,
        "other category": 1,
        "not understood": 7,
    }
    assert tally.frame["records"].sum() == len(rows)
    # a repeated number is said, and both records count
    assert tally.frame.loc[tally.frame["account"] == "placed", "records"].tolist() == [2]
    assert (
        "1 records have a Crime ID that stands in an earlier record "
        "(1 Crime IDs stand in several); they are kept"
    ) in tally.notes
    assert "7 not understood" in tally.notes


def test_lines_that_a_quotation_mark_swallows_are_counted(geodata: Path, tmp_path: Path) -> None:
    stray = row("b").replace("On or near A", '"On or near A')
    closing = row("d").replace("On or near A", 'On or near A"')
    write(tmp_path / NAME, row("a"), stray, row("c"), closing, row("e"))
    tally = police.tally(tmp_path, geodata)
    assert counts(tally) == {"not understood": 3, "placed": 2}
    # a name in quotation marks is nothing special
    write(tmp_path / NAME, row("a").replace("On or near A", '"On or near A, B"'))
    assert counts(police.tally(tmp_path, geodata)) == {"placed": 1}


def test_a_point_at_sea_is_none(geodata: Path, tmp_path: Path) -> None:
    code = tables.table(geodata, "lsoa")["code"][0]
    write(tmp_path / NAME, row(lsoa=code, at="-8.9,49.2"), row(lsoa="", at="-8.9,49.2"))
    assert counts(police.tally(tmp_path, geodata)) == {"not understood": 1, "outside": 1}


def test_an_lsoa_of_2011_counts_by_its_point(geodata: Path, tmp_path: Path) -> None:
    # E01027165 was split in two, so a file of 2019 has a code that is gone
    write(tmp_path / NAME, row(lsoa="E01099999"), row(lsoa="E01099999", at="-1.9,52.5"), row())
    tally = police.tally(tmp_path, geodata)
    assert counts(tally) == {"placed": 2, "outside": 1}
    lsoas = set(tally.frame["lsoa"]) - {""}
    assert lsoas <= set(tables.table(geodata, "lsoa")["code"])
    assert any("1 of those placed have an LSOA code that is not known" in n for n in tally.notes)


def test_an_archive_of_months_and_forces(geodata: Path, tmp_path: Path) -> None:
    for month in ("2024-12", "2025-02"):
        for force in ("northamptonshire", "thames-valley"):
            write(tmp_path / month / f"{month}-{force}-street.csv", row(month=month))
            write(tmp_path / month / f"{month}-{force}-outcomes.csv", "x")
            write(tmp_path / month / f"{month}-{force}-stop-and-search.csv", "x")
    packed = tmp_path / "2025-01" / f"{NAME}.gz"
    packed.parent.mkdir()
    packed.write_bytes(gzip.compress(f"{HEAD}\n{row()}\n".encode()))
    tally = police.tally(tmp_path, geodata)
    assert tally.frame["records"].sum() == 5
    assert tally.frame["month"].tolist() == ["2024-12", "2025-01", "2025-02"]
    assert tally.notes[0] == (
        "5 records of 3 months (2024-12 to 2025-02) of northamptonshire, thames-valley"
    )
    assert "thames-valley lacks 2025-01" in tally.notes


def test_the_zip_as_it_is_downloaded_gives_the_same(
    test_data: Path, geodata: Path, tmp_path: Path
) -> None:
    source = test_data / "crime" / f"{NAME}.gz"
    with zipfile.ZipFile(tmp_path / "archive.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"2025-01/{NAME}", gzip.decompress(source.read_bytes()))
        archive.writestr("2025-01/2025-01-northamptonshire-outcomes.csv", "a,b\n")
    from_zip = police.tally(tmp_path, geodata).frame
    table = tables.table(geodata, "incidents")
    ours = table[table["month"] == "2025-01"].reset_index(drop=True)
    assert from_zip["records"].tolist() == ours["records"].tolist()
    assert from_zip["longitude"].sum() == pytest.approx(ours["longitude"].sum())


def test_a_month_that_is_there_twice(geodata: Path, tmp_path: Path) -> None:
    first = write(tmp_path / "a" / NAME, row())
    second = tmp_path / "b" / NAME
    second.parent.mkdir()
    shutil.copyfile(first, second)
    # the same file twice is read once
    assert police.tally(tmp_path, geodata).frame["records"].sum() == 1
    write(second, row(), row())
    with pytest.raises(DataError, match="northamptonshire 2025-01 is there twice"):
        police.tally(tmp_path, geodata)


def test_a_file_that_a_spreadsheet_has_spoilt(geodata: Path, tmp_path: Path) -> None:
    write(tmp_path / NAME, row(month="Jan-25"), row(month="Jan-25"))
    with pytest.raises(DataError, match=r"None of the 2 rows of .* the month “Jan-25”"):
        police.tally(tmp_path, geodata)
    # a month without any record is none
    write(tmp_path / NAME)
    assert police.tally(tmp_path, geodata).frame.empty


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        (NAME, b"a,b\n1,2\n", "is not a street-level file"),
        (NAME, b"", "is not a street-level file"),
        (NAME, b"\xff\xfe\x00", "is not a street-level file"),
        (f"{NAME}.gz", gzip.compress(HEAD.encode(), mtime=0)[:-9], "is damaged"),
        (f"{NAME}.gz", b"no gzip", "is damaged"),
        ("archive.zip", b"no zip", "is damaged"),
        ("readme.txt", b"", "No police records in"),
    ],
)
def test_files_that_cannot_be_read(
    name: str, content: bytes, said: str, geodata: Path, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=said):
        police.tally(tmp_path, geodata)


def test_a_month_that_does_not_exist(tmp_path: Path, geodata: Path) -> None:
    (tmp_path / "2025-13-northamptonshire-street.csv").write_text("x")
    with pytest.raises(DataError, match="2025-13, which is no month"):
        police.tally(tmp_path, geodata)


def test_crime_ids_of_the_county(test_data: Path, geodata: Path) -> None:
    """One Crime ID may stand in more than two records."""
    files = sorted((test_data / "crime").rglob("*-street.csv.gz"))
    ids = Counter(
        row["Crime ID"]
        for file in files
        for row in csv.DictReader(gzip.decompress(file.read_bytes()).decode().splitlines())
        if row["Crime ID"]
    )
    several = [times for times in ids.values() if times > 1]
    told = police.tally(test_data / "crime", geodata).notes
    said = f"{sum(several) - len(several):,} records have a Crime ID that stands in an earlier"
    assert any(said in note and f"({len(several):,} Crime IDs" in note for note in told)
