"""Build residents as points: by postcode unit, output area, LSOA or an own table."""

from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from locator import geodesy, tables
from locator.builders.files import Built, Downloads, pick, write_csv
from locator.builders.spots import lies_inside
from locator.demand.census import spread

# a unit of the census of 27 March 2011, as the postcode lookup dates units: year and month
_CENSUS_2011, _CENSUS_2021 = "201104", "202103"


_NAMES_OF_RESIDENTS = (
    "residents",
    "population_2011",
    "population",
    "Count",
    "Total",
    "Residence type: Total; measures: Value",
)


def build_residents(downloads: Downloads, folder: Path) -> Built:
    """Residents as points: from an own table, output areas, postcodes or LSOA centres."""
    lsoas = tables.table(folder, "lsoa")
    for patterns, read in _RESIDENTS.items():
        paths = [downloads.own(pattern, folder) for pattern in patterns]
        if all(paths):
            frame, notes = read(*paths, downloads, folder)
            break
    else:
        frame, notes = _centres(lsoas), ("every LSOA stands at its centre",)
    frame = frame[frame["residents"] > 0].astype({"easting": int, "northing": int})
    merged = frame.groupby(["easting", "northing", "lsoa"])["residents"].sum().reset_index()
    counted = f"{int(merged['residents'].sum()):,} residents"
    return write_csv(merged, folder, "residents", counted, *notes)


def _centres(lsoas: pd.DataFrame) -> pd.DataFrame:
    x, y = geodesy.to_bng(lsoas["longitude"].to_numpy(), lsoas["latitude"].to_numpy())
    frame = lsoas.rename(columns={"code": "lsoa"})[["lsoa", "residents"]]
    return frame.assign(easting=x.round(), northing=y.round())


