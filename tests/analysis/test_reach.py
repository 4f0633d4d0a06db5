"""From where a kit is fetched in time: the areas against walking the streets as drawn."""

from pathlib import Path

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pytest
import shapely

from locator import geodesy
from locator.analysis.reach import FETCH_S, Reach, reach
from locator.settings import Settings
from locator.travel.journey import Travel
from locator.travel.network import Detour, Label
from locator.travel.pace import Pace
from locator.travel.streets import Streets
from tests.walked import MIDDLE, Walked, built, drawn, rutland_by_networkx

PACE = Pace.of(Settings())
DETOUR = Detour(1.1, 1.4, 2.0, "a test")
# the markets of Oakham and Uppingham and a field between them, EPSG:27700
OAKHAM, UPPINGHAM = (486_146.0, 308_885.0), (486_628.0, 299_812.0)
FIELD = (486_377.0, 303_172.0)
# half the width that a street is drawn with, and a margin for simplified outlines
WIDTH_M, MARGIN_M = 25.0, 5.0
# how exactly the kits are placed
KIT_M = 5.0


def kits_at(*spots: tuple[float, float], precision_m: float = KIT_M) -> gpd.GeoDataFrame:
    columns = {"precision_m": [precision_m] * len(spots)}
    points = gpd.points_from_xy(*np.array(spots).reshape(-1, 2).T)
    return gpd.GeoDataFrame(columns, geometry=points, crs=geodesy.BNG)


@pytest.fixture(scope="module")
def county(rutland: Streets) -> Travel:
    assert rutland.network.about.detour is not None
    return Travel(PACE, rutland.network.about.detour, rutland)


@pytest.fixture(scope="module")
def walked(test_data: Path) -> Walked:
    return rutland_by_networkx(test_data)


def on_grid(found: Reach) -> dict[tuple[float, str], shapely.Geometry]:
    """Give the areas on the National Grid by time and method."""
    areas = found.areas.to_crs(geodesy.BNG)
    return {
        (row.fetch_s, row.method): shapely.make_valid(row.geometry) for row in areas.itertuples()
    }


def random_spots(
    walked: Walked, around: tuple[float, float], within_m: float, count: int
) -> npt.NDArray[np.float64]:
    """Draw positions on streets near a place."""
    random = np.random.default_rng(3)
    ends = walked.grid[np.array(walked.links)]
    near = np.flatnonzero(np.hypot(*(ends.mean(axis=1) - around).T) < within_m)
    metres = np.array([walked.graph.edges[walked.links[row]]["metres"] for row in near])
    chosen = random.choice(near, count, p=metres / metres.sum())
    share = random.random(count)[:, None]
    return np.asarray(ends[chosen, 0] * (1 - share) + ends[chosen, 1] * share)


@pytest.mark.parametrize("m_per_s", [PACE.run_m_per_s, PACE.walk_m_per_s])
def test_who_stands_inside_is_in_time_and_who_stands_well_outside_is_not(
    m_per_s: float, county: Travel, walked: Walked
) -> None:
    kits = (OAKHAM, (486_500.0, 308_500.0), UPPINGHAM)
    areas = on_grid(reach(kits_at(*kits), county, m_per_s))
    sources = tuple(walked.spot(*kit) for kit in kits)
    field = walked.field(*sources)
    inside = dict.fromkeys(FETCH_S, 0)
    for town in (OAKHAM, UPPINGHAM):
        for x, y in random_spots(walked, town, 700, 400):
            metres = walked.read(field, sources, walked.spot(x, y))
            takes_s = PACE.fetch_s(metres, m_per_s)
            for seconds in FETCH_S:
                area = areas[seconds, "streets"]
                spot = shapely.Point(x, y)
                if takes_s <= seconds - 2 * MARGIN_M / m_per_s:
                    inside[seconds] += 1
                    assert area.contains(spot)
                # streets are drawn 50 m wide: who is inside is in time, or beside who is
                elif area.contains(spot):
                    assert _is_beside(walked, field, sources, (x, y), seconds, m_per_s)
    assert min(inside.values()) > 5


def _is_beside(
    walked: Walked,
    field: dict[int, float],
    sources: tuple[object, ...],
    at: tuple[float, float],
    seconds: float,
    m_per_s: float,
) -> bool:
    """Tell whether a street in time is within its width, or all around in a small block."""
    reach_m = PACE.reach_m(seconds, m_per_s)
    rings = [(r * np.sin(a), r * np.cos(a)) for r in (10, 20, 30) for a in np.arange(0, 6.3, 0.4)]
    for east, north in rings:
        spot = walked.spot(at[0] + east, at[1] + north)
        metres = walked.read(field, sources, spot) - spot.aside_m  # type: ignore[arg-type]
        if metres <= reach_m + MARGIN_M:
            return True
    return False


