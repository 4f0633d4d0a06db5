"""How far it is on foot, how that was found, and whether the range holds the truth."""

import json
from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from locator import geodesy
from locator.errors import DataError
from locator.settings import Settings
from locator.travel import network
from locator.travel.journey import Travel, Ways
from locator.travel.network import Detour, Label
from locator.travel.pace import Pace
from locator.travel.standard import Standard
from locator.travel.streets import SNAP_M, Streets
from tests.walked import MIDDLE, Walked, built, drawn, rutland_by_networkx

PACE = Pace.of(Settings())
DETOUR = Detour(1.1, 1.4, 2.0, "a test")
OAKHAM = (485_900.0, 308_800.0)  # EPSG:27700
MILL = Label("street", "Mill Street")
FAR_M = 6000.0


def ways(
    travel: Travel,
    here: tuple[float, float],
    *there: tuple[float, float],
    here_m: float = 0.0,
    there_m: float = 0.0,
    reach_m: float = FAR_M,
) -> Ways:
    """Measure the ways from one position to some others (EPSG:27700 metres)."""
    targets = np.array(there)
    return travel.ways(
        here,
        here_m,
        targets,
        np.full(len(targets), there_m),
        travel.snap(targets),
        reach_m=reach_m,
    )


def at(east: float, north: float) -> tuple[float, float]:
    return MIDDLE[0] + east, MIDDLE[1] + north


@pytest.fixture(scope="module")
def county(rutland: Streets) -> Travel:
    detour = rutland.network.about.detour
    assert detour is not None
    return Travel(PACE, detour, rutland)


@pytest.fixture(scope="module")
def walked(test_data: Path) -> Walked:
    return rutland_by_networkx(test_data)


@pytest.fixture(scope="module")
def lane(tmp_path_factory: pytest.TempPathFactory) -> Travel:
    """One straight street of a kilometre, northwards."""
    raw = drawn([(MILL, [(0.0, 0.0), (0.0, 1000.0)])])
    return Travel(PACE, DETOUR, built(raw, tmp_path_factory.mktemp("lane") / "net"))


def test_without_streets_everything_is_an_estimate() -> None:
    found = ways(Travel(PACE, DETOUR), at(0, 0), at(300, 400), at(0, 0), here_m=20, there_m=5)
    assert found.straight_m.tolist() == [500, 0]
    assert found.metres.tolist() == pytest.approx([700, 0])
    assert found.low_m.tolist() == pytest.approx([475 * 1.1, 0])
    assert found.high_m.tolist() == pytest.approx([525 * 2.0, 25 * 2.0])
    assert not found.by_street.any()
    assert found.route_to(0) is None


@pytest.mark.parametrize("aside", [SNAP_M - 1, SNAP_M + 1])
def test_who_is_far_from_every_street_gets_an_estimate(lane: Travel, aside: float) -> None:
    near = aside < SNAP_M
    from_field = ways(lane, at(aside, 100), at(0, 900))
    assert from_field.by_street.tolist() == [near]
    assert from_field.metres[0] == pytest.approx(
        aside + 800 if near else 1.4 * np.hypot(aside, 800), rel=1e-3
    )
    to_field = ways(lane, at(0, 100), at(0, 900), at(aside, 900))
    assert to_field.by_street.tolist() == [True, near]
    assert (to_field.route_to(1) is not None) == near


def test_who_is_nearer_to_the_kit_than_to_the_street_does_not_go_by_it(lane: Travel) -> None:
    found = ways(lane, at(200, 500), at(200, 560), at(-10, 500), here_m=10)
    assert found.metres.tolist() == pytest.approx([60 * DETOUR.median, 210], rel=1e-3)
    assert found.by_street.tolist() == [False, True], "an estimate, and said to be one"
    assert found.low_m[0] <= 50
    # nobody knows what lies between: the way by the street stays possible
    assert found.high_m[0] >= 460
    beside, around = found.route_to(0), found.route_to(1)
    assert beside is not None
    assert beside.spoken == ("The kit is about 60 m away, to the north",)
    assert around is not None
    assert around.spoken[0] == "Get to Mill Street, about 200 m to the west"


def test_what_streets_do_not_reach_is_at_least_that_far(lane: Travel) -> None:
    found = ways(lane, at(0, 0), at(0, 300), at(0, 700), reach_m=500)
    assert found.by_street.tolist() == [True, False]
    assert found.metres[1] >= 500
    assert found.high_m[1] >= found.metres[1] >= found.low_m[1]
    assert found.route_to(1) is None


