"""What counts as near."""

import math

import pytest

from locator.errors import InputError
from locator.settings import Settings
from locator.travel.pace import Pace
from locator.travel.standard import Kind, Standard

PACE = Pace.of(Settings())


def test_minutes_become_metres_one_way() -> None:
    """Five minutes there and back at 3 m/s with 60 s for the rest are 360 m one way."""
    assert Standard.fetch(5, PACE, 3.0).metres == pytest.approx(360)
    assert Standard.one_way(5, 1.27).metres == pytest.approx(381)
    assert Standard.within(400).metres == 400


def test_minutes_are_metres_on_foot_and_metres_a_straight_line_unless_asked() -> None:
    assert not Standard.within(400).walking
    assert Standard.within(400, walking=True).walking
    assert Standard.one_way(5, 1.27).walking
    assert Standard.fetch(5, PACE, 3.0).walking


def test_says_itself() -> None:
    assert str(Standard.within(400)) == "400 m in a straight line"
    fetch = str(Standard.fetch(5, PACE, 3.0))
    assert fetch == "5 minutes to fetch at 3 m/s (360 m on foot)"


@pytest.mark.parametrize("metres", [0, -1, math.nan, 20_001, math.inf])
def test_refuses_what_is_no_distance(metres: float) -> None:
    with pytest.raises(InputError, match="up to 20,000 m"):
        Standard.within(metres)


def test_a_minute_is_too_short_to_fetch_anything() -> None:
    """The call and the code alone take it."""
    with pytest.raises(InputError, match="1 minutes to fetch reaches 0 m"):
        Standard.fetch(1, PACE, 3.0)
    assert Standard.fetch(1.5, PACE, 3.0).kind is Kind.FETCH
