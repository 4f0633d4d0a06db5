"""Strangers tell of kits: the honest one in a hurry, and the crowd that means harm."""

import datetime as dt
import re
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import Flask
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select
from werkzeug.test import TestResponse

from locator.analysis.fetch import Answer
from locator.analysis.nearest import nearest
from locator.facts import Facts
from locator.registry import sightings, store
from locator.registry.custody import Visit, check, edit
from locator.registry.schema import TELLABLE, Edition, Kit, Letter, Sighting
from locator.settings import Settings
from locator.web import create_app
from locator.web.telling import Gate
from tests.serving import Server, serve
from tests.web.conftest import Clock
from tests.web.reading import text_of

EVENING = dt.datetime.fromisoformat("2026-07-04T22:14+01:00")
SENTENCE = "Somebody told us at 22:14 that it was taken. We have not confirmed that."
PLACES = ("NN1 1DE", "Kettering", "Corby", "NN8 1QD", "NN13 7AB")


class Site:
    """A site with a registry of its own that looks for changes at every request."""

    def __init__(self, app: Flask, clock: Clock) -> None:
        self.app, self.clock = app, clock
        self.facts: Facts = app.extensions["facts"]

    def get(self, address: str) -> TestResponse:
        return self.app.test_client().get(address)

    def tell(
        self,
        kit: str = "NN-0030",
        finding: str = "used",
        address: str = "203.0.113.7",
        note: str = "",
        **headers: str,
    ) -> TestResponse:
        client = self.app.test_client()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return client.post(
            f"/kit/{kit}/tell",
            data={"finding": finding, "note": note},
            headers=named,
            environ_base={"REMOTE_ADDR": address},
        )

    def answers(self) -> list[Answer]:
        known = self.facts
        found = [known.gazetteer.resolve(place)[0] for place in PLACES]
        return [
            nearest(known.snapshot(), one, known.travel, at=self.clock(), count=49) for one in found
        ]

    def editions(self) -> int:
        return store.version(self.facts.engine)

    def count(self, model: type[Sighting | Letter]) -> int:
        with store.reading(self.facts.engine) as connection:
            return len(connection.execute(select(model.id)).all())


def _site(folder: Path, **settings: str) -> Site:
    clock = Clock()
    clock.now = EVENING
    url = f"sqlite:///{folder}/registry.sqlite"
    app = create_app(Settings.model_validate({"database_url": url} | settings), clock)
    app.testing = False
    return Site(app, clock)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    made = _site(tmp_path, mail_fallback="office@example.org")
    monkeypatch.setattr("locator.facts._FRESH_S", 0.0)
    yield made
    made.facts.close()


def kit_of(page: str, reference: str) -> str:
    found = re.search(rf'<li class="kit-item" id="kit-{reference}".*?</li>', page, re.DOTALL)
    assert found is not None
    return text_of(found[0])


def test_one_tap_from_the_link(site: Site) -> None:
    page = site.get("/kit/NN-0030/tell?what=taken")
    assert page.status_code == 200
    buttons = re.findall(r'<button type="submit" name="finding" value="([^"]+)"', page.text)
    assert buttons == ["used", "missing", "damaged", "obstructed", "wrong details"]
    assert " required" not in page.text
    text = text_of(page.text)
    assert "Have you taken this kit?" in text
    assert "Call 999 and press hard" in text
    assert "nobody has confirmed it. The kit stays on the map" in text
    assert site.count(Sighting) == 0, "looking tells nothing"
    thanks = site.tell()
    assert thanks.status_code == 200
    text = text_of(thanks.text)
    assert text.index("Call 999 now") < text.rindex("Thank you for telling us")
    assert SENTENCE in text
    assert "or else by itself: Sun 5 Jul, 22:14." in text
    assert "back to Royal & Derngate theatre, Derngate, Northampton. If it was opened" in text
    assert SENTENCE in kit_of(
        site.app.test_client().post("/", data={"place": "NN1 1DE"}).text, "NN-0030"
    )
    for address in ("/map", "/kit/NN-0030"):
        assert SENTENCE in text_of(site.get(address).text)


