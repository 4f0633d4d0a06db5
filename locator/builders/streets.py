"""Read streets of OpenStreetMap, and draw the basemap."""

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely
from scipy.sparse.csgraph import minimum_spanning_tree
from scipy.spatial.distance import pdist, squareform

from locator import geodesy, tables
from locator.builders.files import Built, Downloads
from locator.builders.spots import lies_inside

_BASEMAP_ZOOMS = (8, 13)


# two known nodes of a way that lie farther apart are not joined by a line
_LONGEST_SEGMENT_M = 300.0


def street_nodes(downloads: Downloads) -> pd.DataFrame:
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


def build_basemap(downloads: Downloads, folder: Path) -> Built:
    """Streets and place names as vector tiles, so that maps need no other server."""
    streets = _street_lines(downloads)
    streets = streets[lies_inside(streets.assign(**_first_point(streets)), folder)]
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


def _first_point(frame: gpd.GeoDataFrame) -> dict[str, np.ndarray]:
    first = shapely.get_coordinates(shapely.get_point(frame.geometry.array, 0))
    return {"x": first[:, 0], "y": first[:, 1]}


def _street_lines(downloads: Downloads) -> gpd.GeoDataFrame:
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
