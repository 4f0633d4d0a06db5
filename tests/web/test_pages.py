import gzip
import itertools
import re
import shutil
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import Flask, render_template_string
from flask.testing import FlaskClient
from playwright.sync_api import Browser, BrowserContext, Page
from pypdf import PdfReader

from locator.web.pages import FOLLOWS, GUIDANCE
from tests.conftest import ROOT, missing
from tests.serving import Server, serve
from tests.web.reading import text_of

PAGES = [
    "/",
    "/map",
    "/coverage",
    "/coverage?within=800&hours=any",
    "/how-to",
    "/privacy",
    "/data",
]
OURS = ["/how-to", "/privacy", "/data"]


@pytest.mark.parametrize("page", PAGES)
def test_every_page_says_999_first_and_unconfirmed(client: FlaskClient, page: str) -> None:
    response = client.get(page)
    assert response.status_code == 200
    text = text_of(response.text)
    assert "999" in text[:200]
    assert "Press hard" in text
    assert "Never leave" in text
    assert 'href="tel:999"' in response.text
    assert "Published, unconfirmed data" in text
    assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("page", OURS)
def test_headings_come_in_order(client: FlaskClient, page: str) -> None:
    levels = [int(level) for level in re.findall(r"<h([1-6])", client.get(page).text)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later <= earlier + 1 for earlier, later in itertools.pairwise(levels))


def test_every_drawing_has_a_name(client: FlaskClient) -> None:
    html = client.get("/how-to").text
    drawings = re.findall(r"<svg[^>]*>", html)
    names = re.findall(r'<svg[^>]* role="img" aria-label="([^"]{20,})"', html)
    assert len(drawings) == len(names) == len(set(names)) >= 10


def test_the_steps_come_in_the_order_of_need(client: FlaskClient) -> None:
    html = client.get("/how-to").text
    places = [html.index(f'id="{part}"') for part in FOLLOWS]
    assert places == sorted(places)


@pytest.mark.parametrize(
    "rule",
    [
        "The operator tells you what to do: that comes before this page.",
        "Do not lift it to look.",
        "Only arm, leg, shoulder, armpit, neck or groin. Never the chest or belly.",
        "Only on an arm or leg, and only if pressing does not stop the bleeding",
        "Never loosen it or take it off.",
        "Chest: leave the hole uncovered.",
        "Do not pull out a knife or anything else that is stuck in the wound.",
        "No tourniquet and no tight bandage round the neck, chest or belly.",
        "Alone with them? Do not go for a kit.",
        "we do not know what is in this one",
        "No doctor, nurse or paramedic has checked this page yet.",
    ],
)
def test_what_must_not_be_lost_in_the_first_aid(client: FlaskClient, rule: str) -> None:
    assert rule in text_of(client.get("/how-to").text)


def test_every_part_of_the_first_aid_names_its_guidance(client: FlaskClient) -> None:
    text = text_of(client.get("/how-to").text)
    written = (ROOT / "docs" / "guidance.md").read_text("utf-8")
    for key, source in GUIDANCE.items():
        assert f"{source.title}, {source.year or 'undated'}" in text
        assert f"| `{key}` | {source.title} | {source.year or 'undated'} |" in written
    for part, keys in FOLLOWS.items():
        rows = "\n".join(re.findall(rf"^\| {part} \|.*$", written, re.MULTILINE))
        assert keys
        for key in keys:
            assert f"`{key}` {GUIDANCE[key].year or 'undated'}" in rows, (part, key)
    assert {key for keys in FOLLOWS.values() for key in keys} == set(GUIDANCE)


def test_the_short_form_is_short_and_leads_to_the_long_one(app: Flask) -> None:
    with app.test_request_context("/"):
        html = render_template_string(
            '{% from "public/_firstaid.html" import press_and_pack with context %}'
            "{{ press_and_pack() }}"
        )
    assert 4 <= html.count("<li>") <= 6
    assert "999" in html
    assert 'href="/how-to"' in html
    assert len(gzip.compress(html.encode())) < 700


