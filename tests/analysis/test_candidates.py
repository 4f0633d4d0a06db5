import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from scipy.spatial import cKDTree

from locator import geodesy
from locator.analysis.candidates import (
    MERGED_M,
    REFUSED_M,
    Candidates,
    gather,
    kinds,
    matching,
    read_areas,
)
from locator.errors import InputError, OutsideGreatBritainError
from locator.facts import Facts
from locator.settings import Settings
from tests.cli.conftest import Locator

# Northampton's bus station and spots around it
LON, LAT = -0.8975, 52.2405
_HEADING = "name,kind,latitude,longitude,decision"


@pytest.fixture
def imported(tmp_path: Path) -> Facts:
    """A registry with candidates in every state of decision."""
    here = Locator(tmp_path)
    file = tmp_path / "candidates.csv"
    rows = [
        _HEADING,
        f"Open hall,community centre,{LAT},{LON},open",
        f"Agreed hall,community centre,{LAT + 0.01},{LON},agreed",
        f"Refused hall,pub,{LAT + 0.02},{LON},refused",
        f"Built hall,pub,{LAT + 0.03},{LON},built",
        f"Twin of the open hall,bus stop,{LAT + 0.0001},{LON},open",
        f"Twin of the refused hall,bus stop,{LAT + 0.0201},{LON},open",
    ]
    file.write_text("\n".join(rows))
    done = here("import", str(file), "--as", "candidates", "--write", "--by", "A Planner")
    assert done.returncode == 0, done.stderr
    return Facts.open(Settings(database_url=f"sqlite:///{tmp_path}/registry.sqlite"))


def test_decisions_are_respected(imported: Facts) -> None:
    found = gather(imported, ["registry"])
    assert sorted(found.frame["name"]) == ["Agreed hall", "Open hall"]
    assert found.left_out == {
        "their host has refused": 1,
        "within 30 m of a host who has refused": 1,
        "a kit has been put up there": 1,
        "within 20 m of another": 1,
    }
    assert set(found.frame["decision"]) == {"open", "agreed"}
    assert (found.frame["locality"] == "Northampton").any()
    assert found.tables == ()
    imported.close()


def test_no_other_name_brings_a_refused_place_back(imported: Facts) -> None:
    metre = 1 / 111_200
    near, far = (LAT + 0.02 + m * metre for m in (REFUSED_M - 5, -REFUSED_M - 5))
    found = gather(imported, [], points=[(LON, near), (LON, far)])
    assert found.frame["latitude"].tolist() == [near, far], "somebody named the place"
    assert found.remarks == (
        f"Point {near:.5f}, {LON:.5f} lies within 30 m of a host who has refused.",
    )
    silent = gather(imported, [], points=[(LON, near), (LON, far)], refusals=False)
    assert len(silent) == 2
    assert silent.remarks == ()
    imported.close()


def test_built_in_sites_lie_apart_and_the_better_kind_stays(facts: Facts) -> None:
    found = gather(facts, kinds(facts.settings.geodata))
    apart, _ = cKDTree(found.grid).query(found.grid, k=2)
    assert apart[:, 1].min() > MERGED_M
    assert len(found) > 9000
    counts = found.frame["kind"].value_counts()
    assert counts["railway station"] == 6
    assert counts["hospital"] == 6
    assert found.frame["reference"].is_unique
    assert (found.frame["locality"] != "").mean() > 0.99
    east, north = geodesy.to_bng(
        found.frame["longitude"].to_numpy().copy(), found.frame["latitude"].to_numpy().copy()
    )
    assert np.allclose(found.grid, np.column_stack([east, north]))
    again = gather(facts, kinds(facts.settings.geodata))
    assert again.frame.equals(found.frame)


def test_a_point_that_somebody_named_replaces_what_is_beside_it(facts: Facts) -> None:
    station = gather(facts, ["railway station"]).frame.iloc[0]
    at = (float(station["longitude"]), float(station["latitude"]))
    found = gather(facts, ["railway station"], points=[at])
    assert "point 1" in set(found.frame["reference"])
    assert station["reference"] not in set(found.frame["reference"])
    (name,) = found.frame.loc[found.frame["kind"] == "point", "name"]
    assert ", near " in name


