"""Gather the sites where a kit could go."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from scipy.spatial import cKDTree

from locator import geodesy, tables
from locator.analysis.gaps import Localities
from locator.errors import InputError
from locator.facts import Facts
from locator.registry.schema import Decision
from locator.registry.snapshot import candidate_sites
from locator.travel.index import PointIndex

REGISTRY, GIVEN, GRID = "registry", "given", "grid"
# candidates nearer to one another than this are one: both sides of a street, two stops of a pair
MERGED_M = 20.0
# no site this near to one whose host said no is offered under another name
REFUSED_M = 30.0
# a postcode is known to about so many metres, a stop or a corner to so many
_AT_POSTCODE, _POSTCODE_M, _EXACT_M = ("GP practice", "school"), 100.0, 20.0
_MOST_GRID = 500_000

COLUMNS = (
    "reference",
    "name",
    "kind",
    "locality",
    "source",
    "longitude",
    "latitude",
    "easting",
    "northing",
    "precision_m",
    "decision",
)


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Sites to choose from.

    Attributes
    ----------
    frame
        One row a site, numbered from 0: ``reference``, ``name``, ``kind`` ("bus stop", "street
        junction" ...), ``locality``, ``source`` ("registry", "given", "grid" or who lists it),
        ``longitude``, ``latitude`` (EPSG:4326), ``easting``, ``northing`` (EPSG:27700),
        ``precision_m`` and ``decision`` ("open", "agreed").
    left_out
        How many were left out, by reason.
    tables
        Names in ``sources.toml`` whose attribution is owed.
    remarks
        On points that somebody named, in sentences.
    """

    frame: pd.DataFrame
    left_out: Mapping[str, int]
    tables: tuple[str, ...]
    remarks: tuple[str, ...] = ()

    def __len__(self) -> int:
        """Count the sites."""
        return len(self.frame)

    @property
    def grid(self) -> geodesy.type_floats:
        """Easting and northing (EPSG:27700 metres), shape ``(n, 2)``."""
        return self.frame[["easting", "northing"]].to_numpy(dtype=np.float64)


def kinds(folder: Path) -> list[str]:
    """List the kinds of built-in sites, such as "bus stop", in the order of preference.

    Raises
    ------
    DataError
        The table is missing or damaged.
    """
    return sorted(set(tables.table(folder, "sites")["kind"]), key=_preference)


def gather(
    facts: Facts,
    sources: Collection[str],
    *,
    grid_m: float | None = None,
    points: Sequence[tuple[float, float]] = (),
    excluded: gpd.GeoDataFrame | None = None,
    near: tuple[geodesy.type_floats, float] | None = None,
    refusals: bool = True,
) -> Candidates:
    """Gather sites from the registry, the built-in tables, a grid and points.

    Where several lie within :data:`MERGED_M` of one another the best known is kept: a point that
    was given, then one of the registry, then a building with staff, then stops, junctions and
    the grid.

    Parameters
    ----------
    facts
        The registry, the tables and the outline of the area.
    sources
        ``registry`` and kinds of :func:`kinds`.
    grid_m
        Metres between the points of a grid inside the area; None for no grid.
    points
        Longitude and latitude (EPSG:4326) of sites that somebody named.
    excluded
        Areas with a CRS in which no site may lie; on the edge is inside.
    near
        Positions (EPSG:27700 metres, ``(m, 2)``) and metres: sites that have none of them
        within a straight line so long are left out.
    refusals
        Whether nothing is offered beside a host who has refused. A point that somebody named
        stays, with a remark. Not where strangers may ask: they could find out who has refused.

    Raises
    ------
    InputError
        A kind is not known, the grid is too fine, or an area has no CRS.
    OutsideGreatBritainError
        A point is not in Great Britain.
    DataError
        A table is missing or damaged.
    RegistryError
        The registry cannot be read.
    """
    for longitude, latitude in points:
        geodesy.to_bng(longitude, latitude)  # raises if it is not in Great Britain
    known = kinds(facts.settings.geodata)
    if wrong := sorted(set(sources) - {REGISTRY, *known}):
        listed = ", ".join([REGISTRY, *known])
        msg = f"“{wrong[0]}” is no kind of candidate. Choose from {listed}."
        raise InputError(msg)
    left_out: Counter[str] = Counter()
    parts = [_given(points)]
    registered = _registered(facts) if refusals or REGISTRY in sources else _placed(_frame([]))
    refused = registered[registered["decision"] == Decision.REFUSED]
    if REGISTRY in sources:
        built = registered["decision"] == Decision.BUILT
        left_out["their host has refused"] = len(refused)
        left_out["a kit has been put up there"] = int(built.sum())
        parts.append(registered[~built & (registered["decision"] != Decision.REFUSED)])
    wanted = [kind for kind in known if kind in sources]
    if wanted:
        parts.append(_built_in(facts.settings.geodata, wanted))
    if grid_m is not None:
        parts.append(_grid(facts.county, grid_m))
    found = _placed(pd.concat(parts, ignore_index=True))
    if near is not None:
        metres, _ = PointIndex(near[0]).nearest_many(found[["easting", "northing"]].to_numpy())
        left_out["have no demand within the standard"] = int((metres > near[1]).sum())
        found = found[metres <= near[1]]
    beside = _within(found, refused if refusals else refused[:0], REFUSED_M)
    named = (found["source"] == GIVEN).to_numpy()
    remarks = tuple(
        f"{name} lies within {REFUSED_M:g} m of a host who has refused."
        for name in found.loc[beside & named, "name"]
    )
    keep = ~beside | named
    left_out[f"within {REFUSED_M:g} m of a host who has refused"] = int((~keep).sum())
    if excluded is not None:
        inside = keep & _inside(found, excluded)
        left_out["in an excluded area"] = int(inside.sum())
        keep &= ~inside
    found = found[keep]
    first = _first_of_each(found)
    left_out[f"within {MERGED_M:g} m of another"] = int((~first).sum())
    owed = {*(["sites"] if wanted else ()), *(["areas"] if grid_m is not None else ())}
    return Candidates(
        _located(facts, found[first].reset_index(drop=True)),
        {reason: count for reason, count in left_out.items() if count},
        tuple(sorted(owed)),
        remarks,
    )


