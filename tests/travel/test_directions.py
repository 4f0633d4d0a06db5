"""What somebody who runs is told: on drawn streets, and in Oakham and Uppingham."""

import math
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import osmium
import pyproj
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from locator import geodesy
from locator.travel.directions import Route, route, spoken_metres, straight_to
from locator.travel.network import Label
from locator.travel.streets import Streets
from tests.walked import MIDDLE, Walked, built, drawn, rutland_by_networkx

GRS80 = pyproj.Geod(ellps="GRS80")
MILL = Label("street", "Mill Street")
# town centres, EPSG:27700
OAKHAM, UPPINGHAM = (485_900.0, 308_800.0), (486_700.0, 299_700.0)


def street(name: str) -> Label:
    return Label("street", name)


def way(streets: Streets, here: tuple[float, float], there: tuple[float, float]) -> Route:
    """Describe the way between two positions (EPSG:27700 metres)."""
    at = np.array([here, there])
    snaps = streets.snap(at[:, 0], at[:, 1])
    return route(streets.tree(snaps[:1], np.inf), snaps[1:], here, there)


def told(
    folder: Path,
    streets: list[tuple[Label, list[tuple[float, float]]]],
    here: tuple[float, float],
    there: tuple[float, float],
) -> tuple[str, ...]:
    """Draw streets and ask the way; everything in metres east and north of the middle."""
    from_, to = ((x + MIDDLE[0], y + MIDDLE[1]) for x, y in (here, there))
    return way(built(drawn(streets), folder / "net"), from_, to).spoken


def spoke(angle: float, metres: float, turned: float = 0.0) -> tuple[float, float]:
    """Give the point at a bearing from the middle, the picture turned by some degrees."""
    bearing = math.radians(angle + turned)
    return round(metres * math.sin(bearing), 3), round(metres * math.cos(bearing), 3)


def star(turned: float = 0.0) -> list[tuple[Label, list[tuple[float, float]]]]:
    """Draw streets that meet in the middle, one every 20 degrees; one comes from the south."""
    return [
        (street(f"Street {angle}"), [(0.0, 0.0), spoke(angle, 200, turned)])
        for angle in range(-160, 181, 20)
    ]


@pytest.mark.parametrize(
    ("angles", "said"),
    [
        ((-20, 0, 20), "Go on along"),
        ((-40, -60), "Bear left into"),
        ((40, 60), "Bear right into"),
        ((-80, -100, -140), "Turn left into"),
        ((80, 100, 140), "Turn right into"),
        ((-160, 160), "Turn back along"),
    ],
)
def test_crossroads(angles: tuple[int, ...], said: str, tmp_path: Path) -> None:
    streets = built(drawn(star()), tmp_path / "net")
    here = (MIDDLE[0], MIDDLE[1] - 150)
    for angle in angles:
        x, y = spoke(angle, 90)
        found = way(streets, here, (x + MIDDLE[0], y + MIDDLE[1]))
        assert found.spoken == (
            "Go north along Street 180, 150 m",
            f"{said} Street {angle}, 90 m",
            "The kit is there",
        )
        assert found.metres == pytest.approx(240, rel=1e-3)


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(turned=st.floats(0, 360), angle=st.sampled_from(range(-140, 141, 20)))
def test_a_turn_is_the_same_whichever_way_the_streets_face(
    turned: float, angle: int, tmp_path: Path
) -> None:
    streets = built(drawn(star(turned)), tmp_path / "net")
    here, there, straight = (spoke(a, 120, turned) for a in (180, angle, 0))
    at = [(x + MIDDLE[0], y + MIDDLE[1]) for x, y in (here, there, straight)]
    steps = way(streets, at[0], at[1]).steps
    side = "right" if angle > 0 else "left"
    expected = "go on" if abs(angle) <= 20 else f"{'bear' if abs(angle) <= 60 else 'turn'} {side}"
    assert steps[1].turn == expected
    # the compass names the eighth that is nearest
    north = math.cos(math.radians(turned))
    east = math.sin(math.radians(turned))
    words = set(steps[0].turn.split("-"))
    assert ("north" in words) <= (north > 0.38)
    assert ("south" in words) <= (north < -0.38)
    assert ("east" in words) <= (east > 0.38)
    assert ("west" in words) <= (east < -0.38)
    assert words <= {"north", "east", "south", "west"}


