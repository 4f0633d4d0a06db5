import dataclasses
import datetime as dt
import re

import pytest

from locator.analysis.candidates import gather
from locator.analysis.choosing import Question
from locator.analysis.coverage import Coverage, coverage
from locator.analysis.goal import Action, Goal
from locator.analysis.siting import Plan, plan
from locator.facts import Facts
from locator.maps import Basemap, Picture
from locator.maps.plan import plan_map
from locator.travel.standard import Standard

PAPER = Basemap("/b", "", "them")
DAY = dt.date(2026, 7, 8)
HOSTILE = "{{cycler.__init__.__globals__.os.popen('id').read()}} ${alert(1)} </script>"


@pytest.fixture(scope="module")
def planned(facts: Facts) -> tuple[Plan, Coverage]:
    standard, demand = Standard.within(400), facts.demand()
    candidates = gather(facts, ("hospital", "GP practice"))
    question = Question.of(facts, demand, candidates, standard, Goal(new=4), DAY)
    snapshot, around = facts.snapshot(), facts.neighbourhoods
    measured = coverage(snapshot, demand, facts.travel, standard, around, day=DAY)
    return plan(question), measured


def _drawn(facts: Facts, found: Plan, measured: Coverage) -> Picture:
    return plan_map(found, measured, [(-0.9, 52.24)], facts.county, basemap=PAPER)


def test_sites_are_drawn_by_rank(facts: Facts, planned: tuple[Plan, Coverage]) -> None:
    picture = _drawn(facts, *planned)
    assert picture == _drawn(facts, *planned)
    assert re.findall(r'"rank": (\d+)', picture.script) == ["4", "3", "2", "1"]
    for site in planned[0].sites:
        assert f"[{site.latitude}, {site.longitude}]" in picture.script
    assert len(re.findall(r'"radius": 400(?:\.0)?,', picture.script)) == 4
    assert picture.script.count("L.divIcon") == 4
    assert all(path.startswith("vendor/") for path in (*picture.scripts, *picture.stylesheets))


def test_changed_kits_look_unlike_new_ones(facts: Facts, planned: tuple[Plan, Coverage]) -> None:
    found, measured = planned
    first = dataclasses.replace(found.sites[0], action=Action.OPEN_ALWAYS)
    changed = dataclasses.replace(found, sites=(first, *found.sites[1:]))
    assert _drawn(facts, changed, measured).script.count("site site-changed") == 1
    assert "site-changed" not in _drawn(facts, found, measured).script


def test_names_run_nothing(facts: Facts, planned: tuple[Plan, Coverage]) -> None:
    found, measured = planned
    hostile = tuple(dataclasses.replace(site, name=HOSTILE) for site in found.sites)
    script = _drawn(facts, dataclasses.replace(found, sites=hostile), measured).script
    assert "</script" not in script
    assert "${" not in script
    assert "{{" not in script
    assert "uid=" not in script


def test_no_incident_is_on_the_map(facts: Facts, planned: tuple[Plan, Coverage]) -> None:
    script = _drawn(facts, *planned).script
    points = facts.demand().points[["longitude", "latitude"]].drop_duplicates()
    # some kits are known by the street that records are moved to
    kits = facts.snapshot().placed[["longitude", "latitude"]].itertuples(index=False)
    own = {tuple(at) for at in kits} | {(s.longitude, s.latitude) for s in planned[0].sites}
    for lon, lat in points.itertuples(index=False):
        assert (lon, lat) in own or f"[{lat}, {lon}]" not in script
        assert (lon, lat) in own or f"[{lon}, {lat}]" not in script
