"""Build the places where a kit could stand."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from scipy.spatial import cKDTree

from locator import geodesy
from locator.builders.files import Built, Downloads, pick, write_csv
from locator.builders.gazetteer import STOP_GAP_M, active_stops
from locator.builders.spots import at_postcode, clusters, gridded, lies_inside, middle
from locator.builders.streets import street_nodes

# places of one kind nearer than this are one candidate site
_SITE_GAP_M = 30.0


_HOSPITAL_GAP_M = 500.0


# what the NHS calls a GP practice, and one that is open, in its list of practices
_GP_PRACTICE, _ACTIVE = "4", "A"


# order of the columns in that list, which comes without a heading
_PRACTICES = {1: "name", 4: "address1", 9: "postcode", 12: "status_code", 25: "prescribing_setting"}


def build_sites(downloads: Downloads, folder: Path) -> Built:
    """Places where a kit could stand: stops, stations, hospitals, practices, schools, corners."""
    stops = active_stops(downloads, folder)
    parts = [
        _stop_sites(stops),
        _station_sites(downloads),
        _hospital_sites(downloads),
        _practice_sites(downloads, folder),
        _school_sites(downloads, folder),
        _junction_sites(downloads),
    ]
    frame = pd.concat(parts, ignore_index=True)
    inside = lies_inside(frame, folder)
    frame = frame[inside].reset_index(drop=True)
    near = stops.iloc[cKDTree(stops[["x", "y"]].to_numpy()).query(frame[["x", "y"]].to_numpy())[1]]
    parent = near["parent"].where(near["parent"] == "", ", " + near["parent"])
    lon, lat = geodesy.to_wgs84(frame["x"].to_numpy(), frame["y"].to_numpy())
    frame = frame.assign(
        locality=(near["locality"] + parent).array, longitude=lon.round(5), latitude=lat.round(5)
    )
    order = ["kind", "name", "locality", "longitude", "latitude", "source"]
    counts = frame["kind"].value_counts()
    return write_csv(
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
    for cluster in clusters(xy, gap_m):
        x, y, _ = middle(xy[cluster])
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
            for row in _site_rows(group, STOP_GAP_M, "bus station", "NaPTAN")
        ),
    ]
    return pd.DataFrame(rows)


def _station_sites(downloads: Downloads) -> pd.DataFrame:
    path = downloads.one("railway stations", "railway_stations*.csv*")
    frame = gridded(pd.read_csv(path), "long", "lat")
    return frame.assign(
        kind="railway station",
        name=frame["stationName"] + " railway station",
        source="UK railway stations",
    )[["kind", "name", "source", "x", "y"]]


def _hospital_sites(downloads: Downloads) -> pd.DataFrame:
    path = downloads.one("hospitals", "hospitals*.csv*")
    frame = gridded(pd.read_csv(path), "longitude", "latitude")
    frame = frame.rename(columns={"hospital22_name": "name"})
    return pd.DataFrame(_site_rows(frame, _HOSPITAL_GAP_M, "hospital", "NHS"))


def _practice_sites(downloads: Downloads, folder: Path) -> pd.DataFrame:
    path = downloads.one("GP practices", "nhs_prescribing_practices*.csv*", "epraccur.csv")
    if path.name == "epraccur.csv":
        raw = pd.read_csv(path, header=None, usecols=list(_PRACTICES), dtype=str)
        raw = raw.rename(columns=_PRACTICES)
    else:
        raw = pd.read_csv(path, dtype=str)
    frame = pick(raw, path, **{name: (name,) for name in _PRACTICES.values()})
    active = frame["status_code"] == _ACTIVE
    frame = frame[active & (frame["prescribing_setting"] == _GP_PRACTICE)]
    # a practice that is called after a doctor is known by its house
    of_a_person = frame["name"].str.match(r"DRS?\b")
    frame = frame.assign(name=frame["name"].mask(of_a_person, frame["address1"]))
    frame = frame.assign(name=[str(name).title().replace("'S", "'s") for name in frame["name"]])
    placed = at_postcode(frame, folder).assign(kind="GP practice", source="NHS")
    return placed.drop_duplicates(["name", "x", "y"])[["kind", "name", "source", "x", "y"]]


def _school_sites(downloads: Downloads, folder: Path) -> pd.DataFrame:
    path = downloads.one("schools", "schools*.csv*", "edubasealldata*.csv")
    # the register of schools is handed out in the code page of Windows
    code_page = "cp1252" if path.name.startswith("edubase") else "utf-8"
    raw = pd.read_csv(path, dtype=str, encoding=code_page)
    frame = pick(
        raw,
        path,
        name=("Establishment name", "EstablishmentName"),
        postcode=("postcode", "Postcode"),
        status=("Establishment status", "EstablishmentStatus (name)"),
    )
    frame = frame[frame["status"].str.startswith("Open", na=False)]
    placed = at_postcode(frame, folder).assign(kind="school", source="DfE")
    return placed.drop_duplicates(["name", "x", "y"])[["kind", "name", "source", "x", "y"]]


def _junction_sites(downloads: Downloads) -> pd.DataFrame:
    """Corners where streets of different names share a point."""
    nodes = street_nodes(downloads).dropna().drop_duplicates()
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
