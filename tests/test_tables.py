import csv
import re
import shutil
from pathlib import Path

import pytest

from locator import tables
from locator.errors import DataError


def test_every_table_is_described_and_reads(geodata: Path) -> None:
    described = tables.sources(geodata)
    files = {path.name for path in geodata.iterdir()}
    assert {s.file for s in described.values()} == files - {
        "area.toml",
        "sources.toml",
        "README.md",
    }
    for name, source in described.items():
        for part in (source.title, source.date, source.licence, source.attribution):
            assert part
        if ".csv" in source.file:
            assert len(tables.table(geodata, name)) > 0
        elif source.file.endswith(".geojson"):
            assert tables.outlines(geodata, name).geometry.is_valid.all()


def test_sizes_stay_compact(geodata: Path) -> None:
    assert all(path.stat().st_size < 2 * 1024**2 for path in geodata.iterdir())


def test_a_damaged_table_names_its_cure(geodata: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(geodata, tmp_path / "geodata")
    (copy / "lsoa.csv").write_text("code\n", "utf-8")
    with pytest.raises(DataError, match=r"sources\.toml lists"):
        tables.table(copy, "lsoa")
    (copy / "postcodes.csv.gz").write_bytes(b"not gzip")
    with pytest.raises(DataError, match="locator data build postcodes"):
        tables.table(copy, "postcodes")
    (copy / "areas.geojson").write_text("{", "utf-8")
    with pytest.raises(DataError, match="locator data build areas"):
        tables.outlines(copy, "areas")


def test_a_disguised_file_does_not_read_another(geodata: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(geodata, tmp_path / "geodata")
    (tmp_path / "secret.csv").write_text("code,name,level\n1,secret,county\n", "utf-8")
    (copy / "areas.geojson").write_text(
        f'<OGRVRTDataSource><OGRVRTLayer name="secret"><SrcDataSource>{tmp_path}/secret.csv'
        "</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>",
        "utf-8",
    )
    with pytest.raises(DataError):
        tables.outlines(copy, "areas")


def _kits(geodata: Path) -> list[dict[str, str]]:
    return list(csv.DictReader((geodata / "kits.csv").read_text("utf-8").splitlines()))


def test_published_kits_say_what_is_known(geodata: Path) -> None:
    kits = _kits(geodata)
    assert [k["source_id"] for k in kits] == [f"K{i:02}" for i in range(1, 50)]
    for kit in kits:
        placed = kit["longitude"] != ""
        assert placed == (kit["geocoded_from"] != "") == (float(kit["precision_m"] or 0) > 0)
        assert kit["position_method"]
        assert kit["source_url"].startswith("https://")
        assert re.fullmatch(r"\d{4}(-\d\d){0,2}", kit["reported"])
        # hours are known only for cabinets that the source says are outdoors or always reachable
        assert kit["opening_hours"] in ("", "24/7")
        if kit["opening_hours"] == "24/7":
            assert kit["kind"] == "cabinet"
        if kit["kind"] == "in premises":
            assert kit["opening_hours"] == ""


def test_no_cabinet_code_is_written_down(geodata: Path) -> None:
    for kit in _kits(geodata):
        for column in ("name", "position_text", "address", "hours_text", "access", "note"):
            told = re.sub(r"\b999\b|24/7|\b20\d\d\b|NN\d+ \d[A-Z]{2}", "", kit[column])
            assert not re.search(r"\b[A-Z]?\d{3,6}[A-Z]?\b", told), (column, kit[column])