positions = st.tuples(st.floats(480_000, 505_000), st.floats(290_000, 320_000))


@settings(deadline=None, max_examples=60)
@given(
    here=positions,
    there=st.lists(positions, min_size=1, max_size=5),
    here_m=st.sampled_from([0.0, 5.0, 40.0, 800.0]),
    there_m=st.sampled_from([0.0, 10.0, 300.0]),
    reach_m=st.sampled_from([1500.0, 6000.0]),
)
def test_a_range_holds_the_estimate(
    here: tuple[float, float],
    there: list[tuple[float, float]],
    here_m: float,
    there_m: float,
    reach_m: float,
    county: Travel,
) -> None:
    found = ways(county, here, *there, here_m=here_m, there_m=there_m, reach_m=reach_m)
    assert (found.low_m <= found.metres + 1e-6).all()
    assert (found.metres <= found.high_m + 1e-6).all()
    assert (found.low_m >= 0).all()
    assert np.isfinite(found.high_m).all()
    # nothing is promised that is nearer than the straight line
    assert (found.low_m >= found.straight_m - here_m - there_m - 1e-6).all()


def test_streets_do_not_matter_where_there_are_none(county: Travel) -> None:
    northampton = (475_500.0, 260_500.0)
    kits = [(475_700.0, 260_400.0), (470_000.0, 261_000.0)]
    plain = ways(Travel(PACE, county.detour), northampton, *kits, here_m=40, there_m=100)
    loaded = ways(county, northampton, *kits, here_m=40, there_m=100)
    for name in ("metres", "low_m", "high_m", "by_street"):
        assert np.array_equal(getattr(plain, name), getattr(loaded, name))


@pytest.mark.parametrize("here_m", [5.0, 25.0, 40.0, 100.0])
def test_a_range_holds_the_truth_when_both_ends_are_elsewhere(
    here_m: float, county: Travel, walked: Walked
) -> None:
    random = np.random.default_rng(11)

    def moved(xy: tuple[float, float], within_m: float) -> tuple[float, float]:
        away, turn = within_m * np.sqrt(random.random()), random.uniform(0, 2 * np.pi)
        return float(xy[0] + away * np.sin(turn)), float(xy[1] + away * np.cos(turn))

    held = []
    for _ in range(6):
        kit = moved(OAKHAM, 700)
        true_kit = moved(kit, 10)
        spot = walked.spot(*true_kit)
        field = walked.field(spot, limit_m=FAR_M)
        for _ in range(8):
            here = moved(OAKHAM, 700)
            found = ways(county, here, kit, here_m=here_m, there_m=10)
            for true_here in [moved(here, here_m) for _ in range(4)]:
                source = walked.spot(*true_here)
                metres = walked.read(field, (spot,), source)
                straight = float(np.hypot(*np.subtract(true_here, true_kit)))
                if straight < source.aside_m + spot.aside_m:
                    metres = straight
                held.append(found.low_m[0] - 0.1 <= metres <= found.high_m[0] + 0.1)
    # spots are taken all around, not everywhere: a short cut between two of them is missed
    assert np.mean(held) >= 0.95


def test_a_block_of_gardens_within_the_precision_widens_the_range(
    county: Travel, walked: Walked
) -> None:
    # 40 m from one another, and 570 m along streets
    west, east, kit = (485_997.0, 308_507.0), (486_027.0, 308_482.0), (485_900.0, 308_490.0)
    by_west, by_east = walked.metres(west, kit), walked.metres(east, kit)
    assert by_east > by_west + 300
    for here in (west, east):
        found = ways(county, here, kit, here_m=45)
        # eight spots on a ring meet a gap between gardens to a few metres
        assert found.low_m[0] <= by_west + 5
        assert found.high_m[0] >= by_east - 5
    exact = ways(county, west, kit, here_m=3)
    assert exact.high_m[0] < by_east, "who knows where they are is told more"


def test_the_settings_name_the_network(rutland_folder: Path) -> None:
    travel = Travel.open(Settings(network=rutland_folder))
    assert travel.streets is not None
    assert travel.detour == travel.streets.network.about.detour
    said = str(travel)
    assert "along the streets of OpenStreetMap of 2018-02-27" in said
    assert "where none is near, straight line times 1.38 (8 of 10 ways: 1.06 to 2.64)" in said
    assert "Slopes are ignored" in said


