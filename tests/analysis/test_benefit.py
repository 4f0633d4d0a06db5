"""What choices reach along streets, beside counting way by way."""

import dataclasses
import itertools

import numpy as np
import numpy.typing as npt
import pytest

from locator.analysis.benefit import Sites, Worth, benefit
from locator.travel.journey import Travel
from locator.travel.standard import Standard
from locator.travel.streets import Streets
from tests.worlds import CORNER, TRAVEL, SmallRow, demand

# Oakham, whose railway is crossed at few places; metres from the corner of small worlds
OAKHAM = np.array([485_900.0, 308_800.0]) - CORNER
SEED = 20261123
WITHIN = Standard.within(450, walking=True)


def near(travel: Travel, here: npt.NDArray[np.float64], there: npt.NDArray[np.float64]) -> set[int]:
    """Ask way by way which positions lie within the standard of one."""
    ways = travel.ways(
        (here[0], here[1]), 0.0, there, np.zeros(len(there)), travel.snap(there), reach_m=2_000.0
    )
    return set(np.flatnonzero(ways.metres <= WITHIN.metres).tolist())


@pytest.mark.parametrize("backup", [(1.0,), (1.0, 0.4)])
def test_choices_reach_what_their_ways_reach(rutland: Streets, backup: tuple[float, ...]) -> None:
    travel = dataclasses.replace(TRAVEL, streets=rutland)
    random = np.random.default_rng(SEED)
    spots = random.uniform(-900, 900, (60, 2)) + OAKHAM
    rows = [
        SmallRow(round(x), round(y), 1 + number % 4) for number, (x, y) in enumerate(spots[:40])
    ]
    asked = demand(rows)
    kits = np.rint(spots[40:]) + CORNER
    always = np.ones((len(kits), 168), dtype=np.bool_)
    fixed, choices = Sites(kits[:3], always[:3]), Sites(kits[3:], always[3:])
    found = benefit(asked, fixed, choices, travel, WITHIN, Worth(((WITHIN.metres, 1.0),), backup))
    cover = found.cover(asked.weights)

    places = asked.points[["easting", "northing"]].to_numpy()
    reached = [near(travel, kit, places) for kit in kits]
    assert 0 < sum(map(len, reached)) < len(kits) * len(places)
    straight = sum((np.hypot(*(places - kit).T) <= WITHIN.metres).sum() for kit in kits)
    assert sum(map(len, reached)) < straight, "streets lead round about"
    for chosen in itertools.combinations(range(0, 17, 4), 2):
        kinds = [*reached[:3], *(reached[3 + choice] for choice in chosen)]
        expected = 0.0
        for place, row in enumerate(rows):
            times = min(sum(place in one for one in kinds), len(backup))
            expected += row.weight * sum(backup[:times])
        worth = found.before(asked.weights) + cover.worth(chosen)
        assert worth == pytest.approx(expected)