def test_a_grid_stays_inside_the_county(facts: Facts) -> None:
    found = gather(facts, [], grid_m=2000)
    county = shapely.union_all(facts.county.to_crs(27700).geometry.array)
    assert shapely.contains_xy(county.buffer(5), *found.grid.T).all()
    # one point for each 4 km2
    assert len(found) == pytest.approx(county.area / 4e6, rel=0.03)
    assert np.abs((found.grid + 1000) % 2000 - 1000).max() < 0.01
    assert found.tables == ("areas",)
    with pytest.raises(InputError, match="too many points"):
        gather(facts, [], grid_m=1)
    with pytest.raises(InputError, match="too many points"):
        gather(facts, [], grid_m=float("nan"))


def test_only_what_has_demand_near_it(facts: Facts) -> None:
    near = np.array([[475_000.0, 260_000.0]])
    found = gather(facts, ["bus stop"], near=(near, 500.0))
    apart = np.hypot(*(found.grid - near[0]).T)
    assert 0 < len(found) < 60
    assert apart.max() <= 500
    every = gather(facts, ["bus stop"])
    left = found.left_out["have no demand within the standard"]
    inside = np.hypot(*(every.grid - near[0]).T) <= 500
    # merging came after, so that what was merged is counted once
    assert left + len(found) >= len(every)
    assert inside.sum() == len(found)


def outline(path: Path, west: float, south: float, east: float, north: float) -> Path:
    area = gpd.GeoDataFrame(geometry=[shapely.box(west, south, east, north)], crs=4326)
    area.to_file(path, driver="GPKG" if path.suffix == ".gpkg" else "GeoJSON")
    return path


@pytest.mark.parametrize("name", ["areas.geojson", "areas.gpkg"])
def test_excluded_areas(facts: Facts, tmp_path: Path, name: str) -> None:
    # all of Northampton and more
    areas = read_areas(outline(tmp_path / name, -1.0, 52.1, -0.7, 52.35))
    whole, without = (gather(facts, ["bus stop"], excluded=e) for e in (None, areas))

    def inside(found: Candidates) -> int:
        frame = found.frame
        return int(
            (frame["longitude"].between(-1.0, -0.7) & frame["latitude"].between(52.1, 52.35)).sum()
        )

    assert inside(whole) > 1000
    assert inside(without) == 0
    assert without.left_out["in an excluded area"] >= inside(whole)
    in_metres = gather(facts, ["bus stop"], excluded=areas.to_crs(27700))
    assert len(in_metres) == len(without)


def test_files_that_hold_no_areas(facts: Facts, tmp_path: Path) -> None:
    points = tmp_path / "points.geojson"
    gpd.GeoDataFrame(geometry=gpd.points_from_xy([LON], [LAT]), crs=4326).to_file(points)
    hostile = tmp_path / "hostile.geojson"
    source = f"<SrcDataSource>{points}</SrcDataSource>"
    hostile.write_text(
        f"<OGRVRTDataSource><OGRVRTLayer name='x'>{source}</OGRVRTLayer></OGRVRTDataSource>"
    )
    empty = tmp_path / "empty.geojson"
    empty.write_text(json.dumps({"type": "FeatureCollection", "features": []}))
    for file in (points, empty):
        with pytest.raises(InputError, match="must hold polygons"):
            read_areas(file)
    for file in (hostile, tmp_path / "none.geojson"):
        with pytest.raises(InputError, match="cannot be read"):
            read_areas(file)
    area = read_areas(outline(tmp_path / "a.gpkg", -1, 52, -0.7, 52.3))
    with pytest.raises(InputError, match="coordinate reference system"):
        gather(facts, ["hospital"], excluded=area.set_crs(None, allow_override=True))


@pytest.mark.parametrize(
    ("word", "means"),
    [
        ("registry", ["registry"]),
        ("bus-stop", ["bus stop"]),
        ("Bus Stop", ["bus stop"]),
        ("stop", ["bus stop"]),
        ("junction", ["street junction"]),
        ("practice", ["GP practice"]),
        ("station", ["railway station", "bus station"]),
    ],
)
def test_words_for_kinds(facts: Facts, word: str, means: list[str]) -> None:
    assert matching(facts.settings.geodata, word) == means


def test_what_is_no_candidate(facts: Facts) -> None:
    with pytest.raises(InputError, match="Choose from registry, railway-station"):
        matching(facts.settings.geodata, "pub")
    with pytest.raises(InputError, match="no kind of candidate"):
        gather(facts, ["pub"])
    with pytest.raises(OutsideGreatBritainError):
        gather(facts, [], points=[(2.35, 48.86)])
    assert len(gather(facts, [])) == 0