@pytest.mark.parametrize(
    ("what", "first", "title"),
    [
        ("taken", "used", "Have you taken this kit?"),
        ("wrong", "missing", "What is wrong with this kit?"),
        ("", "used", "What do you want to tell us"),
        ("'\"><script>", "used", "What do you want to tell us"),
    ],
)
def test_the_link_chooses_what_comes_first(site: Site, what: str, first: str, title: str) -> None:
    page = site.app.test_client().get("/kit/NN-0030/tell", query_string={"what": what})
    assert re.findall(r'name="finding" value="([^"]+)"', page.text)[0] == first
    assert title in text_of(page.text)
    assert "<script>" not in page.text
    assert ('action="/kit/NN-0030/tell?what=' in page.text) == (what in ("taken", "wrong"))


def test_a_language_stays_in_front(site: Site) -> None:
    assert (
        'action="/en/kit/NN-0030/tell?what=taken"'
        in site.get("/en/kit/NN-0030/tell?what=taken").text
    )
    told = site.app.test_client().post("/en/kit/NN-0030/tell", data={"finding": "used"})
    assert told.status_code == 200
    assert 'href="/en/kit/NN-0030"' in told.text


@pytest.mark.parametrize("finding", TELLABLE)
def test_each_thing_that_can_be_told(site: Site, finding: str) -> None:
    thanks = site.tell(finding=finding)
    assert thanks.status_code == 200
    assert "Somebody told us at 22:14" in text_of(thanks.text)
    assert ("When it is over" in thanks.text) == (finding == "used")


@pytest.mark.parametrize("reference", ["NN-0999", "banana", "NN-0001"])
def test_kits_that_there_are_not(site: Site, reference: str) -> None:
    edit(site.facts.engine, "NN-0001", {"status": "withdrawn"}, who="Ann", why="Closed")
    assert site.get(f"/kit/{reference}/tell").status_code == 404
    assert site.tell(reference).status_code == 404
    assert "Call 999 now" in site.tell(reference).text
    assert site.count(Sighting) == 0


def test_a_reference_as_it_is_said(site: Site) -> None:
    assert site.tell("nn30").status_code == 200