def _residents_by_postcode(
    path: Path, downloads: Downloads, folder: Path
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Spread the census of LSOAs over postcode units, by an older count of these."""
    raw = pd.read_csv(path)
    counts = pick(raw, path, postcode=("postcode", "Postcode"), people=_NAMES_OF_RESIDENTS)
    counts = counts.groupby("postcode")[["people"]].sum().reset_index()
    units = _postcode_units(downloads, folder).merge(counts, on="postcode", how="outer")
    if {"longitude", "latitude"} <= set(raw.columns):
        # where the unit lay when its residents were counted: some have moved since
        at = raw.groupby("postcode")[["longitude", "latitude"]].first().reindex(units["postcode"])
        x, y = geodesy.to_bng(at["longitude"].to_numpy(), at["latitude"].to_numpy())
        units["easting"] = np.where(np.isnan(x), units["easting"], x.round())
        units["northing"] = np.where(np.isnan(y), units["northing"], y.round())
    units["people"] = units["people"].fillna(0)
    is_new = units["introduced"].between(_CENSUS_2011, _CENSUS_2021) & units["is_live"]
    is_new &= units["people"] == 0
    placed = units["easting"].notna() & units["lsoa11"].notna()
    lost = units[(units["people"] > 0) & ~placed]
    units = units[placed & ((units["people"] > 0) | is_new)].reset_index(drop=True)
    units["lsoa"] = _lsoa_of_units(units, downloads, folder)
    lsoas = tables.table(folder, "lsoa")
    units = units[units["lsoa"].isin(lsoas["code"])].reset_index(drop=True)
    bare = lsoas[~lsoas["code"].isin(units["lsoa"])]
    units = pd.concat([units, _centres(bare).assign(people=0.0)], ignore_index=True)
    totals = lsoas.set_index("code")["residents"]
    frame = units.assign(residents=spread(units, totals))
    newer = frame[(frame["people"] == 0) & (frame["residents"] > 0)]
    in_newer = f"{int(newer['residents'].sum()):,} of them in {len(newer):,} units newer than that"
    no_place = f"{int(lost['people'].sum())} of them in {len(lost)} units without a place"
    return frame, (
        f"spread by the {int(counts['people'].sum()):,} of the count by postcode",
        f"{in_newer}, in {newer['lsoa'].nunique()} LSOAs",
        f"{no_place} left out of that count",
        f"{len(bare)} LSOAs without a unit stand at their centre",
    )


def _postcode_units(downloads: Downloads, folder: Path) -> pd.DataFrame:
    """Postcode units, also those that are gone, with their LSOA, age and position."""
    path = downloads.one(
        "ONS postcode lookup", "ons_postcode_to_oa*.csv*", "PCD_OA_LSOA_MSOA_LAD_*.csv"
    )
    raw = pd.read_csv(path, dtype=str, keep_default_na=False)
    frame = pick(
        raw,
        path,
        postcode=("postcode", "pcds"),
        introduced=("dointr",),
        ended=("doterm",),
        large_user=("usertype",),
        lsoa11=("lsoa11cd", "lsoa21cd"),
    )
    # a large user is a firm with a postcode of its own
    is_live = (frame["ended"] == "") & (frame["large_user"] == "0")
    frame = frame.assign(introduced=frame["introduced"].str[:6], is_live=is_live)
    points = tables.table(folder, "postcodes")[["postcode", "easting", "northing"]]
    frame = frame.merge(points, on="postcode", how="left")
    columns = ["postcode", "introduced", "is_live", "lsoa11", "easting", "northing"]
    return frame[columns]


def _lsoa_of_units(units: pd.DataFrame, downloads: Downloads, folder: Path) -> "pd.Series[str]":
    """Give units the LSOA 2021 that their LSOA 2011 has become.

    Where it was split, the nearest of its parts is taken.
    """
    path = downloads.one(
        "LSOA 2011 to 2021", "lookup_lsoa2011_to_lsoa2021*.csv*", "LSOA_(2011)_to_LSOA_(2021)*.csv"
    )
    became = pick(
        pd.read_csv(path),
        path,
        lsoa11=("lsoa11_code", "LSOA11CD"),
        lsoa21=("lsoa21_code", "LSOA21CD"),
    )
    parts = became.groupby("lsoa11")["lsoa21"].agg(list)
    found = units["lsoa11"].map(parts.map(lambda codes: codes[0] if len(codes) == 1 else ""))
    outlines = tables.outlines(folder, "lsoa_outlines").to_crs(geodesy.BNG).set_index("code")
    for lsoa11 in parts.index[parts.map(len) > 1]:
        rows = units.index[units["lsoa11"] == lsoa11]
        points = shapely.points(units.loc[rows, ["easting", "northing"]].to_numpy(np.float64))
        codes = [code for code in parts[lsoa11] if code in outlines.index]
        if not len(rows) or not codes:
            continue
        apart = np.stack([shapely.distance(points, outlines.geometry[code]) for code in codes])
        found.loc[rows] = np.array(codes, dtype=object)[apart.argmin(axis=0)]
    return found


def _residents_by_output_area(
    path: Path, centroids: Path, downloads: Downloads, folder: Path
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Residents of output areas at their centroids."""
    del downloads
    counts = pick(
        pd.read_csv(path),
        path,
        code=("geography code", "OA21CD", "oa21_code", "OA11CD"),
        residents=_NAMES_OF_RESIDENTS,
    )
    points = pick(
        pd.read_csv(centroids),
        centroids,
        code=("OA21CD", "oa21_code", "OA11CD", "oa21cd"),
        easting=("x", "X", "easting", "BNG_E"),
        northing=("y", "Y", "northing", "BNG_N"),
    )
    return _placed_residents(counts.merge(points, on="code", how="left"), folder)


def _own_residents(
    path: Path, downloads: Downloads, folder: Path
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Take residents of an own table as they are; its rows say where by any usual column."""
    del downloads
    raw = pd.read_csv(path)
    frame = pick(raw, path, residents=_NAMES_OF_RESIDENTS)
    if {"easting", "northing"} <= set(raw.columns):
        frame = frame.assign(easting=raw["easting"], northing=raw["northing"])
    elif {"longitude", "latitude"} <= set(raw.columns):
        x, y = geodesy.to_bng(raw["longitude"].to_numpy(float), raw["latitude"].to_numpy(float))
        frame = frame.assign(easting=x, northing=y)
    elif "postcode" in raw.columns:
        units = tables.table(folder, "postcodes").set_index("postcode")
        frame[["easting", "northing"]] = units.reindex(raw["postcode"])[
            ["easting", "northing"]
        ].to_numpy()
    else:
        codes = pick(raw, path, code=("lsoa", "code", "LSOA21CD", "lsoa21_code", "geography code"))
        centres = _centres(tables.table(folder, "lsoa")).set_index("lsoa").reindex(codes["code"])
        frame[["easting", "northing"]] = centres[["easting", "northing"]].to_numpy()
    return _placed_residents(frame, folder)


def _placed_residents(frame: pd.DataFrame, folder: Path) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Keep residents of the area, with the LSOA that they live in."""
    frame = frame.rename(columns={"easting": "x", "northing": "y"})
    placed = frame["x"].notna()
    inside = placed & lies_inside(frame.fillna({"x": 0, "y": 0}), folder)
    kept = frame[inside].reset_index(drop=True)
    outlines = tables.outlines(folder, "lsoa_outlines").to_crs(geodesy.BNG)
    points = gpd.GeoDataFrame(geometry=gpd.points_from_xy(kept["x"], kept["y"]), crs=geodesy.BNG)
    near = points.sjoin_nearest(outlines)
    near = near[~near.index.duplicated()]
    kept = kept.assign(lsoa=near["code"], easting=kept["x"].round(), northing=kept["y"].round())
    left = frame["residents"]
    return kept, (
        f"{int(left[~placed].sum()):,} residents without a place left out",
        f"{int(left[placed & ~inside].sum()):,} residents outside the area left out",
    )


# the first whose files are all there is used
_RESIDENTS: dict[tuple[str, ...], Callable[..., tuple[pd.DataFrame, tuple[str, ...]]]] = {
    ("residents*.csv*",): _own_residents,
    ("*ts001-oa.csv", "*Output_Areas*entroids*.csv"): _residents_by_output_area,
    ("postcode_population*.csv*",): _residents_by_postcode,
    ("pcd_p001.csv",): _residents_by_postcode,
}
