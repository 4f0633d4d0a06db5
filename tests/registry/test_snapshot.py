import datetime as dt
import shutil
import time
from pathlib import Path

import numpy as np
import pytest

from locator import geodesy
from locator.analysis.nearest import overview
from locator.facts import Facts
from locator.registry import custody, sightings, snapshot, store
from locator.registry.schema import Finding
from locator.settings import Settings
from tests.registry.conftest import load


def test_a_snapshot_holds_every_kit(database_url: str, facts: Facts) -> None:
    engine = store.open_registry(database_url)
    load(engine, facts.settings.geodata)
    taken = snapshot.take(engine, facts.calendar, 92, 24)
    assert taken.version == 1
    assert len(taken.kits) == 49
    assert taken.kits["reference"].is_unique
    assert str(taken.kits.crs) == geodesy.BNG
    assert set(taken.hours) == set(taken.kits["opening_hours"])
    placed = taken.placed
    easting, northing = geodesy.to_bng(
        placed["longitude"].to_numpy(dtype=float), placed["latitude"].to_numpy(dtype=float)
    )
    assert np.allclose(placed.geometry.x, easting)
    assert np.allclose(placed.geometry.y, northing)
    assert len(placed) < len(taken.kits)
    assert (taken.in_service["status"] == "installed").all()
    engine.dispose()


def test_only_the_kit_that_was_checked_is_confirmed(database_url: str, facts: Facts) -> None:
    engine = store.open_registry(database_url)
    load(engine, facts.settings.geodata)
    day = dt.date(2026, 7, 1)
    custody.check(engine, "nn 30", custody.Visit("Ann", day, day))
    taken = snapshot.take(engine, facts.calendar, 92, 24)
    told = overview(taken, facts.calendar.read("2026-07-04 23:30"))
    assert [f.kit["reference"] for f in told if f.confirmed] == ["NN-0030"]
    assert [f.kit["reference"] for f in told if f.ready] == ["NN-0030"]
    engine.dispose()


def test_an_empty_registry(database_url: str, facts: Facts) -> None:
    engine = store.open_registry(database_url)
    taken = snapshot.take(engine, facts.calendar, 92, 24)
    assert (taken.version, len(taken.kits), len(taken.in_service)) == (0, 0, 0)
    engine.dispose()


def test_a_registry_that_goes_away_leaves_the_last_snapshot_in_use(
    tmp_path: Path, geodata: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    url = f"sqlite:///{tmp_path}/registry.sqlite"
    opened = Facts.open(Settings(database_url=url, geodata=geodata))
    before = opened.snapshot()
    opened.close()
    for path in tmp_path.glob("registry.sqlite*"):
        path.unlink()
    later = time.monotonic() + 10
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert opened.snapshot() is before
    assert "using what is known" in caplog.text
    opened.close()


def test_workers_notice_a_new_edition(
    database_url: str, geodata: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = shutil.copytree(geodata, tmp_path / "geodata")
    opened = Facts.open(Settings(database_url=database_url, geodata=copy))
    before = opened.snapshot()
    assert opened.snapshot() is before
    kits = copy / "kits.csv"
    kits.write_text(kits.read_text("utf-8").replace("The Sevens (pub)", "The Eights"), "utf-8")
    engine = store.open_registry(database_url)
    load(engine, copy)
    engine.dispose()
    later = time.monotonic() + 10
    monkeypatch.setattr(time, "monotonic", lambda: later)
    after = opened.snapshot()
    assert after.version == before.version + 1
    assert "The Eights" in set(after.kits["name"])
    assert "The Eights" not in set(before.kits["name"])
    opened.close()


def test_a_week_of_each_kit_equals_asking_at_each_hour(facts: Facts) -> None:
    taken = facts.snapshot()
    codes = taken.week(dt.date(2026, 12, 25))
    best = taken.week(dt.date(2026, 12, 25), best=True)
    assert (best >= codes).all()
    assert codes.shape == (len(taken.placed), 168)
    monday = facts.calendar.read("2026-12-21 00:30")
    for number, text in enumerate(taken.placed["opening_hours"]):
        for hour in (3, 60, 100, 108, 167):
            state = taken.hours[text].at(monday + dt.timedelta(hours=hour)).state
            # the worst of the hour counts, so nothing is better than at its half
            code = ("closed", "unknown", "open").index(state)
            assert codes[number, hour] <= code <= best[number, hour]
    assert (codes[(taken.placed["opening_hours"] == "24/7").to_numpy()] == 2).all()
    assert (codes[(taken.placed["opening_hours"] == "").to_numpy()] == 1).all()


def test_a_strangers_word_is_noticed_and_makes_nothing_large_be_worked_out_again(
    database_url: str, geodata: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = Facts.open(Settings(database_url=database_url, geodata=geodata))
    monkeypatch.setattr("locator.facts._FRESH_S", 0.0)
    before = opened.snapshot()
    assert before.ground is before
    moment = opened.calendar.read("2026-07-04 22:14")
    for finding in (Finding.DAMAGED, Finding.USED):
        sightings.tell(opened.engine, "NN-0030", finding, at=moment, settings=opened.settings)
        told = opened.snapshot()
        doubt = told.doubt("NN-0030", moment)
        assert doubt is not None
        assert doubt.finding is finding
        assert told.ground is before
        assert told.kits is before.kits
    assert told.version == before.version + 2
    assert told.doubt("NN-0001", moment) is None
    until = moment + dt.timedelta(hours=24)
    assert told.unconfirmed_until("NN-0030", moment) == until
    sightings.dismiss(opened.engine, [1, 2], who="Ann", why="No", at=moment)
    sightings.tell(opened.engine, "NN-0030", Finding.USED, at=moment, settings=opened.settings)
    muted = opened.snapshot()
    assert muted.ground is before
    assert muted.doubt("NN-0030", moment) is None
    assert muted.unconfirmed_until("NN-0030", moment) == until
    assert muted.unconfirmed_until("NN-0001", moment) is None
    day = moment.date()
    custody.check(opened.engine, "NN-0030", custody.Visit("Ann", day, day))
    checked = opened.snapshot()
    assert checked.unconfirmed_until("NN-0030", moment) is None
    assert checked.ground is not before
    assert checked.doubt("NN-0030", moment) is None
    opened.close()
