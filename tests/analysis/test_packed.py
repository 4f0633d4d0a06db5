from typing import Any

import numpy as np
import pytest
from scipy.interpolate import RegularGridInterpolator

from locator import geodesy
from locator.analysis.packed import Plane, pack_grid, pack_postcodes


def _plane(packed: Any) -> Plane:
    return Plane(packed["middle"], packed["half"], packed["terms"])


# the county; the corner of Cornwall, where the grid ends in the sea; Shetland
@pytest.mark.parametrize(
    ("west", "south", "east", "north"),
    [
        (446_000, 231_000, 513_000, 306_000),
        (135_000, 20_000, 180_000, 45_000),
        (430_000, 1_130_000, 460_000, 1_200_000),
    ],
)
def test_the_packed_grid_is_that_of_the_server(
    west: int, south: int, east: int, north: int
) -> None:
    random = np.random.default_rng(4)
    corners = np.array([[west, south], [east, north]], dtype=np.float64)
    packed: Any = pack_grid(corners[:, 0], corners[:, 1], 5_000.0)
    at = random.uniform(corners[0], corners[1], (3000, 2))
    lon, lat = geodesy.to_wgs84(at[:, 0].copy(), at[:, 1].copy())
    near = _plane(packed["to_grid"])(lon, lat).T
    uneven = packed["uneven"]
    nodes = [
        corner + uneven["step"] * np.arange(count)
        for corner, count in zip(uneven["corner"], uneven["shape"], strict=True)
    ]
    lacks = [
        RegularGridInterpolator(nodes, np.reshape(axis, uneven["shape"]) / 1000)(near)
        for axis in uneven["lacks"]
    ]
    off_m = np.hypot(*(near + np.column_stack(lacks) - at).T)
    assert off_m.max() < 0.2
    assert np.sqrt((off_m**2).mean()) < 0.05
    back = _plane(packed["to_degrees"])(at[:, 0], at[:, 1])
    assert np.abs(back - [lon, lat]).max() < 1e-5


def test_postcodes_come_out_in_their_order() -> None:
    packed: Any = pack_postcodes(
        ["NN1 1AB", "CV23 0AA", "NN1 1AA", "NN1 1ZZ"],
        np.array([475_000, 455_000, 475_010, 474_000]),
        np.array([260_000, 276_000, 259_990, 260_000]),
    )
    assert packed["sectors"] == ["CV23 0", "NN1 1"]
    assert packed["counts"] == [1, 3]
    assert packed["first"] == [455_000, 276_000]
    value = {letter: number for number, letter in enumerate(packed["alphabet"])}

    def numbers(ranks: list[str]) -> list[int]:
        base = len(packed["alphabet"])
        found = []
        for digits in zip(*ranks, strict=True):
            number = 0
            for digit in digits:
                number = number * base + value[digit]
            found.append(number)
        return found

    # in a sector letters are counted on from AA
    assert numbers(packed["units"]) == [0, 0, 1, 674]
    # a step to the east is doubled, one to the west doubled less one
    assert numbers(packed["steps"][0]) == [0, 40_020, 19, 1_999]
    assert numbers(packed["steps"][1]) == [0, 32_019, 20, 0]


def test_one_postcode_can_be_packed() -> None:
    packed: Any = pack_postcodes(["NN1 1AA"], np.array([1]), np.array([2]))
    assert packed["first"] == [1, 2]
    assert [len(rank) for rank in (*packed["units"], *packed["steps"][0])] == [1, 1]
