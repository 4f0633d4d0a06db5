import gzip
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.spatial import cKDTree

from locator import build, demand, geodesy, tables
from locator.errors import DataError, InputError
from locator.places import Gazetteer


@pytest.fixture
def target(geodata: Path, tmp_path: Path) -> Path:
    return shutil.copytree(geodata, tmp_path / "geodata")


def _content(path: Path) -> bytes:
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


@pytest.mark.parametrize(
    "name",
    [
        "areas",
        "postcodes",
        "lsoa",
        "lsoa_outlines",
        "incidents",
        "residents",
        "places",
        "streets",
        "sites",
        "profile",
    ],
)
def test_building_again_gives_the_committed_table(
    name: str, test_data: Path, geodata: Path, target: Path
) -> None:
    path = target / tables.sources(geodata)[name].file
    path.write_bytes(gzip.compress(b"") if path.suffix == ".gz" else b"")
    built = build.build(name, test_data, target)
    assert built.rows > 0
    assert _content(path) == _content(geodata / path.name)


def test_the_committed_positions_of_kits_come_from_the_geocoder(
    geodata: Path, target: Path
) -> None:
    frame = pd.read_csv(target / "kits.csv", dtype=str, keep_default_na=False)
    frame[["longitude", "latitude", "precision_m"]] = ""
    frame.to_csv(target / "kits.csv", index=False, lineterminator="\n")
    built = build.build("kits", target, target)
    assert built.notes == ("10 kits have no position",)
    assert _content(target / "kits.csv") == _content(geodata / "kits.csv")


def test_an_ambiguous_place_of_a_kit_is_refused(target: Path) -> None:
    path = target / "kits.csv"
    path.write_text(
        path.read_text("utf-8").replace('"New Street, Daventry",100', '"New Street",100'), "utf-8"
    )
    with pytest.raises(InputError, match="fits no single place"):
        build.build("kits", target, target)


def test_code_point_open_as_ordnance_survey_ships_it(target: Path, tmp_path: Path) -> None:
    rows = [
        '"NN1 1DE",10,475577,260485,"E92000001","E19000002","E18000002","","E06000062","E05013280"',
        '"NN111DE",10,457000,262000,"E92000001","E19000002","E18000002","","E06000062","E05013280"',
        '"NN1 1XX",90,0,0,"E92000001","E19000002","E18000002","","E06000062","E05013280"',
        '"MK9 3QA",10,485000,239000,"E92000001","E19000002","E18000002","","E06000042","E05013280"',
    ]
    with zipfile.ZipFile(tmp_path / "codepo_gb.zip", "w") as archive:
        archive.writestr("Data/CSV/nn.csv", "\n".join(rows[:3]))
        archive.writestr("Data/CSV/mk.csv", rows[3])
        archive.writestr("Doc/licence.txt", "OGL")
    built = build.build("postcodes", tmp_path, target)
    frame = tables.table(target, "postcodes")
    assert frame["postcode"].tolist() == ["NN1 1DE", "NN11 1DE"]
    assert built.notes == (
        "1 postcodes of other authorities left out",
        "1 postcodes without a position left out",
    )


def test_census_and_deprivation_as_they_are_published(
    geodata: Path, target: Path, tmp_path: Path
) -> None:
    ours = tables.table(geodata, "lsoa")
    downloads = tmp_path / "downloads"
    downloads.mkdir()
    pd.DataFrame(
        {
            "date": 2021,
            "geography": ours["name"],
            "geography code": ours["code"],
            "Residence type: Total; measures: Value": ours["residents"],
        }
    ).to_csv(downloads / "census2021-ts001-lsoa.csv", index=False)
    pd.DataFrame(
        {
            "LSOA code (2021)": ours["code"],
            "Index of Multiple Deprivation (IMD) Decile "
            "(where 1 is most deprived 10% of LSOAs)": ours["imd_decile"],
        }
    ).to_csv(downloads / "File_7_IoD2025_All_Ranks_Scores_Deciles.csv", index=False)
    pd.DataFrame(
        {"LSOA21CD": ours["code"], "WD24CD": ours["ward"], "WD24NM": ours["ward_name"]}
    ).to_csv(downloads / "LSOA_(2021)_to_Electoral_Ward_(2024)_to_LAD_(2024).csv", index=False)
    outlines = tables.outlines(geodata, "lsoa_outlines").merge(ours[["code", "name"]], on="code")
    outlines = outlines.rename(columns={"code": "LSOA21CD", "name": "LSOA21NM"})
    path = downloads / "Lower_layer_Super_Output_Areas_December_2021.geojson"
    path.write_text(outlines.to_json(drop_id=True), "utf-8")
    build.build("lsoa", downloads, target)
    again = tables.table(target, "lsoa")
    columns = ["code", "name", "authority", "ward", "ward_name", "residents", "imd_decile"]
    assert again[columns].equals(ours[columns])
    # rounding the outlines moves a postcode or two to the neighbour
    assert (again["longitude"] - ours["longitude"]).abs().max() < 0.005