def test_a_street_that_changes_its_name(tmp_path: Path) -> None:
    line = [
        (street("Low Road"), [(0.0, 0.0), (0.0, 100.0)]),
        (street("High Road"), [(0.0, 100.0), (0.0, 200.0)]),
        (Label("road", "High Road"), [(0.0, 200.0), (0.0, 300.0)]),
    ]
    assert told(tmp_path, line, (0, 10), (0, 290)) == (
        "Go north along Low Road, 90 m",
        # a residential street that becomes a main road is still the same street
        "Go on along High Road, 190 m",
        "The kit is there",
    )


def test_a_bend_is_no_corner_but_a_corner_of_one_street_is(tmp_path: Path) -> None:
    bend = [(MILL, [(0.0, 0.0), (0.0, 100.0), (100.0, 100.0)])]
    assert told(tmp_path, bend, (0, 0), (100, 100)) == (
        "Go north along Mill Street, 200 m",
        "The kit is there",
    )
    corner = [*bend, (street("Side Road"), [(0.0, 100.0), (0.0, 200.0)])]
    assert told(tmp_path, corner, (0, 0), (100, 100)) == (
        "Go north along Mill Street, 100 m",
        "Turn right to stay on Mill Street, 100 m",
        "The kit is there",
    )


def test_what_has_no_name(tmp_path: Path) -> None:
    line = [
        (Label("footpath", ""), [(0.0, 0.0), (0.0, 50.0)]),
        (Label("steps", ""), [(0.0, 50.0), (0.0, 56.0)]),
        (Label("road", "A606"), [(0.0, 56.0), (0.0, 150.0)]),
        (Label("car park", ""), [(0.0, 150.0), (80.0, 150.0)]),
        (Label("steps", "Jacob's Ladder"), [(80.0, 150.0), (80.0, 170.0)]),
        (street(""), [(80.0, 170.0), (80.0, 250.0)]),
        (Label("street", "Beech Avenue"), [(80.0, 250.0), (80.0, 300.0)]),
    ]
    assert told(tmp_path, line, (0, 0), (80, 300)) == (
        "Go north along the footpath, 50 m",
        # short, but nobody is to be surprised by it
        "Go on and take the steps, 5 m",
        "Go on along the A606, 90 m",
        "Turn right into the edge of the car park, 80 m",
        "Turn left and take the steps (Jacob's Ladder), 20 m",
        "Go on along a street, 80 m",
        "Go on along Beech Avenue, 50 m",
        "The kit is there",
    )


def test_stretches_that_nobody_would_mention(tmp_path: Path) -> None:
    line = [
        (Label("car park", ""), [(-5.0, 0.0), (0.0, 0.0)]),
        (MILL, [(0.0, 0.0), (0.0, 100.0)]),
        # the middle of a crossing, drawn as a street of its own
        (Label("road", ""), [(0.0, 100.0), (8.0, 100.0)]),
        (street("Far Street"), [(8.0, 100.0), (8.0, 200.0)]),
    ]
    assert told(tmp_path, line, (-5, 0), (8, 200)) == (
        "Go north along Mill Street, 110 m",
        "Go on along Far Street, 100 m",
        "The kit is there",
    )


@pytest.mark.parametrize(
    ("here", "there", "said"),
    [
        ((-40, 20), (0, 200), ("Get to Mill Street, about 40 m to the east", "The kit is there")),
        ((0, 20), (-30, 200), ("The kit is about 30 m off the way, on the left",)),
        ((0, 20), (120, 200), ("The kit is about 120 m off the way, on the right",)),
        ((0, 20), (8, 200), ("The kit is there, on the right",)),
        ((0, 200), (8, 20), ("The kit is there, on the left",)),
        ((0, 20), (2, 200), ("The kit is there",)),
        # beyond the end of the street
        ((0, 20), (0, 340), ("The kit is about 40 m off the way",)),
    ],
)
def test_beside_the_street(
    here: tuple[float, float], there: tuple[float, float], said: tuple[str, ...], tmp_path: Path
) -> None:
    spoken = told(tmp_path, [(MILL, [(0.0, 0.0), (0.0, 300.0)])], here, there)
    assert spoken[-1] == said[-1]
    assert spoken[0] == said[0] or len(said) == 1
    assert sum("along Mill Street" in step for step in spoken) == 1


