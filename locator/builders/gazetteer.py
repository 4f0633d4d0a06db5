"""Build the names of places and streets."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.spatial import cKDTree

from locator import geodesy, places, tables
from locator.builders.files import Built, Downloads, pick, write_csv
from locator.builders.spots import clusters, gridded, lies_inside, middle
from locator.builders.streets import street_nodes
from locator.demand import police

# nodes of one name that lie within this distance belong to one street
_STREET_GAP_M = 500.0


# police points and bus stops tell of a street, but not how long it is
_OSM_PRECISION_M, _SNAPPED_PRECISION_M = 30.0, 200.0


STOP_GAP_M = 300.0


_STOP_PRECISION_M = 30.0


# a locality without a parent is a town with more stops than this, its suburbs' included
_TOWN_STOPS = 100


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


def active_stops(downloads: Downloads, folder: Path) -> pd.DataFrame:
    """Active NaPTAN stops of the area, with the locality that each belongs to."""
    path = downloads.one("NaPTAN stops", "naptan_stops_*.csv*", "Stops.csv")
    raw = pd.read_csv(path, dtype=str, keep_default_na=False)
    frame = pick(
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
    return frame[lies_inside(frame, folder)].reset_index(drop=True)


def build_places(downloads: Downloads, folder: Path) -> Built:
    """Towns, villages and suburbs, stations, hospitals and bus stops by name."""
    stops = active_stops(downloads, folder)
    frame = pd.DataFrame(_place_rows(stops, downloads))
    inside = lies_inside(frame, folder)
    kept = _located(frame[inside].reset_index(drop=True), stops, folder)
    return write_csv(
        kept, folder, "places", f"{int((~inside).sum())} places outside the county left out"
    )


def _place_rows(stops: pd.DataFrame, downloads: Downloads) -> Iterator[dict[str, object]]:
    served = stops["locality"].value_counts().add(stops["parent"].value_counts(), fill_value=0)
    for (locality, town), group in stops.groupby(["locality", "parent"]):
        x, y = group["x"].median(), group["y"].median()
        reach = np.quantile(np.hypot(group["x"] - x, group["y"] - y), 0.9)
        kind = "suburb" if town else "town" if served[str(locality)] > _TOWN_STOPS else "village"
        row = {"name": locality, "kind": kind, "locality": "", "town": town}
        yield row | {"x": x, "y": y, "precision_m": max(round(float(reach), -1), 300.0)}
    for (name, locality, town), group in stops.groupby(["stop", "locality", "parent"]):
        xy = group[["x", "y"]].to_numpy()
        for cluster in clusters(xy, STOP_GAP_M):
            x, y, reach = middle(xy[cluster])
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


def build_streets(downloads: Downloads, folder: Path) -> Built:
    """Street names with their town: OpenStreetMap's, and those that the police records name."""
    osm = street_nodes(downloads)
    osm = osm[lies_inside(osm, folder)]
    named = pd.concat(
        police.records(file).frame.drop_duplicates(["location", "longitude", "latitude"])
        for file in police.street_files(downloads.folder)
    )
    named = named.assign(name=named["location"].str.removeprefix("On or near "))
    named = named[~named["name"].isin(_NOT_A_STREET | {""})].dropna(subset=["longitude"])
    stops = active_stops(downloads, folder)
    named = named[~named["name"].isin(set(stops["locality"]))]
    named = named.drop_duplicates(["name", "longitude", "latitude"])
    named = gridded(named, "longitude", "latitude").reset_index(drop=True)
    named = named[lies_inside(named, folder)]
    served = stops.rename(columns={"street": "name"})[["name", "x", "y"]]
    served = served[served["name"].str.contains("[a-z]")]
    sources = {"osm": osm, "police": named[["name", "x", "y"]], "naptan": served}
    nodes = pd.concat([part.assign(source=name) for name, part in sources.items()])
    nodes = nodes.assign(folded=nodes["name"].map(places.fold)).reset_index(drop=True)
    frame = pd.DataFrame(_street_rows(nodes))
    kept = _located(frame, stops, folder)
    return write_csv(kept, folder, "streets", f"{len(nodes)} named points joined by name and gap")


def _street_rows(nodes: pd.DataFrame) -> Iterator[dict[str, object]]:
    for _, group in nodes.groupby("folded"):
        xy = group[["x", "y"]].to_numpy()
        for cluster in clusters(xy, _STREET_GAP_M):
            part = group.iloc[cluster]
            x, y, reach = middle(xy[cluster])
            seen = set(part["source"])
            least = _OSM_PRECISION_M if "osm" in seen else _SNAPPED_PRECISION_M
            row = {"name": part["name"].mode().iloc[0], "x": x, "y": y}
            row |= {"source": " ".join(sorted(seen))}
            yield row | {"precision_m": max(round(reach, -1), least)}


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
