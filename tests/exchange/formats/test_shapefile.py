"""Shapefiles in archives, as authorities send them."""

import struct
import zipfile
from pathlib import Path

import geopandas as gpd
import pytest
import shapely

from locator.errors import ImportFileError
from locator.exchange.formats import FORMATS
from tests.exchange.formats.files import NOTE, TITLE, pack, read, save, write


def _parts(folder: Path, crs: str | None = "EPSG:27700", **options: str) -> dict[str, bytes]:
    square = shapely.box(475_000, 260_000, 475_100, 260_100)
    point = shapely.Point(475_000, 260_000)
    frame = gpd.GeoDataFrame({"NAME": ["Café", "Square"]}, geometry=[point, square], crs=crs)
    frame[:1].to_file(folder / "made.shp", **options)
    return {path.suffix: path.read_bytes() for path in folder.glob("made.*")}


def _zip(path: Path, stem: str, parts: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "a") as archive:
        for suffix, data in parts.items():
            archive.writestr(stem + suffix.upper(), data)
    return path


def test_the_first_of_two_in_the_national_grid(tmp_path: Path) -> None:
    parts = _parts(tmp_path)
    path = _zip(tmp_path / "kits.zip", "Data/Kits 2026", parts)
    _zip(path, "__MACOSX/Data/A", parts)
    header, rows = read(_zip(path, "Data/Old", parts))
    assert (header.crs, header.columns) == ("EPSG:27700", ("NAME", "@x", "@y"))
    assert header.notes == ("Only one of 2 Shapefiles, “Kits 2026”, was read.",)
    assert rows == [(1, {"NAME": "Café", "@x": 475_000.0, "@y": 260_000.0})]


def test_without_a_prj_the_coordinate_system_is_not_known(tmp_path: Path) -> None:
    parts = _parts(tmp_path)
    parts.pop(".prj")
    header, _ = read(_zip(tmp_path / "kits.zip", "kits", parts))
    assert header.crs == ""
    assert header.notes == ("There is no .prj, so the coordinate system is not known.",)


def test_the_older_encoding(tmp_path: Path) -> None:
    parts = _parts(tmp_path, encoding="ISO-8859-1")
    assert read(_zip(tmp_path / "kits.zip", "kits", parts))[1][0][1]["NAME"] == "Café"


@pytest.mark.parametrize("part", [".shx", ".dbf"])
def test_missing_parts(part: str, tmp_path: Path) -> None:
    parts = _parts(tmp_path)
    parts.pop(part)
    with pytest.raises(ImportFileError, match=f"lacks its {part}"):
        read(_zip(tmp_path / "kits.zip", "kits", parts))


def test_names_of_members_are_never_paths(tmp_path: Path) -> None:
    parts = _parts(tmp_path)
    outside = tmp_path / "outside.shp"
    for stem in ("../../../../outside", f"{tmp_path}/outside", "a/../../outside"):
        path = tmp_path / "kits.zip"
        path.unlink(missing_ok=True)
        assert len(read(_zip(path, stem, parts))[1]) == 1
    assert not outside.exists()


def test_a_member_that_is_a_link_is_only_its_text(tmp_path: Path) -> None:
    secret = save(tmp_path / "secret.dbf", _parts(tmp_path)[".dbf"])
    path = tmp_path / "kits.zip"
    parts = _parts(tmp_path)
    parts.pop(".dbf")
    _zip(path, "kits", parts)
    with zipfile.ZipFile(path, "a") as archive:
        link = zipfile.ZipInfo("kits.dbf")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, str(secret))
    with pytest.raises(ImportFileError, match="damaged"):
        read(path)


def test_a_stranger_inside(tmp_path: Path) -> None:
    vrt = "<OGRVRTDataSource></OGRVRTDataSource>"
    path = pack(tmp_path / "kits.zip", {"a.shp": vrt, "a.shx": vrt, "a.dbf": vrt})
    with pytest.raises(ImportFileError, match="is not a Shapefile"):
        read(path)
    with pytest.raises(ImportFileError, match="one part of a Shapefile"):
        read(save(tmp_path / "kits.shp", struct.pack(">i", 9994) + b"\0" * 200))


def test_long_and_equal_names(tmp_path: Path) -> None:
    columns = ("a long name 1", "a long name 2", "opening_hours")
    rows = [dict.fromkeys(columns, "x" * 300)]
    path = tmp_path / "kits.zip"
    said = FORMATS["shapefile"].writer()(path, columns, rows, title=TITLE, note=NOTE)
    assert said == [
        "The column “a long name 1” is called “a_long_nam” in the Shapefile.",
        "The column “a long name 2” is called “a_long_na2” in the Shapefile.",
    ]
    _, got = read(path)
    assert got == [(1, dict.fromkeys(("a_long_nam", "a_long_na2", "opening_hours"), "x" * 300))]


def test_the_note_lies_beside(tmp_path: Path) -> None:
    with zipfile.ZipFile(write(tmp_path, "shapefile")) as archive:
        assert archive.read("bleed_kits.txt").decode() == f"{NOTE}\n"
        assert archive.read("bleed_kits.cpg") == b"UTF-8"
