import datetime as dt
import json
import re

import numpy as np
import pytest
from defusedxml.ElementTree import fromstring
from hypothesis import given, settings
from hypothesis import strategies as st

from locator.analysis.coverage import Counting, coverage
from locator.analysis.equity import (
    Equity,
    concentration_index,
    curve,
    curve_picture,
    decile_picture,
    equity,
    erreygers_index,
)
from locator.demand import Basis
from locator.facts import Facts
from locator.travel.standard import Standard
from tests.worlds import DAY, NEIGHBOURHOODS, TRAVEL, SmallKit, SmallRow, World

SVG = "{http://www.w3.org/2000/svg}"
GROUPS = st.lists(
    st.tuples(st.floats(0, 1).map(lambda share: round(share, 3)), st.integers(1, 1000)),
    min_size=1,
    max_size=10,
)


@given(GROUPS)
@settings(deadline=None)
def test_the_index_is_twice_the_area_beside_the_curve(groups: list[tuple[float, int]]) -> None:
    share, weight = np.array(groups, dtype=np.float64).T
    index = concentration_index(share, weight)
    if not share.any():
        assert np.isnan(index)
        return
    demand, covered = curve(share, weight)
    fine = np.linspace(0, 1, 200_001)
    area = np.trapezoid(np.interp(fine, demand, covered), fine)
    assert index == pytest.approx(1 - 2 * area, abs=1e-4)
    assert -1 <= index <= 1


@given(GROUPS)
@settings(deadline=None)
def test_the_index_compares_every_pair(groups: list[tuple[float, int]]) -> None:
    share, weight = np.array(groups, dtype=np.float64).T
    total = weight.sum()
    pairs = sum(
        weight[i] * weight[j] * (share[j] - share[i])
        for i in range(len(share))
        for j in range(i + 1, len(share))
    )
    mean = (share * weight).sum() / total
    if mean:
        index = concentration_index(share, weight)
        assert index == pytest.approx(pairs / (total**2 * mean), abs=1e-9)
        assert erreygers_index(share, weight) == pytest.approx(4 * mean * index, abs=1e-9)
    # who is not covered is spread as a mirror image
    assert erreygers_index(1 - share, weight) == pytest.approx(
        -erreygers_index(share, weight), abs=1e-9
    )


def test_the_sign() -> None:
    weight = np.ones(2)
    assert concentration_index(np.array([1.0, 0.0]), weight) == -0.5
    assert concentration_index(np.array([0.0, 1.0]), weight) == 0.5
    assert concentration_index(np.array([0.3, 0.3]), weight) == 0
    assert erreygers_index(np.array([1.0, 0.0]), weight) == -1
    assert erreygers_index(np.array([0.0, 1.0]), weight) == 1


def _small(facts: Facts, *rows: SmallRow) -> Equity:
    world = World((SmallKit(0, 0),), rows)
    return equity(
        coverage(
            world.snapshot(facts),
            world.demand,
            TRAVEL,
            Standard.within(400),
            NEIGHBOURHOODS,
            day=DAY,
        )
    )


def test_what_is_said(facts: Facts) -> None:
    near, far = SmallRow(0, 0, lsoa="L1"), SmallRow(900, 0, lsoa="L3")
    deprived = _small(facts, near, far, SmallRow(0, 0, count=3, lsoa="elsewhere"))
    assert deprived.says(Counting.KNOWN).startswith("Coverage is concentrated in the more deprived")
    assert deprived.left_out == 3
    assert deprived.table["group"].tolist() == [1, 9]
    swapped = _small(facts, SmallRow(900, 0, lsoa="L1"), SmallRow(0, 0, lsoa="L3"))
    assert "less deprived" in swapped.says(Counting.PAPER)
    assert swapped.index[Counting.PAPER] == -deprived.index[Counting.PAPER]
    even = _small(facts, near, SmallRow(0, 0, lsoa="L3"))
    assert "evenly" in even.says(Counting.KNOWN)
    nothing = _small(facts, far)
    assert nothing.says(Counting.KNOWN).startswith("Nothing is covered")
    assert json.dumps(nothing.as_dict(), allow_nan=False)
    for picture in (decile_picture(nothing), curve_picture(nothing)):
        assert "nan" not in picture


@pytest.fixture(scope="module")
def county(facts: Facts) -> Equity:
    return equity(
        coverage(
            facts.snapshot(),
            facts.demand(weights={}),
            facts.travel,
            Standard.within(400),
            facts.neighbourhoods,
            day=dt.date(2026, 7, 4),
        )
    )


def test_the_county(county: Equity) -> None:
    assert county.table["group"].tolist() == list(range(1, 11))
    assert county.table["weight"].sum() == 27_533
    assert county.left_out == 0
    assert county.basis is Basis.INCIDENTS
    assert county.index[Counting.PAPER] == pytest.approx(-0.32, abs=0.01)
    plain = json.loads(json.dumps(county.as_dict(), allow_nan=False))
    index = plain["concentration_index"]["paper"]
    assert index == pytest.approx(county.index[Counting.PAPER], abs=1e-6)


def test_pictures_can_be_read_out_and_printed(county: Equity) -> None:
    for picture in (decile_picture(county), curve_picture(county)):
        root = fromstring(picture)
        assert root.get("role") == "img"
        told = [root.find(f"{SVG}title"), root.find(f"{SVG}desc")]
        assert all(part is not None and part.text for part in told)
        named = root.get("aria-labelledby", "").split()
        assert named == [part.get("id") for part in told if part is not None]
        # no colour carries meaning, and the page allows no style of its own
        assert set(re.findall(r'(?:fill|stroke)="([^"]+)"', picture)) <= {
            "none",
            "currentColor",
            "url(#hatch)",
        }
        assert "style=" not in picture
        assert picture.count("\n") == 0


def test_bars_are_as_high_as_the_shares(county: Equity) -> None:
    root = fromstring(decile_picture(county))
    bars = [float(bar.get("height", "nan")) for bar in root.iter(f"{SVG}rect")]
    drawn = np.array(bars).reshape(10, 3)
    shares = county.table[["paper", "possible", "known"]].to_numpy(dtype=np.float64)
    assert drawn.max() <= 190.1
    np.testing.assert_allclose(drawn / drawn.max(), shares / shares.max(), atol=1e-3)


def test_the_curve_ends_in_both_corners(county: Equity) -> None:
    root = fromstring(curve_picture(county))
    lines = [line.get("points", "").split() for line in root.iter(f"{SVG}polyline")]
    assert len(lines) == 3
    assert len({line[0] for line in lines}) == len({line[-1] for line in lines}) == 1
    description = root.find(f"{SVG}desc")
    assert description is not None
    assert description.text is not None
    assert f"index {county.index[Counting.PAPER]:+.2f}" in description.text
