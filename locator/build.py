"""Build the compact tables of ``geodata/`` from downloaded open data.

Each builder reads files as their publishers hand them out (or trimmed copies with the same
columns) from one folder, finds them by name, and writes one table. Nothing is dropped in
silence: every builder says what it left out.
"""

import gzip
import itertools
import json
import re
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components, minimum_spanning_tree
from scipy.spatial import cKDTree
from scipy.spatial.distance import pdist, squareform

from locator import demand, geodesy, places, tables
from locator.demand import police
from locator.demand.census import spread
from locator.demand.shares import fit
from locator.errors import DataError, InputError
from locator.travel import extract, network, straight
from locator.travel.streets import Streets

# nodes of one name that lie within this distance belong to one street
_STREET_GAP_M = 500.0
# police points and bus stops tell of a street, but not how long it is
_OSM_PRECISION_M, _SNAPPED_PRECISION_M = 30.0, 200.0
_STOP_GAP_M = 300.0
_OUTLINE_TOLERANCE_M = 60.0
_STOP_PRECISION_M = 30.0

# what data.police.uk writes in "On or near ..." for places that are not streets
_NOT_A_STREET = frozenset(
    {
        "Airport/Airfield",
        "Bus/Coach Station",
        "Conference/Exhibition Centre",
        "Further/Higher Educational Building",
        "Hospital",
        "Motorway Service Area",
        "Nightclub",
        "No Location",
        "Park/Open Space",
        "Parking Area",
        "Pedestrian Subway",
        "Petrol Station",
        "Police Station",
        "Prison",
        "Race Track",
        "Shopping Area",
        "Sports/Recreation Area",
        "Supermarket",
        "Theatre/Concert Hall",
    }
)


@dataclass(frozen=True, slots=True)
class Built:
    """What one builder wrote."""

    name: str
    path: Path
    rows: int
    notes: tuple[str, ...]


def build(name: str, sources: Path, folder: Path) -> Built:
    """Build one table.

    Parameters
    ----------
    name
        One of :data:`BUILDERS`.
    sources
        Folder that holds the downloaded files, at any depth.
    folder
        The geodata folder to write to.

    Raises
    ------
    DataError
        A file is missing or is not what its name promises.
    """
    return BUILDERS[name](_Downloads(sources), folder)


@dataclass(frozen=True, slots=True)
class _Downloads:
    """A folder of downloaded files, found by name."""

    folder: Path

    def find(self, what: str, *patterns: str) -> list[Path]:
        for pattern in patterns:
            found = sorted(self.folder.rglob(pattern))
            if found:
                return found
        wanted = " or ".join(patterns)
        msg = f"No {what} in {self.folder}. Download it there as {wanted}."
        raise DataError(msg)

    def own(self, pattern: str, geodata: Path) -> Path | None:
        """Give the first file of a pattern that is not a table already built."""
        found = sorted(self.folder.rglob(pattern))
        return next((path for path in found if path.parent != geodata), None)

    def one(self, what: str, *patterns: str) -> Path:
        return self.find(what, *patterns)[0]


def _pick(frame: pd.DataFrame, path: Path, **wanted: tuple[str, ...]) -> pd.DataFrame:
    """Take columns by any of their usual names and give them ours."""
    picked = {}
    for ours, names in wanted.items():
        theirs = next((n for n in names if n in frame.columns), None)
        if theirs is None:
            msg = f"{path} has no column {' or '.join(names)}; it has {list(frame.columns)}."
            raise DataError(msg)
        picked[ours] = frame[theirs]
    return pd.DataFrame(picked)


def _write_csv(frame: pd.DataFrame, folder: Path, name: str, *notes: str) -> Built:
    path = folder / tables.sources(folder)[name].file
    text = frame.to_csv(index=False, lineterminator="\n").encode()
    # no time stamp inside: building again from the same files gives the same bytes
    path.write_bytes(gzip.compress(text, 9, mtime=0) if path.suffix == ".gz" else text)
    return Built(name, path, len(frame), notes)


def _write_outlines(frame: gpd.GeoDataFrame, folder: Path, name: str, *notes: str) -> Built:
    path = folder / tables.sources(folder)[name].file
    frame = frame.set_geometry(shapely.set_precision(frame.geometry.array, 1e-5))
    features = json.loads(frame.to_json(drop_id=True))["features"]
    lines = ",\n".join(json.dumps(f, separators=(",", ":"), ensure_ascii=False) for f in features)
    path.write_text(f'{{"type":"FeatureCollection","features":[\n{lines}\n]}}\n', "utf-8")
    return Built(name, path, len(frame), notes)


