"""Build postcodes, outlines and neighbourhoods."""

import re
import zipfile
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd

from locator import geodesy, tables
from locator.builders.files import Built, Downloads, pick, write_csv, write_outlines
from locator.demand.area import TOLERANCE_M
from locator.errors import DataError


def build_postcodes(downloads: Downloads, folder: Path) -> Built:
    """Code-Point Open: the zip of Ordnance Survey, or one CSV with a header."""
    area = tables.area(folder)
    path = downloads.one("Code-Point Open", "codepo_gb.zip", "code_point_open_*.csv*")
    raw = _code_point_zip(path) if path.suffix == ".zip" else pd.read_csv(path)
    frame = pick(
        raw,
        path,
        postcode=("postcode",),
        easting=("eastings",),
        northing=("northings",),
        quality=("positional_quality_indicator",),
        authority=("admin_district_code",),
    )
    inside = frame["authority"].isin(list(area.authorities))
    placed = frame["easting"] > 0
    frame["postcode"] = [
        f"{code[:-3].strip()} {code[-3:]}" for code in frame["postcode"].astype(str)
    ]
    kept = frame[inside & placed].sort_values("postcode")
    return write_csv(
        kept,
        folder,
        "postcodes",
        f"{int((~inside).sum())} postcodes of other authorities left out",
        f"{int((inside & ~placed).sum())} postcodes without a position left out",
    )


def _code_point_zip(path: Path) -> pd.DataFrame:
    # the order of columns in the headerless CSVs, from the product's Doc/ folder
    columns = {0: "postcode", 1: "positional_quality_indicator", 2: "eastings", 3: "northings"}
    columns[8] = "admin_district_code"
    with zipfile.ZipFile(path) as archive:
        members = [m for m in archive.namelist() if re.search(r"Data/CSV/\w+\.csv$", m)]
        parts = [pd.read_csv(archive.open(m), header=None, usecols=list(columns)) for m in members]
    if not parts:
        msg = f"{path} holds no Data/CSV/*.csv; is it Code-Point Open in CSV format?"
        raise DataError(msg)
    return pd.concat(parts, ignore_index=True).rename(columns=columns)


def build_areas(downloads: Downloads, folder: Path) -> Built:
    """Outlines of the area: the union of its authorities, and each authority."""
    area = tables.area(folder)
    path = downloads.one("authority outlines", "*boundaries*.gpkg", "*Local_Authority_D*")
    raw = gpd.read_file(path, layer="lad_2024") if path.suffix == ".gpkg" else gpd.read_file(path)
    codes = pick(raw, path, code=("ltla24_code", "LAD24CD", "LAD23CD"))
    raw = raw.assign(code=codes["code"]).to_crs(geodesy.WGS84)
    kept = raw[raw["code"].isin(list(area.authorities))].sort_values("code")
    detailed = downloads.one("county outline", "*county_osm*.geojson", path.name)
    county = gpd.read_file(detailed) if detailed != path else kept
    county = county.to_crs(geodesy.BNG).simplify(TOLERANCE_M)
    frame = gpd.GeoDataFrame(
        {
            "code": ["", *kept["code"]],
            "name": [area.name, *(area.authorities[c] for c in kept["code"])],
            "level": ["county", *("authority" for _ in range(len(kept)))],
        },
        geometry=[county.to_crs(geodesy.WGS84).union_all(), *kept.geometry],
        crs=geodesy.WGS84,
    )
    return write_outlines(frame, folder, "areas")


def build_lsoas(downloads: Downloads, folder: Path) -> Built:
    """Residents and deprivation by LSOA 2021, with a centre made from its postcodes."""
    outlines = _lsoa_polygons(downloads, folder)
    path = downloads.one("residents by LSOA", "lsoa2021_census2021*.csv*", "*ts001-lsoa.csv")
    residents = pick(
        pd.read_csv(path),
        path,
        code=("lsoa21_code", "geography code"),
        residents=("total_residents", "Residence type: Total; measures: Value"),
    )
    path = downloads.one("indices of deprivation", "lsoa2021*imd2025*.csv*", "File_7_*.csv")
    deprivation = pick(
        pd.read_csv(path),
        path,
        code=("lsoa21_code", "LSOA code (2021)"),
        imd_decile=(
            "IMD_decile",
            "Index of Multiple Deprivation (IMD) Decile (where 1 is most deprived 10% of LSOAs)",
        ),
    )
    path = downloads.one(
        "wards of LSOAs", "lsoa2021*ward*.csv*", "*LSOA*Electoral_Ward*.csv", "lsoa2021*.csv*"
    )
    wards = pick(
        pd.read_csv(path),
        path,
        code=("lsoa21_code", "LSOA21CD"),
        ward=("ward24_bestfit_code", "WD24CD"),
        ward_name=("ward24_bestfit_name", "WD24NM"),
    )
    frame = outlines[["code", "name", "authority"]]
    for more in (wards, residents, deprivation):
        frame = frame.merge(more, on="code", how="left")
    if frame.isna().any(axis=None):
        missing = sorted(frame.loc[frame.isna().any(axis=1), "code"])
        msg = (
            f"Ward, residents or deprivation are missing for {len(missing)} LSOAs: "
            f"{missing[:5]} ..."
        )
        raise DataError(msg)
    units = tables.table(folder, "postcodes")
    points = gpd.GeoDataFrame(
        geometry=gpd.points_from_xy(units["easting"], units["northing"]), crs=geodesy.BNG
    )
    polygons = outlines.to_crs(geodesy.BNG)
    joined = points.sjoin(polygons[["code", "geometry"]], predicate="within")
    means = pd.DataFrame(
        {"x": joined.geometry.x, "y": joined.geometry.y, "code": joined["code"]}
    ).groupby("code")[["x", "y"]]
    inside = polygons.set_index("code").representative_point()
    centre = means.mean().reindex(frame["code"])
    empty = centre["x"].isna().to_numpy()
    x = np.where(empty, inside.x.reindex(frame["code"]), centre["x"])
    y = np.where(empty, inside.y.reindex(frame["code"]), centre["y"])
    lon, lat = geodesy.to_wgs84(x, y)
    frame = frame.assign(longitude=lon.round(6), latitude=lat.round(6)).sort_values("code")
    note = f"{int(empty.sum())} LSOAs hold no postcode: a point inside the outline stands for them"
    return write_csv(frame, folder, "lsoa", note)


def _lsoa_polygons(downloads: Downloads, folder: Path) -> gpd.GeoDataFrame:
    area = tables.area(folder)
    path = downloads.one("LSOA outlines", "*boundaries*.gpkg", "*Lower_layer_Super_Output*2021*")
    raw = gpd.read_file(path, layer="lsoa_2021") if path.suffix == ".gpkg" else gpd.read_file(path)
    picked = pick(raw, path, code=("lsoa21_code", "LSOA21CD"), name=("lsoa21_name", "LSOA21NM"))
    # ONS names an LSOA after its authority: "West Northamptonshire 048E"
    by_name = {name: code for code, name in area.authorities.items()}
    picked["authority"] = [by_name.get(name.rsplit(" ", 1)[0], "") for name in picked["name"]]
    frame = gpd.GeoDataFrame(picked, geometry=raw.geometry.make_valid(), crs=raw.crs)
    return frame[frame["authority"] != ""].to_crs(geodesy.WGS84).sort_values("code")


def build_lsoa_outlines(downloads: Downloads, folder: Path) -> Built:
    """Simplified outlines of the LSOAs of the area."""
    frame = _lsoa_polygons(downloads, folder)[["code", "geometry"]]
    return write_outlines(frame, folder, "lsoa_outlines")
