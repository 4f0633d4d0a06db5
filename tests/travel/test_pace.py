import numpy as np
import pytest

from locator.settings import Settings
from locator.travel.pace import Pace

PACE = Pace.of(Settings())


def test_the_published_round_trip_of_a_defibrillator() -> None:
    # 2 x 726 m along roads in about 19 min of walking
    there_and_back = PACE.fetch_s(726.0, PACE.walk_m_per_s) - PACE.overhead_s
    assert there_and_back / 60 == pytest.approx(19, abs=0.1)


def test_fetching_is_there_back_and_the_overhead() -> None:
    seconds = PACE.fetch_s(np.array([0.0, 100.0, 400.0]), PACE.run_m_per_s)
    assert seconds[0] == PACE.overhead_s == 60
    assert seconds.tolist() == pytest.approx([60, 60 + 2 * 100 / 3, 60 + 2 * 400 / 3])
    assert PACE.arrival_s(127.0, PACE.walk_m_per_s) == pytest.approx(160)


def test_a_reach_is_fetched_in_exactly_its_time() -> None:
    reach_m = PACE.reach_m(300, PACE.brisk_m_per_s)
    assert PACE.fetch_s(reach_m, PACE.brisk_m_per_s) == pytest.approx(300)
    assert PACE.reach_m(30, PACE.run_m_per_s) == 0, "the call alone takes longer"


def test_settings_change_the_estimate() -> None:
    slow = Pace.of(Settings(walk_m_per_s=0.9, overhead_s=0))
    assert slow.fetch_s(180.0, slow.walk_m_per_s) == pytest.approx(400)