def _postcodes(downloads: _Downloads, folder: Path) -> Built:
    """Code-Point Open: the zip of Ordnance Survey, or one CSV with a header."""
    area = tables.area(folder)
    path = downloads.one("Code-Point Open", "codepo_gb.zip", "code_point_open_*.csv*")
    raw = _code_point_zip(path) if path.suffix == ".zip" else pd.read_csv(path)
    frame = _pick(
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
    return _write_csv(
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


def _areas(downloads: _Downloads, folder: Path) -> Built:
    """Outlines of the area: the union of its authorities, and each authority."""
    area = tables.area(folder)
    path = downloads.one("authority outlines", "*boundaries*.gpkg", "*Local_Authority_D*")
    raw = gpd.read_file(path, layer="lad_2024") if path.suffix == ".gpkg" else gpd.read_file(path)
    codes = _pick(raw, path, code=("ltla24_code", "LAD24CD", "LAD23CD"))
    raw = raw.assign(code=codes["code"]).to_crs(geodesy.WGS84)
    kept = raw[raw["code"].isin(list(area.authorities))].sort_values("code")
    detailed = downloads.one("county outline", "*county_osm*.geojson", path.name)
    county = gpd.read_file(detailed) if detailed != path else kept
    county = county.to_crs(geodesy.BNG).simplify(_OUTLINE_TOLERANCE_M)
    frame = gpd.GeoDataFrame(
        {
            "code": ["", *kept["code"]],
            "name": [area.name, *(area.authorities[c] for c in kept["code"])],
            "level": ["county", *("authority" for _ in range(len(kept)))],
        },
        geometry=[county.to_crs(geodesy.WGS84).union_all(), *kept.geometry],
        crs=geodesy.WGS84,
    )
    return _write_outlines(frame, folder, "areas")


def _lsoa(downloads: _Downloads, folder: Path) -> Built:
    """Residents and deprivation by LSOA 2021, with a centre made from its postcodes."""
    outlines = _lsoa_polygons(downloads, folder)
    path = downloads.one("residents by LSOA", "lsoa2021_census2021*.csv*", "*ts001-lsoa.csv")
    residents = _pick(
        pd.read_csv(path),
        path,
        code=("lsoa21_code", "geography code"),
        residents=("total_residents", "Residence type: Total; measures: Value"),
    )
    path = downloads.one("indices of deprivation", "lsoa2021*imd2025*.csv*", "File_7_*.csv")
    deprivation = _pick(
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
    wards = _pick(
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
    return _write_csv(frame, folder, "lsoa", note)


def _lsoa_polygons(downloads: _Downloads, folder: Path) -> gpd.GeoDataFrame:
    area = tables.area(folder)
    path = downloads.one("LSOA outlines", "*boundaries*.gpkg", "*Lower_layer_Super_Output*2021*")
    raw = gpd.read_file(path, layer="lsoa_2021") if path.suffix == ".gpkg" else gpd.read_file(path)
    picked = _pick(raw, path, code=("lsoa21_code", "LSOA21CD"), name=("lsoa21_name", "LSOA21NM"))
    # ONS names an LSOA after its authority: "West Northamptonshire 048E"
    by_name = {name: code for code, name in area.authorities.items()}
    picked["authority"] = [by_name.get(name.rsplit(" ", 1)[0], "") for name in picked["name"]]
    frame = gpd.GeoDataFrame(picked, geometry=raw.geometry.make_valid(), crs=raw.crs)
    return frame[frame["authority"] != ""].to_crs(geodesy.WGS84).sort_values("code")


def _lsoa_outlines(downloads: _Downloads, folder: Path) -> Built:
    """Simplified outlines of the LSOAs of the area."""
    frame = _lsoa_polygons(downloads, folder)[["code", "geometry"]]
    return _write_outlines(frame, folder, "lsoa_outlines")


def _incidents(downloads: _Downloads, folder: Path) -> Built:
    """Police records as counts per snapped point, month and category."""
    counted = police.tally(downloads.folder, folder)
    return _write_csv(counted.frame, folder, "incidents", *counted.notes)


def _place_rows(stops: pd.DataFrame, downloads: _Downloads) -> Iterator[dict[str, object]]:
    served = stops["locality"].value_counts().add(stops["parent"].value_counts(), fill_value=0)
    for (locality, town), group in stops.groupby(["locality", "parent"]):
        x, y = group["x"].median(), group["y"].median()
        reach = np.quantile(np.hypot(group["x"] - x, group["y"] - y), 0.9)
        kind = "suburb" if town else "town" if served[str(locality)] > _TOWN_STOPS else "village"
        row = {"name": locality, "kind": kind, "locality": "", "town": town}
        yield row | {"x": x, "y": y, "precision_m": max(round(float(reach), -1), 300.0)}
    for (name, locality, town), group in stops.groupby(["stop", "locality", "parent"]):
        xy = group[["x", "y"]].to_numpy()
        for cluster in _clusters(xy, _STOP_GAP_M):
            x, y, reach = _middle(xy[cluster])
            types = set(group["StopType"].iloc[cluster])
            kind = "bus station" if "BCS" in types and len(cluster) > 1 else "bus stop"
            found = {"x": x, "y": y, "precision_m": max(round(reach, -1), _STOP_PRECISION_M)}
            # people know a bus station by its landmark: "North Gate Bus Station"
            landmarks = set(group["landmark"].iloc[cluster]) if kind == "bus station" else ()
            for known_as in dict.fromkeys([name, *sorted(filter(None, landmarks))]):
                row = {"name": known_as, "kind": kind, "locality": locality, "town": town}
                yield row | found
    path = downloads.one("railway stations", "railway_stations*.csv*")
    stations = pd.read_csv(path)
    grid = geodesy.to_bng(stations["long"].to_numpy(), stations["lat"].to_numpy())
    for name, e, n in zip(stations["stationName"], *grid, strict=True):
        row = {"name": f"{name} railway station", "kind": "railway station", "locality": ""}
        yield row | {"town": name, "x": e, "y": n, "precision_m": 100.0}
    path = downloads.one("hospitals", "hospitals*.csv*")
    hospitals = pd.read_csv(path).drop_duplicates(["longitude", "latitude"])
    grid = geodesy.to_bng(hospitals["longitude"].to_numpy(), hospitals["latitude"].to_numpy())
    for name, e, n in zip(hospitals["hospital22_name"], *grid, strict=True):
        row = {"name": name, "kind": "hospital", "locality": "", "town": ""}
        yield row | {"x": e, "y": n, "precision_m": 200.0}


# a locality without a parent is a town with more stops than this, its suburbs' included
_TOWN_STOPS = 100


def _places(downloads: _Downloads, folder: Path) -> Built:
    """Towns, villages and suburbs, stations, hospitals and bus stops by name."""
    stops = _stops(downloads, folder)
    frame = pd.DataFrame(_place_rows(stops, downloads))
    inside = _inside(frame, folder)
    kept = _located(frame[inside].reset_index(drop=True), stops, folder)
    return _write_csv(
        kept, folder, "places", f"{int((~inside).sum())} places outside the county left out"
    )


def _streets(downloads: _Downloads, folder: Path) -> Built:
    """Street names with their town: OpenStreetMap's, and those that the police records name."""
    osm = _osm_street_nodes(downloads)
    osm = osm[_inside(osm, folder)]
    named = pd.concat(
        police.records(file).frame.drop_duplicates(["location", "longitude", "latitude"])
        for file in police.street_files(downloads.folder)
    )
    named = named.assign(name=named["location"].str.removeprefix("On or near "))
    named = named[~named["name"].isin(_NOT_A_STREET | {""})].dropna(subset=["longitude"])
    stops = _stops(downloads, folder)
    named = named[~named["name"].isin(set(stops["locality"]))]
    named = named.drop_duplicates(["name", "longitude", "latitude"])
    named = _gridded(named, "longitude", "latitude").reset_index(drop=True)
    named = named[_inside(named, folder)]
    served = stops.rename(columns={"street": "name"})[["name", "x", "y"]]
    served = served[served["name"].str.contains("[a-z]")]
    sources = {"osm": osm, "police": named[["name", "x", "y"]], "naptan": served}
    nodes = pd.concat([part.assign(source=name) for name, part in sources.items()])
    nodes = nodes.assign(folded=nodes["name"].map(places.fold)).reset_index(drop=True)
    frame = pd.DataFrame(_street_rows(nodes))
    kept = _located(frame, stops, folder)
    return _write_csv(kept, folder, "streets", f"{len(nodes)} named points joined by name and gap")


def _street_rows(nodes: pd.DataFrame) -> Iterator[dict[str, object]]:
    for _, group in nodes.groupby("folded"):
        xy = group[["x", "y"]].to_numpy()
        for cluster in _clusters(xy, _STREET_GAP_M):
            part = group.iloc[cluster]
            x, y, reach = _middle(xy[cluster])
            seen = set(part["source"])
            least = _OSM_PRECISION_M if "osm" in seen else _SNAPPED_PRECISION_M
            row = {"name": part["name"].mode().iloc[0], "x": x, "y": y}
            row |= {"source": " ".join(sorted(seen))}
            yield row | {"precision_m": max(round(reach, -1), least)}


def _osm_street_nodes(downloads: _Downloads) -> pd.DataFrame:
    """Named streets as points: from an OSM extract, or from a table of ways and their nodes."""
    path = downloads.one("street names", "osm_residential_streets_*.csv*", "*.osm.pbf")
    if path.suffix == ".pbf":
        streets = osm_extract_streets(path)
        xy, way = shapely.get_coordinates(streets.geometry.array, return_index=True)
        names = streets["name"].to_numpy()[way]
        return pd.DataFrame({"name": names, "x": xy[:, 0], "y": xy[:, 1]})
    ways = pd.read_csv(path)[["osm_way_id", "name"]]
    path = downloads.one("street nodes", "osm_residential_street_nodes_*.csv*")
    nodes = pd.read_csv(path).merge(ways, on="osm_way_id", validate="many_to_one")
    x, y = geodesy.to_bng(nodes["lon"].to_numpy(), nodes["lat"].to_numpy())
    return pd.DataFrame({"name": nodes["name"], "x": x, "y": y})


def osm_extract_streets(path: Path) -> gpd.GeoDataFrame:
    """Read every named street of an OSM extract.

    Parameters
    ----------
    path
        An ``.osm.pbf`` file.

    Returns
    -------
    streets
        ``name`` and a line (EPSG:27700), one row a way.
    """
    import osmium  # noqa: PLC0415  # an optional extra: only this builder needs it

    names: list[str] = []
    ways: list[tuple[float, float, int]] = []
    reader = osmium.FileProcessor(str(path)).with_locations()
    reader = reader.with_filter(osmium.filter.EntityFilter(osmium.osm.WAY))
    for way in reader:
        if isinstance(way, osmium.osm.Way) and "highway" in way.tags and "name" in way.tags:
            nodes = [(n.lon, n.lat, len(names)) for n in way.nodes if n.location.valid()]
            if len(nodes) > 1:
                ways.extend(nodes)
                names.append(way.tags["name"])
    table = np.array(ways, dtype=np.float64).reshape(-1, 3)
    x, y = geodesy.to_bng(table[:, 0].copy(), table[:, 1].copy())
    # nodes far outside Great Britain have no place on its grid
    placed = ~np.isnan(x)
    kept, counts = np.unique(table[placed, 2].astype(int), return_counts=True)
    whole = np.isin(table[:, 2], kept[counts > 1]) & placed
    numbers = np.unique(table[whole, 2].astype(int), return_inverse=True)
    lines = shapely.linestrings(np.column_stack([x, y])[whole], indices=numbers[1])
    return gpd.GeoDataFrame(
        {"name": [names[number] for number in numbers[0]]}, geometry=lines, crs=geodesy.BNG
    )


def _stops(downloads: _Downloads, folder: Path) -> pd.DataFrame:
    """Active NaPTAN stops of the area, with the locality that each belongs to."""
    path = downloads.one("NaPTAN stops", "naptan_stops_*.csv*", "Stops.csv")
    raw = pd.read_csv(path, dtype=str, keep_default_na=False)
    frame = _pick(
        raw,
        path,
        stop=("CommonName",),
        locality=("LocalityName",),
        parent=("ParentLocalityName",),
        x=("Easting",),
        y=("Northing",),
        StopType=("StopType",),
        street=("Street",),
        landmark=("Landmark",),
    )[raw["Status"] == "active"]
    frame = frame.assign(x=frame["x"].astype(float), y=frame["y"].astype(float))
    # some lists write the locality before the name: "(Kingswood) Patrick Road"
    frame["stop"] = frame["stop"].str.replace(r"^\(.*?\)\s*|[()<>]", "", regex=True)
    frame["stop"] = frame["stop"].str.split().str.join(" ")
    frame = frame[~frame["stop"].isin(["", "Common Name"])]
    return frame[_inside(frame, folder)].reset_index(drop=True)


def _inside(frame: pd.DataFrame, folder: Path) -> "pd.Series[bool]":
    outlines = tables.outlines(folder, "areas").to_crs(geodesy.BNG)
    county = outlines.geometry.iloc[0].buffer(_OUTLINE_TOLERANCE_M)
    shapely.prepare(county)
    return pd.Series(shapely.contains_xy(county, frame["x"], frame["y"]), index=frame.index)


def _located(frame: pd.DataFrame, stops: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """Add the locality of the nearest stop, the nearest postcode's sector, and WGS 84."""
    xy = frame[["x", "y"]].to_numpy()
    if "locality" not in frame:
        near = stops.iloc[cKDTree(stops[["x", "y"]].to_numpy()).query(xy)[1]]
        frame = frame.assign(locality=near["locality"].array, town=near["parent"].array)
    units = tables.table(folder, "postcodes")
    nearest = cKDTree(units[["easting", "northing"]].to_numpy()).query(xy)[1]
    lon, lat = geodesy.to_wgs84(xy[:, 0].copy(), xy[:, 1].copy())
    frame = frame.assign(
        sector=units["postcode"].iloc[nearest].str[:-2].array,
        longitude=lon.round(6),
        latitude=lat.round(6),
    )
    order = ["name", "kind", "locality", "town", "sector", "longitude", "latitude", "precision_m"]
    order = [c for c in [*order, "source"] if c in frame]
    return frame[order].sort_values(order).reset_index(drop=True)


def _clusters(xy: geodesy.type_floats, gap_m: float) -> Iterator[np.ndarray]:
    """Split points into groups that hang together at ``gap_m`` (single linkage)."""
    pairs = cKDTree(xy).query_pairs(gap_m, output_type="ndarray")
    ones = np.ones(len(pairs), dtype=bool)
    graph = coo_array((ones, (pairs[:, 0], pairs[:, 1])), shape=(len(xy), len(xy)))
    count, label = connected_components(graph, directed=False)
    for group in range(count):
        yield np.flatnonzero(label == group)


def _middle(xy: geodesy.type_floats) -> tuple[float, float, float]:
    """Return the point nearest to the mean of all points, and its distance to the farthest."""
    mean = xy.mean(axis=0)
    at = xy[np.hypot(*(xy - mean).T).argmin()]
    return float(at[0]), float(at[1]), float(np.hypot(*(xy - at).T).max())


def _basemap(downloads: _Downloads, folder: Path) -> Built:
    """Streets and place names as vector tiles, so that maps need no other server."""
    streets = _street_lines(downloads)
    streets = streets[_inside(streets.assign(**_first_point(streets)), folder)]
    named = tables.table(folder, "places")
    named = named[named["kind"].isin(["town", "village", "suburb"])]
    spots = gpd.GeoDataFrame(
        {"kind": named["kind"], "name": named["name"]},
        geometry=gpd.points_from_xy(named["longitude"], named["latitude"]),
        crs=geodesy.WGS84,
    )
    lon, lat = geodesy.to_wgs84(*shapely.get_coordinates(streets.geometry.array).T.copy())
    lines = shapely.set_coordinates(streets.geometry.array.copy(), np.column_stack([lon, lat]))
    roads = gpd.GeoDataFrame({"kind": "street", "name": streets["name"]}, geometry=lines)
    frame = pd.concat([roads.set_crs(geodesy.WGS84), spots], ignore_index=True)
    path = folder / tables.sources(folder)["basemap"].file
    path.unlink(missing_ok=True)
    zooms = {"MINZOOM": _BASEMAP_ZOOMS[0], "MAXZOOM": _BASEMAP_ZOOMS[1]}
    pyogrio.write_dataframe(frame, path, driver="PMTiles", layer="map", **zooms)
    return Built("basemap", path, len(frame), (f"{len(roads)} streets, {len(spots)} names",))


_BASEMAP_ZOOMS = (8, 13)
# two known nodes of a way that lie farther apart are not joined by a line
_LONGEST_SEGMENT_M = 300.0


def _first_point(frame: gpd.GeoDataFrame) -> dict[str, np.ndarray]:
    first = shapely.get_coordinates(shapely.get_point(frame.geometry.array, 0))
    return {"x": first[:, 0], "y": first[:, 1]}


def _street_lines(downloads: _Downloads) -> gpd.GeoDataFrame:
    """Read streets as lines; nodes without an order are joined by the shortest tree."""
    path = downloads.one("street nodes", "osm_residential_street_nodes_*.csv*", "*.osm.pbf")
    if path.suffix == ".pbf":
        return osm_extract_streets(path)
    nodes = pd.read_csv(path)
    x, y = geodesy.to_bng(nodes["lon"].to_numpy(), nodes["lat"].to_numpy())
    nodes = nodes.assign(x=x, y=y).dropna()
    ways = pd.read_csv(downloads.one("street names", "osm_residential_streets_*.csv*"))
    name_of = ways.set_index("osm_way_id")["name"]
    lines, names = [], []
    for number, way in nodes.groupby("osm_way_id"):
        xy = way[["x", "y"]].to_numpy()
        tree = minimum_spanning_tree(squareform(pdist(xy))).tocoo()
        near = tree.data < _LONGEST_SEGMENT_M
        ends = np.stack([xy[tree.row[near]], xy[tree.col[near]]], axis=1)
        if len(ends):
            merged = shapely.line_merge(shapely.multilinestrings(shapely.linestrings(ends)))
            parts = shapely.get_parts(merged)
            lines.extend(parts)
            names.extend([name_of[number]] * len(parts))
    return gpd.GeoDataFrame({"name": names}, geometry=lines, crs=geodesy.BNG)


def _kits(downloads: _Downloads, folder: Path) -> Built:
    """Place the published kits again: each row's ``geocoded_from`` goes through ``places``.

    ``spread_m`` is how far the kit may lie from the place so found, judged by reading the
    source: a kit "in the park" is farther from the park's middle than one "by the door".
    """
    del downloads
    path = folder / tables.sources(folder)["kits"].file
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    gazetteer = places.Gazetteer.load(folder)
    for row, query in enumerate(frame["geocoded_from"]):
        at = _sole(gazetteer, query) if query else None
        values = ("", "", "")
        if at is not None:
            spread = float(str(frame.loc[row, "spread_m"]) or 0)
            values = (f"{at.lon:.6f}", f"{at.lat:.6f}", f"{at.precision_m + spread:.0f}")
        frame.loc[row, ["longitude", "latitude", "precision_m"]] = values
    unplaced = int((frame["longitude"] == "").sum())
    return _write_csv(frame, folder, "kits", f"{unplaced} kits have no position")


def _sole(gazetteer: places.Gazetteer, query: str) -> places.Position:
    found = gazetteer.resolve(query)
    if len(found) > 1 or not found[0].sure:
        options = "; ".join(p.label for p in itertools.islice(found, 5))
        msg = f"“{query}” in kits.csv fits no single place: {options}."
        raise InputError(msg)
    return found[0]


def _profile(downloads: _Downloads, folder: Path) -> Built:
    """Hours of the week from published shares, of this folder or of one among the downloads."""
    own = downloads.own(tables.sources(folder)["profile_shares"].file, folder)
    if own:
        raw = pd.read_csv(own)
        frame = _pick(raw, own, **{name: (name,) for name in ("profile", "period", "share")})
    else:
        frame = tables.table(folder, "profile_shares")
    columns = tables.sources(folder)["profile"].columns
    unknown = sorted(set(frame["profile"]) - set(columns))
    if unknown:
        msg = f"Describe the profiles {unknown} in sources.toml, at [profile.columns]."
        raise DataError(msg)
    hours: dict[str, object] = {"hour": np.arange(demand.HOURS)}
    for name in list(columns)[1:]:
        part = frame[frame["profile"] == name]
        fitted = fit(name, part["period"].tolist(), part["share"].tolist())
        hours[name] = np.char.mod("%.10f", fitted)
    return _write_csv(pd.DataFrame(hours), folder, "profile", f"from {len(frame)} published shares")


def _detour(downloads: _Downloads, folder: Path) -> Built:
    """Measure the detour on the walking network of an extract."""
    path = downloads.one("an OpenStreetMap extract", "*.osm.pbf")
    with tempfile.TemporaryDirectory() as scratch:
        built = network.build(extract.read(path, _silent), Path(scratch) / "network", _silent)
        measured = straight.measure(Streets(built), path.name)
    if measured is None:
        msg = f"{path} has too few streets to measure detours on."
        raise DataError(msg)
    name = f"{path.name.split('_')[0].split('-')[0].split('.')[0].capitalize()} (OpenStreetMap)"
    row = {"extract": name, "date": built.about.source.extracted_on}
    row |= {key: f"{getattr(measured, key):.2f}" for key in ("low", "median", "high")}
    note = f"{built.about.metres / 1000:,.0f} km of streets"
    return _write_csv(pd.DataFrame([row]), folder, "detour", note)


def _silent(what: str, count: int) -> None:
    del what, count


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


def _residents(downloads: _Downloads, folder: Path) -> Built:
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
    return _write_csv(merged, folder, "residents", counted, *notes)


def _centres(lsoas: pd.DataFrame) -> pd.DataFrame:
    x, y = geodesy.to_bng(lsoas["longitude"].to_numpy(), lsoas["latitude"].to_numpy())
    frame = lsoas.rename(columns={"code": "lsoa"})[["lsoa", "residents"]]
    return frame.assign(easting=x.round(), northing=y.round())


def _residents_by_postcode(
    path: Path, downloads: _Downloads, folder: Path
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Spread the census of LSOAs over postcode units, by an older count of these."""
    raw = pd.read_csv(path)
    counts = _pick(raw, path, postcode=("postcode", "Postcode"), people=_NAMES_OF_RESIDENTS)
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


def _postcode_units(downloads: _Downloads, folder: Path) -> pd.DataFrame:
    """Postcode units, also those that are gone, with their LSOA, age and position."""
    path = downloads.one(
        "ONS postcode lookup", "ons_postcode_to_oa*.csv*", "PCD_OA_LSOA_MSOA_LAD_*.csv"
    )
    raw = pd.read_csv(path, dtype=str, keep_default_na=False)
    frame = _pick(
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


def _lsoa_of_units(units: pd.DataFrame, downloads: _Downloads, folder: Path) -> "pd.Series[str]":
    """Give units the LSOA 2021 that their LSOA 2011 has become.

    Where it was split, the nearest of its parts is taken.
    """
    path = downloads.one(
        "LSOA 2011 to 2021", "lookup_lsoa2011_to_lsoa2021*.csv*", "LSOA_(2011)_to_LSOA_(2021)*.csv"
    )
    became = _pick(
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
    path: Path, centroids: Path, downloads: _Downloads, folder: Path
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Residents of output areas at their centroids."""
    del downloads
    counts = _pick(
        pd.read_csv(path),
        path,
        code=("geography code", "OA21CD", "oa21_code", "OA11CD"),
        residents=_NAMES_OF_RESIDENTS,
    )
    points = _pick(
        pd.read_csv(centroids),
        centroids,
        code=("OA21CD", "oa21_code", "OA11CD", "oa21cd"),
        easting=("x", "X", "easting", "BNG_E"),
        northing=("y", "Y", "northing", "BNG_N"),
    )
    return _placed_residents(counts.merge(points, on="code", how="left"), folder)


def _own_residents(
    path: Path, downloads: _Downloads, folder: Path
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Take residents of an own table as they are; its rows say where by any usual column."""
    del downloads
    raw = pd.read_csv(path)
    frame = _pick(raw, path, residents=_NAMES_OF_RESIDENTS)
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
        codes = _pick(raw, path, code=("lsoa", "code", "LSOA21CD", "lsoa21_code", "geography code"))
        centres = _centres(tables.table(folder, "lsoa")).set_index("lsoa").reindex(codes["code"])
        frame[["easting", "northing"]] = centres[["easting", "northing"]].to_numpy()
    return _placed_residents(frame, folder)


def _placed_residents(frame: pd.DataFrame, folder: Path) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Keep residents of the area, with the LSOA that they live in."""
    frame = frame.rename(columns={"easting": "x", "northing": "y"})
    placed = frame["x"].notna()
    inside = placed & _inside(frame.fillna({"x": 0, "y": 0}), folder)
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


# places of one kind nearer than this are one candidate site
_SITE_GAP_M = 30.0
_HOSPITAL_GAP_M = 500.0
# what the NHS calls a GP practice, and one that is open, in its list of practices
_GP_PRACTICE, _ACTIVE = "4", "A"
# order of the columns in that list, which comes without a heading
_PRACTICES = {1: "name", 4: "address1", 9: "postcode", 12: "status_code", 25: "prescribing_setting"}


def _sites(downloads: _Downloads, folder: Path) -> Built:
    """Places where a kit could stand: stops, stations, hospitals, practices, schools, corners."""
    stops = _stops(downloads, folder)
    parts = [
        _stop_sites(stops),
        _station_sites(downloads),
        _hospital_sites(downloads),
        _practice_sites(downloads, folder),
        _school_sites(downloads, folder),
        _junction_sites(downloads),
    ]
    frame = pd.concat(parts, ignore_index=True)
    inside = _inside(frame, folder)
    frame = frame[inside].reset_index(drop=True)
    near = stops.iloc[cKDTree(stops[["x", "y"]].to_numpy()).query(frame[["x", "y"]].to_numpy())[1]]
    parent = near["parent"].where(near["parent"] == "", ", " + near["parent"])
    lon, lat = geodesy.to_wgs84(frame["x"].to_numpy(), frame["y"].to_numpy())
    frame = frame.assign(
        locality=(near["locality"] + parent).array, longitude=lon.round(5), latitude=lat.round(5)
    )
    order = ["kind", "name", "locality", "longitude", "latitude", "source"]
    counts = frame["kind"].value_counts()
    return _write_csv(
        frame[order].sort_values(order),
        folder,
        "sites",
        *(f"{count:,} of kind {kind}" for kind, count in counts.items()),
        f"{int((~inside).sum())} places outside the county left out",
    )


def _site_rows(
    frame: pd.DataFrame, gap_m: float, kind: str, source: str
) -> Iterator[dict[str, object]]:
    """Merge places that hang together at ``gap_m``; the commonest name stands for all."""
    xy, names = frame[["x", "y"]].to_numpy(), frame["name"].to_numpy()
    for cluster in _clusters(xy, gap_m):
        x, y, _ = _middle(xy[cluster])
        # of names equally common the first in the alphabet
        found = Counter(sorted(names[cluster])).most_common(1)
        yield {"kind": kind, "name": found[0][0], "source": source, "x": x, "y": y}


def _stop_sites(stops: pd.DataFrame) -> pd.DataFrame:
    bays = stops[stops["StopType"] == "BCS"]
    in_station = bays.groupby(["stop", "locality"])["stop"].transform("size") > 1
    stations = bays[in_station].assign(name=bays["landmark"].where(bays["landmark"] != "", None))
    stations["name"] = stations["name"].fillna(stations["stop"])
    kerbs = stops[stops["StopType"].isin(["BCT", "BCS"])].drop(stations.index)
    kerbs = kerbs.assign(name=kerbs["stop"])
    rows = [
        *_site_rows(kerbs, _SITE_GAP_M, "bus stop", "NaPTAN"),
        *(
            row
            for _, group in stations.groupby(["stop", "locality"])
            for row in _site_rows(group, _STOP_GAP_M, "bus station", "NaPTAN")
        ),
    ]
    return pd.DataFrame(rows)


def _gridded(frame: pd.DataFrame, lon: str, lat: str) -> pd.DataFrame:
    x, y = geodesy.to_bng(frame[lon].to_numpy(np.float64), frame[lat].to_numpy(np.float64))
    return frame.assign(x=x, y=y).dropna(subset=["x"])


def _station_sites(downloads: _Downloads) -> pd.DataFrame:
    path = downloads.one("railway stations", "railway_stations*.csv*")
    frame = _gridded(pd.read_csv(path), "long", "lat")
    return frame.assign(
        kind="railway station",
        name=frame["stationName"] + " railway station",
        source="UK railway stations",
    )[["kind", "name", "source", "x", "y"]]


def _hospital_sites(downloads: _Downloads) -> pd.DataFrame:
    path = downloads.one("hospitals", "hospitals*.csv*")
    frame = _gridded(pd.read_csv(path), "longitude", "latitude")
    frame = frame.rename(columns={"hospital22_name": "name"})
    return pd.DataFrame(_site_rows(frame, _HOSPITAL_GAP_M, "hospital", "NHS"))


def _practice_sites(downloads: _Downloads, folder: Path) -> pd.DataFrame:
    path = downloads.one("GP practices", "nhs_prescribing_practices*.csv*", "epraccur.csv")
    if path.name == "epraccur.csv":
        raw = pd.read_csv(path, header=None, usecols=list(_PRACTICES), dtype=str)
        raw = raw.rename(columns=_PRACTICES)
    else:
        raw = pd.read_csv(path, dtype=str)
    frame = _pick(raw, path, **{name: (name,) for name in _PRACTICES.values()})
    active = frame["status_code"] == _ACTIVE
    frame = frame[active & (frame["prescribing_setting"] == _GP_PRACTICE)]
    # a practice that is called after a doctor is known by its house
    of_a_person = frame["name"].str.match(r"DRS?\b")
    frame = frame.assign(name=frame["name"].mask(of_a_person, frame["address1"]))
    frame = frame.assign(name=[str(name).title().replace("'S", "'s") for name in frame["name"]])
    placed = _at_postcode(frame, folder).assign(kind="GP practice", source="NHS")
    return placed.drop_duplicates(["name", "x", "y"])[["kind", "name", "source", "x", "y"]]


def _school_sites(downloads: _Downloads, folder: Path) -> pd.DataFrame:
    path = downloads.one("schools", "schools*.csv*", "edubasealldata*.csv")
    # the register of schools is handed out in the code page of Windows
    code_page = "cp1252" if path.name.startswith("edubase") else "utf-8"
    raw = pd.read_csv(path, dtype=str, encoding=code_page)
    frame = _pick(
        raw,
        path,
        name=("Establishment name", "EstablishmentName"),
        postcode=("postcode", "Postcode"),
        status=("Establishment status", "EstablishmentStatus (name)"),
    )
    frame = frame[frame["status"].str.startswith("Open", na=False)]
    placed = _at_postcode(frame, folder).assign(kind="school", source="DfE")
    return placed.drop_duplicates(["name", "x", "y"])[["kind", "name", "source", "x", "y"]]


def _at_postcode(frame: pd.DataFrame, folder: Path) -> pd.DataFrame:
    units = tables.table(folder, "postcodes").rename(columns={"easting": "x", "northing": "y"})
    return frame.merge(units[["postcode", "x", "y"]], on="postcode")


def _junction_sites(downloads: _Downloads) -> pd.DataFrame:
    """Corners where streets of different names share a point."""
    nodes = _osm_street_nodes(downloads).dropna().drop_duplicates()
    nodes = nodes.sort_values(["x", "y", "name"])
    nodes = nodes[nodes.duplicated(["x", "y"], keep=False)]
    shared = nodes.groupby(["x", "y"])["name"].agg(" / ".join).reset_index()
    shared = shared.assign(kind="street junction", source="OpenStreetMap")
    # two streets seldom meet more than once
    again = shared["name"].duplicated(keep=False)
    rows = [
        row
        for _, group in shared[again].groupby("name")
        for row in _site_rows(group, _SITE_GAP_M, "street junction", "OpenStreetMap")
    ]
    once = shared[~again][["kind", "name", "source", "x", "y"]]
    return pd.concat([once, pd.DataFrame(rows)], ignore_index=True)


BUILDERS: dict[str, Callable[[_Downloads, Path], Built]] = {
    "areas": _areas,
    "postcodes": _postcodes,
    "lsoa": _lsoa,
    "lsoa_outlines": _lsoa_outlines,
    "residents": _residents,
    "incidents": _incidents,
    "places": _places,
    "streets": _streets,
    "sites": _sites,
    "basemap": _basemap,
    "kits": _kits,
    "profile": _profile,
    "detour": _detour,
}
