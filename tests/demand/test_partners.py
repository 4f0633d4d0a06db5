import datetime as dt
from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from locator import demand
from locator.demand import HOURS, Demand, Profile, hour_of_week
from locator.exchange.importing import Options, Subject, plan_import, write_plan
from locator.facts import Facts
from locator.hours import Calendar, Hours, State
from locator.settings import Settings

LONDON = ZoneInfo("Europe/London")
CALENDAR = Calendar(LONDON, "GB", "ENG", 52.24, -0.9)
DAYS = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
# Sundays on which clocks go forward and back
CHANGES = [dt.date(2026, 3, 29), dt.date(2026, 10, 25), dt.date(2027, 3, 28)]

# times as partners write them, and what the profile "violence" is asked for then
LIST = """offence,date,lat,lon,id
Knife,04/07/2026 23:10,52.237,-0.897,1
Knife,2026-07-04,52.237,-0.897,2
Robbery,2026-07,52.237,-0.897,3
Knife,2026,52.237,-0.897,4
Knife,25/10/2026 01:30,52.237,-0.897,5
Knife,04/07/2026 23:50,52.237,-0.897,6
Knife,04/07/2026 23:10,52.63,-1.13,7
"""


@pytest.fixture
def bring(tmp_path: Path) -> Callable[[str], Facts]:
    """Give facts with a partner's list imported as the command line does."""

    def go(text: str) -> Facts:
        facts = Facts.open(Settings(database_url=f"sqlite:///{tmp_path}/registry.sqlite"))
        path = tmp_path / "partner.csv"
        path.write_text(text, "utf-8")
        options = Options(subject=Subject.INCIDENTS, source="A hospital")
        plan = plan_import(facts.engine, path, facts.gazetteer, options)
        write_plan(facts.engine, plan, "NN", who="Ann", why="Test")
        return facts

    return go


def test_exact_times_count_in_their_hour(bring: Callable[[str], Facts]) -> None:
    facts = bring(LIST)
    police, both = facts.demand(), facts.demand(partners=True)
    added = both.only(np.arange(len(both.points)) >= len(police.points))
    assert both.total == police.total + 6
    assert both.accounts.read == police.accounts.read + 7
    assert both.accounts.outside == police.accounts.outside + 1
    assert both.assumed_share == pytest.approx((police.total + 3) / both.total)
    assert any("cannot be known" in note for note in both.notes)
    # two on the same Saturday at 23 o'clock are one row
    assert sorted(added.points["count"]) == [1, 1, 1, 1, 2]
    violence = demand.named(facts.settings.geodata, "violence")
    expected = np.zeros(HOURS)
    expected[5 * 24 + 23] += 2
    expected[6 * 24 + 1] += 1
    expected += violence.of_day(5) + 2 * violence.hours
    assert added.hourly_weight() == pytest.approx(expected)
    assert set(added.points["month"]) == {"2026-07", "2026-10", ""}
    assert set(added.points["lsoa"]) <= set(facts.neighbourhoods["code"])
    facts.close()


def test_the_public_never_gets_partners(bring: Callable[[str], Facts]) -> None:
    facts = bring(LIST)
    before = facts.demand(partners=True)
    assert facts.demand().total == 27_533
    assert facts.demand(demand.Basis.RESIDENTS, partners=True).total == 785_238
    assert "Knife" not in set(facts.demand().points["category"])
    # kept for the version of the registry, and counted anew after a change
    assert facts.demand(partners=True) is before
    facts.close()


def test_partners_categories_have_weights(bring: Callable[[str], Facts]) -> None:
    facts = bring(LIST)
    weights = {"Knife": 10.0, "Robbery": 0.0}
    robberies = facts.demand().points.groupby("category")["count"].sum()["Robbery"]
    found = facts.demand(weights=weights, partners=True)
    assert found.total == pytest.approx(27_533 - robberies + 5 * 10)
    assert found.points["count"].sum() == 27_533 + 6
    # a weight for partners' categories does no harm without them
    assert facts.demand(weights=weights).total == 27_533 - robberies
    facts.close()


def test_a_registry_without_incidents_adds_nothing(facts: Facts) -> None:
    found = facts.demand(partners=True)
    assert found.total == facts.demand().total
    assert len(found.points) == len(facts.demand().points)
    assert found.notes == ()


def _rows(*moments: tuple[dt.datetime, str]) -> list[dict[str, object]]:
    return [
        {
            "category": "",
            "happened_at": moment,
            "time_precision": precision,
            "longitude": -0.897,
            "latitude": 52.237,
        }
        for moment, precision in moments
    ]


def _of(*moments: tuple[dt.datetime, str]) -> Demand:
    geodata = Settings().geodata
    return demand.partners(_rows(*moments), geodata, demand.named(geodata, "violence"), {})


local_times = st.builds(
    lambda day, minute: dt.datetime.combine(day, dt.time()) + dt.timedelta(minutes=minute),
    st.one_of(st.sampled_from(CHANGES), st.dates(dt.date(2025, 1, 1), dt.date(2027, 12, 31))),
    st.integers(0, 24 * 60 - 1),
)


@settings(max_examples=40, deadline=None)
@given(local_times)
def test_a_kit_that_is_open_in_that_hour_is_open_at_that_moment(moment: dt.datetime) -> None:
    hour = hour_of_week(moment)
    assert 0 <= hour < HOURS
    day, start = DAYS[hour // 24], hour % 24
    kit = Hours(f"{day} {start:02}:00-{start + 1:02}:00", CALENDAR)
    for fold in (0, 1):
        instant = moment.replace(tzinfo=LONDON, fold=fold)
        skipped = instant.astimezone(dt.UTC).astimezone(LONDON).replace(tzinfo=None) != moment
        if not skipped:
            assert kit.at(instant).state is State.OPEN


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(local_times, st.sampled_from(["minute", "hour", "day", "month"]))))
def test_every_incident_weighs_one_in_the_week_that_it_may_have_happened(
    moments: list[tuple[dt.datetime, str]],
) -> None:
    found = _of(*moments)
    assert found.total == len(moments)
    assert found.profiles.sum(axis=1) == pytest.approx(1)
    exact = sum(precision in ("minute", "hour") for _, precision in moments)
    assert found.assumed_share == pytest.approx(1 - exact / len(moments) if moments else 0)
    violence = demand.named(Settings().geodata, "violence")
    expected = np.zeros(HOURS)
    for moment, precision in moments:
        if precision == "month":
            expected += violence.hours
        elif precision == "day":
            expected += violence.of_day(moment.weekday())
        else:
            expected[moment.weekday() * 24 + moment.hour] += 1
    assert found.hourly_weight() == pytest.approx(expected)


def test_another_profile_reaches_only_what_is_not_known() -> None:
    saturday = dt.datetime(2026, 7, 4, 23, 10)  # noqa: DTZ001  # local time
    found = _of((saturday, "minute"), (saturday, "day"), (saturday, "month"))
    nights = Profile.of("nights", demand.NIGHT.astype(float), "a test")
    weight = found.with_profile(nights).hourly_weight()
    assert weight[5 * 24 + 23] == pytest.approx(1 + 1 / 8 + 1 / 56)
    assert weight[~demand.NIGHT].sum() == 0
    only_exact = _of((saturday, "hour"))
    assert (only_exact.profile_name, only_exact.tables) == ("", ())
    assert only_exact.with_profile(nights).profile_name == ""
    assert set(only_exact.points["category"]) == {"not said"}