@pytest.mark.parametrize("finding", ["", "complete", "needs restock", "x" * 1000])
def test_nonsense_is_asked_back(site: Site, finding: str) -> None:
    answer = site.tell(finding=finding, note="Behind <b>the bar")
    assert answer.status_code == 422
    assert "Please choose what you want to tell us" in answer.text
    assert "Behind &lt;b&gt;the bar</textarea>" in answer.text, "what was typed is not lost"
    assert "<title>Error:" in answer.text
    assert site.count(Sighting) == 0


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Sec_Fetch_Site": "same-origin", "Origin": "null"}, 200),
        ({"Sec_Fetch_Site": "none"}, 200),
        ({"Sec_Fetch_Site": "cross-site"}, 403),
        ({"Sec_Fetch_Site": "same-site"}, 403),
        ({"Sec_Fetch_Site": "cross-site", "Origin": "http://localhost"}, 403),
        ({"Origin": "http://localhost"}, 200),
        ({"Origin": "https://kits.example.org"}, 200),
        ({"Origin": "http://kits.example.org"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "http://localhost.evil.example"}, 403),
        ({"Origin": "http://[::1"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
def test_other_sites_cannot_tell_through_their_visitors(
    tmp_path: Path, headers: dict[str, str], status: int
) -> None:
    site = _site(tmp_path, site_url="https://kits.example.org/")
    answer = site.tell(**headers)
    assert answer.status_code == status
    assert site.count(Sighting) == (status == 200)
    # browsers say where a form comes from only under this policy
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert "Set-Cookie" not in answer.headers
    site.facts.close()


def test_nobody_tells_a_lot(site: Site) -> None:
    kits = [f"NN-{number:04}" for number in range(1, 50)]
    for kit in kits[:6]:
        assert site.tell(kit, address="198.51.100.20").status_code == 200
    editions = site.editions()
    refused = site.tell(kits[6], address="198.51.100.21")
    assert refused.status_code == 429
    assert refused.headers["Retry-After"] == "3600"
    assert "Nothing was kept" in refused.text
    assert site.editions() == editions
    assert site.tell(kits[6], address="198.51.101.20").status_code == 200
    site.clock.now += dt.timedelta(hours=1)
    assert site.tell(kits[7], address="198.51.100.20").status_code == 200
    for hour in range(2, 5):
        site.clock.now = EVENING + dt.timedelta(hours=hour)
        for number in range(6):
            site.tell(kits[10 + 6 * hour + number], address="198.51.100.9")
    site.clock.now += dt.timedelta(hours=1)
    assert site.tell(kits[40], address="198.51.100.9").status_code == 429, "twenty in a day"
    site.clock.now += dt.timedelta(hours=24)
    assert site.tell(kits[40], address="198.51.100.9").status_code == 200


def test_the_gate_counts_parts_of_the_network_and_forgets() -> None:
    gate = Gate()

    def most(address: str | None) -> int:
        return sum(gate.lets_in(address, EVENING) for _ in range(10))

    assert most("2001:db8:1:2::1") == 6
    assert most("2001:db8:1:ffff::9") == 0, "one subscriber has a /48"
    assert most("2001:db8:2::1") == 6
    assert most("203.0.113.1") == 6
    assert most("::ffff:203.0.113.99") == 0
    assert most("fe80::1%eth0") == 6
    assert most(None) == 6
    assert most("unix:") == 0
    plain = repr(vars(gate))
    assert "203.0.113" not in plain
    assert "2001:db8" not in plain
    for number in range(25_000):
        gate.lets_in(f"10.{number >> 8}.{number & 255}.1", EVENING)
    assert len(gate._told) <= 20_000
    assert Gate()._fingerprint("203.0.113.1") != gate._fingerprint("203.0.113.1")


def _crowd(site: Site, finding: str = "used") -> list[int]:
    """Tell the same of all kits, each from another network, for as many hours as it takes."""
    statuses = []
    for number in range(1, 50):
        answer = site.tell(f"NN-{number:04}", finding, address=f"10.{number}.0.1")
        if answer.status_code == 429:
            site.clock.now += dt.timedelta(hours=1)
            answer = site.tell(f"NN-{number:04}", finding, address=f"10.{number}.9.1")
        statuses.append(answer.status_code)
    return statuses


def _order(page: str) -> list[str]:
    return re.findall(r'<li class="kit-item" id="kit-(NN-\d+)"', page)


def test_a_crowd_cannot_empty_the_map(site: Site) -> None:
    """Strangers tell that all 49 kits were taken; a moderator wakes up and takes it all back."""
    with store.reading(site.facts.engine) as connection:
        references = list(connection.scalars(select(Kit.reference)))
    assert len(references) == 49
    check(site.facts.engine, "NN-0030", Visit("Ann", EVENING.date(), EVENING.date()))
    # compared at the same instant, so that shops shut or open for both alike
    begin, later = EVENING, EVENING + dt.timedelta(minutes=70)
    before, pages = _seen(site, later)
    assert before[0].reachable[0].ready

    editions = site.editions()
    site.clock.now = begin
    assert set(_crowd(site)) == {200}
    assert site.clock.now == begin + dt.timedelta(hours=1), "30 in an hour, so two hours"
    assert site.editions() - editions == 49
    assert site.count(Letter) == 5, "nobody is flooded with mail"

    answers, told_pages = _seen(site, later)
    groups = [(a.reachable, a.unknown, a.unavailable, a.unplaced) for a in answers]
    listed = [fetch for every in groups for group in every for fetch in group]
    assert {fetch.kit["reference"] for fetch in listed} == set(references)
    assert all(fetch.doubt and not fetch.ready and not fetch.confirmed for fetch in listed)
    for answer, other in zip(before, answers, strict=True):
        assert _without_doubts(answer) == _without_doubts(other)
    for page, told in zip(pages, told_pages, strict=True):
        assert _order(told) == _order(page)
        # nobody is sent away from a kit: to ask 999 is still worth it
        none = "We know of no kit that is close enough"
        assert (none in told) == (none in page)
        assert told.count("We have not confirmed that") >= len(_order(page))

    # they go on for hours; nothing is written but what an hour allows
    site.clock.now, editions = later, site.editions()
    for _ in range(3):
        _crowd(site)
    hours = (site.clock.now - later).total_seconds() / 3600 + 1
    assert site.editions() - editions <= 30 * hours
    assert site.count(Sighting) == 49

    now = site.clock.now
    edition, count = sightings.dismiss_since(
        site.facts.engine, begin, who="Ann", why="A flood", at=now
    )
    assert (edition, count) == (site.editions(), 49)
    restored, restored_pages = _seen(site, later)
    for answer, other in zip(before, restored, strict=True):
        version = {"registry_version": 0}
        assert answer.as_dict() | version == other.as_dict() | version
    assert [text_of(page) for page in restored_pages] == [text_of(page) for page in pages]
    # the crowd comes back at once: what it tells is for moderators only
    site.clock.now = now + dt.timedelta(hours=1)
    assert set(_crowd(site, "missing")) == {200}
    assert "We have not confirmed that" not in text_of(site.get("/map").text)
    zone = site.facts.calendar.zone
    assert len(sightings.listed(site.facts.engine, zone, site.facts.settings)) == 49


def _seen(site: Site, moment: dt.datetime) -> tuple[list[Answer], list[str]]:
    """Look at the kits near some places at an instant."""
    site.clock.now = moment
    client = site.app.test_client()
    return site.answers(), [client.post("/", data={"place": place}).text for place in PLACES]


def _without_doubts(answer: Answer) -> object:
    plain = answer.as_dict() | {"registry_version": 0}
    for group in ("reachable", "hours_not_known", "unavailable", "place_not_known"):
        kits = plain[group]
        assert isinstance(kits, list)
        for kit in kits:
            for key in ("doubt", "ready", "confirmed", "data"):
                del kit[key]
    return plain


def test_a_kit_told_as_taken_after_a_dismissal_is_not_ready(site: Site) -> None:
    check(site.facts.engine, "NN-0030", Visit("Ann", EVENING.date(), EVENING.date()))
    assert "state-ready" in site.get("/kit/NN-0030").text
    site.tell()
    now = site.clock.now
    sightings.dismiss(site.facts.engine, [1], who="Ann", why="I am beside it", at=now)
    assert "state-ready" in site.get("/kit/NN-0030").text
    before = site.answers()
    assert site.tell(address="198.51.100.7").status_code == 200
    page = site.get("/kit/NN-0030").text
    assert "state-ready" not in page
    assert "We have not confirmed that" not in text_of(page)
    after = site.answers()
    assert not any(fetch.ready for answer in after for fetch in answer.reachable)
    assert [_without_doubts(one) for one in after] == [_without_doubts(one) for one in before]
    site.clock.now = now + dt.timedelta(minutes=10)
    assert "state-ready" not in site.app.test_client().post("/", data={"place": "NN1 1DE"}).text


def test_where_nobody_moderates_it_passes(site: Site) -> None:
    """A day after the crowd has gone the map reads as if it had never been there."""
    later = EVENING + dt.timedelta(hours=25, seconds=1)
    site.clock.now = later
    untold = text_of(site.get("/map").text)
    site.clock.now = EVENING
    _crowd(site)
    assert text_of(site.get("/map").text).count("We have not confirmed that") == 49
    site.clock.now = later
    assert text_of(site.get("/map").text) == untold


def test_tellers_never_hold_up_pages(site: Site) -> None:
    """While something large is written, tellers give up and the threads serve pages."""
    writing, done = threading.Event(), threading.Event()

    def hold() -> None:
        with store.turn(site.facts.engine):
            writing.set()
            done.wait(20)

    holder = threading.Thread(target=hold)
    holder.start()
    assert writing.wait(5)
    statuses: list[int] = []
    tellers = [
        threading.Thread(
            target=lambda n=n: statuses.append(site.tell(address=f"10.{n}.0.1").status_code)
        )
        for n in range(8)
    ]
    for teller in tellers:
        teller.start()
    for teller in tellers:
        teller.join(3)
    assert statuses == [503] * 7, "one waits for its turn, the others are asked to come back"
    assert site.get("/map").status_code == 200
    done.set()
    holder.join()
    for teller in tellers:
        teller.join(10)
    assert statuses == [503] * 7 + [200]


def test_the_client_address_is_believed_only_from_a_proxy_that_is_named(tmp_path: Path) -> None:
    for proxies, expected in (("0", 429), ("1", 200)):
        folder = tmp_path / proxies
        folder.mkdir()
        site = _site(folder, trusted_proxies=proxies)
        statuses = [
            site.tell(
                f"NN-{number:04}", address="127.0.0.1", X_Forwarded_For=f"6.6.6.6, 10.{number}.0.1"
            ).status_code
            for number in range(1, 9)
        ]
        assert statuses[-1] == expected
        assert statuses[:6] == [200] * 6
        forged = [
            site.tell(
                f"NN-{number:04}",
                address="127.0.0.1",
                X_Forwarded_For=f"10.{number}.0.1, 198.51.100.1",
            ).status_code
            for number in range(11, 18)
        ]
        assert forged[-1] == 429, "what the client itself says is not believed"
        site.facts.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One that believes a proxy; browsers come without one."""
    folder = tmp_path_factory.mktemp("site")
    with serve(folder, LOCATOR_TRUSTED_PROXIES="1") as running:
        yield running


def test_nothing_about_the_teller_is_written(server: Server) -> None:
    for number in range(8):
        _post(server, number)
    written = server.written()
    assert b"Told: used" in written
    for trace in (b"203.0.113", b"198.51.100", b"TestBrowser", b"C1234X"):
        assert trace not in written


def _post(running: Server, number: int) -> None:
    request = urllib.request.Request(  # noqa: S310  # our own server
        f"{running.address}/kit/NN-0030/tell",
        data=b"finding=used&note=code+C1234X",
        headers={"X-Forwarded-For": "203.0.113.77", "User-Agent": "TestBrowser"},
    )
    try:
        with urllib.request.urlopen(request) as answer:  # noqa: S310
            status = answer.status
    except urllib.error.HTTPError as error:
        status = error.code
        error.close()
    assert status == (200 if number < 6 else 429)


def test_the_trail_says_a_stranger(site: Site) -> None:
    site.tell(note="Behind the bar")
    with store.reading(site.facts.engine) as connection:
        newest = connection.execute(
            select(Edition.who, Edition.why).order_by(Edition.version.desc()).limit(1)
        ).one()
    assert tuple(newest) == (sightings.STRANGER, "Told: used")
    for address in ("/map", "/kit/NN-0030", "/kit/NN-0030/tell"):
        assert "Behind the bar" not in unescape(site.get(address).text)


def _problems(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [f"{v['id']}: {v['nodes'][0]['html']}" for v in found]


# six tellings in an hour are all that one address has, in tests as well
@pytest.mark.browser
@pytest.mark.parametrize("size", [(390, 844), (320, 640), (1280, 800)])
def test_a_browser_tells_without_a_script(
    server: Server, browser: Browser, size: tuple[int, int]
) -> None:
    """Real browsers say where a form comes from; nothing may stand in the way of the honest."""
    width, height = size
    context = browser.new_context(
        viewport={"width": width, "height": height}, java_script_enabled=False
    )
    page = context.new_page()
    page.goto(f"{server.address}/kit/NN-0030/tell?what=taken")
    sure = page.get_by_role("button", name="Yes, I have taken it")
    box = sure.bounding_box()
    assert box is not None
    assert box["height"] >= 44
    assert box["y"] + box["height"] <= height, "one tap, without scrolling"
    sure.click()
    expect(page.get_by_role("heading", name="Thank you for telling us")).to_be_visible()
    expect(page.get_by_role("link", name="Call 999 now")).to_be_visible()
    context.close()


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(
    server: Server, browser: Browser, scheme: Literal["light", "dark"]
) -> None:
    context = browser.new_context(viewport={"width": 320, "height": 640}, color_scheme=scheme)
    page = context.new_page()
    for what in ("taken", "wrong", ""):
        page.goto(f"{server.address}/kit/NN-0030/tell?what={what}")
        page.get_by_text("Add something first").click()
        expect(page.get_by_label("What else should")).to_be_visible()
        assert _problems(page) == []
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 320
    page.get_by_label("What else should").fill("Behind the bar")
    # by keyboard alone
    button = page.get_by_role("button", name="I cannot get to it")
    while not button.evaluate("e => e === document.activeElement"):
        page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Thank you for telling us").wait_for()
    assert _problems(page) == []
    context.close()


@pytest.mark.browser
def test_a_hostile_page_cannot_make_its_visitors_tell(server: Server, browser: Browser) -> None:
    context = browser.new_context()
    page = context.new_page()
    form = (
        f'<form method="post" action="{server.address}/kit/NN-0035/tell">'
        '<button name="finding" value="used">Win a prize</button></form>'
    )
    evil = "http://127.0.0.2:9/"
    page.route(evil, lambda route: route.fulfill(body=form, content_type="text/html"))
    page.goto(evil)
    with page.expect_navigation() as navigation:
        page.get_by_role("button").click()
    assert navigation.value.status == 403
    expect(page.get_by_text("Another site has sent you here")).to_be_visible()
    page.goto(f"{server.address}/kit/NN-0035")
    assert not page.locator(".state", has_text="Somebody told us").count()
    context.close()
