import dataclasses
import datetime as dt
import json
import re

import geopandas as gpd
import pytest
import shapely

from locator import geodesy
from locator.analysis.coverage import Counting, Coverage, coverage
from locator.analysis.nearest import standings
from locator.analysis.reach import Reach
from locator.facts import Facts
from locator.maps import Basemap, Picture
from locator.maps.coverage import cell_bands, coverage_map, decile_bands
from locator.maps.kits import kits_map
from locator.travel.standard import Standard

PAPER = Basemap("/b", "", "them")


def _kits(facts: Facts, **change: object) -> Picture:
    snapshot = facts.snapshot()
    snapshot = dataclasses.replace(snapshot, kits=snapshot.kits.assign(**change))
    states = standings(snapshot, facts.calendar.read("2026-07-04 23:30"))
    return kits_map(snapshot, states, facts.county, reach=None, basemap=PAPER)


def test_kits_are_drawn_the_same_every_time(facts: Facts) -> None:
    assert _kits(facts) == _kits(facts)


def test_only_kits_that_may_be_there_are_drawn(facts: Facts) -> None:
    picture = _kits(facts)
    shown = set(re.findall(r'"reference": "([^"]+)"', picture.script))
    assert shown == set(facts.snapshot().in_service["reference"])
    assert picture.script.count("kit kit-open") == 10
    assert picture.script.count("kit kit-unknown") == 20


def test_text_of_kits_never_enters_the_script(facts: Facts) -> None:
    hostile = "{{cycler.__init__.__globals__.os.popen('id').read()}} ${alert(1)} </script>"
    picture = _kits(facts, name=hostile, note=hostile, address=hostile, position_text=hostile)
    assert picture == _kits(facts)


def test_assets_come_from_the_vendor_folder(facts: Facts) -> None:
    picture = _kits(facts)
    assert [path.split("/")[1] for path in picture.scripts] == [
        "leaflet",
        "protomaps-leaflet",
        "leaflet.markercluster",
        "leaflet.locatecontrol",
    ]
    assert all(p.startswith("vendor/") for p in (*picture.scripts, *picture.stylesheets))
    assert "http" not in re.sub(r"http://www\.w3\.org", "", picture.script)


def _coverage(facts: Facts, metres: float = 400) -> Coverage:
    return coverage(
        facts.snapshot(),
        facts.demand(weights={}),
        facts.travel,
        Standard.within(metres),
        facts.neighbourhoods,
        day=dt.date(2026, 7, 4),
    )


def _drawn(
    facts: Facts,
    found: Coverage,
    counting: Counting = Counting.KNOWN,
    reach: Reach | None = None,
) -> Picture:
    return coverage_map(
        found, facts.county, facts.lsoa_outlines, counting=counting, reach=reach, basemap=PAPER
    )


@pytest.fixture(scope="module")
def gaps(facts: Facts) -> str:
    return _drawn(facts, _coverage(facts)).script


def test_incidents_are_cells_and_never_points(facts: Facts, gaps: str) -> None:
    script = gaps
    points = facts.demand(weights={}).points
    for column in ("longitude", "latitude"):
        written = set(re.findall(r"-?\d+\.\d{4,}", script))
        exact = {f"{value:.6f}" for value in points[column]}
        assert len(written & exact) < 5  # a corner may coincide by chance
    collections = re.findall(r"_add\((\{.*\})\);", script)
    features = [f for text in collections for f in json.loads(text)["features"]]
    assert len(features) > 300, "cells and neighbourhoods"
    types = {feature["geometry"]["type"] for feature in features}
    assert types <= {"Polygon", "MultiPolygon"}


@pytest.mark.parametrize("counting", list(Counting))
def test_layers_and_legend(facts: Facts, counting: Counting) -> None:
    found = _coverage(facts)
    script = _drawn(facts, found, counting).script
    for name in (
        "Deprivation by neighbourhood",
        "Recorded violence out of reach",
        "Reach of each kit",
        "Bleed kits",
    ):
        assert name in script
    # every kit in service is drawn; who does not count has no reach and a dashed outline
    counted = 10 if counting is Counting.KNOWN else 30
    assert script.count("L.circle(") == counted
    assert script.count("L.circleMarker(") == len(facts.snapshot().in_service) == 30
    assert script.count('"dashArray": "3 3"') == 30 - counted
    cells, _ = found.cells(counting)
    bands = cell_bands(cells)
    assert 2 <= len(bands) <= 4
    assert {band.colour for band in bands} <= set(re.findall(r"#[0-9a-f]{6}", script))
    assert len(decile_bands()) == 5


def test_a_map_without_gaps(facts: Facts) -> None:
    picture = _drawn(facts, _coverage(facts, 20_000))
    assert picture.name == "map_coverage"


def _reach(*methods: str) -> Reach:
    """Make areas of 5 and 3 minutes, found by some methods."""
    rows = [
        {
            "fetch_s": seconds,
            "metres": 3 * (seconds - 60) / 2,
            "method": method,
            "geometry": shapely.Point(-0.9, 52.24).buffer(seconds / 1e5),
        }
        for seconds in (300.0, 180.0)
        for method in methods
    ]
    columns = ["fetch_s", "metres", "method", "geometry"]
    areas = gpd.GeoDataFrame(rows, columns=columns, geometry="geometry", crs=geodesy.WGS84)
    return Reach(areas, 3.0, 0)


def test_reach_areas_take_the_place_of_circles(facts: Facts) -> None:
    picture = _drawn(facts, _coverage(facts), reach=_reach("streets", "straight"))
    assert "L.circle(" not in picture.script
    assert "Reach of each kit" not in picture.script
    assert "There and back in 3 or 5 minutes, running" in picture.script
    # what is measured has a firm outline, what is estimated a dashed one
    (drawn,) = (
        json.loads(text)
        for text in re.findall(r"_add\((\{.*\})\);", picture.script)
        if '"method"' in text
    )
    assert [f["properties"]["method"] for f in drawn["features"]] == ["streets", "straight"] * 2
    assert '"dashArray": "5 5"' in picture.script


def test_the_map_of_kits_shows_reach_below_its_signs(facts: Facts) -> None:
    states = standings(facts.snapshot(), facts.calendar.read("2026-07-04 23:30"))
    picture = kits_map(
        facts.snapshot(), states, facts.county, reach=_reach("streets"), basemap=PAPER
    )
    assert "There and back in 3 or 5 minutes, running" in picture.script
    assert picture.script.index('"method": "streets"') < picture.script.index("kit kit-open")
    plain = _kits(facts)
    assert "There and back" not in plain.script


def test_no_area_at_all_is_no_error(facts: Facts) -> None:
    states = standings(facts.snapshot(), facts.calendar.read("2026-07-04 23:30"))
    picture = kits_map(facts.snapshot(), states, facts.county, reach=_reach(), basemap=PAPER)
    assert picture.script.count("kit kit-open") == 10