def _walk(client: FlaskClient) -> Iterator[tuple[str, str]]:
    """Follow every link of the public pages; plans take long and are not for the public.

    One kit stands for all; in the other languages one town does, and no poster is printed.
    """
    seen = {"/"}
    waiting = ["/"]
    while waiting:
        address = waiting.pop()
        response = client.get(address, buffered=True)
        assert "Set-Cookie" not in response.headers, address
        if response.mimetype != "text/html":
            continue
        yield address, response.text
        for found in re.findall(r'<a [^>]*href="(/[^"#]*)', response.text):
            path = found.replace("&amp;", "&")
            kind = re.sub(r"NN-\d+|(?<=./in/)[^?]+", "NN", path)
            kind = re.sub(r"^/[\w-]+(?=/kit/NN/poster)", "", kind)
            if kind not in seen and not re.match(r"(/[\w-]+)?/(plan|report)\b", path):
                seen.add(kind)
                waiting.append(path)


def test_no_page_sets_a_cookie_or_loads_anything_from_elsewhere(client: FlaskClient) -> None:
    walked = []
    for address, html in _walk(client):
        walked.append(address)
        loaded = re.findall(r'<(?:script|img|iframe|source|video|audio)[^>]* src="([^"]+)"', html)
        loaded += re.findall(r'<link[^>]* href="([^"]+)"', html)
        loaded += re.findall(r'<form[^>]* action="([^"]+)"', html)
        foreign = [a for a in loaded if not a.startswith("/") or a.startswith("//")]
        # a page may name its own full address for search engines and link previews
        assert [a for a in foreign if urllib.parse.urlsplit(a).hostname != "localhost"] == []
        for link in re.findall(r'<a [^>]*href="https?:[^>]*>', html):
            assert "noreferrer" in link or "noopener" in link, (address, link)
    assert {"/", "/map", "/data"} <= set(walked)


def _post(address: str, **fields: str) -> str:
    body = urllib.parse.urlencode(fields).encode()
    with urllib.request.urlopen(address, body, timeout=30) as response:  # noqa: S310  # our own
        assert "Set-Cookie" not in response.headers
        assert response.headers["Cache-Control"] == "no-store"
        return str(response.read().decode())


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A site of these tests' own, which some tell that a kit is gone."""
    with serve(tmp_path_factory.mktemp("site")) as running:
        yield running


def test_the_privacy_page_is_true_of_places(server: Server) -> None:
    """Ask with a location, a postcode and a street; then read all that the server wrote."""
    home = f"{server.address}/"
    assert "known to about 23 m" in _post(home, lat="52.241357", lon="-0.893246", accuracy="23")
    assert "Kits near NN2 6JX" in _post(home, place="nn2 6jx")
    _post(home, place="Semilong Road, Northampton")
    with urllib.request.urlopen(f"{server.address}/privacy", timeout=30) as page:  # noqa: S310
        text = text_of(page.read().decode())
    assert "It is in no log and in no file on our server." in text
    written = server.written().lower()
    # the registry holds streets of its own; the log holds none
    log = (server.folder / "log.txt").read_bytes().lower()
    for secret in (b"52.2413", b"0.8932", b"accuracy"):
        assert secret not in written
    for secret in (b"nn2 6jx", b"nn26jx", b"semilong"):
        assert secret not in log


def test_the_privacy_page_is_true_of_what_is_told(server: Server) -> None:
    """Tell of a kit; then look for who told it in all that the server wrote."""
    address = f"{server.address}/kit/NN-0001/tell"
    body = urllib.parse.urlencode({"finding": "used", "note": "zz taken to the ring road"})
    asked = urllib.request.Request(  # noqa: S310  # our own
        address,
        body.encode(),
        {"User-Agent": "zz-telltale-phone", "Accept-Language": "en-GB, zz-language"},
    )
    with urllib.request.urlopen(asked, timeout=30) as response:  # noqa: S310
        assert "Set-Cookie" not in response.headers
        assert "Thank you for telling us" in response.read().decode()
    kept = b"\n".join(
        path.read_bytes() for path in server.folder.rglob("*") if path.name.startswith("registry")
    )
    assert b"zz taken to the ring road" in kept
    for secret in (b"127.0.0", b"zz-telltale", b"zz-language"):
        assert secret not in kept
    log = (server.folder / "log.txt").read_bytes()
    for secret in (b"ring road", b"zz-telltale", b"NN-0001"):
        assert secret not in log


@pytest.fixture(scope="module")
def w3m() -> str:
    found = shutil.which("w3m")
    if found is None:
        missing("Needs w3m: apt install w3m.")
    return str(found)


def _read_as_text(w3m: str, address: str, post: Path | None = None) -> str:
    asked = ["-post", str(post)] if post else []
    done = subprocess.run(
        [w3m, "-dump", "-cols", "72", *asked, address], capture_output=True, text=True, check=True
    )
    return " ".join(done.stdout.split())


