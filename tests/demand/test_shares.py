from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from locator import tables
from locator.demand import NIGHT, Profile, profiles
from locator.demand.profile import type_floats
from locator.demand.shares import fit, hours_in
from locator.errors import DataError
from tests.conftest import ROOT


def test_parts_of_a_week() -> None:
    assert hours_in("daily 18:00-06:00").sum() == 84
    assert np.flatnonzero(hours_in("Sa-Su 00:00-24:00")).tolist() == list(range(120, 168))
    # what runs over midnight belongs to its first day; Sunday night ends on Monday
    assert np.flatnonzero(hours_in("Su 22:00-02:00")).tolist() == [0, 1, 166, 167]
    assert hours_in("Fr 18:00 to Mo 06:00").sum() == 6 + 48 + 6
    assert hours_in("Fr 18:00 to Mo 06:00")[[113, 114, 5, 6]].tolist() == [False, True, True, False]
    assert np.array_equal(hours_in("daily 22:00-06:00"), NIGHT)


@pytest.mark.parametrize(
    "text", ["", "night", "Xx 18:00-20:00", "daily 18-20", "Fr 18:00 to 06:00"]
)
def test_other_words_are_refused(text: str) -> None:
    with pytest.raises(DataError, match="is no part of a week"):
        hours_in(text)


def test_the_shipped_profiles_have_the_published_shares(geodata: Path) -> None:
    known = profiles(geodata)
    assert list(known) == ["flat", "violence", "survey", "young adults", "children"]
    published = tables.table(geodata, "profile_shares")
    assert set(published["profile"]) == set(known) - {"flat"}
    for row in published.to_dict("records"):
        profile = known[str(row["profile"])]
        inside = hours_in(str(row["period"]))
        assert profile.hours[inside].sum() == pytest.approx(float(row["share"]), abs=1e-7)
    for profile in known.values():
        assert profile.hours.sum() == pytest.approx(1, abs=1e-12)
        assert (profile.hours > 0).all()
        assert profile.source
    assert np.ptp(known["flat"].hours) == 0


def test_figures_that_were_not_used_agree_with_the_profile(geodata: Path) -> None:
    violence = profiles(geodata)["violence"].hours
    # "almost half" of assault patients in England's emergency departments in 2008/09
    assert violence[hours_in("Fr 18:00 to Mo 01:00")].sum() == pytest.approx(0.48, abs=0.02)
    # 49 % of violent crime at the weekend in the crime survey
    assert violence[hours_in("Fr 18:00 to Mo 06:00")].sum() == pytest.approx(0.49, abs=0.03)


def test_one_share_is_spread_evenly_within_and_without() -> None:
    hours = fit("x", ["daily 16:00-18:00"], [0.22])
    inside = hours_in("daily 16:00-18:00")
    assert hours[inside] == pytest.approx(0.22 / 14)
    assert hours[~inside] == pytest.approx(0.78 / 154)
    assert fit("x", [], []) == pytest.approx(1 / 168)


def test_no_other_week_with_these_shares_has_more_entropy() -> None:
    periods, shares = ["daily 18:00-06:00", "Fr 18:00 to Mo 06:00"], np.array([0.752, 0.55])
    inside = np.array([hours_in(period) for period in periods]).astype(float)

    # the dual problem, which needs no bounds: a weight for each period
    def missing(weights: type_floats) -> float:
        return float(np.log(np.exp(weights @ inside).sum()) - weights @ shares)

    best = minimize(missing, np.zeros(2), method="BFGS", options={"gtol": 1e-9})
    expected = np.exp(best.x @ inside)
    assert fit("x", periods, shares.tolist()) == pytest.approx(expected / expected.sum(), abs=1e-7)


def test_shares_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(DataError, match="contradict"):
        fit("x", ["daily 16:00-18:00", "daily 16:00-20:00"], [0.4, 0.3])
    with pytest.raises(DataError, match="is no share"):
        fit("x", ["daily 16:00-18:00"], [22])


@settings(max_examples=40, deadline=None)
@given(
    weights=st.lists(st.floats(0.01, 1), min_size=168, max_size=168),
    periods=st.lists(
        st.sampled_from(
            ["daily 18:00-06:00", "daily 00:00-08:00", "Sa-Su 00:00-24:00", "Fr 18:00 to Mo 06:00"]
        ),
        max_size=4,
        unique=True,
    ),
)
def test_the_shares_of_any_week_are_reproduced(weights: list[float], periods: list[str]) -> None:
    week = Profile.of("a week that exists", weights, "").hours
    shares = [float(week[hours_in(period)].sum()) for period in periods]
    hours = fit("x", periods, shares)
    assert hours.sum() == pytest.approx(1)
    assert (hours >= 0).all()
    for period, share in zip(periods, shares, strict=True):
        assert hours[hours_in(period)].sum() == pytest.approx(share, abs=1e-9)


def test_the_page_on_demand_tells_the_figures(geodata: Path) -> None:
    page = (ROOT / "docs" / "demand.md").read_text("utf-8")
    columns = [
        "daily 22:00-06:00",
        "daily 00:00-06:00",
        "daily 06:00-16:00",
        "daily 16:00-18:00",
        "daily 18:00-24:00",
        "Fr 18:00 to Mo 06:00",
    ]
    for name, profile in profiles(geodata).items():
        shares = [f"{profile.hours[hours_in(column)].sum():.0%}" for column in columns]
        default = ", the default" if name == "violence" else ""
        assert f"| `{name}`{default} | {' | '.join(shares)} |" in page
    for row in tables.table(geodata, "profile_shares").to_dict("records"):
        rows = [line for line in page.splitlines() if f"| {row['share']:.1%} |" in line]
        assert any(f"`{row['profile']}`" in line for line in rows)
    accounts = tables.table(geodata, "incidents").groupby("account")["records"].sum()
    for count in (*accounts, accounts.sum(), len(tables.table(geodata, "residents"))):
        assert f"{count:,}" in page
