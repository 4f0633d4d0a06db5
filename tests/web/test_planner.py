"""The planner's pages: what strangers may ask, what they see, and what they never do."""

import dataclasses
import datetime as dt
import html
import io
import re
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pypdf
import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Browser, BrowserContext, Page, expect
from werkzeug.test import TestResponse

from locator.analysis import candidates
from locator.analysis.siting import plan as make_plan
from locator.errors import InputError, MissingLibraryError
from locator.facts import Facts
from locator.reports import _pdf
from locator.reports.planner import Options, report
from locator.settings import Settings
from locator.web import create_app, planner
from tests.reports.counties import HOSTILE, made_up
from tests.serving import Server

# few candidates: planned in a moment
FEW = "new=3&near=400&from=hospital&from=railway+station"
AT = dt.datetime.fromisoformat("2026-07-08T10:00+01:00")
JSON = {"Accept": "application/json"}


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out what takes time; tests of the report itself have all of it."""

    def short(*asked: Any, **options: Any) -> Options:
        return Options(
            *asked, **options | {"resamples": 2, "sensitivity": False, "backtest": False}
        )

    monkeypatch.setattr(planner, "Options", short)


def _ready(client: FlaskClient, address: str, **options: Any) -> TestResponse:
    for _ in range(400):
        answer = client.get(address, **options)
        if answer.status_code != 202:
            return answer
        assert answer.headers["Refresh"] == "3"
        assert "is being made" in answer.text
        time.sleep(0.1)
    message = "It was never finished."
    raise AssertionError(message)


def test_a_plan_is_shown_with_its_reasons(client: FlaskClient) -> None:
    page = _ready(client, f"/plan?{FEW}")
    assert page.status_code == 200
    text = " ".join(re.sub(r"<[^>]+>", " ", html.unescape(page.text)).split())
    assert "Where the next bleed kits belong" in text
    assert "proven best" in text
    assert "Incidents of partner organisations are never read here" in text
    assert "Never leave the casualty alone" in text
    assert "Police records: data.police.uk" in text
    for rank in (1, 2, 3):
        assert f'id="rank-{rank}"' in page.text
    script = client.get(f"/maps/plan.js?{FEW}")
    assert script.content_type.startswith("text/javascript")
    assert script.text.count('"rank": ') == 3


def test_pages_hold_no_inline_code(client: FlaskClient) -> None:
    for answer in (_ready(client, f"/plan?{FEW}"), _ready(client, f"/report?{FEW}")):
        assert not re.search(r"<script(?![^>]*\bsrc=)", answer.text)
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=", answer.text)
        policy = answer.headers["Content-Security-Policy"]
        assert "style-src 'self';" in policy
        assert "unsafe" not in policy


@pytest.mark.parametrize(
    "asked",
    [
        "new=51",
        "new=-1",
        "new=0",
        "new=1e3",
        "new=٣",
        "new=9999999999999",
        "budget=100001",
        "budget=x",
        "near=401",
        "near=../400",
        "from=registry",
        "from=moon",
        "at=" + "&at=".join(f"52.2{n:02},-0.9" for n in range(11)),
        "at=qqqq",
        "at=51.5,-0.1",
    ],
)
@pytest.mark.parametrize("address", ["/plan", "/report", "/report.pdf", "/maps/plan.js"])
def test_what_is_not_offered_is_refused(client: FlaskClient, address: str, asked: str) -> None:
    answer = client.get(f"{address}?{asked}", headers=JSON)
    assert answer.status_code == 422
    assert answer.content_type == "application/problem+json"


def test_the_page_on_gaps_leads_to_the_plan(client: FlaskClient) -> None:
    assert '<a href="/plan">' in client.get("/coverage").text


def test_a_place_is_named_with_its_kind(client: FlaskClient) -> None:
    asked = "new=10&near=400&from=bus+stop"
    page = _ready(client, f"/plan?{asked}").text
    assert len(re.findall(r"<h3>.*?</span> <span>Bus stop “[^”]+”", page)) >= 8
    assert '"title": "1: bus stop \\u201c' in client.get(f"/maps/plan.js?{asked}").text


def test_a_place_may_be_named(client: FlaskClient) -> None:
    named = _ready(client, f"/plan?{FEW}&site=NN1+1DE")
    spot = re.search(r'name="at" value="([^"]+)" checked', named.text)
    assert spot
    again = _ready(client, f"/plan?{FEW}")
    assert 'name="at"' not in again.text
    both = _ready(client, f"/plan?{FEW}&at={spot[1]}&site=52.2378,-0.8960")
    assert both.text.count('name="at"') == 4
    assert "52.23780, -0.89600" in both.text


def test_a_place_that_is_not_certain_is_said(client: FlaskClient) -> None:
    page = _ready(client, f"/plan?{FEW}&site=The+Ridings")
    assert page.status_code == 200
    assert "is not certain" in page.text
    assert 'value="The Ridings"' in page.text
    outside = _ready(client, f"/plan?{FEW}&site=51.5,-0.1")
    assert "lies outside Northamptonshire" in outside.text


def test_pounds_instead_of_kits(client: FlaskClient) -> None:
    page = _ready(client, "/plan?budget=1400&near=400&from=hospital")
    assert page.status_code == 200
    cost = re.search(r"together they cost about £([\d,]+)", page.text)
    assert cost
    assert int(cost[1].replace(",", "")) <= 1400


def test_minutes_instead_of_metres(client: FlaskClient) -> None:
    page = _ready(client, "/plan?new=1&near=fetch5&from=hospital")
    assert page.status_code == 200
    assert "5 minutes to fetch at 3 m/s" in page.text


def test_a_plan_is_kept(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    address = "/plan?new=2&near=150&from=hospital"
    first = _ready(client, address)
    monkeypatch.setattr(planner, "make_plan", None)
    assert client.get(address).text == first.text


def test_one_plan_at_a_time_and_a_short_queue(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    go, making, most = threading.Event(), [0], [0]

    def slow(*asked: Any, **options: Any) -> Any:
        making[0] += 1
        most[0] = max(most[0], making[0])
        go.wait(60)
        making[0] -= 1
        return make_plan(*asked, **options)

    monkeypatch.setattr(planner, "make_plan", slow)
    monkeypatch.setattr(planner, "_WAIT_S", 0.01)
    asked = [f"/plan?new={n}&near=150&from=railway+station" for n in range(3, 12)]
    answers = [client.get(address, headers=JSON) for address in asked]
    statuses = [answer.status_code for answer in answers]
    assert statuses == sorted(statuses)
    assert statuses.count(202) == 7
    assert "5 asked before you and are served first" in answers[5].text
    refused = answers[-1]
    assert refused.status_code == 503
    assert int(refused.headers["Retry-After"]) > 0
    assert refused.content_type == "application/problem+json"
    go.set()
    for address in asked[:7]:
        assert _ready(client, address).status_code == 200
    assert most == [1]


def test_the_script_of_a_map_never_plans(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planner, "make_plan", None)
    answer = client.get("/maps/plan.js?new=13&near=150&from=hospital")
    assert answer.status_code == 404
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_plan_far_from_the_best_is_made_anew(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:

    def poor(*asked: Any, **options: Any) -> Any:
        found = make_plan(*asked, **options)
        return dataclasses.replace(found, bound=1.1 * found.after, says="far from the best")

    monkeypatch.setattr(planner, "_POOR_S", 1.0)
    address = "/plan?new=2&near=800&from=railway+station"
    with monkeypatch.context() as patched:
        patched.setattr(planner, "make_plan", poor)
        assert "far from the best" in _ready(client, address).text
    time.sleep(1)
    assert "proven best" in _ready(client, address).text


def test_a_plan_that_fails_late_is_told(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(*_: object, **__: object) -> None:
        time.sleep(0.2)
        message = "Nothing can be chosen here."
        raise InputError(message)

    monkeypatch.setattr(planner, "_WAIT_S", 0.01)
    address = "/plan?new=2&near=150&from=railway+station"
    with monkeypatch.context() as patched:
        patched.setattr(planner, "make_plan", late)
        answer = _ready(client, address, headers=JSON)
    assert answer.status_code == 422
    assert "Nothing can be chosen here" in answer.text
    assert _ready(client, address).status_code == 200


def test_too_many_places_are_refused_before_any_is_looked_up(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planner, "_resolved", None)
    assert client.get("/plan?" + "&".join(["at=NN1"] * 11), headers=JSON).status_code == 422


def test_planners_never_keep_the_emergency_page_waiting(server: Server) -> None:
    asked = [f"/plan?new={n}&near=400&at=52.2{n},-0.9" for n in range(11, 23)]
    taken: list[tuple[int, float]] = []
    planners = [
        threading.Thread(target=lambda path=path: taken.append(_timed(server, path)))
        for path in asked
    ]
    for each in planners:
        each.start()
    pages = []
    for _ in range(40):
        pages.append(_timed(server, "/"))
        time.sleep(0.05)
    for each in planners:
        each.join()
    assert {status for status, _ in pages} == {200}
    assert max(seconds for _, seconds in pages) < 0.5
    assert {status for status, _ in taken} <= {202, 503}
    assert max(seconds for _, seconds in taken) < 3


def _timed(server: Server, path: str) -> tuple[int, float]:
    began = time.perf_counter()
    try:
        with urllib.request.urlopen(server.address + path, timeout=30) as answer:  # noqa: S310
            answer.read()
            status = answer.status
    except urllib.error.HTTPError as refused:
        status = refused.code
    return status, time.perf_counter() - began


def test_the_report_and_its_pdf(client: FlaskClient) -> None:
    page = _ready(client, f"/report?{FEW}")
    assert page.status_code == 200
    assert "Where the next 3 belong" in page.text
    assert "no incident of a partner organisation went into this report" in page.text
    link = re.search(r'<a href="(/report\.pdf[^"]+)">', page.text)
    assert link
    printed = client.get(html.unescape(link[1]))
    assert printed.content_type == "application/pdf"
    assert (
        "Where the next 3 belong"
        in pypdf.PdfReader(io.BytesIO(printed.data)).pages[1].extract_text()
    )
    styles = re.search(r'<link rel="stylesheet" href="([^"]+)"', page.text)
    assert styles
    assert client.get(styles[1]).content_type.startswith("text/css")
    back = re.search(r'<a href="(/plan[^"]+)">', page.text)
    assert back
    assert _ready(client, html.unescape(back[1])).status_code == 200


def test_a_pdf_that_is_not_made_yet_leads_to_the_page(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(*asked: Any) -> Any:
        time.sleep(1)
        return report(*asked)

    monkeypatch.setattr(planner, "report", slow)
    asked = "new=1&near=800&from=hospital"
    answer = client.get(f"/report.pdf?{asked}")
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("/report?")
    # while it is made, others wait for their turn, but not many
    others = [f"/report?new={n}&near=800&from=hospital" for n in (2, 3, 4)]
    statuses = [client.get(other, headers=JSON).status_code for other in others]
    assert statuses == [202, 202, 503]
    assert _ready(client, answer.headers["Location"]).status_code == 200


def test_a_report_that_fails_is_told_and_tried_again(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planner, "report", _fail)
    address = "/report?new=1&near=150&from=railway+station"
    assert _ready(client, address).status_code == 500
    monkeypatch.setattr(planner, "report", report)
    assert _ready(client, address).status_code == 200


def _fail(*_: object) -> None:
    message = "nobody may read this"
    raise RuntimeError(message)


def test_without_pango_the_page_is_there(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without(page: str) -> bytes:
        message = "PDFs need the library Pango"
        raise MissingLibraryError(message)

    monkeypatch.setattr(_pdf, "pdf", without)
    asked = "new=2&near=150&from=railway+station"
    page = _ready(client, f"/report?{asked}")
    assert page.status_code == 200
    assert "report.pdf" not in page.text
    answer = client.get(f"/report.pdf?{asked}", headers=JSON)
    assert answer.status_code == 501
    assert "Print the page instead" in answer.text


def test_partners_are_never_asked(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    demand = Facts.demand

    def watched(self: Facts, *basis: Any, **options: Any) -> Any:
        asked.append(options.get("partners", False))
        return demand(self, *basis, **options)

    monkeypatch.setattr(Facts, "demand", watched)
    assert _ready(client, "/plan?new=1&near=400&from=bus+station").status_code == 200
    assert _ready(client, "/report?new=1&near=400&from=bus+station").status_code == 200
    assert asked
    assert not any(asked)


def test_refusals_of_hosts_are_never_read(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(candidates, "_registered", None)
    asked = "new=1&near=150&from=bus+station&at=52.2378,-0.8960"
    assert _ready(client, f"/plan?{asked}").status_code == 200
    assert _ready(client, f"/report?{asked}").status_code == 200


def test_the_first_plan_is_begun_behind_one_that_compiles(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[planner.Choice] = []
    monkeypatch.setattr(planner, "_plan_job", begun.append)
    with app.test_request_context("/plan"):
        planner.warm()
    assert [choice.new for choice in begun] == [3, 10]
    assert len(begun[0].sources) == 1


@pytest.fixture(scope="module")
def hostile_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    folder = tmp_path_factory.mktemp("hostile")
    settings = Settings(
        database_url=f"sqlite:///{folder}/registry.sqlite", geodata=made_up(folder / "geodata")
    )
    made = create_app(settings, lambda: AT)
    made.testing = False
    yield made
    made.extensions["facts"].close()


def test_names_of_kits_and_sites_stay_text(hostile_app: Flask) -> None:
    client = hostile_app.test_client()
    asked = "new=5&near=400&from=bus+stop&from=school"
    page = _ready(client, f"/plan?{asked}")
    assert page.status_code == 200
    assert HOSTILE in html.unescape(page.text)
    assert "<script>alert" not in page.text
    script = client.get(f"/maps/plan.js?{asked}").text
    assert "</script" not in script
    assert "${" not in script
    assert "{{" not in script
    found = _ready(client, f"/report?{asked}")
    assert HOSTILE in html.unescape(found.text)
    assert "<script" not in found.text


SIZES = {"phone": (390, 844), "small": (320, 640), "desktop": (1280, 800)}


@pytest.fixture
def visit(browser: Browser, server: Server) -> Iterator[Callable[..., Page]]:
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def start(size: str, path: str, **options: Any) -> Page:
        width, height = SIZES[size]
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console", lambda said: complaints.append(said.text) if said.type == "error" else None
        )
        page.goto(server.address + path)
        # a page that says how far it is looks again by itself
        page.wait_for_selector(".wishes, #summary", state="attached", timeout=60_000)
        page.wait_for_load_state("networkidle")
        return page

    yield start
    for context in contexts:
        context.close()
    assert complaints == []


def _axe_is_quiet(page: Page) -> None:
    found = Axe().run(page).response["violations"]
    assert [(f["id"], [n["html"] for n in f["nodes"]][:3]) for f in found] == []


def _fits(page: Page, width: int) -> None:
    # the map follows the size of its frame a moment later
    page.wait_for_function(
        f"innerWidth === {width} && document.documentElement.scrollWidth <= {width}", timeout=5000
    )


@pytest.mark.browser
def test_the_plan_in_a_browser(visit: Callable[..., Page]) -> None:
    page = visit("phone", f"/plan?{FEW}")
    _axe_is_quiet(page)
    for width, height in SIZES.values():
        page.set_viewport_size({"width": width, "height": height})
        _fits(page, width)
        frame = page.locator(".map").bounding_box()
        assert frame is not None
        assert frame["height"] > 300
        expect(page.locator(".map .site")).to_have_count(3)
        page.locator("#rank-1 button").click()
        expect(page.locator(".map .site").first).to_be_visible()


@pytest.mark.browser
def test_a_click_on_the_map_names_a_place(visit: Callable[..., Page]) -> None:
    page = visit("desktop", f"/plan?{FEW}")
    box = page.locator(".map")
    box.scroll_into_view_if_needed()
    box.click(position={"x": 420, "y": 330})
    expect(page.locator("#site")).to_have_value(re.compile(r"^52\.\d{5}, -\d\.\d{5}$"))
    expect(page.locator("#site-status")).to_contain_text("Press “Plan”")
    with page.expect_navigation():
        page.click("button:has-text('Plan')")
    page.wait_for_selector(".wishes", timeout=60_000)
    assert page.locator("input[type=checkbox][name=at]").count() == 1
    assert page.locator(".error").count() == 0


@pytest.mark.browser
def test_without_javascript(visit: Callable[..., Page]) -> None:
    page = visit("phone", f"/plan?{FEW}", java_script_enabled=False)
    page.fill("#site", "NN1 1DE")
    page.fill("#new", "1")
    with page.expect_navigation():
        page.click("button:has-text('Plan')")
    page.wait_for_selector(".wishes", timeout=60_000)
    assert page.locator(".sites > li").count() == 1
    assert page.locator(".sites button").first.is_hidden()
    with page.expect_navigation():
        page.click("button:has-text('Make the report')")
    # the page looks again by itself
    page.wait_for_selector("text=Where the next 1 belong", timeout=60_000)


@pytest.mark.browser
def test_the_report_in_a_browser(visit: Callable[..., Page]) -> None:
    page = visit("phone", f"/report?{FEW}")
    expect(page.locator("#summary")).to_be_attached()
    _axe_is_quiet(page)
    for width, height in SIZES.values():
        page.set_viewport_size({"width": width, "height": height})
        _fits(page, width)
    page.emulate_media(media="print")
    expect(page.locator(".links")).to_be_hidden()
    expect(page.locator("svg").first).to_be_visible()
