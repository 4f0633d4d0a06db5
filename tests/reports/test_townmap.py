import re
from itertools import combinations
from pathlib import Path

import pytest
import shapely
from defusedxml.ElementTree import fromstring

from locator import geodesy
from locator.facts import Facts
from locator.reports.maps import on_grid
from locator.reports.townmap import Mark, town_map

EASTING, NORTHING = geodesy.to_bng(-0.8960, 52.2378)


@pytest.fixture(scope="module")
def county(facts: Facts) -> shapely.Geometry:
    return on_grid(facts.county)[0]


def _marks(count: int, apart_m: float, *, precision_m: float = 30.0) -> list[Mark]:
    return [
        Mark(n + 1, EASTING + n * apart_m, NORTHING, precision_m, installed=n % 2 == 0)
        for n in range(count)
    ]


def test_every_kit_has_its_number_and_no_number_hides_another(
    county: shapely.Geometry, geodata: Path
) -> None:
    drawn = fromstring(town_map(_marks(12, 20), county, geodata, "Town", "Numbers"))
    boxes = [
        tuple(float(box.get(side, "")) for side in ("x", "y", "width", "height"))
        for box in drawn.iter("{http://www.w3.org/2000/svg}rect")
        if box.get("rx")
    ]
    assert len(boxes) == 12
    numbers = [t.text for t in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert {str(n) for n in range(1, 13)} <= set(numbers)
    for (x, y, wide, high), (other_x, other_y, *_) in combinations(boxes, 2):
        assert abs(x - other_x) >= wide - 10 or abs(y - other_y) >= high
    for x, y, wide, high in boxes:
        assert x >= 0
        assert y >= 0
        assert x + wide <= 680
        assert y + high <= 560


def test_what_is_drawn_fits_what_is_known(county: shapely.Geometry, geodata: Path) -> None:
    svg = town_map(_marks(2, 900, precision_m=400), county, geodata, "A & B", "Two <kits>")
    # how far each may be, one dot and one cross
    assert svg.count("stroke-dasharray") == 2
    assert "<title" in svg
    assert "A &amp; B" in svg
    assert "Two &lt;kits&gt;" in svg
    assert " style=" not in svg
    assert "Northampton" in svg
    for x, y, r in re.findall(r'cx="([\d.]+)" cy="([\d.]+)" r="([\d.]+)"', svg):
        assert float(x) - float(r) >= 0
        assert float(y) - float(r) >= 0


def test_streets_are_drawn_where_there_are_any(county: shapely.Geometry, geodata: Path) -> None:
    streets = 'stroke="#b9b3a8"'
    assert streets in town_map(_marks(1, 0), county, geodata, "Town", "One")
    field = [Mark(1, EASTING - 12_000, NORTHING - 12_000, 10.0, installed=True)]
    assert len(town_map(field, county, geodata, "Field", "One")) < 30_000