def read_areas(path: Path) -> gpd.GeoDataFrame:
    """Read outlines of areas from a GeoJSON or GeoPackage file.

    Raises
    ------
    InputError
        The file is not one of these, has no polygons or does not name its CRS.
    """
    # the driver is named: a file that points elsewhere must not be followed
    driver = "GPKG" if _begins(path, b"SQLite format 3\x00") else "GeoJSON"
    try:
        areas = gpd.read_file(f"{driver}:{path}")
    except (OSError, RuntimeError, ValueError) as error:
        msg = f"{path} cannot be read as GeoJSON or GeoPackage with areas: {error}"
        raise InputError(msg) from error
    polygons = areas.geom_type.isin(["Polygon", "MultiPolygon"]) if len(areas) else []
    if not len(areas) or areas.crs is None or not all(polygons):
        msg = f"{path} must hold polygons with a coordinate reference system, and nothing else."
        raise InputError(msg)
    return areas


def _begins(path: Path, magic: bytes) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(magic)) == magic
    except OSError as error:
        msg = f"{path} cannot be read: {error.strerror}. Name a file with outlines of areas."
        raise InputError(msg) from error


def matching(folder: Path, word: str) -> list[str]:
    """Give the kinds that a word means: "junction" is "street junction", "station" is two kinds.

    Raises
    ------
    InputError
        It means none.
    DataError
        The table is missing or damaged.
    """
    wanted = word.strip().casefold().replace("-", " ")
    known = [REGISTRY, *kinds(folder)]
    exact = [kind for kind in known if kind.casefold() == wanted]
    found = exact or [kind for kind in known if wanted in kind.casefold().split()]
    if not found:
        listed = ", ".join(kind.replace(" ", "-") for kind in known)
        msg = f"“{word}” is no kind of candidate. Choose from {listed} and grid:METRES."
        raise InputError(msg)
    return found


def _given(points: Sequence[tuple[float, float]]) -> pd.DataFrame:
    return _frame(
        [
            {
                "reference": f"point {number}",
                "name": f"Point {latitude:.5f}, {longitude:.5f}",
                "kind": "point",
                "source": GIVEN,
                "longitude": longitude,
                "latitude": latitude,
                "precision_m": 10.0,
            }
            for number, (longitude, latitude) in enumerate(points, start=1)
        ]
    )


def _registered(facts: Facts) -> pd.DataFrame:
    rows = [row | {"source": REGISTRY} for row in candidate_sites(facts.engine)]
    frame = _frame(rows)
    return _placed(frame.assign(kind=frame["kind"].replace("", "candidate")))


def _built_in(folder: Path, wanted: Collection[str]) -> pd.DataFrame:
    frame = tables.table(folder, "sites")
    frame = frame[frame["kind"].isin(wanted)]
    at = zip(frame["kind"], frame["latitude"], frame["longitude"], strict=True)
    return _frame(
        frame.assign(
            reference=[
                f"{kind} {latitude:.5f} {longitude:.5f}" for kind, latitude, longitude in at
            ],
            precision_m=np.where(frame["kind"].isin(_AT_POSTCODE), _POSTCODE_M, _EXACT_M),
        )
    )


