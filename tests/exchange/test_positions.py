import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Transformer

from locator import geodesy
from locator.errors import InputError
from locator.exchange.positions import Finder, Placed
from locator.exchange.values import Cells, Note, Scalar
from locator.places import Gazetteer
from locator.settings import Settings

LON, LAT = -0.89748, 52.23718
EASTING, NORTHING = geodesy.to_bng(LON, LAT)
MERCATOR = Transformer.from_crs(4326, 3857, always_xy=True).transform(LON, LAT)
GAZETTEER = Gazetteer.load(Settings().geodata)
FINDER = Finder(GAZETTEER, "kits.csv")


def find(declared: str = "", /, **values: Scalar) -> tuple[Placed | None, Cells]:
    cells = Cells({name.replace("at_", "@"): value for name, value in values.items()})
    return Finder(GAZETTEER, "kits.csv", declared).find(cells), cells


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"longitude": LON, "latitude": LAT}, None),
        ({"longitude": str(LON), "latitude": f" {LAT} "}, None),
        ({"longitude": "-0,89748", "latitude": "52,23718"}, None),
        ({"longitude": "0.89748 W", "latitude": "52.23718° N"}, None),
        ({"longitude": "0° 53' 50.93\" W", "latitude": "52° 14' 13.85\" N"}, None),
        ({"longitude": LAT, "latitude": LON}, "swapped"),
        ({"longitude": -LON, "latitude": LAT}, "minus sign"),
        ({"longitude": LAT, "latitude": -LON}, "swapped, and a minus sign lost"),
        ({"easting": EASTING, "northing": NORTHING}, "metres of the National Grid"),
        ({"longitude": EASTING, "latitude": NORTHING}, "metres of the National Grid"),
        ({"longitude": NORTHING, "latitude": EASTING}, "with the two swapped"),
        ({"longitude": MERCATOR[0], "latitude": MERCATOR[1]}, "Web Mercator"),
        ({"longitude": -MERCATOR[0], "latitude": MERCATOR[1]}, "minus sign lost"),
        ({"at_x": LON, "at_y": LAT}, None),
        ({"at_x": LAT, "at_y": LON}, "swapped"),
        ({"grid_reference": geodesy.grid_reference(LON, LAT)}, None),
        ({"plus_code": geodesy.plus_code(LON, LAT)}, None),
        ({"coordinates": f"{LAT}, {LON}"}, None),
        ({"coordinates": f"{LON}, {LAT}"}, "longitude first"),
    ],
)
def test_lies_about_coordinates_are_seen_through(
    values: dict[str, Scalar], said: str | None
) -> None:
    placed, cells = find(**values)
    assert placed is not None
    away = geodesy.geodesic_m(placed.lon, placed.lat, LON, LAT)
    assert away < 60
    corrections = [r.text for r in cells.remarks if r.note is Note.CORRECTED]
    if said is None:
        assert not [c for c in corrections if "National Grid" not in c]
    else:
        assert said in corrections[0]


@pytest.mark.parametrize(
    ("crs", "x", "y"),
    [
        ("EPSG:27700", EASTING, NORTHING),
        ("EPSG:3857", *MERCATOR),
        ("EPSG:4326", LON, LAT),
    ],
)
def test_what_the_file_declares_needs_no_remark(crs: str, x: float, y: float) -> None:
    placed, cells = find(crs, at_x=x, at_y=y)
    assert placed is not None
    assert cells.remarks == []


def test_a_file_that_declares_metres_and_holds_degrees() -> None:
    _, cells = find("EPSG:27700", at_x=LON, at_y=LAT)
    assert "though the file says metres" in cells.remarks[0].text


@pytest.mark.parametrize(
    "values",
    [
        {"longitude": 12.5, "latitude": 41.9},
        {"longitude": 500.0, "latitude": 1e9},
        {"easting": 5e6, "northing": 4e7},
        {"longitude": 0.3, "latitude": 50.0},
    ],
)
def test_coordinates_that_cannot_be_right_are_refused(values: dict[str, Scalar]) -> None:
    with pytest.raises(InputError, match="Great Britain"):
        find(**values)


def test_another_county_is_kept_and_said() -> None:
    placed, cells = find(longitude=-1.5, latitude=53.8)
    assert placed is not None
    assert "km outside Northamptonshire" in cells.remarks[0].text


def test_zero_zero_is_nowhere() -> None:
    placed, cells = find(longitude=0, latitude=0, postcode="NN1 1DE")
    assert placed is not None
    assert not placed.stated
    assert "0, 0 stands for no position" in cells.remarks[0].text


def test_half_a_position_is_said() -> None:
    placed, cells = find(latitude=52.2)
    assert placed is None
    assert "only one of longitude and latitude" in cells.remarks[0].text


def test_words_give_a_position_with_its_precision() -> None:
    placed, cells = find(postcode="nn11de")
    assert placed is not None
    unit = GAZETTEER.resolve("NN1 1DE")[0]
    assert (placed.lon, placed.precision_m) == (unit.lon, unit.precision_m)
    placed, cells = find(street="Semilong Road", town="Northampton")
    assert placed is not None
    assert placed.precision_m >= 100
    assert "from the address" in placed.method
    placed, cells = find(address="High Street")
    assert placed is None
    assert "fits" in cells.remarks[0].text


def test_a_position_far_from_its_postcode_is_said() -> None:
    _, cells = find(longitude=LON, latitude=LAT, postcode="NN17 1AB")
    assert "km from postcode NN17 1AB; one is wrong" in cells.remarks[0].text


def test_a_position_that_was_left_out_on_purpose_is_not_guessed() -> None:
    placed, cells = find(postcode="NN1 1DE", position_method="Not placed: two shops")
    assert placed is None
    assert cells.remarks == []


def test_precision_is_what_the_file_says_or_its_decimals() -> None:
    for lat, precision, expected in (
        (52.237, None, 111),
        (52.23718, None, 20),
        (52.23718, 5, 5),
    ):
        values: dict[str, Scalar] = {"longitude": -0.897, "latitude": lat}
        if lat != 52.237:
            values["longitude"] = LON
        placed, _ = find(**values, **({"precision_m": precision} if precision else {}))
        assert placed is not None
        assert placed.precision_m == pytest.approx(expected)


@settings(deadline=None, max_examples=60)
@given(lon=st.floats(-1.3, -0.4), lat=st.floats(52.1, 52.6))
def test_positions_in_the_county_are_taken_as_they_are(lon: float, lat: float) -> None:
    cells = Cells({"longitude": lon, "latitude": lat})
    placed = FINDER.find(cells)
    assert placed is not None
    if GAZETTEER.distance_to_postcodes_m(lon, lat) <= 5000:
        assert (placed.lon, placed.lat) == (lon, lat)
