import dataclasses
import json

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from locator.analysis.coverage import CELL_MINIMUM, Coverage, coverage
from locator.facts import Facts


@pytest.fixture(scope="module")
def county(facts: Facts) -> Coverage:
    return coverage(facts.snapshot(), facts.incidents, facts.residents, within_m=400)


def test_every_record_is_counted_once(county: Coverage) -> None:
    assert county.records == 28_624
    parts = (county.beyond, county.within, county.without_position, county.outside)
    assert sum(parts) == county.records
    for frame in (county.by_category, county.by_authority, county.by_decile, county.lsoas):
        assert frame["records"].sum() == county.beyond + county.within
        assert frame["beyond"].sum() == county.beyond
    assert county.cells["records"].sum() + county.in_small_cells == county.beyond
    assert county.months == ("2025-01", "2025-12")


def test_an_independent_check_gives_the_same_number(county: Coverage, facts: Facts) -> None:
    folder = facts.settings.geodata
    rows = pd.read_csv(folder / "incidents.csv.gz").dropna(subset=["longitude"])
    rows = rows[rows["lsoa"].isin(pd.read_csv(folder / "lsoa.csv")["code"])]
    kits = (
        pd.read_csv(folder / "kits.csv").query("status == 'installed'").dropna(subset="longitude")
    )
    points = gpd.points_from_xy(rows["longitude"], rows["latitude"], crs=4326).to_crs(27700)
    spots = gpd.points_from_xy(kits["longitude"], kits["latitude"], crs=4326).to_crs(27700)
    every = shapely.MultiPoint(shapely.get_coordinates(spots))
    far = shapely.distance(points, every) > 400
    assert int(rows.loc[far, "records"].sum()) == county.beyond
    assert int(rows.loc[~far, "records"].sum()) == county.within


def test_the_records_equal_the_downloaded_files(
    county: Coverage, test_data: "pytest.TempPathFactory"
) -> None:
    files = sorted((test_data / "crime").glob("*-northamptonshire-street.csv.gz"))  # type: ignore[operator]
    raw = pd.concat([pd.read_csv(path) for path in files])
    serious = raw[
        raw["Crime type"].isin(["Violence and sexual offences", "Robbery", "Possession of weapons"])
    ]
    assert len(serious) == county.records
    assert int(serious["Longitude"].isna().sum()) == county.without_position
    names = serious["LSOA name"].fillna("")
    ours = names.str.startswith(("North Northamptonshire", "West Northamptonshire"))
    assert int(ours.sum()) == county.beyond + county.within


def test_a_wider_standard_never_leaves_more_out(facts: Facts) -> None:
    beyond = [
        coverage(facts.snapshot(), facts.incidents, facts.residents, within_m=m).beyond
        for m in (1, 150, 400, 800, 20_000, 60_000)
    ]
    assert beyond == sorted(beyond, reverse=True)
    assert beyond[-1] == 0


def test_hours_take_coverage_away(facts: Facts, county: Coverage) -> None:
    night = coverage(
        facts.snapshot(),
        facts.incidents,
        facts.residents,
        within_m=400,
        at=facts.calendar.read("2026-07-04 23:30"),
    )
    always = coverage(
        facts.snapshot(), facts.incidents, facts.residents, within_m=400, only_always_open=True
    )
    assert night.beyond == always.beyond > county.beyond
    assert night.hours_not_known + len(night.kits) == len(county.kits)


def test_small_cells_are_not_drawn(county: Coverage) -> None:
    assert county.cells["records"].min() >= CELL_MINIMUM
    area_km2 = county.cells.to_crs(27700).area / 1e6
    assert area_km2.between(0.5, 1.1).all()


def test_no_kits_leave_everything_out(facts: Facts) -> None:
    snapshot = facts.snapshot()
    empty = dataclasses.replace(snapshot, kits=snapshot.kits[:0], hours={})
    result = coverage(empty, facts.incidents, facts.residents, within_m=400)
    assert result.within == 0
    assert result.residents_beyond == result.residents == 785_238


def test_as_json(county: Coverage) -> None:
    plain = json.loads(json.dumps(county.as_dict(), allow_nan=False))
    assert plain["beyond"] == county.beyond
    assert {row["imd_decile"] for row in plain["by_imd_decile"]} == set(range(1, 11))
