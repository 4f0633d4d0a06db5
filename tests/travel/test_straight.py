import numpy as np
import pytest

from locator.settings import Settings
from locator.travel.straight import Straight

TRAVEL = Straight.of(Settings())


def test_the_published_round_trip_of_a_defibrillator() -> None:
    # 2 x 726 m along roads in about 19 min of walking
    road_m = np.array([726.0])
    one_way = TRAVEL.one_way_s(road_m / TRAVEL.detour_factor, TRAVEL.walk_m_per_s)
    assert 2 * one_way[0] / 60 == pytest.approx(19, abs=0.1)


def test_fetching_is_there_back_and_the_overhead() -> None:
    metres = np.array([0.0, 100.0, 400.0])
    seconds = TRAVEL.fetch_s(metres, TRAVEL.run_m_per_s)
    assert seconds[0] == TRAVEL.overhead_s == 60
    assert seconds.tolist() == pytest.approx([60, 60 + 2 * 140 / 3, 60 + 2 * 560 / 3])


def test_settings_change_the_estimate() -> None:
    brisk = Straight.of(Settings(walk_m_per_s=1.8, detour_factor=1.0, overhead_s=0))
    assert brisk.fetch_s(np.array([180.0]), brisk.walk_m_per_s)[0] == pytest.approx(200)