def _grid(outline: gpd.GeoDataFrame, spacing_m: float) -> pd.DataFrame:
    area = shapely.union_all(outline.to_crs(geodesy.BNG).geometry.array)
    west, south, east, north = (float(edge) for edge in area.bounds)
    if not spacing_m > 0 or (east - west) * (north - south) > _MOST_GRID * spacing_m**2:
        msg = f"A grid of {spacing_m:g} m has too many points. Choose a wider one, such as 200 m."
        raise InputError(msg)
    # whole multiples of the spacing: the same grid whatever the outline
    columns, rows = (
        np.arange(np.ceil(low / spacing_m), np.floor(high / spacing_m) + 1) * spacing_m
        for low, high in ((west, east), (south, north))
    )
    easting, northing = (axis.ravel() for axis in np.meshgrid(columns, rows))
    inside = shapely.contains_xy(area, easting, northing)
    easting, northing = easting[inside], northing[inside]
    longitude, latitude = geodesy.to_wgs84(easting, northing)
    names = [f"{x:.0f} {y:.0f}" for x, y in zip(easting, northing, strict=True)]
    return _frame(
        pd.DataFrame(
            {
                "reference": [f"grid {name}" for name in names],
                "name": [f"Grid point {name}" for name in names],
                "kind": GRID,
                "source": GRID,
                "longitude": longitude,
                "latitude": latitude,
                "precision_m": spacing_m / 2,
            }
        )
    )


def _frame(rows: pd.DataFrame | Sequence[Mapping[str, object]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows)
    frame = frame.reindex(columns=[name for name in COLUMNS if name not in {"easting", "northing"}])
    frame["decision"] = frame["decision"].astype(object).fillna(str(Decision.OPEN))
    frame["locality"] = frame["locality"].astype(object).fillna("")
    numbers = ["longitude", "latitude", "precision_m"]
    return frame.astype(dict.fromkeys(numbers, np.float64) | {"decision": object})


def _placed(frame: pd.DataFrame) -> pd.DataFrame:
    easting, northing = geodesy.to_bng(
        frame["longitude"].to_numpy(np.float64).copy(),
        frame["latitude"].to_numpy(np.float64).copy(),
    )
    return frame.assign(easting=easting, northing=northing)[list(COLUMNS)]


def _located(facts: Facts, frame: pd.DataFrame) -> pd.DataFrame:
    """Say in words where sites without a locality lie, and what street a bare point is near."""
    bare = np.flatnonzero(frame["locality"] == "")
    if not len(bare):
        return frame
    streets = tables.table(facts.settings.geodata, "streets")
    near = Localities(streets).near(frame[["easting", "northing"]].to_numpy()[bare])
    locality, name = frame["locality"].to_numpy().copy(), frame["name"].to_numpy().copy()
    for row, (place, street) in zip(bare, near, strict=True):
        locality[row] = place
        if frame["source"].iloc[row] in {GIVEN, GRID} and street:
            name[row] = f"{name[row]}, near {street}"
    return frame.assign(locality=locality, name=name)


def _within(frame: pd.DataFrame, others: pd.DataFrame, metres: float) -> npt.NDArray[np.bool_]:
    if others.empty:
        return np.zeros(len(frame), dtype=np.bool_)
    tree = cKDTree(others[["easting", "northing"]].to_numpy())
    nearest, _ = tree.query(frame[["easting", "northing"]].to_numpy())
    return np.asarray(nearest <= metres)


def _inside(frame: pd.DataFrame, areas: gpd.GeoDataFrame) -> npt.NDArray[np.bool_]:
    if areas.crs is None:
        msg = "The excluded areas do not say their coordinate reference system."
        raise InputError(msg)
    whole = shapely.union_all(areas.to_crs(geodesy.WGS84).geometry.array)
    shapely.prepare(whole)
    inside: npt.NDArray[np.bool_] = shapely.intersects_xy(
        whole, frame["longitude"].to_numpy(), frame["latitude"].to_numpy()
    )
    return inside


def _preference(kind: str) -> tuple[float, str]:
    return (_ORDER.index(kind) if kind in _ORDER else _ORDER.index("bus stop") - 0.5, kind)


# who has staff or is watched first; a kind of the registry that is not here comes before stops
_ORDER = (
    "point",
    "railway station",
    "bus station",
    "hospital",
    "GP practice",
    "school",
    "bus stop",
    "street junction",
    GRID,
)


def _first_of_each(frame: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Keep the best of the sites that lie together, in an order that never changes."""
    rank = [
        (source != GIVEN, source != REGISTRY, decision != Decision.AGREED, *_preference(kind), name)
        for source, decision, kind, name in zip(
            frame["source"], frame["decision"], frame["kind"], frame["reference"], strict=True
        )
    ]
    order = sorted(range(len(frame)), key=rank.__getitem__)
    keep = np.ones(len(frame), dtype=np.bool_)
    if len(frame):
        tree = cKDTree(frame[["easting", "northing"]].to_numpy())
        near = tree.query_ball_point(frame[["easting", "northing"]].to_numpy(), MERGED_M)
        for row in order:
            if keep[row]:
                keep[near[row]] = False
                keep[row] = True
    return keep
