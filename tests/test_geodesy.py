import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from locator import geodesy
from locator.errors import InputError, OutsideGreatBritainError

# the forty points with which Ordnance Survey tests implementations of OSTN15
_FILE = Path(__file__).parent / "data" / "ostn15_points.csv"
POINTS = list(csv.DictReader(_FILE.read_text("utf-8").splitlines()))
COUNTY_LON = st.floats(-1.33, -0.35)
COUNTY_LAT = st.floats(51.98, 52.64)


@pytest.mark.parametrize("point", POINTS, ids=[p["point"] for p in POINTS])
def test_ordnance_survey_test_points(point: dict[str, str]) -> None:
    lon, lat = float(point["longitude"]), float(point["latitude"])
    easting, northing = float(point["easting"]), float(point["northing"])
    assert np.hypot(*np.subtract(geodesy.to_bng(lon, lat), (easting, northing))) < 0.1
    back = geodesy.to_wgs84(easting, northing)
    assert geodesy.geodesic_m(lon, lat, *back) < 0.1


def test_arrays_give_what_numbers_give() -> None:
    lon = np.array([float(p["longitude"]) for p in POINTS])
    lat = np.array([float(p["latitude"]) for p in POINTS])
    easting, northing = geodesy.to_bng(lon, lat)
    singles = [geodesy.to_bng(x, y) for x, y in zip(lon, lat, strict=True)]
    assert np.array_equal(np.column_stack([easting, northing]), singles)
    back = geodesy.to_wgs84(easting, northing)
    singles = [geodesy.to_wgs84(x, y) for x, y in zip(easting, northing, strict=True)]
    assert np.array_equal(np.column_stack(back), singles)


def test_outside_great_britain() -> None:
    with pytest.raises(OutsideGreatBritainError, match="minus sign"):
        geodesy.to_bng(2.35, 48.86)
    with pytest.raises(OutsideGreatBritainError):
        geodesy.to_wgs84(-500_000, 0)
    easting, _ = geodesy.to_bng(np.array([-0.9, 2.35]), np.array([52.2, 48.86]))
    assert np.isnan(easting).tolist() == [False, True]


@pytest.mark.parametrize(
    ("lon", "lat", "digits", "reference"),
    [
        (-0.91248957, 52.25160951, 5, "SP 74335 62047"),
        (-0.91248957, 52.25160951, 3, "SP 743 620"),
        (-6.29977752, 49.92226394, 3, "SV 914 113"),
        (-2.07382823, 60.13308092, 3, "HT 959 387"),
        (-1.62516966, 59.53470794, 3, "HZ 213 721"),
        (1.44454730, 51.37447026, 4, "TR 3982 6956"),
    ],
)
def test_grid_references(lon: float, lat: float, digits: int, reference: str) -> None:
    assert geodesy.grid_reference(lon, lat, digits) == reference
    for typed in (reference, reference.replace(" ", "").lower()):
        at = geodesy.parse_grid_reference(typed)
        assert geodesy.geodesic_m(lon, lat, at[0], at[1]) <= at[2] * 1.001 + 0.002


@given(lon=COUNTY_LON, lat=COUNTY_LAT, digits=st.integers(1, 5))
def test_a_grid_reference_names_the_square_of_its_position(
    lon: float, lat: float, digits: int
) -> None:
    reference = geodesy.grid_reference(lon, lat, digits)
    x, y, precision = geodesy.parse_grid_reference(reference)
    assert geodesy.grid_reference(x, y, digits) == reference
    assert geodesy.geodesic_m(lon, lat, x, y) <= precision * 1.001 + 0.002


@given(lon=COUNTY_LON, lat=COUNTY_LAT)
def test_plus_codes_round_trip(lon: float, lat: float) -> None:
    code = geodesy.plus_code(lon, lat)
    x, y, precision = geodesy.parse_plus_code(code, near=(0, 0))
    assert geodesy.plus_code(x, y) == code
    assert geodesy.geodesic_m(lon, lat, x, y) <= precision * 1.001
    short = geodesy.parse_plus_code(code[4:], near=(lon + 0.2, lat - 0.2))
    assert geodesy.plus_code(*short[:2]) == code


@pytest.mark.parametrize("text", ["", "SP", "SP 123", "IP 12 34", "SP 123456 123456", "12 34"])
def test_what_is_no_grid_reference(text: str) -> None:
    with pytest.raises(InputError, match="SP 7536 6071"):
        geodesy.parse_grid_reference(text)


@pytest.mark.parametrize("text", ["", "64P4", "hello+there", "AAAA+AA"])
def test_what_is_no_plus_code(text: str) -> None:
    with pytest.raises(InputError, match="plus code"):
        geodesy.parse_plus_code(text, near=(-0.9, 52.2))


def test_a_reused_transformation_without_ostn15_would_be_two_metres_off() -> None:
    pyproj = pytest.importorskip("pyproj")
    plain = pyproj.Transformer.from_crs(geodesy.WGS84, geodesy.BNG, always_xy=True)
    off = np.hypot(
        *np.subtract(
            plain.transform(-0.91248957, 52.25160951), geodesy.to_bng(-0.91248957, 52.25160951)
        )
    )
    assert 1 < off < 3