def test_a_missing_download_is_named(target: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(DataError, match=r"Download it there as codepo_gb\.zip"):
        build.build("postcodes", empty, target)


def test_a_file_of_another_shape_is_named(target: Path, tmp_path: Path) -> None:
    (tmp_path / "code_point_open_x.csv").write_text("a,b\n1,2\n", "utf-8")
    with pytest.raises(DataError, match="has no column postcode"):
        build.build("postcodes", tmp_path, target)


def test_incidents_of_another_archive(target: Path, tmp_path: Path) -> None:
    head = (
        "Crime ID,Month,Reported by,Falls within,Longitude,Latitude,Location,LSOA code,"
        "LSOA name,Crime type,Last outcome category,Context"
    )
    code = tables.table(target, "lsoa")["code"][0]
    rows = [
        f",2026-01,N,N,-0.9,52.24,On or near A,{code},West,Robbery,,",
        f",2026-01,N,N,-0.9,52.24,On or near A,{code},West,Robbery,,",
        ",2026-01,N,N,,,No Location,,,Robbery,,",
        ",2026-01,N,N,-1.9,52.5,On or near B,E01008899,Birmingham,Possession of weapons,,",
        f",2026-01,N,N,-0.9,52.24,On or near A,{code},West,Shoplifting,,",
    ]
    folder = tmp_path / "2026-01"
    folder.mkdir()
    path = folder / "2026-01-northamptonshire-street.csv"
    path.write_text("\n".join([head, *rows]), "utf-8")
    built = build.build("incidents", tmp_path, target)
    assert built.notes == (
        "5 records of 1 months (2026-01 to 2026-01) of northamptonshire",
        "2 placed",
        "1 without position",
        "1 outside",
        "1 other category",
        "0 not understood",
    )
    found = demand.incidents(target, demand.named(target, "flat"), {})
    assert found.points["count"].tolist() == [2.0]
    assert found.months == ("2026-01", "2026-01")
    assert found.accounts.as_dict() == {
        "read": 5,
        "placed": 2,
        "without_position": 1,
        "outside": 1,
        "other_categories": 1,
        "other": 0,
    }


def test_profiles_of_other_shares(target: Path, tmp_path: Path) -> None:
    (tmp_path / "profile_shares.csv").write_text(
        "profile,period,share\nviolence,daily 20:00-04:00,0.5\n", "utf-8"
    )
    build.build("profile", tmp_path, target)
    known = demand.profiles(target)
    late = [hour for hour in range(168) if hour % 24 >= 20 or hour % 24 < 4]
    assert known["violence"].hours[late].sum() == pytest.approx(0.5)
    # a profile without shares is flat
    assert known["survey"].hours == pytest.approx(1 / 168)
    (tmp_path / "profile_shares.csv").write_text(
        "profile,period,share\nnights,daily 20:00-04:00,0.5\n", "utf-8"
    )
    with pytest.raises(DataError, match=r"Describe the profiles \['nights'\]"):
        build.build("profile", tmp_path, target)


def test_residents_of_an_own_table(target: Path, tmp_path: Path) -> None:
    path = tmp_path / "residents 2026.csv"
    path.write_text("postcode,residents\nNN1 1DE,40\nNN11 4AA,7\nXX1 1XX,3\nNN1 1DE,2\n", "utf-8")
    built = build.build("residents", tmp_path, target)
    frame = tables.table(target, "residents")
    units = tables.table(target, "postcodes").set_index("postcode")
    assert frame["residents"].sum() == 42 + 7
    at = units.loc["NN1 1DE"]
    here = frame[(frame["easting"] == at["easting"]) & (frame["northing"] == at["northing"])]
    assert here["residents"].tolist() == [42]
    assert set(frame["lsoa"]) <= set(tables.table(target, "lsoa")["code"])
    assert any(note.endswith("residents without a place left out") for note in built.notes)
    # a position that lies elsewhere is left out and counted
    path.write_text("longitude,latitude,population\n-0.9,52.24,5\n-1.9,52.5,8\n", "utf-8")
    built = build.build("residents", tmp_path, target)
    assert built.notes[0] == "5 residents"
    assert "8 residents outside the area left out" in built.notes
    # by code of the LSOA they stand at its centre
    path.write_text("lsoa,residents\nE01026949,11\n", "utf-8")
    build.build("residents", tmp_path, target)
    assert tables.table(target, "residents")[["lsoa", "residents"]].to_numpy().tolist() == [
        ["E01026949", 11]
    ]
    path.write_text("where,residents\nhere,11\n", "utf-8")
    with pytest.raises(DataError, match="has no column lsoa or code"):
        build.build("residents", tmp_path, target)


def test_residents_of_output_areas(target: Path, tmp_path: Path) -> None:
    (tmp_path / "census2021-ts001-oa.csv").write_text(
        "geography code,Residence type: Total; measures: Value\nE00137481,300\nE00000001,90\n",
        "utf-8",
    )
    (tmp_path / "Output_Areas_2021_PWC_Centroids.csv").write_text(
        "OA21CD,x,y\nE00137481,475577.4,260485.2\nE00000001,530000,180000\n", "utf-8"
    )
    built = build.build("residents", tmp_path, target)
    frame = tables.table(target, "residents")
    assert frame[["easting", "northing", "residents"]].to_numpy().tolist() == [
        [475577, 260485, 300]
    ]
    assert "90 residents outside the area left out" in built.notes


def test_residents_without_anything_finer_stand_at_the_centres(
    target: Path, tmp_path: Path
) -> None:
    built = build.build("residents", tmp_path, target)
    assert built.rows == 443
    assert built.notes == ("785,238 residents", "every LSOA stands at its centre")


def test_places_where_a_kit_could_stand(geodata: Path) -> None:
    sites = tables.table(geodata, "sites")
    assert (sites != "").all(axis=None)
    kinds = sites["kind"].value_counts()
    assert kinds["railway station"] == kinds["hospital"] == 6
    assert kinds["bus station"] == 3
    assert kinds["bus stop"] > 3_000
    assert kinds["street junction"] > 6_000
    stops = sites[sites["kind"] == "bus stop"]
    x, y = geodesy.to_bng(stops["longitude"].to_numpy(), stops["latitude"].to_numpy())
    # those merged are 30 m apart at least; the table rounds to a metre
    nearest = cKDTree(np.column_stack([x, y])).query(np.column_stack([x, y]), k=2)[0][:, 1]
    assert nearest.min() > 28
    # a junction's streets are those of the map, and nobody's name is in the table
    streets = set(tables.table(geodata, "streets")["name"])
    corners = sites[sites["kind"] == "street junction"]["name"].str.split(" / ")
    assert (corners.map(len) > 1).all()
    assert np.mean([name in streets for corner in corners for name in corner]) > 0.99
    practices = sites[sites["kind"] == "GP practice"]["name"]
    assert not practices.str.match(r"(?i)drs?\b").any()


def test_streets_of_an_osm_extract(test_data: Path) -> None:
    streets = build.osm_extract_streets(test_data / "street" / "rutland_2018-02-27.osm.pbf")
    assert {"High Street East", "Burley Road"} <= set(streets["name"])
    burley_road = streets[streets["name"] == "Burley Road"]
    # Oakham's runs north-east from the middle of the town
    oakham = burley_road.cx[486_000:488_000, 308_500:310_500]
    assert 1_000 < oakham.length.sum() < 2_500


def test_the_basemap_of_an_osm_extract(test_data: Path, target: Path, tmp_path: Path) -> None:
    downloads = tmp_path / "downloads"
    downloads.mkdir()
    extract = downloads / "rutland.osm.pbf"
    shutil.copyfile(test_data / "street" / "rutland_2018-02-27.osm.pbf", extract)
    built = build.build("basemap", downloads, target)
    # the extract is of the next county: only streets on the border lie inside this one
    assert 416 < built.rows < 2_000
    assert built.path.read_bytes()[:7] == b"PMTiles"


def test_the_gazetteer_has_every_street_once_for_each_place(geodata: Path) -> None:
    streets = tables.table(geodata, "streets")
    assert len(streets) > 10_000
    assert streets["precision_m"].min() >= 30
    assert not streets.duplicated(["name", "longitude", "latitude"]).any()
    assert Gazetteer.load(geodata).resolve("Drapery, Northampton")[0].precision_m >= 100