def test_both_on_one_street(tmp_path: Path) -> None:
    line = [(MILL, [(0.0, 0.0), (0.0, 300.0)])]
    assert told(tmp_path, line, (0, 20), (0, 120))[0] == "Go north along Mill Street, 100 m"
    assert told(tmp_path, line, (0, 120), (0, 20))[0] == "Go south along Mill Street, 100 m"
    assert told(tmp_path, line, (0, 50), (0, 50)) == ("The kit is where you are",)


def test_a_street_that_comes_back(tmp_path: Path) -> None:
    loop = [(0.0, 100.0), (80.0, 140.0), (80.0, 260.0), (-80.0, 260.0), (-80.0, 140.0)]
    streets = [
        (street("Stalk"), [(0.0, 0.0), (0.0, 100.0)]),
        (street("Ring"), [*loop, loop[0]]),
    ]
    right = told(tmp_path, streets, (0, 50), (80, 200))
    left = told(tmp_path, streets, (0, 50), (-80, 200))
    assert right[1].startswith("Turn right into Ring, 150 m")
    assert left[1].startswith("Turn left into Ring, 150 m")
    # from one arm to the other past the stalk, not all around
    across = told(tmp_path, streets, (40, 120), (-80, 150))
    assert across == ("Go south-west along Ring, 140 m", "The kit is there")
    # a close around a green, all of one name: left or right has to be said
    close = [(MILL, line) for _, line in streets]
    assert told(tmp_path, close, (0, 50), (80, 200)) == (
        "Go north along Mill Street, 50 m",
        "Turn right to stay on Mill Street, 150 m",
        "The kit is there",
    )


def test_two_streets_of_one_name_between_two_corners(tmp_path: Path) -> None:
    streets = [
        (MILL, [(0.0, 0.0), (0.0, 100.0)]),
        (MILL, [(0.0, 100.0), (80.0, 100.0), (80.0, 200.0), (0.0, 200.0)]),
        (MILL, [(0.0, 100.0), (-90.0, 100.0), (-90.0, 200.0), (0.0, 200.0)]),
        (MILL, [(0.0, 200.0), (0.0, 300.0)]),
    ]
    assert told(tmp_path, streets, (0, 50), (-90, 120))[1].startswith("Turn left to stay on Mill")
    assert told(tmp_path, streets, (0, 50), (80, 120))[1].startswith("Turn right to stay on Mill")


def test_a_kit_that_is_nearer_than_the_street() -> None:
    found = straight_to((490_000.0, 308_000.0), (490_030.0, 308_040.0))
    assert found.spoken == ("The kit is about 50 m away, to the north-east",)
    assert found.metres == 50
    assert len(found.line) == 2
    assert straight_to(MIDDLE, MIDDLE).spoken == ("The kit is where you are",)


@pytest.mark.parametrize(
    ("metres", "said"),
    [
        *((0.0, "5 m"), (12.4, "10 m"), (47.4, "45 m"), (49.9, "50 m"), (54.0, "50 m")),
        *((994.0, "990 m"), (995.0, "1.0 km"), (1000.0, "1.0 km"), (2649.0, "2.6 km")),
    ],
)
def test_lengths_in_speech(metres: float, said: str) -> None:
    assert spoken_metres(metres) == said


def test_as_json(tmp_path: Path) -> None:
    streets = built(drawn([(MILL, [(0.0, 0.0), (0.0, 300.0)])]), tmp_path / "net")
    plain = way(streets, MIDDLE, (MIDDLE[0], MIDDLE[1] + 200)).as_dict()
    assert plain["metres"] == 200
    assert plain["steps"] == ["Go north along Mill Street, 200 m", "The kit is there"]


@pytest.fixture(scope="module")
def walked(test_data: Path) -> Walked:
    return rutland_by_networkx(test_data)


def grid(lon: float, lat: float) -> tuple[float, float]:
    east, north = geodesy.to_bng(lon, lat)
    return float(east), float(north)


@pytest.mark.parametrize(
    ("here", "there", "names"),
    [
        (
            # from beside Stamford Road to the market
            (-0.7240, 52.6690),
            (-0.7275, 52.6702),
            ["Stamford Road", "the footpath", "Catmos Street", "High Street", "Market Place"],
        ),
        (
            # across the railway by the level crossing
            (-0.7322, 52.6746),
            (-0.7368, 52.6687),
            ["Station Road", "Barleythorpe Road", "Cold Overton Road", "West Road"],
        ),
        (
            (-0.7142, 52.5853),
            (-0.7229, 52.5827),
            ["Station Road", "South View", "London Road", "Red Hill"],
        ),
    ],
)
def test_streets_are_named_in_their_order(
    here: tuple[float, float], there: tuple[float, float], names: list[str], rutland: Streets
) -> None:
    said = " / ".join(way(rutland, grid(*here), grid(*there)).spoken)
    places = [said.find(name) for name in names]
    assert places == sorted(places), said
    assert min(places) >= 0, said