def test_without_a_network_the_shipped_detour_is_named(tmp_path: Path) -> None:
    travel = Travel.open(Settings(network=tmp_path / "nothing"))
    assert travel.streets is None
    assert "straight line times 1.38" in str(travel)
    assert "measured on Rutland (OpenStreetMap) of 2018-02-27" in str(travel)
    assert travel.snap(np.array([OAKHAM])) is None


def test_a_network_that_was_never_measured_uses_the_shipped_detour(tmp_path: Path) -> None:
    built(drawn([(MILL, [(0.0, 0.0), (0.0, 1000.0)])]), tmp_path / "net")
    travel = Travel.open(Settings(network=tmp_path / "net"))
    assert travel.detour.source == "Rutland (OpenStreetMap) of 2018-02-27"


def test_a_damaged_network_is_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / "network.json").write_text(json.dumps({"format": network.FORMAT}))
    with pytest.raises(DataError, match="locator network build"):
        Travel.open(Settings(network=tmp_path))


def test_the_line_of_a_way_leads_along_streets(county: Travel, walked: Walked) -> None:
    found = ways(county, OAKHAM, (486_300.0, 308_500.0)).route_to(0)
    assert found is not None
    inner = np.array(found.line)[1:-1]
    east, north = geodesy.to_bng(inner[:, 0].copy(), inner[:, 1].copy())
    for spot in shapely.points(east, north):
        assert walked.spot(spot.x, spot.y).aside_m < 0.02


oakham = st.tuples(st.floats(484_500, 487_500), st.floats(307_500, 310_500))


@settings(deadline=None, max_examples=40)
@given(
    origins=st.lists(oakham, min_size=1, max_size=5),
    targets=st.lists(oakham, min_size=1, max_size=8),
    metres=st.sampled_from([150.0, 400.0, 1200.0]),
)
def test_pairs_are_the_ways_within_the_standard(
    origins: list[tuple[float, float]],
    targets: list[tuple[float, float]],
    metres: float,
    county: Travel,
) -> None:
    found = county.pairs(
        np.array(origins), np.array(targets), Standard.within(metres, walking=True)
    )
    expected = {
        (row, column): way
        for row, origin in enumerate(origins)
        for column, way in enumerate(ways(county, origin, *targets).metres)
        if way <= metres
    }
    pairs = zip(found.origin.tolist(), found.target.tolist(), strict=True)
    assert dict(zip(pairs, found.metres.tolist(), strict=True)) == pytest.approx(expected)


@settings(deadline=None, max_examples=40)
@given(
    origins=st.lists(oakham, min_size=1, max_size=5),
    targets=st.lists(oakham, min_size=1, max_size=6),
)
def test_the_nearest_on_foot_is_the_shortest_way(
    origins: list[tuple[float, float]], targets: list[tuple[float, float]], county: Travel
) -> None:
    found, number = county.metres_to_nearest(np.array(origins), np.array(targets), walking=True)
    for row, origin in enumerate(origins):
        every = ways(county, origin, *targets).metres
        assert found[row] == pytest.approx(every.min())
        assert every[number[row]] == pytest.approx(every.min())


def test_in_a_straight_line_streets_do_not_matter(lane: Travel) -> None:
    here, there = np.array([at(0, 100)]), np.array([at(0, 500), at(300, 100), at(0, 500.5)])
    found = lane.pairs(here, there, Standard.within(400))
    assert found.target.tolist() == [0, 1]
    assert found.metres.tolist() == pytest.approx([400, 300])
    metres, number = lane.metres_to_nearest(here, there, walking=False)
    assert (metres[0], number[0]) == (pytest.approx(300), 1)


def test_without_streets_a_standard_on_foot_takes_the_median_detour() -> None:
    travel = Travel(PACE, DETOUR)
    here, there = np.array([at(0, 0)]), np.array([at(0, 100), at(100.5, 0)])
    found = travel.pairs(here, there, Standard.within(140, walking=True))
    assert found.target.tolist() == [0]
    assert found.metres[0] == pytest.approx(100 * DETOUR.median)


def test_nothing_is_near_where_nothing_is(lane: Travel) -> None:
    none = np.empty((0, 2))
    here = np.array([at(0, 0)])
    for walking in (True, False):
        standard = Standard.within(400, walking=walking)
        assert not len(lane.pairs(here, none, standard).origin)
        assert not len(lane.pairs(none, here, standard).origin)
        metres, number = lane.metres_to_nearest(here, none, walking=walking)
        assert (metres[0], number[0]) == (np.inf, -1)