def test_less_time_lies_within_more_time(county: Travel) -> None:
    found = reach(kits_at(OAKHAM, FIELD), county, PACE.run_m_per_s)
    assert found.areas["fetch_s"].tolist() == [300.0, 300.0, 180.0, 180.0]
    assert found.areas["metres"].tolist() == [360.0, 360.0, 180.0, 180.0]
    areas = on_grid(found)
    for method in ("streets", "straight"):
        # outlines are simplified to 3 m
        assert areas[300.0, method].buffer(6).contains(areas[180.0, method])
    assert found.areas.crs == geodesy.WGS84
    assert found.areas.geometry.is_valid.all()


def test_streets_reach_less_far_than_the_crow_flies(county: Travel) -> None:
    areas = on_grid(reach(kits_at(OAKHAM), county, PACE.run_m_per_s))
    for seconds in FETCH_S:
        by_air = shapely.Point(OAKHAM).buffer(PACE.reach_m(seconds, PACE.run_m_per_s) + WIDTH_M + 1)
        assert by_air.contains(areas[seconds, "streets"])
        assert areas[seconds, "streets"].area < 0.9 * by_air.area


def test_a_kit_off_the_streets_gets_a_circle(county: Travel) -> None:
    areas = on_grid(reach(kits_at(FIELD), county, PACE.run_m_per_s))
    assert set(areas) == {(300.0, "straight"), (180.0, "straight")}
    for (seconds, _), circle in areas.items():
        radius = (PACE.reach_m(seconds, PACE.run_m_per_s) - KIT_M) / county.detour.median
        assert circle.area == pytest.approx(np.pi * radius**2, rel=0.01)
        assert np.allclose(shapely.get_coordinates(circle.centroid), FIELD, atol=0.5)


def test_without_a_network_all_are_circles() -> None:
    found = reach(kits_at(OAKHAM, UPPINGHAM), Travel(PACE, DETOUR), PACE.run_m_per_s)
    assert set(found.areas["method"]) == {"straight"}
    assert [len(area.geoms) for area in found.areas.geometry] == [2, 2]


def test_kits_that_are_placed_too_roughly_are_left_out_and_counted(county: Travel) -> None:
    shortest_m = PACE.reach_m(min(FETCH_S), PACE.run_m_per_s)
    exact, rough = kits_at(OAKHAM, precision_m=shortest_m / 2), kits_at(UPPINGHAM, precision_m=400)
    kits = gpd.GeoDataFrame(
        {"precision_m": [*exact["precision_m"], *rough["precision_m"]]},
        geometry=[*exact.geometry, *rough.geometry],
        crs=geodesy.BNG,
    )
    found = reach(kits, county, PACE.run_m_per_s)
    assert found.too_rough == 1
    for area in on_grid(found).values():
        assert area.distance(shapely.Point(OAKHAM)) == 0
        assert area.distance(shapely.Point(UPPINGHAM)) > 5000


@pytest.fixture(scope="module")
def pier(tmp_path_factory: pytest.TempPathFactory) -> Travel:
    """One straight street of 3 km without a corner."""
    raw = drawn([(Label("street", "Pier"), [(0.0, 0.0), (0.0, 3000.0)])])
    return Travel(PACE, DETOUR, built(raw, tmp_path_factory.mktemp("pier") / "net"))


def test_a_kit_in_the_middle_of_a_park_gets_a_circle(pier: Travel) -> None:
    kit = (MIDDLE[0] + 200, MIDDLE[1] + 1000)
    found = reach(kits_at(kit), pier, PACE.run_m_per_s)
    assert set(found.areas["method"]) == {"straight"}, "the street is beyond the shorter way"
    assert not found.areas.geometry.is_empty.any()


@pytest.mark.parametrize("spots", [(), ((OAKHAM),)])
def test_no_kits(spots: tuple[tuple[float, float], ...], county: Travel) -> None:
    found = reach(kits_at(*spots, precision_m=900), county, PACE.run_m_per_s)
    assert found.areas.empty
    assert found.too_rough == len(spots)
    assert found.areas.columns.tolist() == ["fetch_s", "metres", "method", "geometry"]


def test_a_time_that_the_call_alone_takes(county: Travel) -> None:
    found = reach(kits_at(OAKHAM), county, PACE.run_m_per_s, fetch_s=(30.0, 300.0))
    assert found.too_rough == 1, "nothing is known exactly enough for no way at all"


def test_a_kit_in_the_middle_of_a_long_street(pier: Travel) -> None:
    kit = (MIDDLE[0] + 40, MIDDLE[1] + 1000)
    areas = on_grid(reach(kits_at(kit), pier, PACE.run_m_per_s))
    for seconds in FETCH_S:
        # 40 m are walked to the street, and the street is drawn as wide as it is
        far = PACE.reach_m(seconds, PACE.run_m_per_s) - 40 - KIT_M + WIDTH_M
        west, south, east, north = areas[seconds, "streets"].bounds
        assert (south, north) == pytest.approx(
            (MIDDLE[1] + 1000 - far, MIDDLE[1] + 1000 + far), abs=MARGIN_M
        )
        assert (west, east) == pytest.approx((MIDDLE[0] - 25, MIDDLE[0] + 25), abs=MARGIN_M)