def test_a_text_browser_is_enough(server: Server, w3m: str, tmp_path: Path) -> None:
    home = _read_as_text(w3m, f"{server.address}/")
    assert "999" in home[:300]
    assert home.index("Press hard") < home.index("Where are you?")
    asked = tmp_path / "asked"
    asked.write_text("place=NN1+1DE", "utf-8")
    answer = _read_as_text(w3m, f"{server.address}/", asked)
    assert "Kits near NN1 1DE" in answer
    assert "Royal & Derngate theatre" in answer
    howto = _read_as_text(w3m, f"{server.address}/how-to")
    assert howto.index("Press hard with both hands") < howto.index("Deep wound? Pack it")
    assert "Never loosen it or take it off." in howto


SIZES = {"narrow": (320, 640), "desktop": (1280, 800)}


@pytest.fixture
def reader(browser: Browser, server: Server) -> Iterator[BrowserContext]:
    context = browser.new_context(base_url=server.address, locale="en-GB")
    yield context
    context.close()


def _open(context: BrowserContext, page: str, size: str = "narrow", scheme: str = "light") -> Page:
    opened = context.new_page()
    width, height = SIZES[size]
    opened.set_viewport_size({"width": width, "height": height})
    opened.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    opened.goto(page)
    return opened


@pytest.mark.browser
@pytest.mark.parametrize(("size", "scheme"), [("narrow", "light"), ("desktop", "dark")])
@pytest.mark.parametrize("page", OURS)
def test_axe_finds_nothing(reader: BrowserContext, page: str, size: str, scheme: str) -> None:
    opened = _open(reader, page, size, scheme)
    found = Axe().run(opened).response["violations"]
    assert [(f["id"], [n["html"] for n in f["nodes"]][:3]) for f in found] == []


@pytest.mark.browser
@pytest.mark.parametrize("page", OURS)
def test_nothing_is_cut_off(reader: BrowserContext, page: str) -> None:
    opened = _open(reader, page)
    assert opened.evaluate("document.documentElement.scrollWidth") <= 320
    opened.evaluate("document.documentElement.style.fontSize = '200%'")
    assert opened.evaluate("document.documentElement.scrollWidth") <= 320


@pytest.mark.browser
def test_drawings_are_seen(reader: BrowserContext) -> None:
    opened = _open(reader, "/how-to")
    drawings = opened.locator("svg.drawing").all()
    assert len(drawings) >= 10
    for drawing in drawings:
        box = drawing.bounding_box()
        assert box is not None
        assert box["width"] >= 120
        assert box["height"] >= 120
        # every colour of howto.css is there: a class without one would be drawn in nothing
        assert drawing.evaluate(
            "svg => [...svg.querySelectorAll('path, circle, ellipse')].every(shape => {"
            " const style = getComputedStyle(shape);"
            " return style.stroke !== 'none' || style.fill !== 'none'; })"
        )


@pytest.mark.browser
def test_the_steps_are_reached_with_the_keyboard(reader: BrowserContext) -> None:
    opened = _open(reader, "/how-to", "desktop")
    reached = set()
    for _ in range(25):
        opened.keyboard.press("Tab")
        href = opened.evaluate("document.activeElement.getAttribute('href')")
        reached.add(href)
        if href == "#tourniquet":
            break
    assert {"#main", "tel:999", "#press", "#pack", "#tourniquet"} <= reached
    opened.keyboard.press("Enter")
    opened.wait_for_function("location.hash === '#tourniquet'")
    heading = opened.locator("#tourniquet h2").bounding_box()
    bar = opened.locator(".bar").bounding_box()
    assert heading is not None
    assert bar is not None
    assert bar["y"] + bar["height"] <= heading["y"] < 400


@pytest.mark.browser
def test_it_prints_on_two_sheets(reader: BrowserContext) -> None:
    opened = _open(reader, "/how-to", "desktop", "dark")
    printed = PdfReader(BytesIO(opened.pdf(format="A4", prefer_css_page_size=True)))
    assert len(printed.pages) <= 2
    text = " ".join(" ".join(page.extract_text() for page in printed.pages).split())
    assert "Call 999 and put the phone on speaker" in text
    assert "Never loosen it" in text
    assert "No doctor, nurse or paramedic has checked this page yet" in text