def pairs_in(town: tuple[float, float], count: int) -> Iterator[npt.NDArray[np.float64]]:
    """Draw pairs of positions around the middle of a town."""
    random = np.random.default_rng(7)
    for _ in range(count):
        yield np.array(town) + random.uniform(-800, 800, (2, 2))


@pytest.mark.parametrize("town", [OAKHAM, UPPINGHAM], ids=["Oakham", "Uppingham"])
def test_a_way_equals_the_shortest_on_the_drawn_streets(
    town: tuple[float, float], rutland: Streets, walked: Walked
) -> None:
    for here, there in pairs_in(town, 12):
        from_, to = (float(here[0]), float(here[1])), (float(there[0]), float(there[1]))
        found = way(rutland, from_, to)
        assert found.metres == pytest.approx(walked.metres(from_, to), abs=0.1)
        # the line is the way: it begins and ends at the positions and is as long
        line = np.array(found.line)
        ends = np.column_stack(geodesy.to_bng(line[[0, -1], 0], line[[0, -1], 1]))
        assert np.abs(ends - [from_, to]).max() < 0.01
        assert GRS80.line_length(line[:, 0], line[:, 1]) == pytest.approx(found.metres, rel=2e-3)
        streets_m = found.metres - found.to_street_m - found.from_street_m
        assert sum(step.metres for step in found.steps) == pytest.approx(streets_m, abs=12)
        expected = [
            label for label, metres in walked.stretches(from_, to) if _is_said(label, metres)
        ]
        assert _once([step.label for step in found.steps]) == _once(expected)


def _is_said(label: Label, metres: float) -> bool:
    return metres >= 12 or label.kind == "steps"


def _once(labels: list[Label]) -> list[str]:
    """Name streets, those that follow themselves once."""
    names = [label.name or label.kind for label in labels]
    return [name for before, name in pairwise(["", *names]) if name != before]


@pytest.fixture(scope="module")
def railway(test_data: Path) -> tuple[shapely.Geometry, shapely.Geometry]:
    """Read the tracks, and where one may cross them: crossings, bridges and tunnels."""
    path = test_data / "street" / "rutland_2018-02-27.osm.pbf"
    tracks, crossings = [], []
    objects: Any = osmium.FileProcessor(str(path)).with_locations()
    for found in objects:
        tags = found.tags
        if found.is_node() and tags.get("railway") in {"level_crossing", "crossing"}:
            crossings.append(shapely.Point(found.location.lon, found.location.lat))
        elif found.is_way() and (
            tags.get("railway") == "rail" or "bridge" in tags or "tunnel" in tags
        ):
            corners = [(n.lon, n.lat) for n in found.nodes if n.location.valid()]
            if len(corners) < 2:
                continue
            line = shapely.LineString(corners)
            if tags.get("railway") == "rail":
                tracks.append(line)
            if "bridge" in tags or "tunnel" in tags:
                crossings.append(line)
    return shapely.union_all(tracks), shapely.union_all(crossings)


def test_the_railway_is_crossed_where_one_may(
    rutland: Streets, railway: tuple[shapely.Geometry, shapely.Geometry]
) -> None:
    tracks, crossings = railway
    random = np.random.default_rng(2)
    crossed = 0
    for _ in range(25):
        # from the west of the line to its east, along streets only
        west, east = random.uniform(-250, 250, (2, 2))
        here = (OAKHAM[0] - 500 + west[0], OAKHAM[1] + 200 + west[1])
        there = (OAKHAM[0] + 250 + east[0], OAKHAM[1] - 100 + east[1])
        found = way(rutland, here, there)
        meets = shapely.LineString(found.line[1:-1]).intersection(tracks)
        for spot in shapely.get_parts(meets):
            crossed += 1
            # a ten-thousandth of a degree is about 10 m
            assert shapely.distance(spot, crossings) < 1e-4, found.spoken
    assert crossed >= 25, "tracks lie between"
